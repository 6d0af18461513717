//! Is a frozen run the random one, and is what is found the least?

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use super::case::with_faults;
use super::*;
use crate::link::{Act, Impairments, Jitter, Loss, Pattern, Queue, Shape, When};
use crate::observe::observe;
use crate::report::summary::Summary;
use crate::scenario::model::Fault as ScenarioFault;
use crate::scenario::{Scenario, model};
use crate::world::{self, Recording, Ways};

/// 20 kB through a cable of 10 Mbit/s and 5 ms.
fn transfer(link: Impairments) -> Scenario {
    let text = r#"
        name = "transfer"
        [[host]]
        name = "client"
        addresses = ["192.0.2.1/24"]
        [[host]]
        name = "server"
        addresses = ["192.0.2.2/24"]
        [[cable]]
        name = "ab"
        a = "client"
        b = "server"
        [[app]]
        host = "server"
        steps = ["bulk-receiver 1234 bytes 20000"]
        [[app]]
        host = "client"
        steps = ["bulk-sender 192.0.2.2:1234 bytes 20000"]
    "#;
    let mut scenario = Scenario::parse("transfer.toml", text).expect("a scenario");
    for cable in &mut scenario.cables {
        (cable.forward, cable.back) = (link, link);
    }
    scenario
}

fn quiet() -> Impairments {
    Impairments { rate_bps: 10_000_000, delay_ns: 5_000_000, ..Impairments::default() }
}

/// One of each kind of chance, and all together.
fn chances() -> Vec<(&'static str, Impairments)> {
    let bursts = Loss::GilbertElliott {
        good_to_bad_ppm: 50_000,
        bad_to_good_ppm: 300_000,
        loss_good_ppm: 1_000,
        loss_bad_ppm: 900_000,
    };
    let pareto = Jitter { ns: 3_000_000, shape: Shape::Pareto };
    let all = Impairments {
        loss: Loss::Bernoulli { ppm: 50_000 },
        jitter: pareto,
        reorder_ppm: 100_000,
        reorder_delay_ns: 2_000_000,
        duplicate_ppm: 200_000,
        corrupt_ppm: 200_000,
        queue: Queue::CODEL,
        ..quiet()
    };
    vec![
        ("loss", Impairments { loss: Loss::Bernoulli { ppm: 100_000 }, ..quiet() }),
        ("bursts", Impairments { loss: bursts, ..quiet() }),
        ("uniform jitter", Impairments { jitter: Jitter::uniform(4_000_000), ..quiet() }),
        ("normal jitter", Impairments { jitter: Jitter { ns: 4_000_000, shape: Shape::Normal }, ..quiet() }),
        ("pareto jitter", Impairments { jitter: pareto, ..quiet() }),
        ("reordering", Impairments { reorder_ppm: 200_000, reorder_delay_ns: 3_000_000, ..quiet() }),
        ("duplicates", Impairments { duplicate_ppm: 200_000, ..quiet() }),
        ("corruption", Impairments { corrupt_ppm: 150_000, ..quiet() }),
        ("mended corruption", Impairments { corrupt_ppm: 100_000, mend_checksum: true, ..quiet() }),
        ("corrupted copies", Impairments { corrupt_ppm: 300_000, duplicate_ppm: 300_000, ..quiet() }),
        ("all", all),
    ]
}

#[test]
fn a_frozen_run_is_the_random_run_frame_for_frame() {
    for (name, link) in chances() {
        let mut faults = 0;
        for seed in 1..=5 {
            let random = Scenario { seed, ..transfer(link) };
            let (frozen, run) = frozen(&random).unwrap_or_else(|error| panic!("{name} seed {seed}: {error}"));
            assert_eq!(calm(&frozen), frozen, "{name}: nothing is left to chance");
            assert!(run.outcome.failures.iter().all(|failure| !failure.contains("never happened")), "{name}");
            let again = random.run(Recording::Full).expect("it ran before");
            assert_eq!(run.apps_ended_at, again.apps_ended_at, "{name} seed {seed}");
            faults += frozen.faults.len();
        }
        assert!(faults >= 5, "{name}: {faults} faults in five runs prove nothing");
    }
}

#[test]
fn a_frozen_run_that_lacks_a_fault_is_another_run() {
    let (_, link) = chances().remove(0);
    let random = transfer(link);
    let (mut frozen, run) = frozen(&random).expect("it can be frozen");
    frozen.faults.pop().expect("it has faults");
    let other = frozen.run(Recording::Full).expect("a scenario");
    assert!(!freeze::is_same(&run.trace, &other.trace));
}

#[test]
fn faults_of_the_scenario_stay_when_it_is_frozen() {
    let mut random = transfer(Impairments { loss: Loss::Bernoulli { ppm: 50_000 }, ..quiet() });
    let fault = Fault { when: When::Segment { index: 3, transmission: 0 }, act: Act::Delay(7_000_000) };
    random.faults.push(ScenarioFault { cable: String::from("ab"), direction: Direction::Forward, fault });
    let (frozen, _) = frozen(&random).expect("it can be frozen");
    assert!(frozen.faults.contains(&random.faults[0]) && frozen.faults.len() > 1);
}

#[test]
fn the_least_that_is_found_cannot_do_without_any_fault() {
    let (_, link) = chances().pop().expect("all together");
    let mut found = 0;
    for seed in 1..=20 {
        let mut random = Scenario { seed, ..transfer(link) };
        random.expect.ends_within_ns = Some(1_500_000_000);
        if measure(&random, seed).failures.is_empty() {
            continue;
        }
        found += 1;
        let budget = Budget { runs: 20_000, fewest_runs: 2_000 };
        let reduced = reduce(&random, budget, &AtomicBool::new(false), &mut |_, _| {}).expect("it fails");
        let least = &reduced.scenario;
        assert!(reduced.is_minimal && !reduced.is_stopped, "seed {seed}");
        assert!(reduced.aim.is_met(&reduced.run.outcome.failures), "seed {seed}");
        assert_eq!(reduced.run.outcome.failures.len(), 1, "every fault happens: {:?}", reduced.run.outcome.failures);
        assert!((1..=3).contains(&least.faults.len()), "seed {seed}: {:?}", least.faults);
        for at in 0..least.faults.len() {
            let mut less = least.clone();
            less.faults.remove(at);
            let run = less.run(Recording::Off).expect("a scenario");
            assert!(!reduced.aim.is_met(&run.outcome.failures), "seed {seed}: fault {at} can be left out");
        }
        // What is written to a file is what was found.
        let read = Scenario::parse("least.toml", &least.to_toml()).expect("a scenario");
        assert_eq!(read.run(Recording::Full).expect("it runs").outcome, reduced.run.outcome);
    }
    assert!(found >= 6, "{found} of twenty runs were slow");
}

#[test]
fn a_run_that_does_not_fail_is_not_minimized() {
    let budget = Budget { runs: 10, fewest_runs: 10 };
    let result = reduce(&transfer(quiet()), budget, &AtomicBool::new(false), &mut |_, _| {});
    assert!(matches!(result, Err(ReduceError::Passes)));
}

#[test]
fn what_fails_without_faults_is_minimized_to_none() {
    let mut scenario = transfer(chances().remove(0).1);
    scenario.expect.ends_within_ns = Some(1);
    let budget = Budget { runs: 100, fewest_runs: 100 };
    let reduced = reduce(&scenario, budget, &AtomicBool::new(false), &mut |_, _| {}).expect("it fails");
    assert!(reduced.scenario.faults.is_empty() && reduced.before > 0 && reduced.is_minimal);
}

/// What happens to `ab` at this time.
fn change(ms: u64, change: world::Change) -> model::Change {
    model::Change { at_ns: ms * 1_000_000, change }
}

fn cut() -> world::Change {
    world::Change::Cut { cable: String::from("ab"), ways: Ways::Both }
}

fn heal() -> world::Change {
    world::Change::Heal { cable: String::from("ab"), ways: Ways::Both }
}

fn reduced(scenario: &Scenario) -> Reduced {
    let budget = Budget { runs: 2_000, fewest_runs: 2_000 };
    reduce(scenario, budget, &AtomicBool::new(false), &mut |_, _| {}).expect("it fails")
}

/// One outage of several makes the transfer late.
#[test]
fn changes_over_time_are_left_out_and_become_shorter() {
    let impair = world::Change::Impair { cable: String::from("ab"), ways: Ways::Back, to: quiet() };
    let mut scenario = transfer(quiet());
    scenario.changes = vec![
        change(5, impair),
        change(8, cut()),
        change(9, heal()),
        change(30, cut()),
        change(4_321, heal()),
        change(9_000, cut()),
        change(9_001, heal()),
    ];
    scenario.expect.ends_within_ns = Some(2_000_000_000);
    let found = reduced(&scenario);
    let [begin, end] = &found.scenario.changes[..] else { panic!("{:?}", found.scenario.changes) };
    assert_eq!((begin, &end.change), (&change(30, cut()), &heal()), "an outage is left whole");
    assert!((500_000_000..3_000_000_000).contains(&(end.at_ns - begin.at_ns)), "a shorter one does: {end:?}");
    assert!(found.is_minimal && found.aim.is_met(&found.run.outcome.failures));
    assert_eq!((found.changes_before, found.before), (7, 0));
    let without = Scenario { changes: Vec::new(), ..found.scenario.clone() };
    assert!(without.run(Recording::Off).expect("a scenario").outcome.passed, "it cannot be left out");
    let read = Scenario::parse("least.toml", &found.scenario.to_toml()).expect("a scenario");
    assert_eq!(read.run(Recording::Full).expect("it runs").outcome, found.run.outcome);
}

/// A server that loses its power, and losses that matter to nobody.
#[test]
fn a_crash_is_left_with_its_restart() {
    let mut scenario = transfer(Impairments { loss: Loss::Bernoulli { ppm: 20_000 }, ..quiet() });
    let power = |ms: u64, is_on| model::Power { at_ns: ms * 1_000_000, host: String::from("server"), is_on };
    scenario.power = vec![power(40, false), power(900, true), power(70_000, false), power(70_100, true)];
    scenario.apps[0].is_service = true;
    scenario.apps[0].is_background = true;
    let found = reduced(&scenario);
    let [begin, end] = &found.scenario.power[..] else { panic!("{:?}", found.scenario.power) };
    assert_eq!((begin.at_ns, begin.is_on, end.is_on), (40_000_000, false, true));
    assert!(end.at_ns < 900_000_000 && found.is_minimal && found.changes_before == 4);
    assert_eq!(found.scenario.faults, []);
}

/// The first SYN is lost, and so the second meets an outage.
#[test]
fn faults_and_changes_are_found_together() {
    let mut scenario = transfer(quiet());
    let drop = |when| ScenarioFault {
        cable: String::from("ab"),
        direction: Direction::Forward,
        fault: Fault { when, act: Act::Drop },
    };
    scenario.faults = vec![drop(When::matching(Pattern::Syn, 0)), drop(When::Segment { index: 9, transmission: 0 })];
    scenario.changes = vec![change(800, cut()), change(4_000, heal()), change(8_000, cut()), change(8_500, heal())];
    scenario.expect.ends_within_ns = Some(2_500_000_000);
    let found = reduced(&scenario);
    assert_eq!(found.scenario.faults, scenario.faults[..1]);
    let [begin, end] = &found.scenario.changes[..] else { panic!("{:?}", found.scenario.changes) };
    assert_eq!(begin, &change(800, cut()));
    assert!((1_000_000_000..1_100_000_000).contains(&end.at_ns), "just until after the second: {end:?}");
    assert!(found.is_minimal);
    for least in [Scenario { changes: Vec::new(), ..found.scenario.clone() }, with_faults(&found.scenario, Vec::new())]
    {
        assert!(least.run(Recording::Off).expect("a scenario").outcome.passed, "{least:?}");
    }
}

#[test]
fn a_stopped_search_still_gives_a_run_that_fails() {
    let mut scenario = transfer(chances().pop().expect("all together").1);
    scenario.expect.ends_within_ns = Some(300_000_000);
    let stop = AtomicBool::new(false);
    let budget = Budget { runs: 10_000, fewest_runs: 10_000 };
    let mut watch = |_, runs| {
        if runs == 4 {
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    };
    let reduced = reduce(&scenario, budget, &stop, &mut watch).expect("it fails");
    assert!(reduced.is_stopped && !reduced.is_minimal && reduced.runs <= 5, "{}", reduced.runs);
    assert!(reduced.aim.is_met(&reduced.run.outcome.failures));
}

#[test]
fn what_is_counted_without_a_trace_is_what_the_trace_shows() {
    for (name, link) in chances() {
        // A flipped bit that no checksum shows makes a host send what the trace cannot tell from a repetition.
        if link.corrupt_ppm > 0 {
            continue;
        }
        for seed in 1..=5 {
            let scenario = Scenario { seed, ..transfer(link) };
            let measured = measure(&scenario, seed);
            let run = scenario.run(Recording::Full).expect("a scenario");
            let summary = Summary::of(&observe(&run.trace), run.virtual_end);
            let seen = (summary.frames.sent, summary.frames.dropped, summary.tcp.retransmissions);
            let counted = (measured.frames, measured.dropped, measured.retransmissions);
            assert_eq!(counted, seen, "{name} seed {seed}");
            assert_eq!(measured.took_ns, run.apps_ended_at.as_nanos());
        }
    }
}

#[test]
fn frames_are_named_by_what_they_are_and_each_differently() {
    let run = transfer(chances().remove(0).1).run(Recording::Full).expect("a scenario");
    let ends = [(String::from("ab"), String::from("client"))].into();
    let numbered: Vec<Placed> = run
        .trace
        .frames
        .iter()
        .map(|frame| {
            let (cable, direction) = freeze::place(&run.trace, &ends, frame);
            drop_of(&cable, direction, frame.nth)
        })
        .collect();
    let named = freeze::named(&run.trace, &ends, &numbered);
    assert_eq!(named.iter().collect::<BTreeSet<_>>().len(), numbered.len());
    assert!(named.iter().all(|placed| !matches!(placed.fault.when, When::Frame(_))), "{named:?}");
    let repeated = |placed: &Placed| matches!(placed.fault.when, When::Segment { transmission: 1.., .. });
    assert!(named.iter().any(repeated), "something was sent again");
}
