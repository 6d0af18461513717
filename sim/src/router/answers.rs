//! What does a router say itself?

use std::net::IpAddr;

use super::Router;
use crate::packet::{self, Header, ICMP, ICMPV6, UDP};
use crate::time::Time;

/// Why a packet went no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// TTL or hop limit used up.
    Expired,
    /// No route to the network.
    NoRoute,
    /// The neighbour does not answer.
    NoNeighbour,
    /// Longer than the next cable carries: this many bytes.
    TooBig(usize),
    /// Nobody listens at this port of the router.
    NoPort,
}

impl Trouble {
    /// Type, code, and what stands in the second word of the header (RFC 792, RFC 1191, RFC 4443).
    fn message(self, is_v6: bool) -> (u8, u8, u32) {
        match (self, is_v6) {
            (Self::Expired, false) => (11, 0, 0),
            (Self::Expired, true) => (3, 0, 0),
            (Self::NoRoute, false) => (3, 0, 0),
            (Self::NoRoute, true) => (1, 0, 0),
            (Self::NoNeighbour, false) => (3, 1, 0),
            (Self::NoNeighbour, true) => (1, 3, 0),
            // The low 16 bits of the word hold the next hop's MTU.
            (Self::TooBig(mtu), false) => (3, 4, u32::from(u16::try_from(mtu).unwrap_or(u16::MAX))),
            (Self::TooBig(mtu), true) => (2, 0, u32::try_from(mtu).unwrap_or(u32::MAX)),
            (Self::NoPort, false) => (3, 3, 0),
            (Self::NoPort, true) => (1, 4, 0),
        }
    }
}

impl Router {
    /// A packet for the router itself: pings are answered, datagrams refused, everything else ignored.
    pub(super) fn answer(&mut self, now: Time, packet: &[u8], header: &Header) {
        let (request, reply) = if header.source.is_ipv6() { (128, 129) } else { (8, 0) };
        let message = &packet[header.payload()];
        if !header.is_whole() || !packet::is_intact(packet, header) {
            return;
        }
        match header.protocol {
            ICMP | ICMPV6 if message.first() == Some(&request) && message.len() >= 8 => {
                let mut message = message.to_vec();
                message[0] = reply;
                self.say(now, header.destination, header.source, &message);
            }
            UDP => self.report(now, packet, header, Trouble::NoPort),
            _ => {}
        }
    }

    /// Tells the sender of `packet` what happened to it, if one tells of such packets (RFC 1122 §3.2.2, RFC 4443 §2.4 e).
    pub(super) fn report(&mut self, now: Time, packet: &[u8], header: &Header, trouble: Trouble) {
        let source = header.source;
        let is_nobody = super::is_local(source) || self.is_own(source);
        if is_nobody || header.fragment_offset > 0 || is_icmp_error(packet, header) {
            return;
        }
        let is_v6 = source.is_ipv6();
        let (kind, code, word) = trouble.message(is_v6);
        // RFC 1812 §4.3.2.3, RFC 4443 §2.4 c: as much as fits into a packet that every host takes.
        let quoted_max = if is_v6 { 1_280 - 48 } else { 576 - 28 };
        let quoted = &packet[..packet.len().min(quoted_max)];
        let message = [&[kind, code, 0, 0][..], &word.to_be_bytes(), quoted].concat();
        if let Some(own) = self.own_towards(source) {
            self.say(now, own, source, &message);
        }
    }

    /// Sends an ICMP message of the router's own.
    fn say(&mut self, now: Time, from: IpAddr, to: IpAddr, message: &[u8]) {
        let Some((port, next_hop)) = self.route(to) else { return };
        let protocol = if from.is_ipv6() { ICMPV6 } else { ICMP };
        let packet = packet::packet(from, to, protocol, TTL, message);
        self.emit(now, port, next_hop, packet);
    }

    /// The own address that is nearest to `addr`.
    fn own_towards(&self, addr: IpAddr) -> Option<IpAddr> {
        let (port, _) = self.route(addr)?;
        let ports = self.ports[port..=port].iter().chain(&self.ports);
        ports.flat_map(|port| &port.cidrs).map(|cidr| cidr.addr()).find(|own| own.is_ipv4() == addr.is_ipv4())
    }
}

/// Whether `packet` reports an error itself: of those nobody tells.
fn is_icmp_error(packet: &[u8], header: &Header) -> bool {
    let kind = packet[header.payload()].first().copied();
    match header.protocol {
        ICMP => !matches!(kind, Some(0 | 8 | 13..=18)),
        ICMPV6 => kind.is_none_or(|kind| kind < 128),
        _ => false,
    }
}

const TTL: u8 = 64;
