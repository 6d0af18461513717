//! How are many runs spread over processors and machines?

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

/// One of several parts of a sweep: `2/8` is the second of eight. Run number n belongs to part n modulo the number of parts,
/// so that all parts are disjoint, add up to the whole, and differ by one run at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    index: u64,
    of: u64,
}

impl Shard {
    /// The only part of one.
    pub const WHOLE: Shard = Shard { index: 0, of: 1 };

    /// The numbers below `runs` that belong to this part, in order.
    pub fn numbers(self, runs: u64) -> impl Iterator<Item = u64> + Clone {
        // `skip` and `step_by` count in usize.
        let count = runs.saturating_sub(self.index).div_ceil(self.of);
        (0..count).map(move |n| self.index + n * self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let parts = text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((index @ 1.., of)) if index <= of => Ok(Shard { index: index - 1, of }),
            Some((_, 0)) => Err(String::from("no parts at all are none of the runs; 1/1 is all of them")),
            Some((index, of)) => Err(format!("there is no part {index} of {of}: parts count from 1/{of} to {of}/{of}")),
            None => Err(String::from("expected a part and the number of parts, as in 1/4")),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.of)
    }
}

/// How a sweep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swept {
    /// All was done.
    Whole,
    /// It was stopped: what was handed over is the beginning of the whole.
    Part,
}

/// Does `work` for all `numbers` in `jobs` threads, and hands the results to `each` in the order of the numbers.
///
/// The results do not depend on `jobs`, if `work` depends on the number alone. When `stop` is set or `each` breaks off,
/// no new work is begun, what has been handed over has no gap, and results beyond one are thrown away. A thread runs
/// ahead of the slowest by a bounded number of results.
///
/// # Panics
/// If `work` does.
pub fn in_order<R: Send>(
    numbers: impl Iterator<Item = u64>,
    jobs: NonZeroUsize,
    stop: &AtomicBool,
    work: impl Fn(u64) -> R + Sync,
    mut each: impl FnMut(u64, R) -> ControlFlow<()>,
) -> Swept {
    let window = jobs.get().saturating_mul(AHEAD_PER_JOB) as u64;
    let (give, orders) = mpsc::channel::<(u64, u64)>();
    let orders = Mutex::new(orders);
    let (done, results) = mpsc::channel::<(u64, Option<(u64, R)>)>();
    let is_over = AtomicBool::new(false);
    let worker = |done: mpsc::Sender<Place<R>>| {
        loop {
            let order = orders.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((place, number)) = order else { return };
            let mut report = Report { done: &done, place, result: None };
            if !stop.load(Ordering::Relaxed) && !is_over.load(Ordering::Relaxed) {
                report.result = Some((number, work(number)));
            }
        }
    };
    let mut numbers = numbers.zip(0..);
    thread::scope(|scope| {
        for _ in 0..jobs.get() {
            let done = done.clone();
            scope.spawn(|| worker(done));
        }
        // So that `results` ends with the last thread, even if one panics.
        drop(done);
        // Dropped with this closure's frame: the threads see that no order will come.
        let give = give;
        let mut waiting = BTreeMap::new();
        let (mut given, mut handed) = (0, 0);
        loop {
            while given < handed + window
                && let Some((number, place)) = numbers.next()
            {
                given = place + 1;
                // Threads only leave when this end is gone, or in a panic, which the scope passes on.
                _ = give.send((place, number));
            }
            if handed == given {
                return Swept::Whole;
            }
            let Ok((place, result)) = results.recv() else { return Swept::Part };
            waiting.insert(place, result);
            while let Some(result) = waiting.remove(&handed) {
                handed += 1;
                let Some((number, result)) = result else { return Swept::Part };
                if each(number, result).is_break() {
                    is_over.store(true, Ordering::Relaxed);
                    return Swept::Part;
                }
            }
        }
    })
}

/// A place in the order, and the number and result for it, if it was done.
type Place<R> = (u64, Option<(u64, R)>);

/// Says what became of an order, even where the work panics: nobody waits for a result that never comes.
struct Report<'a, R> {
    done: &'a mpsc::Sender<Place<R>>,
    place: u64,
    result: Option<(u64, R)>,
}

impl<R> Drop for Report<'_, R> {
    fn drop(&mut self) {
        // Nobody is there to read it when the sweep was broken off.
        _ = self.done.send((self.place, self.result.take()));
    }
}

/// Results that may wait for an earlier one, for each thread.
const AHEAD_PER_JOB: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::atomic::AtomicU64;

    fn jobs(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).expect("at least one")
    }

    #[test]
    fn shards_are_disjoint_and_add_up() {
        for (runs, of) in [(0, 3), (1, 3), (10, 1), (10, 3), (12, 3), (2, 5)] {
            let mut seen = BTreeSet::new();
            for index in 1..=of {
                let shard: Shard = format!("{index}/{of}").parse().expect("a shard");
                assert_eq!(shard.to_string(), format!("{index}/{of}"));
                let numbers: Vec<u64> = shard.numbers(runs).collect();
                assert!(numbers.is_sorted() && (runs / of..=runs.div_ceil(of)).contains(&(numbers.len() as u64)));
                assert!(numbers.into_iter().all(|number| seen.insert(number)), "in one shard only");
            }
            assert!(seen.into_iter().eq(0..runs));
        }
        assert_eq!(Shard::WHOLE.numbers(u64::MAX).next(), Some(0));
    }

    #[test]
    fn what_is_no_shard_is_refused() {
        for text in ["", "1", "/", "0/4", "5/4", "1/0", "0/0", "-1/4", "1/4/4", "a/b", "1.5/4"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    #[test]
    fn results_come_in_order_whatever_the_number_of_jobs() {
        for count in [1, 2, 3, 8] {
            let mut seen = Vec::new();
            // The first of each ten takes longest.
            let work = |number: u64| {
                thread::sleep(std::time::Duration::from_micros(500 * u64::from(number.is_multiple_of(10))));
                number * number
            };
            let each = |number, square| {
                seen.push((number, square));
                ControlFlow::Continue(())
            };
            let swept = in_order((0..500).map(|n| 2 * n), jobs(count), &AtomicBool::new(false), work, each);
            assert_eq!(swept, Swept::Whole);
            assert!(seen.into_iter().eq((0..500).map(|n| (2 * n, 4 * n * n))), "{count} jobs");
        }
    }

    #[test]
    fn a_stopped_sweep_has_no_gap_and_begins_nothing_more() {
        let stop = AtomicBool::new(false);
        let begun = AtomicU64::new(0);
        let work = |number| {
            if begun.fetch_add(1, Ordering::Relaxed) == 100 {
                stop.store(true, Ordering::Relaxed);
            }
            number
        };
        let mut seen = Vec::new();
        let swept = in_order(0..1_000_000, jobs(4), &stop, work, |number, _| {
            seen.push(number);
            ControlFlow::Continue(())
        });
        assert_eq!(swept, Swept::Part);
        assert!(seen.iter().copied().eq(0..seen.len() as u64) && seen.len() < 110, "{}", seen.len());
        assert!(begun.load(Ordering::Relaxed) < 110);
    }

    #[test]
    fn breaking_off_hands_over_nothing_more() {
        let mut seen = 0;
        let stop = AtomicBool::new(false);
        let swept = in_order(
            0..u64::MAX,
            jobs(3),
            &stop,
            |number| number,
            |number, _| {
                seen += 1;
                if number == 41 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        );
        assert_eq!((swept, seen), (Swept::Part, 42));
        assert!(!stop.into_inner(), "the caller's flag is the caller's");
    }

    #[test]
    fn nothing_to_do_is_done() {
        let each = |_, ()| ControlFlow::Continue(());
        assert_eq!(in_order(0..0, jobs(2), &AtomicBool::new(false), |_| (), each), Swept::Whole);
    }

    #[test]
    #[should_panic(expected = "scoped thread panicked")]
    fn a_panic_in_the_work_is_not_hidden() {
        let work = |number: u64| assert!(number != 50, "planted");
        in_order(0..100, jobs(2), &AtomicBool::new(false), work, |_, ()| ControlFlow::Continue(()));
    }
}
