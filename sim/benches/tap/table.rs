//! What is measured, and how is it printed?

use std::fmt::Write;
use std::time::Duration;

use smolsock::blocking::BUSY_POLL;

use crate::kernel::{self, Kernel};
use crate::net::Direction;
use crate::ours::Ours;
use crate::plain::Plain;
use crate::rounds::{Effort, Series, interleave};

/// A row of the table: its name, who sends, our send buffer, how long we ask before we sleep, and what the ratio to plain smoltcp
/// should be, if it has a target.
type Row = (&'static str, Direction, usize, Duration, Option<f64>);

const ROWS: [Row; 6] = [
    ("send, 64 KiB buffers", Direction::Send, 64 << 10, BUSY_POLL, Some(4.0)),
    ("send, 64 KiB buffers, no busy polling", Direction::Send, 64 << 10, Duration::ZERO, None),
    ("send, 256 KiB send buffer", Direction::Send, 256 << 10, BUSY_POLL, Some(8.0)),
    ("send, 256 KiB send buffer, no busy polling", Direction::Send, 256 << 10, Duration::ZERO, None),
    ("receive, 64 KiB buffers", Direction::Receive, 64 << 10, BUSY_POLL, Some(2.5)),
    ("receive, 64 KiB buffers, no busy polling", Direction::Receive, 64 << 10, Duration::ZERO, None),
];

/// Measures the rows that have `wanted` in their names, and gives the table.
pub fn measure(effort: Effort, wanted: &str) -> String {
    let rounds = effort.pick(7, 41);
    let mut table = String::from(
        "| Gbit/s, best round | smolsock | plain smoltcp | kernel, veth, no offloads | ratio to plain (target) \
         | ratio to veth (target) |\n|---|---|---|---|---|---|\n",
    );
    let rows = ROWS.into_iter().filter(|row| row.0.contains(wanted));
    for (number, (name, direction, send_bytes, busy_poll, target)) in rows.enumerate() {
        let plain_name = format!("plain{number}");
        let mut ours = Ours::new(direction, 4 * ROUND_BYTES, send_bytes, busy_poll);
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
        let to = |ratio: f64, least: Option<f64>| {
            least.map_or_else(|| format!("{ratio:.1}"), |least| format!("{ratio:.1} (≥ {least})"))
        };
        let (veth_rate, to_veth) = match &veth {
            Some(veth) => (rate(veth), to(veth.times(&ours), target.map(|_| VETH_TARGET))),
            None => ("skipped: no `ethtool`".to_owned(), String::new()),
        };
        let (ours_rate, plain_rate, to_plain) = (rate(&ours), rate(&plain), to(plain.times(&ours), target));
        let _ = writeln!(table, "| {name} | {ours_rate} | {plain_rate} | {veth_rate} | {to_plain} | {to_veth} |");
    }
    table
}

/// What one round moves; more where a round would be too short.
const ROUND_BYTES: u64 = 32 << 20;
/// What the ratio to the kernel over veth should be.
const VETH_TARGET: f64 = 2.0;
