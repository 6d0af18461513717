//! How does a queued datagram leave?

use core::net::{IpAddr, SocketAddr};

use super::Stack;
use super::egress::{SHARE_FRAMES, Turn};
use super::emit::{Header, group_mac};
use super::fragment::{self, Cuts, Ipv4Header, Ipv6Header, Piece};
use super::local::Local;
use super::raw::{Head, complete_header};
use crate::addr::MacAddr;
use crate::bytes;
use crate::count::Count;
use crate::device::{ChecksumCapabilities, Device, Medium, Outlet, Path, TxToken};
use crate::invariant::impossible;
use crate::socket::slots::Body;
use crate::socket::udp::Cut;

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
pub(super) enum Sending {
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
            let remote = envelope.remote.ip();
            if self.is_looped_back(index, remote) {
                let Sending::Done = self.send_to_this_host(index) else { return Turn::More };
                if let Body::Udp(datagrams) = &mut self.slots.get_mut(index).body {
                    (datagrams.is_looped, datagrams.cut) = (true, None);
                }
            }
            let sending = match self.way_to(remote) {
                Way::Local => match self.send_to_this_host(index) {
                    Sending::Done => Sending::Done,
                    // The next step takes packets out.
                    Sending::Blocked => return Turn::More,
                },
                Way::Device(_) if self.stays_in_this_host(index, remote) => Sending::Done,
                Way::Device(mac) => {
                    outlet.log.path = Path { link: self.config.mac.zip(mac), ..self.path() };
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
                (datagrams.is_looped, datagrams.cut) = (false, None);
            }
            self.slots.get_mut(index).wake_write();
        }
        Turn::More
    }

    /// Hands the datagram at the head of a queue, where it stays, to this host itself.
    fn send_to_this_host(&mut self, index: u32) -> Sending {
        let mut local = core::mem::replace(&mut self.local, Local::nowhere());
        let sending = self.send_datagram(index, true, &mut Outlet::new(&mut local));
        self.local = local;
        sending
    }

    /// Sends the datagram at the head of a queue, where it stays.
    #[expect(clippy::arithmetic_side_effects, reason = "a datagram is shorter than 2^16 bytes, and headers are short")]
    fn send_datagram(&mut self, index: u32, is_local: bool, outlet: &mut Outlet<'_, impl Device + ?Sized>) -> Sending {
        let slot = self.slots.get(index);
        let port = slot.local.map_or(0, |addr| addr.port());
        let domain = slot.domain;
        let checksums = if is_local { ChecksumCapabilities::default() } else { self.checksums.clone() };
        let Body::Udp(datagrams) = &mut self.slots.get_mut(index).body else { return Sending::Done };
        let Some((envelope, _)) = datagrams.send.peek() else { return Sending::Done };
        let mtu = if is_local { self.local_mtu } else { self.mtu_towards(envelope.remote.ip()) };
        let usual_ttl = self.slots.get(index).options.hop_limit(envelope.remote.ip());
        let Body::Udp(datagrams) = &mut self.slots.get_mut(index).body else { return Sending::Done };
        let Some((envelope, data)) = datagrams.send.peek() else { return Sending::Done };
        let (local, remote) = (SocketAddr::new(envelope.local, port), envelope.remote);
        let ttl = envelope.ttl.unwrap_or(usual_ttl);
        let protocol = datagrams.kind.protocol(domain);
        let header = Header { source: local.ip(), destination: remote.ip(), protocol, ttl, tos: envelope.tos };
        outlet.log.path.tos = 0;
        self.counters.sockets_visited_out.count_one();
        let now = self.now.to_smoltcp();
        if envelope.is_whole {
            // The way may have become narrower; nobody cuts what is not ours.
            if data.len() <= mtu {
                let Some(token) = outlet.transmit(now) else { return Sending::Blocked };
                self.ident = self.ident.wrapping_add(1);
                token.consume(data.len(), |packet| {
                    bytes::copy(data, packet);
                    complete_header(packet, local.ip(), self.ident as u16);
                });
            }
            return Sending::Done;
        }
        // What has begun in pieces goes on so, although the way may have become wider.
        let is_cut = datagrams.cut.is_some() || header.len() + datagrams.kind.header_len() + data.len() > mtu;
        // No device finishes a checksum over several packets.
        let head = Head::new(datagrams.kind, local, remote, data, is_cut || checksums.udp.tx());
        let (head, data) = (head.bytes(), head.rest(data));
        let (header_len, payload_len) = (header.len(), head.len() + data.len());
        if !is_cut {
            let Some(token) = outlet.transmit(now) else { return Sending::Blocked };
            token.consume(header_len + payload_len, |packet| {
                header.write(packet, payload_len, &checksums);
                let room = packet.get_mut(header_len..).unwrap_or_default();
                let head_len = bytes::copy(head, room);
                bytes::copy(data, room.get_mut(head_len..).unwrap_or_default());
            });
            return Sending::Done;
        }
        let cut = datagrams.cut.get_or_insert_with(|| {
            self.ident = self.ident.wrapping_add(1);
            self.counters.fragmented.count_one();
            Cut { ident: self.ident, sent: 0, mtu }
        });
        header.send_pieces(outlet, now, cut, [head, data])
    }
}

impl Header {
    /// Sends a payload, given in two parts, as fragments: those that `cut` does not count as sent.
    #[expect(clippy::arithmetic_side_effects, reason = "datagrams and their pieces are shorter than 2^16 bytes")]
    pub(super) fn send_pieces(
        &self,
        outlet: &mut Outlet<'_, impl Device + ?Sized>,
        now: smoltcp::time::Instant,
        cut: &mut Cut,
        [head, data]: [&[u8]; 2],
    ) -> Sending {
        let payload_len = head.len() + data.len();
        let header_len = if self.source.is_ipv4() { fragment::IPV4_HEADER_LEN } else { fragment::IPV6_HEADER_LEN };
        // An MTU that leaves no room for a piece has no way out: such datagrams are lost.
        let Some(cuts) = Cuts::new(header_len, payload_len, cut.mtu) else { return Sending::Done };
        while let Some(piece) = cuts.get(cut.sent) {
            let Some(token) = outlet.transmit(now) else { return Sending::Blocked };
            token.consume(header_len + piece.len, |packet| {
                self.write_piece(cut.ident, piece, packet);
                let (mut room, mut offset) = (packet.get_mut(header_len..).unwrap_or_default(), piece.offset);
                for part in [head, data] {
                    let copied = bytes::copy(part.get(offset..).unwrap_or_default(), room);
                    room = room.get_mut(copied..).unwrap_or_default();
                    offset = offset.saturating_sub(part.len());
                }
            });
            cut.sent += 1;
        }
        Sending::Done
    }

    fn write_piece(&self, ident: u32, piece: Piece, packet: &mut [u8]) {
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => Ipv4Header {
                source,
                destination,
                protocol: self.protocol,
                ttl: self.ttl,
                tos: self.tos,
                id: ident as u16,
                dont_fragment: false,
            }
            .write(piece, packet),
            (IpAddr::V6(source), IpAddr::V6(destination)) => Ipv6Header {
                source,
                destination,
                next_header: self.protocol,
                hop_limit: self.ttl,
                traffic_class: self.tos,
                id: ident,
            }
            .write(piece, packet),
            _ => impossible("both addresses are of one family"),
        }
    }
}
