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
        println!("{} | {} | {} | {}", report.name, report.load, report.bound, report.result);
        assert!(report.missed.is_empty(), "{}: {:?}", report.name, report.missed);
    }
}
