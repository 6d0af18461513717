//! What is done with a socket's ids, and with the flags behind them?

use core::net::SocketAddr;

use crate::errno::Errno;
use crate::socket::SocketId;
use crate::socket::flags::{SocketFlags, StatusFlags};
use crate::socket::slots::Body;
use crate::socket::tcp::TcpState;
use crate::stack::Stack;

impl Stack<'_> {
    /// Another id for the same socket: what is done through one is done through all. Each goes stale when it is
    /// closed; the socket is closed with the last one. [`shutdown`](Self::shutdown) acts at once.
    ///
    /// # Errors
    /// - EBADF: no such socket.
    /// - EMFILE: the socket table is full; each id takes a place in it.
    ///
    /// # POSIX
    /// [dup](https://pubs.opengroup.org/onlinepubs/9799919799/functions/dup.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let first = stack.socket(Domain::Inet, Type::Datagram)?;
    /// let second = stack.dup(first)?;
    /// stack.bind(first, ([0, 0, 0, 0], 53).into())?;
    /// stack.close(first)?;
    /// assert_eq!(stack.getsockname(first), Err(Errno::EBADF));
    /// assert_eq!(stack.getsockname(second)?.port(), 53);
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn dup(&mut self, id: SocketId) -> Result<SocketId, Errno> {
        let index = self.slots.find(id)?;
        let alias = self.slots.duplicate(index).ok_or(Errno::EMFILE)?;
        self.deadlines.grow_to(self.slots.capacity());
        Ok(alias)
    }

    /// Closes an id, and with the last one ([`dup`](Self::dup)) its socket. The id is free at once; a connection says goodbye on its own: queued data and a
    /// FIN go out, or a RST if received data was never read.
    ///
    /// # Errors
    /// EBADF: no such socket.
    ///
    /// # POSIX
    /// [close](https://pubs.opengroup.org/onlinepubs/9799919799/functions/close.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Stream)?;
    /// stack.close(socket)?;
    /// assert_eq!(stack.close(socket), Err(Errno::EBADF));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn close(&mut self, id: SocketId) -> Result<(), Errno> {
        let (index, is_last) = self.slots.disown(id)?;
        // Nobody may wait on a socket that is gone.
        self.slots.get_mut(index).wake_all();
        if !is_last {
            return Ok(());
        }
        self.hear_closed(index);
        match self.slots.get(index).body {
            Body::Tcp(_) => self.close_tcp(index),
            Body::Listener(_) => self.close_listener(index),
            Body::Udp(_) => self.close_udp(index),
            Body::Free => {}
        }
        Ok(())
    }

    /// [`accept`](Self::accept), with flags for the new socket. It inherits its listener's options, but not
    /// `O_NONBLOCK`, as on Linux.
    ///
    /// # Errors
    /// Those of [`accept`](Self::accept).
    ///
    /// # POSIX
    /// [accept4](https://pubs.opengroup.org/onlinepubs/9799919799/functions/accept.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, SocketFlags, Type};
    /// # let (mut stack, mut device) = stack();
    /// let listener = stack.socket(Domain::Inet, Type::Stream)?;
    /// stack.listen(listener, 5)?;
    /// assert_eq!(stack.accept4(listener, SocketFlags::NONBLOCK), Err(Errno::EAGAIN));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn accept4(&mut self, id: SocketId, flags: SocketFlags) -> Result<(SocketId, SocketAddr), Errno> {
        let (child, remote) = self.accept(id)?;
        let index = self.slots.find(child)?;
        self.slots.get_mut(index).options.nonblocking = flags.contains(SocketFlags::NONBLOCK);
        Ok((child, remote))
    }

    /// The status flags of a socket (`F_GETFL`).
    ///
    /// # Errors
    /// EBADF: no such socket.
    ///
    /// # POSIX
    /// [fcntl](https://pubs.opengroup.org/onlinepubs/9799919799/functions/fcntl.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, StatusFlags, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Stream)?;
    /// assert_eq!(stack.fcntl_getfl(socket), Ok(StatusFlags::NONE));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn fcntl_getfl(&self, id: SocketId) -> Result<StatusFlags, Errno> {
        let slot = self.slots.get(self.slots.find(id)?);
        Ok(if slot.options.nonblocking { StatusFlags::NONBLOCK } else { StatusFlags::NONE })
    }

    /// Sets the status flags of a socket (`F_SETFL`), which all its ids share. The calls of [`Stack`] never wait
    /// whatever they say; the waiting forms in [`task`](crate::task) obey them.
    ///
    /// # Errors
    /// EBADF: no such socket.
    ///
    /// # POSIX
    /// [fcntl](https://pubs.opengroup.org/onlinepubs/9799919799/functions/fcntl.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, StatusFlags, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Stream)?;
    /// stack.fcntl_setfl(socket, StatusFlags::NONBLOCK)?;
    /// assert_eq!(stack.fcntl_getfl(socket), Ok(StatusFlags::NONBLOCK));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn fcntl_setfl(&mut self, id: SocketId, flags: StatusFlags) -> Result<(), Errno> {
        let index = self.slots.find(id)?;
        self.slots.get_mut(index).options.nonblocking = flags.contains(StatusFlags::NONBLOCK);
        Ok(())
    }

    /// How much can be read (`FIONREAD`, `SIOCINQ`): bytes of the stream, or the size of the next datagram; 0
    /// also when that is empty.
    ///
    /// # Errors
    /// EBADF: no such socket. EINVAL: a listener.
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
    /// assert_eq!(stack.ioctl_fionread(socket), Ok(0));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn ioctl_fionread(&mut self, id: SocketId) -> Result<usize, Errno> {
        let index = self.slots.find(id)?;
        match &mut self.slots.get_mut(index).body {
            Body::Tcp(connection) => Ok(connection.recv_queue()),
            Body::Udp(datagrams) => Ok(datagrams.recv.peek().map_or(0, |(_, data)| data.len())),
            // Linux `tcp_ioctl`.
            Body::Listener(_) => Err(Errno::EINVAL),
            Body::Free => Err(Errno::EBADF),
        }
    }

    /// How much waits to go out (`SIOCOUTQ`): bytes of the stream that the peer has not acknowledged, a FIN
    /// counting as one, or payload of datagrams that have not been sent.
    ///
    /// # Errors
    /// EBADF: no such socket. EINVAL: a listener.
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
    /// stack.send_to(socket, b"hello", ([192, 0, 2, 9], 7).into())?;
    /// assert_eq!(stack.ioctl_siocoutq(socket), Ok(5));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn ioctl_siocoutq(&self, id: SocketId) -> Result<usize, Errno> {
        match &self.slots.get(self.slots.find(id)?).body {
            Body::Tcp(connection) => {
                // Linux: `write_seq - snd_una`, and the FIN has a sequence number.
                let is_closing =
                    matches!(connection.state(), TcpState::FinWait1 | TcpState::Closing | TcpState::LastAck);
                Ok(connection.send_queue().saturating_add(usize::from(is_closing)))
            }
            Body::Udp(datagrams) => Ok(datagrams.send.bytes()),
            Body::Listener(_) => Err(Errno::EINVAL),
            Body::Free => Err(Errno::EBADF),
        }
    }
}
