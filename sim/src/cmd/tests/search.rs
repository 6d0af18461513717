//! Do sweep, minimize, freeze and replay do what they are asked?

use std::path::{Path, PathBuf};

use super::{refused, smolsock};

/// A directory of its own for a test, removed at its end.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let path = std::env::temp_dir().join(format!("smolsock-search-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Dir(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a path in UTF-8").to_owned()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const LOSSY: [&str; 6] = ["handshake", "--loss", "15%", "--bound", "2s", "--runs"];

fn sweep(more: &[&str]) -> (u8, String, String) {
    smolsock(&[&["sweep"], &LOSSY[..], more].concat())
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).expect("it was written")
}

#[test]
fn a_sweep_has_a_line_for_each_run_whatever_the_number_of_jobs() {
    let (code, one, told) = sweep(&["60", "--jobs", "1"]);
    assert_eq!(one.lines().count(), 60);
    for (n, line) in one.lines().enumerate() {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!((line["run"].as_u64(), line["seed"].as_u64()), (Some(n as u64), Some(n as u64 + 1)));
    }
    let failed = one.lines().filter(|line| line.contains("\"passed\":false")).count();
    assert!(failed > 0 && failed < 60 && code == 1, "{failed}");
    assert!(told.contains(&format!("{failed} failed")) && told.contains("smolsock minimize handshake"), "{told}");
    assert_eq!(sweep(&["60", "--jobs", "3"]).1, one);
}

#[test]
fn shards_add_up_to_the_whole() {
    let whole = sweep(&["40"]).1;
    let mut parts: Vec<String> = Vec::new();
    for shard in ["1/3", "2/3", "3/3"] {
        parts.extend(sweep(&["40", "--shard", shard]).1.lines().map(str::to_owned));
    }
    let run = |line: &String| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["run"].as_u64();
    parts.sort_by_key(run);
    assert!(whole.lines().eq(parts.iter()), "no run is missing, and none is there twice");
}

#[test]
fn a_sweep_goes_on_where_it_was_torn() {
    let dir = Dir::new("resume");
    let (whole, file) = (sweep(&["30"]).1, dir.path("r.jsonl"));
    for bytes in [0, 10, whole.len() / 2, whole.len() - 1, whole.len()] {
        std::fs::write(&file, &whole.as_bytes()[..bytes]).expect("writable");
        let (code, told, err) = sweep(&["30", "--resume", &file]);
        assert_eq!((code, err.as_str()), (1, ""), "runs that failed before count");
        assert_eq!(read(&file), whole, "{bytes}");
        let is_torn = bytes > 0 && bytes < whole.len();
        assert_eq!(told.contains("torn"), is_torn, "{bytes}: {told}");
    }
    // The results of another sweep are not mixed in.
    assert!(refused(&["sweep", "handshake", "--runs", "30", "--resume", &file]).contains("line 1"));
    assert_eq!(read(&file), whole);
    assert!(refused(&["sweep", "tour", "--runs", "3", "--results", &file]).contains("--resume"));
}

#[test]
fn a_sweep_without_failures_is_zero() {
    let (code, lines, told) = smolsock(&["sweep", "handshake", "--runs", "5"]);
    assert_eq!((code, lines.lines().count()), (0, 5));
    assert!(told.contains("0 failed"), "{told}");
}

#[test]
fn the_least_is_written_and_can_be_replayed() {
    let dir = Dir::new("minimize");
    let out = dir.path("found");
    let args = ["minimize", "handshake", "--loss", "15%", "--bound", "2.5s", "--out", &out];
    let (code, told, err) = smolsock(&args);
    assert_eq!((code, err.as_str()), (1, ""), "{told}");
    let file = format!("{out}/handshake.toml");
    assert!(told.contains(&format!("smolsock replay {file}")) && told.contains("drop of "), "{told}");
    for name in ["handshake.txt", "client.pcapng", "server.pcapng"] {
        assert!(Path::new(&out).join(name).exists(), "{name}");
    }
    assert!(read(&file).starts_with("# Found by: smolsock minimize handshake --loss 150000 --bound 2.5s --seed "));
    let (code, told, _) = smolsock(&["replay", &file]);
    assert_eq!((code, told.lines().next()), (1, Some("Fails in the same way:")));
    // The same search finds the same.
    let again = dir.path("again");
    smolsock(&["minimize", "handshake", "--loss", "15%", "--bound", "2.5s", "--jobs", "3", "--out", &again]);
    assert_eq!(read(&format!("{again}/handshake.toml")), read(&file));
}

#[test]
fn changes_over_time_that_matter_are_told() {
    let dir = Dir::new("changes");
    let (out, file) = (dir.path("found"), dir.path("outages.toml"));
    let (_, handshake, _) = smolsock(&["show", "handshake"]);
    let change = |at: &str, what: &str| format!("\n[[change]]\nat = \"{at}\"\ndo = \"{what}\"\ncable = \"ab\"\n");
    let outages = [("0s", "cut"), ("700ms", "heal"), ("20s", "cut"), ("21s", "heal")];
    let text = outages.iter().fold(handshake, |text, (at, what)| text + &change(at, what));
    std::fs::write(&file, text).expect("writable");
    let (code, told, err) = smolsock(&["minimize", &file, "--bound", "1500ms", "--out", &out]);
    assert_eq!((code, err.as_str()), (1, ""), "{told}");
    assert!(told.contains("\nOf its 4 changes over time 2 are needed:\n  0s: cable ab is cut\n  "), "{told}");
    let least = read(&format!("{out}/handshake.toml"));
    assert_eq!((least.matches("[[change]]").count(), least.contains("700ms")), (2, false), "{least}");
    assert_eq!(smolsock(&["replay", &format!("{out}/handshake.toml")]).0, 1);
}

#[test]
fn a_replay_that_differs_says_so() {
    let dir = Dir::new("replay");
    let out = dir.path("found");
    smolsock(&["minimize", "handshake", "--loss", "15%", "--bound", "2.5s", "--out", &out]);
    let file = format!("{out}/handshake.toml");
    let found = read(&file);
    let replay = |text: &str| {
        std::fs::write(&file, text).expect("writable");
        let (code, told, _) = smolsock(&["replay", &file]);
        (code, told.lines().next().unwrap_or_default().to_owned())
    };
    assert_eq!(replay(&found.replace("2.5s", "1h")).1, "Does not fail any more, as the file says it did:");
    assert_eq!(
        replay(&found.replace("# Fails: the", "# Fails: some")).1,
        "Fails, but in another way than the file says:"
    );
    assert_eq!(replay(&found.replace("# Fails", "# Was")), (1, String::from("Fails, of which the file says nothing:")));
    let (_, tour, _) = smolsock(&["show", "tour"]);
    assert_eq!(replay(&tour), (0, String::from("Keeps its promises.")));
}

#[test]
fn a_frozen_file_is_the_same_run() {
    let dir = Dir::new("freeze");
    let file = dir.path("frozen.toml");
    let (code, document, _) = smolsock(&["freeze", "handshake", "--seed", "1", "--loss", "20%"]);
    assert!(code < 2);
    assert_eq!(smolsock(&["freeze", "handshake", "--seed", "1", "--loss", "20%", "--out", &file]).1, "");
    assert_eq!(read(&file), document);
    assert!(document.contains("act = \"drop\"") && !document.contains("loss ="), "{document}");
    let frames = |args: &[&str]| {
        let document: serde_json::Value = serde_json::from_str(&smolsock(args).1).expect("JSON");
        document["summary"].clone()
    };
    let frozen = frames(&["run", &file, "--json"]);
    let random = frames(&["run", "handshake", "--seed", "1", "--loss", "20%", "--json"]);
    assert_eq!(frozen["connections"], random["connections"]);
    assert_eq!(frozen["frames"]["dropped"], random["frames"]["dropped"]);
}

#[test]
fn where_nothing_fails_nothing_is_written() {
    let dir = Dir::new("nothing");
    let out = dir.path("found");
    let (code, told, _) = smolsock(&["minimize", "handshake", "--runs", "3", "--out", &out]);
    assert_eq!(code, 0);
    assert!(told.contains("No run failed: 3 tried"), "{told}");
    assert_eq!(std::fs::read_dir(&out).expect("it was prepared").count(), 0);
}

#[test]
fn what_cannot_be_searched_is_refused_in_one_sentence() {
    assert!(refused(&["sweep", "handshaek"]).contains("did you mean handshake?"));
    assert!(refused(&["sweep", "handshake", "--shard", "5/4"]).contains("5"));
    assert!(refused(&["sweep", "handshake", "--jobs", "0"]).contains("--jobs"));
    assert!(refused(&["sweep", "handshake", "--runs", "many"]).contains("--runs"));
    assert!(refused(&["sweep", "handshake", "--bound", "2"]).contains("--bound"));
    assert!(refused(&["sweep", "handshake", "--resume", "/no/such/file"]).contains("/no/such/file"));
    assert!(refused(&["minimize", "handshake", "--seed", "x"]).contains("--seed"));
    assert!(refused(&["minimize", "handshake", "--bound", "soon"]).contains("--bound"));
    assert!(refused(&["replay", "/no/such.toml"]).contains("/no/such.toml"));
    assert!(refused(&["freeze", "frobnicate"]).contains("smolsock list"));
    assert!(refused(&["freeze"]).contains("NAME"));
}

#[test]
fn what_is_built_in_is_possible_on_its_cables() {
    for name in ["tour", "handshake", "udp-echo", "concurrent"] {
        let (code, told, err) = smolsock(&["verify", name, "--loss", "5%", "--seed", "3"]);
        assert_eq!((code, err.as_str()), (0, ""), "{told}");
        assert!(told.starts_with("Possible: "), "{told}");
    }
}
