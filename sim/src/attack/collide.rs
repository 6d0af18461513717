//! Can somebody who knows the code choose connections that are slow to find?

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use smolsock::Seed;
use smolsock::inspect::bucket_of;
use smolsock::task::Handle;

use super::arena::{Arena, must};
use super::flood::{self, ISN, hold};
use super::forge::Forged;
use super::{Attack, Outcome, Setup, arena};
use crate::observe::dissect::Flags;
use crate::report::thousands;
use crate::time::Time;
use crate::world::{WorldError, seed_of};

pub(super) fn attacks() -> Vec<Attack> {
    vec![Attack {
        name: "hash-flood",
        about: "Connections whose addresses and ports fall into one place of the table, for the seed that the attacker guesses",
        count: 4_096,
        load: |count| format!("{} connections that collide under a seed of the attacker's own", thousands(count)),
        bound: "no search looks at more than 256 places: the keys of the hash are from the `Seed`",
        play,
    }]
}

fn play(setup: &Setup) -> Result<Outcome, WorldError> {
    let count = setup.count;
    // The attacker has the program, and not the server's seed.
    let guess = Seed::new(*b"a guess of mine.").map_err(|error| WorldError::Address(error.to_string()))?;
    let guessed = collide(setup, colliding(&guess, count))?;
    // The same with the seed shows that the attack is one.
    let known = collide(setup, colliding(&seed_of(arena::SEED, 1, 0)?, count))?;
    let mut missed = Vec::new();
    let places = guessed.places;
    must(&mut missed, places <= SEARCH_MAX, || format!("{places} places"));
    must(&mut missed, known.places as u64 > count, || format!("{} places with the seed: no attack", known.places));
    for run in [&guessed, &known] {
        must(&mut missed, run.open > count, || format!("only {} of the connections were open", run.open));
        missed.extend(run.outcome.missed.iter().cloned());
    }
    let result = format!("{places} places at most; {} for somebody who has the seed", thousands(known.places as u64));
    Ok(Outcome { result, missed, ending: guessed.outcome.ending })
}

/// What the table had come to.
struct Collided {
    places: usize,
    open: u64,
    outcome: Outcome,
}

/// The first so many strangers whose search begins at the first place.
fn colliding(seed: &Seed, count: u64) -> Vec<SocketAddr> {
    let buckets = (count as usize * 2).next_power_of_two();
    let all = (0..).flat_map(|n| (0..64).map(move |port| flood::stranger(n, port)));
    all.filter(|from| bucket_of(seed, TCP, &arena::echo_at(), from, buckets) == 0).take(count as usize).collect()
}

fn collide(setup: &Setup, strangers: Vec<SocketAddr>) -> Result<Collided, WorldError> {
    let mut arena = Arena::new(setup, |config| (config.tcp_recv_bytes, config.tcp_send_bytes) = (2_048, 2_048))?;
    let (start, gap, count) = (Time::from_secs(1), Duration::from_micros(100), strangers.len() as u64);
    let looks_at = start.after_ns(gap.as_nanos() as u64 * count) + Duration::from_secs(1);
    let (wrap, wrap_answer) = (arena.to_server(), arena.to_server());
    // They come, and when somebody has looked they go.
    let volley = arena.volley(start, gap, count).shooting(move |n, _, out| {
        let from = strangers[n as usize];
        let (to, flags) = (arena::echo_at(), Flags::SYN);
        out.push(wrap(&Forged { from, to, seq: ISN, ack: None, flags, window: 65_535, payload: &[] }.packet()));
    });
    arena.invite(volley.answering(move |_, packet, out| out.extend(hold(packet).map(|held| wrap_answer(&held)))))?;
    arena.serve(128, looks_at);
    let seen = Rc::<Cell<(usize, u64)>>::default();
    let told = Rc::clone(&seen);
    let server = arena.world.handle(arena.server);
    arena.world.app(arena.client, "observer", |host| async move {
        host.sleep(looks_at.saturating_duration_since(Time::ZERO)).await;
        told.set(server.with(|stack| (stack.longest_search(), stack.holdings().sockets as u64)));
        Ok(())
    });
    let outcome = arena.run(looks_at + Duration::from_secs(120), |_, _| (String::new(), Vec::new()));
    let (places, open) = seen.get();
    Ok(Collided { places, open, outcome })
}

const TCP: u8 = 6;
/// At seven eighths of its load a table of random places has rows of a few dozen.
const SEARCH_MAX: usize = 256;
