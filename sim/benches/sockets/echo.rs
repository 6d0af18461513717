//! What does a packet cost as the number of open connections grows?

use crate::ours::Ours;
use crate::pair::{Buffers, Pair};
use crate::plain::Plain;
use crate::report::{Ratio, Report, Row, thousands};
use crate::rounds::{Effort, Series, interleave};
use crate::wire::Side;

const MESSAGE: [u8; 64] = [0x5a; 64];

/// Which connection speaks next.
#[derive(Clone, Copy, Debug)]
enum Pick {
    Same,
    Random,
}

/// 64 bytes there and back, on one of many connections.
pub fn run(effort: Effort, report: &mut Report) {
    let rounds = effort.pick(150, 1_000);
    let mut alone = Crowd::<Plain>::new(1);
    let mut ours = [1, 100, 10_000, 100_000].map(Crowd::<Ours>::new);
    let plain = plain_series(&mut alone, effort);
    let [one, hundred, ten_thousand, hundred_thousand] = &mut ours;
    let [plain_1, ours_1, same_100, same_10k, same_100k] = interleave(
        rounds,
        [
            &mut || alone.round(Pick::Same, 500),
            &mut || one.round(Pick::Same, 500),
            &mut || hundred.round(Pick::Same, 500),
            &mut || ten_thousand.round(Pick::Same, 500),
            &mut || hundred_thousand.round(Pick::Same, 500),
        ],
    );
    let [ours_again, random_100, random_10k, random_100k] = interleave(
        rounds,
        [
            &mut || one.round(Pick::Same, 500),
            &mut || hundred.round(Pick::Random, 500),
            &mut || ten_thousand.round(Pick::Random, 500),
            &mut || hundred_thousand.round(Pick::Random, 500),
        ],
    );
    let (p, [p_100, p_1k, p_10k]) = (&plain_1, plain);
    let to_plain = Ratio::AtMost { measured: ours_1.times(p), target: 1.4 };
    let to_one = |series: &Series| Ratio::Free(series.times(&ours_1));
    let to_one_again = |series: &Series| Ratio::Free(series.times(&ours_again));
    let within = |ratio: Ratio, target| match ratio {
        Ratio::Free(measured) | Ratio::AtMost { measured, .. } | Ratio::AtLeast { measured, .. } => {
            Ratio::AtMost { measured, target }
        }
    };
    let mut row = |what: &str, plain: Option<&Series>, ours: Option<&Series>, ratio: Option<Ratio>| {
        let cell = |series: Option<&Series>| series.map_or(String::new(), |series| thousands(series.best_ns()));
        report.row(Row { what: what.into(), plain: cell(plain), ours: cell(ours), ratio });
    };
    row("echo of 64 bytes, ns/packet, 1 connection (ratio to plain)", Some(p), Some(&ours_1), Some(to_plain));
    row(
        "100 connections, the same each time (ratio to ours at 1)",
        Some(&p_100),
        Some(&same_100),
        Some(to_one(&same_100)),
    );
    row("1,000 connections, the same", Some(&p_1k), None, None);
    row("10,000 connections, the same", Some(&p_10k), Some(&same_10k), Some(to_one(&same_10k)));
    row("100,000 connections, the same", None, Some(&same_100k), Some(within(to_one(&same_100k), 1.3)));
    row("100 connections, a random one", None, Some(&random_100), Some(to_one_again(&random_100)));
    row("10,000 connections, a random one", None, Some(&random_10k), Some(to_one_again(&random_10k)));
    row("100,000 connections, a random one", None, Some(&random_100k), Some(within(to_one_again(&random_100k), 6.0)));
}

/// Plain smoltcp at 100, 1,000 and 10,000 connections: it walks all sockets, so fewer echoes in fewer rounds.
fn plain_series(alone: &mut Crowd<Plain>, effort: Effort) -> [Series; 3] {
    let mut crowds = [100, 1_000, 10_000].map(Crowd::<Plain>::new);
    let [hundred, thousand, ten_thousand] = &mut crowds;
    let [_, hundred, thousand, ten_thousand] = interleave(
        effort.pick(20, 100),
        [
            &mut || alone.round(Pick::Same, 500),
            &mut || hundred.round(Pick::Same, 100),
            &mut || thousand.round(Pick::Same, 50),
            &mut || ten_thousand.round(Pick::Same, 5),
        ],
    );
    [hundred, thousand, ten_thousand]
}

/// A pair with many open connections.
struct Crowd<P: Pair> {
    pair: P,
    conns: Vec<P::Conn>,
    dice: u64,
}

impl<P: Pair> Crowd<P> {
    fn new(count: usize) -> Crowd<P> {
        let mut pair = P::new(Buffers::SMALL, count);
        let conns = (0..count).map(|_| pair.connect()).collect();
        Crowd { pair, conns, dice: 0x9e37_79b9_7f4a_7c15 }
    }

    /// Does `echoes` echoes; returns the packets they took.
    fn round(&mut self, pick: Pick, echoes: usize) -> u64 {
        let before = self.pair.packets();
        for _ in 0..echoes {
            let index = match pick {
                Pick::Same => 0,
                Pick::Random => self.random_index(),
            };
            self.echo(self.conns[index]);
        }
        self.pair.packets() - before
    }

    fn echo(&mut self, conn: P::Conn) {
        let mut bytes = [0; 128];
        assert_eq!(self.pair.send(Side::Client, conn, &MESSAGE), MESSAGE.len());
        self.pair.transmit(Side::Client);
        self.pair.receive(Side::Server);
        let got = self.pair.recv(Side::Server, conn, &mut bytes);
        assert_eq!(got, MESSAGE.len());
        assert_eq!(self.pair.send(Side::Server, conn, &bytes[..got]), got);
        self.pair.transmit(Side::Server);
        self.pair.receive(Side::Client);
        let got = self.pair.recv(Side::Client, conn, &mut bytes);
        assert_eq!(bytes[..got], MESSAGE);
    }

    /// Xorshift64: which connections are hit must not cost what is measured.
    fn random_index(&mut self) -> usize {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice % self.conns.len() as u64) as usize
    }
}
