//! What does an Ethernet header, or ARP, say?

use std::fmt;
use std::net::Ipv4Addr;

use serde::{Serialize, Serializer};

use super::bytes::{array_at, u16_at};
use super::{Dissected, Ethernet, Layer, Packet, ip};

const ETHERNET_HEADER_BYTES: usize = 14;

/// An Ethernet address; prints as `02:00:00:00:00:01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

/// Address resolution (RFC 826) for IPv4 over Ethernet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Arp {
    /// Question or answer.
    pub operation: ArpOperation,
    /// Who sends this.
    pub sender: Ipv4Addr,
    /// The sender's Ethernet address; in an answer, this is what was asked for.
    pub sender_mac: Mac,
    /// Whose Ethernet address is wanted; in an answer, who wanted it.
    pub target: Ipv4Addr,
}

/// What an ARP packet is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArpOperation {
    /// Who has this address?
    Request,
    /// I have it.
    Reply,
    /// An operation with a number that nobody uses here.
    Other(u16),
}

impl Mac {
    /// Whether the frame is for one station only. (The lowest bit of the first byte marks groups.)
    #[must_use]
    pub const fn is_unicast(self) -> bool {
        self.0[0] & 1 == 0
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Describes an Ethernet frame. `frame`: header included, no FCS.
pub(super) fn dissect_ethernet(frame: &[u8]) -> Dissected {
    let Some(ethernet) = header(frame) else {
        return Dissected::malformed(Layer::Ethernet, "header is cut short");
    };
    let mut dissected = match ethernet.ethertype {
        0x0800 | 0x86dd => ip::dissect_ip(frame, ETHERNET_HEADER_BYTES),
        0x0806 => arp(&frame[ETHERNET_HEADER_BYTES..]),
        other => Dissected {
            packet: Packet::Other {
                name: format!("ethertype {other:#06x}"),
                payload_bytes: frame.len() - ETHERNET_HEADER_BYTES,
            },
            ..Dissected::malformed(Layer::Ethernet, "")
        },
    };
    dissected.ethernet = Some(ethernet);
    dissected
}

fn header(frame: &[u8]) -> Option<Ethernet> {
    Some(Ethernet { to: Mac(array_at(frame, 0)?), from: Mac(array_at(frame, 6)?), ethertype: u16_at(frame, 12)? })
}

fn arp(packet: &[u8]) -> Dissected {
    let Some(arp) = arp_fields(packet) else {
        return Dissected::malformed(Layer::Arp, "packet is cut short");
    };
    // Hardware type Ethernet, protocol IPv4, and the lengths of their addresses.
    if packet[..6] != [0, 1, 8, 0, 6, 4] {
        return Dissected::malformed(Layer::Arp, "not for IPv4 over Ethernet");
    }
    Dissected { packet: Packet::Arp(arp), ..Dissected::malformed(Layer::Arp, "") }
}

fn arp_fields(packet: &[u8]) -> Option<Arp> {
    let operation = match u16_at(packet, 6)? {
        1 => ArpOperation::Request,
        2 => ArpOperation::Reply,
        other => ArpOperation::Other(other),
    };
    Some(Arp {
        operation,
        sender_mac: Mac(array_at(packet, 8)?),
        sender: Ipv4Addr::from(array_at::<4>(packet, 14)?),
        target: Ipv4Addr::from(array_at::<4>(packet, 24)?),
    })
}
