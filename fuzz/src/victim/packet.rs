//! How is a hostile packet made from a good one?

use core::ops::Range;

use smolsock::device::Medium;

const ETHERNET_HEADER_LEN: usize = 14;
const IPV6_HEADER_LEN: usize = 40;
const FRAGMENT: u8 = 44;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
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
    Some(frame)
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
