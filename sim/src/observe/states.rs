//! Which states of RFC 9293 did each side of a connection go through?
//!
//! The states are derived from the segments that a side sent and the ones that arrived there intact: what was lost or
//! corrupted on the way moves nothing. What no segment tells is not here: the end of TIME-WAIT, or an application that
//! gives up.

use std::fmt;

use serde::{Serialize, Serializer};
use smolsock::TcpState as State;

use crate::time::Time;

/// The states of one side, in order. Prints as `CLOSED → SYN-SENT → ESTABLISHED`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct StatePath {
    /// The first step is the state before the first segment. Empty if the trace does not tell: the side never answered, or
    /// the connection is older than the trace.
    pub steps: Vec<Step>,
}

/// A state and how it was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The state.
    #[serde(serialize_with = "rfc_name")]
    pub state: State,
    /// Since when.
    #[serde(rename = "since_ns", serialize_with = "nanos")]
    pub since: Time,
    /// The journey that was sent or that arrived; `None` for the first state.
    #[serde(skip)]
    pub journey: Option<usize>,
}

/// A moment of one side, with the segment that makes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) at: Time,
    pub(super) journey: usize,
    /// A copy made by the network, after another copy of the same segment arrived.
    pub(super) is_repeat: bool,
}

/// What of a segment moves the side that sends it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sent {
    pub(super) syn: bool,
    pub(super) ack: bool,
    pub(super) fin: bool,
    pub(super) rst: bool,
}

/// What of a segment moves the side that it arrives at.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Received {
    pub(super) syn: bool,
    pub(super) acks_syn: bool,
    pub(super) acks_fin: bool,
    /// A reset that counts: its numbers fit.
    pub(super) rst: bool,
}

/// Follows one side.
#[derive(Debug, Clone, Default)]
pub(super) struct Tracker {
    pub(super) path: StatePath,
    /// A SYN that arrived before this side said anything: whether it listened shows in its answer.
    asked: Option<Moment>,
}

impl Tracker {
    /// This side sends a segment.
    pub(super) fn on_sent(&mut self, segment: Sent, moment: Moment) {
        let Some(state) = self.path.last() else {
            return self.on_first_sent(segment, moment);
        };
        let next = match (state, segment) {
            // RFC 9293 §3.10.7.3: in SYN-SENT a reset without ACK answers a bad acknowledgement, and changes nothing.
            (State::SynSent, Sent { rst: true, ack: false, .. }) => state,
            (_, Sent { rst: true, .. }) => State::Closed,
            (State::Closed, Sent { syn: true, ack: false, .. }) => State::SynSent,
            (State::SynReceived | State::Established, Sent { fin: true, .. }) => State::FinWait1,
            (State::CloseWait, Sent { fin: true, .. }) => State::LastAck,
            _ => state,
        };
        self.enter(next, moment);
    }

    fn on_first_sent(&mut self, segment: Sent, moment: Moment) {
        match (segment, self.asked) {
            (Sent { rst: true, .. }, _) => self.path.start(State::Closed),
            (Sent { syn: true, ack: true, .. }, Some(asked)) => {
                self.path.start(State::Listen);
                self.enter(State::SynReceived, asked);
            }
            (Sent { syn: true, ack: false, .. }, _) => {
                self.path.start(State::Closed);
                self.enter(State::SynSent, moment);
            }
            _ => {}
        }
    }

    /// A segment arrives, intact.
    pub(super) fn on_received(&mut self, segment: Received, moment: Moment) {
        let Some(state) = self.path.last() else {
            if segment.syn {
                self.asked.get_or_insert(moment);
            }
            return;
        };
        match (segment.rst, state) {
            // RFC 1337: a reset does not end TIME-WAIT, or an old one could.
            (true, State::TimeWait) => return,
            (true, _) => return self.enter(State::Closed, moment),
            (false, _) => {}
        }
        let next = match state {
            State::SynSent if segment.syn && segment.acks_syn => State::Established,
            State::SynSent if segment.syn => State::SynReceived,
            State::SynReceived if segment.acks_syn => State::Established,
            State::FinWait1 if segment.acks_fin => State::FinWait2,
            State::Closing if segment.acks_fin => State::TimeWait,
            State::LastAck if segment.acks_fin => State::Closed,
            other => other,
        };
        self.enter(next, moment);
    }

    /// The other side's FIN has arrived, with nothing missing before it, and this side is about to say so.
    pub(super) fn on_end_of_stream(&mut self, moment: Moment) {
        let Some(state) = self.path.last() else { return };
        let next = match state {
            State::SynReceived | State::Established => State::CloseWait,
            State::FinWait1 => State::Closing,
            State::FinWait2 => State::TimeWait,
            other => other,
        };
        self.enter(next, moment);
    }

    fn enter(&mut self, state: State, moment: Moment) {
        if self.path.last() != Some(state) {
            let since = self.path.steps.last().map_or(moment.at, |last| last.since.max(moment.at));
            self.path.steps.push(Step { state, since, journey: Some(moment.journey) });
        }
    }
}

impl StatePath {
    /// The state at the end of the trace.
    #[must_use]
    pub fn last(&self) -> Option<State> {
        self.steps.last().map(|step| step.state)
    }

    /// The state before the first segment.
    #[must_use]
    pub fn first(&self) -> Option<State> {
        self.steps.first().map(|step| step.state)
    }

    fn start(&mut self, state: State) {
        self.steps.push(Step { state, since: Time::ZERO, journey: None });
    }
}

impl fmt::Display for StatePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() {
            return f.write_str("(no answer)");
        }
        let mut separator = "";
        for step in &self.steps {
            write!(f, "{separator}{}", step.state.rfc_name())?;
            separator = " → ";
        }
        Ok(())
    }
}

fn rfc_name<S: Serializer>(state: &State, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(state.rfc_name())
}

fn nanos<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.as_nanos())
}
