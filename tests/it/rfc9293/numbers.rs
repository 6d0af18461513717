//! Where do sequence numbers begin? (RFC 9293 §3.4.1)

use std::collections::BTreeSet;

use super::{connecting, host, host_with, secs};
use smolsock::Seed;

/// MUST-9 as far as it goes: numbers do not repeat, lie everywhere, and depend on a secret.
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

/// B11, MUST-8: no clock is part of a number: an hour of waiting changes none. When this fails, there is one.
#[test]
fn initial_sequence_numbers_know_no_time() {
    let after = |wait| {
        let net = host();
        net.run(wait);
        connecting(&net);
        isn(&net.frames()[0])
    };
    assert_eq!(after(secs(0)), after(secs(3600)), "MUST-8 may be met now: see the manual, rfc9293");
}

fn isn(frame: &[u8]) -> u32 {
    u32::from_be_bytes(frame[24..28].try_into().expect("four bytes"))
}
