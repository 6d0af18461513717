//! Which lines does the story have, before folding?

use std::collections::BTreeMap;

use super::fold::Plain;
use super::{Cells, Content, Frame, Row, Shaft, remarks};
use crate::observe::dissect::{Flags, Tcp};
use crate::observe::flows::{Connection, Role, Segment, Side};
use crate::observe::journeys::{Destination, Journey};
use crate::observe::{Note, Observation};
use crate::report::text::Tone;
use smolsock::TcpState as State;

/// When nothing is sent for so long, it is worth a line.
const PAUSE_NS: u64 = 200_000_000;

/// Of more connections than this, the beginnings get no lines of their own.
const INTRODUCED_MAX: usize = 8;

/// The states that a side enters by a journey.
type Entered = BTreeMap<(usize, usize, bool), State>;

/// All lines, by time. At one time, notes come before frames: they tell why.
/// `absolute`: with the sequence numbers that stand in the segments.
pub(super) fn rows(observation: &Observation<'_>, notes: &[Note], absolute: bool) -> Vec<Row> {
    let entered = entered(observation);
    let mut begun = vec![false; observation.connections.len()];
    let mut notes: Vec<&Note> = notes.iter().collect();
    notes.sort_by_key(|note| note.at);
    let mut notes = notes.into_iter().peekable();
    let mut rows = Rows { rows: Vec::new() };
    for (index, journey) in observation.journeys.iter().enumerate() {
        while let Some(note) = notes.next_if(|note| note.at <= journey.sent_at) {
            rows.note(note);
        }
        rows.pause_until(journey.sent_at);
        if let Some(segment) = &observation.segments[index]
            && observation.connections.len() <= INTRODUCED_MAX
            && !std::mem::replace(&mut begun[segment.connection], true)
        {
            rows.push(journey.sent_at, begins(observation, segment.connection));
        }
        rows.push(journey.sent_at, Content::Frame(frame(observation, &entered, index, absolute)));
    }
    for note in notes {
        rows.note(note);
    }
    rows.rows
}

struct Rows {
    rows: Vec<Row>,
}

impl Rows {
    fn push(&mut self, at: crate::time::Time, content: Content) {
        self.rows.push(Row { at, content });
    }

    fn note(&mut self, note: &Note) {
        self.pause_until(note.at);
        self.push(note.at, Content::Note { node: note.node, text: note.text.clone() });
    }

    fn pause_until(&mut self, at: crate::time::Time) {
        let Some(last) = self.rows.last() else { return };
        let ns = at.ns_since(last.at);
        if ns >= PAUSE_NS {
            self.push(at, Content::Pause { ns });
        }
    }
}

/// Which states were entered by which journey, for the client (`true`) and the server of each connection.
fn entered(observation: &Observation<'_>) -> Entered {
    let mut entered = Entered::new();
    for (number, connection) in observation.connections.iter().enumerate() {
        for side in [Side::Client, Side::Server] {
            for step in &connection.half(side).states().steps {
                if let Some(journey) = step.journey {
                    entered.insert((journey, number, side == Side::Client), step.state);
                }
            }
        }
    }
    entered
}

fn begins(observation: &Observation<'_>, number: usize) -> Content {
    let connection = &observation.connections[number];
    let state = |side: Side| {
        let first = connection.half(side).states().first();
        first.map_or_else(String::new, |state| state.rfc_name().to_owned())
    };
    let (client, server) = (state(Side::Client), state(Side::Server));
    let is_leftwards = connection.client.node > connection.server.node;
    let (left, right) = if is_leftwards { (server, client) } else { (client, server) };
    let ends = ends(connection);
    let text = match observation.connections.len() {
        1 => ends,
        _ => format!("#{}: {ends}", number + 1),
    };
    Content::Begins { text, left, right }
}

/// `192.0.2.1:49152 → 192.0.2.2:7`
fn ends(connection: &Connection) -> String {
    format!("{} → {}", connection.client.addr, connection.server.addr)
}

fn frame(observation: &Observation<'_>, entered: &Entered, index: usize, absolute: bool) -> Frame {
    let journey = &observation.journeys[index];
    let packet = observation.packet(index);
    let told = remarks::fate(observation, journey);
    let to = match journey.to {
        Destination::Node(node) => Some(node),
        Destination::Everyone | Destination::Nobody => None,
    };
    let phrase = packet.phrase();
    let mut frame = Frame {
        from: journey.from,
        to,
        number: None,
        label: phrase.name,
        cells: Cells::Text(phrase.detail),
        remarks: Vec::new(),
        shaft: told.shaft,
        tone: told.tone,
        states: [String::new(), String::new()],
        fold: None,
    };
    if let (Some(tcp), Some(segment)) = (packet.tcp(), &observation.segments[index]) {
        let (seq, ack) = if absolute {
            (tcp.seq.into(), tcp.flags.contains(Flags::ACK).then_some(tcp.ack.into()))
        } else {
            (segment.seq, segment.ack)
        };
        frame.cells = Cells::Tcp { seq, payload_bytes: segment.payload_bytes, ack, window_bytes: segment.window_bytes };
        frame.number = (observation.connections.len() > 1).then_some(segment.connection + 1);
        frame.remarks.extend(remarks::syn_options(tcp).filter(|_| segment.role == Role::New));
        frame.remarks.extend(remarks::segment(segment));
        frame.states = [segment.sender, segment.sender.other()].map(|side| {
            let state = entered.get(&(index, segment.connection, side == Side::Client));
            state.map_or_else(String::new, |state| state.rfc_name().to_owned())
        });
        if frame.tone == Tone::Plain && !matches!(segment.role, Role::New | Role::Bare) {
            frame.tone = Tone::Repeat;
        }
        frame.fold = plain(tcp, segment, journey).filter(|_| frame.shaft == Shaft::Solid);
    }
    frame.remarks.extend(told.remarks);
    frame
}

/// What a segment counts as in a run that may be folded; `None` if it has a story of its own.
fn plain(tcp: &Tcp, segment: &Segment, journey: &Journey) -> Option<Plain> {
    let has = |flag| tcp.flags.contains(flag);
    let is_usual = has(Flags::ACK) && !has(Flags::SYN) && !has(Flags::FIN) && !has(Flags::RST);
    let is_first_repeat = (1..=3).contains(&segment.duplicate_ack);
    let moves_window = segment.window_bytes == 0
        || matches!(
            segment.window_change,
            crate::observe::flows::WindowChange::Closes | crate::observe::flows::WindowChange::Opens
        );
    if !is_usual || is_first_repeat || moves_window || !journey.losses.is_empty() {
        return None;
    }
    let data_from = match segment.role {
        Role::New => segment.sender,
        Role::Bare => segment.sender.other(),
        Role::Retransmission | Role::ZeroWindowProbe | Role::KeepAlive => return None,
    };
    Some(Plain {
        connection: segment.connection,
        data_from,
        payload_bytes: segment.payload_bytes,
        duplicate_ack: segment.duplicate_ack > 0,
    })
}
