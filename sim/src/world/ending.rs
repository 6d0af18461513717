//! How did a run end, and why can a world not be built?

use std::fmt;

use crate::observe::Note;
use crate::router::Counters;
use crate::time::Time;
use crate::trace::Trace;

/// How a run ended.
#[derive(Debug)]
#[must_use = "`failures` says whether the run was good"]
#[non_exhaustive]
pub struct Ending {
    /// What was on the cables.
    pub trace: Trace,
    /// What the applications said.
    pub notes: Vec<Note>,
    /// Applications that failed or did not end, and promises that were broken: a sentence each.
    pub failures: Vec<String>,
    /// When the last application that the run waits for ended.
    pub apps_ended_at: Time,
    /// When nothing was left to happen, TIME-WAIT included.
    pub ended_at: Time,
    /// Each host's `netstat` when the applications had ended and the cables were quiet: TIME-WAIT shows.
    pub netstat: Vec<(String, String)>,
    /// Each host's `arp -a` at that moment.
    pub arp: Vec<(String, String)>,
    /// What each router did with the packets that it got, in the order in which the routers were added.
    pub routers: Vec<(String, Counters)>,
}

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
