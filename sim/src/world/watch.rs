//! What are the journal and the oracles told of a world?

use std::sync::Arc;
use std::time::Duration;

use smolsock::Counters;

use super::{Event, StationKind, World};
use crate::journal::{self, Ear, Journal, Way};
use crate::link::{Cable, Direction};
use crate::oracle::{Finding, Oracles};
use crate::time::Time;
use crate::trace::{Fate, NodeId, PacketId};
use crate::verify::{self, Links, Setting, Settings};

impl World {
    /// Chooses which oracles look at the run; all do if this is not called. Comes before applications are started.
    ///
    /// ```
    /// use smolsock_sim::World;
    /// use smolsock_sim::oracle::{Oracle, Oracles};
    /// let mut world = World::new(1);
    /// world.set_oracles(Oracles::ALL.without(Oracle::Leaks));
    /// ```
    pub fn set_oracles(&mut self, oracles: Oracles) {
        journal::lock(&self.watch).set_oracles(oracles);
    }

    /// What this node sends is not judged: a scripted peer, which may break any rule. Its datagrams count as sent.
    ///
    /// ```
    /// # let mut world = smolsock_sim::World::new(1);
    /// let peer = world.host("peer", &["192.0.2.9/24"])?;
    /// world.set_stranger(peer);
    /// # Ok::<(), smolsock_sim::WorldError>(())
    /// ```
    pub fn set_stranger(&mut self, node: NodeId) {
        journal::lock(&self.watch).on_stranger(node);
    }

    /// All applications have to end within this time after the last fault of the network (of a run without any: after its
    /// start), or the oracle `liveness` fails.
    pub fn set_bound(&mut self, bound: Duration) {
        journal::lock(&self.watch).bench().set_bound(bound);
    }

    /// Listens to a host's stack: a new one, or one that was built anew.
    pub(super) fn listen_to(&mut self, node: NodeId) {
        let StationKind::Host(computer) = &self.nodes[node.0].kind else { return };
        let name = self.trace.nodes.get(node.0).map_or("", |node| &node.name);
        journal::lock(&self.watch).on_boot(node, name);
        computer.stack.borrow_mut().set_inspector(Box::new(Ear::new(node, &self.watch)));
    }

    /// Listens to nobody if nobody wants to know.
    pub(super) fn begin_watch(&mut self) {
        if !journal::lock(&self.watch).is_idle() {
            return;
        }
        let hosts: Vec<NodeId> = self.hosts().collect();
        for node in hosts {
            if let StationKind::Host(computer) = &self.nodes[node.0].kind {
                computer.stack.borrow_mut().clear_inspector();
            }
        }
        self.is_watched = false;
    }

    /// The cables as they are to be: see [`verify`](crate::verify::verify).
    pub fn links(&self) -> Links {
        let cables = self.cables.iter().map(|laid| {
            let settings = |direction| self.settings(&laid.cable, direction);
            verify::Cable {
                name: laid.cable.name.clone(),
                a: laid.a,
                b: laid.b,
                forward: settings(Direction::Forward),
                back: settings(Direction::Back),
            }
        });
        Links { cables: cables.collect() }
    }

    fn settings(&self, cable: &Cable, direction: Direction) -> Settings {
        let link = cable.link(direction);
        let name = cable.name.as_str();
        let changes = self.changes.iter().filter_map(|(at, change)| Some((*at, change.setting(name, direction)?)));
        let mut changes: Vec<(Time, Setting)> = changes.collect();
        // Those of one time stay in the order given.
        changes.sort_by_key(|(at, _)| *at);
        Settings { impairments: *link.impairments(), faults: link.faults().collect(), changes }
    }

    pub(super) fn watch_time(&self, now: Time) {
        if self.is_watched {
            journal::lock(&self.watch).set_now(now);
        }
    }

    /// A node has lost a packet, or its power.
    pub(super) fn watch_fault(&self) {
        if self.is_watched {
            journal::lock(&self.watch).bench().on_fault(self.clock.now.get());
        }
    }

    pub(super) fn watch_sent(&self, way: Way, from: NodeId, id: PacketId, bytes: &[u8], fate: &Fate) {
        if self.is_watched {
            let now = self.clock.now.get();
            let mut watch = journal::lock(&self.watch);
            watch.on_sent(way, from, id, bytes);
            if !fate.is_waiting() {
                watch.on_fate(way, from, id, now, bytes, fate);
            }
        }
    }

    /// A queue has decided about a frame that came into it at `sent_at`.
    pub(super) fn watch_fate(&self, way: Way, from: NodeId, id: PacketId, sent_at: Time, bytes: &[u8], fate: &Fate) {
        if self.is_watched {
            journal::lock(&self.watch).on_fate(way, from, id, sent_at, bytes, fate);
        }
    }

    pub(super) fn watch_arrival(&self, node: NodeId, port: usize, id: PacketId, bytes: &[u8]) {
        if self.is_watched
            && let Some(way) = self.way_to(node, port)
        {
            journal::lock(&self.watch).on_arrived(way, node, id, bytes);
        }
    }

    /// The direction of a cable that leads to a port.
    fn way_to(&self, node: NodeId, port: usize) -> Option<Way> {
        let end = self.nodes[node.0].ends.get(port)?;
        Some(Way { cable: end.cable, direction: end.away.opposite() })
    }

    #[cfg(test)]
    pub(crate) fn watch(&self) -> &journal::Shared {
        &self.watch
    }

    /// A frame as it leaves a host's card: in tests, a defective host may change or swallow it.
    #[cfg(test)]
    pub(super) fn leaving(&mut self, node: NodeId, bytes: Vec<u8>) -> Option<Vec<u8>> {
        match &mut self.saboteur {
            Some(saboteur) => saboteur(node, bytes),
            None => Some(bytes),
        }
    }

    /// A frame as it leaves a host's card.
    #[cfg(not(test))]
    #[inline]
    pub(super) fn leaving(&mut self, _: NodeId, bytes: Vec<u8>) -> Option<Vec<u8>> {
        Some(bytes)
    }

    /// A frame as a host's card hands it over: in tests, a defective one may change it.
    #[cfg(test)]
    pub(super) fn arrived(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        match &mut self.corrector {
            Some(corrector) => corrector(bytes),
            None => bytes,
        }
    }

    /// A frame as a host's card hands it over.
    #[cfg(not(test))]
    #[inline]
    pub(super) fn arrived(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    /// The run is over: what happened, and what the oracles found.
    pub(super) fn finish_watch(&mut self, apps_ended_at: Time) -> (Journal, Vec<String>) {
        if !self.is_watched {
            return Default::default();
        }
        let now = self.clock.now.get();
        let hosts: Vec<NodeId> = self.hosts().collect();
        let watch = Arc::clone(&self.watch);
        let mut watch = journal::lock(&watch);
        let is_over = self.events.next_at().is_none() && self.clock.next_wake().is_none() && self.executor.is_done();
        for (at, event) in self.events.pending() {
            if let Event::Arrival { node, port, id, .. } = event
                && let Some(way) = self.way_to(*node, *port)
            {
                watch.bench().on_in_flight(way, *id, at);
            }
        }
        for node in hosts {
            let StationKind::Host(computer) = &self.nodes[node.0].kind else { continue };
            let stack = computer.stack.borrow();
            if computer.config.tail_loss_probes {
                watch.bench().expect_probes();
            }
            if has_dropped(stack.counters()) {
                watch.bench().excuse_retransmissions();
            }
            if is_over {
                watch.bench().on_end_of_host(now, node, stack.holdings());
            }
        }
        if self.executor.is_done() {
            watch.bench().on_apps_ended(apps_ended_at);
        }
        let (journal, findings) = watch.finish();
        (journal, findings.into_iter().map(|finding| self.sentence(finding)).collect())
    }

    fn sentence(&self, Finding { oracle, at, node, what }: Finding) -> String {
        let name = self.trace.nodes.get(node.0).map_or("the network", |node| &node.name);
        format!("{oracle}: {what} ({name}, {at})")
    }
}

/// Whether a host has thrown something away that a peer would send again.
fn has_dropped(counters: &Counters) -> bool {
    let dropped = counters.dropped_malformed
        + counters.dropped_not_for_us
        + counters.dropped_unknown
        + counters.dropped_local_overflow
        + counters.dropped_fragments
        + counters.dropped_fin_beyond_window
        + counters.dropped_early_syn
        + counters.tcp_acks_not_taken
        + counters.dropped_syn_backlog
        + counters.dropped_syn_no_room
        + counters.half_open_evicted
        + counters.device_refusals
        + counters.neighbors_unreachable;
    dropped > 0
}
