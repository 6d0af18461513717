//! What breaks, and what is the least that breaks it?
//!
//! [`in_order`] runs many seeds, [`results`] keeps what came out, [`minimize`] finds the least of a list that still has a
//! property.

mod minimize;
pub mod results;
mod sweep;

pub use minimize::{Minimal, minimize};
pub use sweep::{Shard, Swept, in_order};
