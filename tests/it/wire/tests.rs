//! Does a packet survive the way onto the cable and back?
#![cfg(test)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smolsock::addr::{Cidr, MacAddr};
use smolsock::{Config, Domain, Seed, Stack, Type};
use smoltcp::phy::Medium;

use super::net::{HOST_MAC, HOST_V4, HOST_V6, Net};
use super::packet::{Ends, Macs, Packet, decode, encode};
use super::segment::{Base, Ports};
use super::{Segment, ack, data, datagram, fin, ping, pong, rst, syn};

const PEER_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
const PEER_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2));

fn ends(sender: IpAddr) -> Ends {
    let receiver = if sender.is_ipv4() { HOST_V4.into() } else { HOST_V6.into() };
    Ends { sender, receiver, ports: Ports { sender: 40_000, receiver: 80 } }
}

fn round_trip(medium: Medium, sender: IpAddr, packet: &Packet) -> Packet {
    let base = Base { sender: u32::MAX - 2, receiver: 5 };
    let macs = Macs { sender: HOST_MAC, receiver: HOST_MAC };
    let frame = encode(medium, macs, ends(sender), base, packet);
    let (seen, packet) = decode(medium, &frame);
    assert_eq!((seen.sender, seen.receiver), (sender, ends(sender).receiver));
    packet.relative_to(base)
}

#[test]
fn what_is_sent_is_what_is_read() {
    let segments = [
        syn(0).mss(1460).window_scale(7).sack_permitted().timestamp(1, 2),
        ack(1, 1).window(0).sack(3, 9),
        data(1, b"hello").ack(1).with_fin(),
        fin(6).ack(1),
        rst(1),
        Segment { psh: true, ..data(1, b"") },
    ];
    let packets = segments.map(Packet::from).into_iter().chain([
        datagram(b"hello"),
        datagram(b""),
        ping(1, b"0123"),
        pong(1, b"0123"),
        Packet::Other(253, vec![1, 2, 3]),
    ]);
    for packet in packets {
        for medium in [Medium::Ethernet, Medium::Ip] {
            for sender in [PEER_V4, PEER_V6] {
                let seen = round_trip(medium, sender, &packet);
                assert!(packet.describes(&seen), "sent {packet}, read {seen}");
            }
        }
    }
}

#[test]
fn an_expectation_compares_what_it_mentions() {
    let seen = data(1, b"hello").ack(1).window(100).mss(1460);
    assert!(data(1, b"hello").ack(1).describes(&seen));
    assert!(data(1, b"hello").ack(1).window(100).describes(&seen));
    for other in [
        data(2, b"hello").ack(1),
        data(1, b"hello"),
        data(1, b"hell").ack(1),
        data(1, b"hello").ack(1).window(99),
        data(1, b"hello").ack(1).with_fin(),
        data(1, b"hello").ack(1).window_scale(0),
    ] {
        assert!(!other.describes(&seen), "{other}");
    }
}

#[test]
fn a_segment_prints_as_in_a_trace() {
    assert_eq!(syn(0).ack(1).window(65_535).mss(1460).to_string(), "SYN-ACK seq 0 ack 1 win 65535 mss 1460");
    assert_eq!(data(1, b"a\n").ack(1).to_string(), "ACK seq 1 ack 1 len 2 \"a\\n\"");
}

#[test]
fn a_conversation_with_a_stack_reads_as_a_trace() {
    let net = Net::new(Medium::Ethernet, |cable| {
        let own = Cidr::new(HOST_V4.into(), 24).expect("a good prefix length");
        let seed = Seed::new([7; 16]).expect("not zero");
        Stack::new(Config::ethernet(MacAddr(HOST_MAC.0), seed).address(own), cable).expect("a good configuration")
    });
    let echo = net.host().socket(Domain::Inet, Type::Datagram).expect("room for a socket");
    net.host().bind(echo, ([0, 0, 0, 0], 7).into()).expect("a free port");
    let mut peer = net.peer().towards(7);
    peer.sends(datagram(b"hello"));
    let received = net.host().recv_from(echo, &mut [0; 16]).expect("a datagram");
    net.host().send_to(echo, b"hello yourself", received.remote).expect("room for a datagram");
    peer.expects(datagram(b"hello yourself"));
    peer.expects_nothing();
}
