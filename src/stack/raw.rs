//! What do raw sockets get, and what do ICMP and raw sockets put on the wire?

use core::net::{IpAddr, SocketAddr};

use smoltcp::wire::Ipv4Packet;

use super::Stack;
use super::classify::ip::{self, Packet};
use super::classify::{Class, Flow, ICMPV6, checksum};
use super::emit::{UDP_HEADER_LEN, udp_header};
use super::ingress::Origin;
use crate::errno::Errno;
use crate::socket::raw::Kind;
use crate::socket::slots::{Body, Slot};
use crate::socket::udp::Envelope;

impl Stack<'_> {
    /// Gives raw sockets their copies of a whole packet, if it is for this host. `bytes`: the packet.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn copy_to_raws(&mut self, class: &Class, bytes: &[u8], origin: Origin) {
        let Some(flow) = flow_of(class) else { return };
        let bytes = ip::trim(bytes);
        let Ok(packet) = ip::parse(bytes) else { return };
        let (own, peer) = (packet.destination, packet.source);
        let is_for_us = self.is_for_us(flow.link) && (self.is_local(own) || self.is_group(own));
        let is_intact = !self.checksums.ipv4.rx() || ip::has_good_header(bytes);
        if !is_for_us || !is_intact || !self.can_come_from(peer, own, origin) {
            return;
        }
        // Linux: the checksum of ICMPv6 is checked before a raw socket gets it (RFC 3542 §3.1).
        if packet.protocol == ICMPV6 && own.is_ipv6() && !packet.has_good_checksum() {
            return;
        }
        // raw(7): with the IP header; RFC 3542 §3: without.
        let data = if own.is_ipv4() { bytes } else { packet.payload };
        let (ttl, tos) = (Some(packet.hop_limit), packet.tos);
        let envelope = Envelope { remote: (peer, 0).into(), local: own, ttl, tos, is_whole: false };
        let mut next = self.raws.next(None, &self.slots);
        while let Some(index) = next {
            if takes(self.slots.get(index), packet.protocol, own, peer) {
                self.queue_datagram(index, envelope, data);
            }
            next = self.raws.next(Some(index), &self.slots);
        }
    }

    /// Whether a raw socket gets such packets: then they are not refused.
    pub(super) fn is_for_a_raw(&self, packet: &Packet<'_>) -> bool {
        let mut next = self.raws.next(None, &self.slots);
        while let Some(index) = next {
            if takes(self.slots.get(index), packet.protocol, packet.destination, packet.source) {
                return true;
            }
            next = self.raws.next(Some(index), &self.slots);
        }
        false
    }

    /// Tells connected raw sockets that a packet of this protocol did not arrive (Linux `raw_err`).
    pub(super) fn fail_raws(&mut self, protocol: u8, own: IpAddr, peer: IpAddr, cause: Errno) {
        let mut next = self.raws.next(None, &self.slots);
        while let Some(index) = next {
            next = self.raws.next(Some(index), &self.slots);
            let slot = self.slots.get_mut(index);
            if slot.remote.is_some() && takes(slot, protocol, own, peer) {
                slot.fail(cause);
            }
        }
    }
}

/// Whether a raw socket gets packets of `protocol` from `peer` to `own`.
fn takes(slot: &Slot<'_>, protocol: u8, own: IpAddr, peer: IpAddr) -> bool {
    let is_family = slot.wildcard().is_ipv4() == own.is_ipv4();
    let is_protocol = matches!(&slot.body, Body::Udp(datagrams) if datagrams.kind == Kind::Raw(protocol));
    let is_own = slot.local.is_none_or(|local| local.ip().is_unspecified() || local.ip() == own);
    is_family && is_protocol && is_own && slot.remote.is_none_or(|remote| remote.ip() == peer)
}

fn flow_of(class: &Class) -> Option<Flow> {
    match class {
        Class::Tcp(segment) => Some(segment.flow),
        Class::Udp(flow) | Class::Icmp(flow) | Class::Ip(flow) => Some(*flow),
        Class::IcmpError(error) => Some(error.carrier),
        Class::Ndp(ndp) => {
            let (local, remote) = ((ndp.target, 0).into(), (ndp.source, 0).into());
            Some(Flow { local, remote, link: Some(ndp.link) })
        }
        Class::Arp(_) | Class::Fragment(_) | Class::Problem(..) | Class::Other | Class::Malformed => None,
    }
}

/// What stands between the IP header and the data of a message to be sent.
pub(super) struct Head {
    bytes: [u8; UDP_HEADER_LEN],
    len: usize,
    /// How much of the data it stands for.
    taken: usize,
}

impl Head {
    /// `is_summed`: with a checksum of UDP, not left to the device.
    pub(super) fn new(kind: Kind, local: SocketAddr, remote: SocketAddr, data: &[u8], is_summed: bool) -> Self {
        match (kind, data) {
            (Kind::Udp, _) => Self { bytes: udp_header(local, remote, data, is_summed), len: UDP_HEADER_LEN, taken: 0 },
            (Kind::Icmp, &[kind, code, _, _, _, _, seq_high, seq_low, ..]) => {
                let [ident_high, ident_low] = local.port().to_be_bytes();
                let bytes = [kind, code, 0, 0, ident_high, ident_low, seq_high, seq_low];
                Self { bytes, len: 8, taken: 8 }.with_icmp_checksum(local.ip(), remote.ip(), data)
            }
            (Kind::Raw(ICMPV6), &[kind, code, _, _, ..]) if local.is_ipv6() => {
                Self { bytes: [kind, code, 0, 0, 0, 0, 0, 0], len: 4, taken: 4 }.with_icmp_checksum(
                    local.ip(),
                    remote.ip(),
                    data,
                )
            }
            (Kind::Icmp | Kind::Raw(_), _) => Self { bytes: [0; UDP_HEADER_LEN], len: 0, taken: 0 },
        }
    }

    #[expect(clippy::arithmetic_side_effects, reason = "`sum` leaves room for a few sums")]
    fn with_icmp_checksum(mut self, own: IpAddr, peer: IpAddr, data: &[u8]) -> Self {
        let pseudo = if own.is_ipv6() { checksum::pseudo(own, peer, ICMPV6, data.len() as u32) } else { 0 };
        let sum = checksum::finish(pseudo + checksum::sum(&self.bytes) + checksum::sum(self.rest(data)));
        [self.bytes[2], self.bytes[3]] = sum.to_be_bytes();
        self
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The data that follows.
    pub(super) fn rest<'d>(&self, data: &'d [u8]) -> &'d [u8] {
        data.get(self.taken..).unwrap_or_default()
    }
}

/// Fills in what the sender of a packet with its IP header may leave open (raw(7)): total length and checksum
/// always, source and identification if they are 0. IPv6 leaves nothing open.
pub(super) fn complete_header(packet: &mut [u8], source: IpAddr, ident: u16) {
    let IpAddr::V4(source) = source else { return };
    let len = packet.len() as u16;
    let mut header = Ipv4Packet::new_unchecked(packet);
    header.set_total_len(len);
    if header.src_addr().is_unspecified() {
        header.set_src_addr(source);
    }
    if header.ident() == 0 {
        header.set_ident(ident);
    }
    header.fill_checksum();
}
