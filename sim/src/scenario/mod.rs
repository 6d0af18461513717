//! What is a scenario, as data?
//!
//! A [`Scenario`] is a network, what its hosts do, what goes wrong, and what is promised: read from a file
//! ([`Scenario::parse`]), printed as one ([`Scenario::to_toml`]), and played ([`Scenario::run`]). The manual's page
//! `scenario` of the `smolsock` crate lists all keys.

mod build;
mod check;
mod devices;
mod error;
mod expect;
mod fault;
pub mod impair;
mod keys;
pub mod model;
pub mod quantity;
mod read;
mod section;
pub mod step;
mod template;
#[cfg(test)]
mod tests;
mod words;
mod write;

pub use error::ScenarioError;
pub use model::Scenario;
pub use step::{Step, StepError};

use crate::observe::Note;
use crate::time::Time;
use crate::trace::{NodeId, Trace};
use crate::verify::Links;
use crate::world::{Totals, is_unfired};

/// What a run left behind.
#[derive(Debug)]
pub struct Run {
    /// What was on the cables.
    pub trace: Trace,
    /// The cables that it was to run on: what [`verify`](crate::verify::verify) measures the trace by.
    pub links: Links,
    /// What the applications said.
    pub notes: Vec<Note>,
    /// Whether everything came out as the scenario promises.
    pub outcome: Outcome,
    /// The nodes whose captures are worth writing.
    pub vantages: Vec<NodeId>,
    /// Counts, which are there without a trace too.
    pub totals: Totals,
    /// When the last application that the run waits for ended.
    pub apps_ended_at: Time,
    /// When nothing was left to happen.
    pub virtual_end: Time,
    /// Each host's `netstat` when its applications had ended.
    pub netstat: Vec<(String, String)>,
}

impl Run {
    /// The failures but for those of faults that never happened: see [`Ending::broken`](crate::Ending::broken).
    pub fn broken(&self) -> impl Iterator<Item = &String> {
        self.outcome.failures.iter().filter(|failure| !is_unfired(failure))
    }
}

/// Whether a run kept the scenario's promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// No failure.
    pub passed: bool,
    /// A sentence for each broken promise.
    pub failures: Vec<String>,
}
