//! What does the conversation look like, line by line?
//!
//! Two hosts are drawn as a ladder: an arrow per frame between two lifelines, with the state that each side enters beside its
//! lifeline, as in RFC 9293 §3.5; segments with data have heavier arrows, a frame that is lost ends midway with an `X`. More hosts are listed as `client → server`.
//! Sequence and acknowledgement numbers are relative to the SYN of their side unless [`Options::absolute`] is set, windows are
//! scaled.
//!
//! A frame's line stands at the time of its sending. Long runs of data that meet no incident are folded into one line, and of
//! a very long story the middle is left out, unless [`Options::full`] is set.

mod fold;
mod layout;
mod remarks;
mod rows;

use std::io::{self, Write};

use super::Style;
use crate::observe::{Note, Observation};
use crate::time::Time;
use crate::trace::{NodeId, NodeKind};

/// What to draw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Every frame has its line: nothing is folded.
    pub full: bool,
    /// Sequence and acknowledgement numbers as they stand in the segments, not relative to the SYN of their side.
    pub absolute: bool,
    /// Colours.
    pub style: Style,
}

/// Draws the ladder. Lines are at most 120 characters wide, but for notes, which are as long as they are.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut impl Write, observation: &Observation<'_>, notes: &[Note], options: Options) -> io::Result<()> {
    let rows = rows::rows(observation, notes, options.absolute);
    let rows = if options.full { rows } else { fold::fold(rows) };
    let layout = layout::Layout::of(observation);
    layout.write_heading(out, observation, options.style)?;
    for row in &rows {
        layout.write_row(out, row, options.style)?;
    }
    Ok(())
}

/// One or more lines of a ladder.
#[derive(Debug, Clone)]
struct Row {
    at: Time,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Frame(Frame),
    /// What an application says.
    Note {
        node: NodeId,
        text: String,
    },
    /// A connection begins: its ends, and the states they begin in.
    Begins {
        text: String,
        left: String,
        right: String,
    },
    /// Nothing happens for a while.
    Pause {
        ns: u64,
    },
    /// Frames of one connection that are like the ones before them.
    Folded {
        from: NodeId,
        text: String,
    },
    /// A part of the story that is not told.
    Left {
        lines: usize,
    },
}

/// A frame's line.
#[derive(Debug, Clone)]
struct Frame {
    from: NodeId,
    /// Whom it is for; `None` stands for everyone.
    to: Option<NodeId>,
    /// The connection, from 1, if there are several.
    number: Option<usize>,
    label: String,
    cells: Cells,
    remarks: Vec<String>,
    shaft: Shaft,
    tone: super::text::Tone,
    /// The states that the sender and the receiver enter.
    states: [String; 2],
    /// What it counts as in a run that may be folded.
    fold: Option<fold::Plain>,
}

/// What stands in the columns.
#[derive(Debug, Clone)]
enum Cells {
    Tcp { seq: u64, payload_bytes: usize, ack: Option<u64>, window_bytes: u32 },
    Text(String),
}

impl Cells {
    /// Whether this is a segment with data: its arrow is drawn heavier.
    const fn has_payload(&self) -> bool {
        match self {
            Self::Tcp { payload_bytes, .. } => *payload_bytes > 0,
            Self::Text(_) => false,
        }
    }
}

/// How the arrow is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shaft {
    Solid,
    /// Ends midway.
    Lost,
    /// More than one copy arrives.
    Double,
    /// Held back.
    Late,
    /// Bits are flipped.
    Corrupted,
}

/// The nodes of a trace that say something: hosts and routers.
fn hosts(observation: &Observation<'_>) -> Vec<NodeId> {
    let nodes = observation.trace.nodes.iter().enumerate();
    let hosts = nodes.filter(|(_, node)| matches!(node.kind, NodeKind::Host { .. } | NodeKind::Router { .. }));
    hosts.map(|(index, _)| NodeId(index)).collect()
}

#[cfg(test)]
mod tests;
