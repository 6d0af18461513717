//! What do the calls on a UDP socket do?

use core::net::{IpAddr, SocketAddr};

use crate::demux::{Route, UDP};
use crate::errno::Errno;
use crate::socket::flags::MsgFlags;
use crate::socket::message::{Control, INTERFACE, PacketInfo, RecvMessage, SendMessage, scatter, total};
use crate::socket::options::Options;
use crate::socket::raw::Kind;
use crate::socket::slots::Body;
use crate::socket::udp::{Datagrams, Envelope};
use crate::socket::{Domain, Shutdown};
use crate::stack::Stack;
use crate::stack::inspect::Call;

impl Stack<'_> {
    /// `protocol`: UDP, or ICMP, which has no remote port.
    pub(super) fn connect_udp(&mut self, index: u32, protocol: u8, remote: SocketAddr) -> Result<(), Errno> {
        // Linux `inet_dgram_connect`: whatever comes of the call.
        self.bind_if_needed(index)?;
        if remote.port() == 0 && protocol == UDP {
            return Err(Errno::EADDRNOTAVAIL);
        }
        let source = self.source_towards(index, remote)?;
        let Some(bound) = self.slots.get(index).local else { return Err(Errno::EINVAL) };
        let ip = if bound.ip().is_unspecified() { source } else { bound.ip() };
        if ip.is_loopback() && !self.is_local(remote.ip()) {
            return Err(Errno::EINVAL);
        }
        let local = SocketAddr::new(ip, bound.port());
        if self.demux.find(protocol, &local, Some(&remote), &self.slots, &self.time_wait) != Route::Nobody
            && self.slots.get(index).remote != Some(remote)
        {
            return Err(Errno::EADDRINUSE);
        }
        self.demux.remove(&mut self.slots, index);
        let slot = self.slots.get_mut(index);
        (slot.local, slot.remote) = (Some(local), Some(remote));
        self.demux.add(&mut self.slots, index)
    }

    pub(super) fn disconnect_udp(&mut self, index: u32) -> Result<(), Errno> {
        if self.slots.get(index).remote.is_none() {
            return Ok(());
        }
        self.demux.remove(&mut self.slots, index);
        let slot = self.slots.get_mut(index);
        slot.remote = None;
        if slot.is_raw() {
            return Ok(());
        }
        let wildcard = slot.wildcard();
        slot.local = slot
            .local
            .filter(|_| slot.is_port_given)
            .map(|local| SocketAddr::new(if slot.is_ip_given { local.ip() } else { wildcard }, local.port()));
        if slot.local.is_some() { self.demux.add(&mut self.slots, index) } else { Ok(()) }
    }

    pub(super) fn send_udp(&mut self, index: u32, message: &SendMessage<'_>) -> Result<usize, Errno> {
        let sent = self.queue_datagram_of(index, message);
        self.hear_result(index, Call::Send, &sent);
        sent
    }

    fn queue_datagram_of(&mut self, index: u32, message: &SendMessage<'_>) -> Result<usize, Errno> {
        // Linux `inet_send_prepare`: whatever comes of the call.
        self.bind_if_needed(index)?;
        let to = message.to.map(|remote| self.slots.get(index).peer(remote)).transpose()?;
        let slot = self.slots.get(index);
        let Body::Udp(Datagrams { kind, shut_write, .. }) = slot.body else { return Err(Errno::EBADF) };
        let len = total(message.pieces);
        // Linux `udp_sendmsg` looks at the length first.
        if slot.domain == Domain::Inet && len > usize::from(u16::MAX) {
            return Err(Errno::EMSGSIZE);
        }
        let remote = to.or(slot.remote).ok_or(Errno::EDESTADDRREQ)?;
        if remote.port() == 0 && kind == Kind::Udp {
            return Err(Errno::EINVAL);
        }
        let domain = if remote.is_ipv4() { Domain::Inet } else { Domain::Inet6 };
        let tos = slot.options.services(remote.ip());
        let chosen = self.chosen_source(index, domain, &message.control)?;
        let source = self.source_towards(index, remote)?;
        let is_whole = self.check_message(index, remote, message)?;
        if !is_whole && len > kind.payload_max(domain) {
            return Err(Errno::EMSGSIZE);
        }
        let bound = self.slots.get(index).local.map_or(source, |local| local.ip());
        let usual = if bound.is_unspecified() || self.is_group(bound) { source } else { bound };
        let local = chosen.unwrap_or(usual);
        // Linux: packets from a loopback address cannot leave the host.
        if local.is_loopback() && !self.is_local(remote.ip()) {
            return Err(Errno::EINVAL);
        }
        // Linux `sock_alloc_send_pskb`: what is wrong with the call itself came first, and leaves the error pending.
        if let Some(error) = self.report(index) {
            return Err(error);
        }
        if shut_write {
            return Err(Errno::EPIPE);
        }
        let envelope =
            Envelope { remote, local, ttl: message.control.ttl, tos: message.control.tos.unwrap_or(tos), is_whole };
        let slot = self.slots.get_mut(index);
        let Body::Udp(datagrams) = &mut slot.body else { return Err(Errno::EBADF) };
        if len > datagrams.send.capacity() {
            return Err(Errno::EMSGSIZE);
        }
        if !datagrams.send.push_pieces(envelope, message.pieces) {
            return Err(Errno::EAGAIN);
        }
        self.hear_datagram_sent(index, &envelope, message.pieces);
        self.make_due(index);
        Ok(len)
    }

    /// The source address that a datagram's control data asks for.
    fn chosen_source(&self, index: u32, domain: Domain, control: &Control) -> Result<Option<IpAddr>, Errno> {
        // Linux `ip_cmsg_send`.
        if domain == Domain::Inet && control.ttl == Some(0) {
            return Err(Errno::EINVAL);
        }
        let Some(PacketInfo { local, interface }) = control.packet_info else { return Ok(None) };
        let local =
            self.slots.get(index).inner(SocketAddr::new(local, 0), Errno::EINVAL).map_err(|_| Errno::EINVAL)?.ip();
        if interface > INTERFACE {
            return Err(Errno::ENODEV);
        }
        if local.is_unspecified() {
            return Ok(None);
        }
        if local.is_ipv4() != (domain == Domain::Inet) {
            return Err(Errno::EINVAL);
        }
        match domain {
            _ if self.is_own(local) => Ok(Some(local)),
            // Linux finds no route from there (`ip_route_output_key_hash_rcu`), or refuses the address
            // (`ip6_datagram_send_ctl`).
            Domain::Inet => Err(Errno::ENETUNREACH),
            Domain::Inet6 => Err(Errno::EINVAL),
        }
    }

    /// `None`: the reading side is shut and nothing is left.
    pub(super) fn recv_udp(
        &mut self,
        index: u32,
        buffers: &mut [&mut [u8]],
        flags: MsgFlags,
    ) -> Result<Option<Received>, Errno> {
        let received = self.take_datagram(index, buffers, flags);
        self.hear_datagram_received(index, buffers, flags, &received);
        received
    }

    fn take_datagram(
        &mut self,
        index: u32,
        buffers: &mut [&mut [u8]],
        flags: MsgFlags,
    ) -> Result<Option<Received>, Errno> {
        if let Some(error) = self.report(index) {
            return Err(error);
        }
        let slot = self.slots.get_mut(index);
        let Body::Udp(datagrams) = &mut slot.body else { return Err(Errno::EBADF) };
        let shut_read = datagrams.shut_read;
        let next = if flags.contains(MsgFlags::PEEK) { datagrams.recv.peek() } else { datagrams.recv.pop() };
        match next {
            Some((envelope, data)) => {
                let (len, full_len) = (scatter(data, buffers), data.len());
                let (remote, local) = (slot.outer(envelope.remote), slot.outer_ip(envelope.local));
                Ok(Some(Received { len, full_len, envelope: Envelope { remote, local, ..envelope } }))
            }
            None if shut_read => Ok(None),
            None => Err(Errno::EAGAIN),
        }
    }

    pub(super) fn shutdown_udp(&mut self, index: u32, how: Shutdown) -> Result<(), Errno> {
        let slot = self.slots.get_mut(index);
        let Body::Udp(datagrams) = &mut slot.body else { return Err(Errno::EBADF) };
        datagrams.shut_read |= how.reads();
        datagrams.shut_write |= how.writes();
        slot.wake_all();
        // Linux `inet_shutdown`: it acts, so that whoever waits learns of it, and complains.
        if slot.remote.is_some() { Ok(()) } else { Err(Errno::ENOTCONN) }
    }

    /// What was queued still goes out (UDP has no connection that could hold it back).
    pub(super) fn close_udp(&mut self, index: u32) {
        self.leave_groups(index);
        let slot = self.slots.get_mut(index);
        let Body::Udp(datagrams) = &mut slot.body else { return };
        if datagrams.send.is_empty() {
            return self.free(index);
        }
        datagrams.recv.clear();
        slot.owned = false;
        self.raws.remove(&mut self.slots, index);
        self.demux.remove(&mut self.slots, index);
        self.make_due(index);
    }

    /// The own address that a datagram to `remote` carries.
    pub(super) fn source_towards(&mut self, index: u32, remote: SocketAddr) -> Result<IpAddr, Errno> {
        let slot = self.slots.get(index);
        // Linux: a socket that was allowed to connect may go on.
        if self.is_broadcast(remote.ip()) && !slot.options.broadcast && slot.remote != Some(remote) {
            return Err(Errno::EACCES);
        }
        self.next_hop(remote.ip()).ok_or(Errno::ENETUNREACH)?;
        self.source_for(remote.ip()).ok_or(Errno::ENETUNREACH)
    }

    fn bind_if_needed(&mut self, index: u32) -> Result<(), Errno> {
        let slot = self.slots.get(index);
        if slot.local.is_some() {
            return Ok(());
        }
        let any = SocketAddr::new(slot.wildcard(), 0);
        let local = self.choose_port(index, any).map_err(|_| Errno::EAGAIN)?;
        self.set_local(index, local)
    }
}

/// A datagram that was copied into the caller's buffers.
pub(in crate::stack) struct Received {
    /// Bytes copied.
    pub(in crate::stack) len: usize,
    /// Bytes the datagram carries.
    pub(in crate::stack) full_len: usize,
    pub(in crate::stack) envelope: Envelope,
}

impl Received {
    /// What `recvmsg` tells of it.
    pub(super) fn into_message(self, options: &Options) -> RecvMessage {
        let Self { len, full_len, envelope } = self;
        let local = envelope.local;
        RecvMessage {
            len,
            full_len,
            flags: if len < full_len { MsgFlags::TRUNC } else { MsgFlags::NONE },
            remote: Some(envelope.remote),
            control: Control {
                packet_info: options.packet_info.then_some(PacketInfo { local, interface: INTERFACE }),
                ttl: envelope.ttl.filter(|_| options.recv_ttl),
                tos: options.recv_tos.then_some(envelope.tos),
            },
        }
    }
}
