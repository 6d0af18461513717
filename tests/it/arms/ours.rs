//! What does our stack answer?
//!
//! The only place that knows which calls are there: what is not is [`Seen::NotYet`].

mod options;

use std::collections::BTreeMap;

use smolsock::time::{Duration, Instant};
use smolsock::{
    Control, Domain, Errno, MsgFlags, PacketInfo, SendMessage, SocketFlags, SocketId, Stack, StatusFlags, Type,
};

use super::super::pair::{ETHERNET, Pair};
use super::case::{Answer, At, Call, Control as CaseControl, Data, Family, Flags, Host, Kind, NONE, Place, Sock, Step};
use super::case::{DONTWAIT, NOSIGNAL, OOB, PEEK, TRUNC, WAITALL};
use super::run::{Arm, Received, Scope, Seen, address, bytes, latin, resolve, sock_of};

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
                let (child, from) = stack.accept4(id, SocketFlags::NONBLOCK)?;
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
            _ => self.make_rest(call),
        }
    }

    /// What concerns options, descriptors and messages.
    fn make_rest(&mut self, call: &Call) -> Result<Seen, Errno> {
        let (domain, (stack, id)) = (self.scope.domain, self.at(sock_of(call))?);
        match *call {
            Call::Set(_, opt, value) => options::set(stack, id, opt, value),
            Call::Get(_, opt) => options::get(stack, id, opt),
            Call::SetCongestion(_, name) => options::set_congestion(stack, id, name),
            Call::Congestion(_) => options::congestion(stack, id),
            Call::Join(_, place) => options::join(stack, id, address(place, Family::Own, domain)),
            Call::Leave(_, place) => options::leave(stack, id, address(place, Family::Own, domain)),
            Call::Dup(_, copy) => {
                let id = stack.dup(id)?;
                self.sockets.insert(copy, id);
                Ok(Seen::Done)
            }
            Call::Waiting(_) => stack.ioctl_fionread(id).map(|len| Seen::Is(len as i64)),
            Call::Unacknowledged(_) => stack.ioctl_siocoutq(id).map(|len| Seen::Is(len as i64)),
            Call::IsNonBlocking(_) => {
                stack.fcntl_getfl(id).map(|flags| Seen::Is(i64::from(flags.contains(StatusFlags::NONBLOCK))))
            }
            Call::SendMsg(sock, pieces, to, control) => self.send_message(sock, pieces, to, control),
            Call::RecvMsg(_, sizes, flags) => recv_message(stack, id, sizes, flags),
            Call::Disconnect(_) => stack.disconnect(id).map(|()| Seen::Done),
            _ => Ok(Seen::NotYet("a call")),
        }
    }

    fn socket(&mut self, sock: Sock, domain: Domain, kind: Kind) -> Result<Seen, Errno> {
        let kind = match kind {
            Kind::Stream => Type::Stream,
            Kind::Datagram => Type::Datagram,
            Kind::Ping => Type::Icmp,
            Kind::Raw(protocol) => Type::Raw(protocol),
        };
        let stack = match sock.host() {
            Host::A => &mut self.pair.a,
            Host::B => &mut self.pair.b,
        };
        let id = stack.socket(domain, kind)?;
        stack.fcntl_setfl(id, StatusFlags::NONBLOCK)?;
        self.sockets.insert(sock, id);
        Ok(Seen::Done)
    }

    fn send(&mut self, sock: Sock, data: Data, to: Option<At>, flags: Flags) -> Result<Seen, Errno> {
        let (data, to) = (bytes(data), to.map(|at| resolve(at, self)));
        let (stack, id) = self.at(sock)?;
        let taken = match to {
            Some(to) if flags == NONE => stack.send_to(id, &data, to)?,
            Some(_) => {
                let message = SendMessage { pieces: &[&data], to, control: Control::NONE };
                stack.sendmsg(id, &message, numbered(flags))?
            }
            None => stack.send_with(id, &data, numbered(flags))?,
        };
        Ok(Seen::Is(taken as i64))
    }

    fn recv(&mut self, sock: Sock, len: usize, flags: Flags) -> Result<Seen, Errno> {
        let mut data = vec![0; len];
        let (stack, id) = self.at(sock)?;
        let count = stack.recv_with(id, &mut data, numbered(flags))?;
        data.truncate(count);
        Ok(Seen::Received(Received { data, count, ..Received::default() }))
    }

    fn recv_from(&mut self, sock: Sock, len: usize, flags: Flags) -> Result<Seen, Errno> {
        let mut data = vec![0; len];
        let (stack, id) = self.at(sock)?;
        let datagram = stack.recv_from_with(id, &mut data, numbered(flags))?;
        data.truncate(datagram.len);
        // The kernel's call returns the full length if it is asked for it.
        let count = if numbered(flags).contains(MsgFlags::TRUNC) { datagram.full_len } else { datagram.len };
        let from = Some(datagram.remote).filter(|remote| !remote.ip().is_unspecified());
        Ok(Seen::Received(Received { data, count, from, ..Received::default() }))
    }

    fn send_message(
        &mut self,
        sock: Sock,
        pieces: &[&str],
        to: Option<At>,
        control: CaseControl,
    ) -> Result<Seen, Errno> {
        let domain = self.scope.domain;
        let to = to.map(|at| resolve(at, self));
        let local = |place: Place| PacketInfo { local: address(place, Family::Own, domain), interface: 0 };
        let control = Control { packet_info: control.local.map(local), ttl: control.ttl, tos: control.tos };
        let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| latin(piece)).collect();
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        let (stack, id) = self.at(sock)?;
        let taken = stack.sendmsg(id, &SendMessage { pieces: &pieces, to, control }, MsgFlags::NONE)?;
        Ok(Seen::Is(taken as i64))
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

    fn ends_with(&self, step: &Step) -> bool {
        step.ends_ours
    }

    fn port_of(&mut self, sock: Sock) -> Option<u16> {
        let (stack, id) = self.at(sock).ok()?;
        stack.getsockname(id).ok().map(|name| name.port())
    }

    fn scope(&self) -> Scope {
        self.scope
    }
}

fn recv_message(stack: &mut Stack<'static>, id: SocketId, sizes: &[usize], flags: Flags) -> Result<Seen, Errno> {
    let mut buffers: Vec<Vec<u8>> = sizes.iter().map(|size| vec![0; *size]).collect();
    let mut slices: Vec<&mut [u8]> = buffers.iter_mut().map(Vec::as_mut_slice).collect();
    let message = stack.recvmsg(id, &mut slices, numbered(flags))?;
    let mut data = buffers.concat();
    data.truncate(message.len);
    Ok(Seen::Received(Received {
        data,
        count: if numbered(flags).contains(MsgFlags::TRUNC) { message.full_len } else { message.len },
        is_truncated: message.flags.contains(MsgFlags::TRUNC),
        from: message.remote,
        local: message.control.packet_info.map(|info| info.local),
        ttl: message.control.ttl,
        tos: message.control.tos,
    }))
}

fn numbered(flags: Flags) -> MsgFlags {
    let all = [
        (OOB, MsgFlags::OOB),
        (PEEK, MsgFlags::PEEK),
        (TRUNC, MsgFlags::TRUNC),
        (DONTWAIT, MsgFlags::DONTWAIT),
        (WAITALL, MsgFlags::WAITALL),
        (NOSIGNAL, MsgFlags::NOSIGNAL),
    ];
    let set = all.into_iter().filter(|(number, _)| flags.0 & number.0 != 0);
    set.fold(MsgFlags::NONE, |all, (_, flag)| all | flag)
}

/// How long a step waits, in virtual time, for an answer that does not come.
const STEP_WAIT: Duration = Duration::from_secs(10);
/// Longer than a neighbour that does not answer is asked.
const PAUSE: Duration = Duration::from_secs(4);
