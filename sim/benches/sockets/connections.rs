//! How many connections per second can be opened and closed?

use crate::ours::Ours;
use crate::pair::{Buffers, Pair};
use crate::plain::Plain;
use crate::report::{Ratio, Report, Row, thousands};
use crate::rounds::{Effort, Series, interleave};

const ROUND_CONNECTIONS: u64 = 1_000;

/// Connect, one byte, close, one after the other.
pub fn run(effort: Effort, report: &mut Report) {
    let rounds = effort.pick(100, 1_000);
    let mut plain = Plain::new(Buffers::SMALL, 1);
    let mut again = Plain::new(Buffers::SMALL, 1);
    let mut ours = Ours::new(Buffers::SMALL, 1);
    let [plain, again, ours] = interleave(
        rounds,
        [&mut || round(|| plain.short_connection()), &mut || round(|| again.short_connection_again()), &mut || {
            round(|| ours.short_connection())
        }],
    );
    report.row(Row {
        what: "connections/s (connect, 1 byte, close), fresh sockets".into(),
        plain: per_second(&plain),
        ours: per_second(&ours),
        ratio: Some(Ratio::AtLeast { measured: plain.times(&ours), target: 0.5 }),
    });
    report.row(Row {
        what: "the same, plain smoltcp uses two sockets again and again".into(),
        plain: per_second(&again),
        ours: per_second(&ours),
        ratio: Some(Ratio::Free(again.times(&ours))),
    });
}

fn per_second(series: &Series) -> String {
    thousands(1e9 / series.best_ns())
}

fn round(mut connection: impl FnMut()) -> u64 {
    for _ in 0..ROUND_CONNECTIONS {
        connection();
    }
    ROUND_CONNECTIONS
}
