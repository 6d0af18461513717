//! Do the calls answer as two byte queues and the POSIX states say?

mod generate;
mod lossy;
mod machine;
mod model;
mod tcp;
mod udp;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use smolsock::{Errno, Shutdown, Type};

/// One call on one of the hosts (0 or 1). Sockets are named by the number of their descriptor.
#[derive(Clone, PartialEq, Eq)]
pub struct Step {
    pub host: usize,
    pub call: Call,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One line each, however it is asked for: a failing run is read as a list.
        write!(f, "{}: {:?}", ["a", "b"][self.host], self.call)
    }
}

/// The calls, as an application makes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    Socket(Type),
    Bind(usize, SocketAddr),
    Listen(usize, usize),
    Accept(usize),
    Connect(usize, SocketAddr),
    Send(usize, usize),
    SendTo(usize, usize, SocketAddr),
    Recv(usize, usize),
    Peek(usize, usize),
    RecvFrom(usize, usize),
    Shutdown(usize, Shutdown),
    Close(usize),
    Dup(usize),
    SetFlag(usize, Flag, bool),
    GetFlag(usize, Flag),
    SetTtl(usize, i32),
    GetTtl(usize),
    /// `SO_LINGER` with 0 seconds, or none.
    SetAbortive(usize, bool),
    TakeError(usize),
    /// More time passes than any of the timers takes.
    Rest,
}

impl Call {
    /// The descriptor that it is made on.
    fn fd(&self) -> Option<usize> {
        match *self {
            Self::Socket(_) | Self::Rest => None,
            Self::Bind(fd, _) | Self::Listen(fd, _) | Self::Accept(fd) | Self::Connect(fd, _) => Some(fd),
            Self::Send(fd, _) | Self::SendTo(fd, ..) | Self::Recv(fd, _) | Self::Peek(fd, _) => Some(fd),
            Self::RecvFrom(fd, _) | Self::Shutdown(fd, _) | Self::Close(fd) | Self::Dup(fd) => Some(fd),
            Self::SetFlag(fd, ..) | Self::GetFlag(fd, _) | Self::SetTtl(fd, _) | Self::GetTtl(fd) => Some(fd),
            Self::SetAbortive(fd, _) | Self::TakeError(fd) => Some(fd),
        }
    }
}

/// Options that are on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    ReuseAddress,
    KeepAlive,
    NoDelay,
}

/// What a call gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Done,
    /// A descriptor: its number is that of the next one.
    Opened,
    Accepted(SocketAddr),
    Len(usize),
    Bytes(Vec<u8>),
    Datagram {
        bytes: Vec<u8>,
        full_len: usize,
        remote: SocketAddr,
    },
    Flag(bool),
    Number(i32),
    Error(Option<Errno>),
}

pub type Outcome = Result<Answer, Errno>;

/// The `number`th byte sequence of a run: what `send` number `number` sends.
fn content(number: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| (number * 31 + at * 7) as u8).collect()
}

/// A host's own address.
fn own(host: usize, port: u16) -> SocketAddr {
    (Ipv4Addr::new(192, 0, 2, host as u8 + 1), port).into()
}

fn wildcard(port: u16) -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, port).into()
}

/// The ports that are bound and called by number.
const PORTS: [u16; 3] = [80, 81, 1_000];
