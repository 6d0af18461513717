//! Which slot has the next deadline?

use managed::ManagedSlice;

use crate::time::Instant;

/// At most one deadline per slot, earliest first: a binary heap that knows where each slot's entry is.
///
/// Slots with the same deadline come in the order of their numbers, so that the same calls give the
/// same order. Invariants: `positions[slot]` is where `slot` stands in the heap, or [`NOWHERE`]; no
/// entry is earlier than its parent.
#[derive(Debug)]
pub(crate) struct Deadlines<'a> {
    heap: ManagedSlice<'a, Entry>,
    positions: ManagedSlice<'a, u32>,
    len: usize,
}

/// A deadline in the heap; see [`Storage`](crate::Storage).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    at: Instant,
    slot: u32,
}

impl Entry {
    pub(crate) const EMPTY: Self = Self { at: Instant::ZERO, slot: 0 };
}

#[expect(clippy::arithmetic_side_effects, reason = "indexes of a heap that holds each slot once")]
impl<'a> Deadlines<'a> {
    /// No deadlines, for slots 0 to the shorter length of `heap` and `positions`. What they hold is
    /// forgotten.
    pub(crate) fn new(heap: ManagedSlice<'a, Entry>, mut positions: ManagedSlice<'a, u32>) -> Self {
        debug_assert!(heap.len() >= positions.len(), "every slot can have a deadline");
        positions.fill(NOWHERE);
        Self { heap, positions, len: 0 }
    }

    /// Makes room for slots 0 to `slots` - 1. Lent memory has room for all slots from the start.
    #[cfg(feature = "alloc")]
    pub(crate) fn grow_to(&mut self, slots: usize) {
        if let ManagedSlice::Owned(heap) = &mut self.heap
            && heap.len() < slots
        {
            heap.resize(slots, Entry::EMPTY);
        }
        if let ManagedSlice::Owned(positions) = &mut self.positions
            && positions.len() < slots
        {
            positions.resize(slots, NOWHERE);
        }
        debug_assert!(self.positions.len() >= slots && self.heap.len() >= slots);
    }

    /// Lent memory has room for all slots from the start.
    #[cfg(not(feature = "alloc"))]
    pub(crate) fn grow_to(&mut self, slots: usize) {
        debug_assert!(self.positions.len() >= slots && self.heap.len() >= slots);
    }

    /// Gives `slot` this deadline, instead of the one it had.
    #[inline]
    pub(crate) fn set(&mut self, slot: u32, at: Instant) {
        let entry = Entry { at, slot };
        match self.position(slot) {
            // The most frequent case by far: a turn that changed no timer.
            Some(position) if self.heap.get(position) == Some(&entry) => {}
            Some(position) => self.settle(position, entry),
            None => {
                self.len += 1;
                self.settle(self.len - 1, entry);
            }
        }
    }

    /// Gives `slot` this deadline, unless it has an earlier one.
    #[cfg(feature = "async")]
    pub(crate) fn set_no_later(&mut self, slot: u32, at: Instant) {
        let known = self.position(slot).and_then(|position| self.heap.get(position));
        if known.is_none_or(|known| at < known.at) {
            self.set(slot, at);
        }
    }

    /// Takes the deadline of `slot` away, if it has one.
    #[inline]
    pub(crate) fn clear(&mut self, slot: u32) {
        if let Some(position) = self.position(slot) {
            self.remove(position);
        }
    }

    /// The earliest deadline and its slot.
    #[inline]
    pub(crate) fn peek(&self) -> Option<(Instant, u32)> {
        let Entry { at, slot } = *self.heap.first().filter(|_| self.len > 0)?;
        Some((at, slot))
    }

    /// Takes the earliest deadline if it has come at `now`, and says whose it was.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<u32> {
        let (_, slot) = self.peek().filter(|(at, _)| *at <= now)?;
        self.remove(0);
        Some(slot)
    }

    #[inline]
    fn position(&self, slot: u32) -> Option<usize> {
        let position = *self.positions.get(slot as usize)?;
        (position != NOWHERE).then_some(position as usize)
    }

    /// Closes the gap with the last entry.
    fn remove(&mut self, position: usize) {
        let Some(removed) = self.heap.get(position).copied() else { return };
        self.note(removed.slot, NOWHERE);
        self.len -= 1;
        if position < self.len
            && let Some(last) = self.heap.get(self.len).copied()
        {
            self.settle(position, last);
        }
    }

    /// Finds the place of `entry`, which may stand at `position`, and of all that have to move for it.
    fn settle(&mut self, mut position: usize, entry: Entry) {
        while position > 0 {
            let parent = (position - 1) / 2;
            let Some(above) = self.heap.get(parent).copied().filter(|above| *above > entry) else { break };
            self.put(position, above);
            position = parent;
        }
        while let Some(child) = self.earlier_child(position) {
            let Some(below) = self.heap.get(child).copied().filter(|below| *below < entry) else { break };
            self.put(position, below);
            position = child;
        }
        self.put(position, entry);
    }

    fn earlier_child(&self, position: usize) -> Option<usize> {
        let left = 2 * position + 1;
        let right = left + 1;
        if right < self.len && self.heap.get(right) < self.heap.get(left) {
            return Some(right);
        }
        (left < self.len).then_some(left)
    }

    fn put(&mut self, position: usize, entry: Entry) {
        if let Some(place) = self.heap.get_mut(position) {
            *place = entry;
        }
        self.note(entry.slot, position as u32);
    }

    fn note(&mut self, slot: u32, position: u32) {
        if let Some(place) = self.positions.get_mut(slot as usize) {
            *place = position;
        }
    }
}

/// The slot has no deadline.
const NOWHERE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    extern crate std;
    use std::collections::BTreeMap;
    use std::vec;
    use std::vec::Vec;

    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Act {
        Set { slot: u32, at: u64 },
        Clear { slot: u32 },
        Pop { now: u64 },
        Grow,
    }

    fn acts(slots: u32) -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            // Few instants, so that many are equal.
            6 => (0..slots, 0..12u64).prop_map(|(slot, at)| Act::Set { slot, at }),
            2 => (0..slots).prop_map(|slot| Act::Clear { slot }),
            2 => (0..12u64).prop_map(|now| Act::Pop { now }),
            1 => Just(Act::Grow),
        ];
        proptest::collection::vec(act, 0..300)
    }

    /// `slots`: how many there are; each [`Act::Grow`] adds one if the memory can grow.
    fn run(mut heap: Deadlines<'_>, mut slots: u32, can_grow: bool, acts: Vec<Act>) {
        let mut model: BTreeMap<u32, Instant> = BTreeMap::new();
        let first = |model: &BTreeMap<u32, Instant>| model.iter().map(|(slot, at)| (*at, *slot)).min();
        for act in acts {
            match act {
                Act::Set { slot, at } if slot < slots => {
                    heap.set(slot, Instant::from_micros(at));
                    model.insert(slot, Instant::from_micros(at));
                }
                Act::Clear { slot } if slot < slots => {
                    heap.clear(slot);
                    model.remove(&slot);
                }
                Act::Set { .. } | Act::Clear { .. } => {}
                Act::Pop { now } => {
                    let now = Instant::from_micros(now);
                    let due = first(&model).filter(|(at, _)| *at <= now).map(|(_, slot)| slot);
                    assert_eq!(heap.pop_due(now), due);
                    due.map(|slot| model.remove(&slot));
                }
                Act::Grow => {
                    slots += u32::from(can_grow);
                    heap.grow_to(slots as usize);
                }
            }
            assert_eq!(heap.peek(), first(&model));
            assert_eq!(heap.len, model.len());
            for slot in 0..slots {
                let at = heap.position(slot).map(|position| heap.heap[position].at);
                assert_eq!(at, model.get(&slot).copied());
            }
        }
    }

    proptest! {
        #[test]
        fn a_lent_heap_agrees_with_a_map(acts in acts(20)) {
            let (mut heap, mut positions) = (vec![Entry::EMPTY; 20], vec![0; 20]);
            let heap = Deadlines::new(ManagedSlice::Borrowed(&mut heap), ManagedSlice::Borrowed(&mut positions));
            run(heap, 20, false, acts);
        }

        #[cfg(feature = "alloc")]
        #[test]
        fn a_growing_heap_agrees_with_a_map(acts in acts(40)) {
            run(Deadlines::new(ManagedSlice::Owned(vec![]), ManagedSlice::Owned(vec![])), 0, true, acts);
        }
    }

    #[test]
    fn equal_deadlines_come_in_the_order_of_slots() {
        let (mut heap, mut positions) = ([Entry::EMPTY; 8], [0; 8]);
        let mut heap = Deadlines::new(ManagedSlice::Borrowed(&mut heap), ManagedSlice::Borrowed(&mut positions));
        for slot in [5, 2, 7, 0] {
            heap.set(slot, Instant::from_secs(1));
        }
        assert_eq!(heap.pop_due(Instant::from_micros(999_999)), None);
        let popped: Vec<_> = core::iter::from_fn(|| heap.pop_due(Instant::from_secs(1))).collect();
        assert_eq!(popped, [0, 2, 5, 7]);
        assert_eq!(heap.peek(), None);
    }
}
