//! How is a hostile packet made from a good one?

use core::ops::Range;
use std::net::{IpAddr, SocketAddr};

use smolsock::device::Medium;
use smolsock_sim::frame;

const ETHERNET_HEADER_LEN: usize = 14;
const IPV4_HEADER_LEN: usize = 20;
const IPV6_HEADER_LEN: usize = 40;
const FRAGMENT: u8 = 44;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
const UDP: u8 = 17;
const TCP: u8 = 6;
/// An error quotes at most this much of what it is about, in bytes.
const QUOTE_MAX: usize = 512;

/// The bytes `part` of the packet's payload as a fragment; `None` if the frame carries no IP packet.
pub fn fragment(medium: Medium, frame: &[u8], ident: u16, part: Range<usize>, more: bool) -> Option<Vec<u8>> {
    let (link, packet) = split(medium, frame)?;
    let mut fragment = link.to_vec();
    let offset = part.start as u16;
    if packet[0] >> 4 == 4 {
        let header_len = usize::from(packet[0] & 0xf) * 4;
        let (header, payload) = packet.split_at_checked(header_len.max(20))?;
        let payload = payload.get(part.start..part.end.min(payload.len()))?;
        let mut header = header.to_vec();
        header[2..4].copy_from_slice(&((header_len + payload.len()) as u16).to_be_bytes());
        header[4..6].copy_from_slice(&ident.to_be_bytes());
        header[6..8].copy_from_slice(&((offset / 8) | (u16::from(more) << 13)).to_be_bytes());
        fragment.extend(header);
        fragment.extend(payload);
    } else {
        let (header, payload) = packet.split_at_checked(IPV6_HEADER_LEN)?;
        let payload = payload.get(part.start..part.end.min(payload.len()))?;
        let mut header = header.to_vec();
        let next = core::mem::replace(&mut header[6], FRAGMENT);
        header[4..6].copy_from_slice(&((8 + payload.len()) as u16).to_be_bytes());
        fragment.extend(header);
        fragment.extend([next, 0]);
        fragment.extend((offset | u16::from(more)).to_be_bytes());
        fragment.extend(u32::from(ident).to_be_bytes());
        fragment.extend(payload);
    }
    Some(fragment)
}

/// An error from the peer about a packet that was sent to anybody; `None` if the frame carries no IP packet.
pub fn icmp_error(medium: Medium, about: &[u8], kind: u8, code: u8, value: u16) -> Option<Vec<u8>> {
    let (link, packet) = split(medium, about)?;
    let mut frame = Vec::new();
    if medium == Medium::Ethernet {
        frame.extend(&link[6..12]);
        frame.extend(&link[..6]);
        frame.extend(&link[12..]);
    }
    let quote = &packet[..packet.len().min(QUOTE_MAX)];
    let len = (8 + quote.len()) as u16;
    if packet[0] >> 4 == 4 {
        frame.extend([0x45, 0]);
        frame.extend((20 + len).to_be_bytes());
        frame.extend([0, 0, 0, 0, 64, ICMP, 0, 0]);
        frame.extend([192, 0, 2, 2]);
        frame.extend(packet.get(12..16)?);
    } else {
        frame.extend([0x60, 0, 0, 0]);
        frame.extend(len.to_be_bytes());
        frame.extend([ICMPV6, 64]);
        frame.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        frame.extend(packet.get(8..24)?);
    }
    frame.extend([kind, code, 0, 0, 0, 0]);
    frame.extend(value.to_be_bytes());
    frame.extend(quote);
    seal(medium, &mut frame);
    Some(frame)
}

/// Makes checksums good: the stack looks at those of ICMP, neighbour discovery and IGMP whatever its device has verified.
pub fn seal(medium: Medium, frame: &mut [u8]) {
    let medium = if medium == Medium::Ethernet { frame::Medium::Ethernet } else { frame::Medium::Ip };
    frame::mend_checksums(medium, frame);
}

/// A frame's link header and its IP packet.
fn split(medium: Medium, frame: &[u8]) -> Option<(&[u8], &[u8])> {
    let (link, packet) = match medium {
        Medium::Ethernet => frame.split_at_checked(ETHERNET_HEADER_LEN)?,
        Medium::Ip => (&[][..], frame),
    };
    let is_ip = medium == Medium::Ip || matches!(link[12..], [0x08, 0x00] | [0x86, 0xdd]);
    let is_long = packet.len() >= 20;
    if is_ip && is_long { Some((link, packet)) } else { None }
}

/// A UDP datagram in an IP packet; its checksum is not looked at.
pub fn datagram(to: SocketAddr, from: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let len = (8 + payload.len()) as u16;
    let mut packet = Vec::new();
    match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            packet.extend([0x45, 0]);
            packet.extend((20 + len).to_be_bytes());
            packet.extend([0, 0, 0, 0, 64, UDP, 0, 0]);
            packet.extend(from.octets());
            packet.extend(to.octets());
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            packet.extend([0x60, 0, 0, 0]);
            packet.extend(len.to_be_bytes());
            packet.extend([UDP, 64]);
            packet.extend(from.octets());
            packet.extend(to.octets());
        }
        _ => unreachable!("both are of one family"),
    }
    for field in [from.port(), to.port(), len, 1] {
        packet.extend(field.to_be_bytes());
    }
    packet.extend(payload);
    packet
}

/// A TCP segment without data in an IP packet; its checksum is not looked at.
pub fn segment(to: SocketAddr, from: SocketAddr, numbers: [u32; 2], flags: u8) -> Vec<u8> {
    let mut packet = datagram(to, from, &[0; 12]);
    let (protocol, start) = if to.is_ipv4() { (9, IPV4_HEADER_LEN) } else { (6, IPV6_HEADER_LEN) };
    packet[protocol] = TCP;
    let segment = &mut packet[start..];
    segment[4..8].copy_from_slice(&numbers[0].to_be_bytes());
    segment[8..12].copy_from_slice(&numbers[1].to_be_bytes());
    segment[12..].copy_from_slice(&[5 << 4, flags, 0x20, 0, 0, 0, 0, 0]);
    packet
}

/// The sequence number and the flags of a TCP segment in an IP packet without options.
pub fn seq_and_flags(packet: &[u8]) -> (u32, u8) {
    let start = if packet[0] >> 4 == 4 { IPV4_HEADER_LEN } else { IPV6_HEADER_LEN };
    let segment = &packet[start..];
    (u32::from_be_bytes([segment[4], segment[5], segment[6], segment[7]]), segment[13])
}
