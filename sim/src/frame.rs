//! What is a frame, and which of its bytes does a checksum protect?

use core::ops::Range;

/// What a frame is on a cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Medium {
    /// A whole Ethernet frame: 14-byte header included, no FCS.
    Ethernet,
    /// An IPv4 or IPv6 packet, nothing around it.
    Ip,
}

/// A hardware address as it stands in an Ethernet header.
pub type Mac = [u8; 6];

/// Bytes of an Ethernet header (no VLAN tag): destination, source, type.
pub const ETHERNET_HEADER_BYTES: usize = 14;

const IPV4_HEADER_BYTES: usize = 20;
const IPV6_HEADER_BYTES: usize = 40;
const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];
const ETHERTYPE_IPV6: [u8; 2] = [0x86, 0xdd];

impl Medium {
    /// Bytes before the IP header.
    pub const fn header_bytes(self) -> usize {
        match self {
            Medium::Ethernet => ETHERNET_HEADER_BYTES,
            Medium::Ip => 0,
        }
    }
}

/// Version of the IP protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// The destination of an Ethernet frame; `None` if it is shorter than a header.
pub fn destination(frame: &[u8]) -> Option<Mac> {
    frame.first_chunk::<ETHERNET_HEADER_BYTES>().map(|h| [h[0], h[1], h[2], h[3], h[4], h[5]])
}

/// The source of an Ethernet frame; `None` if it is shorter than a header.
pub fn source(frame: &[u8]) -> Option<Mac> {
    frame.first_chunk::<ETHERNET_HEADER_BYTES>().map(|h| [h[6], h[7], h[8], h[9], h[10], h[11]])
}

/// Is this one destination, not a group (broadcast is a group too)?
pub const fn is_unicast(mac: Mac) -> bool {
    mac[0] & 1 == 0
}

/// The version of the IP packet in `frame`; `None` if it holds none.
pub fn ip_version(medium: Medium, frame: &[u8]) -> Option<IpVersion> {
    let packet = frame.get(medium.header_bytes()..)?;
    let version = match packet.first()? >> 4 {
        4 => IpVersion::V4,
        6 => IpVersion::V6,
        _ => return None,
    };
    let announced = match medium {
        Medium::Ip => return Some(version),
        Medium::Ethernet => frame.get(12..14)?,
    };
    match version {
        IpVersion::V4 => (announced == ETHERTYPE_IPV4).then_some(version),
        IpVersion::V6 => (announced == ETHERTYPE_IPV6).then_some(version),
    }
}

/// The bytes of `frame` in which a receiver that verifies checksums notices one flipped bit, as two ranges.
///
/// That is the IP packet without its Ethernet header and padding. Of an IPv6 header only the next header and the
/// addresses are in it: no checksum covers the other fields (and UDP has a length of its own).
/// Both are empty for frames without a checksum (ARP) and for what is not IP.
pub fn checksummed(medium: Medium, frame: &[u8]) -> [Range<usize>; 2] {
    let start = medium.header_bytes();
    let none = [0..0, 0..0];
    let (Some(version), Some(packet)) = (ip_version(medium, frame), frame.get(start..)) else {
        return none;
    };
    let be16 = |at: usize| Some(usize::from(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?])));
    match version {
        // RFC 791 §3.1: the header has its own checksum; octets 2-3 are the length of header and data.
        IpVersion::V4 => match be16(2) {
            Some(length) if length >= IPV4_HEADER_BYTES && length <= packet.len() => [start..start + length, 0..0],
            _ => none,
        },
        // RFC 8200 §3: octets 4-5 are the length of what follows the header; §8.1: addresses and next header are
        // covered by the pseudo-header of the upper layer's checksum.
        IpVersion::V6 => match be16(4) {
            Some(length) if IPV6_HEADER_BYTES + length <= packet.len() => {
                [start + 6..start + 7, start + 8..start + IPV6_HEADER_BYTES + length]
            }
            _ => none,
        },
    }
}

/// Writes right checksums into a frame that was made or changed by hand: of an IPv4 header, and of TCP, UDP, ICMP or IGMP behind it if
/// the packet is whole. A UDP datagram over IPv4 without a checksum stays so; what is no IP packet, or is cut off, stays as it is.
///
/// ```
/// use smolsock_sim::frame::{Medium, mend_checksums};
/// // An echo request (RFC 792) from 192.0.2.1 to 192.0.2.2.
/// let mut packet = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 8, 0, 0, 0, 0, 1, 0, 1];
/// mend_checksums(Medium::Ip, &mut packet);
/// assert_eq!((&packet[10..12], &packet[22..24]), (&[0xf6, 0xdd][..], &[0xf7, 0xfd][..]));
/// ```
pub fn mend_checksums(medium: Medium, frame: &mut [u8]) {
    let version = ip_version(medium, frame);
    let Some(packet) = frame.get_mut(medium.header_bytes()..) else { return };
    let header_bytes = packet.first().map_or(0, |first| usize::from(first & 0x0f) * 4);
    let is_sound = match version {
        Some(IpVersion::V4) => (IPV4_HEADER_BYTES..=packet.len()).contains(&header_bytes),
        Some(IpVersion::V6) => packet.len() >= IPV6_HEADER_BYTES,
        None => false,
    };
    if is_sound {
        crate::packet::mend(packet);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use smoltcp::wire::{Ipv4Address, Ipv4Packet, Ipv6Address, Ipv6Packet, UdpPacket};

    const PAYLOAD: &[u8] = b"thirteen byte";
    const V4: (Ipv4Address, Ipv4Address) = (Ipv4Address::new(192, 0, 2, 1), Ipv4Address::new(192, 0, 2, 2));
    const V6: (Ipv6Address, Ipv6Address) =
        (Ipv6Address::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), Ipv6Address::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2));

    /// A UDP datagram with correct checksums, in Ethernet for `Medium::Ethernet`, with padding behind it.
    pub(crate) fn udp(medium: Medium, version: IpVersion) -> Vec<u8> {
        let udp_bytes = 8 + PAYLOAD.len();
        let (ip_bytes, ethertype) = match version {
            IpVersion::V4 => (IPV4_HEADER_BYTES, ETHERTYPE_IPV4),
            IpVersion::V6 => (IPV6_HEADER_BYTES, ETHERTYPE_IPV6),
        };
        let mut packet = vec![0; ip_bytes + udp_bytes];
        let (local, remote) = match version {
            IpVersion::V4 => (V4.0.into(), V4.1.into()),
            IpVersion::V6 => (V6.0.into(), V6.1.into()),
        };
        let mut udp = UdpPacket::new_unchecked(&mut packet[ip_bytes..]);
        udp.set_src_port(1_024);
        udp.set_dst_port(7);
        udp.set_len(udp_bytes as u16);
        udp.payload_mut().copy_from_slice(PAYLOAD);
        udp.fill_checksum(&local, &remote);
        match version {
            IpVersion::V4 => {
                packet[0] = 0x45;
                let mut ip = Ipv4Packet::new_unchecked(&mut packet);
                ip.set_total_len((ip_bytes + udp_bytes) as u16);
                ip.set_hop_limit(64);
                ip.set_next_header(smoltcp::wire::IpProtocol::Udp);
                ip.set_src_addr(V4.0);
                ip.set_dst_addr(V4.1);
                ip.fill_checksum();
            }
            IpVersion::V6 => {
                packet[0] = 0x60;
                let mut ip = Ipv6Packet::new_unchecked(&mut packet);
                ip.set_payload_len(udp_bytes as u16);
                ip.set_hop_limit(64);
                ip.set_next_header(smoltcp::wire::IpProtocol::Udp);
                ip.set_src_addr(V6.0);
                ip.set_dst_addr(V6.1);
            }
        }
        let mut frame = vec![0; medium.header_bytes()];
        if medium == Medium::Ethernet {
            frame[12..14].copy_from_slice(&ethertype);
        }
        frame.extend_from_slice(&packet);
        frame.extend_from_slice(&[0; 5]);
        frame
    }

    /// Does a receiver that verifies checksums take `packet` for a UDP datagram?
    fn is_accepted(packet: &[u8], version: IpVersion) -> bool {
        let is_udp = |protocol| protocol == smoltcp::wire::IpProtocol::Udp;
        let verify = |payload: &[u8], local, remote| {
            UdpPacket::new_checked(payload).is_ok_and(|udp| udp.verify_checksum(&local, &remote))
        };
        match version {
            IpVersion::V4 => Ipv4Packet::new_checked(packet).is_ok_and(|ip| {
                ip.version() == 4
                    && ip.verify_checksum()
                    && is_udp(ip.next_header())
                    && verify(ip.payload(), ip.src_addr().into(), ip.dst_addr().into())
            }),
            IpVersion::V6 => Ipv6Packet::new_checked(packet).is_ok_and(|ip| {
                ip.version() == 6
                    && is_udp(ip.next_header())
                    && verify(ip.payload(), ip.src_addr().into(), ip.dst_addr().into())
            }),
        }
    }

    #[test]
    fn every_flipped_bit_under_a_checksum_is_noticed() {
        for medium in [Medium::Ethernet, Medium::Ip] {
            for (version, count) in [(IpVersion::V4, 41), (IpVersion::V6, 54)] {
                let mut frame = udp(medium, version);
                let start = medium.header_bytes();
                assert!(is_accepted(&frame[start..], version));
                let bytes: Vec<usize> = checksummed(medium, &frame).into_iter().flatten().collect();
                assert_eq!(bytes.len(), count, "{medium:?} {version:?}");
                for (byte, bit) in bytes.into_iter().flat_map(|byte| (0..8).map(move |bit| (byte, bit))) {
                    frame[byte] ^= 1 << bit;
                    assert!(!is_accepted(&frame[start..], version), "{medium:?} {version:?} byte {byte} bit {bit}");
                    frame[byte] ^= 1 << bit;
                }
            }
        }
    }

    #[test]
    fn frames_without_a_whole_ip_packet_have_no_checksummed_bytes() {
        let none = [0..0, 0..0];
        let mut arp = vec![0xff; 42];
        arp[12..14].copy_from_slice(&[0x08, 0x06]);
        assert_eq!(checksummed(Medium::Ethernet, &arp), none);
        for version in [IpVersion::V4, IpVersion::V6] {
            for medium in [Medium::Ethernet, Medium::Ip] {
                let frame = udp(medium, version);
                for bytes in 0..frame.len() - 5 {
                    assert_eq!(checksummed(medium, &frame[..bytes]), none, "{bytes} bytes");
                }
            }
        }
        // A type that does not fit the packet.
        let mut frame = udp(Medium::Ethernet, IpVersion::V4);
        frame[12..14].copy_from_slice(&ETHERTYPE_IPV6);
        assert_eq!(ip_version(Medium::Ethernet, &frame), None);
    }

    #[test]
    fn addresses_are_read_from_whole_headers_only() {
        let header: Vec<u8> = (1..=14).collect();
        assert_eq!(destination(&header), Some([1, 2, 3, 4, 5, 6]));
        assert_eq!(source(&header), Some([7, 8, 9, 10, 11, 12]));
        assert_eq!((destination(&header[..13]), source(&header[..13])), (None, None));
        assert!(is_unicast([0x02, 0, 0, 0, 0, 1]) && !is_unicast([0xff; 6]));
    }
}
