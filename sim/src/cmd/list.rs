//! Which scenarios are there?

use std::io::Write;

use super::Failure;
use smolsock_sim::library;

/// One line for each scenario.
pub(super) fn list(out: &mut impl Write) -> Result<u8, Failure> {
    let width = library::all().iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    for entry in library::all() {
        writeln!(out, "{:<width$}  {}", entry.name, entry.sentence)?;
    }
    Ok(0)
}
