//! What is `std::net::TcpListener` on a stack of our own?

use core::fmt;
use core::net::SocketAddr;
use std::io;
use std::net::ToSocketAddrs;
use std::sync::Arc;

use super::socket::{Socket, each_addr};
use super::{Net, TcpStream};
use crate::readiness::Interest;
use crate::socket::flags::SocketFlags;
use crate::socket::options::sockopt::{IP_TTL, SO_REUSEADDR};
use crate::socket::{SocketId, Type};

/// A TCP socket that takes connections, as `std::net::TcpListener`. Dropped, it is closed.
pub struct TcpListener {
    socket: Arc<Socket>,
}

impl TcpListener {
    /// Listens on the [installed](Net::install) net at the first of `addrs` that can be bound; port 0 chooses one.
    /// Up to 128 connections wait for [`accept`](Self::accept), and a port in TIME-WAIT is free (`SO_REUSEADDR`), as in
    /// `std::net`.
    ///
    /// # Errors
    /// Those of [`Stack::bind`](crate::Stack::bind) and [`Stack::listen`](crate::Stack::listen); `NetworkDown`: no
    /// net is installed.
    pub fn bind<A: ToSocketAddrs>(addrs: A) -> io::Result<Self> {
        Self::bind_on(&Net::current()?, addrs)
    }

    /// The same on this net.
    ///
    /// # Errors
    /// Those of [`bind`](Self::bind).
    pub fn bind_on<A: ToSocketAddrs>(net: &Net, addrs: A) -> io::Result<Self> {
        each_addr(addrs, |addr| {
            let socket = Socket::open(net, addr, Type::Stream)?;
            socket.call(|stack, id| {
                stack.setsockopt(id, SO_REUSEADDR, true)?;
                stack.bind(id, addr)?;
                stack.listen(id, BACKLOG)
            })?;
            Ok(Self { socket: Arc::new(socket) })
        })
    }

    /// Takes over a socket that listens: options can be set on a bare id before. The last handle closes the id.
    pub fn from_id(net: &Net, id: SocketId) -> Self {
        Self { socket: Arc::new(Socket { net: net.clone(), id }) }
    }

    /// The address it listens at.
    ///
    /// # Errors
    /// ENETDOWN: the net has ended.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Another handle for the same socket.
    ///
    /// # Errors
    /// None; `std::net` has them.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { socket: Arc::clone(&self.socket) })
    }

    /// Waits for a connection, and gives it with the peer's address. Several threads may wait: each gets its own.
    ///
    /// # Errors
    /// `WouldBlock`: the listener is non-blocking and nobody has come. Those of [`Stack::accept`](crate::Stack::accept).
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (child, remote) = self.socket.wait(Interest::Read, |stack, id| stack.accept4(id, SocketFlags::NONE))?;
        Ok((TcpStream::from_id(&self.socket.net, child), remote))
    }

    /// Connections without end, each from [`accept`](Self::accept).
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// Sets the TTL of packets (`IP_TTL`), also of connections accepted from now on.
    ///
    /// # Errors
    /// EINVAL: not 1 to 255.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket.set_u32(IP_TTL, ttl)
    }

    /// The TTL of packets.
    ///
    /// # Errors
    /// ENETDOWN: the net has ended.
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.get_u32(IP_TTL)
    }

    /// The pending error, which is cleared (`SO_ERROR`).
    ///
    /// # Errors
    /// ENETDOWN: the net has ended.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// Whether [`accept`](Self::accept) gives `WouldBlock` instead of waiting. Of all handles of the socket.
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
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener").field("addr", &self.local_addr().ok()).field("id", &self.id()).finish()
    }
}

/// The connections of a [`TcpListener`], without end.
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

/// As in the standard library.
const BACKLOG: usize = 128;
