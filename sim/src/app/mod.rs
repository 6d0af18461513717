//! What do the simulated hosts do all day?
//!
//! Applications as the tutorials write them, with socket verbs and nothing of the simulator but its clock.

pub mod bulk;
pub mod echo;
pub mod pattern;
