//! Do two hosts answer each other for ever when somebody has put them out of step?

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use smolsock::sockopt::{SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL};
use smolsock::task::{Handle, TcpListener, TcpStream};

use super::arena::{Arena, must};
use super::forge::Forged;
use super::{Attack, Outcome, Setup, arena};
use crate::executor::TaskResult;
use crate::host::Host;
use crate::observe::dissect::Flags;
use crate::oracle::Oracles;
use crate::report::thousands;
use crate::time::Time;
use crate::world::WorldError;

pub(super) fn attacks() -> Vec<Attack> {
    vec![Attack {
        name: "ack-storm",
        about: "Somebody on the way tells each end of a connection data that the other never sent",
        count: 1_000,
        load: |count| {
            format!(
                "{} connections, one forged segment each way; then both ends send, with keep-alives every 10 s",
                thousands(count)
            )
        },
        bound: "at most 6 frames for each connection before the ends speak; then what timers send and its answers, at most 120 in \
                10 minutes",
        play: ack_storm,
    }]
}

/// What is known of a connection by who carries it: the next number of the client, and of the server.
type Numbers = BTreeMap<SocketAddr, (u32, u32)>;

/// Frames carried from the forgery until the ends speak, and from then on.
type Carried = Rc<RefCell<(u64, u64)>>;

fn ack_storm(setup: &Setup) -> Result<Outcome, WorldError> {
    // They all come at once.
    let mut arena = Arena::apart(setup, |config| config.half_open_max = setup.count as usize)?;
    // The ends are told things that nobody said: no oracle can know who is right.
    arena.world.set_oracles(Oracles::NONE);
    let count = setup.count;
    let (numbers, carried) = (Rc::<RefCell<Numbers>>::default(), Carried::default());
    let (wrap_server, wrap_client) = (arena.to_server(), arena.to_client());
    let (known, counts) = (Rc::clone(&numbers), Rc::clone(&carried));
    let carry = move |now: Time, packet: &[u8], out: &mut Vec<Vec<u8>>| {
        let Some(((from, to), tcp)) = arena::segment_of(packet) else { return };
        let is_from_server = from == service();
        let client = if is_from_server { to } else { from };
        let next =
            tcp.seq.wrapping_add(tcp.payload.len() as u32).wrapping_add(u32::from(tcp.flags.contains(Flags::SYN)));
        if now < FORGED_AT {
            let mut known = known.borrow_mut();
            let entry = known.entry(client).or_default();
            *(if is_from_server { &mut entry.1 } else { &mut entry.0 }) = next;
        } else {
            let mut counts = counts.borrow_mut();
            *(if now < SPEAKS_AT { &mut counts.0 } else { &mut counts.1 }) += 1;
        }
        out.push(if is_from_server { wrap_client(packet) } else { wrap_server(packet) });
    };
    let (wrap_server, wrap_client) = (arena.to_server(), arena.to_client());
    let volley = arena.volley(FORGED_AT, Duration::from_micros(10), count).shooting(move |n, _, out| {
        let numbers = numbers.borrow();
        let Some((client, (theirs, ours))) = numbers.iter().nth(n as usize) else { return };
        let forge = |from, to, seq, ack| {
            let payload = b"forged!!";
            Forged { from, to, seq, ack: Some(ack), flags: Flags::PSH, window: 4_096, payload }.packet()
        };
        out.push(wrap_server(&forge(*client, service(), *theirs, *ours)));
        out.push(wrap_client(&forge(service(), *client, *ours, *theirs)));
    });
    arena.invite(volley.answering(carry))?;
    arena.world.daemon(arena.server, "server", server);
    for _ in 0..count {
        arena.world.app(arena.client, "client", client);
    }
    let outcome = arena.run(Time::from_secs(700), |_, _| {
        let mut missed = Vec::new();
        let (first, later) = *carried.borrow();
        must(&mut missed, first >= 2 * count, || format!("{first} frames: not all connections were there"));
        must(&mut missed, first <= FIRST_MAX * count, || format!("{first} frames at once"));
        must(&mut missed, later <= LATER_MAX * count, || format!("{later} frames later"));
        let each = |frames: u64| frames as f64 / count as f64;
        (format!("{:.1} frames for each connection at once, {:.1} later", each(first), each(later)), missed)
    });
    Ok(outcome)
}

/// Takes what comes, says something itself in between, and waits for the end.
async fn server(host: Host) -> TaskResult {
    let listener = TcpListener::bind(&host, ([0, 0, 0, 0], PORT).into(), 4_096)?;
    loop {
        let (stream, remote) = listener.accept().await?;
        keep_alive(&host, &stream)?;
        let task_host = host.clone();
        host.spawn(format!("server for {remote}"), async move {
            task_host.sleep(SPEAKS_AT.saturating_duration_since(task_host.now())).await;
            // What becomes of it is what is measured.
            let _ = stream.write_all(b"s").await;
            while let Ok(1..) = stream.read(&mut [0; 64]).await {}
            Ok(())
        });
    }
}

async fn client(host: Host) -> TaskResult {
    let stream = TcpStream::connect(&host, service()).await?;
    keep_alive(&host, &stream)?;
    stream.write_all(b"c").await?;
    host.sleep(SPEAKS_AT.saturating_duration_since(host.now())).await;
    let _ = stream.write_all(b"c").await;
    let reading = async { while let Ok(1..) = stream.read(&mut [0; 64]).await {} };
    let _ = host.within(ENDS_AT.saturating_duration_since(host.now()), reading).await;
    host.sleep(ENDS_AT.saturating_duration_since(host.now())).await;
    Ok(())
}

fn keep_alive(host: &Host, stream: &TcpStream<Host>) -> Result<(), smolsock::Errno> {
    host.with(|stack| {
        stack.setsockopt(stream.id(), SO_KEEPALIVE, true)?;
        stack.setsockopt(stream.id(), TCP_KEEPIDLE, 10)?;
        stack.setsockopt(stream.id(), TCP_KEEPINTVL, 10)
    })
}

fn service() -> SocketAddr {
    SocketAddr::new(IpAddr::from(arena::SERVER), PORT)
}

const PORT: u16 = 80;
/// When the numbers of both ends are moved apart.
const FORGED_AT: Time = Time::from_secs(5);
/// When both ends say something.
const SPEAKS_AT: Time = Time::from_secs(10);
/// Ten minutes after the forgery.
const ENDS_AT: Time = Time::from_secs(605);
/// Each forged segment is acknowledged, that ACK is challenged, and the challenge too: each end does so once a second at most.
const FIRST_MAX: u64 = 6;
/// A keep-alive each 20 s and a dozen retransmissions from each end, each with an answer that may be challenged.
const LATER_MAX: u64 = 120;
