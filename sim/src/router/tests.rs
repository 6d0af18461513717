//! Does a router forward what it should, and tell what it does not?

use super::*;
use crate::packet::{ICMP, ICMPV6, TCP, UDP, is_intact, u16_of};

/// 192.0.2.254/24 and 2001:db8:1::fe/64 at port 0, 198.51.100.254/24 and 2001:db8:2::fe/64 at port 1, without Ethernet.
fn router() -> Router {
    let cidr = |text: &str| text.parse().expect("a prefix");
    let ports = vec![
        vec![cidr("192.0.2.254/24"), cidr("2001:db8:1::fe/64")],
        vec![cidr("198.51.100.254/24"), cidr("2001:db8:2::fe/64")],
    ];
    Router::new(ports, &[], Middlebox::default())
}

fn addr(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// A datagram of this much payload.
fn datagram(from: &str, to: &str, ttl: u8, payload_bytes: usize) -> Vec<u8> {
    let len = (8 + payload_bytes) as u16;
    let header = [4, 0, 0, 9, (len >> 8) as u8, len as u8, 0xff, 0xff];
    packet::packet(addr(from), addr(to), UDP, ttl, &[&header[..], &vec![7; payload_bytes]].concat())
}

/// What leaves, and by which port, when `packet` comes in by port 0.
fn through(router: &mut Router, packet: &[u8], mtu: usize) -> Vec<(usize, Vec<u8>)> {
    router.on_frame(Time::ZERO, 0, packet, &[1_500, mtu]);
    std::iter::from_fn(|| router.take()).map(|out| (out.port, out.bytes)).collect()
}

/// Type, code and second word of the ICMP message that comes back by port 0, and what it quotes.
fn complaint(router: &mut Router, packet: &[u8], mtu: usize) -> (u8, u8, u32, Vec<u8>) {
    let out = through(router, packet, mtu);
    let [(0, bytes)] = &out[..] else { panic!("{out:?}") };
    let header = Header::of(bytes).expect("a packet");
    assert!(matches!(header.protocol, ICMP | ICMPV6) && is_intact(bytes, &header));
    assert_eq!(header.destination, Header::of(packet).expect("a packet").source);
    let message = &bytes[header.payload()];
    let word = u32::from(u16_of(message, 4)) << 16 | u32::from(u16_of(message, 6));
    (message[0], message[1], word, message[8..].to_vec())
}

const V4: (&str, &str) = ("192.0.2.1", "198.51.100.1");
const V6: (&str, &str) = ("2001:db8:1::1", "2001:db8:2::1");

#[test]
fn a_packet_for_the_other_network_goes_there_with_one_hop_less() {
    for (from, to) in [V4, V6] {
        let mut router = router();
        let out = through(&mut router, &datagram(from, to, 9, 5), 1_500);
        assert_eq!(out, [(1, datagram(from, to, 8, 5))]);
        assert_eq!(router.counters().forwarded, 1);
    }
}

#[test]
fn a_damaged_payload_is_forwarded_as_damaged_as_it_came() {
    let mut packet = datagram(V4.0, V4.1, 9, 5);
    *packet.last_mut().expect("bytes") ^= 1;
    let out = through(&mut router(), &packet, 1_500);
    let header = Header::of(&out[0].1).expect("a good header");
    assert!(!is_intact(&out[0].1, &header));
}

#[test]
fn a_used_up_hop_limit_is_reported() {
    for ((from, to), kind) in [(V4, 11), (V6, 3)] {
        for ttl in [0, 1] {
            let packet = datagram(from, to, ttl, 5);
            assert_eq!(complaint(&mut router(), &packet, 1_500), (kind, 0, 0, packet.clone()));
        }
    }
}

#[test]
fn a_network_without_a_route_is_unreachable() {
    for ((from, to), kind) in [((V4.0, "203.0.113.1"), 3), ((V6.0, "2001:db8:3::1"), 1)] {
        let packet = datagram(from, to, 9, 5);
        assert_eq!(complaint(&mut router(), &packet, 1_500), (kind, 0, 0, packet.clone()));
    }
}

#[test]
fn what_must_not_be_cut_and_is_too_long_is_reported_with_the_mtu() {
    for ((from, to), kind, code) in [(V4, 3, 4), (V6, 2, 0)] {
        let packet = datagram(from, to, 9, 1_372);
        let (seen_kind, seen_code, mtu, quote) = complaint(&mut router(), &packet, 1_300);
        assert_eq!((seen_kind, seen_code, mtu), (kind, code, 1_300));
        assert!(packet.starts_with(&quote) && quote.len() >= 48);
        assert_eq!(through(&mut router(), &packet, packet.len()).first().map(|(port, _)| *port), Some(1));
    }
}

#[test]
fn a_longer_prefix_wins_and_the_default_route_takes_the_rest() {
    let mut router = router();
    let cidr = |text: &str| text.parse::<Cidr>().expect("a prefix");
    assert_eq!(router.add_route(cidr("0.0.0.0/0"), addr("192.0.2.9")), Some(()));
    assert_eq!(router.add_route(cidr("203.0.113.0/24"), addr("198.51.100.9")), Some(()));
    assert_eq!(router.add_route(cidr("198.51.100.7/32"), addr("192.0.2.8")), Some(()));
    assert_eq!(router.add_route(cidr("203.0.113.0/24"), addr("203.0.113.9")), None);
    assert_eq!(router.route(addr("8.8.8.8")), Some((0, addr("192.0.2.9"))));
    assert_eq!(router.route(addr("203.0.113.77")), Some((1, addr("198.51.100.9"))));
    assert_eq!(router.route(addr("198.51.100.7")), Some((0, addr("192.0.2.8"))));
    assert_eq!(router.route(addr("198.51.100.6")), Some((1, addr("198.51.100.6"))));
}

#[test]
fn what_is_of_one_cable_only_is_not_forwarded() {
    for (from, to) in [
        ("169.254.0.1", V4.1),
        (V4.0, "224.0.0.1"),
        (V4.0, "255.255.255.255"),
        (V4.0, "198.51.100.255"),
        (V4.0, "127.0.0.1"),
        ("0.0.0.0", V4.1),
        ("fe80::1", V6.1),
        (V6.0, "ff02::1"),
        (V6.0, "fe80::2"),
    ] {
        let mut router = router();
        assert_eq!(through(&mut router, &datagram(from, to, 9, 1), 1_500), [], "{from} {to}");
        assert_eq!(router.counters().not_forwarded, 1);
    }
}

#[test]
fn nobody_is_told_of_lost_errors_and_later_fragments() {
    let error = packet::packet(addr(V4.0), addr(V4.1), ICMP, 1, &[3, 1, 0, 0, 0, 0, 0, 0]);
    let mut later = datagram(V4.0, V4.1, 1, 16);
    later[6..8].copy_from_slice(&[0, 3]);
    packet::mend_ipv4_header(&mut later);
    for packet in [error, later] {
        let mut router = router();
        assert_eq!(through(&mut router, &packet, 1_500), []);
        assert_eq!(router.counters().expired, 1);
    }
}

#[test]
fn its_own_addresses_answer_ping_and_refuse_datagrams() {
    for (from, own, request, reply) in
        [(V4.0, "198.51.100.254", (ICMP, 8), 0), (V6.0, "2001:db8:2::fe", (ICMPV6, 128), 129)]
    {
        let ping = [request.1, 0, 0, 0, 0, 1, 0, 2, b'h', b'i'];
        let ping = packet::packet(addr(from), addr(own), request.0, 1, &ping);
        let (kind, code, word, rest) = complaint(&mut router(), &ping, 1_500);
        assert_eq!((kind, code, word, &rest[..]), (reply, 0, 0x0001_0002, &b"hi"[..]));
    }
    let packet = datagram(V4.0, "192.0.2.254", 9, 5);
    assert_eq!(complaint(&mut router(), &packet, 1_500).1, 3);
    let segment = packet::packet(addr(V4.0), addr("192.0.2.254"), TCP, 9, &[0; 20]);
    assert_eq!(through(&mut router(), &segment, 1_500), []);
}

#[test]
fn fragments_make_up_the_packet_again_and_keep_copied_options() {
    let mut packet = datagram(V4.0, V4.1, 9, 2_992);
    // Router alert is copied (148), record route (7) is not; DF off, identification 0xabcd.
    packet.splice(20..20, [148, 4, 0, 0, 7, 3, 4, 0]);
    packet[0] = 0x47;
    packet[2..8].copy_from_slice(&[(3_028_u16 >> 8) as u8, 3_028_u16 as u8, 0xab, 0xcd, 0, 0]);
    packet::mend_ipv4_header(&mut packet);
    let mut router = router();
    let out = through(&mut router, &packet, 1_000);
    let mut payload = Vec::new();
    for (i, (_, fragment)) in out.iter().enumerate() {
        let header = Header::of(fragment).expect("a good header");
        assert!(fragment.len() <= 1_000 && header.total_bytes == fragment.len());
        assert_eq!((header.fragment_offset, header.has_more_fragments), (payload.len(), i + 1 < out.len()));
        assert_eq!((header.payload_at, header.ttl), (if i == 0 { 28 } else { 24 }, 8));
        assert_eq!(fragment[4..6], [0xab, 0xcd]);
        payload.extend_from_slice(&fragment[header.payload()]);
    }
    assert_eq!(payload, &packet[28..]);
    assert_eq!((out.len(), router.counters().cut, router.counters().forwarded), (4, 1, 1));
    // A fragment is cut again, and its last piece is not the last of the packet.
    let again = fragments::cut(&out[0].1, 500);
    assert!(Header::of(again.last().expect("pieces")).expect("a good header").has_more_fragments);
    assert!(fragments::cut(&packet, 30).is_empty());
}
