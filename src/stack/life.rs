//! How does a connection begin, change and end?

use core::net::SocketAddr;

use super::Stack;
use super::classify::Segment;
use super::cookies::COOKIES_LAST;
use crate::count::Count;
use crate::errno::Errno;
use crate::invariant::impossible;
use crate::readiness::{Interest, Readiness};
use crate::socket::slots::{Body, NONE};
use crate::socket::tcp::listener::Listener;
use crate::socket::tcp::{Connection, Phase, Stage, TcpState, posix};
use crate::time::{Duration, Instant, earliest};

impl Stack<'_> {
    /// A socket for the peer whose SYN has come to `listener`, ready to be handed that SYN.
    /// `None`: no room; the SYN is dropped without a word and comes again.
    pub(super) fn make_child(&mut self, listener: u32, local: SocketAddr, remote: SocketAddr) -> Option<u32> {
        if !self.listener(listener).has_room() {
            self.counters.dropped_syn_backlog.count_one();
            return None;
        }
        if self.listener(listener).half_open.len >= self.config.half_open_max
            && !self.evict_half_open(listener, Duration::ZERO)
        {
            self.counters.dropped_syn_no_room.count_one();
            return None;
        }
        let mut child = self.build_child(listener, local, remote);
        // Sockets or engines ran out before `half_open_max`: small storage. Honest clients that come at once
        // must not push each other out, so only children that were silent for a round trip go.
        if child.is_none() && self.evict_half_open(listener, SILENCE_MAX) {
            child = self.build_child(listener, local, remote);
        }
        if child.is_none() {
            self.counters.dropped_syn_no_room.count_one();
        }
        child
    }

    fn build_child(&mut self, listener: u32, local: SocketAddr, remote: SocketAddr) -> Option<u32> {
        // Linux: a connection inherits its listener's options.
        let slot = self.slots.get(listener);
        let (options, domain) = (slot.options, slot.domain);
        let mut engine = self.engines.take(options.buffer_bytes())?;
        if !engine.listen(local) {
            self.engines.give(engine);
            return None;
        }
        let Some(child) = self.slots.take(domain) else {
            self.engines.give(engine);
            return None;
        };
        self.deadlines.grow_to(self.slots.capacity());
        let mut connection = Connection::fresh(self.now);
        connection.engine = Some(engine);
        connection.phase = Phase::Connected;
        connection.next_hop = self.next_hop_to_resolve(remote.ip());
        connection.is_local = self.is_local(remote.ip());
        connection.parent = listener;
        connection.stage = Stage::HalfOpen;
        connection.deadline = Some(self.now.saturating_add(self.config.half_open_timeout));
        let slot = self.slots.get_mut(child);
        slot.options = options;
        slot.local = Some(local);
        slot.remote = Some(remote);
        slot.body = Body::Tcp(connection);
        self.follow_options(child);
        if self.demux.add(&mut self.slots, child).is_err() {
            self.free(child);
            return None;
        }
        self.with_listener(listener, |listener, slots| listener.half_open.push(slots, child));
        Some(child)
    }

    /// Gives up the oldest child in SYN-RECEIVED: a flood must not keep honest clients out.
    fn evict_half_open(&mut self, listener: u32, silent_for: Duration) -> bool {
        let now = self.now;
        let mut child = self.listener(listener).half_open.oldest;
        while child != NONE {
            let connection = self.slots.connection(child);
            let is_silent = now.saturating_duration_since(connection.progress_at) >= silent_for;
            if connection.stage == Stage::HalfOpen && is_silent {
                self.counters.half_open_evicted.count_one();
                self.crowded_until = Some(now.saturating_add(COOKIES_LAST));
                self.reap_child(child);
                return true;
            }
            child = connection.newer;
        }
        false
    }

    /// A child that did not take its SYN, whatever smoltcp had against it, waits for nothing.
    pub(super) fn reap_unmoved(&mut self, child: u32) {
        if let Body::Tcp(connection) = &self.slots.get(child).body
            && connection.stage == Stage::HalfOpen
            && connection.state() == TcpState::Listen
        {
            self.reap_child(child);
        }
    }

    /// A segment changed the state of a connection.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn on_transition(&mut self, index: u32, before: TcpState, after: TcpState, segment: &Segment) {
        self.hear_transition(index, before, after, segment);
        match after {
            TcpState::Established | TcpState::CloseWait if !before.is_synchronized() => self.on_established(index),
            TcpState::Established | TcpState::SynSent => {}
            // The child's SYN was taken, or a simultaneous open: its timer runs already.
            TcpState::SynReceived => {}
            // A half-open child that was reset waits for another SYN; ours are for one only (B18).
            TcpState::Listen => self.reap_child(index),
            TcpState::Closed => self.on_closed(index, before, segment),
            TcpState::TimeWait => {
                // Everything of ours is acknowledged, so the peer's ACK is our next sequence number.
                let connection = self.slots.connection(index);
                connection.ended_at = connection.question().map(|(_, end, _)| (segment.ack, end));
            }
            TcpState::FinWait2 => self.watch_orphan(index),
            TcpState::CloseWait | TcpState::FinWait1 | TcpState::Closing | TcpState::LastAck => {}
        }
    }

    #[expect(clippy::arithmetic_side_effects, reason = "it counts children of a listener")]
    fn on_established(&mut self, index: u32) {
        let connection = self.slots.connection(index);
        connection.deadline = None;
        if connection.stage == Stage::HalfOpen {
            connection.stage = Stage::Completed;
            let parent = connection.parent;
            self.with_listener(parent, |listener, _| listener.completed += 1);
            return self.promote(index);
        }
        connection.phase = Phase::Connected;
        connection.unreported = true;
        self.slots.get_mut(index).wake_all();
    }

    /// Moves an established child to the queue that `accept` takes from, if there is room.
    fn promote(&mut self, child: u32) {
        let parent = self.slots.connection(child).parent;
        let moved = self.with_listener(parent, |listener, slots| {
            let room = listener.has_room();
            if room {
                listener.remove_completed(slots, child);
                listener.ready.push(slots, child);
                slots.connection(child).stage = Stage::Ready;
            }
            room
        });
        if moved {
            self.slots.get_mut(parent).wake_read();
        }
    }

    /// `accept` made room: the oldest established child that waits for it moves up.
    pub(super) fn promote_oldest(&mut self, listener: u32) {
        let Listener { half_open, completed, .. } = self.listener(listener);
        let (mut child, completed) = (half_open.oldest, *completed);
        while completed > 0 && child != NONE {
            let connection = self.slots.connection(child);
            let newer = connection.newer;
            if connection.stage == Stage::Completed {
                return self.promote(child);
            }
            child = newer;
        }
    }

    /// The engine is in CLOSED after a segment: reset, or the last ACK.
    fn on_closed(&mut self, index: u32, before: TcpState, segment: &Segment) {
        if segment.flags.rst() {
            self.slots.get_mut(index).fail(posix::reset_cause(before));
        }
        self.over(index);
    }

    /// Nobody answers at the link layer (EHOSTUNREACH). A connection that was open keeps trying: R2 ends it.
    pub(super) fn on_unreachable(&mut self, index: u32) {
        // Nor is a socket concerned whose attempt ended while it stood in line.
        if !self.slots.connection(index).state().is_synchronized() {
            self.slots.get_mut(index).fail(Errno::EHOSTUNREACH);
            self.over(index);
        }
    }

    /// A timer of ours ran out: no reset, since nobody listens (RFC 9293 §3.8.3, R2).
    pub(super) fn on_timeout(&mut self, index: u32) {
        self.counters.timeouts.count_one();
        // Linux `tcp_write_err`: what a router said explains the silence better.
        let cause = self.slots.connection(index).soft_error.unwrap_or(Errno::ETIMEDOUT);
        self.slots.get_mut(index).fail(cause);
        self.over(index);
    }

    /// The peer of an idle connection does not answer. Linux tells it all the same that this is over.
    pub(super) fn on_silence(&mut self, index: u32) {
        self.counters.timeouts.count_one();
        self.slots.get_mut(index).fail(Errno::ETIMEDOUT);
        if let Some(engine) = &mut self.slots.connection(index).engine {
            engine.abort();
        }
        self.make_due(index);
    }

    /// The protocol is done with this connection. What the application has not read stays readable.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn over(&mut self, index: u32) {
        self.demux.remove(&mut self.slots, index);
        let connection = self.slots.connection(index);
        connection.deadline = None;
        (connection.probe_at, connection.owes_probe) = (None, false);
        connection.next_hop = None;
        // A child that can be accepted stays even after its end: Linux gives out connections whose client
        // has gone. One that never could be is forgotten.
        if matches!(connection.stage, Stage::HalfOpen | Stage::Completed) {
            return self.reap_child(index);
        }
        let is_orphan = connection.stage == Stage::Own && !self.slots.get(index).owned;
        let connection = self.slots.connection(index);
        if let Some(engine) = &mut connection.engine
            && engine.state() != TcpState::Closed
        {
            // TIME-WAIT handed over, or given up: the engine must not speak again. It has no turn any more
            // either, since it has no route: an RST would be sent, and what is unread thrown away.
            engine.abort();
        }
        self.hear_state(index);
        if is_orphan {
            return self.free(index);
        }
        let connection = self.slots.connection(index);
        if connection.recv_queue() == 0
            && let Some(engine) = connection.engine.take()
        {
            self.engines.give(engine);
        }
        // An attempt that the application itself took back has no outcome to report.
        let slot = self.slots.get_mut(index);
        if let Body::Tcp(connection) = &mut slot.body
            && connection.phase == Phase::Connecting
            && slot.error.is_none()
        {
            connection.phase = Phase::Fresh;
            slot.remote = None;
        }
        self.deadlines.clear(index);
        self.slots.get_mut(index).wake_all();
    }

    /// Forgets a child that `accept` has not taken, without a word to the peer.
    pub(super) fn reap_child(&mut self, child: u32) {
        self.unlink_child(child);
        self.free(child);
    }

    /// Takes a child out of its listener's queue: from now on it is on its own.
    pub(super) fn unlink_child(&mut self, child: u32) {
        let connection = self.slots.connection(child);
        let stage = core::mem::replace(&mut connection.stage, Stage::Own);
        let parent = core::mem::replace(&mut connection.parent, NONE);
        self.with_listener(parent, |listener, slots| match stage {
            Stage::Own => impossible("only children are in queues"),
            Stage::HalfOpen => listener.half_open.remove(slots, child),
            Stage::Completed => listener.remove_completed(slots, child),
            Stage::Ready => listener.ready.remove(slots, child),
        });
    }

    /// Frees a slot and all it holds. Nothing is sent.
    pub(super) fn free(&mut self, index: u32) {
        self.demux.remove(&mut self.slots, index);
        self.deadlines.clear(index);
        self.raws.remove(&mut self.slots, index);
        match &mut self.slots.get_mut(index).body {
            Body::Tcp(connection) => {
                if let Some(engine) = connection.engine.take() {
                    self.engines.give(engine);
                }
            }
            body @ Body::Udp(_) => {
                if let Body::Udp(datagrams) = core::mem::replace(body, Body::Free) {
                    self.queues.give(datagrams);
                }
            }
            Body::Listener(_) | Body::Free => {}
        }
        self.hear_gone(index);
        self.slots.retire(index);
    }

    /// After a connection sent what it wanted: TIME-WAIT moves to its own table, an abort ends, a stall is
    /// watched. `engine_at`: the engine's next deadline. `Err`: the slot is gone; else when to look again.
    pub(super) fn after_egress(&mut self, index: u32, engine_at: Option<Instant>) -> Result<Option<Instant>, ()> {
        let now = self.now;
        let user_timeout = self.config.user_timeout;
        let connection = self.slots.connection(index);
        let Some(engine) = &mut connection.engine else { return Ok(None) };
        let facts = engine.facts();
        match facts.state {
            // The last ACK is out when nothing but the 2MSL timer is left; ACKs wait 10 ms at most.
            TcpState::TimeWait if engine_at.is_none_or(|at| at > now.saturating_add(ACK_PENDING_MAX)) => {
                self.hand_over_to_time_wait(index);
            }
            TcpState::Closed if !engine.owes_reset() => self.over(index),
            state => {
                // B4: data is queued and no timer of the engine runs: only a probe of ours gets it going.
                if engine_at.is_none() && state.is_synchronized() && facts.send_queue > 0 {
                    // RFC 9293 §3.8.6.1: the interval grows exponentially.
                    let delay = PERSIST_MIN.saturating_mul(1 << connection.probes.min(PERSIST_DOUBLINGS));
                    connection.probe_at = Some(now.saturating_add(delay));
                }
                let own_at = connection.deadline_of_turn(user_timeout, facts.are_owed_an_ack());
                let tail_at = self.config.tail_loss_probes.then(|| connection.tail_probe_at(facts)).flatten();
                return Ok(earliest(earliest(engine_at, tail_at), own_at));
            }
        }
        if self.slots.get(index).is_free() { Err(()) } else { Ok(None) }
    }

    /// Our persist timer fired: an answer to a probe brings the window.
    pub(super) fn persist(&mut self, index: u32) {
        let connection = self.slots.connection(index);
        connection.probe_at = None;
        connection.probes = connection.probes.saturating_add(1);
        connection.owes_probe = connection.engine.is_some();
    }

    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn hand_over_to_time_wait(&mut self, index: u32) {
        let slot = self.slots.get(index);
        let (Some(local), Some(remote)) = (slot.local, slot.remote) else { return impossible("it was connected") };
        let is_shared = slot.options.reuse_address;
        let ended_at = self.slots.connection(index).ended_at;
        if ended_at.is_some() {
            self.hear_handed_over(index);
        }
        self.over(index);
        let Some((snd_nxt, rcv_nxt)) = ended_at else { return };
        if self.time_wait.is_full()
            && let Some(oldest) = self.time_wait.oldest()
        {
            self.counters.time_wait_evicted.count_one();
            self.forget_time_wait(oldest);
        }
        if let Some(entry) = self.time_wait.insert((local, remote), snd_nxt, rcv_nxt, self.now) {
            if is_shared {
                self.time_wait.share(entry);
            }
            if self.demux.add_time_wait(entry, local, remote).is_ok() {
                return;
            }
            self.time_wait.remove(entry);
        }
        self.hear_time_wait_over(local, remote);
    }

    /// Ends TIME-WAIT for one connection.
    pub(super) fn forget_time_wait(&mut self, entry: u32) {
        if let Some(entry_was) = self.time_wait.remove(entry) {
            self.demux.remove_time_wait(entry, entry_was.local, entry_was.remote);
            self.hear_time_wait_over(entry_was.local, entry_was.remote);
        }
    }

    /// An orphan in FIN-WAIT-2 waits for the peer's FIN, but not for ever (B14).
    pub(super) fn watch_orphan(&mut self, index: u32) {
        let slot = self.slots.get(index);
        let (owned, now) = (slot.owned, self.now);
        let configured = self.config.fin_wait_2_timeout;
        let connection = self.slots.connection(index);
        if owned || connection.stage != Stage::Own || connection.state() != TcpState::FinWait2 {
            return;
        }
        connection.deadline = Some(now.saturating_add(connection.settings.fin_wait_2_timeout(configured)));
        if connection.settings.skips_fin_wait_2()
            && let Some(engine) = &mut connection.engine
        {
            engine.abort();
        }
    }

    /// Received bytes that nobody will read: thrown away after shutdown(SHUT_RD), answered by a reset
    /// when the socket is closed (RFC 2525 §2.17: the peer must learn that they are lost).
    pub(super) fn take_unwanted(&mut self, index: u32) {
        let owned = self.slots.get(index).owned;
        let connection = self.slots.connection(index);
        let Some(engine) = &mut connection.engine else { return };
        if engine.recv_queue() == 0 {
            return;
        }
        if !owned && connection.stage == Stage::Own {
            engine.abort();
        } else {
            connection.discard_late();
        }
    }

    /// When our own timers next look at a connection.
    pub(super) fn own_deadline(&mut self, index: u32) -> Option<Instant> {
        let user_timeout = self.config.user_timeout;
        let connection = self.slots.connection(index);
        connection.own_deadline(user_timeout, connection.is_owed_an_ack())
    }

    /// Wakes those whose wait is over.
    pub(super) fn wake_ready(&mut self, index: u32) {
        // Whoever waits for more than one byte looks again, and goes on waiting.
        let ready = self.readiness_at(index, 1);
        let slot = self.slots.get_mut(index);
        if ready.intersects(Interest::Read.bits()) {
            slot.wake_read();
        }
        if ready.intersects(Interest::Write.bits()) {
            slot.wake_write();
        }
    }

    pub(super) fn readiness_of(&self, index: u32) -> Readiness {
        self.readiness_at(index, self.slots.get(index).options.recv_low_water as usize)
    }

    /// Readiness, if `low_water` bytes of a stream made it readable.
    pub(super) fn readiness_at(&self, index: u32, low_water: usize) -> Readiness {
        let slot = self.slots.get(index);
        match &slot.body {
            Body::Free => Readiness::NONE,
            Body::Tcp(connection) => posix::readiness(connection, slot.error, low_water),
            Body::Listener(listener) => {
                if listener.ready.len > 0 {
                    Readiness::IN
                } else {
                    Readiness::NONE
                }
            }
            Body::Udp(datagrams) => {
                let mut ready = Readiness::NONE;
                if !datagrams.recv.is_empty() {
                    ready |= Readiness::IN;
                }
                if datagrams.shut_read {
                    ready |= Readiness::IN | Readiness::RDHUP;
                }
                if datagrams.shut_write || datagrams.send.has_room_for(datagrams.kind.payload_max(slot.domain)) {
                    ready |= Readiness::OUT;
                }
                if datagrams.shut_read && datagrams.shut_write {
                    ready |= Readiness::HUP;
                }
                if slot.error.is_some() {
                    ready |= Readiness::ERR;
                }
                ready
            }
        }
    }

    #[expect(clippy::unreachable, reason = "there is no other listener to give")]
    pub(super) fn listener(&self, index: u32) -> &Listener {
        match &self.slots.get(index).body {
            Body::Listener(listener) => listener,
            _ => unreachable!("a child's parent is a listener until the child is reaped"),
        }
    }

    /// Changes a listener's queues, which are linked through other slots.
    #[expect(clippy::unreachable, reason = "there is nothing to change, and something has to be returned")]
    fn with_listener<R>(
        &mut self,
        index: u32,
        change: impl FnOnce(&mut Listener, &mut crate::socket::slots::Slots<'_>) -> R,
    ) -> R {
        let slot = self.slots.get_mut(index);
        let body = core::mem::replace(&mut slot.body, Body::Free);
        let Body::Listener(mut listener) = body else {
            unreachable!("a child's parent is a listener until the child is reaped")
        };
        let result = change(&mut listener, &mut self.slots);
        self.slots.get_mut(index).body = Body::Listener(listener);
        result
    }
}

/// smoltcp delays an ACK by 10 ms; its TIME-WAIT timer runs for 10 s. Between the two lies no other.
const ACK_PENDING_MAX: Duration = Duration::from_secs(1);
/// RFC 6298 §2.1: whoever has not answered a SYN-ACK within the first RTO may be gone.
const SILENCE_MAX: Duration = Duration::from_secs(1);
/// First interval of our persist timer (RFC 6298: the RTO before any measurement).
const PERSIST_MIN: Duration = Duration::from_secs(1);
/// 2^6 s: past a minute the interval grows no more.
const PERSIST_DOUBLINGS: u8 = 6;
