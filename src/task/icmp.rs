//! What are ICMP sockets as futures?

use core::net::SocketAddr;

use super::{Handle, calls};
use crate::errno::Errno;
use crate::socket::udp::Datagram;
use crate::socket::{Domain, SocketId, Type};

/// An ICMP socket: echo requests go out, and the answers to them come back. Dropped, it is closed.
///
/// A message is a whole ICMP message, as [`Type::Icmp`] has it: 8 bytes of header, of which the stack fills in
/// checksum and identifier, then data.
///
/// # Examples
/// A host pings another one, which has no application at all:
/// ```
/// use smolsock::task::{Handle, IcmpSocket};
/// use smolsock::{Domain, time::Duration};
/// use smolsock_sim::{World, link::Impairments, time::Time};
///
/// let mut world = World::new(1);
/// let client = world.host("client", &["192.0.2.1/24"])?;
/// let server = world.host("server", &["192.0.2.2/24"])?;
/// let cable = Impairments { delay_ns: 10_000_000, ..Impairments::default() };
/// world.cable("ab", client, server, cable)?;
/// world.app(client, "ping", |net| async move {
///     let socket = IcmpSocket::new(&net, Domain::Inet)?;
///     for number in 1..=3_u8 {
///         let begun = net.with(|stack| stack.now());
///         // Type 8 is an echo request; the last two bytes of the header are its sequence number.
///         let request = [8, 0, 0, 0, 0, 0, 0, number, b'h', b'i'];
///         socket.send_to(&request, "192.0.2.2:0".parse()?).await?;
///         let mut answer = [0; 64];
///         let got = socket.recv_from(&mut answer).await?;
///         let round_trip: Duration = net.with(|stack| stack.now()).saturating_duration_since(begun);
///         println!("{} bytes from {}: seq={} time={round_trip:?}", got.len, got.remote.ip(), answer[7]);
///         assert!(round_trip >= Duration::from_millis(20));
///         assert_eq!((answer[0], answer[7], &answer[8..got.len]), (0, number, &b"hi"[..]));
///     }
///     Ok(())
/// });
/// let ending = world.run(Time::from_secs(1));
/// assert!(ending.failures.is_empty(), "{:?}", ending.failures);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct IcmpSocket<H: Handle> {
    net: H,
    id: SocketId,
}

impl<H: Handle> IcmpSocket<H> {
    /// Makes a socket for ICMP or ICMPv6.
    ///
    /// # Errors
    /// Those of [`Stack::socket`](crate::Stack::socket).
    pub fn new(net: &H, domain: Domain) -> Result<Self, Errno> {
        let id = net.with(|stack| stack.socket(domain, Type::Icmp))?;
        Ok(Self::from_id(net, id))
    }

    /// Takes over an ICMP socket: options can be set on a bare id before. Dropped, the id is closed.
    pub fn from_id(net: &H, id: SocketId) -> Self {
        Self { net: net.clone(), id }
    }

    /// Fixes the peer, from which alone answers are received.
    ///
    /// # Errors
    /// Those of [`Stack::connect`](crate::Stack::connect).
    pub fn connect(&self, remote: SocketAddr) -> Result<(), Errno> {
        self.net.with(|stack| stack.connect(self.id, remote))
    }

    /// Waits for room, and queues one echo request. The port of `remote` means nothing.
    ///
    /// # Errors
    /// Those of [`Stack::send_to`](crate::Stack::send_to); EAGAIN only if patience ends (see [`task`](crate::task)).
    pub async fn send_to(&self, message: &[u8], remote: SocketAddr) -> Result<usize, Errno> {
        calls::send_to(&self.net, self.id, message, remote).await
    }

    /// Waits for an answer, and says who sent it.
    ///
    /// # Errors
    /// Those of [`Stack::recv_from`](crate::Stack::recv_from); EAGAIN only if patience ends (see [`task`](crate::task)).
    pub async fn recv_from(&self, buffer: &mut [u8]) -> Result<Datagram, Errno> {
        calls::recv_from(&self.net, self.id, buffer).await
    }

    /// The own address; its port is the identifier of the requests, 0 until the first one.
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

impl<H: Handle> Drop for IcmpSocket<H> {
    fn drop(&mut self) {
        // EBADF: closed through its id already.
        let _ = self.net.with(|stack| stack.close(self.id));
    }
}
