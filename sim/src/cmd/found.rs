//! How is a failing run kept, so that it can be read, replayed and opened?

use std::fs;
use std::io::Write;
use std::path::Path;

use super::Failure;
use super::run::shell_word;
use smolsock_sim::capture;
use smolsock_sim::observe::observe;
use smolsock_sim::report::summary::Summary;
use smolsock_sim::report::{Style, ladder};
use smolsock_sim::scenario::{Run, Scenario};

/// A run, and where it comes from.
pub(super) struct Found<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) run: &'a Run,
    /// The command line that found it.
    pub(super) by: &'a str,
}

/// Longer ladders are in the file only.
const LINES_MAX: usize = 60;

/// The beginning of the line of a scenario file that says how it fails.
const FAILS: &str = "# Fails: ";

/// Writes scenario, ladder and captures to `dir`, and says so.
pub(super) fn write(found: &Found<'_>, dir: &Path, out: &mut impl Write, style: Style) -> Result<(), Failure> {
    let Found { scenario, run, by } = found;
    let file = |ending: &str| dir.join(format!("{}.{ending}", scenario.name));
    let refused = |path: &Path, error: &dyn std::fmt::Display| {
        Failure::Refused(format!("cannot write {}: {error}", path.display()))
    };
    let (toml, text) = (file("toml"), file("txt"));
    fs::write(&toml, document(scenario, &run.outcome.failures, by)).map_err(|error| refused(&toml, &error))?;
    let ladder = told(run, Style::default())?;
    fs::write(&text, &ladder).map_err(|error| refused(&text, &error))?;
    let again = format!("smolsock replay {}", shell_word(&toml));
    let about = capture::About { scenario: scenario.name.clone(), seed: scenario.seed, replay: again.clone() };
    let captures =
        capture::write_files(&run.trace, &run.vantages, &about, dir).map_err(|error| refused(dir, &error))?;
    if ladder.iter().filter(|byte| **byte == b'\n').count() <= LINES_MAX {
        writeln!(out)?;
        out.write_all(&told(run, style)?)?;
        writeln!(out)?;
    }
    writeln!(out, "Scenario: {}", toml.display())?;
    writeln!(out, "Ladder:   {}", text.display())?;
    for capture in &captures {
        writeln!(out, "Capture:  {}", capture.display())?;
    }
    writeln!(out, "Again:    {again}")?;
    if let Some(first) = captures.first() {
        writeln!(out, "Open:     wireshark {}", shell_word(first))?;
    }
    Ok(())
}

/// The file of a scenario, with a head that says where it comes from and how it fails.
pub(super) fn document(scenario: &Scenario, failures: &[String], by: &str) -> String {
    let one_line = |text: &str| text.replace(['\n', '\r'], " ");
    let fails: String = failures.iter().map(|failure| format!("{FAILS}{}\n", one_line(failure))).collect();
    format!("# Found by: {}\n{fails}{}", one_line(by), scenario.to_toml())
}

/// How the file of a scenario says that it fails.
pub(super) fn failures(document: &str) -> Vec<String> {
    let head = document.lines().take_while(|line| line.starts_with('#'));
    head.filter_map(|line| line.strip_prefix(FAILS)).map(str::to_owned).collect()
}

/// Ladder and summary.
fn told(run: &Run, style: Style) -> Result<Vec<u8>, Failure> {
    let observation = observe(&run.trace);
    let mut text = Vec::new();
    ladder::write(&mut text, &observation, &run.notes, ladder::Options { full: false, absolute: false, style })?;
    writeln!(text)?;
    Summary::of(&observation, run.virtual_end).write(&mut text, style)?;
    Ok(text)
}
