//! What does a cable do to frames?

use core::fmt;

use serde::{Deserialize, Serialize};

use super::jitter::Jitter;
use crate::rng::PPM;

/// What one direction of a cable does to every frame, in the order of the fields.
///
/// The default is a perfect cable: no loss, no delay, any size, any rate. Integers only: a `_ppm` is a number of
/// frames in a million, each decided for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Impairments {
    /// Longest IP packet, in bytes (an Ethernet header is not counted); `None`: any. Longer ones are dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu_bytes: Option<u32>,
    /// Frames lost, at random.
    pub loss: Loss,
    /// Bits per second, counted by the bytes of the frame alone; 0: any.
    pub rate_bps: u64,
    /// How frames wait for the transmitter when `rate_bps` is too low for them.
    pub queue: Queue,
    /// From the last bit out to the last bit in. No frame arrives earlier.
    pub delay_ns: u64,
    /// How much later than that. Frames may overtake each other.
    pub jitter: Jitter,
    /// Frames held back for `reorder_delay_ns`, so that those behind them overtake.
    pub reorder_ppm: u32,
    /// For how long.
    pub reorder_delay_ns: u64,
    /// Frames of which a copy is made; both arrive at the same time, the original first.
    pub duplicate_ppm: u32,
    /// Copies in which one bit is flipped, where a checksum notices it (see
    /// [`frame::checksummed`](crate::frame::checksummed)). Frames that no checksum protects, ARP above all, arrive intact.
    pub corrupt_ppm: u32,
    /// Checksums are made right again after the flip (IPv4 header, TCP, UDP, ICMP, ICMPv6; not those that span
    /// fragments), so that only the application can notice. A bit of a checksum itself is then as it was sent.
    pub mend_checksum: bool,
}

/// Which frames are lost at random.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Loss {
    /// None.
    #[default]
    None,
    /// Each frame for itself.
    Bernoulli {
        /// Frames in a million.
        ppm: u32,
    },
    /// In bursts: a cable that is good or bad, and changes from frame to frame (Gilbert 1960, Elliott 1963).
    ///
    /// It is good at first. A frame is lost at the rate of the state that it finds; then the cable changes, or not.
    /// A bad state lasts for `1,000,000 / bad_to_good_ppm` frames on average. Every frame that is sent counts,
    /// whatever becomes of it.
    GilbertElliott {
        /// Frames in a million after which a good cable is bad.
        good_to_bad_ppm: u32,
        /// Frames in a million after which a bad cable is good.
        bad_to_good_ppm: u32,
        /// Frames in a million that a good cable loses.
        loss_good_ppm: u32,
        /// Frames in a million that a bad cable loses.
        loss_bad_ppm: u32,
    },
}

/// The queue before a transmitter. The frame that is being sent is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Queue {
    /// First in, first out; what finds no room is dropped.
    DropTail {
        /// Most frames that wait.
        frames: u32,
        /// Most bytes that wait; `None`: only frames are counted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
    },
    /// Controlled delay (RFC 8289): when frames have waited for longer than `target_ns` throughout `interval_ns`, some
    /// are dropped at the head, closer and closer together until the wait is below the target.
    #[serde(rename = "codel")]
    CoDel {
        /// A wait that is good enough, in ns.
        target_ns: u64,
        /// For how long it may be exceeded, in ns; about the longest round trip.
        interval_ns: u64,
        /// Most frames that wait; what finds no room is dropped, as with drop-tail.
        frames: u32,
        /// Instead of being dropped, frames of ECN-capable transport (RFC 3168) are marked "congestion experienced".
        ecn: bool,
    },
}

impl Impairments {
    /// Are all values in range?
    ///
    /// # Errors
    /// The name and value of the first `_ppm` above a million.
    pub fn check(&self) -> Result<(), ImpairmentError> {
        let rates = [
            ("reorder_ppm", self.reorder_ppm),
            ("duplicate_ppm", self.duplicate_ppm),
            ("corrupt_ppm", self.corrupt_ppm),
        ];
        match self.loss.rates().into_iter().chain(rates).find(|(_, ppm)| *ppm > PPM) {
            Some((field, ppm)) => Err(ImpairmentError { field, ppm }),
            None => Ok(()),
        }
    }
}

impl Default for Impairments {
    fn default() -> Impairments {
        Impairments {
            mtu_bytes: None,
            loss: Loss::None,
            rate_bps: 0,
            queue: Queue::default(),
            delay_ns: 0,
            jitter: Jitter::default(),
            reorder_ppm: 0,
            reorder_delay_ns: 0,
            duplicate_ppm: 0,
            corrupt_ppm: 0,
            mend_checksum: false,
        }
    }
}

impl Loss {
    /// Its numbers, with their names.
    fn rates(self) -> Vec<(&'static str, u32)> {
        match self {
            Loss::None => Vec::new(),
            Loss::Bernoulli { ppm } => vec![("loss ppm", ppm)],
            Loss::GilbertElliott { good_to_bad_ppm, bad_to_good_ppm, loss_good_ppm, loss_bad_ppm } => vec![
                ("good_to_bad_ppm", good_to_bad_ppm),
                ("bad_to_good_ppm", bad_to_good_ppm),
                ("loss_good_ppm", loss_good_ppm),
                ("loss_bad_ppm", loss_bad_ppm),
            ],
        }
    }
}

impl Queue {
    /// Room for as many frames as the queue of a Linux interface has.
    pub const FRAMES: u32 = 1_000;

    /// With the values that RFC 8289 §4.2 and §4.3 recommend, 5 ms in 100 ms; without ECN.
    pub const CODEL: Queue =
        Queue::CoDel { target_ns: 5_000_000, interval_ns: 100_000_000, frames: Queue::FRAMES, ecn: false };

    /// First in, first out, with room for so many frames of any size.
    pub const fn of_frames(frames: u32) -> Queue {
        Queue::DropTail { frames, bytes: None }
    }
}

impl Default for Queue {
    fn default() -> Queue {
        Queue::of_frames(Queue::FRAMES)
    }
}

/// A rate above a million in a million.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImpairmentError {
    /// The name of the field.
    pub field: &'static str,
    /// Its value.
    pub ppm: u32,
}

impl fmt::Display for ImpairmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}; it counts frames in a million and is at most {PPM}", self.field, self.ppm)
    }
}

impl std::error::Error for ImpairmentError {}
