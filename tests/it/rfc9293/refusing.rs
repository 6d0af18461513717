//! Who gets a reset, and what stands in it? (RFC 9293 §3.5.2)

use super::{connecting, host, listening, netstat, open, state};
use crate::wire::{Segment, ack, data, fin, rst, syn, syn_ack};

/// Group 1, no connection: with ACK, the reset has its number; without, it acknowledges the segment.
#[test]
fn without_a_connection_everything_but_a_reset_is_reset() {
    let cases = [
        (syn(0), rst(0).ack(1)),
        (syn(0).ack(77), rst(77)),
        (ack(1, 77), rst(77)),
        (data(1, b"hello").ack(77), rst(77)),
        (data(1, b"hello"), rst(0).ack(6)),
        (fin(6), rst(0).ack(7)),
        (fin(6).ack(77), rst(77)),
    ];
    for (segment, answer) in cases {
        let net = host();
        let mut peer = net.peer().towards(9);
        peer.sends(segment);
        peer.expects(answer);
        peer.expects_nothing();
    }
}

/// Group 1: a reset gets no answer, or two hosts would reset each other for ever.
#[test]
fn a_reset_is_not_answered() {
    let net = host();
    let mut peer = net.peer().towards(9);
    peer.sends(rst(1));
    peer.sends(rst(1).ack(77));
    peer.expects_nothing();
}

/// Group 1: a socket that is bound and does not listen is CLOSED.
#[test]
fn a_bound_socket_that_does_not_listen_refuses() {
    let net = host();
    let socket = super::stream(&net);
    net.host().bind(socket, ([0; 4], 80).into()).expect("a free port");
    let mut peer = net.peer().towards(80);
    peer.sends(syn(0));
    peer.expects(rst(0).ack(1));
}

/// Group 2 in LISTEN: an ACK acknowledges something that was never sent.
#[test]
fn an_ack_to_a_listener_is_reset() {
    let net = host();
    let (_, mut peer) = listening(&net);
    peer.sends(ack(1, 77));
    peer.expects(rst(77));
    peer.sends(syn_ack(0).ack(78));
    peer.expects(rst(78));
    assert_eq!(netstat(&net), ["LISTEN"]);
}

/// Group 2 in SYN-SENT: a SYN-ACK of another SYN, as after a reboot; the attempt goes on.
#[test]
fn an_unacceptable_ack_in_syn_sent_is_reset_and_the_attempt_goes_on() {
    let net = host();
    let (socket, mut peer) = connecting(&net);
    peer.sends(ack(300, 100));
    peer.expects(rst(100));
    assert_eq!(state(&net, socket), "SYN-SENT");
    peer.sends(syn_ack(0).ack(1));
    peer.expects(ack(1, 1));
    assert_eq!(state(&net, socket), "ESTABLISHED");
}

/// Group 2 in SYN-RECEIVED: the reset has the number of the wrong ACK, and the child waits for the right one.
#[test]
fn an_unacceptable_ack_in_syn_received_is_reset_and_the_child_stays() {
    let net = host();
    let (listener, mut peer) = listening(&net);
    peer.sends(syn(0));
    peer.expects(syn_ack(0).ack(1));
    peer.sends(ack(1, 100));
    peer.expects(rst(100));
    assert_eq!(netstat(&net), ["LISTEN", "SYN-RECEIVED"]);
    peer.sends(ack(1, 1));
    assert!(net.host().accept(listener).is_ok());
}

/// §3.10.7.4, first check, in SYN-RECEIVED: whoever began anew, and chose a number before or behind the first one, is told what is expected; its
/// reset gives the place back, and its next SYN is answered.
#[test]
fn a_client_that_began_anew_in_syn_received_gets_in() {
    for anew in [1_000_000_u32, 5_000, 1, u32::MAX - 5_000] {
        let net = host();
        let (listener, mut peer) = listening(&net);
        peer.sends(syn(0));
        peer.expects(syn_ack(0).ack(1));
        peer.sends(syn(anew));
        peer.expects(ack(1, 1));
        // SYN-SENT, group 1: an unacceptable ACK.
        peer.sends(rst(1));
        assert_eq!(netstat(&net), ["LISTEN"], "{anew}");
        peer.reborn(anew);
        peer.sends(syn(0));
        peer.expects(syn_ack(0).ack(1));
        peer.sends(ack(1, 1));
        assert!(net.host().accept(listener).is_ok(), "{anew}");
    }
}

/// Group 3, a synchronized state: what is out of order gets an empty ACK, never a reset.
#[test]
fn in_a_connection_nothing_out_of_order_is_reset() {
    let net = host();
    let (socket, mut peer) = open(&net);
    for segment in
        [data(100_000, b"far away").ack(1), data(u32::MAX - 50, b"long ago").ack(1), fin(u32::MAX - 50).ack(1)]
    {
        peer.sends(segment);
        peer.expects(ack(1, 1));
        // RFC 5961 §7: empty ACKs are limited in their rate.
        net.run(super::secs(2));
    }
    assert_eq!(state(&net, socket), "ESTABLISHED");
}

/// RFC 9293 §3.10.7.4 wants an empty ACK for it. It is dropped without one (B3), and comes again.
#[test]
fn a_fin_beyond_the_window_is_dropped_without_an_answer() {
    let net = host();
    let (socket, mut peer) = open(&net);
    peer.sends(fin(70_000).ack(1));
    peer.expects_nothing();
    assert_eq!(state(&net, socket), "ESTABLISHED");
    assert_eq!(net.host().counters().dropped_fin_beyond_window, 1);
}

/// RFC 9293 §3.10.7.3: only a reset that acknowledges our SYN ends the attempt.
#[test]
fn a_reset_in_syn_sent_counts_only_with_our_syn_acknowledged() {
    let net = host();
    let (socket, mut peer) = connecting(&net);
    peer.sends(rst(0));
    assert_eq!(state(&net, socket), "SYN-SENT");
    peer.sends(rst(0).ack(100));
    assert_eq!(state(&net, socket), "SYN-SENT");
    peer.sends(rst(0).ack(1));
    assert_eq!(state(&net, socket), "CLOSED");
}

/// RFC 9293 §3.10.7.4: a reset outside of the window is nobody's.
#[test]
fn a_reset_outside_of_the_window_is_dropped() {
    let net = host();
    let (socket, mut peer) = open(&net);
    for seq in [0, u32::MAX, 1 + 65_535, 1_000_000] {
        peer.sends(rst(seq));
        assert_eq!(state(&net, socket), "ESTABLISHED", "after a reset at {seq}");
    }
    peer.sends(rst(1));
    assert_eq!(state(&net, socket), "CLOSED");
}

/// Flags that make no sense together open nothing and end nothing.
#[test]
fn contradicting_flags_do_nothing() {
    let net = host();
    let (_, mut peer) = listening(&net);
    peer.sends(Segment { fin: true, ..syn(0) });
    peer.sends(Segment { rst: true, ..syn(0) });
    peer.sends(Segment::default());
    while peer.takes(super::millis(100)).is_some() {}
    assert_eq!(netstat(&net), ["LISTEN"]);
}
