//! Who speaks with whom?

use core::net::SocketAddr;

use crate::errno::Errno;
use crate::socket::SocketId;
use crate::socket::slots::Body;
use crate::socket::tcp::TcpState;
use crate::stack::Stack;

impl Stack<'_> {
    /// The local address: the wildcard address and port 0 until the socket is bound.
    ///
    /// # Errors
    /// EBADF: no such socket.
    ///
    /// # POSIX
    /// [getsockname](https://pubs.opengroup.org/onlinepubs/9799919799/functions/getsockname.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet6, Type::Stream)?;
    /// assert_eq!(stack.getsockname(socket)?.to_string(), "[::]:0");
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn getsockname(&self, id: SocketId) -> Result<SocketAddr, Errno> {
        let slot = self.slots.get(self.slots.find(id)?);
        Ok(slot.local.map_or_else(|| SocketAddr::new(slot.wildcard(), 0), |local| slot.outer(local)))
    }

    /// The peer's address.
    ///
    /// # Errors
    /// - EBADF: no such socket.
    /// - ENOTCONN: not connected, or not yet, or no more.
    ///
    /// # POSIX
    /// [getpeername](https://pubs.opengroup.org/onlinepubs/9799919799/functions/getpeername.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
    /// assert_eq!(stack.getpeername(socket), Err(Errno::ENOTCONN));
    /// stack.connect(socket, ([192, 0, 2, 9], 53).into())?;
    /// assert_eq!(stack.getpeername(socket)?.to_string(), "192.0.2.9:53");
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn getpeername(&self, id: SocketId) -> Result<SocketAddr, Errno> {
        let slot = self.slots.get(self.slots.find(id)?);
        let is_connected = match &slot.body {
            Body::Tcp(connection) => !matches!(connection.state(), TcpState::Closed | TcpState::SynSent),
            Body::Udp(_) => true,
            Body::Listener(_) | Body::Free => false,
        };
        // Linux: nobody is at port 0, which a raw socket's peer may have.
        slot.remote
            .filter(|remote| is_connected && remote.port() != 0)
            .map(|remote| slot.outer(remote))
            .ok_or(Errno::ENOTCONN)
    }

    /// Takes the peer of a datagram socket away (connect(2) with `AF_UNSPEC`): it sends and receives as before
    /// [`connect`](Self::connect). An address or port that `bind` did not name is given back.
    ///
    /// # Errors
    /// - EBADF: no such socket.
    /// - EOPNOTSUPP: a TCP socket; close it instead.
    ///
    /// # POSIX
    /// [connect](https://pubs.opengroup.org/onlinepubs/9799919799/functions/connect.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
    /// stack.connect(socket, ([192, 0, 2, 9], 7).into())?;
    /// stack.disconnect(socket)?;
    /// assert_eq!(stack.getpeername(socket), Err(Errno::ENOTCONN));
    /// assert_eq!(stack.getsockname(socket)?.to_string(), "0.0.0.0:0");
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn disconnect(&mut self, id: SocketId) -> Result<(), Errno> {
        let index = self.slots.find(id)?;
        match self.slots.get(index).body {
            Body::Udp(_) => self.disconnect_udp(index),
            Body::Tcp(_) | Body::Listener(_) => Err(Errno::EOPNOTSUPP),
            Body::Free => Err(Errno::EBADF),
        }
    }
}
