//! How long may a call wait, and who is told when it is over?

use core::task::{Poll, Waker};

use crate::errno::Errno;
use crate::readiness::{Interest, Readiness};
use crate::socket::flags::MsgFlags;
use crate::socket::slots::Body;
use crate::socket::{Shutdown, SocketId};
use crate::stack::Stack;
use crate::time::{Duration, Instant};

/// How long a call may wait.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Patience {
    /// Not at all (`O_NONBLOCK`, `MSG_DONTWAIT`).
    None,
    /// So long from the next step on: calls read no clock, and may come long after the last step.
    Starting { steps: u64, timeout: Duration },
    /// Up to this time (`SO_RCVTIMEO`, `SO_SNDTIMEO`).
    Until(Instant),
    /// For ever.
    Endless,
}

impl Patience {
    /// Waits so long from now on; `None` for ever.
    pub(crate) fn new(stack: &Stack<'_>, timeout: Option<Duration>) -> Self {
        match timeout {
            None => Self::Endless,
            Some(Duration::ZERO) => Self::None,
            Some(timeout) => Self::Starting { steps: stack.steps, timeout },
        }
    }

    /// Whether there is any left.
    pub(crate) fn lasts(&mut self, stack: &Stack<'_>) -> bool {
        if let Self::Starting { steps, timeout } = *self
            && steps != stack.steps
        {
            *self = Self::Until(stack.now.saturating_add(timeout));
        }
        match *self {
            Self::None => false,
            Self::Until(at) => at > stack.now,
            Self::Starting { .. } | Self::Endless => true,
        }
    }

    /// When to look again whether there is any left.
    fn look_at(self, now: Instant) -> Option<Instant> {
        match self {
            Self::None | Self::Endless => None,
            Self::Starting { .. } => Some(now),
            Self::Until(at) => Some(at),
        }
    }
}

impl Stack<'_> {
    /// How long a call that begins now may wait.
    pub(crate) fn patience(&self, id: SocketId, interest: Interest, flags: MsgFlags) -> Result<Patience, Errno> {
        let options = &self.slots.get(self.slots.find(id)?).options;
        if options.nonblocking || flags.contains(MsgFlags::DONTWAIT) {
            return Ok(Patience::None);
        }
        let timeout = match interest {
            Interest::Read => options.recv_timeout,
            Interest::Write => options.send_timeout,
        };
        Ok(Patience::new(self, timeout))
    }

    /// Wakes `waker` when the wait for `interest` may be over, or when patience is. `low_water`: how many bytes
    /// of a stream a reader waits for.
    pub(crate) fn register_wait(
        &mut self,
        id: SocketId,
        (interest, low_water): (Interest, usize),
        patience: Patience,
        waker: &Waker,
    ) -> Result<(), Errno> {
        let index = self.slots.find(id)?;
        self.wait_while(index, patience);
        self.register_at(index, interest, low_water, waker);
        Ok(())
    }

    /// Wakes `waker` when anything about a socket changes, or when patience is over, for a task that looks at many
    /// sockets. One is kept for each socket.
    pub(crate) fn register_poller(&mut self, id: SocketId, patience: Patience, waker: &Waker) -> Result<(), Errno> {
        let index = self.slots.find(id)?;
        self.slots.get_mut(index).poll_waker = Some(waker.clone());
        self.wait_while(index, patience);
        Ok(())
    }

    fn wait_while(&mut self, index: u32, patience: Patience) {
        if let Some(at) = patience.look_at(self.now) {
            self.wait_until(index, at);
        }
    }

    /// For how many bytes a waiting `recv` of up to `room` bytes waits; 1 for anything but a stream.
    pub(crate) fn read_target(&self, id: SocketId, room: usize, flags: MsgFlags) -> Result<usize, Errno> {
        let slot = self.slots.get(self.slots.find(id)?);
        if !matches!(slot.body, Body::Tcp(_)) {
            return Ok(1);
        }
        // Linux `sock_rcvlowat`.
        let target =
            if flags.contains(MsgFlags::WAITALL) { room } else { room.min(slot.options.recv_low_water as usize) };
        Ok(target.max(1))
    }

    /// Whether a stream has bytes, but fewer than `target`, and more may come.
    pub(crate) fn is_short_of(&self, id: SocketId, target: usize) -> Result<bool, Errno> {
        let index = self.slots.find(id)?;
        Ok(match &self.slots.get(index).body {
            Body::Tcp(connection) => {
                connection.recv_queue() > 0 && !self.readiness_at(index, target).contains(Readiness::IN)
            }
            Body::Listener(_) | Body::Udp(_) | Body::Free => false,
        })
    }

    /// Whether closing this id should still wait (`SO_LINGER`): begins to say goodbye, and wakes `waker` when the
    /// peer may have acknowledged everything, or the time is over. `patience`: of this wait, `None` to begin with.
    pub(crate) fn linger(&mut self, id: SocketId, patience: &mut Option<Patience>, waker: &Waker) -> Poll<()> {
        let Ok(index) = self.slots.find(id) else { return Poll::Ready(()) };
        let slot = self.slots.get(index);
        let Some(time) = slot.options.linger.filter(|time| !time.is_zero()) else { return Poll::Ready(()) };
        let Body::Tcp(connection) = &slot.body else { return Poll::Ready(()) };
        // What was never read makes `close` reset the connection: there is nothing to wait for.
        if !slot.is_last_id() || !connection.state().is_synchronized() || connection.recv_queue() > 0 {
            return Poll::Ready(());
        }
        if !connection.shut_write && self.shutdown(id, Shutdown::Write).is_err() {
            return Poll::Ready(());
        }
        let is_done = !matches!(&self.slots.get(index).body, Body::Tcp(connection) if connection.is_owed_an_ack());
        let patience = patience.get_or_insert(Patience::new(self, Some(time)));
        if is_done || !patience.lasts(self) {
            return Poll::Ready(());
        }
        self.slots.get_mut(index).write_waker = Some(waker.clone());
        self.wait_while(index, *patience);
        Poll::Pending
    }
}
