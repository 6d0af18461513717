//! What is the least that makes this scenario fail like this?

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use super::case::{FreezeError, Play, broken, calm, faults, first_ends, frozen_with, with_faults};
use super::events::{Event, events, sooner_over, with_events};
use super::{Aim, Fewest, Minimal, Outcome, Placed, drop_of, fewest, freeze, minimize, simpler};
use crate::link::Act;
use crate::scenario::{Run, Scenario};
use crate::world::Recording;

/// How many runs a search may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// To leave out and simplify faults and changes over time.
    pub runs: u64,
    /// To try all sets of fewer drops.
    pub fewest_runs: u64,
}

/// The least that was found.
#[derive(Debug)]
pub struct Reduced {
    /// With these faults and changes over time, and without chances on its cables.
    pub scenario: Scenario,
    /// Its run.
    pub run: Run,
    /// In which way it fails.
    pub aim: Aim,
    /// How many faults the run had at first.
    pub before: usize,
    /// How many changes over time it had at first: entries of `changes` and `power`.
    pub changes_before: usize,
    /// How many runs it took.
    pub runs: u64,
    /// No fault and no change can be left out, and none has a simpler form; if not, the budget was used up.
    pub is_minimal: bool,
    /// No set of up to so many drops does it, with the changes that are left: all were tried.
    pub excluded: usize,
    /// The user stopped it.
    pub is_stopped: bool,
}

/// Freezes the run of `scenario`, which fails, and minimizes its faults and its changes over time (a cut and its healing go together,
/// as do a crash and the start after it). `watch` is told before each run how many of both it has, and how many runs there were.
///
/// # Errors
/// The run does not fail, or cannot be frozen.
pub fn reduce(
    scenario: &Scenario,
    budget: Budget,
    stop: &AtomicBool,
    watch: &mut dyn FnMut(usize, u64),
) -> Result<Reduced, ReduceError> {
    reduce_with(scenario, &Scenario::run, budget, stop, watch)
}

/// [`reduce`] for a scenario that is played in another way: with applications that are code.
///
/// # Errors
/// See [`reduce`].
pub fn reduce_with(
    scenario: &Scenario,
    play: &Play<'_>,
    budget: Budget,
    stop: &AtomicBool,
    watch: &mut dyn FnMut(usize, u64),
) -> Result<Reduced, ReduceError> {
    let (frozen, run) = frozen_with(scenario, play).map_err(ReduceError::Freeze)?;
    let Some(aim) = Aim::of(&broken(&run)) else { return Err(ReduceError::Passes) };
    let given = faults(&frozen);
    let base = calm(scenario);
    let mut search = Search { events: events(&base), base, play, aim, stop, watch, runs: 0 };
    let known = freeze::named(&run.trace, &first_ends(scenario), &given);
    // Numbers are exact; names mean the same frames in other runs, which is worth a little.
    let is_named = search.does(&known) == Some(true);
    let start = if is_named { known.clone() } else { given.clone() };
    let names: BTreeMap<Placed, Placed> = given.iter().cloned().zip(known).filter(|(one, name)| one != name).collect();
    let first = search.minimize(start, &names, budget.runs);
    let few = search.fewest(&first.items, budget.fewest_runs);
    let Fewest { drops, excluded, .. } = few;
    let least = match drops {
        Some(drops) => search.named_drops(drops, budget.runs),
        None => first,
    };
    let scenario = search.scenario(&search.events, &least.items);
    let run = play(&scenario, Recording::Full).map_err(|error| ReduceError::Freeze(FreezeError::Scenario(error)))?;
    Ok(Reduced {
        scenario,
        run,
        aim: search.aim,
        before: given.len(),
        changes_before: search.base.changes.len() + search.base.power.len(),
        runs: search.runs,
        is_minimal: least.is_minimal,
        excluded,
        is_stopped: stop.load(Ordering::Relaxed),
    })
}

/// A scenario without faults, and what its run should come to.
struct Search<'a> {
    base: Scenario,
    /// What happens in it over time, as far as it is needed.
    events: Vec<Event>,
    play: &'a Play<'a>,
    aim: Aim,
    stop: &'a AtomicBool,
    watch: &'a mut dyn FnMut(usize, u64),
    runs: u64,
}

/// What may be left out of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Item {
    Event(Event),
    Fault(Placed),
}

impl Search<'_> {
    fn scenario(&self, events: &[Event], faults: &[Placed]) -> Scenario {
        with_faults(&with_events(&self.base, events), faults.to_vec())
    }

    /// Plays it with these; `None` if the search is to stop.
    fn play(&mut self, events: &[Event], faults: &[Placed], recording: Recording) -> Option<Run> {
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        self.runs += 1;
        (self.watch)(events.len() + faults.len(), self.runs);
        (self.play)(&self.scenario(events, faults), recording).ok()
    }

    /// [`play`](Search::play) with all that is needed to happen over time.
    fn play_faults(&mut self, faults: &[Placed], recording: Recording) -> Option<Run> {
        let events = std::mem::take(&mut self.events);
        let run = self.play(&events, faults, recording);
        self.events = events;
        run
    }

    /// Whether it fails in the same way with these faults.
    fn does(&mut self, faults: &[Placed]) -> Option<bool> {
        self.play_faults(faults, Recording::Off).map(|run| self.aim.is_met(&broken(&run)))
    }

    /// Leaves out and simplifies faults, of which it begins with `start`, and events, of which it keeps what is needed.
    fn minimize(&mut self, start: Vec<Placed>, names: &BTreeMap<Placed, Placed>, runs_max: u64) -> Minimal<Placed> {
        let events = self.events.clone().into_iter().map(Item::Event);
        let items = events.chain(start.into_iter().map(Item::Fault)).collect();
        let forms = |item: &Item| match item {
            Item::Event(event) => sooner_over(event).into_iter().map(Item::Event).collect(),
            Item::Fault(placed) => {
                names.get(placed).cloned().into_iter().chain(simpler(placed)).map(Item::Fault).collect()
            }
        };
        let does = |items: &[Item]| {
            let (events, faults) = apart(items.to_vec());
            self.play(&events, &faults, Recording::Off).map(|run| self.aim.is_met(&broken(&run)))
        };
        let Minimal { items, runs, is_minimal } = minimize(items, forms, does, runs_max);
        let (events, items) = apart(items);
        self.events = events;
        Minimal { items, runs, is_minimal }
    }

    /// Tries fewer drops than `known` has faults; as many, if those are not all drops.
    fn fewest(&mut self, known: &[Placed], runs_max: u64) -> Fewest {
        let are_drops = known.iter().all(|placed| placed.fault.act == Act::Drop);
        let most = if are_drops { known.len().saturating_sub(1) } else { known.len() };
        let ends = first_ends(&self.base);
        fewest(most, runs_max, |drops, wants_frames| {
            let recording = if wants_frames { Recording::Full } else { Recording::Off };
            let run = self.play_faults(drops, recording)?;
            let frames = run.trace.frames.iter().map(|frame| {
                let (cable, direction) = freeze::place(&run.trace, &ends, frame);
                drop_of(&cable, direction, frame.nth)
            });
            Some(Outcome { is_met: self.aim.is_met(&broken(&run)), frames: frames.collect() })
        })
    }

    /// Drops by what they hit instead of by number, in their simplest form.
    fn named_drops(&mut self, drops: Vec<Placed>, runs_max: u64) -> Minimal<Placed> {
        let ends = first_ends(&self.base);
        let Some(run) = self.play_faults(&drops, Recording::Full) else {
            return Minimal { items: drops, runs: 0, is_minimal: false };
        };
        let known = freeze::named(&run.trace, &ends, &drops);
        let names = drops.iter().cloned().zip(known.iter().cloned()).filter(|(one, name)| one != name).collect();
        let start = if self.does(&known) == Some(true) { known } else { drops };
        self.minimize(start, &names, runs_max)
    }
}

fn apart(items: Vec<Item>) -> (Vec<Event>, Vec<Placed>) {
    let (mut events, mut faults) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Item::Event(event) => events.push(event),
            Item::Fault(placed) => faults.push(placed),
        }
    }
    (events, faults)
}

/// Why a run cannot be reduced.
#[derive(Debug)]
pub enum ReduceError {
    /// It does not fail.
    Passes,
    /// It cannot be written down.
    Freeze(FreezeError),
}

impl fmt::Display for ReduceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReduceError::Passes => f.write_str("the run does not fail: there is nothing to minimize"),
            ReduceError::Freeze(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReduceError {}
