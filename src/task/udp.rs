//! What are UDP sockets as futures?

use core::net::SocketAddr;

use super::{Handle, calls};
use crate::errno::Errno;
use crate::socket::flags::MsgFlags;
use crate::socket::message::{RecvMessage, SendMessage};
use crate::socket::udp::Datagram;
use crate::socket::{Domain, SocketId, Type};

/// A UDP socket. Dropped, it is closed: what is queued still goes out.
///
/// # Examples
/// A server and a client on two simulated hosts:
/// ```
/// use smolsock::task::UdpSocket;
/// use smolsock_sim::{World, link::Impairments, time::Time};
///
/// let mut world = World::new(1);
/// let client = world.host("client", &["192.0.2.1/24"])?;
/// let server = world.host("server", &["192.0.2.2/24"])?;
/// world.cable("ab", client, server, Impairments::default())?;
/// world.app(server, "server", |net| async move {
///     let socket = UdpSocket::bind(&net, "0.0.0.0:7".parse()?)?;
///     let mut buffer = [0; 4];
///     let datagram = socket.recv_from(&mut buffer).await?;
///     assert!(datagram.is_truncated() && datagram.full_len == 5);
///     socket.send_to(&buffer, datagram.remote).await?;
///     Ok(())
/// });
/// world.app(client, "client", |net| async move {
///     let socket = UdpSocket::bind(&net, "0.0.0.0:0".parse()?)?;
///     socket.connect("192.0.2.2:7".parse()?)?;
///     assert_eq!(socket.local_addr()?.ip().to_string(), "192.0.2.1");
///     socket.send(b"hello").await?;
///     let mut answer = [0; 64];
///     assert_eq!(socket.recv(&mut answer).await?, 4);
///     Ok(())
/// });
/// let ending = world.run(Time::from_secs(1));
/// assert!(ending.failures.is_empty(), "{:?}", ending.failures);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct UdpSocket<H: Handle> {
    net: H,
    id: SocketId,
}

impl<H: Handle> UdpSocket<H> {
    /// Binds to `local`; port 0 chooses an ephemeral one.
    ///
    /// # Errors
    /// Those of [`Stack::socket`](crate::Stack::socket) and [`bind`](crate::Stack::bind).
    pub fn bind(net: &H, local: SocketAddr) -> Result<Self, Errno> {
        let domain = if local.is_ipv4() { Domain::Inet } else { Domain::Inet6 };
        let id = net.with(|stack| stack.socket(domain, Type::Datagram))?;
        let socket = Self { net: net.clone(), id };
        net.with(|stack| stack.bind(id, local))?;
        Ok(socket)
    }

    /// Fixes the peer that [`send`](Self::send) sends to, and from which alone datagrams are received.
    ///
    /// # Errors
    /// Those of [`Stack::connect`](crate::Stack::connect).
    pub fn connect(&self, remote: SocketAddr) -> Result<(), Errno> {
        self.net.with(|stack| stack.connect(self.id, remote))
    }

    /// Waits for room, and queues one datagram for `remote`.
    ///
    /// # Errors
    /// Those of [`Stack::send_to`](crate::Stack::send_to); EAGAIN only if patience ends (see [`task`](crate::task)).
    pub async fn send_to(&self, data: &[u8], remote: SocketAddr) -> Result<usize, Errno> {
        calls::send_to(&self.net, self.id, data, remote).await
    }

    /// Waits for a datagram, and says who sent it.
    ///
    /// # Errors
    /// Those of [`Stack::recv_from`](crate::Stack::recv_from); EAGAIN only if patience ends (see [`task`](crate::task)).
    pub async fn recv_from(&self, buffer: &mut [u8]) -> Result<Datagram, Errno> {
        calls::recv_from(&self.net, self.id, buffer).await
    }

    /// Waits for room, and queues one datagram for the connected peer.
    ///
    /// # Errors
    /// Those of [`Stack::send`](crate::Stack::send); EAGAIN only if patience ends (see [`task`](crate::task)).
    pub async fn send(&self, data: &[u8]) -> Result<usize, Errno> {
        self.send_with(data, MsgFlags::NONE).await
    }

    /// Waits for a datagram of the connected peer. Returns its length, or that of `buffer` if less.
    ///
    /// # Errors
    /// Those of [`Stack::recv`](crate::Stack::recv); EAGAIN only if patience ends (see [`task`](crate::task)).
    pub async fn recv(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        self.recv_with(buffer, MsgFlags::NONE).await
    }

    /// [`send`](Self::send) with flags.
    ///
    /// # Errors
    /// Those of [`task::send_with`](crate::task::send_with).
    pub async fn send_with(&self, data: &[u8], flags: MsgFlags) -> Result<usize, Errno> {
        calls::send_with(&self.net, self.id, data, flags).await
    }

    /// [`recv`](Self::recv) with flags.
    ///
    /// # Errors
    /// Those of [`task::recv_with`](crate::task::recv_with).
    pub async fn recv_with(&self, buffer: &mut [u8], flags: MsgFlags) -> Result<usize, Errno> {
        calls::recv_with(&self.net, self.id, buffer, flags).await
    }

    /// Waits for room, and queues one datagram with what travels with it.
    ///
    /// # Errors
    /// Those of [`task::sendmsg`](crate::task::sendmsg).
    pub async fn sendmsg(&self, message: &SendMessage<'_>, flags: MsgFlags) -> Result<usize, Errno> {
        calls::sendmsg(&self.net, self.id, message, flags).await
    }

    /// Waits for a datagram, and tells what travelled with it.
    ///
    /// # Errors
    /// Those of [`task::recvmsg`](crate::task::recvmsg).
    pub async fn recvmsg(&self, buffers: &mut [&mut [u8]], flags: MsgFlags) -> Result<RecvMessage, Errno> {
        calls::recvmsg(&self.net, self.id, buffers, flags).await
    }

    /// Takes over a UDP socket: options can be set on a bare id before. Dropped, the id is closed.
    pub fn from_id(net: &H, id: SocketId) -> Self {
        Self { net: net.clone(), id }
    }

    /// Another handle for the same socket, which is closed with the last one.
    ///
    /// # Errors
    /// Those of [`Stack::dup`](crate::Stack::dup).
    pub fn try_clone(&self) -> Result<Self, Errno> {
        let id = self.net.with(|stack| stack.dup(self.id))?;
        Ok(Self::from_id(&self.net, id))
    }

    /// The own address.
    ///
    /// # Errors
    /// EBADF: the stack has closed the socket.
    pub fn local_addr(&self) -> Result<SocketAddr, Errno> {
        self.net.with(|stack| stack.getsockname(self.id))
    }

    /// The socket's id, for the calls of [`Stack`](crate::Stack).
    pub fn id(&self) -> SocketId {
        self.id
    }
}

impl<H: Handle> Drop for UdpSocket<H> {
    fn drop(&mut self) {
        // EBADF: closed through its id already.
        let _ = self.net.with(|stack| stack.close(self.id));
    }
}
