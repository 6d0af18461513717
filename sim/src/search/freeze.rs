//! What did chance do in this run, as a list of faults?

use std::collections::BTreeMap;

use super::Placed;
use crate::link::{Direction, Fault, Naming, When};
use crate::trace::{DropReason, Fate, FrameRecord, Trace};

/// Which way the frames of a trace go: the node at the first end of each cable, by the name of the cable.
pub type FirstEnds = BTreeMap<String, String>;

/// All that the dice did in a run, in the order of sending; each fault is of one frame by its number. Put on the same cables
/// without their chances (and before faults that were there already), they make the same run, frame for frame.
pub fn rolled(trace: &Trace, ends: &FirstEnds) -> Vec<Placed> {
    let of_frame = |frame: &FrameRecord| {
        let (cable, direction) = place(trace, ends, frame);
        let when = When::Frame(frame.nth);
        let placed = |act| Placed { cable: cable.clone(), direction, fault: Fault { when, act } };
        frame.fate.rolled.iter().copied().map(placed).collect::<Vec<_>>()
    };
    trace.frames.iter().flat_map(of_frame).collect()
}

/// The same faults, those of numbered frames by what the frame is in this trace: a segment, a SYN.
pub fn named(trace: &Trace, ends: &FirstEnds, faults: &[Placed]) -> Vec<Placed> {
    let mut order: Vec<&FrameRecord> = trace.frames.iter().collect();
    // A queue that decides late may record late.
    order.sort_by_key(|frame| frame.nth);
    let mut namings = BTreeMap::new();
    let mut names = BTreeMap::new();
    for frame in order {
        let place = place(trace, ends, frame);
        let naming = namings.entry(place.clone()).or_insert_with(|| Naming::new(trace.medium));
        names.insert((place, frame.nth), naming.name(&frame.bytes));
    }
    let renamed = |placed: &Placed| {
        let mut placed = placed.clone();
        if let When::Frame(nth) = placed.fault.when
            && let Some(name) = names.get(&((placed.cable.clone(), placed.direction), nth))
        {
            placed.fault.when = *name;
        }
        placed
    };
    faults.iter().map(renamed).collect()
}

/// Whether two runs are the same, frame for frame: bytes, times and fates, whether chance or a script decided.
pub fn is_same(one: &Trace, other: &Trace) -> bool {
    let key = |frame: &FrameRecord| (frame.id, frame.sent_at, frame.from, frame.to, frame.nth);
    one.nodes == other.nodes
        && one.frames.len() == other.frames.len()
        && one.frames.iter().zip(&other.frames).all(|(one, other)| {
            key(one) == key(other)
                && one.link == other.link
                && one.bytes == other.bytes
                && is_same_fate(&one.fate, &other.fate)
        })
}

fn is_same_fate(one: &Fate, other: &Fate) -> bool {
    let cause = |fate: &Fate| match fate.drop {
        Some(DropReason::Loss) => Some(DropReason::Scripted),
        drop => drop,
    };
    let are_same_copies = one.copies.len() == other.copies.len()
        && one.copies.iter().zip(&other.copies).all(|(one, other)| {
            (one.at, one.duplicate, &one.corrupted, &one.bytes)
                == (other.at, other.duplicate, &other.corrupted, &other.bytes)
        });
    cause(one) == cause(other) && one.queued_ns == other.queued_ns && are_same_copies
}

/// The cable, and which way along it.
pub(super) fn place(trace: &Trace, ends: &FirstEnds, frame: &FrameRecord) -> (String, Direction) {
    let cable = frame.link.as_str();
    let sender = trace.node(frame.from).map(|node| node.name.as_str());
    let is_forward = ends.get(cable).map(String::as_str) == sender;
    (cable.to_owned(), if is_forward { Direction::Forward } else { Direction::Back })
}
