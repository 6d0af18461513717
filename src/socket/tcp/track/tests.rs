//! Does a connection count what it sends and receives?

use core::net::SocketAddr;

use super::*;
use crate::stack::classify::{Flags, Flow};

fn sent(seq: u32, payload_len: usize, flags: Flags) -> SentSegment {
    SentSegment { seq, payload_len, pieces: 1, flags, window_end: 0 }
}

const NONE: Flags = Flags::ACK;
const SYN: Flags = Flags::SYN;
const FIN: Flags = Flags::FIN.and(NONE);

fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

/// A segment of the peer that acknowledges up to `ack`.
fn acks(ack: u32) -> Segment {
    let addr: SocketAddr = ([192, 0, 2, 2], 80).into();
    let flow = Flow { local: addr, remote: addr, link: None };
    Segment { flow, flags: NONE, seq: 1, ack, payload_len: 0, window: 100 }
}

/// A connection whose SYN (sequence number `iss`) took 100 ms to be answered.
fn open(iss: u32) -> Track {
    let mut track = Track::new(at(0));
    track.on_sent(&sent(iss, 0, SYN), at(0));
    track.on_received(&acks(iss.wrapping_add(1)), 0, true, 1, at(100));
    track
}

#[test]
fn what_is_sent_is_in_flight_until_it_is_acknowledged() {
    let mut track = open(u32::MAX - 3);
    let first = u32::MAX - 2;
    assert_eq!(track.in_flight(), 0);
    assert!(!track.is_in_flight(first));
    track.on_sent(&sent(first, 10, NONE), at(200));
    assert_eq!(track.in_flight(), 10);
    assert!(track.is_in_flight(first) && track.is_in_flight(first.wrapping_add(9)));
    assert!(!track.is_in_flight(first.wrapping_add(10)) && !track.is_in_flight(first.wrapping_sub(1)));
    track.on_received(&acks(first.wrapping_add(4)), 4, false, 1, at(300));
    assert_eq!((track.in_flight(), track.bytes_acked), (6, 4));
    track.on_sent(&sent(first.wrapping_add(10), 0, FIN), at(300));
    assert_eq!(track.in_flight(), 7);
    track.on_received(&acks(first.wrapping_add(11)), 6, true, 1, at(400));
    assert_eq!((track.in_flight(), track.bytes_acked), (0, 10));
}

#[test]
fn the_round_trip_time_is_smoothed_as_rfc_6298_has_it() {
    let mut track = open(0);
    let ms = Duration::from_millis;
    assert_eq!(track.round_trip(), Some((ms(100), ms(50))));
    track.on_sent(&sent(1, 10, NONE), at(1_000));
    track.on_received(&acks(11), 10, true, 1, at(1_180));
    // 3/4 of 50 + 1/4 of |100 - 180|; 7/8 of 100 + 1/8 of 180.
    assert_eq!(track.round_trip(), Some((ms(110), Duration::from_micros(57_500))));
}

#[test]
fn what_was_sent_twice_tells_no_round_trip_time() {
    let mut track = open(0);
    let before = track.round_trip();
    track.on_sent(&sent(1, 10, NONE), at(1_000));
    track.on_sent(&sent(1, 10, NONE), at(2_000));
    assert_eq!((track.retransmits, track.total_retrans, track.bytes_retrans, track.bytes_sent), (1, 1, 10, 20));
    track.on_received(&acks(11), 10, true, 1, at(2_001));
    assert_eq!(track.round_trip(), before);
    assert_eq!((track.retransmits, track.total_retrans), (0, 1));
}

#[test]
fn a_segment_that_is_half_new_repeats_its_old_half() {
    let mut track = open(0);
    track.on_sent(&sent(1, 10, NONE), at(1_000));
    track.on_sent(&sent(6, 10, NONE), at(2_000));
    assert_eq!((track.in_flight(), track.bytes_retrans), (15, 5));
}

#[test]
fn probes_repeat_nothing() {
    let mut track = open(0);
    track.on_sent(&sent(0, 1, NONE), at(1_000));
    track.on_sent(&sent(0, 0, NONE), at(1_000));
    assert_eq!((track.total_retrans, track.bytes_sent, track.segs_out), (0, 0, 3));
}

#[test]
fn an_ack_for_what_was_never_sent_moves_nothing() {
    let mut track = open(0);
    track.on_sent(&sent(1, 10, NONE), at(1_000));
    track.on_received(&acks(50), 10, true, 1, at(1_100));
    assert_eq!(track.in_flight(), 10);
    track.on_received(&acks(5), 0, false, 1, at(1_100));
    assert_eq!(track.in_flight(), 10, "the engine did not take it");
}

#[test]
fn received_bytes_count_once() {
    let mut track = Track::new(at(0));
    let syn_ack = Segment { flags: SYN.and(NONE), seq: 99, ..acks(0) };
    track.on_syn(&syn_ack, &Announced::default());
    track.on_received(&syn_ack, 0, true, 0, at(0));
    let data = Segment { seq: 100, payload_len: 10, ..acks(0) };
    track.on_received(&data, 0, true, 110, at(5));
    track.on_received(&data, 0, true, 110, at(6));
    assert_eq!((track.bytes_received, track.data_segs_in, track.segs_in), (10, 2, 3));
    assert_eq!((track.largest_received, track.data_received_at), (10, at(6)));
}

#[test]
fn ten_thousand_connections_are_not_much_larger_for_it() {
    assert!(size_of::<Track>() <= 144, "{} bytes", size_of::<Track>());
}
