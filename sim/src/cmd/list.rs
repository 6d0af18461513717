//! Which scenarios are there?

use std::io::Write;

use super::Failure;
use smolsock_sim::library;

/// One line for each scenario.
pub(super) fn list(out: &mut impl Write) -> Result<u8, Failure> {
    let width = library::all().iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    for entry in library::all() {
        writeln!(out, "{:<width$}  {}", entry.name, entry.scenario.about)?;
    }
    Ok(0)
}

/// The file of a scenario, to save and to change.
pub(super) fn show(name: &str, out: &mut impl Write) -> Result<u8, Failure> {
    out.write_all(super::run::find(name)?.text.as_bytes())?;
    Ok(0)
}
