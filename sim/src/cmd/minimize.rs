//! What is the least that makes this scenario fail, or take too long?

use std::io::Write;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use indicatif::ProgressBar;

use super::found::{self, Found};
use super::subject::{SubjectArgs, parse_count, parse_jobs, parse_seed};
use super::{Failure, directory, interrupt, sweep};
use smolsock_sim::report::{Style, thousands};
use smolsock_sim::scenario::Scenario;
use smolsock_sim::search::{Budget, Measured, Reduced, Swept, in_order, measure, reduce, told_changes};
use smolsock_sim::time::Time;

/// Where to look, and for how long.
#[derive(clap::Args)]
#[command(after_help = "\
Looks for a seed with which the scenario fails, writes down what chance did in that run as a list of faults, and leaves out \
and simplifies faults, outages and crashes until none can be. Then it tries whether fewer drops would do. The result is written to DIR as \
NAME.toml, with a capture of each host and the ladder.

Exit code: 0 no run failed, 1 one did (a broken promise, or the bound), 2 nothing was run, 130 stopped by Ctrl-C.")]
pub(super) struct Args {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Take this seed and no other [default: the first that fails, from 1 on]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = parse_seed)]
    seed: Option<u64>,
    /// How many seeds are tried at most
    #[arg(long, value_name = "N", default_value_t = 10_000, conflicts_with = "seed", allow_negative_numbers = true, value_parser = parse_count)]
    runs: u64,
    /// How many of them at once [default: one for each processor]
    #[arg(long, value_name = "J", allow_negative_numbers = true, value_parser = parse_jobs)]
    jobs: Option<NonZeroUsize>,
    /// How many runs minimizing may take; as many again to try fewer drops
    #[arg(long, value_name = "N", default_value_t = 20_000, allow_negative_numbers = true, value_parser = parse_count)]
    budget: u64,
    /// Write the scenario, captures and ladder to this directory; files of the same names are overwritten
    #[arg(long, value_name = "DIR", default_value = "found")]
    out: PathBuf,
}

/// Searches. Gives 1 if a run failed, 0 if none did, 130 if it was stopped before.
pub(super) fn minimize(args: &Args, out: &mut impl Write, style: Style) -> Result<u8, Failure> {
    let mut scenario = args.subject.read()?;
    directory::prepare(&args.out).map_err(Failure::Refused)?;
    let stop = interrupt::flag().map_err(Failure::Refused)?;
    let (seed, measured) = match first_failing(args, &scenario, stop) {
        Search::Found(seed, measured) => (seed, measured),
        Search::Nothing { runs, longest } => return nothing(runs, longest, out),
        Search::Stopped => {
            writeln!(out, "Stopped before a run failed")?;
            return Ok(interrupt::STOPPED);
        }
    };
    scenario.seed = seed;
    let failure = measured.failures.first().map_or("", String::as_str);
    writeln!(out, "Seed {seed}: {failure}")?;
    out.flush()?;
    let budget = Budget { runs: args.budget, fewest_runs: args.budget };
    let bar = ProgressBar::new_spinner();
    let reduced = reduce(&scenario, budget, stop, &mut |left, runs| {
        bar.set_message(format!("{left} faults and changes left, {runs} runs"));
        bar.tick();
    });
    bar.finish_and_clear();
    let reduced = reduced.map_err(|error| Failure::Refused(error.to_string()))?;
    explain(&reduced, out)?;
    let command = format!("smolsock minimize {}{} --seed {seed}", args.subject.words(), args.subject.bound_words());
    let found = Found { scenario: &reduced.scenario, run: &reduced.run, by: &command };
    found::write(&found, &args.out, out, style)?;
    Ok(if reduced.is_stopped { interrupt::STOPPED } else { 1 })
}

/// What came of trying seeds.
enum Search {
    /// One failed: the seed, and what came out.
    Found(u64, Measured),
    /// All were good.
    Nothing {
        runs: u64,
        longest: Time,
    },
    Stopped,
}

fn first_failing(args: &Args, scenario: &Scenario, stop: &AtomicBool) -> Search {
    let seeds = match args.seed {
        Some(seed) => seed..=seed,
        None => 1..=args.runs,
    };
    let bar = sweep::progress(args.seed.map_or(args.runs, |_| 1), 0);
    let (mut found, mut runs, mut longest) = (None, 0, Time::ZERO);
    let work = |seed| measure(scenario, seed);
    let swept = in_order(seeds, sweep::jobs(args.jobs), stop, work, |seed, measured| {
        bar.inc(1);
        runs += 1;
        longest = longest.max(Time::from_nanos(measured.took_ns));
        if measured.failures.is_empty() {
            return ControlFlow::Continue(());
        }
        found = Some((seed, measured));
        ControlFlow::Break(())
    });
    bar.finish_and_clear();
    match (found, swept) {
        (Some((seed, measured)), _) => Search::Found(seed, measured),
        (None, Swept::Whole) => Search::Nothing { runs, longest },
        (None, Swept::Part) => Search::Stopped,
    }
}

fn nothing(runs: u64, longest: Time, out: &mut impl Write) -> Result<u8, Failure> {
    writeln!(out, "No run failed: {} tried, the longest took {longest}.", thousands(runs))?;
    writeln!(out, "Try a lower --bound, more --loss, or more --runs.")?;
    Ok(0)
}

/// What was left out, what is left, and whether less would do.
fn explain(reduced: &Reduced, out: &mut impl Write) -> Result<(), Failure> {
    let Reduced { scenario, before, runs, .. } = reduced;
    let left = scenario.faults.len();
    let runs = counted(*runs, "run");
    match (*before, left) {
        (0, _) => writeln!(out, "It has no faults, and fails nevertheless.")?,
        (1, 0) => writeln!(out, "It has 1 fault, and fails without it ({runs}).")?,
        (1, _) => writeln!(out, "It has 1 fault, which in its simplest form is needed ({runs}):")?,
        (_, 0) => {
            writeln!(out, "It has {}, and fails without any of them ({runs}).", counted(*before as u64, "fault"))?
        }
        (_, 1) => writeln!(
            out,
            "It has {}, of which 1 in its simplest form is enough ({runs}):",
            counted(*before as u64, "fault")
        )?,
        _ => writeln!(
            out,
            "It has {}, of which {left} in their simplest form are enough ({runs}):",
            counted(*before as u64, "fault")
        )?,
    }
    for fault in &scenario.faults {
        writeln!(out, "  cable {}, {}: {}", fault.cable, fault.direction, fault.fault)?;
    }
    for line in told_changes(scenario, reduced.changes_before) {
        writeln!(out, "{line}")?;
    }
    let is_quiet = scenario.changes.is_empty() && scenario.power.is_empty();
    let no = if is_quiet { "No" } else { "With these changes no" };
    match reduced.excluded {
        0 => {}
        1 => writeln!(out, "{no} single drop does it: all were tried.")?,
        most => writeln!(out, "{no} set of up to {most} drops does it: all were tried.")?,
    }
    if !reduced.is_minimal {
        writeln!(out, "The search was not finished: there may be less. --budget gives it more runs.")?;
    }
    Ok(())
}

/// `1 run`, `1,136 runs`.
fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", thousands(count), if count == 1 { "" } else { "s" })
}
