//! What can a stranger's SYN, RST or silence do to a listener?

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::{secs, trap};
use crate::wire::{Packet, ack, rst, syn, syn_ack};

/// B1. smoltcp takes the SYN, finds at egress that it does not own the address it would answer from, and
/// resets the socket: LISTEN is over, and no return value says so. (A server that looks at every socket
/// after every poll, and listens again, gets it back then.) RFC 9293 MUST-57: drop it.
#[test]
fn listener_survives_a_broadcast_syn() {
    trap("expected SYN-ACK seq 0 ack 1, but the host sent RST-ACK seq 0 ack 1", |net| {
        net.host().listen(80, 1);
        let mut crowd = net.peer().port(1).towards(80);
        crowd.sends_to(Ipv4Addr::BROADCAST, syn(0));
        crowd.expects_nothing();
        let mut peer = net.peer().port(2).towards(80);
        peer.sends(syn(0));
        peer.expects(syn_ack(0).ack(1));
    });
}

/// B1 with the broadcast address of the own prefix.
#[test]
fn listener_survives_a_subnet_broadcast_syn() {
    trap("expected SYN-ACK seq 0 ack 1, but the host sent RST-ACK seq 0 ack 1", |net| {
        net.host().listen(80, 1);
        let mut crowd = net.peer().port(1).towards(80);
        crowd.sends_to(Ipv4Addr::new(192, 0, 2, 255), syn(0));
        crowd.expects_nothing();
        let mut peer = net.peer().port(2).towards(80);
        peer.sends(syn(0));
        peer.expects(syn_ack(0).ack(1));
    });
}

/// B1 with the groups that every host is in.
#[test]
fn listener_survives_a_multicast_syn() {
    trap("expected SYN-ACK seq 0 ack 1, but the host sent RST-ACK seq 0 ack 1", |net| {
        net.host().listen(80, 1);
        let mut crowd = net.peer().port(1).towards(80);
        crowd.sends_to(Ipv4Addr::new(224, 0, 0, 1), syn(0));
        crowd.expects_nothing();
        let mut peer = net.peer().port(2).towards(80);
        peer.sends(syn(0));
        peer.expects(syn_ack(0).ack(1));
    });
}

/// B1 over IPv6: ff02::1 is all nodes.
#[test]
fn listener_survives_an_all_nodes_syn() {
    trap("expected SYN-ACK seq 0 ack 1, but the host sent RST-ACK seq 0 ack 1", |net| {
        net.host().listen(80, 1);
        let mut crowd = net.peer().at(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2)).port(1).towards(80);
        crowd.sends_to(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1), syn(0));
        crowd.expects_nothing();
        let mut peer = net.peer().at(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 3)).port(2).towards(80);
        peer.sends(syn(0));
        peer.expects(syn_ack(0).ack(1));
    });
}

/// B8. `close` in SYN-RECEIVED makes smoltcp wait for the ACK of a FIN that it never sends: the ACK of
/// its SYN passes for it, and FIN-WAIT-2 has no timer.
#[test]
fn closing_a_listener_forgets_its_half_open_children() {
    trap("left behind: [\"FIN-WAIT-2\"]", |net| {
        let listener = net.host().listen(80, 1);
        let mut peer = net.peer().towards(80);
        peer.sends(syn(0));
        peer.expects(syn_ack(0).ack(1));
        net.host().close(listener);
        peer.sends(ack(1, 1));
        while let Some((_, packet)) = peer.takes(secs(120)) {
            assert!(matches!(&packet, Packet::Tcp(segment) if segment.rst), "the host sent {packet}");
        }
        let states = net.host().states();
        assert!(states.is_empty(), "left behind: {states:?}");
    });
}

/// B8 with a peer whose ACK is lost: smoltcp sends its FIN in place of the SYN, at the SYN's own
/// sequence number, where no peer can take it for what it is.
#[test]
fn a_fin_never_takes_the_sequence_number_of_the_syn() {
    trap("after close the host sent FIN-ACK seq 0 ack 1", |net| {
        let listener = net.host().listen(80, 1);
        let mut peer = net.peer().towards(80);
        peer.sends(syn(0));
        peer.expects(syn_ack(0).ack(1));
        net.host().close(listener);
        while let Some((_, packet)) = peer.takes(secs(120)) {
            let is_rst = matches!(&packet, Packet::Tcp(segment) if segment.rst);
            assert!(is_rst, "after close the host sent {packet}");
        }
    });
}

/// B14. A SYN and then silence occupies a smoltcp listener for ever.
#[test]
fn a_half_open_child_is_forgotten_after_a_minute() {
    trap("after 61 s: [\"SYN-RECEIVED\"]", |net| {
        let listener = net.host().listen(80, 1);
        let mut peer = net.peer().towards(80);
        peer.sends(syn(0));
        peer.expects(syn_ack(0).ack(1));
        net.run(secs(61));
        let states = net.host().states();
        assert_eq!(states, ["LISTEN"], "after 61 s: {states:?}");
        assert_eq!(net.host().accept(listener), None);
    });
}

/// One smoltcp socket is one place, half-open or not: with the only one taken by a SYN whose sender does
/// not answer, the next client is refused. RFC 9293 §3.9.1.1: a listener serves many connections.
#[test]
fn a_silent_client_does_not_shut_out_the_next() {
    trap("expected SYN-ACK seq 0 ack 1, but the host sent RST-ACK seq 0 ack 1", |net| {
        net.host().listen(80, 1);
        let mut silent = net.peer().port(1).towards(80);
        silent.sends(syn(0));
        silent.expects(syn_ack(0).ack(1));
        let mut next = net.peer().port(2).towards(80);
        next.sends(syn(0));
        next.expects(syn_ack(0).ack(1));
    });
}

/// B18. A RST in SYN-RECEIVED puts a smoltcp socket back into LISTEN without a reset: the next client
/// inherits the retransmission timeout that the silence of the last one had backed off.
#[test]
fn a_half_open_child_that_is_reset_leaves_nothing_to_the_next() {
    trap("expected SYN-ACK seq 0 ack 1, but the host sent nothing", |net| {
        net.host().listen(80, 1);
        let mut silent = net.peer().port(1).towards(80);
        silent.sends(syn(0));
        silent.expects(syn_ack(0).ack(1));
        silent.expects_within(Duration::from_millis(1001), syn_ack(0).ack(1));
        silent.expects_within(Duration::from_millis(2001), syn_ack(0).ack(1));
        silent.sends(rst(1));
        assert_eq!(net.host().states(), ["LISTEN"]);
        let mut next = net.peer().port(2).towards(80);
        next.sends(syn(0));
        next.expects(syn_ack(0).ack(1));
        // RFC 6298 §2.1: the first retransmission of a connection comes after 1 s.
        next.expects_within(Duration::from_millis(1001), syn_ack(0).ack(1));
    });
}
