//! Is the teaching figure as the textbooks draw it, and the manual's page as the program prints it?

use std::fs;
use std::path::Path;

use smolsock_sim::capture;
use smolsock_sim::library::{self, Options, Run};
use smolsock_sim::observe::observe;
use smolsock_sim::report::ladder;

use crate::captures::tshark;

fn run(name: &str, seed: u64) -> Run {
    library::find(name).expect("a scenario").run(&Options { seed, loss_ppm: None })
}

/// The segments of the figure, as the textbooks have them.
const LINES: [&str; 18] = [
    "SYN 0(0) win 4096 <mss 1460>",
    "SYN 8000(0) ack 1 win 6144 <mss 1024>",
    "ack 8001 win 4096",
    "1(1024) ack 8001 win 4096",
    "1025(1024) ack 8001 win 4096",
    "2049(1024) ack 8001 win 4096",
    "3073(1024) ack 8001 win 4096",
    "4097(1024) ack 8001 win 4096",
    "5121(1024) ack 8001 win 4096",
    "ack 6145 win 2048",
    "ack 6145 win 4096",
    "6145(1024) ack 8001 win 4096",
    "FIN 7169(1024) ack 8001 win 4096",
    "ack 8194 win 2048",
    "ack 8194 win 4096",
    "ack 8194 win 6144",
    "FIN 8001(0) ack 8194 win 6144",
    "ack 8002 win 4096",
];

/// What `smolsock run NAME --absolute --full` draws.
fn drawn(name: &str) -> String {
    let run = run(name, 1);
    let options = ladder::Options { full: true, absolute: true, ..ladder::Options::default() };
    let mut text = Vec::new();
    ladder::write(&mut text, &observe(&run.trace), &run.notes, options).expect("memory has room");
    String::from_utf8(text).expect("text").lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

#[test]
fn the_clients_capture_has_the_18_segments_with_any_seed() {
    for seed in [1, 2, 3, u64::MAX] {
        let run = run("figure", seed);
        assert!(run.outcome.passed, "{:?}", run.outcome.failures);
        assert_eq!(capture::segments(&run.trace, run.vantages[0]), LINES);
        let ports: Vec<u16> = observe(&run.trace).connections.iter().map(|one| one.client.addr.port()).collect();
        assert!(ports.len() == 1 && ports[0] != 0, "one connection: {ports:?}");
    }
}

#[test]
fn the_servers_capture_has_two_segments_more_and_says_why() {
    let run = run("figure", 1);
    let mut seen = capture::segments(&run.trace, run.vantages[1]);
    let again = "FIN 7169(1024) ack 8001 win 4096";
    let copies: Vec<usize> = (0..seen.len()).filter(|at| seen[*at] == again).collect();
    assert_eq!(copies.len(), 3);
    seen.remove(copies[2]);
    seen.remove(copies[1]);
    assert_eq!(seen, LINES);
}

#[test]
fn a_figure_that_loses_a_frame_is_not_the_figure() {
    let entry = library::find("figure").expect("a scenario");
    let run = entry.run(&Options { seed: 1, loss_ppm: Some(200_000) });
    assert!(run.outcome.failures.iter().any(|failure| failure.starts_with("segment ")), "{:?}", run.outcome.failures);
}

#[test]
fn nothing_arranged_means_other_segments_and_the_same_bytes() {
    let run = run("figure-natural", 1);
    let seen = capture::segments(&run.trace, run.vantages[0]);
    assert!(seen != LINES);
    let payload = |lines: &[String]| {
        let sizes = lines.iter().filter_map(|line| line.split_once('(')?.1.split_once(')')?.0.parse::<usize>().ok());
        sizes.sum::<usize>()
    };
    assert_eq!(payload(&seen), 8_192);
    assert!(seen[0].ends_with("<mss 1460, wscale 0, sack permitted>") && !seen[0].starts_with("SYN 0("), "{}", seen[0]);
}

#[test]
fn the_manuals_ladders_are_what_the_program_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manual/figure.md");
    let mut page = fs::read_to_string(&path).expect("a page of the manual");
    let committed = page.clone();
    let is_blessed = std::env::var_os("SMOLSOCK_BLESS").is_some();
    for name in ["figure", "figure-natural"] {
        let command = format!("$ smolsock run {name} --absolute --full\n");
        let start = page.find(&command).unwrap_or_else(|| panic!("{}: no {command}", path.display())) + command.len();
        let end = start + page[start..].find("```").expect("the end of the block");
        page.replace_range(start..end, &drawn(name));
    }
    if is_blessed {
        fs::write(&path, &page).expect("the file can be written");
    }
    assert!(is_blessed || page == committed, "{} is not what is printed:\n{page}", path.display());
}

#[test]
fn tshark_reads_the_18_segments_and_finds_nothing_wrong() {
    if !tshark::is_there("figure::tshark_reads_the_18_segments_and_finds_nothing_wrong") {
        return;
    }
    let run = run("figure", 1);
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("captures").join("figure-lines");
    let about = capture::About { scenario: "figure".into(), seed: 1, replay: "smolsock run figure".into() };
    for format in capture::Format::ALL {
        let paths = capture::write_files_as(format, &run.trace, &run.vantages, &about, &dir).expect("written");
        assert_eq!(tshark::segments(&paths[0]), LINES, "{format}");
        // A full window and its updates are what the figure is about; nothing was sent twice, lost or out of order.
        let usual = ["tcp.analysis.window_full", "tcp.analysis.window_update"];
        assert_eq!(tshark::analysis(&paths[0]), usual.map(str::to_owned), "{format}");
        assert!(tshark::analysis(&paths[1]).iter().any(|flag| flag.contains("retransmission")), "{format}");
    }
}
