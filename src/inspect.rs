//! What do applications do with their sockets, told to somebody who checks?
//!
//! Feature `inspect`. [`Stack::set_inspector`](crate::Stack::set_inspector) gives a stack an [`Inspector`], which hears of
//! every socket what was sent and received, how it ended, and each state of its connection. The page
//! [`manual::inspection`](crate::manual::inspection) shows how a test tool is built on it.

use core::fmt;
use core::net::SocketAddr;

use crate::config::Seed;
use crate::errno::Errno;
use crate::readiness::Readiness;
use crate::socket::tcp::TcpState;
use crate::socket::{Domain, Shutdown, SocketId, Type};
use crate::time::Instant;

/// Hears what happens to the sockets of a [`Stack`](crate::Stack), while it happens.
///
/// It sees the stack's own buffers, cannot change anything, and must not call the stack. `Send` and `Sync`, so that a
/// stack with an inspector can go wherever one without can.
pub trait Inspector: Send + Sync {
    /// Something happened.
    fn on(&mut self, inspection: &Inspection<'_>);
}

/// Something that happened to a socket or to a connection.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Inspection<'e> {
    /// The time of the last step: calls read no clock.
    pub at: Instant,
    /// The socket, by its first id; a connection that nobody has accepted has the id that `accept` will give. `None`: a
    /// connection in TIME-WAIT, which has no socket any more.
    pub socket: Option<SocketId>,
    /// Its own address, where one is fixed.
    pub local: Option<SocketAddr>,
    /// Its peer's address, where there is one.
    pub remote: Option<SocketAddr>,
    /// What happened.
    pub what: Happened<'e>,
}

/// What happened to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happened<'e> {
    /// `socket` made it.
    Opened {
        /// Its address family.
        domain: Domain,
        /// Its kind.
        kind: Type,
    },
    /// `accept` gave it out.
    Accepted {
        /// The listener that it came from.
        listener: SocketId,
    },
    /// A call took these bytes for the stream; one event for each piece of a call with several.
    Sent {
        /// What was taken, not what was offered.
        bytes: &'e [u8],
    },
    /// A call took a datagram.
    SentDatagram {
        /// Where it comes from: the address and port that it will carry.
        local: SocketAddr,
        /// Where it goes.
        remote: SocketAddr,
        /// All of its payload.
        bytes: &'e [u8],
    },
    /// A call gave these bytes of the stream out, and they are gone (not those of `MSG_PEEK`); one event for each buffer.
    Received {
        /// What was given.
        bytes: &'e [u8],
    },
    /// A call threw received bytes of the stream away (`MSG_TRUNC`).
    Skipped {
        /// How many.
        len: usize,
    },
    /// A call gave a datagram out, and it is gone.
    ReceivedDatagram {
        /// The address that it came to; the port is the socket's.
        local: SocketAddr,
        /// Where it came from.
        remote: SocketAddr,
        /// What the caller got; the rest is lost.
        bytes: &'e [u8],
        /// How long its payload was.
        full_len: usize,
    },
    /// A call said that the stream is over, or that its reading side is shut.
    EndOfStream,
    /// A call failed.
    Failed {
        /// Which.
        call: Call,
        /// How.
        errno: Errno,
        /// What [`Stack::readiness`](crate::Stack::readiness) says right after it.
        readiness: Readiness,
    },
    /// `shutdown` ended one or both directions.
    ShutDown {
        /// Which.
        how: Shutdown,
    },
    /// Its last id was closed.
    Closed,
    /// Its connection went from one state of RFC 9293 to another. Two at once, which one segment can bring, are told as
    /// one: FIN-WAIT-1 to TIME-WAIT.
    State {
        /// The last state that was told.
        before: TcpState,
        /// The state now.
        after: TcpState,
    },
    /// The handshake is over: told after the state. Both ends tell the same numbers, crosswise, so they can be paired
    /// even where addresses are translated on the way.
    Established {
        /// The own initial sequence number.
        isn: u32,
        /// The peer's.
        remote_isn: u32,
    },
}

/// A call that can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// `accept`.
    Accept,
    /// `connect`; EINPROGRESS and EALREADY are told too.
    Connect,
    /// `send` and all its variants.
    Send,
    /// `recv` and all its variants.
    Recv,
    /// `shutdown`.
    Shutdown,
    /// `getsockopt(SO_ERROR)`: it did not fail, but took the pending error.
    SocketError,
}

/// As in a manual page: `recv`.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Accept => "accept",
            Self::Connect => "connect",
            Self::Send => "send",
            Self::Recv => "recv",
            Self::Shutdown => "shutdown",
            Self::SocketError => "getsockopt(SO_ERROR)",
        })
    }
}

/// What a stack holds at one moment; nothing when every socket is closed and every timer has run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Holdings {
    /// Places in the socket table: open sockets, further ids, half-open and unaccepted connections, orphans.
    pub sockets: usize,
    /// Connections in TIME-WAIT.
    pub time_wait: usize,
    /// Places in lines for a turn, or for a neighbour's link-layer address.
    pub waiting: usize,
    /// IP packets that wait for fragments.
    pub fragments: usize,
    /// Whether a socket or a connection waits for its time.
    pub has_deadline: bool,
}

/// Where a stack with this `seed` begins to search for the connection between `local` and `remote` in a table of `buckets` places
/// (a power of two); `protocol`: 6 is TCP. For tests that choose connections which collide, as somebody would who had the seed.
///
/// # Examples
/// ```
/// use smolsock::{Seed, inspect::bucket_of};
/// let (local, remote) = (([192, 0, 2, 1], 80).into(), ([192, 0, 2, 2], 50_000).into());
/// let bucket = bucket_of(&Seed::new(*b"from a real TRNG")?, 6, &local, &remote, 1_024);
/// assert!(bucket < 1_024);
/// # Ok::<(), smolsock::ConfigError>(())
/// ```
pub fn bucket_of(seed: &Seed, protocol: u8, local: &SocketAddr, remote: &SocketAddr, buckets: usize) -> usize {
    crate::demux::bucket_of(seed, protocol, local, remote, buckets)
}

#[cfg(test)]
mod tests;
