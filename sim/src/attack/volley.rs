//! When does an attacker send what?

use std::net::IpAddr;
use std::time::Duration;

use crate::frame::Mac;
use crate::neighbours::Neighbours;
use crate::time::Time;
use crate::world::Intruder;

/// An intruder that sends numbered frames at a steady rate, and may answer what comes.
///
/// It answers for its own addresses when it is asked where they are, so that hosts can send to it, and through it as their
/// gateway: what goes to the rest of the world ends here.
pub(super) struct Volley {
    house: Neighbours,
    next_at: Time,
    gap: Duration,
    /// Frames made, and to be made.
    made: u64,
    count: u64,
    make: Maker,
    answer: Answer,
}

/// Makes the frames of the n-th shot.
type Maker = Box<dyn FnMut(u64, Time, &mut Vec<Vec<u8>>)>;
/// Looks at an IP packet that came, and may answer with frames.
type Answer = Box<dyn FnMut(Time, &[u8], &mut Vec<Vec<u8>>)>;

impl Volley {
    /// `count` shots from `start` on, one every `gap`. `mac`, `addrs`: its own.
    pub(super) fn new(mac: Mac, addrs: Vec<IpAddr>, (start, gap): (Time, Duration), count: u64) -> Self {
        Self {
            house: Neighbours::new(Some(mac), addrs),
            next_at: start,
            gap,
            made: 0,
            count,
            make: Box::new(|_, _, _| {}),
            answer: Box::new(|_, _, _| {}),
        }
    }

    /// What it shoots.
    #[must_use]
    pub(super) fn shooting(mut self, make: impl FnMut(u64, Time, &mut Vec<Vec<u8>>) + 'static) -> Self {
        self.make = Box::new(make);
        self
    }

    /// What it answers.
    #[must_use]
    pub(super) fn answering(mut self, answer: impl FnMut(Time, &[u8], &mut Vec<Vec<u8>>) + 'static) -> Self {
        self.answer = Box::new(answer);
        self
    }
}

impl Intruder for Volley {
    fn next_at(&self) -> Option<Time> {
        (self.made < self.count).then_some(self.next_at)
    }

    fn on_time(&mut self, now: Time, out: &mut Vec<Vec<u8>>) {
        (self.make)(self.made, now, out);
        self.made += 1;
        self.next_at = self.next_at + self.gap;
    }

    fn on_frame(&mut self, now: Time, frame: &[u8], out: &mut Vec<Vec<u8>>) {
        if let Some(packet) = self.house.on_frame(now, frame, out) {
            (self.answer)(now, &packet, out);
        }
    }
}
