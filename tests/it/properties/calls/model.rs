//! What is a socket, to somebody who knows POSIX and no protocol?

use std::collections::VecDeque;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use smolsock::{EPHEMERAL_MIN, Errno, Readiness, Shutdown, TcpState, Type};

use super::tcp::Tcp;
use super::udp::Udp;
use super::{Answer, Call, Flag, Outcome, Step, own, wildcard};

/// Two hosts, between which everything arrives at once.
///
/// Ephemeral ports are counted up from [`EPHEMERAL_MIN`]; they stand for whichever the stack chooses.
#[derive(Clone)]
pub struct Model {
    /// Bytes of each TCP receive and send buffer.
    pub recv_bytes: usize,
    pub send_bytes: usize,
    /// What has been called before the run, to begin in an interesting state.
    pub prelude: Vec<Step>,
    /// What the last call gives.
    pub answer: Outcome,
    /// Descriptors of each host; closed ones keep their number.
    pub fds: [Vec<Option<usize>>; 2],
    pub(super) sockets: Vec<Socket>,
    pub(super) time_wait: Vec<TimeWait>,
    pub(super) sends: usize,
    next_port: u16,
    pub(super) binds: usize,
}

/// A socket, or what remains of one.
#[derive(Debug, Clone)]
pub(super) struct Socket {
    pub(super) host: usize,
    pub(super) body: Body,
    /// How many descriptors name it. A TCP socket without one is an orphan, or waits to be accepted.
    pub(super) refs: usize,
    pub(super) local: Option<SocketAddr>,
    pub(super) remote: Option<SocketAddr>,
    pub(super) error: Option<Errno>,
    pub(super) options: Options,
    pub(super) bound_at: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Body {
    Tcp(Tcp),
    Listener { backlog: usize, ready: VecDeque<usize> },
    Udp(Udp),
    Gone,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    pub(super) reuse_address: bool,
    keep_alive: bool,
    no_delay: bool,
    ttl: i32,
    pub(super) is_abortive: bool,
}

#[derive(Debug, Clone)]
pub(super) struct TimeWait {
    pub(super) host: usize,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    reuse_address: bool,
}

/// What somebody who looks for the next call wants to know of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Fresh,
    Connecting,
    Stream,
    Listener,
    Datagram,
}

/// What can be seen of a socket without changing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    pub readiness: Readiness,
    pub local: SocketAddr,
    pub remote: Result<SocketAddr, Errno>,
    pub state: Result<TcpState, Errno>,
    pub unread: Result<usize, Errno>,
}

impl Model {
    pub fn new((recv_bytes, send_bytes): (usize, usize), prelude: Vec<Step>) -> Self {
        let mut model = Self {
            recv_bytes,
            send_bytes,
            prelude: Vec::new(),
            answer: Ok(Answer::Done),
            fds: [Vec::new(), Vec::new()],
            sockets: Vec::new(),
            time_wait: Vec::new(),
            sends: 0,
            next_port: EPHEMERAL_MIN,
            binds: 0,
        };
        model.prelude = prelude;
        model
    }

    /// Makes a call, and lets everything happen that comes of it.
    pub fn play(&mut self, step: &Step) {
        if matches!(step.call, Call::Send(..) | Call::SendTo(..)) {
            self.sends += 1;
        }
        self.answer = self.call(step.host, &step.call);
        self.settle();
    }

    fn call(&mut self, host: usize, call: &Call) -> Outcome {
        match *call {
            Call::Socket(kind) => self.make(host, kind),
            Call::Rest => self.rest(),
            Call::Bind(fd, local) => self.bind(self.find(host, fd)?, local),
            Call::Listen(fd, backlog) => self.listen(self.find(host, fd)?, backlog),
            Call::Accept(fd) => self.accept(self.find(host, fd)?),
            Call::Connect(fd, remote) => self.connect(self.find(host, fd)?, remote),
            Call::Send(fd, len) => self.send(self.find(host, fd)?, len, None),
            Call::SendTo(fd, len, remote) => self.send(self.find(host, fd)?, len, Some(remote)),
            Call::Recv(fd, len) => self.recv(self.find(host, fd)?, len, false),
            Call::Peek(fd, len) => self.recv(self.find(host, fd)?, len, true),
            Call::RecvFrom(fd, len) => self.recv_from(self.find(host, fd)?, len),
            Call::Shutdown(fd, how) => self.shutdown(self.find(host, fd)?, how),
            Call::Close(fd) => self.close(host, fd),
            Call::Dup(fd) => {
                let index = self.find(host, fd)?;
                self.sockets[index].refs += 1;
                self.fds[host].push(Some(index));
                Ok(Answer::Opened)
            }
            Call::SetFlag(fd, flag, on) => {
                *self.flag(self.find(host, fd)?, flag).ok_or(Errno::ENOPROTOOPT)? = on;
                Ok(Answer::Done)
            }
            Call::GetFlag(fd, flag) => {
                let on = self.flag(self.find(host, fd)?, flag).ok_or(Errno::EOPNOTSUPP)?;
                Ok(Answer::Flag(*on))
            }
            Call::SetTtl(fd, ttl) => {
                let index = self.find(host, fd)?;
                let ttl = if ttl == -1 { 64 } else { ttl };
                if !(1..=255).contains(&ttl) {
                    return Err(Errno::EINVAL);
                }
                self.sockets[index].options.ttl = ttl;
                Ok(Answer::Done)
            }
            Call::GetTtl(fd) => Ok(Answer::Number(self.sockets[self.find(host, fd)?].options.ttl)),
            Call::SetAbortive(fd, on) => {
                let index = self.find(host, fd)?;
                self.sockets[index].options.is_abortive = on;
                Ok(Answer::Done)
            }
            Call::TakeError(fd) => Ok(Answer::Error(self.report(self.find(host, fd)?))),
        }
    }

    /// Whether the model knows what comes of a call.
    pub fn knows(&self, step: &Step) -> bool {
        if step.call.fd().is_some_and(|fd| fd >= self.fds[step.host].len()) {
            return false;
        }
        let find = |fd| self.find(step.host, fd).ok();
        match step.call {
            Call::Connect(fd, remote) => find(fd).is_none_or(|index| !self.is_strange_connect(index, remote)),
            Call::Close(fd) => {
                find(fd).is_none_or(|index| self.sockets[index].refs > 1 || !self.is_strange_close(index))
            }
            _ => true,
        }
    }

    /// The open descriptors of a host.
    pub fn open(&self, host: usize) -> Vec<(usize, Kind)> {
        let open = self.fds[host].iter().enumerate().filter_map(|(fd, index)| Some((fd, (*index)?)));
        open.map(|(fd, index)| (fd, self.kind(index))).collect()
    }

    fn kind(&self, index: usize) -> Kind {
        match &self.sockets[index].body {
            Body::Tcp(tcp) => tcp.kind(),
            Body::Listener { .. } => Kind::Listener,
            Body::Udp(_) => Kind::Datagram,
            Body::Gone => unreachable!("a descriptor names it"),
        }
    }

    /// Where somebody listens, or a bound UDP socket is, as a host sees it.
    pub fn targets(&self, host: usize, is_tcp: bool) -> Vec<SocketAddr> {
        let kind = if is_tcp { Kind::Listener } else { Kind::Datagram };
        let there = self.sockets.iter().filter(|socket| match &socket.body {
            Body::Listener { .. } => kind == Kind::Listener,
            Body::Udp(_) => kind == Kind::Datagram,
            Body::Tcp(_) | Body::Gone => false,
        });
        let addrs = there.filter_map(|socket| {
            let local = socket.local?;
            let is_reachable = !local.ip().is_loopback() || socket.host == host;
            let ip = if local.ip().is_unspecified() { own(socket.host, 0).ip() } else { local.ip() };
            is_reachable.then_some(SocketAddr::new(ip, local.port()))
        });
        addrs.collect()
    }

    /// The socket behind a descriptor.
    pub(super) fn find(&self, host: usize, fd: usize) -> Result<usize, Errno> {
        self.fds[host].get(fd).copied().flatten().ok_or(Errno::EBADF)
    }

    fn make(&mut self, host: usize, kind: Type) -> Outcome {
        let body = match kind {
            Type::Stream => Body::Tcp(Tcp::fresh()),
            Type::Datagram => Body::Udp(Udp::default()),
            Type::Icmp | Type::Raw(_) => unreachable!("the machine makes none"),
        };
        let options = Options { reuse_address: false, keep_alive: false, no_delay: false, ttl: 64, is_abortive: false };
        let socket = Socket { host, body, refs: 1, local: None, remote: None, error: None, options, bound_at: 0 };
        self.sockets.push(socket);
        self.fds[host].push(Some(self.sockets.len() - 1));
        Ok(Answer::Opened)
    }

    fn bind(&mut self, index: usize, local: SocketAddr) -> Outcome {
        let socket = &self.sockets[index];
        if socket.local.is_some() {
            return Err(Errno::EINVAL);
        }
        let ip = local.ip();
        if !(ip.is_unspecified() || ip.is_loopback() || ip == own(socket.host, 0).ip()) {
            return Err(Errno::EADDRNOTAVAIL);
        }
        if local.port() == 0 {
            let port = self.choose_port();
            self.set_local(index, SocketAddr::new(ip, port));
            return Ok(Answer::Done);
        }
        if self.is_in_use(index, local) {
            return Err(Errno::EADDRINUSE);
        }
        self.set_local(index, local);
        Ok(Answer::Done)
    }

    pub(super) fn choose_port(&mut self) -> u16 {
        self.next_port += 1;
        self.next_port - 1
    }

    pub(super) fn bind_if_needed(&mut self, index: usize) {
        if self.sockets[index].local.is_none() {
            let port = self.choose_port();
            self.set_local(index, wildcard(port));
        }
    }

    fn set_local(&mut self, index: usize, local: SocketAddr) {
        self.binds += 1;
        (self.sockets[index].local, self.sockets[index].bound_at) = (Some(local), self.binds);
    }

    fn is_in_use(&self, index: usize, local: SocketAddr) -> bool {
        let own = &self.sockets[index];
        let by_socket = self.sockets.iter().enumerate().any(|(other, socket)| {
            let is_rival = other != index && socket.host == own.host && socket.is_tcp() == own.is_tcp();
            let is_listening = matches!(socket.body, Body::Listener { .. });
            let is_shared =
                own.options.reuse_address && socket.options.reuse_address && !(own.is_tcp() && is_listening);
            let is_there = !matches!(socket.body, Body::Gone) && !socket.is_child();
            is_rival && is_there && !is_shared && socket.local.is_some_and(|there| overlap(local, there))
        });
        let by_time_wait = own.is_tcp()
            && self.time_wait.iter().any(|entry| {
                let is_shared = own.options.reuse_address && entry.reuse_address;
                entry.host == own.host && !is_shared && overlap(local, entry.local)
            });
        by_socket || by_time_wait
    }

    /// Nobody in particular is this host.
    pub(super) fn peer(&self, index: usize, remote: SocketAddr) -> SocketAddr {
        let bound = self.sockets[index].local.map(|local| local.ip()).filter(|ip| !ip.is_unspecified());
        let itself = bound.unwrap_or(Ipv4Addr::LOCALHOST.into());
        if remote.ip().is_unspecified() { SocketAddr::new(itself, remote.port()) } else { remote }
    }

    fn connect(&mut self, index: usize, remote: SocketAddr) -> Outcome {
        let remote = self.peer(index, remote);
        match &self.sockets[index].body {
            Body::Tcp(_) => self.connect_tcp(index, remote),
            Body::Udp(_) => self.connect_udp(index, remote),
            Body::Listener { .. } => Err(Errno::EISCONN),
            Body::Gone => unreachable!("a descriptor names it"),
        }
    }

    fn send(&mut self, index: usize, len: usize, to: Option<SocketAddr>) -> Outcome {
        let to = to.map(|to| self.peer(index, to));
        match &self.sockets[index].body {
            Body::Tcp(_) => self.send_tcp(index, len),
            Body::Udp(_) => self.send_udp(index, len, to),
            Body::Listener { .. } => Err(Errno::EPIPE),
            Body::Gone => unreachable!("a descriptor names it"),
        }
    }

    fn recv(&mut self, index: usize, len: usize, is_peek: bool) -> Outcome {
        match &self.sockets[index].body {
            Body::Tcp(_) => self.recv_tcp(index, len, is_peek),
            Body::Udp(_) => Ok(Answer::Bytes(self.recv_udp(index, len, is_peek)?.0)),
            Body::Listener { .. } => Err(Errno::ENOTCONN),
            Body::Gone => unreachable!("a descriptor names it"),
        }
    }

    fn recv_from(&mut self, index: usize, len: usize) -> Outcome {
        if !self.sockets[index].is_tcp() {
            let (bytes, full_len, remote) = self.recv_udp(index, len, false)?;
            return Ok(Answer::Datagram { bytes, full_len, remote });
        }
        match self.recv(index, len, false)? {
            Answer::Bytes(bytes) => Ok(Answer::Datagram { full_len: bytes.len(), bytes, remote: wildcard(0) }),
            answer => Ok(answer),
        }
    }

    fn shutdown(&mut self, index: usize, how: Shutdown) -> Outcome {
        match &self.sockets[index].body {
            Body::Tcp(_) => self.shutdown_tcp(index, how),
            Body::Udp(_) => self.shutdown_udp(index, how),
            Body::Listener { .. } if how == Shutdown::Write => Ok(Answer::Done),
            Body::Listener { .. } => {
                self.drop_children(index);
                self.sockets[index].body = Body::Tcp(Tcp::fresh());
                Ok(Answer::Done)
            }
            Body::Gone => unreachable!("a descriptor names it"),
        }
    }

    fn close(&mut self, host: usize, fd: usize) -> Outcome {
        let index = self.find(host, fd)?;
        self.fds[host][fd] = None;
        self.sockets[index].refs -= 1;
        if self.sockets[index].refs > 0 {
            return Ok(Answer::Done);
        }
        match &self.sockets[index].body {
            Body::Tcp(_) => self.close_tcp(index),
            Body::Listener { .. } => {
                self.drop_children(index);
                self.sockets[index].body = Body::Gone;
            }
            Body::Udp(_) | Body::Gone => self.sockets[index].body = Body::Gone,
        }
        Ok(Answer::Done)
    }

    fn flag(&mut self, index: usize, flag: Flag) -> Option<&mut bool> {
        let socket = &mut self.sockets[index];
        let is_tcp = socket.is_tcp();
        let options = &mut socket.options;
        match flag {
            Flag::ReuseAddress => Some(&mut options.reuse_address),
            Flag::KeepAlive => Some(&mut options.keep_alive),
            Flag::NoDelay => is_tcp.then_some(&mut options.no_delay),
        }
    }

    /// Takes the pending error.
    pub(super) fn report(&mut self, index: usize) -> Option<Errno> {
        self.sockets[index].error.take()
    }

    /// TIME-WAIT is over.
    fn rest(&mut self) -> Outcome {
        self.time_wait.clear();
        Ok(Answer::Done)
    }

    pub(super) fn enter_time_wait(&mut self, index: usize) {
        let Socket { host, local, remote, options, .. } = self.sockets[index];
        if let (Some(local), Some(remote)) = (local, remote) {
            self.time_wait.push(TimeWait { host, local, remote, reuse_address: options.reuse_address });
        }
    }

    /// What can be seen behind a descriptor.
    pub fn view(&self, host: usize, fd: usize) -> Result<View, Errno> {
        let socket = &self.sockets[self.find(host, fd)?];
        let local = socket.local.unwrap_or(wildcard(0));
        let remote = socket.remote.ok_or(Errno::ENOTCONN);
        Ok(match &socket.body {
            Body::Tcp(tcp) => {
                let is_over = matches!(tcp.state, TcpState::Closed | TcpState::SynSent);
                View {
                    readiness: tcp.readiness(socket.error, self.send_bytes),
                    local,
                    remote: if is_over { Err(Errno::ENOTCONN) } else { remote },
                    state: Ok(tcp.state),
                    unread: Ok(tcp.readable()),
                }
            }
            Body::Udp(udp) => View {
                readiness: udp.readiness(socket.error),
                local,
                remote,
                state: Err(Errno::EOPNOTSUPP),
                unread: Ok(udp.queue.front().map_or(0, |datagram| datagram.bytes.len())),
            },
            Body::Listener { ready, .. } => View {
                readiness: if ready.is_empty() { Readiness::NONE } else { Readiness::IN },
                local,
                remote: Err(Errno::ENOTCONN),
                state: Ok(TcpState::Listen),
                unread: Err(Errno::EINVAL),
            },
            Body::Gone => unreachable!("a descriptor names it"),
        })
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What a failing run begins with; the rest follows from the steps.
        write!(f, "({}, {}) bytes, {:?}", self.recv_bytes, self.send_bytes, self.prelude)
    }
}

impl Socket {
    pub(super) fn is_tcp(&self) -> bool {
        matches!(self.body, Body::Tcp(_) | Body::Listener { .. })
    }

    /// Whether it waits to be accepted.
    pub(super) fn is_child(&self) -> bool {
        matches!(&self.body, Body::Tcp(tcp) if tcp.is_child)
    }

    pub(super) fn is_orphan(&self) -> bool {
        self.refs == 0 && !self.is_child()
    }
}

/// Whether two local addresses cannot both be bound.
fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() == b.port() && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}
