//! How is a packet refused that nobody wants?

use std::net::Ipv4Addr;

use super::{both, trap};
use crate::wire::{ack, data, datagram, fin, ping, pong, port_unreachable, rst, syn};

/// RFC 9293 §3.5.2, group 1: `<SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>`.
#[test]
fn a_syn_to_a_closed_port_gets_a_reset_that_acknowledges_it() {
    both(|net| {
        let mut peer = net.peer().towards(9);
        peer.sends(syn(0));
        peer.expects(rst(0).ack(1));
    });
}

/// RFC 9293 §3.5.2, group 1: `<SEQ=SEG.ACK><CTL=RST>`.
#[test]
fn an_ack_to_a_closed_port_gets_a_reset_at_its_number() {
    both(|net| {
        let mut peer = net.peer().towards(9);
        peer.sends(ack(1, 500));
        peer.expects(rst(500));
    });
}

/// B20. A segment with neither SYN nor ACK: smoltcp's RST has no ACK, so that the peer cannot tell
/// whether it is meant.
#[test]
fn a_segment_without_ack_to_a_closed_port_gets_a_reset_that_acknowledges_it() {
    trap("expected RST-ACK seq 0 ack 6, but the host sent RST seq 0 win 0", |net| {
        let mut peer = net.peer().towards(9);
        peer.sends(data(1, b"hello"));
        peer.expects(rst(0).ack(6));
        peer.sends(fin(1));
        peer.expects(rst(0).ack(2));
    });
}

#[test]
fn a_reset_to_a_closed_port_gets_no_answer() {
    both(|net| {
        let mut peer = net.peer().towards(9);
        peer.sends(rst(1));
        peer.sends(rst(1).ack(1));
        peer.expects_nothing();
    });
}

/// RFC 9293 MUST-57, RFC 1122 §3.2.1.3: smoltcp answers from the broadcast address.
#[test]
fn a_broadcast_syn_to_a_closed_port_gets_no_answer() {
    trap("packets that answer a broadcast: 1", |net| {
        let mut crowd = net.peer().towards(9);
        crowd.sends_to(Ipv4Addr::BROADCAST, syn(0));
        let answers = net.untaken();
        assert_eq!(answers, 0, "packets that answer a broadcast: {answers}");
    });
}

#[test]
fn a_datagram_to_a_closed_port_gets_port_unreachable() {
    both(|net| {
        let mut peer = net.peer().towards(9);
        peer.sends(datagram(b"anybody?"));
        peer.expects(port_unreachable());
    });
}

/// RFC 1122 §3.2.2: no ICMP error in answer to a broadcast.
#[test]
fn a_broadcast_datagram_to_a_closed_port_gets_no_answer() {
    both(|net| {
        let mut crowd = net.peer().towards(9);
        crowd.sends_to(Ipv4Addr::BROADCAST, datagram(b"anybody?"));
        assert_eq!(net.untaken(), 0);
    });
}

#[test]
fn a_ping_is_answered() {
    both(|net| {
        let mut peer = net.peer();
        peer.sends(ping(1, b"01234567"));
        peer.expects(pong(1, b"01234567"));
    });
}
