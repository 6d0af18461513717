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
    duplicates: u32,
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
        self.faults.fire(due, |act| treatment.add(act));
        let (limits, dice) = (&self.impairments, &self.dice);
        let mut held_ns = treatment.held_ns;
        if dice.hits(Stream::Reorder, nth, limits.reorder_ppm) {
            held_ns = held_ns.saturating_add(limits.reorder_delay_ns);
        }
        let jitter_ns = limits.jitter.late_ns(dice, nth);
        let at = turn.end_at.after_ns(limits.delay_ns).after_ns(jitter_ns).after_ns(held_ns);
        let is_duplicated = dice.hits(Stream::Duplicate, nth, limits.duplicate_ppm);
        let copies = 1 + treatment.duplicates + u32::from(is_duplicated);
        let untreated = Treatment::of(frame);
        let copies = (0..copies).map(|copy| {
            let treatment = if copy == 0 { &treatment } else { &untreated };
            let (bytes, corrupted) = self.altered(nth, copy, treatment, ce.unwrap_or(frame));
            let bytes = match bytes {
                Cow::Borrowed(_) if ce.is_none() => None,
                bytes => (bytes != frame).then(|| bytes.into_owned()),
            };
            let truncated_bytes = treatment.truncated_bytes;
            Arrival { at, duplicate: copy > 0, reordered_ns: held_ns, corrupted, truncated_bytes, bytes }
        });
        let fate = Fate::arrives(copies.collect(), turn.start_at.ns_since(sent_at));
        Fate { is_ce_marked: ce.is_some(), ..fate }
    }

    /// This copy as it arrives, and the bits that were flipped in it.
    fn altered<'a>(
        &self,
        nth: u64,
        copy: u32,
        treatment: &Treatment,
        frame: &'a [u8],
    ) -> (Cow<'a, [u8]>, Vec<Corruption>) {
        let mut bytes = Cow::Borrowed(frame);
        let mut corrupted = Vec::new();
        if treatment.truncated_bytes.is_some() {
            bytes.to_mut().truncate(treatment.len);
        }
        for corruption in &treatment.corruptions {
            self.flip(bytes.to_mut(), *corruption);
            corrupted.push(*corruption);
        }
        if let Some(corruption) = self.random_corruption(nth, copy, &bytes) {
            self.flip(bytes.to_mut(), corruption);
            corrupted.push(corruption);
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
        Treatment { held_ns: 0, duplicates: 0, corruptions: Vec::new(), truncated_bytes: None, len: frame.len() }
    }

    /// Takes a fault; says whether it will have an effect.
    fn add(&mut self, act: Act) -> bool {
        match act {
            // Decided before, for the whole frame.
            Act::Drop => return false,
            Act::Duplicate => self.duplicates = self.duplicates.saturating_add(1),
            Act::Delay(delay_ns) => self.held_ns = self.held_ns.saturating_add(delay_ns),
            Act::Corrupt { byte, bit, mend } => {
                if byte >= self.len || bit > 7 {
                    return false;
                }
                self.corruptions.push(Corruption { byte, bit, is_mended: mend });
            }
            Act::Truncate { len } => {
                if len >= self.len {
                    return false;
                }
                self.len = len;
                self.truncated_bytes = Some(len);
                self.corruptions.retain(|corruption| corruption.byte < len);
            }
        }
        true
    }
}
