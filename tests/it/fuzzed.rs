//! Does what the fuzzer has found worth keeping still do no harm?

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use smolsock::addr::AddrError;
use smolsock_fuzz::{TARGETS, addr, attack, capture, demux, toml};
use smolsock_sim::capture::Format;
use smolsock_sim::scenario::Scenario;

/// A file of a corpus has at most so many bytes.
const FILE_MAX_BYTES: u64 = 2_048;

#[test]
fn addresses_are_read_as_the_rules_say() {
    replay("addr");
}

#[test]
fn calls_keep_their_word() {
    replay("calls");
}

#[test]
fn captures_hold_what_was_written_and_any_file_is_borne() {
    replay("capture");
}

#[test]
fn datagrams_find_the_socket_that_the_rules_name() {
    replay("demux");
}

#[test]
fn frames_do_no_harm() {
    replay("frames");
}

#[test]
fn scenarios_keep_all_promises() {
    replay("scenario");
}

#[test]
fn segments_do_no_harm() {
    replay("segments");
}

#[test]
fn scenario_files_mean_what_they_say() {
    replay("toml");
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

#[test]
fn a_reader_of_addresses_that_takes_octal_for_decimal_is_found() {
    let aton = |text: &str| {
        let text: Vec<&str> = text.split('.').map(|part| part.trim_start_matches('0')).collect();
        text.join(".").parse().map_err(|_| AddrError::Address)
    };
    let readers = addr::Readers { aton, ..addr::Readers::OURS };
    assert!(is_found("addr", |text| addr::look(&String::from_utf8_lossy(text), readers)));
}

#[test]
fn a_writer_of_scenarios_that_forgets_the_seed_is_found() {
    let print = |scenario: &Scenario| Scenario { seed: 1, ..scenario.clone() }.to_toml();
    let codec = toml::Codec { print, ..toml::Codec::OURS };
    assert!(is_found("toml", |text| toml::look(&String::from_utf8_lossy(text), codec)));
}

#[test]
fn a_reader_of_captures_that_loses_the_last_frame_is_found() {
    let read = |file: &[u8]| {
        let mut frames = smolsock_sim::capture::read(file)?;
        frames.pop();
        Ok(frames)
    };
    assert!(is_found("capture", |bytes| capture::write_and_read(bytes, Format::Pcapng, read)));
}

#[test]
fn a_table_that_gives_datagrams_to_the_oldest_socket_is_found() {
    let oldest = |rivals: &[demux::Bound]| rivals.iter().min_by_key(|bound| bound.bound_at).map(|bound| bound.nth);
    let play = |bytes: &[u8]| attack::<demux::Demux>(bytes).into_iter().for_each(|attack| attack.play_against(oldest));
    assert!(is_found("demux", play));
}

/// Whether some file of a target's corpus makes `play` panic.
fn is_found(name: &str, play: impl Fn(&[u8])) -> bool {
    corpus(name).iter().any(|path| catch_unwind(AssertUnwindSafe(|| play(&read(path)))).is_err())
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
