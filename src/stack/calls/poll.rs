//! Which of many sockets are ready?

use crate::errno::Errno;
use crate::readiness::poll::PollFd;
use crate::readiness::select::{FdSet, READ_BITS, WRITE_BITS};
use crate::stack::Stack;

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
    #[expect(clippy::arithmetic_side_effects, reason = "no more than there are in `fds`")]
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
        Ok(read.len().saturating_add(write.len()))
    }
}
