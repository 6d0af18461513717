//! What may one direction of a cable do to the next frame?

use std::collections::VecDeque;

use super::{Setting, Settings};
use crate::frame::Medium;
use crate::link::{Act, Impairments, Loss, Pattern, Queue, Shape, When};
use crate::oracle::segment::Segment;
use crate::time::Time;
use crate::trace::{Arrival, Corruption, DropReason, FrameRecord};

/// One direction, as far as the frames before have brought it.
pub(super) struct Replay<'s> {
    medium: Medium,
    settings: &'s Settings,
    /// Changes that have happened.
    changed: usize,
    now: Impairments,
    is_up: bool,
    frames: u64,
    /// By fault: frames of its kind that were sent.
    matched: Vec<u64>,
    /// When the transmitter has sent all that it took.
    free_at: Time,
    /// The frames that wait for it: when their turn comes, and their size.
    waiting: VecDeque<(Time, u64)>,
    /// The settings by which the last frame went, and when it arrived, held back or not.
    last: Option<(Impairments, Time, bool)>,
    /// A queue was replaced by another kind: frames of both are about, and times are bounds only.
    has_mixed_queues: bool,
}

/// What the settings say to one frame.
struct Due {
    acts: Vec<Act>,
}

impl<'s> Replay<'s> {
    pub(super) fn new(medium: Medium, settings: &'s Settings) -> Self {
        let is_codel = |impairments: &Impairments| matches!(impairments.queue, Queue::CoDel { .. });
        let first = is_codel(&settings.impairments);
        // With CoDel a frame leaves by the settings of its turn, not those of its sending.
        let has_mixed_queues = settings.changes.iter().any(|(_, setting)| match setting {
            Setting::Impair(to) => first || is_codel(to),
            Setting::Cut | Setting::Heal => false,
        });
        Self {
            medium,
            settings,
            changed: 0,
            now: settings.impairments,
            is_up: true,
            frames: 0,
            matched: vec![0; settings.faults.len()],
            free_at: Time::ZERO,
            waiting: VecDeque::new(),
            last: None,
            has_mixed_queues,
        }
    }

    /// The next frame. Returns what is impossible.
    pub(super) fn take(&mut self, frame: &FrameRecord) -> Vec<String> {
        self.change(frame.sent_at);
        let mut wrong = Vec::new();
        if frame.nth != self.frames {
            wrong.push(format!("it should be frame {}", self.frames));
        }
        self.frames += 1;
        let due = self.due(frame);
        match frame.fate.drop {
            Some(_) if !frame.fate.copies.is_empty() => wrong.push("it was dropped, and arrives".into()),
            Some(reason) => wrong.extend(self.judge_drop(frame, reason, &due)),
            None if frame.fate.copies.is_empty() => wrong.push("it vanished".into()),
            None => self.judge_carried(frame, &due, &mut wrong),
        }
        wrong
    }

    fn change(&mut self, at: Time) {
        while let Some((_, setting)) = self.settings.changes.get(self.changed).filter(|(time, _)| *time <= at) {
            self.changed += 1;
            match setting {
                Setting::Cut => self.is_up = false,
                Setting::Heal => self.is_up = true,
                Setting::Impair(to) => self.now = *to,
            }
        }
    }

    fn due(&mut self, frame: &FrameRecord) -> Due {
        let mut acts = Vec::new();
        for (fault, matched) in self.settings.faults.iter().zip(&mut self.matched) {
            let is_due = match fault.when {
                When::Frame(nth) => nth == frame.nth,
                When::Matching { pattern, nth } => {
                    let matches = Pattern::matches(pattern, self.medium, &frame.bytes);
                    *matched += u64::from(matches);
                    matches && *matched == nth + 1
                }
                // Which of them it is would take a whole connection to tell.
                When::Segment { .. } => {
                    Segment::parse(self.medium, &frame.bytes).is_some_and(|segment| segment.payload_len > 0)
                }
                When::Span { from, until } => from <= frame.sent_at && frame.sent_at < until,
            };
            if is_due {
                acts.push(fault.act);
            }
        }
        Due { acts }
    }

    fn judge_drop(&mut self, frame: &FrameRecord, reason: DropReason, due: &Due) -> Option<String> {
        let can_be_lost = match self.now.loss {
            Loss::None => false,
            Loss::Bernoulli { ppm } => ppm > 0,
            Loss::GilbertElliott { loss_good_ppm, loss_bad_ppm, .. } => loss_good_ppm > 0 || loss_bad_ppm > 0,
        };
        let is_codel = matches!(self.now.queue, Queue::CoDel { .. });
        let is_possible = match reason {
            DropReason::Loss => can_be_lost,
            DropReason::QueueFull => !self.has_room(frame) || self.has_mixed_queues || is_codel,
            DropReason::CoDel => is_codel || self.has_mixed_queues,
            DropReason::Mtu => self.is_too_long(frame),
            DropReason::Scripted => due.acts.contains(&Act::Drop),
            DropReason::LinkDown => !self.is_up,
        };
        (!is_possible).then(|| format!("dropped, {reason}, which nothing on this cable asks for"))
    }

    fn judge_carried(&mut self, frame: &FrameRecord, due: &Due, wrong: &mut Vec<String>) {
        if !self.is_up {
            wrong.push("carried by a cable that was cut".into());
        }
        if self.is_too_long(frame) {
            wrong.push("carried, and longer than the cable carries".into());
        }
        if due.acts.contains(&Act::Drop) && self.settings.faults.iter().all(|fault| !is_vague(fault.when)) {
            wrong.push("carried, and a fault was to drop it".into());
        }
        if !self.has_room(frame) && !self.has_mixed_queues && matches!(self.now.queue, Queue::DropTail { .. }) {
            wrong.push("carried, and there was no room in the queue".into());
        }
        let end_at = self.transmit(frame, wrong);
        self.judge_copies(frame, due, wrong);
        for copy in &frame.fate.copies {
            wrong.extend(self.judge_time(copy, end_at, due));
            wrong.extend(self.judge_bytes(frame, copy, due));
        }
        let at = frame.fate.copies[0].at;
        let is_held = frame.fate.copies[0].reordered_ns > 0;
        if let Some((settings, last_at, was_held)) = self.last.replace((self.now, at, is_held))
            && settings == self.now
            && self.now.jitter.ns == 0
            && !is_held
            && !was_held
            && at < last_at
        {
            wrong.push(format!("arrived at {at}, before the one sent before it, at {last_at}"));
        }
    }

    /// Serves a frame. Returns when its last bit is out.
    fn transmit(&mut self, frame: &FrameRecord, wrong: &mut Vec<String>) -> Time {
        let start_at = frame.sent_at.after_ns(frame.fate.queued_ns);
        let expected = frame.sent_at.max(self.free_at);
        if start_at != expected && !self.has_mixed_queues {
            wrong.push(format!("its turn was at {start_at}, and the transmitter was free at {expected}"));
        }
        if start_at > frame.sent_at {
            self.waiting.push_back((start_at, frame.bytes.len() as u64));
        }
        let bits = frame.bytes.len() as u128 * 8;
        let took_ns = match self.now.rate_bps {
            0 => 0,
            rate => (bits * 1_000_000_000).div_ceil(u128::from(rate)),
        };
        self.free_at = start_at.after_ns(u64::try_from(took_ns).unwrap_or(u64::MAX));
        self.free_at
    }

    /// Whether the queue before the transmitter takes the frame.
    fn has_room(&mut self, frame: &FrameRecord) -> bool {
        let now = frame.sent_at;
        while self.waiting.front().is_some_and(|(start_at, _)| *start_at <= now) {
            self.waiting.pop_front();
        }
        let (frames, bytes) = match self.now.queue {
            Queue::DropTail { frames, bytes } => (frames, bytes.unwrap_or(u64::MAX)),
            Queue::CoDel { frames, .. } => (frames, u64::MAX),
        };
        let waiting: u64 = self.waiting.iter().map(|(_, bytes)| bytes).sum();
        let has_room = (self.waiting.len() as u64) < u64::from(frames)
            && waiting.saturating_add(frame.bytes.len() as u64) <= bytes;
        self.free_at <= now || has_room
    }

    fn is_too_long(&self, frame: &FrameRecord) -> bool {
        let packet_bytes = frame.bytes.len().saturating_sub(self.medium.header_bytes()) as u64;
        self.now.mtu_bytes.is_some_and(|mtu_bytes| packet_bytes > u64::from(mtu_bytes))
    }

    fn judge_copies(&self, frame: &FrameRecord, due: &Due, wrong: &mut Vec<String>) {
        let copies = &frame.fate.copies;
        let asked = due.acts.iter().filter(|act| **act == Act::Duplicate).count();
        let most = 1 + asked + usize::from(self.now.duplicate_ppm > 0 || self.has_mixed_queues);
        if copies.len() > most {
            wrong.push(format!("{} copies arrive, and at most {most} were made", copies.len()));
        }
        if copies[0].duplicate || copies[1..].iter().any(|copy| !copy.duplicate) {
            wrong.push("one copy is the original, the first".into());
        }
        if copies.iter().any(|copy| copy.at != copies[0].at) {
            wrong.push("its copies arrive at different times".into());
        }
        let marks = matches!(self.now.queue, Queue::CoDel { ecn: true, .. }) || self.has_mixed_queues;
        if frame.fate.is_ce_marked && !marks {
            wrong.push("marked by a queue that does not mark".into());
        }
    }

    /// Whether a copy of a frame that was out at `end_at` may arrive when it does.
    fn judge_time(&self, copy: &Arrival, end_at: Time, due: &Due) -> Option<String> {
        if self.has_mixed_queues {
            let is_early = copy.at < end_at && self.now.rate_bps == 0;
            return is_early.then(|| format!("arrived at {}, before it was out at {end_at}", copy.at));
        }
        let asked: u64 = due.acts.iter().map(|act| if let Act::Delay(ns) = act { *ns } else { 0 }).sum();
        let is_vague = self.settings.faults.iter().any(|fault| is_vague(fault.when));
        let random = if self.now.reorder_ppm > 0 { self.now.reorder_delay_ns } else { 0 };
        let held_ns = copy.reordered_ns;
        let is_held_for_a_reason =
            [asked, asked.saturating_add(random)].contains(&held_ns) || (is_vague && held_ns <= asked + random);
        if !is_held_for_a_reason {
            return Some(format!("held back for {held_ns} ns, which nothing on this cable asks for"));
        }
        let earliest = end_at.after_ns(self.now.delay_ns).after_ns(held_ns);
        let latest = earliest.after_ns(jitter_max_ns(&self.now));
        match copy.at {
            at if at < earliest => Some(format!("arrived at {at}, and not before {earliest} was possible")),
            at if at > latest => Some(format!("arrived at {at}, and {latest} was the latest possible")),
            _ => None,
        }
    }

    /// Whether a copy may look as it does.
    fn judge_bytes(&self, frame: &FrameRecord, copy: &Arrival, due: &Due) -> Option<String> {
        let can_be_flipped = self.now.corrupt_ppm > 0
            || self.has_mixed_queues
            || due.acts.iter().any(|act| matches!(act, Act::Corrupt { .. }));
        if !copy.corrupted.is_empty() && !can_be_flipped {
            return Some("bits were flipped, which nothing on this cable asks for".into());
        }
        if let Some(len) = copy.truncated_bytes {
            let is_asked = due.acts.iter().any(|act| matches!(act, Act::Truncate { len: to } if *to == len));
            let is_so = copy.bytes.as_ref().is_some_and(|bytes| bytes.len() == len);
            return (!is_asked || !is_so).then(|| format!("cut to {len} bytes, which nothing on this cable asks for"));
        }
        if frame.fate.is_ce_marked || copy.corrupted.iter().any(|corruption| corruption.is_mended) {
            // Checksums follow: as long as it was is all that can be said here.
            let has_len = copy.bytes.as_ref().is_none_or(|bytes| bytes.len() == frame.bytes.len());
            return (!has_len).then(|| "its length has changed".into());
        }
        let mut expected = frame.bytes.clone();
        for Corruption { byte, bit, .. } in &copy.corrupted {
            match expected.get_mut(*byte) {
                Some(place) if *bit < 8 => *place ^= 1 << bit,
                _ => return Some(format!("bit {bit} of byte {byte} was flipped, and there is none")),
            }
        }
        let arrived = copy.bytes.as_deref().unwrap_or(&frame.bytes);
        (arrived != expected).then(|| "it arrived other than it was sent, and not by the bits that are said".into())
    }
}

/// Whether the frames of a fault are only roughly known here.
fn is_vague(when: When) -> bool {
    matches!(when, When::Segment { .. })
}

/// The most that jitter adds.
fn jitter_max_ns(impairments: &Impairments) -> u64 {
    match impairments.jitter.shape {
        Shape::Uniform | Shape::Normal => impairments.jitter.ns,
        // `ns * (U^(-1/3) - 1)`, of a table that ends at 322.
        Shape::Pareto => impairments.jitter.ns.saturating_mul(323),
    }
}
