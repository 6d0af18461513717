//! What do the socket calls do?

mod descriptors;
mod messages;
mod names;
mod options;
#[cfg(feature = "async")]
pub(crate) mod patience;
mod poll;
mod raw;
mod status;
mod tcp;
pub(in crate::stack) mod udp;
mod waits;

use core::net::SocketAddr;

use super::Stack;
use super::inspect::Call;
use crate::demux::ports::{self, Claim};
use crate::demux::{TCP, UDP};
use crate::errno::Errno;
use crate::socket::raw::Kind;
use crate::socket::slots::Body;
use crate::socket::tcp::Connection;
use crate::socket::udp::Datagrams;
use crate::socket::{Domain, Shutdown, SocketId, Type};
use crate::stack::classify::ICMP;

impl Stack<'_> {
    /// Makes a socket.
    ///
    /// # Errors
    /// - EMFILE: the socket table is full ([`Config::sockets_max`](crate::Config::sockets_max), or the caller's storage).
    /// - ENOBUFS: every UDP queue of the caller's storage is in use; ICMP and raw sockets have such queues too.
    /// - EPROTONOSUPPORT: a raw socket for protocol 0.
    ///
    /// # POSIX
    /// [socket](https://pubs.opengroup.org/onlinepubs/9799919799/functions/socket.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Stream)?;
    /// stack.close(socket)?;
    /// assert_eq!(stack.getsockname(socket), Err(Errno::EBADF));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn socket(&mut self, domain: Domain, kind: Type) -> Result<SocketId, Errno> {
        if kind == Type::Raw(0) {
            return Err(Errno::EPROTONOSUPPORT);
        }
        let index = self.slots.take(domain).ok_or(Errno::EMFILE)?;
        self.deadlines.grow_to(self.slots.capacity());
        let body = match kind {
            Type::Stream => Some(Body::Tcp(Connection::fresh(self.now))),
            Type::Datagram | Type::Icmp | Type::Raw(_) => self.queues.take().map(Body::Udp),
        };
        let Some(body) = body else {
            self.slots.retire(index);
            return Err(Errno::ENOBUFS);
        };
        self.slots.get_mut(index).body = body;
        self.prepare_datagrams(index, kind);
        let id = self.slots.adopt(index);
        self.hear_opened(index, kind);
        Ok(id)
    }

    /// Gives a socket its local address. Port 0 chooses an ephemeral one (49,152 to 65,535). The port of an ICMP socket
    /// is its identifier; that of a raw socket is always its protocol's number, and it can be bound again.
    ///
    /// # Errors
    /// - EBADF: no such socket.
    /// - EINVAL: it is bound already.
    /// - EAFNOSUPPORT: the address is of the other family.
    /// - EADDRNOTAVAIL: the address is not one of the host's (UDP may also bind group addresses).
    /// - EADDRINUSE: another socket, or a connection in TIME-WAIT, has the port.
    ///
    /// # POSIX
    /// [bind](https://pubs.opengroup.org/onlinepubs/9799919799/functions/bind.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let first = stack.socket(Domain::Inet, Type::Datagram)?;
    /// stack.bind(first, ([0, 0, 0, 0], 53).into())?;
    /// let second = stack.socket(Domain::Inet, Type::Datagram)?;
    /// assert_eq!(stack.bind(second, ([0, 0, 0, 0], 53).into()), Err(Errno::EADDRINUSE));
    /// stack.bind(second, ([0, 0, 0, 0], 0).into())?;
    /// assert!(stack.getsockname(second)?.port() >= 49_152);
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn bind(&mut self, id: SocketId, local: SocketAddr) -> Result<(), Errno> {
        let index = self.slots.find(id)?;
        let slot = self.slots.get(index);
        if let Some(protocol) = raw_protocol(&slot.body) {
            return self.bind_raw(index, protocol, local);
        }
        if slot.local.is_some() {
            return Err(Errno::EINVAL);
        }
        let local = slot.inner(local, Errno::EINVAL)?;
        let protocol = protocol_of(&slot.body);
        let ip = local.ip();
        if !ports::is_bindable(ip, self.is_local(ip), self.is_group(ip), protocol) {
            return Err(Errno::EADDRNOTAVAIL);
        }
        let is_port_given = local.port() != 0;
        let local = if local.port() == 0 { self.choose_port(index, local)? } else { local };
        let claim = Claim::of(self.slots.get(index), local).ok_or(Errno::EBADF)?;
        if ports::is_in_use(&claim, index, &self.slots, &self.time_wait) {
            return Err(Errno::EADDRINUSE);
        }
        self.set_local(index, local)?;
        let slot = self.slots.get_mut(index);
        (slot.is_ip_given, slot.is_port_given) = (!ip.is_unspecified(), is_port_given);
        Ok(())
    }

    /// Connects: for TCP starts the handshake, for UDP, ICMP and raw sockets fixes the peer that `send` sends to and
    /// from which alone datagrams are received.
    ///
    /// TCP answers EINPROGRESS, then EALREADY while the handshake runs; the socket becomes writable when it
    /// is over, and the next `connect` gives its outcome once: Ok, or the cause of the failure.
    ///
    /// # Errors
    /// - EBADF: no such socket.
    /// - EINPROGRESS, EALREADY: TCP, see above.
    /// - EISCONN: connected already, or listening.
    /// - ECONNABORTED: the connection ended before `connect` was asked for the outcome, and another call has told the
    ///   cause; the next `connect` begins anew (Linux).
    /// - ECONNREFUSED: the peer answered with RST.
    /// - ETIMEDOUT: no answer within [`Config::connect_timeout`](crate::Config::connect_timeout).
    /// - EHOSTUNREACH: the neighbour did not answer three ARP requests or solicitations.
    /// - ENETUNREACH: no route, or TCP to a group address. EACCES: UDP to a broadcast address without
    ///   `SO_BROADCAST`.
    /// - EAFNOSUPPORT: the other family.
    /// - EADDRNOTAVAIL: the very connection exists (TCP), no ephemeral port is free, port 0, or an unspecified address.
    /// - EADDRINUSE: UDP: another socket has this address and peer. EAGAIN: UDP: no ephemeral port is free (Linux).
    /// - EINVAL: bound to a loopback address, and the peer is elsewhere (Linux).
    /// - ENOBUFS: no room for a connection.
    ///
    /// # POSIX
    /// [connect](https://pubs.opengroup.org/onlinepubs/9799919799/functions/connect.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Stream)?;
    /// assert_eq!(stack.connect(socket, ([192, 0, 2, 9], 80).into()), Err(Errno::EINPROGRESS));
    /// assert_eq!(stack.connect(socket, ([192, 0, 2, 9], 80).into()), Err(Errno::EALREADY));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn connect(&mut self, id: SocketId, remote: SocketAddr) -> Result<(), Errno> {
        let index = self.slots.find(id)?;
        let remote = self.slots.get(index).peer(remote)?;
        let connected = match self.slots.get(index).body {
            Body::Tcp(_) => self.connect_tcp(index, remote),
            Body::Udp(_) => self.connect_datagrams(index, remote),
            Body::Listener(_) => Err(Errno::EISCONN),
            Body::Free => Err(Errno::EBADF),
        };
        self.hear_result(index, Call::Connect, &connected);
        connected
    }

    /// Ends one or both directions. For TCP, `Write` sends what is queued and then a FIN; after `Read`, what had
    /// arrived can be read, and what comes later is thrown away.
    ///
    /// # Errors
    /// EBADF: no such socket. ENOTCONN: not connected; a UDP socket's directions end all the same (Linux).
    ///
    /// # POSIX
    /// [shutdown](https://pubs.opengroup.org/onlinepubs/9799919799/functions/shutdown.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Shutdown, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Stream)?;
    /// assert_eq!(stack.shutdown(socket, Shutdown::Write), Err(Errno::ENOTCONN));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn shutdown(&mut self, id: SocketId, how: Shutdown) -> Result<(), Errno> {
        let index = self.slots.find(id)?;
        let done = match self.slots.get(index).body {
            Body::Tcp(_) => self.shutdown_tcp(index, how),
            Body::Udp(_) => self.shutdown_udp(index, how),
            Body::Listener(_) => self.shutdown_listener(index, how),
            Body::Free => Err(Errno::EBADF),
        };
        match done {
            Ok(()) => self.hear_shut_down(index, how),
            Err(_) => self.hear_result(index, Call::Shutdown, &done),
        }
        done
    }

    /// Takes the pending error.
    fn report(&mut self, index: u32) -> Option<Errno> {
        self.slots.get_mut(index).error.take()
    }

    /// Binds a slot, and makes it known if it can be reached that way: a UDP socket at once, a TCP socket
    /// when it listens or connects.
    fn set_local(&mut self, index: u32, local: SocketAddr) -> Result<(), Errno> {
        self.binds = self.binds.wrapping_add(1);
        let slot = self.slots.get_mut(index);
        (slot.local, slot.bound_at) = (Some(local), self.binds);
        if let Body::Udp(_) = self.slots.get(index).body
            && let Err(error) = self.demux.add(&mut self.slots, index)
        {
            self.slots.get_mut(index).local = None;
            return Err(error);
        }
        Ok(())
    }

    /// An ephemeral port for a socket that binds without a peer in mind: one that nobody has, shared or not.
    fn choose_port(&mut self, index: u32, local: SocketAddr) -> Result<SocketAddr, Errno> {
        let (slots, time_wait) = (&self.slots, &self.time_wait);
        let claim = Claim::of(slots.get(index), local).ok_or(Errno::EBADF)?;
        let claim = Claim { reuse_address: false, reuse_port: false, ..claim };
        let at = |port| Claim { local: SocketAddr::new(local.ip(), port), ..claim };
        let port = self.ports.choose(|port| !ports::is_in_use(&at(port), index, slots, time_wait));
        Ok(SocketAddr::new(local.ip(), port.ok_or(Errno::EADDRINUSE)?))
    }
}

fn raw_protocol(body: &Body<'_>) -> Option<u8> {
    match body {
        Body::Udp(Datagrams { kind: Kind::Raw(protocol), .. }) => Some(*protocol),
        _ => None,
    }
}

fn protocol_of(body: &Body<'_>) -> u8 {
    match body {
        Body::Udp(datagrams) if datagrams.kind == Kind::Udp => UDP,
        Body::Udp(_) => ICMP,
        Body::Tcp(_) | Body::Listener(_) | Body::Free => TCP,
    }
}
