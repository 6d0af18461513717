//! How many guesses does somebody need who knows a connection's addresses and ports, but no sequence number?

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use smolsock::sockopt::IP_MTU;
use smolsock::task::{Handle, TcpStream};

use super::arena::{Arena, Tally, must, words};
use super::forge::Forged;
use super::{Attack, Outcome, Setup, arena};
use crate::app::pattern::pattern;
use crate::executor::TaskResult;
use crate::host::Host;
use crate::observe::dissect::Flags;
use crate::oracle::Oracle;
use crate::report::thousands;
use crate::rng::{Dice, Stream};
use crate::time::Time;
use crate::world::WorldError;

pub(super) fn attacks() -> Vec<Attack> {
    let attack = |name, about, play| Attack {
        name,
        about,
        count: 1_000_000,
        load: |count| format!("{} guesses at an open connection, 10,000 a second", thousands(count)),
        bound: "no guess resets, changes or stalls it",
        play,
    };
    vec![
        attack("blind-rst", "RSTs with guessed sequence numbers (RFC 5961 §3)", |setup| {
            guess(setup, |guess| Forged { flags: Flags::RST, ..guess })
        }),
        attack("blind-syn", "SYNs with guessed sequence numbers (RFC 5961 §4)", |setup| {
            guess(setup, |guess| Forged { flags: Flags::SYN, ..guess })
        }),
        attack("blind-data", "Data with guessed sequence and acknowledgement numbers (RFC 5961 §5)", |setup| {
            guess(setup, |guess| Forged {
                ack: Some(guess.window as u32),
                flags: Flags::PSH,
                payload: b"forged!",
                ..guess
            })
        }),
    ]
}

/// The client's end of the connection that is attacked.
pub(super) type Victim = Rc<Cell<Option<SocketAddr>>>;

/// Two hosts talk; `shape` makes a guess of a segment whose numbers are random.
fn guess(setup: &Setup, shape: fn(Forged<'static>) -> Forged<'static>) -> Result<Outcome, WorldError> {
    let mut arena = Arena::new(setup, |_| {})?;
    arena.world.set_oracles(arena::ORACLES.without(Oracle::Acks));
    let wrap = arena.to_server();
    let dice = Dice::from_seed(arena::SEED).child("guess");
    let shot = move |n, from| {
        let (seq, ack) = (dice.roll(Stream::Application, n) as u32, dice.roll(Stream::Scenario, n) as u32);
        let plain =
            Forged { from, to: arena::echo_at(), seq, ack: None, flags: Flags(0), window: 65_535, payload: &[] };
        let shaped = shape(plain);
        let forged = Forged { ack: shaped.ack.map(|_| ack), ..shaped };
        wrap(&forged.packet())
    };
    while_they_talk(arena, setup, shot, |tally| {
        let mut missed = Vec::new();
        must(&mut missed, tally.changed == 0, || format!("{} answers were changed", tally.changed));
        let result = format!(
            "{} resets, {} of {} answers changed, the slowest after {}",
            tally.broken,
            tally.changed,
            thousands(tally.served),
            words(tally.stall)
        );
        (result, missed)
    })
}

/// Two hosts talk while `setup.count` frames come, 10,000 a second: `shot` makes each, of its number and the client's end of the
/// connection. No frame may reset or stall that; `judge` gives the result, and what else is missed.
pub(super) fn while_they_talk(
    mut arena: Arena,
    setup: &Setup,
    shot: impl Fn(u64, SocketAddr) -> Vec<u8> + 'static,
    judge: fn(&Tally) -> (String, Vec<String>),
) -> Result<Outcome, WorldError> {
    let start = Time::from_secs(1);
    let gap = Duration::from_micros(100);
    let end = start.after_ns(gap.as_nanos() as u64 * setup.count);
    let victim = Victim::default();
    let target = Rc::clone(&victim);
    let volley = arena.volley(start, gap, setup.count).shooting(move |n, _, out| {
        let Some(client) = target.get() else { return };
        out.push(shot(n, client));
    });
    arena.invite(volley)?;
    arena.serve(5, end);
    let tally = Rc::clone(&arena.tally);
    arena.world.app(arena.client, "talker", |host| talker(host, end, victim, tally));
    let outcome = arena.run(Time::from_secs(3_600), |tally, _| {
        let mut missed = Vec::new();
        must(&mut missed, tally.broken == 0, || format!("{} resets", tally.broken));
        must(&mut missed, tally.stall < STALL_MAX, || format!("an answer took {}", words(tally.stall)));
        let (result, others) = judge(tally);
        missed.extend(others);
        (result, missed)
    });
    Ok(outcome)
}

/// Asks and waits for the answer, again and again; connects anew when the connection is gone.
pub(super) async fn talker(host: Host, until: Time, victim: Victim, tally: Rc<RefCell<Tally>>) -> TaskResult {
    while host.now() < until {
        let stream = TcpStream::connect(&host, arena::echo_at()).await?;
        victim.set(Some(stream.local_addr()?));
        let outcome = talk(&host, until, &stream, &tally).await;
        tally.borrow_mut().broken += u64::from(outcome.is_err());
    }
    Ok(())
}

async fn talk(
    host: &Host,
    until: Time,
    stream: &TcpStream<Host>,
    tally: &RefCell<Tally>,
) -> Result<(), smolsock::Errno> {
    let question = pattern(1, 64);
    let mut answer = [0; 64];
    while host.now() < until {
        let asked = host.now();
        stream.write_all(&question).await?;
        let read = stream.read_exact(&mut answer).await?;
        if read < answer.len() {
            return Err(smolsock::Errno::ECONNRESET);
        }
        let took = host.now().saturating_duration_since(asked);
        let mtu = host.with(|stack| stack.getsockopt(stream.id(), IP_MTU))?;
        tally.borrow_mut().on_answer(answer == question[..], took, mtu);
        host.sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// An answer takes a round trip, of 10 ms. One that has to be sent again takes a second.
const STALL_MAX: Duration = Duration::from_millis(100);
