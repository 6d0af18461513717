//! What is `std::net::UdpSocket` on a stack of our own?

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::io;
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::vec::Vec;

use super::Net;
use super::socket::{Socket, each_addr};
use crate::errno::Errno;
use crate::readiness::Interest;
use crate::socket::flags::MsgFlags;
use crate::socket::options::sockopt::{
    IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP, IP_MULTICAST_LOOP, IP_MULTICAST_TTL, IP_TTL, IPV6_JOIN_GROUP,
    IPV6_LEAVE_GROUP, IPV6_MULTICAST_LOOP, Membership, Opt, SO_BROADCAST, SO_RCVTIMEO, SO_SNDTIMEO,
};
use crate::socket::{SocketId, Type};
use crate::time::Duration;

/// A UDP socket, as `std::net::UdpSocket`. Dropped, it is closed: what is queued still goes out.
pub struct UdpSocket {
    socket: Arc<Socket>,
}

impl UdpSocket {
    /// Binds on the [installed](Net::install) net to the first of `addrs` that can be bound; port 0 chooses one.
    ///
    /// # Errors
    /// Those of [`Stack::bind`](crate::Stack::bind); `NetworkDown`: no net is installed.
    pub fn bind<A: ToSocketAddrs>(addrs: A) -> io::Result<Self> {
        Self::bind_on(&Net::current()?, addrs)
    }

    /// The same on this net.
    ///
    /// # Errors
    /// Those of [`bind`](Self::bind).
    pub fn bind_on<A: ToSocketAddrs>(net: &Net, addrs: A) -> io::Result<Self> {
        each_addr(addrs, |addr| {
            let socket = Socket::open(net, addr, Type::Datagram)?;
            socket.call(|stack, id| stack.bind(id, addr))?;
            Ok(Self { socket: Arc::new(socket) })
        })
    }

    /// Takes over a UDP socket: options can be set on a bare id before. The last handle closes the id.
    pub fn from_id(net: &Net, id: SocketId) -> Self {
        Self { socket: Arc::new(Socket { net: net.clone(), id }) }
    }

    /// Waits for a datagram, and gives its length and its sender. What `buffer` has no room for is lost.
    ///
    /// # Errors
    /// `WouldBlock`: the read time-out is over, or the socket is non-blocking; those of
    /// [`Stack::recv_from`](crate::Stack::recv_from).
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.recv_from_with(buffer, MsgFlags::NONE)
    }

    /// The same, but the datagram stays, and is received again.
    ///
    /// # Errors
    /// Those of [`recv_from`](Self::recv_from).
    pub fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.recv_from_with(buffer, MsgFlags::PEEK)
    }

    /// Waits for room, and sends one datagram to the first of `addrs`.
    ///
    /// # Errors
    /// `InvalidInput`: there is no address; `WouldBlock`: the write time-out is over, or the socket is non-blocking;
    /// those of [`Stack::send_to`](crate::Stack::send_to).
    pub fn send_to<A: ToSocketAddrs>(&self, data: &[u8], addrs: A) -> io::Result<usize> {
        let Some(addr) = addrs.to_socket_addrs()?.next() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no addresses to send data to"));
        };
        self.socket.wait(Interest::Write, |stack, id| stack.send_to(id, data, addr))
    }

    /// Fixes the peer that [`send`](Self::send) sends to, and from which alone datagrams are received.
    ///
    /// # Errors
    /// Those of [`Stack::connect`](crate::Stack::connect).
    pub fn connect<A: ToSocketAddrs>(&self, addrs: A) -> io::Result<()> {
        each_addr(addrs, |addr| self.socket.call(|stack, id| stack.connect(id, addr)))
    }

    /// Waits for room, and sends one datagram to the connected peer.
    ///
    /// # Errors
    /// Those of [`send_to`](Self::send_to); EDESTADDRREQ: there is no peer.
    pub fn send(&self, data: &[u8]) -> io::Result<usize> {
        self.socket.wait(Interest::Write, |stack, id| stack.send(id, data))
    }

    /// Waits for a datagram of the connected peer, and gives its length.
    ///
    /// # Errors
    /// Those of [`recv_from`](Self::recv_from); `ConnectionRefused`: nobody listens at the peer's port.
    pub fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.wait(Interest::Read, |stack, id| stack.recv(id, buffer))
    }

    /// The same, but the datagram stays, and is received again.
    ///
    /// # Errors
    /// Those of [`recv`](Self::recv).
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.wait(Interest::Read, |stack, id| stack.recv_with(id, buffer, MsgFlags::PEEK))
    }

    /// The connected peer.
    ///
    /// # Errors
    /// `NotConnected`: there is none.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    /// The own address.
    ///
    /// # Errors
    /// ENETDOWN: the net has ended.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Another handle for the same socket, which is closed with the last one.
    ///
    /// # Errors
    /// None; `std::net` has them.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { socket: Arc::clone(&self.socket) })
    }

    /// How long a receive waits before it gives `WouldBlock`; `None`: for ever (`SO_RCVTIMEO`).
    ///
    /// # Errors
    /// `InvalidInput`: zero.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_timeout(SO_RCVTIMEO, timeout)
    }

    /// How long a send waits before it gives `WouldBlock`; `None`: for ever (`SO_SNDTIMEO`).
    ///
    /// # Errors
    /// `InvalidInput`: zero.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_timeout(SO_SNDTIMEO, timeout)
    }

    /// How long a receive waits.
    ///
    /// # Errors
    /// ENETDOWN: the net has ended.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        self.socket.get(SO_RCVTIMEO)
    }

    /// How long a send waits.
    ///
    /// # Errors
    /// ENETDOWN: the net has ended.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        self.socket.get(SO_SNDTIMEO)
    }

    /// Whether datagrams to broadcast addresses may be sent (`SO_BROADCAST`).
    ///
    /// # Errors
    /// ENETDOWN: the net has ended.
    pub fn set_broadcast(&self, broadcast: bool) -> io::Result<()> {
        self.socket.set(SO_BROADCAST, broadcast)
    }

    /// Whether datagrams to broadcast addresses may be sent.
    ///
    /// # Errors
    /// ENETDOWN: the net has ended.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.socket.get(SO_BROADCAST)
    }

    /// Whether own multicasts come back to this host's members (`IP_MULTICAST_LOOP`).
    ///
    /// # Errors
    /// ENETDOWN: the net has ended.
    pub fn set_multicast_loop_v4(&self, multicast_loop: bool) -> io::Result<()> {
        self.socket.set(IP_MULTICAST_LOOP, multicast_loop)
    }

    /// Whether own multicasts come back to this host's members.
    ///
    /// # Errors
    /// ENETDOWN: the net has ended.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.socket.get(IP_MULTICAST_LOOP)
    }

    /// Sets the TTL of multicasts (`IP_MULTICAST_TTL`).
    ///
    /// # Errors
    /// EINVAL: not 0 to 255.
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        self.socket.set_u32(IP_MULTICAST_TTL, ttl)
    }

    /// The TTL of multicasts.
    ///
    /// # Errors
    /// ENETDOWN: the net has ended.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.socket.get_u32(IP_MULTICAST_TTL)
    }

    /// Whether own multicasts come back to this host's members (`IPV6_MULTICAST_LOOP`).
    ///
    /// # Errors
    /// ENOPROTOOPT: an IPv4 socket.
    pub fn set_multicast_loop_v6(&self, multicast_loop: bool) -> io::Result<()> {
        self.socket.set(IPV6_MULTICAST_LOOP, multicast_loop)
    }

    /// Whether own multicasts come back to this host's members.
    ///
    /// # Errors
    /// ENOPROTOOPT: an IPv4 socket.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.socket.get(IPV6_MULTICAST_LOOP)
    }

    /// Sets the TTL of unicast packets (`IP_TTL`).
    ///
    /// # Errors
    /// EINVAL: not 1 to 255.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket.set_u32(IP_TTL, ttl)
    }

    /// The TTL of unicast packets.
    ///
    /// # Errors
    /// ENETDOWN: the net has ended.
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.get_u32(IP_TTL)
    }

    /// Joins a group; `interface`: an own address, or unspecified.
    ///
    /// # Errors
    /// EINVAL: not a group; ENODEV: not an own address; EADDRINUSE: it is a member already.
    pub fn join_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.change_membership(IP_ADD_MEMBERSHIP, group, interface)
    }

    /// Joins a group; `interface`: its number, or 0.
    ///
    /// # Errors
    /// EINVAL: not a group; ENODEV: no such interface; EADDRINUSE: it is a member already.
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.socket.set(IPV6_JOIN_GROUP, Membership { group: (*group).into(), interface })
    }

    /// Leaves a group.
    ///
    /// # Errors
    /// EADDRNOTAVAIL: it is no member.
    pub fn leave_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.change_membership(IP_DROP_MEMBERSHIP, group, interface)
    }

    /// Leaves a group.
    ///
    /// # Errors
    /// EADDRNOTAVAIL: it is no member.
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.socket.set(IPV6_LEAVE_GROUP, Membership { group: (*group).into(), interface })
    }

    /// The pending error, which is cleared (`SO_ERROR`).
    ///
    /// # Errors
    /// ENETDOWN: the net has ended.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// Whether calls give `WouldBlock` instead of waiting. Of all handles of the socket.
    ///
    /// # Errors
    /// ENETDOWN: the net has ended.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket.set_nonblocking(nonblocking)
    }

    /// The socket's id, for [`Net::stack`].
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.socket.id
    }

    fn recv_from_with(&self, buffer: &mut [u8], flags: MsgFlags) -> io::Result<(usize, SocketAddr)> {
        let datagram = self.socket.wait(Interest::Read, |stack, id| stack.recv_from_with(id, buffer, flags))?;
        Ok((datagram.len, datagram.remote))
    }

    /// `struct ip_mreq`: the stack finds the interface by its address.
    fn change_membership(&self, option: Opt<Membership>, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        let request: Vec<u8> = [group.octets(), interface.octets()].concat();
        let row = option.row();
        self.socket.call(|stack, id| -> Result<(), Errno> {
            stack.setsockopt_raw(id, row.level.number(), row.number, &request)
        })
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpSocket").field("addr", &self.local_addr().ok()).field("id", &self.id()).finish()
    }
}
