//! What happens next?

use core::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::time::Time;

/// Events in the order in which they happen: by time, and events of the same time in the order of scheduling.
///
/// ```
/// use smolsock_sim::{events::Events, time::Time};
/// let mut events = Events::new();
/// events.schedule(Time::from_millis(2), "later");
/// events.schedule(Time::from_millis(1), "first");
/// events.schedule(Time::from_millis(1), "second");
/// assert_eq!(events.next(), Some((Time::from_millis(1), "first")));
/// assert_eq!(events.next(), Some((Time::from_millis(1), "second")));
/// ```
#[derive(Debug, Clone)]
pub struct Events<E> {
    heap: BinaryHeap<Entry<E>>,
    /// The number that the next event gets: ties in time are broken by it.
    scheduled: u64,
    now: Time,
}

#[derive(Debug, Clone)]
struct Entry<E> {
    at: Time,
    sequence: u64,
    event: E,
}

impl<E> Events<E> {
    /// No events; the time is [`Time::ZERO`].
    pub fn new() -> Events<E> {
        Events { heap: BinaryHeap::new(), scheduled: 0, now: Time::ZERO }
    }

    /// Lets `event` happen at `at`.
    ///
    /// # Panics
    /// If `at` is before the event that happened last: time does not run backwards.
    pub fn schedule(&mut self, at: Time, event: E) {
        assert!(at >= self.now, "an event at {at} was scheduled when it was {} already", self.now);
        let sequence = self.scheduled;
        self.scheduled += 1;
        self.heap.push(Entry { at, sequence, event });
    }

    /// Takes out the next event and moves the time to it; `None` if there is none.
    #[expect(clippy::should_implement_trait, reason = "more events may be scheduled between two calls")]
    pub fn next(&mut self) -> Option<(Time, E)> {
        let Entry { at, event, .. } = self.heap.pop()?;
        self.now = at;
        Some((at, event))
    }

    /// When the next event happens.
    pub fn next_at(&self) -> Option<Time> {
        self.heap.peek().map(|entry| entry.at)
    }

    /// All events that have not happened, with their times, in no order.
    pub fn pending(&self) -> impl Iterator<Item = (Time, &E)> {
        self.heap.iter().map(|entry| (entry.at, &entry.event))
    }

    /// The time of the event that was taken out last.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Events that are still to happen.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Is nothing left to happen?
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

impl<E> Default for Events<E> {
    fn default() -> Events<E> {
        Events::new()
    }
}

impl<E> Entry<E> {
    const fn key(&self) -> (Time, u64) {
        (self.at, self.sequence)
    }
}

/// Reversed, because the heap hands out its largest entry first.
impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Entry<E>) -> Ordering {
        other.key().cmp(&self.key())
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Entry<E>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Entry<E>) -> bool {
        self.key() == other.key()
    }
}

impl<E> Eq for Entry<E> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_one_time_happen_in_the_order_of_scheduling() {
        let mut events = Events::new();
        // A plain heap keeps no order among equals; with this many it is sure to show.
        for n in 0..1_000_u64 {
            events.schedule(Time::from_nanos(n % 3), n);
        }
        let mut last = None;
        let mut count = 0;
        while let Some((at, n)) = events.next() {
            assert_eq!(at, Time::from_nanos(n % 3));
            assert!(last < Some((at, n)), "{n} at {at} came after {last:?}");
            last = Some((at, n));
            count += 1;
        }
        assert_eq!(count, 1_000);
    }

    #[test]
    fn an_event_scheduled_for_now_comes_after_those_waiting_for_now() {
        let mut events = Events::new();
        events.schedule(Time::from_nanos(5), 'a');
        events.schedule(Time::from_nanos(5), 'b');
        assert_eq!(events.next(), Some((Time::from_nanos(5), 'a')));
        events.schedule(events.now(), 'c');
        assert_eq!(events.next_at(), Some(Time::from_nanos(5)));
        assert_eq!(events.next().map(|(_, e)| e), Some('b'));
        assert_eq!(events.next().map(|(_, e)| e), Some('c'));
        assert!(events.is_empty());
    }

    #[test]
    #[should_panic(expected = "an event at 1ns was scheduled when it was 2ns already")]
    fn scheduling_into_the_past_is_a_bug() {
        let mut events = Events::new();
        events.schedule(Time::from_nanos(2), ());
        events.next();
        events.schedule(Time::from_nanos(1), ());
    }
}
