//! What do the calls on a UDP socket do?

use core::net::{IpAddr, SocketAddr};

use crate::demux::{Route, UDP};
use crate::errno::Errno;
use crate::socket::slots::Body;
use crate::socket::udp::{Datagram, Datagrams, Envelope};
use crate::socket::{Domain, Shutdown};
use crate::stack::Stack;

impl Stack<'_> {
    pub(super) fn connect_udp(&mut self, index: u32, remote: SocketAddr) -> Result<(), Errno> {
        if remote.port() == 0 || remote.ip().is_unspecified() {
            return Err(Errno::EADDRNOTAVAIL);
        }
        let source = self.source_towards(remote)?;
        self.bind_if_needed(index)?;
        let Some(bound) = self.slots.get(index).local else { return Err(Errno::EINVAL) };
        let ip = if bound.ip().is_unspecified() { source } else { bound.ip() };
        if ip.is_loopback() && !self.is_local(remote.ip()) {
            return Err(Errno::EINVAL);
        }
        let local = SocketAddr::new(ip, bound.port());
        if self.demux.find(UDP, &local, Some(&remote), &self.slots, &self.time_wait) != Route::Nobody
            && self.slots.get(index).remote != Some(remote)
        {
            return Err(Errno::EADDRINUSE);
        }
        self.demux.remove(&mut self.slots, index);
        let slot = self.slots.get_mut(index);
        (slot.local, slot.remote) = (Some(local), Some(remote));
        self.demux.add(&mut self.slots, index)
    }

    /// `to`: where, or `None` for the connected peer.
    pub(super) fn send_udp(&mut self, index: u32, data: &[u8], to: Option<SocketAddr>) -> Result<usize, Errno> {
        if let Some(error) = self.report(index) {
            return Err(error);
        }
        let slot = self.slots.get(index);
        let Body::Udp(Datagrams { shut_write, .. }) = slot.body else { return Err(Errno::EBADF) };
        if shut_write {
            return Err(Errno::EPIPE);
        }
        let remote = to.or(slot.remote).ok_or(Errno::EDESTADDRREQ)?;
        if remote.port() == 0 || remote.ip().is_unspecified() {
            return Err(Errno::EINVAL);
        }
        let domain = slot.domain;
        let source = self.source_towards(remote)?;
        if data.len() > self.payload_max(domain) {
            return Err(Errno::EMSGSIZE);
        }
        self.bind_if_needed(index)?;
        let bound = self.slots.get(index).local.map_or(source, |local| local.ip());
        let local = if bound.is_unspecified() || self.is_group(bound) { source } else { bound };
        // Linux: packets from a loopback address cannot leave the host.
        if local.is_loopback() && !self.is_local(remote.ip()) {
            return Err(Errno::EINVAL);
        }
        let slot = self.slots.get_mut(index);
        let Body::Udp(datagrams) = &mut slot.body else { return Err(Errno::EBADF) };
        if data.len() > datagrams.send.capacity() {
            return Err(Errno::EMSGSIZE);
        }
        if !datagrams.send.push(Envelope { remote, local }, data) {
            return Err(Errno::EAGAIN);
        }
        self.make_due(index);
        Ok(data.len())
    }

    /// `None`: the reading side is shut and nothing is left.
    pub(super) fn recv_udp(&mut self, index: u32, buffer: &mut [u8]) -> Result<Option<Datagram>, Errno> {
        if let Some(error) = self.report(index) {
            return Err(error);
        }
        let Body::Udp(datagrams) = &mut self.slots.get_mut(index).body else { return Err(Errno::EBADF) };
        let shut_read = datagrams.shut_read;
        match datagrams.recv.pop() {
            Some((envelope, data)) => {
                let len = data.len().min(buffer.len());
                buffer[..len].copy_from_slice(&data[..len]);
                let Envelope { remote, local } = envelope;
                Ok(Some(Datagram { len, full_len: data.len(), remote, local }))
            }
            None if shut_read => Ok(None),
            None => Err(Errno::EAGAIN),
        }
    }

    pub(super) fn shutdown_udp(&mut self, index: u32, how: Shutdown) -> Result<(), Errno> {
        let slot = self.slots.get_mut(index);
        if slot.remote.is_none() {
            return Err(Errno::ENOTCONN);
        }
        let Body::Udp(datagrams) = &mut slot.body else { return Err(Errno::EBADF) };
        datagrams.shut_read |= how.reads();
        datagrams.shut_write |= how.writes();
        slot.wake_all();
        Ok(())
    }

    /// What was queued still goes out (UDP has no connection that could hold it back).
    pub(super) fn close_udp(&mut self, index: u32) {
        let slot = self.slots.get_mut(index);
        let Body::Udp(datagrams) = &mut slot.body else { return };
        if datagrams.send.is_empty() {
            return self.free(index);
        }
        datagrams.recv.clear();
        slot.owned = false;
        self.demux.remove(&mut self.slots, index);
        self.make_due(index);
    }

    /// The largest UDP payload there is, bytes: what the length fields of IP and UDP can say.
    pub(in crate::stack) fn payload_max(&self, domain: Domain) -> usize {
        match domain {
            Domain::Inet => 65_535 - 20 - 8,
            Domain::Inet6 => 65_535 - 8,
        }
    }

    /// The own address that a datagram to `remote` carries.
    fn source_towards(&mut self, remote: SocketAddr) -> Result<IpAddr, Errno> {
        if self.is_broadcast(remote.ip()) {
            // SO_BROADCAST is not set (it cannot be, yet).
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
