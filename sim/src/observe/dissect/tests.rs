//! Are frames described as they are, and does no frame break the describing?

use super::*;
use crate::observe::fixture::{CLIENT, SERVER, Seg, Wire, tcp_frame};

fn described(build: impl FnOnce(&mut Wire) -> &mut Wire) -> Dissected {
    let mut wire = Wire::new();
    build(&mut wire);
    dissect(Medium::Ethernet, &wire.trace.frames[0].bytes)
}

fn said(dissected: &Dissected) -> String {
    let phrase = dissected.phrase();
    format!("{} {}", phrase.name, phrase.detail).trim_end().to_owned()
}

/// A packet of IPv6 between 2001:db8::1 and 2001:db8::2. `extensions`: with their own next-header bytes inside.
fn v6(next_header: u8, payload: &[u8]) -> Vec<u8> {
    let address = |last| [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([next_header, 255]);
    packet.extend(address(1));
    packet.extend(address(2));
    packet.extend(payload);
    packet
}

#[test]
fn arp_says_who_asks_and_who_answers() {
    assert_eq!(said(&described(|wire| wire.arp(0, CLIENT, 1))), "ARP who has 192.0.2.2? tell 192.0.2.1");
    assert_eq!(said(&described(|wire| wire.arp(0, SERVER, 2))), "ARP 192.0.2.2 is at 02:00:00:00:00:02");
}

#[test]
fn a_datagram_has_ports_and_a_length_without_its_header() {
    let dissected = described(|wire| wire.udp(0, CLIENT, [5_000, 7], b"hello"));
    assert_eq!(said(&dissected), "UDP 5 B 192.0.2.1:5000 → 192.0.2.2:7");
    assert_eq!(dissected.bad_checksum, None);
}

#[test]
fn a_datagram_without_a_checksum_is_good_in_ipv4_only() {
    let mut frame = {
        let mut wire = Wire::new();
        wire.udp(0, CLIENT, [5_000, 7], b"hello");
        wire.trace.frames.remove(0).bytes
    };
    frame[40..42].fill(0);
    assert_eq!(dissect(Medium::Ethernet, &frame).bad_checksum, None);
    assert_eq!(dissect(Medium::Ip, &v6(17, &frame[34..])).bad_checksum, Some(Layer::Udp));
}

#[test]
fn a_segment_shows_its_fields_and_options() {
    // mss 1460, sack permitted, window scale 7, no-op; then the blocks of a later segment.
    let options = [2, 4, 5, 0xb4, 4, 2, 3, 3, 7, 1, 1, 1];
    let frame = tcp_frame(CLIENT, &Seg::syn().options(&options).window(512));
    let dissected = dissect(Medium::Ethernet, &frame);
    let tcp = dissected.tcp().expect("a segment");
    assert_eq!((tcp.mss_bytes, tcp.window_shift, tcp.sack_permitted), (Some(1_460), Some(7), true));
    assert_eq!((tcp.flags, tcp.window_raw, tcp.payload_bytes, tcp.seq_len()), (Flags::SYN, 512, 0, 1));
    assert!(!tcp.options_malformed);

    let blocks = [1, 1, 5, 10, 0, 0, 0, 10, 0, 0, 0, 20];
    let frame = tcp_frame(SERVER, &Seg::ack().options(&blocks));
    assert_eq!(dissect(Medium::Ethernet, &frame).tcp().expect("a segment").sack, [(10, 20)]);
}

#[test]
fn options_that_lie_about_their_length_are_told_not_trusted() {
    for options in [[2, 40, 5, 0xb4], [3, 0, 0, 0], [8, 4, 1, 1], [1, 1, 1, 2]] {
        let frame = tcp_frame(CLIENT, &Seg::syn().options(&options));
        assert!(dissect(Medium::Ethernet, &frame).tcp().expect("a segment").options_malformed, "{options:?}");
    }
}

#[test]
fn one_flipped_bit_anywhere_in_a_packet_is_noticed() {
    let frame = tcp_frame(CLIENT, &Seg::ack().seq(1).data(100));
    assert_eq!(dissect(Medium::Ethernet, &frame).bad_checksum, None);
    for byte in 14..frame.len() {
        for bit in 0..8 {
            let mut flipped = frame.clone();
            flipped[byte] ^= 1 << bit;
            let dissected = dissect(Medium::Ethernet, &flipped);
            let is_noticed = dissected.bad_checksum.is_some() || dissected.tcp().is_none();
            assert!(is_noticed, "byte {byte} bit {bit}");
        }
    }
}

#[test]
fn icmp_errors_name_the_reason_and_the_packet() {
    let mut message = vec![3, 3, 0, 0, 0, 0, 0, 0];
    let mut wire = Wire::new();
    wire.udp(0, CLIENT, [5_000, 9], b"");
    message.extend(&wire.trace.frames[0].bytes[14..]);
    let parsed = icmp::parse_v4(&message).expect("a message");
    let dissected = Dissected { ethernet: None, ip: None, bad_checksum: None, packet: parsed };
    assert_eq!(said(&dissected), "ICMP port unreachable: UDP 192.0.2.1:5000 → 192.0.2.2:9");
}

#[test]
fn neighbour_discovery_is_told_like_arp() {
    let target = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
    let ask = [&[135, 0, 0, 0, 0, 0, 0, 0][..], &target, &[1, 1, 2, 0, 0, 0, 0, 1]].concat();
    let tell = [&[136, 0, 0, 0, 0x60, 0, 0, 0][..], &target, &[2, 1, 2, 0, 0, 0, 0, 2]].concat();
    assert_eq!(said(&dissect(Medium::Ip, &v6(58, &ask))), "NDP who has 2001:db8::2?");
    assert_eq!(said(&dissect(Medium::Ip, &v6(58, &tell))), "NDP 2001:db8::2 is at 02:00:00:00:00:02");
}

#[test]
fn fragments_are_pieces_not_segments() {
    let mut frame = tcp_frame(CLIENT, &Seg::ack().data(100));
    frame[20..22].copy_from_slice(&[0x20, 3]);
    assert_eq!(said(&dissect(Medium::Ethernet, &frame)), "fragment bytes 24..144 of packet 0, more follow");

    let piece = [&[6, 0, 0, 9, 0, 0, 0, 77][..], &[0; 16]].concat();
    assert_eq!(said(&dissect(Medium::Ip, &v6(44, &piece))), "fragment bytes 8..24 of packet 77, more follow");
}

#[test]
fn extension_headers_are_skipped() {
    let segment = &tcp_frame(CLIENT, &Seg::ack())[34..];
    let payload = [&[6, 0, 1, 4, 0, 0, 0, 0][..], segment].concat();
    let dissected = dissect(Medium::Ip, &v6(0, &payload));
    assert_eq!(dissected.tcp().expect("a segment").to_port, 7);
}

#[test]
fn what_is_cut_short_is_malformed_and_what_is_unknown_is_not() {
    let frame = tcp_frame(CLIENT, &Seg::ack());
    assert_eq!(said(&dissect(Medium::Ethernet, &frame[..9])), "malformed Ethernet: header is cut short");
    let cut = dissect(Medium::Ethernet, &frame[..40]);
    assert_eq!(said(&cut), "malformed IP: total length is more than was received");
    let mut lldp = frame;
    lldp[12..14].copy_from_slice(&[0x88, 0xcc]);
    assert_eq!(said(&dissect(Medium::Ethernet, &lldp)), "ethertype 0x88cc 40 bytes");
}

#[test]
fn no_bytes_break_the_describing() {
    let mut rng = 1_u64;
    let mut next = move || {
        rng = rng.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (rng >> 33) as usize
    };
    let mut wire = Wire::new();
    wire.arp(0, CLIENT, 1).udp(0, CLIENT, [1, 2], b"hello").tcp(0, CLIENT, Seg::syn().data(30));
    let mut seeds: Vec<Vec<u8>> = wire.trace.frames.iter().map(|frame| frame.bytes.clone()).collect();
    seeds.extend(
        [1, 6, 17, 43, 44, 58, 60]
            .map(|next_header| [&[0; 12][..], &[0x86, 0xdd], &v6(next_header, &[0; 64])].concat()),
    );
    for _ in 0..60_000 {
        let mut bytes = seeds[next() % seeds.len()].clone();
        for _ in 0..next() % 6 {
            let at = next() % bytes.len();
            bytes[at] = next() as u8;
        }
        bytes.truncate(bytes.len() - next() % bytes.len().min(1 + next() % 90));
        for (medium, start) in [(Medium::Ethernet, 0), (Medium::Ip, 14.min(bytes.len()))] {
            let dissected = dissect(medium, &bytes[start..]);
            let text = said(&dissected);
            assert!(!text.is_empty());
            if let Some(tcp) = dissected.tcp() {
                assert!(bytes[start..].get(tcp.payload.clone()).is_some(), "the payload lies in the frame");
            }
        }
    }
    for len in 0..200 {
        let bytes: Vec<u8> = (0..len).map(|_| next() as u8).collect();
        let _ = (dissect(Medium::Ethernet, &bytes).phrase(), dissect(Medium::Ip, &bytes).phrase());
    }
}
