//! Does everything that waits for a silent peer end?

use std::time::Duration;

use super::host::Setup;
use super::{both_on, secs, trap, trap_on};
use crate::wire::{Packet, Peer, ack, data, fin, syn, syn_ack};

/// B14. smoltcp has no R2 for the SYN: it is sent again every 60 s, for ever.
/// RFC 9293 MUST-23: give up after 3 minutes or more.
#[test]
fn connect_gives_up_after_three_minutes() {
    trap("after 200 s: None", |net| {
        let mut peer = net.peer().port(80);
        let socket = net.host().connect(([192, 0, 2, 2], 80).into());
        peer.expects(syn(0));
        net.run(secs(179));
        assert_eq!(net.host().outcome(socket), None);
        net.run(secs(21));
        let outcome = net.host().outcome(socket);
        assert_eq!(outcome, Some(Err("ETIMEDOUT".to_string())), "after 200 s: {outcome:?}");
        while peer.takes(Duration::ZERO).is_some() {}
        peer.expects_nothing_for(secs(3600));
    });
}

/// B14. smoltcp's only timer of that kind, `set_timeout`, counts from the last segment of the peer, with
/// or without data to be acknowledged: as an R2 it ends every connection that is idle for that long.
#[test]
fn r2_does_not_end_an_idle_connection() {
    let setup = Setup { r2: Some(secs(180)), ..Setup::default() };
    trap_on(setup, "expected nothing, but the host sent RST-ACK seq 1 ack 1", |net| {
        let (_, mut peer) = open(net);
        peer.expects_nothing_for(secs(3600));
        let states = net.host().states();
        assert!(states.contains(&"ESTABLISHED".to_string()), "after an hour: {states:?}");
    });
}

/// RFC 9293 MUST-37: a window may stay closed for as long as the peer answers the probes. R2 does not count.
#[test]
fn r2_does_not_end_a_connection_whose_window_is_closed() {
    let setup = Setup { r2: Some(secs(180)), ..Setup::default() };
    both_on(setup, |net| {
        let (socket, mut peer) = open(net);
        peer.sends(ack(1, 1).window(0));
        assert_eq!(net.host().send(socket, b"hello"), Ok(5));
        let end = net.now() + secs(1200);
        while net.now() < end {
            peer.takes(secs(121)).expect("a probe");
            peer.sends(ack(1, 1).window(0));
        }
        peer.sends(ack(1, 1).window(1000));
        peer.expects_within(secs(61), data(1, b"hello").ack(1));
    });
}

/// B14. Without `set_timeout`, data that nobody acknowledges is sent again for ever (RFC 9293 MUST-20).
#[test]
fn data_that_nobody_acknowledges_is_given_up_after_r2() {
    trap("after 16 min: Ok(0)", |net| {
        let (socket, mut peer) = open(net);
        assert_eq!(net.host().send(socket, b"hello"), Ok(5));
        peer.expects(data(1, b"hello").ack(1));
        net.run(secs(16 * 60));
        let recv = net.host().recv(socket, &mut [0; 16]);
        assert_eq!(recv, Err("ETIMEDOUT".to_string()), "after 16 min: {recv:?}");
        while peer.takes(Duration::ZERO).is_some() {}
        peer.expects_nothing_for(secs(3600));
    });
}

/// B14. The peer has acknowledged our FIN and never sends its own. Nobody is left on our side to care.
#[test]
fn fin_wait_2_of_a_closed_socket_ends_after_a_minute() {
    trap("after 61 s: [\"FIN-WAIT-2\"]", |net| {
        let (socket, mut peer) = open(net);
        net.host().close(socket);
        peer.expects(fin(1).ack(1));
        peer.sends(ack(1, 2));
        net.run(secs(61));
        let states = net.host().states();
        assert!(!states.contains(&"FIN-WAIT-2".to_string()), "after 61 s: {states:?}");
    });
}

/// B14. The peer has vanished: a FIN that nobody acknowledges is data like any other.
#[test]
fn fin_wait_1_of_a_closed_socket_ends_after_r2() {
    trap("after 16 min: [\"FIN-WAIT-1\"]", |net| {
        let (socket, mut peer) = open(net);
        net.host().close(socket);
        peer.expects(fin(1).ack(1));
        net.run(secs(16 * 60));
        let states = net.host().states();
        assert!(!states.contains(&"FIN-WAIT-1".to_string()), "after 16 min: {states:?}");
    });
}

/// B14, the other order: the peer closed first, and its last ACK never comes.
#[test]
fn last_ack_ends_after_r2() {
    trap("after 16 min: [\"LAST-ACK\"]", |net| {
        let (socket, mut peer) = open(net);
        peer.sends(fin(1).ack(1));
        peer.expects(ack(1, 2));
        net.host().close(socket);
        peer.expects(fin(1).ack(2));
        net.run(secs(16 * 60));
        let states = net.host().states();
        assert!(!states.contains(&"LAST-ACK".to_string()), "after 16 min: {states:?}");
    });
}

/// B4. RFC 9293 MUST-35: a sender with data and a closed window probes it. A late ACK with an old window
/// (RFC 9293 §3.10.7.4 compares SND.WL1 and SND.WL2; smoltcp does not) and a lost flight leave no timer.
#[test]
fn a_window_that_an_old_ack_closed_is_probed() {
    trap("the host is silent for 300 s", |net| {
        let (socket, mut peer) = open(net);
        assert_eq!(net.host().send(socket, b"hello"), Ok(5));
        peer.expects(data(1, b"hello").ack(1));
        // The flight is lost, and an ACK that was overtaken says that the window was closed once.
        peer.sends(ack(1, 1).window(0));
        let Some((_, Packet::Tcp(probe))) = peer.takes(secs(300)) else { panic!("the host is silent for 300 s") };
        // smoltcp's keep-alive would be a byte of garbage at 5, which the peer has not got: it could take it for data.
        assert_eq!((probe.seq, probe.payload.len()), (0, 0), "it asks with what the peer has");
    });
}

/// B26. RFC 9293 §3.10.7.4: an ACK that acknowledges nothing new updates the window all the same. In LAST-ACK smoltcp
/// answers it with a challenge ACK and does not look at its window.
#[test]
fn a_window_that_opens_after_both_have_closed_is_used() {
    trap("the data never comes again", |net| {
        let (socket, mut peer) = open(net);
        peer.sends(fin(1).ack(1));
        peer.expects(ack(1, 2));
        assert_eq!(net.host().send(socket, b"hello"), Ok(5));
        peer.expects(data(1, b"hello").ack(2));
        // The flight is lost, and an ACK that was overtaken says that the window was closed once.
        peer.sends(ack(2, 1).window(0));
        net.host().close(socket);
        let has_come = (0..10).any(|_| match peer.takes(secs(30)) {
            Some((_, Packet::Tcp(segment))) if segment.payload == b"hello" => true,
            _ => {
                peer.sends(ack(2, 1).window(1_000));
                false
            }
        });
        assert!(has_come, "the data never comes again");
        peer.sends(ack(2, 7));
        assert_eq!(net.host().states(), ["LISTEN"], "it came with the FIN");
    });
}

/// A server with one connection.
fn open(net: &super::Bench) -> (super::host::Id, Peer<Box<dyn super::Host>>) {
    let listener = net.host().listen(80, 1);
    let mut peer = net.peer().towards(80);
    peer.connects();
    let socket = net.host().accept(listener).expect("a connection that is open");
    (socket, peer)
}

/// B29. The SYN's answer is heard by a machine that was suspended for more than a week: the first round-trip time is so
/// long that the second one overflows.
#[test]
fn an_ack_that_is_heard_after_a_week_does_no_harm() {
    trap("attempt to multiply with overflow", |net| {
        let mut peer = net.peer().port(80);
        let socket = net.host().connect(([192, 0, 2, 2], 80).into());
        peer.expects(syn(0));
        net.suspend(secs(8 * 86_400));
        peer.sends(syn_ack(0).ack(1));
        peer.expects(ack(1, 1));
        assert_eq!(net.host().send(socket, b"hello"), Ok(5));
        peer.expects(data(1, b"hello").ack(1));
        peer.sends(ack(1, 6));
        assert_eq!(net.host().send(socket, b"again"), Ok(5));
        peer.expects(data(6, b"again").ack(1));
    });
}
