//! Does a check find what is wrong with an application, and tell it?

use std::env;
use std::fs;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use pcap_file::pcapng::{Block, PcapNgReader};
use smolsock::task::UdpSocket;

use super::*;
use crate::app::echo;
use crate::link::{Act, Direction, When};
use crate::scenario::model;
use crate::world::{Change, Ways};

const NUMBERS: u8 = 20;

/// Says 0 to 19 to the server and ends.
async fn counts(host: Host) -> TaskResult {
    let socket = UdpSocket::bind(&host, "0.0.0.0:0".parse()?)?;
    for number in 0..NUMBERS {
        socket.send_to(&[number], "192.0.2.2:9".parse()?).await?;
        host.sleep(Duration::from_millis(7)).await;
    }
    Ok(())
}

/// Loses data when a datagram is lost: its author believed that all arrive.
async fn believes_that_all_arrive(host: Host) -> TaskResult {
    let socket = UdpSocket::bind(&host, "0.0.0.0:9".parse()?)?;
    let mut number = [0];
    for _ in 0..NUMBERS {
        if host.within(Duration::from_secs(5), socket.recv(&mut number)).await.is_none() {
            return Err("not all numbers have arrived".into());
        }
    }
    Ok(())
}

/// Takes a number that is late for one that follows: off by one, where datagrams overtake each other.
async fn believes_in_order(host: Host) -> TaskResult {
    let socket = UdpSocket::bind(&host, "0.0.0.0:9".parse()?)?;
    let mut number = [0];
    let mut last = 0;
    while let Some(received) = host.within(Duration::from_secs(5), socket.recv(&mut number)).await {
        received?;
        assert_eq!(number[0].max(last), number[0], "numbers grow");
        last = number[0];
    }
    Ok(())
}

fn loses() -> Check {
    Check::new("loses").app("server", "server", believes_that_all_arrive).client(counts)
}

fn reorders() -> Check {
    let link = Impairments { loss: Loss::None, duplicate_ppm: 0, ..bad_link() };
    Check::new("reorders").link(link).app("server", "server", believes_in_order).client(counts)
}

fn failure(check: &Check) -> Failure {
    match check.find() {
        Err(CheckError::Failed(failure)) => *failure,
        other => panic!("it should fail: {other:?}"),
    }
}

/// An empty directory of this test.
fn directory(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("smolsock-check-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    dir
}

/// Of a capture.
fn frames(path: &Path) -> usize {
    let reader = PcapNgReader::new(File::open(path).expect("it was written")).expect("pcapng");
    let is_frame = |block: &Block<'_>| matches!(block, Block::EnhancedPacket(_));
    reader.into_iter().filter(|block| is_frame(block.as_ref().expect("a good block"))).count()
}

#[test]
fn a_protocol_that_survives_passes() {
    let check = Check::new("echo")
        .server(|host| echo::tcp_server(host, ([0, 0, 0, 0], 7).into(), 5))
        .client(|host| echo::tcp_client(host, ([192, 0, 2, 2], 7).into(), 1, 4_000, 500));
    let passed = check.find().expect("TCP survives");
    assert_eq!(passed.runs, 100);
    assert!(passed.dropped > 50 && passed.frames > 2_000, "the link was bad: {passed:?}");
    assert_eq!(check.find().expect("TCP survives"), passed);
}

#[test]
fn a_lost_datagram_is_found_to_be_enough() {
    let failure = failure(&loses());
    assert_eq!(failure.run.outcome.failures, ["server failed: not all numbers have arrived"]);
    let [fault] = &failure.scenario.faults[..] else { panic!("{:?}", failure.scenario.faults) };
    assert_eq!((fault.fault.act, fault.direction), (Act::Drop, Direction::Forward));
    assert!(failure.search.is_ok_and(|search| search.is_minimal && search.before > 1));
}

/// Of three outages one loses numbers.
#[test]
fn an_outage_is_found_to_be_enough() {
    let mut check = loses().link(Impairments::default());
    for (cut_ms, healed_ms) in [(51, 52), (60, 100), (900, 950)] {
        let (cable, ways) = (String::from("ab"), Ways::Both);
        let changes = [(cut_ms, Change::Cut { cable: cable.clone(), ways }), (healed_ms, Change::Heal { cable, ways })];
        let at = |(ms, change): (u64, _)| model::Change { at_ns: ms * 1_000_000, change };
        check.scenario.changes.extend(changes.map(at));
    }
    let failure = failure(&check);
    assert_eq!(failure.scenario.faults, []);
    assert_eq!(failure.scenario.changes.len(), 2, "{:?}", failure.scenario.changes);
    let told = "\nOf its 6 changes over time 2 are needed:\n  60ms: cable ab is cut\n";
    assert!(failure.to_string().contains(told), "{failure}");
    assert!(failure.search.is_ok_and(|search| search.is_minimal && search.changes_before == 6));
}

#[test]
fn an_overtaken_datagram_is_found_by_the_assertion_that_it_breaks() {
    let failure = failure(&reorders());
    let sentence = &failure.run.outcome.failures[0];
    assert!(sentence.starts_with("server failed: panicked at ") && sentence.contains("numbers grow"), "{sentence}");
    let faults = &failure.scenario.faults;
    assert!((1..=3).contains(&faults.len()), "{faults:?}");
    assert!(faults.iter().all(|fault| matches!(fault.fault.act, Act::Delay(_))), "{faults:?}");
}

#[test]
fn the_report_and_its_files_say_everything() {
    let dir = directory("report");
    let report = loses().find_and_tell(&dir).expect_err("it fails");
    let (toml, text) = (dir.join("loses.toml"), dir.join("loses.txt"));
    let again = format!("SMOLSOCK_REPLAY={} cargo test loses\n", toml.display());
    let parts = [
        "loses: seed ",
        "  server failed: not all numbers have arrived\n",
        "of which 1 in its simplest form is enough",
        "\n  cable ab, forward: drop of ",
        "LOST: scripted",
        &format!("Scenario: {}\n", toml.display()),
        &format!("Ladder:   {}\n", text.display()),
        &format!("Capture:  {}\n", dir.join("client.pcapng").display()),
        &format!("Capture:  {}\n", dir.join("server.pcapng").display()),
        &format!("Again:    {again}"),
    ];
    for part in parts {
        assert!(report.contains(part), "{part:?} is missing in\n{report}");
    }
    // One datagram never arrives.
    assert_eq!(frames(&dir.join("client.pcapng")), usize::from(NUMBERS));
    assert_eq!(frames(&dir.join("server.pcapng")), usize::from(NUMBERS) - 1);
    let file = fs::read_to_string(&toml).expect("it was written");
    assert!(file.contains(&again) && file.contains("# Fails: server failed: not all"), "{file}");
    let scenario = Scenario::parse("loses.toml", &file).expect("it is a scenario");
    assert!(scenario.apps.is_empty() && scenario.faults.len() == 1);
    assert!(fs::read_to_string(&text).expect("it was written").contains("LOST: scripted"));
    // The same once more.
    assert_eq!(loses().find_and_tell(&dir).expect_err("it fails"), report);
    fs::remove_dir_all(&dir).expect("it is there");
}

#[test]
#[ignore = "fails on purpose; the test below runs it in a process of its own"]
fn a_test_that_fails() {
    loses().run();
}

/// As its user would: by the line of the report, in another process.
#[test]
fn a_failing_test_is_played_again_by_the_line_of_its_report() {
    let dir = directory("line");
    let play = |replay: Option<&str>| {
        let mut test = Command::new(env::current_exe().expect("it runs"));
        test.args(["--exact", "check::tests::a_test_that_fails", "--ignored", "--nocapture"]).env("SMOLSOCK_OUT", &dir);
        match replay {
            Some(file) => test.env("SMOLSOCK_REPLAY", file),
            None => test.env_remove("SMOLSOCK_REPLAY"),
        };
        let output = test.output().expect("it can be run");
        assert_eq!(output.status.code(), Some(101), "a test that fails");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let report = play(None);
    let line = report.lines().find_map(|line| line.strip_prefix("Again:    SMOLSOCK_REPLAY=")).expect("it says how");
    let file = line.strip_suffix(" cargo test loses").expect("the test's name");
    assert_eq!(Path::new(file), dir.join("loses/loses.toml"));
    assert!(!report.contains("Fails in the same way"), "{report}");
    let again = play(Some(file));
    assert!(again.contains("loses: Fails in the same way:\n  server failed: not all numbers"), "{again}");
    assert!(frames(&dir.join("loses/replay/server.pcapng")) > 0);
    let nowhere = play(Some("/nowhere/loses.toml"));
    assert!(nowhere.contains("cannot read /nowhere/loses.toml: No such file"), "{nowhere}");
    fs::remove_dir_all(&dir).expect("it is there");
}

#[test]
fn the_file_fails_in_the_same_way_until_the_application_is_mended() {
    for (name, check) in [("loses", loses()), ("reorders", reorders())] {
        let dir = directory(&format!("replay-{name}"));
        check.find_and_tell(&dir).expect_err("it fails");
        let file = dir.join(format!("{name}.toml"));
        let replayed = check.replay(&file).expect("it can be played");
        assert!(replayed.fails_the_same(), "{replayed}");
        let before = fs::read(&file).expect("it was written");
        let report = check.replay_and_tell(&file, &dir).expect_err("it fails");
        assert!(report.starts_with(&format!("{name}: Fails in the same way:\n  server failed: ")), "{report}");
        assert!(report.contains("Seed ") && report.contains("Capture:  ") && report.contains("cable ab, forward: "));
        assert!(report.contains(&format!("SMOLSOCK_REPLAY={} cargo test {name}\n", file.display())), "{report}");
        assert_eq!(fs::read(&file).expect("it is still there"), before);
        assert!(frames(&dir.join("replay/server.pcapng")) > 0);
        let mended = Check::new(name).client(counts).server(|host| async move {
            let socket = UdpSocket::bind(&host, "0.0.0.0:9".parse()?)?;
            loop {
                socket.recv(&mut [0]).await?;
            }
        });
        let replayed = mended.replay(&file).expect("it can be played");
        assert!(!replayed.fails_the_same() && replayed.to_string().contains("Does not fail any more"), "{replayed}");
        assert!(mended.replay_and_tell(&file, &dir).is_ok_and(|replayed| replayed.run.outcome.passed));
        fs::remove_dir_all(&dir).expect("it is there");
    }
}

#[test]
fn run_panics_with_the_report() {
    let dir = directory("panics");
    let check = loses().out(&dir).budget(10);
    let panic = crate::panics::quietly(|| crate::panics::caught(|| check.run())).expect_err("it fails");
    let (place, report) = panic.split_once(": ").expect("a place and words");
    assert!(place.starts_with("panicked at ") && place.contains("tests.rs"), "{place}");
    assert!(report.starts_with("loses: seed ") && report.contains("The search was not finished"), "{report}");
    assert!(report.contains(&format!("Scenario: {}\n", dir.join("loses/loses.toml").display())), "{report}");
    fs::remove_dir_all(&dir).expect("it is there");
}

#[test]
fn a_client_that_waits_for_ever_is_told_with_its_bound() {
    let dir = directory("bound");
    let check = Check::new("chatty").within(Duration::from_secs(3)).seeds(0..1).client(|host| async move {
        loop {
            host.sleep(Duration::from_secs(1)).await;
        }
    });
    let failure = failure(&check);
    assert!(failure.scenario.faults.is_empty());
    assert_eq!(
        failure.run.outcome.failures,
        ["client had not ended after 603s", "the applications took 603s; they were to end within 3s"]
    );
    assert!(failure.to_string().contains("fails without any"), "{failure}");
    fs::create_dir_all(&dir).expect("a directory");
    let path = failure.write(&dir).expect("it can be written").scenario;
    assert!(check.replay(&path).expect("it can be played").fails_the_same());
    fs::remove_dir_all(&dir).expect("it is there");
}

#[test]
fn a_check_that_cannot_fail_or_run_is_refused() {
    let says = |check: Check| match check.find() {
        Err(CheckError::Setup(what)) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(says(Check::new("a").client(counts).seeds(5..5)), "a: there is no seed to run with");
    assert!(says(Check::new("a").server(counts)).contains("nothing is to end"));
    assert!(says(Check::new("a b").client(counts)).contains("name: expected letters"));
    let nowhere = says(Check::new("a").app("clent", "client", counts));
    assert!(nowhere.contains("there is no host \"clent\"; there are client, server"), "{nowhere}");
    assert!(
        says(Check::new("a").client(counts).link(Impairments { corrupt_ppm: 2_000_000, ..bad_link() }))
            .contains("corrupt")
    );
    let error = loses().replay(Path::new("no/such.toml")).expect_err("it fails").to_string();
    assert!(error.starts_with("cannot read no/such.toml: "), "{error}");
}

#[test]
fn applications_that_remember_earlier_runs_are_told_so() {
    let runs = std::rc::Rc::new(std::cell::Cell::new(0));
    let check = Check::new("remembers").client(move |_| {
        let runs = std::rc::Rc::clone(&runs);
        async move {
            runs.set(runs.get() + 1);
            if runs.get() == 3 { Err("the third".into()) } else { Ok(()) }
        }
    });
    let failure = failure(&check);
    assert_eq!((failure.good, failure.run.outcome.failures.len()), (2, 1));
    assert!(failure.to_string().contains("two runs with this seed differ"), "{failure}");
    // Beside it: what is made for each run.
    let check = Check::new("forgets").seeds(0..5).apps(|apps| {
        let runs = std::rc::Rc::new(std::cell::Cell::new(0));
        apps.app("client", "client", move |_| {
            runs.set(runs.get() + 1);
            let runs = runs.get();
            async move { if runs == 1 { Ok(()) } else { Err("not the first".into()) } }
        });
    });
    assert_eq!(check.find().expect("each run is the first").runs, 5);
}

#[test]
fn faults_that_are_given_are_played_and_kept_with_what_chance_did() {
    let drop = Placed {
        cable: "ab".into(),
        direction: Direction::Forward,
        fault: crate::link::Fault { when: When::Frame(4), act: Act::Drop },
    };
    let check = loses().link(Impairments::default()).faults([drop.clone()]);
    let run = check.play(7).expect("it can be played");
    assert_eq!(run.totals.dropped, 1);
    assert_eq!(run.broken().collect::<Vec<_>>(), ["server failed: not all numbers have arrived"]);
    assert_eq!(failure(&check).search.expect("it was searched").before, 1);
    let never = Placed { fault: crate::link::Fault { when: When::Frame(400), ..drop.fault }, ..drop };
    let passed = loses().link(Impairments::default()).faults([never]).find().expect("it finds no frame");
    assert_eq!((passed.runs, passed.dropped), (100, 0));
}
