//! What happens while a neighbour's link-layer address is not known?

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::host::Setup;
use super::{Bench, both_on, secs, trap_on};
use crate::wire::{Arp, HOST_MAC, HOST_V4, Packet, ack, data, syn};

/// B19. smoltcp sends one request per second for all targets together.
#[test]
fn four_new_targets_are_all_reached_at_once() {
    trap_on(Setup::ETHERNET, "SYNs came after [0ns, 1s, 2s, 3s]", |net| {
        let mut peers = targets().map(|addr| net.peer().at(addr).port(80));
        for addr in targets() {
            net.host().connect((addr, 80).into());
        }
        let times = peers.each_mut().map(|peer| peer.takes(secs(10)).map_or(Duration::MAX, |(at, _)| at));
        assert_eq!(times, [Duration::ZERO; 4], "SYNs came after {times:?}");
    });
}

/// B19. One target that does not answer keeps smoltcp from asking for the others (its socket asks again
/// first whenever asking is allowed).
#[test]
fn a_silent_neighbor_does_not_keep_others_waiting() {
    trap_on(Setup::ETHERNET, "expected SYN seq 0, but the host sent nothing", |net| {
        let _silent = net.peer().at([192, 0, 2, 9]).mute();
        net.host().connect(([192, 0, 2, 9], 80).into());
        let mut peer = net.peer().port(80);
        net.host().connect(([192, 0, 2, 2], 80).into());
        peer.expects_within(secs(10), syn(0));
    });
}

/// A socket whose neighbour answers is due at once, in one socket set.
#[test]
fn an_arp_reply_sends_the_waiting_syn() {
    both_on(Setup::ETHERNET, |net| {
        let mut peer = net.peer().port(80).mute();
        net.host().connect(([192, 0, 2, 2], 80).into());
        assert_eq!(net.asked().len(), 1);
        net.run(Duration::from_millis(300));
        peer.sends_arp(Arp::Reply);
        let (at, packet) = peer.takes(Duration::ZERO).expect("the SYN, at once");
        assert_eq!((at, packet.to_string().starts_with("SYN seq 0")), (Duration::from_millis(300), true));
    });
}

/// B19. smoltcp asks for ever, and the socket knows nothing of it.
#[test]
fn a_neighbor_that_never_answers_is_unreachable_after_three_requests() {
    trap_on(Setup::ETHERNET, "after 4 s: None", |net| {
        let _silent = net.peer().mute();
        let socket = net.host().connect(([192, 0, 2, 2], 80).into());
        net.run(secs(4));
        let outcome = net.host().outcome(socket);
        assert_eq!(outcome, Some(Err("EHOSTUNREACH".to_string())), "after 4 s: {outcome:?}");
        let times: Vec<Duration> = net.asked().iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [secs(0), secs(1), secs(2)]);
    });
}

/// The cache is private: no view could show it. Ours keeps its own book, by the same rules.
#[test]
fn the_neighbor_table_can_be_seen() {
    trap_on(Setup::ETHERNET, "no way to look into an interface's neighbour cache", |net| {
        open(net);
        assert_eq!(net.host().neighbors(), ["192.0.2.2"]);
        net.run(secs(59));
        assert_eq!(net.host().neighbors(), ["192.0.2.2"]);
        net.run(secs(2));
        assert!(net.host().neighbors().is_empty());
    });
}

/// Both forget a neighbour that has been silent for 60 s: what `arp` shows is what happens.
#[test]
fn a_neighbor_is_asked_again_after_a_minute_of_silence() {
    both_on(Setup::ETHERNET, |net| {
        let (socket, mut peer) = open(net);
        let asked = net.asked().len();
        net.run(secs(59));
        assert_eq!(net.host().send(socket, b"a"), Ok(1));
        peer.expects(data(1, b"a").ack(1));
        assert_eq!(net.asked().len(), asked, "known for 59 s");
        peer.sends(ack(1, 2));
        net.run(secs(61));
        assert_eq!(net.host().send(socket, b"b"), Ok(1));
        peer.expects(data(2, b"b").ack(1));
        assert_eq!(net.asked().len(), asked + 1, "asked again after 61 s");
    });
}

/// Whoever asks for us, or tells us unasked, is known (RFC 826): what he says is believed.
#[test]
fn a_neighbor_that_introduces_itself_is_known() {
    for arp in [Arp::Request, Arp::Reply] {
        both_on(Setup::ETHERNET, |net| {
            let mut peer = net.peer().port(80).mute();
            peer.sends_arp(arp);
            if arp == Arp::Request {
                peer.expects(Packet::IsAt(HOST_V4.into(), HOST_MAC));
            }
            net.host().connect(([192, 0, 2, 2], 80).into());
            peer.expects(syn(0));
            assert_eq!(net.asked(), []);
        });
    }
}

/// The same for IPv6, by neighbour solicitation.
#[test]
fn an_ipv6_neighbor_is_asked_for() {
    both_on(Setup::ETHERNET, |net| {
        let addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
        let mut peer = net.peer().at(addr).port(80);
        net.host().connect((addr, 80).into());
        peer.accepts();
        assert_eq!(net.asked(), [(Duration::ZERO, addr.into())]);
    });
}

fn targets() -> [Ipv4Addr; 4] {
    [2, 3, 4, 5].map(|last| Ipv4Addr::new(192, 0, 2, last))
}

/// A client with one connection.
fn open(net: &Bench) -> (super::host::Id, crate::wire::Peer<Box<dyn super::Host>>) {
    let mut peer = net.peer().port(80);
    let socket = net.host().connect(([192, 0, 2, 2], 80).into());
    peer.accepts();
    (socket, peer)
}
