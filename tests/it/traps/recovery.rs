//! Which losses are repaired before a time-out? (B17)

use std::time::Duration;

use super::host::{Host, Id, Setup};
use super::{Bench, ours, secs, trap};
use crate::wire::{Peer, Segment, ack, data, fin, syn};

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
            peer.expects_nothing_for(Duration::from_millis(10));
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
    peer.expects_nothing();
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
    peer.expects_within(Duration::from_millis(1_100), piece(0));
    peer.sends(ack(1, 501));
    peer.expects(piece(1));
    peer.expects(piece(2));
    for (right, window) in [(1_501, 4_000), (2_001, 4_100), (1_502, 4_200)] {
        peer.sends(ack(1, 501).window(window).sack(1_001, right));
    }
    // What the window allows goes on; the hole waits for its time-out.
    while let Some((_, packet)) = peer.takes(Duration::from_millis(500)) {
        assert!(!packet.to_string().contains("seq 501 "), "{packet}");
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
