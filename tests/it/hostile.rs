//! What can a stranger on the wire make a host do?

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::*;

use crate::pair::{ETHERNET, ETHERNET6, End, IP, IP6, Net, Pair, states};

/// Link-layer addresses of host `a` and of host `b`.
const A: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
const B: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 2]);

/// A frame from A to `to`.
fn frame(to: EthernetAddress, kind: EthernetProtocol, packet: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 14 + packet.len()];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    frame.set_src_addr(A);
    frame.set_dst_addr(to);
    frame.set_ethertype(kind);
    frame.payload_mut().copy_from_slice(packet);
    bytes
}

/// A SYN with good checksums.
fn syn(from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    let segment = TcpRepr {
        src_port: from.port(),
        dst_port: to.port(),
        control: TcpControl::Syn,
        seq_number: TcpSeqNumber(1),
        ack_number: None,
        window_len: 1_000,
        window_scale: None,
        max_seg_size: Some(1_000),
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let (from, to) = (IpAddress::from(from.ip()), IpAddress::from(to.ip()));
    let ip = IpRepr::new(from, to, IpProtocol::Tcp, segment.buffer_len(), 64);
    let mut bytes = vec![0; ip.buffer_len()];
    ip.emit(&mut bytes, &ChecksumCapabilities::default());
    let mut payload = TcpPacket::new_unchecked(&mut bytes[ip.header_len()..]);
    segment.emit(&mut payload, &from, &to, &ChecksumCapabilities::default());
    bytes
}

/// A datagram with one byte and good checksums.
fn datagram(from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    let udp = UdpRepr { src_port: from.port(), dst_port: to.port() };
    let (from, to) = (IpAddress::from(from.ip()), IpAddress::from(to.ip()));
    let ip = IpRepr::new(from, to, IpProtocol::Udp, 9, 64);
    let mut bytes = vec![0; ip.buffer_len()];
    ip.emit(&mut bytes, &ChecksumCapabilities::default());
    let mut payload = UdpPacket::new_unchecked(&mut bytes[ip.header_len()..]);
    let write = |data: &mut [u8]| data.fill(b'x');
    udp.emit(&mut payload, &from, &to, 1, write, &ChecksumCapabilities::default());
    bytes
}

fn sent_by_b(pair: &Pair<'_>) -> usize {
    pair.seen.iter().filter(|seen| seen.from == End::B).count()
}

#[test]
fn a_segment_in_a_broadcast_frame_is_dropped() {
    for to_port in [80, 81] {
        let mut pair = Pair::new(ETHERNET);
        pair.b_listens(ETHERNET, 80, 3);
        let bytes = syn(ETHERNET.a(1000), ETHERNET.b(to_port));
        pair.inject_to_b(&frame(EthernetAddress::BROADCAST, EthernetProtocol::Ipv4, &bytes));
        pair.settle();
        assert_eq!((states(&pair.b), sent_by_b(&pair)), (vec!["LISTEN".to_owned()], 0), "port {to_port}");
        assert_eq!(pair.b.counters().dropped_tcp_not_unicast, 1);
    }
}

#[test]
fn a_probe_for_an_own_address_is_answered_and_teaches_nothing() {
    // RFC 5227 §2.1.1: somebody wants to know whether the address is taken, and has none yet.
    let mut pair = Pair::new(ETHERNET);
    let probe = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr: A,
        source_protocol_addr: Ipv4Addr::UNSPECIFIED,
        target_hardware_addr: EthernetAddress([0; 6]),
        target_protocol_addr: Ipv4Addr::new(192, 0, 2, 2),
    };
    let mut bytes = vec![0; probe.buffer_len()];
    probe.emit(&mut ArpPacket::new_unchecked(&mut bytes[..]));
    pair.inject_to_b(&frame(EthernetAddress::BROADCAST, EthernetProtocol::Arp, &bytes));
    pair.settle();
    assert_eq!(sent_by_b(&pair), 1);
    assert_eq!(pair.b.arp().entries().count(), 0);
}

#[test]
fn an_own_address_is_nobody_elses() {
    let mut pair = Pair::new(ETHERNET);
    let own = Ipv4Addr::new(192, 0, 2, 2);
    let claim = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Reply,
        source_hardware_addr: A,
        source_protocol_addr: own,
        target_hardware_addr: B,
        target_protocol_addr: own,
    };
    let mut bytes = vec![0; claim.buffer_len()];
    claim.emit(&mut ArpPacket::new_unchecked(&mut bytes[..]));
    pair.inject_to_b(&frame(B, EthernetProtocol::Arp, &bytes));
    pair.settle();
    assert_eq!(pair.b.arp().entries().count(), 0, "{}", pair.b.arp());
}

#[test]
fn nobody_on_the_wire_has_an_ipv4_mapped_address() {
    let source: SocketAddr = "[::ffff:192.0.2.1]:1000".parse().expect("an address");
    let mut pair = Pair::new(IP6);
    pair.b_listens(IP6, 80, 3);
    let (_, b) = pair.datagram_sockets(IP6);
    pair.inject_to_b(&syn(source, IP6.b(80)));
    pair.inject_to_b(&datagram(source, IP6.b(7)));
    pair.settle();
    assert_eq!(states(&pair.b), ["LISTEN"]);
    assert_eq!(pair.b.recv(b, &mut [0; 4]), Err(smolsock::Errno::EAGAIN));
    assert_eq!((sent_by_b(&pair), pair.b.counters().dropped_not_for_us), (0, 2));
}

#[test]
fn a_packet_that_carries_nothing_is_not_refused() {
    let mut pair = Pair::new(IP6);
    let mut bytes = datagram(IP6.a(1000), IP6.b(7));
    // RFC 8200 §4.7: no next header.
    bytes[6] = 59;
    pair.inject_to_b(&bytes);
    pair.settle();
    assert_eq!(sent_by_b(&pair), 0);
}

#[test]
fn an_advertisement_is_about_its_target_whatever_address_it_is_sent_from() {
    // RFC 4861 §4.4: the source is "an address assigned to the interface from which it is sent".
    let mut pair = Pair::new(ETHERNET6);
    let b = pair.b.socket(ETHERNET6.domain, smolsock::Type::Datagram).expect("room");
    assert_eq!(pair.b.send_to(b, b"x", ETHERNET6.a(7)), Ok(1));
    // A's own answer is lost.
    pair.carries = Box::new(|seen| seen.from == End::B);
    pair.settle();
    let (IpAddr::V6(target), IpAddr::V6(own)) = (ETHERNET6.a(0).ip(), ETHERNET6.b(0).ip()) else { unreachable!() };
    let source: Ipv6Address = "fe80::1".parse().expect("an address");
    let flags = NdiscNeighborFlags::SOLICITED | NdiscNeighborFlags::OVERRIDE;
    let advert = Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert { flags, target_addr: target, lladdr: Some(A.into()) });
    let len = advert.buffer_len();
    let ip =
        Ipv6Repr { src_addr: source, dst_addr: own, next_header: IpProtocol::Icmpv6, payload_len: len, hop_limit: 255 };
    let mut bytes = vec![0; 40 + len];
    let mut packet = Ipv6Packet::new_unchecked(&mut bytes[..]);
    ip.emit(&mut packet);
    let mut icmp = Icmpv6Packet::new_unchecked(packet.payload_mut());
    advert.emit(&source, &own, &mut icmp, &ChecksumCapabilities::default());
    pair.inject_to_b(&frame(B, EthernetProtocol::Ipv6, &bytes));
    pair.settle();
    let known: Vec<IpAddr> =
        pair.b.arp().entries().filter(|entry| entry.mac.is_some()).map(|entry| entry.addr).collect();
    assert_eq!(known, [ETHERNET6.a(0).ip()], "{}", pair.b.arp());
}

#[test]
fn what_says_that_it_is_from_this_host_is_dropped() {
    let of_host = |net: Net, text: &str| SocketAddr::new(text.parse().expect("an address"), net.a(9).port());
    for (net, sources) in [(IP, ["127.0.0.1", "192.0.2.2", "192.0.2.255"]), (IP6, ["::1", "2001:db8::2", "ff02::1"])] {
        for source in sources {
            let mut pair = Pair::new(net);
            pair.b_listens(net, 80, 3);
            let (_, b) = pair.datagram_sockets(net);
            pair.inject_to_b(&syn(of_host(net, source), net.b(80)));
            pair.inject_to_b(&datagram(of_host(net, source), net.b(7)));
            pair.inject_to_b(&datagram(of_host(net, source), net.b(6)));
            pair.settle();
            assert_eq!(states(&pair.b), ["LISTEN"], "{source}");
            assert_eq!(pair.b.recv(b, &mut [0; 4]), Err(smolsock::Errno::EAGAIN), "{source}");
            assert_eq!(sent_by_b(&pair), 0, "{source}");
        }
    }
}
