//! Does the command do what it is asked, and say so when it cannot?

mod search;

use super::main;
use smolsock_sim::library;
use smolsock_sim::report::Style;

/// Exit code, standard output, standard error.
fn smolsock(args: &[&str]) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = std::iter::once("smolsock").chain(args.iter().copied()).map(Into::into);
    let code = main(args, &mut out, &mut err, Style::default());
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (code, text(out), text(err))
}

fn refused(args: &[&str]) -> String {
    let (code, out, err) = smolsock(args);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert_eq!(err.lines().count(), 1, "one sentence: {err}");
    assert!(err.starts_with("smolsock: "), "{err}");
    err
}

/// A scenario that ends well.
fn name() -> &'static str {
    library::find("handshake").expect("a built-in scenario").name
}

#[test]
fn list_has_a_line_for_each_scenario() {
    let (code, out, err) = smolsock(&["list"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(out.lines().count(), library::all().len());
    assert!(library::all().iter().all(|entry| out.contains(entry.name)));
}

#[test]
fn what_cannot_be_followed_is_refused_in_one_sentence() {
    assert!(refused(&["run", "handshaek"]).contains("did you mean handshake?"));
    assert!(refused(&["run", "frobnicate"]).contains("smolsock list"));
    assert!(refused(&["rum", "tour"]).contains("'run'"));
    assert!(refused(&["run", name(), "--sed", "1"]).contains("'--seed'"));
    assert!(refused(&["run", name(), "--seed", "-1"]).contains("--seed"));
    assert!(refused(&["run", name(), "--loss", "-1"]).contains("--loss"));
    assert!(refused(&["run", name(), "--seed", "many"]).contains("--seed"));
    assert!(refused(&["run", name(), "--loss", "0.5"]).contains("0.5%"));
    assert!(refused(&["run", name(), "--loss", "200%"]).contains("100%"));
    assert!(refused(&["run", name(), "--quiet", "--json"]).contains("--json"));
    assert!(refused(&["run"]).contains("NAME"));
}

#[test]
fn a_scenario_that_is_shown_and_saved_runs_the_same() {
    let (code, text, err) = smolsock(&["show", name()]);
    assert_eq!((code, err.as_str()), (0, ""));
    let path = std::env::temp_dir().join(format!("smolsock-cmd-{}-shown.toml", std::process::id()));
    let file = path.to_str().expect("a path in UTF-8");
    std::fs::write(&path, &text).expect("a temporary file");
    let shown = |out: String| out.replace(file, name());
    assert_eq!(shown(smolsock(&["run", file, "--full"]).1), smolsock(&["run", name(), "--full"]).1);

    std::fs::write(&path, text.replace("name = \"handshake\"", "name = \"mine\"\nseed = 7")).expect("a temporary file");
    assert!(smolsock(&["run", file]).1.contains("Passed:   mine with seed 7"));
    assert!(smolsock(&["run", file, "--seed", "8"]).1.contains("Passed:   mine with seed 8"));

    std::fs::write(&path, text.replace("accept\"", "acept\"")).expect("a temporary file");
    let sentence = refused(&["run", file]);
    assert!(sentence.contains(file) && sentence.contains("did you mean accept?"), "{sentence}");
    std::fs::remove_file(&path).expect("it was there");
    assert!(refused(&["run", file]).contains("cannot read"));
    assert!(refused(&["show", "handshaek"]).contains("did you mean handshake?"));
}

#[test]
fn a_directory_that_cannot_be_made_is_refused_before_the_run() {
    let file = std::env::temp_dir().join(format!("smolsock-cmd-{}", std::process::id()));
    std::fs::write(&file, b"in the way").expect("a temporary file");
    for dir in [file.clone(), file.join("below")] {
        let dir = dir.to_str().expect("a path in UTF-8");
        let sentence = refused(&["run", name(), "--out", dir]);
        assert!(sentence.contains(dir), "{sentence}");
    }
    std::fs::remove_file(&file).expect("it was there");
}

#[test]
fn captures_are_written_and_named() {
    let dir = std::env::temp_dir().join(format!("smolsock-cmd-{}-out", std::process::id()));
    let (code, out, err) = smolsock(&["run", name(), "--out", dir.to_str().expect("a path in UTF-8")]);
    assert_eq!((code, err.as_str()), (0, ""));
    let files = std::fs::read_dir(&dir).expect("the directory was made");
    let names: Vec<String> = files.map(|file| file.expect("an entry").path().display().to_string()).collect();
    assert!(names.len() >= 2 && names.iter().all(|name| out.contains(name)), "{names:?}");
    assert!(out.contains("wireshark ") && out.contains("tshark "));
    std::fs::remove_dir_all(&dir).expect("it was made");
}

#[test]
fn text_has_the_seed_that_replays_it() {
    let (code, out, _) = smolsock(&["run", name(), "--seed", "7", "--loss", "0.5%"]);
    assert!(code < 2);
    assert!(out.contains(&format!("smolsock run {} --seed 7 --loss 5000", name())));
    assert!(!out.contains('\x1b'), "no colours unless asked");
}

#[test]
fn quiet_is_one_line_and_json_is_one_document() {
    assert_eq!(smolsock(&["run", name(), "--quiet"]).1.lines().count(), 1);
    let document: serde_json::Value = serde_json::from_str(&smolsock(&["run", name(), "--json"]).1).expect("JSON");
    assert_eq!(document["seed"], 1);
    assert_eq!(document["scenario"], name());
}

#[test]
fn the_same_seed_prints_the_same_story() {
    assert_eq!(smolsock(&["run", name(), "--full"]), smolsock(&["run", name(), "--full"]));
}

#[test]
fn help_and_version_are_no_errors() {
    for args in [&["--help"][..], &["--version"], &["run", "--help"], &[]] {
        let (code, out, err) = smolsock(args);
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
        assert!(out.contains("smolsock"), "{args:?}");
    }
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    struct Gone;
    impl std::io::Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    for json in ["--json", "--full"] {
        let mut err = Vec::new();
        let args = ["smolsock", "run", name(), json].map(Into::into);
        assert_eq!(main(args, &mut Gone, &mut err, Style::default()), 0);
        assert_eq!(err, b"");
    }
}
