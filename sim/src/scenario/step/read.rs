//! How is a line read as a step?

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use smolsock::{Errno, Shutdown};

use super::{BACKLOG, CONGESTIONS, Call, Flag, Number, PIECE_BYTES, Recv, Setting, Step, TRIES, WAIT_NS};
use crate::nearest::nearest;
use crate::scenario::quantity::{parse_bytes, parse_ns};
use crate::scenario::words::{Words, bytes, nearest_of, number, time, word};

/// Why a line is no step: what was found, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepError(pub(crate) String);

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StepError {}

/// All verbs, for the tip after a slip.
pub(super) const VERBS: &[&str] = &[
    "listen",
    "accept",
    "bind",
    "connect",
    "udp",
    "send",
    "send-text",
    "recv",
    "shutdown",
    "close",
    "reset",
    "sleep",
    "sleep-until",
    "note",
    "set",
    "expect",
    "repeat",
    "end",
    "tcp-echo-server",
    "udp-echo-server",
    "tcp-echo-client",
    "udp-echo-client",
    "udp-ask",
    "bulk-sender",
    "bulk-receiver",
];

/// Bytes that are in memory at once.
const PIECE_MAX: u64 = 1 << 20;

impl FromStr for Step {
    type Err = StepError;

    fn from_str(line: &str) -> Result<Self, StepError> {
        let wrong = |why: String| StepError(format!("step {line:?}: {why}"));
        if let Some(control) = line.chars().find(|char| char.is_control()) {
            return Err(wrong(format!("a step is one line without control characters, found {control:?}")));
        }
        let (socket, rest) = match word(line.trim()) {
            (first, rest) if first.ends_with(':') => (&first[..first.len() - 1], rest),
            _ => ("", line.trim()),
        };
        let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if !is_name(socket) || line.trim().starts_with(':') {
            return Err(wrong(format!("the name of a socket is a word of a to z and 0 to 9, found {socket:?}")));
        }
        let (verb, rest) = word(rest);
        let call = call(verb, rest).map_err(wrong)?;
        Ok(Self { socket: socket.to_owned(), call })
    }
}

fn call(verb: &str, rest: &str) -> Result<Call, String> {
    match verb {
        "accept" => nothing(verb, rest, Call::Accept),
        "close" => nothing(verb, rest, Call::Close),
        "reset" => nothing(verb, rest, Call::Reset),
        "end" => nothing(verb, rest, Call::End),
        "bind" => Ok(Call::Bind(remote(rest)?)),
        "connect" => Ok(Call::Connect(remote(rest)?)),
        "udp" => Ok(Call::Udp(local(rest)?)),
        "udp-echo-server" => Ok(Call::UdpEchoServer(local(rest)?)),
        "send-text" => Ok(Call::SendText(text(rest)?)),
        "note" => Ok(Call::Note(text(rest)?)),
        "sleep" => Ok(Call::Sleep(time(rest)?)),
        "sleep-until" => Ok(Call::SleepUntil(time(rest)?)),
        "repeat" => Ok(Call::Repeat(number(rest)?)),
        "shutdown" => match rest {
            "read" => Ok(Call::Shutdown(Shutdown::Read)),
            "write" => Ok(Call::Shutdown(Shutdown::Write)),
            "both" => Ok(Call::Shutdown(Shutdown::Both)),
            other => Err(format!("expected read, write or both, found {other:?}")),
        },
        "set" => setting(rest).map(Call::Set),
        "expect" => expect(rest),
        "send" => send(rest),
        "recv" => recv(rest).map(Call::Recv),
        "listen" | "tcp-echo-server" => {
            let words = Words::read(rest, 1, &["backlog"], &[])?;
            let local = local(words.first()?)?;
            let backlog = words.or("backlog", number, BACKLOG)?;
            Ok(if verb == "listen" { Call::Listen { local, backlog } } else { Call::TcpEchoServer { local, backlog } })
        }
        "tcp-echo-client" | "udp-echo-client" | "udp-ask" | "bulk-sender" | "bulk-receiver" => ready_made(verb, rest),
        "" => Err(format!("expected one of {}", VERBS.join(", "))),
        other => Err(match nearest(other, VERBS.iter().copied()) {
            Some(meant) => format!("there is no step {other:?}; did you mean {meant}?"),
            None => format!("there is no step {other:?}; there are {}", VERBS.join(", ")),
        }),
    }
}

fn ready_made(verb: &str, rest: &str) -> Result<Call, String> {
    match verb {
        "tcp-echo-client" => {
            let words = Words::read(rest, 1, &["bytes", "piece", "stream"], &[])?;
            let (bytes, piece_bytes) = (words.must("bytes", bytes)?, words.must("piece", piece)?);
            Ok(Call::TcpEchoClient {
                remote: remote(words.first()?)?,
                bytes,
                piece_bytes,
                stream: words.or("stream", number, 1)?,
            })
        }
        "udp-echo-client" => {
            let words = Words::read(rest, 1, &["sizes", "wait"], &[])?;
            let sizes = |text: &str| text.split(',').map(datagram).collect::<Result<Vec<u16>, String>>();
            Ok(Call::UdpEchoClient {
                remote: remote(words.first()?)?,
                sizes: words.must("sizes", sizes)?,
                wait_ns: words.or("wait", time, WAIT_NS)?,
            })
        }
        "udp-ask" => {
            let (rest, said) = rest.split_once(" text ").ok_or("the text is missing, as in text hello")?;
            let words = Words::read(rest, 1, &["tries", "wait"], &[])?;
            Ok(Call::UdpAsk {
                remote: remote(words.first()?)?,
                tries: words.or("tries", number, TRIES)?,
                wait_ns: words.or("wait", time, WAIT_NS)?,
                text: text(said.trim())?,
            })
        }
        "bulk-sender" => {
            let words = Words::read(rest, 1, &["bytes", "stream"], &[])?;
            let bytes = words.must("bytes", bytes)?;
            Ok(Call::BulkSender { remote: remote(words.first()?)?, bytes, stream: words.or("stream", number, 1)? })
        }
        _ => {
            let words = Words::read(rest, 1, &["bytes", "stream", "piece", "pause", "first-pause"], &[])?;
            Ok(Call::BulkReceiver {
                local: local(words.first()?)?,
                bytes: words.must("bytes", bytes)?,
                stream: words.or("stream", number, 1)?,
                piece_bytes: words.or("piece", piece, PIECE_BYTES)?,
                pause_ns: words.or("pause", time, 0)?,
                first_pause_ns: words.or("first-pause", time, 0)?,
            })
        }
    }
}

fn send(rest: &str) -> Result<Call, String> {
    let words = Words::read(rest, 1, &["stream", "to", "piece", "pause"], &[])?;
    Ok(Call::Send {
        bytes: bytes(words.first()?)?,
        stream: words.maybe("stream", number)?,
        to: words.maybe("to", remote)?,
        piece_bytes: words.maybe("piece", piece)?,
        pause_ns: words.or("pause", time, 0)?,
    })
}

fn recv(rest: &str) -> Result<Recv, String> {
    let has_bytes = rest.starts_with(|char: char| char.is_ascii_digit());
    let keys = ["stream", "piece", "pause", "within"];
    let words = Words::read(rest, usize::from(has_bytes), &keys, &["to-end", "unchecked"])?;
    Ok(Recv {
        bytes: if has_bytes { Some(bytes(words.first()?)?) } else { None },
        to_end: words.has("to-end"),
        is_checked: !words.has("unchecked"),
        stream: words.maybe("stream", number)?,
        piece_bytes: words.or("piece", piece, PIECE_BYTES)?,
        pause_ns: words.or("pause", time, 0)?,
        within_ns: words.maybe("within", time)?,
    })
}

fn expect(rest: &str) -> Result<Call, String> {
    let words = Words::read(rest, 1, &[], &["unless-lost"])?;
    let name = words.first()?;
    let errno = Errno::ALL.iter().find(|errno| errno.name() == name);
    let errno = errno.ok_or_else(|| {
        let meant = nearest_of(name, Errno::ALL.iter().map(|errno| errno.name()));
        format!("expected an error as in ECONNREFUSED, found {name:?}{meant}")
    })?;
    Ok(Call::Expect { errno: *errno, unless_lost: words.has("unless-lost") })
}

fn setting(rest: &str) -> Result<Setting, String> {
    let (name, value) = word(rest);
    let flags: Vec<String> = Flag::ALL.iter().map(|flag| format!("{flag:?}")).collect();
    let numbers: Vec<String> = Number::ALL.iter().map(|number| format!("{number:?}")).collect();
    if let Some(at) = flags.iter().position(|flag| flag == name) {
        return match value {
            "on" => Ok(Setting::Flag(Flag::ALL[at], true)),
            "off" => Ok(Setting::Flag(Flag::ALL[at], false)),
            other => Err(format!("{name} is on or off, found {other:?}")),
        };
    }
    if let Some(at) = numbers.iter().position(|number| number == name) {
        return Ok(Setting::Number(Number::ALL[at], number(value)?));
    }
    if name == "SO_LINGER" {
        let secs = |nanos: u64| {
            nanos.is_multiple_of(1_000_000_000).then(|| u16::try_from(nanos / 1_000_000_000).ok()).flatten()
        };
        return match (value, parse_ns(value).ok().and_then(secs)) {
            ("off", _) => Ok(Setting::Linger(None)),
            (_, Some(secs)) => Ok(Setting::Linger(Some(secs))),
            (other, None) => Err(format!("SO_LINGER is off or whole seconds as in 5s, found {other:?}")),
        };
    }
    if name == "TCP_CONGESTION" {
        let control = CONGESTIONS.into_iter().find(|control| control.name() == value);
        return control
            .map(Setting::Congestion)
            .ok_or_else(|| format!("{name} is none, reno or cubic, found {value:?}"));
    }
    let all = [flags, numbers, vec!["SO_LINGER".to_owned(), "TCP_CONGESTION".to_owned()]].concat();
    let meant = nearest_of(name, all.iter().map(String::as_str));
    Err(format!("expected an option, one of {}; found {name:?}{meant}", all.join(", ")))
}

fn nothing(verb: &str, rest: &str, call: Call) -> Result<Call, String> {
    if rest.is_empty() { Ok(call) } else { Err(format!("{verb} stands alone, found {rest:?} behind it")) }
}

fn remote(text: &str) -> Result<SocketAddr, String> {
    let wrong =
        || format!("expected an address with a port as in 192.0.2.2:1234 or [2001:db8::2]:1234, found {text:?}");
    let addr: SocketAddr = text.parse().map_err(|_| wrong())?;
    match addr {
        // They print, but have no meaning between simulated hosts, and do not all survive printing.
        SocketAddr::V6(six) if six.scope_id() != 0 || six.flowinfo() != 0 => Err(wrong()),
        _ => Ok(addr),
    }
}

fn local(text: &str) -> Result<SocketAddr, String> {
    match text.parse::<u16>() {
        Ok(port) => Ok((Ipv4Addr::UNSPECIFIED, port).into()),
        Err(_) => remote(text).map_err(|_| {
            format!("expected a port as in 1234, or an own address with one as in 192.0.2.1:1234, found {text:?}")
        }),
    }
}

fn text(rest: &str) -> Result<String, String> {
    if rest.is_empty() { Err("the text is missing".to_owned()) } else { Ok(rest.to_owned()) }
}

fn piece(text: &str) -> Result<u64, String> {
    let bytes = parse_bytes(text).ok().filter(|bytes| (1..=PIECE_MAX).contains(bytes));
    bytes.ok_or_else(|| format!("expected a number of bytes from 1 to 1MiB, found {text:?}"))
}

fn datagram(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("expected sizes of datagrams as in 5,0,512, found {text:?}"))
}
