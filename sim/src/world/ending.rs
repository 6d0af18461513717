//! How did a run end, and why can a world not be built?

use std::fmt;

use crate::journal::Journal;
use crate::observe::Note;
use crate::router::Counters;
use crate::time::Time;
use crate::trace::Trace;
use crate::verify::Links;

/// How a run ended.
#[derive(Debug)]
#[must_use = "`failures` says whether the run was good"]
#[non_exhaustive]
pub struct Ending {
    /// What was on the cables.
    pub trace: Trace,
    /// What the applications said.
    pub notes: Vec<Note>,
    /// The cables, with all that they were to do: what [`verify`](crate::verify::verify) needs beside the trace.
    pub links: Links,
    /// What happened, frames and sockets together; empty unless the run was recorded.
    pub journal: Journal,
    /// Applications that failed or did not end, promises that were broken, and what oracles found: a sentence each.
    pub failures: Vec<String>,
    /// When the last application that the run waits for ended.
    pub apps_ended_at: Time,
    /// When nothing was left to happen, TIME-WAIT included.
    pub ended_at: Time,
    /// Counts, which are there without a trace too.
    pub totals: Totals,
    /// Each host's `netstat` when the applications had ended and the cables were quiet: TIME-WAIT shows.
    pub netstat: Vec<(String, String)>,
    /// Each host's `arp -a` at that moment.
    pub arp: Vec<(String, String)>,
    /// What each router did with the packets that it got, in the order in which the routers were added.
    pub routers: Vec<(String, Counters)>,
}

/// Counts of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Frames put on cables; one that a switch passes on counts once for each cable.
    pub frames: u64,
    /// Of these, those that never arrived.
    pub dropped: u64,
    /// TCP segments that hosts sent again, as their stacks count them: those that run at the end.
    pub retransmissions: u64,
}

impl Ending {
    /// The failures but for those of faults that never happened. Where faults are generated, that some find no frame is no
    /// harm; where they are written for a test, it is a test of nothing.
    pub fn broken(&self) -> impl Iterator<Item = &String> {
        self.failures.iter().filter(|failure| !is_unfired(failure))
    }
}

/// Whether a failure only says that a fault never happened.
pub fn is_unfired(failure: &str) -> bool {
    failure.ends_with(NEVER_HAPPENED)
}

/// The end of the sentence about a fault that had no effect.
pub(super) const NEVER_HAPPENED: &str = "never happened";

/// Why a world cannot be built like this.
#[derive(Debug)]
#[non_exhaustive]
pub enum WorldError {
    /// An address or a prefix is not well formed, or impossible for a host.
    Address(String),
    /// Two nodes of one name, or two cables.
    Name(String),
    /// A host has one network card and takes one cable.
    Ports(String),
    /// A cable from a node to itself, or a switch between hosts without Ethernet.
    Cable(String),
    /// A host, a router or a middlebox cannot be like this.
    Host(String),
}

impl fmt::Display for WorldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(what) | Self::Name(what) | Self::Ports(what) | Self::Cable(what) | Self::Host(what) => {
                f.write_str(what)
            }
        }
    }
}

impl std::error::Error for WorldError {}
