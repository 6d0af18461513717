//! What does an IP packet say to a node that forwards it, and how is one written?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// What the header of an IP packet says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    /// What comes after the headers: see [`TCP`] and its neighbours.
    pub(crate) protocol: u8,
    /// Hop limit.
    pub(crate) ttl: u8,
    /// Where the payload begins: behind IPv4 options and IPv6 extension headers.
    pub(crate) payload_at: usize,
    /// Bytes of the whole packet.
    pub(crate) total_bytes: usize,
    /// Where in the payload of the whole packet this one's begins: not 0 in all fragments but the first.
    pub(crate) fragment_offset: usize,
    pub(crate) has_more_fragments: bool,
    /// IPv4 DF; IPv6 routers never cut.
    pub(crate) is_uncuttable: bool,
}

impl Header {
    /// The header of `packet`, which may have link padding behind it; `None` if it is damaged or no IP packet.
    pub(crate) fn of(packet: &[u8]) -> Option<Self> {
        match packet.first()? >> 4 {
            4 => Self::of_ipv4(packet),
            6 => Self::of_ipv6(packet),
            _ => None,
        }
    }

    // RFC 791 §3.1.
    fn of_ipv4(packet: &[u8]) -> Option<Self> {
        let fixed: &[u8; 20] = packet.first_chunk()?;
        let payload_at = usize::from(fixed[0] & 0x0f) * 4;
        let total_bytes = usize::from(u16_of(fixed, 2));
        if payload_at < 20 || total_bytes < payload_at || total_bytes > packet.len() {
            return None;
        }
        if checksum(&[&packet[..payload_at]]) != 0 {
            return None;
        }
        let flags = u16_of(fixed, 6);
        Some(Self {
            source: Ipv4Addr::new(fixed[12], fixed[13], fixed[14], fixed[15]).into(),
            destination: Ipv4Addr::new(fixed[16], fixed[17], fixed[18], fixed[19]).into(),
            protocol: fixed[9],
            ttl: fixed[8],
            payload_at,
            total_bytes,
            fragment_offset: usize::from(flags & 0x1fff) * 8,
            has_more_fragments: flags & 0x2000 != 0,
            is_uncuttable: flags & 0x4000 != 0,
        })
    }

    // RFC 8200 §3 and §4.
    fn of_ipv6(packet: &[u8]) -> Option<Self> {
        let fixed: &[u8; 40] = packet.first_chunk()?;
        let total_bytes = 40 + usize::from(u16_of(fixed, 4));
        let packet = packet.get(..total_bytes)?;
        let addr = |at: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&fixed[at..at + 16]).unwrap_or_default());
        let (mut protocol, mut payload_at) = (fixed[6], 40);
        let (mut fragment_offset, mut has_more_fragments) = (0, false);
        // Each extension header is at least 8 bytes: the packet bounds the loop.
        while let HOP_BY_HOP | ROUTING | FRAGMENT | DESTINATION_OPTIONS = protocol {
            let extension = packet.get(payload_at..payload_at + 8)?;
            let bytes = if protocol == FRAGMENT { 8 } else { 8 + usize::from(extension[1]) * 8 };
            if protocol == FRAGMENT {
                fragment_offset = usize::from(u16_of(extension, 2) & 0xfff8);
                has_more_fragments = extension[3] & 1 != 0;
            }
            protocol = extension[0];
            payload_at += bytes;
            if payload_at > total_bytes {
                return None;
            }
            if fragment_offset > 0 {
                break;
            }
        }
        Some(Self {
            source: addr(8).into(),
            destination: addr(24).into(),
            protocol,
            ttl: fixed[7],
            payload_at,
            total_bytes,
            fragment_offset,
            has_more_fragments,
            is_uncuttable: true,
        })
    }

    /// Whether this is the whole packet.
    pub(crate) fn is_whole(&self) -> bool {
        self.fragment_offset == 0 && !self.has_more_fragments
    }

    /// The bytes behind the headers.
    pub(crate) fn payload(&self) -> Range<usize> {
        self.payload_at..self.total_bytes
    }
}

/// Whether the checksum of a whole TCP segment, UDP datagram or ICMP message is right, or there is none to check.
pub(crate) fn is_intact(packet: &[u8], header: &Header) -> bool {
    let payload = &packet[header.payload()];
    match checksum_at(header.protocol) {
        Some(at) if payload.len() < at + 2 => false,
        // RFC 768: zero says that the sender computed none.
        Some(6) if header.source.is_ipv4() && payload[6..8] == [0, 0] => true,
        Some(_) => transport_sum(header, payload) == 0,
        None => true,
    }
}

/// Writes the checksums of a packet whose other fields are done: IPv4 header, and TCP, UDP, ICMP or IGMP behind it if the packet
/// is whole. A UDP datagram over IPv4 without checksum stays so.
pub(crate) fn mend(packet: &mut [u8]) {
    if packet[0] >> 4 == 4 {
        mend_ipv4_header(packet);
    }
    let Some(header) = Header::of(packet).filter(Header::is_whole) else { return };
    let Some(at) = checksum_at(header.protocol) else { return };
    let payload = header.payload();
    let field = payload.start + at..payload.start + at + 2;
    let is_omitted = header.protocol == UDP && header.source.is_ipv4() && packet.get(field.clone()) == Some(&[0, 0]);
    if field.end > payload.end || is_omitted {
        return;
    }
    packet[field.clone()].fill(0);
    let mut sum = transport_sum(&header, &packet[payload]);
    if header.protocol == UDP && sum == 0 {
        sum = 0xffff;
    }
    packet[field].copy_from_slice(&sum.to_be_bytes());
}

/// Writes the checksum of an IPv4 header; of nothing else.
pub(crate) fn mend_ipv4_header(packet: &mut [u8]) {
    let header_bytes = usize::from(packet[0] & 0x0f) * 4;
    packet[10..12].fill(0);
    let sum = checksum(&[&packet[..header_bytes]]);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// A new packet without options, checksums made good. `payload`: a whole message with room for its checksum.
pub(crate) fn packet(source: IpAddr, destination: IpAddr, protocol: u8, ttl: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let total = u16_from(20 + payload.len()).to_be_bytes();
            let mut header = vec![0x45, 0, total[0], total[1], 0, 0, 0x40, 0, ttl, protocol, 0, 0];
            header.extend(source.octets());
            header.extend(destination.octets());
            header
        }
        (source, destination) => {
            let len = u16_from(payload.len()).to_be_bytes();
            let mut header = vec![0x60, 0, 0, 0, len[0], len[1], protocol, ttl];
            header.extend(v6(source).octets());
            header.extend(v6(destination).octets());
            header
        }
    };
    packet.extend_from_slice(payload);
    mend(&mut packet);
    packet
}

/// The Internet checksum of all `parts` one after the other (RFC 1071), each but the last of even length. 0 if they hold
/// a right one.
pub(crate) fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum: u64 = 0;
    for part in parts {
        let mut pairs = part.chunks_exact(2);
        sum += pairs.by_ref().map(|pair| u64::from(u16_of(pair, 0))).sum::<u64>();
        sum += pairs.remainder().first().map_or(0, |byte| u64::from(*byte) << 8);
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Two bytes in network order.
///
/// # Panics
/// There are none at `at`.
pub(crate) fn u16_of(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// The checksum of `payload` as its protocol wants it, its own field included.
fn transport_sum(header: &Header, payload: &[u8]) -> u16 {
    let mut pseudo = Vec::with_capacity(40);
    match (header.source, header.destination) {
        // RFC 792, RFC 3376: an ICMP or IGMP message has no pseudo-header.
        (IpAddr::V4(_), _) if matches!(header.protocol, ICMP | IGMP) => {}
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            pseudo.extend(source.octets());
            pseudo.extend(destination.octets());
            pseudo.extend([0, header.protocol]);
            pseudo.extend(u16_from(payload.len()).to_be_bytes());
        }
        (source, destination) => {
            pseudo.extend(v6(source).octets());
            pseudo.extend(v6(destination).octets());
            pseudo.extend((payload.len() as u32).to_be_bytes());
            pseudo.extend([0, 0, 0, header.protocol]);
        }
    }
    checksum(&[&pseudo, payload])
}

/// Where in a message of `protocol` its checksum stands.
pub(crate) fn checksum_at(protocol: u8) -> Option<usize> {
    match protocol {
        TCP => Some(16),
        UDP => Some(6),
        ICMP | IGMP | ICMPV6 => Some(2),
        _ => None,
    }
}

fn v6(addr: IpAddr) -> Ipv6Addr {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped(),
        IpAddr::V6(addr) => addr,
    }
}

fn u16_from(len: usize) -> u16 {
    // Nobody here writes a packet of more than 64 KiB.
    u16::try_from(len).unwrap_or(u16::MAX)
}

/// Protocol numbers (IANA).
pub(crate) const ICMP: u8 = 1;
pub(crate) const IGMP: u8 = 2;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const ICMPV6: u8 = 58;
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::tests::udp;
    use crate::frame::{IpVersion, Medium};

    #[test]
    fn what_smoltcp_writes_is_read_and_found_intact() {
        for (version, payload_at) in [(IpVersion::V4, 20), (IpVersion::V6, 40)] {
            let mut bytes = udp(Medium::Ip, version);
            let header = Header::of(&bytes).expect("a packet");
            assert_eq!((header.protocol, header.ttl, header.payload_at), (UDP, 64, payload_at));
            assert_eq!(header.total_bytes, bytes.len() - 5, "padding is not in it");
            assert!(header.is_whole() && is_intact(&bytes, &header));
            bytes[payload_at + 9] ^= 1;
            assert!(!is_intact(&bytes, &header));
            mend(&mut bytes);
            assert!(is_intact(&bytes, &header));
        }
    }

    #[test]
    fn what_we_write_smoltcp_finds_right() {
        let (a, b) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2));
        let bytes = packet(a.into(), b.into(), UDP, 9, &[4, 0, 0, 7, 0, 9, 0xff, 0xff, 0x21]);
        let ip = smoltcp::wire::Ipv4Packet::new_checked(&bytes).expect("a packet");
        assert!(ip.verify_checksum());
        let udp = smoltcp::wire::UdpPacket::new_checked(ip.payload()).expect("a datagram");
        assert!(udp.verify_checksum(&a.into(), &b.into()));
        let v6: Ipv6Addr = "2001:db8::1".parse().expect("an address");
        let bytes = packet(v6.into(), v6.into(), ICMPV6, 9, &[128, 0, 0, 0, 0, 1, 0, 2]);
        let ip = smoltcp::wire::Ipv6Packet::new_checked(&bytes).expect("a packet");
        let echo = smoltcp::wire::Icmpv6Packet::new_checked(ip.payload()).expect("a message");
        assert!(echo.verify_checksum(&v6, &v6));
    }

    #[test]
    fn damaged_and_short_packets_are_no_packets() {
        for version in [IpVersion::V4, IpVersion::V6] {
            let bytes = udp(Medium::Ip, version);
            for len in 0..bytes.len() - 5 {
                assert_eq!(Header::of(&bytes[..len]), None, "{version:?} {len}");
            }
        }
        let mut bytes = udp(Medium::Ip, IpVersion::V4);
        bytes[8] ^= 1;
        assert_eq!(Header::of(&bytes), None, "the header checksum is wrong");
    }

    #[test]
    fn a_fragment_header_of_ipv6_is_passed_over() {
        let v6: Ipv6Addr = "2001:db8::1".parse().expect("an address");
        let mut bytes = packet(v6.into(), v6.into(), FRAGMENT, 9, &[UDP, 0, 0x05, 0xa9, 0, 0, 0, 1, 1, 2, 3]);
        let header = Header::of(&bytes).expect("a packet");
        assert_eq!((header.protocol, header.payload_at, header.fragment_offset), (UDP, 48, 0x5a8));
        assert!(header.has_more_fragments && !header.is_whole());
        bytes[40] = TCP;
        bytes[6] = ROUTING;
        bytes[41] = 9;
        assert_eq!(Header::of(&bytes), None, "longer than the packet");
    }
}
