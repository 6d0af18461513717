//! With which sequence number does a connection begin?

use core::net::SocketAddr;

use crate::config::{Seed, Stream};
use crate::siphash::of_flow;
use crate::time::Instant;

/// Initial sequence numbers (RFC 6528 §3, RFC 9293 §3.4.1): a clock that counts every 4 µs, and a keyed hash of both ends. Who sees
/// those of his own connections learns nothing of others'; for the same two ends a later one is larger, so that nobody takes segments of
/// the last connection for the next one's, and a peer in TIME-WAIT takes the new SYN.
pub(crate) struct Numbers {
    key: [u64; 2],
    /// What a test tool wants the next one to be.
    #[cfg(feature = "inspect")]
    pub(super) chosen: Option<u32>,
}

impl Numbers {
    pub(crate) fn new(seed: &Seed) -> Self {
        Self {
            key: [Stream::NumbersLow, Stream::NumbersHigh].map(|name| seed.stream(name)),
            #[cfg(feature = "inspect")]
            chosen: None,
        }
    }

    /// For a connection that begins `now`.
    pub(crate) fn next(&mut self, local: SocketAddr, remote: SocketAddr, now: Instant) -> u32 {
        #[cfg(feature = "inspect")]
        if let Some(chosen) = self.chosen.take() {
            return chosen;
        }
        let clock = (now.as_micros() / TICK_US) as u32;
        clock.wrapping_add(of_flow(self.key, local, remote, 0, 0) as u32)
    }
}

/// Secrets do not belong into logs.
impl core::fmt::Debug for Numbers {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Numbers(..)")
    }
}

/// RFC 9293 §3.4.1: about 4 µs.
const TICK_US: u64 = 4;
