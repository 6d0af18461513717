//! Where in this frame are its headers?

use core::net::IpAddr;
use core::ops::Range;

use crate::frame::{self, IpVersion, Medium};

/// The IP packet of a frame: whole, and without the padding behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Headers {
    pub(super) version: IpVersion,
    /// Where the IP header begins.
    pub(super) ip_start: usize,
    /// What the IP header (and the extension headers) say follows: [`TCP`] and so on.
    pub(super) protocol: u8,
    /// What follows the IP header and its options or extensions.
    pub(super) payload: Range<usize>,
    /// A part of a packet only: what is in `payload` is not a whole segment or datagram.
    pub(super) is_fragment: bool,
}

/// A TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Addresses and ports: from, to.
    pub(super) connection: Connection,
    pub(super) flags: u8,
    /// Of the first byte of data (the one after SYN).
    pub(super) data_seq: u32,
    /// Bytes of data.
    pub(super) data_bytes: usize,
}

/// One direction of a TCP connection: addresses and ports of sender and receiver.
pub(super) type Connection = (IpAddr, u16, IpAddr, u16);

pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMPV6: u8 = 58;

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const ACK: u8 = 0x10;

/// Bytes of the shortest TCP header.
const TCP_HEADER_BYTES: usize = 20;

impl Headers {
    /// `None` if the frame holds no whole IP packet.
    pub(super) fn of(medium: Medium, frame: &[u8]) -> Option<Headers> {
        let version = frame::ip_version(medium, frame)?;
        let ip_start = medium.header_bytes();
        let packet = &frame[ip_start..];
        match version {
            IpVersion::V4 => {
                // RFC 791 §3.1.
                let header_bytes = usize::from(packet[0] & 0x0f) * 4;
                let total_bytes = usize::from(be16(packet, 2)?);
                if header_bytes < 20 || total_bytes < header_bytes || total_bytes > packet.len() {
                    return None;
                }
                let payload = ip_start + header_bytes..ip_start + total_bytes;
                // More fragments, or an offset.
                let is_fragment = be16(packet, 6)? & 0x3fff != 0;
                Some(Headers { version, ip_start, protocol: packet[9], payload, is_fragment })
            }
            IpVersion::V6 => {
                // RFC 8200 §3.
                let end = 40 + usize::from(be16(packet, 4)?);
                let (protocol, start, is_fragment) = extensions(packet.get(..end)?)?;
                Some(Headers { version, ip_start, protocol, payload: ip_start + start..ip_start + end, is_fragment })
            }
        }
    }

    /// Source and destination.
    pub(super) fn addresses(&self, frame: &[u8]) -> (IpAddr, IpAddr) {
        let at = |offset: usize| self.ip_start + offset;
        let v4 = |start: usize| <[u8; 4]>::try_from(&frame[start..start + 4]).map(IpAddr::from);
        let v6 = |start: usize| <[u8; 16]>::try_from(&frame[start..start + 16]).map(IpAddr::from);
        let pair = match self.version {
            IpVersion::V4 => (v4(at(12)), v4(at(16))),
            IpVersion::V6 => (v6(at(8)), v6(at(24))),
        };
        match pair {
            (Ok(from), Ok(to)) => (from, to),
            (Err(_), _) | (_, Err(_)) => unreachable!("a slice of this length was taken"),
        }
    }

    /// The TCP segment, if it is a whole one.
    pub(super) fn segment(&self, frame: &[u8]) -> Option<Segment> {
        let tcp = &frame[self.payload.clone()];
        if self.protocol != TCP || self.is_fragment || tcp.len() < TCP_HEADER_BYTES {
            return None;
        }
        // RFC 9293 §3.1: the data offset counts words of 4 bytes.
        let header_bytes = usize::from(tcp[12] >> 4) * 4;
        let data_bytes = tcp.len().checked_sub(header_bytes.max(TCP_HEADER_BYTES))?;
        let (from, to) = self.addresses(frame);
        let flags = tcp[13];
        let seq = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]);
        Some(Segment {
            connection: (from, be16(tcp, 0)?, to, be16(tcp, 2)?),
            flags,
            data_seq: seq.wrapping_add(u32::from(flags & SYN != 0)),
            data_bytes,
        })
    }
}

/// The upper-layer protocol of an IPv6 packet, where it begins, and whether it is a fragment.
fn extensions(packet: &[u8]) -> Option<(u8, usize, bool)> {
    let (mut next, mut at, mut is_fragment) = (packet[6], 40, false);
    loop {
        // RFC 8200 §4: hop-by-hop options, routing, fragment, destination options. Each is at least 8 bytes long.
        let bytes = match next {
            0 | 43 | 60 => (usize::from(*packet.get(at + 1)?) + 1) * 8,
            44 => {
                is_fragment |= be16(packet, at + 2)? & 0xfff9 != 0;
                8
            }
            _ => return Some((next, at, is_fragment)),
        };
        next = *packet.get(at)?;
        at += bytes;
        packet.get(at..)?;
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}
