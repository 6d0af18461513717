//! The same scenario run twice gives the same bytes.
//!
//! This one needs two runs, so it is a function, and not part of [`World::run`](crate::World::run).

use super::Oracle;
use crate::time::Time;
use crate::world::{Ending, World};

/// Runs what `build` makes twice, and compares all frames, remarks and sockets. Returns the first run; its failures tell
/// where the second one differed.
///
/// ```
/// use smolsock_sim::{World, oracle, time::Time};
/// let build = || {
///     let mut world = World::new(1);
///     let host = world.host("host", &["192.0.2.1/24"])?;
///     world.app(host, "idle", |_| async { Ok(()) });
///     Ok::<_, smolsock_sim::WorldError>(world)
/// };
/// let ending = oracle::twice(build, Time::from_secs(60))?;
/// assert!(ending.failures.is_empty(), "{:?}", ending.failures);
/// # Ok::<(), smolsock_sim::WorldError>(())
/// ```
///
/// # Errors
/// What `build` says.
pub fn twice<E>(mut build: impl FnMut() -> Result<World, E>, limit: Time) -> Result<Ending, E> {
    let mut first = build()?.run(limit);
    let second = build()?.run(limit);
    compare(&mut first, &second);
    Ok(first)
}

/// Lets the failures of the first run tell where the second one differed.
pub(crate) fn compare(first: &mut Ending, second: &Ending) {
    if let Some(what) = difference(first, second) {
        first.failures.push(format!("{}: {what}", Oracle::Determinism));
    }
}

/// The first thing in which two runs of one scenario differ.
pub fn difference(first: &Ending, second: &Ending) -> Option<String> {
    let frames = first.trace.frames.iter().zip(&second.trace.frames);
    if let Some((one, other)) = frames.clone().find(|(one, other)| one != other) {
        let (link, nth) = (&one.link, one.nth);
        return Some(format!(
            "frame {nth} of cable {link} at {}, and at {} the second time",
            one.sent_at, other.sent_at
        ));
    }
    let counts = (first.trace.frames.len(), second.trace.frames.len());
    if counts.0 != counts.1 {
        return Some(format!("{} frames, and {} the second time", counts.0, counts.1));
    }
    if let Some((one, other)) =
        first.journal.entries.iter().zip(&second.journal.entries).find(|(one, other)| one != other)
    {
        return Some(format!("at {}: {:?}, and {:?} the second time", one.at, one.what, other.what));
    }
    if first.journal.entries.len() != second.journal.entries.len() {
        return Some("more happened one time than the other".into());
    }
    if first.notes != second.notes {
        return Some("the applications said other things the second time".into());
    }
    let ends = ((first.apps_ended_at, first.ended_at), (second.apps_ended_at, second.ended_at));
    (ends.0 != ends.1).then(|| format!("it ended at {:?}, and at {:?} the second time", ends.0, ends.1))
}
