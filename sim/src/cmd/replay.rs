//! Does this file still fail in the same way?

use std::io::Write;
use std::path::PathBuf;

use super::found::{self, Found};
use super::{Failure, directory};
use smolsock_sim::Recording;
use smolsock_sim::report::{Style, shell_word};
use smolsock_sim::search::keep;

/// Which file.
#[derive(clap::Args)]
#[command(after_help = "\
Exit code: 0 the run kept its promises, 1 it did not, 2 nothing was run.")]
pub(super) struct Args {
    /// A scenario file that `smolsock minimize` or `smolsock freeze` wrote, or any other
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write the scenario, captures and ladder of this run to this directory; files of the same names are overwritten
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs it. Gives 0 if it kept its promises, 1 if not.
pub(super) fn replay(args: &Args, out: &mut impl Write, style: Style) -> Result<u8, Failure> {
    let name = args.file.display().to_string();
    let document = std::fs::read_to_string(&args.file)
        .map_err(|error| Failure::Refused(format!("cannot read {name}: {error}")))?;
    let scenario = smolsock_sim::scenario::Scenario::parse(&name, &document)
        .map_err(|error| Failure::Refused(error.to_string()))?;
    if let Some(dir) = &args.out {
        directory::prepare(dir).map_err(Failure::Refused)?;
    }
    let run = scenario.run(Recording::Full).map_err(|error| Failure::Refused(error.to_string()))?;
    let (known, failures) = (keep::failures(&document), &run.outcome.failures);
    writeln!(out, "{}", keep::verdict(&known, failures))?;
    let told = if failures.is_empty() { &known } else { failures };
    told.iter().try_for_each(|failure| writeln!(out, "  {failure}"))?;
    for fault in &scenario.faults {
        writeln!(out, "  cable {}, {}: {}", fault.cable, fault.direction, fault.fault)?;
    }
    if let Some(dir) = &args.out {
        let by = format!("smolsock replay {}", shell_word(&args.file));
        found::write(&Found { scenario: &scenario, run: &run, by: &by }, dir, out, style)?;
    }
    Ok(u8::from(!run.outcome.passed))
}
