//! What has a connection sent and received, and how long did the answers take?

use super::recovery::{Heard, Recovery};
use crate::count::Count;
use crate::device::{AckNumbers, SentSegment};
use crate::stack::classify::{Announced, Segment};
use crate::time::{Duration, Instant};

/// Sequence numbers and counts of one connection, told segment by segment. Each of many connections has one, so
/// it is small.
#[derive(Debug)]
pub(crate) struct Track {
    /// SND.UNA, and the highest sequence number sent plus one; the same until something is sent.
    snd_una: u32,
    snd_max: u32,
    /// The peer's MSS option; 0: not known.
    pub(crate) peer_mss: u16,
    /// By how many bits the peer's windows are scaled.
    pub(crate) peer_shift: u8,
    /// The largest payload that came, bytes.
    pub(crate) largest_received: u16,
    /// Repetitions since the peer last acknowledged something new.
    pub(crate) retransmits: u8,
    is_open: bool,
    recovery: Recovery,
    /// How often the oldest segment was to be sent again since the round-trip time was last measured: where that is wrong, the time
    /// between probes grows, and they end (as RFC 6298 §5.7 has it for the time-out).
    tail_probes: u8,
    /// How many bare ACKs went out while more was sent than the window allows.
    doubtful_acks: u8,
    /// The window that the peer told last, bytes.
    pub(crate) peer_window: u32,
    /// The next segment of one byte is a keep-alive.
    pub(crate) is_probing: bool,
    /// What the peer was told last of the window: the first sequence number beyond it. Like smoltcp, without what probes say.
    window_end: Option<u32>,
    /// A sequence number whose acknowledgement tells the round-trip time, if it was sent once only (RFC 6298 §3).
    /// Three fields: an `Option` of a pair would take twice the room.
    timed_end: u32,
    timed_at: Instant,
    is_timing: bool,
    /// Smoothed round-trip time and its variation, microseconds; 0: not measured.
    srtt_us: u32,
    rttvar_us: u32,
    pub(crate) total_retrans: u32,
    pub(crate) segs_out: u32,
    pub(crate) segs_in: u32,
    pub(crate) data_segs_out: u32,
    pub(crate) data_segs_in: u32,
    /// Payload bytes in all.
    pub(crate) bytes_acked: u64,
    pub(crate) bytes_received: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_retrans: u64,
    /// What is in order up to here has been counted.
    received_to: u32,
    pub(crate) data_sent_at: Instant,
    pub(crate) data_received_at: Instant,
    pub(crate) ack_received_at: Instant,
}

impl Track {
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            snd_una: 0,
            snd_max: 0,
            peer_mss: 0,
            peer_shift: 0,
            largest_received: 0,
            retransmits: 0,
            is_open: false,
            recovery: Recovery::IDLE,
            tail_probes: 0,
            doubtful_acks: 0,
            peer_window: u32::MAX,
            is_probing: false,
            window_end: None,
            timed_end: 0,
            timed_at: now,
            is_timing: false,
            srtt_us: 0,
            rttvar_us: 0,
            total_retrans: 0,
            segs_out: 0,
            segs_in: 0,
            data_segs_out: 0,
            data_segs_in: 0,
            bytes_acked: 0,
            bytes_received: 0,
            bytes_sent: 0,
            bytes_retrans: 0,
            received_to: 0,
            data_sent_at: now,
            data_received_at: now,
            ack_received_at: now,
        }
    }

    /// A segment left. While the peer's window is closed one byte is a probe. Says whether it begins with something sent
    /// before; probes do not count.
    #[expect(clippy::arithmetic_side_effects, reason = "a segment is shorter than 2^16 bytes")]
    pub(crate) fn on_sent(&mut self, sent: &SentSegment, now: Instant) -> bool {
        let SentSegment { seq, payload_len: len, flags, window_end, .. } = *sent;
        let is_probe = len == 1 && (core::mem::take(&mut self.is_probing) || self.peer_window == 0);
        if flags.ack() && !flags.rst() && !is_probe {
            self.window_end = Some(window_end);
        }
        self.segs_out = self.segs_out.wrapping_add(u32::from(sent.pieces));
        let span = len as u32 + flags.span();
        if span == 0 || flags.rst() {
            self.doubtful_acks = self.doubtful_acks.wrapping_add(u8::from(self.in_flight() > self.peer_window));
            return false;
        }
        let end = seq.wrapping_add(span);
        if flags.syn() && !self.is_open {
            self.is_open = true;
            (self.snd_una, self.snd_max) = (seq, seq);
        }
        // One old byte is a probe, and repeats nothing that was lost.
        if end == self.snd_una && len <= 1 {
            return false;
        }
        if len > 0 {
            self.data_segs_out = self.data_segs_out.wrapping_add(u32::from(sent.pieces));
            self.bytes_sent.count_many(len as u64);
            self.data_sent_at = now;
        }
        let old = is_before(seq, self.snd_max).then(|| self.snd_max.wrapping_sub(seq).min(span));
        if let Some(old) = old {
            // RFC 6298 §3 (Karn): nobody can tell which of the two is acknowledged.
            self.is_timing = false;
            self.recovery.on_repeated(self.snd_max);
            self.retransmits = self.retransmits.saturating_add(1);
            let pieces = (u64::from(sent.pieces) * u64::from(old)).div_ceil(u64::from(span));
            self.total_retrans = self.total_retrans.wrapping_add(pieces as u32);
            self.bytes_retrans.count_many(u64::from(old.min(len as u32)));
        }
        if is_before(self.snd_max, end) {
            self.snd_max = end;
            if old.is_none() && !self.is_timing {
                (self.timed_end, self.timed_at, self.is_timing) = (end, now, true);
            }
        }
        old.is_some()
    }

    /// A segment came. `acknowledged`: bytes that the engine took off its queue for it; `is_all`: nothing is left
    /// there; `received_to`: the sequence number up to which the engine has everything.
    pub(super) fn on_received(
        &mut self,
        segment: &Segment,
        acknowledged: usize,
        is_all: bool,
        received_to: u32,
        now: Instant,
    ) {
        self.segs_in = self.segs_in.wrapping_add(1);
        if segment.payload_len > 0 {
            self.data_segs_in = self.data_segs_in.wrapping_add(1);
            self.data_received_at = now;
            let len = u16::try_from(segment.payload_len).unwrap_or(u16::MAX);
            self.largest_received = self.largest_received.max(len);
            // What came before counts nothing.
            if is_before(self.received_to, received_to) {
                self.bytes_received.count_many(u64::from(received_to.wrapping_sub(self.received_to)));
                self.received_to = received_to;
            }
        }
        if !segment.flags.ack() {
            return;
        }
        self.ack_received_at = now;
        self.bytes_acked.count_many(acknowledged as u64);
        let is_new = self.is_news(segment.ack);
        // The engine refuses damaged and old ACKs; where it has no queue, only SYN and FIN can be meant.
        if is_new && (acknowledged > 0 || is_all) {
            self.snd_una = segment.ack;
            self.retransmits = 0;
            self.recovery.on_acknowledged(segment.ack);
            if self.is_timing && !is_before(segment.ack, self.timed_end) {
                self.is_timing = false;
                self.measure(now.saturating_duration_since(self.timed_at));
            }
        }
    }

    /// How often the engine has to hear a segment again that it has heard: `queued` is what it has not seen acknowledged, before and now,
    /// bytes. See [`Recovery`].
    #[inline]
    pub(crate) fn repeats(&mut self, segment: &Segment, bytes: &[u8], queued: (usize, usize), now: Instant) -> u8 {
        let is_news = queued.1 < queued.0;
        let is_bare = segment.payload_len == 0 && segment.flags.ack() && segment.flags.span() == 0;
        // Where only a FIN is left the engine's timer would stop (B25).
        if !is_bare || queued.1 == 0 || (is_news && !self.recovery.is_fast()) {
            return 0;
        }
        let window = u32::from(segment.window) << self.peer_shift;
        if window < u32::from(self.peer_mss) {
            // What is sent again may be a whole segment (B3).
            return 0;
        }
        let is_window_update = window != self.peer_window;
        let (snd_una, snd_max) = (self.snd_una, self.snd_max);
        let half_srtt = Duration::from_micros(u64::from(self.srtt_us / 2));
        let is_prompt = now < self.data_sent_at.saturating_add(half_srtt);
        self.recovery.repeats(&Heard { segment, bytes, snd_una, snd_max, is_window_update, is_news, is_prompt })
    }

    /// How long to wait for an answer to what is in flight before the oldest segment is sent again (RFC 8985 §7.2), microseconds; `None`:
    /// for ever.
    pub(super) fn patience_us(&self) -> Option<u64> {
        // A whole segment is sent, whatever the window (B3).
        let has_room = self.peer_window >= u32::from(self.peer_mss);
        if self.srtt_us == 0 || self.in_flight() == 0 || !has_room || self.tail_probes >= TAIL_PROBES_MAX {
            return None;
        }
        // Twice the mean, or with four times the variation.
        let more = self.srtt_us.max(self.rttvar_us.saturating_mul(4));
        let pto_us = u64::from(self.srtt_us.saturating_add(more).max(PTO_MIN_US));
        Some(self.recovery.patience_us(pto_us, self.tail_probes))
    }

    /// The oldest segment is sent again now, or as soon as the device has room.
    pub(crate) fn on_probe(&mut self, now: Instant) {
        self.tail_probes = self.tail_probes.saturating_add(1);
        self.data_sent_at = now;
        self.recovery.on_probe(self.snd_max);
    }

    /// Between which numbers bare ACKs have theirs, so that the peer takes them: smoltcp counts its number back after a time-out,
    /// and then a peer that has the data finds the ACK old (RFC 9293 §3.10.7.4). It is the highest sent, as everywhere. If that is
    /// beyond the window nobody knows how far the peer has come: to the end of all, of its window, or less; each has its turn.
    #[inline]
    pub(super) fn ack_numbers(&self) -> AckNumbers {
        let window_end = self.snd_una.wrapping_add(self.peer_window.min(1 << 30));
        if self.in_flight() <= self.peer_window {
            return AckNumbers { lowest: self.snd_max, highest: window_end };
        }
        let number = match self.doubtful_acks % 3 {
            0 => self.snd_max,
            1 => window_end,
            _ => window_end.wrapping_sub(u32::from(self.peer_window > 0)),
        };
        AckNumbers { lowest: number, highest: number }
    }

    /// Whether `ack` acknowledges something that was sent and is not acknowledged.
    pub(crate) fn is_news(&self, ack: u32) -> bool {
        is_before(self.snd_una, ack) && !is_before(self.snd_max, ack)
    }

    /// When the segment was sent whose acknowledgement tells the round-trip time.
    #[inline]
    pub(super) fn timed_since(&self) -> Option<Instant> {
        self.is_timing.then_some(self.timed_at)
    }

    /// Whether its SYN is out.
    pub(crate) fn has_sent(&self) -> bool {
        self.is_open
    }

    /// The oldest sequence number that is not acknowledged.
    pub(super) fn snd_una(&self) -> u32 {
        self.snd_una
    }

    /// The highest sequence number sent, plus one.
    pub(super) fn snd_max(&self) -> u32 {
        self.snd_max
    }

    /// The first sequence number beyond the window that the peer was told last.
    pub(super) fn window_end(&self) -> Option<u32> {
        self.window_end
    }

    /// The SYN that opens the connection came, with these options. Others, which are late or damaged, tell nothing.
    pub(crate) fn on_syn(&mut self, segment: &Segment, announced: &Announced) {
        self.peer_mss = announced.mss.unwrap_or(MSS_DEFAULT);
        self.peer_shift = announced.window_shift;
        self.peer_window = self.window_of(segment);
        self.received_to = segment.seq.wrapping_add(1);
    }

    /// Whether a segment brings nothing that is new, and is no bare ACK of now.
    #[inline]
    pub(super) fn is_old(&self, segment: &Segment) -> bool {
        let ahead = segment.seq.wrapping_sub(self.received_to).wrapping_add(segment.payload_len as u32) as i32;
        if segment.payload_len == 0 { ahead < 0 } else { ahead <= 0 }
    }

    /// The window that a segment tells, bytes.
    #[inline]
    pub(super) fn window_of(&self, segment: &Segment) -> u32 {
        u32::from(segment.window) << if segment.flags.syn() { 0 } else { self.peer_shift }
    }

    /// Whether a segment tells a larger window than the last one. A smaller one does no harm where the segment was damaged: smoltcp has
    /// not heard it, and sends no more than the larger one allows.
    #[inline]
    pub(crate) fn widens(&self, segment: &Segment) -> bool {
        self.window_of(segment) > self.peer_window || self.peer_window == u32::MAX
    }

    /// Whether a segment tells the peer's window: smoltcp does not look at that of segments that are old, lie beyond the window,
    /// or acknowledge what was acknowledged long ago, or never sent. A SYN is the first ([`Track::on_syn`]), or old.
    #[inline]
    pub(super) fn tells_window(&self, segment: &Segment) -> bool {
        // A FIN that came takes a number too.
        let is_bare_and_next = segment.payload_len == 0 && segment.seq.wrapping_sub(self.received_to) <= 1;
        let is_inside = is_bare_and_next || self.window_end.is_none_or(|end| is_before(segment.seq, end));
        !segment.flags.syn() && is_inside && self.knows(segment) && !self.is_old(segment)
    }

    /// Whether a segment acknowledges what was acknowledged last, or was sent since.
    #[inline]
    pub(crate) fn knows(&self, segment: &Segment) -> bool {
        segment.flags.ack() && !is_before(segment.ack, self.snd_una) && !is_before(self.snd_max, segment.ack)
    }

    pub(super) fn is_in_flight(&self, seq: u32) -> bool {
        !is_before(seq, self.snd_una) && is_before(seq, self.snd_max)
    }

    /// Sequence numbers sent and not acknowledged.
    pub(crate) fn in_flight(&self) -> u32 {
        self.snd_max.wrapping_sub(self.snd_una)
    }

    /// How much of the peer's window is used when the oldest segment is sent again, as its header has it.
    pub(crate) fn window_in_use(&self) -> u16 {
        let used = self.in_flight().max(u32::from(self.peer_mss));
        u16::try_from(used >> self.peer_shift).unwrap_or(u16::MAX)
    }

    /// Smoothed round-trip time and its variation.
    pub(crate) fn round_trip(&self) -> Option<(Duration, Duration)> {
        let micros = |us: u32| Duration::from_micros(u64::from(us));
        (self.srtt_us != 0).then(|| (micros(self.srtt_us), micros(self.rttvar_us)))
    }

    /// RFC 6298 §2.
    #[expect(clippy::arithmetic_side_effects, reason = "samples and their means are less than 2^29")]
    fn measure(&mut self, sample: Duration) {
        self.tail_probes = 0;
        // Zero means "not measured": no network is faster than a microsecond.
        let sample = u32::try_from(sample.as_micros()).unwrap_or(u32::MAX >> 3).clamp(1, u32::MAX >> 3);
        if self.srtt_us == 0 {
            (self.srtt_us, self.rttvar_us) = (sample, sample / 2);
            return;
        }
        self.rttvar_us = (3 * self.rttvar_us + self.srtt_us.abs_diff(sample)) / 4;
        self.srtt_us = ((7 * self.srtt_us + sample) / 8).max(1);
    }
}

/// Whether sequence number `a` comes before `b`.
pub(super) fn is_before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

/// RFC 9293 §3.7.1 (MUST-15): what a peer takes that does not say; smoltcp has one for both families.
const MSS_DEFAULT: u16 = 536;
/// Probes before it is the time-out's turn.
const TAIL_PROBES_MAX: u8 = 3;
/// Less is no time for a host to answer in.
const PTO_MIN_US: u32 = 10_000;

#[cfg(test)]
mod tests;
