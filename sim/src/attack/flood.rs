//! Does a listener serve honest clients while a flood of SYNs comes?

use std::net::SocketAddr;
use std::time::Duration;

use super::arena::{Arena, must};
use super::forge::Forged;
use super::{Attack, Outcome, Setup, arena};
use crate::observe::dissect::Flags;
use crate::report::thousands;
use crate::rng::{Dice, Stream};
use crate::time::Time;
use crate::world::WorldError;

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "syn-flood",
            about: "SYNs from addresses that do not exist, to a listener with the default limits",
            count: 1_000_000,
            load: |count| format!("{} half-opens, 10,000 a second, each from another address", thousands(count)),
            bound: "every honest client gets in at its first try; at most 128 half-open sockets (`Config::half_open_max`)",
            play: |setup| syn_flood(setup, Duration::from_micros(100), 128),
        },
        Attack {
            name: "syn-flood-fast",
            about: "The same a hundred times faster, to a listener with more room for half-open connections",
            count: 1_000_000,
            load: |count| format!("{} half-opens, 1,000,000 a second", thousands(count)),
            bound: "the same with `half_open_max` of 16,384, more than the flood sends in a round trip",
            play: |setup| syn_flood(setup, Duration::from_micros(1), 16_384),
        },
    ]
}

/// Buffers of the server's connections, bytes: the half-open ones have theirs from the start.
const BUFFER_BYTES: usize = 2_048;

fn syn_flood(setup: &Setup, gap: Duration, half_open_max: usize) -> Result<Outcome, WorldError> {
    let mut arena = Arena::new(setup, |config| {
        config.half_open_max = half_open_max;
        (config.tcp_recv_bytes, config.tcp_send_bytes) = (BUFFER_BYTES, BUFFER_BYTES);
    })?;
    let start = Time::from_millis(100);
    let end = start.after_ns(gap.as_nanos() as u64 * setup.count);
    let dice = Dice::from_seed(arena::SEED).child("syn");
    let wrap = arena.to_server();
    let volley = arena.volley(start, gap, setup.count).shooting(move |n, _, out| {
        let syn = Forged {
            from: stranger(n, dice.roll(Stream::Application, n)),
            to: arena::echo_at(),
            seq: dice.roll(Stream::Scenario, n) as u32,
            ack: None,
            flags: Flags::SYN,
            window: 65_535,
            payload: &[],
        };
        out.push(wrap(&syn.packet()));
    });
    arena.invite(volley)?;
    arena.serve(5, end);
    arena.visit(Duration::from_millis(100), (start, end));
    let outcome = arena.run(Time::from_secs(3_600), |tally, _| {
        let mut missed = Vec::new();
        // The listener, and connections that are open or being closed.
        let sockets_max = half_open_max + 1 + OTHERS_MAX;
        must(&mut missed, tally.refused == 0, || format!("{} honest clients did not get in", tally.refused));
        must(&mut missed, tally.longest < FIRST_TRY, || format!("{}: a SYN had to come again", tally.visits()));
        must(&mut missed, tally.sockets <= sockets_max, || format!("{} sockets", tally.sockets));
        let result = format!(
            "{}; {} sockets at most, {} evicted",
            tally.visits(),
            thousands(tally.sockets as u64),
            thousands(tally.counters.half_open_evicted)
        );
        (result, missed)
    });
    Ok(outcome)
}

/// The n-th address of 10.0.0.0/8, and a port.
pub(super) fn stranger(n: u64, roll: u64) -> SocketAddr {
    let [_, a, b, c] = ((n + 1) as u32).to_be_bytes();
    ([10, a, b, c], 1024 + (roll % 64_000) as u16).into()
}

/// Honest connections at once: each is over before the next begins, but for what is left to be closed.
const OTHERS_MAX: usize = 4;
/// A SYN that is lost comes again after a second.
const FIRST_TRY: Duration = Duration::from_secs(1);
