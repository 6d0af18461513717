//! What becomes of a frame that is put on a cable?

mod codel;
mod fault;
mod headers;
mod impair;
mod jitter;
mod line;
mod loss;
pub(crate) mod mend;
mod naming;
mod pattern;
mod queue;
mod segments;
#[cfg(test)]
mod tests;
mod treat;

use core::fmt;

use serde::{Deserialize, Serialize};

pub use fault::{Act, Fault, When};
pub use impair::{ImpairmentError, Impairments, Loss, Queue};
pub use jitter::{Jitter, Shape};
pub use naming::Naming;
pub use pattern::{Pattern, UnknownPattern};
pub use queue::serialisation_ns;

use crate::frame::Medium;
use crate::rng::Dice;
use crate::time::Time;
use crate::trace::{DropReason, Fate, LinkName};
use codel::{Control, Dequeued, Settings};
use fault::Faults;
use line::{Held, Line};
use loss::Losses;
use queue::{Room, Transmitter, Turn};

/// A cable: two independent directions with one name.
#[derive(Clone, Debug)]
pub struct Cable {
    /// The name of the cable: `ab`.
    pub name: LinkName,
    forward: Link,
    back: Link,
}

/// Which way along a cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the end named first to the end named second.
    Forward,
    /// The other way.
    Back,
}

/// One direction of a cable. Frames pass, in this order: MTU → faults → loss → rate and queue → delay and jitter →
/// reordering and duplication → corruption.
///
/// What happens to a frame is decided from the seed, the name of the cable, the direction and the number of the frame;
/// the state is the transmitter's queue, and whether a cable that loses in bursts is good or bad. Without jitter,
/// reordering and delays by faults, frames arrive in the order of sending (for equal times: in the order in which they are
/// scheduled).
///
/// A drop-tail queue decides when a frame is [sent](Link::send). A [`Queue::CoDel`] decides when the frame's turn comes, for
/// which it has to be asked: [`Link::next_turn`] says when, [`Link::take_turn`] gives the fates.
#[derive(Clone, Debug)]
pub struct Link {
    medium: Medium,
    dice: Dice,
    impairments: Impairments,
    faults: Faults,
    losses: Losses,
    transmitter: Transmitter,
    line: Line,
    control: Control,
    is_up: bool,
    frames: u64,
}

/// A frame that has waited in a queue, and what has become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// Its number on this cable in this direction.
    pub nth: u64,
    /// The frame as sent.
    pub frame: Vec<u8>,
    /// Decided.
    pub fate: Fate,
}

impl Cable {
    /// A cable for frames of `medium` that does nothing to them. All its dice come from `seed` and its name.
    pub fn new(name: &str, medium: Medium, seed: u64) -> Cable {
        let link = |direction: Direction| {
            let dice = Dice::from_seed(seed).child("link").child(name).child(direction.as_str());
            Link::new(medium, dice)
        };
        Cable { name: LinkName::from(name), forward: link(Direction::Forward), back: link(Direction::Back) }
    }

    /// One direction.
    pub fn link(&self, direction: Direction) -> &Link {
        match direction {
            Direction::Forward => &self.forward,
            Direction::Back => &self.back,
        }
    }

    /// One direction, to send on or to change.
    pub fn link_mut(&mut self, direction: Direction) -> &mut Link {
        match direction {
            Direction::Forward => &mut self.forward,
            Direction::Back => &mut self.back,
        }
    }

    /// Plugs both ends in, or pulls them out: frames sent from now on are dropped, those on their way still arrive.
    pub fn set_up(&mut self, is_up: bool) {
        self.forward.is_up = is_up;
        self.back.is_up = is_up;
    }

    /// The faults that have had no effect.
    pub fn unfired(&self) -> impl Iterator<Item = (Direction, Fault)> {
        [Direction::Forward, Direction::Back]
            .into_iter()
            .flat_map(|direction| self.link(direction).unfired().map(move |fault| (direction, fault)))
    }
}

impl Link {
    /// A direction that does nothing to frames.
    pub fn new(medium: Medium, dice: Dice) -> Link {
        Link {
            medium,
            dice,
            impairments: Impairments::default(),
            faults: Faults::default(),
            losses: Losses::default(),
            transmitter: Transmitter::default(),
            line: Line::default(),
            control: Control::default(),
            is_up: true,
            frames: 0,
        }
    }

    /// Does this to the frames sent from now on. Those on their way keep their times, and so do those in a drop-tail
    /// queue; those in a CoDel queue leave it in the new way.
    ///
    /// # Errors
    /// A value is out of range; nothing changes.
    pub fn set_impairments(&mut self, impairments: Impairments) -> Result<(), ImpairmentError> {
        impairments.check()?;
        self.impairments = impairments;
        Ok(())
    }

    /// What it does to frames now.
    pub fn impairments(&self) -> &Impairments {
        &self.impairments
    }

    /// Adds faults, in any order; faults of one frame take effect in the order given, and a drop leaves the others of
    /// its frame without effect. Frame numbers count from the first frame ever sent, kinds and segments from now on.
    pub fn add_faults(&mut self, faults: Vec<Fault>) {
        self.faults.add(faults);
    }

    /// Plugs the sending end in, or pulls it out: frames sent from now on are dropped, those in the queue and on their
    /// way still arrive.
    pub fn set_up(&mut self, is_up: bool) {
        self.is_up = is_up;
    }

    /// Frames that were sent, dropped ones included: the number of the next frame.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Frames that wait for the transmitter at `now`, without the one that is being sent.
    pub fn queued_frames(&self, now: Time) -> usize {
        self.transmitter.waiting_frames(now) + self.line.len()
    }

    /// All its faults, in the order in which they were added.
    pub fn faults(&self) -> impl Iterator<Item = Fault> {
        self.faults.all()
    }

    /// The faults that have had no effect: their frame was never sent, was dropped for another reason, or is too short.
    pub fn unfired(&self) -> impl Iterator<Item = Fault> {
        self.faults.unfired()
    }

    /// Sends `frame` (as [`Medium`] says what a frame is) and says what becomes of it, if that is known: otherwise its
    /// fate [is waiting](Fate::is_waiting) for [`Link::take_turn`].
    ///
    /// # Panics
    /// If `now` is before that of the last frame.
    pub fn send(&mut self, now: Time, frame: &[u8]) -> Fate {
        let nth = self.frames;
        self.frames += 1;
        let due = self.faults.due(self.medium, now, nth, frame);
        let is_lost = self.losses.takes(&self.dice, nth, self.impairments.loss);
        if let Some(reason) = self.refuses(frame) {
            return Fate::dropped(reason);
        }
        let mut is_dropped = false;
        self.faults.fire(&due, |act| {
            let drops = act == Act::Drop && !is_dropped;
            is_dropped |= drops;
            drops
        });
        if is_dropped {
            return Fate::dropped(DropReason::Scripted);
        }
        if is_lost {
            return Fate { rolled: vec![Act::Drop], ..Fate::dropped(DropReason::Loss) };
        }
        let decides_later = !self.line.is_empty() || matches!(self.impairments.queue, Queue::CoDel { .. });
        if decides_later {
            return self.line_up(now, Held { nth, sent_at: now, due, frame: frame.to_vec() });
        }
        let room = self.room();
        match self.transmitter.offer(now, frame.len(), self.impairments.rate_bps, room) {
            Some(turn) => self.carry(treat::Leaving { nth, sent_at: now, due: &due, frame, turn, ce: None }),
            None => Fate::dropped(DropReason::QueueFull),
        }
    }

    /// When the transmitter is free for the next frame of which the fate is not decided; `None` if there is none. It
    /// does not change but by [`Link::take_turn`].
    pub fn next_turn(&self) -> Option<Time> {
        (!self.line.is_empty()).then(|| self.transmitter.free_at())
    }

    /// Decides about the frames whose turn has come by `now`: in the order of sending, the last one is sent (unless all
    /// were dropped).
    pub fn take_turn(&mut self, now: Time) -> Vec<Departure> {
        let mut departures = Vec::new();
        while !self.line.is_empty() && self.transmitter.free_at() <= now {
            let Dequeued { dropped, next, is_marked } = self.dequeue(now);
            let drop =
                |held: Held| Departure { nth: held.nth, frame: held.frame, fate: Fate::dropped(DropReason::CoDel) };
            departures.extend(dropped.into_iter().map(drop));
            let Some(Held { nth, sent_at, due, frame }) = next else { continue };
            let turn = self.transmitter.offer(now, frame.len(), self.impairments.rate_bps, Room::ENDLESS);
            let turn = turn.unwrap_or_else(|| unreachable!("there is room without end"));
            let ce = is_marked.then(|| {
                let mut marked = frame.clone();
                mend::mark_ce(self.medium, &mut marked);
                marked
            });
            let leaving = treat::Leaving { nth, sent_at, due: &due, frame: &frame, turn, ce: ce.as_deref() };
            let fate = self.carry(leaving);
            departures.push(Departure { nth, frame, fate });
        }
        departures
    }

    /// Why the cable does not take the frame at all.
    fn refuses(&self, frame: &[u8]) -> Option<DropReason> {
        if !self.is_up {
            return Some(DropReason::LinkDown);
        }
        let packet_bytes = frame.len().saturating_sub(self.medium.header_bytes());
        match self.impairments.mtu_bytes {
            Some(mtu_bytes) if packet_bytes as u64 > u64::from(mtu_bytes) => Some(DropReason::Mtu),
            _ => None,
        }
    }

    fn room(&self) -> Room {
        match self.impairments.queue {
            Queue::DropTail { frames, bytes } => Room { frames, bytes: bytes.unwrap_or(u64::MAX) },
            Queue::CoDel { frames, .. } => Room { frames, bytes: u64::MAX },
        }
    }

    /// Puts a frame into a queue that decides at its head. If it is at the head already, that is now.
    fn line_up(&mut self, now: Time, held: Held) -> Fate {
        let is_next = self.line.is_empty() && self.transmitter.free_at() <= now;
        let room = self.room();
        let waiting_bytes = self.line.bytes() + self.transmitter.waiting_bytes(now) + held.frame.len() as u64;
        let is_full = self.queued_frames(now) as u64 >= u64::from(room.frames) || waiting_bytes > room.bytes;
        if is_full && !is_next {
            return Fate::dropped(DropReason::QueueFull);
        }
        self.line.push(held);
        match is_next {
            true => self.take_turn(now).pop().map_or_else(Fate::waits, |departure| departure.fate),
            false => Fate::waits(),
        }
    }

    fn dequeue(&mut self, now: Time) -> Dequeued {
        let medium = self.medium;
        match self.impairments.queue {
            Queue::DropTail { .. } => Dequeued { next: self.line.pop(), ..Dequeued::default() },
            Queue::CoDel { target_ns, interval_ns, ecn, .. } => {
                let is_markable = |held: &Held| ecn && mend::is_ecn_capable(medium, &held.frame);
                self.control.dequeue(&mut self.line, now, Settings { target_ns, interval_ns }, is_markable)
            }
        }
    }
}

impl Direction {
    /// `forward` or `back`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Direction::Forward => "forward",
            Direction::Back => "back",
        }
    }

    /// The other way.
    pub const fn opposite(self) -> Direction {
        match self {
            Direction::Forward => Direction::Back,
            Direction::Back => Direction::Forward,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
