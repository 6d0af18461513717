//! What breaks, and what is the least that breaks it?
//!
//! [`in_order`] runs many seeds, [`resume`] keeps what came out, [`freeze`] writes down what chance did in a run, and
//! [`minimize`] finds the least of a list that still has a property.

mod aim;
mod case;
mod events;
mod fewest;
pub mod freeze;
pub mod keep;
mod minimize;
mod reduce;
mod results;
mod simpler;
mod sweep;
#[cfg(test)]
mod tests;

pub use aim::Aim;
pub use case::{FreezeError, Play, calm, frozen, measure};
pub use events::told_changes;
pub use fewest::{Fewest, Outcome, drop_of, fewest};
pub use minimize::{Minimal, minimize};
pub use reduce::{Budget, ReduceError, Reduced, reduce, reduce_with};
pub use results::{Measured, Record, ResultsError, Resumed, Sweep, resume};
pub use simpler::simpler;
pub use sweep::{Shard, Swept, in_order};

use crate::link::{Direction, Fault};

/// A fault on one direction of a cable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Placed {
    /// The name of the cable.
    pub cable: String,
    /// Which way.
    pub direction: Direction,
    /// Which frames, and what happens to them.
    pub fault: Fault,
}
