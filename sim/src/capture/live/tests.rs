//! Is what comes out while a run goes on what it gives in the end?

use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::app::bulk::{Reading, receiver, sender};
use crate::capture::write_as;
use crate::frame::Medium;
use crate::link::{Impairments, Jitter, Loss, Shape};
use crate::world::{Ending, World};

fn about() -> About {
    About { scenario: "live".into(), seed: 3, replay: "cargo test live".into() }
}

/// A transfer of 30,000 bytes over a cable that does everything to frames, under the eyes of `watch`.
fn run(medium: Medium, watch: &mut dyn Watch) -> Ending {
    let mut world = World::with_medium(3, medium);
    let client = world.host("client", &["192.0.2.1/24"]).expect("a good host");
    let server = world.host("server", &["192.0.2.2/24"]).expect("a good host");
    let cable = Impairments {
        rate_bps: 10_000_000,
        delay_ns: 2_000_000,
        jitter: Jitter { ns: 500_000, shape: Shape::Uniform },
        loss: Loss::Bernoulli { ppm: 50_000 },
        duplicate_ppm: 50_000,
        reorder_ppm: 50_000,
        reorder_delay_ns: 3_000_000,
        ..Impairments::default()
    };
    world.cable("ab", client, server, cable).expect("a good cable");
    world.app(server, "receiver", |host| receiver(host, ([0, 0, 0, 0], 9).into(), 1, 30_000, Reading::EAGER));
    world.app(client, "sender", |host| sender(host, ([192, 0, 2, 2], 9).into(), 1, 30_000));
    let ending = world.run_watched(Time::from_secs(600), watch);
    assert!(ending.failures.is_empty(), "{:?}", ending.failures);
    ending
}

#[test]
fn a_live_capture_is_that_of_the_whole_trace() {
    for medium in [Medium::Ethernet, Medium::Ip] {
        for format in Format::ALL {
            for name in ["client", "server"] {
                let mut live = Vec::new();
                let mut watch = Live::new(name, about(), format, &mut live);
                let ending = run(medium, &mut watch);
                watch.finish(&ending.trace).expect("memory has room");
                let mut whole = Vec::new();
                let vantage = ending.trace.node_named(name).expect("it is there");
                write_as(format, &ending.trace, vantage, &about(), &mut whole).expect("memory has room");
                assert!(live == whole, "{medium:?} {format} {name}: {} and {} bytes", live.len(), whole.len());
            }
        }
    }
}

#[test]
fn a_watched_run_is_the_same_run() {
    let mut watch = Live::new("client", about(), Format::Pcap, io::sink());
    assert!(run(Medium::Ethernet, &mut watch).trace == run(Medium::Ethernet, &mut None::<Live<io::Sink>>).trace);
}

/// Notes after each moment how many bytes had been handed over.
struct Progress<'l> {
    live: Live<&'l mut Handed>,
    handed: Rc<RefCell<usize>>,
    steps: Vec<(Time, usize)>,
}

impl Watch for Progress<'_> {
    fn after(&mut self, trace: &Trace, now: Time) {
        self.live.after(trace, now);
        self.steps.push((now, *self.handed.borrow()));
    }
}

#[derive(Default)]
struct Handed {
    bytes: Rc<RefCell<usize>>,
    /// Fails after so many writes.
    writes_left: Option<usize>,
}

impl Write for Handed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(left) = &mut self.writes_left {
            *left = left.checked_sub(1).ok_or(io::ErrorKind::BrokenPipe)?;
        }
        *self.bytes.borrow_mut() += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn frames_are_handed_over_in_the_moment_in_which_they_are_seen() {
    let mut out = Handed::default();
    let handed = Rc::clone(&out.bytes);
    let live = Live::new("client", about(), Format::Pcap, &mut out);
    let mut progress = Progress { live, handed: Rc::clone(&handed), steps: Vec::new() };
    let ending = run(Medium::Ethernet, &mut progress);
    let client = ending.trace.node_named("client").expect("it is there");
    let seen = crate::capture::vantage::sightings(&ending.trace, client);
    for (now, handed) in progress.steps {
        let until_now = seen.iter().filter(|sighting| sighting.at <= now);
        let expected = 24 + until_now.map(|sighting| 16 + sighting.bytes.len()).sum::<usize>();
        assert_eq!(handed, expected, "after {now}");
    }
}

#[test]
fn a_pipe_that_closes_ends_the_capture_and_not_the_run() {
    for writes in [0, 1, 20] {
        let mut out = Handed { writes_left: Some(writes), ..Handed::default() };
        let mut live = Live::new("server", about(), Format::Pcapng, &mut out);
        let ending = run(Medium::Ethernet, &mut live);
        let error = live.finish(&ending.trace).expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}

#[test]
fn a_vantage_that_is_not_there_is_named() {
    let mut live = Live::new("router", about(), Format::Pcap, io::sink());
    let ending = run(Medium::Ethernet, &mut live);
    let error = live.finish(&ending.trace).expect_err("there is none");
    assert_eq!(error.to_string(), "the trace has no node \"router\"");
}
