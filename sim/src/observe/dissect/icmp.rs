//! What does an ICMP or ICMPv6 message say?

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::Serialize;

use super::bytes::{array_at, u16_at, u32_at};
use super::link::Mac;
use super::{Packet, ip};

/// A message of ICMP or of ICMPv6, neighbour discovery excepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum Icmp {
    /// Ping, or the answer to it.
    Echo {
        /// Question, not answer.
        request: bool,
        /// Whose ping.
        ident: u16,
        /// Which ping.
        seq_no: u16,
        /// Payload, without the header.
        payload_bytes: usize,
    },
    /// A packet did not reach its destination.
    Unreachable {
        /// The code as sent.
        code: u8,
        /// The code's name: `port unreachable`.
        name: &'static str,
        /// The packet that failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        quote: Option<Quote>,
    },
    /// A packet is too large for a link on its way (path MTU discovery).
    TooBig {
        /// The largest that fits; 0 where an old router does not say.
        mtu_bytes: u32,
        /// The packet that failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        quote: Option<Quote>,
    },
    /// A packet went in circles, or its fragments did not all come.
    TimeExceeded {
        /// The packet that failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        quote: Option<Quote>,
    },
    /// Any other message.
    Other {
        /// Type.
        number: u8,
        /// Code.
        code: u8,
    },
}

/// A message of neighbour discovery (RFC 4861).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum Ndp {
    /// Is there a router?
    RouterSolicitation,
    /// There is.
    RouterAdvertisement,
    /// Who has this address?
    NeighborSolicitation {
        /// The address in question.
        target: Ipv6Addr,
    },
    /// I have it.
    NeighborAdvertisement {
        /// The address in question.
        target: Ipv6Addr,
        /// Where it is, if the message says so.
        #[serde(skip_serializing_if = "Option::is_none")]
        target_mac: Option<Mac>,
    },
    /// There is a better way.
    Redirect,
}

/// The beginning of a packet, as quoted by an ICMP error; prints as `udp 192.0.2.1:49152 → 192.0.2.2:9`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Quote {
    /// Protocol of the packet: 17 is UDP.
    pub protocol: u8,
    /// Its sender; port 0 for protocols without ports.
    pub from: SocketAddr,
    /// Where it was to go.
    pub to: SocketAddr,
}

impl fmt::Display for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol {
            ip::TCP => write!(f, "TCP {} → {}", self.from, self.to),
            ip::UDP => write!(f, "UDP {} → {}", self.from, self.to),
            other => write!(f, "protocol {other} to {}", self.to.ip()),
        }
    }
}

/// Reads an ICMP message (RFC 792). `None`: cut short.
pub(super) fn parse_v4(bytes: &[u8]) -> Option<Packet> {
    let (number, code, rest) = (*bytes.first()?, *bytes.get(1)?, u32_at(bytes, 4)?);
    let quote = || quote_v4(&bytes[8..]);
    Some(Packet::Icmp(match (number, code) {
        (8 | 0, 0) => echo(number == 8, rest, bytes.len()),
        (3, 4) => Icmp::TooBig { mtu_bytes: rest & 0xffff, quote: quote() },
        (3, code) => Icmp::Unreachable { code, name: unreachable_name_v4(code), quote: quote() },
        (11, _) => Icmp::TimeExceeded { quote: quote() },
        (number, code) => Icmp::Other { number, code },
    }))
}

/// Reads an ICMPv6 message (RFC 4443, RFC 4861). `None`: cut short.
pub(super) fn parse_v6(bytes: &[u8]) -> Option<Packet> {
    let (number, code, rest) = (*bytes.first()?, *bytes.get(1)?, u32_at(bytes, 4)?);
    let quote = || quote_v6(&bytes[8..]);
    let target = || Some(Ipv6Addr::from(array_at::<16>(bytes, 8)?));
    Some(match (number, code) {
        (133, 0) => Packet::Ndp(Ndp::RouterSolicitation),
        (134, 0) => Packet::Ndp(Ndp::RouterAdvertisement),
        (135, 0) => Packet::Ndp(Ndp::NeighborSolicitation { target: target()? }),
        (136, 0) => Packet::Ndp(Ndp::NeighborAdvertisement { target: target()?, target_mac: target_mac(&bytes[24..]) }),
        (137, 0) => Packet::Ndp(Ndp::Redirect),
        (130 | 131 | 132 | 143, _) => Packet::Other { name: "MLD".to_owned(), payload_bytes: bytes.len() },
        (128 | 129, 0) => Packet::Icmp(echo(number == 128, rest, bytes.len())),
        (1, code) => Packet::Icmp(Icmp::Unreachable { code, name: unreachable_name_v6(code), quote: quote() }),
        (2, _) => Packet::Icmp(Icmp::TooBig { mtu_bytes: rest, quote: quote() }),
        (3, _) => Packet::Icmp(Icmp::TimeExceeded { quote: quote() }),
        (number, code) => Packet::Icmp(Icmp::Other { number, code }),
    })
}

fn echo(request: bool, ident_and_seq: u32, message_bytes: usize) -> Icmp {
    Icmp::Echo {
        request,
        ident: (ident_and_seq >> 16) as u16,
        seq_no: (ident_and_seq & 0xffff) as u16,
        payload_bytes: message_bytes - 8,
    }
}

/// The option "target link-layer address" (RFC 4861 §4.6.1) among `options`.
fn target_mac(mut options: &[u8]) -> Option<Mac> {
    loop {
        let length = usize::from(*options.get(1)?) * 8;
        match (options[0], length) {
            (_, 0) => return None,
            (2, 8) => return array_at(options, 2).map(Mac),
            _ => options = options.get(length..)?,
        }
    }
}

fn quote_v4(packet: &[u8]) -> Option<Quote> {
    let header_bytes = usize::from(packet.first()? & 0x0f) * 4;
    let (from, to) = (array_at::<4>(packet, 12)?, array_at::<4>(packet, 16)?);
    let protocol = *packet.get(9)?;
    let ports = packet.get(header_bytes..).unwrap_or_default();
    let (from_port, to_port) = quoted_ports(protocol, ports);
    Some(Quote {
        protocol,
        from: SocketAddr::new(Ipv4Addr::from(from).into(), from_port),
        to: SocketAddr::new(Ipv4Addr::from(to).into(), to_port),
    })
}

fn quote_v6(packet: &[u8]) -> Option<Quote> {
    let (from, to) = (array_at::<16>(packet, 8)?, array_at::<16>(packet, 24)?);
    let protocol = *packet.get(6)?;
    let (from_port, to_port) = quoted_ports(protocol, packet.get(40..).unwrap_or_default());
    Some(Quote {
        protocol,
        from: SocketAddr::new(Ipv6Addr::from(from).into(), from_port),
        to: SocketAddr::new(Ipv6Addr::from(to).into(), to_port),
    })
}

fn quoted_ports(protocol: u8, transport: &[u8]) -> (u16, u16) {
    match protocol {
        ip::TCP | ip::UDP => (u16_at(transport, 0).unwrap_or(0), u16_at(transport, 2).unwrap_or(0)),
        _ => (0, 0),
    }
}

/// Names of RFC 792 and RFC 1122 §3.2.2.1.
const fn unreachable_name_v4(code: u8) -> &'static str {
    match code {
        0 => "network unreachable",
        1 => "host unreachable",
        2 => "protocol unreachable",
        3 => "port unreachable",
        5 => "source route failed",
        6 => "network unknown",
        7 => "host unknown",
        9 | 10 | 13 => "administratively prohibited",
        _ => "unreachable",
    }
}

/// Names of RFC 4443 §3.1.
const fn unreachable_name_v6(code: u8) -> &'static str {
    match code {
        0 => "no route to destination",
        1 => "administratively prohibited",
        2 => "beyond scope of source address",
        3 => "address unreachable",
        4 => "port unreachable",
        5 => "source address failed policy",
        6 => "route rejected",
        _ => "unreachable",
    }
}
