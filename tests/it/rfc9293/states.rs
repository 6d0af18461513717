//! Is every edge of the state diagram taken? (RFC 9293 §3.3.2, Figure 5)
//!
//! One test for each edge, named after it, then those that the figure leaves out: a reset in every state.
//! A listener and its connections are separate sockets here, so that LISTEN stays when a SYN comes: the
//! child begins in SYN-RECEIVED, and goes where the figure says "back to LISTEN".

use smolsock::{Errno, Shutdown, SocketId};

use super::{Host, Peer, burst, connecting, host, listening, netstat, open, recv, secs, state, stream};
use crate::wire::{ack, data, fin, rst, syn, syn_ack};

/// From, event, to, and the test. Figure 5 from top to bottom; `…` in the last lines is what the figure leaves out.
pub const EDGES: &[(&str, &str, &str, &str)] = &[
    ("CLOSED", "passive OPEN", "LISTEN", "closed_to_listen"),
    ("CLOSED", "active OPEN / SYN", "SYN-SENT", "closed_to_syn_sent"),
    ("LISTEN", "CLOSE", "CLOSED", "listen_to_closed"),
    ("LISTEN", "SEND / SYN", "SYN-SENT", "listen_to_syn_sent_is_refused"),
    ("LISTEN", "SYN / SYN,ACK", "SYN-RECEIVED", "listen_to_syn_received"),
    ("SYN-SENT", "SYN / SYN,ACK", "SYN-RECEIVED", "syn_sent_to_syn_received"),
    ("SYN-SENT", "SYN,ACK / ACK", "ESTABLISHED", "syn_sent_to_established"),
    ("SYN-SENT", "CLOSE", "CLOSED", "syn_sent_to_closed"),
    ("SYN-RECEIVED", "ACK of SYN", "ESTABLISHED", "syn_received_to_established"),
    ("SYN-RECEIVED", "RST", "LISTEN", "syn_received_to_listen"),
    ("SYN-RECEIVED", "CLOSE / FIN", "FIN-WAIT-1", "syn_received_to_fin_wait_1_is_a_reset"),
    ("ESTABLISHED", "CLOSE / FIN", "FIN-WAIT-1", "established_to_fin_wait_1"),
    ("ESTABLISHED", "FIN / ACK", "CLOSE-WAIT", "established_to_close_wait"),
    ("FIN-WAIT-1", "ACK of FIN", "FIN-WAIT-2", "fin_wait_1_to_fin_wait_2"),
    ("FIN-WAIT-1", "FIN / ACK", "CLOSING", "fin_wait_1_to_closing"),
    ("FIN-WAIT-1", "FIN, ACK of FIN / ACK", "TIME-WAIT", "fin_wait_1_to_time_wait"),
    ("FIN-WAIT-2", "FIN / ACK", "TIME-WAIT", "fin_wait_2_to_time_wait"),
    ("CLOSING", "ACK of FIN", "TIME-WAIT", "closing_to_time_wait"),
    ("CLOSE-WAIT", "CLOSE / FIN", "LAST-ACK", "close_wait_to_last_ack"),
    ("LAST-ACK", "ACK of FIN", "CLOSED", "last_ack_to_closed"),
    ("TIME-WAIT", "2MSL", "CLOSED", "time_wait_to_closed"),
];

/// What the figure leaves out (its notes say so): resets, aborts, and MAY-2.
pub const BEYOND: &[(&str, &str, &str, &str)] = &[
    ("SYN-SENT", "RST", "CLOSED", "syn_sent_to_closed_by_a_reset"),
    ("SYN-RECEIVED", "RST", "CLOSED", "syn_received_to_closed_by_a_reset"),
    ("ESTABLISHED", "RST", "CLOSED", "established_to_closed_by_a_reset"),
    ("ESTABLISHED", "ABORT / RST", "CLOSED", "established_to_closed_by_an_abort"),
    ("FIN-WAIT-1", "RST", "CLOSED", "fin_wait_1_to_closed_by_a_reset"),
    ("FIN-WAIT-2", "RST", "CLOSED", "fin_wait_2_to_closed_by_a_reset"),
    ("CLOSE-WAIT", "RST", "CLOSED", "close_wait_to_closed_by_a_reset"),
    ("CLOSING", "RST", "CLOSED", "closing_to_closed_by_a_reset"),
    ("LAST-ACK", "RST", "CLOSED", "last_ack_to_closed_by_a_reset"),
    ("TIME-WAIT", "RST", "TIME-WAIT", "time_wait_survives_a_reset"),
    ("TIME-WAIT", "RST that answers our ACK of a SYN", "CLOSED", "time_wait_is_ended_by_the_reset_that_answers_it"),
    ("TIME-WAIT", "SYN / SYN,ACK", "SYN-RECEIVED", "time_wait_to_syn_received"),
];

#[test]
fn every_edge_has_its_test() {
    let all = crate::by_name::all();
    assert_eq!((EDGES.len(), BEYOND.len()), (21, 12));
    for (from, event, to, test) in EDGES.iter().chain(BEYOND) {
        let path = format!("rfc9293::states::{test}");
        let text = all.get(&path).unwrap_or_else(|| panic!("{from} to {to} on {event}: no test {path}"));
        // A state is named in its test, before and after; where ours differs, the test's name says so.
        let is_different = test.ends_with("is_refused") || test.ends_with("is_a_reset");
        let said = |name: &str| text.contains(&format!("\"{name}\"")) || text.contains(&helper(name));
        assert!(said(from), "{test} does not name {from}");
        assert!(is_different || *to == "CLOSED" || said(to), "{test} does not name {to}");
    }
    let states: std::collections::BTreeSet<&str> = EDGES.iter().flat_map(|(from, _, to, _)| [*from, *to]).collect();
    assert_eq!(states.len(), 11, "{states:?}");
}

/// The helper that asserts a state: `in_close_wait(` for CLOSE-WAIT.
fn helper(name: &str) -> String {
    format!("in_{}(", name.to_lowercase().replace('-', "_"))
}

#[test]
fn closed_to_listen() {
    let net = host();
    let socket = stream(&net);
    assert_eq!(state(&net, socket), "CLOSED");
    net.host().listen(socket, 0).expect("a fresh socket");
    assert_eq!(state(&net, socket), "LISTEN");
    assert_eq!(netstat(&net), ["LISTEN"]);
    net.peer().expects_nothing();
}

#[test]
fn closed_to_syn_sent() {
    let net = host();
    let mut peer = net.peer().port(80);
    let socket = stream(&net);
    assert_eq!(state(&net, socket), "CLOSED");
    assert_eq!(net.host().connect(socket, ([192, 0, 2, 2], 80).into()), Err(Errno::EINPROGRESS));
    peer.expects(syn(0));
    assert_eq!(state(&net, socket), "SYN-SENT");
}

#[test]
fn listen_to_closed() {
    let net = host();
    let (listener, mut peer) = listening(&net);
    assert_eq!(netstat(&net), ["LISTEN"]);
    net.host().close(listener).expect("it is open");
    assert!(netstat(&net).is_empty(), "CLOSED");
    peer.expects_nothing();
}

/// As in POSIX and Linux a listener stays one: `connect` says EISCONN, `send` EPIPE. (RFC 9293 §3.10.1 lets a passive
/// OPEN become active.)
#[test]
fn listen_to_syn_sent_is_refused() {
    let net = host();
    let (listener, mut peer) = listening(&net);
    assert_eq!(net.host().connect(listener, ([192, 0, 2, 2], 80).into()), Err(Errno::EISCONN));
    assert_eq!(net.host().send(listener, b"hello"), Err(Errno::EPIPE));
    peer.expects_nothing();
    assert_eq!(state(&net, listener), "LISTEN");
}

#[test]
fn listen_to_syn_received() {
    let net = host();
    let (_, mut peer) = listening(&net);
    assert_eq!(netstat(&net), ["LISTEN"]);
    peer.sends(syn(0));
    peer.expects(syn_ack(0).ack(1));
    assert_eq!(netstat(&net), ["LISTEN", "SYN-RECEIVED"]);
}

#[test]
fn syn_sent_to_syn_received() {
    let net = host();
    let (socket, mut peer) = connecting(&net);
    assert_eq!(state(&net, socket), "SYN-SENT");
    peer.sends(syn(0));
    peer.expects(syn_ack(0).ack(1));
    assert_eq!(state(&net, socket), "SYN-RECEIVED");
}

#[test]
fn syn_sent_to_established() {
    let net = host();
    let (socket, mut peer) = connecting(&net);
    assert_eq!(state(&net, socket), "SYN-SENT");
    peer.sends(syn_ack(0).ack(1));
    peer.expects(ack(1, 1));
    assert_eq!(state(&net, socket), "ESTABLISHED");
}

/// Nothing is sent (B9): the peer's SYN-ACK, if it comes, finds nobody.
#[test]
fn syn_sent_to_closed() {
    let net = host();
    let (socket, mut peer) = connecting(&net);
    assert_eq!(state(&net, socket), "SYN-SENT");
    net.host().close(socket).expect("it is open");
    assert!(netstat(&net).is_empty(), "CLOSED");
    peer.expects_nothing_for(secs(60));
    peer.sends(syn_ack(0).ack(1));
    peer.expects(rst(1));
}

/// Of both kinds: a listener's child, and an open from both sides.
#[test]
fn syn_received_to_established() {
    let net = host();
    let (_, mut peer) = listening(&net);
    peer.sends(syn(0));
    peer.expects(syn_ack(0).ack(1));
    assert_eq!(netstat(&net), ["LISTEN", "SYN-RECEIVED"]);
    peer.sends(ack(1, 1));
    assert_eq!(netstat(&net), ["LISTEN", "ESTABLISHED"]);
    let net = host();
    let (socket, mut peer) = in_syn_received(&net);
    peer.sends(ack(1, 1));
    assert_eq!(state(&net, socket), "ESTABLISHED");
    peer.expects_nothing();
}

/// For a child: what is left is the listener.
#[test]
fn syn_received_to_listen() {
    let net = host();
    let (listener, mut peer) = listening(&net);
    peer.sends(syn(0));
    peer.expects(syn_ack(0).ack(1));
    assert_eq!(netstat(&net), ["LISTEN", "SYN-RECEIVED"]);
    peer.sends(rst(1));
    assert_eq!(netstat(&net), ["LISTEN"]);
    assert_eq!(net.host().accept(listener), Err(Errno::EAGAIN));
}

/// B8: a half-open connection is reset instead of closed, since smoltcp would wait for the ACK of a FIN that it never
/// sends. A child cannot be closed at all before it is established: `accept` does not give it.
#[test]
fn syn_received_to_fin_wait_1_is_a_reset() {
    for close in [true, false] {
        let net = host();
        let (socket, mut peer) = in_syn_received(&net);
        if close {
            net.host().close(socket).expect("it is open");
        } else {
            net.host().shutdown(socket, Shutdown::Write).expect("it is connecting");
        }
        let segments = burst(&mut peer);
        assert!(segments.len() == 1 && segments[0].rst && segments[0].seq == 1, "{segments:?}");
        assert!(!netstat(&net).contains(&"FIN-WAIT-1"));
        peer.expects_nothing_for(secs(60));
        assert!(netstat(&net).is_empty());
    }
}

#[test]
fn established_to_fin_wait_1() {
    let net = host();
    let (socket, mut peer) = open(&net);
    assert_eq!(state(&net, socket), "ESTABLISHED");
    net.host().shutdown(socket, Shutdown::Write).expect("it is connected");
    peer.expects(fin(1).ack(1));
    assert_eq!(state(&net, socket), "FIN-WAIT-1");
    // `close` does the same, and leaves an orphan.
    let net = host();
    let (socket, mut peer) = open(&net);
    net.host().close(socket).expect("it is open");
    peer.expects(fin(1).ack(1));
    assert_eq!(netstat(&net), ["FIN-WAIT-1"]);
}

#[test]
fn established_to_close_wait() {
    let net = host();
    let (socket, mut peer) = open(&net);
    assert_eq!(state(&net, socket), "ESTABLISHED");
    peer.sends(fin(1).ack(1));
    peer.expects(ack(1, 2));
    assert_eq!(state(&net, socket), "CLOSE-WAIT");
    assert_eq!(recv(&net, socket).as_deref(), Ok(&b""[..]));
}

#[test]
fn fin_wait_1_to_fin_wait_2() {
    let net = host();
    let (socket, mut peer) = in_fin_wait_1(&net);
    peer.sends(ack(1, 2));
    assert_eq!(state(&net, socket), "FIN-WAIT-2");
    // The other direction goes on.
    peer.sends(data(1, b"hello").ack(2));
    peer.expects(ack(2, 6));
}

/// The FINs cross.
#[test]
fn fin_wait_1_to_closing() {
    let net = host();
    let (socket, mut peer) = in_fin_wait_1(&net);
    peer.sends(fin(1).ack(1));
    peer.expects(ack(2, 2));
    assert_eq!(state(&net, socket), "CLOSING");
}

/// The peer's FIN acknowledges ours.
#[test]
fn fin_wait_1_to_time_wait() {
    let net = host();
    let (_, mut peer) = in_fin_wait_1(&net);
    peer.sends(fin(1).ack(2));
    peer.expects(ack(2, 2));
    assert_eq!(netstat(&net), ["TIME-WAIT"]);
}

#[test]
fn fin_wait_2_to_time_wait() {
    let net = host();
    let (_, mut peer) = in_fin_wait_2(&net);
    peer.sends(fin(1).ack(2));
    peer.expects(ack(2, 2));
    assert_eq!(netstat(&net), ["TIME-WAIT"]);
}

#[test]
fn closing_to_time_wait() {
    let net = host();
    let (_, mut peer) = in_closing(&net);
    peer.sends(ack(2, 2));
    net.run(secs(1));
    assert_eq!(netstat(&net), ["TIME-WAIT"]);
    peer.expects_nothing();
}

#[test]
fn close_wait_to_last_ack() {
    let net = host();
    let (socket, mut peer) = in_close_wait(&net);
    net.host().close(socket).expect("it is open");
    peer.expects(fin(1).ack(2));
    assert_eq!(netstat(&net), ["LAST-ACK"]);
}

#[test]
fn last_ack_to_closed() {
    let net = host();
    let (socket, mut peer) = in_last_ack(&net);
    peer.sends(ack(2, 2));
    assert_eq!(state(&net, socket), "CLOSED");
    peer.expects_nothing();
    assert!(netstat(&net).is_empty());
}

#[test]
fn time_wait_to_closed() {
    let net = host();
    let (_, mut peer) = in_fin_wait_1(&net);
    peer.sends(fin(1).ack(2));
    peer.expects(ack(2, 2));
    net.run(secs(59));
    assert_eq!(netstat(&net), ["TIME-WAIT"]);
    net.run(secs(2));
    assert!(netstat(&net).is_empty(), "CLOSED");
}

#[test]
fn syn_sent_to_closed_by_a_reset() {
    let net = host();
    let (socket, mut peer) = connecting(&net);
    assert_eq!(state(&net, socket), "SYN-SENT");
    peer.sends(rst(0).ack(1));
    assert_closed(&net, socket, &mut peer, Errno::ECONNREFUSED);
}

#[test]
fn syn_received_to_closed_by_a_reset() {
    let net = host();
    let (socket, mut peer) = in_syn_received(&net);
    peer.sends(rst(1));
    assert_closed(&net, socket, &mut peer, Errno::ECONNRESET);
}

#[test]
fn established_to_closed_by_a_reset() {
    let net = host();
    let (socket, mut peer) = open(&net);
    assert_eq!(state(&net, socket), "ESTABLISHED");
    peer.sends(rst(1));
    assert_closed(&net, socket, &mut peer, Errno::ECONNRESET);
}

/// RFC 9293 §3.10.5. `close` with data that was not read aborts (RFC 2525 §2.17).
#[test]
fn established_to_closed_by_an_abort() {
    let net = host();
    let (socket, mut peer) = open(&net);
    peer.sends(data(1, b"unread").ack(1));
    peer.expects(ack(1, 7));
    assert_eq!(state(&net, socket), "ESTABLISHED");
    net.host().close(socket).expect("it is open");
    peer.expects(rst(1).ack(7));
    assert!(netstat(&net).is_empty(), "CLOSED");
}

#[test]
fn fin_wait_1_to_closed_by_a_reset() {
    let net = host();
    let (socket, mut peer) = in_fin_wait_1(&net);
    peer.sends(rst(1));
    assert_closed(&net, socket, &mut peer, Errno::ECONNRESET);
}

#[test]
fn fin_wait_2_to_closed_by_a_reset() {
    let net = host();
    let (socket, mut peer) = in_fin_wait_2(&net);
    peer.sends(rst(1));
    assert_closed(&net, socket, &mut peer, Errno::ECONNRESET);
}

/// Linux: the peer had closed already, so what is lost is what we still wanted to write.
#[test]
fn close_wait_to_closed_by_a_reset() {
    let net = host();
    let (socket, mut peer) = in_close_wait(&net);
    peer.sends(rst(2));
    assert_closed(&net, socket, &mut peer, Errno::EPIPE);
}

#[test]
fn closing_to_closed_by_a_reset() {
    let net = host();
    let (socket, mut peer) = in_closing(&net);
    peer.sends(rst(2));
    assert_closed(&net, socket, &mut peer, Errno::ECONNRESET);
}

#[test]
fn last_ack_to_closed_by_a_reset() {
    let net = host();
    let (socket, mut peer) = in_last_ack(&net);
    peer.sends(rst(2));
    assert_closed(&net, socket, &mut peer, Errno::ECONNRESET);
}

/// RFC 1337, not RFC 9293 §3.10.7.4: an old reset must not let old segments in.
#[test]
fn time_wait_survives_a_reset() {
    let net = host();
    let (_, mut peer) = in_fin_wait_1(&net);
    peer.sends(fin(1).ack(2));
    peer.expects(ack(2, 2));
    assert_eq!(netstat(&net), ["TIME-WAIT"]);
    peer.sends(rst(2));
    peer.expects_nothing();
    assert_eq!(netstat(&net), ["TIME-WAIT"]);
}

/// RFC 9293 §3.10.7.4 and figure 9: the peer reuses its port with a sequence number that is not beyond the old connection's. It is
/// told where the old one stands, says that it knows of none, and its SYN comes again.
#[test]
fn time_wait_is_ended_by_the_reset_that_answers_it() {
    let net = host();
    let (_, mut peer) = in_fin_wait_1(&net);
    peer.sends(fin(1).ack(2));
    peer.expects(ack(2, 2));
    peer.sends(syn(0).mss(1460));
    peer.expects(ack(2, 2));
    peer.sends(rst(3));
    assert_eq!(netstat(&net), ["TIME-WAIT"], "another number proves nothing");
    peer.sends(rst(2));
    assert_eq!(netstat(&net), [""; 0]);
}

/// MAY-2.
#[test]
fn time_wait_to_syn_received() {
    let net = host();
    let (listener, mut peer) = listening(&net);
    peer.connects();
    let (socket, _) = net.host().accept(listener).expect("a connection that is open");
    net.host().close(socket).expect("it is open");
    peer.expects(fin(1).ack(1));
    peer.sends(fin(1).ack(2));
    peer.expects(ack(2, 2));
    assert_eq!(netstat(&net), ["LISTEN", "TIME-WAIT"]);
    peer.reborn(100_000);
    peer.sends(syn(0));
    peer.expects(syn_ack(0).ack(1));
    assert_eq!(netstat(&net), ["LISTEN", "SYN-RECEIVED"]);
}

/// An attempt whose SYN crossed the peer's.
fn in_syn_received(net: &Host) -> (SocketId, Peer) {
    let (socket, mut peer) = connecting(net);
    peer.sends(syn(0));
    peer.expects(syn_ack(0).ack(1));
    assert_eq!(state(net, socket), "SYN-RECEIVED");
    (socket, peer)
}

fn in_fin_wait_1(net: &Host) -> (SocketId, Peer) {
    let (socket, mut peer) = open(net);
    net.host().shutdown(socket, Shutdown::Write).expect("it is connected");
    peer.expects(fin(1).ack(1));
    assert_eq!(state(net, socket), "FIN-WAIT-1");
    (socket, peer)
}

fn in_fin_wait_2(net: &Host) -> (SocketId, Peer) {
    let (socket, mut peer) = in_fin_wait_1(net);
    peer.sends(ack(1, 2));
    assert_eq!(state(net, socket), "FIN-WAIT-2");
    (socket, peer)
}

fn in_closing(net: &Host) -> (SocketId, Peer) {
    let (socket, mut peer) = in_fin_wait_1(net);
    peer.sends(fin(1).ack(1));
    peer.expects(ack(2, 2));
    assert_eq!(state(net, socket), "CLOSING");
    (socket, peer)
}

fn in_close_wait(net: &Host) -> (SocketId, Peer) {
    let (socket, mut peer) = open(net);
    peer.sends(fin(1).ack(1));
    peer.expects(ack(1, 2));
    assert_eq!(state(net, socket), "CLOSE-WAIT");
    (socket, peer)
}

fn in_last_ack(net: &Host) -> (SocketId, Peer) {
    let (socket, mut peer) = in_close_wait(net);
    net.host().shutdown(socket, Shutdown::Write).expect("it is connected");
    peer.expects(fin(1).ack(2));
    assert_eq!(state(net, socket), "LAST-ACK");
    (socket, peer)
}

/// Over, with this cause, and in silence.
fn assert_closed(net: &Host, socket: SocketId, peer: &mut Peer, cause: Errno) {
    assert_eq!(state(net, socket), "CLOSED");
    assert_eq!(net.host().take_error(socket), Ok(Some(cause)));
    peer.expects_nothing();
}
