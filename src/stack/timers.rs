//! What happens when only time passes?

use super::Stack;
use crate::socket::slots::{Body, Queue};
use crate::socket::tcp::KeepAlive;
use crate::time::Duration;

impl Stack<'_> {
    /// Looks at every deadline that has come.
    pub(super) fn timers(&mut self) {
        if !self.path_mtus.is_empty() {
            self.widen_ways();
        }
        while let Some(entry) = self.time_wait.oldest()
            && self.time_wait.next_at().is_some_and(|at| at <= self.now)
        {
            self.forget_time_wait(entry);
        }
        // Each slot has one deadline, and a turn sets the next one later than now: this ends.
        while let Some(index) = self.deadlines.pop_due(self.now) {
            self.on_deadline(index);
        }
    }

    /// Tries the link's MTU again on the ways that were narrow ten minutes ago. No step is asked for because of
    /// that: who has nothing to send need not know.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn widen_ways(&mut self) {
        while let Some(remote) = self.path_mtus.expire(self.now) {
            for index in 0..self.slots.capacity() as u32 {
                let slot = self.slots.get(index);
                if matches!(slot.body, Body::Tcp(_)) && slot.remote.is_some_and(|peer| peer.ip() == remote) {
                    self.fit_segments(index, remote);
                }
            }
        }
    }

    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn on_deadline(&mut self, index: u32) {
        let now = self.now;
        self.end_wait(index);
        if !matches!(self.slots.get(index).body, Body::Tcp(_)) {
            return;
        }
        let connection = self.slots.connection(index);
        let r2 = connection.settings.user_timeout(self.config.user_timeout);
        connection.catch_up(now, &self.config);
        let expired = connection.deadline.is_some_and(|at| at <= now)
            || (connection.is_owed_an_ack() && connection.progress_at.saturating_add(r2) <= now);
        if expired {
            return self.on_timeout(index);
        }
        if connection.probe_at.is_some_and(|at| at <= now) {
            self.persist(index);
        }
        let connection = self.slots.connection(index);
        if self.config.tail_loss_probes
            && let Some(engine) = &connection.engine
            && connection.tail_probe_at(engine.facts()).is_some_and(|at| at <= now)
        {
            connection.track.on_probe(now);
            connection.owes_oldest = true;
        }
        match connection.keep_alive(now) {
            KeepAlive::Wait => {}
            KeepAlive::Probe => {
                if let Some(engine) = &mut connection.engine {
                    engine.probe();
                    connection.track.is_probing = true;
                }
            }
            KeepAlive::GiveUp => return self.on_silence(index),
        }
        // The engine's own timers are looked at in its turn, which also sets the next deadline.
        self.make_due(index);
        if self.slots.get(index).queue == Queue::Neighbor {
            // Whatever has come now must not come again in this step.
            let at = self.own_deadline(index).map(|at| at.max(now.saturating_add(BLOCKED_RETRY)));
            self.rest_until(index, at);
        }
    }
}

/// When to try a device again that had no room for a frame.
pub(super) const BLOCKED_RETRY: Duration = Duration::from_millis(1);
