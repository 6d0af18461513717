//! Does every packet come out as it was cut, and nothing else?

use super::*;

extern crate std;
use std::net::{IpAddr, Ipv6Addr};
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;
use smoltcp::wire::Ipv4Packet;

const UDP: u8 = 17;

/// One piece of a packet: offset, bytes, whether others follow.
type Piece<'p> = (usize, &'p [u8], bool);

fn v4(id: u16, (offset, bytes, has_more): Piece<'_>) -> Vec<u8> {
    v4_with_options(id, &[], (offset, bytes, has_more))
}

/// With a checksum that is not right: it is not looked at.
fn v4_with_options(id: u16, options: &[u8], (offset, bytes, has_more): Piece<'_>) -> Vec<u8> {
    let header_len = 20 + options.len();
    let mut packet = vec![0x40 | (header_len / 4) as u8, 0xb8];
    packet.extend(((header_len + bytes.len()) as u16).to_be_bytes());
    packet.extend(id.to_be_bytes());
    packet.extend((offset as u16 / 8 + if has_more { 0x2000 } else { 0 }).to_be_bytes());
    packet.extend([64, UDP, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    packet.extend(options);
    packet.extend(bytes);
    packet
}

/// `extensions`: the numbers of the headers in front of the Fragment header, each of 8 bytes.
fn v6_with_extensions(id: u32, extensions: &[u8], (offset, bytes, has_more): Piece<'_>) -> Vec<u8> {
    let mut packet = v6_header(extensions, bytes.len() + 8, 44);
    packet.extend([UDP, 0]);
    packet.extend((offset as u16 | u16::from(has_more)).to_be_bytes());
    packet.extend(id.to_be_bytes());
    packet.extend(bytes);
    packet
}

fn v6(id: u32, piece: Piece<'_>) -> Vec<u8> {
    v6_with_extensions(id, &[], piece)
}

/// The headers of an IPv6 packet with these extension headers, and `last` behind them.
fn v6_header(extensions: &[u8], payload_len: usize, last: u8) -> Vec<u8> {
    let mut packet = vec![0x6b, 0x80, 0, 0];
    packet.extend(((extensions.len() * 8 + payload_len) as u16).to_be_bytes());
    packet.extend([*extensions.first().unwrap_or(&last), 64]);
    packet.extend(Ipv6Addr::LOCALHOST.octets());
    packet.extend(Ipv6Addr::LOCALHOST.octets());
    for i in 0..extensions.len() {
        packet.extend([*extensions.get(i + 1).unwrap_or(&last), 0, 1, 4, 0, 0, 0, 0]);
    }
    packet
}

/// The IPv4 packet in one piece.
fn v4_whole(id: u16, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut packet = v4_with_options(id, options, (0, payload, false));
    Ipv4Packet::new_unchecked(&mut packet).fill_checksum();
    packet
}

fn v6_whole(extensions: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut packet = v6_header(extensions, payload.len(), UDP);
    packet.extend(payload);
    packet
}

/// Runs `act` with `places` places of `len` bytes each.
fn with_places<T>(places: usize, len: usize, act: impl FnOnce(&mut Reassembly<'_>) -> T) -> T {
    let mut bytes = vec![vec![0xee; len]; places];
    let mut places: Vec<_> = bytes.iter_mut().map(|bytes| Place::lent(bytes)).collect();
    let max = places.len();
    act(&mut Reassembly::new(ManagedSlice::Borrowed(&mut places), max))
}

/// What the packets come to, one after the other.
#[derive(Debug, PartialEq, Eq)]
enum Got {
    Incomplete,
    Complete(Vec<u8>),
    Dropped(Reason),
}

fn give(reassembly: &mut Reassembly<'_>, packet: &[u8]) -> Got {
    match reassembly.on_fragment(packet, Instant::ZERO).verdict {
        Verdict::Incomplete => Got::Incomplete,
        Verdict::Complete(packet) => Got::Complete(packet.to_vec()),
        Verdict::Dropped(reason) => Got::Dropped(reason),
    }
}

/// 40 bytes that can be told apart.
fn payload() -> Vec<u8> {
    (1..=40).collect()
}

#[test]
fn fragments_in_any_order_with_copies_make_the_packet() {
    let payload = payload();
    let (a, b, c) = ((0, &payload[..16], true), (16, &payload[16..32], true), (32, &payload[32..37], false));
    for order in [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]] {
        with_places(1, 1600, |reassembly| {
            for piece in &order[..2] {
                assert_eq!(give(reassembly, &v4(7, *piece)), Got::Incomplete);
                assert_eq!(give(reassembly, &v4(7, *piece)), Got::Incomplete, "a copy changes nothing");
            }
            assert_eq!(give(reassembly, &v4(7, order[2])), Got::Complete(v4_whole(7, &[], &payload[..37])));
            assert_eq!((reassembly.len(), reassembly.next_at()), (0, None));
            for piece in &order[..2] {
                assert_eq!(give(reassembly, &v6(7, *piece)), Got::Incomplete);
            }
            assert_eq!(give(reassembly, &v6(7, order[2])), Got::Complete(v6_whole(&[], &payload[..37])));
        });
    }
}

#[test]
fn options_and_extension_headers_of_the_first_fragment_are_kept() {
    let payload = payload();
    let options = [7, 7, 4, 0, 0, 0, 0, 0];
    with_places(1, 1600, |reassembly| {
        // The first fragment comes last, and its header is longer than the others'.
        assert_eq!(give(reassembly, &v4(7, (16, &payload[16..], false))), Got::Incomplete);
        let first = v4_with_options(7, &options, (0, &payload[..16], true));
        assert_eq!(give(reassembly, &first), Got::Complete(v4_whole(7, &options, &payload)));
        // Hop-by-hop, destination and routing headers; here the first fragment's are shorter.
        let last = v6_with_extensions(7, &[0, 60, 43], (16, &payload[16..], false));
        assert_eq!(give(reassembly, &last), Got::Incomplete);
        let first = v6_with_extensions(7, &[0, 60], (0, &payload[..16], true));
        assert_eq!(give(reassembly, &first), Got::Complete(v6_whole(&[0, 60], &payload)));
    });
}

#[test]
fn padding_behind_the_packet_is_cut_off() {
    with_places(1, 1600, |reassembly| {
        let mut first = v4(7, (0, &[1; 8], true));
        first.extend([0xee; 18]);
        assert_eq!(give(reassembly, &first), Got::Incomplete);
        let mut last = v4(7, (8, &[2; 3], false));
        last.extend([0xee; 23]);
        let whole = v4_whole(7, &[], &[1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2]);
        assert_eq!(give(reassembly, &last), Got::Complete(whole));
    });
}

#[test]
fn an_overlap_ends_the_whole_packet() {
    let payload = payload();
    // What memory holds where nothing has arrived is no reason to take a fragment for a copy.
    let mut stale = payload[16..32].to_vec();
    stale[8..].fill(0xee);
    let overlaps: [Piece<'_>; 5] = [
        (8, &payload[8..24], true),
        (8, &payload[8..32], true),
        (16, &payload[16..32], true),
        (16, &[9; 8], true),
        (16, &stale, true),
    ];
    for overlap in overlaps {
        with_places(1, 1600, |reassembly| {
            assert_eq!(give(reassembly, &v6(7, (16, &payload[16..24], true))), Got::Incomplete);
            assert_eq!(give(reassembly, &v6(7, overlap)), Got::Dropped(Reason::Overlap));
            assert_eq!(reassembly.len(), 0);
        });
    }
}

#[test]
fn a_part_of_what_is_there_is_a_copy_too() {
    // As Linux has it: a sender whose path MTU shrank cuts the same packet in smaller pieces.
    let payload = payload();
    with_places(1, 1600, |reassembly| {
        assert_eq!(give(reassembly, &v4(7, (0, &payload[..24], true))), Got::Incomplete);
        assert_eq!(give(reassembly, &v4(7, (8, &payload[8..16], true))), Got::Incomplete);
        assert_eq!(give(reassembly, &v4(7, (24, &payload[24..], false))), Got::Complete(v4_whole(7, &[], &payload)));
    });
}

#[test]
fn fragments_that_disagree_on_the_end_end_the_whole_packet() {
    let payload = payload();
    let last: Piece<'_> = (16, &payload[16..24], false);
    let odd: [Piece<'_>; 4] = [
        (16, &payload[16..24], true),
        (24, &payload[24..32], true),
        (16, &payload[16..25], false),
        (8, &payload[8..16], false),
    ];
    for other in odd {
        for order in [[last, other], [other, last]] {
            with_places(1, 1600, |reassembly| {
                assert_eq!(give(reassembly, &v4(7, order[0])), Got::Incomplete);
                let got = give(reassembly, &v4(7, order[1]));
                // Which of the two faults is seen first depends on the order.
                let is_refused = matches!(got, Got::Dropped(Reason::Contradiction | Reason::Overlap));
                // Without the last fragment's word the same bytes are a copy that says where the end is.
                assert!(is_refused || order == [odd[0], last], "{order:?}: {got:?}");
            });
        }
    }
}

#[test]
fn impossible_fragments_are_dropped_and_the_others_stay() {
    let payload = payload();
    with_places(1, 70_000, |reassembly| {
        assert_eq!(give(reassembly, &v4(7, (0, &payload[..16], true))), Got::Incomplete);
        let cases = [
            (v4(7, (16, &payload[..15], true)), Reason::Unaligned),
            (v4(7, (16, &[], false)), Reason::Empty),
            (v4(7, (65_512, &payload[..8], false)), Reason::TooLong),
            (v4(7, (0, &payload, false)), Reason::Malformed),
            (v4(7, (16, &payload, false))[..30].to_vec(), Reason::Malformed),
            (v6(7, (16, &payload[..15], true)), Reason::Unaligned),
            (v6(7, (65_528, &payload[..8], false)), Reason::TooLong),
            (v6(7, (0, &[], true)), Reason::Empty),
            (v6_whole(&[0, 60], &payload), Reason::Malformed),
            (vec![], Reason::Malformed),
        ];
        for (packet, reason) in cases {
            assert_eq!(give(reassembly, &packet), Got::Dropped(reason), "{packet:?}");
        }
        let mut cut_headers = v6(7, (0, &payload[..16], true));
        cut_headers[40] = 6;
        assert_eq!(give(reassembly, &cut_headers), Got::Dropped(Reason::HeadersCut), "TCP has 20 bytes");
        assert_eq!(give(reassembly, &v4(7, (16, &payload[16..], false))), Got::Complete(v4_whole(7, &[], &payload)));
    });
}

#[test]
fn the_longest_packets_are_put_together() {
    let payload = vec![0x5a; 65_535];
    with_places(1, 66_607, |reassembly| {
        assert_eq!(give(reassembly, &v4(7, (32_768, &payload[32_768..65_515], false))), Got::Incomplete);
        let whole = v4_whole(7, &[], &payload[..65_515]);
        assert_eq!(give(reassembly, &v4(7, (0, &payload[..32_768], true))), Got::Complete(whole));
        assert_eq!(give(reassembly, &v6(7, (32_768, &payload[32_768..], false))), Got::Incomplete);
        assert_eq!(give(reassembly, &v6(7, (0, &payload[..32_768], true))), Got::Complete(v6_whole(&[], &payload)));
    });
}

#[test]
fn a_first_fragment_whose_headers_make_the_packet_too_long_is_dropped() {
    let payload = vec![0x5a; 65_535];
    with_places(2, 70_000, |reassembly| {
        assert_eq!(give(reassembly, &v4(7, (65_512, &payload[..3], false))), Got::Incomplete);
        let first = v4_with_options(7, &[1; 4], (0, &payload[..65_504], true));
        assert_eq!(give(reassembly, &first), Got::Dropped(Reason::TooLong));
        assert_eq!(give(reassembly, &v6(7, (65_528, &payload[..7], false))), Got::Incomplete);
        let first = v6_with_extensions(7, &[0], (0, &payload[..8], true));
        assert_eq!(give(reassembly, &first), Got::Dropped(Reason::TooLong));
    });
}

#[test]
fn a_first_ipv6_fragment_has_all_headers() {
    // Destination options, then: nothing, ESP, UDP, and nothing on purpose.
    for (next, len, is_whole) in [(50, 0, false), (50, 8, true), (17, 0, false), (17, 8, true), (59, 0, true)] {
        let mut first = v6(7, (0, &[next, 0, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..8 + len], true));
        first[40] = 60;
        let expected = if is_whole { Got::Incomplete } else { Got::Dropped(Reason::HeadersCut) };
        assert_eq!(with_places(1, 200, |reassembly| give(reassembly, &first)), expected, "{next} {len}");
    }
    // An authentication header counts in units of 4 bytes, without the first two: 16 bytes, and UDP behind.
    let mut payload = [0; 24];
    payload[..2].copy_from_slice(&[17, 2]);
    let mut first = v6(7, (0, &payload, true));
    first[40] = 51;
    assert_eq!(with_places(1, 200, |reassembly| give(reassembly, &first)), Got::Incomplete);
}

#[test]
fn a_packet_longer_than_the_lent_memory_is_given_up() {
    with_places(1, 65, |reassembly| {
        assert_eq!(give(reassembly, &v4(7, (0, &[1; 40], true))), Got::Incomplete);
        assert_eq!(give(reassembly, &v4(7, (40, &[1; 5], false))), Got::Dropped(Reason::NoRoom));
        assert_eq!(reassembly.len(), 0);
        assert_eq!(give(reassembly, &v4(7, (0, &[1; 40], true))), Got::Incomplete);
        assert!(matches!(give(reassembly, &v4(7, (40, &[1; 4], false))), Got::Complete(packet) if packet.len() == 64));
    });
    let mut places = [Place::lent(&mut []), Place::lent(&mut [])];
    let mut reassembly = Reassembly::new(ManagedSlice::Borrowed(&mut places), 2);
    let first = v4(7, (0, &[1; 8], true));
    assert_eq!(give(&mut reassembly, &first), Got::Dropped(Reason::NoRoom), "nobody lent any");
    let dropped = Outcome { verdict: Verdict::Dropped(Reason::NoRoom), has_evicted: false };
    assert_eq!(Reassembly::default().on_fragment(&first, Instant::ZERO), dropped, "there are no places");
}

#[test]
fn atomic_fragments_are_complete_at_once_and_alone() {
    let payload = payload();
    with_places(2, 1600, |reassembly| {
        assert_eq!(give(reassembly, &v6(7, (0, &payload[..16], true))), Got::Incomplete);
        assert_eq!(give(reassembly, &v6(7, (0, &payload, false))), Got::Complete(v6_whole(&[], &payload)));
        assert_eq!(give(reassembly, &v6(7, (0, &[], false))), Got::Complete(v6_whole(&[], &[])));
        assert_eq!(give(reassembly, &v6(7, (16, &payload[16..], false))), Got::Complete(v6_whole(&[], &payload)));
    });
}

#[test]
fn packets_are_told_apart_by_everything_in_the_key() {
    let first = v4(7, (0, &[1; 8], true));
    let mut other_protocol = v4(7, (8, &[1; 8], false));
    other_protocol[9] = 1;
    let mut other_source = v4(7, (8, &[1; 8], false));
    other_source[15] = 9;
    let mut other_destination = v4(7, (8, &[1; 8], false));
    other_destination[19] = 9;
    with_places(5, 100, |reassembly| {
        for packet in [&first, &other_protocol, &other_source, &other_destination, &v4(8, (8, &[1; 8], false))] {
            assert_eq!(give(reassembly, packet), Got::Incomplete);
        }
        assert_eq!(reassembly.len(), 5);
        // RFC 8200 §4.5: the next header of others than the first fragment means nothing.
        let mut odd = v6(7, (8, &[1; 8], false));
        odd[40] = 58;
        assert_eq!(give(reassembly, &odd), Got::Incomplete);
        assert_eq!(give(reassembly, &v6(7, (0, &[1; 8], true))), Got::Complete(v6_whole(&[], &[1; 16])));
    });
}

#[test]
fn the_oldest_packet_makes_room() {
    with_places(2, 100, |reassembly| {
        for (second, id) in [(1, 1), (0, 2)] {
            let outcome = reassembly.on_fragment(&v4(id, (0, &[1; 8], true)), Instant::from_secs(second));
            assert!(!outcome.has_evicted);
        }
        let outcome = reassembly.on_fragment(&v4(3, (0, &[1; 8], true)), Instant::from_secs(2));
        assert_eq!(outcome, Outcome { verdict: Verdict::Incomplete, has_evicted: true });
        assert!(matches!(give(reassembly, &v4(1, (8, &[1; 8], false))), Got::Complete(_)));
        assert_eq!(give(reassembly, &v4(2, (8, &[1; 8], false))), Got::Incomplete, "it was the oldest");
    });
}

#[test]
fn time_runs_out_from_the_first_arrival_on() {
    let key = |id, protocol, addr: [IpAddr; 2]| Key { source: addr[0], destination: addr[1], protocol, id };
    let (one, two) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
    let localhost = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let first = v4_with_options(1, &[1, 1, 1, 1], (0, &[1; 8], true));
    let first6 = v6(3, (0, &[2; 16], true));
    with_places(3, 100, |reassembly| {
        reassembly.on_fragment(&v4(1, (16, &[1; 8], true)), Instant::ZERO);
        reassembly.on_fragment(&first, Instant::from_secs(29));
        reassembly.on_fragment(&v4(2, (16, &[1; 8], true)), Instant::from_secs(1));
        reassembly.on_fragment(&first6, Instant::ZERO);
        assert_eq!(reassembly.next_at(), Some(Instant::from_secs(30)));
        assert_eq!(reassembly.expire(Instant::from_micros(29_999_999)), None);
        let now = Instant::from_secs(31);
        let expired = Expired { key: key(1, UDP, [one, two]), first: Some(&first) };
        assert_eq!(reassembly.expire(now), Some(expired));
        assert_eq!(reassembly.expire(now), Some(Expired { key: key(2, UDP, [one, two]), first: None }));
        assert_eq!(reassembly.expire(now), None);
        assert_eq!(reassembly.next_at(), Some(Instant::from_secs(60)));
        // Nobody has asked for what is due, and yet it takes no more fragments.
        let late = reassembly.on_fragment(&v6(3, (16, &[2; 8], false)), Instant::from_secs(60));
        assert_eq!(late.verdict, Verdict::Incomplete);
        let expired = Expired { key: key(3, 0, [localhost, localhost]), first: Some(&first6) };
        assert_eq!(reassembly.expire(Instant::from_secs(60)), Some(expired));
    });
}

#[test]
fn congestion_of_one_fragment_is_congestion_of_the_packet() {
    let marked = |ecn: u8, piece: Piece<'_>| {
        let (mut v4, mut v6) = (v4(7, piece), v6(7, piece));
        v4[1] |= ecn;
        v6[1] |= ecn << 4;
        [v4, v6]
    };
    let cases = [(2, 3, Some(3)), (3, 1, Some(3)), (2, 1, Some(2)), (0, 0, Some(0)), (0, 3, None), (2, 0, None)];
    for (first, last, expected) in cases {
        with_places(1, 100, |reassembly| {
            let pairs = marked(first, (0, &[1; 8], true)).into_iter().zip(marked(last, (8, &[1; 8], false)));
            for (first, last) in pairs {
                assert_eq!(give(reassembly, &first), Got::Incomplete);
                let ecn = match give(reassembly, &last) {
                    Got::Complete(packet) if packet[0] >> 4 == 4 => Some(packet[1] & 3),
                    Got::Complete(packet) => Some((packet[1] >> 4) & 3),
                    Got::Dropped(Reason::MixedEcn) => None,
                    got => panic!("{got:?}"),
                };
                assert_eq!(ecn, expected);
            }
        });
    }
}

/// Cuts `payload` at the multiples of 8 that `cuts` names, and shuffles by `order`.
fn pieces<'p>(payload: &'p [u8], cuts: &[u16], order: &[u16]) -> Vec<Piece<'p>> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| usize::from(*cut) * 8 % payload.len() / 8 * 8).collect();
    ends.extend([0, 16, payload.len()]);
    ends.sort_unstable();
    ends.dedup();
    // The first piece has 8 bytes at least: the first IPv6 fragment must have the whole UDP header.
    let mut all: Vec<Piece<'p>> =
        ends.windows(2).map(|ends| (ends[0], &payload[ends[0]..ends[1]], ends[1] < payload.len())).collect();
    for (i, other) in order.iter().enumerate().take(all.len()) {
        let other = usize::from(*other) % all.len();
        all.swap(i, other);
    }
    all
}

proptest! {
    #[test]
    fn any_packet_in_any_pieces_in_any_order_comes_out_equal(
        is_v4: bool,
        payload in proptest::collection::vec(any::<u8>(), 17..3000),
        cuts in proptest::collection::vec(any::<u16>(), 0..60),
        order in proptest::collection::vec(any::<u16>(), 60),
        copies in proptest::collection::vec(any::<bool>(), 70),
        words in 0..11_usize,
        extensions in proptest::collection::vec(prop_oneof![Just(0_u8), Just(43), Just(60)], 0..4),
    ) {
        let options = vec![1; words * 4];
        let write = |piece: Piece<'_>| match (is_v4, piece.0 == 0) {
            (true, true) => v4_with_options(9, &options, piece),
            (true, false) => v4(9, piece),
            (false, _) => v6_with_extensions(9, &extensions, piece),
        };
        let expected = if is_v4 { v4_whole(9, &options, &payload) } else { v6_whole(&extensions, &payload) };
        let pieces = pieces(&payload, &cuts, &order);
        let (last, others) = pieces.split_last().expect("two at least");
        let run = |reassembly: &mut Reassembly<'_>| {
            for (piece, is_twice) in others.iter().zip(&copies) {
                for _ in 0..=usize::from(*is_twice) {
                    assert_eq!(give(reassembly, &write(*piece)), Got::Incomplete);
                }
            }
            assert_eq!(give(reassembly, &write(*last)), Got::Complete(expected.clone()));
            assert_eq!(reassembly.len(), 0);
        };
        with_places(1, 3400, run);
        #[cfg(feature = "alloc")]
        run(&mut Reassembly::new(ManagedSlice::Owned(vec![]), 1));
    }

    #[test]
    fn hostile_fragments_never_panic_nor_exceed_the_memory(
        all in proptest::collection::vec(
            (
                any::<bool>(), 0..3_u8, 0..40_u16, any::<bool>(), 0..60_usize, 0..11_usize,
                proptest::option::of((0..70_usize, any::<u8>())), any::<u8>(),
            ),
            0..60,
        ),
        len in 0..400_usize,
    ) {
        with_places(2, len, |reassembly| {
            for (second, (is_v4, id, offset, has_more, len, words, noise, byte)) in all.into_iter().enumerate() {
                let bytes = vec![byte & 1; if byte > 200 { len } else { len / 8 * 8 }];
                let piece: Piece<'_> = (usize::from(offset) * 8, &bytes, has_more);
                let mut packet = if is_v4 {
                    v4_with_options(id.into(), &vec![1; words * 4], piece)
                } else {
                    v6_with_extensions(id.into(), &vec![60; words / 3], piece)
                };
                if let Some((at, byte)) = noise
                    && let Some(at) = packet.get_mut(at)
                {
                    *at = byte;
                }
                let now = Instant::from_secs(second as u64 * 5);
                while let Some(expired) = reassembly.expire(now) {
                    assert!(expired.first.is_none_or(|first| first.len() <= len.max(400)));
                }
                if let Verdict::Complete(packet) = reassembly.on_fragment(&packet, now).verdict {
                    assert!(matches!(packet[0] >> 4, 4 | 6));
                }
                assert!(reassembly.len() <= 2);
            }
        });
    }

    #[test]
    fn noise_never_panics(packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..120), 0..20)) {
        with_places(1, 200, |reassembly| {
            for mut packet in packets {
                // Without this hardly any would get past the first byte.
                if let Some(first) = packet.first_mut() {
                    *first = if *first & 1 == 0 { 0x45 } else { 0x60 };
                }
                if let Some(length) = packet.get_mut(2..6) {
                    length.copy_from_slice(&[0, 60, 0, 60]);
                }
                give(reassembly, &packet);
            }
        });
    }
}
