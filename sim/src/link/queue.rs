//! When does the transmitter get round to this frame?

use std::collections::VecDeque;

use crate::time::Time;

/// The sending end of one direction of a cable: one frame at a time goes out at a rate, others wait before it in a
/// queue with room for so many, and what finds no room is dropped (drop-tail).
///
/// Nothing has to be polled: a frame's turn is known when it is offered, because the queue is first in, first out.
#[derive(Clone, Debug, Default)]
pub struct Transmitter {
    /// When the frame that was accepted last is out.
    free_at: Time,
    /// The frames that wait, in order: when their turn comes, and their size.
    waiting: VecDeque<Waiting>,
    waiting_bytes: u64,
    now: Time,
}

/// The room before a transmitter. The frame that is being sent is not counted, only those that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Most frames that wait.
    pub frames: u32,
    /// Most bytes that wait.
    pub bytes: u64,
}

impl Room {
    /// For any number of frames.
    pub(super) const ENDLESS: Room = Room { frames: u32::MAX, bytes: u64::MAX };
}

/// A frame's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// When its first bit goes out.
    pub start_at: Time,
    /// When its last bit is out.
    pub end_at: Time,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    start_at: Time,
    bytes: u64,
}

impl Transmitter {
    /// Offers a frame of `frame_bytes` at `now` to a transmitter of `rate_bps` bits per second (0: no limit).
    ///
    /// Returns its turn, or `None` if it would have to wait and there is no `room`.
    ///
    /// # Panics
    /// If `now` is before that of the last call.
    pub fn offer(&mut self, now: Time, frame_bytes: usize, rate_bps: u64, room: Room) -> Option<Turn> {
        assert!(now >= self.now, "a frame was sent at {now}, after one at {}", self.now);
        self.now = now;
        self.leave_queue(now);
        let bytes = frame_bytes as u64;
        let start_at = now.max(self.free_at);
        if start_at > now {
            let is_full = self.waiting.len() as u64 >= u64::from(room.frames)
                || self.waiting_bytes.saturating_add(bytes) > room.bytes;
            if is_full {
                return None;
            }
            self.waiting.push_back(Waiting { start_at, bytes });
            self.waiting_bytes += bytes;
        }
        self.free_at = start_at.after_ns(serialisation_ns(frame_bytes, rate_bps));
        Some(Turn { start_at, end_at: self.free_at })
    }

    /// When a frame that is offered last would be sent.
    pub(super) fn free_at(&self) -> Time {
        self.free_at
    }

    /// Bytes that wait at `now`.
    pub(super) fn waiting_bytes(&self, now: Time) -> u64 {
        self.waiting.iter().filter(|waiting| waiting.start_at > now).map(|waiting| waiting.bytes).sum()
    }

    /// Frames that wait at `now`, without the one that is being sent.
    pub fn waiting_frames(&self, now: Time) -> usize {
        self.waiting.iter().filter(|waiting| waiting.start_at > now).count()
    }

    /// Forgets the frames whose turn has come by `now`.
    fn leave_queue(&mut self, now: Time) {
        while let Some(waiting) = self.waiting.pop_front_if(|waiting| waiting.start_at <= now) {
            self.waiting_bytes -= waiting.bytes;
        }
    }
}

/// How long `frame_bytes` take at `rate_bps` (0: no time at all), in ns, rounded up.
///
/// The bytes of the frame are what is counted: no preamble, no FCS, no gap between frames, so that the numbers of a
/// scenario can be checked by hand (1,250 bytes at 1 Mbit/s take 10 ms).
pub fn serialisation_ns(frame_bytes: usize, rate_bps: u64) -> u64 {
    const BITS_NS: u128 = 8 * 1_000_000_000;
    if rate_bps == 0 {
        return 0;
    }
    let nanos = (frame_bytes as u128 * BITS_NS).div_ceil(u128::from(rate_bps));
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Dice, Stream};

    const ENDLESS: Room = Room::ENDLESS;

    #[test]
    fn serialisation_is_exact_and_rounds_up() {
        assert_eq!(serialisation_ns(1_250, 1_000_000), 10_000_000);
        assert_eq!(serialisation_ns(1_514, 1_000_000_000), 12_112);
        assert_eq!(serialisation_ns(1, 3_000_000_000), 3, "2.67 ns");
        assert_eq!(serialisation_ns(0, 1), 0);
        assert_eq!(serialisation_ns(1_514, 0), 0);
        assert_eq!(serialisation_ns(usize::MAX, 1), u64::MAX);
    }

    #[test]
    fn an_idle_transmitter_starts_at_once() {
        let mut transmitter = Transmitter::default();
        let room = Room { frames: 0, bytes: 0 };
        let now = Time::from_millis(3);
        let turn = transmitter.offer(now, 1_250, 1_000_000, room).expect("it is idle");
        assert_eq!(turn, Turn { start_at: now, end_at: Time::from_millis(13) });
        assert_eq!(transmitter.offer(Time::from_nanos(12_999_999), 1, 1_000_000, room), None);
        assert!(transmitter.offer(Time::from_millis(13), 1, 1_000_000, room).is_some());
    }

    #[test]
    fn a_frame_without_room_changes_nothing() {
        let mut full = Transmitter::default();
        let room = Room { frames: 2, bytes: 100 };
        let mut offer = |bytes| full.offer(Time::ZERO, bytes, 8, room).map(|turn| turn.end_at);
        assert_eq!(offer(1), Some(Time::from_secs(1)));
        assert_eq!(offer(60), Some(Time::from_secs(61)));
        assert_eq!(offer(41), None, "101 bytes");
        assert_eq!(offer(40), Some(Time::from_secs(101)));
        assert_eq!(offer(0), None, "3 frames");
        assert_eq!(full.waiting_frames(Time::ZERO), 2);
        assert_eq!(full.waiting_frames(Time::from_secs(1)), 1);
    }

    #[test]
    fn an_infinite_rate_keeps_what_waits_in_order() {
        let mut transmitter = Transmitter::default();
        transmitter.offer(Time::ZERO, 1, 8, ENDLESS).expect("room");
        let turn = transmitter.offer(Time::ZERO, 1, 0, ENDLESS).expect("room");
        assert_eq!(turn, Turn { start_at: Time::from_secs(1), end_at: Time::from_secs(1) });
    }

    /// A queue that is stepped through every nanosecond, at one byte per nanosecond.
    #[derive(Default)]
    struct Model {
        queue: VecDeque<(usize, u64)>,
        sending: Option<(usize, u64)>,
        done: Vec<(usize, u64)>,
    }

    impl Model {
        /// The end of nanosecond `now`: what is sent shrinks by a byte, and the next in the queue follows on.
        fn tick(&mut self, now: u64) {
            if let Some((id, bytes)) = self.sending.take() {
                match bytes {
                    1 => self.done.push((id, now + 1)),
                    _ => self.sending = Some((id, bytes - 1)),
                }
            }
            if self.sending.is_none() {
                self.sending = self.queue.pop_front();
            }
        }

        fn offer(&mut self, id: usize, bytes: u64, room: Room) -> bool {
            if self.sending.is_none() {
                self.sending = Some((id, bytes));
                return true;
            }
            let waiting: u64 = self.queue.iter().map(|(_, bytes)| bytes).sum();
            let fits = (self.queue.len() as u64) < u64::from(room.frames) && waiting + bytes <= room.bytes;
            if fits {
                self.queue.push_back((id, bytes));
            }
            fits
        }
    }

    #[test]
    fn the_queue_agrees_with_one_that_is_stepped_through() {
        const RATE_BPS: u64 = 8_000_000_000;
        let dice = Dice::from_seed(1);
        for (frames, bytes) in [(4, u64::MAX), (u32::MAX, 40), (3, 30), (0, 0)] {
            let room = Room { frames, bytes };
            let (mut model, mut transmitter) = (Model::default(), Transmitter::default());
            let (mut expected_drops, mut ends) = (0, Vec::new());
            let mut id = 0;
            for now in 0..200_000 {
                // On average 1.2 bytes per nanosecond, in bursts: the queue is full, empty and in between.
                let burst = match dice.below(Stream::Loss, now, 20) {
                    0 => 1 + dice.below(Stream::Reorder, now, 6),
                    _ => 0,
                };
                for _ in 0..burst {
                    let size = 1 + dice.below(Stream::Jitter, id as u64, 12);
                    let fits = model.offer(id, size, room);
                    let turn = transmitter.offer(Time::from_nanos(now), size as usize, RATE_BPS, room);
                    assert_eq!(turn.is_some(), fits, "frame {id} at {now} ns, {room:?}");
                    expected_drops += u64::from(!fits);
                    ends.extend(turn.map(|turn| (id, turn.end_at.as_nanos())));
                    id += 1;
                }
                model.tick(now);
            }
            ends.retain(|(_, end_ns)| *end_ns <= 200_000);
            assert_eq!(model.done, ends);
            assert!(expected_drops > 1_000 && ends.len() > 5_000, "the load was no test");
        }
    }
}
