//! What is `std::net::TcpStream` on a stack of our own?

use core::fmt;
use core::net::SocketAddr;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{self, ToSocketAddrs};
use std::sync::Arc;
use std::vec::Vec;

use super::Net;
use super::socket::{Socket, each_addr};
use crate::errno::Errno;
use crate::readiness::Interest;
use crate::socket::flags::MsgFlags;
use crate::socket::options::sockopt::{IP_TTL, SO_LINGER, SO_RCVTIMEO, SO_SNDTIMEO, TCP_NODELAY};
use crate::socket::{Shutdown, SocketId, Type};
use crate::time::Duration;

/// A TCP connection, as `std::net::TcpStream`. Dropped, it is closed: what is queued still goes out.
///
/// Threads share it by reference or through [`try_clone`](Self::try_clone): one reads while another writes, and several
/// may read or write.
pub struct TcpStream {
    socket: Arc<Socket>,
}

impl TcpStream {
    /// Connects on the [installed](Net::install) net to the first of `addrs` that can be reached.
    ///
    /// # Errors
    /// `ConnectionRefused`, `TimedOut`, `HostUnreachable` and the others of [`Stack::connect`](crate::Stack::connect),
    /// from the last address tried; `NetworkDown`: no net is installed.
    pub fn connect<A: ToSocketAddrs>(addrs: A) -> io::Result<Self> {
        Self::connect_on(&Net::current()?, addrs)
    }

    /// The same on this net.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect).
    pub fn connect_on<A: ToSocketAddrs>(net: &Net, addrs: A) -> io::Result<Self> {
        each_addr(addrs, |addr| {
            let socket = Socket::open(net, addr, Type::Stream)?;
            socket.connect(addr, None)?;
            Ok(Self { socket: Arc::new(socket) })
        })
    }

    /// Connects on the [installed](Net::install) net, and gives up after `timeout`.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect); `TimedOut`: it took longer; `InvalidInput`: `timeout` is zero.
    pub fn connect_timeout(addr: &SocketAddr, timeout: Duration) -> io::Result<Self> {
        Self::connect_timeout_on(&Net::current()?, addr, timeout)
    }

    /// The same on this net.
    ///
    /// # Errors
    /// Those of [`connect_timeout`](Self::connect_timeout).
    pub fn connect_timeout_on(net: &Net, addr: &SocketAddr, timeout: Duration) -> io::Result<Self> {
        if timeout.is_zero() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "cannot set a 0 duration timeout"));
        }
        let socket = Socket::open(net, *addr, Type::Stream)?;
        match socket.connect(*addr, Some(timeout)) {
            Ok(()) => Ok(Self { socket: Arc::new(socket) }),
            Err(Errno::EINPROGRESS) => Err(io::Error::new(io::ErrorKind::TimedOut, "connection timed out")),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes over a connection: options can be set on a bare id before. The last handle closes the id.
    pub fn from_id(net: &Net, id: SocketId) -> Self {
        Self { socket: Arc::new(Socket { net: net.clone(), id }) }
    }

    /// The peer's address.
    ///
    /// # Errors
    /// `NotConnected`: the connection is over.
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

    /// Ends one or both directions, for all handles. Threads that wait for an ended direction return.
    ///
    /// # Errors
    /// `NotConnected`: the connection is over.
    pub fn shutdown(&self, how: net::Shutdown) -> io::Result<()> {
        let how = match how {
            net::Shutdown::Read => Shutdown::Read,
            net::Shutdown::Write => Shutdown::Write,
            net::Shutdown::Both => Shutdown::Both,
        };
        self.socket.call(|stack, id| stack.shutdown(id, how))
    }

    /// Another handle for the same connection, which is closed with the last one.
    ///
    /// # Errors
    /// None; `std::net` has them.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { socket: Arc::clone(&self.socket) })
    }

    /// How long a read waits before it gives `WouldBlock`; `None`: for ever (`SO_RCVTIMEO`).
    ///
    /// # Errors
    /// `InvalidInput`: zero.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_timeout(SO_RCVTIMEO, timeout)
    }

    /// How long a write waits before it gives `WouldBlock`; `None`: for ever (`SO_SNDTIMEO`).
    ///
    /// # Errors
    /// `InvalidInput`: zero.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_timeout(SO_SNDTIMEO, timeout)
    }

    /// How long a read waits.
    ///
    /// # Errors
    /// ENETDOWN: the net has ended.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        self.socket.get(SO_RCVTIMEO)
    }

    /// How long a write waits.
    ///
    /// # Errors
    /// ENETDOWN: the net has ended.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        self.socket.get(SO_SNDTIMEO)
    }

    /// Waits for bytes, and copies them; the next read gives them again.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.recv(buffer, MsgFlags::PEEK)
    }

    /// What dropping the last handle does: `None` says goodbye in the background, zero resets the connection, more is how
    /// long it waits for the peer's last ACK (`SO_LINGER`; unstable in `std::net`).
    ///
    /// # Errors
    /// ENETDOWN: the net has ended.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.socket.set(SO_LINGER, linger)
    }

    /// What dropping the last handle does.
    ///
    /// # Errors
    /// ENETDOWN: the net has ended.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.socket.get(SO_LINGER)
    }

    /// Whether small segments go out at once (`TCP_NODELAY`).
    ///
    /// # Errors
    /// ENETDOWN: the net has ended.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.set(TCP_NODELAY, nodelay)
    }

    /// Whether small segments go out at once.
    ///
    /// # Errors
    /// ENETDOWN: the net has ended.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket.get(TCP_NODELAY)
    }

    /// Sets the TTL of packets (`IP_TTL`).
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

    /// Whether reads and writes give `WouldBlock` instead of waiting. Of all handles of the connection.
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

    fn recv(&self, buffer: &mut [u8], flags: MsgFlags) -> io::Result<usize> {
        self.socket.wait_for_bytes(buffer.len(), |stack, id| stack.recv_with(id, buffer, flags))
    }
}

impl Read for &TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.recv(buffer, MsgFlags::NONE)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let mut buffers: Vec<&mut [u8]> = buffers.iter_mut().map(|buffer| &mut **buffer).collect();
        let room = buffers.iter().map(|buffer| buffer.len()).sum();
        self.socket.wait_for_bytes(room, |stack, id| stack.readv(id, &mut buffers))
    }
}

impl Write for &TcpStream {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.socket.wait(Interest::Write, |stack, id| stack.write(id, data))
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let pieces: Vec<&[u8]> = pieces.iter().map(|piece| &**piece).collect();
        self.socket.wait(Interest::Write, |stack, id| stack.writev(id, &pieces))
    }

    /// Does nothing: what was written goes out by itself.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(buffers)
    }
}

impl Write for TcpStream {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        (&*self).write(data)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpStream")
            .field("addr", &self.local_addr().ok())
            .field("peer", &self.peer_addr().ok())
            .field("id", &self.id())
            .finish()
    }
}
