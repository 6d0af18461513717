//! How is a scenario run and told?

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Failure, Streams, directory, live, loss};
use smolsock_sim::Recording;
use smolsock_sim::capture;
use smolsock_sim::library::{self, Entry, Options, Run};
use smolsock_sim::nearest::nearest;
use smolsock_sim::observe::{Observation, observe};
use smolsock_sim::report::{Style, json, ladder, shell_word, summary::Summary, wrapped};
use smolsock_sim::scenario::Scenario;
use smolsock_sim::world::Watch;

/// Running text is not wider.
const WIDTH: usize = 100;
/// Hosts whose tables are shown, and rows of a table.
const HOSTS_MAX: usize = 3;
const ROWS_MAX: usize = 8;

/// Which scenario, and how.
#[derive(clap::Args)]
#[command(
    after_help = "Exit code: 0 the run kept its promises, 1 it did not, 2 nothing was run.\n--json, --full and --quiet exclude each other."
)]
pub(super) struct Args {
    /// The scenario; `smolsock list` names them. Or a file of your own: a path with a `/` or ending in `.toml`
    #[arg(value_name = "NAME|FILE")]
    name: String,
    /// What chance does: the same seed gives the same run [default: the scenario's, 1 if it names none]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = parse_seed)]
    seed: Option<u64>,
    /// Lose this share of frames on every link, instead of the scenario's own: 2%, 0.5%, or millionths (20000)
    #[arg(long, value_name = "PPM|PERCENT", value_parser = loss::parse_ppm, allow_hyphen_values = true)]
    loss: Option<u32>,
    /// Run it a second time: where that run is another one, this one fails
    #[arg(long)]
    twice: bool,
    #[command(flatten)]
    captures: live::Captures,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
    /// Print the verdict only
    #[arg(long, conflicts_with = "json")]
    quiet: bool,
    /// Print every frame: fold nothing
    #[arg(long, conflicts_with_all = ["json", "quiet"])]
    full: bool,
    /// Sequence numbers as they stand in the segments, instead of relative ones
    #[arg(long, conflicts_with_all = ["json", "quiet"])]
    absolute: bool,
}

/// Runs it. Gives 0 if the run did what it should, and 1 if not.
pub(super) fn run(args: &Args, streams: &mut Streams<'_, impl Write, impl Write>) -> Result<u8, Failure> {
    let scenario = load(&args.name)?;
    let options = Options { seed: args.seed.unwrap_or(scenario.seed), loss_ppm: args.loss };
    let scenario = options.apply(&scenario);
    if args.captures.is_piped() {
        can_pipe(args, streams.is_terminal)?;
    }
    // Before the run: nobody should wait for a result that cannot be written.
    if let Some(dir) = &args.captures.out {
        directory::prepare(dir).map_err(Failure::Refused)?;
    }
    let play = |watch: &mut dyn Watch| {
        let run = if args.twice {
            scenario.run_twice(Recording::Full, watch)
        } else {
            scenario.run_watched(Recording::Full, watch)
        };
        run.map_err(|error| Failure::Refused(error.to_string()))
    };
    let hosts: Vec<String> = scenario.hosts.iter().map(|host| host.name.clone()).collect();
    let run = args.captures.run(&hosts, about(args, &scenario), streams.out, play)?;
    let captures = match &args.captures.out {
        Some(dir) => write_captures(args, &scenario, &run, dir)?,
        None => args.captures.file().map(Path::to_owned).into_iter().collect(),
    };
    let observation = observe(&run.trace);
    let summary = Summary::of(&observation, run.virtual_end);
    let told = Told {
        args,
        scenario: &scenario,
        run: &run,
        captures: &captures,
        observation: &observation,
        summary: &summary,
    };
    if args.json {
        told.write_json(streams.out)?;
    } else if args.captures.is_piped() {
        told.write_text(streams.err, Style { colour: false })?;
    } else {
        told.write_text(streams.out, streams.style)?;
    }
    Ok(u8::from(!run.outcome.passed))
}

/// Whether standard output can take a capture.
fn can_pipe(args: &Args, is_terminal: bool) -> Result<(), Failure> {
    let why = match (args.json, is_terminal) {
        (true, _) => "--json and --pcap - both want standard output; --pcap FILE does not",
        (false, true) => {
            "standard output is a terminal, which shows no captures; add `| tshark -r -`, `| wireshark -k -i -`, or name a file"
        }
        (false, false) => return Ok(()),
    };
    Err(Failure::Refused(why.to_owned()))
}

fn parse_seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("a seed is a whole number from 0 to {}", u64::MAX))
}

/// The built-in scenario of this name, or the one of this file.
pub(super) fn load(name: &str) -> Result<Scenario, Failure> {
    if !name.contains('/') && !name.ends_with(".toml") {
        return find(name).map(|entry| entry.scenario.clone());
    }
    let text = std::fs::read_to_string(name).map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::InvalidData => "it is not text (UTF-8)".to_owned(),
            _ => error.to_string(),
        };
        Failure::Refused(format!("cannot read {name}: {why}"))
    })?;
    Scenario::parse(name, &text).map_err(|error| Failure::Refused(error.to_string()))
}

/// The built-in scenario of this name.
pub(super) fn find(name: &str) -> Result<&'static Entry, Failure> {
    if let Some(entry) = library::find(name) {
        return Ok(entry);
    }
    let hint = match nearest(name, library::all().iter().map(|entry| entry.name)) {
        Some(meant) => format!("did you mean {meant}?"),
        None => "`smolsock list` names them all".to_owned(),
    };
    Err(Failure::Refused(format!("there is no scenario {name:?}: {hint}")))
}

fn write_captures(args: &Args, scenario: &Scenario, run: &Run, dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    capture::write_files_as(args.captures.format(), &run.trace, &run.vantages, &about(args, scenario), dir)
        .map_err(|error| Failure::Refused(format!("cannot write captures to {}: {error}", dir.display())))
}

fn about(args: &Args, scenario: &Scenario) -> capture::About {
    let replay = replay(args, scenario);
    capture::About { scenario: scenario.name.clone(), seed: scenario.seed, replay }
}

/// The command line that gives the same run.
fn replay(args: &Args, scenario: &Scenario) -> String {
    let loss = args.loss.map_or_else(String::new, |ppm| format!(" --loss {ppm}"));
    format!("smolsock run {} --seed {}{loss}", shell_word(Path::new(&args.name)), scenario.seed)
}

/// A run and everything that is said about it.
struct Told<'a> {
    args: &'a Args,
    scenario: &'a Scenario,
    run: &'a Run,
    captures: &'a [PathBuf],
    observation: &'a Observation<'a>,
    summary: &'a Summary,
}

impl Told<'_> {
    fn write_json(&self, out: &mut impl Write) -> Result<(), Failure> {
        let about = json::About {
            scenario: &self.scenario.name,
            seed: self.scenario.seed,
            loss_ppm: self.args.loss,
            passed: self.run.outcome.passed,
            failures: &self.run.outcome.failures,
            notes: &self.run.notes,
            netstat: &self.run.netstat,
            captures: self.captures,
        };
        Ok(json::write(out, &about, self.observation, self.summary)?)
    }

    fn write_text(&self, out: &mut impl Write, style: Style) -> Result<(), Failure> {
        if self.args.quiet {
            return self.write_verdict(out);
        }
        let heading = format!("{}: {}", self.scenario.name, self.scenario.about);
        wrapped(&heading, WIDTH).iter().try_for_each(|line| writeln!(out, "{line}"))?;
        writeln!(out)?;
        let options = ladder::Options { full: self.args.full, absolute: self.args.absolute, style };
        ladder::write(out, self.observation, &self.run.notes, options)?;
        writeln!(out)?;
        self.summary.write(out, style)?;
        self.write_netstat(out)?;
        writeln!(out)?;
        self.write_verdict(out)?;
        writeln!(out, "Again:    {}", replay(self.args, self.scenario))?;
        self.write_captures(out)
    }

    /// What is in the hosts' tables; empty ones and long ones are not shown in full.
    fn write_netstat(&self, out: &mut impl Write) -> Result<(), Failure> {
        let (hosts_max, rows_max) = if self.args.full { (usize::MAX, usize::MAX) } else { (HOSTS_MAX, ROWS_MAX) };
        let tables = self.run.netstat.iter().filter(|(_, text)| text.lines().count() > 1);
        let tables: Vec<&(String, String)> = tables.collect();
        for (host, text) in tables.iter().take(hosts_max) {
            writeln!(out, "\nnetstat on {host}, when the applications had ended and all was quiet")?;
            let rows = text.lines().count() - 1;
            text.lines()
                .take(rows_max.saturating_add(1))
                .try_for_each(|line| writeln!(out, "  {}", line.trim_end()))?;
            if rows > rows_max {
                writeln!(out, "  … {} more, which --full shows", rows - rows_max)?;
            }
        }
        if tables.len() > hosts_max {
            writeln!(out, "\n… and on {} more hosts, which --full shows", tables.len() - hosts_max)?;
        }
        Ok(())
    }

    fn write_verdict(&self, out: &mut impl Write) -> Result<(), Failure> {
        let outcome = &self.run.outcome;
        if outcome.passed {
            let twice = if self.args.twice { ", twice the same" } else { "" };
            writeln!(out, "Passed:   {} with seed {}{twice}", self.scenario.name, self.scenario.seed)?;
        } else {
            writeln!(out, "FAILED:   {} with seed {}", self.scenario.name, self.scenario.seed)?;
        }
        for failure in &outcome.failures {
            writeln!(out, "  {failure}")?;
        }
        Ok(())
    }

    fn write_captures(&self, out: &mut impl Write) -> Result<(), Failure> {
        let [first, others @ ..] = self.captures else {
            if self.args.captures.is_piped() {
                return Ok(());
            }
            writeln!(out, "Captures: add --out DIR to write them for Wireshark")?;
            return Ok(());
        };
        writeln!(out, "Captures: {}", first.display())?;
        for other in others {
            writeln!(out, "          {}", other.display())?;
        }
        writeln!(out, "Open:     wireshark {}", shell_word(first))?;
        writeln!(out, "or:       tshark -t r -r {}", shell_word(first))?;
        Ok(())
    }
}
