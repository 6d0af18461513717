//! What does a cable do to frames?

use core::fmt;
use core::ops::Range;

use serde::{Deserialize, Serialize};

use crate::frame::{self, Medium};
use crate::rng::{Dice, PPM, Stream};
use crate::trace::Corruption;

/// What one direction of a cable does to every frame, in the order of the fields.
///
/// The default is a perfect cable: no loss, no delay, any size, any rate. Integers only: an `_ppm` is a number of
/// frames in a million, each decided for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Impairments {
    /// Longest IP packet, in bytes (an Ethernet header is not counted); `None`: any. Longer ones are dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu_bytes: Option<u32>,
    /// Frames lost, at random.
    pub loss_ppm: u32,
    /// Bits per second, counted by the bytes of the frame alone; 0: any.
    pub rate_bps: u64,
    /// Frames that can wait for the transmitter when `rate_bps` is too low for them, the one being sent not counted.
    pub queue_frames: u32,
    /// Bytes that can wait for the transmitter; `None`: only `queue_frames` is counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_bytes: Option<u64>,
    /// From the last bit out to the last bit in. No frame arrives earlier.
    pub delay_ns: u64,
    /// Up to so much later, all values equally likely. Frames may overtake each other.
    pub jitter_ns: u64,
    /// Frames held back for `reorder_delay_ns`, so that those behind them overtake.
    pub reorder_ppm: u32,
    /// For how long.
    pub reorder_delay_ns: u64,
    /// Frames of which a copy is made; both arrive at the same time, the original first.
    pub duplicate_ppm: u32,
    /// Copies in which one bit is flipped, where a checksum notices it (see [`frame::checksummed`]).
    /// Frames that no checksum protects, ARP above all, arrive intact.
    pub corrupt_ppm: u32,
}

impl Impairments {
    /// The default of `queue_frames`, that of a Linux interface.
    pub const QUEUE_FRAMES: u32 = 1_000;

    /// Are all values in range?
    ///
    /// # Errors
    /// The name and value of the first `_ppm` above a million.
    pub fn check(&self) -> Result<(), ImpairmentError> {
        let rates = [
            ("loss_ppm", self.loss_ppm),
            ("reorder_ppm", self.reorder_ppm),
            ("duplicate_ppm", self.duplicate_ppm),
            ("corrupt_ppm", self.corrupt_ppm),
        ];
        match rates.into_iter().find(|(_, ppm)| *ppm > PPM) {
            Some((field, ppm)) => Err(ImpairmentError { field, ppm }),
            None => Ok(()),
        }
    }
}

impl Default for Impairments {
    fn default() -> Impairments {
        Impairments {
            mtu_bytes: None,
            loss_ppm: 0,
            rate_bps: 0,
            queue_frames: Impairments::QUEUE_FRAMES,
            queue_bytes: None,
            delay_ns: 0,
            jitter_ns: 0,
            reorder_ppm: 0,
            reorder_delay_ns: 0,
            duplicate_ppm: 0,
            corrupt_ppm: 0,
        }
    }
}

/// A rate above a million in a million.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImpairmentError {
    /// The name of the field.
    pub field: &'static str,
    /// Its value.
    pub ppm: u32,
}

impl fmt::Display for ImpairmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}; it counts frames in a million and is at most {PPM}", self.field, self.ppm)
    }
}

impl std::error::Error for ImpairmentError {}

/// A fault at one chosen frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scripted {
    /// The frame: how many were sent before it on this cable in this direction, 0 for the first.
    pub nth: u64,
    /// What happens to it.
    pub act: Act,
}

/// What a scripted fault does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// The frame is dropped.
    Drop,
    /// One more copy of it is made; all arrive at the same time.
    Duplicate,
    /// It and its copies arrive so many ns later.
    #[serde(rename = "delay_ns")]
    Delay(u64),
    /// One bit of the original, not of its copies, is flipped: any bit of the frame, the Ethernet header included.
    Corrupt {
        /// Index into the frame, from 0.
        byte: usize,
        /// 0 (least significant) to 7.
        bit: u8,
    },
}

/// The scripted faults of one direction, and which of them have had their effect.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    /// By frame; those of one frame in the order given.
    faults: Vec<(Scripted, bool)>,
    /// Faults before this one are of frames that were sent.
    next: usize,
}

impl Script {
    pub(super) fn new(mut faults: Vec<Scripted>) -> Script {
        faults.sort_by_key(|fault| fault.nth);
        Script { faults: faults.into_iter().map(|fault| (fault, false)).collect(), next: 0 }
    }

    /// The faults of frame `nth`. Frames are asked for in order.
    pub(super) fn due(&mut self, nth: u64) -> Range<usize> {
        let start = self.next;
        let count = self.faults[start..].iter().take_while(|(fault, _)| fault.nth <= nth).count();
        self.next = start + count;
        start..self.next
    }

    /// Carries out those of the faults `due` that `apply` can: it says for each whether it had an effect.
    pub(super) fn fire(&mut self, due: Range<usize>, mut apply: impl FnMut(Act) -> bool) {
        for (fault, has_fired) in &mut self.faults[due] {
            *has_fired |= apply(fault.act);
        }
    }

    pub(super) fn unfired(&self) -> impl Iterator<Item = Scripted> {
        self.faults.iter().filter(|(_, has_fired)| !has_fired).map(|(fault, _)| *fault)
    }
}

/// Which bit of the copy is flipped at random, if any.
pub(super) fn corruption(
    dice: &Dice,
    medium: Medium,
    nth: u64,
    copy: u32,
    corrupt_ppm: u32,
    frame: &[u8],
) -> Option<Corruption> {
    if !dice.hits(Stream::Corrupt { copy }, nth, corrupt_ppm) {
        return None;
    }
    let [first, second] = frame::checksummed(medium, frame);
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
    Some(Corruption { byte, bit })
}
