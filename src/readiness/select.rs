//! What does select(2) ask and answer?

use heapless::Vec;

use super::Readiness;
use crate::errno::Errno;
use crate::socket::SocketId;

/// A set of up to `N` sockets (`fd_set`).
///
/// # Examples
/// ```
/// # use smolsock::doctest::stack;
/// use smolsock::{Domain, Errno, FdSet, Type};
/// # let (mut stack, mut device) = stack();
/// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
/// let mut set = FdSet::<8>::new();
/// set.insert(socket)?;
/// set.insert(socket)?;
/// assert_eq!((set.len(), set.contains(socket)), (1, true));
/// set.remove(socket);
/// assert!(set.is_empty());
/// # Ok::<(), Errno>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct FdSet<const N: usize> {
    ids: Vec<SocketId, N>,
}

impl<const N: usize> FdSet<N> {
    /// An empty set (`FD_ZERO`).
    #[must_use]
    pub const fn new() -> Self {
        Self { ids: Vec::new() }
    }

    /// Adds a socket (`FD_SET`); one that is there already changes nothing.
    ///
    /// # Errors
    /// EINVAL: the set holds `N` others.
    pub fn insert(&mut self, id: SocketId) -> Result<(), Errno> {
        if self.contains(id) {
            return Ok(());
        }
        self.ids.push(id).map_err(|_| Errno::EINVAL)
    }

    /// Takes a socket out (`FD_CLR`); one that is not there changes nothing.
    pub fn remove(&mut self, id: SocketId) {
        self.ids.retain(|known| *known != id);
    }

    /// Whether a socket is in the set (`FD_ISSET`).
    #[must_use]
    pub fn contains(&self, id: SocketId) -> bool {
        self.ids.contains(&id)
    }

    /// The sockets, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = SocketId> + '_ {
        self.ids.iter().copied()
    }

    /// How many sockets are in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether no socket is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Takes all sockets out (`FD_ZERO`).
    pub fn clear(&mut self) {
        self.ids.clear();
    }

    /// Leaves those for which `keeps`.
    pub(crate) fn retain(&mut self, keeps: impl FnMut(&SocketId) -> bool) {
        self.ids.retain(keeps);
    }
}

/// Linux `POLLIN_SET`: what makes a socket readable for `select`.
pub(crate) const READ_BITS: Readiness = Readiness(Readiness::IN.0 | Readiness::HUP.0 | Readiness::ERR.0);
/// Linux `POLLOUT_SET`: what makes it writable.
pub(crate) const WRITE_BITS: Readiness = Readiness(Readiness::OUT.0 | Readiness::ERR.0);
