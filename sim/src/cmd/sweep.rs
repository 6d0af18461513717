//! How do many seeds fare?

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use indicatif::{ProgressBar, ProgressStyle};

use super::subject::{SubjectArgs, parse_count, parse_jobs, parse_seed};
use super::{Failure, interrupt};
use smolsock_sim::report::shell_word;
use smolsock_sim::scenario::Scenario;
use smolsock_sim::search::{Record, Resumed, Shard, Sweep, Swept, in_order, measure, resume};

/// Which runs, and where their results go.
#[derive(clap::Args)]
#[command(after_help = "\
Each run is one line of JSON, in the order of the runs, the same for any --jobs. Shards are spread over machines: with \
--shard 1/8 to 8/8 the lines of all files together are those of the whole sweep.

Exit code: 0 all runs were good, 1 some failed, 2 nothing was run, 130 stopped by Ctrl-C.")]
pub(super) struct Args {
    #[command(flatten)]
    subject: SubjectArgs,
    /// How many seeds
    #[arg(long, value_name = "N", default_value_t = 1_000, allow_negative_numbers = true, value_parser = parse_count)]
    runs: u64,
    /// The seed of the first run; each other run has the next
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true, value_parser = parse_seed)]
    seed: u64,
    /// How many runs at once [default: one for each processor]
    #[arg(long, value_name = "J", allow_negative_numbers = true, value_parser = parse_jobs)]
    jobs: Option<NonZeroUsize>,
    /// Do only this part of the runs, as in 1/4
    #[arg(long, value_name = "I/N", default_value_t = Shard::WHOLE)]
    shard: Shard,
    /// Write the results to this new file instead of standard output
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    results: Option<PathBuf>,
    /// Go on with this file of results: runs that it has are not done again
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
}

/// Threads for `--jobs`, or one for each processor.
pub(super) fn jobs(asked: Option<NonZeroUsize>) -> NonZeroUsize {
    // A thousand threads are slower than ten, and may be more than the system gives.
    let limit = NonZeroUsize::MIN.saturating_add(JOBS_MAX - 1);
    asked.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN).min(limit)
}

/// Runs them. Gives 0 if all were good, 1 if not, 130 if it was stopped.
pub(super) fn sweep(args: &Args, out: &mut impl Write, err: &mut impl Write) -> Result<u8, Failure> {
    let scenario = args.subject.read()?;
    let digest = digest(&scenario);
    let plan = Sweep { scenario: &scenario.name, digest: &digest, first_seed: args.seed, runs: args.runs };
    let stop = interrupt::flag().map_err(Failure::Refused)?;
    let kept = match (&args.results, &args.resume) {
        (_, Some(path)) => resume(path, &plan).map_err(|error| Failure::Refused(error.to_string()))?,
        (Some(path), None) => fresh(path)?,
        (None, None) => {
            let mut tally = Tally::default();
            let swept = run(args, &scenario, plan, &BTreeSet::new(), stop, out, &mut tally)?;
            return tell(args, &tally, swept, None, err);
        }
    };
    let path = args.resume.as_deref().or(args.results.as_deref()).unwrap_or(Path::new(""));
    if kept.is_torn {
        writeln!(out, "The last line of {} is torn; its run is done again.", path.display())?;
    }
    let mut tally = Tally { kept: kept.done.len() as u64, failed: kept.failed, ..Tally::default() };
    let mut file = io::LineWriter::new(kept.file);
    let swept = run(args, &scenario, plan, &kept.done, stop, &mut file, &mut tally)?;
    tell(args, &tally, swept, Some(path), out)
}

/// An empty file for results; what is there already is not overwritten.
fn fresh(path: &Path) -> Result<Resumed, Failure> {
    let file = File::create_new(path).map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::AlreadyExists => "it is there already; --resume goes on with it".to_owned(),
            _ => error.to_string(),
        };
        Failure::Refused(format!("cannot write results to {}: {why}", path.display()))
    })?;
    Ok(Resumed { file, done: BTreeSet::new(), failed: 0, is_torn: false })
}

/// What is to be told at the end.
#[derive(Default)]
struct Tally {
    /// Runs that an earlier sweep had done.
    kept: u64,
    /// Runs of this sweep.
    ran: u64,
    failed: u64,
    /// The first that failed in this sweep: its seed, and what it says.
    first: Option<(u64, String)>,
    longest_ns: u64,
}

/// Does all runs that are not `done`, a line each to `lines`.
fn run(
    args: &Args,
    scenario: &Scenario,
    plan: Sweep<'_>,
    done: &BTreeSet<u64>,
    stop: &AtomicBool,
    lines: &mut impl Write,
    tally: &mut Tally,
) -> Result<Swept, Failure> {
    let numbers = args.shard.numbers(args.runs);
    // `count` of a range is not a loop.
    let bar = progress(numbers.size_hint().0 as u64, done.len() as u64);
    let mut problem = None;
    let work = |number| measure(scenario, plan.seed(number));
    let swept =
        in_order(numbers.filter(|number| !done.contains(number)), jobs(args.jobs), stop, work, |run, measured| {
            let seed = plan.seed(run);
            tally.ran += 1;
            tally.longest_ns = tally.longest_ns.max(measured.took_ns);
            if let Some(first) = measured.failures.first() {
                tally.failed += 1;
                tally.first.get_or_insert_with(|| (seed, first.clone()));
            }
            let record = Record::new(&plan, run, measured);
            bar.set_message(if tally.failed > 0 { format!(", {} failed", tally.failed) } else { String::new() });
            bar.inc(1);
            let written = serde_json::to_writer(&mut *lines, &record).map_err(io::Error::from);
            match written.and_then(|()| lines.write_all(b"\n")) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    problem = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
    bar.finish_and_clear();
    match problem {
        Some(error) => Err(Failure::Output(error)),
        None => Ok(swept),
    }
}

/// A bar on standard error, if that is a terminal.
pub(super) fn progress(all: u64, done: u64) -> ProgressBar {
    let bar = ProgressBar::new(all);
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len} runs{msg}, {per_sec}, {eta} left");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.set_position(done);
    bar.reset_eta();
    bar
}

/// The last words, and the exit code.
fn tell(args: &Args, tally: &Tally, swept: Swept, path: Option<&Path>, out: &mut impl Write) -> Result<u8, Failure> {
    let Tally { kept, ran, failed, .. } = tally;
    let before = if *kept > 0 { format!(" ({kept} were done before)") } else { String::new() };
    let longest = smolsock_sim::time::Time::from_nanos(tally.longest_ns);
    writeln!(out, "Runs:     {ran}{before}; {failed} failed; the longest took {longest}")?;
    let subject = args.subject.words();
    if let Some((seed, failure)) = &tally.first {
        writeln!(out, "Seed {seed}: {failure}")?;
        writeln!(out, "Again:    smolsock run {subject} --seed {seed}")?;
        writeln!(out, "Smallest: smolsock minimize {subject} --seed {seed}{} --out found", args.subject.bound_words())?;
    }
    if swept == Swept::Part {
        let how = match path {
            Some(path) => format!("; the same with --resume {} goes on", shell_word(path)),
            None => String::new(),
        };
        writeln!(out, "Stopped{how}")?;
        return Ok(interrupt::STOPPED);
    }
    Ok(u8::from(*failed > 0))
}

/// FNV-1a of the scenario as a file; its own seed is of no matter, as each run has another.
fn digest(scenario: &Scenario) -> String {
    let text = Scenario { seed: 0, ..scenario.clone() }.to_toml();
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

/// More threads are of no use to anybody.
const JOBS_MAX: usize = 1_024;
