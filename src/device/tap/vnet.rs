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
pub(super) fn describe(medium: Medium, frame: &mut [u8], piece_bytes: Option<NonZeroU16>) -> [u8; RECORD_LEN] {
    let Some(segment) = Segment::find(medium, frame) else { return [0; RECORD_LEN] };
    let at = segment.at + CHECKSUM_AT;
    if frame[at..at + 2] != [0, 0] {
        // Somebody has filled it in, who knows why it is as it is.
        return [0; RECORD_LEN];
    }
    // Begun, not finished: not its complement.
    let begun = !checksum::finish(segment.pseudo);
    frame[at..at + 2].copy_from_slice(&begun.to_be_bytes());
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
