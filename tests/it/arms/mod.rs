//! Do our stack and the Linux kernel give the same answers?
//!
//! One table of cases, two arms: [`ours`] runs them between two stacks on a cable in virtual time, [`kernel`] between
//! two network namespaces. Where we differ on purpose, the case says so with the reason, and the manual lists it.

mod case;
mod cases;
mod differences;
#[cfg(target_os = "linux")]
mod kernel;
mod open;
mod ours;
mod run;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use smolsock::Domain;

use case::Case;
use differences::Difference;
use ours::Ours;
use run::{Outcome, Scope, run};

#[test]
fn our_stack_gives_the_answers_of_linux() {
    let mut failures = String::new();
    for (case, scope) in runs() {
        let Outcome::Differs(complaint) = run(case, &mut Ours::new(scope)) else { continue };
        if open::reason(case.name).is_none() {
            let _ = writeln!(failures, "{complaint}\n");
        }
    }
    assert!(failures.is_empty(), "our stack differs from the table:\n\n{failures}");
}

#[test]
fn what_is_open_is_still_open() {
    let mut closed = Vec::new();
    for (name, _) in open::OPEN {
        let case = cases::all().iter().find(|case| case.name == *name).unwrap_or_else(|| panic!("no case {name:?}"));
        let is_open = |(_, scope)| run(case, &mut Ours::new(scope)) != Outcome::Agrees;
        if !runs_of(case, 0).any(is_open) {
            closed.push(*name);
        }
    }
    assert!(closed.is_empty(), "agrees with Linux now: take it off the list: {closed:#?}");
}

#[test]
fn calls_that_are_not_there_yet_are_counted() {
    let mut missing: Vec<&str> = Vec::new();
    let mut cases = 0;
    for (case, scope) in runs() {
        if let Outcome::NotYet(what) = run(case, &mut Ours::new(scope)) {
            cases += 1;
            missing.push(what);
        }
    }
    missing.sort_unstable();
    missing.dedup();
    if cases > 0 {
        say(&format!("not yet: {cases} of {} runs of our arm need {}", runs().count(), missing.join(", ")));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_kernel_gives_the_answers_of_the_table() {
    let test = "arms::the_kernel_gives_the_answers_of_the_table";
    if kernel::runs_in_a_user_namespace(test) {
        return;
    }
    // A thread of its own: it leaves the network that the other tests are in, for good.
    let failures =
        std::thread::scope(|scope| scope.spawn(|| network(test).map(|network| kernel_failures(&network))).join());
    let failures = failures.expect("the thread says what is wrong by its answer").unwrap_or_default();
    assert!(failures.is_empty(), "the kernel differs from the table:\n\n{failures}");
}

#[cfg(target_os = "linux")]
fn kernel_failures(network: &kernel::Network) -> String {
    let (mut failures, mut agreed) = (String::new(), 0);
    for (case, scope) in runs() {
        match run(case, &mut kernel::Kernel::new(network, scope)) {
            Outcome::Agrees => agreed += 1,
            Outcome::NotYet(what) => {
                let _ = writeln!(failures, "{}: the kernel's arm cannot do this: {what}\n", case.name);
            }
            Outcome::Differs(complaint) => {
                let _ = writeln!(failures, "{complaint}\n");
            }
        }
    }
    say(&format!("the kernel agrees in {agreed} of {} runs", runs().count()));
    failures
}

#[test]
fn there_are_many_cases_and_each_has_its_own_name() {
    let names: BTreeSet<&str> = cases::all().iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases::all().len(), "a name stands twice");
    assert!(names.len() >= CASES_MIN, "{} cases", names.len());
}

#[test]
fn the_manual_lists_exactly_the_intended_differences() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manual/semantics.md");
    let text = fs::read_to_string(&path).expect("the page is there");
    let (before, rest) = text.split_once(HEADING).expect("a section on differences");
    let after = rest.find("\n## ").map_or("", |at| &rest[at..]);
    let mut section = format!("{HEADING}\n");
    for difference in differences() {
        let _ = writeln!(section, "- {difference}");
    }
    let wanted = format!("{before}{section}{after}");
    if std::env::var_os("SMOLSOCK_BLESS").is_some() {
        fs::write(&path, &wanted).expect("the page can be written");
    } else {
        assert_eq!(text, wanted, "{}: SMOLSOCK_BLESS=1 writes the section from the table", path.display());
    }
}

/// Every case in every family, with ports of its own.
fn runs() -> impl Iterator<Item = (&'static Case, Scope)> {
    cases::all().iter().enumerate().flat_map(|(number, case)| runs_of(case, number))
}

fn runs_of(case: &'static Case, number: usize) -> impl Iterator<Item = (&'static Case, Scope)> {
    case.families.iter().map(move |domain| {
        let family = usize::from(*domain == Domain::Inet6);
        let base_port = PORTS_MIN + (2 * number + family) as u16 * PORTS_OF_A_CASE;
        (case, Scope { domain: *domain, base_port })
    })
}

/// The reasons that stand in the table, in its order, each once.
fn differences() -> Vec<Difference> {
    let mut all: Vec<Difference> = Vec::new();
    for (_, difference) in cases::all().iter().flat_map(|case| &case.steps).filter_map(|step| step.ours.as_ref()) {
        if !all.contains(difference) {
            all.push(difference);
        }
    }
    all
}

/// A network for the kernel's arm; if there is none, says that `test` was skipped.
///
/// # Panics
/// There is none, and `SMOLSOCK_REQUIRE_TOOLS` is set.
#[cfg(target_os = "linux")]
fn network(test: &str) -> Option<kernel::Network> {
    match kernel::Network::new() {
        Ok(network) => Some(network),
        Err(why) => {
            let says_so = format!("skipped: {test}: {why}");
            assert!(
                std::env::var_os("SMOLSOCK_REQUIRE_TOOLS").is_none(),
                "{says_so}, and SMOLSOCK_REQUIRE_TOOLS is set"
            );
            say(&says_so);
            None
        }
    }
}

/// Past the test harness, which would keep it to itself.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

const HEADING: &str = "## Different from Linux\n";
const CASES_MIN: usize = 280;
const PORTS_MIN: u16 = 2_000;
const PORTS_OF_A_CASE: u16 = 16;
