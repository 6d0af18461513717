//! Which numbers stand in this TCP segment?
//!
//! Only what the oracles compare, read in place: this is done for every frame of every run. The reports have
//! [`observe::dissect`](crate::observe::dissect), which tells all.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::frame::{self, IpVersion, Medium};

/// A TCP segment, not a fragment of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Source.
    pub from: SocketAddr,
    /// Destination.
    pub to: SocketAddr,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement, if the segment has one.
    pub ack: Option<u32>,
    /// Window as it stands there, not scaled.
    pub window_raw: u16,
    /// The window scale option.
    pub shift: Option<u8>,
    /// Payload bytes.
    pub payload_len: u32,
    flags: u8,
}

impl Segment {
    /// Reads the segment in a frame; `None` if there is none, or only a part of one.
    pub fn parse(medium: Medium, bytes: &[u8]) -> Option<Segment> {
        let version = frame::ip_version(medium, bytes)?;
        let packet = bytes.get(medium.header_bytes()..)?;
        let (from, to, tcp) = match version {
            IpVersion::V4 => {
                let header_len = usize::from(packet.first()? & 0x0f) * 4;
                let len = usize::from(be16(packet, 2)?);
                let is_fragment = be16(packet, 6)? & 0x3fff != 0;
                if *packet.get(9)? != TCP || is_fragment {
                    return None;
                }
                let at = |at: usize| packet.get(at..at + 4)?.try_into().ok().map(|four: [u8; 4]| Ipv4Addr::from(four));
                (IpAddr::V4(at(12)?), IpAddr::V4(at(16)?), packet.get(header_len..len)?)
            }
            IpVersion::V6 => {
                if *packet.get(6)? != TCP {
                    return None;
                }
                let len = usize::from(be16(packet, 4)?);
                let at = |at: usize| packet.get(at..at + 16)?.try_into().ok().map(|all: [u8; 16]| Ipv6Addr::from(all));
                (IpAddr::V6(at(8)?), IpAddr::V6(at(24)?), packet.get(40..40 + len)?)
            }
        };
        let data_offset = usize::from(*tcp.get(12)? >> 4) * 4;
        let flags = *tcp.get(13)?;
        let payload_len = u32::try_from(tcp.len().checked_sub(data_offset)?).ok()?;
        let shift = if flags & SYN != 0 { shift_of(tcp.get(20..data_offset)?) } else { None };
        Some(Segment {
            from: SocketAddr::new(from, be16(tcp, 0)?),
            to: SocketAddr::new(to, be16(tcp, 2)?),
            seq: be32(tcp, 4)?,
            ack: (flags & ACK != 0).then_some(be32(tcp, 8)?),
            window_raw: be16(tcp, 14)?,
            shift,
            payload_len,
            flags,
        })
    }

    /// It synchronizes.
    pub fn syn(&self) -> bool {
        self.flags & SYN != 0
    }

    /// It is the last of its side.
    pub fn fin(&self) -> bool {
        self.flags & FIN != 0
    }

    /// It resets.
    pub fn rst(&self) -> bool {
        self.flags & RST != 0
    }

    /// Sequence numbers that it takes.
    pub fn seq_len(&self) -> u32 {
        self.payload_len + u32::from(self.syn()) + u32::from(self.fin())
    }

    /// The sequence number behind it.
    pub fn end(&self) -> u32 {
        self.seq.wrapping_add(self.seq_len())
    }
}

/// The window scale in TCP options (RFC 7323 §2.2).
fn shift_of(mut options: &[u8]) -> Option<u8> {
    loop {
        match *options {
            [1, ref rest @ ..] => options = rest,
            [3, 3, shift, ..] => return Some(shift),
            [0, ..] | [] => return None,
            [_, len, ..] if len >= 2 => options = options.get(usize::from(len)..)?,
            _ => return None,
        }
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

const TCP: u8 = 6;
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;
