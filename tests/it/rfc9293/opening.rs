//! How do connections begin? (RFC 9293 §3.5, §3.9)

use smolsock::Errno;
use smolsock::addr::Cidr;

use super::raw::from;
use super::{connecting, host, host_with, listening, netstat, recv, send, state, stream};
use crate::wire::{Segment, ack, data, rst, syn, syn_ack};

/// MUST-10: both sides send a SYN, and one connection comes of it.
#[test]
fn two_syns_that_cross_make_one_connection() {
    let net = host();
    let (socket, mut peer) = connecting(&net);
    peer.sends(syn(0).mss(1460));
    peer.expects(syn_ack(0).ack(1));
    assert_eq!(state(&net, socket), "SYN-RECEIVED");
    // RFC 9293 §3.10.7.4 has its SYN out of the window: it is answered, and the answer is what counts.
    peer.sends(syn_ack(0).ack(1));
    peer.expects(ack(1, 1));
    peer.sends(ack(1, 1));
    assert_eq!(state(&net, socket), "ESTABLISHED");
    peer.sends(data(1, b"hello").ack(1));
    peer.expects(ack(1, 6));
    send(&net, socket, b"hello");
    peer.expects(data(1, b"hello").ack(6));
}

/// MUST-11: a reset in SYN-RECEIVED ends an attempt that was ours, and is told …
#[test]
fn a_reset_in_syn_received_ends_an_active_open() {
    let net = host();
    let (socket, mut peer) = connecting(&net);
    peer.sends(syn(0).mss(1460));
    peer.expects(syn_ack(0).ack(1));
    peer.sends(rst(1).ack(1));
    assert_eq!(state(&net, socket), "CLOSED");
    // As Linux has it; RFC 9293 §3.10.7.4 says "connection refused".
    assert_eq!(net.host().take_error(socket), Ok(Some(Errno::ECONNRESET)));
}

/// … and goes back to LISTEN where it was the peer's: nobody is told.
#[test]
fn a_reset_in_syn_received_leaves_a_listener_as_it_was() {
    let net = host();
    let (listener, mut peer) = listening(&net);
    peer.sends(syn(0));
    peer.expects(syn_ack(0).ack(1));
    assert_eq!(netstat(&net), ["LISTEN", "SYN-RECEIVED"]);
    peer.sends(rst(1));
    assert_eq!(netstat(&net), ["LISTEN"]);
    assert_eq!(net.host().accept(listener), Err(Errno::EAGAIN));
    assert_eq!(net.host().take_error(listener), Ok(None));
    peer.sends(syn(0));
    peer.expects(syn_ack(0).ack(1));
}

/// MUST-41, MUST-42: a passive open disturbs no connection, and goes on beside those from its own port.
#[test]
fn listeners_and_connections_live_side_by_side_on_one_port() {
    let net = host();
    let (listener, mut first) = listening(&net);
    first.connects();
    let (socket, _) = net.host().accept(listener).expect("a connection that is open");
    let mut second = net.peer().port(2).towards(80);
    second.connects();
    first.sends(data(1, b"first").ack(1));
    second.sends(data(1, b"second").ack(1));
    assert_eq!(recv(&net, socket).as_deref(), Ok(&b"first"[..]));
    let (other, _) = net.host().accept(listener).expect("a connection that is open");
    assert_eq!(recv(&net, other).as_deref(), Ok(&b"second"[..]));
    let another = stream(&net);
    net.host().bind(another, ([0; 4], 81).into()).expect("a free port");
    net.host().listen(another, 0).expect("a bound socket");
    assert_eq!(netstat(&net), ["LISTEN", "ESTABLISHED", "ESTABLISHED", "LISTEN"]);
    first.sends(data(6, b"again").ack(1));
    assert_eq!(recv(&net, socket).as_deref(), Ok(&b"again"[..]));
}

/// MUST-42: two listeners at once, each with its own clients.
#[test]
fn two_ports_are_listened_on_at_once() {
    let net = host();
    let (first, _) = listening(&net);
    let second = stream(&net);
    net.host().bind(second, ([0; 4], 81).into()).expect("a free port");
    net.host().listen(second, 0).expect("a bound socket");
    net.peer().port(1).towards(80).connects();
    net.peer().port(2).towards(81).connects();
    assert_eq!(net.host().accept(first).map(|(_, remote)| remote.port()), Ok(1));
    assert_eq!(net.host().accept(second).map(|(_, remote)| remote.port()), Ok(2));
}

/// MUST-43: an active open from the address and port that the application names.
#[test]
fn a_connection_begins_where_its_socket_is_bound() {
    let net = two_homes();
    let socket = stream(&net);
    net.host().bind(socket, ([198, 51, 100, 1], 1234).into()).expect("a free port");
    assert_eq!(net.host().connect(socket, ([192, 0, 2, 2], 80).into()), Err(Errno::EINPROGRESS));
    assert_eq!(net.host().getsockname(socket), Ok(([198, 51, 100, 1], 1234).into()));
    net.run(super::millis(1));
    assert_eq!(sources(&net), [([198, 51, 100, 1], 1234)]);
}

/// MUST-44: without a name the address is that of the way to the peer. MUST-45: and it stays.
#[test]
fn a_connection_begins_at_the_address_on_the_way_to_its_peer() {
    let net = two_homes();
    for (remote, own) in [([192, 0, 2, 2], [192, 0, 2, 1]), ([198, 51, 100, 2], [198, 51, 100, 1])] {
        let socket = stream(&net);
        assert_eq!(net.host().connect(socket, (remote, 80).into()), Err(Errno::EINPROGRESS));
        let local = net.host().getsockname(socket).expect("it is open");
        assert_eq!(local.ip(), std::net::IpAddr::from(own));
        let before = net.frames().len();
        // Retransmissions come from there too.
        net.run(super::secs(16));
        let after: Vec<_> = sources(&net).into_iter().skip(before - 1).collect();
        assert!(after.len() >= 4 && after.iter().all(|source| *source == (own, local.port())), "{after:?}");
        net.host().close(socket).expect("it is open");
    }
}

/// MUST-46: an open towards a group is refused, whatever group it is.
#[test]
fn an_open_to_a_group_is_refused() {
    let net = host();
    let socket = stream(&net);
    for group in [[255, 255, 255, 255], [192, 0, 2, 255], [224, 0, 0, 1], [239, 1, 2, 3]] {
        assert_eq!(net.host().connect(socket, (group, 80).into()), Err(Errno::ENETUNREACH));
    }
    assert_eq!(net.untaken(), 0);
    assert_eq!(state(&net, socket), "CLOSED");
}

/// MUST-63: a SYN from where nobody can be is dropped.
#[test]
fn a_syn_from_an_impossible_address_is_dropped() {
    let net = host();
    let (_, mut peer) = listening(&net);
    for source in [[0, 0, 0, 0], [255, 255, 255, 255], [192, 0, 2, 255], [224, 0, 0, 1], [239, 1, 2, 3]] {
        peer.sends_changed(syn(0), from(source));
        net.run(super::secs(3));
        assert_eq!(net.untaken(), 0, "an answer to {source:?}");
        assert_eq!(netstat(&net), ["LISTEN"], "after a SYN from {source:?}");
    }
    peer.sends(syn(0));
    peer.expects(syn_ack(0).ack(1));
}

/// MUST-57: connections have no group addresses, with or without a listener.
#[test]
fn a_syn_to_a_group_gets_no_answer() {
    let net = host();
    let (_, mut peer) = listening(&net);
    for group in [[255, 255, 255, 255], [192, 0, 2, 255], [224, 0, 0, 1]] {
        for to in [80, 81] {
            let mut crowd = net.peer().port(7).towards(to);
            crowd.sends_to(std::net::IpAddr::from(group), syn(0));
            crowd.expects_nothing();
        }
    }
    assert_eq!((net.untaken(), netstat(&net)), (0, vec!["LISTEN"]));
    peer.connects();
}

/// RFC 9293 §3.10.7.2: what is neither SYN nor ACK nor RST means nothing to a listener.
#[test]
fn a_listener_takes_nothing_but_a_syn() {
    let net = host();
    let (_, mut peer) = listening(&net);
    peer.sends(rst(1));
    peer.sends(rst(1).ack(1));
    peer.expects_nothing();
    assert_eq!(netstat(&net), ["LISTEN"]);
}

/// RFC 9293 §3.10.7.2: data may come with a SYN. It need not be kept: the sender repeats what is not acknowledged.
#[test]
fn data_with_a_syn_is_not_lost_for_good() {
    let net = host();
    let (listener, mut peer) = listening(&net);
    peer.sends(Segment { syn: true, ..data(0, b"early") });
    let answer = super::burst(&mut peer).remove(0);
    let next = answer.ack.expect("a SYN-ACK");
    assert!(answer.syn && (next == 1 || next == 6), "{answer}");
    peer.sends(data(1, b"early").ack(1));
    let (socket, _) = net.host().accept(listener).expect("a connection that is open");
    assert_eq!(recv(&net, socket).as_deref(), Ok(&b"early"[..]));
}

/// A host on two networks.
fn two_homes() -> super::Host {
    host_with(|config| {
        let second = Cidr::new([198, 51, 100, 1].into(), 24).expect("a good prefix length");
        config.addresses.clear();
        config.addresses.push(Cidr::new([192, 0, 2, 1].into(), 24).expect("a good prefix length")).expect("room");
        config.addresses.push(second).expect("room");
    })
}

/// Source address and port of everything that the host has sent.
fn sources(net: &super::Host) -> Vec<([u8; 4], u16)> {
    let source = |frame: &Vec<u8>| {
        let addr = frame[12..16].try_into().expect("four bytes");
        (addr, u16::from_be_bytes([frame[20], frame[21]]))
    };
    net.frames().iter().map(source).collect()
}
