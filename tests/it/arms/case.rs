//! How is a case written down?
//!
//! A case is a script: calls on named sockets of two hosts, each with the answer that Linux gives. It names addresses
//! by what they are and ports by small numbers, so that each arm puts in its own.

use smolsock::{Domain, Errno, Readiness, TcpState};

use super::differences::Difference;

/// A script with a name that is a claim.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: &'static str,
    /// The families it is run in.
    pub families: &'static [Domain],
    pub steps: Vec<Step>,
}

/// One call, and what is answered.
#[derive(Debug, Clone)]
pub struct Step {
    pub call: Call,
    /// What Linux answers.
    pub linux: Answer,
    /// What our stack answers instead, where it differs on purpose.
    pub ours: Option<(Answer, Difference)>,
    /// What follows makes no sense to our stack, because it differs here.
    pub ends_ours: bool,
}

/// A host of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    A,
    B,
}

/// A socket by name: the host, and a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sock(pub Host, pub u8);

pub const A1: Sock = Sock(Host::A, 1);
pub const A2: Sock = Sock(Host::A, 2);
pub const A3: Sock = Sock(Host::A, 3);
/// The listener of a case that begins with a connection.
pub const B0: Sock = Sock(Host::B, 0);
pub const B1: Sock = Sock(Host::B, 1);
pub const B2: Sock = Sock(Host::B, 2);
pub const B3: Sock = Sock(Host::B, 3);

/// What kind of socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Stream,
    Datagram,
    /// A Linux ping socket.
    Ping,
    /// A raw socket of this protocol.
    Raw(u8),
}

/// An address, by what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Host A: 192.0.2.1 or 2001:db8::1.
    OfA,
    /// Host B: 192.0.2.2 or 2001:db8::2.
    OfB,
    /// The wildcard address.
    Any,
    /// 127.0.0.1 or `::1`.
    Loopback,
    /// An address of the own network from which nothing ever comes back.
    Silent,
    /// An address of the own network that nobody has: its neighbour does not answer.
    Absent,
    /// An address to which no route leads.
    Elsewhere,
    /// 255.255.255.255.
    Broadcast,
    /// 192.0.2.255.
    SubnetBroadcast,
    /// 239.1.1.1 or `ff15::1`.
    Group,
}

/// An address and a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    pub place: Place,
    pub family: Family,
    pub port: Port,
}

/// The family of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// That of the case.
    Own,
    V4,
    V6,
    /// An IPv4 address inside an IPv6 one: `::ffff:192.0.2.1`.
    Mapped,
}

/// A port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    Zero,
    /// A port of the case's own, by a small number.
    Own(u16),
    /// The local port of this socket.
    Of(Sock),
    /// In an answer: any ephemeral port.
    Ephemeral,
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    Text(&'static str),
    /// As many zeros.
    Zeros(usize),
}

/// Flags of sends and receives, by their Linux numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub u32);

pub const NONE: Flags = Flags(0);
pub const OOB: Flags = Flags(0x1);
pub const PEEK: Flags = Flags(0x2);
pub const TRUNC: Flags = Flags(0x20);
pub const DONTWAIT: Flags = Flags(0x40);
pub const WAITALL: Flags = Flags(0x100);
pub const NOSIGNAL: Flags = Flags(0x4000);

/// Which half of a connection.
pub use smolsock::Shutdown as Half;

/// A socket option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(non_camel_case_types, reason = "the names that the man pages have")]
pub enum Opt {
    SO_REUSEADDR,
    SO_REUSEPORT,
    SO_KEEPALIVE,
    SO_BROADCAST,
    /// Seconds; -1 for off.
    SO_LINGER,
    SO_RCVBUF,
    SO_SNDBUF,
    /// Milliseconds; 0 for none.
    SO_RCVTIMEO,
    SO_SNDTIMEO,
    SO_ERROR,
    SO_TYPE,
    SO_DOMAIN,
    SO_PROTOCOL,
    SO_ACCEPTCONN,
    IP_TTL,
    IP_TOS,
    IP_MULTICAST_TTL,
    IP_MULTICAST_LOOP,
    IP_RECVTTL,
    IP_RECVTOS,
    IP_PKTINFO,
    IPV6_V6ONLY,
    IPV6_UNICAST_HOPS,
    IPV6_MULTICAST_HOPS,
    IPV6_MULTICAST_LOOP,
    IPV6_RECVPKTINFO,
    IPV6_RECVHOPLIMIT,
    IPV6_TCLASS,
    TCP_NODELAY,
    TCP_MAXSEG,
    /// Seconds.
    TCP_KEEPIDLE,
    /// Seconds.
    TCP_KEEPINTVL,
    TCP_KEEPCNT,
    /// Milliseconds.
    TCP_USER_TIMEOUT,
    TCP_QUICKACK,
    TCP_CORK,
}

/// Control messages, as sent and as received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Control {
    /// `IP_PKTINFO`, `IPV6_PKTINFO`: the local address.
    pub local: Option<Place>,
    pub ttl: Option<u8>,
    pub tos: Option<u8>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// A socket of the case's family, or of the family named.
    Socket(Sock, Option<Domain>, Kind),
    Bind(Sock, At),
    Listen(Sock, usize),
    /// The second name is the new socket's.
    Accept(Sock, Sock),
    Connect(Sock, At),
    /// `connect` to AF_UNSPEC.
    Disconnect(Sock),
    Send(Sock, Data, Flags),
    SendTo(Sock, Data, At, Flags),
    SendMsg(Sock, &'static [&'static str], Option<At>, Control),
    Recv(Sock, usize, Flags),
    RecvFrom(Sock, usize, Flags),
    /// Buffers of these sizes.
    RecvMsg(Sock, &'static [usize], Flags),
    /// Sends zeros until EAGAIN.
    Fill(Sock),
    /// Receives until EAGAIN or the end; counts the bytes.
    Drain(Sock),
    Shutdown(Sock, Half),
    Close(Sock),
    Name(Sock),
    Peer(Sock),
    Ready(Sock),
    Set(Sock, Opt, i64),
    Get(Sock, Opt),
    SetCongestion(Sock, &'static str),
    Congestion(Sock),
    Join(Sock, Place),
    Leave(Sock, Place),
    /// The second name is the copy's.
    Dup(Sock, Sock),
    /// FIONREAD.
    Waiting(Sock),
    /// SIOCOUTQ of a connection.
    Unacknowledged(Sock),
    /// O_NONBLOCK of F_GETFL.
    IsNonBlocking(Sock),
    /// Half a second goes by (more in virtual time): whatever is to come has come.
    Pause(Sock),
    /// The name of the state, as netstat has it.
    State(Sock),
}

/// What a call answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Done,
    Fails(Errno),
    /// Bytes taken, or any other number.
    Is(i64),
    /// A number in this range, ends included.
    Between(i64, i64),
    Text(&'static str),
    /// As many bytes.
    Bytes(usize),
    Address(At),
    Ready(Readiness),
    State(TcpState),
    Message(Message),
}

/// What recvfrom and recvmsg say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub data: Data,
    /// The number returned, if it is not that of the bytes.
    pub count: Option<usize>,
    pub from: Option<At>,
    /// MSG_TRUNC; only recvmsg sees it.
    pub is_truncated: bool,
    pub control: Control,
}

impl Case {
    /// Run in both families.
    pub fn both(mut self) -> Self {
        self.families = &[Domain::Inet, Domain::Inet6];
        self
    }

    /// Run in IPv6 only.
    pub fn v6(mut self) -> Self {
        self.families = &[Domain::Inet6];
        self
    }
}

/// A case from nothing.
pub fn case(name: &'static str, steps: impl IntoIterator<Item = Step>) -> Case {
    Case { name, families: &[Domain::Inet], steps: steps.into_iter().collect() }
}

/// A case that begins with a connection from A1 to B1, accepted by the listener B0.
pub fn connected(name: &'static str, steps: impl IntoIterator<Item = Step>) -> Case {
    case(name, connection().into_iter().chain(steps))
}

/// A case that begins with two UDP sockets, A1 and B1, each bound to port 1 of its host's address.
pub fn datagrams(name: &'static str, steps: impl IntoIterator<Item = Step>) -> Case {
    let open = [datagram(A1), bind(A1, a(1)), datagram(B1), bind(B1, b(1))];
    case(name, open.into_iter().chain(steps))
}

/// A1 listens at B0 and B1 is accepted from it.
pub fn connection() -> [Step; 6] {
    let [one, two, three] = listener(B0, b(1), 8);
    [one, two, three, stream(A1), connect(A1, b(1)).fails(Errno::EINPROGRESS), accept(B0, B1).at(a(of(A1)))]
}

/// A listening socket.
pub fn listener(sock: Sock, at: At, backlog: usize) -> [Step; 3] {
    [stream(sock), bind(sock, at), listen(sock, backlog)]
}

impl Step {
    fn new(call: Call, linux: Answer) -> Self {
        Self { call, linux, ours: None, ends_ours: false }
    }

    fn answers(mut self, linux: Answer) -> Self {
        self.linux = linux;
        self
    }

    pub fn fails(self, errno: Errno) -> Self {
        self.answers(Answer::Fails(errno))
    }

    pub fn text(self, text: &'static str) -> Self {
        self.answers(Answer::Text(text))
    }

    /// As many bytes are received.
    pub fn bytes(self, len: usize) -> Self {
        self.answers(Answer::Bytes(len))
    }

    pub fn at(self, at: At) -> Self {
        self.answers(Answer::Address(at))
    }

    /// A datagram from this address, whole.
    pub fn from(self, data: &'static str, from: At) -> Self {
        self.message(Message { from: Some(from), ..message(data) })
    }

    pub fn message(self, message: Message) -> Self {
        self.answers(Answer::Message(message))
    }

    /// Our stack differs here, on purpose.
    pub fn but_ours(mut self, ours: Answer, why: Difference) -> Self {
        self.ours = Some((ours, why));
        self
    }

    /// Our stack refuses to do this, on purpose: the case is over for it.
    pub fn but_we_refuse(mut self, errno: Errno, why: Difference) -> Self {
        self.ends_ours = true;
        self.but_ours(Answer::Fails(errno), why)
    }

    /// What our stack is to answer.
    pub fn ours(&self) -> &Answer {
        self.ours.as_ref().map_or(&self.linux, |(answer, _)| answer)
    }
}

/// A message that says nothing but its data.
pub fn message(data: &'static str) -> Message {
    Message { data: Data::Text(data), count: None, from: None, is_truncated: false, control: Control::default() }
}

fn at(place: Place, port: impl Into<Port>) -> At {
    At { place, family: Family::Own, port: port.into() }
}

impl From<u16> for Port {
    fn from(number: u16) -> Self {
        if number == 0 { Self::Zero } else { Self::Own(number) }
    }
}

impl At {
    pub fn v4(self) -> Self {
        Self { family: Family::V4, ..self }
    }

    pub fn v6(self) -> Self {
        Self { family: Family::V6, ..self }
    }

    /// As an IPv6 address that holds an IPv4 one.
    pub fn mapped(self) -> Self {
        Self { family: Family::Mapped, ..self }
    }
}

/// The port of a socket.
pub fn of(sock: Sock) -> Port {
    Port::Of(sock)
}

pub fn a(port: impl Into<Port>) -> At {
    at(Place::OfA, port)
}

pub fn b(port: impl Into<Port>) -> At {
    at(Place::OfB, port)
}

pub fn any(port: impl Into<Port>) -> At {
    at(Place::Any, port)
}

pub fn loopback(port: impl Into<Port>) -> At {
    at(Place::Loopback, port)
}

pub fn silent(port: impl Into<Port>) -> At {
    at(Place::Silent, port)
}

pub fn absent(port: impl Into<Port>) -> At {
    at(Place::Absent, port)
}

pub fn elsewhere(port: impl Into<Port>) -> At {
    at(Place::Elsewhere, port)
}

pub fn broadcast(port: impl Into<Port>) -> At {
    at(Place::Broadcast, port)
}

pub fn subnet_broadcast(port: impl Into<Port>) -> At {
    at(Place::SubnetBroadcast, port)
}

pub fn group(port: impl Into<Port>) -> At {
    at(Place::Group, port)
}

pub fn stream(sock: Sock) -> Step {
    socket(sock, Kind::Stream)
}

pub fn datagram(sock: Sock) -> Step {
    socket(sock, Kind::Datagram)
}

pub fn socket(sock: Sock, kind: Kind) -> Step {
    Step::new(Call::Socket(sock, None, kind), Answer::Done)
}

/// A socket of a family that need not be the case's.
pub fn socket_of(sock: Sock, domain: Domain, kind: Kind) -> Step {
    Step::new(Call::Socket(sock, Some(domain), kind), Answer::Done)
}

pub fn bind(sock: Sock, at: At) -> Step {
    Step::new(Call::Bind(sock, at), Answer::Done)
}

pub fn listen(sock: Sock, backlog: usize) -> Step {
    Step::new(Call::Listen(sock, backlog), Answer::Done)
}

/// Answers the peer's address.
pub fn accept(sock: Sock, new: Sock) -> Step {
    Step::new(Call::Accept(sock, new), Answer::Done)
}

pub fn connect(sock: Sock, at: At) -> Step {
    Step::new(Call::Connect(sock, at), Answer::Done)
}

pub fn disconnect(sock: Sock) -> Step {
    Step::new(Call::Disconnect(sock), Answer::Done)
}

/// All of the text is taken, if nothing else is said.
pub fn send(sock: Sock, text: &'static str) -> Step {
    send_with(sock, text, NONE)
}

pub fn send_with(sock: Sock, text: &'static str, flags: Flags) -> Step {
    Step::new(Call::Send(sock, Data::Text(text), flags), Answer::Is(text.chars().count() as i64))
}

pub fn send_zeros(sock: Sock, len: usize) -> Step {
    Step::new(Call::Send(sock, Data::Zeros(len), NONE), Answer::Is(len as i64))
}

pub fn send_to(sock: Sock, text: &'static str, to: At) -> Step {
    Step::new(Call::SendTo(sock, Data::Text(text), to, NONE), Answer::Is(text.chars().count() as i64))
}

pub fn send_zeros_to(sock: Sock, len: usize, to: At) -> Step {
    Step::new(Call::SendTo(sock, Data::Zeros(len), to, NONE), Answer::Is(len as i64))
}

pub fn sendmsg(sock: Sock, pieces: &'static [&'static str], to: Option<At>, control: Control) -> Step {
    let len: usize = pieces.iter().map(|piece| piece.len()).sum();
    Step::new(Call::SendMsg(sock, pieces, to, control), Answer::Is(len as i64))
}

/// Into 64 bytes.
pub fn recv(sock: Sock) -> Step {
    recv_with(sock, 64, NONE)
}

pub fn recv_with(sock: Sock, len: usize, flags: Flags) -> Step {
    Step::new(Call::Recv(sock, len, flags), Answer::Text(""))
}

/// Into 64 bytes.
pub fn recv_from(sock: Sock) -> Step {
    recv_from_with(sock, 64, NONE)
}

pub fn recv_from_with(sock: Sock, len: usize, flags: Flags) -> Step {
    Step::new(Call::RecvFrom(sock, len, flags), Answer::Text(""))
}

pub fn recvmsg(sock: Sock, sizes: &'static [usize], flags: Flags) -> Step {
    Step::new(Call::RecvMsg(sock, sizes, flags), Answer::Text(""))
}

pub fn fill(sock: Sock) -> Step {
    Step::new(Call::Fill(sock), Answer::Between(1, i64::MAX))
}

pub fn drain(sock: Sock) -> Step {
    Step::new(Call::Drain(sock), Answer::Between(1, i64::MAX))
}

pub fn shut(sock: Sock, half: Half) -> Step {
    Step::new(Call::Shutdown(sock, half), Answer::Done)
}

pub fn close(sock: Sock) -> Step {
    Step::new(Call::Close(sock), Answer::Done)
}

pub fn name(sock: Sock, is: At) -> Step {
    Step::new(Call::Name(sock), Answer::Address(is))
}

/// Answers the peer's address.
pub fn peer(sock: Sock) -> Step {
    Step::new(Call::Peer(sock), Answer::Done)
}

pub fn ready(sock: Sock, bits: Readiness) -> Step {
    Step::new(Call::Ready(sock), Answer::Ready(bits))
}

pub fn set(sock: Sock, opt: Opt, value: i64) -> Step {
    Step::new(Call::Set(sock, opt, value), Answer::Done)
}

pub fn get(sock: Sock, opt: Opt, value: i64) -> Step {
    Step::new(Call::Get(sock, opt), Answer::Is(value))
}

/// The pending error, which is cleared.
pub fn error(sock: Sock, errno: Errno) -> Step {
    get(sock, Opt::SO_ERROR, i64::from(errno.number()))
}

pub fn no_error(sock: Sock) -> Step {
    get(sock, Opt::SO_ERROR, 0)
}

pub fn set_congestion(sock: Sock, name: &'static str) -> Step {
    Step::new(Call::SetCongestion(sock, name), Answer::Done)
}

pub fn congestion(sock: Sock, name: &'static str) -> Step {
    Step::new(Call::Congestion(sock), Answer::Text(name))
}

pub fn join(sock: Sock, place: Place) -> Step {
    Step::new(Call::Join(sock, place), Answer::Done)
}

pub fn leave(sock: Sock, place: Place) -> Step {
    Step::new(Call::Leave(sock, place), Answer::Done)
}

pub fn dup(sock: Sock, copy: Sock) -> Step {
    Step::new(Call::Dup(sock, copy), Answer::Done)
}

pub fn waiting(sock: Sock, bytes: i64) -> Step {
    Step::new(Call::Waiting(sock), Answer::Is(bytes))
}

pub fn unacknowledged(sock: Sock, bytes: i64) -> Step {
    Step::new(Call::Unacknowledged(sock), Answer::Is(bytes))
}

pub fn is_non_blocking(sock: Sock, yes: bool) -> Step {
    Step::new(Call::IsNonBlocking(sock), Answer::Is(i64::from(yes)))
}

pub fn pause(sock: Sock) -> Step {
    Step::new(Call::Pause(sock), Answer::Done)
}

pub fn state(sock: Sock, state: TcpState) -> Step {
    Step::new(Call::State(sock), Answer::State(state))
}
