//! Where do sequence numbers begin? (RFC 9293 §3.4.1)

use std::collections::BTreeSet;

use super::{connecting, host, host_with, listening, secs, stream};
use crate::wire::{rst, syn, syn_ack};
use smolsock::{Errno, Seed};

/// MUST-9: numbers do not repeat, lie everywhere, and depend on a secret.
#[test]
fn initial_sequence_numbers_depend_on_the_seed_and_do_not_repeat() {
    let numbers = |seed: u8| -> Vec<u32> {
        let net = host_with(|config| config.seed = Seed::new([seed; 16]).expect("not zero"));
        (0..100).for_each(|_| drop(connecting(&net)));
        net.frames().iter().map(|frame| isn(frame)).collect()
    };
    let (first, second) = (numbers(7), numbers(8));
    let all: BTreeSet<u32> = first.iter().chain(&second).copied().collect();
    assert_eq!(all.len(), first.len() + second.len());
    assert!(first.len() >= 100 && all.iter().any(|n| *n < 1 << 29) && all.iter().any(|n| *n > 7 << 29));
}

/// MUST-8: the clock that is part of a number counts every 4 µs, and comes round after 4.77 hours.
#[test]
fn initial_sequence_numbers_grow_with_time() {
    let after = |wait| {
        let net = host();
        net.run(wait);
        connecting(&net);
        isn(&net.frames()[0])
    };
    let begin = after(secs(0));
    for seconds in [1, 60, 3_600, 20_000] {
        let ticks = (seconds * 250_000) as u32;
        assert_eq!(after(secs(seconds)).wrapping_sub(begin), ticks, "{seconds} s");
    }
}

/// SHLD-1: at one time the number depends on both ends and the secret, and on nothing else: what others were given tells nobody.
#[test]
fn initial_sequence_numbers_are_a_function_of_both_ends() {
    let of = |local: u16, remote: ([u8; 4], u16), others: usize| {
        let net = host();
        (0..others).for_each(|_| drop(connecting(&net)));
        let before = net.frames().len();
        let socket = stream(&net);
        net.host().bind(socket, ([0; 4], local).into()).expect("a free port");
        assert_eq!(net.host().connect(socket, remote.into()), Err(Errno::EINPROGRESS));
        net.run(secs(0));
        isn(&net.frames()[before])
    };
    let number = of(5_000, ([192, 0, 2, 2], 80), 0);
    assert_eq!(of(5_000, ([192, 0, 2, 2], 80), 3), number, "connections to others change nothing");
    let all = [
        number,
        of(5_001, ([192, 0, 2, 2], 80), 0),
        of(5_000, ([192, 0, 2, 2], 81), 0),
        of(5_000, ([192, 0, 2, 3], 80), 0),
    ];
    let far = |a: u32, b: u32| a.wrapping_sub(b).min(b.wrapping_sub(a)) > 1 << 16;
    for (i, first) in all.iter().enumerate() {
        assert!(all[..i].iter().all(|second| far(*first, *second)), "{all:?}");
    }
}

/// RFC 6528 §3: the next connection of the same two ends has a larger number, so that it can follow one in TIME-WAIT at once.
#[test]
fn the_next_connection_of_the_same_ends_begins_behind_the_last() {
    let net = host();
    let (_, mut peer) = listening(&net);
    let mut last: Option<u32> = None;
    for round in 0..5 {
        peer.sends(syn(0));
        peer.expects(syn_ack(0).ack(1));
        let number = isn(net.frames().last().expect("a SYN-ACK"));
        if let Some(last) = last {
            // A second and a quarter.
            assert!((250_000..=500_000).contains(&number.wrapping_sub(last)), "round {round}: {last} {number}");
        }
        last = Some(number);
        peer.sends(rst(1));
        net.run(secs(1));
        peer.reborn(100_000);
    }
}

fn isn(frame: &[u8]) -> u32 {
    u32::from_be_bytes(frame[24..28].try_into().expect("four bytes"))
}
