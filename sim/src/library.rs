//! Which scenarios are built in?

use std::sync::LazyLock;

pub use crate::scenario::{Outcome, Run};
use crate::scenario::{Scenario, ScenarioError};
use crate::world::Recording;

/// A scenario that comes with the program.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What `smolsock run` calls it.
    pub name: &'static str,
    /// Its file, comments included: what `smolsock show` prints.
    pub text: &'static str,
    /// The scenario itself.
    pub scenario: Scenario,
}

/// What the user chooses about a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Decides everything that is random.
    pub seed: u64,
    /// Frames lost per million, on every cable and in both directions; `None`: as the scenario has it.
    pub loss_ppm: Option<u32>,
}

impl Options {
    /// The scenario as the user wants it.
    #[must_use]
    pub fn apply(&self, scenario: &Scenario) -> Scenario {
        let mut scenario = scenario.clone();
        scenario.seed = self.seed;
        if let Some(ppm) = self.loss_ppm {
            scenario.set_loss(ppm);
        }
        scenario
    }
}

impl Entry {
    /// Plays the scenario, and keeps every frame.
    ///
    /// # Panics
    /// A built-in scenario that cannot be built is a bug of this program.
    pub fn run(&self, options: &Options) -> Run {
        must(self.name, options.apply(&self.scenario).run(Recording::Full))
    }
}

/// All scenarios, the tour first.
pub fn all() -> &'static [Entry] {
    &ALL
}

/// The scenario of this name.
pub fn find(name: &str) -> Option<&'static Entry> {
    all().iter().find(|entry| entry.name == name)
}

macro_rules! embedded {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../scenarios/", $name, ".toml")))),+]
    };
}

const FILES: &[(&str, &str)] = embedded![
    "tour",
    "udp-echo",
    "tcp-echo",
    "handshake",
    "syn-lost",
    "refused",
    "windowing",
    "figure",
    "figure-natural",
    "teardown",
    "half-close",
    "simultaneous-close",
    "concurrent",
    "lossy-transfer",
];

static ALL: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let entry = |(name, text): &(&'static str, &'static str)| Entry {
        name,
        text,
        scenario: must(name, Scenario::parse(&format!("{name}.toml"), text)),
    };
    FILES.iter().map(entry).collect()
});

fn must<T>(name: &str, result: Result<T, ScenarioError>) -> T {
    result.unwrap_or_else(|error| panic!("the built-in scenario {name} is broken: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_files_and_sentences_are_sentences() {
        for entry in all() {
            assert_eq!(entry.scenario.name, entry.name);
            let about = &entry.scenario.about;
            assert!(about.ends_with('.') && about.len() > 20, "{}", entry.name);
        }
    }

    #[test]
    fn every_scenario_keeps_its_promises_for_several_seeds() {
        for entry in all() {
            for seed in 1..=3 {
                let run = entry.run(&Options { seed, loss_ppm: None });
                assert!(run.outcome.passed, "{} seed {seed}: {:?}", entry.name, run.outcome.failures);
                assert!(!run.trace.frames.is_empty() && !run.vantages.is_empty());
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_run() {
        for entry in all() {
            let options = Options { seed: 7, loss_ppm: Some(20_000) };
            let (first, second) = (entry.run(&options), entry.run(&options));
            assert!(first.trace == second.trace, "{}", entry.name);
            assert_eq!(first.notes, second.notes);
        }
    }
}
