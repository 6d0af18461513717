//! How does an IP packet leave: in which frame, with which mark, and did the device take it?

use core::num::NonZeroU16;

use smoltcp::phy::{Device, DeviceCapabilities, RxToken, TxToken};
use smoltcp::time::Instant;

use super::segmentation;
use crate::addr::MacAddr;
use crate::count::Count;
use crate::stack::classify::Flags;

/// What the frames of one turn have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path {
    /// Source and destination of the Ethernet header; `None`: the device carries bare IP packets.
    pub(crate) link: Option<(MacAddr, MacAddr)>,
    /// DSCP and ECN of the packets (`IP_TOS`).
    pub(crate) tos: u8,
    /// Whether IPv4 headers carry a checksum when the device gets them.
    pub(crate) has_header_checksum: bool,
    /// Whether TCP segments carry a whole checksum when the device gets them.
    pub(crate) has_tcp_checksum: bool,
    /// Between which numbers bare ACKs have theirs; `None`: as smoltcp says.
    pub(crate) ack_numbers: Option<AckNumbers>,
    /// Larger IPv6 segments are for the device to cut, into pieces of so many bytes of payload. (smoltcp says it itself
    /// of IPv4, and says nothing of IPv6.)
    pub(crate) ipv6_piece_bytes: Option<NonZeroU16>,
}

/// The lowest and the highest sequence number that a segment without data, SYN and FIN may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AckNumbers {
    pub(crate) lowest: u32,
    pub(crate) highest: u32,
}

impl AckNumbers {
    /// What `seq` has to be instead; `None`: it is right.
    #[inline]
    fn instead_of(self, seq: u32) -> Option<u32> {
        let is_before = |a: u32, b: u32| (a.wrapping_sub(b) as i32) < 0;
        match (is_before(seq, self.lowest), is_before(self.highest, seq)) {
            (true, _) => Some(self.lowest),
            (_, true) => Some(self.highest),
            _ => None,
        }
    }
}

impl Path {
    /// Bare packets with nothing to mark.
    pub(crate) const BARE: Self = Self {
        link: None,
        tos: 0,
        has_header_checksum: true,
        has_tcp_checksum: true,
        ack_numbers: None,
        ipv6_piece_bytes: None,
    };

    /// Bytes in front of the packet.
    #[inline]
    pub(crate) fn header_len(&self) -> usize {
        if self.link.is_some() { ETHERNET_HEADER_LEN } else { 0 }
    }

    /// The payload of the pieces that the device has to make of a segment in an IPv6 packet of `len` bytes.
    #[inline]
    fn pieces_of(&self, len: usize) -> Option<NonZeroU16> {
        self.ipv6_piece_bytes.filter(|bytes| len > IPV6_TCP_HEADERS_LEN + usize::from(bytes.get()))
    }

    /// Sends one IP packet of `len` bytes, which `f` writes.
    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "a link-layer header and a packet of less than 2^16 bytes")]
    pub(crate) fn send<T: TxToken, R>(&self, token: T, len: usize, f: impl FnOnce(&mut [u8]) -> R) -> R {
        let header_len = self.header_len();
        token.consume(header_len + len, |buffer| {
            let (header, packet) = buffer.split_at_mut(header_len);
            let result = f(packet);
            if let Some((from, to)) = self.link {
                write_ethernet_header(header, from, to, packet);
            }
            if self.tos != 0 {
                mark(packet, self.tos, self.has_header_checksum);
            }
            result
        })
    }
}

/// `header`: 14 bytes; the EtherType follows from the version of `packet`.
#[inline]
fn write_ethernet_header(header: &mut [u8], from: MacAddr, to: MacAddr, packet: &[u8]) {
    let Some(header) = header.first_chunk_mut::<ETHERNET_HEADER_LEN>() else { return };
    let is_v6 = packet.first().is_some_and(|byte| byte >> 4 == 6);
    let (MacAddr([t0, t1, t2, t3, t4, t5]), MacAddr([f0, f1, f2, f3, f4, f5])) = (to, from);
    let [high, low] = if is_v6 { [0x86, 0xdd] } else { [0x08, 0x00] };
    *header = [t0, t1, t2, t3, t4, t5, f0, f1, f2, f3, f4, f5, high, low];
}

/// Writes DSCP and ECN into a finished IP packet: smoltcp's TCP always leaves them 0.
fn mark(packet: &mut [u8], tos: u8, has_header_checksum: bool) {
    match packet.first().map(|byte| byte >> 4) {
        Some(4) => {
            let mut header = smoltcp::wire::Ipv4Packet::new_unchecked(packet);
            header.set_dscp(tos >> 2);
            header.set_ecn(tos & 3);
            if has_header_checksum {
                header.fill_checksum();
            }
        }
        Some(6) => smoltcp::wire::Ipv6Packet::new_unchecked(packet).set_traffic_class(tos),
        _ => {}
    }
}

/// Gives a finished TCP segment another sequence number. `packet`: as in [`SentSegment::of`].
#[inline(never)] // rare: inlined, it would only make the usual path spill
#[expect(clippy::arithmetic_side_effects, reason = "five halves of 32 bits, and their carry")]
fn renumber(packet: &mut [u8], seq: u32, has_checksum: bool) {
    let header_len = if packet.first().is_some_and(|byte| byte >> 4 == 4) { 20 } else { 40 };
    let Some(header) = packet.get_mut(header_len..).and_then(|segment| segment.first_chunk_mut::<20>()) else { return };
    let words = |number: u32| [number >> 16, number & 0xffff];
    let [_, _, _, _, s0, s1, s2, s3, ..] = *header;
    let old = u32::from_be_bytes([s0, s1, s2, s3]);
    header[4..8].copy_from_slice(&seq.to_be_bytes());
    if has_checksum {
        // RFC 1624 §3: HC' = ~(~HC + ~m + m').
        let [.., c0, c1, _, _] = *header;
        let mut sum = u32::from(!u16::from_be_bytes([c0, c1]));
        for (old, new) in words(old).into_iter().zip(words(seq)) {
            sum += (!old & 0xffff) + new;
        }
        let folded = (sum & 0xffff) + (sum >> 16);
        let folded = (folded & 0xffff) + (folded >> 16);
        header[16..18].copy_from_slice(&(!(folded as u16)).to_be_bytes());
    }
}

/// The transmit half of a device, counting: smoltcp's egress does not tell a refusal from an empty queue.
///
/// smoltcp sees a device that carries bare IP packets; what they are framed in is in [`Log::path`].
pub(crate) struct Outlet<'d, D: ?Sized> {
    device: &'d mut D,
    pub(crate) log: Log,
    /// Whether the device had no room for a frame since this was last cleared.
    pub(crate) refused: bool,
}

/// How packets leave, and what has left. Tokens point at it: smoltcp moves them about, so they are small.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) path: Path,
    /// Frames that the device took.
    pub(crate) sent: u64,
    /// The last TCP segment that it took.
    pub(crate) segment: Option<SentSegment>,
    /// What smoltcp asked of the device for the segment that comes next.
    piece_bytes: Option<NonZeroU16>,
}

impl Log {
    #[inline]
    pub(crate) const fn new(path: Path) -> Self {
        Self { path, sent: 0, segment: None, piece_bytes: None }
    }

    /// Sends one IP packet of `len` bytes, which `f` writes, and looks at it.
    #[inline]
    pub(crate) fn send<T: TxToken, R>(&mut self, mut token: T, len: usize, f: impl FnOnce(&mut [u8]) -> R) -> R {
        self.sent.count_one();
        let mut piece_bytes = self.piece_bytes.take();
        if let Some(bytes) = self.path.pieces_of(len) {
            segmentation::ask(&mut token, bytes);
            piece_bytes = Some(bytes);
        }
        let segment = &mut self.segment;
        let Path { ack_numbers, has_tcp_checksum, .. } = self.path;
        self.path.send(token, len, |packet| {
            let result = f(&mut *packet);
            *segment = SentSegment::of(packet, piece_bytes);
            if let (Some(sent), Some(numbers)) = (segment, ack_numbers)
                && sent.is_bare_ack()
                && let Some(seq) = numbers.instead_of(sent.seq)
            {
                sent.seq = seq;
                renumber(packet, seq, has_tcp_checksum);
            }
            result
        })
    }
}

impl<'d, D: Device + ?Sized> Outlet<'d, D> {
    pub(crate) fn new(device: &'d mut D) -> Self {
        Self { device, log: Log::new(Path::BARE), refused: false }
    }

    /// A token for one whole frame, counted as sent: the caller uses it.
    pub(crate) fn frame(&mut self, now: Instant) -> Option<D::TxToken<'_>> {
        let token = self.device.transmit(now);
        if token.is_none() {
            self.refused = true;
        } else {
            self.log.sent.count_one();
        }
        token
    }
}

impl<D: Device + ?Sized> Device for Outlet<'_, D> {
    type RxToken<'a>
        = Nothing
    where
        Self: 'a;
    type TxToken<'a>
        = Counted<'a, D::TxToken<'a>>
    where
        Self: 'a;

    fn receive(&mut self, _timestamp: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        None
    }

    fn transmit(&mut self, timestamp: Instant) -> Option<Self::TxToken<'_>> {
        let token = self.device.transmit(timestamp);
        if token.is_none() {
            self.refused = true;
        }
        Some(Counted { token: token?, log: &mut self.log })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        // The interface was told its capabilities when it was built; asking for them again for every
        // frame would cost a copy.
        DeviceCapabilities::default()
    }
}

/// An outlet receives nothing.
pub(crate) enum Nothing {}

impl RxToken for Nothing {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, _f: F) -> R {
        match self {}
    }
}

/// A transmit token that frames its packet, and counts itself when it is used.
pub(crate) struct Counted<'a, T> {
    token: T,
    log: &'a mut Log,
}

impl<T: TxToken> TxToken for Counted<'_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.log.send(self.token, len, f)
    }

    fn set_meta(&mut self, meta: smoltcp::phy::PacketMeta) {
        self.log.piece_bytes = segmentation::asked_of(meta);
        self.token.set_meta(meta);
    }
}

/// What a TCP segment that left said: smoltcp keeps its sequence numbers to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SentSegment {
    pub(crate) seq: u32,
    pub(crate) payload_len: usize,
    /// As how many segments it is on the wire.
    pub(crate) pieces: u16,
    pub(crate) flags: Flags,
    /// The first sequence number that its window does not allow the peer: ACK field and window. No window is scaled here, for
    /// receive buffers stop at 65,535 bytes.
    pub(crate) window_end: u32,
}

impl SentSegment {
    #[inline]
    fn is_bare_ack(&self) -> bool {
        self.payload_len == 0 && self.flags.ack() && self.flags.are_plain()
    }

    /// `packet`: as smoltcp built it: IPv4 without options, or IPv6 without extension headers; `piece_bytes`: the payload of the
    /// segments that the device cuts it into.
    #[inline]
    pub(crate) fn of(packet: &[u8], piece_bytes: Option<NonZeroU16>) -> Option<Self> {
        let (protocol_at, header_len) = match packet.first()? >> 4 {
            4 => (9, 20),
            _ => (6, 40),
        };
        if *packet.get(protocol_at)? != crate::demux::TCP {
            return None;
        }
        let segment = packet.get(header_len..)?;
        let [_, _, _, _, s0, s1, s2, s3, a0, a1, a2, a3, offset, flags, w0, w1, ..] = *segment.first_chunk::<20>()?;
        let payload_len = segment.len().saturating_sub(usize::from(offset >> 4) * 4);
        Some(Self {
            seq: u32::from_be_bytes([s0, s1, s2, s3]),
            payload_len,
            pieces: piece_bytes.map_or(1, |bytes| payload_len.div_ceil(usize::from(bytes.get())) as u16),
            flags: Flags::from_bits(flags),
            window_end: u32::from_be_bytes([a0, a1, a2, a3]).wrapping_add(u32::from(u16::from_be_bytes([w0, w1]))),
        })
    }
}

/// Bytes of the headers of a segment without options.
const IPV6_TCP_HEADERS_LEN: usize = 60;
/// Bytes of an Ethernet header without a VLAN tag.
pub(crate) const ETHERNET_HEADER_LEN: usize = 14;

#[cfg(test)]
mod tests {
    use super::*;

    struct Buffer<'b>(&'b mut [u8]);

    impl TxToken for Buffer<'_> {
        fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
            f(&mut self.0[..len])
        }
    }

    #[test]
    fn a_marked_ipv4_packet_has_its_tos_and_a_good_header_checksum() {
        let mut frame = [0; 34];
        let link = Some((MacAddr([2, 0, 0, 0, 0, 1]), MacAddr([2, 0, 0, 0, 0, 2])));
        let path = Path { link, tos: 0xb8, ..Path::BARE };
        path.send(Buffer(&mut frame), 20, |packet| {
            packet.copy_from_slice(&[0x45, 0, 0, 20, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
        });
        assert_eq!(frame[..14], [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]);
        let packet = smoltcp::wire::Ipv4Packet::new_checked(&frame[14..]).expect("long enough");
        assert!(packet.verify_checksum());
        assert_eq!((packet.dscp(), packet.ecn()), (46, 0));
    }

    #[test]
    fn a_segment_is_read_from_the_packet_that_left() {
        let mut packet = [0; 40 + 24 + 5];
        packet[0] = 0x60;
        packet[6] = 6;
        packet[44..48].copy_from_slice(&7_u32.to_be_bytes());
        packet[48..52].copy_from_slice(&900_u32.to_be_bytes());
        packet[54..56].copy_from_slice(&100_u16.to_be_bytes());
        (packet[52], packet[53]) = (0x60, 0x12);
        let flags = Flags::SYN.and(Flags::ACK);
        let expected = SentSegment { seq: 7, payload_len: 5, pieces: 1, flags, window_end: 1_000 };
        assert_eq!(SentSegment::of(&packet, None), Some(expected));
        assert_eq!(SentSegment::of(&packet, NonZeroU16::new(2)), Some(SentSegment { pieces: 3, ..expected }));
        packet[6] = 17;
        assert_eq!(SentSegment::of(&packet, None), None);
        assert_eq!(SentSegment::of(&packet[..30], None), None);
    }

    /// Bounds that go around the end of the numbers, and a checksum that stays good.
    #[test]
    fn a_bare_ack_has_a_number_within_its_bounds() {
        use smoltcp::wire::{IpAddress, Ipv4Address, TcpPacket};
        let [from, to] = [1, 2].map(|host| IpAddress::Ipv4(Ipv4Address::new(192, 0, 2, host)));
        let numbers = AckNumbers { lowest: u32::MAX - 1, highest: 3 };
        for (seq, payload_len, expected) in
            [(u32::MAX - 5, 0, u32::MAX - 1), (u32::MAX - 5, 1, u32::MAX - 5), (u32::MAX, 0, u32::MAX), (9, 0, 3)]
        {
            let mut frame = [0; 41];
            let mut log = Log::new(Path { ack_numbers: Some(numbers), ..Path::BARE });
            log.send(Buffer(&mut frame), 40 + payload_len, |packet| {
                packet[..20].copy_from_slice(&[0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
                let mut tcp = TcpPacket::new_unchecked(&mut packet[20..]);
                tcp.set_seq_number(smoltcp::wire::TcpSeqNumber(seq as i32));
                tcp.set_header_len(20);
                tcp.set_ack(true);
                tcp.fill_checksum(&from, &to);
            });
            let tcp = TcpPacket::new_checked(&frame[20..40 + payload_len]).expect("long enough");
            assert_eq!(tcp.seq_number().0 as u32, expected);
            assert!(tcp.verify_checksum(&from, &to));
            assert_eq!(log.segment.map(|sent| sent.seq), Some(expected));
        }
    }

    #[test]
    fn a_marked_ipv6_packet_has_its_traffic_class() {
        let mut packet = [0; 40];
        let path = Path { tos: 0x2e, ..Path::BARE };
        path.send(Buffer(&mut packet), 40, |packet| packet[0] = 0x60);
        assert_eq!(smoltcp::wire::Ipv6Packet::new_unchecked(&packet).traffic_class(), 0x2e);
        assert_eq!(packet[0] >> 4, 6);
    }
}
