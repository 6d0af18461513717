//! Which children does a listener have, and in which order are they accepted?

use super::super::slots::{NONE, Slots};

/// A listening socket: its backlog, and its two queues of children.
#[derive(Debug)]
pub(crate) struct Listener {
    /// As given to `listen`; up to `backlog + 1` connections wait for `accept`, as on Linux.
    pub(crate) backlog: usize,
    /// Children in SYN-RECEIVED, and established ones that found no room in `ready`.
    pub(crate) half_open: Children,
    /// How many of `half_open` are established and wait for room in `ready`.
    pub(crate) completed: usize,
    /// Children that `accept` can take.
    pub(crate) ready: Children,
}

impl Listener {
    pub(crate) fn new(backlog: usize) -> Self {
        Self { backlog, half_open: Children::EMPTY, completed: 0, ready: Children::EMPTY }
    }

    /// Whether a completed connection may be queued. Linux: `sk_ack_backlog > sk_max_ack_backlog` is full.
    pub(crate) fn has_room(&self) -> bool {
        self.ready.len <= self.backlog
    }

    /// A child that is established leaves those that are half open.
    #[expect(clippy::arithmetic_side_effects, reason = "this child was counted when it was established")]
    pub(crate) fn remove_completed(&mut self, slots: &mut Slots<'_>, child: u32) {
        self.half_open.remove(slots, child);
        self.completed -= 1;
    }
}

/// Children in order of age, linked through their slots.
#[derive(Debug)]
pub(crate) struct Children {
    pub(crate) oldest: u32,
    newest: u32,
    pub(crate) len: usize,
}

#[expect(clippy::arithmetic_side_effects, reason = "it counts children, each of them once")]
impl Children {
    const EMPTY: Self = Self { oldest: NONE, newest: NONE, len: 0 };

    /// Adds the youngest child.
    pub(crate) fn push(&mut self, slots: &mut Slots<'_>, child: u32) {
        let older = self.newest;
        let connection = slots.connection(child);
        connection.older = older;
        connection.newer = NONE;
        if older == NONE {
            self.oldest = child;
        } else {
            slots.connection(older).newer = child;
        }
        self.newest = child;
        self.len += 1;
    }

    /// Takes a child out of the middle or from either end.
    pub(crate) fn remove(&mut self, slots: &mut Slots<'_>, child: u32) {
        let connection = slots.connection(child);
        let older = core::mem::replace(&mut connection.older, NONE);
        let newer = core::mem::replace(&mut connection.newer, NONE);
        if older == NONE {
            self.oldest = newer;
        } else {
            slots.connection(older).newer = newer;
        }
        if newer == NONE {
            self.newest = older;
        } else {
            slots.connection(newer).older = older;
        }
        self.len -= 1;
    }
}
