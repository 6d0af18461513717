//! What do these bytes say?
//!
//! [`dissect`] turns one frame into a description: the addresses, and what the packet is. It takes any bytes and never
//! panics: what cannot be read is [`Packet::Malformed`] with the layer and the reason, what is merely unknown is
//! [`Packet::Other`]. Checksums are verified and the verdict is kept beside the description, so that a reader can leave
//! out what a receiver would have thrown away.

mod bytes;
mod icmp;
mod ip;
mod link;
mod tcp;
mod text;

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use serde::Serialize;

pub use icmp::{Icmp, Ndp, Quote};
pub use link::{Arp, ArpOperation, Mac};
pub use tcp::{Flags, Tcp};
pub use text::Phrase;

use crate::trace::Medium;

/// One frame, described.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dissected {
    /// The Ethernet header, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ethernet: Option<Ethernet>,
    /// The IP header, where there is one that can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<Ip>,
    /// The first checksum that is wrong, from the outside in. A receiver drops such a packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bad_checksum: Option<Layer>,
    /// What the frame carries.
    pub packet: Packet,
}

/// An Ethernet II header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ethernet {
    /// The sender's address.
    pub from: Mac,
    /// The address that it is for.
    pub to: Mac,
    /// EtherType, in host order: `0x0800` is IPv4.
    pub ethertype: u16,
}

/// What matters of an IP header, version 4 or 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ip {
    /// The sender's address.
    pub from: IpAddr,
    /// The address that it is for.
    pub to: IpAddr,
    /// Time to live, or hop limit.
    pub hop_limit: u8,
    /// The protocol of the payload, extension headers skipped: 6 is TCP.
    pub protocol: u8,
    /// Header and payload, as the header says.
    pub total_bytes: usize,
}

/// What a frame carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Packet {
    /// Address resolution for IPv4.
    Arp(Arp),
    /// Neighbour discovery, the same for IPv6.
    Ndp(Ndp),
    /// ICMP or ICMPv6.
    Icmp(Icmp),
    /// A UDP datagram.
    Udp(Udp),
    /// A TCP segment.
    Tcp(Tcp),
    /// A piece of a packet that was too large for a link.
    Fragment(Fragment),
    /// Something else, by name where it has one.
    Other {
        /// `IGMP`, `ethertype 0x88cc`, `IP protocol 132`.
        name: String,
        /// Bytes that follow the header that was read last.
        payload_bytes: usize,
    },
    /// Bytes that are not what their outer header says.
    Malformed {
        /// Where reading ended.
        layer: Layer,
        /// Why, as a part of a sentence: `header is cut short`.
        why: &'static str,
    },
}

/// A UDP datagram.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Udp {
    /// Port of the sender.
    pub from_port: u16,
    /// Port that it is for.
    pub to_port: u16,
    /// Payload, without the header.
    pub payload_bytes: usize,
    /// Where the payload lies in the frame.
    #[serde(skip)]
    pub payload: Range<usize>,
}

/// A piece of an IP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Fragment {
    /// Which packet this is a piece of.
    pub ident: u32,
    /// Where the piece begins in the packet's payload.
    pub offset_bytes: usize,
    /// Length of the piece.
    pub payload_bytes: usize,
    /// Whether pieces follow.
    pub more: bool,
}

/// Where in a frame something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// The Ethernet header.
    Ethernet,
    /// ARP.
    Arp,
    /// The IPv4 or IPv6 header.
    Ip,
    /// ICMP or ICMPv6.
    Icmp,
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
}

/// Describes one frame.
///
/// `frame`: a whole Ethernet frame, 14-byte header included, no FCS; or, where `medium` is [`Medium::Ip`], a whole IP packet.
#[must_use]
pub fn dissect(medium: Medium, frame: &[u8]) -> Dissected {
    match medium {
        Medium::Ethernet => link::dissect_ethernet(frame),
        Medium::Ip => ip::dissect_ip(frame, 0),
    }
}

impl Dissected {
    /// The segment, if this is TCP with headers that can be read.
    #[must_use]
    pub const fn tcp(&self) -> Option<&Tcp> {
        match &self.packet {
            Packet::Tcp(tcp) => Some(tcp),
            Packet::Arp(_)
            | Packet::Ndp(_)
            | Packet::Icmp(_)
            | Packet::Udp(_)
            | Packet::Fragment(_)
            | Packet::Other { .. }
            | Packet::Malformed { .. } => None,
        }
    }

    /// Sender's and receiver's address and port, for TCP and UDP.
    #[must_use]
    pub fn endpoints(&self) -> Option<(SocketAddr, SocketAddr)> {
        let ip = self.ip?;
        let (from_port, to_port) = match &self.packet {
            Packet::Tcp(tcp) => (tcp.from_port, tcp.to_port),
            Packet::Udp(udp) => (udp.from_port, udp.to_port),
            Packet::Arp(_)
            | Packet::Ndp(_)
            | Packet::Icmp(_)
            | Packet::Fragment(_)
            | Packet::Other { .. }
            | Packet::Malformed { .. } => return None,
        };
        Some((SocketAddr::new(ip.from, from_port), SocketAddr::new(ip.to, to_port)))
    }

    /// A description without addresses: nothing could be read.
    const fn malformed(layer: Layer, why: &'static str) -> Self {
        Self { ethernet: None, ip: None, bad_checksum: None, packet: Packet::Malformed { layer, why } }
    }
}

#[cfg(test)]
mod tests;
