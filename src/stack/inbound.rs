//! Which sockets get a received datagram?

use super::Stack;
use super::classify::Flow;
use super::classify::ip::Packet;
use super::icmp::Refusal;
use crate::demux::{Route, UDP};
use crate::device::TxToken;
use crate::socket::slots::Body;
use crate::socket::udp::Envelope;
use crate::stack::classify::checksum;
use crate::stack::emit::UDP_HEADER_LEN;

impl Stack<'_> {
    /// A UDP datagram in `packet`, whose bytes are `bytes`.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn on_datagram(&mut self, flow: &Flow, packet: &Packet<'_>, bytes: &[u8], reply: impl TxToken) {
        let Some(data) = self.open_datagram(packet) else {
            self.counters.dropped_malformed += 1;
            return;
        };
        let Flow { local, remote, .. } = *flow;
        let route = self.demux.route(UDP, local, remote, &self.slots, &self.time_wait);
        match route {
            // RFC 6335 §6: port 0 is reserved.
            Route::Socket(index) if local.port() != 0 && remote.port() != 0 => {
                self.counters.sockets_visited_in += 1;
                let envelope = Envelope { remote, local: local.ip(), ttl: Some(packet.hop_limit), tos: packet.tos };
                self.queue_datagram(index, envelope, data);
            }
            _ => self.refuse_packet(Refusal::Port, flow, bytes, reply),
        }
    }

    /// The payload of a UDP datagram, if lengths and checksum are right (RFC 768).
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
    fn queue_datagram(&mut self, index: u32, envelope: Envelope, data: &[u8]) {
        let slot = self.slots.get_mut(index);
        let Body::Udp(datagrams) = &mut slot.body else { unreachable!("UDP routes name UDP sockets") };
        if datagrams.recv.push(envelope, data) {
            slot.wake_read();
        } else {
            datagrams.overflows += 1;
            self.counters.dropped_datagram_overflow += 1;
        }
    }
}
