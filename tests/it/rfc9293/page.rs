//! Does the manual's page rfc9293 say what the tests show?

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::by_name;

/// One requirement on the page.
struct Row {
    id: String,
    kept: String,
    proof: String,
}

#[test]
fn every_must_and_should_is_on_the_page_once() {
    for (kind, count) in [("MUST", 69), ("SHLD", 31)] {
        let mut numbers: Vec<u32> =
            rows().iter().filter_map(|row| row.id.strip_prefix(kind)?.strip_prefix('-')?.parse().ok()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=count).collect::<Vec<u32>>(), "{kind}");
    }
    let page = page();
    for number in 1..=18 {
        let words = page.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        assert!(words.into_iter().any(|word| word == format!("MAY-{number}")), "MAY-{number}");
    }
}

#[test]
fn every_test_on_the_page_exists() {
    let tests = by_name::all();
    let mut named = 0;
    for name in page().split('`').skip(1).step_by(2).filter(|code| code.contains("::")) {
        let short = format!("rfc9293::{name}");
        assert!(tests.contains_key(name) || tests.contains_key(&short), "no test {name}");
        named += 1;
    }
    assert!(named > 100, "{named} tests named");
}

#[test]
fn what_is_met_names_a_test_and_what_is_not_says_why() {
    for Row { id, kept, proof } in rows() {
        match kept.as_str() {
            met if met.starts_with("met, smoltcp") || met.starts_with("met, here") => {
                assert!(proof.contains("::"), "{id} is met, and has no test");
            }
            "partly" | "not met" => assert!(proof.len() > 2, "{id}: no reason"),
            other => panic!("{id}: {other:?} is neither met nor partly nor not met"),
        }
    }
}

/// The line that people read is counted, and a newly met requirement has to change it.
#[test]
fn the_counts_are_right() {
    let mut counts = BTreeMap::from([("met", 0), ("partly", 0), ("not met", 0)]);
    for row in rows().iter().filter(|row| row.id.starts_with("MUST")) {
        let kind = if row.kept.starts_with("met") { "met" } else { row.kept.as_str() };
        *counts.get_mut(kind).expect("one of three") += 1;
    }
    let line = format!(
        "Of 69 MUSTs {} are met, {} partly, {} are not met.",
        counts["met"], counts["partly"], counts["not met"]
    );
    assert!(page().contains(&line), "the page should say: {line}");
}

/// The tables, line by line.
fn rows() -> Vec<Row> {
    let is_id = |cell: &str| cell.starts_with("MUST-") || cell.starts_with("SHLD-");
    let cells =
        |line: &str| -> Vec<String> { line.trim_matches('|').split('|').map(|c| c.trim().to_owned()).collect() };
    let rows =
        page().lines().filter(|line| line.starts_with('|')).map(cells).filter(|row| is_id(&row[0])).collect::<Vec<_>>();
    rows.into_iter()
        .map(|row| {
            let [id, _, kept, proof] = <[String; 4]>::try_from(row).expect("four cells");
            Row { id, kept, proof }
        })
        .collect()
}

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manual/rfc9293.md")).expect("a page")
}
