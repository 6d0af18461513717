//! What does an application do, one line after the other?
//!
//! A [`Step`] is a line of text such as `connect 192.0.2.2:1234` or `recv 20000 to-end`: an optional name of a socket with a
//! colon, a verb, and what it needs. Printing gives the shortest line that reads as the same step.

mod play;
mod read;
#[cfg(test)]
pub(super) mod tests;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use smolsock::{Errno, Shutdown};

pub(super) use play::{Context, play};
pub use read::StepError;

use super::quantity::{print_bytes, print_ns};

/// One step of an application.
///
/// ```
/// use smolsock_sim::scenario::Step;
/// let step: Step = "recv 20000 to-end pause 0.1s".parse()?;
/// assert_eq!(step.to_string(), "recv 20000 to-end pause 0.1s");
/// assert!("recieve 20".parse::<Step>().unwrap_err().to_string().contains("recv"));
/// # Ok::<(), smolsock_sim::scenario::StepError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which of the application's sockets it is about: a lower-case word; empty for an application that needs one only.
    pub socket: String,
    /// What is done.
    pub call: Call,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Opens a TCP socket that listens.
    Listen {
        /// Where.
        local: SocketAddr,
        /// How many connections may wait for `accept`.
        backlog: u32,
    },
    /// Waits for a connection to the listener.
    Accept,
    /// The own address of the connection that `connect` makes next.
    Bind(SocketAddr),
    /// Connects: the UDP socket if there is one, else a new TCP socket. Tries ten times where the neighbour does not answer.
    Connect(SocketAddr),
    /// Opens a UDP socket.
    Udp(SocketAddr),
    /// Sends bytes of the pattern: on, from where the last `send` ended; on a UDP socket one datagram.
    Send {
        /// How many.
        bytes: u64,
        /// Of which pattern; `None`: 1 for who connected, 2 for who accepted; for datagrams a number that counts up.
        stream: Option<u32>,
        /// Where a datagram goes; `None`: to whom the socket is connected.
        to: Option<SocketAddr>,
        /// How many bytes are written at once; `None`: all.
        piece_bytes: Option<u64>,
        /// How long it rests before each piece.
        pause_ns: u64,
    },
    /// Sends these bytes.
    SendText(String),
    /// Reads, and checks each byte against the pattern; on a UDP socket one datagram.
    Recv(Recv),
    /// Ends one or both directions.
    Shutdown(Shutdown),
    /// Closes the connection; the listener, where there is no connection; the UDP socket.
    Close,
    /// Closes the connection with RST.
    Reset,
    /// Lets so many nanoseconds pass.
    Sleep(u64),
    /// Waits until so many nanoseconds after the start; a nanosecond, if that is past.
    SleepUntil(u64),
    /// A remark in the ladder. `{local}` and `{remote}` become the addresses of the socket.
    Note(String),
    /// Sets an option: of the socket if there is one, else of the next that is opened.
    Set(Setting),
    /// The step before must fail like this.
    Expect {
        /// How.
        errno: Errno,
        /// In a network that may lose frames, ETIMEDOUT from `within` will do as well.
        unless_lost: bool,
    },
    /// Does the steps up to the matching `end` so many times.
    Repeat(u32),
    /// Ends `repeat`.
    End,
    /// A TCP echo server for any number of clients (RFC 862).
    TcpEchoServer {
        /// Where.
        local: SocketAddr,
        /// How many connections may wait for it.
        backlog: u32,
    },
    /// A UDP echo server (RFC 862).
    UdpEchoServer(SocketAddr),
    /// A TCP client that wants each piece back before it sends the next.
    TcpEchoClient {
        /// Whom it asks.
        remote: SocketAddr,
        /// How many bytes it sends in all.
        bytes: u64,
        /// How many at once.
        piece_bytes: u64,
        /// Of which pattern.
        stream: u32,
    },
    /// Sends datagrams of these sizes, each when the one before was answered or `wait_ns` have passed.
    UdpEchoClient {
        /// Whom it asks.
        remote: SocketAddr,
        /// Payload bytes.
        sizes: Vec<u16>,
        /// How long it waits for each answer.
        wait_ns: u64,
    },
    /// Sends a datagram until it is answered.
    UdpAsk {
        /// Whom it asks.
        remote: SocketAddr,
        /// How often, at most.
        tries: u32,
        /// How long it waits for each answer.
        wait_ns: u64,
        /// What it says.
        text: String,
    },
    /// Connects, sends, closes its sending side and waits for the other's end.
    BulkSender {
        /// To whom.
        remote: SocketAddr,
        /// How many bytes.
        bytes: u64,
        /// Of which pattern.
        stream: u32,
    },
    /// Takes one connection and checks that exactly these bytes come.
    BulkReceiver {
        /// Where.
        local: SocketAddr,
        /// How many bytes.
        bytes: u64,
        /// Of which pattern.
        stream: u32,
        /// How many bytes it takes at once.
        piece_bytes: u64,
        /// How long it rests before each piece.
        pause_ns: u64,
        /// How long it rests before the first.
        first_pause_ns: u64,
    },
}

/// How `recv` reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recv {
    /// How many bytes have to come; `None`: any number.
    pub bytes: Option<u64>,
    /// Whether the end of the stream has to follow.
    pub to_end: bool,
    /// Whether each byte is compared with the pattern.
    pub is_checked: bool,
    /// With which pattern; `None`: 2 for who connected, 1 for who accepted; for a datagram any.
    pub stream: Option<u32>,
    /// How many bytes it takes at once.
    pub piece_bytes: u64,
    /// How long it rests before each piece.
    pub pause_ns: u64,
    /// After how long it gives up, with ETIMEDOUT.
    pub within_ns: Option<u64>,
}

impl Default for Recv {
    fn default() -> Self {
        Self {
            bytes: None,
            to_end: false,
            is_checked: true,
            stream: None,
            piece_bytes: PIECE_BYTES,
            pause_ns: 0,
            within_ns: None,
        }
    }
}

/// A socket option and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// An option that is on or off.
    Flag(Flag, bool),
    /// An option that is a number.
    Number(Number, u32),
    /// `SO_LINGER`: how long `close` waits, in seconds; `None`: off.
    Linger(Option<u16>),
    /// `TCP_CONGESTION`.
    Congestion(smolsock::Congestion),
}

/// Options that are on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of socket(7) and tcp(7)")]
#[expect(non_camel_case_types, reason = "the names are those of socket(7) and tcp(7)")]
pub enum Flag {
    SO_KEEPALIVE,
    SO_REUSEADDR,
    TCP_NODELAY,
    TCP_CORK,
}

/// Options that are numbers, in the units of Linux.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of socket(7), ip(7) and tcp(7)")]
#[expect(non_camel_case_types, reason = "the names are those of socket(7), ip(7) and tcp(7)")]
pub enum Number {
    SO_RCVBUF,
    SO_SNDBUF,
    IP_TTL,
    TCP_MAXSEG,
    TCP_KEEPIDLE,
    TCP_KEEPINTVL,
    TCP_KEEPCNT,
    TCP_USER_TIMEOUT,
}

/// All values of `TCP_CONGESTION`.
const CONGESTIONS: [smolsock::Congestion; 3] =
    [smolsock::Congestion::None, smolsock::Congestion::Reno, smolsock::Congestion::Cubic];

impl Flag {
    /// All of them.
    pub const ALL: &[Self] = &[Self::SO_KEEPALIVE, Self::SO_REUSEADDR, Self::TCP_NODELAY, Self::TCP_CORK];
}

impl Number {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::SO_RCVBUF,
        Self::SO_SNDBUF,
        Self::IP_TTL,
        Self::TCP_MAXSEG,
        Self::TCP_KEEPIDLE,
        Self::TCP_KEEPINTVL,
        Self::TCP_KEEPCNT,
        Self::TCP_USER_TIMEOUT,
    ];
}

/// All verbs that a step may have.
#[cfg(test)]
pub(super) const fn verbs() -> &'static [&'static str] {
    read::VERBS
}

impl Step {
    /// The word that says what is done: `connect`.
    pub fn verb(&self) -> &'static str {
        match &self.call {
            Call::Listen { .. } => "listen",
            Call::Accept => "accept",
            Call::Bind(_) => "bind",
            Call::Connect(_) => "connect",
            Call::Udp(_) => "udp",
            Call::Send { .. } => "send",
            Call::SendText(_) => "send-text",
            Call::Recv(_) => "recv",
            Call::Shutdown(_) => "shutdown",
            Call::Close => "close",
            Call::Reset => "reset",
            Call::Sleep(_) => "sleep",
            Call::SleepUntil(_) => "sleep-until",
            Call::Note(_) => "note",
            Call::Set(_) => "set",
            Call::Expect { .. } => "expect",
            Call::Repeat(_) => "repeat",
            Call::End => "end",
            Call::TcpEchoServer { .. } => "tcp-echo-server",
            Call::UdpEchoServer(_) => "udp-echo-server",
            Call::TcpEchoClient { .. } => "tcp-echo-client",
            Call::UdpEchoClient { .. } => "udp-echo-client",
            Call::UdpAsk { .. } => "udp-ask",
            Call::BulkSender { .. } => "bulk-sender",
            Call::BulkReceiver { .. } => "bulk-receiver",
        }
    }
}

/// As it is read.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.socket.is_empty() {
            write!(f, "{}: ", self.socket)?;
        }
        f.write_str(self.verb())?;
        match &self.call {
            Call::Accept | Call::Close | Call::Reset | Call::End => Ok(()),
            Call::Listen { local, backlog } | Call::TcpEchoServer { local, backlog } => {
                write!(f, " {}", Local(local))?;
                option(f, "backlog", backlog, &BACKLOG)
            }
            Call::Udp(local) | Call::UdpEchoServer(local) => write!(f, " {}", Local(local)),
            Call::Bind(addr) | Call::Connect(addr) => write!(f, " {addr}"),
            Call::Send { .. } => self.call.fmt_send(f),
            Call::SendText(text) | Call::Note(text) => write!(f, " {text}"),
            Call::Recv(recv) => recv.fmt(f),
            Call::Shutdown(how) => write!(f, " {}", shutdown_name(*how)),
            Call::Sleep(nanos) | Call::SleepUntil(nanos) => write!(f, " {}", print_ns(*nanos)),
            Call::Set(setting) => write!(f, " {setting}"),
            Call::Expect { errno, unless_lost } => {
                write!(f, " {}{}", errno.name(), if *unless_lost { " unless-lost" } else { "" })
            }
            Call::Repeat(times) => write!(f, " {times}"),
            Call::TcpEchoClient { .. }
            | Call::UdpEchoClient { .. }
            | Call::UdpAsk { .. }
            | Call::BulkSender { .. }
            | Call::BulkReceiver { .. } => self.call.fmt_ready_made(f),
        }
    }
}

impl Call {
    fn fmt_send(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Send { bytes, stream, to, piece_bytes, pause_ns } = self else { return Ok(()) };
        write!(f, " {}", print_bytes(*bytes))?;
        stream.map_or(Ok(()), |stream| write!(f, " stream {stream}"))?;
        to.map_or(Ok(()), |to| write!(f, " to {to}"))?;
        piece_bytes.map_or(Ok(()), |bytes| write!(f, " piece {}", print_bytes(bytes)))?;
        time(f, "pause", *pause_ns, 0)
    }

    fn fmt_ready_made(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TcpEchoClient { remote, bytes, piece_bytes, stream } => {
                write!(f, " {remote} bytes {} piece {}", print_bytes(*bytes), print_bytes(*piece_bytes))?;
                option(f, "stream", stream, &1)
            }
            Self::UdpEchoClient { remote, sizes, wait_ns } => {
                let sizes: Vec<String> = sizes.iter().map(u16::to_string).collect();
                write!(f, " {remote} sizes {}", sizes.join(","))?;
                time(f, "wait", *wait_ns, WAIT_NS)
            }
            Self::UdpAsk { remote, tries, wait_ns, text } => {
                write!(f, " {remote}")?;
                option(f, "tries", tries, &TRIES)?;
                time(f, "wait", *wait_ns, WAIT_NS)?;
                write!(f, " text {text}")
            }
            Self::BulkSender { remote, bytes, stream } => {
                write!(f, " {remote} bytes {}", print_bytes(*bytes))?;
                option(f, "stream", stream, &1)
            }
            Self::BulkReceiver { local, bytes, stream, piece_bytes, pause_ns, first_pause_ns } => {
                write!(f, " {} bytes {}", Local(local), print_bytes(*bytes))?;
                option(f, "stream", stream, &1)?;
                piece(f, *piece_bytes)?;
                time(f, "pause", *pause_ns, 0)?;
                time(f, "first-pause", *first_pause_ns, 0)
            }
            _ => Ok(()),
        }
    }
}

/// The words after `recv`.
impl fmt::Display for Recv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes.map_or(Ok(()), |bytes| write!(f, " {}", print_bytes(bytes)))?;
        f.write_str(if self.to_end { " to-end" } else { "" })?;
        f.write_str(if self.is_checked { "" } else { " unchecked" })?;
        self.stream.map_or(Ok(()), |stream| write!(f, " stream {stream}"))?;
        piece(f, self.piece_bytes)?;
        time(f, "pause", self.pause_ns, 0)?;
        self.within_ns.map_or(Ok(()), |nanos| write!(f, " within {}", print_ns(nanos)))
    }
}

/// The words after `set`.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag, is_on) => write!(f, "{flag:?} {}", if *is_on { "on" } else { "off" }),
            Self::Number(number, value) => write!(f, "{number:?} {value}"),
            Self::Congestion(control) => write!(f, "TCP_CONGESTION {}", control.name()),
            Self::Linger(None) => f.write_str("SO_LINGER off"),
            Self::Linger(Some(secs)) => write!(f, "SO_LINGER {}", print_ns(u64::from(*secs) * 1_000_000_000)),
        }
    }
}

/// An own address: its port alone, where it is any.
struct Local<'a>(&'a SocketAddr);

impl fmt::Display for Local<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.ip() == Ipv4Addr::UNSPECIFIED { write!(f, "{}", self.0.port()) } else { write!(f, "{}", self.0) }
    }
}

fn option<T: PartialEq + fmt::Display>(f: &mut fmt::Formatter<'_>, key: &str, value: &T, default: &T) -> fmt::Result {
    if value == default { Ok(()) } else { write!(f, " {key} {value}") }
}

fn time(f: &mut fmt::Formatter<'_>, key: &str, nanos: u64, default: u64) -> fmt::Result {
    if nanos == default { Ok(()) } else { write!(f, " {key} {}", print_ns(nanos)) }
}

fn piece(f: &mut fmt::Formatter<'_>, bytes: u64) -> fmt::Result {
    if bytes == PIECE_BYTES { Ok(()) } else { write!(f, " piece {}", print_bytes(bytes)) }
}

fn shutdown_name(how: Shutdown) -> &'static str {
    match how {
        Shutdown::Read => "read",
        Shutdown::Write => "write",
        Shutdown::Both => "both",
    }
}

/// Defaults of the words.
const BACKLOG: u32 = 5;
const TRIES: u32 = 20;
const WAIT_NS: u64 = 1_000_000_000;
const PIECE_BYTES: u64 = 16_384;
