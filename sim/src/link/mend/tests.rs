//! Are mended checksums right?

use super::*;
use crate::frame::tests::udp;
use crate::observe::dissect::dissect;

/// A packet of 40 bytes with this protocol and payload, its checksums mended.
fn packet(version: IpVersion, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = match version {
        IpVersion::V4 => {
            let mut packet = vec![0x45, 0, 0, 20 + payload.len() as u8, 0, 0, 0, 0, 64, protocol, 0, 0];
            packet.extend([192, 0, 2, 1, 192, 0, 2, 2]);
            packet
        }
        IpVersion::V6 => {
            let mut packet = vec![0x60, 0, 0, 0, 0, payload.len() as u8, protocol, 64];
            packet.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
            packet.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
            packet
        }
    };
    packet.extend_from_slice(payload);
    mend(Medium::Ip, &mut packet);
    packet
}

const TCP_SEGMENT: [u8; 25] =
    [0, 7, 0, 8, 0, 0, 0, 9, 0, 0, 0, 1, 0x50, 0x18, 1, 0, 0xaa, 0xaa, 0, 0, b'h', b'e', b'l', b'l', b'o'];

/// One of each kind that has a checksum: with its protocol, and where that checksum stands in the payload.
fn samples() -> Vec<(IpVersion, u8, usize, Vec<u8>)> {
    let udp = [0, 7, 0, 8, 0, 13, 0xaa, 0xaa, 1, 2, 3, 4, 5];
    let echo4 = [8, 0, 0xaa, 0xaa, 0, 1, 0, 2, 3];
    let echo6 = [128, 0, 0xaa, 0xaa, 0, 1, 0, 2, 3];
    let all: [(IpVersion, u8, usize, &[u8]); 6] = [
        (IpVersion::V4, TCP, 16, &TCP_SEGMENT),
        (IpVersion::V6, TCP, 16, &TCP_SEGMENT),
        (IpVersion::V4, UDP, 6, &udp),
        (IpVersion::V6, UDP, 6, &udp),
        (IpVersion::V4, ICMP, 2, &echo4),
        (IpVersion::V6, ICMPV6, 2, &echo6),
    ];
    all.into_iter()
        .map(|(version, protocol, at, bytes)| (version, protocol, at, packet(version, protocol, bytes)))
        .collect()
}

#[test]
fn a_flip_is_noticed_and_a_mended_flip_is_not() {
    for (version, protocol, _, packet) in samples() {
        let about = format!("{version:?} protocol {protocol}");
        assert_eq!(dissect(Medium::Ip, &packet).bad_checksum, None, "{about}");
        let last = packet.len() - 1;
        for bit in 0..8 {
            let mut flipped = packet.clone();
            flipped[last] ^= 1 << bit;
            assert!(dissect(Medium::Ip, &flipped).bad_checksum.is_some(), "{about}");
            mend(Medium::Ip, &mut flipped);
            assert_eq!(dissect(Medium::Ip, &flipped).bad_checksum, None, "{about}");
            assert_ne!(flipped[last], packet[last]);
        }
    }
}

#[test]
fn a_flip_of_an_address_is_mended_in_both_checksums() {
    for (version, protocol, _, packet) in samples() {
        let mut flipped = packet.clone();
        flipped[if version == IpVersion::V4 { 15 } else { 23 }] ^= 4;
        mend(Medium::Ip, &mut flipped);
        let dissected = dissect(Medium::Ip, &flipped);
        assert_eq!(dissected.bad_checksum, None, "{version:?} protocol {protocol}");
        assert_ne!(dissected.ip, dissect(Medium::Ip, &packet).ip);
    }
}

#[test]
fn a_flip_of_a_checksum_is_mended_to_what_was_sent() {
    for (version, _, at, packet) in samples() {
        let start = if version == IpVersion::V4 { 20 } else { 40 };
        let mut flipped = packet.clone();
        flipped[start + at] ^= 1;
        mend(Medium::Ip, &mut flipped);
        assert_eq!(flipped, packet);
    }
}

#[test]
fn the_whole_frame_agrees_with_one_made_by_another_hand() {
    for medium in [Medium::Ethernet, Medium::Ip] {
        for version in [IpVersion::V4, IpVersion::V6] {
            let frame = udp(medium, version);
            let mut mended = frame.clone();
            mend(medium, &mut mended);
            assert_eq!(mended, frame, "it was right");
        }
    }
}

#[test]
fn a_datagram_without_checksum_keeps_none_and_a_sum_of_zero_is_sent_as_ones() {
    let mut datagram = packet(IpVersion::V4, UDP, &[0, 7, 0, 8, 0, 8, 0, 0]);
    assert_eq!(datagram[26..28], [0, 0]);
    mend(Medium::Ip, &mut datagram);
    assert_eq!(datagram[26..28], [0, 0]);
    // With these two bytes the sum of everything else is 0xffff.
    let zero = packet(IpVersion::V6, UDP, &[0, 7, 0, 8, 0, 10, 0xaa, 0xaa, 0, 0]);
    let sum = u16::from_be_bytes([zero[46], zero[47]]).to_be_bytes();
    let ones = packet(IpVersion::V6, UDP, &[0, 7, 0, 8, 0, 10, 0xaa, 0xaa, sum[0], sum[1]]);
    assert_eq!(ones[46..48], [0xff, 0xff]);
}

#[test]
fn of_a_fragment_only_the_header_is_mended() {
    let mut fragment = packet(IpVersion::V4, UDP, &[0, 7, 0, 8, 0, 13, 0xaa, 0xaa, 1, 2, 3, 4, 5]);
    fragment[6] = 0x20;
    fragment[25] = 99;
    let before = fragment[26..28].to_vec();
    mend(Medium::Ip, &mut fragment);
    assert_eq!(fragment[26..28], before);
    assert_eq!(folded(sum(&fragment[..20])), 0xffff);
}

#[test]
fn what_is_no_packet_stays_as_it_is() {
    for (_, _, _, packet) in samples() {
        for bytes in 0..packet.len() {
            let mut cut = packet[..bytes].to_vec();
            mend(Medium::Ip, &mut cut);
            mark_ce(Medium::Ip, &mut cut);
            assert_eq!(cut, packet[..bytes]);
            assert!(!is_ecn_capable(Medium::Ip, &cut));
        }
    }
}
