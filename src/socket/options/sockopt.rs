//! Socket options: their names, their types, and one table of all.
//!
//! A constant here names an option together with the type of its value, so that
//! [`Stack::setsockopt`](crate::Stack::setsockopt) and [`Stack::getsockopt`](crate::Stack::getsockopt) take and give
//! that type. Names, numbers, ranges and errnos are those of Linux (x86-64).
//!
//! # Examples
//! ```
//! # use smolsock::doctest::stack;
//! use smolsock::sockopt::{SO_KEEPALIVE, SO_LINGER, TCP_INFO, TCP_KEEPIDLE};
//! use smolsock::{Domain, Errno, TcpState, Type, time::Duration};
//! # let (mut stack, mut device) = stack();
//! let socket = stack.socket(Domain::Inet, Type::Stream)?;
//! stack.setsockopt(socket, SO_KEEPALIVE, true)?;
//! stack.setsockopt(socket, TCP_KEEPIDLE, 60)?;
//! stack.setsockopt(socket, SO_LINGER, Some(Duration::ZERO))?; // `close` resets
//! assert_eq!(stack.getsockopt(socket, TCP_INFO)?.state, TcpState::Closed);
//! # Ok::<(), Errno>(())
//! ```

use core::fmt;
use core::marker::PhantomData;
use core::net::IpAddr;

pub use super::table::*;
use super::value::Value;
pub use crate::socket::tcp::info::TcpInfo;

/// An option whose value is a `T`.
pub struct Opt<T> {
    pub(crate) name: Name,
    value: PhantomData<fn(T) -> T>,
}

impl<T> Opt<T> {
    pub(super) const fn new(name: Name) -> Self {
        Self { name, value: PhantomData }
    }

    /// Its row of the table.
    #[must_use]
    pub fn row(self) -> &'static Row {
        self.name.row()
    }
}

impl<T> Clone for Opt<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Opt<T> {}

impl<T> fmt::Debug for Opt<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.row().name)
    }
}

/// The types that options have. Nobody else can be one.
pub trait OptionValue: Sized + sealed::Sealed {}

pub(crate) mod sealed {
    use super::Value;

    /// How a type travels through the calls.
    pub trait Sealed: Sized {
        fn into_value(self) -> Value;
        fn from_value(value: Value) -> Option<Self>;
    }
}

/// One row of the table of options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// As in C: `"SO_REUSEADDR"`.
    pub name: &'static str,
    /// The protocol that it belongs to.
    pub level: Level,
    /// Its number at that level, on Linux (x86-64).
    pub number: i32,
    /// The type of its value, as in Rust.
    pub value: &'static str,
    /// What its value can be; what is outside is EINVAL, or brought inside where this says so.
    pub range: &'static str,
    /// What a new socket has.
    pub default: &'static str,
    /// What it does, and for which sockets; or that it is only stored.
    pub effect: &'static str,
    /// Whether `getsockopt` knows it.
    pub can_get: bool,
    /// Whether `setsockopt` knows it.
    pub can_set: bool,
    pub(crate) shape: Shape,
}

/// The protocol that an option belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// `SOL_SOCKET`: any.
    Socket,
    /// `IPPROTO_IP`.
    Ip,
    /// `IPPROTO_IPV6`.
    Ipv6,
    /// `IPPROTO_TCP`.
    Tcp,
}

impl Level {
    /// Its number on Linux.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::Socket => 1,
            Self::Ip => 0,
            Self::Ipv6 => 41,
            Self::Tcp => 6,
        }
    }

    /// As in C: `"SOL_SOCKET"`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Socket => "SOL_SOCKET",
            Self::Ip => "IPPROTO_IP",
            Self::Ipv6 => "IPPROTO_IPV6",
            Self::Tcp => "IPPROTO_TCP",
        }
    }
}

/// What the bytes of a value are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `int`, of which only zero or not counts.
    Flag,
    /// `int`.
    Number,
    /// `struct linger`.
    Linger,
    /// `struct timeval`.
    Time,
    /// `struct ip_mreq` or `struct ip_mreqn`.
    Membership4,
    /// `struct ipv6_mreq`.
    Membership6,
    /// A text.
    Congestion,
    /// `struct tcp_info`.
    Info,
}

/// A multicast group, and the interface where it is joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Membership {
    /// The group's address.
    pub group: IpAddr,
    /// Index of the interface; 0: the stack chooses. A stack has one interface, number 1.
    pub interface: u32,
}

impl Membership {
    /// Membership of `group` where the stack chooses.
    #[must_use]
    pub const fn of(group: IpAddr) -> Self {
        Self { group, interface: 0 }
    }
}

/// All options, one row for each, by level.
///
/// # Examples
/// ```
/// use smolsock::sockopt::{self, Level};
/// let row = sockopt::table().iter().find(|row| row.name == "TCP_NODELAY").unwrap();
/// assert_eq!((row.level, row.number), (Level::Tcp, 1));
/// ```
#[must_use]
pub fn table() -> &'static [Row] {
    ROWS
}

/// The option with these numbers.
pub(crate) fn find(level: i32, number: i32) -> Option<Name> {
    let is_it = |row: &Row| row.level.number() == level && row.number == number;
    Name::ALL.iter().copied().find(|name| is_it(name.row()))
}
