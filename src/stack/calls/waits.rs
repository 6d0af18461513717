//! Who waits for a socket, and until when?

use crate::stack::Stack;
use crate::time::{Instant, earliest};

impl Stack<'_> {
    /// Somebody who waits for this socket gives up waiting at `at`: wakes all who wait for it then. They look
    /// whether their own time is over.
    #[cfg(feature = "async")]
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
}
