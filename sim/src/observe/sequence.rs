//! Which sequence numbers have been seen, counted from the start of the connection?

use std::collections::BTreeMap;

/// Sequence number `seq` counted from `isn`, as a number that does not wrap: the one nearest to `near`.
///
/// A number from before the start (a stale segment) is given as the wire has it, 32 bits relative to `isn`.
pub(super) fn relative(isn: u32, near: u64, seq: u32) -> u64 {
    let wire = seq.wrapping_sub(isn);
    // The cast keeps the distance's sign: that is what serial numbers are (RFC 9293 §3.4).
    let distance = wire.wrapping_sub(near as u32) as i32;
    near.checked_add_signed(i64::from(distance)).unwrap_or(u64::from(wire))
}

/// The sequence numbers that have arrived, from 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Arrived {
    /// Everything before this has arrived.
    reach: u64,
    /// What has arrived beyond, as first number to one past the last; apart from each other and from `reach`.
    islands: BTreeMap<u64, u64>,
}

/// What an arrival brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// The next numbers.
    Next,
    /// Numbers beyond a gap.
    BeyondGap,
    /// Nothing that was not there.
    Nothing,
}

impl Arrived {
    /// Everything before this number has arrived.
    pub(super) const fn reach(&self) -> u64 {
        self.reach
    }

    /// Numbering begins here: for a connection whose start is not in the trace.
    pub(super) const fn start_at(&mut self, seq: u64) {
        self.reach = seq;
    }

    /// `start..end` arrives.
    pub(super) fn add(&mut self, start: u64, end: u64) -> News {
        if end <= self.reach || start >= end {
            return News::Nothing;
        }
        if start <= self.reach {
            self.reach = end;
            self.absorb_islands();
            return News::Next;
        }
        let (mut start, mut end) = (start, end);
        if self.islands.range(..=start).next_back().is_some_and(|(_, &island_end)| end <= island_end) {
            return News::Nothing;
        }
        while let Some((&island, &island_end)) = self.islands.range(..=end).next_back() {
            if island_end < start {
                break;
            }
            self.islands.remove(&island);
            start = start.min(island);
            end = end.max(island_end);
        }
        self.islands.insert(start, end);
        News::BeyondGap
    }

    fn absorb_islands(&mut self) {
        while let Some((&start, &end)) = self.islands.first_key_value() {
            if start > self.reach {
                return;
            }
            self.reach = self.reach.max(end);
            self.islands.remove(&start);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_numbers_do_not_wrap() {
        assert_eq!(relative(u32::MAX, 0, u32::MAX), 0);
        assert_eq!(relative(u32::MAX, 1, 0), 1);
        assert_eq!(relative(1_000, 5_000_000_000, 1_000_u32.wrapping_add(5_000_001_460_u64 as u32)), 5_000_001_460);
        assert_eq!(relative(1_000, 20, 1_010), 10);
    }

    #[test]
    fn a_number_from_before_the_start_is_given_as_on_the_wire() {
        assert_eq!(relative(1_000, 0, 999), u64::from(u32::MAX));
    }

    #[test]
    fn reach_agrees_with_a_plain_set_of_numbers() {
        let mut rng = 7_u64;
        let mut next = |below: u64| {
            rng = rng.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (rng >> 33) % below
        };
        for _ in 0..300 {
            let (mut arrived, mut model) = (Arrived::default(), [false; 64]);
            for _ in 0..20 {
                let start = next(60);
                let end = (start + next(9)).min(64);
                let reach_of = |model: &[bool]| model.iter().position(|&seen| !seen).unwrap_or(64);
                let reach_before = reach_of(&model);
                let is_new = model[start as usize..end as usize].contains(&false);
                model[start as usize..end as usize].fill(true);
                let news = arrived.add(start, end);
                assert_eq!(arrived.reach(), reach_of(&model) as u64);
                assert_eq!(news != News::Nothing, is_new, "{start}..{end}");
                assert_eq!(news == News::Next, reach_of(&model) > reach_before);
            }
        }
    }
}
