//! Can this run have happened on these cables?

use std::io::Write;

use super::Failure;
use super::subject::{SubjectArgs, parse_seed};
use smolsock_sim::Recording;
use smolsock_sim::report::thousands;
use smolsock_sim::verify::verify as impossible;

/// Which run.
#[derive(clap::Args)]
#[command(after_help = "\
A second implementation, which shares no code with the first, measures every frame by the cables: nothing arrives too early, \
altered or from nowhere, and nothing is lost without a reason.

Exit code: 0 the run was possible and kept its promises, 1 it was not, or broke one, 2 nothing was run.")]
pub(super) struct Args {
    #[command(flatten)]
    subject: SubjectArgs,
    /// What chance does: the same seed gives the same run [default: the scenario's]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = parse_seed)]
    seed: Option<u64>,
}

/// Runs it, and measures it. Gives 0 if all is well, 1 if not.
pub(super) fn verify(args: &Args, out: &mut impl Write) -> Result<u8, Failure> {
    let mut scenario = args.subject.read()?;
    scenario.seed = args.seed.unwrap_or(scenario.seed);
    let run = scenario.run(Recording::Full).map_err(|error| Failure::Refused(error.to_string()))?;
    let broken = impossible(&run.trace, &run.links).err().unwrap_or_default();
    let frames = thousands(run.trace.frames.len() as u64);
    match broken.is_empty() {
        true => writeln!(out, "Possible:   {frames} frames of {} with seed {}", scenario.name, scenario.seed)?,
        false => writeln!(out, "IMPOSSIBLE: {} with seed {}", scenario.name, scenario.seed)?,
    }
    for sentence in broken.iter().chain(&run.outcome.failures) {
        writeln!(out, "  {sentence}")?;
    }
    Ok(u8::from(!broken.is_empty() || !run.outcome.passed))
}
