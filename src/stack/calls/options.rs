//! What do setsockopt and getsockopt do?

use core::net::{IpAddr, Ipv4Addr};

use crate::errno::Errno;
use crate::invariant::impossible;
use crate::socket::options::value::{self, Value};
use crate::socket::raw::Kind;
use crate::socket::slots::{Body, Slot};
use crate::socket::sockopt::{self, Level, Name, Opt, OptionValue, Row, Shape, TcpInfo};
use crate::socket::tcp::settings::retries_within;
use crate::socket::tcp::{Connection, TcpState};
use crate::socket::{Domain, SocketId, Type};
use crate::stack::Stack;
use crate::stack::groups::INTERFACE;

impl Stack<'_> {
    /// Changes an option; [`sockopt`] names them all.
    ///
    /// A connection has its listener's options, as they were when its SYN came.
    ///
    /// # Errors
    /// - EBADF: no such socket.
    /// - ENOPROTOOPT: the option can only be read, or belongs to another protocol.
    /// - EINVAL: the value is outside the option's range, or comes too late (`IPV6_V6ONLY` once bound), or the option
    ///   is not for streams (`IP_MULTICAST_TTL`).
    /// - EDOM: the microseconds of a time are a second or more (raw form).
    /// - ENOENT: `TCP_CONGESTION` names what this build does not have.
    /// - EPROTO: a group for a stream. ENODEV: a group at an interface that is not there. EADDRINUSE: the socket is a
    ///   member already. EADDRNOTAVAIL: it is none. ENOBUFS: no room for one more membership
    ///   ([`Config::memberships_max`](crate::Config::memberships_max), or the caller's storage).
    ///
    /// # POSIX
    /// [setsockopt](https://pubs.opengroup.org/onlinepubs/9799919799/functions/setsockopt.html); Linux: socket(7), ip(7),
    /// ipv6(7), tcp(7).
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::sockopt::{SO_ERROR, TCP_KEEPIDLE, TCP_NODELAY};
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Stream)?;
    /// stack.setsockopt(socket, TCP_NODELAY, true)?;
    /// assert_eq!(stack.setsockopt(socket, TCP_KEEPIDLE, 0), Err(Errno::EINVAL));
    /// assert_eq!(stack.setsockopt(socket, SO_ERROR, None), Err(Errno::ENOPROTOOPT));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn setsockopt<T: OptionValue>(&mut self, id: SocketId, option: Opt<T>, value: T) -> Result<(), Errno> {
        let index = self.slots.find(id)?;
        self.set_option(index, option.name, value.into_value())
    }

    /// Asks for an option; [`sockopt`] names them all.
    ///
    /// # Errors
    /// - EBADF: no such socket.
    /// - ENOPROTOOPT: the option can only be set.
    /// - EOPNOTSUPP: the option belongs to another protocol (as on Linux, where setting it is ENOPROTOOPT).
    /// - ENOTCONN: `IP_MTU` of a socket without a peer.
    ///
    /// # POSIX
    /// [getsockopt](https://pubs.opengroup.org/onlinepubs/9799919799/functions/getsockopt.html); Linux: socket(7), ip(7),
    /// ipv6(7), tcp(7).
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::sockopt::{IP_MTU, SO_TYPE, TCP_INFO};
    /// use smolsock::{Domain, Errno, TcpState, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Stream)?;
    /// assert_eq!(stack.getsockopt(socket, SO_TYPE), Ok(Type::Stream));
    /// assert_eq!(stack.getsockopt(socket, TCP_INFO)?.state, TcpState::Closed);
    /// assert_eq!(stack.getsockopt(socket, IP_MTU), Err(Errno::ENOTCONN));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn getsockopt<T: OptionValue>(&mut self, id: SocketId, option: Opt<T>) -> Result<T, Errno> {
        let index = self.slots.find(id)?;
        let value = self.get_option(index, option.name)?;
        // Flags that Linux takes as numbers are flags all the same.
        T::from_value(value).ok_or(Errno::ENOPROTOOPT)
    }

    /// [`setsockopt`](Self::setsockopt) by numbers and bytes, as on Linux (x86-64): `int` and the fields of structures
    /// in little-endian order.
    ///
    /// # Errors
    /// Those of [`setsockopt`](Self::setsockopt). ENOPROTOOPT: no such option. EINVAL: fewer bytes than the value has.
    ///
    /// # POSIX
    /// [setsockopt](https://pubs.opengroup.org/onlinepubs/9799919799/functions/setsockopt.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Stream)?;
    /// let (sol_socket, so_reuseaddr) = (1, 2);
    /// stack.setsockopt_raw(socket, sol_socket, so_reuseaddr, &1_i32.to_le_bytes())?;
    /// assert_eq!(stack.setsockopt_raw(socket, sol_socket, 999, &[0; 4]), Err(Errno::ENOPROTOOPT));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn setsockopt_raw(&mut self, id: SocketId, level: i32, name: i32, value: &[u8]) -> Result<(), Errno> {
        let index = self.slots.find(id)?;
        let Some(name) = sockopt::find(level, name) else { return Err(Errno::ENOPROTOOPT) };
        let row = name.row();
        check_set(self.slots.get(index), row)?;
        let (mut value, address) = value::read(row.shape, row.level == Level::Ip, value)?;
        if let (Value::Member(membership), Some(address)) = (&mut value, address) {
            membership.interface = self.interface_of(address)?;
        }
        self.set_option(index, name, value)
    }

    /// [`getsockopt`](Self::getsockopt) by numbers and bytes, as on Linux (x86-64). Returns how many bytes of `buffer`
    /// were filled: the value's, or as many as there is room for.
    ///
    /// # Errors
    /// Those of [`getsockopt`](Self::getsockopt). ENOPROTOOPT: no such option. EOPNOTSUPP: no such level.
    ///
    /// # POSIX
    /// [getsockopt](https://pubs.opengroup.org/onlinepubs/9799919799/functions/getsockopt.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Stream)?;
    /// let (ipproto_tcp, tcp_keepidle) = (6, 4);
    /// let mut value = [0; 4];
    /// assert_eq!(stack.getsockopt_raw(socket, ipproto_tcp, tcp_keepidle, &mut value), Ok(4));
    /// assert_eq!(i32::from_le_bytes(value), 7_200);
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn getsockopt_raw(&mut self, id: SocketId, level: i32, name: i32, buffer: &mut [u8]) -> Result<usize, Errno> {
        let index = self.slots.find(id)?;
        let Some(name) = sockopt::find(level, name) else {
            let is_known = LEVELS.iter().any(|known| known.number() == level);
            return Err(if is_known { Errno::ENOPROTOOPT } else { Errno::EOPNOTSUPP });
        };
        let row = name.row();
        let value = self.get_option(index, name)?;
        Ok(value::write(value, row.shape, row.level == Level::Ip, buffer))
    }

    fn set_option(&mut self, index: u32, name: Name, value: Value) -> Result<(), Errno> {
        let row = name.row();
        let slot = self.slots.get_mut(index);
        check_set(slot, row)?;
        let is_stream = is_stream(slot);
        // Typed flags that Linux takes as numbers.
        let value = match value {
            Value::Span(Some(span)) if row.shape == Shape::Time && span.is_zero() => Value::Span(None),
            value => value,
        };
        match name {
            Name::IP_ADD_MEMBERSHIP | Name::IPV6_JOIN_GROUP => {
                return self.join_group(index, membership(row, value)?);
            }
            Name::IP_DROP_MEMBERSHIP | Name::IPV6_LEAVE_GROUP => {
                return self.leave_group(index, membership(row, value)?);
            }
            Name::IPV6_V6ONLY if slot.local.is_some() => return Err(Errno::EINVAL),
            _ => slot.options.set(name, value, is_stream)?,
        }
        match name {
            Name::SO_RCVBUF | Name::SO_SNDBUF => self.resize_queues(index),
            // Whoever waits may have enough now.
            Name::SO_RCVLOWAT => self.wake_ready(index),
            _ => self.follow_options(index),
        }
        Ok(())
    }

    /// An open connection does what its options say from now on.
    pub(in crate::stack) fn follow_options(&mut self, index: u32) {
        let slot = self.slots.get_mut(index);
        let options = slot.options;
        let hops = if is_ipv4(slot) { options.ttl } else { options.unicast_hops };
        let remote = slot.remote;
        let Body::Tcp(connection) = &mut slot.body else { return };
        connection.follow(&options, hops);
        if let Some(remote) = remote {
            self.fit_segments(index, remote.ip());
        }
        let slot = self.slots.get_mut(index);
        let Body::Tcp(connection) = &mut slot.body else { return };
        if connection.engine.is_some() && slot.routed {
            // Something may go out now, or another timer run.
            connection.is_eager = true;
            self.make_due(index);
        }
    }

    fn get_option(&mut self, index: u32, name: Name) -> Result<Value, Errno> {
        let row = name.row();
        let slot = self.slots.get_mut(index);
        check_level(slot, row.level).map_err(|()| match (row.level, slot.domain) {
            // Linux `ipv6_getsockopt` looks into its own table.
            (Level::Tcp, Domain::Inet6) => Errno::ENOPROTOOPT,
            _ => Errno::EOPNOTSUPP,
        })?;
        if !row.can_get {
            return Err(Errno::ENOPROTOOPT);
        }
        if let Some(value) = slot.options.get(name) {
            return Ok(value);
        }
        let domain = slot.domain;
        Ok(match name {
            Name::SO_TYPE => Value::Kind(datagram_kind(slot).map_or(Type::Stream, Kind::as_type)),
            Name::SO_DOMAIN => Value::Family(domain),
            Name::SO_PROTOCOL => {
                Value::Number(datagram_kind(slot).map_or(PROTOCOL_TCP, |kind| kind.protocol(domain).into()))
            }
            Name::SO_ACCEPTCONN => Value::Flag(matches!(slot.body, Body::Listener(_))),
            Name::SO_ERROR => Value::Error(self.take_pending(index)),
            Name::SO_RCVBUF => Value::Number(self.buffer_bytes(index).0),
            Name::SO_SNDBUF => Value::Number(self.buffer_bytes(index).1),
            Name::IP_MTU => Value::Number(self.path_mtu(index)?),
            Name::TCP_MAXSEG => Value::Number(self.max_segment(index)),
            Name::TCP_SYNCNT => Value::Number(match slot.options.syn_count {
                0 => i32::from(retries_within(self.config.connect_timeout)),
                count => i32::from(count),
            }),
            Name::TCP_LINGER2 => Value::Number(match slot.options.linger2_secs {
                0 => i32::try_from(self.config.fin_wait_2_timeout.as_secs()).unwrap_or(i32::MAX),
                secs => secs,
            }),
            Name::TCP_INFO => Value::Info(self.tcp_info(index)),
            _ => return Err(Errno::ENOPROTOOPT),
        })
    }

    fn tcp_info(&self, index: u32) -> TcpInfo {
        let slot = self.slots.get(index);
        match &slot.body {
            Body::Listener(listener) => TcpInfo::of_listener(listener.ready.len, listener.backlog),
            Body::Tcp(connection) => {
                let segment_bytes = self.segment_bytes(slot, connection);
                let info = TcpInfo::of(connection, self.now, self.mtu_of(connection), segment_bytes);
                // A device may hand over several segments as one; the peer made none above what it was told.
                let headers_len = if is_ipv4(slot) { 40 } else { 60 };
                let mtu = if connection.is_local { self.local_mtu } else { self.ip_mtu };
                let told = mtu.saturating_sub(headers_len) as u32;
                TcpInfo { rcv_mss: info.rcv_mss.min(told), ..info }
            }
            Body::Udp(_) | Body::Free => {
                impossible("the level was checked");
                TcpInfo::of_listener(0, 0)
            }
        }
    }

    fn max_segment(&self, index: u32) -> i32 {
        let slot = self.slots.get(index);
        match &slot.body {
            Body::Tcp(connection) if connection.state().is_synchronized() => {
                i32::try_from(self.segment_bytes(slot, connection)).unwrap_or(i32::MAX)
            }
            _ if slot.options.max_segment > 0 => i32::from(slot.options.max_segment),
            // RFC 9293 §3.7.1.
            _ => MAX_SEGMENT_DEFAULT,
        }
    }

    /// Payload of a full segment, bytes.
    fn segment_bytes(&self, slot: &Slot<'_>, connection: &Connection<'_>) -> usize {
        connection.segment_bytes(self.mtu_of(connection), is_ipv4(slot))
    }

    fn path_mtu(&self, index: u32) -> Result<i32, Errno> {
        let slot = self.slots.get(index);
        let is_connected = match &slot.body {
            Body::Tcp(connection) => !matches!(connection.state(), TcpState::Closed),
            Body::Udp(_) => true,
            Body::Listener(_) | Body::Free => false,
        };
        let remote = slot.remote.filter(|_| is_connected).ok_or(Errno::ENOTCONN)?;
        Ok(i32::try_from(self.mtu_towards(remote.ip())).unwrap_or(i32::MAX))
    }

    /// Sizes of the receive and the send buffer, bytes: of those that are there, else of those to come.
    fn buffer_bytes(&self, index: u32) -> (i32, i32) {
        let slot = self.slots.get(index);
        let (recv, send) = match &slot.body {
            Body::Udp(datagrams) => (datagrams.recv.capacity(), datagrams.send.capacity()),
            Body::Tcp(Connection { engine: Some(engine), .. }) => (engine.recv_capacity(), engine.send_capacity()),
            Body::Tcp(_) | Body::Listener(_) | Body::Free => {
                self.engines.sizes((slot.options.recv_buffer_bytes as usize, slot.options.send_buffer_bytes as usize))
            }
        };
        let number = |bytes: usize| i32::try_from(bytes).unwrap_or(i32::MAX);
        (number(recv), number(send))
    }

    /// Gives a UDP socket queues of the sizes asked for, if they are empty and not lent by the caller.
    fn resize_queues(&mut self, index: u32) {
        let slot = self.slots.get_mut(index);
        let (recv, send) = (slot.options.recv_buffer_bytes as usize, slot.options.send_buffer_bytes as usize);
        if let Body::Udp(datagrams) = &mut slot.body {
            self.queues.resize(datagrams, recv, send);
        }
    }

    /// The interface that has this address (`ip_mreq`).
    fn interface_of(&self, address: Ipv4Addr) -> Result<u32, Errno> {
        if self.is_own(IpAddr::V4(address)) { Ok(INTERFACE) } else { Err(Errno::ENODEV) }
    }
}

/// Whether `setsockopt` knows this option for this socket.
fn check_set(slot: &Slot<'_>, row: &Row) -> Result<(), Errno> {
    let is_stream = is_stream(slot);
    if check_level(slot, row.level).is_err() || !row.can_set {
        return Err(Errno::ENOPROTOOPT);
    }
    match (row.name, is_stream) {
        // Linux: what is for datagrams only.
        ("IP_MULTICAST_TTL", true) => Err(Errno::EINVAL),
        ("IPV6_MULTICAST_HOPS", true) => Err(Errno::ENOPROTOOPT),
        ("IP_ADD_MEMBERSHIP" | "IP_DROP_MEMBERSHIP" | "IPV6_JOIN_GROUP" | "IPV6_LEAVE_GROUP", true) => {
            Err(Errno::EPROTO)
        }
        ("IP_HDRINCL", _) if !is_raw_v4(slot) => Err(Errno::ENOPROTOOPT),
        _ => Ok(()),
    }
}

/// Linux: IPv6 sockets have the options of IP too, the reverse is not true.
fn check_level(slot: &Slot<'_>, level: Level) -> Result<(), ()> {
    match level {
        Level::Socket | Level::Ip => Ok(()),
        Level::Ipv6 if slot.domain == Domain::Inet6 => Ok(()),
        Level::Tcp if is_stream(slot) => Ok(()),
        Level::Ipv6 | Level::Tcp => Err(()),
    }
}

/// What a socket of datagrams speaks.
fn datagram_kind(slot: &Slot<'_>) -> Option<Kind> {
    if let Body::Udp(datagrams) = &slot.body { Some(datagrams.kind) } else { None }
}

fn is_raw_v4(slot: &Slot<'_>) -> bool {
    slot.domain == Domain::Inet && matches!(datagram_kind(slot), Some(Kind::Raw(_)))
}

/// Whether its packets are IPv4.
fn is_ipv4(slot: &Slot<'_>) -> bool {
    slot.remote.map_or(slot.domain == Domain::Inet, |remote| remote.is_ipv4())
}

fn is_stream(slot: &Slot<'_>) -> bool {
    matches!(slot.body, Body::Tcp(_) | Body::Listener(_))
}

/// A group of the family that the option is for.
fn membership(row: &Row, value: Value) -> Result<sockopt::Membership, Errno> {
    let Value::Member(membership) = value else { return Err(Errno::EINVAL) };
    let is_fit = membership.group.is_ipv4() == (row.level == Level::Ip);
    if is_fit { Ok(membership) } else { Err(Errno::EINVAL) }
}

const LEVELS: [Level; 4] = [Level::Socket, Level::Ip, Level::Ipv6, Level::Tcp];
const PROTOCOL_TCP: i32 = 6;
const MAX_SEGMENT_DEFAULT: i32 = 536;
