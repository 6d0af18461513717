//! What is the story of this trace?
//!
//! [`observe`] reads a [`Trace`] once and gives what all reports tell: each frame described, the way of each frame through
//! switches put together, each TCP connection with its relative numbers, retransmissions, streams and states. It uses only
//! what was on the cables; nothing here asks a stack.

pub mod dissect;
#[cfg(test)]
pub(crate) mod fixture;
pub mod flows;
pub mod half;
pub mod journeys;
mod sequence;
pub mod states;

use crate::time::Time;
use crate::trace::{NodeId, Trace};

use dissect::{Dissected, dissect};
use flows::{Connection, Segment};
use journeys::Journey;

/// Something that an application says about itself at a moment of the run: `closes its sending side`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// When.
    pub at: Time,
    /// On which node.
    pub node: NodeId,
    /// What, as the rest of a sentence that begins with the node's name.
    pub text: String,
}

/// A trace, understood.
#[derive(Debug)]
pub struct Observation<'t> {
    /// What was observed.
    pub trace: &'t Trace,
    /// One description for each record of [`Trace::frames`], of the bytes as sent.
    pub packets: Vec<Dissected>,
    /// One for each frame that a host sent, in the order of sending.
    pub journeys: Vec<Journey>,
    /// For each journey: its place in its connection, if it is a TCP segment.
    pub segments: Vec<Option<Segment>>,
    /// All TCP connections and attempts, in the order of their first segment.
    pub connections: Vec<Connection>,
}

/// Reads a trace.
#[must_use]
pub fn observe(trace: &Trace) -> Observation<'_> {
    let packets: Vec<Dissected> = trace.frames.iter().map(|frame| dissect(trace.medium, &frame.bytes)).collect();
    let journeys = journeys::journeys(trace, &packets);
    let flows::Flows { connections, segments } = flows::flows(trace, &packets, &journeys);
    Observation { trace, packets, journeys, segments, connections }
}

impl Observation<'_> {
    /// The frame of a journey as its sender sent it, described.
    #[must_use]
    pub fn packet(&self, journey: usize) -> &Dissected {
        &self.packets[self.journeys[journey].hops[0]]
    }

    /// The name of a node.
    #[must_use]
    pub fn name(&self, node: NodeId) -> &str {
        self.trace.node(node).map_or("?", |node| &node.name)
    }
}

#[cfg(test)]
mod tests;
