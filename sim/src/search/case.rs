//! What comes out when a scenario is played, and when it is played without its chances?

use std::fmt;

use super::freeze::{self, FirstEnds};
use super::{Measured, Placed};
use crate::link::{Impairments, Jitter, Loss};
use crate::panics;
use crate::scenario::model::Fault;
use crate::scenario::{Run, Scenario, ScenarioError};
use crate::world::{Change, Recording};

/// How a scenario is played; the same scenario always in the same way.
pub type Play<'a> = dyn Fn(&Scenario, Recording) -> Result<Run, ScenarioError> + 'a;

/// Plays `scenario` with this seed and without keeping frames. A panic of the code under test is a failure like others.
pub fn measure(scenario: &Scenario, seed: u64) -> Measured {
    let scenario = Scenario { seed, ..scenario.clone() };
    match panics::caught(|| scenario.run(Recording::Off)) {
        Ok(Ok(run)) => Measured {
            took_ns: run.apps_ended_at.as_nanos(),
            virtual_end_ns: run.virtual_end.as_nanos(),
            frames: run.totals.frames,
            dropped: run.totals.dropped,
            retransmissions: run.totals.retransmissions,
            failures: run.outcome.failures,
        },
        Ok(Err(error)) => Measured { failures: vec![error.to_string()], ..Measured::default() },
        Err(panic) => Measured { failures: vec![panic], ..Measured::default() },
    }
}

/// The same scenario with what chance did to its frames as faults, and nothing left to chance on its cables; and its run,
/// which is the same, frame for frame. The seed still decides what hosts choose: sequence numbers, ports.
///
/// # Errors
/// The scenario cannot be played; the run of the faults is another one.
pub fn frozen(scenario: &Scenario) -> Result<(Scenario, Run), FreezeError> {
    frozen_with(scenario, &Scenario::run)
}

/// [`frozen`] for a scenario that is played in another way: with applications that are code.
pub(super) fn frozen_with(scenario: &Scenario, play: &Play<'_>) -> Result<(Scenario, Run), FreezeError> {
    let run = play(scenario, Recording::Full).map_err(FreezeError::Scenario)?;
    let rolled = freeze::rolled(&run.trace, &first_ends(scenario));
    let all = rolled.into_iter().chain(faults(scenario)).collect();
    let frozen = with_faults(&calm(scenario), all);
    let again = play(&frozen, Recording::Full).map_err(FreezeError::Scenario)?;
    match freeze::is_same(&run.trace, &again.trace) {
        true => Ok((frozen, again)),
        false => Err(FreezeError::Differs),
    }
}

/// The same scenario with nothing left to chance on its cables, then or later. Its faults stay.
pub fn calm(scenario: &Scenario) -> Scenario {
    let mut scenario = scenario.clone();
    for cable in &mut scenario.cables {
        cable.forward = without_chance(cable.forward);
        cable.back = without_chance(cable.back);
    }
    for change in &mut scenario.changes {
        match &mut change.change {
            Change::Impair { to, .. } => *to = without_chance(*to),
            Change::Cut { .. } | Change::Heal { .. } | Change::Crash { .. } | Change::Restart { .. } => {}
        }
    }
    scenario
}

/// MTU, rate, queue and delay stay.
fn without_chance(link: Impairments) -> Impairments {
    Impairments {
        loss: Loss::None,
        jitter: Jitter { ns: 0, ..link.jitter },
        reorder_ppm: 0,
        reorder_delay_ns: 0,
        duplicate_ppm: 0,
        corrupt_ppm: 0,
        mend_checksum: false,
        ..link
    }
}

/// The promises that a run broke; not that a fault found no frame.
pub(super) fn broken(run: &Run) -> Vec<String> {
    run.broken().cloned().collect()
}

/// The faults of a scenario.
pub(super) fn faults(scenario: &Scenario) -> Vec<Placed> {
    let placed = |fault: &Fault| Placed { cable: fault.cable.clone(), direction: fault.direction, fault: fault.fault };
    scenario.faults.iter().map(placed).collect()
}

/// The scenario with these faults, and no others.
pub(super) fn with_faults(scenario: &Scenario, faults: Vec<Placed>) -> Scenario {
    let fault = |Placed { cable, direction, fault }| Fault { cable, direction, fault };
    Scenario { faults: faults.into_iter().map(fault).collect(), ..scenario.clone() }
}

/// Where each cable begins.
pub(super) fn first_ends(scenario: &Scenario) -> FirstEnds {
    scenario.cables.iter().map(|cable| (cable.name.clone(), cable.a.clone())).collect()
}

/// Why a run cannot be frozen.
#[derive(Debug)]
pub enum FreezeError {
    /// The scenario cannot be played.
    Scenario(ScenarioError),
    /// The frozen run is not the random one.
    Differs,
}

impl fmt::Display for FreezeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FreezeError::Scenario(error) => error.fmt(f),
            // A flip is of the copy made last; with copies by a fault and by chance there is no order for all of them.
            FreezeError::Differs => f.write_str(
                "faults cannot say what happened: a frame that a fault duplicates was changed by chance as well",
            ),
        }
    }
}

impl std::error::Error for FreezeError {}
