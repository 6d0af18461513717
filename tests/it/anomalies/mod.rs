//! Does anything leak, hang or break when one thing goes wrong, whenever that is?
//!
//! A conversation is played once with nothing wrong, and then once for every chance that the trouble has: the first frame is
//! refused, then the second, and so on until the run has no n-th frame any more. Each time every task has to end within a bound
//! of virtual time, no byte may be wrong, and when all timers have run out both hosts hold nothing at all.

mod bench;
mod crowd;
mod talks;

use smolsock::inspect::Holdings;
use smolsock::time::{Duration, Instant};
use smolsock::{Config, Stack, Storage};

use crate::pair::{ETHERNET, IP, IP6, Net};
use bench::{Bench, Ended, Trouble};
use talks::Talk;

/// What the tasks may come to.
#[derive(Clone, Copy)]
enum Wanted {
    /// All succeed, and no later than this after the time that they need when nothing is wrong.
    Success(Duration),
    /// They end, with an error where that is fair.
    AnEnd,
}

fn play(talk: &Talk, net: Net, trouble: Trouble, nth: u64, tune: &dyn Fn(&mut Config)) -> Ended {
    let mut bench = Bench::new(net, trouble, nth, tune);
    (talk.begin)(&mut bench, net);
    bench.run()
}

/// What is wrong with how it ended.
fn complaint(ended: &Ended, calm: &Ended, wanted: Wanted) -> Option<String> {
    if let Some(complaint) = &ended.complaint {
        return Some(complaint.clone());
    }
    if !ended.unfinished.is_empty() {
        return Some(format!("{:?} never end", ended.unfinished));
    }
    if let Some((name, error)) = ended.failures.iter().find(|(_, error)| error.starts_with("wrong")) {
        return Some(format!("{name}: {error}"));
    }
    if ended.holdings != [Holdings::default(); 2] {
        return Some(format!("everything has ended, and the hosts hold {:?}", ended.holdings));
    }
    match wanted {
        Wanted::AnEnd if ended.at > Instant::ZERO + HOUR => Some(format!("the last task ended at {}", ended.at)),
        Wanted::Success(_) if !ended.failures.is_empty() => Some(format!("{:?}", ended.failures)),
        Wanted::Success(extra) if ended.at > calm.at + extra => Some(format!("{} instead of {}", ended.at, calm.at)),
        _ => None,
    }
}

/// Longer than R2 (900 s) after anything that a task waits for.
const HOUR: Duration = Duration::from_secs(3_600);

/// Tries every n of `trouble` in `talks`, and shows the first complaints.
fn for_all_n(net: Net, talks: &[Talk], trouble: Trouble, wanted: Wanted) {
    let mut tried = 0;
    let mut complaints = Vec::new();
    for talk in talks {
        let calm = play(talk, net, Trouble::Nothing, 0, &|_| {});
        let calm_complaint = complaint(&calm, &calm, Wanted::Success(Duration::ZERO));
        assert_eq!(calm_complaint, None, "{} with nothing wrong", talk.name);
        for nth in 1.. {
            let ended = play(talk, net, trouble, nth, &|_| {});
            if ended.chances < nth {
                break;
            }
            tried += 1;
            let what = complaint(&ended, &calm, wanted);
            complaints.extend(what.map(|what| format!("{}, {trouble:?} at the {nth}th: {what}", talk.name)));
        }
    }
    assert!(tried > talks.len(), "{trouble:?} had no chance");
    let shown: Vec<_> = complaints.iter().take(8).collect();
    assert!(complaints.is_empty(), "{} of {tried} runs: {shown:#?}", complaints.len());
}

/// What is refused is sent a millisecond later: nothing is lost, nobody waits for a time-out.
#[test]
fn a_device_that_refuses_the_nth_frame_costs_a_millisecond() {
    for net in [ETHERNET, IP, IP6] {
        for_all_n(net, &talks::ALL, Trouble::Refused { tries: 1 }, Wanted::Success(Duration::from_millis(5)));
    }
}

#[test]
fn a_device_that_refuses_from_the_nth_frame_on_costs_no_more_than_that() {
    for_all_n(ETHERNET, &talks::ALL, Trouble::Refused { tries: 50 }, Wanted::Success(Duration::from_secs(3)));
}

#[test]
fn a_device_that_stops_for_seconds_at_the_nth_frame_breaks_no_conversation() {
    for time in [Duration::from_secs(1), Duration::from_secs(10)] {
        for_all_n(
            ETHERNET,
            &talks::ALL,
            Trouble::Stopped { time },
            Wanted::Success(time * 4 + Duration::from_secs(20)),
        );
    }
}

/// Longer than any time-out: all tasks end meanwhile. What waits for the device goes with it, or when it is back.
#[test]
fn a_device_that_stops_for_an_hour_at_the_nth_frame_lets_everything_end() {
    for_all_n(ETHERNET, &talks::ALL, Trouble::Stopped { time: HOUR }, Wanted::AnEnd);
}

#[test]
fn a_socket_table_that_is_full_at_the_nth_call_breaks_no_conversation() {
    for calls in [1, 3, 20] {
        for_all_n(ETHERNET, &talks::ALL, Trouble::TableFull { calls }, Wanted::Success(Duration::from_secs(30)));
    }
}

#[test]
fn a_clock_that_stands_still_or_goes_back_at_the_nth_step_harms_nobody() {
    for trouble in [Trouble::Still { steps: 1 }, Trouble::Still { steps: 1_000 }, Trouble::Back] {
        for_all_n(ETHERNET, &talks::ALL, trouble, Wanted::Success(Duration::from_secs(1)));
    }
}

/// B29. A day, and a year: with an ACK that is a week late smoltcp's estimate of the round-trip time overflows.
#[test]
fn a_clock_that_jumps_at_the_nth_step_leaves_nothing_behind() {
    for days in [1, 365] {
        for_all_n(ETHERNET, &talks::ALL, Trouble::Ahead { time: Duration::from_secs(days * 86_400) }, Wanted::AnEnd);
    }
}

/// The last second before the end, smoltcp's last (it counts in `i64`), and the end itself.
#[test]
fn a_clock_that_comes_to_its_end_at_the_nth_step_leaves_nothing_behind() {
    let smoltcp_end_us = i64::MAX as u64 / 2;
    for us in [smoltcp_end_us - 1_000_000, smoltcp_end_us, i64::MAX as u64, u64::MAX - 1_000_000, u64::MAX] {
        for_all_n(ETHERNET, &talks::ALL, Trouble::At { time: Instant::from_micros(us) }, Wanted::AnEnd);
    }
}

#[test]
fn a_task_that_is_dropped_at_the_nth_await_leaves_nothing_behind() {
    for net in [ETHERNET, IP, IP6] {
        for_all_n(net, &talks::ALL, Trouble::Dropped, Wanted::AnEnd);
    }
}

#[test]
fn a_call_that_is_dropped_at_the_nth_await_can_be_made_again() {
    for_all_n(ETHERNET, &talks::ALL, Trouble::Cancelled, Wanted::Success(Duration::from_secs(3)));
}

#[test]
fn a_neighbour_cache_that_is_flooded_before_the_nth_step_breaks_no_conversation() {
    for_all_n(ETHERNET, &talks::ALL, Trouble::Neighbors, Wanted::Success(Duration::from_secs(4)));
}

#[test]
fn a_reassembly_store_that_is_flooded_before_the_nth_step_breaks_no_conversation() {
    for_all_n(ETHERNET, &talks::ALL, Trouble::Fragments, Wanted::Success(Duration::from_secs(10)));
}

/// Tries all limits of something up to one that is enough for everybody: whichever use is the n-th, for some limit it is the
/// first without room. Then tasks may fail, but they end, and nothing is left. Returns how many have failed.
fn for_all_limits(name: &str, talks: &[Talk], limits: &[usize], tune: fn(&mut Config, usize)) -> usize {
    let mut failed = 0;
    for talk in talks {
        let mut failures = Vec::new();
        for limit in limits {
            let ended = play(talk, ETHERNET, Trouble::Nothing, 0, &|config| tune(config, *limit));
            let what = complaint(&ended, &ended, Wanted::AnEnd);
            assert_eq!(what, None, "{}, {name} {limit}", talk.name);
            failures = ended.failures;
            failed += failures.len();
        }
        assert!(failures.is_empty(), "{}: {limits:?} is no enough {name}: {failures:?}", talk.name);
    }
    failed
}

#[test]
fn a_socket_table_that_is_full_at_the_nth_socket_leaves_nothing_behind() {
    let limits: Vec<_> = (1..=24).collect();
    let failed = for_all_limits("sockets_max", &talks::ALL, &limits, |config, limit| config.sockets_max = limit);
    assert!(failed > 0, "sockets_max was never short");
}

#[test]
fn a_half_open_or_time_wait_table_that_is_full_at_the_nth_use_leaves_nothing_behind() {
    let limits: Vec<_> = (1..=8).collect();
    let failed = for_all_limits("half_open_max", &talks::ALL, &limits, |config, limit| config.half_open_max = limit);
    assert_eq!(failed, 0, "half_open_max: whoever is turned away comes again");
    let limits: Vec<_> = (0..=8).collect();
    let failed = for_all_limits("time_wait_max", &talks::ALL, &limits, |config, limit| config.time_wait_max = limit);
    assert_eq!(failed, 0, "time_wait_max: whoever is turned away comes again");
}

#[test]
fn buffers_that_are_full_at_the_nth_byte_leave_nothing_behind() {
    let streams = &talks::ALL[1..];
    let limits: Vec<_> = (1..=4).chain([7, 50, 535, 536, 537, 1_459, 1_460, 1_461, 3_999, 4_000]).collect();
    let failed = for_all_limits("tcp_recv_bytes", streams, &limits, |config, limit| config.tcp_recv_bytes = limit);
    assert!(failed > 0, "tcp_recv_bytes was never short");
    let failed = for_all_limits("tcp_send_bytes", streams, &limits, |config, limit| config.tcp_send_bytes = limit);
    assert!(failed > 0, "tcp_send_bytes was never short");
}

#[test]
fn datagram_queues_and_reassembly_that_are_full_at_the_nth_use_leave_nothing_behind() {
    let datagrams = [talks::ALL[0], talks::ALL[11], talks::ALL[12]];
    let limits: Vec<_> = (1..=4).collect();
    let failed =
        for_all_limits("udp_queue_datagrams", &datagrams, &limits, |config, limit| config.udp_queue_datagrams = limit);
    assert_eq!(failed, 0, "udp_queue_datagrams: whoever is turned away comes again");
    let limits: Vec<_> = (1..=64).chain([1_472, 3_000, 8_999, 9_000, 20_000]).collect();
    let failed = for_all_limits("udp_recv_bytes", &datagrams, &limits, |config, limit| config.udp_recv_bytes = limit);
    assert!(failed > 0, "udp_recv_bytes was never short");
    let failed = for_all_limits("udp_send_bytes", &datagrams, &limits, |config, limit| config.udp_send_bytes = limit);
    assert!(failed > 0, "udp_send_bytes was never short");
    let failed =
        for_all_limits("reassembly_max", &datagrams, &[0, 1, 2, 3], |config, limit| config.reassembly_max = limit);
    assert!(failed > 0, "reassembly_max was never short");
    let failed =
        for_all_limits("step_frames_max", &talks::ALL, &[1, 2, 3, 64], |config, limit| config.step_frames_max = limit);
    assert_eq!(failed, 0, "step_frames_max: whoever is turned away comes again");
}

/// Without a heap: every table is as large as the caller says.
#[test]
fn storage_that_is_full_at_the_nth_use_leaves_nothing_behind() {
    fn stack<const SOCKETS: usize, const TCP: usize, const UDP: usize>(number: u8) -> Stack<'static> {
        let storage = Box::leak(Box::new(Storage::<SOCKETS, TCP, UDP, 4_000, 1_500>::new()));
        Stack::with_storage(ETHERNET.config(number), &ETHERNET.nic(), storage).expect("good storage")
    }
    type Make = fn(u8) -> Stack<'static>;
    let makes: [(&str, Make); 9] = [
        ("1, 0, 0", stack::<1, 0, 0>),
        ("1, 1, 1", stack::<1, 1, 1>),
        ("2, 1, 1", stack::<2, 1, 1>),
        ("2, 2, 1", stack::<2, 2, 1>),
        ("3, 1, 2", stack::<3, 1, 2>),
        ("3, 2, 2", stack::<3, 2, 2>),
        ("4, 4, 2", stack::<4, 4, 2>),
        ("6, 5, 2", stack::<6, 5, 2>),
        ("16, 16, 4", stack::<16, 16, 4>),
    ];
    for (name, make) in makes {
        for talk in &talks::ALL {
            let mut bench = Bench::of(ETHERNET, Trouble::Nothing, 0, [make(1), make(2)]);
            (talk.begin)(&mut bench, ETHERNET);
            let ended = bench.run();
            assert_eq!(complaint(&ended, &ended, Wanted::AnEnd), None, "{} with {name}", talk.name);
            // Large datagrams need larger storage.
            if name == "16, 16, 4" && talk.name != "datagrams" {
                assert_eq!(ended.failures, [], "{} with {name}", talk.name);
            }
        }
    }
}
