//! Does the command do what it is asked, and say so when it cannot?

mod attack;
#[cfg(target_os = "linux")]
mod net;
mod search;

use std::io::Write;
use std::time::{Duration, Instant};

use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::{Block, PcapNgReader};

use super::{Streams, main};
use smolsock_sim::library;
use smolsock_sim::report::Style;

/// Exit code, standard output, standard error.
fn smolsock(args: &[&str]) -> (u8, String, String) {
    let (code, out, err) = smolsock_to(args, Vec::new(), false);
    (code, String::from_utf8(out).expect("text"), err)
}

/// The same with bytes on standard output, and an output of any kind.
fn smolsock_to<O: Write>(args: &[&str], mut out: O, is_terminal: bool) -> (u8, O, String) {
    let mut err = Vec::new();
    let args = std::iter::once("smolsock").chain(args.iter().copied()).map(Into::into);
    let mut streams = Streams { out: &mut out, err: &mut err, style: Style::default(), is_terminal };
    let code = main(args, &mut streams);
    (code, out, String::from_utf8(err).expect("text"))
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
fn a_run_that_is_the_same_twice_says_so() {
    let (code, out, _) = smolsock(&["run", "udp-echo", "--twice", "--quiet"]);
    assert_eq!((code, out.as_str()), (0, "Passed:   udp-echo with seed 1, twice the same\n"));
}

#[test]
fn what_is_refused_names_the_help_of_its_command() {
    for (args, help) in [
        (&["sweep", "tour", "--jobs", "0"][..], "`smolsock sweep --help`"),
        (&["sweep", "tour", "--runs", "0"], "from 1 to"),
        (&["sweep", "tour", "--shard", "1/0"], "1/1 is all of them"),
        (&["replay"], "`smolsock replay --help`"),
        (&["--nonsense"], "`smolsock --help`"),
    ] {
        let sentence = refused(args);
        assert!(sentence.contains(help), "{args:?}: {sentence}");
    }
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
        let mut streams = Streams { out: &mut Gone, err: &mut err, style: Style::default(), is_terminal: false };
        assert_eq!(main(args, &mut streams), 0);
        assert_eq!(err, b"");
    }
}

/// Frames of a pcapng file; comments are what only that format has.
fn pcapng(file: &[u8]) -> (usize, usize) {
    let mut reader = PcapNgReader::new(file).expect("a pcapng file");
    let (mut frames, mut comments) = (0, 0);
    while let Some(block) = reader.next_block() {
        if let Block::EnhancedPacket(packet) = block.expect("a block").0 {
            frames += 1;
            comments += packet.options.iter().filter(|option| format!("{option:?}").contains("[sim]")).count();
        }
    }
    (frames, comments)
}

fn pcap(file: &[u8]) -> usize {
    let mut reader = PcapReader::new(file).expect("a pcap file");
    let mut frames = 0;
    while let Some(packet) = reader.next_packet() {
        packet.expect("a frame");
        frames += 1;
    }
    frames
}

/// A directory of its own, gone when the test is.
struct Dir(std::path::PathBuf);

impl Dir {
    fn new(test: &str) -> Dir {
        let path = std::env::temp_dir().join(format!("smolsock-cmd-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).expect("a temporary directory");
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

#[test]
fn a_capture_on_standard_output_leaves_the_story_to_standard_error() {
    let dir = Dir::new("piped");
    let file = dir.path("syn-lost.pcapng");
    let (code, story, _) = smolsock(&["run", "syn-lost", "--pcap", &file]);
    assert_eq!(code, 0);
    assert!(story.contains(&format!("Captures: {file}")), "{story}");
    let (code, capture, err) = smolsock_to(&["run", "syn-lost", "--pcap", "-"], Vec::new(), false);
    assert_eq!(code, 0);
    assert_eq!(capture, std::fs::read(&file).expect("it is there"));
    assert!(err.contains("Passed:   syn-lost") && !err.contains("Captures:"), "{err}");
    assert!(matches!(pcapng(&capture), (frames, 1) if frames > 8), "{:?}", pcapng(&capture));
    let (_, server, _) = smolsock_to(&["run", "syn-lost", "--pcap", "-", "--vantage", "server"], Vec::new(), false);
    assert!(server != capture && pcapng(&server).1 == 1, "the server's SYN-ACK was lost, too");
}

#[test]
fn the_format_is_what_was_asked_or_what_the_name_says() {
    let dir = Dir::new("format");
    let run = |args: &[&str]| assert_eq!(smolsock(&[&["run", name(), "--quiet"], args].concat()).0, 0);
    let read = |name: &str| std::fs::read(dir.path(name)).expect("it is there");
    run(&["--pcap", &dir.path("a.pcap")]);
    run(&["--pcap", &dir.path("b.cap"), "--format", "pcap"]);
    run(&["--pcap", &dir.path("c.pcap"), "--format", "pcapng"]);
    run(&["--pcap", &dir.path("d.pcapng")]);
    run(&["--out", &dir.path("files"), "--format", "pcap"]);
    let frames = pcap(&read("a.pcap"));
    assert!(frames > 5);
    assert_eq!(read("a.pcap"), read("b.cap"));
    assert_eq!(read("a.pcap"), read("files/client.pcap"));
    assert_eq!(read("c.pcap"), read("d.pcapng"));
    assert_eq!(pcapng(&read("c.pcap")).0, frames);
    assert_eq!(std::fs::read_dir(dir.path("files")).expect("it was made").count(), 2);
}

#[test]
fn captures_that_cannot_be_written_are_refused_in_one_sentence() {
    let dir = Dir::new("refused");
    let below = dir.path("none/file.pcap");
    assert!(refused(&["run", name(), "--pcap", &below]).contains(&below));
    let sentence = refused(&["run", name(), "--pcap", "-", "--vantage", "sever"]);
    assert!(sentence.contains("\"sever\"") && sentence.contains("client, server"), "{sentence}");
    assert!(refused(&["run", name(), "--pcap", "-", "--json"]).contains("--json"));
    assert!(refused(&["run", name(), "--format", "pcap"]).contains("--pcap"));
    assert!(refused(&["run", name(), "--vantage", "client"]).contains("--pcap"));
    assert!(refused(&["run", name(), "--realtime"]).contains("--pcap"));
    let format = refused(&["run", name(), "--pcap", "-", "--format", "cap"]);
    assert!(format.contains("pcapng and pcap are"), "{format}");
    for factor in ["0", "-1", "fast", "NaN", "inf"] {
        let sentence = refused(&["run", name(), "--pcap", "-", "--realtime", factor]);
        assert!(sentence.contains("--realtime") && sentence.contains("0.001"), "{sentence}");
    }
    let (code, out, err) = smolsock_to(&["run", name(), "--pcap", "-"], Vec::new(), true);
    assert_eq!((code, out.len()), (2, 0));
    assert!(err.contains("terminal"), "{err}");
}

/// A pipe whose reader goes away after so many writes.
struct Closing(usize);

impl Write for Closing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(1).ok_or(std::io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_capture_whose_reader_goes_away_ends_quietly() {
    for writes in [0, 1, 5] {
        // The rest is not waited for: it would take minutes.
        let args = ["run", "windowing", "--pcap", "-", "--realtime", "1000"];
        let (code, _, err) = smolsock_to(&args, Closing(writes), false);
        assert_eq!((code, err.as_str()), (0, ""), "after {writes} writes");
    }
}

#[test]
fn virtual_time_passes_as_real_time_when_asked() {
    // The handshake's last frame comes after more than 20 ms.
    let started = Instant::now();
    let (code, slow, _) = smolsock_to(&["run", name(), "--pcap", "-", "--realtime", "0.5"], Vec::new(), false);
    assert!(code == 0 && started.elapsed() >= Duration::from_millis(40), "{:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(50), "TIME-WAIT is not waited for");
    let (_, fast, _) = smolsock_to(&["run", name(), "--pcap", "-"], Vec::new(), false);
    assert_eq!(slow, fast);
}
