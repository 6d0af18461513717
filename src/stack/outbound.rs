//! How does a queued datagram leave?

use core::net::{IpAddr, SocketAddr};

use super::Stack;
use super::egress::{SHARE_FRAMES, Turn};
use super::emit::{Header, UDP_HEADER_LEN, group_mac, udp_header};
use super::local::Local;
use crate::addr::MacAddr;
use crate::demux::UDP;
use crate::device::{ChecksumCapabilities, Device, Medium, Outlet, Path};
use crate::socket::slots::Body;

/// The way to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// To this host itself.
    Local,
    /// Out of the device, to this link-layer address where frames need one.
    Device(Option<MacAddr>),
    /// To a neighbour whose link-layer address is not known.
    Unresolved(IpAddr),
    /// There is none.
    Nowhere,
}

/// What became of a datagram.
enum Sending {
    /// It is out, or can never be.
    Done,
    /// No room now.
    Blocked,
}

impl Stack<'_> {
    /// How packets to `remote` leave now.
    pub(super) fn way_to(&self, remote: IpAddr) -> Way {
        if self.is_local(remote) {
            return Way::Local;
        }
        if self.medium != Medium::Ethernet {
            return Way::Device(None);
        }
        if self.is_group(remote) {
            return Way::Device(Some(group_mac(remote)));
        }
        let Some(next_hop) = self.next_hop(remote) else { return Way::Nowhere };
        match self.neighbors.mac(next_hop, self.now) {
            Some(mac) => Way::Device(Some(mac)),
            None => Way::Unresolved(next_hop),
        }
    }

    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn turn_udp(&mut self, index: u32, outlet: &mut Outlet<'_, impl Device + ?Sized>) -> Turn {
        for _ in 0..SHARE_FRAMES {
            let Body::Udp(datagrams) = &mut self.slots.get_mut(index).body else { return Turn::Gone };
            let Some((envelope, _)) = datagrams.send.peek() else {
                // Closed with datagrams queued, and now they are out.
                if !self.slots.get(index).owned {
                    self.free(index);
                    return Turn::Gone;
                }
                return Turn::Rest(None);
            };
            let sending = match self.way_to(envelope.remote.ip()) {
                Way::Local => {
                    let mut local = core::mem::replace(&mut self.local, Local::nowhere());
                    let mut outlet = Outlet::new(&mut local);
                    let sending = self.send_datagram(index, true, &mut outlet);
                    self.local = local;
                    match sending {
                        Sending::Done => Sending::Done,
                        // The next step takes packets out.
                        Sending::Blocked => return Turn::More,
                    }
                }
                Way::Device(mac) => {
                    outlet.path = Path { link: self.config.mac.zip(mac), ..self.path() };
                    self.send_datagram(index, false, outlet)
                }
                Way::Unresolved(next_hop) => {
                    self.neighbors.want(next_hop, self.now);
                    return Turn::Unresolved(None);
                }
                Way::Nowhere => Sending::Done,
            };
            if let Sending::Blocked = sending {
                return Turn::Blocked;
            }
            if let Body::Udp(datagrams) = &mut self.slots.get_mut(index).body {
                datagrams.send.pop();
            }
            self.slots.get_mut(index).wake_write();
        }
        Turn::More
    }

    /// Sends the datagram at the head of a queue, where it stays.
    fn send_datagram(&mut self, index: u32, is_local: bool, outlet: &mut Outlet<'_, impl Device + ?Sized>) -> Sending {
        let slot = self.slots.get(index);
        let port = slot.local.map_or(0, |addr| addr.port());
        let options = slot.options;
        let checksums = if is_local { ChecksumCapabilities::default() } else { self.checksums.clone() };
        let Body::Udp(datagrams) = &mut self.slots.get_mut(index).body else { return Sending::Done };
        let Some((envelope, data)) = datagrams.send.peek() else { return Sending::Done };
        let (local, remote) = (SocketAddr::new(envelope.local, port), envelope.remote);
        let head = udp_header(local, remote, data, checksums.udp.tx());
        let ttl = match remote.ip() {
            ip if ip.is_multicast() => options.multicast_ttl,
            IpAddr::V4(_) => options.ttl,
            IpAddr::V6(_) => options.unicast_hops,
        };
        let header =
            Header { source: local.ip(), destination: remote.ip(), protocol: UDP, ttl, tos: options.tos };
        outlet.path.tos = 0;
        outlet.refused = false;
        let Some(token) = outlet.transmit(self.now.to_smoltcp()) else { return Sending::Blocked };
        let header_len = header.len();
        let payload_len = UDP_HEADER_LEN + data.len();
        smoltcp::phy::TxToken::consume(token, header_len + payload_len, |packet| {
            header.write(packet, payload_len, &checksums);
            packet[header_len..header_len + UDP_HEADER_LEN].copy_from_slice(&head);
            packet[header_len + UDP_HEADER_LEN..].copy_from_slice(data);
        });
        self.counters.sockets_visited_out += 1;
        Sending::Done
    }
}
