//! How is a failing run kept and shown?

use std::io::Write;
use std::path::Path;

use super::Failure;
use smolsock_sim::report::{Style, shell_word};
use smolsock_sim::scenario::{Run, Scenario};
use smolsock_sim::search::keep::{self, Files, Find};

/// A run, and where it comes from.
pub(super) struct Found<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) run: &'a Run,
    /// The command line that found it.
    pub(super) by: &'a str,
}

/// Longer ladders are in the file only.
const LINES_MAX: usize = 60;

/// Writes scenario, ladder and captures to `dir`, and says so.
pub(super) fn write(found: &Found<'_>, dir: &Path, out: &mut impl Write, style: Style) -> Result<(), Failure> {
    let Found { scenario, run, by } = *found;
    let again = format!("smolsock replay {}", shell_word(&keep::scenario_path(scenario, dir)));
    let files = keep::write(&Find { scenario, run, by }, &again, dir);
    let Files { scenario, ladder, captures } = files.map_err(|error| Failure::Refused(error.to_string()))?;
    let story = keep::story(run, style);
    if story.iter().filter(|byte| **byte == b'\n').count() <= LINES_MAX {
        writeln!(out)?;
        out.write_all(&story)?;
        writeln!(out)?;
    }
    writeln!(out, "Scenario: {}", scenario.display())?;
    writeln!(out, "Ladder:   {}", ladder.display())?;
    for capture in &captures {
        writeln!(out, "Capture:  {}", capture.display())?;
    }
    writeln!(out, "Again:    {again}")?;
    if let Some(first) = captures.first() {
        writeln!(out, "Open:     wireshark {}", shell_word(first))?;
    }
    Ok(())
}
