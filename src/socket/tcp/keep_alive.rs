//! Is the peer of an idle connection still there?

use super::{Connection, TcpState};
use crate::time::{Duration, Instant};

/// What a connection does about a silent peer (`SO_KEEPALIVE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeepAlive {
    /// Nothing, for now.
    Wait,
    /// It asks: a segment that the peer has to answer.
    Probe,
    /// It has asked often enough.
    GiveUp,
}

impl Connection<'_> {
    /// When to ask, or to give up. Never while the peer owes an ACK: then R2 runs.
    #[inline]
    pub(super) fn keep_alive_at(&self, is_owed_an_ack: bool) -> Option<Instant> {
        if !self.settings.keep_alive || is_owed_an_ack {
            return None;
        }
        let state = self.state();
        let can_ask = state.is_synchronized() && state != TcpState::TimeWait;
        can_ask.then(|| self.idle_since.saturating_add(self.keep_alive_after()))
    }

    /// What to do now. Counts the probe that it asks for.
    pub(crate) fn keep_alive(&mut self, now: Instant) -> KeepAlive {
        let is_due = self.keep_alive_at(self.is_owed_an_ack()).is_some_and(|at| at <= now);
        if !is_due {
            return KeepAlive::Wait;
        }
        let is_hopeless = match self.settings.own_user_timeout() {
            // Linux: TCP_USER_TIMEOUT takes the place of TCP_KEEPCNT, and is looked at when a probe is due.
            Some(limit) => self.keep_probes > 0 && now.saturating_duration_since(self.idle_since) >= limit,
            None => self.keep_probes >= self.settings.keep_count,
        };
        if is_hopeless {
            return KeepAlive::GiveUp;
        }
        self.keep_probes = self.keep_probes.saturating_add(1);
        KeepAlive::Probe
    }

    /// Probes that the peer has not answered.
    pub(crate) fn unanswered_probes(&self) -> u8 {
        self.keep_probes.max(self.probes)
    }

    fn keep_alive_after(&self) -> Duration {
        let probing = self.settings.keep_interval().saturating_mul(u32::from(self.keep_probes));
        self.settings.keep_idle().saturating_add(probing)
    }
}
