//! Between which addresses does a packet travel, and what does it carry?

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::checksum;

/// An IP packet: what its headers say, and its payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packet<'f> {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    /// The protocol of the payload, behind all extension headers.
    pub(crate) protocol: u8,
    /// TTL or hop limit.
    pub(crate) hop_limit: u8,
    /// DSCP and ECN.
    pub(crate) tos: u8,
    /// Without the padding of the frame.
    pub(crate) payload: &'f [u8],
}

/// Why a frame or packet cannot be looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Odd {
    /// It is a part of a packet.
    Fragment,
    /// It is another protocol, or on its way to another host.
    Other,
    /// It ends too early, or its headers have no end.
    Malformed,
}

/// Takes the headers off an IP packet of either version; padding may follow it.
#[inline]
pub(crate) fn parse(bytes: &[u8]) -> Result<Packet<'_>, Odd> {
    let header = Header::read(bytes).ok_or(Odd::Malformed)?;
    let payload = bytes.get(header.len..header.packet_len).ok_or(Odd::Malformed)?;
    header.open(payload, MORE_FRAGMENTS | FRAGMENT_OFFSET)
}

/// The packet that an ICMP error quotes: its headers and 8 bytes more at least, the rest may be missing.
/// [`Odd::Fragment`]: one that has no ports.
pub(super) fn parse_quote(bytes: &[u8]) -> Result<Packet<'_>, Odd> {
    let header = Header::read(bytes).ok_or(Odd::Malformed)?;
    let payload = bytes.get(header.len..).ok_or(Odd::Malformed)?;
    let packet = header.open(payload, FRAGMENT_OFFSET)?;
    if packet.payload.len() < QUOTED_PAYLOAD_MIN { Err(Odd::Malformed) } else { Ok(packet) }
}

/// Source and destination of an IP packet.
pub(crate) fn addresses(bytes: &[u8]) -> Option<(IpAddr, IpAddr)> {
    Header::read(bytes).map(|header| (header.source, header.destination))
}

/// The packet in `bytes` without the padding of its frame; all of `bytes` if it says less than it is.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    Header::read(bytes).and_then(|header| bytes.get(..header.packet_len)).unwrap_or(bytes)
}

/// Whether the header of this IP packet is as it was sent; IPv6 leaves that to the payload's checksum.
pub(crate) fn has_good_header(bytes: &[u8]) -> bool {
    match Header::read(bytes) {
        Some(Header { source: IpAddr::V4(_), len, .. }) => {
            bytes.get(..len).is_some_and(|header| checksum::is_good(checksum::sum(header)))
        }
        Some(_) => true,
        None => false,
    }
}

/// What the headers of both versions say.
struct Header {
    source: IpAddr,
    destination: IpAddr,
    next: u8,
    hop_limit: u8,
    tos: u8,
    /// IPv4: flags and fragment offset. IPv6 has an extension header for it.
    part: u16,
    /// Bytes of this header.
    len: usize,
    /// Bytes of the packet, this header included.
    packet_len: usize,
}

impl Header {
    #[inline]
    fn read(bytes: &[u8]) -> Option<Self> {
        match bytes.first()? >> 4 {
            4 => Self::read_ipv4(bytes),
            6 => Self::read_ipv6(bytes),
            _ => None,
        }
    }

    /// RFC 791 §3.1.
    #[inline]
    fn read_ipv4(bytes: &[u8]) -> Option<Self> {
        let [first, tos, len_high, len_low, _, _, part_high, part_low, hop_limit, next, _, _, addresses @ ..] =
            *bytes.first_chunk::<20>()?;
        let [s0, s1, s2, s3, d0, d1, d2, d3] = addresses;
        let len = usize::from(first & 0xf) * 4;
        (len >= 20).then_some(Self {
            source: IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3)),
            destination: IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3)),
            next,
            hop_limit,
            tos,
            part: u16::from_be_bytes([part_high, part_low]),
            len,
            packet_len: usize::from(u16::from_be_bytes([len_high, len_low])),
        })
    }

    /// RFC 8200 §3.
    fn read_ipv6(bytes: &[u8]) -> Option<Self> {
        let (start, rest) = bytes.split_first_chunk::<8>()?;
        let (source, rest) = rest.split_first_chunk::<16>()?;
        let destination = rest.first_chunk::<16>()?;
        let [first, second, _, _, len_high, len_low, next, hop_limit] = *start;
        Some(Self {
            source: IpAddr::V6(Ipv6Addr::from_octets(*source)),
            destination: IpAddr::V6(Ipv6Addr::from_octets(*destination)),
            next,
            hop_limit,
            tos: (first << 4) | (second >> 4),
            part: 0,
            len: 40,
            packet_len: 40 + usize::from(u16::from_be_bytes([len_high, len_low])),
        })
    }

    /// The packet with what follows this header, unless one of the bits `part` makes it a fragment.
    #[inline]
    fn open(self, payload: &[u8], part: u16) -> Result<Packet<'_>, Odd> {
        if self.part & part != 0 {
            return Err(Odd::Fragment);
        }
        let (protocol, payload) = match self.source {
            IpAddr::V4(_) => (self.next, payload),
            IpAddr::V6(_) => skip_extensions(self.next, payload)?,
        };
        let Self { source, destination, hop_limit, tos, .. } = self;
        Ok(Packet { source, destination, protocol, hop_limit, tos, payload })
    }
}

/// Finds the payload behind extension headers (RFC 8200 §4).
fn skip_extensions(mut next: u8, mut bytes: &[u8]) -> Result<(u8, &[u8]), Odd> {
    for _ in 0..=EXTENSIONS_MAX {
        match next {
            HOP_BY_HOP | DESTINATION_OPTIONS | ROUTING => {}
            FRAGMENT => return Err(Odd::Fragment),
            NO_NEXT_HEADER => return Err(Odd::Other),
            _ => return Ok((next, bytes)),
        }
        let [after, units, _, segments_left, ..] = *bytes else { return Err(Odd::Malformed) };
        // RFC 8200 §4.4: this host is not the last on the route, and it is no router.
        if next == ROUTING && segments_left != 0 {
            return Err(Odd::Other);
        }
        bytes = bytes.get((usize::from(units) + 1) * 8..).ok_or(Odd::Malformed)?;
        next = after;
    }
    Err(Odd::Malformed)
}

const MORE_FRAGMENTS: u16 = 0x2000;
const FRAGMENT_OFFSET: u16 = 0x1fff;
/// Extension headers in one packet; more serve nobody but attackers.
const EXTENSIONS_MAX: usize = 8;
/// RFC 792: "the internet header plus the first 64 bits of the original datagram's data".
const QUOTED_PAYLOAD_MIN: usize = 8;
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
/// RFC 8200 §4.7: what follows, if anything, is for nobody.
const NO_NEXT_HEADER: u8 = 59;
const DESTINATION_OPTIONS: u8 = 60;
