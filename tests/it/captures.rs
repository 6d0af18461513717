//! Does Wireshark believe the captures?
//!
//! Every scenario's captures are written under the build directory, to `captures/<scenario>/`, and `tshark` judges them:
//! no malformed frame, no bad checksum but of frames that the network corrupted, no expert error, and the streams that
//! it follows are what the applications sent. Where `tshark` is missing the tests say so and pass, unless
//! `SMOLSOCK_REQUIRE_TOOLS` is set.

mod digests;
mod groups;
mod impaired;
mod profile;
mod scenarios;
pub mod tshark;

use std::path::{Path, PathBuf};

use smolsock_sim::capture::{self, About};
use smolsock_sim::library::{self, Options, Run};
use smolsock_sim::trace::{NodeId, Trace};

/// Plays a built-in scenario with seed 1.
fn play(name: &str) -> Run {
    let run = library::find(name).expect("a scenario").run(&Options { seed: 1, loss_ppm: None });
    assert!(run.outcome.passed, "{:?}", run.outcome.failures);
    run
}

fn about(name: &str) -> About {
    About { scenario: name.into(), seed: 1, replay: format!("smolsock run {name} --seed 1") }
}

/// Writes captures where people find them after the tests.
fn write(trace: &Trace, vantages: &[NodeId], name: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("captures").join(name);
    capture::write_files(trace, vantages, &about(name), &dir).unwrap_or_else(|error| panic!("{error}"))
}
