//! What holds for every network, every buffer and every seed?

mod calls;
mod datagrams;
mod runs;
mod streams;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use smolsock_sim::link::{Impairments, Jitter, Loss, Queue};

/// `default` cases, or as many as `PROPTEST_CASES` says; always the same ones, unless `PROPTEST_RNG_SEED` says
/// otherwise. No files of seeds are written: a failing case is copied into a test of its own.
pub fn cases(default: u32) -> Config {
    let mut config = Config { failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = default;
    }
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(1);
    }
    config
}

/// A bad cable: up to 20 % of loss, reordering, duplicates and corruption, jitter, and a queue that may be short.
fn bad_cable() -> impl Strategy<Value = Impairments> {
    let rate_bps = prop::sample::select(vec![0, 1_000_000, 100_000_000]);
    let queue_frames = prop::sample::select(vec![2, 10, 1_000]);
    let ppm = || prop_oneof![Just(0), 0..200_000_u32];
    (rate_bps, queue_frames, 0..50_000_000_u64, prop_oneof![Just(0), 0..20_000_000_u64], ppm(), ppm(), ppm(), ppm())
        .prop_map(|(rate_bps, queue_frames, delay_ns, jitter_ns, loss, reorder, duplicate, corrupt)| Impairments {
            rate_bps,
            queue: Queue::of_frames(queue_frames),
            delay_ns,
            jitter: Jitter::uniform(jitter_ns),
            loss: Loss::Bernoulli { ppm: loss },
            reorder_ppm: reorder,
            reorder_delay_ns: 30_000_000,
            duplicate_ppm: duplicate,
            corrupt_ppm: corrupt / 4,
            ..Impairments::default()
        })
}
