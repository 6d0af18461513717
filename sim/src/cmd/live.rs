//! How is a capture written to a file or a pipe while the run goes on?

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Failure;
use smolsock_sim::capture::{About, Format, Live};
use smolsock_sim::library::Run;
use smolsock_sim::time::Time;
use smolsock_sim::trace::Trace;
use smolsock_sim::world::Watch;

/// What is asked of captures.
#[derive(clap::Args)]
pub(super) struct Captures {
    /// Write captures for Wireshark to this directory: one file per host, of many hosts the telling ones; files of other
    /// runs stay
    #[arg(long, value_name = "DIR", group = "written")]
    pub(super) out: Option<PathBuf>,
    /// Write one capture to this file while the run goes on; with - to standard output, and the story to standard error
    #[arg(long, value_name = "FILE|-", group = "written")]
    pcap: Option<PathBuf>,
    /// Format of captures: pcapng, or classic pcap for tools that read nothing else [default: pcapng, and pcap for a FILE
    /// that ends in .pcap]
    #[arg(long, value_name = "pcapng|pcap", requires = "written")]
    format: Option<Format>,
    /// Whose capture --pcap writes [default: the first host's]
    #[arg(long, value_name = "HOST", requires = "pcap")]
    vantage: Option<String>,
    /// Let virtual time pass as real time while --pcap writes; 10: ten times as fast, 0.1: slow motion
    #[arg(long, value_name = "FACTOR", requires = "pcap", num_args = 0..=1, default_missing_value = "1", value_parser = Factor::parse, allow_hyphen_values = true)]
    realtime: Option<Factor>,
}

impl Captures {
    /// The format of files in a directory.
    pub(super) fn format(&self) -> Format {
        self.format.unwrap_or_default()
    }

    /// Whether the capture is what goes to standard output.
    pub(super) fn is_piped(&self) -> bool {
        self.pcap.as_deref() == Some(Path::new("-"))
    }

    /// The file that is written while the run goes on.
    pub(super) fn file(&self) -> Option<&Path> {
        self.pcap.as_deref().filter(|_| !self.is_piped())
    }

    /// Runs with `play`, which is told who looks on. The capture goes to `out` if that is asked.
    pub(super) fn run(
        &self,
        hosts: &[String],
        about: About,
        out: &mut impl Write,
        play: impl FnOnce(&mut dyn Watch) -> Result<Run, Failure>,
    ) -> Result<Run, Failure> {
        let vantage = self.vantage(hosts)?;
        let clock = self.realtime.map(RealTime::new);
        if self.is_piped() {
            let live = Live::new(vantage, about, self.format(), out);
            return watched(clock, live, play, Failure::Output);
        }
        let Some(path) = self.file() else { return play(&mut None::<Live<File>>) };
        let refused = |error| Failure::Refused(format!("cannot write the capture {}: {error}", path.display()));
        let file = File::create(path).map_err(refused)?;
        let format = self.format.unwrap_or_else(|| by_name(path));
        watched(clock, Live::new(vantage, about, format, file), play, refused)
    }

    /// Whose capture is written.
    fn vantage<'n>(&'n self, hosts: &'n [String]) -> Result<&'n str, Failure> {
        let Some(wanted) = &self.vantage else { return Ok(hosts.first().map_or("", String::as_str)) };
        if hosts.contains(wanted) {
            return Ok(wanted);
        }
        let known = hosts.join(", ");
        Err(Failure::Refused(format!("there is no host {wanted:?} in this scenario: its hosts are {known}")))
    }
}

/// `.pcap` is classic, whatever else is pcapng.
pub(super) fn by_name(path: &Path) -> Format {
    let is_classic = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("pcap"));
    if is_classic { Format::Pcap } else { Format::Pcapng }
}

fn watched<W: Write>(
    clock: Option<RealTime>,
    live: Live<W>,
    play: impl FnOnce(&mut dyn Watch) -> Result<Run, Failure>,
    failed: impl FnOnce(io::Error) -> Failure,
) -> Result<Run, Failure> {
    let mut paced = Paced { clock, live };
    let run = play(&mut paced)?;
    paced.live.finish(&run.trace).map_err(failed)?;
    Ok(run)
}

/// A capture whose frames are held back until their time has come.
struct Paced<W: Write> {
    clock: Option<RealTime>,
    live: Live<W>,
}

impl<W: Write> Watch for Paced<W> {
    fn after(&mut self, trace: &Trace, now: Time) {
        // Nobody waits for timers that send nothing, nor when nobody reads any more.
        if let Some(clock) = &self.clock
            && self.live.has_news(trace, now)
        {
            clock.wait_for(now);
        }
        self.live.after(trace, now);
    }
}

/// How much faster than real time virtual time passes.
#[derive(Clone, Copy, PartialEq)]
struct Factor(f64);

impl Factor {
    fn parse(text: &str) -> Result<Factor, String> {
        let factor = text.parse().ok().filter(|factor| (FACTOR_MIN..=FACTOR_MAX).contains(factor));
        factor.map(Factor).ok_or_else(|| format!("a number from {FACTOR_MIN} to {FACTOR_MAX} is wanted"))
    }
}

const FACTOR_MIN: f64 = 0.001;
const FACTOR_MAX: f64 = 1_000_000.0;

/// Waits until as much real time has passed as virtual time. What happens in the run does not depend on it.
struct RealTime {
    factor: Factor,
    started: Instant,
}

impl RealTime {
    fn new(factor: Factor) -> RealTime {
        RealTime { factor, started: Instant::now() }
    }

    fn wait_for(&self, now: Time) {
        let due = Duration::from_nanos(now.as_nanos()).div_f64(self.factor.0);
        std::thread::sleep(due.saturating_sub(self.started.elapsed()));
    }
}
