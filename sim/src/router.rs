//! Where does a router send this packet, and what does it say to the sender if it cannot?

mod answers;
mod fragments;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use smolsock::addr::Cidr;

use crate::frame::Mac;
use crate::middlebox::Middlebox;
use crate::nat::Table;
use crate::neighbours::Neighbours;
use crate::packet::{self, Header};
use crate::time::Time;
use answers::Trouble;

/// Forwards IPv4 and IPv6 between its ports, one network (or one of each family) a port.
///
/// It has no queue and takes no time: a cable's rate and queue do that. ICMP errors are not limited in rate.
#[derive(Debug)]
pub(crate) struct Router {
    ports: Vec<Port>,
    routes: Vec<Route>,
    /// What it does to segments that pass.
    rewrite: Middlebox,
    /// Between port 0, inside, and port 1, outside.
    nat: Option<Table>,
    counters: Counters,
    out: Vec<Out>,
    wake_at: Option<Time>,
}

/// Its end of a cable.
#[derive(Debug)]
struct Port {
    cidrs: Vec<Cidr>,
    neighbours: Neighbours,
}

/// Packets to `prefix` go to the router `via`.
#[derive(Debug, Clone, Copy)]
struct Route {
    prefix: Cidr,
    via: IpAddr,
}

/// A frame that leaves, and the port that it leaves by.
#[derive(Debug)]
pub(crate) struct Out {
    pub(crate) port: usize,
    pub(crate) bytes: Vec<u8>,
}

/// How many packets a router has treated in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Sent on; a packet that was cut counts once.
    pub forwarded: u64,
    /// Cut into fragments, for the next cable carries no packet of their length.
    pub cut: u64,
    /// For an address of the router itself.
    pub for_router: u64,
    /// No IP packet, or with a damaged header.
    pub malformed: u64,
    /// From or to an address that is not forwarded: link-local, loopback, multicast, broadcast, unspecified.
    pub not_forwarded: u64,
    /// Their TTL or hop limit was used up.
    pub expired: u64,
    /// No route leads to their destination.
    pub no_route: u64,
    /// The last or next hop did not answer to ARP or neighbour solicitation.
    pub no_neighbour: u64,
    /// Longer than the next cable carries, and not to be cut.
    pub too_big: u64,
    /// NAT: from outside, and nobody inside has asked for them.
    pub unknown_inbound: u64,
    /// NAT: from inside, and not to be translated: fragments, other protocols, damaged ones; or all ports are taken.
    pub untranslatable: u64,
}

impl Router {
    /// A router whose port `i` has the addresses `ports[i]`. `macs`: one for each port, none where frames are IP packets.
    pub(crate) fn new(ports: Vec<Vec<Cidr>>, macs: &[Mac], rewrite: Middlebox) -> Self {
        let port = |(i, cidrs): (usize, Vec<Cidr>)| {
            let addrs = cidrs.iter().map(Cidr::addr).collect();
            Port { cidrs, neighbours: Neighbours::new(macs.get(i).copied(), addrs) }
        };
        let ports = ports.into_iter().enumerate().map(port).collect();
        let nat = rewrite.nat.clone().map(Table::new);
        Self { ports, routes: Vec::new(), rewrite, nat, counters: Counters::default(), out: Vec::new(), wake_at: None }
    }

    /// How many ports it has.
    pub(crate) fn ports(&self) -> usize {
        self.ports.len()
    }

    /// What it did so far.
    pub(crate) fn counters(&self) -> Counters {
        self.counters
    }

    /// Sends packets to `prefix` to the router `via`, unless a longer prefix leads elsewhere. `None`: `via` is no neighbour.
    pub(crate) fn add_route(&mut self, prefix: Cidr, via: IpAddr) -> Option<()> {
        self.network_of(via)?;
        self.routes.push(Route { prefix, via });
        Some(())
    }

    /// Takes a frame that came in by `port`. `mtus`: the longest IP packet for each port. What is to be sent is given by
    /// [`Router::take`] then.
    pub(crate) fn on_frame(&mut self, now: Time, port: usize, bytes: &[u8], mtus: &[usize]) {
        let mut frames = Vec::new();
        let packet = self.ports[port].neighbours.on_frame(now, bytes, &mut frames);
        self.out.extend(frames.into_iter().map(|bytes| Out { port, bytes }));
        if let Some(packet) = packet {
            self.on_packet(now, port, packet, mtus);
        }
    }

    /// Does what is due at this time.
    pub(crate) fn on_time(&mut self, now: Time) {
        for port in 0..self.ports.len() {
            let mut frames = Vec::new();
            let given_up = self.ports[port].neighbours.on_time(now, &mut frames);
            self.out.extend(frames.into_iter().map(|bytes| Out { port, bytes }));
            for packet in given_up {
                self.counters.no_neighbour += 1;
                if let Some(header) = Header::of(&packet) {
                    self.report(now, &packet, &header, Trouble::NoNeighbour);
                }
            }
        }
    }

    /// The next frame to send.
    pub(crate) fn take(&mut self) -> Option<Out> {
        (!self.out.is_empty()).then(|| self.out.remove(0))
    }

    /// When it wants [`Router::on_time`], if that is earlier than what was said before.
    pub(crate) fn take_wake(&mut self, now: Time) -> Option<Time> {
        if self.wake_at.is_some_and(|at| at <= now) {
            self.wake_at = None;
        }
        let at = self.ports.iter().filter_map(|port| port.neighbours.next_at()).min()?;
        if self.wake_at.is_some_and(|known| known <= at) {
            return None;
        }
        self.wake_at = Some(at);
        self.wake_at
    }

    fn on_packet(&mut self, now: Time, port_in: usize, mut packet: Vec<u8>, mtus: &[usize]) {
        let Some(header) = Header::of(&packet) else {
            self.counters.malformed += 1;
            return;
        };
        packet.truncate(header.total_bytes);
        if let Some(nat) = self.nat.as_mut().filter(|_| port_in == OUTSIDE) {
            // RFC 5382 REQ-10 and RFC 4787: nothing is answered for the inside.
            let is_for_nat = self.ports[OUTSIDE].cidrs.iter().any(|cidr| cidr.addr() == header.destination);
            let translated = nat.inbound(now, &packet, &header).filter(|_| is_for_nat);
            let Some(translated) = translated else {
                self.counters.unknown_inbound += 1;
                return;
            };
            return self.forward(now, port_in, &packet, translated, mtus);
        }
        if self.is_own(header.destination) {
            self.counters.for_router += 1;
            return self.answer(now, &packet, &header);
        }
        self.forward(now, port_in, &packet.clone(), packet, mtus);
    }

    /// Sends a packet on that is for somebody else. `original`: as it came, before NAT.
    fn forward(&mut self, now: Time, port_in: usize, original: &[u8], mut packet: Vec<u8>, mtus: &[usize]) {
        let (Some(before), Some(header)) = (Header::of(original), Header::of(&packet)) else { return };
        if !self.is_forwardable(&header) {
            self.counters.not_forwarded += 1;
            return;
        }
        // RFC 1812 §5.3.1, RFC 8200 §3.
        if header.ttl <= 1 {
            self.counters.expired += 1;
            return self.report(now, original, &before, Trouble::Expired);
        }
        let Some((port, next_hop)) = self.route(header.destination) else {
            self.counters.no_route += 1;
            return self.report(now, original, &before, Trouble::NoRoute);
        };
        let mtu = mtus.get(port).copied().unwrap_or(usize::MAX);
        if packet.len() > mtu && header.is_uncuttable {
            self.counters.too_big += 1;
            return self.report(now, original, &before, Trouble::TooBig(mtu));
        }
        if let Some(nat) = self.nat.as_mut().filter(|_| port_in == INSIDE && port == OUTSIDE) {
            let Some(translated) = nat.outbound(now, &packet, &header) else {
                self.counters.untranslatable += 1;
                return;
            };
            packet = translated;
        }
        if let Some(rewritten) = self.rewrite.rewrite_packet(&packet) {
            packet = rewritten;
        }
        lower_ttl(&mut packet);
        self.counters.forwarded += 1;
        if packet.len() > mtu {
            self.counters.cut += 1;
            for fragment in fragments::cut(&packet, mtu) {
                self.emit(now, port, next_hop, fragment);
            }
            return;
        }
        self.emit(now, port, next_hop, packet);
    }

    fn emit(&mut self, now: Time, port: usize, next_hop: IpAddr, packet: Vec<u8>) {
        let mut frames = Vec::new();
        self.ports[port].neighbours.send(now, next_hop, packet, &mut frames);
        self.out.extend(frames.into_iter().map(|bytes| Out { port, bytes }));
    }

    /// By which port, and to which neighbour there: the longest prefix decides; of equal ones the own network.
    fn route(&self, destination: IpAddr) -> Option<(usize, IpAddr)> {
        let mut best = self.network_of(destination).map(|(port, len)| (len, port, destination));
        for route in self.routes.iter().filter(|route| route.prefix.contains(destination)) {
            let len = route.prefix.prefix_len();
            if best.is_none_or(|(known, ..)| len > known)
                && let Some((port, _)) = self.network_of(route.via)
            {
                best = Some((len, port, route.via));
            }
        }
        best.map(|(_, port, next_hop)| (port, next_hop))
    }

    /// The port in whose network `addr` is, and the length of that network's prefix.
    fn network_of(&self, addr: IpAddr) -> Option<(usize, u8)> {
        let mut best: Option<(usize, u8)> = None;
        for (i, port) in self.ports.iter().enumerate() {
            let longest = port.cidrs.iter().filter(|cidr| cidr.contains(addr)).map(Cidr::prefix_len).max();
            if let Some(len) = longest
                && best.is_none_or(|(_, known)| len > known)
            {
                best = Some((i, len));
            }
        }
        best
    }

    fn is_own(&self, addr: IpAddr) -> bool {
        self.ports.iter().flat_map(|port| &port.cidrs).any(|cidr| cidr.addr() == addr)
    }

    /// RFC 1812 §4.2.2.11 and §5.3.7, RFC 4291 §2.5.6, RFC 2644 (broadcasts to a network).
    fn is_forwardable(&self, header: &Header) -> bool {
        let is_broadcast =
            |addr| self.ports.iter().flat_map(|port| &port.cidrs).any(|cidr| cidr.broadcast() == Some(addr));
        [header.source, header.destination].into_iter().all(|addr| !is_local(addr) && !is_broadcast(addr))
    }
}

/// Whether an address has a meaning on one host or one cable only, or none at all.
fn is_local(addr: IpAddr) -> bool {
    let is_kept = match addr {
        IpAddr::V4(addr) => addr.is_link_local() || addr.is_broadcast(),
        IpAddr::V6(addr) => addr.segments()[0] & 0xffc0 == 0xfe80,
    };
    is_kept || addr.is_loopback() || addr.is_multicast() || addr.is_unspecified()
}

/// One hop less to go. Only the header's checksum is made good: what a cable did to the payload stays to be found.
fn lower_ttl(packet: &mut [u8]) {
    if packet[0] >> 4 == 4 {
        packet[8] -= 1;
        packet::mend_ipv4_header(packet);
    } else {
        packet[7] -= 1;
    }
}

/// The ports of a router with NAT.
const INSIDE: usize = 0;
const OUTSIDE: usize = 1;
