//! Does a sweep stop when the user wants it to, and go on where it stopped?
#![cfg(unix)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const RUNS: usize = 400;

/// The seeds of the lines that tell of a run.
fn seeds(results: &Path) -> Vec<u64> {
    let text = fs::read_to_string(results).unwrap_or_default();
    let seed = |line: &str| line.split_once("\"seed\":")?.1.split([',', '}']).next()?.trim().parse().ok();
    text.lines().filter(|line| line.ends_with('}')).filter_map(seed).collect()
}

fn sweep(way: &str, results: &Path) -> Command {
    let mut sweep = Command::new(env!("CARGO_BIN_EXE_smolsock"));
    sweep.args(["sweep", "lossy-transfer", "--jobs", "1", "--runs", &RUNS.to_string(), way]).arg(results);
    sweep.stdout(Stdio::piped()).stderr(Stdio::piped());
    sweep
}

fn interrupted(results: &Path, enough: usize) -> Output {
    let child = sweep("--results", results).spawn().expect("it starts");
    let patience = Instant::now() + Duration::from_secs(60);
    while seeds(results).len() < enough && Instant::now() < patience {
        sleep(Duration::from_millis(2));
    }
    let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill is there");
    assert!(told.success(), "it was still at it");
    child.wait_with_output().expect("it ends")
}

#[test]
fn a_sweep_that_was_interrupted_goes_on_where_it_stopped() {
    let results = std::env::temp_dir().join(format!("smolsock-ctrl-c-{}.jsonl", std::process::id()));
    let stopped = interrupted(&results, 5);
    let said = String::from_utf8_lossy(&stopped.stdout).into_owned();
    assert_eq!(stopped.status.code(), Some(130), "{said}");
    assert!(said.contains("Stopped; the same with --resume "), "{said}");
    let done = seeds(&results);
    assert!((5..RUNS).contains(&done.len()), "{} runs before it stopped", done.len());
    let resumed = sweep("--resume", &results).output().expect("it runs");
    assert!(matches!(resumed.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&resumed.stderr));
    let all = seeds(&results);
    assert_eq!(all[..done.len()], done, "what was there is kept");
    assert_eq!(all.len(), RUNS, "every run once");
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), RUNS);
    fs::remove_file(&results).expect("it is there");
}
