//! How is a failing run kept, so that it can be read, replayed and opened?

use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::capture;
use crate::observe::observe;
use crate::report::summary::Summary;
use crate::report::{Style, ladder};
use crate::scenario::{Run, Scenario};

/// A run that is worth keeping.
#[derive(Debug, Clone, Copy)]
pub struct Find<'a> {
    /// What was played.
    pub scenario: &'a Scenario,
    /// What came of it.
    pub run: &'a Run,
    /// The command that found it.
    pub by: &'a str,
}

/// The files of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// `NAME.toml`.
    pub scenario: PathBuf,
    /// `NAME.txt`: ladder and summary.
    pub ladder: PathBuf,
    /// One of each host.
    pub captures: Vec<PathBuf>,
}

/// A file could not be written.
#[derive(Debug)]
pub struct KeepError {
    /// The file, or the directory.
    pub path: PathBuf,
    /// The reason.
    pub source: Box<dyn Error>,
}

/// Where [`write()`] puts the scenario.
pub fn scenario_path(scenario: &Scenario, dir: &Path) -> PathBuf {
    dir.join(format!("{}.toml", scenario.name))
}

/// Writes scenario, ladder and captures to `dir`, which is there. `again`: the command that gives the same run.
///
/// # Errors
/// The first file that could not be written.
pub fn write(find: &Find<'_>, again: &str, dir: &Path) -> Result<Files, KeepError> {
    let Find { scenario, run, by } = find;
    let toml = scenario_path(scenario, dir);
    let text = dir.join(format!("{}.txt", scenario.name));
    put(&toml, document(scenario, &run.outcome.failures, by).as_bytes())?;
    put(&text, &story(run, Style::default()))?;
    let about = capture::About { scenario: scenario.name.clone(), seed: scenario.seed, replay: again.to_owned() };
    let captures = capture::write_files(&run.trace, &run.vantages, &about, dir);
    let captures = captures.map_err(|error| KeepError { path: error.path, source: error.source.into() })?;
    Ok(Files { scenario: toml, ladder: text, captures })
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), KeepError> {
    fs::write(path, bytes).map_err(|error| KeepError { path: path.to_owned(), source: error.into() })
}

/// The file of a scenario, with a head that says where it comes from and how it fails.
pub fn document(scenario: &Scenario, failures: &[String], by: &str) -> String {
    let fails: String = failures.iter().map(|failure| format!("{FAILS}{}\n", one_line(failure))).collect();
    format!("# Found by: {}\n{fails}{}", one_line(by), scenario.to_toml())
}

/// How the file of a scenario says that it fails.
pub fn failures(document: &str) -> Vec<String> {
    let head = document.lines().take_while(|line| line.starts_with('#'));
    head.filter_map(|line| line.strip_prefix(FAILS)).map(str::to_owned).collect()
}

/// What a run of a file says of it: `known` are the failures that the file names, `failures` those of the run.
pub fn verdict(known: &[String], failures: &[String]) -> &'static str {
    match (known.is_empty(), failures.is_empty()) {
        (_, false) if is_same(known, failures) => "Fails in the same way:",
        (false, false) => "Fails, but in another way than the file says:",
        (true, false) => "Fails, of which the file says nothing:",
        (false, true) => "Does not fail any more, as the file says it did:",
        (true, true) => "Keeps its promises.",
    }
}

/// Whether the failures of a run are those that its file names.
pub fn is_same(known: &[String], failures: &[String]) -> bool {
    known.len() == failures.len() && known.iter().zip(failures).all(|(one, two)| *one == one_line(two))
}

/// Ladder and summary.
pub fn story(run: &Run, style: Style) -> Vec<u8> {
    let observation = observe(&run.trace);
    let mut text = Vec::new();
    let told: io::Result<()> = (|| {
        ladder::write(&mut text, &observation, &run.notes, ladder::Options { full: false, absolute: false, style })?;
        text.push(b'\n');
        Summary::of(&observation, run.virtual_end).write(&mut text, style)
    })();
    debug_assert!(told.is_ok(), "a vector takes what it is given: {told:?}");
    text
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// The beginning of the line of a scenario file that says how it fails.
const FAILS: &str = "# Fails: ";

/// `cannot write found/ab.toml: No space left on device`.
impl fmt::Display for KeepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write {}: {}", self.path.display(), self.source)
    }
}

impl Error for KeepError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
