//! Which changes over time belong together, and what is less of them?

use std::collections::BTreeMap;

use super::simpler::shorter;
use crate::scenario::Scenario;
use crate::scenario::model::{Change, Power};
use crate::time::Time;
use crate::world;

/// Something that happens at a time. A cut and its healing are one, and a crash and the start after it: half of them would be another
/// story, of a network that never comes back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Event {
    begin: Entry,
    begin_ns: u64,
    /// What ends it, and how long it lasts, ns.
    end: Option<(Entry, u64)>,
}

/// An entry of a scenario, by its place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Entry {
    Change(usize),
    Power(usize),
}

/// What happens in a scenario over time, in this order.
pub(super) fn events(scenario: &Scenario) -> Vec<Event> {
    let mut entries = entries(scenario);
    let mut events = Vec::new();
    while !entries.is_empty() {
        let (begin_ns, begin, change) = entries.remove(0);
        let end = ended_by(&change).and_then(|wanted| entries.iter().position(|(_, _, change)| *change == wanted));
        let end = end.map(|at| entries.remove(at)).map(|(end_ns, end, _)| (end, end_ns - begin_ns));
        events.push(Event { begin, begin_ns, end });
    }
    events
}

/// When which entry happens, and what it does, in the order of time.
fn entries(scenario: &Scenario) -> Vec<(u64, Entry, world::Change)> {
    let changes = scenario.changes.iter().enumerate();
    let changes = changes.map(|(at, Change { at_ns, change })| (*at_ns, Entry::Change(at), change.clone()));
    let power = scenario.power.iter().enumerate();
    let power = power.map(|(at, power)| (power.at_ns, Entry::Power(at), power.as_change()));
    let mut entries: Vec<_> = changes.chain(power).collect();
    entries.sort_by_key(|(at_ns, entry, _)| (*at_ns, *entry));
    entries
}

/// The change that ends this one.
fn ended_by(change: &world::Change) -> Option<world::Change> {
    match change.clone() {
        world::Change::Cut { cable, ways } => Some(world::Change::Heal { cable, ways }),
        world::Change::Crash { host } => Some(world::Change::Restart { host }),
        world::Change::Heal { .. } | world::Change::Impair { .. } | world::Change::Restart { .. } => None,
    }
}

/// The scenario with these of its events, and no others.
pub(super) fn with_events(scenario: &Scenario, events: &[Event]) -> Scenario {
    let begins = events.iter().map(|event| (event.begin, event.begin_ns));
    let ends = events.iter().filter_map(|event| event.end.map(|(end, after_ns)| (end, event.begin_ns + after_ns)));
    let times: BTreeMap<Entry, u64> = begins.chain(ends).collect();
    let change = |(at, change): (usize, &Change)| {
        times.get(&Entry::Change(at)).map(|at_ns| Change { at_ns: *at_ns, ..change.clone() })
    };
    let power = |(at, power): (usize, &Power)| {
        times.get(&Entry::Power(at)).map(|at_ns| Power { at_ns: *at_ns, ..power.clone() })
    };
    Scenario {
        changes: scenario.changes.iter().enumerate().filter_map(change).collect(),
        power: scenario.power.iter().enumerate().filter_map(power).collect(),
        ..scenario.clone()
    }
}

/// The same event, over sooner.
pub(super) fn sooner_over(event: &Event) -> Vec<Event> {
    let after = event.end.map(|(end, after_ns)| shorter(after_ns).into_iter().map(move |ns| (end, ns)));
    after.into_iter().flatten().map(|end| Event { end: Some(end), ..event.clone() }).collect()
}

/// What is left of a scenario's changes over time, in lines; none if it had none. `before`: how many it had.
pub fn told_changes(scenario: &Scenario, before: usize) -> Vec<String> {
    let entries = entries(scenario);
    let left = entries.len();
    let head = match (before, left) {
        (0, _) => return Vec::new(),
        (1, 0) => "Its change over time is not needed.".to_owned(),
        (_, 0) => format!("None of its {before} changes over time is needed."),
        (1, _) => "Its change over time is needed:".to_owned(),
        (_, 1) => format!("Of its {before} changes over time 1 is needed:"),
        _ if left == before => format!("Its {before} changes over time are needed:"),
        _ => format!("Of its {before} changes over time {left} are needed:"),
    };
    let lines = entries.into_iter().map(|(at_ns, _, change)| format!("  {}: {change}", Time::from_nanos(at_ns)));
    [head].into_iter().chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Impairments;
    use crate::world::Ways;

    const SECOND: u64 = 1_000_000_000;

    fn change(at_s: u64, what: fn(String, Ways) -> world::Change, cable: &str, ways: Ways) -> Change {
        Change { at_ns: at_s * SECOND, change: what(cable.to_owned(), ways) }
    }

    fn cut(cable: String, ways: Ways) -> world::Change {
        world::Change::Cut { cable, ways }
    }

    fn heal(cable: String, ways: Ways) -> world::Change {
        world::Change::Heal { cable, ways }
    }

    fn impair(cable: String, ways: Ways) -> world::Change {
        world::Change::Impair { cable, ways, to: Impairments::default() }
    }

    fn power(at_s: u64, is_on: bool) -> Power {
        Power { at_ns: at_s * SECOND, host: "a".to_owned(), is_on }
    }

    /// Not in the order of time; two cables; an end of something else; a healing too many.
    fn scenario() -> Scenario {
        let mut scenario = Scenario::new("any");
        scenario.changes = vec![
            change(9, heal, "ab", Ways::Both),
            change(1, cut, "ab", Ways::Both),
            change(2, heal, "bc", Ways::Both),
            change(3, heal, "ab", Ways::Back),
            change(4, impair, "ab", Ways::Forward),
            change(12, heal, "ab", Ways::Both),
        ];
        scenario.power = vec![power(5, false), power(7, true), power(11, false)];
        scenario
    }

    #[test]
    fn what_begins_and_what_ends_it_go_together() {
        let all = events(&scenario());
        let begins: Vec<u64> = all.iter().map(|event| event.begin_ns / SECOND).collect();
        assert_eq!(begins, [1, 2, 3, 4, 5, 11, 12]);
        let last: Vec<u64> = all.iter().map(|event| event.end.map_or(0, |(_, ns)| ns / SECOND)).collect();
        assert_eq!(last, [8, 0, 0, 0, 2, 0, 0]);
    }

    #[test]
    fn with_all_events_a_scenario_is_what_it_was_and_without_any_nothing_happens() {
        let scenario = scenario();
        assert_eq!(with_events(&scenario, &events(&scenario)), scenario);
        let none = with_events(&scenario, &[]);
        assert!(none.changes.is_empty() && none.power.is_empty());
    }

    #[test]
    fn an_event_ends_sooner_and_begins_when_it_did() {
        let scenario = scenario();
        let all = events(&scenario);
        for event in &all {
            for sooner in sooner_over(event) {
                let other = with_events(&scenario, std::slice::from_ref(&sooner));
                assert_eq!(sooner.begin_ns, event.begin_ns);
                assert!(sooner.end.map(|(_, ns)| ns) < event.end.map(|(_, ns)| ns));
                assert_eq!(other.changes.len() + other.power.len(), 2);
            }
        }
        assert_eq!(all.iter().filter(|event| !sooner_over(event).is_empty()).count(), 2);
    }

    #[test]
    fn what_is_left_is_told_in_the_order_of_time() {
        let least = scenario();
        let lines = told_changes(&least, 20);
        assert_eq!(lines[0], "Of its 20 changes over time 9 are needed:");
        assert_eq!(
            lines[1..4],
            ["  1s: cable ab is cut", "  2s: cable bc is healed", "  3s: cable ab, back, is healed"]
        );
        assert_eq!(
            lines[4..7],
            ["  4s: cable ab, forward, is impaired", "  5s: host a crashes", "  7s: host a starts again"]
        );
        assert_eq!(told_changes(&least, 9)[0], "Its 9 changes over time are needed:");
        assert_eq!(told_changes(&Scenario::new("any"), 3), ["None of its 3 changes over time is needed."]);
        assert!(told_changes(&Scenario::new("any"), 0).is_empty());
    }
}
