//! What do sockets of all kinds have in common?

use core::net::SocketAddr;
use core::task::{Poll, Waker};
use std::io;
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::task::Wake;
use std::thread::{self, Thread};

use super::Net;
use super::shared::Phase;
use crate::errno::Errno;
use crate::readiness::Interest;
use crate::socket::flags::StatusFlags;
use crate::socket::options::sockopt::{Opt, OptionValue, SO_LINGER};
use crate::socket::{Domain, SocketId, Type};
use crate::stack::Stack;
use crate::time::Duration;

/// One socket, which is closed when its last handle goes.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) net: Net,
    pub(super) id: SocketId,
}

impl Socket {
    /// A socket of the address family of `addr`.
    pub(super) fn open(net: &Net, addr: SocketAddr, kind: Type) -> io::Result<Self> {
        let domain = if addr.is_ipv4() { Domain::Inet } else { Domain::Inet6 };
        let id = net.call(|stack| stack.socket(domain, kind))?;
        Ok(Self { net: net.clone(), id })
    }

    /// A call that waits for nothing.
    pub(super) fn call<R>(
        &self,
        call: impl FnOnce(&mut Stack<'static>, SocketId) -> Result<R, Errno>,
    ) -> io::Result<R> {
        Ok(self.net.call(|stack| call(stack, self.id))?)
    }

    /// A call that waits, as the socket's options say.
    pub(super) fn wait<R>(
        &self,
        interest: Interest,
        mut call: impl FnMut(&mut Stack<'static>, SocketId) -> Result<R, Errno>,
    ) -> io::Result<R> {
        let call = |stack: &mut Stack<'static>, _| call(stack, self.id);
        Ok(self.net.shared().wait(self.id, (interest, usize::MAX), None, call)?)
    }

    /// Takes bytes of a stream into `buffers` of `room` bytes together.
    pub(super) fn wait_for_bytes(
        &self,
        room: usize,
        mut recv: impl FnMut(&mut Stack<'static>, SocketId) -> Result<usize, Errno>,
    ) -> io::Result<usize> {
        let id = self.id;
        let call = |stack: &mut Stack<'static>, waits| {
            if waits && stack.is_short_of(id, stack.read_target(id, room, crate::MsgFlags::NONE)?)? {
                return Err(Errno::EAGAIN);
            }
            recv(stack, id)
        };
        Ok(self.net.shared().wait(id, (Interest::Read, room), None, call)?)
    }

    /// Connects a stream, for at most `patience`; without, as the socket's options say.
    pub(super) fn connect(&self, remote: SocketAddr, patience: Option<Duration>) -> Result<(), Errno> {
        let mut is_ours = false;
        self.net.shared().wait(self.id, (Interest::Write, 1), patience, |stack, waits| {
            let outcome = stack.connect(self.id, remote);
            is_ours |= outcome == Err(Errno::EINPROGRESS);
            match outcome {
                Err(Errno::EINPROGRESS | Errno::EALREADY) if waits => Err(Errno::EAGAIN),
                // Linux: this call began the attempt, and says that it goes on.
                Err(Errno::EALREADY) if is_ours => Err(Errno::EINPROGRESS),
                outcome => outcome,
            }
        })
    }

    pub(super) fn get<T: OptionValue>(&self, option: Opt<T>) -> io::Result<T> {
        self.call(|stack, id| stack.getsockopt(id, option))
    }

    pub(super) fn set<T: OptionValue>(&self, option: Opt<T>, value: T) -> io::Result<()> {
        self.call(|stack, id| stack.setsockopt(id, option, value))
    }

    /// An option whose value is a number that is not negative.
    pub(super) fn get_u32(&self, option: Opt<i32>) -> io::Result<u32> {
        Ok(u32::try_from(self.get(option)?).unwrap_or(0))
    }

    pub(super) fn set_u32(&self, option: Opt<i32>, value: u32) -> io::Result<()> {
        self.set(option, i32::try_from(value).map_err(|_| Errno::EINVAL)?)
    }

    /// As in `std::net`: a time of zero is refused, for it means "for ever" to the system.
    pub(super) fn set_timeout(&self, option: Opt<Option<Duration>>, timeout: Option<Duration>) -> io::Result<()> {
        if timeout == Some(Duration::ZERO) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "cannot set a 0 duration timeout"));
        }
        // Less than the option can hold would be zero too.
        self.set(option, timeout.map(|timeout| timeout.max(Duration::from_micros(1))))
    }

    pub(super) fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        let flags = if nonblocking { StatusFlags::NONBLOCK } else { StatusFlags::NONE };
        self.call(|stack, id| stack.fcntl_setfl(id, flags))
    }

    pub(super) fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(self.call(Stack::take_error)?.map(io::Error::from))
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.call(|stack, id| stack.getsockname(id))
    }

    pub(super) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.call(|stack, id| stack.getpeername(id))
    }

    /// Waits as close(2) does with `SO_LINGER`: until the peer has acknowledged everything, or the time is over.
    fn linger(&self) {
        let waker = Waker::from(Arc::new(Sleeper(thread::current())));
        let mut patience = None;
        let mut is_done = || {
            self.net.shared().with(|state| {
                let is_running = state.phase == Phase::Running;
                !is_running || state.stack.linger(self.id, &mut patience, &waker) == Poll::Ready(())
            })
        };
        while !is_done() {
            thread::park();
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.get(SO_LINGER).is_ok_and(|time| time.is_some_and(|time| !time.is_zero())) {
            self.linger();
        }
        // EBADF: closed through its id already, or with its net.
        let _ = self.net.shared().with(|state| state.stack.close(self.id));
    }
}

struct Sleeper(Thread);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Tries one address after another, as `std::net` does. The last error is told.
pub(super) fn each_addr<R>(
    addrs: impl ToSocketAddrs,
    mut attempt: impl FnMut(SocketAddr) -> io::Result<R>,
) -> io::Result<R> {
    let mut last = None;
    for addr in addrs.to_socket_addrs()? {
        match attempt(addr) {
            Ok(done) => return Ok(done),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "could not resolve to any addresses")))
}
