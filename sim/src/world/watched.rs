//! Who looks on while a run goes on?

use crate::time::Time;
use crate::trace::Trace;

/// Somebody who looks on while a run goes on, and has no influence on it: a capture that is written live, a clock that
/// slows virtual time down to real time.
pub trait Watch {
    /// All that happens until `now` has happened, and time is about to go on. `trace`: the frames so far (none without
    /// [`Recording::Full`](super::Recording::Full)), with fates that may lie in the future.
    fn after(&mut self, trace: &Trace, now: Time);
}

/// Nobody looks on.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl Watch for Nobody {
    fn after(&mut self, _: &Trace, _: Time) {}
}

/// Whoever is there looks on.
impl<W: Watch> Watch for Option<W> {
    fn after(&mut self, trace: &Trace, now: Time) {
        if let Some(watch) = self {
            watch.after(trace, now);
        }
    }
}
