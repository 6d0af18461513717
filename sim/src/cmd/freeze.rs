//! What did chance do in this run, written down?

use std::io::Write;
use std::path::PathBuf;

use super::Failure;
use super::subject::{SubjectArgs, parse_seed};
use smolsock_sim::search::{frozen, keep};

/// Which run.
#[derive(clap::Args)]
#[command(after_help = "\
The file that is printed has everything that chance did to frames as faults, and leaves nothing to chance on its cables; \
its run is the same, frame for frame.

Exit code: 0 the run kept its promises, 1 it did not, 2 nothing was run.")]
pub(super) struct Args {
    #[command(flatten)]
    subject: SubjectArgs,
    /// What chance does: the same seed gives the same run [default: the scenario's]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = parse_seed)]
    seed: Option<u64>,
    /// Write to this new file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs it, and prints the scenario. Gives 0 if the run kept its promises, 1 if not.
pub(super) fn freeze(args: &Args, out: &mut impl Write) -> Result<u8, Failure> {
    let mut scenario = args.subject.read()?;
    scenario.seed = args.seed.unwrap_or(scenario.seed);
    let (frozen, run) = frozen(&scenario).map_err(|error| Failure::Refused(error.to_string()))?;
    let command =
        format!("smolsock freeze {}{} --seed {}", args.subject.words(), args.subject.bound_words(), scenario.seed);
    let document = keep::document(&frozen, &run.outcome.failures, &command);
    match &args.out {
        None => out.write_all(document.as_bytes())?,
        Some(path) => {
            let written = std::fs::File::create_new(path).and_then(|mut file| file.write_all(document.as_bytes()));
            written.map_err(|error| Failure::Refused(format!("cannot write {}: {error}", path.display())))?;
        }
    }
    Ok(u8::from(!run.outcome.passed))
}
