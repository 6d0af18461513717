//! What is lost, and does the engine know?
//!
//! smoltcp sends a lost segment again when three ACKs in a row have the same number and the same window, and the next one that is lost
//! with it after a time-out of a second or more (B17). It also repeats when it hears one ACK several times. So it hears those again that
//! it does not count:
//! - RFC 6675 §2: an ACK that tells of more data behind the hole is a duplicate whatever its window says; a reader that takes what
//!   has come changes it all the time.
//! - RFC 6582 §3.2: an ACK that comes as far as the next hole, and not as far as what was sent when the first one was mended, says that there
//!   is one.
//! - RFC 8985 §7: behind the last segments of a flight nothing comes that would cause ACKs. When nothing is heard for two round trips,
//!   the engine hears that the peer misses something (`stack/tail.rs`).

use super::track::is_before;
use crate::stack::classify::{self, Segment};

/// How far the repair of losses has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recovery {
    stage: Stage,
    /// What was sent when it began is acknowledged up to here when it ends.
    until: u32,
    /// ACKs that say that something is missing, and how many of them the engine has counted.
    duplicates: u8,
    counted: u8,
    /// The engine is about to send one segment again.
    is_ordered: bool,
    /// What the last ACK told first of data behind the hole: both edges in one number, to be small.
    behind: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Idle,
    /// The first hole is being mended.
    Fast,
    /// Nothing was heard for long; whether something is missing is not known.
    Probed,
    /// The engine sends everything again. RFC 6582 §4: what its copies are answered with says nothing about losses.
    TimedOut,
}

/// A bare ACK, and where the sender stands.
pub(super) struct Heard<'a> {
    pub(super) segment: &'a Segment,
    pub(super) bytes: &'a [u8],
    pub(super) snd_una: u32,
    pub(super) snd_max: u32,
    /// It says another window than the last one.
    pub(super) is_window_update: bool,
    /// The engine has taken it as news.
    pub(super) is_news: bool,
    /// It came so soon after a probe that it answers something older.
    pub(super) is_prompt: bool,
}

impl Recovery {
    pub(super) const IDLE: Self =
        Self { stage: Stage::Idle, until: 0, duplicates: 0, counted: 0, is_ordered: false, behind: 0 };

    /// Whether an ACK that is news says anything about losses.
    #[inline]
    pub(super) fn is_fast(&self) -> bool {
        matches!(self.stage, Stage::Fast | Stage::Probed)
    }

    /// How often the engine has to hear this ACK again.
    #[cold]
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn repeats(&mut self, heard: &Heard<'_>) -> u8 {
        let ack = heard.segment.ack;
        if heard.is_news {
            (self.duplicates, self.counted) = (0, 0);
            if self.stage == Stage::Probed {
                // What was late, and not lost, is no reason to send the rest again.
                let is_late = heard.is_prompt && Self::edges_behind(heard).is_none();
                self.stage = if is_late { Stage::Idle } else { Stage::Fast };
            }
            let is_partial = self.stage == Stage::Fast && is_before(ack, self.until);
            return if is_partial { self.order() } else { 0 };
        }
        if ack != heard.snd_una || heard.snd_max == heard.snd_una {
            return 0;
        }
        self.counted = if heard.is_window_update { 0 } else { self.counted.saturating_add(1) };
        let is_told =
            Self::edges_behind(heard).is_some_and(|edges| core::mem::replace(&mut self.behind, edges) != edges);
        if is_told || !heard.is_window_update {
            self.duplicates = self.duplicates.saturating_add(1);
        }
        if self.stage != Stage::Idle || self.duplicates < DUPLICATES {
            return 0;
        }
        (self.stage, self.until) = (Stage::Fast, heard.snd_max);
        if self.counted == DUPLICATES {
            self.is_ordered = true;
            return 0;
        }
        self.order()
    }

    /// What an ACK tells first of data behind the hole: both edges in one number.
    fn edges_behind(heard: &Heard<'_>) -> Option<u32> {
        let behind = classify::announced(heard.bytes).behind;
        let (left, right) = behind.filter(|(left, _)| is_before(heard.segment.ack, *left))?;
        Some(left.rotate_left(16) ^ right)
    }

    /// The engine has been told to send its oldest segment again, because nothing was heard for long.
    pub(super) fn on_probe(&mut self, snd_max: u32) {
        self.is_ordered = true;
        if self.stage == Stage::Idle {
            (self.stage, self.until) = (Stage::Probed, snd_max);
        }
        (self.duplicates, self.counted) = (DUPLICATES, DUPLICATES);
    }

    /// How long to wait for an answer before the oldest segment is sent again, after `probes` times, microseconds. `pto_us`: the first
    /// wait if an ACK has told of a hole; if not, the peer may be holding its ACK back, or be slow.
    #[inline]
    pub(super) fn patience_us(&self, pto_us: u64, probes: u8) -> u64 {
        let first_us = if self.duplicates == 0 { pto_us.saturating_add(ACK_DELAY_MAX_US) } else { pto_us };
        match probes {
            0 => first_us,
            // RFC 6298 §5.5: the interval is doubled; and it is no less than Linux's least time-out (`TCP_RTO_MIN`), doubled too.
            _ => first_us.saturating_mul(2).max(RTO_MIN_US).saturating_mul(1 << probes.min(8).saturating_sub(1)),
        }
    }

    /// So many more as the engine counts to.
    fn order(&mut self) -> u8 {
        self.is_ordered = true;
        DUPLICATES.saturating_sub(core::mem::replace(&mut self.counted, DUPLICATES))
    }

    /// Something was sent again.
    pub(super) fn on_repeated(&mut self, snd_max: u32) {
        if !core::mem::take(&mut self.is_ordered) {
            (self.stage, self.until) = (Stage::TimedOut, snd_max);
        }
    }

    /// Everything up to `ack` has arrived.
    #[inline]
    pub(super) fn on_acknowledged(&mut self, ack: u32) {
        (self.duplicates, self.counted) = (0, 0);
        if self.stage != Stage::Idle && !is_before(ack, self.until) {
            (self.stage, self.is_ordered) = (Stage::Idle, false);
        }
    }
}

/// RFC 5681 §3.2.
const DUPLICATES: u8 = 3;
/// For how long a peer may hold an ACK back (RFC 8985 §7.2).
const ACK_DELAY_MAX_US: u64 = 200_000;
const RTO_MIN_US: u64 = 200_000;
