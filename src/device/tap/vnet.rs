//! What does the record in front of a frame say? (`struct virtio_net_hdr` of `linux/virtio_net.h`)
//!
//! With `IFF_VNET_HDR` kernel and reader share the work of checksums and segments: a frame may come, and leave, with a
//! TCP checksum that is only begun (the sum over the pseudo-header), and with one large segment in place of many.

use core::num::NonZeroU16;

use crate::demux::TCP;
use crate::device::Medium;
use crate::device::outlet::ETHERNET_HEADER_LEN;
use crate::stack::classify::{Content, checksum, ip, open};

/// The record in front of a frame that leaves: what is left to the kernel. `frame`: with a zero in place of the TCP checksum, if that
/// is to be filled in; the sum over the pseudo-header is put there. `piece_bytes`: the payload of the segments that it has
/// to be cut into.
#[expect(clippy::arithmetic_side_effects, reason = "positions within a frame")]
pub(super) fn describe(medium: Medium, frame: &mut [u8], piece_bytes: Option<NonZeroU16>) -> [u8; RECORD_LEN] {
    let Some(segment) = Segment::find(medium, frame) else { return [0; RECORD_LEN] };
    let at = segment.at + CHECKSUM_AT;
    // Where somebody has filled it in, it is as it is, who knows why.
    let place = frame.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<2>()).filter(|sum| **sum == [0; 2]);
    let Some(place) = place else { return [0; RECORD_LEN] };
    // Begun, not finished: not its complement.
    let begun = !checksum::finish(segment.pseudo);
    *place = begun.to_be_bytes();
    let (kind, header_len, piece) = match piece_bytes {
        Some(bytes) => (segment.gso_type, segment.payload_at as u16, bytes.get()),
        None => (0, 0, 0),
    };
    let [h0, h1] = header_len.to_ne_bytes();
    let [p0, p1] = piece.to_ne_bytes();
    let [s0, s1] = (segment.at as u16).to_ne_bytes();
    let [c0, c1] = (CHECKSUM_AT as u16).to_ne_bytes();
    [NEEDS_CSUM, kind, h0, h1, p0, p1, s0, s1, c0, c1]
}

/// Whether a received frame is as it was sent, as far as its record can say: the checksum of TCP is looked at here, where nobody else
/// has, and one that is only begun is finished, unless it is TCP's, which nobody looks at any more.
pub(super) fn admit(medium: Medium, record: &[u8; RECORD_LEN], frame: &mut [u8]) -> bool {
    let [flags, _, _, _, _, _, s0, s1, c0, c1] = *record;
    if flags & NEEDS_CSUM != 0 {
        let (start, offset) = (u16::from_ne_bytes([s0, s1]), u16::from_ne_bytes([c0, c1]));
        return usize::from(offset) == CHECKSUM_AT || finish(frame, usize::from(start), usize::from(offset));
    }
    if flags & DATA_VALID != 0 {
        return true;
    }
    let Ok(Content::Ip(_, packet)) = open(medium, frame) else { return true };
    // What is no whole packet is looked at when it is one.
    ip::parse(packet).map_or(true, |packet| packet.protocol != TCP || packet.has_good_checksum())
}

/// Finishes the checksum at `start + offset`, over all from `start` on. Says whether there is such a place.
fn finish(frame: &mut [u8], start: usize, offset: usize) -> bool {
    let Some(summed) = frame.get_mut(start..).filter(|summed| summed.len() <= SUMMED_MAX) else { return false };
    let sum = match checksum::finish(checksum::sum(summed)) {
        // RFC 768: 0 says that there is no checksum.
        0 => 0xffff,
        sum => sum,
    };
    let Some(place) = summed.get_mut(offset..).and_then(|place| place.first_chunk_mut()) else { return false };
    *place = sum.to_be_bytes();
    true
}

/// A whole TCP segment in a frame of ours.
struct Segment {
    /// Where its header begins in the frame.
    at: usize,
    /// Where its payload begins in the frame.
    payload_at: usize,
    gso_type: u8,
    pseudo: u32,
}

impl Segment {
    #[expect(clippy::arithmetic_side_effects, reason = "positions within a frame")]
    fn find(medium: Medium, frame: &[u8]) -> Option<Self> {
        let Ok(Content::Ip(_, bytes)) = open(medium, frame) else { return None };
        let link_len = if medium == Medium::Ethernet { ETHERNET_HEADER_LEN } else { 0 };
        let (header_len, gso_type) = match bytes.first()? >> 4 {
            4 => (usize::from(bytes.first()? & 0xf) * 4, GSO_TCPV4),
            _ => (40, GSO_TCPV6),
        };
        let packet = ip::parse(bytes).ok().filter(|packet| packet.protocol == TCP)?;
        // Extension headers are raw sockets' own; they know their checksums.
        if packet.payload.len() + header_len != ip::trim(bytes).len() {
            return None;
        }
        let offset = packet.payload.get(12)? >> 4;
        let at = link_len + header_len;
        let payload_at = at + usize::from(offset) * 4;
        let is_whole = packet.payload.len() >= TCP_HEADER_LEN && payload_at <= frame.len();
        // At most 65,535 bytes: IP has 16 bits for the length.
        let pseudo = checksum::pseudo(packet.source, packet.destination, TCP, packet.payload.len() as u32);
        is_whole.then_some(Self { at, payload_at, gso_type, pseudo })
    }
}

/// Bytes of the record; newer forms of it have more.
pub(super) const RECORD_LEN: usize = 10;

/// `VIRTIO_NET_HDR_F_NEEDS_CSUM`: the checksum is only begun.
const NEEDS_CSUM: u8 = 1;
/// `VIRTIO_NET_HDR_F_DATA_VALID`: somebody has looked at it.
const DATA_VALID: u8 = 2;
/// `VIRTIO_NET_HDR_GSO_TCPV4`, `…_TCPV6`.
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
/// Where the checksum is in a TCP header (RFC 9293 §3.1).
const CHECKSUM_AT: usize = 16;
const TCP_HEADER_LEN: usize = 20;
/// A sum over more could overflow.
const SUMMED_MAX: usize = 65_535;

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// A TCP segment with three bytes of payload and no checksum, in IPv4 or IPv6, with an Ethernet header or without.
    fn frame(medium: Medium, is_v6: bool) -> Vec<u8> {
        let mut frame = if medium == Medium::Ethernet { vec![2; 12] } else { vec![] };
        let (ethertype, header) = if is_v6 {
            let addresses = [[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]; 2].concat();
            ([0x86, 0xdd], [&[0x60, 0, 0, 0, 0, 23, 6, 64], &addresses[..]].concat())
        } else {
            let header = [0x45, 0, 0, 43, 0, 0, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
            ([8, 0], header.to_vec())
        };
        if medium == Medium::Ethernet {
            frame.extend(ethertype);
        }
        frame.extend(header);
        frame.extend([0, 7, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 1, 0, 0, 0, 0, 0, b'a', b'b', b'c']);
        frame
    }

    #[test]
    fn a_segment_is_left_to_the_kernel_with_its_checksum_begun() {
        for (medium, is_v6) in
            [(Medium::Ethernet, false), (Medium::Ethernet, true), (Medium::Ip, false), (Medium::Ip, true)]
        {
            let mut frame = frame(medium, is_v6);
            let at = frame.len() - 23;
            let record = describe(medium, &mut frame, NonZeroU16::new(2));
            let number = |place: usize| usize::from(u16::from_ne_bytes([record[place], record[place + 1]]));
            assert_eq!((record[0], record[1]), (NEEDS_CSUM, if is_v6 { GSO_TCPV6 } else { GSO_TCPV4 }));
            assert_eq!((number(2), number(4), number(6), number(8)), (at + 20, 2, at, 16));
            // What the kernel does: the sum over all from the segment on, with what was begun in it.
            let sum = checksum::finish(checksum::sum(&frame[at..]));
            frame[at + 16..at + 18].copy_from_slice(&sum.to_be_bytes());
            assert!(admit(medium, &[0; RECORD_LEN], &mut frame), "the finished checksum is right");
            assert_eq!(describe(medium, &mut frame.clone(), None), [0; RECORD_LEN], "it needs nothing more");
            frame[at + 20] ^= 1;
            assert!(!admit(medium, &[0; RECORD_LEN], &mut frame), "a bit is wrong");
            assert!(
                admit(medium, &[DATA_VALID, 0, 0, 0, 0, 0, 0, 0, 0, 0], &mut frame),
                "somebody says that he has looked"
            );
        }
    }

    #[test]
    fn a_datagram_with_a_begun_checksum_gets_the_rest() {
        // Source, destination, length 8, and the sum over a pseudo-header.
        let mut frame = [0, 7, 0, 9, 0, 8, 0x12, 0x34];
        let [h, l] = 6_u16.to_ne_bytes();
        assert!(admit(Medium::Ip, &[NEEDS_CSUM, 0, 0, 0, 0, 0, 0, 0, h, l], &mut frame));
        assert_eq!(frame[6..], (!(7_u16 + 9 + 8 + 0x1234)).to_be_bytes());
        assert!(!admit(Medium::Ip, &[NEEDS_CSUM, 0, 0, 0, 0, 0, 9, 9, h, l], &mut frame), "there is no such place");
    }

    proptest! {
        #[test]
        fn no_frame_and_no_record_is_too_odd(
            record: [u8; RECORD_LEN],
            bytes in proptest::collection::vec(any::<u8>(), 0..120),
            (changes, is_v6) in (proptest::collection::vec((0..77_usize, any::<u8>()), 0..8), any::<bool>()),
            medium in prop_oneof![Just(Medium::Ethernet), Just(Medium::Ip)],
        ) {
            let mut changed = frame(medium, is_v6);
            for (place, value) in changes {
                if let Some(byte) = changed.get_mut(place) {
                    *byte = value;
                }
            }
            for mut frame in [bytes, changed] {
                let len = frame.len();
                let _ = admit(medium, &record, &mut frame);
                let said = describe(medium, &mut frame, NonZeroU16::new(1));
                prop_assert!(usize::from(u16::from_ne_bytes([said[2], said[3]])) <= len, "headers beyond the frame");
                let _ = admit(medium, &said, &mut frame);
            }
        }
    }
}
