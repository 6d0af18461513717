//! What is wrong in smoltcp's TCP that we cannot mend from outside?
//!
//! Each claim is what RFC 9293 or a later RFC asks for, and fails on smoltcp and on our stack alike, in the
//! way that its message says. When a new smoltcp keeps one, its test says so.

use std::time::Duration;

use super::{fails, limit, open, ours, secs};
use crate::wire::{ack, data, fin, syn};

/// B5. RFC 9293 §3.10.7.4: a segment with an old ACK is processed, its ACK ignored. It is dropped.
#[test]
fn data_with_an_old_ack_is_accepted() {
    limit("expected ACK seq 6 ack 4, but the host sent nothing", |net| {
        let (socket, mut peer) = open(net);
        assert_eq!(net.host().send(socket, b"hello"), Ok(5));
        peer.expects(data(1, b"hello").ack(1));
        peer.sends(ack(4, 6));
        peer.sends(data(1, b"abc").ack(1));
        peer.expects(ack(6, 4));
    });
}

/// B6. RFC 9293 §3.10.7.4: an ACK of something not yet sent is answered and dropped. It is believed: bytes
/// that were never sent are thrown away.
#[test]
fn an_ack_of_data_that_was_not_sent_is_not_believed() {
    limit("expected ACK seq 4 ack 1 len 2 \"lo\", but the host sent nothing", |net| {
        let (socket, mut peer) = open(net);
        peer.sends(ack(1, 1).window(3));
        assert_eq!(net.host().send(socket, b"hello"), Ok(5));
        peer.expects(data(1, b"hel").ack(1));
        peer.sends(ack(1, 6));
        peer.takes(Duration::from_millis(100));
        peer.sends(ack(1, 4));
        peer.expects_within(secs(5), data(4, b"lo").ack(1));
    });
}

/// B13. RFC 9293 MUST-39: after a closed window, open it by a segment or half the buffer, not by a byte.
#[test]
fn a_window_is_not_opened_by_a_single_byte() {
    limit("a window of 1 byte", |net| {
        let (socket, mut peer) = open(net);
        for n in 0..66 {
            let part = vec![7; if n == 65 { 535 } else { 1000 }];
            peer.sends(data(1 + 1000 * n, &part).ack(1));
        }
        while peer.takes(Duration::from_millis(100)).is_some() {}
        assert_eq!(net.host().recv(socket, &mut [0; 1]), Ok(1));
        if let Some((_, packet)) = peer.takes(Duration::from_millis(100)) {
            assert!(!packet.to_string().ends_with("win 1"), "a window of 1 byte: {packet}");
        }
    });
}

/// B16. RFC 9293 §3.10.7.4: what comes behind a FIN is ignored. It is queued, and acknowledged when the FIN has not come first.
#[test]
fn data_behind_a_fin_is_ignored() {
    limit("expected ACK seq 1 ack 7, but the host sent ACK seq 1 ack 9", |net| {
        let (_, mut peer) = open(net);
        peer.sends(data(6, b"abc").ack(1));
        peer.sends(fin(6).ack(1));
        while peer.takes(Duration::from_millis(100)).is_some() {}
        peer.sends(data(1, b"hello").ack(1));
        peer.expects(ack(1, 7));
    });
}

/// B17. RFC 6928: an initial window of ten segments. RFC 5681 allows four of them, two and a bit are sent.
#[test]
fn a_connection_begins_with_ten_segments() {
    fails("expected ACK seq 2001", || {
        let net = ours(super::host::Setup::default());
        let listener = net.host().listen(80, 1);
        let mut peer = net.peer().towards(80);
        peer.sends(syn(0).mss(1000));
        peer.expects(syn(0).ack(1));
        peer.sends(ack(1, 1));
        let socket = net.host().accept(listener).expect("a connection that is open");
        assert_eq!(net.host().send(socket, &[7; 10_000]), Ok(10_000));
        for n in 0..10 {
            peer.expects(data(1 + 1000 * n, &[7; 1000]).ack(1));
        }
    });
}

/// B27. RFC 6298 §5.7: when a SYN had to be repeated, the first data has a time-out of 3 s. It has the one that the
/// SYN had backed off.
#[test]
fn a_lost_syn_does_not_slow_down_the_first_data() {
    limit("len 5 \"hello\", but the host sent nothing", |net| {
        let listener = net.host().listen(80, 1);
        let mut peer = net.peer().towards(80);
        peer.sends(syn(0));
        for _ in 0..4 {
            peer.expects_within(secs(5), syn(0).ack(1));
        }
        peer.sends(ack(1, 1));
        let socket = net.host().accept(listener).expect("a connection that is open");
        assert_eq!(net.host().send(socket, b"hello"), Ok(5));
        assert!(peer.takes(Duration::ZERO).is_some(), "no data at all");
        peer.expects_within(Duration::from_millis(3_001), data(1, b"hello").ack(1));
    });
}
