//! Does what the fuzzer has found worth keeping still do no harm?

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use smolsock_fuzz::TARGETS;

/// A file of a corpus has at most so many bytes.
const FILE_MAX_BYTES: u64 = 2_048;

#[test]
fn frames_do_no_harm() {
    replay("frames");
}

#[test]
fn segments_do_no_harm() {
    replay("segments");
}

#[test]
fn every_target_is_in_the_list_and_has_a_corpus() {
    let listed: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    let targets: BTreeSet<String> = names(&root().join("fuzz_targets"));
    assert_eq!(targets, listed);
    assert_eq!(names(&root().join("corpus")), listed);
    for target in TARGETS {
        let files = corpus(target.name);
        let played = files.iter().filter(|path| (target.play)(&read(path))).count();
        assert!(played >= 10, "{}: {played} attacks", target.name);
        for path in files {
            let len = fs::metadata(&path).expect("it is there").len();
            assert!(len <= FILE_MAX_BYTES, "{}: {len} bytes", path.display());
        }
    }
}

/// Plays every file of a target's corpus, in the order of their names.
fn replay(name: &str) {
    let target = TARGETS.into_iter().find(|target| target.name == name).expect("a target");
    for path in corpus(name) {
        let bytes = read(&path);
        let played = catch_unwind(AssertUnwindSafe(|| (target.play)(&bytes)));
        assert!(played.is_ok(), "{}; again: cargo +nightly fuzz run {name} {0}", path.display());
    }
}

fn corpus(name: &str) -> Vec<PathBuf> {
    let folder = root().join("corpus").join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// What is in a folder, without endings.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let names = entries.map(|entry| entry.expect("an entry").path().with_extension(""));
    names.filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect()
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}
