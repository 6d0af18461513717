//! What does the other end send, and what does it expect?

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use smoltcp::wire::EthernetAddress;

use super::net::{Driven, HOST_MAC, HOST_V4, HOST_V6, Net};
use super::packet::{Arp, Ends, Macs, Packet};
use super::segment::{Ports, ack, syn, syn_ack};

/// How long `expects` waits for a packet, and `expects_nothing` for none: longer than any delayed ACK,
/// shorter than any retransmission.
pub const PATIENCE: Duration = Duration::from_millis(500);

/// The other end of a conversation: one address and port, one script.
#[derive(Debug)]
pub struct Peer<H> {
    net: Net<H>,
    mac: EthernetAddress,
    addr: IpAddr,
    port: u16,
    /// The host's port; learned from its first packet if the peer does not begin.
    host_port: Option<u16>,
    /// The absolute number of the peer's SYN. Near the end, so that every test wraps.
    isn: u32,
}

impl<H: Driven> Peer<H> {
    pub(super) fn new(net: Net<H>) -> Self {
        let peer = Self {
            net,
            mac: EthernetAddress([2, 0, 0, 0, 0, 2]),
            addr: Ipv4Addr::new(192, 0, 2, 2).into(),
            port: 40_000,
            host_port: None,
            isn: u32::MAX - 2,
        };
        peer.net.set_neighbor(peer.addr, Some(peer.mac));
        peer
    }

    /// Lives at `addr`; the last byte of its link-layer address is that of `addr`.
    pub fn at(mut self, addr: impl Into<IpAddr>) -> Self {
        self.addr = addr.into();
        let last = match self.addr {
            IpAddr::V4(addr) => addr.octets()[3],
            IpAddr::V6(addr) => addr.octets()[15],
        };
        self.mac = EthernetAddress([2, 0, 0, 0, 0, last]);
        self.net.set_neighbor(self.addr, Some(self.mac));
        self
    }

    /// Speaks from `port`.
    pub fn port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// Speaks to the host's `port`.
    pub fn towards(self, port: u16) -> Self {
        Self { host_port: Some(port), ..self }
    }

    /// Does not answer neighbour questions.
    pub fn mute(self) -> Self {
        self.net.set_neighbor(self.addr, None);
        self
    }

    /// The same addresses and ports, and a new life: sequence numbers start `later` bytes after the last SYN.
    pub fn reborn(&mut self, later: u32) {
        self.isn = self.isn.wrapping_add(later);
        self.net.forget(self.ends());
    }

    /// Sends a packet; the host handles it before this returns.
    pub fn sends(&mut self, packet: impl Into<Packet>) {
        self.sends_changed(packet, |_| {});
    }

    /// Sends a packet whose frame is changed on its way: damaged, or completed by what [`Packet`] cannot say.
    pub fn sends_changed(&mut self, packet: impl Into<Packet>, change: impl FnOnce(&mut Vec<u8>)) {
        self.net.send(self.macs(HOST_MAC), self.ends(), self.isn, &packet.into(), change);
    }

    /// Sends a packet of which a bit flips on its way: the last byte's first, with the checksum as it was.
    pub fn sends_damaged(&mut self, packet: impl Into<Packet>) {
        self.sends_changed(packet, |frame| *frame.last_mut().expect("a packet has bytes") ^= 1);
    }

    /// Sends a packet to an address that is not (only) the host's.
    pub fn sends_to(&mut self, receiver: impl Into<IpAddr>, packet: impl Into<Packet>) {
        let receiver = receiver.into();
        let ends = Ends { receiver, ..self.ends() };
        self.net.send(self.macs(mac_of_group(receiver)), ends, self.isn, &packet.into(), |_| {});
    }

    /// Sends an ARP message about itself (IPv6: a neighbour advertisement).
    pub fn sends_arp(&mut self, arp: Arp) {
        self.net.introduce(self.mac, self.addr, arp);
    }

    /// The next packet of the host must be this one.
    pub fn expects(&mut self, packet: impl Into<Packet>) {
        self.expects_within(PATIENCE, packet);
    }

    /// The next packet of the host must be this one, and come before `time` has passed.
    pub fn expects_within(&mut self, time: Duration, packet: impl Into<Packet>) {
        let wanted = packet.into();
        match self.takes(time) {
            Some((_, seen)) if wanted.describes(&seen) => {}
            Some((_, seen)) => self.net.fail(&format!("expected {wanted}, but the host sent {seen}")),
            None => self.net.fail(&format!("expected {wanted}, but the host sent nothing")),
        }
    }

    /// The host must be silent for [`PATIENCE`].
    pub fn expects_nothing(&mut self) {
        self.expects_nothing_for(PATIENCE);
    }

    /// The host must be silent for this long.
    pub fn expects_nothing_for(&mut self, time: Duration) {
        if let Some((_, seen)) = self.takes(time) {
            self.net.fail(&format!("expected nothing, but the host sent {seen}"));
        }
    }

    /// The next packet of the host and the time of its sending, if it comes before `time` has passed.
    pub fn takes(&mut self, time: Duration) -> Option<(Duration, Packet)> {
        let end = self.net.now() + time;
        self.net.settle();
        loop {
            let (addr, port, host_port) = (self.addr, self.port, self.host_port);
            let mine = |ends: &Ends| {
                let ports = ends.ports;
                let is_my_port = ports.receiver == port && host_port.is_none_or(|own| own == ports.sender);
                ends.receiver == addr && (is_my_port || ports == Ports { sender: 0, receiver: 0 })
            };
            if let Some((at, ends, packet)) = self.net.take(mine) {
                if ends.ports.sender != 0 {
                    self.host_port = Some(ends.ports.sender);
                }
                return Some((at, packet));
            }
            if self.net.now() >= end {
                return None;
            }
            self.net.advance(end);
        }
    }

    /// Opens a connection to the host.
    pub fn connects(&mut self) {
        self.sends(syn(0).mss(1460));
        self.expects(syn_ack(0).ack(1));
        self.sends(ack(1, 1));
    }

    /// Lets the host open a connection.
    pub fn accepts(&mut self) {
        self.expects(syn(0));
        self.sends(syn_ack(0).ack(1).mss(1460));
        self.expects(ack(1, 1));
    }

    fn macs(&self, receiver: EthernetAddress) -> Macs {
        Macs { sender: self.mac, receiver }
    }

    fn ends(&self) -> Ends {
        let receiver = match self.addr {
            IpAddr::V4(_) => HOST_V4.into(),
            IpAddr::V6(_) => HOST_V6.into(),
        };
        let ports = Ports { sender: self.port, receiver: self.host_port.unwrap_or(0) };
        Ends { sender: self.addr, receiver, ports }
    }
}

/// RFC 1112 §6.4 and RFC 2464 §7: the link-layer address of a group; of anything else the host's.
fn mac_of_group(addr: IpAddr) -> EthernetAddress {
    match addr {
        IpAddr::V4(addr) if addr.is_multicast() => {
            let [_, b, c, d] = addr.octets();
            EthernetAddress([0x01, 0x00, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V4(addr) if addr.octets()[3] == 255 => EthernetAddress::BROADCAST,
        IpAddr::V6(addr) if addr.is_multicast() => {
            let bytes = addr.octets();
            EthernetAddress([0x33, 0x33, bytes[12], bytes[13], bytes[14], bytes[15]])
        }
        IpAddr::V4(_) | IpAddr::V6(_) => HOST_MAC,
    }
}
