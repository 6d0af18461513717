//! What did one side of a connection send, and what reached it?

use std::net::SocketAddr;

use super::dissect::{Flags, Tcp};
use super::flows::{Role, Segment, Side, WindowChange};
use super::sequence::{Arrived, News, relative};
use super::states::{Moment, Received, Sent, StatePath, Tracker};
use crate::time::Time;
use crate::trace::NodeId;

/// One side of a connection, and the stream that it sends.
#[derive(Debug, Clone)]
pub struct Half {
    /// Its address and port.
    pub addr: SocketAddr,
    /// Its node, if the trace tells.
    pub node: Option<NodeId>,
    /// Its initial sequence number, which relative numbers count from.
    pub isn: Option<u32>,
    /// The largest segment that it can take, if it said so.
    pub mss_bytes: Option<u16>,
    /// The window scale that it offered.
    pub window_shift: Option<u8>,
    /// What it sent, each byte as it was sent first.
    pub stream: Vec<u8>,
    /// How much of that reached the other side without a gap.
    pub delivered_bytes: u64,
    /// From the sending of its first byte to the arrival of its last one; `None` if nothing arrived.
    pub delivery: Option<(Time, Time)>,
    /// Counts of what it sent.
    pub counts: Counts,
    sender: Sender,
    receiver: Receiver,
    states: Tracker,
}

/// How many segments of a kind a side sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// All segments.
    pub segments: u64,
    /// Segments that begin with something sent before; neither probes nor keep-alives.
    pub retransmissions: u64,
    /// Payload of the retransmissions.
    pub retransmitted_bytes: u64,
    /// Questions whether a closed window has opened.
    pub zero_window_probes: u64,
    /// Questions whether the other side is still there.
    pub keep_alives: u64,
    /// Acknowledgements that repeat the one before while data is under way.
    pub duplicate_acks: u64,
    /// Segments that arrived before one that was sent earlier.
    pub out_of_order_arrivals: u64,
    /// Segments that arrived when all of their data was there already.
    pub spurious_arrivals: u64,
}

/// Of this side as the one that sends.
#[derive(Debug, Clone, Default)]
struct Sender {
    /// One past the last number sent (SND.NXT at its highest); probes do not count until they are acknowledged.
    next: u64,
    /// One past the last byte in `stream`.
    stream_next: u64,
    /// A byte sent as a probe: it joins the stream if it is acknowledged and not sent again.
    probe: Option<(u64, u8)>,
    /// One past the FIN.
    fin_end: Option<u64>,
    /// The highest acknowledgement that came, and the window that came last.
    acked: u64,
    window_bytes: Option<u32>,
    first_data_at: Option<Time>,
}

/// Of this side as the one that receives.
#[derive(Debug, Clone, Default)]
struct Receiver {
    arrived: Arrived,
    /// One past the other side's FIN, once it has arrived.
    fin_end: Option<u64>,
    /// When that FIN arrived with nothing missing before it: last, if several did.
    fin_at: Option<Moment>,
    /// This side has acknowledged it.
    fin_is_acked: bool,
    /// One past what was ever permitted.
    edge: Option<u64>,
    last_ack: Option<u64>,
    last_window_bytes: Option<u32>,
    repeats: u32,
}

impl Half {
    pub(super) fn new(addr: SocketAddr, node: Option<NodeId>) -> Self {
        Self {
            addr,
            node,
            isn: None,
            mss_bytes: None,
            window_shift: None,
            stream: Vec::new(),
            delivered_bytes: 0,
            delivery: None,
            counts: Counts::default(),
            sender: Sender::default(),
            receiver: Receiver::default(),
            states: Tracker::default(),
        }
    }

    /// The states that this side went through.
    #[must_use]
    pub const fn states(&self) -> &StatePath {
        &self.states.path
    }

    /// Payload delivered per second of virtual time, in bits; `None` if none was, or in no time.
    #[must_use]
    pub fn goodput_bps(&self) -> Option<u64> {
        let (from, until) = self.delivery?;
        let bits = u128::from(self.delivered_bytes) * 8;
        let ns = u128::from(until.ns_since(from));
        u64::try_from((bits * 1_000_000_000).checked_div(ns)?).ok()
    }

    /// This side sends a segment. `Segment::connection` is left to the caller.
    pub(super) fn on_sent(
        &mut self,
        sender: Side,
        peer: &mut Self,
        tcp: &Tcp,
        payload: &[u8],
        moment: Moment,
    ) -> Segment {
        let has = |flag| tcp.flags.contains(flag);
        self.begin(peer, tcp);
        let seq = relative(self.isn.unwrap_or(tcp.seq), self.sender.next, tcp.seq);
        let ack = has(Flags::ACK).then(|| relative(peer.isn.unwrap_or(tcp.ack), peer.sender.next, tcp.ack));
        let from_peer = |seq| relative(peer.isn.unwrap_or(seq), peer.sender.next, seq);
        let sack = tcp.sack.iter().map(|&(from, until)| (from_peer(from), from_peer(until))).collect();
        let window_bytes = self.scaled_window(peer, tcp);
        let role = self.sender.role(seq, tcp);
        let fills_window = role == Role::New && tcp.payload_bytes > 0 && self.sender.is_filled_by(seq + tcp.seq_len());
        self.sender.on_sent(seq, tcp, payload, role, &mut self.stream, moment.at);
        let (duplicate_ack, window_change) = match ack {
            Some(ack) if !has(Flags::RST) => {
                let under_way = peer.sender.next > ack;
                self.receiver.on_offer(ack, window_bytes, under_way, role == Role::Bare, has(Flags::SYN))
            }
            Some(_) | None => (0, WindowChange::Steady),
        };
        if !has(Flags::ACK) && has(Flags::SYN) {
            // Before anything has arrived, the window counts from the other side's first number.
            self.receiver.edge = Some(1 + u64::from(window_bytes));
        }
        self.count(role, tcp, duplicate_ack);
        if let Some(moment) = self.receiver.fin_acked_by(ack.filter(|_| !has(Flags::RST))) {
            self.states.on_end_of_stream(moment);
        }
        let sent = Sent { syn: has(Flags::SYN), ack: has(Flags::ACK), fin: has(Flags::FIN), rst: has(Flags::RST) };
        self.states.on_sent(sent, moment);
        Segment {
            connection: 0,
            sender,
            seq,
            ack,
            payload_bytes: tcp.payload_bytes,
            window_bytes,
            sack,
            role,
            duplicate_ack,
            window_change,
            fills_window,
            is_spurious: false,
        }
    }

    /// Learns the numbers that a first segment begins with.
    fn begin(&mut self, peer: &mut Self, tcp: &Tcp) {
        if tcp.flags.contains(Flags::SYN) {
            self.mss_bytes = tcp.mss_bytes;
            self.window_shift = tcp.window_shift;
        }
        if self.isn.is_none() {
            let begins = tcp.flags.contains(Flags::SYN) || tcp.flags.contains(Flags::RST);
            self.isn = Some(if begins { tcp.seq } else { tcp.seq.wrapping_sub(1) });
            self.sender.stream_next = 1;
            if !begins {
                self.sender.next = 1;
                peer.receiver.arrived.start_at(1);
            }
        }
        if peer.isn.is_none() && tcp.flags.contains(Flags::ACK) {
            peer.isn = Some(tcp.ack.wrapping_sub(1));
            peer.sender.next = 1;
            peer.sender.stream_next = 1;
            self.receiver.arrived.start_at(1);
        }
    }

    /// RFC 7323 §2.2: the window of a SYN is never scaled, and others only if both sides offered to.
    fn scaled_window(&self, peer: &Self, tcp: &Tcp) -> u32 {
        let raw = u32::from(tcp.window_raw);
        match (self.window_shift, peer.window_shift) {
            (Some(shift), Some(_)) if !tcp.flags.contains(Flags::SYN) => raw << shift,
            _ => raw,
        }
    }

    fn count(&mut self, role: Role, tcp: &Tcp, duplicate_ack: u32) {
        let counts = &mut self.counts;
        counts.segments += 1;
        counts.duplicate_acks += u64::from(duplicate_ack > 0);
        match role {
            Role::New | Role::Bare => {}
            Role::Retransmission => {
                counts.retransmissions += 1;
                counts.retransmitted_bytes += tcp.payload_bytes as u64;
            }
            Role::ZeroWindowProbe => counts.zero_window_probes += 1,
            Role::KeepAlive => counts.keep_alives += 1,
        }
    }

    /// A segment of `peer` arrives at this side, intact.
    pub(super) fn on_received(&mut self, peer: &mut Self, segment: &mut Segment, tcp: &Tcp, moment: Moment) {
        let has = |flag| tcp.flags.contains(flag);
        if let Some(ack) = segment.ack {
            self.sender.on_ack(ack, segment.window_bytes, &mut self.stream);
        }
        let rst = has(Flags::RST) && self.takes_reset(segment);
        let end = segment.seq + tcp.seq_len();
        let had_all = self.receiver.has_all();
        if !has(Flags::RST) && tcp.seq_len() > 0 {
            self.take(peer, segment, end, has(Flags::FIN), moment);
        }
        if has(Flags::FIN) {
            self.receiver.fin_end = Some(end);
        }
        let has_all = self.receiver.has_all();
        if has_all && (has(Flags::FIN) || !had_all) {
            self.receiver.fin_at = Some(moment);
        }
        let fin_end = self.sender.fin_end;
        let received = Received {
            syn: has(Flags::SYN),
            acks_syn: segment.ack.is_some_and(|ack| ack >= 1),
            acks_fin: segment.ack.is_some_and(|ack| fin_end.is_some_and(|end| ack >= end)),
            rst,
        };
        self.states.on_received(received, moment);
        let numbers = self.receiver.arrived.reach();
        peer.delivered_bytes = numbers.saturating_sub(1 + u64::from(has_all));
    }

    /// Takes the sequence numbers of a segment, as far as this side permitted them.
    fn take(&mut self, peer: &mut Self, segment: &mut Segment, end: u64, fin: bool, moment: Moment) {
        let receiver = &mut self.receiver;
        // A FIN needs no room in the buffer.
        let edge = receiver.edge.map_or(u64::MAX, |edge| edge + u64::from(fin));
        let news = receiver.arrived.add(segment.seq, end.min(edge));
        let is_question = matches!(segment.role, Role::ZeroWindowProbe | Role::KeepAlive);
        match news {
            News::Next if segment.payload_bytes > 0 => {
                let begins = peer.sender.first_data_at;
                peer.delivery = begins.map(|begins| (begins, moment.at));
            }
            News::Next => {}
            News::BeyondGap => peer.counts.out_of_order_arrivals += 1,
            News::Nothing if is_question || end > edge || moment.is_repeat => {}
            News::Nothing => {
                peer.counts.spurious_arrivals += 1;
                segment.is_spurious = true;
            }
        }
    }

    /// Whether a reset counts here: RFC 9293 §3.10.7.3 in SYN-SENT, else the window check of §3.10.7.4.
    fn takes_reset(&self, segment: &Segment) -> bool {
        if self.states.path.last() == Some(smolsock::TcpState::SynSent) {
            return segment.ack == Some(self.sender.next);
        }
        let reach = self.receiver.arrived.reach();
        let edge = self.receiver.edge.unwrap_or(u64::MAX).max(reach);
        (reach..=edge).contains(&segment.seq)
    }
}

impl Sender {
    fn role(&self, seq: u64, tcp: &Tcp) -> Role {
        let has = |flag| tcp.flags.contains(flag);
        let is_plain = !has(Flags::SYN) && !has(Flags::FIN) && !has(Flags::RST);
        let is_question = is_plain && tcp.payload_bytes <= 1 && seq + 1 == self.next;
        if is_plain && self.window_bytes == Some(0) {
            let is_beyond = tcp.payload_bytes > 0 && seq >= self.acked;
            if is_question || is_beyond && tcp.payload_bytes == 1 {
                return Role::ZeroWindowProbe;
            }
        }
        // RFC 9293 §3.8.4: a keep-alive has the number before the next one, with or without a byte of garbage.
        if is_question && self.acked == self.next {
            return Role::KeepAlive;
        }
        match tcp.seq_len() {
            0 => Role::Bare,
            _ if seq < self.next => Role::Retransmission,
            _ => Role::New,
        }
    }

    /// Whether sending up to `end` uses the last of the window.
    fn is_filled_by(&self, end: u64) -> bool {
        self.window_bytes.is_some_and(|window| window > 0 && end == self.acked + u64::from(window))
    }

    fn on_sent(&mut self, seq: u64, tcp: &Tcp, payload: &[u8], role: Role, stream: &mut Vec<u8>, at: Time) {
        let data = seq + u64::from(tcp.flags.contains(Flags::SYN));
        let end = seq + tcp.seq_len();
        match role {
            Role::Bare | Role::KeepAlive => return,
            Role::ZeroWindowProbe => {
                let byte = payload.first().filter(|_| data == self.stream_next);
                self.probe = byte.map(|&byte| (data, byte)).or(self.probe);
                return;
            }
            Role::New | Role::Retransmission => {}
        }
        let known = usize::try_from(self.stream_next.saturating_sub(data)).unwrap_or(usize::MAX);
        if let Some(new) = payload.get(known..).filter(|new| !new.is_empty()) {
            stream.extend_from_slice(new);
            self.stream_next = data + payload.len() as u64;
            self.first_data_at.get_or_insert(at);
        }
        if tcp.flags.contains(Flags::FIN) {
            self.fin_end = Some(end);
        }
        self.next = self.next.max(end);
    }

    fn on_ack(&mut self, ack: u64, window_bytes: u32, stream: &mut Vec<u8>) {
        if ack < self.acked {
            return;
        }
        self.acked = ack;
        self.window_bytes = Some(window_bytes);
        if let Some((_, byte)) = self.probe.take_if(|(seq, _)| *seq == self.stream_next && ack == *seq + 1) {
            stream.push(byte);
            self.stream_next = ack;
            self.next = self.next.max(ack);
        }
    }
}

impl Receiver {
    /// The other side's FIN has arrived, and so has everything before it.
    fn has_all(&self) -> bool {
        self.fin_end.is_some_and(|end| self.arrived.reach() >= end)
    }

    /// When the FIN arrived that this acknowledgement is the first to cover.
    ///
    /// Only the acknowledgement tells that the FIN was taken: one that arrives out of order may be forgotten.
    fn fin_acked_by(&mut self, ack: Option<u64>) -> Option<Moment> {
        let is_covered = self.fin_end.is_some_and(|end| ack.is_some_and(|ack| ack >= end));
        if !is_covered || self.fin_is_acked {
            return None;
        }
        self.fin_is_acked = true;
        self.fin_at
    }

    /// This side acknowledges and offers a window. `is_bare`: and sends nothing else.
    fn on_offer(
        &mut self,
        ack: u64,
        window_bytes: u32,
        under_way: bool,
        is_bare: bool,
        is_syn: bool,
    ) -> (u32, WindowChange) {
        let is_repeat = self.last_ack == Some(ack);
        let before = self.last_window_bytes.unwrap_or(window_bytes);
        self.repeats = match is_bare && is_repeat && before == window_bytes && under_way {
            true => self.repeats + 1,
            false => 0,
        };
        let change = match (before, window_bytes) {
            (0, 0) => WindowChange::Steady,
            (_, 0) => WindowChange::Closes,
            (0, _) => WindowChange::Opens,
            (before, now) if is_bare && is_repeat && now > before => WindowChange::Update,
            _ => WindowChange::Steady,
        };
        let edge = ack + u64::from(window_bytes);
        self.edge = Some(self.edge.filter(|_| !is_syn).map_or(edge, |known| known.max(edge)));
        self.last_ack = Some(ack);
        self.last_window_bytes = Some(window_bytes);
        (self.repeats, change)
    }
}
