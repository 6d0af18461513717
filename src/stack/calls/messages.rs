//! How do bytes come in and go out?

use core::net::SocketAddr;

use crate::errno::Errno;
use crate::socket::SocketId;
use crate::socket::flags::MsgFlags;
use crate::socket::message::{Control, RecvMessage, SendMessage};
use crate::socket::slots::Body;
use crate::socket::udp::Datagram;
use crate::stack::Stack;

impl Stack<'_> {
    /// Queues bytes of the stream, or one datagram for the connected peer. Returns how many bytes were
    /// taken: for TCP possibly fewer than given, for UDP all or none.
    ///
    /// # Errors
    /// - EBADF: no such socket.
    /// - EAGAIN: no room now, or the handshake is not over.
    /// - EPIPE: TCP: the writing side is closed, or there is no connection.
    /// - ECONNRESET, ETIMEDOUT …: the cause that ended the connection, once.
    /// - ECONNREFUSED: UDP: an earlier datagram found no receiver (once).
    /// - EDESTADDRREQ: UDP without a peer. EMSGSIZE: the datagram is longer than any packet; or a router said that an
    ///   earlier one was too long for the way (once: later ones are cut to what it carries).
    ///
    /// # POSIX
    /// [send](https://pubs.opengroup.org/onlinepubs/9799919799/functions/send.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
    /// assert_eq!(stack.send(socket, b"to whom?"), Err(Errno::EDESTADDRREQ));
    /// stack.connect(socket, ([192, 0, 2, 9], 7).into())?;
    /// assert_eq!(stack.send(socket, b"hello"), Ok(5));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn send(&mut self, id: SocketId, data: &[u8]) -> Result<usize, Errno> {
        self.send_with(id, data, MsgFlags::NONE)
    }

    /// Takes received bytes: of the stream as many as there are, or one datagram, whose rest is lost if
    /// `buffer` is too small. 0 is the end of the stream (or an empty datagram).
    ///
    /// # Errors
    /// - EBADF: no such socket.
    /// - EAGAIN: nothing has arrived.
    /// - ENOTCONN: TCP without a connection.
    /// - ECONNRESET, ETIMEDOUT, ECONNREFUSED …: the cause that ended the connection, once, after all data.
    ///
    /// # POSIX
    /// [recv](https://pubs.opengroup.org/onlinepubs/9799919799/functions/recv.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Stream)?;
    /// assert_eq!(stack.recv(socket, &mut [0; 16]), Err(Errno::ENOTCONN));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn recv(&mut self, id: SocketId, buffer: &mut [u8]) -> Result<usize, Errno> {
        self.recv_with(id, buffer, MsgFlags::NONE)
    }

    /// Queues one datagram for `remote`; binds an unbound socket to an ephemeral port, even if the call then fails.
    ///
    /// # Errors
    /// Those of [`send`](Self::send), and for UDP: EACCES (broadcast without `SO_BROADCAST`), ENETUNREACH (no route),
    /// EINVAL (port 0), EAFNOSUPPORT (the other family), EAGAIN (no free port, as on Linux). For ICMP sockets: EINVAL (no
    /// echo request). For raw sockets: EINVAL (no good header although `IP_HDRINCL` says so; over IPv6 a port that is
    /// not the protocol's number). TCP ignores the address, as Linux does.
    ///
    /// # POSIX
    /// [sendto](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sendto.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
    /// assert_eq!(stack.send_to(socket, b"hello", ([192, 0, 2, 9], 7).into()), Ok(5));
    /// let broadcast = ([192, 0, 2, 255], 7).into();
    /// assert_eq!(stack.send_to(socket, b"hello", broadcast), Err(Errno::EACCES));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn send_to(&mut self, id: SocketId, data: &[u8], remote: SocketAddr) -> Result<usize, Errno> {
        self.send_pieces(id, &SendMessage { pieces: &[data], to: Some(remote), control: Control::NONE }, MsgFlags::NONE)
    }

    /// Takes one datagram, and says who sent it. A datagram larger than `buffer` is truncated, and says so. Of a
    /// stream it takes bytes as [`recv`](Self::recv) does, and names nobody: the unspecified address, and port 0.
    ///
    /// # Errors
    /// - EBADF: no such socket. EAGAIN: nothing has arrived.
    /// - ECONNREFUSED …: a connected socket's earlier datagram found no receiver (once).
    /// - TCP: those of [`recv`](Self::recv).
    ///
    /// # POSIX
    /// [recvfrom](https://pubs.opengroup.org/onlinepubs/9799919799/functions/recvfrom.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
    /// stack.bind(socket, ([0, 0, 0, 0], 7).into())?;
    /// assert_eq!(stack.recv_from(socket, &mut [0; 16]), Err(Errno::EAGAIN));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn recv_from(&mut self, id: SocketId, buffer: &mut [u8]) -> Result<Datagram, Errno> {
        self.recv_from_with(id, buffer, MsgFlags::NONE)
    }

    /// [`send`](Self::send) without flags, as write(2) on a socket.
    ///
    /// # Errors
    /// Those of [`send`](Self::send).
    ///
    /// # POSIX
    /// [write](https://pubs.opengroup.org/onlinepubs/9799919799/functions/write.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Stream)?;
    /// assert_eq!(stack.write(socket, b"hello"), Err(Errno::EPIPE));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn write(&mut self, id: SocketId, data: &[u8]) -> Result<usize, Errno> {
        self.send(id, data)
    }

    /// [`recv`](Self::recv) without flags, as read(2) on a socket.
    ///
    /// # Errors
    /// Those of [`recv`](Self::recv).
    ///
    /// # POSIX
    /// [read](https://pubs.opengroup.org/onlinepubs/9799919799/functions/read.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
    /// assert_eq!(stack.read(socket, &mut [0; 16]), Err(Errno::EAGAIN));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn read(&mut self, id: SocketId, buffer: &mut [u8]) -> Result<usize, Errno> {
        self.recv(id, buffer)
    }

    /// [`send`](Self::send) of several pieces: one after another into a stream, or together as one datagram.
    ///
    /// # Errors
    /// Those of [`send`](Self::send).
    ///
    /// # POSIX
    /// [writev](https://pubs.opengroup.org/onlinepubs/9799919799/functions/writev.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
    /// stack.connect(socket, ([192, 0, 2, 9], 7).into())?;
    /// assert_eq!(stack.writev(socket, &[b"head", b"", b"body"]), Ok(8));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn writev(&mut self, id: SocketId, pieces: &[&[u8]]) -> Result<usize, Errno> {
        self.send_pieces(id, &SendMessage { pieces, to: None, control: Control::NONE }, MsgFlags::NONE)
    }

    /// [`recv`](Self::recv) into several buffers, which are filled one after another.
    ///
    /// # Errors
    /// Those of [`recv`](Self::recv).
    ///
    /// # POSIX
    /// [readv](https://pubs.opengroup.org/onlinepubs/9799919799/functions/readv.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
    /// let (mut head, mut body) = ([0; 4], [0; 100]);
    /// assert_eq!(stack.readv(socket, &mut [&mut head, &mut body]), Err(Errno::EAGAIN));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn readv(&mut self, id: SocketId, buffers: &mut [&mut [u8]]) -> Result<usize, Errno> {
        self.recvmsg(id, buffers, MsgFlags::NONE).map(|message| message.len)
    }

    /// [`send`](Self::send) with flags. Those that concern only waiting or signals change nothing here.
    ///
    /// # Errors
    /// - Those of [`send`](Self::send).
    /// - EOPNOTSUPP: [`MsgFlags::OOB`]; there is no urgent data.
    ///
    /// # POSIX
    /// [send](https://pubs.opengroup.org/onlinepubs/9799919799/functions/send.html)
    ///
    /// # Differences from Linux
    /// Urgent data cannot be sent (RFC 6093 advises against it).
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, MsgFlags, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
    /// stack.connect(socket, ([192, 0, 2, 9], 7).into())?;
    /// assert_eq!(stack.send_with(socket, b"hello", MsgFlags::NOSIGNAL), Ok(5));
    /// assert_eq!(stack.send_with(socket, b"!", MsgFlags::OOB), Err(Errno::EOPNOTSUPP));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn send_with(&mut self, id: SocketId, data: &[u8], flags: MsgFlags) -> Result<usize, Errno> {
        // The usual case by far, without what only datagrams have.
        if !flags.contains(MsgFlags::OOB)
            && let Ok(index) = self.slots.find(id)
            && let Body::Tcp(_) = self.slots.get(index).body
        {
            return self.send_tcp(index, &[data]);
        }
        self.send_pieces(id, &SendMessage { pieces: &[data], to: None, control: Control::NONE }, flags)
    }

    /// [`recv`](Self::recv) with flags: [`PEEK`](MsgFlags::PEEK) leaves what it gives, [`TRUNC`](MsgFlags::TRUNC)
    /// returns a datagram's full length, or throws away as many bytes of a stream as `buffer` is long.
    ///
    /// # Errors
    /// - Those of [`recv`](Self::recv).
    /// - EINVAL: [`MsgFlags::OOB`] on a stream; no urgent data ever waits.
    ///
    /// # POSIX
    /// [recv](https://pubs.opengroup.org/onlinepubs/9799919799/functions/recv.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, MsgFlags, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
    /// let flags = MsgFlags::PEEK | MsgFlags::TRUNC;
    /// assert_eq!(stack.recv_with(socket, &mut [], flags), Err(Errno::EAGAIN));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn recv_with(&mut self, id: SocketId, buffer: &mut [u8], flags: MsgFlags) -> Result<usize, Errno> {
        // The usual case by far, without what only datagrams have.
        if !flags.contains(MsgFlags::OOB)
            && let Ok(index) = self.slots.find(id)
            && let Body::Tcp(_) = self.slots.get(index).body
        {
            return self.recv_tcp(index, &mut [buffer], flags);
        }
        let message = self.recvmsg(id, &mut [buffer], flags)?;
        Ok(if flags.contains(MsgFlags::TRUNC) { message.full_len } else { message.len })
    }

    /// [`recv_from`](Self::recv_from) with flags. The full length is always told, so
    /// [`TRUNC`](MsgFlags::TRUNC) changes nothing.
    ///
    /// # Errors
    /// Those of [`recv_from`](Self::recv_from).
    ///
    /// # POSIX
    /// [recvfrom](https://pubs.opengroup.org/onlinepubs/9799919799/functions/recvfrom.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, MsgFlags, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
    /// assert_eq!(stack.recv_from_with(socket, &mut [0; 16], MsgFlags::PEEK), Err(Errno::EAGAIN));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn recv_from_with(&mut self, id: SocketId, buffer: &mut [u8], flags: MsgFlags) -> Result<Datagram, Errno> {
        let index = self.slots.find(id)?;
        let nowhere = SocketAddr::new(self.slots.get(index).wildcard(), 0);
        let from_nowhere = || Datagram { len: 0, full_len: 0, remote: nowhere, local: nowhere.ip() };
        match self.slots.get(index).body {
            Body::Udp(_) => {
                let datagram = self.recv_udp(index, &mut [buffer], flags)?;
                // A socket whose reading side is shut has nothing to say of a sender: an empty datagram
                // from nowhere is what Linux gives.
                Ok(datagram.map_or_else(from_nowhere, |got| {
                    let (remote, local) = (got.envelope.remote, got.envelope.local);
                    Datagram { len: got.len, full_len: got.full_len, remote, local }
                }))
            }
            Body::Tcp(_) | Body::Listener(_) => {
                let len = self.recvmsg(id, &mut [buffer], flags)?.len;
                Ok(Datagram { len, full_len: len, ..from_nowhere() })
            }
            Body::Free => Err(Errno::EBADF),
        }
    }

    /// Sends pieces with an address and control data, as sendmsg(2): bytes of the stream, or one datagram.
    ///
    /// # Errors
    /// - Those of [`send_with`](Self::send_with), and with an address those of [`send_to`](Self::send_to).
    /// - ENETUNREACH (IPv4), EINVAL (IPv6): the source address in the control data is not the host's.
    /// - EINVAL: it is of the other family; an IPv4 TTL of 0.
    /// - ENODEV: the control data names an interface that does not exist.
    ///
    /// # POSIX
    /// [sendmsg](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sendmsg.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Control, Domain, Errno, MsgFlags, SendMessage, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
    /// let message = SendMessage {
    ///     pieces: &[b"head", b"body"],
    ///     to: Some(([192, 0, 2, 9], 7).into()),
    ///     control: Control { ttl: Some(1), ..Control::NONE },
    /// };
    /// assert_eq!(stack.sendmsg(socket, &message, MsgFlags::NONE), Ok(8));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn sendmsg(&mut self, id: SocketId, message: &SendMessage<'_>, flags: MsgFlags) -> Result<usize, Errno> {
        self.send_pieces(id, message, flags)
    }

    /// Receives into several buffers, and tells what recvmsg(2) tells: who sent it, whether it was cut, and the
    /// control data that the socket's options ask for.
    ///
    /// # Errors
    /// Those of [`recv_with`](Self::recv_with).
    ///
    /// # POSIX
    /// [recvmsg](https://pubs.opengroup.org/onlinepubs/9799919799/functions/recvmsg.html)
    ///
    /// # Differences from Linux
    /// A look ([`PEEK`](MsgFlags::PEEK)) into a stream with several buffers may give fewer bytes than are there.
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, MsgFlags, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
    /// let (mut head, mut body) = ([0; 4], [0; 100]);
    /// let received = stack.recvmsg(socket, &mut [&mut head, &mut body], MsgFlags::NONE);
    /// assert_eq!(received, Err(Errno::EAGAIN));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn recvmsg(&mut self, id: SocketId, buffers: &mut [&mut [u8]], flags: MsgFlags) -> Result<RecvMessage, Errno> {
        let index = self.slots.find(id)?;
        match self.slots.get(index).body {
            // Linux `tcp_recv_urg`.
            Body::Tcp(_) if flags.contains(MsgFlags::OOB) => Err(Errno::EINVAL),
            Body::Tcp(_) => self.recv_tcp(index, buffers, flags).map(RecvMessage::of_stream),
            Body::Udp(_) => {
                let received = self.recv_udp(index, buffers, flags)?;
                Ok(received.map_or(RecvMessage::of_stream(0), |received| {
                    received.into_message(&self.slots.get(index).options)
                }))
            }
            Body::Listener(_) => Err(Errno::ENOTCONN),
            Body::Free => Err(Errno::EBADF),
        }
    }

    fn send_pieces(&mut self, id: SocketId, message: &SendMessage<'_>, flags: MsgFlags) -> Result<usize, Errno> {
        let index = self.slots.find(id)?;
        if flags.contains(MsgFlags::OOB) {
            return Err(Errno::EOPNOTSUPP);
        }
        let slot = self.slots.get(index);
        match &slot.body {
            Body::Udp(_) => self.send_udp(index, message),
            // Linux ignores an address.
            Body::Tcp(_) => self.send_tcp(index, message.pieces),
            Body::Listener(_) => Err(Errno::EPIPE),
            Body::Free => Err(Errno::EBADF),
        }
    }
}
