//! Do the bounds hold at a smaller scale?

use std::collections::BTreeSet;

use super::*;

#[test]
fn names_are_unique_and_short() {
    let names: BTreeSet<&str> = all().iter().map(|attack| attack.name).collect();
    assert_eq!(names.len(), all().len());
    assert!(names.iter().all(|name| name.len() <= 20 && !name.contains(' ')), "{names:?}");
}

#[test]
fn every_bound_holds_at_a_hundredth() {
    for attack in all() {
        let report = attack.run(Scale::of(0.01), Recording::Off).expect("a world");
        assert!(report.missed.is_empty(), "{}: {:?}", report.name, report.missed);
    }
}

/// The results stand there as the full run printed them: `smolsock attack --check README.md` runs it again.
#[test]
fn the_readme_has_these_attacks_loads_and_bounds() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(path).expect("it is there");
    let found = table::differences(&readme, &all()).expect("a table of attacks");
    assert!(found.is_empty(), "`cargo run --release -- attack --update README.md` writes the table: {found:#?}");
}

#[test]
fn a_table_is_put_between_its_marks_and_nowhere_else() {
    let file = format!("before\n{}old\n{}\nafter\n", table::START, table::END);
    let new = table::replaced(&file, "| `a` | b | c | d |\n").expect("marks");
    assert_eq!(new, format!("before\n{}\n{}| `a` | b | c | d |\n\n{}\nafter\n", table::START, table::HEAD, table::END));
    assert_eq!(table::replaced(&new, "| `a` | b | c | d |\n").as_deref(), Ok(&*new), "the same again");
    assert!(table::replaced("no marks", "").is_err());
    let missing = table::differences(&new, &all()).expect("marks");
    assert_eq!(missing.len(), all().len() + 1, "no attack of that name, and another number of rows");
}

#[test]
fn a_bound_that_is_missed_is_said() {
    let attack = Attack {
        play: |setup| {
            let mut outcome = (named("blind-syn").expect("one").play)(setup)?;
            arena::must(&mut outcome.missed, false, || "nothing holds".into());
            Ok(outcome)
        },
        ..named("blind-syn").expect("one")
    };
    let report = attack.run(Scale::of(0.000_1), Recording::First(10)).expect("a world");
    assert_eq!(report.missed, ["nothing holds"]);
    assert!(table::row(&report).ends_with(" **missed**: nothing holds |\n"), "{}", table::row(&report));
    assert_eq!(report.ending.trace.frames.len(), 10);
}
