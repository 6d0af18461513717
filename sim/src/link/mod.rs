//! What becomes of a frame that is put on a cable?

mod impair;
mod queue;
#[cfg(test)]
mod tests;

use core::fmt;

use serde::{Deserialize, Serialize};

pub use impair::{Act, ImpairmentError, Impairments, Scripted};
pub use queue::serialisation_ns;

use crate::frame::Medium;
use crate::rng::{Dice, Stream};
use crate::time::Time;
use crate::trace::{Arrival, Corruption, DropReason, Fate, LinkName};
use impair::Script;
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

/// One direction of a cable. Frames pass, in this order: MTU → scripted faults → loss → rate and queue → delay and
/// jitter → reordering and duplication → corruption.
///
/// What happens to a frame is decided when it is sent, from the seed, the name of the cable, the direction and the number
/// of the frame alone; the state is the transmitter's queue. Without jitter, reordering and scripted delays, frames
/// arrive in the order of sending (for equal times: in the order in which they are scheduled).
#[derive(Clone, Debug)]
pub struct Link {
    medium: Medium,
    dice: Dice,
    impairments: Impairments,
    script: Script,
    transmitter: Transmitter,
    is_up: bool,
    frames: u64,
}

/// What the frame is to go through after it has left the transmitter.
#[derive(Clone, Debug, Default)]
struct Treatment {
    held_ns: u64,
    duplicates: u32,
    corruptions: Vec<Corruption>,
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

    /// The scripted faults that have had no effect.
    pub fn unfired(&self) -> impl Iterator<Item = (Direction, Scripted)> {
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
            script: Script::default(),
            transmitter: Transmitter::default(),
            is_up: true,
            frames: 0,
        }
    }

    /// Does this to the frames sent from now on; those in the queue and on their way keep their times.
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

    /// Sets the scripted faults, in any order; faults of one frame take effect in the order given, and a drop
    /// leaves the others of its frame without effect. Numbers count from the first frame ever sent.
    pub fn set_script(&mut self, faults: Vec<Scripted>) {
        self.script = Script::new(faults);
        // Frames that have been sent are past.
        if let Some(last) = self.frames.checked_sub(1) {
            self.script.due(last);
        }
    }

    /// Plugs the sending end in, or pulls it out: frames sent from now on are dropped, those on their way still arrive.
    pub fn set_up(&mut self, is_up: bool) {
        self.is_up = is_up;
    }

    /// Frames that were sent, dropped ones included: the number of the next frame.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Frames that wait for the transmitter at `now`, without the one that is being sent.
    pub fn queued_frames(&self, now: Time) -> usize {
        self.transmitter.waiting_frames(now)
    }

    /// The scripted faults that have had no effect: their frame was never sent, was dropped for another reason, or
    /// is too short for the byte to corrupt.
    pub fn unfired(&self) -> impl Iterator<Item = Scripted> {
        self.script.unfired()
    }

    /// Sends `frame` (as [`Medium`] says what a frame is) and says what becomes of it: its arrivals are known at once.
    ///
    /// # Panics
    /// If `now` is before that of the last frame.
    pub fn send(&mut self, now: Time, frame: &[u8]) -> Fate {
        let nth = self.frames;
        self.frames += 1;
        let due = self.script.due(nth);
        if let Some(reason) = self.refuses(frame) {
            return Fate::dropped(reason);
        }
        let mut is_dropped = false;
        self.script.fire(due.clone(), |act| {
            let drops = act == Act::Drop && !is_dropped;
            is_dropped |= drops;
            drops
        });
        if is_dropped {
            return Fate::dropped(DropReason::Scripted);
        }
        if self.dice.hits(Stream::Loss, nth, self.impairments.loss_ppm) {
            return Fate::dropped(DropReason::Loss);
        }
        let room =
            Room { frames: self.impairments.queue_frames, bytes: self.impairments.queue_bytes.unwrap_or(u64::MAX) };
        let Some(turn) = self.transmitter.offer(now, frame.len(), self.impairments.rate_bps, room) else {
            return Fate::dropped(DropReason::QueueFull);
        };
        let mut treatment = Treatment::default();
        self.script.fire(due, |act| treatment.add(act, frame));
        self.carry(now, nth, turn, treatment, frame)
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

    /// Delay and jitter, reordering and duplication, corruption of a frame that has its turn.
    fn carry(&self, now: Time, nth: u64, turn: Turn, treatment: Treatment, frame: &[u8]) -> Fate {
        let (limits, dice) = (&self.impairments, &self.dice);
        let mut held_ns = treatment.held_ns;
        if dice.hits(Stream::Reorder, nth, limits.reorder_ppm) {
            held_ns = held_ns.saturating_add(limits.reorder_delay_ns);
        }
        let jitter_ns = dice.below(Stream::Jitter, nth, limits.jitter_ns.saturating_add(1));
        let at = turn.end_at.after_ns(limits.delay_ns).after_ns(jitter_ns).after_ns(held_ns);
        let is_duplicated = dice.hits(Stream::Duplicate, nth, limits.duplicate_ppm);
        let copies = 1 + treatment.duplicates + u32::from(is_duplicated);
        let copies = (0..copies).map(|copy| {
            let mut corrupted = match copy {
                0 => treatment.corruptions.clone(),
                _ => Vec::new(),
            };
            corrupted.extend(impair::corruption(dice, self.medium, nth, copy, limits.corrupt_ppm, frame));
            Arrival { at, duplicate: copy > 0, reordered_ns: held_ns, bytes: flipped(frame, &corrupted), corrupted }
        });
        Fate::arrives(copies.collect(), turn.start_at.ns_since(now))
    }
}

impl Treatment {
    /// Takes a scripted fault; says whether it will have an effect.
    fn add(&mut self, act: Act, frame: &[u8]) -> bool {
        match act {
            // Decided before, for the whole frame.
            Act::Drop => return false,
            Act::Duplicate => self.duplicates = self.duplicates.saturating_add(1),
            Act::Delay(delay_ns) => self.held_ns = self.held_ns.saturating_add(delay_ns),
            Act::Corrupt { byte, bit } => {
                if byte >= frame.len() || bit > 7 {
                    return false;
                }
                self.corruptions.push(Corruption { byte, bit });
            }
        }
        true
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

/// `frame` with the bits flipped; `None` if that leaves it as it was.
fn flipped(frame: &[u8], corruptions: &[Corruption]) -> Option<Vec<u8>> {
    if corruptions.is_empty() {
        return None;
    }
    let mut bytes = frame.to_vec();
    for corruption in corruptions {
        bytes[corruption.byte] ^= 1 << corruption.bit;
    }
    (bytes != frame).then_some(bytes)
}
