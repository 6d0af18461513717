//! What are TCP sockets as futures?

use core::net::SocketAddr;

use super::{Handle, until_ready};
use crate::errno::Errno;
use crate::readiness::Interest;
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
    /// Those of [`Stack::accept`](crate::Stack::accept), but not EAGAIN.
    pub async fn accept(&self) -> Result<(TcpStream<H>, SocketAddr), Errno> {
        let (id, remote) = until_ready(&self.net, self.id, Interest::Read, |stack| stack.accept(self.id)).await?;
        Ok((TcpStream { net: self.net.clone(), id }, remote))
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
        let stream = Self { net: net.clone(), id };
        until_ready(net, id, Interest::Write, |stack| match stack.connect(id, remote) {
            Err(Errno::EINPROGRESS | Errno::EALREADY) => Err(Errno::EAGAIN),
            outcome => outcome,
        })
        .await?;
        Ok(stream)
    }

    /// Waits for bytes, and takes what there is. 0: the peer will send nothing more.
    ///
    /// # Errors
    /// Those of [`Stack::recv`](crate::Stack::recv), but not EAGAIN.
    pub async fn read(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        until_ready(&self.net, self.id, Interest::Read, |stack| stack.recv(self.id, buffer)).await
    }

    /// Fills `buffer`, unless the stream ends before. Returns how much was filled.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub async fn read_exact(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..]).await? {
                0 => break,
                taken => filled += taken,
            }
        }
        Ok(filled)
    }

    /// Waits for room, and queues what fits. Returns how much that was.
    ///
    /// # Errors
    /// Those of [`Stack::send`](crate::Stack::send), but not EAGAIN.
    pub async fn write(&self, data: &[u8]) -> Result<usize, Errno> {
        until_ready(&self.net, self.id, Interest::Write, |stack| stack.send(self.id, data)).await
    }

    /// Queues all of `data`.
    ///
    /// # Errors
    /// Those of [`write`](Self::write); how much was queued before is then unknown.
    pub async fn write_all(&self, mut data: &[u8]) -> Result<(), Errno> {
        while !data.is_empty() {
            let taken = self.write(data).await?;
            data = &data[taken..];
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
