//! Which of many sockets are ready?

use core::task::Waker;

use crate::errno::Errno;
use crate::readiness::poll::PollFd;
use crate::readiness::select::{FdSet, READ_BITS, WRITE_BITS};
use crate::socket::SocketId;
use crate::stack::Stack;
use crate::time::{Instant, earliest};

impl Stack<'_> {
    /// Looks at many sockets at once: fills in `revents` of each, and returns for how many that is not empty. Does
    /// not wait; [`task::poll`](crate::task::poll) does.
    ///
    /// # Errors
    /// None: a stale id is told by [`Readiness::NVAL`](crate::Readiness::NVAL).
    ///
    /// # POSIX
    /// [poll](https://pubs.opengroup.org/onlinepubs/9799919799/functions/poll.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, PollFd, Readiness, Type};
    /// # let (mut stack, mut device) = stack();
    /// let datagram = stack.socket(Domain::Inet, Type::Datagram)?;
    /// let closed = stack.dup(datagram)?;
    /// stack.close(closed)?;
    /// let mut fds = [PollFd::new(datagram, Readiness::IN), PollFd::new(closed, Readiness::IN)];
    /// assert_eq!(stack.poll(&mut fds), Ok(1));
    /// assert_eq!(fds.map(|fd| fd.revents), [Readiness::NONE, Readiness::NVAL]);
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn poll(&self, fds: &mut [PollFd]) -> Result<usize, Errno> {
        let mut ready = 0;
        for fd in fds {
            fd.fill(self.readiness(fd.id).ok());
            ready += usize::from(!fd.revents.is_empty());
        }
        Ok(ready)
    }

    /// Looks at many sockets at once: leaves in `read` those that are readable and in `write` those that are
    /// writable, and returns how many that is together. `except` becomes empty: there is no urgent data. Does not
    /// wait; [`task::select`](crate::task::select) does.
    ///
    /// # Errors
    /// EBADF: an id is stale; the sets are as they were.
    ///
    /// # POSIX
    /// [select](https://pubs.opengroup.org/onlinepubs/9799919799/functions/select.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, FdSet, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
    /// let (mut read, mut write, mut except) = (FdSet::<4>::new(), FdSet::new(), FdSet::new());
    /// read.insert(socket)?;
    /// write.insert(socket)?;
    /// assert_eq!(stack.select(&mut read, &mut write, &mut except), Ok(1));
    /// assert!(!read.contains(socket) && write.contains(socket));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn select<const N: usize>(
        &self,
        read: &mut FdSet<N>,
        write: &mut FdSet<N>,
        except: &mut FdSet<N>,
    ) -> Result<usize, Errno> {
        for id in read.iter().chain(write.iter()).chain(except.iter()) {
            self.slots.find(id)?;
        }
        read.retain(|id| self.readiness(*id).is_ok_and(|ready| ready.intersects(READ_BITS)));
        write.retain(|id| self.readiness(*id).is_ok_and(|ready| ready.intersects(WRITE_BITS)));
        except.clear();
        Ok(read.len() + write.len())
    }

    /// Somebody who waits for this socket gives up waiting at `at`: wakes all who wait for it then. They look
    /// whether their own time is over.
    pub(in crate::stack) fn wait_until(&mut self, index: u32, at: Instant) {
        let is_first = self.next_step().is_none_or(|next| at < next);
        let slot = self.slots.get_mut(index);
        slot.wait_until = earliest(slot.wait_until, Some(at));
        self.deadlines.set_no_later(index, at);
        if is_first && let Some(waker) = self.step_waker.take() {
            // The loop that steps would sleep for too long.
            waker.wake();
        }
    }

    /// A slot's next deadline: `at`, or the end of a wait for it, whichever is earlier.
    #[inline]
    pub(in crate::stack) fn rest_until(&mut self, index: u32, at: Option<Instant>) {
        match earliest(at, self.slots.get(index).wait_until) {
            Some(at) => self.deadlines.set(index, at),
            None => self.deadlines.clear(index),
        }
    }

    /// Wakes those whose wait for a slot may be over because time has passed.
    pub(in crate::stack) fn end_wait(&mut self, index: u32) {
        let slot = self.slots.get_mut(index);
        if slot.wait_until.is_some_and(|at| at <= self.now) {
            slot.wait_until = None;
            slot.wake_all();
        }
    }

    /// Wakes `waker` when anything about a socket changes, or at `until`, for a task that looks at many sockets. One is
    /// kept for each socket.
    #[cfg(feature = "async")]
    pub(crate) fn register_poller(&mut self, id: SocketId, until: Option<Instant>, waker: &Waker) -> Result<(), Errno> {
        let index = self.slots.find(id)?;
        let place = &mut self.slots.get_mut(index).poll_waker;
        match place {
            Some(known) if known.will_wake(waker) => {}
            _ => *place = Some(waker.clone()),
        }
        if let Some(at) = until {
            self.wait_until(index, at);
        }
        Ok(())
    }
}
