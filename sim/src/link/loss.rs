//! Is this frame lost at random?

#[cfg(test)]
mod tests;

use super::Loss;
use crate::rng::{Dice, Stream};

/// The state of a cable that loses in bursts, and the decision for each frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Losses {
    is_bad: bool,
}

impl Losses {
    /// Whether `loss` takes frame `nth`. Has to be asked for every frame, in order, whatever else happens to it: the
    /// state goes on from frame to frame, by rolls of its own.
    pub(super) fn takes(&mut self, dice: &Dice, nth: u64, loss: Loss) -> bool {
        match loss {
            Loss::None => {
                self.is_bad = false;
                false
            }
            Loss::Bernoulli { ppm } => {
                self.is_bad = false;
                dice.hits(Stream::Loss, nth, ppm)
            }
            Loss::GilbertElliott { good_to_bad_ppm, bad_to_good_ppm, loss_good_ppm, loss_bad_ppm } => {
                let (loss_ppm, change_ppm) = match self.is_bad {
                    false => (loss_good_ppm, good_to_bad_ppm),
                    true => (loss_bad_ppm, bad_to_good_ppm),
                };
                self.is_bad ^= dice.hits(Stream::Burst, nth, change_ppm);
                dice.hits(Stream::Loss, nth, loss_ppm)
            }
        }
    }
}
