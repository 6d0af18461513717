//! What can a hostile host do to an honest one, in numbers?
//!
//! Each [`Attack`] is a world with honest hosts and somebody who sends what no honest host would: so many frames, a bound that the
//! honest are promised, and what was measured. Time is virtual and chance is seeded, so that a run gives the same figures
//! everywhere. `smolsock attack` runs them and prints the table of the README; the manual's page `attacks` explains each.
//!
//! ```
//! use smolsock_sim::attack::{self, Scale};
//! use smolsock_sim::Recording;
//!
//! let attack = attack::named("blind-rst").expect("there is one");
//! let report = attack.run(Scale::of(0.001), Recording::Off)?;
//! assert!(report.missed.is_empty(), "{:?}", report.missed);
//! # Ok::<(), smolsock_sim::WorldError>(())
//! ```

mod amplify;
mod arena;
mod blind;
mod collide;
mod flood;
mod forge;
mod fragments;
mod holders;
mod icmp;
mod neighbours;
mod storm;
pub mod table;
#[cfg(test)]
mod tests;
mod volley;

pub use arena::SEED;

use crate::Recording;
use crate::world::{Ending, WorldError};

/// Somebody hostile, and what is promised to the honest.
#[derive(Debug, Clone, Copy)]
pub struct Attack {
    /// What it is called on the command line: `syn-flood`.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// Shots of the full load.
    count: u64,
    load: fn(u64) -> String,
    bound: &'static str,
    play: fn(&Setup) -> Result<Outcome, WorldError>,
}

/// What part of the full load is run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale(f64);

/// What an attack did.
#[derive(Debug)]
#[must_use = "`missed` says whether the bound held"]
pub struct Report {
    /// The attack.
    pub name: &'static str,
    /// What was sent.
    pub load: String,
    /// What was promised.
    pub bound: &'static str,
    /// What was measured.
    pub result: String,
    /// How the bound was missed, a sentence each; empty: it held.
    pub missed: Vec<String>,
    /// How the run ended; its trace is as long as the recording asked for.
    pub ending: Ending,
}

/// How an attack is to be run.
#[derive(Debug, Clone, Copy)]
struct Setup {
    count: u64,
    recording: Recording,
}

/// What came of it.
struct Outcome {
    result: String,
    missed: Vec<String>,
    ending: Ending,
}

impl Attack {
    /// What the attacker sends at this scale.
    pub fn load(&self, scale: Scale) -> String {
        (self.load)(scale.part_of(self.count))
    }

    /// What the honest are promised.
    pub fn bound(&self) -> &'static str {
        self.bound
    }

    /// Runs it. `recording`: which frames are kept for a capture.
    ///
    /// # Errors
    /// None that a world of this module has.
    pub fn run(&self, scale: Scale, recording: Recording) -> Result<Report, WorldError> {
        let count = scale.part_of(self.count);
        let Outcome { result, missed, ending } = (self.play)(&Setup { count, recording })?;
        Ok(Report { name: self.name, load: (self.load)(count), bound: self.bound, result, missed, ending })
    }
}

impl Scale {
    /// The load of the README's table.
    pub const FULL: Scale = Scale(1.0);

    /// So much of it: 0.01 is a hundredth. At least one shot is always left; what is no positive number is the full load.
    pub fn of(part: f64) -> Scale {
        if part.is_finite() && part > 0.0 { Scale(part) } else { Scale::FULL }
    }

    fn part_of(self, count: u64) -> u64 {
        ((count as f64 * self.0).round() as u64).max(1)
    }
}

/// All attacks, in the order of the table.
pub fn all() -> Vec<Attack> {
    [
        flood::attacks(),
        blind::attacks(),
        storm::attacks(),
        holders::attacks(),
        fragments::attacks(),
        icmp::attacks(),
        amplify::attacks(),
        neighbours::attacks(),
        collide::attacks(),
    ]
    .concat()
}

/// The attack of this name.
pub fn named(name: &str) -> Option<Attack> {
    all().into_iter().find(|attack| attack.name == name)
}
