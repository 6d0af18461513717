//! Does somebody who guesses sequence numbers end a connection?

use std::time::Duration;

use super::{open, trap};
use crate::wire::{ack, data, rst, syn};

/// B7. RFC 5961 §4.2: a SYN in a synchronized state gets a challenge ACK, so that a peer that has lost its
/// memory can reset the connection. smoltcp drops it.
#[test]
fn a_syn_in_a_connection_gets_a_challenge_ack() {
    trap("expected ACK seq 1 ack 1, but the host sent nothing", |net| {
        let (_, mut peer) = open(net);
        peer.sends(syn(100_000));
        peer.expects(ack(1, 1));
    });
}

/// B7. The peer that was asked has no connection any more: its RST has the number it was told.
#[test]
fn a_peer_that_has_lost_its_memory_comes_back_by_way_of_a_challenge_ack() {
    trap("expected ACK seq 1 ack 1, but the host sent nothing", |net| {
        let (socket, mut peer) = open(net);
        peer.sends(syn(100_000));
        peer.expects(ack(1, 1));
        peer.sends(rst(1));
        peer.takes(Duration::from_millis(100));
        assert!(net.host().recv(socket, &mut [0; 8]).is_err(), "the old connection is over");
    });
}

/// B10. RFC 5961 §3.2: a RST inside the window, but not at its start, gets a challenge ACK. On smoltcp it kills.
#[test]
fn a_reset_in_the_middle_of_the_window_is_challenged() {
    trap("expected ACK seq 1 ack 1, but the host sent nothing", |net| {
        let (socket, mut peer) = open(net);
        peer.sends(rst(1000));
        peer.expects(ack(1, 1));
        peer.sends(data(1, b"hello").ack(1));
        peer.expects(ack(1, 6));
        assert_eq!(net.host().recv(socket, &mut [0; 8]), Ok(5));
    });
}

/// B10. RFC 5961 §3.2: the number that was told ends it, whatever was guessed before.
#[test]
fn the_reset_that_a_challenge_asked_for_ends_the_connection() {
    trap("expected ACK seq 1 ack 1, but the host sent nothing", |net| {
        let (socket, mut peer) = open(net);
        peer.sends(rst(1000));
        peer.expects(ack(1, 1));
        peer.sends(rst(1));
        peer.takes(Duration::from_millis(100));
        assert!(net.host().recv(socket, &mut [0; 8]).is_err());
    });
}

/// B10. RFC 5961 §7: guesses are not answered one by one.
#[test]
fn challenge_acks_are_limited_to_two_a_second() {
    trap("but the host sent nothing", |net| {
        let (_, mut peer) = open(net);
        for seq in [1000, 2000, 3000] {
            peer.sends(rst(seq));
        }
        peer.expects(ack(1, 1));
        assert!(peer.takes(Duration::from_millis(400)).is_none(), "one is enough");
        peer.takes(Duration::from_millis(101));
        peer.sends(rst(4000));
        peer.expects(ack(1, 1));
    });
}
