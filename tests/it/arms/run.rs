//! How is a case run, whoever answers?

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use smolsock::{Domain, Errno, Readiness, TcpState};

use super::case::{Answer, At, Call, Case, Control, Data, Family, Host, Message, Place, Port, Sock, Step};

/// Who answers: our stack or the kernel.
pub trait Arm {
    /// Makes the call, without waiting.
    fn call(&mut self, call: &Call) -> Seen;
    /// Lets everything arrive that is on its way.
    fn settle(&mut self);
    /// Lets some time pass; `false` once the step has had enough of it.
    fn wait(&mut self, is_first: bool) -> bool;
    /// What this arm has to answer.
    fn expects<'a>(&self, step: &'a Step) -> &'a Answer;
    /// Whether the case is over for this arm when it has made this step.
    fn ends_with(&self, step: &Step) -> bool {
        let _ = step;
        false
    }
    /// The local port of a socket.
    fn port_of(&mut self, sock: Sock) -> Option<u16>;
    /// What the case's own ports and addresses are.
    fn scope(&self) -> Scope;
}

/// What names in a case stand for.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    pub domain: Domain,
    /// Added to the numbers of the case's own ports.
    pub base_port: u16,
}

/// What a call answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    Done,
    Fails(Errno),
    Is(i64),
    Received(Received),
    Name(String),
    Address(SocketAddr),
    Ready(Readiness),
    State(TcpState),
    /// The arm does not know this call (yet).
    NotYet(&'static str),
}

/// What a receiving call gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Received {
    pub data: Vec<u8>,
    /// The number that the call returned.
    pub count: usize,
    /// MSG_TRUNC, as far as the call tells.
    pub is_truncated: bool,
    pub from: Option<SocketAddr>,
    pub local: Option<IpAddr>,
    pub ttl: Option<u8>,
    pub tos: Option<u8>,
}

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Agrees,
    /// A call is not there yet.
    NotYet(&'static str),
    /// What went wrong, with the step and both answers.
    Differs(String),
}

/// Runs a case to its end, or to the first answer that is not the expected one.
pub fn run(case: &Case, arm: &mut impl Arm) -> Outcome {
    for (number, step) in case.steps.iter().enumerate() {
        let expected = arm.expects(step);
        let mut seen = arm.call(&step.call);
        arm.settle();
        let mut is_first = true;
        while !is_answer(expected, &seen, arm) && may_change(&step.call, &seen) && arm.wait(is_first) {
            is_first = false;
            seen = arm.call(&step.call);
            arm.settle();
        }
        if let Seen::NotYet(what) = seen {
            return Outcome::NotYet(what);
        }
        if !is_answer(expected, &seen, arm) {
            return Outcome::Differs(complaint(case, number, expected, &seen, arm));
        }
        if arm.ends_with(step) {
            break;
        }
    }
    Outcome::Agrees
}

/// Whether the same call may answer something else later, and does no harm by being made again.
fn may_change(call: &Call, seen: &Seen) -> bool {
    match call {
        Call::Ready(_) | Call::Waiting(_) | Call::Unacknowledged(_) | Call::State(_) => true,
        _ => matches!(seen, Seen::Fails(Errno::EAGAIN | Errno::EALREADY)),
    }
}

fn complaint(case: &Case, number: usize, expected: &Answer, seen: &Seen, arm: &impl Arm) -> String {
    let mut text = format!("{} ({:?})\n", case.name, arm.scope().domain);
    for (at, step) in case.steps.iter().enumerate().take(number + 1) {
        let mark = if at == number { "=>" } else { "  " };
        let _ = writeln!(text, "  {mark} {:2} {:?}", at + 1, step.call);
    }
    let _ = write!(text, "     expected {expected:?}\n     seen     {seen:?}");
    text
}

fn is_answer(expected: &Answer, seen: &Seen, arm: &mut impl Arm) -> bool {
    match (expected, seen) {
        (Answer::Done, Seen::Done) => true,
        (Answer::Fails(expected), Seen::Fails(seen)) => expected == seen,
        (Answer::Is(expected), Seen::Is(seen)) => expected == seen,
        (Answer::Between(least, most), Seen::Is(seen)) => (least..=most).contains(&seen),
        (Answer::Text(text), Seen::Received(seen)) => seen.data == text.as_bytes() && seen.count == text.len(),
        (Answer::Text(text), Seen::Name(seen)) => text == seen,
        (Answer::Bytes(len), Seen::Received(seen)) => seen.data.len() == *len,
        (Answer::Address(expected), Seen::Address(seen)) => is_at(*expected, *seen, arm),
        (Answer::Ready(expected), Seen::Ready(seen)) => expected == seen,
        (Answer::State(expected), Seen::State(seen)) => expected == seen,
        (Answer::Message(expected), Seen::Received(seen)) => is_message(expected, seen, arm),
        _ => false,
    }
}

fn is_message(expected: &Message, seen: &Received, arm: &mut impl Arm) -> bool {
    let data = bytes(expected.data);
    let is_from = match (expected.from, seen.from) {
        (Some(expected), Some(seen)) => is_at(expected, seen, arm),
        (expected, seen) => expected.is_none() && seen.is_none(),
    };
    let Control { local, ttl, tos } = expected.control;
    let local = local.map(|place| address(place, Family::Own, arm.scope().domain));
    seen.data == data
        && seen.count == expected.count.unwrap_or(data.len())
        && seen.is_truncated == expected.is_truncated
        && is_from
        && (seen.local, seen.ttl, seen.tos) == (local, ttl, tos)
}

fn is_at(expected: At, seen: SocketAddr, arm: &mut impl Arm) -> bool {
    if address(expected.place, expected.family, arm.scope().domain) != seen.ip() {
        return false;
    }
    match expected.port {
        Port::Ephemeral => seen.port() >= EPHEMERAL_MIN,
        port => port_number(port, arm) == Some(seen.port()),
    }
}

/// The address that `at` stands for.
pub fn resolve(at: At, arm: &mut impl Arm) -> SocketAddr {
    let port = port_number(at.port, arm).unwrap_or_default();
    SocketAddr::new(address(at.place, at.family, arm.scope().domain), port)
}

fn port_number(port: Port, arm: &mut impl Arm) -> Option<u16> {
    match port {
        Port::Zero | Port::Ephemeral => Some(0),
        Port::Own(number) => Some(arm.scope().base_port + number),
        Port::Of(sock) => arm.port_of(sock),
    }
}

/// The IP address of a place.
pub fn address(place: Place, family: Family, domain: Domain) -> IpAddr {
    let (v4, v6) = match place {
        Place::OfA => ("192.0.2.1", "2001:db8::1"),
        Place::OfB => ("192.0.2.2", "2001:db8::2"),
        Place::Any => ("0.0.0.0", "::"),
        Place::Loopback => ("127.0.0.1", "::1"),
        Place::Silent => ("192.0.2.9", "2001:db8::9"),
        Place::Absent => ("192.0.2.8", "2001:db8::8"),
        Place::Elsewhere => ("198.18.0.1", "2001:db8:ffff::1"),
        Place::Broadcast => ("255.255.255.255", "ff02::1"),
        Place::SubnetBroadcast => ("192.0.2.255", "ff02::1"),
        Place::Group => ("239.1.1.1", "ff15::1"),
    };
    let is_v4 = family == Family::V4 || (family == Family::Own && domain == Domain::Inet);
    let text = if is_v4 || family == Family::Mapped { v4 } else { v6 };
    match text.parse().expect("an address") {
        IpAddr::V4(v4) if family == Family::Mapped => mapped(v4),
        address => address,
    }
}

fn mapped(v4: Ipv4Addr) -> IpAddr {
    v4.to_ipv6_mapped().into()
}

/// The bytes that a case sends.
pub fn bytes(data: Data) -> Vec<u8> {
    match data {
        Data::Text(text) => latin(text),
        Data::Zeros(len) => vec![0; len],
    }
}

/// One byte for each letter: ICMPv6 begins with bytes that are no UTF-8.
pub fn latin(text: &str) -> Vec<u8> {
    text.chars().map(|letter| u8::try_from(u32::from(letter)).expect("a letter of one byte")).collect()
}

/// The host that a call is made on.
pub fn sock_of(call: &Call) -> Sock {
    match call {
        Call::Socket(sock, ..) | Call::Bind(sock, _) | Call::Listen(sock, _) | Call::Accept(sock, _) => *sock,
        Call::Connect(sock, _) | Call::Disconnect(sock) | Call::Send(sock, ..) | Call::SendTo(sock, ..) => *sock,
        Call::SendMsg(sock, ..) | Call::Recv(sock, ..) | Call::RecvFrom(sock, ..) | Call::RecvMsg(sock, ..) => *sock,
        Call::Fill(sock) | Call::Drain(sock) | Call::Shutdown(sock, _) | Call::Close(sock) | Call::Name(sock) => *sock,
        Call::Peer(sock) | Call::Ready(sock) | Call::Set(sock, ..) | Call::Get(sock, _) => *sock,
        Call::SetCongestion(sock, _) | Call::Congestion(sock) | Call::Join(sock, _) | Call::Leave(sock, _) => *sock,
        Call::Dup(sock, _) | Call::Waiting(sock) | Call::Unacknowledged(sock) => *sock,
        Call::IsNonBlocking(sock) | Call::Pause(sock) | Call::State(sock) => *sock,
    }
}

impl Sock {
    pub fn host(self) -> Host {
        self.0
    }
}

/// The least port that either arm chooses by itself (Linux: 32,768; ours: 49,152).
const EPHEMERAL_MIN: u16 = 32_768;
