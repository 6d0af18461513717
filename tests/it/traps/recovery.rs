//! Which losses are repaired before a time-out? (B17)

use std::time::Duration;

use super::host::{Host, Id, Setup};
use super::{Bench, ours, secs, trap};
use crate::wire::{Packet, Peer, Segment, ack, data, fin, syn, syn_ack};

/// RFC 6582 §3.2: of two losses in one flight the second is repaired as soon as an ACK shows it.
#[test]
fn a_second_loss_is_repaired_without_a_time_out() {
    trap("the host sent nothing", |net| {
        let mut peer = four_segments(net);
        // The first and the third are lost.
        for _ in 0..4 {
            peer.sends(ack(1, 1));
        }
        peer.expects(piece(0));
        peer.sends(ack(1, 1001));
        peer.expects(piece(2));
        peer.sends(ack(1, 2001));
        peer.expects_nothing_for(secs(5));
    });
}

/// RFC 6675 §2: an ACK that tells of more data behind the hole is a duplicate. The application of the peer reads meanwhile.
#[test]
fn a_duplicate_counts_whatever_its_window_says() {
    trap("the host sent nothing", |net| {
        let mut peer = four_segments(net);
        peer.sends(ack(1, 1).window(4_000));
        for (n, window) in [(1, 3_500), (2, 3_700), (3, 3_100)] {
            peer.expects_nothing_for(ms(10));
            peer.sends(ack(1, 1).window(window).sack(501, 501 + 500 * n));
        }
        peer.expects(piece(0));
        peer.sends(ack(1, 2001));
        peer.expects_nothing_for(secs(5));
    });
}

/// Where only the FIN is left, the engine must not be asked for a segment: its timer would stop (B25).
#[test]
fn a_fin_that_is_the_second_loss_comes_again() {
    let net = ours(Setup::default());
    let (socket, mut peer) = sender(&net);
    net.host().close(socket);
    peer.expects(fin(2_001).ack(1));
    // The first segment is lost, and the FIN.
    for _ in 0..4 {
        peer.sends(ack(1, 1));
    }
    peer.expects(piece(0));
    peer.sends(ack(1, 2_001));
    peer.expects_within(secs(4), fin(2_001).ack(1));
}

/// The network may double an ACK: told twice is told once.
#[test]
fn an_ack_that_tells_nothing_more_is_no_duplicate() {
    let net = ours(Setup::default());
    let mut peer = four_segments(&net);
    peer.sends(ack(1, 1).window(4_000));
    for window in [3_500, 3_700, 3_100, 3_600] {
        peer.sends(ack(1, 1).window(window).sack(501, 1_001));
    }
    // RFC 2883: a segment came twice, which is no hole.
    peer.sends(ack(1, 1).window(3_000).sack(u32::MAX - 500, 1));
    peer.expects_nothing_for(ms(200));
}

/// What the engine sends again is a whole segment (B3).
#[test]
fn nothing_is_sent_again_beyond_the_window() {
    let net = ours(Setup::default());
    let mut peer = four_segments(&net);
    peer.sends(ack(1, 1).window(4_000));
    for (n, window) in [(1, 300), (2, 200), (3, 100)] {
        peer.sends(ack(1, 1).window(window).sack(501, 501 + 500 * n));
    }
    peer.expects_nothing();
}

/// RFC 6582 §4: after a time-out everything is sent again, and copies of what had arrived are answered with duplicates.
#[test]
fn after_a_time_out_duplicates_say_nothing() {
    let net = ours(Setup::default());
    let mut peer = four_segments(&net);
    // Two probes, and the time-out.
    for _ in 0..3 {
        peer.expects_within(ms(1_000), piece(0));
    }
    peer.sends(ack(1, 501));
    peer.expects(piece(1));
    peer.expects(piece(2));
    for (right, window) in [(1_501, 4_000), (2_001, 4_100), (1_502, 4_200)] {
        peer.sends(ack(1, 501).window(window).sack(1_001, right));
    }
    // What the window allows goes on; the hole waits for its time-out.
    while let Some((_, packet)) = peer.takes(ms(200)) {
        assert!(!packet.to_string().contains("seq 501 "), "{packet}");
    }
}

/// RFC 8985 §7: nothing comes behind the last segments of a flight that would tell of their loss. They are sent again after 200 ms,
/// for which ACKs may be held back (RFC 8985 §7.2), and two round trips or three: as far as the round trip is known.
#[test]
fn a_lost_tail_is_repaired_without_a_time_out() {
    trap("the host sent nothing", |net| {
        let mut peer = four_segments(net);
        net.run(ROUND_TRIP);
        peer.sends(ack(1, 1001));
        peer.expects_nothing_for(ms(449));
        peer.expects_within(ms(1), piece(2));
        net.run(ROUND_TRIP);
        expects_the_last(&mut peer);
    });
}

/// An ACK that tells of a hole was not held back: then two round trips or three are enough.
#[test]
fn a_hole_that_is_told_is_mended_sooner() {
    trap("the host sent nothing", |net| {
        let mut peer = four_segments(net);
        net.run(ROUND_TRIP);
        // The second and the fourth are lost.
        peer.sends(ack(1, 501));
        peer.sends(ack(1, 501).sack(1001, 1501));
        peer.expects_nothing_for(ms(249));
        peer.expects_within(ms(1), piece(1));
        net.run(ROUND_TRIP);
        expects_the_last(&mut peer);
    });
}

#[test]
fn a_single_segment_that_is_lost_is_repaired_without_a_time_out() {
    trap("the host sent nothing", |net| {
        let (socket, mut peer) = sender(net);
        net.run(ROUND_TRIP);
        peer.sends(ack(1, 2001));
        assert_eq!(net.host().send(socket, b"hello"), Ok(5));
        peer.expects(data(2001, b"hello").ack(1));
        peer.expects_nothing_for(ms(449));
        peer.expects_within(ms(1), data(2001, b"hello").ack(1));
        peer.sends(ack(1, 2006));
        peer.expects_nothing_for(secs(5));
    });
}

/// The first segment of a connection is lost: the handshake has measured the round trip.
#[test]
fn a_first_segment_that_is_lost_is_repaired_without_a_time_out() {
    trap("the host sent nothing", |net| {
        let mut peer = first_segment(net);
        peer.expects_within(ms(210), data(1, b"hello").ack(1));
    });
}

/// A probe is lost too: the next comes after twice the time, and then it is the time-out's turn.
#[test]
fn a_probe_that_is_lost_is_repeated() {
    let net = ours(Setup::default());
    let mut peer = four_segments(&net);
    let mut waits = Vec::new();
    let mut before = net.now();
    while waits.len() < 5 {
        let (at, packet) = peer.takes(secs(5)).expect("something is sent again");
        // After a time-out more than the oldest is sent.
        if matches!(&packet, Packet::Tcp(segment) if piece(0).describes(segment)) {
            waits.push(at - before);
            before = at;
        }
    }
    assert_eq!(waits, [ms(500), ms(600), ms(1_000), ms(1_200), ms(2_000)]);
}

/// Where the way has become longer than was measured, probes end, and the time-out backs off, until it is measured again (RFC 6298 §5.7).
#[test]
fn a_way_that_has_become_longer_is_not_probed_for_ever() {
    let net = ours(Setup::default());
    let (socket, mut peer) = sender(&net);
    peer.sends(ack(1, 2001));
    let mut sent = Vec::new();
    for n in 0..4 {
        assert_eq!(net.host().send(socket, b"hello"), Ok(5));
        let acked_at = net.now() + secs(3);
        sent.push(0);
        while net.now() < acked_at {
            let wait = acked_at - net.now();
            sent[n] += usize::from(peer.takes(wait).is_some());
        }
        peer.sends(ack(1, 2006 + 5 * n as u32));
    }
    // Two probes and a time-out; time-outs, each twice as long; none.
    assert_eq!(sent, [4, 2, 2, 1]);
}

/// What was late was not lost: an answer that comes before the probe can have arrived has nothing else sent again.
#[test]
fn an_answer_that_is_late_has_nothing_else_sent_again() {
    let net = ours(Setup::default());
    let mut peer = four_segments(&net);
    peer.expects_within(ms(500), piece(0));
    net.run(ms(20));
    for n in 1..=4 {
        peer.sends(ack(1, 1 + 500 * n));
        peer.expects_nothing_for(ms(5));
    }
    peer.expects_nothing_for(secs(5));
}

/// A window that has become less than a segment (B3).
#[test]
fn nothing_is_probed_beyond_the_window() {
    let net = ours(Setup::default());
    let mut peer = four_segments(&net);
    peer.sends(ack(1, 1).window(300));
    peer.expects_nothing_for(ms(900));
}

/// A SYN-ACK that was long on its way tells a window that has been used since.
#[test]
fn the_window_of_a_late_syn_ack_is_not_believed() {
    let net = ours(Setup::default());
    let mut peer = first_segment(&net);
    peer.sends(ack(1, 1).window(3));
    peer.sends(syn_ack(0).ack(1));
    hears_no_hello(&mut peer);
}

/// What the peer says after a damaged SYN is no older than what it said before.
#[test]
fn a_window_that_is_told_after_a_damaged_syn_is_believed() {
    let net = ours(Setup::default());
    let mut peer = first_segment(&net);
    peer.sends_damaged(syn_ack(1).ack(1));
    peer.sends(ack(1, 1).window(3));
    hears_no_hello(&mut peer);
}

/// A client of ours whose first segment, `hello`, is on the way.
fn first_segment(net: &Bench) -> Peer<Box<dyn Host>> {
    let mut peer = net.peer().port(80);
    let socket = net.host().connect(([192, 0, 2, 2], 80).into());
    peer.accepts();
    assert_eq!(net.host().send(socket, b"hello"), Ok(5));
    peer.expects(data(1, b"hello").ack(1));
    peer
}

/// What is sent next is not `hello`.
fn hears_no_hello(peer: &mut Peer<Box<dyn Host>>) {
    while let Some((_, packet)) = peer.takes(ms(900)) {
        assert!(!packet.to_string().contains("hello"), "{packet}");
    }
}

/// A client of ours whose flight of four segments of 500 bytes is on the way.
fn four_segments(net: &Bench) -> Peer<Box<dyn Host>> {
    sender(net).1
}

/// The same, and its socket.
fn sender(net: &Bench) -> (Id, Peer<Box<dyn Host>>) {
    let listener = net.host().listen(80, 1);
    let mut peer = net.peer().towards(80);
    peer.sends(syn(0).mss(500).sack_permitted());
    peer.expects(syn(0).ack(1));
    net.run(ROUND_TRIP);
    peer.sends(ack(1, 1));
    let socket = net.host().accept(listener).expect("a connection that is open");
    assert_eq!(net.host().send(socket, &[7; 2000]), Ok(2000));
    for n in 0..4 {
        peer.expects(piece(n));
    }
    (socket, peer)
}

fn piece(n: u32) -> Segment {
    data(1 + 500 * n, &[7; 500]).ack(1)
}

/// The third of [`four_segments`] has come, and the fourth is missing; then nothing is.
fn expects_the_last(peer: &mut Peer<Box<dyn Host>>) {
    peer.sends(ack(1, 1501));
    peer.expects(piece(3));
    peer.sends(ack(1, 2001));
    peer.expects_nothing_for(secs(5));
}

/// What the handshake takes.
const ROUND_TRIP: Duration = ms(100);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
