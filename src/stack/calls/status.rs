//! What can be asked about a socket?

use core::task::Waker;

use crate::errno::Errno;
use crate::readiness::{Interest, Readiness};
use crate::socket::SocketId;
use crate::socket::slots::Body;
use crate::socket::tcp::TcpState;
use crate::stack::Stack;
use crate::stack::inspect::Call;

impl Stack<'_> {
    /// The pending error, which is cleared (`SO_ERROR`).
    ///
    /// # Errors
    /// EBADF: no such socket.
    ///
    /// # POSIX
    /// [getsockopt](https://pubs.opengroup.org/onlinepubs/9799919799/functions/getsockopt.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Stream)?;
    /// assert_eq!(stack.take_error(socket), Ok(None));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn take_error(&mut self, id: SocketId) -> Result<Option<Errno>, Errno> {
        let index = self.slots.find(id)?;
        Ok(self.take_pending(index))
    }

    pub(super) fn take_pending(&mut self, index: u32) -> Option<Errno> {
        let pending = self.report(index);
        self.hear_result(index, Call::SocketError, &pending.map_or(Ok(()), Err));
        pending
    }

    /// What can be done without waiting, now.
    ///
    /// # Errors
    /// EBADF: no such socket.
    ///
    /// # POSIX
    /// [poll](https://pubs.opengroup.org/onlinepubs/9799919799/functions/poll.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Readiness, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
    /// assert_eq!(stack.readiness(socket)?, Readiness::OUT);
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn readiness(&self, id: SocketId) -> Result<Readiness, Errno> {
        Ok(self.readiness_of(self.slots.find(id)?))
    }

    /// Wakes `waker` when the wait for `interest` may be over; at once if it is over already. One waker
    /// is kept for each interest of a socket, the last one registered, whichever of its ids was used.
    ///
    /// # Errors
    /// EBADF: no such socket.
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use core::task::Waker;
    /// use smolsock::{Domain, Errno, Interest, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
    /// stack.register_waker(socket, Interest::Read, Waker::noop())?;
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn register_waker(&mut self, id: SocketId, interest: Interest, waker: &Waker) -> Result<(), Errno> {
        let index = self.slots.find(id)?;
        let low_water = self.slots.get(index).options.recv_low_water as usize;
        self.register_at(index, interest, low_water, waker);
        Ok(())
    }

    /// The same for a reader who waits for `low_water` bytes of a stream.
    pub(super) fn register_at(&mut self, index: u32, interest: Interest, low_water: usize, waker: &Waker) {
        let is_over = self.readiness_at(index, low_water).intersects(interest.bits());
        let slot = self.slots.get_mut(index);
        let place = match interest {
            Interest::Read => &mut slot.read_waker,
            Interest::Write => &mut slot.write_waker,
        };
        match place {
            Some(known) if known.will_wake(waker) => {}
            _ => *place = Some(waker.clone()),
        }
        if is_over && let Some(waker) = place.take() {
            waker.wake();
        }
    }

    /// The state of a TCP socket.
    ///
    /// # Errors
    /// EBADF: no such socket. EOPNOTSUPP: not a TCP socket.
    ///
    /// # RFC
    /// RFC 9293 §3.3.2
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, TcpState, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Stream)?;
    /// assert_eq!(stack.tcp_state(socket)?, TcpState::Closed);
    /// stack.listen(socket, 5)?;
    /// assert_eq!(stack.tcp_state(socket)?, TcpState::Listen);
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn tcp_state(&self, id: SocketId) -> Result<TcpState, Errno> {
        match &self.slots.get(self.slots.find(id)?).body {
            Body::Tcp(connection) => Ok(connection.state()),
            Body::Listener(_) => Ok(TcpState::Listen),
            Body::Udp(_) | Body::Free => Err(Errno::EOPNOTSUPP),
        }
    }
}
