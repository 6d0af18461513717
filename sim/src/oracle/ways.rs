//! What is kept for each direction of each cable?

use crate::journal::Way;
use crate::link::Direction;

/// A place for each direction of each cable, made when it is asked for. Cables are numbered from 0 without gaps, so this is
/// a list and no map: it is asked several times for every frame.
#[derive(Debug, Default)]
pub(super) struct Ways<T> {
    places: Vec<T>,
}

impl<T: Default> Ways<T> {
    /// The place of this direction.
    pub(super) fn of(&mut self, way: Way) -> &mut T {
        let index = 2 * way.cable + usize::from(way.direction == Direction::Back);
        if self.places.len() <= index {
            self.places.resize_with(index + 1, T::default);
        }
        &mut self.places[index]
    }

    /// All places, cable by cable; those that nobody asked for are in their first state.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Way, &T)> {
        let way = |index: usize| match index % 2 {
            0 => Way { cable: index / 2, direction: Direction::Forward },
            _ => Way { cable: index / 2, direction: Direction::Back },
        };
        self.places.iter().enumerate().map(move |(index, place)| (way(index), place))
    }
}
