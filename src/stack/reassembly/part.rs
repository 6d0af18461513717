//! What does a fragment say about itself?

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Reason;

/// Which packet a fragment belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    /// RFC 791 §3.2 has it in the key; IPv6 has not (RFC 8200 §4.5), and here it is 0.
    pub(crate) protocol: u8,
    pub(crate) id: u32,
}

/// A fragment, taken apart; its length and place are possible ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'p> {
    pub(super) key: Key,
    /// The IPv4 header with options, or all IPv6 headers to the end of the Fragment header.
    pub(super) header: &'p [u8],
    pub(super) payload: &'p [u8],
    /// Where the payload stands in that of the whole packet.
    pub(super) offset: usize,
    /// Whether others follow.
    pub(super) has_more: bool,
    /// How to take the Fragment header out; IPv4 has none.
    pub(super) splice: Option<Splice>,
    /// The congestion bits of the packet (RFC 3168 §5).
    pub(super) ecn: u8,
}

/// What it takes to take a Fragment header out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Splice {
    /// The byte of the headers that says that a Fragment header follows.
    pub(super) next_header_at: usize,
    /// What it is to say instead.
    pub(super) next_header: u8,
}

impl<'p> Part<'p> {
    /// Takes a fragment apart; padding may follow it.
    pub(super) fn parse(packet: &'p [u8]) -> Result<Self, Reason> {
        let part = match packet.first().map(|byte| byte >> 4) {
            Some(4) => Self::parse_ipv4(packet),
            Some(6) => Self::parse_ipv6(packet),
            _ => None,
        };
        let part = part.ok_or(Reason::Malformed)?;
        part.check()?;
        Ok(part)
    }

    /// Just behind the payload.
    #[expect(clippy::arithmetic_side_effects, reason = "positions within a packet of less than 2^17 bytes")]
    pub(super) fn end(&self) -> usize {
        self.offset + self.payload.len()
    }

    pub(super) fn is_first(&self) -> bool {
        self.offset == 0
    }

    /// The first and the last: a whole packet, with a Fragment header all the same (RFC 6946).
    pub(super) fn is_atomic(&self) -> bool {
        self.is_first() && !self.has_more
    }

    /// How long headers (see [`Part::header`]) and payload of the whole packet may be together.
    pub(super) fn packet_max(&self) -> usize {
        match self.key.source {
            IpAddr::V4(_) => IPV4_PACKET_MAX,
            // The length field leaves the fixed header out, and the Fragment header will be gone.
            IpAddr::V6(_) => IPV6_HEADER_LEN + FRAGMENT_HEADER_LEN + IPV6_PAYLOAD_MAX,
        }
    }

    /// RFC 791 §3.1.
    fn parse_ipv4(packet: &'p [u8]) -> Option<Self> {
        let [first, tos, len_high, len_low, id_high, id_low, part_high, part_low, _, protocol, _, _, addresses @ ..] =
            *packet.first_chunk::<20>()?;
        let [s0, s1, s2, s3, d0, d1, d2, d3] = addresses;
        let len = usize::from(u16::from_be_bytes([len_high, len_low]));
        let (header, payload) = packet.get(..len)?.split_at_checked(usize::from(first & 0xf) * 4)?;
        let bits = u16::from_be_bytes([part_high, part_low]);
        let part = Self {
            key: Key {
                source: IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3)),
                destination: IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3)),
                protocol,
                id: u16::from_be_bytes([id_high, id_low]).into(),
            },
            header,
            payload,
            offset: usize::from(bits & 0x1fff) * 8,
            has_more: bits & 0x2000 != 0,
            splice: None,
            ecn: tos & 3,
        };
        // IPv4 has no atomic fragments: that would be a packet in one piece.
        (header.len() >= IPV4_HEADER_MIN && !part.is_atomic()).then_some(part)
    }

    /// RFC 8200 §3 and §4.5.
    #[expect(clippy::arithmetic_side_effects, reason = "positions within a packet of less than 2^17 bytes")]
    fn parse_ipv6(packet: &'p [u8]) -> Option<Self> {
        let fixed = packet.first_chunk::<IPV6_HEADER_LEN>()?;
        let [_, class, _, _, len_high, len_low, mut next_header, _, addresses @ ..] = *fixed;
        let (source, destination) = addresses.split_first_chunk::<16>()?;
        let packet = packet.get(..IPV6_HEADER_LEN + usize::from(u16::from_be_bytes([len_high, len_low])))?;
        let (mut at, mut next_header_at) = (IPV6_HEADER_LEN, IPV6_NEXT_HEADER_AT);
        // Every header has 8 bytes at least: the packet ends, and so does the loop.
        while let HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS = next_header {
            let [next, units] = *packet.get(at..)?.first_chunk()?;
            (next_header_at, next_header) = (at, next);
            at += (usize::from(units) + 1) * 8;
        }
        if next_header != FRAGMENT {
            return None;
        }
        let (header, payload) = packet.split_at_checked(at + FRAGMENT_HEADER_LEN)?;
        let [next_header, _, part_high, part_low, id @ ..] = *header.last_chunk::<FRAGMENT_HEADER_LEN>()?;
        let bits = u16::from_be_bytes([part_high, part_low]);
        Some(Self {
            key: Key {
                source: IpAddr::V6(Ipv6Addr::from_octets(*source)),
                destination: IpAddr::V6(Ipv6Addr::from_octets(*destination.first_chunk()?)),
                protocol: 0,
                id: u32::from_be_bytes(id),
            },
            header,
            payload,
            // The lower three bits are no part of it: the offset counts units of 8 bytes.
            offset: usize::from(bits & !7),
            has_more: bits & 1 != 0,
            splice: Some(Splice { next_header_at, next_header }),
            ecn: (class >> 4) & 3,
        })
    }

    /// What can be told of one fragment without the others.
    #[expect(clippy::arithmetic_side_effects, reason = "positions within a packet of less than 2^17 bytes")]
    fn check(&self) -> Result<(), Reason> {
        if self.payload.is_empty() && !self.is_atomic() {
            return Err(Reason::Empty);
        }
        if self.has_more && !self.payload.len().is_multiple_of(8) {
            return Err(Reason::Unaligned);
        }
        if self.header.len() + self.end() > self.packet_max() {
            return Err(Reason::TooLong);
        }
        match self.splice {
            Some(splice) if self.is_first() && self.has_more && !has_headers(splice.next_header, self.payload) => {
                Err(Reason::HeadersCut)
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Whether the headers that start with `next` are all in the first fragment, the upper-layer header
/// included (RFC 7112 §5), which is as long as Linux wants it.
#[expect(clippy::arithmetic_side_effects, reason = "positions within a packet of less than 2^17 bytes")]
fn has_headers(mut next: u8, mut bytes: &[u8]) -> bool {
    while let HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS | AUTHENTICATION = next {
        let Some([after, units]) = bytes.first_chunk() else { return false };
        let units = usize::from(*units);
        let len = if next == AUTHENTICATION { (units + 2) * 4 } else { (units + 1) * 8 };
        let Some(rest) = bytes.get(len..) else { return false };
        (next, bytes) = (*after, rest);
    }
    let len_min = match next {
        TCP => 20,
        UDP | ICMPV6 => 8,
        NO_NEXT_HEADER => 0,
        _ => 1,
    };
    bytes.len() >= len_min
}

const IPV4_HEADER_MIN: usize = 20;
const IPV4_PACKET_MAX: usize = 65_535;
pub(super) const IPV6_HEADER_LEN: usize = 40;
const IPV6_PAYLOAD_MAX: usize = 65_535;
const IPV6_NEXT_HEADER_AT: usize = 6;
pub(super) const FRAGMENT_HEADER_LEN: usize = 8;

// IP protocol numbers.
const HOP_BY_HOP: u8 = 0;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const ICMPV6: u8 = 58;
const NO_NEXT_HEADER: u8 = 59;
const DESTINATION_OPTIONS: u8 = 60;
