//! How far has each connection come, seen from one of its hosts?
//!
//! Everything is judged at the host's own vantage: what it has sent, and what has come to it intact. So nothing here has to
//! know what the network did in between.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use smolsock::TcpState;
use smolsock::inspect::{Happened, Inspection};

use super::datagrams::fingerprint;
use super::segment::Segment;
use crate::trace::NodeId;

/// One connection as one host sees it.
#[derive(Debug, Default, Clone)]
pub(super) struct Conversation {
    /// The stack knows it: between SYN and CLOSED.
    is_live: bool,
    /// One past the highest number sent.
    sent_end: Option<u32>,
    /// One past the highest number that has come.
    pub(super) arrived_end: Option<u32>,
    /// The last acknowledgement sent.
    pub(super) last_ack: Option<u32>,
    /// The highest acknowledgement that has come, and the furthest right edge of a window.
    acked: Option<u32>,
    pub(super) edge: Option<u32>,
    is_window_closed: bool,
    has_sent_syn_ack: bool,
    own_shift: Option<u8>,
    peer_shift: Option<u8>,
    /// The SYN that came last while it was live: it may begin the next connection.
    next_syn: Option<Segment>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Wire {
    conversations: BTreeMap<u64, Conversation>,
}

impl Wire {
    /// A segment comes to a host, intact.
    pub(super) fn on_arrived(&mut self, node: NodeId, segment: &Segment) {
        let key = key(node, segment.to, segment.from);
        if segment.syn() && segment.ack.is_none() {
            let conversation = self.conversations.entry(key).or_default();
            match conversation.is_live && conversation.arrived_end.is_some() {
                true => conversation.next_syn = Some(*segment),
                false if conversation.is_live => conversation.on_arrived(segment),
                false => {
                    *conversation = Conversation::default();
                    conversation.on_arrived(segment);
                }
            }
        } else if let Some(conversation) = self.conversations.get_mut(&key) {
            conversation.on_arrived(segment);
        }
    }

    /// A host is about to send a segment: its conversation as it is before, if the stack knows it.
    pub(super) fn of(&mut self, node: NodeId, segment: &Segment) -> Option<&mut Conversation> {
        let conversation = self.conversations.get_mut(&key(node, segment.from, segment.to))?;
        (conversation.is_live && !segment.rst()).then_some(conversation)
    }

    pub(super) fn on_socket(&mut self, node: NodeId, inspection: &Inspection<'_>) {
        let Happened::State { before, after } = inspection.what else { return };
        let (Some(local), Some(remote)) = (inspection.local, inspection.remote) else { return };
        let key = key(node, local, remote);
        match (before, after) {
            (_, TcpState::Closed | TcpState::Listen) => {
                let old = self.conversations.remove(&key);
                if let Some(syn) = old.and_then(|old| old.next_syn) {
                    let mut next = Conversation::default();
                    next.on_arrived(&syn);
                    self.conversations.insert(key, next);
                }
            }
            (TcpState::Closed, TcpState::SynSent) => {
                let fresh = Conversation { is_live: true, ..Conversation::default() };
                self.conversations.insert(key, fresh);
            }
            (TcpState::Listen, TcpState::SynReceived) => self.conversations.entry(key).or_default().is_live = true,
            _ => {}
        }
    }
}

impl Conversation {
    fn on_arrived(&mut self, segment: &Segment) {
        if segment.rst() {
            return;
        }
        if segment.syn() {
            self.peer_shift = segment.shift;
        }
        raise(&mut self.arrived_end, segment.end());
        let Some(ack) = segment.ack else { return };
        // RFC 7323 §2.2: the window of a SYN is never scaled, and others only if both sides offered to.
        let shift = match (self.own_shift, self.peer_shift) {
            (Some(_), Some(shift)) if !segment.syn() => shift.min(14),
            _ => 0,
        };
        let window = u32::from(segment.window_raw) << shift;
        raise(&mut self.acked, ack);
        raise(&mut self.edge, ack.wrapping_add(window));
        self.is_window_closed = window == 0;
    }

    /// The host sends `segment`, which was judged.
    pub(super) fn on_sent(&mut self, segment: &Segment) {
        if segment.syn() {
            self.own_shift = segment.shift;
            self.has_sent_syn_ack |= segment.ack.is_some();
        }
        if let Some(ack) = segment.ack {
            raise(&mut self.last_ack, ack);
        }
        // A byte that asks about a closed window is sent again as data.
        let is_question = self.is_window_closed && segment.payload_len <= 1 && !segment.syn() && !segment.fin();
        if segment.seq_len() > 0 && !is_question && !self.is_keep_alive(segment) {
            raise(&mut self.sent_end, segment.end());
        }
    }

    /// It has the number before the next one, with at most a byte of garbage, and nothing is outstanding (RFC 9293 §3.8.4).
    pub(super) fn is_keep_alive(&self, segment: &Segment) -> bool {
        let is_plain = !segment.syn() && !segment.fin() && segment.payload_len <= 1;
        is_plain && self.sent_end == Some(segment.seq.wrapping_add(1)) && self.acked == self.sent_end
    }

    /// It repeats the oldest byte that is not acknowledged, and what follows. Before it there may be bytes whose acknowledgement
    /// came in a segment that could not be taken.
    pub(super) fn is_from_the_oldest(&self, segment: &Segment) -> bool {
        let is_oldest = self.acked.is_some_and(|acked| acked.wrapping_sub(segment.seq).cast_signed() >= 0);
        is_oldest && self.is_repetition(segment)
    }

    /// It begins with something that was sent before. The first SYN-ACK of a simultaneous open does, after the SYN, and is none.
    pub(super) fn is_repetition(&self, segment: &Segment) -> bool {
        let is_question = self.is_window_closed && segment.payload_len <= 1 && !segment.syn() && !segment.fin();
        let is_old = self.sent_end.is_some_and(|end| segment.seq.wrapping_sub(end).cast_signed() < 0);
        let is_answer = segment.syn() && segment.ack.is_some() && !self.has_sent_syn_ack;
        segment.seq_len() > 0 && is_old && !is_answer && !is_question && !self.is_keep_alive(segment)
    }
}

/// Sequence numbers are compared modulo 2^32 (RFC 9293 §3.4).
fn raise(highest: &mut Option<u32>, number: u32) {
    if highest.is_none_or(|known| number.wrapping_sub(known).cast_signed() > 0) {
        *highest = Some(number);
    }
}

/// A number for a connection at a host; two have the same but once in 2^64.
fn key(node: NodeId, local: SocketAddr, remote: SocketAddr) -> u64 {
    let mut bytes = [0; 44];
    bytes[..8].copy_from_slice(&(node.0 as u64).to_le_bytes());
    for (addr, place) in [local, remote].into_iter().zip(bytes[8..].as_chunks_mut::<18>().0) {
        match addr.ip() {
            std::net::IpAddr::V4(ip) => place[..4].copy_from_slice(&ip.octets()),
            std::net::IpAddr::V6(ip) => place[..16].copy_from_slice(&ip.octets()),
        }
        place[16..].copy_from_slice(&addr.port().to_le_bytes());
    }
    fingerprint(&bytes)
}
