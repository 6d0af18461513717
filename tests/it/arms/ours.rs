//! What does our stack answer?
//!
//! The only file that knows which calls are there: what is not is [`Seen::NotYet`].

use std::collections::BTreeMap;

use smolsock::time::{Duration, Instant};
use smolsock::{Domain, Errno, SocketId, Stack, Type};

use super::super::pair::{ETHERNET, Pair};
use super::case::{Answer, At, Call, Data, Flags, Host, Kind, NONE, Opt, Sock, Step};
use super::run::{Arm, Received, Scope, Seen, bytes, resolve, sock_of};

/// Two hosts on a cable, for the time of one case.
#[derive(Debug)]
pub struct Ours {
    pair: Pair<'static>,
    scope: Scope,
    sockets: BTreeMap<Sock, SocketId>,
    give_up_at: Instant,
}

impl Ours {
    pub fn new(scope: Scope) -> Self {
        Self { pair: Pair::new(ETHERNET), scope, sockets: BTreeMap::new(), give_up_at: Instant::ZERO }
    }

    /// The stack of the socket's host, and the socket.
    fn at(&mut self, sock: Sock) -> Result<(&mut Stack<'static>, SocketId), Errno> {
        let id = *self.sockets.get(&sock).ok_or(Errno::EBADF)?;
        let stack = match sock.host() {
            Host::A => &mut self.pair.a,
            Host::B => &mut self.pair.b,
        };
        Ok((stack, id))
    }

    fn make(&mut self, call: &Call) -> Result<Seen, Errno> {
        let sock = sock_of(call);
        match *call {
            Call::Socket(sock, domain, kind) => self.socket(sock, domain.unwrap_or(self.scope.domain), kind),
            Call::Bind(_, at) => {
                let at = resolve(at, self);
                let (stack, id) = self.at(sock)?;
                stack.bind(id, at).map(|()| Seen::Done)
            }
            Call::Listen(_, backlog) => {
                let (stack, id) = self.at(sock)?;
                stack.listen(id, backlog).map(|()| Seen::Done)
            }
            Call::Accept(_, new) => {
                let (stack, id) = self.at(sock)?;
                let (child, from) = stack.accept(id)?;
                self.sockets.insert(new, child);
                Ok(Seen::Address(from))
            }
            Call::Connect(_, at) => {
                let at = resolve(at, self);
                let (stack, id) = self.at(sock)?;
                stack.connect(id, at).map(|()| Seen::Done)
            }
            Call::Send(_, data, flags) => self.send(sock, data, None, flags),
            Call::SendTo(_, data, to, flags) => self.send(sock, data, Some(to), flags),
            Call::Recv(_, len, flags) => self.recv(sock, len, flags),
            Call::RecvFrom(_, len, flags) => self.recv_from(sock, len, flags),
            Call::Fill(_) => self.fill(sock),
            Call::Drain(_) => self.drain(sock),
            Call::Shutdown(_, half) => {
                let (stack, id) = self.at(sock)?;
                stack.shutdown(id, half).map(|()| Seen::Done)
            }
            Call::Close(_) => {
                let (stack, id) = self.at(sock)?;
                stack.close(id).map(|()| Seen::Done)
            }
            Call::Name(_) => {
                let (stack, id) = self.at(sock)?;
                stack.getsockname(id).map(Seen::Address)
            }
            Call::Peer(_) => {
                let (stack, id) = self.at(sock)?;
                stack.getpeername(id).map(Seen::Address)
            }
            Call::Ready(_) => {
                let (stack, id) = self.at(sock)?;
                stack.readiness(id).map(Seen::Ready)
            }
            Call::Pause(_) => {
                self.pair.run_for(PAUSE);
                Ok(Seen::Done)
            }
            Call::State(_) => {
                let (stack, id) = self.at(sock)?;
                stack.tcp_state(id).map(Seen::State)
            }
            Call::Get(_, Opt::SO_ERROR) => {
                let (stack, id) = self.at(sock)?;
                stack.take_error(id).map(|error| Seen::Is(error.map_or(0, |error| i64::from(error.number()))))
            }
            _ => self.make_rest(call),
        }
    }

    /// Calls that are not there yet.
    fn make_rest(&mut self, call: &Call) -> Result<Seen, Errno> {
        Ok(Seen::NotYet(match call {
            Call::Disconnect(_) => "connect to AF_UNSPEC",
            Call::SendMsg(..) => "sendmsg",
            Call::RecvMsg(..) => "recvmsg",
            Call::Set(..) => "setsockopt",
            Call::Get(..) => "getsockopt",
            Call::SetCongestion(..) | Call::Congestion(_) => "TCP_CONGESTION",
            Call::Join(..) | Call::Leave(..) => "group membership",
            Call::Dup(..) => "dup",
            Call::Waiting(_) => "FIONREAD",
            Call::Unacknowledged(_) => "SIOCOUTQ",
            Call::IsNonBlocking(_) => "F_GETFL",
            _ => "a call",
        }))
    }

    fn socket(&mut self, sock: Sock, domain: Domain, kind: Kind) -> Result<Seen, Errno> {
        let kind = match kind {
            Kind::Stream => Type::Stream,
            Kind::Datagram => Type::Datagram,
            Kind::Ping => return Ok(Seen::NotYet("ping sockets")),
            Kind::Raw(_) => return Ok(Seen::NotYet("raw sockets")),
        };
        let stack = match sock.host() {
            Host::A => &mut self.pair.a,
            Host::B => &mut self.pair.b,
        };
        let id = stack.socket(domain, kind)?;
        self.sockets.insert(sock, id);
        Ok(Seen::Done)
    }

    fn send(&mut self, sock: Sock, data: Data, to: Option<At>, flags: Flags) -> Result<Seen, Errno> {
        if flags != NONE {
            return Ok(Seen::NotYet("flags of send"));
        }
        let (data, to) = (bytes(data), to.map(|at| resolve(at, self)));
        let (stack, id) = self.at(sock)?;
        let taken = match to {
            Some(to) => stack.send_to(id, &data, to)?,
            None => stack.send(id, &data)?,
        };
        Ok(Seen::Is(taken as i64))
    }

    fn recv(&mut self, sock: Sock, len: usize, flags: Flags) -> Result<Seen, Errno> {
        if flags != NONE {
            return Ok(Seen::NotYet("flags of recv"));
        }
        let mut data = vec![0; len];
        let (stack, id) = self.at(sock)?;
        let count = stack.recv(id, &mut data)?;
        data.truncate(count);
        Ok(Seen::Received(Received { data, count, ..Received::default() }))
    }

    fn recv_from(&mut self, sock: Sock, len: usize, flags: Flags) -> Result<Seen, Errno> {
        if flags != NONE {
            return Ok(Seen::NotYet("flags of recv"));
        }
        let mut data = vec![0; len];
        let (stack, id) = self.at(sock)?;
        let datagram = stack.recv_from(id, &mut data)?;
        data.truncate(datagram.len);
        let from = Some(datagram.remote);
        Ok(Seen::Received(Received { data, count: datagram.len, from, ..Received::default() }))
    }

    fn fill(&mut self, sock: Sock) -> Result<Seen, Errno> {
        let mut total = 0;
        loop {
            let (stack, id) = self.at(sock)?;
            match stack.send(id, &[0; 4096]) {
                Ok(len) => total += len as i64,
                Err(Errno::EAGAIN) => {
                    let before = self.pair.frames;
                    self.pair.run_for(Duration::from_secs(1));
                    let (stack, id) = self.at(sock)?;
                    let has_room = stack.readiness(id)?.contains(smolsock::Readiness::OUT);
                    if !has_room && self.pair.frames.abs_diff(before) < 4 {
                        return Ok(Seen::Is(total));
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn drain(&mut self, sock: Sock) -> Result<Seen, Errno> {
        let mut total = 0;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let (stack, id) = self.at(sock)?;
            match stack.recv(id, &mut buffer) {
                Ok(0) | Err(Errno::EAGAIN) => return Ok(Seen::Is(total)),
                Ok(len) => total += len as i64,
                Err(error) => return Err(error),
            }
            self.pair.settle();
        }
    }
}

impl Arm for Ours {
    fn call(&mut self, call: &Call) -> Seen {
        self.make(call).unwrap_or_else(Seen::Fails)
    }

    fn settle(&mut self) {
        self.pair.settle();
    }

    fn wait(&mut self, is_first: bool) -> bool {
        if is_first {
            self.give_up_at = self.pair.now() + STEP_WAIT;
        }
        match self.pair.next_step().filter(|at| *at <= self.give_up_at) {
            Some(next) => {
                self.pair.run_until(next);
                true
            }
            None => false,
        }
    }

    fn expects<'a>(&self, step: &'a Step) -> &'a Answer {
        step.ours()
    }

    fn port_of(&mut self, sock: Sock) -> Option<u16> {
        let (stack, id) = self.at(sock).ok()?;
        stack.getsockname(id).ok().map(|name| name.port())
    }

    fn scope(&self) -> Scope {
        self.scope
    }
}

/// How long a step waits, in virtual time, for an answer that does not come.
const STEP_WAIT: Duration = Duration::from_secs(10);
/// Longer than a neighbour that does not answer is asked.
const PAUSE: Duration = Duration::from_secs(4);
