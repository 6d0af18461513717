//! Which faults are due at this frame?

#[cfg(test)]
mod tests;

use core::fmt;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::pattern::Pattern;
use super::segments::Segments;
use crate::frame::Medium;
use crate::time::{Time, in_words};

/// A fault at chosen frames of one direction of a cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which frames.
    pub when: When,
    /// What happens to them.
    pub act: Act,
}

/// At which frames a fault happens: at one, or at all of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum When {
    /// The frame before which so many were sent on this cable in this direction: 0 for the first.
    Frame(u64),
    /// The frame before which so many of its kind were sent since the fault was set.
    Matching {
        /// The kind.
        pattern: Pattern,
        /// 0 for the first.
        #[serde(default)]
        nth: u64,
    },
    /// A data segment of a TCP connection. Where the cable carries several connections: of the first that comes to it.
    Segment {
        /// How many data segments of other sequence numbers the connection had sent in this direction: 0 for the first.
        index: u64,
        /// How many times this one was sent before: 0 for its first transmission, 1 for the first repetition.
        #[serde(default)]
        transmission: u32,
    },
    /// Every frame sent from one time, included, until another, not included.
    Span {
        /// The first moment.
        from: Time,
        /// The first moment after.
        until: Time,
    },
}

/// What a fault does.
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
        /// Checksums are made right again: see [`Impairments::mend_checksum`](super::Impairments::mend_checksum).
        #[serde(default)]
        mend: bool,
    },
    /// The original, not its copies, is cut off after so many bytes; the lengths in its headers stay.
    Truncate {
        /// Bytes of the frame that are left, Ethernet header included.
        len: usize,
    },
}

impl When {
    /// The `nth` frame of this kind, 0 for the first.
    pub const fn matching(pattern: Pattern, nth: u64) -> When {
        When::Matching { pattern, nth }
    }
}

/// `the drop of frame 3`, `the delay of the SYN …`: the beginning of a sentence that tells what became of it.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.act, self.when)
    }
}

/// `of frame 3`, `of syn-ack 0`, `of segment 2, transmission 1`, `of every frame from 1s until 2s`.
impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            When::Frame(nth) => write!(f, "of frame {nth}"),
            When::Matching { pattern, nth } => write!(f, "of {pattern} {nth}"),
            When::Segment { index, transmission } => write!(f, "of segment {index}, transmission {transmission}"),
            When::Span { from, until } => write!(f, "of every frame from {from} until {until}"),
        }
    }
}

/// `drop`, `delay by 320ms`, `flip of byte 60 bit 2`.
impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::Drop => f.write_str("drop"),
            Act::Duplicate => f.write_str("duplicate"),
            Act::Delay(delay_ns) => write!(f, "delay by {}", in_words(*delay_ns)),
            Act::Corrupt { byte, bit, mend } => {
                let mended = if *mend { ", checksum mended," } else { "" };
                write!(f, "flip of byte {byte} bit {bit}{mended}")
            }
            Act::Truncate { len } => write!(f, "truncation to {len} bytes"),
        }
    }
}

/// The faults of one direction, and which of them have had their effect.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    all: Vec<Armed>,
    /// Those of one frame by its number, as indices into `all`: there may be as many of them as frames.
    by_frame: BTreeMap<u64, Vec<usize>>,
    /// The others whose frame is yet to come, as indices into `all`.
    open: Vec<usize>,
    segments: Segments,
}

#[derive(Clone, Copy, Debug)]
struct Armed {
    fault: Fault,
    /// Frames that matched so far.
    matched: u64,
    has_fired: bool,
}

impl Faults {
    pub(super) fn add(&mut self, faults: Vec<Fault>) {
        for fault in faults {
            let number = self.all.len();
            match fault.when {
                When::Frame(nth) => self.by_frame.entry(nth).or_default().push(number),
                When::Matching { .. } | When::Segment { .. } | When::Span { .. } => self.open.push(number),
            }
            if let When::Segment { index, .. } = fault.when {
                self.segments.watch(index);
            }
            self.all.push(Armed { fault, matched: 0, has_fired: false });
        }
    }

    /// The faults of frame `nth`, in the order in which they were given. Has to be asked for every frame, in order.
    pub(super) fn due(&mut self, medium: Medium, now: Time, nth: u64, frame: &[u8]) -> Vec<usize> {
        let mut due = self.by_frame.remove(&nth).unwrap_or_default();
        if self.open.is_empty() {
            return due;
        }
        let segment = self.segments.number(medium, frame);
        let all = &mut self.all;
        self.open.retain(|&i| {
            let armed = &mut all[i];
            let (is_due, is_past) = match armed.fault.when {
                When::Matching { pattern, nth: of } if pattern.matches(medium, frame) => {
                    armed.matched += 1;
                    (armed.matched > of, armed.matched > of)
                }
                When::Frame(_) | When::Matching { .. } => (false, false),
                When::Segment { index, transmission } => {
                    let is_it = segment == Some((index, transmission));
                    (is_it, is_it)
                }
                When::Span { from, until } => (from <= now && now < until, now >= until),
            };
            if is_due {
                due.push(i);
            }
            !is_past
        });
        due.sort_unstable();
        due
    }

    /// Carries out those of the faults `due` that `apply` can: it says for each whether it had an effect.
    pub(super) fn fire(&mut self, due: &[usize], mut apply: impl FnMut(Act) -> bool) {
        for &i in due {
            let armed = &mut self.all[i];
            armed.has_fired |= apply(armed.fault.act);
        }
    }

    pub(super) fn unfired(&self) -> impl Iterator<Item = Fault> {
        self.all.iter().filter(|armed| !armed.has_fired).map(|armed| armed.fault)
    }
}
