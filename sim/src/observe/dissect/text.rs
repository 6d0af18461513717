//! How is a packet said in one line?

use std::fmt;

use super::{Arp, ArpOperation, Dissected, Fragment, Icmp, Layer, Ndp, Packet, Udp};

/// A short name, and what is to be said beside it. `ARP` and `who has 192.0.2.2? tell 192.0.2.1`.
///
/// TCP is not told here in full: relative numbers need the connection, see [`crate::observe::flows`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    /// At most 16 characters.
    pub name: String,
    /// May be empty.
    pub detail: String,
}

impl Dissected {
    /// The packet in words.
    #[must_use]
    pub fn phrase(&self) -> Phrase {
        let (name, detail) = match &self.packet {
            Packet::Arp(arp) => ("ARP".to_owned(), arp.to_string()),
            Packet::Ndp(ndp) => ("NDP".to_owned(), ndp.to_string()),
            Packet::Icmp(icmp) => icmp_phrase(icmp),
            Packet::Udp(udp) => (format!("UDP {} B", udp.payload_bytes), self.ports(udp)),
            Packet::Tcp(tcp) => (tcp.flags.to_string(), String::new()),
            Packet::Fragment(fragment) => ("fragment".to_owned(), fragment.to_string()),
            Packet::Other { name, payload_bytes } => (name.clone(), format!("{payload_bytes} bytes")),
            Packet::Malformed { layer, why } => ("malformed".to_owned(), format!("{layer}: {why}")),
        };
        Phrase { name, detail }
    }

    fn ports(&self, udp: &Udp) -> String {
        match self.endpoints() {
            Some((from, to)) => format!("{from} → {to}"),
            None => format!("port {} → port {}", udp.from_port, udp.to_port),
        }
    }
}

fn icmp_phrase(icmp: &Icmp) -> (String, String) {
    let quoted = |quote: &Option<_>| quote.map_or_else(String::new, |quote: super::Quote| format!(": {quote}"));
    let (name, detail) = match icmp {
        Icmp::Echo { request, ident, seq_no, payload_bytes } => {
            let name = if *request { "ping" } else { "pong" };
            let detail = format!("echo id {ident} seq {seq_no}, {payload_bytes} bytes");
            (name, detail)
        }
        Icmp::Unreachable { name, quote, .. } => ("ICMP", format!("{name}{}", quoted(quote))),
        Icmp::TooBig { mtu_bytes, quote } => ("ICMP", format!("too big, MTU is {mtu_bytes}{}", quoted(quote))),
        Icmp::TimeExceeded { quote } => ("ICMP", format!("time exceeded{}", quoted(quote))),
        Icmp::Other { number, code } => ("ICMP", format!("type {number} code {code}")),
    };
    (name.to_owned(), detail)
}

impl fmt::Display for Arp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.operation {
            ArpOperation::Request => write!(f, "who has {}? tell {}", self.target, self.sender),
            ArpOperation::Reply => write!(f, "{} is at {}", self.sender, self.sender_mac),
            ArpOperation::Other(number) => write!(f, "operation {number}"),
        }
    }
}

impl fmt::Display for Ndp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RouterSolicitation => f.write_str("is there a router?"),
            Self::RouterAdvertisement => f.write_str("I am a router"),
            Self::NeighborSolicitation { target } => write!(f, "who has {target}?"),
            Self::NeighborAdvertisement { target, target_mac: Some(mac) } => write!(f, "{target} is at {mac}"),
            Self::NeighborAdvertisement { target, target_mac: None } => write!(f, "{target} is here"),
            Self::Redirect => f.write_str("redirect"),
        }
    }
}

impl fmt::Display for Fragment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.offset_bytes + self.payload_bytes;
        let more = if self.more { ", more follow" } else { ", last" };
        write!(f, "bytes {}..{end} of packet {}{more}", self.offset_bytes, self.ident)
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ethernet => "Ethernet",
            Self::Arp => "ARP",
            Self::Ip => "IP",
            Self::Icmp => "ICMP",
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        })
    }
}
