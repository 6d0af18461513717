//! Did the run come to what the scenario promises?

use super::model::Expect;
use crate::observe::{Observation, observe};
use crate::report::summary::Summary;
use crate::time::{Time, in_words};
use crate::trace::Trace;

/// Whether promises are about frames, which then have to be kept.
pub(super) fn needs_frames(expect: &Expect) -> bool {
    let about_time = Expect { ends_within_ns: expect.ends_within_ns, ..Expect::default() };
    *expect != about_time
}

/// Adds a sentence for each broken promise.
pub(super) fn judge(expect: &Expect, trace: &Trace, apps_ended_at: Time, failures: &mut Vec<String>) {
    if let Some(bound_ns) = expect.ends_within_ns
        && apps_ended_at.as_nanos() > bound_ns
    {
        failures.push(format!("the applications took {apps_ended_at}; they were to end within {}", in_words(bound_ns)));
    }
    if !needs_frames(expect) {
        return;
    }
    let observation = observe(trace);
    let summary = Summary::of(&observation, apps_ended_at);
    let resent = summary.tcp.retransmissions;
    let numbers = [
        ("segments were sent again", resent, expect.retransmissions_min, expect.retransmissions_max),
        ("frames were dropped", summary.frames.dropped, expect.drops_min, expect.drops_max),
        ("connections were established", summary.tcp.established, expect.connections_min, None),
    ];
    for (what, found, min, max) in numbers {
        if let Some(min) = min.filter(|min| found < *min) {
            failures.push(format!("{found} {what}; at least {min} were promised"));
        }
        if let Some(max) = max.filter(|max| found > *max) {
            failures.push(format!("{found} {what}; at most {max} were promised"));
        }
    }
    for wanted in &expect.states {
        if !has_state(&observation, &wanted.host, wanted.state) {
            let (host, state) = (&wanted.host, wanted.state.rfc_name());
            failures.push(format!("no connection of {host} went through {state}, as was promised"));
        }
    }
}

/// Adds a sentence for the first segment that is not as promised. `vantage`: the host that sees them.
pub(super) fn judge_segments(expect: &Expect, trace: &Trace, vantage: Option<&String>, failures: &mut Vec<String>) {
    if expect.segments.is_empty() {
        return;
    }
    let seen = vantage.and_then(|name| trace.node_named(name)).map(|node| crate::capture::segments(trace, node));
    let seen = seen.unwrap_or_default();
    let count = seen.len().max(expect.segments.len());
    let different = (0..count).find(|at| seen.get(*at) != expect.segments.get(*at));
    if let Some(at) = different {
        let say = |line: Option<&String>| line.map_or("nothing", String::as_str).to_owned();
        let (found, promised) = (say(seen.get(at)), say(expect.segments.get(at)));
        failures.push(format!("segment {} is {found}; promised was {promised}", at + 1));
    }
}

fn has_state(observation: &Observation<'_>, host: &str, state: smolsock::TcpState) -> bool {
    let halves = observation.connections.iter().flat_map(|connection| [&connection.client, &connection.server]);
    let mut of_host = halves.filter(|half| half.node.is_some_and(|node| observation.name(node) == host));
    of_host.any(|half| half.states().steps.iter().any(|step| step.state == state))
}
