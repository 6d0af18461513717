//! Do cables change when they are told to, and queues decide in time?

use super::*;
use crate::app::bulk::{Reading, receiver, sender};
use crate::link::{Loss, Queue};
use crate::trace::{DropReason, FrameRecord};
use crate::world::{Ending, Recording};

const STREAM_BYTES: usize = 200_000;

/// One datagram a millisecond for a second over a cable that takes 2 ms, with these changes.
fn datagrams(changes: &[(u64, Change)]) -> Ending {
    let mut world = World::with_medium(1, crate::Medium::Ip);
    let a = world.host("a", &["192.0.2.1/24"]).expect("a good host");
    let b = world.host("b", &["192.0.2.2/24"]).expect("a good host");
    let cable = Impairments { delay_ns: 2_000_000, ..Impairments::default() };
    world.cable("ab", a, b, cable).expect("a good cable");
    for (ms, change) in changes {
        world.at(Time::from_millis(*ms), change.clone()).expect("a good change");
    }
    world.app(a, "sender", |host| async move {
        let socket = smolsock::task::UdpSocket::bind(&host, "0.0.0.0:9".parse()?)?;
        for _ in 0..1_000 {
            socket.send_to(&[0; 972], "192.0.2.2:9".parse()?).await?;
            host.sleep(std::time::Duration::from_millis(1)).await;
        }
        Ok(())
    });
    world.daemon(b, "receiver", |host| async move {
        let socket = smolsock::task::UdpSocket::bind(&host, "0.0.0.0:9".parse()?)?;
        loop {
            socket.recv_from(&mut [0; 1_000]).await?;
        }
    });
    world.run(Time::from_secs(60))
}

/// When the frames of the first host were sent, in ms, of which this holds.
fn sent_ms(ending: &Ending, is_wanted: impl Fn(&FrameRecord) -> bool) -> Vec<u64> {
    let wanted = ending.trace.frames.iter().filter(|frame| frame.from == NodeId(0) && is_wanted(frame));
    wanted.map(|frame| frame.sent_at.as_nanos() / 1_000_000).collect()
}

fn is_cut(frame: &FrameRecord) -> bool {
    frame.fate.drop == Some(DropReason::LinkDown)
}

fn cut() -> Change {
    Change::Cut { cable: "ab".into(), ways: Ways::Both }
}

fn heal() -> Change {
    Change::Heal { cable: "ab".into(), ways: Ways::Both }
}

#[test]
fn a_cut_cable_loses_frames_until_it_is_healed() {
    let ending = datagrams(&[(100, cut()), (300, heal())]);
    assert_eq!(sent_ms(&ending, is_cut), (100..300).collect::<Vec<_>>());
    assert_eq!(sent_ms(&ending, |frame| frame.fate.drop.is_some()).len(), 200);
    // The one that was sent a millisecond before the cut arrives a millisecond after it.
    let last = ending.trace.frames.iter().find(|frame| frame.sent_at == Time::from_millis(99)).expect("it was sent");
    assert_eq!(last.fate.copies[0].at, Time::from_millis(101));
}

#[test]
fn a_flapping_cable_flaps_and_only_the_way_that_is_cut_is_cut() {
    let both = |ways| {
        let changes = (0..50).flat_map(|n| {
            let cable = || "ab".to_owned();
            [(n * 20, Change::Cut { cable: cable(), ways }), (n * 20 + 10, Change::Heal { cable: cable(), ways })]
        });
        datagrams(&changes.collect::<Vec<_>>())
    };
    let expected: Vec<u64> = (0..1_000).filter(|ms| ms % 20 < 10).collect();
    assert_eq!(sent_ms(&both(Ways::Both), is_cut), expected);
    assert_eq!(sent_ms(&both(Ways::Forward), is_cut), expected);
    assert!(sent_ms(&both(Ways::Back), is_cut).is_empty());
}

#[test]
fn delay_rate_and_loss_change_at_their_time() {
    let impair = |to| Change::Impair { cable: "ab".into(), ways: Ways::Forward, to };
    let changes = [
        (200, impair(Impairments { delay_ns: 7_000_000, ..Impairments::default() })),
        // 1,000 bytes are out after 0.8 ms.
        (400, impair(Impairments { rate_bps: 10_000_000, ..Impairments::default() })),
        (600, impair(Impairments { loss: Loss::Bernoulli { ppm: 1_000_000 }, ..Impairments::default() })),
        (800, impair(Impairments::default())),
    ];
    let ending = datagrams(&changes);
    let took_ns = |frame: &FrameRecord| frame.fate.copies.first().map(|copy| copy.at.ns_since(frame.sent_at));
    let of = |ns: Option<u64>| sent_ms(&ending, |frame| took_ns(frame) == ns);
    assert_eq!(of(Some(2_000_000)), (0..200).collect::<Vec<_>>());
    assert_eq!(of(Some(7_000_000)), (200..400).collect::<Vec<_>>());
    assert_eq!(of(Some(800_000)), (400..600).collect::<Vec<_>>());
    assert_eq!(of(None), (600..800).collect::<Vec<_>>());
    assert_eq!(of(Some(0)), (800..1_000).collect::<Vec<_>>());
}

/// A stream of 200 kB at 2 Mbit/s through a queue.
fn transfer(queue: Queue, recording: Recording, limit: Time) -> Ending {
    let mut world = World::new(1);
    world.set_recording(recording);
    let a = world.host("a", &["192.0.2.1/24"]).expect("a good host");
    let b = world.host("b", &["192.0.2.2/24"]).expect("a good host");
    let cable = Impairments { rate_bps: 2_000_000, delay_ns: 5_000_000, queue, ..Impairments::default() };
    world.cable("ab", a, b, cable).expect("a good cable");
    world.app(b, "receiver", |host| receiver(host, ([0, 0, 0, 0], 80).into(), 1, STREAM_BYTES, Reading::EAGER));
    world.app(a, "sender", |host| sender(host, ([192, 0, 2, 2], 80).into(), 1, STREAM_BYTES));
    world.run(limit)
}

const CODEL: Queue = Queue::CoDel { target_ns: 10_000_000, interval_ns: 50_000_000, frames: 1_000, ecn: false };

#[test]
fn a_stream_through_codel_arrives_and_waits_for_less() {
    let longest_ns = |ending: &Ending| ending.trace.frames.iter().map(|frame| frame.fate.queued_ns).max();
    let drops =
        |ending: &Ending| ending.trace.frames.iter().filter(|frame| frame.fate.drop == Some(DropReason::CoDel)).count();
    let (codel, tail) = (
        transfer(CODEL, Recording::Full, Time::from_secs(60)),
        transfer(Queue::default(), Recording::Full, Time::from_secs(60)),
    );
    for ending in [&codel, &tail] {
        assert!(ending.failures.is_empty(), "{:?}", ending.failures);
        assert!(ending.trace.frames.iter().all(|frame| !frame.fate.is_waiting()));
    }
    assert!(drops(&codel) > 0 && drops(&tail) == 0);
    assert!(longest_ns(&codel) < longest_ns(&tail), "{:?} {:?}", longest_ns(&codel), longest_ns(&tail));
}

#[test]
fn a_run_with_a_deciding_queue_is_the_same_every_time_recorded_or_not() {
    let run = |recording| transfer(CODEL, recording, Time::from_secs(60));
    let (once, twice, silent) = (run(Recording::Full), run(Recording::Full), run(Recording::Off));
    assert!(once.trace == twice.trace);
    assert_eq!((once.ended_at, once.netstat), (silent.ended_at, silent.netstat));
}

#[test]
fn what_waits_when_the_run_is_over_is_decided() {
    let ending = transfer(CODEL, Recording::Full, Time::from_millis(150));
    assert!(!ending.failures.is_empty(), "nothing has ended by then");
    let last = ending.trace.frames.iter().flat_map(|frame| &frame.fate.copies).map(|copy| copy.at).max();
    assert!(last > Some(Time::from_millis(170)), "frames waited: {last:?}");
    assert!(ending.trace.frames.iter().all(|frame| !frame.fate.is_waiting()));
}

#[test]
fn a_change_of_no_cable_or_beyond_its_range_is_refused_by_name() {
    let mut world = World::new(1);
    let a = world.host("a", &["192.0.2.1/24"]).expect("a good host");
    let b = world.host("b", &["192.0.2.2/24"]).expect("a good host");
    let unknown = world.at(Time::ZERO, cut()).expect_err("there is none yet");
    assert_eq!(unknown.to_string(), "no cable is called ab");
    world.cable("ab", a, b, Impairments::default()).expect("a good cable");
    let to = Impairments { loss: Loss::Bernoulli { ppm: 1_000_001 }, ..Impairments::default() };
    let bad = world.at(Time::ZERO, Change::Impair { cable: "ab".into(), ways: Ways::Both, to }).expect_err("too much");
    assert_eq!(bad.to_string(), "ab: loss ppm is 1000001; it counts frames in a million and is at most 1000000");
}

#[test]
fn changes_survive_json() {
    let changes = vec![
        Change::Cut { cable: "ab".into(), ways: Ways::Forward },
        Change::Heal { cable: "ab".into(), ways: Ways::Both },
        Change::Impair {
            cable: "ab".into(),
            ways: Ways::Back,
            to: Impairments { queue: CODEL, ..Impairments::default() },
        },
    ];
    let text = serde_json::to_string(&changes).expect("plain data");
    assert_eq!(serde_json::from_str::<Vec<Change>>(&text).expect("own output"), changes);
}
