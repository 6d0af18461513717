//! How do two directions and their captures go together?

use std::fmt;
use std::io::{self, Write};

use super::wire::{Counts, Wire};
use crate::capture::Wiretap;
use crate::frame::Medium;
use crate::link::{Direction, ImpairmentError, Impairments};
use crate::time::Time;

/// An end of a live cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// Named first.
    A,
    /// Named second.
    B,
}

/// Two [`Wire`]s, and what is captured at each end: all that it sent, and all that arrived there.
pub struct Cable {
    /// From A to B.
    forward: Wire,
    /// From B to A.
    back: Wire,
    taps: [Option<Tap>; 2],
}

/// A capture at an end.
type Tap = Wiretap<Box<dyn Write + Send>>;

impl Cable {
    /// A cable that does `forward` to what goes from A to B, and `back` to what comes back.
    ///
    /// # Errors
    /// An impairment is out of range.
    pub fn new(
        name: &str,
        medium: Medium,
        seed: u64,
        forward: Impairments,
        back: Impairments,
    ) -> Result<Cable, ImpairmentError> {
        let wire = |direction, impairments| Wire::new(name, direction, medium, seed, impairments);
        let forward = wire(Direction::Forward, forward)?;
        Ok(Cable { forward, back: wire(Direction::Back, back)?, taps: [None, None] })
    }

    /// Writes what passes `end` to `tap` from now on.
    pub fn listen(&mut self, end: End, tap: Wiretap<Box<dyn Write + Send>>) {
        self.wire_mut(end).keep_records();
        self.taps[end as usize] = Some(tap);
    }

    /// `end` sends a frame.
    pub fn send(&mut self, end: End, now: Time, frame: &[u8]) {
        self.wire_mut(end).send(now, frame);
        self.note_sent(end);
    }

    /// The next frame that has arrived at `end` by `now`.
    pub fn receive(&mut self, end: End, now: Time) -> Option<Vec<u8>> {
        let delivery = self.wire_mut(end.other()).receive(now);
        self.note_sent(end.other());
        let delivery = delivery?;
        if let Some(tap) = &mut self.taps[end as usize] {
            tap.arrived(now, &delivery.record, delivery.copy);
        }
        Some(delivery.bytes().to_vec())
    }

    /// When [`receive`](Self::receive) will have something to do at `end`.
    pub fn next_due_at(&self, end: End) -> Option<Time> {
        self.wire(end.other()).next_due()
    }

    /// When it will at either end.
    pub fn next_due(&self) -> Option<Time> {
        [End::A, End::B].into_iter().filter_map(|end| self.next_due_at(end)).min()
    }

    /// What became of the frames that `end` sent.
    pub fn counts(&self, end: End) -> Counts {
        self.wire(end).counts()
    }

    /// Frames that are on their way.
    pub fn frames_inside(&self) -> usize {
        self.forward.frames_inside() + self.back.frames_inside()
    }

    /// Hands over what was captured.
    pub fn flush(&mut self) {
        self.taps.iter_mut().flatten().for_each(Wiretap::flush);
    }

    /// Ends the captures; gives the number of frames in each.
    ///
    /// # Errors
    /// The first that an output reported.
    pub fn finish(&mut self) -> io::Result<Vec<u64>> {
        self.taps.iter_mut().flatten().map(Wiretap::finish).collect()
    }

    /// The direction in which `end` sends.
    fn wire(&self, end: End) -> &Wire {
        match end {
            End::A => &self.forward,
            End::B => &self.back,
        }
    }

    fn wire_mut(&mut self, end: End) -> &mut Wire {
        match end {
            End::A => &mut self.forward,
            End::B => &mut self.back,
        }
    }

    fn note_sent(&mut self, end: End) {
        while let Some(record) = self.wire_mut(end).take_record() {
            if let Some(tap) = &mut self.taps[end as usize] {
                tap.sent(&record);
            }
        }
    }
}

impl End {
    /// The other one.
    pub const fn other(self) -> End {
        match self {
            End::A => End::B,
            End::B => End::A,
        }
    }
}

impl fmt::Debug for Cable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cable").field("forward", &self.forward).field("back", &self.back).finish_non_exhaustive()
    }
}
