//! What happens next in the simulated network?

use std::time::Duration;

use smolsock::{Stack, Step};

use super::ending::NEVER_HAPPENED;
use super::{End, Event, Laid, Station, StationKind, Watch, World};
use crate::journal::Way;
use crate::time::Time;
use crate::trace::{FrameRecord, NodeId, PacketId};

impl World {
    /// Lets things happen in order of time until `is_over`, `limit`, or nothing is left.
    pub(super) fn run_until(&mut self, limit: Time, watch: &mut dyn Watch, is_over: impl Fn(&Self) -> bool) {
        loop {
            self.settle();
            if is_over(self) {
                return;
            }
            let next = [self.events.next_at(), self.clock.next_wake()].into_iter().flatten().min();
            let Some(next) = next.filter(|at| *at <= limit) else { return };
            watch.after(&self.trace, self.clock.now.get());
            self.clock.now.set(next);
            self.watch_time(next);
            self.clock.wake_sleepers();
            while self.events.next_at() == Some(next)
                && let Some((_, event)) = self.events.next()
            {
                self.on_event(event);
            }
        }
    }

    /// Whether nothing happens within the next second.
    pub(super) fn is_quiet(&self) -> bool {
        let now = self.clock.now.get();
        let next = [self.events.next_at(), self.clock.next_wake()].into_iter().flatten().min();
        next.is_none_or(|at| at > now + QUIET)
    }

    /// Runs applications and steps hosts until nobody has anything to do at this moment.
    fn settle(&mut self) {
        loop {
            while let Some(ran) = self.executor.run_one() {
                if let Some((name, error)) = ran.failure {
                    self.failures.push(format!("{name} failed: {error}"));
                }
                self.disturb(NodeId(ran.owner));
                let spawned = self.clock.spawned.take();
                for task in spawned {
                    self.executor.spawn(task.node.0, task.name, true, task.future);
                }
            }
            if self.restless.is_empty() {
                return;
            }
            let mut nodes = std::mem::replace(&mut self.restless, std::mem::take(&mut self.stepped));
            nodes.drain(..).for_each(|node| self.step(node));
            self.stepped = nodes;
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Turn { cable, direction } => self.on_turn(cable, direction),
            Event::Change(change) => self.on_change(&change),
            Event::Wake { node } => {
                let now = self.clock.now.get();
                match &mut self.nodes[node.0].kind {
                    StationKind::Host(computer) if computer.wake_at.is_some_and(|at| at <= now) => {
                        computer.wake_at = None;
                        self.disturb(node);
                    }
                    StationKind::Router(router) => {
                        router.on_time(now);
                        self.flush_router(node);
                    }
                    StationKind::Peer(_) => self.wake_peer(node),
                    StationKind::Intruder(_) => self.wake_intruder(node),
                    StationKind::Host(_) | StationKind::Switch(_) | StationKind::Middlebox(_) => {}
                }
            }
            Event::Poll { node } => self.run_stack(node),
            Event::Release { node, batch } => self.on_release(node, batch),
            Event::Crash { node } => self.on_crash(node),
            Event::Restart { node } => self.on_restart(node),
            Event::Arrival { node, port, id, bytes } => self.on_arrival(node, port, id, bytes),
        }
    }

    /// A frame comes out of a cable.
    fn on_arrival(&mut self, node: NodeId, port: usize, id: PacketId, bytes: Vec<u8>) {
        self.watch_arrival(node, port, id, &bytes);
        match &self.nodes[node.0].kind {
            StationKind::Host(_) => {
                let bytes = self.arrived(bytes);
                self.receive(node, bytes);
            }
            StationKind::Switch(_) => self.forward(node, port, id, &bytes),
            StationKind::Middlebox(_) => self.pass(node, port, id, bytes),
            StationKind::Router(_) => self.route_frame(node, port, &bytes),
            StationKind::Peer(_) => self.peer_frame(node, &bytes),
            StationKind::Intruder(_) => self.intruder_frame(node, &bytes),
        }
    }

    /// Puts a frame on a cable, and its arrivals into the future.
    pub(super) fn transmit(&mut self, from: NodeId, end: End, id: PacketId, bytes: Vec<u8>) {
        let now = self.clock.now.get();
        let laid = &mut self.cables[end.cable];
        let to = laid.far_end(end.away);
        let link = laid.cable.link_mut(end.away);
        let nth = link.frames();
        let fate = link.send(now, &bytes);
        self.totals.frames += 1;
        let is_kept = self.recording.keeps(self.trace.frames.len());
        let port = self.nodes[to.0].ends.iter().position(|there| there.cable == end.cable).unwrap_or(0);
        self.watch_sent(Way { cable: end.cable, direction: end.away }, from, id, &bytes, &fate);
        if fate.is_waiting() {
            let record = is_kept.then_some(self.trace.frames.len());
            self.wait((end.cable, end.away), from, id, (to, port), record);
        }
        if is_kept {
            let link = self.cables[end.cable].cable.name.clone();
            self.arrive(to, port, id, bytes.clone(), &fate);
            self.trace.frames.push(FrameRecord { id, sent_at: now, from, to, link, nth, bytes, fate });
        } else {
            self.arrive(to, port, id, bytes, &fate);
        }
    }

    /// Steps a host once, sends its frames, and notes when it wants to be woken.
    fn step(&mut self, node: NodeId) {
        let now = self.clock.now.get();
        let station = &mut self.nodes[node.0];
        let end = station.ends.first().copied();
        let StationKind::Host(computer) = &mut station.kind else { return };
        computer.is_restless = false;
        if !computer.is_up {
            return;
        }
        let refused_until = computer.realism.refuses_until(now);
        computer.nic.set_refusing(refused_until.is_some());
        let mut stack = computer.stack.borrow_mut();
        let left = stack.step(smolsock::time::Instant::from_micros(now.as_micros()), &mut computer.nic);
        let next = stack.next_step().map(|at| Time::from_micros(at.as_micros()));
        drop(stack);
        // A device without room says when it has some again; until then another step would change nothing.
        let has_more = refused_until.is_none() && (left == Step::More || next.is_some_and(|at| at <= now));
        let next = [next, refused_until].into_iter().flatten().filter(|at| *at > now).min();
        if let Some(at) = next
            && computer.wake_at.is_none_or(|known| at < known)
        {
            computer.wake_at = Some(at);
            self.events.schedule(at, Event::Wake { node });
        }
        while let StationKind::Host(computer) = &mut self.nodes[node.0].kind
            && let Some(bytes) = computer.nic.take()
        {
            let bytes = computer.realism.filter(self.medium, bytes);
            let id = self.new_packet();
            if let Some(end) = end
                && let Some(bytes) = self.leaving(node, bytes)
            {
                self.transmit(node, end, id, bytes);
            }
        }
        if has_more {
            self.run_stack(node);
        }
    }

    /// The number of a frame that did not exist before.
    pub(super) fn new_packet(&mut self) -> PacketId {
        let id = PacketId(self.packets);
        self.packets += 1;
        id
    }

    pub(super) fn hosts(&self) -> impl Iterator<Item = NodeId> {
        let is_host = |(_, station): &(usize, &Station)| matches!(station.kind, StationKind::Host(_));
        self.nodes.iter().enumerate().filter(is_host).map(|(i, _)| NodeId(i))
    }

    /// The names of all hosts, in the order in which they were added.
    pub fn host_names(&self) -> Vec<String> {
        self.hosts().map(|node| self.trace.nodes[node.0].name.clone()).collect()
    }

    /// What `show` says of each host's stack.
    pub(super) fn views(&self, show: impl Fn(&Stack<'_>) -> String) -> Vec<(String, String)> {
        let of_host = |node: NodeId| {
            let host = self.handle(node);
            let text = show(&host.stack.borrow());
            (self.trace.nodes[node.0].name.clone(), text)
        };
        self.hosts().map(of_host).collect()
    }

    /// Segments that all hosts have sent again.
    pub(super) fn retransmissions(&self) -> u64 {
        let of_host = |station: &Station| match &station.kind {
            StationKind::Host(computer) => computer.stack.borrow().counters().tcp_retransmissions,
            _ => 0,
        };
        self.nodes.iter().map(of_host).sum()
    }

    /// A fault that never fired is a scenario that tests nothing.
    pub(super) fn check_cables(&mut self) {
        for Laid { cable, .. } in &self.cables {
            for (direction, fault) in cable.unfired() {
                self.failures.push(format!("cable {}, {direction}: the {fault} {NEVER_HAPPENED}", cable.name));
            }
        }
    }
}

/// Longer than any delay on a built-in cable, shorter than any TIME-WAIT.
const QUIET: Duration = Duration::from_secs(1);
