//! Would fewer drops do?

use super::Placed;
use crate::link::{Act, Fault, When};

/// What [`fewest`] found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fewest {
    /// The first set of drops that does it; of those with the fewest.
    pub drops: Option<Vec<Placed>>,
    /// All sets of up to so many drops were tried before, and none does it.
    pub excluded: usize,
    /// Runs that this took.
    pub runs: u64,
}

/// A run under a list of faults, as [`fewest`] sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it does what is looked for.
    pub is_met: bool,
    /// The drop of each frame that was put on a cable, in the order of sending (see [`drop_of`]).
    pub frames: Vec<Placed>,
}

/// Tries every set of one drop, then every set of two, up to `most`, in the order of sending, until one does it, until
/// `runs_max` runs are used up, or until `play` says `None`. `play` is asked with the drops, and whether the frames are
/// of interest: of most runs they are not.
///
/// A run is the same up to the first frame that is treated otherwise. So the sets are those of a tree: below a set of drops
/// are all that also drop one frame sent after its last.
pub fn fewest(most: usize, runs_max: u64, mut play: impl FnMut(&[Placed], bool) -> Option<Outcome>) -> Fewest {
    let mut search = Search { play: &mut play, runs: 0, runs_max };
    for count in 1..=most {
        match search.below(&mut Vec::new(), count) {
            Found::Yes(drops) => return Fewest { drops: Some(drops), excluded: count - 1, runs: search.runs },
            Found::No => {}
            Found::Unknown => return Fewest { drops: None, excluded: count - 1, runs: search.runs },
        }
    }
    Fewest { drops: None, excluded: most, runs: search.runs }
}

/// The drop of a frame that was put on this cable.
pub fn drop_of(cable: &str, direction: crate::link::Direction, nth: u64) -> Placed {
    Placed { cable: cable.to_owned(), direction, fault: Fault { when: When::Frame(nth), act: Act::Drop } }
}

enum Found {
    Yes(Vec<Placed>),
    No,
    /// The budget is used up.
    Unknown,
}

struct Search<'a, F> {
    play: &'a mut F,
    runs: u64,
    runs_max: u64,
}

impl<F: FnMut(&[Placed], bool) -> Option<Outcome>> Search<'_, F> {
    /// Whether some set of `drops` and `more` later ones does it. Sets of fewer were tried before.
    fn below(&mut self, drops: &mut Vec<Placed>, more: usize) -> Found {
        if self.runs == self.runs_max {
            return Found::Unknown;
        }
        self.runs += 1;
        let Some(outcome) = (self.play)(drops, more > 0) else { return Found::Unknown };
        if more == 0 {
            return if outcome.is_met { Found::Yes(drops.clone()) } else { Found::No };
        }
        let last = drops.last().and_then(|last| outcome.frames.iter().position(|frame| frame == last));
        let later = last.map_or(0, |last| last + 1);
        for frame in outcome.frames.into_iter().skip(later) {
            drops.push(frame);
            let found = self.below(drops, more - 1);
            drops.pop();
            match found {
                Found::No => {}
                found => return found,
            }
        }
        Found::No
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Direction;

    /// Ten frames; each that is dropped is sent again at the end, once.
    fn play(drops: &[Placed]) -> Vec<Placed> {
        (0..10 + drops.len() as u64).map(|nth| drop_of("ab", Direction::Forward, nth)).collect()
    }

    fn numbers(drops: &[Placed]) -> Vec<u64> {
        let number = |placed: &Placed| match placed.fault.when {
            When::Frame(nth) => nth,
            _ => panic!("{placed:?}"),
        };
        drops.iter().map(number).collect()
    }

    fn search(most: usize, runs_max: u64, is_met: impl Fn(&[u64]) -> bool) -> Fewest {
        fewest(most, runs_max, |drops, _| Some(Outcome { is_met: is_met(&numbers(drops)), frames: play(drops) }))
    }

    #[test]
    fn the_fewest_are_found_even_where_more_would_do() {
        let found = search(3, 10_000, |drops| drops.len() == 3 || drops == [4, 9]);
        assert_eq!((found.drops.as_deref().map(numbers), found.excluded), (Some(vec![4, 9]), 1));
        let found = search(3, 10_000, |drops| drops.contains(&7));
        assert_eq!((found.drops.as_deref().map(numbers), found.excluded), (Some(vec![7]), 0));
    }

    #[test]
    fn a_frame_that_only_a_drop_causes_is_tried() {
        // Frame 10 is the repetition of frame 2.
        let found = search(2, 10_000, |drops| drops == [2, 10]);
        assert_eq!(found.drops.as_deref().map(numbers), Some(vec![2, 10]));
    }

    #[test]
    fn every_set_is_tried_once() {
        let mut asked = std::collections::BTreeSet::new();
        let found = fewest(2, 10_000, |drops, _| {
            if drops.len() == 2 {
                assert!(asked.insert(numbers(drops)));
            }
            Some(Outcome { is_met: false, frames: play(drops) })
        });
        // Of eleven frames, those after the first that is dropped.
        assert_eq!(asked.len(), (1..=10).sum::<usize>());
        assert_eq!((found.drops, found.excluded), (None, 2));
    }

    #[test]
    fn what_was_not_tried_is_not_excluded() {
        let found = search(3, 30, |_| false);
        assert_eq!((found.drops, found.excluded, found.runs), (None, 1, 30));
        assert_eq!(fewest(3, 100, |_, _| None), Fewest { drops: None, excluded: 0, runs: 1 });
    }
}
