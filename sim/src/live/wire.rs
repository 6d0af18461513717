//! What comes out of a cable, and when, if frames go in in real time?

use core::cmp::{Ordering, Reverse};
use core::fmt;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use crate::frame::Medium;
use crate::link::{Direction, ImpairmentError, Impairments, Link};
use crate::rng::Dice;
use crate::time::Time;
use crate::trace::{DropReason, Fate, FrameRecord, LinkName, NodeId, PacketId};

/// One direction of a live cable. The caller brings the time: [`send`](Self::send) puts a frame on it,
/// [`next_due`](Self::next_due) says when [`receive`](Self::receive) gives the next one.
///
/// ```
/// use smolsock_sim::frame::Medium;
/// use smolsock_sim::link::{Direction, Impairments};
/// use smolsock_sim::live::Wire;
/// use smolsock_sim::time::Time;
///
/// let late = Impairments { delay_ns: 20_000_000, ..Impairments::default() };
/// let mut wire = Wire::new("ab", Direction::Forward, Medium::Ethernet, 1, late)?;
/// wire.send(Time::from_millis(5), &[0; 60]);
/// assert_eq!(wire.next_due(), Some(Time::from_millis(25)));
/// assert!(wire.receive(Time::from_millis(24)).is_none());
/// assert_eq!(wire.receive(Time::from_millis(25)).expect("it is due").bytes(), [0; 60]);
/// # Ok::<(), smolsock_sim::link::ImpairmentError>(())
/// ```
#[derive(Debug)]
pub struct Wire {
    link: Link,
    name: LinkName,
    direction: Direction,
    /// The time of the last call: a cable's time does not run backwards.
    now: Time,
    /// Frames that were sent, in the order of sending, while a queue has not decided about them: number and time.
    undecided: VecDeque<(u64, Time)>,
    flying: BinaryHeap<Reverse<Flying>>,
    flying_bytes: usize,
    flying_bytes_max: usize,
    scheduled: u64,
    /// What has been decided and was not taken out by [`Wire::take_record`].
    records: Option<VecDeque<Arc<FrameRecord>>>,
    counts: Counts,
}

/// What a direction of a cable has done, in frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Put on it.
    pub sent: u64,
    /// Came out, copies included.
    pub delivered: u64,
    /// Lost at random.
    pub lost: u64,
    /// Found no room in the queue, or were dropped by it.
    pub queue_dropped: u64,
    /// Longer than its MTU.
    pub too_long: u64,
    /// Copies that it made.
    pub duplicated: u64,
    /// Held back, so that others could overtake.
    pub held_back: u64,
    /// Copies in which a bit was flipped.
    pub corrupted: u64,
}

/// A frame that has come out of a cable.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What was sent, and what became of it.
    pub record: Arc<FrameRecord>,
    /// Which of its copies this is, from 1.
    pub copy: u32,
}

#[derive(Debug)]
struct Flying {
    at: Time,
    sequence: u64,
    delivery: Delivery,
}

/// More bytes are not on their way at once: 256 MiB, two seconds of 1 Gbit/s. What comes then finds no room.
const FLYING_BYTES_MAX: usize = 256 << 20;

impl Wire {
    /// A direction of the cable `name`. Its dice come from `seed`, the name and the direction, as those of a
    /// [`crate::link::Cable`] do.
    ///
    /// # Errors
    /// An impairment is out of range.
    pub fn new(
        name: &str,
        direction: Direction,
        medium: Medium,
        seed: u64,
        impairments: Impairments,
    ) -> Result<Wire, ImpairmentError> {
        let dice = Dice::from_seed(seed).child("link").child(name).child(direction.as_str());
        let mut link = Link::new(medium, dice);
        link.set_impairments(impairments)?;
        Ok(Wire {
            link,
            name: LinkName::from(name),
            direction,
            now: Time::ZERO,
            undecided: VecDeque::new(),
            flying: BinaryHeap::new(),
            flying_bytes: 0,
            flying_bytes_max: FLYING_BYTES_MAX,
            scheduled: 0,
            records: None,
            counts: Counts::default(),
        })
    }

    /// From now on keeps what becomes of each frame, for [`Wire::take_record`].
    pub fn keep_records(&mut self) {
        self.records.get_or_insert_default();
    }

    /// Carries no more than so many bytes at once.
    #[cfg(test)]
    pub(super) fn set_room(&mut self, bytes: usize) {
        self.flying_bytes_max = bytes;
    }

    /// The oldest frame whose fate is known and was not told yet.
    pub fn take_record(&mut self) -> Option<Arc<FrameRecord>> {
        self.records.as_mut()?.pop_front()
    }

    /// Puts `frame` on the cable. A time before that of an earlier call counts as that one.
    pub fn send(&mut self, now: Time, frame: &[u8]) {
        self.advance(now);
        let nth = self.link.frames();
        self.counts.sent += 1;
        let mut fate = self.link.send(self.now, frame);
        if fate.is_waiting() {
            self.undecided.push_back((nth, self.now));
            return;
        }
        if self.flying_bytes + frame.len() > self.flying_bytes_max && fate.drop.is_none() {
            fate = Fate::dropped(DropReason::QueueFull);
        }
        self.decide(nth, self.now, frame.to_vec(), fate);
    }

    /// When something is to be done: a frame comes out, or a queue decides about one.
    pub fn next_due(&self) -> Option<Time> {
        let arrival = self.flying.peek().map(|Reverse(flying)| flying.at);
        [arrival, self.link.next_turn()].into_iter().flatten().min()
    }

    /// The next frame that has arrived by `now`.
    pub fn receive(&mut self, now: Time) -> Option<Delivery> {
        self.advance(now);
        if self.flying.peek().is_none_or(|Reverse(flying)| flying.at > self.now) {
            return None;
        }
        let Reverse(Flying { delivery, .. }) = self.flying.pop()?;
        self.flying_bytes -= delivery.bytes().len();
        self.counts.delivered += 1;
        Some(delivery)
    }

    /// What it has done so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Frames that are on their way or in its queue.
    pub fn frames_inside(&self) -> usize {
        self.flying.len() + self.undecided.len()
    }

    /// Lets the queue decide, each time at the time that it is due, however late the caller comes.
    fn advance(&mut self, now: Time) {
        self.now = self.now.max(now);
        while let Some(turn) = self.link.next_turn().filter(|turn| *turn <= self.now) {
            for departure in self.link.take_turn(turn) {
                let sent_at = self.forget_undecided(departure.nth);
                self.decide(departure.nth, sent_at, departure.frame, departure.fate);
            }
        }
    }

    fn forget_undecided(&mut self, nth: u64) -> Time {
        let place = self.undecided.iter().position(|(known, _)| *known == nth);
        place.and_then(|place| self.undecided.remove(place)).map_or(self.now, |(_, sent_at)| sent_at)
    }

    fn decide(&mut self, nth: u64, sent_at: Time, bytes: Vec<u8>, fate: Fate) {
        self.counts.add(&fate);
        let (from, to) = match self.direction {
            Direction::Forward => (NodeId(0), NodeId(1)),
            Direction::Back => (NodeId(1), NodeId(0)),
        };
        // Frames of the two directions have different numbers.
        let id = PacketId(2 * nth + u64::from(self.direction == Direction::Back));
        let link = self.name.clone();
        let record = Arc::new(FrameRecord { id, sent_at, from, to, link, nth, bytes, fate });
        for (copy, arrival) in (1..).zip(&record.fate.copies) {
            let delivery = Delivery { record: Arc::clone(&record), copy };
            self.flying_bytes += delivery.bytes().len();
            self.flying.push(Reverse(Flying { at: arrival.at, sequence: self.scheduled, delivery }));
            self.scheduled += 1;
        }
        if let Some(records) = &mut self.records {
            records.push_back(record);
        }
    }
}

impl Counts {
    fn add(&mut self, fate: &Fate) {
        match fate.drop {
            None => {}
            Some(DropReason::Loss | DropReason::Scripted | DropReason::LinkDown) => self.lost += 1,
            Some(DropReason::QueueFull | DropReason::CoDel) => self.queue_dropped += 1,
            Some(DropReason::Mtu) => self.too_long += 1,
        }
        for arrival in &fate.copies {
            self.duplicated += u64::from(arrival.duplicate);
            self.held_back += u64::from(arrival.reordered_ns > 0);
            self.corrupted += u64::from(!arrival.corrupted.is_empty());
        }
    }
}

/// `1200 sent, 1188 delivered, 12 lost`: what did not happen is left out.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sent, {} delivered", self.sent, self.delivered)?;
        let others = [
            (self.lost, "lost"),
            (self.queue_dropped, "dropped by the queue"),
            (self.too_long, "too long"),
            (self.duplicated, "duplicated"),
            (self.held_back, "held back"),
            (self.corrupted, "corrupted"),
        ];
        others.iter().filter(|(count, _)| *count > 0).try_for_each(|(count, what)| write!(f, ", {count} {what}"))
    }
}

impl Delivery {
    /// The frame as it arrives.
    pub fn bytes(&self) -> &[u8] {
        let copies = &self.record.fate.copies;
        let changed = copies.get(self.copy as usize - 1).and_then(|arrival| arrival.bytes.as_deref());
        changed.unwrap_or(&self.record.bytes)
    }
}

/// By time, and frames of the same time in the order of sending.
impl Ord for Flying {
    fn cmp(&self, other: &Flying) -> Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

impl PartialOrd for Flying {
    fn partial_cmp(&self, other: &Flying) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Flying {
    fn eq(&self, other: &Flying) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Flying {}
