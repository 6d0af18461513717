//! How are contenders timed so that a noisy machine is fair to all of them?

use std::time::Instant;

/// How many rounds to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// A look: a few seconds, ratios within some percent.
    Quick,
    /// What the README quotes.
    Full,
}

impl Effort {
    /// `quick` or `full`, whichever was asked for.
    pub fn pick(self, quick: usize, full: usize) -> usize {
        match self {
            Effort::Quick => quick,
            Effort::Full => full,
        }
    }
}

/// One contender's cost in each round, in ns per unit of work.
#[derive(Clone, Debug)]
pub struct Series {
    ns: Vec<f64>,
}

impl Series {
    /// The least disturbed round.
    pub fn best_ns(&self) -> f64 {
        self.ns.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// How many times dearer `self` is than `other`: the median over rounds of the ratio within a round.
    pub fn times(&self, other: &Series) -> f64 {
        let mut ratios: Vec<f64> = self.ns.iter().zip(&other.ns).map(|(a, b)| a / b).collect();
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    }
}

/// Runs each contender once per round, the first one changing from round to round, and one round more to warm up.
///
/// A contender does its work and returns the number of units it did.
pub fn interleave<const N: usize>(rounds: usize, contenders: [&mut dyn FnMut() -> u64; N]) -> [Series; N] {
    let mut series = [const { Series { ns: Vec::new() } }; N];
    for round in 0..=rounds {
        for turn in 0..N {
            let which = (round + turn) % N;
            let began = Instant::now();
            let units = contenders[which]();
            let elapsed_ns = began.elapsed().as_nanos() as f64;
            assert!(units > 0, "a contender did no work");
            if round > 0 {
                series[which].ns.push(elapsed_ns / units as f64);
            }
        }
    }
    series
}
