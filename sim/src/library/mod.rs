//! Which scenarios are built in?

mod concurrent;
pub mod figure;
mod figure_natural;
mod half_close;
mod handshake;
mod lossy_transfer;
mod refused;
mod simultaneous_close;
mod stage;
mod syn_lost;
mod tcp_echo;
mod teardown;
mod tour;
mod udp_echo;
mod windowing;

use std::io::Sink;

use crate::capture::Live;
use crate::observe::Note;
use crate::time::Time;
use crate::trace::{NodeId, Trace};
use crate::world::{Ending, Watch, World, WorldError};

/// A scenario that comes with the program.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// What `smolsock run` calls it.
    pub name: &'static str,
    /// What it shows, in one sentence.
    pub sentence: &'static str,
    play: fn(&Options) -> Result<Staged, WorldError>,
}

/// What the user chooses about a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Decides everything that is random.
    pub seed: u64,
    /// Frames lost per million, on every cable and in both directions; `None`: as the scenario has it.
    pub loss_ppm: Option<u32>,
}

/// What a run left behind.
#[derive(Debug)]
pub struct Run {
    /// What was on the cables.
    pub trace: Trace,
    /// What the applications said.
    pub notes: Vec<Note>,
    /// Whether everything came out as the scenario promises.
    pub outcome: Outcome,
    /// The nodes whose captures are worth writing.
    pub vantages: Vec<NodeId>,
    /// When nothing was left to happen.
    pub virtual_end: Time,
    /// Each host's `netstat` when its applications had ended.
    pub netstat: Vec<(String, String)>,
}

/// Whether a run kept the scenario's promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// No failure.
    pub passed: bool,
    /// A sentence for each broken promise.
    pub failures: Vec<String>,
}

/// A scenario that can begin.
struct Staged {
    world: World,
    /// The nodes whose captures are worth writing.
    vantages: Vec<NodeId>,
    /// What else was promised and is not so: a sentence each.
    check: fn(&Ending, &[NodeId]) -> Vec<String>,
}

impl Staged {
    /// With no promise but those of the world.
    fn new(world: World, vantages: Vec<NodeId>) -> Staged {
        Staged { world, vantages, check: |_, _| Vec::new() }
    }
}

impl Entry {
    /// Plays the scenario.
    ///
    /// # Panics
    /// A built-in scenario that cannot be built is a bug of this program.
    pub fn run(&self, options: &Options) -> Run {
        self.run_watched(options, &mut None::<Live<Sink>>)
    }

    /// Plays the scenario, while somebody looks on.
    ///
    /// # Panics
    /// A built-in scenario that cannot be built is a bug of this program.
    pub fn run_watched(&self, options: &Options, watch: &mut dyn Watch) -> Run {
        let Staged { world, vantages, check } = self.stage(options);
        let ending = world.run_watched(LIMIT, watch);
        let broken = check(&ending, &vantages);
        let Ending { trace, notes, mut failures, ended_at, netstat, .. } = ending;
        failures.extend(broken);
        let outcome = Outcome { passed: failures.is_empty(), failures };
        Run { trace, notes, outcome, vantages, virtual_end: ended_at, netstat }
    }

    /// The names of its hosts, in the order in which they were added.
    ///
    /// # Panics
    /// A built-in scenario that cannot be built is a bug of this program.
    pub fn hosts(&self) -> Vec<String> {
        self.stage(&Options { seed: 1, loss_ppm: None }).world.host_names()
    }

    fn stage(&self, options: &Options) -> Staged {
        match (self.play)(options) {
            Ok(staged) => staged,
            Err(error) => panic!("the built-in scenario {} is broken: {error}", self.name),
        }
    }
}

/// All scenarios, the tour first.
pub fn all() -> &'static [Entry] {
    ALL
}

/// The scenario of this name.
pub fn find(name: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.name == name)
}

const ALL: &[Entry] = &[
    tour::ENTRY,
    udp_echo::ENTRY,
    tcp_echo::ENTRY,
    handshake::ENTRY,
    syn_lost::ENTRY,
    refused::ENTRY,
    windowing::ENTRY,
    figure::ENTRY,
    figure_natural::ENTRY,
    teardown::ENTRY,
    half_close::ENTRY,
    simultaneous_close::ENTRY,
    concurrent::ENTRY,
    lossy_transfer::ENTRY,
];

/// No scenario needs an hour, whatever is lost.
const LIMIT: Time = Time::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_sentences_are_sentences() {
        for entry in all() {
            assert_eq!(find(entry.name).map(|found| found.sentence), Some(entry.sentence));
            assert!(entry.sentence.ends_with('.') && entry.sentence.len() > 20, "{}", entry.name);
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
