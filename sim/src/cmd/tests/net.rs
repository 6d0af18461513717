//! Are the options of commands on real interfaces read, and refused with reasons? Nothing here opens one.

use clap::{Args as _, FromArgMatches as _};

use super::super::net::CableArgs;
use super::super::one_way;
use super::{refused, smolsock};
use smolsock_sim::link::{Impairments, Jitter, Loss, Queue, Shape};

fn cable(args: &[&str]) -> Result<CableArgs, clap::Error> {
    let command = CableArgs::augment_args(clap::Command::new("test"));
    let matches = command.try_get_matches_from([&["test"], args].concat())?;
    CableArgs::from_arg_matches(&matches)
}

#[test]
fn options_of_the_cable_are_its_impairments() {
    let perfect = cable(&[]).expect("nothing is fine");
    assert!(!perfect.does_something());
    assert!(!cable(&["--loss", "0%"]).expect("none").does_something());
    assert_eq!(perfect.impairments(), Impairments::default());
    let all =
        "--loss 2% --delay 20ms --jitter 5ms --reorder 1% --duplicate 0.5% --corrupt 100ppm --rate 10Mbit/s --queue 50";
    let all: Vec<&str> = all.split(' ').collect();
    let expected = Impairments {
        loss: Loss::Bernoulli { ppm: 20_000 },
        delay_ns: 20_000_000,
        jitter: Jitter::uniform(5_000_000),
        reorder_ppm: 10_000,
        reorder_delay_ns: 10_000_000,
        duplicate_ppm: 5_000,
        corrupt_ppm: 100,
        rate_bps: 10_000_000,
        queue: Queue::of_frames(50),
        ..Impairments::default()
    };
    let all = cable(&all).expect("all are good");
    assert_eq!(all.impairments(), expected);
    assert!(all.in_words().contains("loses 2%") && all.in_words().contains("delays 20ms"), "{}", all.in_words());
}

#[test]
fn loss_jitter_and_queue_are_written_as_in_scenario_files() {
    let args = [
        ("--loss", "good-to-bad 1% bad-to-good 25%"),
        ("--jitter", "5ms pareto"),
        ("--rate", "1Mbit/s"),
        ("--queue", "codel target 10ms ecn"),
        ("--corrupt", "1%"),
    ];
    let mut args: Vec<&str> = args.into_iter().flat_map(|(name, value)| [name, value]).collect();
    args.push("--mend-checksum");
    let bad = cable(&args).expect("all are good");
    let expected = Impairments {
        loss: Loss::GilbertElliott {
            good_to_bad_ppm: 10_000,
            bad_to_good_ppm: 250_000,
            loss_good_ppm: 0,
            loss_bad_ppm: 1_000_000,
        },
        jitter: Jitter { ns: 5_000_000, shape: Shape::Pareto },
        rate_bps: 1_000_000,
        queue: Queue::CoDel { target_ns: 10_000_000, interval_ns: 100_000_000, frames: 1_000, ecn: true },
        corrupt_ppm: 10_000,
        mend_checksum: true,
        ..Impairments::default()
    };
    assert_eq!(bad.impairments(), expected);
    assert!(bad.in_words().contains("loses good-to-bad 1% bad-to-good 25%"), "{}", bad.in_words());
    let list = "rate=2Mbit/s,queue=codel,corrupt=2%,mend-checksum=false,loss=none";
    let other = Impairments { loss: Loss::None, rate_bps: 2_000_000, queue: Queue::CODEL, ..expected };
    let other = Impairments { corrupt_ppm: 20_000, mend_checksum: false, ..other };
    assert_eq!(one_way::read(&bad, list), Ok(other));
}

#[test]
fn a_lab_has_a_bad_cable_unless_something_is_said_of_it() {
    let bad = |args: &[&str]| cable(args).expect("good").or(20_000, 20_000_000).impairments();
    assert_eq!((bad(&[]).loss, bad(&[]).delay_ns), (Loss::Bernoulli { ppm: 20_000 }, 20_000_000));
    assert_eq!(bad(&["--loss", "0%"]), Impairments::default());
    assert_eq!(bad(&["--delay", "0ms"]), Impairments::default());
    assert_eq!(bad(&["--corrupt", "1%"]).loss, Loss::None);
    let seeded = cable(&["--seed", "7"]).expect("good").or(1, 1).with_seed();
    assert_eq!(seeded.seed(), 7);
    let random = cable(&[]).expect("good").with_seed();
    assert_eq!(random.seed(), random.seed(), "once chosen, it can be told");
}

#[test]
fn one_direction_differs_in_what_is_named() {
    let both = cable(&["--loss", "2%", "--delay", "20ms"]).expect("good");
    let back = one_way::read(&both, "loss=5%,rate=1Mbit/s").expect("good");
    let expected = Impairments { loss: Loss::Bernoulli { ppm: 50_000 }, rate_bps: 1_000_000, ..both.impairments() };
    assert_eq!(back, expected);
    for (list, why) in [
        ("loss", "KEY=VALUE"),
        ("loss=5", "a share as in 5%"),
        ("lost=5%", "'--lost'"),
        ("seed=3", "one seed"),
        ("loss=5%,", "KEY=VALUE"),
        ("loss=1%,loss=2%", "multiple times"),
    ] {
        assert!(one_way::read(&both, list).is_err_and(|error| error.contains(why)), "{list}");
    }
}

#[test]
fn bad_values_name_the_option_what_was_found_and_what_is_allowed() {
    for (args, reasons) in [
        (&["serve", "echo", "--loss", "200%"][..], &["--loss", "200%", "at most 100%"][..]),
        (&["serve", "echo", "--loss", "good-to-bad 1%"], &["--loss", "bad-to-good 25%"]),
        (&["serve", "echo", "--jitter", "5ms gauss"], &["--jitter", "normal or pareto"]),
        (&["serve", "echo", "--rate", "1Mbit/s", "--queue", "red"], &["--queue", "frames from 1", "codel"]),
        (&["serve", "echo", "--rate", "1Mbit/s", "--queue", "0"], &["--queue", "frames from 1"]),
        (&["serve", "echo", "--mend-checksum"], &["--corrupt"]),
        (&["serve", "echo", "--delay", "20"], &["--delay", "'20'", "20ms"]),
        (&["serve", "echo", "--rate", "fast"], &["--rate", "10Mbit/s"]),
        (&["serve", "echo", "--reorder-delay", "1ms"], &["--reorder "]),
        (&["serve", "echo", "--seed", "-1"], &["--seed", "whole number"]),
        (&["serve", "gopher"], &["gopher", "chargen"]),
        (&["serve", "echo", "--port", "0"], &["--port", "1..=65535"]),
        (&["serve", "echo", "--mtu", "100"], &["--mtu", "576"]),
        (&["serve", "echo", "--ip", "192.0.2.2"], &["--ip", "192.0.2.1/24"]),
        (&["serve", "echo", "--gateway", "router"], &["--gateway", "not looked up"]),
        (&["serve", "echo", "--mac", "1:2"], &["--mac", "02:00:00:00:00:01"]),
        (&["serve", "echo"], &["--ip is missing"]),
        (&["serve", "http", "--root", "/no/such/folder"], &["--root", "/no/such/folder"]),
        (&["lab", "--root", "/no/such/folder"], &["--root", "/no/such/folder"]),
        (&["connect", "192.0.2.1"], &["HOST and PORT"]),
        (&["connect", "192.0.2.1", "0"], &["1 to 65535"]),
        (&["connect", "-l", "a", "7"], &["just a PORT"]),
        (&["connect", "example.org", "80"], &["example.org", "not looked up"]),
        (&["connect", "192.0.2.1", "7", "--pcap", "-"], &["standard output"]),
        (&["ping", "192.0.2.1", "-s", "9000"], &["--size", "1400"]),
        (&["bench"], &["<HOST>"]),
        (&["bench", "192.0.2.1", "--bytes", "many"], &["--bytes", "1MiB"]),
        (&["link", "a"], &["<B>"]),
        (&["link", "no-such-space:a", "b"], &["no-such-space", "ip netns"]),
        (&["tap", "up", "a name"], &["a name", "15 bytes"]),
        (&["tap", "up", "sixteen-letters-"], &["15 bytes"]),
        (&["netstat", "--every", "often"], &["--every", "20ms"]),
    ] {
        let error = refused(args);
        assert!(reasons.iter().all(|reason| error.contains(reason)), "{args:?}: {error}");
    }
}

#[test]
fn every_command_on_interfaces_explains_itself_with_examples() {
    for command in ["lab", "serve", "connect", "ping", "bench", "netstat", "link"] {
        let (code, out, _) = smolsock(&[command, "--help"]);
        assert!(
            code == 0 && out.contains(&format!("\nExamples:\n  smolsock {command}"))
                || out.contains("sudo smolsock tap"),
            "{out}"
        );
    }
    assert!(smolsock(&["tap", "up", "--help"]).1.contains("Examples:"));
}
