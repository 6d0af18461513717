//! Does a server serve honest clients while strangers take all the places that there are?

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use smolsock::Config;
use smolsock::task::TcpStream;

use super::arena::{Arena, must, words};
use super::blind::{Victim, talker};
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
            play: |setup| syn_flood(setup, Duration::from_micros(100)),
        },
        Attack {
            name: "syn-flood-fast",
            about: "The same, so fast that an honest client's half-open place has gone to another before its ACK comes",
            count: 1_000_000,
            load: |count| format!("{} half-opens, 1,000,000 a second: 10,000 in a round trip", thousands(count)),
            bound: "the same: the ACK of who has lost its place brings back a number that makes it a connection (SYN cookies, RFC 4987 §3.6)",
            play: |setup| syn_flood(setup, Duration::from_micros(1)),
        },
        Attack {
            name: "connection-flood",
            about: "Strangers open connections and hold them, until the server has no socket left",
            count: 100_000,
            load: |count| format!("{} connections, 10,000 a second, at a server with 1,024 sockets", thousands(count)),
            bound: "open connections go on; who comes then waits, and gets in with the first SYN after places are free (it comes again \
                    after 1, 2, 4 … s); at most 1,024 sockets (`Config::sockets_max`)",
            play: connection_flood,
        },
    ]
}

/// Buffers of the server's connections, bytes: the half-open ones have theirs from the start.
const BUFFER_BYTES: usize = 2_048;

fn syn_flood(setup: &Setup, gap: Duration) -> Result<Outcome, WorldError> {
    let buffers = |config: &mut Config| (config.tcp_recv_bytes, config.tcp_send_bytes) = (BUFFER_BYTES, BUFFER_BYTES);
    let mut arena = Arena::new(setup, buffers)?;
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
    arena.visit(Duration::from_millis(20), (start, end));
    let outcome = arena.run(Time::from_secs(3_600), |tally, _| {
        let mut missed = Vec::new();
        // The listener, and connections that are open or being closed.
        let sockets_max = HALF_OPEN_MAX + 1 + OTHERS_MAX;
        must(&mut missed, tally.refused == 0, || format!("{} honest clients did not get in", tally.refused));
        must(&mut missed, tally.longest < FIRST_TRY, || format!("{}: a SYN had to come again", tally.visits()));
        must(&mut missed, tally.sockets <= sockets_max, || format!("{} sockets", tally.sockets));
        let result = format!(
            "{}, {} of them by a cookie; {} sockets at most",
            tally.visits(),
            thousands(tally.counters.syn_cookies_accepted),
            thousands(tally.sockets as u64)
        );
        (result, missed)
    });
    Ok(outcome)
}

/// `Config::half_open_max`, as it is unless said otherwise.
const HALF_OPEN_MAX: usize = 128;

fn connection_flood(setup: &Setup) -> Result<Outcome, WorldError> {
    let mut arena = Arena::new(setup, |config| {
        config.sockets_max = SOCKETS_MAX;
        (config.tcp_recv_bytes, config.tcp_send_bytes) = (BUFFER_BYTES, BUFFER_BYTES);
    })?;
    // At a small scale the table still has to be full.
    let count = setup.count.max(2 * SOCKETS_MAX as u64);
    let gap = Duration::from_micros(100);
    let start = Time::from_secs(1);
    let full = start.after_ns(gap.as_nanos() as u64 * count);
    let end = full.after_ns(gap.as_nanos() as u64 * count);
    let (wrap, wrap_answer) = (arena.to_server(), arena.to_server());
    // First all SYNs, then a reset for each: the flood is over.
    let volley = arena.volley(start, gap, 2 * count).shooting(move |n, _, out| {
        let (flags, seq) = if n < count { (Flags::SYN, ISN) } else { (Flags::RST, ISN + 1) };
        let from = stranger(n % count, n % count);
        let forged = Forged { from, to: arena::echo_at(), seq, ack: None, flags, window: 65_535, payload: &[] };
        out.push(wrap(&forged.packet()));
    });
    arena.invite(volley.answering(move |_, packet, out| out.extend(hold(packet).map(|held| wrap_answer(&held)))))?;
    arena.serve(128, end);
    let (talked, late) = (Rc::clone(&arena.tally), Rc::<RefCell<Option<(Time, Time)>>>::default());
    let (victim, found) = (Victim::default(), Rc::clone(&late));
    arena.world.app(arena.client, "talker", |host| talker(host, end, victim, talked));
    arena.world.app(arena.client, "latecomer", |host| async move {
        // Half-way, when all places are taken.
        host.sleep((start.after_ns(gap.as_nanos() as u64 * count / 2)).saturating_duration_since(Time::ZERO)).await;
        let came = host.now();
        let stream = TcpStream::connect(&host, arena::echo_at()).await?;
        *found.borrow_mut() = Some((came, host.now()));
        stream.write_all(b"!").await?;
        stream.read_exact(&mut [0]).await?;
        Ok(())
    });
    let outcome = arena.run(Time::from_secs(3_600), |tally, _| {
        let mut missed = Vec::new();
        let (came, got_in) = late.borrow().unwrap_or((Time::ZERO, Time::MAX));
        let waited = got_in.saturating_duration_since(came);
        // Its SYN comes again after as long as it has waited, at most.
        let waited_max = full.saturating_duration_since(came) * 2 + FIRST_TRY;
        must(&mut missed, tally.broken == 0, || "an open connection broke".into());
        must(&mut missed, tally.stall < FIRST_TRY, || format!("an answer took {}", words(tally.stall)));
        must(&mut missed, got_in > full && waited <= waited_max, || format!("the latecomer waited {}", words(waited)));
        must(&mut missed, tally.sockets <= SOCKETS_MAX, || format!("{} sockets", tally.sockets));
        let result = format!(
            "{} of {} answers in an open connection came, within {}; who came {} before the flood's end got in {} after it; \
             {} sockets at most",
            thousands(tally.served),
            thousands(tally.served + tally.broken),
            words(tally.stall),
            words(full.saturating_duration_since(came)),
            words(got_in.saturating_duration_since(full)),
            thousands(tally.sockets as u64)
        );
        (result, missed)
    });
    Ok(outcome)
}

/// What a stranger answers a SYN-ACK with, to have a connection and say nothing.
pub(super) fn hold(packet: &[u8]) -> Option<Vec<u8>> {
    let ((server, stranger), tcp) = arena::segment_of(packet)?;
    let ack = tcp.flags.contains(Flags::SYN).then(|| tcp.seq.wrapping_add(1))?;
    let (from, to, window) = (stranger, server, 65_535);
    Some(Forged { from, to, seq: ISN + 1, ack: Some(ack), flags: Flags(0), window, payload: &[] }.packet())
}

/// Sockets of the server in the connection flood.
const SOCKETS_MAX: usize = 1_024;
/// The strangers' initial sequence number.
pub(super) const ISN: u32 = 1_000;

/// The n-th address of 10.0.0.0/8, and a port.
pub(super) fn stranger(n: u64, roll: u64) -> SocketAddr {
    let [_, a, b, c] = ((n + 1) as u32).to_be_bytes();
    ([10, a, b, c], 1024 + (roll % 64_000) as u16).into()
}

/// Honest connections at once: each is over before the next begins, but for what is left to be closed.
const OTHERS_MAX: usize = 4;
/// A SYN that is lost comes again after a second.
const FIRST_TRY: Duration = Duration::from_secs(1);
