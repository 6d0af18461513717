//! Are the captures the same to the bit, here and everywhere, in debug and release?
//!
//! `digests.txt` has one line for each scenario: its name, and SHA-256 of its captures for seed 1. After a change that
//! is meant to change them: `SMOLSOCK_BLESS=1 cargo test --test it captures_are_those_that_were_committed`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};
use smolsock_sim::capture;
use smolsock_sim::library::{self, Run};

use super::{about, play};

#[test]
fn the_same_seed_gives_the_same_capture_files() {
    for entry in library::all() {
        assert!(bytes(entry.name, &play(entry.name)) == bytes(entry.name, &play(entry.name)), "{}", entry.name);
    }
}

#[test]
fn another_seed_gives_other_captures() {
    let entry = library::find("lossy-transfer").expect("a scenario");
    let run = |seed| entry.run(&library::Options { seed, loss_ppm: None });
    assert!(run(1).trace != run(2).trace);
}

#[test]
fn captures_are_those_that_were_committed() {
    let mut found = String::new();
    for entry in library::all() {
        let digest = Sha256::digest(bytes(entry.name, &play(entry.name)));
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(found, "{:<20} {hex}", entry.name).expect("a string has room");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/digests.txt");
    if std::env::var_os("SMOLSOCK_BLESS").is_some() {
        fs::write(&path, &found).expect("the file can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == committed,
        "the captures differ from those of {}.\nfound:\n{found}committed:\n{committed}\
         If they are meant to: SMOLSOCK_BLESS=1 cargo test --test it captures_are_those_that_were_committed",
        path.display()
    );
}

/// All capture files of a run, one after the other.
fn bytes(name: &str, run: &Run) -> Vec<u8> {
    let mut all = Vec::new();
    for vantage in &run.vantages {
        capture::write(&run.trace, *vantage, &about(name), &mut all).expect("memory has room");
    }
    all
}
