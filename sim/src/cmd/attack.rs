//! What do the hostile achieve?

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Failure, Streams};
use smolsock_sim::Recording;
use smolsock_sim::attack::{self, Attack, Report, Scale, table};
use smolsock_sim::capture::{self, About};
use smolsock_sim::trace::{NodeId, NodeKind};

/// Which attacks, and how much of them.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  smolsock attack                       all of them, as the table of the README
  smolsock attack blind-rst --scale 0.01
  smolsock attack --scale 0.01 --out attacks
                                        a hundredth, with captures of the first frames
  smolsock attack --check README.md     are these still the figures?

Time is virtual and chance is seeded: the figures are the same everywhere.

Exit code: 0 all bounds held, 1 one was missed or the file says otherwise, 2 nothing was run.")]
pub(super) struct Args {
    /// The attacks; all, if none is named
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Name the attacks instead of running them
    #[arg(long)]
    list: bool,
    /// How much of the full load
    #[arg(long, value_name = "PART", default_value = "1", value_parser = parse_scale)]
    scale: Scale,
    /// Write captures of each host to DIR/NAME: the first 5,000 frames
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// One document on standard output instead of the table
    #[arg(long)]
    json: bool,
    /// Compare with the table in FILE
    #[arg(long, value_name = "FILE", conflicts_with_all = ["names", "scale", "update"])]
    check: Option<PathBuf>,
    /// Write the table into FILE, between its marks
    #[arg(long, value_name = "FILE", conflicts_with_all = ["names", "scale"])]
    update: Option<PathBuf>,
}

/// A part of the load: 0.01, 1, 2.
fn parse_scale(text: &str) -> Result<Scale, String> {
    match text.parse::<f64>() {
        Ok(part) if part.is_finite() && part > 0.0 && part <= SCALE_MAX => Ok(Scale::of(part)),
        _ => Err(format!("a part of the full load, above 0 and at most {SCALE_MAX}: 0.01")),
    }
}

/// What `--json` says of one.
#[derive(Serialize)]
struct Row<'r> {
    name: &'r str,
    load: &'r str,
    bound: &'r str,
    result: &'r str,
    missed: &'r [String],
}

impl<'r> Row<'r> {
    fn of(report: &'r Report) -> Self {
        let Report { name, load, bound, result, missed, .. } = report;
        Self { name, load, bound, result, missed }
    }
}

/// Runs them. Gives 0 if all bounds held, 1 if not.
pub(super) fn attack(args: &Args, streams: &mut Streams<'_, impl Write, impl Write>) -> Result<u8, Failure> {
    let chosen = chosen(&args.names)?;
    if args.list {
        let width = chosen.iter().map(|attack| attack.name.len()).max().unwrap_or(0);
        for attack in chosen {
            writeln!(streams.out, "{:<width$}  {}", attack.name, attack.about)?;
        }
        return Ok(0);
    }
    // A file that cannot be read or has no place for the table is found out before the run.
    let file = args.check.as_ref().or(args.update.as_ref()).map(|path| read(path)).transpose()?;
    if !args.json {
        streams.out.write_all(table::HEAD.as_bytes())?;
    }
    let (mut rows, mut reports, mut code) = (String::new(), Vec::new(), 0);
    for attack in chosen {
        let report = run(args, attack, streams)?;
        let row = table::row(&report);
        if !args.json {
            streams.out.write_all(row.as_bytes())?;
            streams.out.flush()?;
        }
        for sentence in &report.missed {
            writeln!(streams.err, "{}: {sentence}", report.name)?;
        }
        code |= u8::from(!report.missed.is_empty());
        rows.push_str(&row);
        reports.push(report);
    }
    if args.json {
        write_json(&reports, streams.out)?;
    }
    match (file, &args.update) {
        (None, _) => {}
        (Some((path, text)), Some(_)) => {
            let text = table::replaced(&text, &rows).map_err(|why| Failure::Refused(format!("{path}: {why}")))?;
            fs::write(&path, text).map_err(|error| Failure::Refused(format!("{path}: {error}")))?;
        }
        (Some((path, text)), None) => {
            let other = table::replaced(&text, &rows).map_err(|why| Failure::Refused(format!("{path}: {why}")))?;
            if other != text {
                writeln!(streams.err, "{path} has other figures; `smolsock attack --update {path}` writes these")?;
                code = 1;
            }
        }
    }
    Ok(code)
}

fn chosen(names: &[String]) -> Result<Vec<Attack>, Failure> {
    if names.is_empty() {
        return Ok(attack::all());
    }
    let find = |name: &String| {
        let unknown = || Failure::Refused(format!("no attack is called {name}; `smolsock attack --list` names them"));
        attack::named(name).ok_or_else(unknown)
    };
    names.iter().map(find).collect()
}

fn read(path: &Path) -> Result<(String, String), Failure> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| Failure::Refused(format!("{name}: {error}")))?;
    table::within(&text).map_err(|why| Failure::Refused(format!("{name}: {why}")))?;
    Ok((name, text))
}

fn run(args: &Args, attack: Attack, streams: &mut Streams<'_, impl Write, impl Write>) -> Result<Report, Failure> {
    let recording = if args.out.is_some() { Recording::First(CAPTURED_FRAMES) } else { Recording::Off };
    let report = attack.run(args.scale, recording).map_err(|error| Failure::Refused(error.to_string()))?;
    if let Some(out) = &args.out {
        let trace = &report.ending.trace;
        let is_host = |(_, node): &(usize, &smolsock_sim::trace::Node)| matches!(node.kind, NodeKind::Host { .. });
        let hosts: Vec<NodeId> = trace.nodes.iter().enumerate().filter(is_host).map(|(i, _)| NodeId(i)).collect();
        let about = About {
            scenario: attack.name.into(),
            seed: attack::SEED,
            replay: format!("smolsock attack {} --out {}", attack.name, out.display()),
        };
        let files = capture::write_files(trace, &hosts, &about, &out.join(attack.name));
        for file in files.map_err(|error| Failure::Refused(error.to_string()))? {
            writeln!(streams.err, "Capture: {}", file.display())?;
        }
    }
    Ok(report)
}

fn write_json(reports: &[Report], out: &mut impl Write) -> Result<(), Failure> {
    let rows: Vec<Row<'_>> = reports.iter().map(Row::of).collect();
    serde_json::to_writer_pretty(&mut *out, &rows).map_err(|error| Failure::Output(error.into()))?;
    writeln!(out)?;
    Ok(())
}

/// Enough to see how an attack begins and what it meets with.
const CAPTURED_FRAMES: usize = 5_000;
/// A hundred million frames take hours.
const SCALE_MAX: f64 = 100.0;
