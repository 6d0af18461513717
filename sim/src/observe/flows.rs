//! Which TCP connections were there, and what was each segment to its connection?
//!
//! Numbers are relative as in Wireshark: the SYN of each side is 0, its first byte of data 1. Windows are scaled when both
//! sides offered to. A 4-tuple that is used again with another initial sequence number is a new connection.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Serialize;

use super::dissect::{Dissected, Flags, Tcp};
use super::half::Half;
use super::journeys::{Destination, Journey};
use super::states::Moment;
use crate::time::Time;
use crate::trace::Trace;

/// A TCP connection, or an attempt at one.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The side that sent the first segment: in general the SYN.
    pub client: Half,
    /// The other side.
    pub server: Half,
    /// Whether the trace has the connection's beginning.
    pub is_whole: bool,
    /// When its first segment was sent.
    pub begins: Time,
    /// When its last segment was sent.
    pub ends: Time,
}

/// One of the two ends of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// [`Connection::client`].
    Client,
    /// [`Connection::server`].
    Server,
}

/// What a segment is to its connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// Which connection: an index into [`super::Observation::connections`].
    pub connection: usize,
    /// The side that sent it.
    pub sender: Side,
    /// Sequence number, relative to the SYN of this side.
    pub seq: u64,
    /// Acknowledgement, relative to the SYN of the other side; `None` if the segment has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ack: Option<u64>,
    /// Payload.
    pub payload_bytes: usize,
    /// The window that it offers, scaled.
    pub window_bytes: u32,
    /// What it says has arrived beyond `ack`, as `[first, one past the last)`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sack: Vec<(u64, u64)>,
    /// New or not.
    pub role: Role,
    /// How many acknowledgements before it said the very same while data was under way: 0 for the first.
    #[serde(skip_serializing_if = "is_zero")]
    pub duplicate_ack: u32,
    /// What happens to the window that it offers.
    #[serde(skip_serializing_if = "is_steady")]
    pub window_change: WindowChange,
    /// It uses up the window that its sender knows of.
    #[serde(skip_serializing_if = "is_false")]
    pub fills_window: bool,
    /// All of it was at the other side already when it arrived.
    #[serde(skip_serializing_if = "is_false")]
    pub is_spurious: bool,
}

/// What a segment adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sequence numbers that were not sent before.
    New,
    /// No sequence numbers: an acknowledgement, or a reset.
    Bare,
    /// Sequence numbers, the first of which at least was sent before.
    Retransmission,
    /// Asks whether a closed window has opened.
    ZeroWindowProbe,
    /// Asks whether the other side is still there.
    KeepAlive,
}

/// What happens to an offered window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowChange {
    /// Nothing to speak of.
    Steady,
    /// It is 0 now.
    Closes,
    /// It was 0 and is not any more.
    Opens,
    /// It grows, and the segment says nothing else.
    Update,
}

/// What [`flows`] found.
pub(super) struct Flows {
    pub(super) connections: Vec<Connection>,
    pub(super) segments: Vec<Option<Segment>>,
}

/// A segment is sent, or one arrives intact.
struct Event {
    journey: usize,
    /// Which of the journey's ends; `None` for the sending.
    end: Option<usize>,
}

/// Follows all TCP connections of a trace. `packets`: its records described; `journeys`: its records put together.
pub(super) fn flows(trace: &Trace, packets: &[Dissected], journeys: &[Journey]) -> Flows {
    let mut flows = Flows { connections: Vec::new(), segments: vec![None; journeys.len()] };
    let mut latest: BTreeMap<[SocketAddr; 2], usize> = BTreeMap::new();
    for (at, event) in events(packets, journeys) {
        let journey = &journeys[event.journey];
        let is_repeat = event.end.is_some_and(|end| journey.ends[..end].iter().any(|earlier| earlier.is_intact));
        let moment = Moment { at, journey: event.journey, is_repeat };
        let sent = &packets[journey.hops[0]];
        match event.end {
            None => flows.on_sent(trace, sent, journey, moment, &mut latest),
            Some(end) => flows.on_received(sent, &journey.ends[end], moment),
        }
    }
    flows
}

/// All events of TCP in the order in which they happened.
fn events(packets: &[Dissected], journeys: &[Journey]) -> Vec<(Time, Event)> {
    let mut events = Vec::new();
    for (index, journey) in journeys.iter().enumerate() {
        let packet = &packets[journey.hops[0]];
        if packet.tcp().is_none() || packet.bad_checksum.is_some() {
            continue;
        }
        // At one moment, the records' order tells what led to what: an arrival comes before the answer to it.
        events.push(((journey.sent_at, journey.hops[0], 0), Event { journey: index, end: None }));
        for (end, arrival) in journey.ends.iter().enumerate().filter(|(_, end)| end.is_intact) {
            let key = (arrival.at, arrival.hop, 1 + arrival.copy);
            events.push((key, Event { journey: index, end: Some(end) }));
        }
    }
    events.sort_by_key(|(key, _)| *key);
    events.into_iter().map(|((at, _, _), event)| (at, event)).collect()
}

impl Flows {
    fn on_sent(
        &mut self,
        trace: &Trace,
        packet: &Dissected,
        journey: &Journey,
        moment: Moment,
        latest: &mut BTreeMap<[SocketAddr; 2], usize>,
    ) {
        let (Some(tcp), Some((from, to))) = (packet.tcp(), packet.endpoints()) else {
            return;
        };
        let mut key = [from, to];
        key.sort_unstable();
        let known = latest.get(&key).copied();
        let index = known.filter(|&index| !self.connections[index].is_replaced_by(from, tcp)).unwrap_or_else(|| {
            self.connections.push(Connection::begin(from, to, journey, tcp, moment.at));
            self.connections.len() - 1
        });
        latest.insert(key, index);
        let connection = &mut self.connections[index];
        let sender = connection.side_of(from);
        let bytes = &trace.frames[journey.hops[0]].bytes;
        let payload = bytes.get(tcp.payload.clone()).unwrap_or_default();
        let mut segment = connection.on_sent(sender, tcp, payload, moment);
        segment.connection = index;
        self.segments[moment.journey] = Some(segment);
    }

    fn on_received(&mut self, sent: &Dissected, end: &super::journeys::End, moment: Moment) {
        let Some(segment) = &mut self.segments[moment.journey] else {
            return;
        };
        let arrived = end.altered.as_deref().unwrap_or(sent);
        let Some(tcp) = arrived.tcp().filter(|_| arrived.endpoints() == sent.endpoints()) else {
            return;
        };
        self.connections[segment.connection].on_received(segment, tcp, moment);
    }
}

impl Connection {
    fn begin(from: SocketAddr, to: SocketAddr, journey: &Journey, tcp: &Tcp, at: Time) -> Self {
        let server = match journey.to {
            Destination::Node(node) => Some(node),
            Destination::Everyone | Destination::Nobody => None,
        };
        Self {
            client: Half::new(from, Some(journey.from)),
            server: Half::new(to, server),
            is_whole: tcp.flags.contains(Flags::SYN),
            begins: at,
            ends: at,
        }
    }

    /// The side that a segment from `from` belongs to.
    fn side_of(&self, from: SocketAddr) -> Side {
        if from == self.client.addr { Side::Client } else { Side::Server }
    }

    /// Whether this segment from `from` begins another connection between the same ports.
    fn is_replaced_by(&self, from: SocketAddr, tcp: &Tcp) -> bool {
        let isn = self.half(self.side_of(from)).isn;
        let asks = tcp.flags.contains(Flags::SYN) && !tcp.flags.contains(Flags::ACK);
        asks && isn.is_some_and(|isn| isn != tcp.seq)
    }

    /// One side.
    #[must_use]
    pub const fn half(&self, side: Side) -> &Half {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    /// That side, and the other.
    const fn halves(&mut self, side: Side) -> (&mut Half, &mut Half) {
        match side {
            Side::Client => (&mut self.client, &mut self.server),
            Side::Server => (&mut self.server, &mut self.client),
        }
    }

    fn on_sent(&mut self, sender: Side, tcp: &Tcp, payload: &[u8], moment: Moment) -> Segment {
        self.ends = moment.at;
        let (own, peer) = self.halves(sender);
        own.on_sent(sender, peer, tcp, payload, moment)
    }

    fn on_received(&mut self, segment: &mut Segment, tcp: &Tcp, moment: Moment) {
        let (receiver, sender) = self.halves(segment.sender.other());
        receiver.on_received(sender, segment, tcp, moment);
    }
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_steady(change: &WindowChange) -> bool {
    *change == WindowChange::Steady
}
