//! What must be true of every run?
//!
//! Each oracle is a sentence, and a file that begins with it. All look at every [`World::run`](crate::World::run) unless
//! [`World::set_oracles`](crate::World::set_oracles) says otherwise; what they find stands in
//! [`Ending::failures`](crate::Ending::failures): `oracle prefix: Received bytes are a prefix of the sent bytes: …`.

mod acks;
mod bench;
mod complete;
mod conservation;
mod datagrams;
mod determinism;
mod leaks;
pub mod liveness;
mod prefix;
mod readiness;
mod retransmissions;
pub(crate) mod segment;
mod states;
mod streams;
#[cfg(test)]
mod tests;
mod ways;
mod window;
mod wire;

use std::fmt;

pub(crate) use bench::Bench;
pub(crate) use determinism::compare;
pub use determinism::{difference, twice};

use crate::time::Time;
use crate::trace::NodeId;

/// A sentence that must be true of every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oracle {
    /// Received bytes are a prefix of the sent bytes.
    Prefix,
    /// After a clean close, the received bytes equal the sent bytes.
    Complete,
    /// A datagram arrives at most once and once more for every duplicate, and unaltered.
    Datagrams,
    /// No host sends data beyond the window that its peer has advertised.
    Window,
    /// Acknowledgements never go back, and never pass what was sent.
    Acks,
    /// States move along the edges of RFC 9293.
    States,
    /// Readiness agrees with the next call.
    Readiness,
    /// Frames sent are frames delivered, frames dropped with a reason, and frames in flight.
    Conservation,
    /// When all applications have ended and all timers have run out, no socket and no buffer is left.
    Leaks,
    /// After the last fault, every transfer goes on, and ends, within a bound.
    Liveness,
    /// A run without loss retransmits nothing.
    Retransmissions,
    /// The same scenario run twice gives the same bytes: see [`twice`].
    Determinism,
}

impl Oracle {
    /// All of them.
    pub const ALL: [Oracle; 12] = [
        Oracle::Prefix,
        Oracle::Complete,
        Oracle::Datagrams,
        Oracle::Window,
        Oracle::Acks,
        Oracle::States,
        Oracle::Readiness,
        Oracle::Conservation,
        Oracle::Leaks,
        Oracle::Liveness,
        Oracle::Retransmissions,
        Oracle::Determinism,
    ];

    /// Its name: `prefix`.
    pub const fn name(self) -> &'static str {
        match self {
            Oracle::Prefix => "prefix",
            Oracle::Complete => "complete",
            Oracle::Datagrams => "datagrams",
            Oracle::Window => "window",
            Oracle::Acks => "acks",
            Oracle::States => "states",
            Oracle::Readiness => "readiness",
            Oracle::Conservation => "conservation",
            Oracle::Leaks => "leaks",
            Oracle::Liveness => "liveness",
            Oracle::Retransmissions => "retransmissions",
            Oracle::Determinism => "determinism",
        }
    }

    /// What it says.
    pub const fn sentence(self) -> &'static str {
        match self {
            Oracle::Prefix => "received bytes are a prefix of the sent bytes",
            Oracle::Complete => "after a clean close, the received bytes equal the sent bytes",
            Oracle::Datagrams => "a datagram arrives at most once and once more for every duplicate, and unaltered",
            Oracle::Window => "no host sends data beyond the window that its peer has advertised",
            Oracle::Acks => "acknowledgements never go back, and never pass what was sent",
            Oracle::States => "states move along the edges of RFC 9293",
            Oracle::Readiness => "readiness agrees with the next call",
            Oracle::Conservation => {
                "frames sent are frames delivered, frames dropped with a reason, and frames in flight"
            }
            Oracle::Leaks => "when all applications have ended and all timers have run out, no socket is left",
            Oracle::Liveness => "after the last fault, every transfer goes on, and ends, within a bound",
            Oracle::Retransmissions => "a run without loss retransmits nothing",
            Oracle::Determinism => "the same scenario run twice gives the same bytes",
        }
    }
}

/// `oracle prefix: received bytes are a prefix of the sent bytes`.
impl fmt::Display for Oracle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oracle {}: {}", self.name(), self.sentence())
    }
}

/// Which oracles look at a run.
///
/// ```
/// use smolsock_sim::oracle::{Oracle, Oracles};
/// let oracles = Oracles::ALL.without(Oracle::Leaks);
/// assert!(oracles.contains(Oracle::Prefix) && !oracles.contains(Oracle::Leaks));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oracles(u16);

impl Oracles {
    /// Every one.
    pub const ALL: Oracles = Oracles((1 << Oracle::ALL.len()) - 1);
    /// None at all.
    pub const NONE: Oracles = Oracles(0);

    /// These, and this one.
    #[must_use]
    pub const fn with(self, oracle: Oracle) -> Oracles {
        Oracles(self.0 | 1 << oracle as u16)
    }

    /// These, but not this one.
    #[must_use]
    pub const fn without(self, oracle: Oracle) -> Oracles {
        Oracles(self.0 & !(1 << oracle as u16))
    }

    /// Whether this one is among them.
    pub const fn contains(self, oracle: Oracle) -> bool {
        self.0 & 1 << oracle as u16 != 0
    }
}

impl Default for Oracles {
    fn default() -> Oracles {
        Oracles::ALL
    }
}

/// Something that an oracle has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whose sentence is not true.
    pub oracle: Oracle,
    /// When it was seen.
    pub at: Time,
    /// The node where it was seen, if there is one.
    pub node: NodeId,
    /// What was seen.
    pub what: String,
}

/// What all oracles have found, the first few of each.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    wanted: Option<Oracles>,
    list: Vec<Finding>,
}

impl Findings {
    fn new(wanted: Oracles) -> Findings {
        Findings { wanted: Some(wanted), list: Vec::new() }
    }

    /// An oracle has found something.
    fn found(&mut self, oracle: Oracle, at: Time, node: NodeId, what: String) {
        let is_wanted = self.wanted.is_some_and(|wanted| wanted.contains(oracle));
        let known = self.list.iter().filter(|finding| finding.oracle == oracle).count();
        if is_wanted && known < FINDINGS_MAX {
            self.list.push(Finding { oracle, at, node, what });
        }
    }
}

/// The first things that an oracle finds tell what is wrong; the others follow from them.
const FINDINGS_MAX: usize = 3;
