//! Which oracle looks at what?

use std::time::Duration;

use smolsock::inspect::{Holdings, Inspection};

use super::conservation::Conservation;
use super::datagrams::Datagrams;
use super::leaks::Leaks;
use super::retransmissions::Retransmissions;
use super::states::States;
use super::streams::Streams;
use super::wire::Wire;
use super::{Finding, Findings, Oracle, Oracles, acks, liveness, readiness, window};
use crate::frame::Medium;
use crate::journal::{Passing, Way};
use crate::observe::dissect::dissect;
use crate::time::Time;
use crate::trace::{Fate, NodeId, PacketId};

/// All oracles of a run.
#[derive(Debug)]
pub(crate) struct Bench {
    oracles: Oracles,
    findings: Findings,
    streams: Streams,
    datagrams: Datagrams,
    states: States,
    wire: Wire,
    retransmissions: Retransmissions,
    conservation: Conservation,
    leaks: Leaks,
    bound: Option<Duration>,
    /// Nodes that have booted before.
    booted: Vec<NodeId>,
    /// A frame may come out of a cable altered: checksums have to be looked at.
    has_altered: bool,
}

impl Bench {
    pub(crate) fn new(oracles: Oracles) -> Bench {
        Bench {
            oracles,
            findings: Findings::new(oracles),
            streams: Streams::default(),
            datagrams: Datagrams::default(),
            states: States::default(),
            wire: Wire::default(),
            retransmissions: Retransmissions::default(),
            conservation: Conservation::default(),
            leaks: Leaks::default(),
            bound: None,
            booted: Vec::new(),
            has_altered: false,
        }
    }

    /// Whether no oracle looks.
    pub(crate) fn is_empty(&self) -> bool {
        self.oracles == Oracles::NONE
    }

    /// All applications have to end so long after the last fault.
    pub(crate) fn set_bound(&mut self, bound: Duration) {
        self.bound = Some(bound);
    }

    /// Somebody may have good reasons not to answer at once, or at all.
    pub(crate) fn excuse_retransmissions(&mut self) {
        self.retransmissions.is_excused = true;
    }

    /// A host probes for the loss of what it sent last.
    pub(crate) fn expect_probes(&mut self) {
        self.retransmissions.has_probes = true;
    }

    /// The network has done something at `now` that a link did not tell: a node lost a packet, or its power.
    pub(crate) fn on_fault(&mut self, now: Time) {
        self.retransmissions.is_excused = true;
        self.streams.last_fault_at = self.streams.last_fault_at.max(now);
    }

    /// A host begins, or begins anew: its sockets are gone.
    pub(crate) fn on_boot(&mut self, node: NodeId, _name: &str) {
        if !self.booted.contains(&node) {
            self.booted.push(node);
            return;
        }
        self.excuse_retransmissions();
        self.streams.forget(node);
        self.states.forget(node);
        self.leaks.forget(node);
    }

    fn judges_wire(&self) -> bool {
        [Oracle::Window, Oracle::Acks, Oracle::Retransmissions].into_iter().any(|oracle| self.oracles.contains(oracle))
    }

    fn judges_streams(&self) -> bool {
        [Oracle::Prefix, Oracle::Complete, Oracle::Liveness].into_iter().any(|oracle| self.oracles.contains(oracle))
    }

    pub(crate) fn on_socket(&mut self, now: Time, node: NodeId, inspection: &Inspection<'_>) {
        if self.is_empty() {
            return;
        }
        if self.judges_streams() {
            self.streams.on_socket(now, node, inspection, &mut self.findings);
        }
        if self.oracles.contains(Oracle::Datagrams) {
            self.datagrams.on_socket(now, node, inspection, &mut self.findings);
        }
        self.states.on_socket(now, node, inspection, &mut self.findings);
        self.leaks.on_socket(node, inspection);
        self.wire.on_socket(node, inspection);
        if let Some(wrong) = readiness::on_socket(inspection) {
            self.findings.found(Oracle::Readiness, now, node, wrong);
        }
    }

    pub(crate) fn on_sent(&mut self, medium: Medium, passing: &Passing<'_>) {
        if self.is_empty() {
            return;
        }
        self.conservation.on_sent(passing.way, passing.node);
        self.datagrams.on_sent(medium, passing);
        if !self.judges_wire() || !passing.is_new {
            return;
        }
        let Passing { at, node, segment: Some(segment), .. } = passing else { return };
        let Some(conversation) = self.wire.of(*node, segment) else { return };
        let judged = [
            (Oracle::Window, window::on_sent(conversation, segment)),
            (Oracle::Acks, acks::on_sent(conversation, segment)),
        ];
        for (oracle, wrong) in judged {
            if let Some(wrong) = wrong {
                let what = format!("{} to {}: {wrong}", segment.from, segment.to);
                self.findings.found(oracle, *at, *node, what);
            }
        }
        self.retransmissions.on_sent(*at, *node, conversation, segment);
        conversation.on_sent(segment);
    }

    pub(crate) fn on_fate(&mut self, medium: Medium, way: Way, id: PacketId, sent_at: Time, bytes: &[u8], fate: &Fate) {
        if self.is_empty() {
            return;
        }
        self.conservation.on_fate(way, id, fate);
        self.datagrams.on_fate(medium, bytes, fate);
        self.retransmissions.on_fate(way, sent_at, fate);
        let is_altered = fate.copies.iter().any(|copy| copy.bytes.is_some());
        self.has_altered |= is_altered;
        let is_late = fate.copies.iter().any(|copy| copy.reordered_ns > 0);
        if fate.copies.len() != 1 || is_altered || is_late {
            let last = fate.copies.iter().map(|copy| copy.at).max().unwrap_or(sent_at);
            self.streams.last_fault_at = self.streams.last_fault_at.max(last);
        }
    }

    pub(crate) fn on_arrived(&mut self, medium: Medium, passing: &Passing<'_>) {
        if self.is_empty() {
            return;
        }
        self.conservation.on_arrived(passing.way, passing.id, passing.at);
        let Passing { node, segment: Some(segment), .. } = passing else { return };
        if !self.judges_wire() || (self.has_altered && !is_intact(medium, passing.bytes)) {
            return;
        }
        self.wire.on_arrived(*node, segment);
    }

    /// The run is over, and this copy is still on its way.
    pub(crate) fn on_in_flight(&mut self, way: Way, id: PacketId, at: Time) {
        self.conservation.on_arrived(way, id, at);
    }

    /// The applications have ended.
    pub(crate) fn on_apps_ended(&mut self, now: Time) {
        if let Some(wrong) = liveness::on_apps_ended(self.bound, self.streams.last_fault_at, now) {
            self.findings.found(Oracle::Liveness, now, NodeId(usize::MAX), wrong);
        }
    }

    /// The run is over, and nothing is left to happen: what a host still holds.
    pub(crate) fn on_end_of_host(&mut self, now: Time, node: NodeId, holdings: Holdings) {
        self.leaks.on_end(now, node, holdings, &mut self.findings);
    }

    pub(crate) fn finish(&mut self, now: Time) -> Vec<Finding> {
        if self.is_empty() {
            return Vec::new();
        }
        self.streams.finish(now, &mut self.findings);
        self.retransmissions.finish(&mut self.findings);
        self.conservation.finish(now, &mut self.findings);
        std::mem::take(&mut self.findings.list)
    }
}

/// Whether the checksums of a frame are right.
fn is_intact(medium: Medium, bytes: &[u8]) -> bool {
    dissect(medium, bytes).bad_checksum.is_none()
}
