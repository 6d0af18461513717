//! Can an application tell why nothing comes?

use std::time::Duration;

use super::host::{Host, Id, Setup};
use super::{Bench, open, ours, secs, trap, trap_on};
use crate::wire::{Peer, ack, data, fin, rst, syn};

/// `Ok(0)` from `recv` means the end of the stream everywhere but in smoltcp, where it means "not yet".
#[test]
fn nothing_yet_is_eagain() {
    trap("recv: Ok(0)", |net| {
        let (socket, _peer) = open(net);
        let recv = recv(net, socket);
        assert_eq!(recv, Err("EAGAIN".to_string()), "recv: {recv:?}");
    });
}

#[test]
fn the_end_of_the_stream_is_zero_bytes() {
    trap("recv: Err(\"Finished\")", |net| {
        let (socket, mut peer) = open(net);
        peer.sends(data(1, b"bye").ack(1).with_fin());
        peer.expects(ack(1, 5));
        assert_eq!(recv(net, socket), Ok(3));
        let recv = recv(net, socket);
        assert_eq!(recv, Ok(0), "recv: {recv:?}");
    });
}

#[test]
fn a_reset_is_econnreset() {
    trap("recv: Err(\"InvalidState\")", |net| {
        let recv = recv_after_reset(net);
        assert_eq!(recv, Err("ECONNRESET".to_string()), "recv: {recv:?}");
    });
}

#[test]
fn a_timeout_is_etimedout() {
    let setup = Setup { r2: Some(secs(180)), ..Setup::default() };
    trap_on(setup, "recv: Err(\"InvalidState\")", |net| {
        let recv = recv_after_timeout(net);
        assert_eq!(recv, Err("ETIMEDOUT".to_string()), "recv: {recv:?}");
    });
}

/// In smoltcp a reset by the peer and our own giving up end in the same error: the cause is lost.
#[test]
fn a_reset_and_a_timeout_are_different() {
    let setup = Setup { r2: Some(secs(180)), ..Setup::default() };
    trap_on(setup, "both are Err(\"InvalidState\")", |net| {
        let timeout = recv_after_timeout(net);
        let listener = net.host().listen(81, 1);
        let mut peer = net.peer().port(81).towards(81);
        peer.connects();
        let socket = net.host().accept(listener).expect("a connection that is open");
        peer.sends(rst(1));
        let reset = recv(net, socket);
        assert_ne!(reset, timeout, "both are {reset:?}");
    });
}

/// POSIX: the cause is told once; after it, writing is EPIPE and the stream is at its end.
#[test]
fn the_cause_is_told_once_and_then_writing_is_epipe() {
    trap("send: Err(\"InvalidState\")", |net| {
        let (socket, mut peer) = open(net);
        peer.sends(rst(1));
        let _cause = recv(net, socket);
        let send = net.host().send(socket, b"x");
        assert_eq!(send, Err("EPIPE".to_string()), "send: {send:?}");
        assert_eq!(recv(net, socket), Ok(0));
    });
}

/// What arrived before the reset is not lost with it.
#[test]
fn data_that_came_before_a_reset_is_read_first() {
    trap("last: Err(\"InvalidState\")", |net| {
        let (socket, mut peer) = open(net);
        peer.sends(data(1, b"last words").ack(1));
        peer.sends(rst(11));
        assert_eq!(recv(net, socket), Ok(10));
        let last = recv(net, socket);
        assert_eq!(last, Err("ECONNRESET".to_string()), "last: {last:?}");
    });
}

#[test]
fn a_refused_connection_is_econnrefused() {
    trap("outcome: Some(Err(\"Closed\"))", |net| {
        let mut peer = net.peer().port(80);
        let socket = net.host().connect(([192, 0, 2, 2], 80).into());
        peer.expects(syn(0));
        peer.sends(rst(0).ack(1));
        let outcome = net.host().outcome(socket);
        assert_eq!(outcome, Some(Err("ECONNREFUSED".to_string())), "outcome: {outcome:?}");
    });
}

/// B9. RFC 9293 §3.10.4: `close` in SYN-SENT deletes the connection. smoltcp sends a RST.
#[test]
fn close_while_connecting_sends_nothing() {
    trap("expected nothing, but the host sent RST", |net| {
        let mut peer = net.peer().port(80);
        let socket = net.host().connect(([192, 0, 2, 2], 80).into());
        peer.expects(syn(0));
        net.host().close(socket);
        peer.expects_nothing_for(secs(300));
        assert!(net.host().states().is_empty());
    });
}

/// After the end of the stream the writing side is still open.
#[test]
fn the_peer_may_close_first_and_go_on_reading() {
    super::both(|net| {
        let (socket, mut peer) = open(net);
        peer.sends(fin(1).ack(1));
        peer.expects(ack(1, 2));
        assert_eq!(net.host().send(socket, b"still here"), Ok(10));
        peer.expects(data(1, b"still here").ack(2));
    });
}

fn recv(net: &Bench, socket: Id) -> Result<usize, String> {
    net.host().recv(socket, &mut [0; 100])
}

fn recv_after_reset(net: &Bench) -> Result<usize, String> {
    let (socket, mut peer) = open(net);
    peer.sends(rst(1));
    recv(net, socket)
}

fn recv_after_timeout(net: &Bench) -> Result<usize, String> {
    let (socket, _peer) = open(net);
    net.host().send(socket, b"hello?").expect("an open connection");
    net.run(secs(200));
    recv(net, socket)
}

/// B3. A segment that reaches beyond the window: its payload is cut, its FIN is not. The stream ends
/// early, and the end looks clean. We drop such a segment; it comes again when there is room.
#[test]
fn a_fin_counts_only_after_all_its_data() {
    trap("the stream ended after 65535 bytes of 65635", |net| {
        let (socket, mut peer) = open(net);
        let stream = vec![7; 65_635];
        for (n, part) in stream[..65_000].chunks(1000).enumerate() {
            peer.sends(data(1 + 1000 * u32::try_from(n).expect("65 parts"), part).ack(1));
        }
        peer.sends(data(65_001, &stream[65_000..]).ack(1).with_fin());
        let mut received = 0;
        while let Ok(bytes @ 1..) = net.host().recv(socket, &mut [0; 70_000]) {
            received += bytes;
        }
        let has_ended = net.host().states().contains(&"CLOSE-WAIT".to_string());
        assert!(!has_ended, "the stream ended after {received} bytes of {}", stream.len());
    });
}

/// B3, with a buffer that has more room than the peer was told: smoltcp cuts at what it told.
#[test]
fn a_fin_counts_only_within_the_window_that_was_told() {
    trap("the stream ended after 65535 bytes of 66035", |net| {
        let (socket, mut peer) = open(net);
        let stream = vec![7; 66_035];
        for (n, part) in stream[..55_535].chunks(1_000).enumerate() {
            peer.sends(data(1 + 1_000 * u32::try_from(n).expect("56 parts"), part).ack(1));
        }
        // Too little for a window update (RFC 9293 §3.8.6.2.2).
        let mut received = net.host().recv(socket, &mut [0; 9_000]).expect("data");
        peer.sends(data(55_536, &stream[55_535..]).ack(1).with_fin());
        while let Ok(bytes @ 1..) = net.host().recv(socket, &mut [0; 70_000]) {
            received += bytes;
        }
        let has_ended = net.host().states().contains(&"CLOSE-WAIT".to_string());
        assert!(!has_ended, "the stream ended after {received} bytes of {}", stream.len());
    });
}

/// B16. RFC 9293 §3.10.7.4: what comes before the data ahead of it is kept until that is there, a FIN too.
#[test]
fn a_fin_that_comes_early_is_remembered() {
    trap("expected ACK seq 1 ack 7, but the host sent ACK seq 1 ack 6", |net| {
        let (socket, mut peer) = open(net);
        peer.sends(fin(6).ack(1));
        quiet(&mut peer);
        peer.sends(data(1, b"hello").ack(1));
        peer.expects(ack(1, 7));
        assert_eq!(net.host().recv(socket, &mut [0; 10]), Ok(5));
        assert_eq!(net.host().recv(socket, &mut [0; 10]), Ok(0));
    });
}

/// B16. The same with data of its own, and a hole that is filled in two steps.
#[test]
fn a_fin_behind_data_that_comes_early_is_remembered() {
    trap("expected ACK seq 1 ack 11, but the host sent nothing", |net| {
        let (_, mut peer) = open(net);
        peer.sends(data(7, b"abc").ack(1).with_fin());
        quiet(&mut peer);
        peer.sends(data(1, b"hel").ack(1));
        quiet(&mut peer);
        peer.sends(data(4, b"lo.").ack(1));
        peer.expects(ack(1, 10));
        peer.expects(ack(1, 11));
    });
}

/// B16. A FIN behind data that has all come: the peer sends both again, because it sent that data without FIN the first time.
#[test]
fn a_fin_behind_data_that_has_come_is_heard() {
    trap("expected ACK seq 1 ack 7, but the host sent nothing", |net| {
        let (_, mut peer) = open(net);
        peer.sends(data(1, b"hello").ack(1));
        quiet(&mut peer);
        peer.sends(data(1, b"hello").ack(1).with_fin());
        peer.expects(ack(1, 6));
        peer.expects(ack(1, 7));
    });
}

/// Whoever damages or guesses a FIN does not end the stream: neither is one.
#[test]
fn an_early_fin_that_is_no_fin_is_forgotten() {
    let net = ours(Setup::default());
    let (_, mut peer) = open(&net);
    // Its checksum is wrong.
    peer.sends_changed(fin(6).ack(1), |frame| *frame.last_mut().expect("a packet has bytes") ^= 1);
    peer.sends(fin(6).ack(1000));
    peer.sends(fin(6).ack(u32::MAX - 1000));
    quiet(&mut peer);
    peer.sends(data(1, b"hello").ack(1));
    peer.expects(ack(1, 6));
    // Data has come where it would stand.
    peer.sends(fin(9).ack(1));
    quiet(&mut peer);
    peer.sends(data(6, b"hello").ack(1));
    peer.expects(ack(1, 11));
    assert!(net.host().states().contains(&"ESTABLISHED".to_string()));
}

fn quiet(peer: &mut Peer<Box<dyn Host>>) {
    while peer.takes(Duration::from_millis(100)).is_some() {}
}
