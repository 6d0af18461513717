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
    /// It asks for what this host cannot do.
    Problem(Problem),
    /// It is another protocol.
    Other,
    /// It ends too early, or its headers have no end.
    Malformed,
}

/// What is wrong with the headers of an IPv6 packet, as ICMPv6 tells it (RFC 4443 §3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Problem {
    /// 0: a field, 2: an option.
    pub(crate) code: u8,
    /// Where it stands in the packet.
    pub(crate) pointer: u32,
    /// Whether nobody is told.
    pub(crate) is_silent: bool,
    /// Whether its sender is told even if the packet went to a group.
    pub(crate) is_for_groups: bool,
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

/// Where the field stands that names the protocol of an IPv6 packet's payload, bytes from its start.
#[expect(clippy::arithmetic_side_effects, reason = "positions within a packet of less than 2^17 bytes")]
pub(crate) fn last_next_header(packet: &[u8]) -> u32 {
    let (mut field, mut at) = (IPV6_NEXT_HEADER, IPV6_HEADER_LEN);
    while let (Some(next), Some(&[_, units, ..])) = (packet.get(field), packet.get(at..)) {
        let units = match *next {
            HOP_BY_HOP if field == IPV6_NEXT_HEADER => units,
            ROUTING | DESTINATION_OPTIONS => units,
            // It says nothing of its length.
            FRAGMENT => 0,
            _ => break,
        };
        field = at;
        at += (usize::from(units) + 1) * 8;
    }
    field as u32
}

/// Finds the payload behind extension headers (RFC 8200 §4).
#[expect(clippy::arithmetic_side_effects, reason = "positions within a packet of less than 2^17 bytes")]
fn skip_extensions(mut next: u8, mut bytes: &[u8]) -> Result<(u8, &[u8]), Odd> {
    let (whole_len, mut is_first) = (bytes.len(), true);
    for _ in 0..=EXTENSIONS_MAX {
        match next {
            // §4.1: only right behind the IPv6 header.
            HOP_BY_HOP if !is_first => return Ok((next, bytes)),
            HOP_BY_HOP | DESTINATION_OPTIONS | ROUTING => {}
            FRAGMENT => return Err(Odd::Fragment),
            NO_NEXT_HEADER => return Err(Odd::Other),
            _ => return Ok((next, bytes)),
        }
        let [after, units, _, segments_left, ..] = *bytes else { return Err(Odd::Malformed) };
        let at = IPV6_HEADER_LEN + whole_len - bytes.len();
        // RFC 8200 §4.4: this host knows no type of route that goes on; the pointer names the type.
        if next == ROUTING && segments_left != 0 {
            let pointer = at as u32 + 2;
            return Err(Odd::Problem(Problem { code: 0, pointer, is_silent: false, is_for_groups: false }));
        }
        let (header, rest) = bytes.split_at_checked((usize::from(units) + 1) * 8).ok_or(Odd::Malformed)?;
        if next != ROUTING {
            check_options(header, at)?;
        }
        bytes = rest;
        is_first = false;
        next = after;
    }
    Err(Odd::Malformed)
}

/// Looks through the options in an extension header that stands `at` bytes behind the packet's start (RFC 8200 §4.2).
#[expect(clippy::arithmetic_side_effects, reason = "positions within a packet of less than 2^17 bytes")]
fn check_options(header: &[u8], at: usize) -> Result<(), Odd> {
    let mut next = 2;
    while let Some(kind) = header.get(next) {
        if *kind == PAD_1 {
            next += 1;
            continue;
        }
        let len = usize::from(*header.get(next + 1).ok_or(Odd::Malformed)?);
        if next + 2 + len > header.len() {
            return Err(Odd::Malformed);
        }
        // The two high bits say what becomes of the packet where nobody knows the option.
        let action = kind >> 6;
        if action != 0 {
            let pointer = (at + next) as u32;
            return Err(Odd::Problem(Problem {
                code: 2,
                pointer,
                is_silent: action == 0b01,
                is_for_groups: action == 0b10,
            }));
        }
        next += 2 + len;
    }
    Ok(())
}

const IPV6_HEADER_LEN: usize = 40;
/// Where the IPv6 header names what follows it.
const IPV6_NEXT_HEADER: usize = 6;
const PAD_1: u8 = 0;
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
