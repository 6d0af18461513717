//! How many bytes does an idle connection hold beside its buffers?
//!
//! A benchmark of its own because the allocator that counts would slow down what `sockets` times.
#![expect(clippy::print_stdout, reason = "a benchmark's product is what it prints")]
#![expect(dead_code, reason = "the contenders are shared with the benchmark `sockets`, which uses all of them")]

#[path = "../sockets/ours.rs"]
mod ours;
#[path = "../sockets/pair.rs"]
mod pair;
#[path = "../sockets/plain.rs"]
mod plain;
#[path = "../sockets/report.rs"]
mod report;
#[path = "../sockets/wire.rs"]
mod wire;

use ours::Ours;
use pair::{Buffers, Pair};
use plain::Plain;
use report::{Ratio, Report, Row, thousands};

#[global_allocator]
static HEAP: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

fn main() {
    let mut report = Report::default();
    for count in [1_000, 10_000] {
        let plain = bytes_per_end::<Plain>(count);
        let ours = bytes_per_end::<Ours>(count);
        report.row(Row {
            what: what(count),
            plain: thousands(plain),
            ours: thousands(ours),
            ratio: Some(Ratio::Free(ours / plain)),
        });
    }
    let ours = thousands(bytes_per_end::<Ours>(100_000));
    report.row(Row { what: what(100_000), ours, ..Row::default() });
    println!("{report}");
}

fn what(count: usize) -> String {
    format!("bytes per idle connection end, its buffers deducted, {} open", thousands(count as f64))
}

/// What the heap grows by, divided by the ends of the connections that were opened.
fn bytes_per_end<P: Pair>(count: usize) -> f64 {
    // The handles are the application's: reserved before the count begins.
    let mut conns = Vec::with_capacity(count);
    let mut pair = P::new(Buffers::SMALL, count);
    let before = live_bytes();
    for _ in 0..count {
        conns.push(pair.connect());
    }
    let Buffers { recv_bytes, send_bytes } = Buffers::SMALL;
    let ends = 2 * count;
    let grown = live_bytes() - before;
    (grown as f64 / ends as f64) - (recv_bytes + send_bytes) as f64
}

fn live_bytes() -> usize {
    let stats = HEAP.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}
