//! What does a TCP socket remember beside its engine?

mod cork;
pub(crate) mod engine;
pub(crate) mod info;
mod keep_alive;
pub(crate) mod listener;
pub(crate) mod posix;
mod recovery;
pub(crate) mod settings;
pub(crate) mod state;
pub(crate) mod track;

use core::net::{IpAddr, SocketAddr};
use core::num::NonZeroU16;

use smoltcp::wire::TcpControl;

use super::options::Options;
use super::slots::NONE;
use crate::config::Config;
use crate::device::AckNumbers;
use crate::device::segmentation::{Pieces, Segmentation};
use crate::errno::Errno;
use crate::stack::classify::Segment;
use crate::stack::emit::Bare;
use crate::time::{Duration, Instant, earliest};
use engine::{Engine, Facts};
pub(crate) use keep_alive::KeepAlive;
use settings::{Congestion, Settings};
pub use state::TcpState;
use track::Track;

/// A TCP socket that does not listen: fresh, connecting, connected or over.
#[derive(Debug)]
pub(crate) struct Connection<'a> {
    /// Runs the protocol; `None` before `connect` and after the end.
    pub(crate) engine: Option<Engine<'a>>,
    pub(crate) phase: Phase,
    /// `connect` succeeded and has not said so yet.
    pub(crate) unreported: bool,
    /// The application shut its reading side: what comes later is thrown away.
    pub(crate) shut_read: bool,
    /// Bytes that had arrived before that, and can still be read.
    pub(crate) kept: usize,
    /// The peer's FIN was taken, whatever came later.
    pub(crate) has_ended: bool,
    /// The application shut its writing side.
    pub(crate) shut_write: bool,
    /// Where a child of a listener stands until it is accepted.
    pub(crate) stage: Stage,
    /// The listener that this child belongs to until it is accepted, or [`NONE`].
    pub(crate) parent: u32,
    /// Neighbours in the listener's queue.
    pub(crate) older: u32,
    pub(crate) newer: u32,
    /// A call gave the engine something to send: its next turn need not ask first.
    pub(crate) is_eager: bool,
    /// The neighbour that packets of this connection are given to, where that has to be known (Ethernet).
    pub(crate) next_hop: Option<IpAddr>,
    /// This host talks to itself.
    pub(crate) is_local: bool,
    /// Largest IP packet, bytes, where that is less than the device (or the way to itself) carries; else 0.
    pub(crate) mtu: u16,
    /// What a router last said that may pass (RFC 9293 §3.9.2.2): the cause, should the peer stay silent.
    pub(crate) soft_error: Option<Errno>,
    /// Our own timer: connect, half-open or FIN-WAIT-2, whichever the state calls for.
    pub(crate) deadline: Option<Instant>,
    /// When the peer last acknowledged something, or said that it cannot take more: R2 counts from here.
    pub(crate) progress_at: Instant,
    /// A call started a timer. Calls read no clock, and may come long after the last step: the timer starts
    /// when the next step tells the time.
    pub(crate) is_clock_late: bool,
    /// With which sequence number it answers a SYN.
    pub(crate) isn: u32,
    /// Sequence number of the first byte that the application has not read.
    pub(crate) unread_from: u32,
    /// Where both sides stood when TIME-WAIT began: our next sequence number, and the peer's.
    pub(crate) ended_at: Option<(u32, u32)>,
    /// Our own persist timer (see B4 in the manual), and how often it has fired.
    pub(crate) probe_at: Option<Instant>,
    pub(crate) probes: u8,
    pub(crate) owes_probe: bool,
    /// The engine has to send the oldest segment again: nothing was heard for long.
    pub(crate) owes_oldest: bool,
    /// The FIN waits for a window; see [`Connection::close`].
    is_close_late: bool,
    /// The number of a FIN that came before the data ahead of it (B16).
    pub(crate) early_fin: Option<u32>,
    /// When the peer may be asked again whether it meant a doubtful RST or SYN.
    pub(crate) challenge_after: Option<Instant>,
    /// The acknowledgement number that last brought progress.
    pub(crate) last_ack: Option<u32>,
    /// What the options say about timers and egress.
    pub(crate) settings: Settings,
    /// Since when the connection has been idle, for keep-alive.
    idle_since: Instant,
    /// Keep-alive was switched on by a call, which read no clock: the idle time counts from the next step.
    is_idle_late: bool,
    /// Keep-alive probes that were not answered.
    keep_probes: u8,
    /// Until when `TCP_CORK` holds the last, partial segment back, and how much of the stream it has let go
    /// (as [`Track::bytes_acked`] counts, without its high bits).
    cork_until: Option<Instant>,
    uncorked: u32,
    pub(crate) track: Track,
}

/// Where a connection stands, as the socket calls see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Never connected, or ready for another `connect`.
    Fresh,
    /// `connect` was called; the handshake runs, or failed and `connect` has not said so.
    Connecting,
    /// Established, now or at some time.
    Connected,
}

/// How far a listener's child has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No child: opened by the application, accepted, or an orphan.
    Own,
    /// In SYN-RECEIVED.
    HalfOpen,
    /// Established, waiting for room among those that `accept` can take.
    Completed,
    /// `accept` can take it.
    Ready,
}

impl<'a> Connection<'a> {
    pub(crate) fn fresh(now: Instant) -> Self {
        Self {
            engine: None,
            phase: Phase::Fresh,
            unreported: false,
            shut_read: false,
            kept: 0,
            shut_write: false,
            has_ended: false,
            stage: Stage::Own,
            parent: NONE,
            older: NONE,
            newer: NONE,
            is_eager: false,
            next_hop: None,
            is_local: false,
            mtu: 0,
            soft_error: None,
            deadline: None,
            progress_at: now,
            is_clock_late: false,
            isn: 0,
            unread_from: 0,
            ended_at: None,
            probe_at: None,
            probes: 0,
            owes_probe: false,
            owes_oldest: false,
            is_close_late: false,
            early_fin: None,
            challenge_after: None,
            last_ack: None,
            settings: Settings::NEW,
            idle_since: now,
            is_idle_late: false,
            keep_probes: 0,
            cork_until: None,
            uncorked: 0,
            track: Track::new(now),
        }
    }

    /// RFC 9293 state of the engine; CLOSED without one.
    #[inline]
    pub(crate) fn state(&self) -> TcpState {
        self.engine.as_ref().map_or(TcpState::Closed, Engine::state)
    }

    /// Bytes that `recv` could give.
    #[inline]
    pub(crate) fn recv_queue(&self) -> usize {
        if self.shut_read { self.kept } else { self.engine.as_ref().map_or(0, Engine::recv_queue) }
    }

    /// The reading side is shut. Linux: what had arrived can still be read.
    pub(crate) fn shut_reading(&mut self) {
        self.kept = self.recv_queue();
        self.shut_read = true;
    }

    /// Throws received bytes away that came after the reading side was shut. What had come before stands in
    /// front of them, and must be read first.
    pub(crate) fn discard_late(&mut self) {
        if self.shut_read
            && self.kept == 0
            && let Some(engine) = &mut self.engine
        {
            self.unread_from = self.unread_from.wrapping_add(engine.discard() as u32);
        }
    }

    /// Back to where it was before `connect`; its engine, if it has one.
    pub(crate) fn disconnect(&mut self) -> Option<Engine<'a>> {
        self.phase = Phase::Fresh;
        (self.unreported, self.has_ended) = (false, false);
        (self.shut_read, self.kept, self.shut_write) = (false, 0, false);
        (self.deadline, self.probe_at, self.soft_error, self.early_fin) = (None, None, None, None);
        (self.is_close_late, self.owes_probe, self.owes_oldest) = (false, false, false);
        self.track.peer_window = u32::MAX;
        // It may stand in line for its neighbour, and shall not hear what becomes of the question.
        self.next_hop = None;
        self.engine.take()
    }

    /// Size of the receive buffer, bytes; 0 without a connection.
    #[inline]
    pub(crate) fn recv_capacity(&self) -> usize {
        self.engine.as_ref().map_or(0, Engine::recv_capacity)
    }

    /// Bytes that the peer has not acknowledged.
    #[inline]
    pub(crate) fn send_queue(&self) -> usize {
        self.engine.as_ref().map_or(0, Engine::send_queue)
    }

    /// Whether something of ours waits for the peer's acknowledgement: then R2 runs.
    #[inline]
    pub(crate) fn is_owed_an_ack(&self) -> bool {
        self.engine.as_ref().is_some_and(|engine| engine.facts().are_owed_an_ack())
    }

    /// When the engine is told that it hears a segment that has come `now`.
    ///
    /// B29: smoltcp computes with a round-trip time of milliseconds in 32 bits, and overflows where an ACK is a week late. None
    /// is, as long as somebody looks at the timers; but a machine may have slept. (Where nothing is timed here, smoltcp may time
    /// a segment all the same: one with old and new bytes.)
    #[inline]
    pub(crate) fn heard_at(&self, now: Instant) -> Instant {
        let (since, is_timed) = match self.track.timed_since() {
            Some(at) => (at, true),
            None => (self.progress_at.max(self.track.data_sent_at), false),
        };
        let latest = since.saturating_add(ROUND_TRIP_MAX);
        if now > latest && (is_timed || self.is_owed_an_ack()) { latest } else { now }
    }

    /// When our own timers next look at this connection, whether it can send or not. `user_timeout`: R2.
    #[inline]
    pub(crate) fn own_deadline(&self, user_timeout: Duration, is_owed_an_ack: bool) -> Option<Instant> {
        let r2 = is_owed_an_ack.then(|| self.progress_at.saturating_add(self.settings.user_timeout(user_timeout)));
        earliest(earliest(earliest(self.deadline, self.probe_at), r2), self.keep_alive_at(is_owed_an_ack))
    }

    /// The same for one that can send: its cork is pulled out in its turn.
    #[inline]
    pub(crate) fn deadline_of_turn(&self, user_timeout: Duration, is_owed_an_ack: bool) -> Option<Instant> {
        earliest(self.own_deadline(user_timeout, is_owed_an_ack), self.cork_until)
    }

    /// Starts the timers that calls asked for since the last step.
    #[inline]
    pub(crate) fn catch_up(&mut self, now: Instant, config: &Config) {
        if core::mem::take(&mut self.is_idle_late) {
            self.idle_since = now;
        }
        if !core::mem::take(&mut self.is_clock_late) {
            return;
        }
        self.progress_at = now;
        self.deadline = match (self.phase, self.state()) {
            (Phase::Connecting, _) => Some(now.saturating_add(self.settings.connect_timeout(config.connect_timeout))),
            // Only an orphan has no patience here; whoever holds its socket may wait for ever.
            (_, TcpState::FinWait2) if self.deadline.is_none() => {
                Some(now.saturating_add(self.settings.fin_wait_2_timeout(config.fin_wait_2_timeout)))
            }
            _ => self.deadline,
        };
    }

    /// Queues a FIN behind the data, if there is an engine. Not in SYN-SENT or SYN-RECEIVED (B8, B9).
    ///
    /// In LAST-ACK smoltcp does not look at an ACK that acknowledges nothing (B26): it would not learn that a window is
    /// open, nor that what its fast retransmission sent beyond the window (B3) did not arrive. So where the window has no
    /// room behind what was sent, it stays in CLOSE-WAIT, as RFC 9293 §3.10.4 has it for as long as the FIN cannot be sent.
    pub(crate) fn close(&mut self) {
        let Some(engine) = &mut self.engine else { return };
        let Facts { state, send_queue, .. } = engine.facts();
        let has_no_room = self.track.in_flight() >= self.track.peer_window;
        self.is_close_late = state == TcpState::CloseWait && has_no_room && send_queue > 0;
        if !self.is_close_late {
            engine.close();
        }
    }

    /// Whether a bare ACK says once more what the last one said, while only our FIN is outstanding. Three of
    /// these stop smoltcp's timer, and with no data to send again the FIN would never come again (B25).
    #[inline]
    pub(crate) fn is_repeated_ack_of_fin(&self, segment: &Segment) -> bool {
        let flags = segment.flags;
        let is_bare = segment.payload_len == 0 && flags.are_plain();
        is_bare && self.last_ack == Some(segment.ack) && self.send_queue() == 0 && self.is_owed_an_ack()
    }

    /// Does what the options say from now on. `hops`: the TTL or hop limit of its packets.
    pub(crate) fn follow(&mut self, options: &Options, hops: u8) {
        let was_on = self.settings.keep_alive;
        self.settings = Settings::of(options);
        if self.settings.keep_alive && !was_on {
            self.is_idle_late = true;
            self.keep_probes = 0;
        }
        if !self.settings.cork {
            self.cork_until = None;
        }
        let congestion = self.congestion();
        let Some(engine) = &mut self.engine else { return };
        // Only whole segments leave a corked connection, and that is what RFC 896 is good at.
        engine.combine_small_writes(!self.settings.no_delay || self.settings.cork);
        engine.acknowledge_at_once(options.quick_ack);
        engine.limit_hops(hops);
        engine.control_congestion(congestion);
    }

    /// No queue of this host's way to itself overflows: there is nothing to control.
    fn congestion(&self) -> Congestion {
        if self.is_local { Congestion::None } else { self.settings.congestion }
    }

    /// Between which sequence numbers its bare ACKs have theirs (B24).
    #[inline]
    pub(crate) fn ack_numbers(&self) -> Option<AckNumbers> {
        self.track.has_sent().then(|| self.track.ack_numbers())
    }

    /// Sequence number, acknowledgement and window of an ACK that says how things are: the highest number sent, and the next one
    /// that is expected.
    pub(crate) fn acknowledgement(&self) -> Option<(u32, u32, u16)> {
        let (_, ack, window) = self.question()?;
        Some((self.track.snd_max(), ack, window))
    }

    /// Sequence number, acknowledgement and window of a question that the peer answers: the number before the oldest that it
    /// has not acknowledged, and no byte, which it could take for data (RFC 9293 §3.8.4, §3.8.6.1).
    pub(crate) fn question(&self) -> Option<(u32, u32, u16)> {
        let Facts { state, recv_queue, .. } = self.engine.as_ref()?.facts();
        let fin = u32::from(state.has_received_fin());
        let ack = self.unread_from.wrapping_add(recv_queue as u32).wrapping_add(fin);
        // No more than the engine has told: beyond that it would cut what comes.
        let told = self.track.window_end().map_or(0, |end| end.wrapping_sub(ack) as i32);
        Some((self.track.snd_una().wrapping_sub(1), ack, told.clamp(0, i32::from(u16::MAX)) as u16))
    }

    /// When the oldest segment is sent again unless an answer comes. Not in LAST-ACK, where smoltcp hears nothing that asks for it
    /// (B26), nor where only a FIN is left (B25).
    #[inline(never)] // inlined, an echo takes a tenth longer: its code no longer fits the instruction cache
    pub(crate) fn tail_probe_at(&self, facts: Facts) -> Option<Instant> {
        let can = matches!(facts.state, TcpState::Established | TcpState::FinWait1 | TcpState::CloseWait);
        if !can || facts.send_queue == 0 || self.is_local {
            return None;
        }
        Some(self.progress_at.max(self.track.data_sent_at).saturating_add_micros(self.track.patience_us()?))
    }

    /// An ACK in which the peer would say once more what it said last; `flow`: from where, to where.
    pub(crate) fn last_heard(&self, flow: (SocketAddr, SocketAddr)) -> Option<Bare> {
        let (_, seq, _) = self.question()?;
        let window = u16::try_from(self.track.peer_window >> self.track.peer_shift).ok()?;
        let ack = Some(self.track.snd_una());
        Some(Bare { local: flow.0, remote: flow.1, control: TcpControl::None, seq, ack, window, hops: 64 })
    }

    /// Payload of a full segment, bytes, where packets have at most `ip_mtu`.
    pub(crate) fn segment_bytes(&self, ip_mtu: usize, is_ipv4: bool) -> usize {
        let own = ip_mtu.saturating_sub(if is_ipv4 { 40 } else { 60 });
        let agreed = match self.track.peer_mss {
            0 => own,
            mss => own.min(usize::from(mss)),
        };
        self.settings.segment_limit(agreed)
    }

    /// Which of its segments the device cuts. `ip_mtu`: of the device.
    #[inline]
    pub(crate) fn pieces(&self, segmentation: Segmentation, ip_mtu: usize, is_ipv4: bool) -> Pieces {
        if self.is_local || !segmentation.is_any() {
            Pieces::Usual
        } else if self.settings.cork {
            // A cork lets whole segments out, and the device would make a partial one of what is left.
            Pieces::None
        } else if is_ipv4 || segmentation.ipv6.is_none() {
            Pieces::Usual
        } else {
            self.ipv6_pieces(ip_mtu)
        }
    }

    /// The device cuts IPv6 segments where the peer's MSS bounds them, as on one link: there the engine needs to
    /// know no other bound. Its SYN tells the device's MTU, and never takes this way.
    fn ipv6_pieces(&self, ip_mtu: usize) -> Pieces {
        let mtu = if self.mtu == 0 { ip_mtu } else { usize::from(self.mtu) };
        match NonZeroU16::new(self.track.peer_mss) {
            Some(mss) if self.state().is_synchronized() && usize::from(mss.get()) + 60 <= mtu => Pieces::OfIpv6(mss),
            _ => Pieces::Usual,
        }
    }

    /// A segment came, and the engine has seen it. `is_sure`: its window can be believed; `unacknowledged`: bytes before it; `after`: the
    /// engine since.
    #[inline]
    pub(crate) fn on_received(
        &mut self,
        segment: &Segment,
        is_sure: bool,
        unacknowledged: usize,
        after: Facts,
        now: Instant,
    ) {
        self.idle_since = now;
        self.keep_probes = 0;
        let acknowledged = unacknowledged.saturating_sub(after.send_queue);
        let received_to = self.unread_from.wrapping_add(after.recv_queue as u32);
        if is_sure && self.track.tells_window(segment) {
            self.track.peer_window = self.track.window_of(segment);
        }
        self.track.on_received(segment, acknowledged, after.send_queue == 0, received_to, now);
        self.on_end(after.state);
    }

    /// The engine may have taken the peer's FIN.
    #[inline]
    pub(crate) fn on_end(&mut self, state: TcpState) {
        self.has_ended |= state.has_received_fin();
        if self.is_close_late && state == TcpState::CloseWait {
            self.close();
        }
    }

    /// Whether a sequence number was sent and is not acknowledged (RFC 5927 §4.1).
    pub(crate) fn is_in_flight(&self, seq: u32) -> bool {
        self.track.is_in_flight(seq)
    }

    /// Whether a segment with a FIN ends beyond the window that was told last, although the receive buffer may have
    /// more room by now: then smoltcp would cut its data and take its FIN (B3), and the stream would end too early.
    pub(crate) fn is_fin_beyond_window(&self, seq: u32, payload_len: usize) -> bool {
        let room_end = self.unread_from.wrapping_add(self.recv_capacity() as u32);
        let window_end = self.track.window_end().unwrap_or(room_end);
        (seq.wrapping_add(payload_len as u32).wrapping_sub(window_end) as i32) > 0
    }
}

/// Longer than any round trip, and short enough for smoltcp: 7 days make it overflow (B29).
const ROUND_TRIP_MAX: Duration = Duration::from_secs(86_400);
