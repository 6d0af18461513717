//! What is a socket, and how is it named?

pub(crate) mod flags;
pub(crate) mod message;
pub(crate) mod options;
pub(crate) mod raw;
pub(crate) mod slots;
pub(crate) mod tcp;
pub(crate) mod udp;

use core::fmt;

pub use options::sockopt;

/// The name of an open socket.
///
/// A freed id never names a new socket: it carries the slot's generation, and calls with a stale id
/// give EBADF.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocketId({}.{})", self.index, self.generation)
    }
}

/// Address family of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// IPv4 (`AF_INET`).
    Inet,
    /// IPv6 only (`AF_INET6` with `IPV6_V6ONLY`).
    Inet6,
}

/// Kind of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A TCP byte stream (`SOCK_STREAM`).
    Stream,
    /// UDP datagrams (`SOCK_DGRAM`).
    Datagram,
    /// ICMP echo messages as datagrams: what ping(8) needs (`SOCK_DGRAM` with `IPPROTO_ICMP` or `IPPROTO_ICMPV6`).
    Icmp,
    /// Packets of the IP protocol with this number (`SOCK_RAW`).
    Raw(u8),
}

/// Which half of a connection to shut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// `SHUT_RD`: what still arrives is thrown away.
    Read,
    /// `SHUT_WR`: what is queued goes out, then a FIN.
    Write,
    /// `SHUT_RDWR`: both.
    Both,
}

impl Shutdown {
    pub(crate) fn reads(self) -> bool {
        matches!(self, Self::Read | Self::Both)
    }

    pub(crate) fn writes(self) -> bool {
        matches!(self, Self::Write | Self::Both)
    }
}
