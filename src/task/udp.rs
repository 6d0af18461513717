//! What are UDP sockets as futures?

use core::net::SocketAddr;

use super::{Handle, until_ready};
use crate::errno::Errno;
use crate::readiness::Interest;
use crate::socket::udp::Datagram;
use crate::socket::{Domain, SocketId, Type};

/// A UDP socket. Dropped, it is closed: what is queued still goes out.
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
    /// Those of [`Stack::send_to`](crate::Stack::send_to), but not EAGAIN.
    pub async fn send_to(&self, data: &[u8], remote: SocketAddr) -> Result<usize, Errno> {
        until_ready(&self.net, self.id, Interest::Write, |stack| stack.send_to(self.id, data, remote)).await
    }

    /// Waits for a datagram, and says who sent it.
    ///
    /// # Errors
    /// Those of [`Stack::recv_from`](crate::Stack::recv_from), but not EAGAIN.
    pub async fn recv_from(&self, buffer: &mut [u8]) -> Result<Datagram, Errno> {
        until_ready(&self.net, self.id, Interest::Read, |stack| stack.recv_from(self.id, buffer)).await
    }

    /// Waits for room, and queues one datagram for the connected peer.
    ///
    /// # Errors
    /// Those of [`Stack::send`](crate::Stack::send), but not EAGAIN.
    pub async fn send(&self, data: &[u8]) -> Result<usize, Errno> {
        until_ready(&self.net, self.id, Interest::Write, |stack| stack.send(self.id, data)).await
    }

    /// Waits for a datagram of the connected peer. Returns its length, or that of `buffer` if less.
    ///
    /// # Errors
    /// Those of [`Stack::recv`](crate::Stack::recv), but not EAGAIN.
    pub async fn recv(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        until_ready(&self.net, self.id, Interest::Read, |stack| stack.recv(self.id, buffer)).await
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
