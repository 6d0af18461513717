//! How is a check run?

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::Check;
use super::apps::{App, Apps};
use super::failure::{CheckError, Failure, Passed, Replayed};
use crate::panics;
use crate::scenario::{Outcome, Run, Scenario, ScenarioError};
use crate::search::{FreezeError, ReduceError, Reduced, freeze, keep, reduce_with};
use crate::time::Time;
use crate::trace::Trace;
use crate::verify::Links;
use crate::world::{Recording, Totals};

impl Check {
    /// Runs with all seeds; if `SMOLSOCK_REPLAY` names a file of this check, plays that file, once.
    ///
    /// # Panics
    /// A run failed: with the report, when its files are written (see [the module](super)). There is nothing to run, or no such
    /// network.
    #[track_caller]
    pub fn run(&self) -> Passed {
        let replay = env::var_os("SMOLSOCK_REPLAY").map(PathBuf::from).filter(|path| self.is_mine(path));
        let told = match &replay {
            Some(path) => self.replay_and_tell(path, &self.directory()).map(|replayed| {
                say(&replayed.to_string());
                let mut passed = Passed::default();
                passed.add(&replayed.run);
                passed
            }),
            None => self.find_and_tell(&self.directory()),
        };
        // In a closure the place of the panic would be this one, not the test's.
        match told {
            Ok(passed) => passed,
            Err(report) => panic!("{report}"),
        }
    }

    /// Runs with all seeds, up to the first that fails, and finds the least that makes it fail. Writes no files, and asks the
    /// environment for nothing.
    ///
    /// # Errors
    /// A run failed; or nothing can be run.
    pub fn find(&self) -> Result<Passed, CheckError> {
        self.check()?;
        let mut passed = Passed::default();
        for seed in self.seeds.clone() {
            let scenario = self.seeded(seed);
            let run = panics::quietly(|| self.played(&scenario, Recording::Off)).map_err(CheckError::setup)?;
            if run.broken().next().is_some() {
                let failure = panics::quietly(|| self.reduced(&scenario, &run, passed.runs));
                return Err(CheckError::Failed(Box::new(failure.map_err(CheckError::setup)?)));
            }
            passed.add(&run);
        }
        Ok(passed)
    }

    /// One run with this seed, all its frames kept. Whether it is good, its failures say.
    ///
    /// # Errors
    /// Nothing can be run: a host that there is not, a link that cannot be.
    pub fn play(&self, seed: u64) -> Result<Run, ScenarioError> {
        self.played(&self.seeded(seed), Recording::Full)
    }

    /// Plays the network and the faults of a file that [`run`](Check::run) wrote, with the applications of this check.
    ///
    /// # Errors
    /// The file cannot be read; what is wrong with it; nothing can be run.
    pub fn replay(&self, path: &Path) -> Result<Replayed, CheckError> {
        let name = path.display().to_string();
        let document =
            fs::read_to_string(path).map_err(|error| CheckError::Setup(format!("cannot read {name}: {error}")))?;
        let scenario = Scenario::parse(&name, &document).map_err(CheckError::setup)?;
        let run = self.played(&scenario, Recording::Full).map_err(CheckError::setup)?;
        Ok(Replayed { known: keep::failures(&document), scenario, run })
    }

    /// [`find`](Check::find) with files in `dir`; the error is the whole report.
    pub(super) fn find_and_tell(&self, dir: &Path) -> Result<Passed, String> {
        self.find().map_err(|error| match error {
            CheckError::Setup(_) => error.to_string(),
            CheckError::Failed(failure) => format!("{failure}{}", failure.written(dir)),
        })
    }

    /// [`replay`](Check::replay) with files in `dir/replay`, where the file that is played is not overwritten.
    pub(super) fn replay_and_tell(&self, path: &Path, dir: &Path) -> Result<Replayed, String> {
        let replayed = self.replay(path).map_err(|error| error.to_string())?;
        if !replayed.run.outcome.failures.is_empty() {
            return Err(format!("{replayed}{}", replayed.written(&dir.join("replay"), path)));
        }
        Ok(replayed)
    }

    /// Whether the file is one of this check: a filter of `cargo test` may have chosen several tests.
    fn is_mine(&self, path: &Path) -> bool {
        let document = fs::read_to_string(path).unwrap_or_default();
        match Scenario::parse("", &document) {
            Ok(scenario) if scenario.name != self.scenario.name => {
                say(&format!("{}: SMOLSOCK_REPLAY is of {}, and not played here\n", self.scenario.name, scenario.name));
                false
            }
            // What is wrong with the file is told where it is played.
            _ => true,
        }
    }

    /// What would make a check that cannot fail.
    fn check(&self) -> Result<(), CheckError> {
        let wrong = |what: &str| Err(CheckError::Setup(format!("{}: {what}", self.scenario.name)));
        let waits = self.all_apps().iter().any(|app| !app.is_background);
        if self.seeds.is_empty() {
            return wrong("there is no seed to run with");
        }
        if !waits && !self.scenario.apps.iter().any(|app| !app.is_background && !app.is_service) {
            return wrong("nothing is to end: give it a client, or another app");
        }
        Ok(())
    }

    fn seeded(&self, seed: u64) -> Scenario {
        Scenario { seed, ..self.scenario.clone() }
    }

    fn all_apps(&self) -> Vec<App> {
        let mut apps = Apps { apps: self.apps.clone() };
        self.equip.iter().for_each(|equip| equip(&mut apps));
        apps.apps
    }

    /// One run. A panic that is not an application's is a failure too, of a run of which nothing is left.
    fn played(&self, scenario: &Scenario, recording: Recording) -> Result<Run, ScenarioError> {
        let play = || {
            scenario.run_with(recording, |world| {
                world.catch_panics();
                world.set_oracles(self.oracles);
                self.all_apps().iter().try_for_each(|app| app.start(world))
            })
        };
        panics::caught(play).unwrap_or_else(|panic| Ok(panicked(scenario, panic)))
    }

    /// The least of a run that fails.
    fn reduced(&self, scenario: &Scenario, first: &Run, good: u64) -> Result<Failure, ScenarioError> {
        let play = |scenario: &Scenario, recording| self.played(scenario, recording);
        let reduced = reduce_with(scenario, &play, self.budget, &AtomicBool::new(false), &mut |_, _| {});
        let why = match reduced {
            Ok(Reduced { scenario, run, before, changes_before, runs, is_minimal, .. }) => {
                let search = Ok(super::failure::Search { before, changes_before, runs, is_minimal });
                return Ok(Failure { good, scenario, run, search });
            }
            Err(ReduceError::Freeze(FreezeError::Scenario(error))) => return Err(error),
            Err(error @ (ReduceError::Passes | ReduceError::Freeze(FreezeError::Differs))) => error.to_string(),
        };
        let (mut run, again) = (self.played(scenario, Recording::Full)?, self.played(scenario, Recording::Full)?);
        let is_same =
            freeze::is_same(&run.trace, &again.trace) && run.outcome == again.outcome && run.outcome == first.outcome;
        let why = if is_same { why } else { NOT_DETERMINISTIC.to_owned() };
        run.outcome = first.outcome.clone();
        Ok(Failure { good, scenario: scenario.clone(), run, search: Err(why) })
    }

    /// Where this check's files are.
    fn directory(&self) -> PathBuf {
        let common = || env::var_os("SMOLSOCK_OUT").map_or_else(|| target().join("smolsock"), PathBuf::from);
        self.out.clone().unwrap_or_else(common).join(&self.scenario.name)
    }
}

/// What is left of a run that panicked as a whole.
fn panicked(scenario: &Scenario, panic: String) -> Run {
    Run {
        trace: Trace { medium: scenario.medium, nodes: Vec::new(), frames: Vec::new() },
        links: Links::default(),
        notes: Vec::new(),
        outcome: Outcome { passed: false, failures: vec![panic] },
        vantages: Vec::new(),
        totals: Totals::default(),
        apps_ended_at: Time::ZERO,
        virtual_end: Time::ZERO,
        netstat: Vec::new(),
    }
}

/// Cargo's directory: tests are in `<it>/debug/deps`.
fn target() -> PathBuf {
    let of_test = || {
        let test = env::current_exe().ok()?;
        let deps = test.ancestors().find(|path| path.ends_with("deps"))?;
        deps.parent()?.parent().map(Path::to_owned)
    };
    env::var_os("CARGO_TARGET_DIR").map(PathBuf::from).or_else(of_test).unwrap_or_else(|| "target".into())
}

/// For the person who asked for a replay; the harness does not show what a test prints that passes.
fn say(text: &str) {
    // Nobody there to read it is no reason to fail.
    let _ = io::stderr().write_all(text.as_bytes());
}

const NOT_DETERMINISTIC: &str = "two runs with this seed differ: the applications may depend on the machine's clock, the order of a \
     hash map, or what an earlier run left behind";
