//! What are TCP sockets as futures?

use core::net::SocketAddr;

use core::future::poll_fn;

use super::{Handle, calls};
use crate::errno::Errno;
use crate::socket::flags::{MsgFlags, SocketFlags};
use crate::socket::message::{RecvMessage, SendMessage};
use crate::socket::{Domain, Shutdown, SocketId, Type};

/// A socket that takes connections. Dropped, it is closed; see [`TcpStream`] for an example.
#[derive(Debug)]
pub struct TcpListener<H: Handle> {
    net: H,
    id: SocketId,
}

impl<H: Handle> TcpListener<H> {
    /// Listens at `local`; up to `backlog + 1` connections wait for [`accept`](Self::accept).
    ///
    /// # Errors
    /// Those of [`Stack::socket`](crate::Stack::socket), [`bind`](crate::Stack::bind) and
    /// [`listen`](crate::Stack::listen).
    pub fn bind(net: &H, local: SocketAddr, backlog: usize) -> Result<Self, Errno> {
        let id = net.with(|stack| stack.socket(domain_of(local), Type::Stream))?;
        let listener = Self { net: net.clone(), id };
        net.with(|stack| {
            stack.bind(id, local)?;
            stack.listen(id, backlog)
        })?;
        Ok(listener)
    }

    /// Waits for a connection, and gives it with the peer's address.
    ///
    /// # Errors
    /// Those of [`Stack::accept`](crate::Stack::accept); EAGAIN only if `SO_RCVTIMEO` is over or the socket is
    /// non-blocking.
    pub async fn accept(&self) -> Result<(TcpStream<H>, SocketAddr), Errno> {
        self.accept4(SocketFlags::NONE).await
    }

    /// The same with flags for the new connection.
    ///
    /// # Errors
    /// Those of [`accept`](Self::accept).
    pub async fn accept4(&self, flags: SocketFlags) -> Result<(TcpStream<H>, SocketAddr), Errno> {
        let (id, remote) = calls::accept4(&self.net, self.id, flags).await?;
        Ok((TcpStream::from_id(&self.net, id), remote))
    }

    /// Takes over a socket that listens: options can be set on a bare id before. Dropped, the id is closed.
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

    /// The address it listens at.
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

impl<H: Handle> Drop for TcpListener<H> {
    fn drop(&mut self) {
        // EBADF: closed through its id already.
        let _ = self.net.with(|stack| stack.close(self.id));
    }
}

/// A TCP connection. Dropped, it is closed: what is queued still goes out.
///
/// # Examples
/// A server and a client on two simulated hosts:
/// ```
/// use smolsock::Shutdown;
/// use smolsock::task::{TcpListener, TcpStream};
/// use smolsock_sim::{World, link::Impairments, time::Time};
///
/// let mut world = World::new(1);
/// let client = world.host("client", &["192.0.2.1/24"])?;
/// let server = world.host("server", &["192.0.2.2/24"])?;
/// world.cable("ab", client, server, Impairments::default())?;
/// world.app(server, "server", |net| async move {
///     let listener = TcpListener::bind(&net, "0.0.0.0:80".parse()?, 5)?;
///     assert_eq!(listener.local_addr()?.port(), 80);
///     let (stream, remote) = listener.accept().await?;
///     assert_eq!(remote, stream.peer_addr()?);
///     let mut buffer = [0; 64];
///     let taken = stream.read(&mut buffer).await?;
///     stream.write_all(&buffer[..taken]).await?;
///     Ok(()) // dropped: closed
/// });
/// world.app(client, "client", |net| async move {
///     let stream = TcpStream::connect(&net, "192.0.2.2:80".parse()?).await?;
///     assert_eq!(stream.write(b"hello").await?, 5);
///     stream.shutdown(Shutdown::Write)?;
///     let mut answer = [0; 5];
///     assert_eq!(stream.read_exact(&mut answer).await?, 5);
///     assert_eq!(&answer, b"hello");
///     assert_eq!(stream.read(&mut answer).await?, 0);
///     stream.close();
///     Ok(())
/// });
/// let ending = world.run(Time::from_secs(100));
/// assert!(ending.failures.is_empty(), "{:?}", ending.failures);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TcpStream<H: Handle> {
    net: H,
    id: SocketId,
}

impl<H: Handle> TcpStream<H> {
    /// Connects to `remote`, and waits for the outcome.
    ///
    /// # Errors
    /// ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH and the others of
    /// [`Stack::connect`](crate::Stack::connect).
    pub async fn connect(net: &H, remote: SocketAddr) -> Result<Self, Errno> {
        let id = net.with(|stack| stack.socket(domain_of(remote), Type::Stream))?;
        let stream = Self::from_id(net, id);
        calls::connect(net, id, remote).await?;
        Ok(stream)
    }

    /// Takes over a stream socket, connected or not: options can be set on a bare id before, and
    /// [`task::connect`](crate::task::connect) connects it. Dropped, the id is closed.
    pub fn from_id(net: &H, id: SocketId) -> Self {
        Self { net: net.clone(), id }
    }

    /// Another handle for the same connection, for a task of its own: one reads, the other writes. The connection is
    /// closed with the last one.
    ///
    /// # Errors
    /// Those of [`Stack::dup`](crate::Stack::dup).
    pub fn try_clone(&self) -> Result<Self, Errno> {
        let id = self.net.with(|stack| stack.dup(self.id))?;
        Ok(Self::from_id(&self.net, id))
    }

    /// Waits for bytes, and takes what there is. 0: the peer will send nothing more.
    ///
    /// # Errors
    /// Those of [`Stack::recv`](crate::Stack::recv); EAGAIN only if `SO_RCVTIMEO` is over or the socket is
    /// non-blocking.
    pub async fn read(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        self.recv_with(buffer, MsgFlags::NONE).await
    }

    /// Waits as [`task::recv_with`](crate::task::recv_with) does.
    ///
    /// # Errors
    /// Those of [`task::recv_with`](crate::task::recv_with).
    pub async fn recv_with(&self, buffer: &mut [u8], flags: MsgFlags) -> Result<usize, Errno> {
        calls::recv_with(&self.net, self.id, buffer, flags).await
    }

    /// The same into several buffers.
    ///
    /// # Errors
    /// Those of [`task::recvmsg`](crate::task::recvmsg).
    pub async fn recvmsg(&self, buffers: &mut [&mut [u8]], flags: MsgFlags) -> Result<RecvMessage, Errno> {
        calls::recvmsg(&self.net, self.id, buffers, flags).await
    }

    /// Fills `buffer`, unless the stream ends before. Returns how much was filled.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    #[expect(clippy::arithmetic_side_effects, reason = "no more than the buffer takes")]
    pub async fn read_exact(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(buffer.get_mut(filled..).unwrap_or_default()).await? {
                0 => break,
                taken => filled += taken,
            }
        }
        Ok(filled)
    }

    /// Waits for room, and queues what fits. Returns how much that was.
    ///
    /// # Errors
    /// Those of [`Stack::send`](crate::Stack::send); EAGAIN only if `SO_SNDTIMEO` is over or the socket is
    /// non-blocking.
    pub async fn write(&self, data: &[u8]) -> Result<usize, Errno> {
        self.send_with(data, MsgFlags::NONE).await
    }

    /// Waits as [`task::send_with`](crate::task::send_with) does.
    ///
    /// # Errors
    /// Those of [`task::send_with`](crate::task::send_with).
    pub async fn send_with(&self, data: &[u8], flags: MsgFlags) -> Result<usize, Errno> {
        calls::send_with(&self.net, self.id, data, flags).await
    }

    /// The same from several pieces.
    ///
    /// # Errors
    /// Those of [`task::sendmsg`](crate::task::sendmsg).
    pub async fn sendmsg(&self, message: &SendMessage<'_>, flags: MsgFlags) -> Result<usize, Errno> {
        calls::sendmsg(&self.net, self.id, message, flags).await
    }

    /// Queues all of `data`.
    ///
    /// # Errors
    /// Those of [`write`](Self::write); how much was queued before is then unknown.
    pub async fn write_all(&self, mut data: &[u8]) -> Result<(), Errno> {
        while !data.is_empty() {
            let taken = self.write(data).await?;
            data = data.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// Ends one or both directions.
    ///
    /// # Errors
    /// Those of [`Stack::shutdown`](crate::Stack::shutdown).
    pub fn shutdown(&self, how: Shutdown) -> Result<(), Errno> {
        self.net.with(|stack| stack.shutdown(self.id, how))
    }

    /// Closes the connection; the same as dropping it.
    pub fn close(self) {}

    /// Closes the connection, and waits as close(2) does with `SO_LINGER`: until the peer has acknowledged
    /// everything, or the linger time is over. Without the option, with a time of zero (which resets), with unread
    /// data, or if another handle is left, it does not wait.
    pub async fn close_lingering(self) {
        let mut patience = None;
        poll_fn(|context| self.net.with(|stack| stack.linger(self.id, &mut patience, context.waker()))).await;
    }

    /// The own address.
    ///
    /// # Errors
    /// EBADF: the stack has closed the socket.
    pub fn local_addr(&self) -> Result<SocketAddr, Errno> {
        self.net.with(|stack| stack.getsockname(self.id))
    }

    /// The peer's address.
    ///
    /// # Errors
    /// ENOTCONN: the connection is over.
    pub fn peer_addr(&self) -> Result<SocketAddr, Errno> {
        self.net.with(|stack| stack.getpeername(self.id))
    }

    /// The socket's id, for the calls of [`Stack`](crate::Stack).
    pub fn id(&self) -> SocketId {
        self.id
    }
}

impl<H: Handle> Drop for TcpStream<H> {
    fn drop(&mut self) {
        // EBADF: closed through its id already.
        let _ = self.net.with(|stack| stack.close(self.id));
    }
}

fn domain_of(addr: SocketAddr) -> Domain {
    if addr.is_ipv4() { Domain::Inet } else { Domain::Inet6 }
}
