//! What does the command line say of the cable, and of its captures?

use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::BuildHasher;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::super::Failure;
use super::super::live::by_name;
use smolsock_sim::capture::{Format, LiveAbout, Wiretap};
use smolsock_sim::frame::Medium;
use smolsock_sim::link::{Impairments, Jitter, Loss, Queue};
use smolsock_sim::scenario::impair::{parse_jitter, parse_loss, parse_queue, print_jitter, print_loss};
use smolsock_sim::scenario::quantity::{parse_bps, parse_ns, parse_ppm, print_ns, print_ppm};

/// What the cable does to frames, in both directions.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "What the cable does to frames, each way")]
pub(in crate::cmd) struct Cable {
    /// Lose this share of them: 2%, 0.5%, 2500ppm; or bursts: "good-to-bad 1% bad-to-good 25%"
    #[arg(long, value_name = "SHARE|BURSTS", value_parser = parse_loss, allow_hyphen_values = true)]
    loss: Option<Loss>,
    /// Deliver them so much later: 20ms, 1.5s, 250us
    #[arg(long, value_name = "TIME", value_parser = parse_ns, allow_hyphen_values = true)]
    delay: Option<u64>,
    /// Deliver each up to so much later than that; they may overtake each other: 5ms, "5ms normal", "5ms pareto"
    #[arg(long, value_name = "TIME", value_parser = parse_jitter, allow_hyphen_values = true)]
    jitter: Option<Jitter>,
    /// Hold this share of them back, so that others overtake
    #[arg(long, value_name = "SHARE", value_parser = parse_ppm, allow_hyphen_values = true)]
    reorder: Option<u32>,
    /// For how long --reorder holds frames back [default: 10ms]
    #[arg(long, value_name = "TIME", value_parser = parse_ns, requires = "reorder", allow_hyphen_values = true)]
    reorder_delay: Option<u64>,
    /// Deliver this share of them twice
    #[arg(long, value_name = "SHARE", value_parser = parse_ppm, allow_hyphen_values = true)]
    duplicate: Option<u32>,
    /// Flip a bit in this share of them
    #[arg(long, value_name = "SHARE", value_parser = parse_ppm, allow_hyphen_values = true)]
    corrupt: Option<u32>,
    /// Make the checksums right again after --corrupt, so that only the application can notice
    #[arg(long, value_name = "true|false", requires = "corrupt", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    mend_checksum: Option<bool>,
    /// Carry no more than so much: 10Mbit/s, 500kbit/s
    #[arg(long, value_name = "RATE", value_parser = parse_bps, allow_hyphen_values = true)]
    rate: Option<u64>,
    /// Let so many frames wait for --rate; what finds no room is dropped; or a queue as in scenario files: "drop-tail bytes
    /// 64KiB", "codel target 5ms interval 100ms ecn" [default: 1000]
    #[arg(long, value_name = "FRAMES|QUEUE", requires = "rate", allow_hyphen_values = true, value_parser = parse_waiting)]
    queue: Option<Queue>,
    /// What chance does: the same seed does the same to the same frames [default: another one each time]
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = parse_seed)]
    seed: Option<u64>,
}

impl Cable {
    /// Whether it does anything to frames.
    pub(in crate::cmd) fn does_something(&self) -> bool {
        self.impairments() != Impairments::default()
    }

    /// Each way.
    pub(in crate::cmd) fn impairments(&self) -> Impairments {
        Impairments {
            loss: self.loss.filter(|loss| *loss != NO_LOSS).unwrap_or_default(),
            delay_ns: self.delay.unwrap_or(0),
            jitter: self.jitter.unwrap_or_default(),
            reorder_ppm: self.reorder.unwrap_or(0),
            reorder_delay_ns: self.reorder.map_or(0, |_| self.reorder_delay.unwrap_or(REORDER_DELAY_NS)),
            duplicate_ppm: self.duplicate.unwrap_or(0),
            corrupt_ppm: self.corrupt.unwrap_or(0),
            mend_checksum: self.mend_checksum.unwrap_or(false),
            rate_bps: self.rate.unwrap_or(0),
            queue: self.queue.unwrap_or_default(),
            ..Impairments::default()
        }
    }

    /// The same, where nothing else is asked for: `loss` and `delay_ns`.
    pub(in crate::cmd) fn or(self, loss_ppm: u32, delay_ns: u64) -> Cable {
        match self.does_something() {
            true => self,
            false if self.loss.is_some() || self.delay.is_some() => self,
            false => Cable { loss: Some(Loss::Bernoulli { ppm: loss_ppm }), delay: Some(delay_ns), ..self },
        }
    }

    /// The seed that was asked for, or one that nobody knows.
    pub(in crate::cmd) fn seed(&self) -> u64 {
        self.seed.unwrap_or_else(|| RandomState::new().hash_one(std::process::id()))
    }

    /// The same, with a seed that can be told.
    pub(in crate::cmd) fn with_seed(self) -> Cable {
        Cable { seed: Some(self.seed()), ..self }
    }

    /// `loses 2% and delays 20ms each way`.
    pub(in crate::cmd) fn in_words(&self) -> String {
        let loss = self.loss.map(|loss| format!("loses {}", print_loss(&loss)));
        let delay = self.delay.map(|nanos| format!("delays {}", print_ns(nanos)));
        let jitter = self.jitter.map(|jitter| format!("jitters {}", print_jitter(&jitter)));
        let shares = [("reorders", self.reorder), ("doubles", self.duplicate), ("damages", self.corrupt)];
        let shares = shares.into_iter().filter_map(|(what, ppm)| Some(format!("{what} {}", print_ppm(ppm?))));
        let words: Vec<String> = loss.into_iter().chain(shares).chain(delay).chain(jitter).collect();
        if words.is_empty() { "carries everything".to_owned() } else { format!("{} each way", words.join(" and ")) }
    }
}

/// Where a capture goes.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Capture")]
pub(in crate::cmd) struct Capture {
    /// Write a capture for Wireshark to this file while frames pass; with - to standard output, and text to standard error
    #[arg(long, value_name = "FILE|-")]
    pub(in crate::cmd) pcap: Option<PathBuf>,
    /// Its format [default: pcapng, and pcap for a FILE that ends in .pcap]
    #[arg(long, value_name = "pcapng|pcap", requires = "pcap")]
    pub(in crate::cmd) format: Option<Format>,
}

impl Capture {
    /// Whether the capture is what goes to standard output.
    pub(in crate::cmd) fn is_piped(&self) -> bool {
        self.pcap.as_deref() == Some(Path::new("-"))
    }

    /// The file, if it is one.
    pub(in crate::cmd) fn file(&self) -> Option<&Path> {
        self.pcap.as_deref().filter(|_| !self.is_piped())
    }

    /// Begins it, if one is asked for. `started`: see [`wall_now`].
    pub(in crate::cmd) fn begin(
        &self,
        medium: Medium,
        about: &LiveAbout,
        started: Duration,
    ) -> Result<Option<Wiretap<Box<dyn Write + Send>>>, Failure> {
        let Some(path) = &self.pcap else { return Ok(None) };
        let begin = |out: Box<dyn Write + Send>| {
            let format = self.format.unwrap_or_else(|| if self.is_piped() { Format::Pcapng } else { by_name(path) });
            Wiretap::begin(format, medium, about, started, out)
        };
        let tap = if self.is_piped() {
            // Not the stream that text is written to: that one is locked by the thread that writes it.
            standard_output().and_then(|out| begin(Box::new(out)))
        } else {
            File::create(path).and_then(|file| begin(Box::new(file)))
        };
        tap.map(Some).map_err(|error| Failure::Refused(format!("cannot write the capture {}: {error}", path.display())))
    }
}

/// Another way to standard output, without a lock.
fn standard_output() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

/// The time of day, since 1970.
pub(in crate::cmd) fn wall_now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn parse_seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("a seed is a whole number from 0 to {}", u64::MAX))
}

/// A queue, or just its frames.
fn parse_waiting(text: &str) -> Result<Queue, String> {
    let Ok(frames) = text.parse::<u64>() else { return parse_queue(text).map_err(|_| WAITING.to_owned()) };
    let frames = u32::try_from(frames).ok().filter(|frames| (1..=QUEUE_FRAMES_MAX).contains(frames));
    frames.map(Queue::of_frames).ok_or_else(|| WAITING.to_owned())
}

const WAITING: &str = "a number of frames from 1 to 1000000 is wanted, or a queue as in \"drop-tail frames 100 bytes 64KiB\" or \
                       \"codel target 5ms interval 100ms ecn\"";
const QUEUE_FRAMES_MAX: u32 = 1_000_000;
const NO_LOSS: Loss = Loss::Bernoulli { ppm: 0 };
const REORDER_DELAY_NS: u64 = 10_000_000;
