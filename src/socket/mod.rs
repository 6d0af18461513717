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
    /// ICMP echo as datagrams, as ping(8) has it: `SOCK_DGRAM` with `IPPROTO_ICMP` or `IPPROTO_ICMPV6`, icmp(7).
    ///
    /// A datagram is a whole ICMP message. Only echo requests are sent: type 8 (IPv6: 128), code 0, two bytes each
    /// for checksum, identifier and sequence number, then data. The stack fills in the checksum, and the identifier,
    /// which is the port of the own address; ports of other addresses mean nothing. Echo replies with this
    /// identifier are received.
    Icmp,
    /// Packets of the IP protocol with this number: `SOCK_RAW`, raw(7).
    ///
    /// A copy of every packet of the protocol that is for this host (and comes from and to the addresses that
    /// `connect` and `bind` name) is received: over IPv4 with the IP header, over IPv6 without. What is sent gets an
    /// IP header, unless `IP_HDRINCL` ([`sockopt::IP_HDRINCL`]) says that it has one; for 255 (`IPPROTO_RAW`) it
    /// always does, over IPv6 too. The checksum of ICMPv6 is the stack's (RFC 3542 §3.1).
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
