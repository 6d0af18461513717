//! Are frames told apart, and does none of them cause a panic?

use core::net::IpAddr;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::neighbor::ArpOperation;
use super::*;

/// What a frame is; what it carries is looked at elsewhere.
fn classify(medium: Medium, frame: &[u8]) -> Class {
    super::classify(medium, frame).0
}

const OWN: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const PEER: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);
const LINK: Option<(MacAddr, MacAddr)> = Some((PEER, OWN));

fn addr(text: &str) -> IpAddr {
    text.parse().expect("an address in a test")
}

fn socket(text: &str) -> SocketAddr {
    text.parse().expect("an address in a test")
}

fn own(version: u8) -> IpAddr {
    addr(if version == 4 { "192.0.2.1" } else { "2001:db8::1" })
}

fn peer(version: u8) -> IpAddr {
    addr(if version == 4 { "192.0.2.2" } else { "2001:db8::2" })
}

/// An Ethernet frame from [`PEER`] to [`OWN`].
fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&OWN.0[..], &PEER.0, &ethertype.to_be_bytes(), payload].concat()
}

/// The same IP packet in a frame.
fn framed(packet: &[u8]) -> Vec<u8> {
    ethernet(if packet[0] >> 4 == 4 { ETHERTYPE_IPV4 } else { ETHERTYPE_IPV6 }, packet)
}

fn octets(addr: IpAddr) -> Vec<u8> {
    match addr {
        IpAddr::V4(addr) => addr.octets().to_vec(),
        IpAddr::V6(addr) => addr.octets().to_vec(),
    }
}

/// Puts the checksum of `bytes` and a pseudo-header's sum at `at`, where zeros are.
fn seal(bytes: &mut [u8], at: usize, pseudo: u32) {
    let mut sum = pseudo + checksum::sum(bytes);
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    bytes[at..at + 2].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}

/// An IP packet from `source` to `destination` with good header checksum.
fn ip_between(source: IpAddr, destination: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let (source_bytes, destination_bytes) = (octets(source), octets(destination));
    let len = payload.len() as u16;
    if source.is_ipv6() {
        let start = [&[0x60, 0, 0, 0][..], &len.to_be_bytes(), &[protocol, 255]].concat();
        return [&start[..], &source_bytes, &destination_bytes, payload].concat();
    }
    let start = [&[0x45, 0][..], &(20 + len).to_be_bytes(), &[0, 7, 0, 0, 64, protocol, 0, 0]].concat();
    let mut header = [&start[..], &source_bytes, &destination_bytes].concat();
    seal(&mut header, 10, 0);
    [&header[..], payload].concat()
}

/// An IP packet from the peer.
fn ip(version: u8, protocol: u8, payload: &[u8]) -> Vec<u8> {
    ip_between(peer(version), own(version), protocol, payload)
}

fn pseudo(version: u8, protocol: u8, len: usize) -> u32 {
    checksum::sum(&octets(own(version))) + checksum::sum(&octets(peer(version))) + u32::from(protocol) + len as u32
}

/// A segment from port 5000 to port 80 with options, 3 bytes of data, and a good checksum.
fn segment(version: u8, flags: u8) -> Vec<u8> {
    let mut bytes = vec![0x13, 0x88, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8, 0x60, flags, 0, 99, 0, 0, 0, 0];
    bytes.extend([2, 4, 5, 0xb4, b'a', b'b', b'c']);
    let len = bytes.len();
    seal(&mut bytes, 16, pseudo(version, TCP, len));
    ip(version, TCP, &bytes)
}

fn flow(version: u8, link: Option<(MacAddr, MacAddr)>) -> Flow {
    Flow { local: SocketAddr::new(own(version), 80), remote: SocketAddr::new(peer(version), 5000), link }
}

fn portless(version: u8, link: Option<(MacAddr, MacAddr)>) -> Flow {
    Flow { local: SocketAddr::new(own(version), 0), remote: SocketAddr::new(peer(version), 0), link }
}

const UDP_BYTES: [u8; 10] = [0x13, 0x88, 0, 80, 0, 10, 0, 0, b'h', b'i'];

/// An ICMP or ICMPv6 message with a good checksum.
fn icmp_bytes(version: u8, kind: u8, code: u8, detail: [u8; 4], rest: &[u8]) -> Vec<u8> {
    let mut bytes = [&[kind, code, 0, 0][..], &detail, rest].concat();
    let len = bytes.len();
    seal(&mut bytes, 2, if version == 4 { 0 } else { pseudo(6, icmp::ICMPV6, len) });
    ip(version, if version == 4 { icmp::ICMP } else { icmp::ICMPV6 }, &bytes)
}

/// The start of a packet of ours, from port 80 to the peer's port 5000, as routers quote it.
fn quote(version: u8, protocol: u8) -> Vec<u8> {
    let mut packet = ip_between(own(version), peer(version), protocol, &[0; 100]);
    let header_len = if version == 4 { 20 } else { 40 };
    packet.truncate(header_len + 8);
    packet[header_len..].copy_from_slice(&[0, 80, 0x13, 0x88, 9, 8, 7, 6]);
    packet
}

/// What an error that quotes a TCP segment of ours is taken for.
fn error_kind(version: u8, kind: u8, code: u8, detail: [u8; 4]) -> Option<IcmpErrorKind> {
    let packet = icmp_bytes(version, kind, code, detail, &quote(version, TCP));
    match classify(Medium::Ip, &packet) {
        Class::IcmpError(error) => Some(error.kind),
        Class::Icmp(_) => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_segment_is_told_with_its_flow_flags_and_numbers() {
    for version in [4, 6] {
        let packet = segment(version, 0x12);
        let expected = |link| {
            Class::Tcp(Segment {
                flow: flow(version, link),
                flags: Flags::SYN.and(Flags::ACK),
                seq: 0x0102_0304,
                ack: 0x0506_0708,
                payload_len: 3,
                window: 99,
            })
        };
        assert_eq!(classify(Medium::Ip, &packet), expected(None));
        assert_eq!(classify(Medium::Ethernet, &framed(&packet)), expected(LINK));
        let padded = [framed(&packet), vec![0xee; 30]].concat();
        assert_eq!(classify(Medium::Ethernet, &padded), expected(LINK), "padding is no payload");
    }
}

#[test]
fn only_a_pure_syn_opens() {
    let opening: Vec<u8> = (0..64)
        .filter(|flags| match classify(Medium::Ip, &segment(4, *flags)) {
            Class::Tcp(segment) => segment.is_opening(),
            other => panic!("{other:?}"),
        })
        .collect();
    // SYN with any of PSH and URG.
    assert_eq!(opening, [0x02, 0x0a, 0x22, 0x2a]);
}

#[test]
fn every_flipped_bit_of_a_segment_breaks_a_checksum() {
    for version in [4, 6] {
        let good = framed(&segment(version, 0x10));
        assert!(has_good_checksums(&good[14..]));
        assert!(!has_good_checksums(&good));
        let skipped = if version == 4 { 14 } else { 14 + 8 };
        for bit in skipped * 8..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(!has_good_checksums(&bad[14..]), "IPv{version}, bit {bit}");
        }
    }
}

#[test]
fn a_datagram_is_told_with_its_flow() {
    for version in [4, 6] {
        let packet = ip(version, UDP, &UDP_BYTES);
        assert_eq!(classify(Medium::Ip, &packet), Class::Udp(flow(version, None)));
        assert_eq!(classify(Medium::Ethernet, &framed(&packet)), Class::Udp(flow(version, LINK)));
    }
}

#[test]
fn ipv4_options_are_skipped() {
    let mut packet = ip(4, UDP, &[&[1, 1, 1, 0][..], &UDP_BYTES].concat());
    packet[0] = 0x46;
    assert_eq!(classify(Medium::Ip, &packet), Class::Udp(flow(4, None)));
}

#[test]
fn up_to_eight_extension_headers_are_skipped() {
    let chain = |headers: &[u8]| {
        let mut payload = Vec::new();
        for (i, _) in headers.iter().enumerate() {
            // A routing header (43) has its segments left at the fourth byte: none.
            payload.extend([headers.get(i + 1).copied().unwrap_or(UDP), 1, 0, 0]);
            payload.extend([0; 12]);
        }
        payload.extend(UDP_BYTES);
        ip(6, headers[0], &payload)
    };
    for headers in [&[0][..], &[60], &[43], &[0, 60, 43, 60], &[0, 60, 60, 60, 60, 60, 60, 60]] {
        assert_eq!(classify(Medium::Ip, &chain(headers)), Class::Udp(flow(6, None)), "{headers:?}");
    }
    assert_eq!(classify(Medium::Ip, &chain(&[60; 9])), Class::Malformed);
    assert!(matches!(classify(Medium::Ip, &chain(&[0, 44])), Class::Fragment(_)));
    let mut on_its_way = chain(&[43]);
    on_its_way[43] = 1;
    let problem = Problem { code: 0, pointer: 42, is_silent: false, is_for_groups: false };
    let told = classify(Medium::Ip, &on_its_way);
    assert_eq!(told, Class::Problem(portless(6, None), problem), "a routing header with segments left");
}

#[test]
fn fragments_are_told_whichever_they_are() {
    for (high, low) in [(0x20, 0), (0, 1), (0x1f, 0xff), (0x20, 4)] {
        let mut packet = ip(4, UDP, &UDP_BYTES);
        packet[6..8].copy_from_slice(&[high, low]);
        assert!(matches!(classify(Medium::Ip, &packet), Class::Fragment(_)));
    }
    let mut whole = ip(4, UDP, &UDP_BYTES);
    whole[6] = 0x40;
    assert_eq!(classify(Medium::Ip, &whole), Class::Udp(flow(4, None)), "don't fragment");
}

#[test]
fn another_protocol_is_told_with_its_addresses() {
    for (version, protocol) in [(4, 2), (6, 132), (4, 59), (4, 132)] {
        let told = classify(Medium::Ethernet, &framed(&ip(version, protocol, &[0; 8])));
        let Class::Ip(Flow { local, remote, .. }) = told else { panic!("{told:?}") };
        assert_eq!((local.ip(), remote.ip()), (own(version), peer(version)));
    }
    // RFC 8200 §4.7: nothing follows, and nobody is to be asked about it.
    assert_eq!(classify(Medium::Ethernet, &framed(&ip(6, 59, &[0; 8]))), Class::Other);
}

#[test]
fn what_is_not_ours_to_route_is_other() {
    let frames = [
        ethernet(0x8100, &[0; 46]),
        ethernet(0x88cc, &[]),
        framed(&ip(4, icmp::ICMPV6, &[135; 24])),
        framed(&ip(6, icmp::ICMP, &[3; 48])),
        // ARP for another protocol.
        ethernet(ETHERTYPE_ARP, &[0, 1, 0x86, 0xdd, 6, 16, 0, 1]),
    ];
    for frame in frames {
        assert_eq!(classify(Medium::Ethernet, &frame), Class::Other, "{frame:02x?}");
    }
}

#[test]
fn what_breaks_its_own_rules_is_malformed() {
    let change = |packet: Vec<u8>, at: usize, byte: u8| {
        let mut packet = packet;
        packet[at] = byte;
        packet
    };
    let packets = [
        vec![],
        change(segment(4, 2), 0, 0x44),             // IPv4 header of 16 bytes
        change(segment(4, 2), 0, 0x55),             // IP version 5
        change(segment(4, 2), 3, 19),               // packet shorter than its header
        change(segment(4, 2), 3, 48),               // packet longer than the frame
        change(segment(6, 2), 5, 28),               // the same for IPv6
        change(segment(4, 2), 20 + 12, 0x40),       // TCP header of 16 bytes
        change(segment(4, 2), 20 + 12, 0x70),       // TCP header longer than the segment
        change(segment(4, 2), 20 + 3, 0),           // to port 0
        change(segment(4, 2), 12, 224),             // from a group
        change(ip(4, UDP, &UDP_BYTES), 20 + 5, 7),  // UDP length below its header's
        change(ip(4, UDP, &UDP_BYTES), 20 + 5, 11), // UDP length beyond the packet
        ip(4, TCP, &[0; 19]),
        ip(4, UDP, &[0; 7]),
        ip(4, icmp::ICMP, &[8; 7]),
        ip(6, 60, &[17, 1, 0, 0, 0, 0, 0, 0]), // extension header beyond the packet
    ];
    for packet in packets {
        assert_eq!(classify(Medium::Ip, &packet), Class::Malformed, "{packet:02x?}");
    }
    assert_eq!(classify(Medium::Ethernet, &[0; 13]), Class::Malformed);
    assert_eq!(classify(Medium::Ethernet, &ethernet(ETHERTYPE_IPV4, &segment(6, 2))), Class::Malformed);
    assert_eq!(classify(Medium::Ethernet, &ethernet(ETHERTYPE_ARP, &[0, 1, 8, 0, 6, 4, 0, 1, 0])), Class::Malformed);
}

#[test]
fn arp_is_told_with_both_sides() {
    let packet = |operation: u8| {
        [&[0, 1, 8, 0, 6, 4, 0, operation][..], &PEER.0, &[192, 0, 2, 2], &[0; 6], &[192, 0, 2, 1], &[0; 18]].concat()
    };
    for (number, operation) in [(1, ArpOperation::Request), (2, ArpOperation::Reply), (3, ArpOperation::Other)] {
        let expected = Class::Arp(Arp {
            link: (PEER, OWN),
            operation,
            sender_mac: PEER,
            sender_ip: [192, 0, 2, 2].into(),
            target_ip: [192, 0, 2, 1].into(),
        });
        assert_eq!(classify(Medium::Ethernet, &ethernet(ETHERTYPE_ARP, &packet(number))), expected);
        assert_eq!(operation.is_known(), number < 3);
    }
}

/// Solicitation or advertisement about our address, with these options.
fn ndp_packet(kind: u8, flags: u8, options: &[u8]) -> Vec<u8> {
    icmp_bytes(6, kind, 0, [flags, 0, 0, 0], &[&octets(own(6))[..], options].concat())
}

#[test]
fn neighbour_discovery_is_told_with_its_link_layer_address() {
    let (IpAddr::V6(source), IpAddr::V6(target)) = (peer(6), own(6)) else { unreachable!() };
    // A nonce (RFC 3971) comes first, the other kind of address last.
    let options = |kind: u8| [&[14, 1, 0, 0, 0, 0, 0, 0, kind, 1][..], &PEER.0, &[3 - kind, 1], &OWN.0].concat();
    for (number, option, overrides) in [(135, 1, false), (136, 2, true)] {
        let expected = Ndp {
            link: (PEER, OWN),
            source,
            target,
            hop_limit: 255,
            has_good_checksum: true,
            is_solicitation: number == 135,
            overrides,
            link_layer_addr: Some(PEER),
        };
        let packet = ndp_packet(number, 0x20, &options(option));
        assert_eq!(classify(Medium::Ethernet, &framed(&packet)), Class::Ndp(expected));
        assert_eq!(classify(Medium::Ip, &packet), Class::Icmp(portless(6, None)), "no neighbours without Ethernet");

        let mut bad = framed(&packet);
        bad[14 + 40 + 23] ^= 1;
        let told = classify(Medium::Ethernet, &bad);
        assert!(matches!(told, Class::Ndp(Ndp { has_good_checksum: false, .. })), "{told:?}");

        let bare = framed(&ndp_packet(number, 0, &[]));
        let told = classify(Medium::Ethernet, &bare);
        assert!(matches!(told, Class::Ndp(Ndp { link_layer_addr: None, overrides: false, .. })), "{told:?}");
    }
}

#[test]
fn neighbour_discovery_with_broken_options_is_malformed() {
    for options in [
        &[1][..],
        &[1, 0, 0, 0, 0, 0, 0, 0],
        &[1, 2, 0, 0, 0, 0, 0, 0],
        &[1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ] {
        assert_eq!(classify(Medium::Ethernet, &framed(&ndp_packet(135, 0, options))), Class::Malformed, "{options:?}");
    }
    let short = icmp_bytes(6, 135, 0, [0; 4], &[0; 15]);
    assert_eq!(classify(Medium::Ethernet, &framed(&short)), Class::Malformed);
}

#[test]
fn an_icmp_error_with_the_least_quote_names_its_flow() {
    for (version, kind, code) in [(4, 3, 3), (6, 1, 4)] {
        for (protocol, quoted_tcp_seq) in [(TCP, Some(0x0908_0706)), (UDP, None)] {
            let packet = icmp_bytes(version, kind, code, [0; 4], &quote(version, protocol));
            let Flow { local, remote, .. } = flow(version, None);
            let expected = IcmpError {
                kind: IcmpErrorKind::PortUnreachable,
                carrier: portless(version, LINK),
                quoted_protocol: protocol,
                quoted_local: local,
                quoted_remote: remote,
                quoted_tcp_seq,
            };
            assert_eq!(classify(Medium::Ethernet, &framed(&packet)), Class::IcmpError(expected));
        }
    }
}

#[test]
fn kinds_of_icmp_errors_are_those_of_the_rfcs() {
    let v4 = |kind, code| error_kind(4, kind, code, [0, 0, 5, 0xdc]);
    for code in [0, 6, 9, 11] {
        assert_eq!(v4(3, code), Some(IcmpErrorKind::NetUnreachable));
    }
    for code in [1, 7, 8, 10, 12, 13, 14, 15] {
        assert_eq!(v4(3, code), Some(IcmpErrorKind::HostUnreachable));
    }
    assert_eq!(v4(3, 2), Some(IcmpErrorKind::ProtocolUnreachable));
    assert_eq!(v4(3, 4), Some(IcmpErrorKind::FragmentationNeeded { mtu: 1500 }));
    assert_eq!(v4(3, 5), Some(IcmpErrorKind::Other));
    assert_eq!(v4(11, 1), Some(IcmpErrorKind::TimeExceeded));
    assert_eq!(v4(12, 0), Some(IcmpErrorKind::Other));
    // Echo reply, source quench, redirect, echo.
    assert!([0, 4, 5, 8].iter().all(|kind| v4(*kind, 0).is_none()));

    let v6 = |kind, code| error_kind(6, kind, code, [0, 1, 0, 0]);
    assert_eq!(v6(1, 0), Some(IcmpErrorKind::NetUnreachable));
    for code in [1, 2, 3, 5, 6] {
        assert_eq!(v6(1, code), Some(IcmpErrorKind::HostUnreachable));
    }
    assert_eq!(v6(2, 0), Some(IcmpErrorKind::FragmentationNeeded { mtu: 65_536 }));
    assert_eq!(v6(3, 0), Some(IcmpErrorKind::TimeExceeded));
    assert_eq!(v6(4, 1), Some(IcmpErrorKind::ProtocolUnreachable));
    assert_eq!(v6(4, 0), Some(IcmpErrorKind::Other));
    assert!([128, 129, 134].iter().all(|kind| v6(*kind, 0).is_none()));
}

#[test]
fn an_icmp_error_that_cannot_be_trusted_is_malformed() {
    for (version, header_len) in [(4, 20), (6, 40)] {
        let kind = if version == 4 { 3 } else { 1 };
        let good = icmp_bytes(version, kind, 1, [0; 4], &quote(version, TCP));
        for at in header_len..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            let told = classify(Medium::Ip, &bad);
            assert!(!matches!(told, Class::IcmpError(_)), "IPv{version}, byte {at}: {told:?}");
        }
        let mut short = quote(version, TCP);
        short.pop();
        let short = icmp_bytes(version, kind, 1, [0; 4], &short);
        assert_eq!(classify(Medium::Ip, &short), Class::Malformed, "7 bytes quoted");
        let other = icmp_bytes(version, kind, 1, [0; 4], &quote(10 - version, TCP));
        assert_eq!(classify(Medium::Ip, &other), Class::Malformed, "the other version quoted");
    }
}

#[test]
fn a_quoted_fragment_names_a_flow_only_if_it_is_the_first() {
    let mut first = quote(4, UDP);
    first[6] = 0x20;
    let told = classify(Medium::Ip, &icmp_bytes(4, 3, 1, [0; 4], &first));
    assert!(matches!(told, Class::IcmpError(IcmpError { quoted_local, .. }) if quoted_local == socket("192.0.2.1:80")));
    let mut later = quote(4, UDP);
    later[7] = 1;
    let told = classify(Medium::Ip, &icmp_bytes(4, 3, 1, [0; 4], &later));
    assert_eq!(told, Class::Icmp(portless(4, None)));
}

/// Good frames of all kinds, on both media.
fn good_frames() -> Vec<(Medium, Vec<u8>)> {
    let arp = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &PEER.0, &[192, 0, 2, 2], &[0; 6], &[192, 0, 2, 1]].concat();
    let extended = [&[UDP, 0, 1, 4, 0, 0, 0, 0][..], &UDP_BYTES].concat();
    let packets = [
        segment(4, 2),
        segment(6, 2),
        ip(4, UDP, &UDP_BYTES),
        ip(6, UDP, &UDP_BYTES),
        ip(6, 0, &extended),
        icmp_bytes(4, 8, 0, [0; 4], b"echo"),
        icmp_bytes(4, 3, 3, [0; 4], &quote(4, UDP)),
        icmp_bytes(6, 1, 4, [0; 4], &quote(6, TCP)),
        ndp_packet(135, 0, &[1, 1, 2, 0, 0, 0, 0, 2]),
    ];
    let frames = packets.iter().map(|packet| (Medium::Ethernet, framed(packet)));
    let bare = packets.iter().map(|packet| (Medium::Ip, packet.clone()));
    frames.chain(bare).chain([(Medium::Ethernet, ethernet(ETHERTYPE_ARP, &arp))]).collect()
}

/// Whatever is told must fit into the frame.
fn check(medium: Medium, frame: &[u8]) {
    if let Class::Tcp(segment) = classify(medium, frame) {
        assert!(segment.payload_len <= frame.len());
        has_good_checksums(super::classify(medium, frame).1);
    }
}

#[test]
fn every_prefix_of_a_good_frame_is_taken_without_a_panic() {
    for (medium, frame) in good_frames() {
        assert!(!matches!(classify(medium, &frame), Class::Malformed), "{frame:02x?}");
        (0..frame.len()).for_each(|len| check(medium, &frame[..len]));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_taken_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(Medium::Ip, &bytes);
        check(Medium::Ethernet, &bytes);
        for ethertype in [ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_ARP] {
            check(Medium::Ethernet, &ethernet(ethertype, &bytes));
        }
    }

    #[test]
    fn mutated_frames_are_taken_without_a_panic(
        which in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        len in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let frames = good_frames();
        let (medium, mut frame) = frames[which.index(frames.len())].clone();
        for (at, byte) in changes {
            let at = at.index(frame.len());
            frame[at] = byte;
        }
        if cut {
            frame.truncate(len.index(frame.len()));
        }
        check(medium, &frame);
        check(if medium == Medium::Ip { Medium::Ethernet } else { Medium::Ip }, &frame);
    }
}
