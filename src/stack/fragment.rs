//! How is a packet cut for a smaller MTU?

use core::net::{Ipv4Addr, Ipv6Addr};

use smoltcp::wire::{IpProtocol, Ipv4Packet, Ipv6FragmentHeader, Ipv6Packet};

use crate::invariant::impossible;

/// Where a payload is cut. All pieces but the last have the same length, a multiple of 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cuts {
    payload_len: usize,
    piece_len: usize,
}

/// One piece of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Where it stands in the payload, bytes.
    pub(crate) offset: usize,
    /// Its length, bytes.
    pub(crate) len: usize,
    /// Whether others follow.
    pub(crate) has_more: bool,
}

impl Cuts {
    /// Cuts a payload of `payload_len` bytes for packets of at most `mtu` bytes, in each of which it
    /// follows `header_len` bytes of headers: [`IPV4_HEADER_LEN`] and options, which are then the same in
    /// all fragments, or [`IPV6_HEADER_LEN`] with the Fragment header and whatever stands before that.
    ///
    /// `None`: it cannot be done. The MTU leaves no 8 bytes for a piece, or there is no packet with such a
    /// payload.
    pub(crate) fn new(header_len: usize, payload_len: usize, mtu: usize) -> Option<Self> {
        let piece_len = mtu.min(PACKET_MAX).checked_sub(header_len)? & !7;
        (piece_len > 0 && payload_len <= PAYLOAD_MAX).then_some(Self { payload_len, piece_len })
    }

    /// How many pieces there are: one at least.
    pub(crate) fn len(&self) -> usize {
        self.payload_len.div_ceil(self.piece_len.max(1)).max(1)
    }

    /// Piece `index`, counted from 0.
    #[expect(clippy::arithmetic_side_effects, reason = "the pieces before this one are part of the payload")]
    pub(crate) fn get(&self, index: usize) -> Option<Piece> {
        if index >= self.len() {
            return None;
        }
        let offset = index * self.piece_len;
        let rest = self.payload_len - offset;
        Some(Piece { offset, len: rest.min(self.piece_len), has_more: rest > self.piece_len })
    }
}

/// What stands in the IPv4 headers of all fragments of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ipv4Header {
    pub(crate) source: Ipv4Addr,
    pub(crate) destination: Ipv4Addr,
    /// IP protocol number of the payload.
    pub(crate) protocol: u8,
    pub(crate) ttl: u8,
    /// DSCP and ECN, as in `IP_TOS`.
    pub(crate) tos: u8,
    /// The same in all fragments, and in no other packet of the same addresses and protocol for as long
    /// as fragments live (RFC 6864).
    pub(crate) id: u16,
    /// Whether routers must not cut it (further).
    pub(crate) dont_fragment: bool,
}

impl Ipv4Header {
    /// Writes the header of the fragment that carries `piece`, checksum included, to the start of `packet`:
    /// [`IPV4_HEADER_LEN`] bytes at least. Header and piece together are at most 65,535 bytes.
    #[expect(clippy::arithmetic_side_effects, reason = "a piece is shorter than the MTU")]
    pub(crate) fn write(&self, piece: Piece, packet: &mut [u8]) {
        let Some(header) = packet.first_chunk_mut::<IPV4_HEADER_LEN>() else {
            return impossible("there is room for a header");
        };
        let mut header = Ipv4Packet::new_unchecked(header);
        header.set_version(4);
        header.set_header_len(IPV4_HEADER_LEN as u8);
        header.set_dscp(self.tos >> 2);
        header.set_ecn(self.tos & 3);
        header.set_total_len((IPV4_HEADER_LEN + piece.len) as u16);
        header.set_ident(self.id);
        header.clear_flags();
        header.set_dont_frag(self.dont_fragment);
        header.set_more_frags(piece.has_more);
        // smoltcp takes bytes here, and units of 8 bytes in IPv6.
        header.set_frag_offset(piece.offset as u16);
        header.set_hop_limit(self.ttl);
        header.set_next_header(IpProtocol::from(self.protocol));
        header.set_src_addr(self.source);
        header.set_dst_addr(self.destination);
        header.fill_checksum();
    }
}

/// What stands in the IPv6 and Fragment headers of all fragments of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ipv6Header {
    pub(crate) source: Ipv6Addr,
    pub(crate) destination: Ipv6Addr,
    /// IP protocol number of the payload.
    pub(crate) next_header: u8,
    pub(crate) hop_limit: u8,
    /// DSCP and ECN, as in `IPV6_TCLASS`.
    pub(crate) traffic_class: u8,
    /// Like [`Ipv4Header::id`], for the same addresses (RFC 8200 §4.5, RFC 7739).
    pub(crate) id: u32,
}

impl Ipv6Header {
    /// Writes both headers of the fragment that carries `piece` to the start of `packet`:
    /// [`IPV6_HEADER_LEN`] bytes at least. The piece is at most 65,527 bytes long.
    #[expect(clippy::arithmetic_side_effects, reason = "a piece is shorter than the MTU")]
    pub(crate) fn write(&self, piece: Piece, packet: &mut [u8]) {
        let Some((fixed, fragment)) = packet
            .split_first_chunk_mut::<{ IPV6_HEADER_LEN - FRAGMENT_HEADER_LEN }>()
            .and_then(|(fixed, rest)| Some((fixed, rest.first_chunk_mut::<FRAGMENT_HEADER_LEN>()?)))
        else {
            return impossible("there is room for the headers");
        };
        let mut header = Ipv6Packet::new_unchecked(fixed);
        header.set_version(6);
        header.set_traffic_class(self.traffic_class);
        header.set_flow_label(0);
        header.set_payload_len((FRAGMENT_HEADER_LEN + piece.len) as u16);
        header.set_next_header(IpProtocol::Ipv6Frag);
        header.set_hop_limit(self.hop_limit);
        header.set_src_addr(self.source);
        header.set_dst_addr(self.destination);
        fragment.fill(0);
        // smoltcp's header starts behind these two bytes: next header, and a reserved one.
        let [first, _, rest @ ..] = fragment;
        *first = self.next_header;
        let mut header = Ipv6FragmentHeader::new_unchecked(rest);
        header.set_frag_offset((piece.offset / 8) as u16);
        header.set_more_frags(piece.has_more);
        header.set_ident(self.id);
    }
}

/// An IPv4 header without options.
pub(crate) const IPV4_HEADER_LEN: usize = 20;
/// An IPv6 header and the Fragment header behind it.
pub(crate) const IPV6_HEADER_LEN: usize = 48;
const FRAGMENT_HEADER_LEN: usize = 8;
/// The length field of both versions has 16 bits.
const PACKET_MAX: usize = 65_535;
/// IPv6's; IPv4's is shorter by a header, which the limits of its sender know.
const PAYLOAD_MAX: usize = 65_535;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::reassembly::{Place, Reassembly, Verdict};
    use crate::time::Instant;

    extern crate std;
    use std::vec;
    use std::vec::Vec;

    use managed::ManagedSlice;
    use proptest::prelude::*;

    const V4: Ipv4Header = Ipv4Header {
        source: Ipv4Addr::new(192, 0, 2, 1),
        destination: Ipv4Addr::new(192, 0, 2, 2),
        protocol: 17,
        ttl: 63,
        tos: 0xb9,
        id: 0xbeef,
        dont_fragment: false,
    };

    const V6: Ipv6Header = Ipv6Header {
        source: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
        destination: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2),
        next_header: 17,
        hop_limit: 63,
        traffic_class: 0xb9,
        id: 0xdead_beef,
    };

    fn pieces(header_len: usize, payload_len: usize, mtu: usize) -> Vec<(usize, usize, bool)> {
        let cuts = Cuts::new(header_len, payload_len, mtu).expect("it can be cut");
        (0..cuts.len())
            .filter_map(|index| cuts.get(index))
            .map(|piece| (piece.offset, piece.len, piece.has_more))
            .collect()
    }

    #[test]
    fn pieces_are_as_long_as_the_mtu_and_the_units_of_8_bytes_allow() {
        assert_eq!(pieces(20, 4000, 1500), [(0, 1480, true), (1480, 1480, true), (2960, 1040, false)]);
        assert_eq!(pieces(20, 2960, 1500), [(0, 1480, true), (1480, 1480, false)]);
        assert_eq!(pieces(48, 1233, 1280), [(0, 1232, true), (1232, 1, false)]);
        assert_eq!(pieces(20, 9, 35), [(0, 8, true), (8, 1, false)]);
    }

    #[test]
    fn what_fits_is_one_piece_even_if_it_is_empty() {
        assert_eq!(pieces(20, 1480, 1500), [(0, 1480, false)]);
        assert_eq!(pieces(20, 0, 1500), [(0, 0, false)]);
    }

    #[test]
    fn an_mtu_without_room_for_8_bytes_cuts_nothing() {
        assert_eq!(Cuts::new(20, 100, 27), None);
        assert_eq!(Cuts::new(48, 100, 0), None);
        assert_eq!(Cuts::new(20, 65_536, 1500), None);
        assert!(Cuts::new(20, 100, 28).is_some());
    }

    #[test]
    fn an_ipv4_header_says_what_rfc_791_wants() {
        let mut packet = [0xff; 20];
        Ipv4Header { dont_fragment: true, ..V4 }.write(Piece { offset: 1480, len: 8, has_more: true }, &mut packet);
        let (start, addresses) = packet.split_at(12);
        assert_eq!(start[..10], [0x45, 0xb9, 0, 28, 0xbe, 0xef, 0x60, 185, 63, 17]);
        assert_eq!(addresses, [192, 0, 2, 1, 192, 0, 2, 2]);
        assert!(Ipv4Packet::new_unchecked(&packet[..]).verify_checksum());
    }

    #[test]
    fn ipv6_headers_say_what_rfc_8200_wants() {
        let mut packet = [0xff; 48];
        V6.write(Piece { offset: 1232, len: 1, has_more: false }, &mut packet);
        assert_eq!(packet[..8], [0x6b, 0x90, 0, 0, 0, 9, 44, 63]);
        assert_eq!(packet[40..], [17, 0, 4, 0xd0, 0xde, 0xad, 0xbe, 0xef]);
    }

    /// All fragments of `payload`.
    fn cut(is_v4: bool, payload: &[u8], mtu: usize) -> Vec<Vec<u8>> {
        let header_len = if is_v4 { IPV4_HEADER_LEN } else { IPV6_HEADER_LEN };
        let cuts = Cuts::new(header_len, payload.len(), mtu).expect("it can be cut");
        let fragment = |piece: Piece| {
            let mut packet = vec![0; header_len];
            if is_v4 {
                V4.write(piece, &mut packet)
            } else {
                V6.write(piece, &mut packet)
            }
            packet.extend_from_slice(&payload[piece.offset..piece.offset + piece.len]);
            assert!(packet.len() <= mtu);
            packet
        };
        (0..cuts.len()).filter_map(|index| cuts.get(index)).map(fragment).collect()
    }

    proptest! {
        #[test]
        fn what_was_cut_is_put_together_again(
            is_v4: bool, len in 2000..65_000_usize, mtu in 68..2000_usize, seed: u8,
        ) {
            let payload: Vec<u8> = (0..len).map(|i| (i as u8).wrapping_mul(31) ^ seed).collect();
            let mut bytes = vec![0; 67_000];
            let mut places = [Place::lent(&mut bytes)];
            let mut reassembly = Reassembly::new(ManagedSlice::Borrowed(&mut places), 1);
            let mut fragments = cut(is_v4, &payload, mtu);
            let last = fragments.pop().expect("one at least");
            for fragment in fragments {
                prop_assert_eq!(reassembly.on_fragment(&fragment, Instant::ZERO).verdict, Verdict::Incomplete);
            }
            let outcome = reassembly.on_fragment(&last, Instant::ZERO);
            let Verdict::Complete(packet) = outcome.verdict else { panic!("{outcome:?}") };
            if is_v4 {
                let mut header = [0; 20];
                V4.write(Piece { offset: 0, len, has_more: false }, &mut header);
                prop_assert!(packet[..20] == header && packet[20..] == payload);
            } else {
                prop_assert!(packet[..4] == [0x6b, 0x90, 0, 0] && packet[6..8] == [17, 63]);
                prop_assert!(packet[4..6] == (len as u16).to_be_bytes() && packet[40..] == payload);
            }
        }
    }
}
