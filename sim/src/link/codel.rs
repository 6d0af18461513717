//! Which frames does controlled delay take out of a queue? (RFC 8289)

#[cfg(test)]
mod tests;

use super::line::{Held, Line};
use crate::time::Time;

/// What a user sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) target_ns: u64,
    pub(super) interval_ns: u64,
}

/// The state of one queue, with the names of RFC 8289 §5.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Control {
    /// When the wait will have been above the target for an interval; `None` while it is below.
    first_above_at: Option<Time>,
    is_dropping: bool,
    /// When the next frame is dropped, while `is_dropping`.
    drop_next_at: Time,
    /// Frames dropped since the state was entered.
    count: u64,
    last_count: u64,
}

/// What a queue gives when the transmitter is free.
#[derive(Clone, Debug, Default)]
pub(super) struct Dequeued {
    pub(super) dropped: Vec<Held>,
    /// The frame to send; `None` if none is left.
    pub(super) next: Option<Held>,
    /// It was to be dropped, and is to be marked instead.
    pub(super) is_marked: bool,
}

impl Control {
    /// Takes the next frame to send from `line` at `now`, and those that are to be dropped before it. A frame that
    /// `is_markable` is sent instead of being dropped.
    pub(super) fn dequeue(
        &mut self,
        line: &mut Line,
        now: Time,
        settings: Settings,
        is_markable: impl Fn(&Held) -> bool,
    ) -> Dequeued {
        let mut out = Dequeued::default();
        let (mut head, mut may_drop) = self.look(line, now, settings);
        if self.is_dropping {
            self.is_dropping = may_drop;
            while self.is_dropping && now >= self.drop_next_at {
                let Some(held) = head.take() else { break };
                self.count = self.count.saturating_add(1);
                if is_markable(&held) {
                    self.drop_next_at = settings.control_law(self.drop_next_at, self.count);
                    return Dequeued { next: Some(held), is_marked: true, ..out };
                }
                out.dropped.push(held);
                (head, may_drop) = self.look(line, now, settings);
                match may_drop {
                    false => self.is_dropping = false,
                    true => self.drop_next_at = settings.control_law(self.drop_next_at, self.count),
                }
            }
        } else if may_drop && let Some(held) = head.take() {
            out.is_marked = is_markable(&held);
            if out.is_marked {
                head = Some(held);
            } else {
                out.dropped.push(held);
                (head, _) = self.look(line, now, settings);
            }
            self.start_dropping(now, settings);
        }
        out.next = head;
        out
    }

    /// `dodequeue` of RFC 8289 §5.6: the frame at the head, and whether the wait has been too long for an interval.
    fn look(&mut self, line: &mut Line, now: Time, settings: Settings) -> (Option<Held>, bool) {
        let Some(held) = line.pop() else {
            self.first_above_at = None;
            return (None, false);
        };
        if now.ns_since(held.sent_at) < settings.target_ns || line.is_short() {
            self.first_above_at = None;
            return (Some(held), false);
        }
        match self.first_above_at {
            None => {
                self.first_above_at = Some(now.after_ns(settings.interval_ns));
                (Some(held), false)
            }
            Some(at) => (Some(held), now >= at),
        }
    }

    /// Enters the dropping state; soon after the last time, with about the rate that did well then.
    fn start_dropping(&mut self, now: Time, settings: Settings) {
        self.is_dropping = true;
        let delta = self.count.saturating_sub(self.last_count);
        let is_recent = now.ns_since(self.drop_next_at) < settings.interval_ns.saturating_mul(16);
        self.count = if delta > 1 && is_recent { delta } else { 1 };
        self.drop_next_at = settings.control_law(now, self.count);
        self.last_count = self.count;
    }
}

impl Settings {
    /// `t + interval / sqrt(count)`, rounded down to the nanosecond.
    fn control_law(self, at: Time, count: u64) -> Time {
        let squared = u128::from(self.interval_ns) * u128::from(self.interval_ns) / u128::from(count.max(1));
        at.after_ns(u64::try_from(squared.isqrt()).unwrap_or(u64::MAX))
    }
}
