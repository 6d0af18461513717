//! What is done to a frame that has its turn?

use std::borrow::Cow;

use super::fault::Act;
use super::mend::mend;
use super::{Link, Turn};
use crate::frame;
use crate::rng::Stream;
use crate::time::Time;
use crate::trace::{Arrival, Corruption, Fate};

/// A frame at the transmitter.
pub(super) struct Leaving<'a> {
    pub(super) nth: u64,
    pub(super) sent_at: Time,
    /// The faults that are for it.
    pub(super) due: &'a [usize],
    /// As sent.
    pub(super) frame: &'a [u8],
    pub(super) turn: Turn,
    /// As the queue has marked it, if it has.
    pub(super) ce: Option<&'a [u8]>,
}

/// What faults do to the frame after it has left the transmitter.
#[derive(Clone, Debug)]
struct Treatment {
    held_ns: u64,
    original: Alteration,
    /// Those that are made of it.
    copies: Vec<Alteration>,
}

/// What faults do to one copy.
#[derive(Clone, Debug)]
struct Alteration {
    corruptions: Vec<Corruption>,
    truncated_bytes: Option<usize>,
    /// Bytes of the frame that are left.
    len: usize,
}

impl Link {
    /// Delay and jitter, reordering and duplication, corruption.
    pub(super) fn carry(&mut self, leaving: Leaving<'_>) -> Fate {
        let Leaving { nth, sent_at, due, frame, turn, ce } = leaving;
        let mut treatment = Treatment::of(frame);
        self.faults.fire(due, |act| treatment.add(act, frame));
        let (limits, dice) = (&self.impairments, &self.dice);
        let is_reordered = dice.hits(Stream::Reorder, nth, limits.reorder_ppm);
        let reordered_ns = if is_reordered { limits.reorder_delay_ns } else { 0 };
        let held_ns = treatment.held_ns.saturating_add(reordered_ns);
        let jitter_ns = limits.jitter.late_ns(dice, nth);
        let at = turn.end_at.after_ns(limits.delay_ns).after_ns(jitter_ns).after_ns(held_ns);
        let is_duplicated = dice.hits(Stream::Duplicate, nth, limits.duplicate_ppm);
        if is_duplicated {
            treatment.copies.push(Alteration::none(frame));
        }
        let mut rolled = Rolled { late_ns: jitter_ns.saturating_add(reordered_ns), is_duplicated, ..Rolled::default() };
        let alterations = [&treatment.original].into_iter().chain(&treatment.copies);
        let copies = (0..).zip(alterations).map(|(copy, alteration)| {
            let (bytes, corrupted) = self.altered(nth, copy, alteration, ce.unwrap_or(frame), &mut rolled);
            let bytes = match bytes {
                Cow::Borrowed(_) if ce.is_none() => None,
                bytes => (bytes != frame).then(|| bytes.into_owned()),
            };
            let truncated_bytes = alteration.truncated_bytes;
            Arrival { at, duplicate: copy > 0, reordered_ns: held_ns, corrupted, truncated_bytes, bytes }
        });
        let fate = Fate::arrives(copies.collect(), turn.start_at.ns_since(sent_at));
        Fate { is_ce_marked: ce.is_some(), rolled: rolled.into_acts(), ..fate }
    }

    /// This copy as it arrives, and the bits that were flipped in it.
    fn altered<'a>(
        &self,
        nth: u64,
        copy: u32,
        alteration: &Alteration,
        frame: &'a [u8],
        rolled: &mut Rolled,
    ) -> (Cow<'a, [u8]>, Vec<Corruption>) {
        let mut bytes = Cow::Borrowed(frame);
        let mut corrupted = Vec::new();
        if alteration.truncated_bytes.is_some() {
            bytes.to_mut().truncate(alteration.len);
        }
        for corruption in &alteration.corruptions {
            self.flip(bytes.to_mut(), *corruption);
            corrupted.push(*corruption);
        }
        if let Some(corruption) = self.random_corruption(nth, copy, &bytes) {
            self.flip(bytes.to_mut(), corruption);
            corrupted.push(corruption);
            rolled.corruptions.push((copy, corruption));
        }
        (bytes, corrupted)
    }

    fn flip(&self, bytes: &mut [u8], corruption: Corruption) {
        bytes[corruption.byte] ^= 1 << corruption.bit;
        if corruption.is_mended {
            mend(self.medium, bytes);
        }
    }

    /// Which bit of the copy is flipped at random, if any.
    fn random_corruption(&self, nth: u64, copy: u32, bytes: &[u8]) -> Option<Corruption> {
        let (limits, dice) = (&self.impairments, &self.dice);
        if !dice.hits(Stream::Corrupt { copy }, nth, limits.corrupt_ppm) {
            return None;
        }
        let [first, second] = frame::checksummed(self.medium, bytes);
        let bits = (first.len() + second.len()) as u64 * 8;
        if bits == 0 {
            return None;
        }
        let rolled = dice.below(Stream::CorruptBit { copy }, nth, bits);
        let (offset, bit) = ((rolled / 8) as usize, (rolled % 8) as u8);
        let byte = match offset.checked_sub(first.len()) {
            None => first.start + offset,
            Some(offset) => second.start + offset,
        };
        Some(Corruption { byte, bit, is_mended: limits.mend_checksum })
    }
}

impl Treatment {
    /// None yet.
    fn of(frame: &[u8]) -> Treatment {
        Treatment { held_ns: 0, original: Alteration::none(frame), copies: Vec::new() }
    }

    /// Takes a fault; says whether it will have an effect.
    fn add(&mut self, act: Act, frame: &[u8]) -> bool {
        let copy = self.copies.last_mut().unwrap_or(&mut self.original);
        match act {
            // Decided before, for the whole frame.
            Act::Drop => return false,
            Act::Duplicate => self.copies.push(Alteration::none(frame)),
            Act::Delay(delay_ns) => self.held_ns = self.held_ns.saturating_add(delay_ns),
            Act::Corrupt { byte, bit, mend } => {
                if byte >= copy.len || bit > 7 {
                    return false;
                }
                copy.corruptions.push(Corruption { byte, bit, is_mended: mend });
            }
            Act::Truncate { len } => {
                if len >= copy.len {
                    return false;
                }
                copy.len = len;
                copy.truncated_bytes = Some(len);
                copy.corruptions.retain(|corruption| corruption.byte < len);
            }
        }
        true
    }
}

impl Alteration {
    fn none(frame: &[u8]) -> Alteration {
        Alteration { corruptions: Vec::new(), truncated_bytes: None, len: frame.len() }
    }
}

/// What chance does to a frame that is carried.
#[derive(Clone, Debug, Default)]
struct Rolled {
    late_ns: u64,
    is_duplicated: bool,
    /// Of which copy, and what.
    corruptions: Vec<(u32, Corruption)>,
}

impl Rolled {
    /// As faults: those of the original come before its copy is made, those of the copy after.
    fn into_acts(self) -> Vec<Act> {
        let flips = |is_copy: bool| {
            let of_it = self.corruptions.iter().filter(move |(copy, _)| (*copy > 0) == is_copy);
            of_it.map(|(_, Corruption { byte, bit, is_mended })| Act::Corrupt {
                byte: *byte,
                bit: *bit,
                mend: *is_mended,
            })
        };
        let late = (self.late_ns > 0).then_some(Act::Delay(self.late_ns));
        let duplicate = self.is_duplicated.then_some(Act::Duplicate);
        late.into_iter().chain(flips(false)).chain(duplicate).chain(flips(true)).collect()
    }
}
