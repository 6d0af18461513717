//! What do ARP and neighbour discovery say about a neighbour?

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Class;
use super::ip::Packet;
use crate::addr::MacAddr;

/// An ARP packet for IPv4 on Ethernet (RFC 826).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arp {
    /// Source and destination of the frame.
    pub(crate) link: (MacAddr, MacAddr),
    pub(crate) operation: ArpOperation,
    pub(crate) sender_mac: MacAddr,
    pub(crate) sender_ip: Ipv4Addr,
    pub(crate) target_ip: Ipv4Addr,
}

/// What an ARP packet wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArpOperation {
    Request,
    Reply,
    /// RARP and others that nobody uses.
    Other,
}

impl ArpOperation {
    /// Whether it is a request or a reply.
    pub(crate) fn is_known(self) -> bool {
        self != Self::Other
    }
}

/// A neighbour solicitation or advertisement (RFC 4861 §4.3, §4.4). Nothing but its length is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ndp {
    /// Source and destination of the frame.
    pub(crate) link: (MacAddr, MacAddr),
    pub(crate) source: Ipv6Addr,
    /// Whom it asks for, or who answers.
    pub(crate) target: Ipv6Addr,
    pub(crate) hop_limit: u8,
    pub(crate) has_good_checksum: bool,
    /// A solicitation, not an advertisement.
    pub(crate) is_solicitation: bool,
    /// An advertisement that replaces what is known (the override flag).
    pub(crate) overrides: bool,
    /// The source link-layer address of a solicitation, the target's of an advertisement.
    pub(crate) link_layer_addr: Option<MacAddr>,
}

/// Reads an ARP packet; padding may follow it.
pub(super) fn arp(bytes: &[u8], link: (MacAddr, MacAddr)) -> Class {
    let Some((start, rest)) = bytes.split_first_chunk::<8>() else { return Class::Malformed };
    let [hardware_high, hardware_low, protocol_high, protocol_low, mac_len, ip_len, ..] = *start;
    // Ethernet and IPv4, with addresses of 6 and 4 bytes.
    if [hardware_high, hardware_low, protocol_high, protocol_low, mac_len, ip_len] != [0, 1, 8, 0, 6, 4] {
        return Class::Other;
    }
    let [.., operation_high, operation_low] = *start;
    let operation = match u16::from_be_bytes([operation_high, operation_low]) {
        1 => ArpOperation::Request,
        2 => ArpOperation::Reply,
        _ => ArpOperation::Other,
    };
    let Some([m0, m1, m2, m3, m4, m5, s0, s1, s2, s3, _, _, _, _, _, _, t0, t1, t2, t3]) = rest.first_chunk::<20>()
    else {
        return Class::Malformed;
    };
    Class::Arp(Arp {
        link,
        operation,
        sender_mac: MacAddr([*m0, *m1, *m2, *m3, *m4, *m5]),
        sender_ip: Ipv4Addr::new(*s0, *s1, *s2, *s3),
        target_ip: Ipv4Addr::new(*t0, *t1, *t2, *t3),
    })
}

/// Reads a neighbour solicitation or advertisement.
pub(super) fn ndp(packet: &Packet<'_>, is_solicitation: bool, link: (MacAddr, MacAddr)) -> Class {
    let IpAddr::V6(source) = packet.source else { return Class::Other };
    let Some((start, rest)) = packet.payload.split_first_chunk::<8>() else { return Class::Malformed };
    let Some((target, options)) = rest.split_first_chunk::<16>() else { return Class::Malformed };
    let wanted = if is_solicitation { SOURCE_LINK_LAYER_ADDR } else { TARGET_LINK_LAYER_ADDR };
    let Ok(link_layer_addr) = link_layer_addr(options, wanted) else { return Class::Malformed };
    let [_, _, _, _, flags, ..] = *start;
    Class::Ndp(Ndp {
        link,
        source,
        target: Ipv6Addr::from_octets(*target),
        hop_limit: packet.hop_limit,
        has_good_checksum: packet.has_good_checksum(),
        is_solicitation,
        overrides: !is_solicitation && flags & OVERRIDE != 0,
        link_layer_addr,
    })
}

/// The first option of type `wanted`, if there is one. `Err`: the options do not fit together.
fn link_layer_addr(mut options: &[u8], wanted: u8) -> Result<Option<MacAddr>, Broken> {
    let mut found = None;
    // Every option takes 8 bytes at least, so this ends.
    while !options.is_empty() {
        let [kind, units, ..] = *options else { return Err(Broken) };
        let len = usize::from(units) * 8;
        // RFC 4861 §4.6: "Nodes MUST silently discard an ND packet that contains an option with length
        // zero."
        let (option, rest) = options.split_at_checked(len).filter(|_| len > 0).ok_or(Broken)?;
        if kind == wanted && found.is_none() {
            let [_, _, mac @ ..] = *option.as_array::<8>().ok_or(Broken)?;
            found = Some(MacAddr(mac));
        }
        options = rest;
    }
    Ok(found)
}

struct Broken;

const SOURCE_LINK_LAYER_ADDR: u8 = 1;
const TARGET_LINK_LAYER_ADDR: u8 = 2;
const OVERRIDE: u8 = 0x20;
