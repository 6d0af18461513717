//! How is a frame written that no honest host would send?

use std::net::{IpAddr, SocketAddr};

use crate::frame::Mac;
use crate::observe::dissect::Flags;
use crate::packet::{self, ICMP, ICMPV6, TCP, UDP};

/// A TCP segment with good checksums, whoever it says it is from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forged<'p> {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) seq: u32,
    /// `None`: no ACK.
    pub(super) ack: Option<u32>,
    /// Beside ACK.
    pub(super) flags: Flags,
    pub(super) window: u16,
    pub(super) payload: &'p [u8],
}

impl Forged<'_> {
    /// TCP header and payload; the checksum is not written.
    pub(super) fn segment(&self) -> Vec<u8> {
        let ack_flag = if self.ack.is_some() { Flags::ACK.0 } else { 0 };
        let mut bytes = Vec::with_capacity(20 + self.payload.len());
        bytes.extend(self.from.port().to_be_bytes());
        bytes.extend(self.to.port().to_be_bytes());
        bytes.extend(self.seq.to_be_bytes());
        bytes.extend(self.ack.unwrap_or(0).to_be_bytes());
        bytes.extend([5 << 4, self.flags.0 | ack_flag]);
        bytes.extend(self.window.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend_from_slice(self.payload);
        bytes
    }

    /// The IP packet.
    pub(super) fn packet(&self) -> Vec<u8> {
        packet::packet(self.from.ip(), self.to.ip(), TCP, 64, &self.segment())
    }
}

/// A UDP datagram as an IP packet.
pub(super) fn datagram(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    packet::packet(from.ip(), to.ip(), UDP, 64, &udp(from.port(), to.port(), payload))
}

/// UDP header and payload, without a checksum.
pub(super) fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let len = (8 + payload.len()) as u16;
    let mut bytes = [from.to_be_bytes(), to.to_be_bytes(), len.to_be_bytes(), [0, 0]].concat();
    bytes.extend_from_slice(payload);
    bytes
}

/// An ICMP or ICMPv6 message as an IP packet: type, code, the four bytes behind the checksum, and what follows.
pub(super) fn icmp(from: IpAddr, to: IpAddr, kind: [u8; 2], head: [u8; 4], body: &[u8]) -> Vec<u8> {
    let protocol = if from.is_ipv4() { ICMP } else { ICMPV6 };
    let mut message = vec![kind[0], kind[1], 0, 0];
    message.extend(head);
    message.extend_from_slice(body);
    // RFC 4861 §7.1: neighbour discovery is believed with the hop limit of 255 alone; nobody else minds.
    packet::packet(from, to, protocol, 255, &message)
}

/// An IP packet in an Ethernet frame.
pub(super) fn frame(to: Mac, from: Mac, packet: &[u8]) -> Vec<u8> {
    let is_v6 = packet.first().is_some_and(|byte| byte >> 4 == 6);
    let kind: [u8; 2] = if is_v6 { [0x86, 0xdd] } else { [0x08, 0x00] };
    [&to[..], &from, &kind, packet].concat()
}
