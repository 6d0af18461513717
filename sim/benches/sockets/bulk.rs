//! How many bits per second move over one connection?

use crate::ours::Ours;
use crate::pair::{Buffers, Pair};
use crate::plain::Plain;
use crate::report::{Ratio, Report, Row};
use crate::rounds::{Effort, interleave};
use crate::wire::Side;

/// What one round moves.
pub const ROUND_BYTES: u64 = 4 << 20;

/// Bulk transfer with 64 KiB buffers.
pub fn run(effort: Effort, report: &mut Report) {
    let rounds = effort.pick(100, 1_000);
    let mut plain = Bulk::<Plain>::new();
    let mut ours = Bulk::<Ours>::new();
    let [plain_series, ours_series] = interleave(rounds, [&mut || plain.round(), &mut || ours.round()]);
    report.row(Row {
        what: "bulk, 64 KiB buffers, Gbit/s".into(),
        plain: format!("{:.1}", 8.0 / plain_series.best_ns()),
        ours: format!("{:.1}", 8.0 / ours_series.best_ns()),
        ratio: Some(Ratio::AtLeast { measured: plain_series.times(&ours_series), target: 0.85 }),
    });
}

/// One long-lived connection over which the client sends.
pub struct Bulk<P: Pair> {
    pair: P,
    conn: P::Conn,
    written: Vec<u8>,
    read: Vec<u8>,
}

impl<P: Pair> Bulk<P> {
    /// Opens the connection.
    pub fn new() -> Bulk<P> {
        let mut pair = P::new(Buffers::LARGE, 1);
        let conn = pair.connect();
        let written = (0..Buffers::LARGE.send_bytes).map(|index| index as u8).collect();
        Bulk { pair, conn, written, read: vec![0; Buffers::LARGE.recv_bytes] }
    }

    /// Moves [`ROUND_BYTES`]; returns the bytes moved.
    pub fn round(&mut self) -> u64 {
        let mut moved = 0;
        let mut idle_turns = 0;
        while moved < ROUND_BYTES {
            self.pair.send(Side::Client, self.conn, &self.written);
            self.pair.transmit(Side::Client);
            self.pair.receive(Side::Server);
            let got = self.pair.recv(Side::Server, self.conn, &mut self.read);
            self.pair.transmit(Side::Server);
            self.pair.receive(Side::Client);
            idle_turns = if got == 0 { idle_turns + 1 } else { 0 };
            assert!(idle_turns < 1_000_000, "the transfer stalled");
            moved += got as u64;
        }
        moved
    }

    /// Packets on the wire so far.
    pub fn packets(&self) -> u64 {
        self.pair.packets()
    }
}
