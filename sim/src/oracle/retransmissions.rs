//! A run without loss retransmits nothing.
//!
//! Without loss is a run up to its first drop, duplicate, corruption or overtaking, whose cables together take less time
//! there and back than hosts wait for an ACK at least, and whose hosts have thrown nothing away. Questions of a
//! closed window and keep-alives repeat numbers, and are no retransmissions.

use super::segment::Segment;
use super::ways::Ways;
use super::wire::Conversation;
use super::{Findings, Oracle};
use crate::journal::Way;
use crate::time::Time;
use crate::trace::{Fate, NodeId};

/// What was repeated while nothing had been lost.
#[derive(Debug, Default)]
pub(super) struct Retransmissions {
    repeated: Vec<(Time, NodeId, String)>,
    has_fault: bool,
    passages: Ways<Passage>,
    /// Somebody may have good reasons not to answer: a host that threw something away or was slow on purpose, or a node
    /// that is no host of ours.
    pub(super) is_excused: bool,
    /// Somebody sends again before the time-out what may be lost.
    pub(super) has_probes: bool,
}

/// One direction of a cable.
#[derive(Debug, Default)]
struct Passage {
    /// The longest way through it, ns.
    worst_ns: u64,
    last_arrival: Option<Time>,
}

impl Retransmissions {
    pub(super) fn on_fate(&mut self, way: Way, sent_at: Time, fate: &Fate) {
        if self.has_fault {
            return;
        }
        let [copy] = fate.copies.as_slice() else {
            self.has_fault = true;
            return;
        };
        let Passage { worst_ns, last_arrival } = self.passages.of(way);
        *worst_ns = (*worst_ns).max(copy.at.ns_since(sent_at));
        let has_overtaken = last_arrival.replace(copy.at).is_some_and(|last| copy.at < last);
        self.has_fault |= has_overtaken || !copy.corrupted.is_empty() || copy.bytes.is_some() || copy.reordered_ns > 0;
    }

    /// The host sends `segment`.
    pub(super) fn on_sent(&mut self, at: Time, node: NodeId, conversation: &Conversation, segment: &Segment) {
        if !self.has_fault && conversation.is_repetition(segment) && self.repeated.len() < KEPT {
            let Segment { from, to, seq, payload_len, .. } = segment;
            self.repeated.push((at, node, format!("{from} to {to}: seq {seq} with {payload_len} bytes, once more")));
        }
    }

    pub(super) fn finish(&mut self, findings: &mut Findings) {
        let round_trip_ns: u64 = self.passages.iter().map(|(_, passage)| passage.worst_ns).sum();
        let round_trip_max_ns = if self.has_probes { PROBED_ROUND_TRIP_MAX_NS } else { ROUND_TRIP_MAX_NS };
        if self.is_excused || round_trip_ns > round_trip_max_ns {
            return;
        }
        for (at, node, what) in self.repeated.drain(..) {
            findings.found(Oracle::Retransmissions, at, node, what);
        }
    }
}

/// RFC 6298 §2.4: the time-out is at least a second; the peer may take 10 ms for its ACK.
const ROUND_TRIP_MAX_NS: u64 = 950_000_000;
/// The same for a tail loss probe, which waits for 200 ms and two round trips at least.
const PROBED_ROUND_TRIP_MAX_NS: u64 = 190_000_000;
/// More are of no use to anybody.
const KEPT: usize = 3;
