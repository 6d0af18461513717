//! How does a connection end, and who learns about it? (RFC 9293 §3.6)

use smolsock::{Errno, Shutdown};

use super::{burst, connecting, host, host_with, listening, netstat, open, recv, secs, send, state};
use crate::wire::{Segment, ack, data, fin, rst, syn, syn_ack};

/// MUST-12: whoever is reset is told, and told once.
#[test]
fn an_application_learns_that_its_connection_was_reset() {
    let net = host();
    let (socket, mut peer) = open(&net);
    peer.sends(rst(1));
    assert_eq!(net.host().send(socket, b"x"), Err(Errno::ECONNRESET));
    assert_eq!(net.host().send(socket, b"x"), Err(Errno::EPIPE));
}

/// SHLD-2: a reset may carry data, which is not the stream's.
#[test]
fn a_reset_may_carry_data() {
    let net = host();
    let (socket, mut peer) = open(&net);
    peer.sends(Segment { rst: true, ..data(1, b"I am out of memory").ack(1) });
    peer.expects_nothing();
    assert_eq!(recv(&net, socket), Err(Errno::ECONNRESET));
    assert_eq!(recv(&net, socket).as_deref(), Ok(&b""[..]));
}

/// MAY-1, SHLD-3: data that was never read is lost, and the peer is told so with a reset.
#[test]
fn close_with_unread_data_sends_a_reset() {
    let net = host();
    let (socket, mut peer) = open(&net);
    peer.sends(data(1, b"unread").ack(1));
    peer.expects(ack(1, 7));
    net.host().close(socket).expect("it is open");
    peer.expects(rst(1).ack(7));
    peer.expects_nothing();
    assert!(netstat(&net).is_empty());
}

/// SHLD-3: data that comes after `close`.
#[test]
fn data_after_close_gets_a_reset() {
    let net = host();
    let (socket, mut peer) = open(&net);
    net.host().close(socket).expect("it is open");
    peer.expects(fin(1).ack(1));
    peer.sends(data(1, b"too late").ack(2));
    let answers = burst(&mut peer);
    assert!(answers.iter().any(|answer| answer.rst && answer.seq == 2), "{answers:?}");
    assert!(netstat(&net).is_empty());
}

/// RFC 9293 §3.6: after a half-close the other direction goes on for as long as it likes.
#[test]
fn after_a_half_close_the_peer_may_send_for_an_hour() {
    let net = host();
    let (socket, mut peer) = open(&net);
    net.host().shutdown(socket, Shutdown::Write).expect("it is connected");
    peer.expects(fin(1).ack(1));
    peer.sends(ack(1, 2));
    net.run(secs(3600));
    peer.sends(data(1, b"still here").ack(2));
    peer.expects(ack(2, 11));
    assert_eq!(recv(&net, socket).as_deref(), Ok(&b"still here"[..]));
    peer.sends(fin(11).ack(2));
    peer.expects(ack(2, 12));
    assert_eq!(recv(&net, socket).as_deref(), Ok(&b""[..]));
}

/// SHLD-31: an end that comes before the last data waits for it, where it leads to TIME-WAIT too.
#[test]
fn a_fin_that_comes_early_ends_a_half_closed_connection() {
    let net = host();
    let (socket, mut peer) = open(&net);
    net.host().shutdown(socket, Shutdown::Write).expect("it is connected");
    peer.expects(fin(1).ack(1));
    peer.sends(ack(1, 2));
    peer.sends(fin(6).ack(2));
    burst(&mut peer);
    peer.sends(data(1, b"hello").ack(2));
    peer.expects(ack(2, 7));
    assert_eq!(recv(&net, socket).as_deref(), Ok(&b"hello"[..]));
    assert_eq!(recv(&net, socket).as_deref(), Ok(&b""[..]));
    net.run(secs(1));
    peer.sends(fin(6).ack(2));
    peer.expects(ack(2, 7));
    assert_eq!(netstat(&net), ["TIME-WAIT"]);
}

/// MUST-13: TIME-WAIT lasts 2MSL, here two minutes, and answers the peer's FIN for as long.
#[test]
fn time_wait_lasts_2msl() {
    let net = host_with(|config| config.time_wait = secs(120));
    let (socket, mut peer) = open(&net);
    net.host().close(socket).expect("it is open");
    peer.expects(fin(1).ack(1));
    peer.sends(fin(1).ack(2));
    peer.expects(ack(2, 2));
    let began_at = net.now();
    net.run(secs(119));
    assert_eq!(netstat(&net), ["TIME-WAIT"]);
    net.run(secs(2));
    assert!(netstat(&net).is_empty(), "{:?} after it began", net.now() - began_at);
    peer.sends(fin(1).ack(2));
    peer.expects(rst(2));
}

/// MAY-2: a SYN beyond the old connection's numbers opens a new one; an older one does not.
#[test]
fn time_wait_takes_a_new_syn_and_no_old_one() {
    let net = host();
    let (listener, mut peer) = listening(&net);
    peer.connects();
    let (socket, _) = net.host().accept(listener).expect("a connection that is open");
    net.host().close(socket).expect("it is open");
    peer.expects(fin(1).ack(1));
    peer.sends(fin(1).ack(2));
    peer.expects(ack(2, 2));
    peer.sends(syn(1));
    peer.expects(ack(2, 2));
    peer.reborn(100_000);
    peer.sends(syn(0));
    peer.expects(syn_ack(0).ack(1));
    assert_eq!(netstat(&net), ["LISTEN", "SYN-RECEIVED"]);
}

/// RFC 9293 §3.10.4: close waits for what is queued.
#[test]
fn close_sends_what_is_queued_before_its_fin() {
    let net = host();
    let (socket, mut peer) = open(&net);
    peer.sends(ack(1, 1).window(3));
    send(&net, socket, b"hello");
    net.host().close(socket).expect("it is open");
    peer.expects(data(1, b"hel").ack(1));
    peer.sends(ack(1, 4).window(100));
    peer.expects(data(4, b"lo").ack(1).with_fin());
    peer.sends(ack(1, 7));
    assert_eq!(netstat(&net), ["FIN-WAIT-2"]);
}

/// RFC 9293 §3.10.7.4: the data of a segment counts before its FIN.
#[test]
fn the_data_of_the_last_segment_is_read_before_the_end() {
    let net = host();
    let (socket, mut peer) = open(&net);
    peer.sends(data(1, b"bye").ack(1).with_fin());
    peer.expects(ack(1, 5));
    assert_eq!(state(&net, socket), "CLOSE-WAIT");
    assert_eq!(recv(&net, socket).as_deref(), Ok(&b"bye"[..]));
    assert_eq!(recv(&net, socket).as_deref(), Ok(&b""[..]));
}

/// MUST-12 before the connection: a refusal is told, and the socket can try again.
#[test]
fn an_application_learns_that_it_was_refused() {
    let net = host();
    let (socket, mut peer) = connecting(&net);
    peer.sends(rst(0).ack(1));
    assert_eq!(net.host().take_error(socket), Ok(Some(Errno::ECONNREFUSED)));
    assert_eq!(net.host().take_error(socket), Ok(None));
}
