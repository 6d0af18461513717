//! Does the queue keep to the law of RFC 8289?

use crate::frame::tests::udp;
use crate::frame::{IpVersion, Medium};
use crate::link::{Cable, Departure, Direction, Impairments, Link, Queue};
use crate::observe::dissect::dissect;
use crate::time::Time;
use crate::trace::{DropReason, Fate};

const MILLISECOND: u64 = 1_000_000;

/// 1,250 bytes are out in 1 ms.
fn link(queue: Queue) -> Link {
    let mut link = Cable::new("ab", Medium::Ip, 7).link(Direction::Forward).clone();
    link.set_impairments(Impairments { rate_bps: 10_000_000, queue, ..Impairments::default() }).expect("in range");
    link
}

fn codel(frames: u32, ecn: bool) -> Queue {
    Queue::CoDel { target_ns: 5_000_000, interval_ns: 100_000_000, frames, ecn }
}

/// What became of a frame, and when its turn had come.
struct Outcome {
    turn_at: Time,
    fate: Fate,
    frame: Vec<u8>,
}

/// Sends frame `n` at `times[n]`, and asks the queue whenever it wants to be asked.
fn play(link: &mut Link, sends: impl Iterator<Item = (Time, Vec<u8>)>) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let turns_until = |link: &mut Link, until: Time, outcomes: &mut Vec<Outcome>| {
        while let Some(at) = link.next_turn().filter(|at| *at <= until) {
            let departures = link.take_turn(at);
            let outcome = |Departure { fate, frame, .. }| Outcome { turn_at: at, fate, frame };
            outcomes.extend(departures.into_iter().map(outcome));
        }
    };
    for (at, frame) in sends {
        turns_until(link, at, &mut outcomes);
        let fate = link.send(at, &frame);
        if !fate.is_waiting() {
            outcomes.push(Outcome { turn_at: at, fate, frame });
        }
    }
    turns_until(link, Time::MAX, &mut outcomes);
    outcomes
}

/// `count` frames of 1,250 bytes, one every `every_ns`.
fn load(count: u64, every_ns: u64) -> impl Iterator<Item = (Time, Vec<u8>)> {
    (0..count).map(move |n| (Time::from_nanos(n * every_ns), vec![0; 1_250]))
}

fn drops(outcomes: &[Outcome]) -> Vec<u64> {
    let is_drop = |outcome: &&Outcome| outcome.fate.drop == Some(DropReason::CoDel);
    outcomes.iter().filter(is_drop).map(|outcome| outcome.turn_at.as_nanos()).collect()
}

#[test]
fn under_constant_overload_drops_follow_the_control_law() {
    // Twice the rate. Frame n is sent at n/2 ms and has its turn at n ms: the tenth has waited for 5 ms. An interval later
    // the first is dropped; the k-th one after it another interval divided by the root of k later, at the next turn.
    let outcomes = play(&mut link(codel(u32::MAX, false)), load(4_000, MILLISECOND / 2));
    let first_ns = 110 * MILLISECOND;
    let mut due_ns = first_ns as f64;
    let mut expected = vec![first_ns];
    for count in 1..100 {
        due_ns += 100e6 / f64::from(count).sqrt();
        expected.push((due_ns / MILLISECOND as f64 - 1e-4).ceil() as u64 * MILLISECOND);
    }
    assert_eq!(drops(&outcomes)[..100], expected);
    assert_eq!(expected[1..5], [210, 281, 339, 389].map(|ms| ms * MILLISECOND), "100, 70.7, 57.7 and 50 ms");
}

#[test]
fn nothing_is_dropped_while_waits_are_short() {
    // Bursts of five: the last one waits for 4 ms, less than the target, and the queue is never empty for long.
    let sends = (0..20_000).map(|n| (Time::from_millis(n / 5 * 5), vec![0; 1_250]));
    assert!(drops(&play(&mut link(codel(1_000, false)), sends)).is_empty());
    // 3 ms too long, but for less than an interval.
    let sends = (0..90).map(|n| (Time::from_nanos(n * 9 * MILLISECOND / 10), vec![0; 1_250]));
    let outcomes = play(&mut link(codel(1_000, false)), sends);
    assert!(drops(&outcomes).is_empty());
    assert!(outcomes.iter().any(|outcome| outcome.fate.queued_ns > 8 * MILLISECOND), "it was a test");
}

#[test]
fn a_standing_queue_shrinks_to_the_target() {
    // 5 % too much for ever, after a burst of 200 frames: half a million frames.
    let burst = (0..200).map(|_| (Time::ZERO, vec![0; 1_250]));
    let all = || burst.clone().chain(load(500_000, MILLISECOND * 20 / 21));
    let mean_wait_ms = |queue: Queue| {
        let outcomes = play(&mut link(queue), all());
        let late = outcomes.iter().filter(|outcome| outcome.turn_at > Time::from_secs(30));
        let waits: Vec<u64> =
            late.filter(|outcome| outcome.fate.drop.is_none()).map(|outcome| outcome.fate.queued_ns).collect();
        waits.iter().sum::<u64>() / waits.len() as u64 / MILLISECOND
    };
    let controlled = mean_wait_ms(codel(1_000, false));
    assert!((2..=10).contains(&controlled), "{controlled} ms");
    assert!(mean_wait_ms(Queue::of_frames(1_000)) > 900, "without control the queue is full");
}

#[test]
fn a_link_with_a_full_queue_is_busy_all_the_time() {
    let outcomes = play(&mut link(codel(1_000, false)), load(4_000, MILLISECOND / 2));
    let ends: Vec<Time> = outcomes.iter().flat_map(|outcome| outcome.fate.copies.iter().map(|copy| copy.at)).collect();
    for (n, end) in (1..).zip(&ends) {
        assert_eq!(*end, Time::from_millis(n));
    }
    assert_eq!(outcomes.len(), 4_000);
    assert!(outcomes.iter().any(|outcome| outcome.fate.drop == Some(DropReason::QueueFull)));
    assert!(outcomes.iter().all(|outcome| !outcome.fate.is_waiting()));
}

#[test]
fn ecn_marks_what_is_capable_and_drops_the_rest() {
    for version in [IpVersion::V4, IpVersion::V6] {
        let plain = udp(Medium::Ip, version);
        let (byte, shift) = if version == IpVersion::V4 { (1, 0) } else { (1, 4) };
        let sends = |ecn: u8| {
            let mut frame = plain.clone();
            frame[byte] |= ecn << shift;
            crate::link::mend::mend(Medium::Ip, &mut frame);
            (0..4_000).map(move |n| (Time::from_nanos(n * 20_000), frame.clone()))
        };
        for (ecn, is_capable) in [(0, false), (1, true), (2, true), (3, true)] {
            // 46 and 66 bytes take 37 and 53 µs.
            let queue = Queue::CoDel { target_ns: 500_000, interval_ns: 2_000_000, frames: u32::MAX, ecn: true };
            let outcomes = play(&mut link(queue), sends(ecn));
            let marks: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.fate.is_ce_marked).collect();
            let (drops, marks_count) = (drops(&outcomes).len(), marks.len());
            assert_eq!((drops > 20, marks_count > 20), (!is_capable, is_capable), "{version:?} {ecn}");
            assert_eq!(if is_capable { drops } else { marks_count }, 0, "{version:?} {ecn}");
            for mark in marks {
                let arrived = mark.fate.copies[0].bytes.as_ref().unwrap_or(&mark.frame);
                assert_eq!(arrived[byte] >> shift & 3, 3);
                assert_eq!(dissect(Medium::Ip, arrived).bad_checksum, None);
                assert_eq!(mark.fate.copies[0].bytes.is_none(), ecn == 3, "it was marked already");
            }
            let others = outcomes.iter().filter(|outcome| !outcome.fate.is_ce_marked);
            assert!(others.flat_map(|outcome| &outcome.fate.copies).all(|copy| copy.bytes.is_none()));
        }
    }
}

#[test]
fn marks_come_at_the_times_of_drops() {
    let mut frame = udp(Medium::Ip, IpVersion::V4);
    frame.resize(1_250, 0);
    frame[1] |= 2;
    crate::link::mend::mend(Medium::Ip, &mut frame);
    let sends = (0..4_000).map(|n| (Time::from_nanos(n * MILLISECOND / 2), frame.clone()));
    let outcomes = play(&mut link(codel(u32::MAX, true)), sends);
    let marks = outcomes.iter().filter(|outcome| outcome.fate.is_ce_marked).map(|outcome| outcome.turn_at);
    assert_eq!(marks.take(5).collect::<Vec<_>>(), [110, 210, 281, 339, 389].map(Time::from_millis));
}

#[test]
fn frames_in_the_queue_leave_it_under_new_impairments() {
    let mut link = link(codel(1_000, false));
    for _ in 0..3 {
        link.send(Time::ZERO, &[0; 1_250]);
    }
    let faster = Impairments { rate_bps: 100_000_000, ..*link.impairments() };
    link.set_impairments(Impairments { queue: Queue::of_frames(2), ..faster }).expect("in range");
    assert!(link.send(Time::ZERO, &[0; 1_250]).drop.is_some(), "two wait");
    assert_eq!(link.next_turn(), Some(Time::from_millis(1)), "the first one is being sent as before");
    let ends: Vec<Time> = std::iter::from_fn(|| {
        let departure = link.take_turn(link.next_turn()?).remove(0);
        Some(departure.fate.copies[0].at)
    })
    .collect();
    assert_eq!(ends, [Time::from_micros(1_100), Time::from_micros(1_200)]);
    assert!(!link.send(Time::from_millis(2), &[0; 1_250]).is_waiting(), "drop-tail from now on");
}
