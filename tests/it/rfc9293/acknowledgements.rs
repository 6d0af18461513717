//! When and what does the receiving side acknowledge? (RFC 9293 §3.8.6.3, §3.10.7.4)

use super::{burst, host, millis, open, open_by, patient_host, recv, takes};
use crate::wire::{ack, data, syn};

/// SHLD-18, MUST-40: an ACK waits for company, but less than half a second.
#[test]
fn an_ack_is_delayed_by_less_than_half_a_second() {
    let net = host();
    let (_, mut peer) = open(&net);
    let sent_at = net.now();
    peer.sends(data(1, b"hello").ack(1));
    assert_eq!(net.untaken(), 0, "it is delayed");
    let (at, answer) = takes(&mut peer, millis(499)).expect("an ACK");
    assert_eq!(answer.ack, Some(6));
    assert!(at - sent_at < millis(500), "{:?}", at - sent_at);
}

/// SHLD-19: at least every second full-sized segment is acknowledged at once.
#[test]
fn every_second_full_sized_segment_is_acknowledged_at_once() {
    let net = host();
    let (_, mut peer) = open_by(&net, syn(0).mss(1000));
    for n in 0..10 {
        peer.sends(data(1 + 2000 * n, &[7; 1000]).ack(1));
        let first = net.untaken();
        peer.sends(data(1001 + 2000 * n, &[7; 1000]).ack(1));
        assert!(first + net.untaken() > 0, "no ACK for pair {n} without waiting");
        while net.untaken() > 0 {
            takes(&mut peer, millis(0)).expect("an ACK");
        }
    }
}

/// MUST-58: many small segments at once get few ACKs.
#[test]
fn segments_that_come_together_are_acknowledged_together() {
    let net = host();
    let (socket, mut peer) = open(&net);
    for n in 0..20 {
        peer.sends(data(1 + 10 * n, &[7; 10]).ack(1));
    }
    let answers = burst(&mut peer);
    assert!(answers.len() <= 2, "{} ACKs for 20 segments", answers.len());
    assert_eq!(answers.last().and_then(|answer| answer.ack), Some(201));
    assert_eq!(recv(&net, socket).map(|bytes| bytes.len()), Ok(200));
}

/// An answer takes the ACK along.
#[test]
fn data_carries_the_ack_of_what_it_answers() {
    let net = patient_host();
    let (socket, mut peer) = open(&net);
    peer.sends(data(1, b"ping").ack(1));
    super::send(&net, socket, b"pong");
    peer.expects(data(1, b"pong").ack(5));
    peer.expects_nothing();
}

/// SHLD-31: what comes early is kept. MAY-13: and answered at once, with what is missing.
#[test]
fn segments_out_of_order_are_kept_and_answered_at_once() {
    let net = host();
    let (socket, mut peer) = open(&net);
    peer.sends(data(6, b"world").ack(1));
    assert_eq!(net.untaken(), 1, "without delay");
    peer.expects(ack(1, 1));
    peer.sends(data(11, b"again").ack(1));
    peer.expects(ack(1, 1));
    peer.sends(data(1, b"hello").ack(1));
    assert_eq!(recv(&net, socket).as_deref(), Ok(&b"helloworldagain"[..]));
    peer.expects(ack(1, 16));
}

/// MUST-59: everything that was waiting is processed before the ACK is sent.
#[test]
fn the_ack_after_a_filled_hole_covers_everything_behind_it() {
    let net = host();
    let (_, mut peer) = open(&net);
    for n in (1..8).rev() {
        peer.sends(data(1 + 100 * n, &[7; 100]).ack(1));
    }
    burst(&mut peer);
    peer.sends(data(1, &[7; 100]).ack(1));
    peer.expects(ack(1, 801));
    peer.expects_nothing();
}

/// RFC 9293 §3.4: what comes twice is taken once; pieces that overlap fit together.
#[test]
fn what_comes_twice_is_taken_once() {
    let net = host();
    let (socket, mut peer) = open(&net);
    peer.sends(data(1, b"abcd").ack(1));
    peer.sends(data(1, b"abcd").ack(1));
    peer.sends(data(3, b"cdef").ack(1));
    assert_eq!(recv(&net, socket).as_deref(), Ok(&b"abcdef"[..]));
    assert_eq!(burst(&mut peer).last().and_then(|answer| answer.ack), Some(7));
}

/// RFC 9293 §3.10.7.4: a segment outside of the window is answered with what is expected, and dropped.
#[test]
fn a_segment_outside_of_the_window_is_answered_and_dropped() {
    let net = host();
    let (socket, mut peer) = open(&net);
    peer.sends(data(1, b"hello").ack(1));
    peer.expects(ack(1, 6));
    for seq in [6 + 65_535, 1_000_000, u32::MAX - 100] {
        peer.sends(data(seq, b"nonsense").ack(1));
        peer.expects(ack(1, 6));
    }
    assert_eq!(recv(&net, socket).as_deref(), Ok(&b"hello"[..]));
}

/// RFC 9293 §3.10.7.4: a segment without ACK bit is dropped in a synchronized state.
#[test]
fn data_without_an_ack_bit_is_dropped() {
    let net = host();
    let (socket, mut peer) = open(&net);
    peer.sends(data(1, b"hello"));
    assert_eq!(recv(&net, socket), Err(smolsock::Errno::EAGAIN));
    peer.sends(data(1, b"hello").ack(1));
    assert_eq!(recv(&net, socket).as_deref(), Ok(&b"hello"[..]));
}
