//! Which of these items are needed, and how simple can each be?

use std::collections::BTreeSet;

/// What [`minimize`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Minimal<T> {
    /// The items that are left, in the order in which they were given.
    pub items: Vec<T>,
    /// How often the property was asked for.
    pub runs: u64,
    /// Whether the search came to its end: no item can be left out, and none has a simpler form that does as well.
    /// If not, its budget was used up, or it was stopped.
    pub is_minimal: bool,
}

/// The least of `items` for which `holds` still says yes; `holds` must say yes to `items` as given, and give the same answer
/// to the same list.
///
/// First whole parts of the list are left out, then single items, until none can be (the complements of Zeller and
/// Hildebrandt's ddmin, 2002). Then each item is replaced by what
/// `simpler` has for it, simplest first, and all begins again until nothing changes. What `simpler` gives must be simpler in
/// an order that has an end, and an item is never its own simpler form.
///
/// `holds` is asked `runs_max` times at most, and never twice for one list; it says `None` to stop the search.
///
/// # Examples
/// ```
/// use smolsock_sim::search::minimize;
/// let needs_3_and_7 = |items: &[u32]| Some(items.contains(&3) && items.contains(&7));
/// let found = minimize((0..100).collect(), |_| Vec::new(), needs_3_and_7, 10_000);
/// assert_eq!(found.items, [3, 7]);
/// assert!(found.is_minimal && found.runs < 100);
/// ```
pub fn minimize<T: Clone + Ord>(
    items: Vec<T>,
    simpler: impl Fn(&T) -> Vec<T>,
    holds: impl FnMut(&[T]) -> Option<bool>,
    runs_max: u64,
) -> Minimal<T> {
    let mut search = Search { holds, runs: 0, runs_max, refused: BTreeSet::new(), is_over: false };
    let mut items = items;
    if !items.is_empty() && search.does(&[]) {
        items.clear();
    }
    loop {
        search.leave_out(&mut items);
        if !search.simplify(&mut items, &simpler) || search.is_over {
            return Minimal { items, runs: search.runs, is_minimal: !search.is_over };
        }
    }
}

/// A property, what is known of it, and what may still be spent on it.
struct Search<T, F> {
    holds: F,
    runs: u64,
    runs_max: u64,
    /// Lists that do not have the property.
    refused: BTreeSet<Vec<T>>,
    is_over: bool,
}

impl<T: Clone + Ord, F: FnMut(&[T]) -> Option<bool>> Search<T, F> {
    /// Whether `items` has the property; `false` too if that can no longer be found out.
    fn does(&mut self, items: &[T]) -> bool {
        if self.is_over || self.refused.contains(items) {
            return false;
        }
        if self.runs == self.runs_max {
            self.is_over = true;
            return false;
        }
        self.runs += 1;
        match (self.holds)(items) {
            Some(true) => return true,
            Some(false) => _ = self.refused.insert(items.to_vec()),
            None => self.is_over = true,
        }
        false
    }

    /// Leaves out halves, quarters and so on, then single items, until no single one can be left out.
    fn leave_out(&mut self, items: &mut Vec<T>) {
        let mut size = (items.len() / 2).max(1);
        loop {
            let is_shorter = self.leave_out_parts(items, size);
            match size {
                1 if !is_shorter => return,
                1 => {}
                _ => size /= 2,
            }
        }
    }

    /// One pass over all parts of `size` items, from the end: what comes late can least have caused what came before.
    fn leave_out_parts(&mut self, items: &mut Vec<T>, size: usize) -> bool {
        let before = items.len();
        let mut end = items.len();
        while end > 0 {
            let start = end.saturating_sub(size);
            let rest: Vec<T> = [&items[..start], &items[end..]].concat();
            if self.does(&rest) {
                *items = rest;
            }
            end = start;
        }
        items.len() < before
    }

    /// One pass over all items, each made as simple as it can be; says whether any was.
    fn simplify(&mut self, items: &mut [T], simpler: &impl Fn(&T) -> Vec<T>) -> bool {
        let mut has_changed = false;
        for at in 0..items.len() {
            while let Some(form) = self.simplest(items, at, simpler) {
                items[at] = form;
                has_changed = true;
            }
        }
        has_changed
    }

    /// The simplest form of item `at` with which the list still has the property.
    fn simplest(&mut self, items: &[T], at: usize, simpler: &impl Fn(&T) -> Vec<T>) -> Option<T> {
        let mut changed = items.to_vec();
        simpler(&items[at]).into_iter().find(|form| {
            changed[at] = form.clone();
            self.does(&changed)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Dice, Stream};

    /// For one item there is nothing simpler.
    fn as_it_is<T>(_: &T) -> Vec<T> {
        Vec::new()
    }

    fn is_one_minimal(items: &[u64], holds: impl Fn(&[u64]) -> bool) -> bool {
        let without = |at: usize| [&items[..at], &items[at + 1..]].concat();
        holds(items) && (0..items.len()).all(|at| !holds(&without(at)))
    }

    #[test]
    fn exactly_the_planted_items_are_left() {
        let all: Vec<u64> = (0..64).collect();
        for planted in [vec![0], vec![63], vec![3, 7], vec![0, 31, 32, 63], (10..20).collect()] {
            let holds = |items: &[u64]| Some(planted.iter().all(|item| items.contains(item)));
            let found = minimize(all.clone(), as_it_is, holds, 10_000);
            assert_eq!((found.items, found.is_minimal), (planted, true));
        }
    }

    #[test]
    fn what_needs_nothing_is_found_to_need_nothing_at_once() {
        let found = minimize((0..1_000).collect::<Vec<u32>>(), as_it_is, |_| Some(true), 10);
        assert_eq!(found, Minimal { items: vec![], runs: 1, is_minimal: true });
        let found = minimize(Vec::<u32>::new(), as_it_is, |_| Some(true), 10);
        assert_eq!(found, Minimal { items: vec![], runs: 0, is_minimal: true });
    }

    #[test]
    fn random_properties_that_are_not_monotone_are_minimized_to_one_minimal_lists() {
        // Any two of each set, an odd sum, or many items: lists in between may lack the property.
        for seed in 0..50 {
            let dice = Dice::from_seed(seed);
            let set: Vec<u64> = (0..5).map(|n| dice.below(Stream::Scenario, n, 40)).collect();
            let holds = |items: &[u64]| {
                let hits = items.iter().filter(|item| set.contains(item)).count();
                hits >= 3 || (hits == 2 && items.iter().sum::<u64>() % 2 == 1) || items.len() > 30
            };
            let found = minimize((0..40).collect(), as_it_is, |items| Some(holds(items)), 100_000);
            assert!(found.is_minimal && is_one_minimal(&found.items, holds), "seed {seed}: {:?}", found.items);
        }
    }

    #[test]
    fn items_become_as_simple_as_they_can_be() {
        // Numbers that may be halved or counted down; together at least 100, one of them at least 37.
        let simpler = |item: &u64| [item / 2, item.saturating_sub(1)].into_iter().filter(|less| less < item).collect();
        let holds = |items: &[u64]| Some(items.iter().sum::<u64>() >= 100 && items.iter().any(|item| *item >= 37));
        let found = minimize(vec![90, 80, 70, 60], simpler, holds, 100_000);
        assert_eq!(found.items.iter().sum::<u64>(), 100);
        assert_eq!(found.items.len(), 2, "two of 90 and less are needed: {:?}", found.items);
        assert!(found.is_minimal);
    }

    #[test]
    fn a_simpler_form_lets_others_be_left_out() {
        // 2 needs 1 beside it; its simpler form 0 needs nothing.
        let simpler = |item: &u64| if *item == 2 { vec![0] } else { vec![] };
        let holds = |items: &[u64]| Some(items.contains(&0) || (items.contains(&1) && items.contains(&2)));
        assert_eq!(minimize(vec![1, 2], simpler, holds, 100).items, [0]);
    }

    #[test]
    fn nothing_is_asked_twice_and_the_budget_is_kept() {
        let all: Vec<u64> = (0..200).collect();
        let mut asked = BTreeSet::new();
        let holds = |items: &[u64]| {
            assert!(asked.insert(items.to_vec()), "{items:?} a second time");
            Some(items.contains(&3) && items.contains(&150))
        };
        let full = minimize(all.clone(), as_it_is, holds, 10_000);
        assert_eq!(asked.len() as u64, full.runs);
        let short = minimize(all, as_it_is, |items| Some(items.contains(&3) && items.contains(&150)), 12);
        assert_eq!((short.runs, short.is_minimal), (12, false));
        assert!(short.items.contains(&3) && short.items.contains(&150), "what it gives has the property");
        assert!(short.items.len() < 200, "and is less than it was");
    }

    #[test]
    fn a_search_that_is_stopped_gives_what_it_has() {
        let mut left = 5;
        let holds = |items: &[u64]| {
            left -= 1;
            (left > 0).then(|| items.contains(&9))
        };
        let found = minimize((0..100).collect(), as_it_is, holds, 10_000);
        assert!(!found.is_minimal && found.items.contains(&9) && found.items.len() < 100);
    }
}
