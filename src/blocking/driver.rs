//! What does the thread do that runs a stack?

use std::panic::{self, AssertUnwindSafe};

use super::shared::{Phase, Shared, State};
use super::waiter::Waiter;
use crate::stack::Step;
use crate::time::{Duration, Instant};

/// Runs the stack until it is told to end, or the device is gone.
pub(super) fn run(shared: &Shared, mut waiter: impl Waiter) {
    let (mut activity, mut left) = (0, None);
    // Callers must not wait for ever for a driver that is no more.
    let _ = panic::catch_unwind(AssertUnwindSafe(|| {
        loop {
            shared.give_way();
            let mut state = shared.lock();
            let rest = turn(&mut state, shared.now(), &mut activity);
            shared.free(state);
            let waited = match rest {
                Rest::None => Ok(()),
                Rest::Until { for_room, timeout } => waiter.wait(for_room, timeout),
                Rest::Ever { left: unfinished } => {
                    left = Some(unfinished);
                    return;
                }
            };
            if waited.is_err() {
                return;
            }
        }
    }));
    let mut state = shared.lock();
    state.phase = Phase::Ended(left.unwrap_or(state.stack.sockets_left()));
    state.wake_all();
    shared.free(state);
    shared.ended.notify_all();
}

/// What the driver does after a turn.
enum Rest {
    /// Another turn at once.
    None,
    /// Waits for the device, also for room if it was full.
    Until { for_room: bool, timeout: Option<Duration> },
    /// Nothing any more: so many sockets did not come to their end.
    Ever { left: usize },
}

/// One step of the stack. `activity`: how much there was when the driver last slept.
fn turn(state: &mut State, now: Instant, activity: &mut u64) -> Rest {
    let step = state.step(now);
    let mut until = state.stack.next_step();
    if let Phase::Closing(end) = state.phase {
        let left = state.stack.sockets_left();
        if left == 0 {
            return Rest::Ever { left };
        }
        if end <= now {
            // The peers shall know that nobody is here any more.
            state.stack.reset_all();
            let _ = state.step(now);
            return Rest::Ever { left };
        }
        until = Some(until.map_or(end, |until| until.min(end)));
    }
    if step == Step::More {
        return Rest::None;
    }
    if until.is_some_and(|until| until <= now) {
        // Connections with news for their applications: they answer in the next step.
        until = Some(now.saturating_add(ANSWER_TIME));
    } else if core::mem::replace(activity, state.activity) != state.activity {
        let soon = now.saturating_add(DOZE);
        until = Some(until.map_or(soon, |until| until.min(soon)));
    }
    state.asleep_until = Some(until.unwrap_or(Instant::MAX));
    let timeout = until.map(|until| until.saturating_duration_since(now));
    Rest::Until { for_room: step == Step::Blocked, timeout }
}

/// How long an application has to read and to answer before the stack acknowledges alone.
const ANSWER_TIME: Duration = Duration::from_micros(50);
/// How long a driver that had work sleeps at most: the next call sets a timer, and need not wake it for that.
const DOZE: Duration = Duration::from_millis(200);
