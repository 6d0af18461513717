//! How large are segments on a way that carries less than the link? (RFC 1191, RFC 8201, RFC 9293 §3.7.2)

use std::net::Ipv6Addr;

use smolsock::sockopt::{IP_MTU, TCP_INFO, TCP_MAXSEG};
use smolsock::{Domain, Errno, SocketId, Type};

use super::icmp::quoting;
use super::{Host, Peer, burst, end_of, host, listening, open, secs, send, stream, takes};
use crate::wire::{Packet, Segment, ack, syn, syn_ack};

/// What a router says (0: it is older than RFC 1191), and what is made of it.
const REPORTS: [(u16, usize); 6] = [(1400, 1400), (600, 600), (552, 552), (551, 552), (68, 552), (0, 1492)];

#[test]
fn a_report_lowers_what_is_sent_again_and_what_is_new() {
    for (reported, mtu) in REPORTS {
        let net = host();
        let (socket, mut peer) = open(&net);
        send(&net, socket, &[7; 10_000]);
        let lost = burst(&mut peer);
        assert_eq!(lost[0].payload.len(), 1460);
        report(&net, &mut peer, &lost, reported);
        told(&net, socket, mtu, mtu - 40);
        let again = receives_all(&mut peer, 10_000);
        let largest = again.iter().map(|segment| segment.payload.len()).max();
        assert_eq!(largest, Some(mtu - 40), "after a report of {reported}");
        assert!(again.iter().any(|segment| segment.seq == 1), "the lost segment comes again");
    }
}

#[test]
fn an_ipv6_router_that_reports_1280_or_less_is_obeyed_down_to_1280() {
    for reported in [1280, 1000] {
        let net = host();
        let (socket, mut peer) = open6(&net);
        send(&net, socket, &[7; 10_000]);
        let lost = burst(&mut peer);
        assert_eq!(lost[0].payload.len(), 1440);
        let frames = net.frames();
        let quoted = frames.iter().find(|frame| frame.len() == 1500).expect("a full packet");
        peer.sends(packet_too_big(quoted, reported));
        told(&net, socket, 1280, 1220);
        let largest = receives_all(&mut peer, 10_000).iter().map(|segment| segment.payload.len()).max();
        assert_eq!(largest, Some(1220));
    }
}

#[test]
fn a_connection_opened_later_starts_with_what_is_known_for_ten_minutes() {
    let net = host();
    let (listener, mut peer) = listening(&net);
    peer.connects();
    let (socket, _) = net.host().accept(listener).expect("a connection");
    send(&net, socket, &[7; 3_000]);
    let lost = burst(&mut peer);
    report(&net, &mut peer, &lost, 1000);
    receives_all(&mut peer, 3_000);
    for (wait, size) in [(0, 960), (580, 960), (40, 1460)] {
        net.run(secs(wait));
        let mut later = net.peer().port(1 + u16::try_from(wait).expect("small")).towards(80);
        later.sends(syn(0).mss(1460));
        // RFC 6691: the MSS says what can be received, and the way back may be another.
        later.expects(syn_ack(0).ack(1));
        later.sends(ack(1, 1));
        let (server, _) = net.host().accept(listener).expect("a connection");
        send(&net, server, &[7; 3_000]);
        assert_eq!(burst(&mut later)[0].payload.len(), size, "after {wait} s more");
    }
}

/// RFC 1191 §6.3, RFC 8201 §4: and Linux does.
#[test]
fn an_open_connection_tries_the_mtu_of_the_link_again_after_ten_minutes() {
    let net = host();
    let (socket, mut peer) = open(&net);
    send(&net, socket, &[7; 3_000]);
    let lost = burst(&mut peer);
    report(&net, &mut peer, &lost, 1000);
    receives_all(&mut peer, 3_000);
    net.run(secs(601));
    told(&net, socket, 1500, 1460);
    send(&net, socket, &[7; 3_000]);
    assert_eq!(burst(&mut peer)[0].payload.len(), 1460);
}

#[test]
fn a_report_raises_nothing() {
    let net = host();
    let (socket, mut peer) = open(&net);
    send(&net, socket, &[7; 3_000]);
    let lost = burst(&mut peer);
    report(&net, &mut peer, &lost, 1000);
    told(&net, socket, 1000, 960);
    for reported in [1001, 1500, 9000, u16::MAX] {
        report(&net, &mut peer, &lost, reported);
        told(&net, socket, 1000, 960);
    }
}

#[test]
fn the_way_to_another_host_is_another() {
    let net = host();
    let (listener, mut peer) = listening(&net);
    peer.connects();
    let (socket, _) = net.host().accept(listener).expect("a connection");
    send(&net, socket, &[7; 3_000]);
    let lost = burst(&mut peer);
    report(&net, &mut peer, &lost, 1000);
    let mut other = net.peer().at([192, 0, 2, 3]).towards(80);
    other.connects();
    let (server, _) = net.host().accept(listener).expect("a connection");
    send(&net, server, &[7; 3_000]);
    assert_eq!(burst(&mut other)[0].payload.len(), 1460);
    told(&net, server, 1500, 1460);
}

#[test]
fn tcp_maxseg_before_connect_lowers_the_announcement_and_the_segments() {
    let net = host();
    let socket = stream(&net);
    net.host().setsockopt(socket, TCP_MAXSEG, 500).expect("in range");
    let mut peer = net.peer().port(80);
    assert_eq!(net.host().connect(socket, ([192, 0, 2, 2], 80).into()), Err(Errno::EINPROGRESS));
    peer.expects(syn(0).mss(500));
    peer.sends(syn_ack(0).ack(1).mss(1460));
    peer.expects(ack(1, 1));
    assert_eq!(net.host().getsockopt(socket, TCP_MAXSEG), Ok(500));
    send(&net, socket, &[7; 3_000]);
    assert_eq!(burst(&mut peer)[0].payload.len(), 500);
}

#[test]
fn tcp_maxseg_of_a_listener_is_that_of_its_connections() {
    let net = host();
    let (listener, mut peer) = listening(&net);
    net.host().setsockopt(listener, TCP_MAXSEG, 500).expect("in range");
    peer.sends(syn(0).mss(1460));
    peer.expects(syn_ack(0).ack(1).mss(500));
    peer.sends(ack(1, 1));
    let (socket, _) = net.host().accept(listener).expect("a connection");
    assert_eq!(net.host().getsockopt(socket, TCP_MAXSEG), Ok(500));
    send(&net, socket, &[7; 3_000]);
    assert_eq!(burst(&mut peer)[0].payload.len(), 500);
}

#[test]
fn tcp_maxseg_of_an_open_connection_lowers_its_segments() {
    let net = host();
    let (socket, mut peer) = open(&net);
    send(&net, socket, &[7; 1_460]);
    assert_eq!(burst(&mut peer)[0].payload.len(), 1460);
    peer.sends(ack(1, 1461));
    net.host().setsockopt(socket, TCP_MAXSEG, 700).expect("in range");
    assert_eq!(net.host().getsockopt(socket, TCP_MAXSEG), Ok(700));
    send(&net, socket, &[7; 3_000]);
    assert!(burst(&mut peer).iter().all(|segment| segment.payload.len() <= 700));
}

/// A router on the way could not forward the first of `lost`.
fn report(net: &Host, peer: &mut Peer, lost: &[Segment], mtu: u16) {
    let size = 40 + lost[0].payload.len();
    let frames = net.frames();
    let quoted = frames.iter().find(|frame| frame.len() == size).expect("it was sent");
    peer.sends(quoting(quoted, 3, 4, mtu));
}

/// Acknowledges until `len` bytes are there. Returns the segments.
fn receives_all(peer: &mut Peer, len: u32) -> Vec<Segment> {
    let (mut segments, mut next) = (Vec::new(), 1);
    while next <= len {
        let (_, segment) = takes(peer, secs(60)).expect("the rest");
        if segment.seq <= next {
            next = next.max(end_of(&segment));
        }
        segments.push(segment);
        peer.sends(ack(1, next));
    }
    segments
}

/// What the application is told of the way and of its segments.
fn told(net: &Host, socket: SocketId, mtu: usize, segment: usize) {
    let mut host = net.host();
    let info = host.getsockopt(socket, TCP_INFO).expect("a stream");
    assert_eq!((info.pmtu as usize, info.snd_mss as usize), (mtu, segment));
    assert_eq!(host.getsockopt(socket, IP_MTU), Ok(i32::try_from(mtu).expect("small")));
    assert_eq!(host.getsockopt(socket, TCP_MAXSEG), Ok(i32::try_from(segment).expect("small")));
}

/// A server's end of a connection over IPv6, and the client.
fn open6(net: &Host) -> (SocketId, Peer) {
    let listener = net.host().socket(Domain::Inet6, Type::Stream).expect("room");
    net.host().bind(listener, ([0; 8], 80).into()).expect("a free port");
    net.host().listen(listener, 0).expect("a bound socket");
    let mut peer = net.peer().at(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2)).towards(80);
    peer.sends(syn(0).mss(1440));
    peer.expects(syn_ack(0).ack(1));
    peer.sends(ack(1, 1));
    let (server, _) = net.host().accept(listener).expect("a connection");
    (server, peer)
}

/// ICMPv6 type 2 from the receiver of `packet`, which is quoted as far as 1,280 bytes reach (RFC 4443 §3.2).
fn packet_too_big(packet: &[u8], mtu: u32) -> Packet {
    let mut bytes = vec![2, 0, 0, 0];
    bytes.extend(mtu.to_be_bytes());
    bytes.extend(&packet[..1_232]);
    // The pseudo-header of RFC 8200 §8.1: both addresses, the length, the protocol.
    let mut summed = packet[8..40].to_vec();
    summed.extend(u32::try_from(bytes.len()).expect("small").to_be_bytes());
    summed.extend([0, 0, 0, 58]);
    summed.extend(&bytes);
    let mut sum: u32 = summed.chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1])).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    bytes[2..4].copy_from_slice(&(!u16::try_from(sum).expect("folded")).to_be_bytes());
    Packet::Other(58, bytes)
}
