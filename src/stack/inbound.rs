//! Which sockets get a received datagram?

use core::net::SocketAddr;

use super::Stack;
use super::classify::Flow;
use super::classify::ip::Packet;
use super::counters::Counters;
use super::icmp::Refusal;
use crate::count::Count;
use crate::demux::{Route, UDP};
use crate::device::TxToken;
use crate::invariant::impossible;
use crate::socket::Domain;
use crate::socket::slots::{Body, Slot};
use crate::socket::udp::Envelope;
use crate::stack::classify::checksum;
use crate::stack::emit::UDP_HEADER_LEN;

impl Stack<'_> {
    /// A UDP datagram in `packet`, whose bytes are `bytes`.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn on_datagram(&mut self, flow: &Flow, packet: &Packet<'_>, bytes: &[u8], reply: impl TxToken) {
        let Some(data) = self.open_datagram(packet) else {
            self.counters.dropped_malformed.count_one();
            return;
        };
        let Flow { local, remote, .. } = *flow;
        if self.is_group(local.ip()) {
            return self.on_datagram_to_many(flow, packet, data);
        }
        let route = self.demux.route(UDP, local, remote, &self.slots, &self.time_wait);
        match route {
            // RFC 6335 §6: port 0 is reserved.
            Route::Socket(index) if local.port() != 0 && remote.port() != 0 => {
                self.counters.sockets_visited_in.count_one();
                let envelope = Envelope {
                    remote,
                    local: local.ip(),
                    ttl: Some(packet.hop_limit),
                    tos: packet.tos,
                    is_whole: false,
                };
                queue(self.slots.get_mut(index), &mut self.counters, envelope, data);
            }
            _ => self.refuse_packet(Refusal::Port, flow, bytes, reply),
        }
    }

    /// The payload of a UDP datagram, if lengths and checksum are right (RFC 768).
    #[expect(clippy::arithmetic_side_effects, reason = "`sum` leaves room for a few sums")]
    fn open_datagram<'f>(&self, packet: &Packet<'f>) -> Option<&'f [u8]> {
        let (header, _) = packet.payload.split_first_chunk::<UDP_HEADER_LEN>()?;
        let [_, _, _, _, len_high, len_low, sum_high, sum_low] = *header;
        let len = u16::from_be_bytes([len_high, len_low]);
        let datagram = packet.payload.get(..usize::from(len))?;
        let data = datagram.get(UDP_HEADER_LEN..)?;
        // RFC 8200 §8.1: only IPv4 may leave the checksum out.
        let is_left_out = [sum_high, sum_low] == [0, 0] && packet.source.is_ipv4();
        if is_left_out || !self.checksums.udp.rx() {
            return Some(data);
        }
        let pseudo = checksum::pseudo(packet.source, packet.destination, UDP, u32::from(len));
        checksum::is_good(pseudo + checksum::sum(datagram)).then_some(data)
    }

    /// Puts a datagram into a socket's queue, or counts it.
    pub(super) fn queue_datagram(&mut self, index: u32, envelope: Envelope, data: &[u8]) {
        queue(self.slots.get_mut(index), &mut self.counters, envelope, data);
    }

    /// A datagram to a group or to everybody: each receiver has its own copy (RFC 1122 §4.1.3.3, Linux
    /// `__udp4_lib_mcast_deliver`), and nobody is told if there is none (RFC 1122 §3.2.2).
    fn on_datagram_to_many(&mut self, flow: &Flow, packet: &Packet<'_>, data: &[u8]) {
        let Flow { local, remote, .. } = *flow;
        let envelope =
            Envelope { remote, local: local.ip(), ttl: Some(packet.hop_limit), tos: packet.tos, is_whole: false };
        let (memberships, counters) = (&self.memberships, &mut self.counters);
        let mut is_wanted = false;
        // RFC 6335 §6: port 0 is reserved.
        if local.port() != 0 && remote.port() != 0 {
            self.demux.each_receiver(UDP, local, remote, &mut self.slots, |slots, index| {
                let slot = slots.get_mut(index);
                // Linux: groups that others here have joined are for it too, unless it wants its own only; but
                // IPv4 groups are for an IPv6 socket only if it has joined them.
                let is_for_it = !local.ip().is_multicast()
                    || (slot.options.multicast_all && is_same_family(slot, local))
                    || memberships.has_joined(index, local.ip());
                if is_for_it {
                    is_wanted = true;
                    counters.sockets_visited_in.count_one();
                    queue(slot, counters, envelope, data);
                }
            });
        }
        self.counters.refused.count_if(!is_wanted);
    }
}

/// Whether a socket's own family is that of `local`, not one that it takes too.
fn is_same_family(slot: &Slot<'_>, local: SocketAddr) -> bool {
    local.is_ipv4() == (slot.domain == Domain::Inet)
}

/// Puts a datagram into a socket's queue, or counts it.
fn queue(slot: &mut Slot<'_>, counters: &mut Counters, envelope: Envelope, data: &[u8]) {
    let Body::Udp(datagrams) = &mut slot.body else { return impossible("UDP routes name UDP sockets") };
    if datagrams.recv.push(envelope, data) {
        slot.wake_read();
    } else {
        datagrams.overflows.count_one();
        counters.dropped_datagram_overflow.count_one();
    }
}
