//! What can be done with the sockets of either host? They have the same methods; this is the choice between them.

use std::io::{self, IoSlice, Read, Write};
use std::net::{self, Shutdown, SocketAddr};
use std::time::Duration;

use smolsock::blocking::{self, Net};

/// One end of the interface.
#[derive(Debug, Clone)]
pub enum Host {
    Kernel,
    Ours(Net),
}

#[derive(Debug)]
pub enum Listener {
    Kernel(net::TcpListener),
    Ours(blocking::TcpListener),
}

#[derive(Debug)]
pub enum Stream {
    Kernel(net::TcpStream),
    Ours(blocking::TcpStream),
}

#[derive(Debug)]
pub enum Udp {
    Kernel(net::UdpSocket),
    Ours(blocking::UdpSocket),
}

/// The same on either.
macro_rules! either {
    ($choice:ident, $it:expr, $socket:ident => $does:expr) => {
        match $it {
            $choice::Kernel($socket) => $does,
            $choice::Ours($socket) => $does,
        }
    };
}

impl Host {
    pub fn listen(&self, at: SocketAddr) -> io::Result<Listener> {
        match self {
            Self::Kernel => net::TcpListener::bind(at).map(Listener::Kernel),
            Self::Ours(net) => blocking::TcpListener::bind_on(net, at).map(Listener::Ours),
        }
    }

    /// With a time-out as a safety net only.
    pub fn connect(&self, to: SocketAddr) -> io::Result<Stream> {
        match self {
            Self::Kernel => net::TcpStream::connect_timeout(&to, LONG).map(Stream::Kernel),
            Self::Ours(net) => blocking::TcpStream::connect_timeout_on(net, &to, LONG).map(Stream::Ours),
        }
    }

    pub fn udp(&self, at: SocketAddr) -> io::Result<Udp> {
        let socket = match self {
            Self::Kernel => Udp::Kernel(net::UdpSocket::bind(at)?),
            Self::Ours(net) => Udp::Ours(blocking::UdpSocket::bind_on(net, at)?),
        };
        either!(Udp, &socket, socket => socket.set_read_timeout(Some(LONG)))?;
        Ok(socket)
    }
}

impl Listener {
    pub fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        match self {
            Self::Kernel(listener) => listener.accept().map(|(stream, peer)| (Stream::Kernel(stream), peer)),
            Self::Ours(listener) => listener.accept().map(|(stream, peer)| (Stream::Ours(stream), peer)),
        }
    }
}

impl Stream {
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        either!(Self, self, stream => stream.local_addr())
    }

    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        either!(Self, self, stream => stream.shutdown(how))
    }

    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Kernel(stream) => Self::Kernel(stream.try_clone()?),
            Self::Ours(stream) => Self::Ours(stream.try_clone()?),
        })
    }

    pub fn set_write_timeout(&self, timeout: Duration) -> io::Result<()> {
        either!(Self, self, stream => stream.set_write_timeout(Some(timeout)))
    }

    /// `SO_LINGER` of zero: dropping it resets the connection.
    pub fn reset_on_drop(&self) -> io::Result<()> {
        match self {
            Self::Kernel(stream) => Ok(rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO))?),
            Self::Ours(stream) => stream.set_linger(Some(Duration::ZERO)),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        either!(Self, self, stream => stream.read(buffer))
    }
}

impl Write for Stream {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        either!(Self, self, stream => stream.write(data))
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        either!(Self, self, stream => stream.write_vectored(pieces))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Udp {
    pub fn connect(&self, to: SocketAddr) -> io::Result<()> {
        either!(Self, self, socket => socket.connect(to))
    }

    pub fn send(&self, data: &[u8]) -> io::Result<usize> {
        either!(Self, self, socket => socket.send(data))
    }

    pub fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        either!(Self, self, socket => socket.recv(buffer))
    }

    pub fn send_to(&self, data: &[u8], to: SocketAddr) -> io::Result<usize> {
        either!(Self, self, socket => socket.send_to(data, to))
    }

    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        either!(Self, self, socket => socket.recv_from(buffer))
    }

    pub fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        either!(Self, self, socket => socket.set_read_timeout(Some(timeout)))
    }
}

/// Longer than anything takes that is to happen.
const LONG: Duration = Duration::from_secs(60);
