//! What does an application know of its sockets?

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use smolsock::sockopt::{SO_LINGER, SO_REUSEADDR};
use smolsock::{Domain, Errno, MsgFlags, PollFd, Readiness, SocketId, Stack, Type};

use super::model::Model;
use super::{Call, errnos, how};
use crate::victim::port::Port;

/// A host and its descriptors.
pub(super) struct Host {
    pub(super) number: u8,
    pub(super) stack: Stack<'static>,
    pub(super) port: Port,
    pub(super) fds: Vec<Fd>,
    /// Every id that there ever was.
    ids: BTreeSet<String>,
}

/// A descriptor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fd {
    pub(super) id: SocketId,
    pub(super) kind: Kind,
    pub(super) is_open: bool,
    /// The connection that it names, as long as it can be told.
    ends: Option<(SocketAddr, SocketAddr)>,
}

/// TCP or UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Stream,
    Datagram,
}

impl Host {
    pub(super) fn new(number: u8, stack: Stack<'static>, port: Port) -> Host {
        Host { number, stack, port, fds: Vec::new(), ids: BTreeSet::new() }
    }

    /// Makes a call, and compares what it gives with what is known.
    pub(super) fn call(&mut self, nth: usize, call: Call, model: &mut Model) {
        if let Call::Stream | Call::Datagram = call {
            return self.open(call);
        }
        let Some(nth) = nth.checked_rem(self.fds.len()) else { return };
        let fd = self.learn(nth);
        let before = self.stack.readiness(fd.id);
        let result = self.make(nth, call, model);
        if !fd.is_open {
            assert_eq!((before, result), (Err(Errno::EBADF), Err(Errno::EBADF)), "{call:?} of a closed descriptor");
            return;
        }
        if let Err(error) = result {
            assert!(errnos::is_known(call, fd.kind, error), "{call:?} of {fd:?}: {error}");
        }
        let before = before.expect("it was open");
        let (wanted, is_about_reading) = match call {
            Call::Send { .. } | Call::SendTo { .. } => (Readiness::OUT, false),
            Call::Recv { .. } | Call::Peek { .. } | Call::Accept => (Readiness::IN, true),
            _ => return,
        };
        let is_lie = result == Err(Errno::EAGAIN) && before.contains(wanted);
        assert!(!is_lie, "{before:?}, and {call:?} of {fd:?} gives EAGAIN");
        let is_silent = is_about_reading && result.is_ok() && !before.contains(Readiness::IN);
        assert!(!is_silent || is_empty(call), "{before:?}, and {call:?} of {fd:?} gives {result:?}");
    }

    fn open(&mut self, call: Call) {
        let kind = if let Call::Stream = call { Kind::Stream } else { Kind::Datagram };
        let of = if kind == Kind::Stream { Type::Stream } else { Type::Datagram };
        match self.stack.socket(Domain::Inet, of) {
            Ok(id) => self.add(id, kind, None),
            Err(error) => assert!(errnos::is_known(call, kind, error), "{call:?}: {error}"),
        }
    }

    fn add(&mut self, id: SocketId, kind: Kind, ends: Option<(SocketAddr, SocketAddr)>) {
        assert!(self.ids.insert(format!("{id:?}")), "{id:?} named another socket before");
        self.fds.push(Fd { id, kind, is_open: true, ends });
    }

    /// A connection can be read when its addresses cannot be told any more.
    fn learn(&mut self, nth: usize) -> Fd {
        let fd = &mut self.fds[nth];
        if let (Ok(local), Ok(remote)) = (self.stack.getsockname(fd.id), self.stack.getpeername(fd.id)) {
            fd.ends = Some((local, remote));
        }
        *fd
    }

    fn make(&mut self, nth: usize, call: Call, model: &mut Model) -> Result<(), Errno> {
        let Fd { id, kind, .. } = self.fds[nth];
        match call {
            Call::Stream | Call::Datagram => Ok(()),
            Call::Bind { addr, port } => self.stack.bind(id, SocketAddr::new(self.addr(addr).into(), port_of(port))),
            Call::Listen { backlog } => self.stack.listen(id, usize::from(backlog % 4)),
            Call::Accept => {
                let (new, remote) = self.stack.accept(id)?;
                let local = self.stack.getsockname(new).expect("it is open");
                // It may have ended in the meantime.
                assert!([Ok(remote), Err(Errno::ENOTCONN)].contains(&self.stack.getpeername(new)));
                self.add(new, Kind::Stream, Some((local, remote)));
                Ok(())
            }
            Call::Connect { addr, port } => {
                let remote = SocketAddr::new(self.addr(addr).into(), port_of(port));
                let result = self.stack.connect(id, remote);
                if kind == Kind::Stream && result == Err(Errno::EINPROGRESS) {
                    let local = self.stack.getsockname(id).expect("it is open");
                    model.on_connect((local, self.peer_named(remote, local)));
                    self.fds[nth].ends = None;
                }
                result
            }
            Call::Send { len } => self.send(nth, len, None, model),
            Call::SendTo { len, addr, port } => {
                let to = SocketAddr::new(self.addr(addr).into(), port_of(port));
                self.send(nth, len, Some(to), model)
            }
            Call::Recv { len } => self.recv(nth, len, MsgFlags::NONE, model),
            Call::Peek { len } => self.recv(nth, len, MsgFlags::PEEK, model),
            Call::Shutdown { how: number } => self.stack.shutdown(id, how(number)),
            Call::Close => {
                self.fds[nth].is_open = false;
                self.stack.close(id)
            }
            Call::Dup => {
                let new = self.stack.dup(id)?;
                self.add(new, kind, self.fds[nth].ends);
                Ok(())
            }
            Call::Disconnect => self.stack.disconnect(id),
            Call::Abortive { on } => self.stack.setsockopt(id, SO_LINGER, on.then_some(Duration::ZERO)),
            Call::ReuseAddress { on } => self.stack.setsockopt(id, SO_REUSEADDR, on),
            Call::TakeError => {
                let error = self.stack.take_error(id)?;
                assert!(error.is_none_or(errnos::is_cause), "SO_ERROR: {error:?}");
                assert_eq!(self.stack.take_error(id), Ok(None), "an error is told once");
                Ok(())
            }
            Call::Poll => self.poll(id),
        }
    }

    fn send(&mut self, nth: usize, len: u16, to: Option<SocketAddr>, model: &mut Model) -> Result<(), Errno> {
        let Fd { id, kind, .. } = self.fds[nth];
        let len = usize::from(len % 3_000);
        if kind == Kind::Datagram {
            let data = model.datagram(len);
            let sent = match to {
                Some(to) => self.stack.send_to(id, &data, to),
                None => self.stack.send(id, &data),
            }?;
            assert_eq!(sent, data.len(), "a datagram is sent whole");
            let to = to.or(self.stack.getpeername(id).ok()).expect("it was sent to somebody");
            model.on_datagram(self.stack.getsockname(id).expect("it is open").port(), to.port(), data);
            return Ok(());
        }
        let ends = self.fds[nth].ends;
        let data = model.stream(ends, len);
        let sent = match to {
            Some(to) => self.stack.send_to(id, &data, to),
            None => self.stack.send(id, &data),
        }?;
        assert!(sent <= len && (sent > 0 || len == 0), "{sent} of {len} bytes sent");
        model.on_sent(ends.expect("who sends is connected"), &data[..sent]);
        Ok(())
    }

    fn recv(&mut self, nth: usize, len: u16, flags: MsgFlags, model: &mut Model) -> Result<(), Errno> {
        let Fd { id, kind, .. } = self.fds[nth];
        let mut buffer = vec![0; usize::from(len % 4_000)];
        let is_peek = flags.contains(MsgFlags::PEEK);
        if kind == Kind::Datagram {
            let datagram = self.stack.recv_from_with(id, &mut buffer, flags)?;
            assert!(datagram.len <= datagram.full_len && datagram.len <= buffer.len());
            // Nothing comes from nobody, but a socket that reads no more.
            if datagram.remote.port() != 0 {
                let local = self.stack.getsockname(id).expect("it is open");
                model.on_received_datagram(local.port(), datagram, &buffer[..datagram.len], is_peek);
            }
            return Ok(());
        }
        let received = self.stack.recv_with(id, &mut buffer, flags)?;
        if let Some(ends) = self.fds[nth].ends {
            model.on_received(ends, &buffer[..received], is_peek);
        }
        Ok(())
    }

    /// `poll` tells the same as `readiness`, and counts right.
    fn poll(&mut self, id: SocketId) -> Result<(), Errno> {
        let both = Readiness::IN | Readiness::OUT;
        let mut fds: Vec<PollFd> = self.fds.iter().map(|fd| PollFd::new(fd.id, both)).collect();
        let count = self.stack.poll(&mut fds).expect("poll itself cannot fail");
        assert_eq!(count, fds.iter().filter(|fd| fd.revents != Readiness::NONE).count());
        for (polled, fd) in fds.iter().zip(&self.fds) {
            match self.stack.readiness(fd.id) {
                Ok(ready) => assert_eq!(polled.revents & both, ready & both, "{fd:?}"),
                Err(_) => assert_eq!(polled.revents, Readiness::NVAL, "{fd:?}"),
            }
        }
        self.stack.readiness(id).map(drop)
    }

    /// Whose frames and calls never take a descriptor away, or give it back.
    pub(super) fn look(&self) {
        for fd in &self.fds {
            let is_open = self.stack.readiness(fd.id) != Err(Errno::EBADF);
            assert_eq!(is_open, fd.is_open, "{fd:?}");
        }
    }

    pub(super) fn close_all(&mut self) {
        for fd in self.fds.iter_mut().filter(|fd| fd.is_open) {
            fd.is_open = false;
            self.stack.close(fd.id).expect("it is open");
        }
    }

    /// Nobody in particular is this host.
    fn peer_named(&self, remote: SocketAddr, local: SocketAddr) -> SocketAddr {
        if remote.ip().is_unspecified() { SocketAddr::new(local.ip(), remote.port()) } else { remote }
    }

    fn addr(&self, number: u8) -> Ipv4Addr {
        let own = Ipv4Addr::new(192, 0, 2, self.number);
        let other = Ipv4Addr::new(192, 0, 2, 3 - self.number);
        let nobody = Ipv4Addr::new(192, 0, 2, 99);
        [other, Ipv4Addr::UNSPECIFIED, own, other, Ipv4Addr::LOCALHOST, nobody][usize::from(number % 6)]
    }
}

/// Whether a call has room for nothing.
fn is_empty(call: Call) -> bool {
    matches!(call, Call::Recv { len } | Call::Peek { len } if len % 4_000 == 0)
}

/// A few ports, so that they meet; 0 is any.
pub(super) fn port_of(number: u8) -> u16 {
    [7, 8, 7, 9, 0][usize::from(number % 5)]
}
