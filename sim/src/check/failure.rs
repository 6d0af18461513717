//! What came of a check, and how is it told?

use std::error::Error;
use std::fmt;
use std::fs;
use std::path::Path;

use crate::report::{Style, shell_word, thousands};
use crate::scenario::{Run, Scenario, ScenarioError};
use crate::search::keep::{self, Files, Find};
use crate::search::told_changes;
use crate::time::Time;

/// All runs were good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Passed {
    /// How many there were.
    pub runs: u64,
    /// Frames on all cables in all of them.
    pub frames: u64,
    /// Of these, those that never arrived.
    pub dropped: u64,
    /// When the last application ended in the run that took longest.
    pub longest: Time,
}

impl Passed {
    pub(super) fn add(&mut self, run: &Run) {
        self.runs += 1;
        self.frames += run.totals.frames;
        self.dropped += run.totals.dropped;
        self.longest = self.longest.max(run.apps_ended_at);
    }
}

/// Why a check did not pass.
#[derive(Debug)]
pub enum CheckError {
    /// There is nothing to run: why.
    Setup(String),
    /// A run failed.
    Failed(Box<Failure>),
}

impl CheckError {
    pub(super) fn setup(error: ScenarioError) -> Self {
        Self::Setup(error.to_string())
    }
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CheckError::Setup(what) => f.write_str(what),
            CheckError::Failed(failure) => failure.fmt(f),
        }
    }
}

impl Error for CheckError {}

/// A run that failed, and the least that makes it fail.
#[derive(Debug)]
#[non_exhaustive]
pub struct Failure {
    /// How many runs before it were good.
    pub good: u64,
    /// The network with the seed and the faults that are left, and without chances; without faults and with its chances, if
    /// the search has failed.
    pub scenario: Scenario,
    /// Its run: failures, trace, notes.
    pub run: Run,
    /// How it was found; or why nothing could be left out.
    pub search: Result<Search, String>,
}

/// How the least was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Search {
    /// What chance did, as a number of faults.
    pub before: usize,
    /// How many changes over time the network had: cuts, crashes and so on, and their ends.
    pub changes_before: usize,
    /// Runs that it took.
    pub runs: u64,
    /// Nothing can be left out or be simpler; if not, the budget was used up.
    pub is_minimal: bool,
}

impl Failure {
    /// Writes scenario, ladder and a capture of each host to `dir`, which is made.
    ///
    /// # Errors
    /// The first file that could not be written, and why.
    pub fn write(&self, dir: &Path) -> Result<Files, keep::KeepError> {
        write(&self.scenario, &self.run, &self.again(dir), dir)
    }

    fn again(&self, dir: &Path) -> String {
        replay_line(&keep::scenario_path(&self.scenario, dir), &self.scenario.name)
    }

    /// [`write`](Failure::write), and the lines of the report about it.
    pub(super) fn written(&self, dir: &Path) -> String {
        paths(self.write(dir), &self.again(dir))
    }
}

/// The report, but for the files.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scenario { name, seed, faults, .. } = &self.scenario;
        let before = match self.good {
            0 => String::new(),
            1 => "; one before it is good".to_owned(),
            good => format!("; {} before it are good", thousands(good)),
        };
        writeln!(f, "{name}: seed {seed} fails{before}")?;
        failures(f, &self.run.outcome.failures)?;
        match &self.search {
            Err(why) => writeln!(f, "What the network did could not be made less: {why}.")?,
            Ok(Search { before, changes_before, runs, is_minimal }) => {
                let (had, runs) = (counted(*before), thousands(*runs));
                match faults.len() {
                    0 => writeln!(f, "It has {had}, and fails without any ({runs} runs).")?,
                    left if left == *before => writeln!(f, "It has {had}, and none can be left out ({runs} runs):")?,
                    1 => writeln!(f, "It has {had}, of which 1 in its simplest form is enough ({runs} runs):")?,
                    left => {
                        writeln!(f, "It has {had}, of which {left} in their simplest form are enough ({runs} runs):")?
                    }
                }
                told_faults(f, &self.scenario)?;
                told_changes(&self.scenario, *changes_before).iter().try_for_each(|line| writeln!(f, "{line}"))?;
                if !is_minimal {
                    writeln!(f, "The search was not finished: there may be less. `Check::budget` gives it more runs.")?;
                }
            }
        }
        head_of_story(f, &self.run)
    }
}

/// What came of a file that was played again.
#[derive(Debug)]
#[non_exhaustive]
pub struct Replayed {
    /// The failures that the file names.
    pub known: Vec<String>,
    /// What was played.
    pub scenario: Scenario,
    /// What came of it.
    pub run: Run,
}

impl Replayed {
    /// Whether it fails with the same sentences as the file says.
    pub fn fails_the_same(&self) -> bool {
        !self.known.is_empty() && keep::is_same(&self.known, &self.run.outcome.failures)
    }

    /// Writes its files to `dir`; gives the lines of the report about it. `path`: the file that was played.
    pub(super) fn written(&self, dir: &Path, path: &Path) -> String {
        let again = replay_line(path, &self.scenario.name);
        paths(write(&self.scenario, &self.run, &again, dir), &again)
    }
}

/// The verdict, and what happened.
impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = &self.run.outcome.failures;
        writeln!(f, "{}: {}", self.scenario.name, keep::verdict(&self.known, now))?;
        failures(f, if now.is_empty() { &self.known } else { now })?;
        writeln!(f, "Seed {}, and {}:", self.scenario.seed, counted(self.scenario.faults.len()))?;
        told_faults(f, &self.scenario)?;
        head_of_story(f, &self.run)
    }
}

/// Each with its further lines below it.
fn failures(f: &mut fmt::Formatter<'_>, failures: &[String]) -> fmt::Result {
    failures.iter().try_for_each(|failure| writeln!(f, "  {}", failure.replace('\n', "\n    ")))
}

fn told_faults(f: &mut fmt::Formatter<'_>, scenario: &Scenario) -> fmt::Result {
    let mut faults = scenario.faults.iter();
    faults.try_for_each(|fault| writeln!(f, "  cable {}, {}: {}", fault.cable, fault.direction, fault.fault))
}

/// The first lines of ladder and summary, between empty lines.
fn head_of_story(f: &mut fmt::Formatter<'_>, run: &Run) -> fmt::Result {
    if run.trace.frames.is_empty() {
        return Ok(());
    }
    let story = String::from_utf8(keep::story(run, Style::default())).map_err(|_| fmt::Error)?;
    let count = story.lines().count();
    writeln!(f)?;
    story.lines().take(LINES_MAX).try_for_each(|line| writeln!(f, "{line}"))?;
    if count > LINES_MAX {
        writeln!(f, "  … {} more lines", thousands((count - LINES_MAX) as u64))?;
    }
    writeln!(f)
}

fn write(scenario: &Scenario, run: &Run, again: &str, dir: &Path) -> Result<Files, keep::KeepError> {
    fs::create_dir_all(dir).map_err(|error| keep::KeepError { path: dir.to_owned(), source: error.into() })?;
    let by = format!("cargo test {0}. Its applications are in that test: {again}", scenario.name);
    keep::write(&Find { scenario, run, by: &by }, again, dir)
}

/// Where the files are, and how it is played again.
fn paths(files: Result<Files, keep::KeepError>, again: &str) -> String {
    match files {
        Err(error) => format!("No files: {error}\n"),
        Ok(files) => {
            let captures: String =
                files.captures.iter().map(|path| format!("Capture:  {}\n", path.display())).collect();
            let open = files.captures.first().map(|path| format!("Open:     wireshark {}\n", shell_word(path)));
            let (scenario, ladder) = (files.scenario.display(), files.ladder.display());
            let open = open.unwrap_or_default();
            format!("Scenario: {scenario}\nLadder:   {ladder}\n{captures}Again:    {again}\n{open}")
        }
    }
}

fn replay_line(path: &Path, name: &str) -> String {
    // Cargo runs tests in the directory of their package, which may not be that of the shell.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    format!("SMOLSOCK_REPLAY={} cargo test {name}", shell_word(&path))
}

fn counted(faults: usize) -> String {
    match faults {
        1 => "1 fault".to_owned(),
        count => format!("{} faults", thousands(count as u64)),
    }
}

/// Of ladder and summary in a report.
const LINES_MAX: usize = 40;
