//! Which scenario is searched, and for what?

use std::num::NonZeroUsize;
use std::path::Path;

use super::run::load;
use super::{Failure, loss};
use smolsock_sim::report::shell_word;
use smolsock_sim::scenario::{Scenario, quantity};

/// The scenario, changed as asked.
#[derive(clap::Args)]
pub(super) struct SubjectArgs {
    /// The scenario: a name that `smolsock list` has, or a file
    #[arg(value_name = "NAME|FILE")]
    name: String,
    /// Lose this share of frames on every cable, instead of the scenario's own: 2%, 0.5%, or millionths (20000)
    #[arg(long, value_name = "PPM|PERCENT", value_parser = loss::parse_ppm, allow_hyphen_values = true)]
    loss: Option<u32>,
    /// The applications have to end within this time, as in 500ms or 2s: a run that takes longer fails
    #[arg(long, value_name = "TIME", value_parser = quantity::parse_ns, allow_hyphen_values = true)]
    bound: Option<u64>,
}

impl SubjectArgs {
    /// Reads it.
    pub(super) fn read(&self) -> Result<Scenario, Failure> {
        let mut scenario = load(&self.name)?;
        if let Some(ppm) = self.loss {
            scenario.set_loss(ppm);
        }
        if self.bound.is_some() {
            scenario.expect.ends_within_ns = self.bound;
        }
        Ok(scenario)
    }

    /// What was asked, as a command line has it: without the bound, which only searches know.
    pub(super) fn words(&self) -> String {
        let loss = self.loss.map_or_else(String::new, |ppm| format!(" --loss {ppm}"));
        format!("{}{loss}", shell_word(Path::new(&self.name)))
    }

    /// The bound, as a command line has it.
    pub(super) fn bound_words(&self) -> String {
        self.bound.map_or_else(String::new, |ns| format!(" --bound {}", quantity::print_ns(ns)))
    }
}

/// Reads how many runs.
pub(super) fn parse_count(text: &str) -> Result<u64, String> {
    text.parse()
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(|| format!("a whole number from 1 to {} is wanted", u64::MAX))
}

/// Reads how many runs at once.
pub(super) fn parse_jobs(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| format!("a whole number from 1 to {} is wanted", usize::MAX))
}

/// Reads a seed.
pub(super) fn parse_seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("a seed is a whole number from 0 to {}", u64::MAX))
}
