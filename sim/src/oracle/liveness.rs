//! After the last fault, every transfer goes on, and ends, within a bound.
//!
//! A transfer that its reader waits for must not stand still for longer than [`STALL_MAX`] without a fault of the network
//! in that time. A scenario can demand more: that all applications have ended so long after the last fault
//! ([`World::set_bound`](crate::World::set_bound)).

use std::time::Duration;

use super::streams::End;
use crate::time::Time;

/// The longest that nothing happens without a fault: smoltcp's RTO and our persist timer grow to a minute, and one more
/// round may be needed for the answer.
pub const STALL_MAX: Duration = Duration::from_secs(130);

/// The reader has waited until `now`, for data or the end of the stream. Returns what is wrong.
pub(super) fn on_wait_over(reader: &End, sender: &End, last_fault_at: Time, now: Time) -> Option<String> {
    let waits_since = reader.waits_since?;
    let is_owed = !sender.under_way.is_empty() || sender.has_ended;
    if !is_owed || reader.has_failed || reader.has_shut_read || sender.has_failed {
        return None;
    }
    let since = waits_since.max(sender.sent_at).max(last_fault_at);
    let stalled_ns = now.ns_since(since);
    (u128::from(stalled_ns) > STALL_MAX.as_nanos()).then(|| {
        let bytes = sender.under_way.len();
        format!("the reader waits since {waits_since}, and for {bytes} bytes nothing has come since {since}")
    })
}

/// All applications ended at `ended_at`. Returns what is wrong.
pub(super) fn on_apps_ended(bound: Option<Duration>, last_fault_at: Time, ended_at: Time) -> Option<String> {
    let bound = bound?;
    let took_ns = ended_at.ns_since(last_fault_at);
    (u128::from(took_ns) > bound.as_nanos()).then(|| {
        format!("the applications ended at {ended_at}; the last fault was at {last_fault_at}, the bound is {bound:?}")
    })
}
