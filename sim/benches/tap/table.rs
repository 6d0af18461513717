//! What is measured, and how is it printed?

use std::fmt::Write;
use std::time::Duration;

use crate::kernel::{self, Kernel};
use crate::net::Direction;
use crate::ours::Ours;
use crate::plain::Plain;
use crate::rounds::{Effort, Series, interleave};

/// A row of the table: its name, who sends, our send buffer, how long we ask before we sleep, and what the ratio to plain smoltcp
/// should be.
type Row = (&'static str, Direction, usize, Duration, f64);

const ROWS: [Row; 6] = [
    ("send, 64 KiB buffers", Direction::Send, 64 << 10, Duration::ZERO, 4.0),
    ("the same, smolsock asks for 50 µs before it sleeps", Direction::Send, 64 << 10, AWAKE, 4.0),
    ("send, 256 KiB send buffer", Direction::Send, 256 << 10, Duration::ZERO, 8.0),
    ("the same, smolsock asks for 50 µs before it sleeps", Direction::Send, 256 << 10, AWAKE, 8.0),
    ("receive, 64 KiB buffers", Direction::Receive, 64 << 10, Duration::ZERO, 2.5),
    ("the same, smolsock asks for 50 µs before it sleeps", Direction::Receive, 64 << 10, AWAKE, 2.5),
];
/// As long as a sleep and a wake-up cost.
const AWAKE: Duration = Duration::from_micros(50);

/// Measures all, and gives the table.
pub fn measure(effort: Effort) -> String {
    let rounds = effort.pick(7, 41);
    let mut table = String::from(
        "| Gbit/s, best round | smolsock | plain smoltcp | kernel, veth, no offloads | ratio to plain (target) \
         | ratio to veth (target) |\n|---|---|---|---|---|---|\n",
    );
    for (number, (name, direction, send_bytes, awake, target)) in ROWS.into_iter().enumerate() {
        let plain_name = format!("plain{number}");
        let mut ours = Ours::new(direction, 4 * ROUND_BYTES, send_bytes, awake);
        let mut plain = Plain::new(direction, ROUND_BYTES, (&plain_name, 200 + number as u8));
        let mut ours = || ours.round(direction);
        let mut plain = || plain.round(direction);
        let (ours, plain, veth) = if kernel::is_measurable() {
            let mut kernel = Kernel::new(direction, ROUND_BYTES);
            let [ours, plain, veth] = interleave(rounds, [&mut ours, &mut plain, &mut || kernel.round(direction)]);
            (ours, plain, Some(veth))
        } else {
            let [ours, plain] = interleave(rounds, [&mut ours, &mut plain]);
            (ours, plain, None)
        };
        let rate = |series: &Series| format!("{:.1}", 8.0 / series.best_ns());
        let (veth_rate, to_veth) = match &veth {
            Some(veth) => (rate(veth), format!("{:.1} (≥ 2)", veth.times(&ours))),
            None => ("skipped: no `ethtool`".to_owned(), String::new()),
        };
        let (ours_rate, plain_rate, to_plain) = (rate(&ours), rate(&plain), plain.times(&ours));
        let _ = writeln!(
            table,
            "| {name} | {ours_rate} | {plain_rate} | {veth_rate} | {to_plain:.1} (≥ {target}) | {to_veth} |",
        );
    }
    table
}

/// What one round moves; more where a round would be too short.
const ROUND_BYTES: u64 = 32 << 20;
