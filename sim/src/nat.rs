//! Which address and port does a host of the inside have on the outside?

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use smolsock::addr::Cidr;

use crate::packet::{self, Header, ICMP, TCP, UDP, u16_of};
use crate::time::Time;
use crate::world::WorldError;

/// Source NAT of IPv4: TCP, UDP and ping of all hosts inside appear under one outside address, and ICMP errors about them
/// find their way back; IPv6 does not pass. What comes from outside without having been asked for is dropped and counted; so are fragments, other
/// protocols and packets with a wrong checksum, in both directions.
///
/// A port of the inside keeps its number outside if that is free, and is the same for all destinations (RFC 4787 REQ-1, RFC
/// 5382 REQ-1); it is open for the addresses that it has sent to (address-dependent filtering, RFC 4787 REQ-8). A packet to
/// the own outside address from inside does not come back in (no hairpinning).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nat {
    /// The box's address on the inside, which is the hosts' gateway, with the prefix of the network.
    pub inside: Cidr,
    /// The address that all share, with the prefix of the outside network.
    pub outside: Cidr,
    /// The router for everything beyond the outside network.
    pub gateway: Option<Ipv4Addr>,
    /// After so many ns without a datagram from inside a UDP mapping is forgotten (RFC 4787 REQ-5: 5 minutes).
    pub udp_idle_ns: u64,
    /// The same for an established TCP connection, in both directions (RFC 5382 REQ-5: 2 hours 4 minutes).
    pub tcp_established_idle_ns: u64,
    /// The same for one that is not established yet, or closed (RFC 5382 REQ-5: 4 minutes).
    pub tcp_transitory_idle_ns: u64,
    /// The same for pings (RFC 5508 REQ-2: 60 s).
    pub icmp_idle_ns: u64,
}

impl Nat {
    /// A box at these addresses, for example `10.0.0.254/24` and `192.0.2.1/24`, with the times that the RFCs name.
    ///
    /// # Errors
    /// An address with a prefix that is not well formed, or not of IPv4.
    pub fn new(inside: &str, outside: &str) -> Result<Self, WorldError> {
        let cidr = |text: &str| match text.parse::<Cidr>() {
            Ok(cidr) if cidr.addr().is_ipv4() => Ok(cidr),
            Ok(_) => Err(WorldError::Address(format!("NAT: {text}: not an IPv4 address"))),
            Err(error) => Err(WorldError::Address(format!("NAT: {text}: {error}"))),
        };
        Ok(Self {
            inside: cidr(inside)?,
            outside: cidr(outside)?,
            gateway: None,
            udp_idle_ns: 300_000_000_000,
            tcp_established_idle_ns: 7_440_000_000_000,
            tcp_transitory_idle_ns: 240_000_000_000,
            icmp_idle_ns: 60_000_000_000,
        })
    }
}

/// An address and a port, or the identifier of a ping.
type Endpoint = (Ipv4Addr, u16);

/// Who has which port outside at the moment.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    nat: Nat,
    outside: Ipv4Addr,
    /// By protocol and inside endpoint.
    mappings: BTreeMap<(u8, Endpoint), Mapping>,
    /// By protocol and outside port.
    owners: BTreeMap<(u8, u16), Endpoint>,
}

#[derive(Debug, Clone)]
struct Mapping {
    port: u16,
    sessions: BTreeMap<Endpoint, Session>,
}

/// A conversation with one endpoint outside.
#[derive(Debug, Clone, Copy, Default)]
struct Session {
    until: Time,
    /// TCP: what was seen from inside and from outside.
    has_syn: [bool; 2],
    has_fin: [bool; 2],
    has_rst: bool,
}

/// Which way a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Out,
    In,
}

impl Table {
    /// Nobody has a port.
    pub(crate) fn new(nat: Nat) -> Self {
        let outside = match nat.outside.addr() {
            IpAddr::V4(addr) => addr,
            IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
        };
        Self { nat, outside, mappings: BTreeMap::new(), owners: BTreeMap::new() }
    }

    /// Translates a packet on its way out; `None`: it is to be dropped.
    pub(crate) fn outbound(&mut self, now: Time, packet: &[u8], header: &Header) -> Option<Vec<u8>> {
        self.expire(now);
        let (source, destination) = translatable(packet, header)?;
        let message = &packet[header.payload()];
        let mut packet = packet.to_vec();
        if let Some(quoted_at) = quoted_at(header, message) {
            // A host inside complains about what it was sent: that was for its mapping.
            let quote = Quote::of(&packet[quoted_at..])?;
            let mapping = self.mappings.get(&(quote.protocol, quote.destination))?;
            let outside = (self.outside, mapping.port);
            quote.rewrite(&mut packet[quoted_at..], Way::In, outside);
        } else {
            let (at, remote_port) = match header.protocol {
                TCP | UDP => (0, u16_of(message, 2)),
                ICMP if message[0] == ECHO_REQUEST => (4, 0),
                _ => return None,
            };
            let flags = message.get(13).copied().unwrap_or(0);
            let inside = (source, u16_of(message, at));
            let port = self.map(header.protocol, inside)?;
            self.see(now, header.protocol, inside, (destination, remote_port), Way::Out, flags);
            let at = header.payload_at + at;
            packet[at..at + 2].copy_from_slice(&port.to_be_bytes());
        }
        packet[12..16].copy_from_slice(&self.outside.octets());
        packet::mend(&mut packet);
        Some(packet)
    }

    /// Translates a packet to the outside address; `None`: nobody has asked for it.
    pub(crate) fn inbound(&mut self, now: Time, packet: &[u8], header: &Header) -> Option<Vec<u8>> {
        self.expire(now);
        let (source, _) = translatable(packet, header)?;
        let message = &packet[header.payload()];
        let mut packet = packet.to_vec();
        let inside;
        if let Some(quoted_at) = quoted_at(header, message) {
            let quote = Quote::of(&packet[quoted_at..])?;
            inside = *self.owners.get(&(quote.protocol, quote.source.1)).filter(|_| quote.source.0 == self.outside)?;
            let mapping = self.mappings.get(&(quote.protocol, inside))?;
            mapping.sessions.keys().find(|remote| remote.0 == quote.destination.0)?;
            quote.rewrite(&mut packet[quoted_at..], Way::Out, inside);
        } else {
            let (at, remote_port) = match header.protocol {
                TCP | UDP => (2, u16_of(message, 0)),
                ICMP if message[0] == ECHO_REPLY => (4, 0),
                _ => return None,
            };
            let flags = message.get(13).copied().unwrap_or(0);
            inside = *self.owners.get(&(header.protocol, u16_of(message, at)))?;
            self.mappings.get(&(header.protocol, inside))?.sessions.keys().find(|remote| remote.0 == source)?;
            self.see(now, header.protocol, inside, (source, remote_port), Way::In, flags);
            let at = header.payload_at + at;
            packet[at..at + 2].copy_from_slice(&inside.1.to_be_bytes());
        }
        packet[16..20].copy_from_slice(&inside.0.octets());
        packet::mend(&mut packet);
        Some(packet)
    }

    /// The outside port of an inside endpoint: its own number, or the next that is free.
    fn map(&mut self, protocol: u8, inside: Endpoint) -> Option<u16> {
        if let Some(mapping) = self.mappings.get(&(protocol, inside)) {
            return Some(mapping.port);
        }
        let own = Some(inside.1).filter(|port| *port > 0);
        let port =
            own.into_iter().chain(PORT_MIN..=u16::MAX).find(|port| !self.owners.contains_key(&(protocol, *port)))?;
        self.owners.insert((protocol, port), inside);
        self.mappings.insert((protocol, inside), Mapping { port, sessions: BTreeMap::new() });
        Some(port)
    }

    /// A packet of this conversation passes.
    fn see(&mut self, now: Time, protocol: u8, inside: Endpoint, remote: Endpoint, way: Way, flags: u8) {
        let Some(mapping) = self.mappings.get_mut(&(protocol, inside)) else { return };
        // RFC 4787 REQ-6: what comes from outside alone keeps no UDP mapping alive.
        let keeps_alive = way == Way::Out || protocol == TCP;
        if !keeps_alive {
            return;
        }
        let session = mapping.sessions.entry(remote).or_default();
        if protocol == TCP {
            session.has_syn[way as usize] |= flags & 0x02 != 0;
            session.has_fin[way as usize] |= flags & 0x01 != 0;
            session.has_rst |= flags & 0x04 != 0;
        }
        session.until = now.after_ns(match protocol {
            TCP if session.is_established() => self.nat.tcp_established_idle_ns,
            TCP => self.nat.tcp_transitory_idle_ns,
            UDP => self.nat.udp_idle_ns,
            _ => self.nat.icmp_idle_ns,
        });
    }

    fn expire(&mut self, now: Time) {
        let owners = &mut self.owners;
        self.mappings.retain(|(protocol, _), mapping| {
            mapping.sessions.retain(|_, session| session.until > now);
            let is_used = !mapping.sessions.is_empty();
            if !is_used {
                owners.remove(&(*protocol, mapping.port));
            }
            is_used
        });
    }
}

impl Session {
    fn is_established(&self) -> bool {
        self.has_syn == [true; 2] && self.has_fin != [true; 2] && !self.has_rst
    }
}

/// The packet that an ICMP error is about.
struct Quote {
    protocol: u8,
    source: Endpoint,
    destination: Endpoint,
    header_bytes: usize,
}

impl Quote {
    /// `bytes`: its IPv4 header and at least 8 bytes more (RFC 792).
    fn of(bytes: &[u8]) -> Option<Self> {
        let fixed: &[u8; 20] = bytes.first_chunk()?;
        let header_bytes = usize::from(fixed[0] & 0x0f) * 4;
        let message = bytes.get(header_bytes..header_bytes + 8).filter(|_| header_bytes >= 20)?;
        let ports = match fixed[9] {
            TCP | UDP => (u16_of(message, 0), u16_of(message, 2)),
            ICMP => (u16_of(message, 4), u16_of(message, 4)),
            _ => return None,
        };
        let addr = |at: usize| Ipv4Addr::new(fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]);
        Some(Self { protocol: fixed[9], source: (addr(12), ports.0), destination: (addr(16), ports.1), header_bytes })
    }

    /// Puts `endpoint` where the source ([`Way::Out`]) or the destination of the quoted packet is. Its own checksum is
    /// adjusted, for it need not be there as a whole (RFC 5508 REQ-4).
    fn rewrite(&self, bytes: &mut [u8], way: Way, endpoint: Endpoint) {
        let (addr_at, port_at) = if way == Way::Out { (12, 0) } else { (16, 2) };
        let port_at = self.header_bytes + if self.protocol == ICMP { 4 } else { port_at };
        let old = [&bytes[addr_at..addr_at + 4], &bytes[port_at..port_at + 2]].concat();
        bytes[addr_at..addr_at + 4].copy_from_slice(&endpoint.0.octets());
        bytes[port_at..port_at + 2].copy_from_slice(&endpoint.1.to_be_bytes());
        let new = [&bytes[addr_at..addr_at + 4], &bytes[port_at..port_at + 2]].concat();
        packet::mend_ipv4_header(bytes);
        let field = packet::checksum_at(self.protocol).map(|at| self.header_bytes + at);
        if let Some(at) = field.filter(|at| at + 2 <= bytes.len()) {
            // ICMP has no pseudo-header: of it the identifier counts only.
            let from = if self.protocol == ICMP { 4 } else { 0 };
            let sum = u16_of(bytes, at);
            let is_omitted = self.protocol == UDP && sum == 0;
            if !is_omitted {
                bytes[at..at + 2].copy_from_slice(&adjusted(sum, &old[from..], &new[from..]).to_be_bytes());
            }
        }
    }
}

/// RFC 1624: a checksum after `old` was replaced by `new`, both of the same, even length.
fn adjusted(sum: u16, old: &[u8], new: &[u8]) -> u16 {
    let inverted: Vec<u8> = old.iter().map(|byte| !byte).collect();
    packet::checksum(&[&(!sum).to_be_bytes(), &inverted, new])
}

/// Source and destination of a packet that can be translated.
fn translatable(packet: &[u8], header: &Header) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let (IpAddr::V4(source), IpAddr::V4(destination)) = (header.source, header.destination) else { return None };
    let is_good = header.is_whole() && header.payload().len() >= 8 && packet::is_intact(packet, header);
    is_good.then_some((source, destination))
}

/// Where in the packet the one begins that an ICMP error is about; `None`: it is no such error.
fn quoted_at(header: &Header, message: &[u8]) -> Option<usize> {
    let is_error = header.protocol == ICMP && matches!(message[0], 3 | 4 | 11 | 12);
    is_error.then_some(header.payload_at + 8)
}

const ECHO_REPLY: u8 = 0;
const ECHO_REQUEST: u8 = 8;

/// RFC 4787 REQ-3: ports below are not given to others than those who have them.
const PORT_MIN: u16 = 1_024;

#[cfg(test)]
mod tests;
