//! Is this a frame of the kind that a fault is for?

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use super::headers::{ACK, FIN, Headers, ICMP, ICMPV6, RST, SYN, TCP, UDP};
use crate::frame::{ETHERNET_HEADER_BYTES, Medium};

/// A kind of frame. What it says of TCP holds for whole segments, not for fragments of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pattern {
    /// Every frame.
    Any,
    /// ARP.
    Arp,
    /// IPv4 of any kind.
    Ipv4,
    /// IPv6 of any kind.
    Ipv6,
    /// A part of an IP packet.
    Fragment,
    /// ICMP and ICMPv6, Neighbor Discovery included.
    Icmp,
    /// Neighbor Discovery: ICMPv6 types 133 to 137.
    Ndp,
    /// UDP.
    Udp,
    /// TCP of any kind.
    Tcp,
    /// A segment with SYN and without ACK.
    Syn,
    /// A segment with SYN and ACK.
    SynAck,
    /// A segment with data.
    Data,
    /// A segment with ACK, and with neither data nor SYN, FIN or RST.
    Ack,
    /// A segment with FIN, with data or without.
    Fin,
    /// A segment with RST.
    Rst,
}

impl Pattern {
    /// All of them.
    pub const ALL: [Pattern; 15] = [
        Pattern::Any,
        Pattern::Arp,
        Pattern::Ipv4,
        Pattern::Ipv6,
        Pattern::Fragment,
        Pattern::Icmp,
        Pattern::Ndp,
        Pattern::Udp,
        Pattern::Tcp,
        Pattern::Syn,
        Pattern::SynAck,
        Pattern::Data,
        Pattern::Ack,
        Pattern::Fin,
        Pattern::Rst,
    ];

    /// Its name: `syn-ack`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Pattern::Any => "any",
            Pattern::Arp => "arp",
            Pattern::Ipv4 => "ipv4",
            Pattern::Ipv6 => "ipv6",
            Pattern::Fragment => "fragment",
            Pattern::Icmp => "icmp",
            Pattern::Ndp => "ndp",
            Pattern::Udp => "udp",
            Pattern::Tcp => "tcp",
            Pattern::Syn => "syn",
            Pattern::SynAck => "syn-ack",
            Pattern::Data => "data",
            Pattern::Ack => "ack",
            Pattern::Fin => "fin",
            Pattern::Rst => "rst",
        }
    }

    /// Is `frame` of this kind?
    pub fn matches(self, medium: Medium, frame: &[u8]) -> bool {
        match self {
            Pattern::Any => return true,
            Pattern::Arp => {
                return medium == Medium::Ethernet && frame.get(12..ETHERNET_HEADER_BYTES) == Some(&[0x08, 0x06]);
            }
            _ => {}
        }
        Headers::of(medium, frame).is_some_and(|headers| self.is_of(&headers, frame))
    }

    fn is_of(self, headers: &Headers, frame: &[u8]) -> bool {
        use crate::frame::IpVersion::{V4, V6};
        let (version, protocol) = (headers.version, headers.protocol);
        let flags = || headers.segment(frame).map(|segment| (segment.flags, segment.data_bytes));
        match self {
            Pattern::Any => true,
            Pattern::Arp => false,
            Pattern::Ipv4 => version == V4,
            Pattern::Ipv6 => version == V6,
            Pattern::Fragment => headers.is_fragment,
            Pattern::Icmp => (version, protocol) == (V4, ICMP) || (version, protocol) == (V6, ICMPV6),
            Pattern::Ndp => {
                let kind = frame[headers.payload.clone()].first();
                (version, protocol) == (V6, ICMPV6) && kind.is_some_and(|kind| (133..=137).contains(kind))
            }
            Pattern::Udp => protocol == UDP,
            Pattern::Tcp => protocol == TCP,
            Pattern::Syn => flags().is_some_and(|(flags, _)| flags & (SYN | ACK) == SYN),
            Pattern::SynAck => flags().is_some_and(|(flags, _)| flags & (SYN | ACK) == SYN | ACK),
            Pattern::Data => flags().is_some_and(|(_, bytes)| bytes > 0),
            Pattern::Ack => flags().is_some_and(|(flags, bytes)| flags & (SYN | FIN | RST | ACK) == ACK && bytes == 0),
            Pattern::Fin => flags().is_some_and(|(flags, _)| flags & FIN != 0),
            Pattern::Rst => flags().is_some_and(|(flags, _)| flags & RST != 0),
        }
    }
}

/// Its name.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPattern {
    /// The word.
    pub found: String,
}

impl fmt::Display for UnknownPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is no kind of frame; there are ", self.found)?;
        for (i, pattern) in Pattern::ALL.iter().enumerate() {
            write!(f, "{}{pattern}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownPattern {}

impl FromStr for Pattern {
    type Err = UnknownPattern;

    fn from_str(word: &str) -> Result<Pattern, UnknownPattern> {
        let known = Pattern::ALL.into_iter().find(|pattern| pattern.as_str() == word);
        known.ok_or_else(|| UnknownPattern { found: word.to_owned() })
    }
}
