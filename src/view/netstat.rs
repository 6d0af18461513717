//! Which sockets and connections are there, as `netstat -an` shows them?

use core::fmt;
use core::net::SocketAddr;

use crate::socket::raw::Kind;
use crate::socket::slots::Body;
use crate::socket::tcp::TcpState;
use crate::stack::Stack;

/// All sockets and connections at one moment. `Display` is a table like that of `netstat -an`.
#[derive(Debug)]
pub struct Netstat<'s, 'a> {
    stack: &'s Stack<'a>,
}

/// One line of [`Netstat`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetstatRow {
    /// What it speaks, and the address family.
    pub protocol: Protocol,
    /// Bytes received and not read. For a listener: connections waiting for `accept`.
    pub recv_queue: usize,
    /// Bytes not acknowledged, or not sent. For a listener: its backlog.
    pub send_queue: usize,
    /// Own address and port (ICMP: its identifier, raw: the protocol's number); the wildcard address where none is fixed.
    pub local: SocketAddr,
    /// The peer's, if there is one.
    pub remote: Option<SocketAddr>,
    /// The state of a TCP connection.
    pub state: Option<TcpState>,
    /// Whether the connection goes on although its socket is closed.
    pub is_orphan: bool,
}

/// Protocol and address family, named as `netstat` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// TCP over IPv4.
    Tcp,
    /// TCP over IPv6.
    Tcp6,
    /// UDP over IPv4.
    Udp,
    /// UDP over IPv6.
    Udp6,
    /// ICMP echo.
    Icmp,
    /// ICMPv6 echo.
    Icmp6,
    /// A raw IPv4 socket.
    Raw,
    /// A raw IPv6 socket.
    Raw6,
}

impl Protocol {
    fn of(kind: Kind, local: SocketAddr) -> Self {
        match (kind, local.is_ipv4()) {
            (Kind::Udp, true) => Self::Udp,
            (Kind::Udp, false) => Self::Udp6,
            (Kind::Icmp, true) => Self::Icmp,
            (Kind::Icmp, false) => Self::Icmp6,
            (Kind::Raw(_), true) => Self::Raw,
            (Kind::Raw(_), false) => Self::Raw6,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tcp => "tcp",
            Self::Tcp6 => "tcp6",
            Self::Udp => "udp",
            Self::Udp6 => "udp6",
            Self::Icmp => "icmp",
            Self::Icmp6 => "icmp6",
            Self::Raw => "raw",
            Self::Raw6 => "raw6",
        })
    }
}

impl<'s, 'a> Netstat<'s, 'a> {
    /// The lines: sockets in the order of their slots, then connections in TIME-WAIT, oldest first.
    /// Sockets that no packet can reach do not show: unbound ones, and those whose connection is over.
    pub fn rows(&self) -> impl Iterator<Item = NetstatRow> + use<'s, 'a> {
        let sockets = self.stack.slots.iter().filter_map(|(_, slot)| {
            let local = slot.outer(slot.local.filter(|_| slot.routed || slot.is_raw())?);
            let tcp = if local.is_ipv4() { Protocol::Tcp } else { Protocol::Tcp6 };
            let (protocol, recv_queue, send_queue, state) = match &slot.body {
                Body::Free => return None,
                Body::Tcp(connection) => {
                    (tcp, connection.recv_queue(), connection.send_queue(), Some(connection.state()))
                }
                Body::Listener(listener) => (tcp, listener.ready.len, listener.backlog, Some(TcpState::Listen)),
                Body::Udp(datagrams) => {
                    (Protocol::of(datagrams.kind, local), datagrams.recv.bytes(), datagrams.send.bytes(), None)
                }
            };
            let is_orphan =
                !slot.owned && !matches!(&slot.body, Body::Tcp(child) if child.stage != crate::socket::tcp::Stage::Own);
            let remote = slot.remote.map(|remote| slot.outer(remote));
            Some(NetstatRow { protocol, recv_queue, send_queue, local, remote, state, is_orphan })
        });
        let time_wait = self.stack.time_wait.iter().map(|entry| NetstatRow {
            protocol: if entry.local.is_ipv4() { Protocol::Tcp } else { Protocol::Tcp6 },
            recv_queue: 0,
            send_queue: 0,
            local: entry.local,
            remote: Some(entry.remote),
            state: Some(TcpState::TimeWait),
            is_orphan: true,
        });
        sockets.chain(time_wait)
    }
}

impl fmt::Display for Netstat<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Proto Recv-Q Send-Q Local Address           Foreign Address         State")?;
        for row in self.rows() {
            write!(f, "{:<5} {:>6} {:>6} ", row.protocol, row.recv_queue, row.send_queue)?;
            // `SocketAddr` pads itself.
            write!(f, "{:<23} ", row.local)?;
            match (row.remote, row.local.is_ipv4()) {
                (Some(remote), _) => write!(f, "{remote:<23}")?,
                (None, true) => write!(f, "{:<23}", "0.0.0.0:*")?,
                (None, false) => write!(f, "{:<23}", "[::]:*")?,
            }
            match row.state {
                Some(state) => writeln!(f, " {state}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

impl<'a> Stack<'a> {
    /// All sockets and connections, for reading and printing.
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Stream)?;
    /// stack.bind(socket, ([0, 0, 0, 0], 80).into())?;
    /// stack.listen(socket, 5)?;
    /// assert!(stack.netstat().to_string().contains("0.0.0.0:80"));
    /// assert!(stack.netstat().to_string().contains("LISTEN"));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn netstat(&self) -> Netstat<'_, 'a> {
        Netstat { stack: self }
    }
}
