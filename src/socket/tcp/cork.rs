//! Which part of the stream does `TCP_CORK` hold back?

use super::{Connection, TcpState};
use crate::time::{Duration, Instant, earliest};

impl Connection<'_> {
    /// Until when nothing may be sent: all that is left is a partial segment, and the connection is corked.
    ///
    /// smoltcp sends whatever it has when nothing is in flight, so such a connection has no turn at all, and
    /// its ACKs wait too, as on Linux: for 200 ms at most. While something is in flight, RFC 896 holds the
    /// partial segment back.
    #[inline]
    pub(crate) fn hold_back(&mut self, now: Instant, ip_mtu: usize, is_ipv4: bool) -> Option<Instant> {
        if !self.settings.cork {
            return None;
        }
        self.hold_partial(now, self.segment_bytes(ip_mtu, is_ipv4))
    }

    /// `segment_bytes`: payload of a full segment.
    #[expect(clippy::arithmetic_side_effects, reason = "no more than is queued")]
    fn hold_partial(&mut self, now: Instant, segment_bytes: usize) -> Option<Instant> {
        let facts = self.engine.as_ref()?.facts();
        // A FIN takes along what is left.
        if facts.send_queue == 0 || !matches!(facts.state, TcpState::Established | TcpState::CloseWait) {
            self.cork_until = None;
            return None;
        }
        let acknowledged = self.track.bytes_acked as u32;
        let full = (facts.send_queue / segment_bytes.max(1) * segment_bytes) as u32;
        let let_go = (self.uncorked.wrapping_sub(acknowledged) as i32).max(full as i32);
        self.uncorked = acknowledged.wrapping_add(let_go as u32);
        if let_go as usize >= facts.send_queue {
            self.cork_until = None;
            return None;
        }
        let until = *self.cork_until.get_or_insert(now.saturating_add(CORK_MAX));
        if until <= now {
            self.cork_until = None;
            self.uncorked = acknowledged.wrapping_add(facts.send_queue as u32);
            return None;
        }
        // What was let go before may have to be sent again.
        if let_go > 0 {
            return None;
        }
        earliest(Some(until), self.deadline)
    }
}

/// Linux: "a 200 millisecond ceiling on the time for which output is corked" (tcp(7)).
const CORK_MAX: Duration = Duration::from_millis(200);
