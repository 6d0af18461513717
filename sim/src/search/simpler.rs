//! What is simpler than this fault?

use super::Placed;
use crate::link::{Act, Fault, Pattern, When};

/// The forms of a fault that are simpler to read and to explain, the simplest first: at an earlier frame, or with a
/// simpler act. None is longer in any respect, so that going from form to form ends.
pub fn simpler(placed: &Placed) -> Vec<Placed> {
    let Fault { when, act } = placed.fault;
    let acts = simpler_acts(act).into_iter().map(|act| Fault { when, act });
    let whens = simpler_whens(when).into_iter().map(|when| Fault { when, act });
    acts.chain(whens).map(|fault| Placed { fault, ..placed.clone() }).collect()
}

/// A drop is simplest: nothing arrives.
fn simpler_acts(act: Act) -> Vec<Act> {
    match act {
        Act::Drop => Vec::new(),
        Act::Duplicate => vec![Act::Drop],
        Act::Delay(nanos) => [Act::Drop].into_iter().chain(shorter(nanos).into_iter().map(Act::Delay)).collect(),
        Act::Corrupt { byte, bit, mend } => {
            let mut acts = vec![Act::Drop];
            if mend {
                acts.push(Act::Corrupt { byte, bit, mend: false });
            }
            if bit > 0 {
                acts.push(Act::Corrupt { byte, bit: 0, mend });
            }
            acts
        }
        Act::Truncate { .. } => vec![Act::Drop],
    }
}

/// Shorter spans, ns: with one digit, half as long, a little shorter.
pub(super) fn shorter(nanos: u64) -> Vec<u64> {
    let nanos = nanos.max(1);
    let unit = 10_u64.pow(nanos.checked_ilog10().unwrap_or(0));
    let mut shorter = vec![nanos / unit.max(1) * unit, nanos / 2, nanos - nanos / 4, nanos - (nanos / 16).max(1)];
    shorter.retain(|less| (1..nanos).contains(less));
    shorter
}

/// The same kind of frame, earlier.
fn simpler_whens(when: When) -> Vec<When> {
    match when {
        When::Frame(nth) => earlier(nth).into_iter().map(When::Frame).collect(),
        When::Matching { pattern, nth } => {
            // Every frame is no kind: its number says the same.
            let plain = (pattern == Pattern::Any).then_some(When::Frame(nth));
            plain.into_iter().chain(earlier(nth).into_iter().map(|nth| When::Matching { pattern, nth })).collect()
        }
        When::Segment { index, transmission } => {
            let first = (transmission > 0).then_some(When::Segment { index, transmission: 0 });
            let indices = earlier(index).into_iter().map(|index| When::Segment { index, transmission });
            first.into_iter().chain(indices).collect()
        }
        // The runs of a search hit single frames; a span that the scenario has is left as it is.
        When::Span { .. } => Vec::new(),
    }
}

/// The first, the one halfway, the one before.
fn earlier(nth: u64) -> Vec<u64> {
    let mut earlier = vec![0, nth / 2, nth.saturating_sub(1)];
    earlier.dedup();
    earlier.retain(|less| *less < nth);
    earlier
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Direction;
    use crate::search::minimize;

    fn placed(when: When, act: Act) -> Placed {
        Placed { cable: String::from("ab"), direction: Direction::Forward, fault: Fault { when, act } }
    }

    #[test]
    fn going_from_form_to_form_ends_at_a_drop_of_the_first() {
        let whens = [
            (When::Frame(77), When::Frame(0)),
            (When::matching(Pattern::Any, 5), When::Frame(0)),
            (When::matching(Pattern::SynAck, 5), When::matching(Pattern::SynAck, 0)),
            (When::Segment { index: 9, transmission: 3 }, When::Segment { index: 0, transmission: 0 }),
        ];
        let acts = [
            Act::Drop,
            Act::Duplicate,
            Act::Delay(123_456_789),
            Act::Corrupt { byte: 60, bit: 7, mend: true },
            Act::Truncate { len: 40 },
        ];
        for (when, end) in whens {
            for act in acts {
                let found = minimize(vec![placed(when, act)], simpler, |list| Some(!list.is_empty()), 1_000);
                assert_eq!(found.items, [placed(end, Act::Drop)]);
                assert!(found.is_minimal);
            }
        }
    }

    #[test]
    fn a_delay_becomes_about_as_short_as_it_can_be() {
        for least in [1, 2, 7, 1_000, 123_456, 99_999_999] {
            let is_long = |list: &[Placed]| match list {
                [Placed { fault: Fault { act: Act::Delay(nanos), .. }, .. }] => Some(*nanos >= least),
                _ => Some(false),
            };
            let found = minimize(vec![placed(When::Frame(0), Act::Delay(123_456_789))], simpler, is_long, 10_000);
            let Act::Delay(nanos) = found.items[0].fault.act else { panic!("{:?}", found.items) };
            assert!(found.is_minimal && nanos >= least && nanos - least <= least / 15, "{nanos} for {least}");
        }
    }
}
