//! Which frames wait for the transmitter, their fate undecided?

use std::collections::VecDeque;

use crate::time::Time;

/// Frames in a queue that decides about them at its head, first in, first out.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    frames: VecDeque<Held>,
    bytes: u64,
    /// Bytes of the largest frame that ever waited here.
    largest_bytes: u64,
}

/// A frame that waits.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) nth: u64,
    pub(super) sent_at: Time,
    /// The faults that are for it.
    pub(super) due: Vec<usize>,
    pub(super) frame: Vec<u8>,
}

impl Line {
    pub(super) fn push(&mut self, held: Held) {
        let bytes = held.frame.len() as u64;
        self.bytes += bytes;
        self.largest_bytes = self.largest_bytes.max(bytes);
        self.frames.push_back(held);
    }

    pub(super) fn pop(&mut self) -> Option<Held> {
        let held = self.frames.pop_front()?;
        self.bytes -= held.frame.len() as u64;
        Some(held)
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Is no more than one frame of the largest size left?
    pub(super) fn is_short(&self) -> bool {
        self.bytes <= self.largest_bytes
    }
}
