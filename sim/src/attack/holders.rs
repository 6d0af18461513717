//! What does it cost a server when clients take its answers slowly, or not at all?

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use smolsock::sockopt::{SO_LINGER, TCP_USER_TIMEOUT};
use smolsock::task::{Handle, TcpListener, TcpStream};

use super::arena::{Arena, must, words};
use super::flood::{ISN, stranger};
use super::forge::Forged;
use super::{Attack, Outcome, Setup, arena};
use crate::executor::TaskResult;
use crate::host::Host;
use crate::observe::dissect::Flags;
use crate::report::thousands;
use crate::time::Time;
use crate::world::WorldError;

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "zero-window",
            about: "Sockstress: clients ask for something, and never open their window",
            count: 10_000,
            load: |count| {
                format!("{} clients, 1,000 a second, who answer every probe with a window of 0", thousands(count))
            },
            bound: "with `TCP_USER_TIMEOUT` of 30 s all are gone 60 s after the last came; a socket and its buffers for each; \
                    honest clients are served within 100 ms",
            play: |setup| hold(setup, 0),
        },
        Attack {
            name: "slow-reader",
            about: "Clients take a byte a second of an answer that would take hours",
            count: 10_000,
            load: |count| format!("{} clients, 1,000 a second, with a window of 1 byte each", thousands(count)),
            bound: "with a limit of 30 s in the application, and `SO_LINGER` 0, all are gone 60 s after the last came; a socket and its \
                    buffers for each; honest clients are served within 100 ms",
            play: |setup| hold(setup, 1),
        },
    ]
}

/// Who came, and what was last seen of the server: its next sequence number.
type Clients = Rc<RefCell<BTreeMap<SocketAddr, u32>>>;

/// When the last connection of strangers was over.
type Over = Rc<RefCell<(u64, Time)>>;

fn hold(setup: &Setup, window: u16) -> Result<Outcome, WorldError> {
    let count = setup.count;
    let mut arena = Arena::new(setup, |config| {
        (config.tcp_recv_bytes, config.tcp_send_bytes) = (BUFFER_BYTES, BUFFER_BYTES);
        config.half_open_max = 4_096;
    })?;
    let start = Time::from_secs(1);
    let gap = Duration::from_millis(1);
    let last = start.after_ns(gap.as_nanos() as u64 * count);
    let end = last + GONE_WITHIN;
    let clients = Clients::default();
    let (wrap, wrap_answer) = (arena.to_server(), arena.to_server());
    let speak = move |from, seq, ack, flags, window, payload: &'static [u8]| {
        Forged { from, to: service(), seq, ack, flags, window, payload }.packet()
    };
    // A slow reader takes what has come a second later.
    let rounds = if window == 0 { 1 } else { 1 + (end.ns_since(start) / (gap.as_nanos() as u64 * count)).max(1) };
    let taken = Rc::clone(&clients);
    let volley = arena.volley(start, gap, count * rounds).shooting(move |n, _, out| {
        let from = stranger(n % count, n % count);
        if n < count {
            out.push(wrap(&speak(from, ISN, None, Flags::SYN, 65_535, b"")));
        } else if let Some(next) = taken.borrow().get(&from) {
            out.push(wrap(&speak(from, ISN + 1 + REQUEST.len() as u32, Some(*next), Flags(0), window, b"")));
        }
    });
    arena.invite(volley.answering(move |_, packet, out| {
        let Some(((_, from), tcp)) = arena::segment_of(packet) else { return };
        let is_handshake = tcp.flags.contains(Flags::SYN);
        let next = tcp.seq.wrapping_add(u32::from(is_handshake)).wrapping_add(tcp.payload.len() as u32);
        if is_handshake {
            clients.borrow_mut().insert(from, next);
            out.push(wrap_answer(&speak(from, ISN + 1, Some(next), Flags::PSH, window, REQUEST)));
        } else if tcp.flags.contains(Flags::RST) {
            clients.borrow_mut().remove(&from);
        } else if window == 0 {
            let mut clients = clients.borrow_mut();
            let Some(known) = clients.get(&from).copied() else { return };
            // Probes are answered, and nothing in them is taken.
            let _ = clients.insert(from, known);
            out.push(wrap_answer(&speak(from, ISN + 1 + REQUEST.len() as u32, Some(known), Flags(0), 0, b"")));
        } else if let Some(known) = clients.borrow_mut().get_mut(&from) {
            *known = next;
        }
    }))?;
    arena.serve(128, end);
    let over = Over::default();
    let told = Rc::clone(&over);
    arena.world.daemon(arena.server, "files", move |host| files(host, window > 0, told));
    arena.visit(Duration::from_millis(100), (start, end));
    let outcome = arena.run(Time::from_secs(7_200), |tally, _| {
        let mut missed = Vec::new();
        let (gone, at) = *over.borrow();
        let after = at.saturating_duration_since(last);
        let sockets_max = count as usize + OTHERS_MAX;
        must(&mut missed, gone == count && after <= GONE_WITHIN, || {
            format!("{gone} gone, the last {} later", words(after))
        });
        must(&mut missed, tally.refused == 0, || format!("{} honest clients did not get in", tally.refused));
        must(&mut missed, tally.longest < Duration::from_millis(100), || tally.visits());
        must(&mut missed, tally.sockets <= sockets_max, || format!("{} sockets", tally.sockets));
        let result = format!(
            "{}; all gone {} after the last came; {} sockets at most",
            tally.visits(),
            words(after),
            thousands(tally.sockets as u64)
        );
        (result, missed)
    });
    Ok(outcome)
}

/// Answers each request with more than any buffer holds, and does not wait for ever.
async fn files(host: Host, has_limit: bool, over: Over) -> TaskResult {
    let listener = TcpListener::bind(&host, ([0, 0, 0, 0], PORT).into(), 128)?;
    loop {
        let (stream, remote) = listener.accept().await?;
        if !has_limit {
            host.with(|stack| stack.setsockopt(stream.id(), TCP_USER_TIMEOUT, PATIENCE.as_millis() as i32))?;
        }
        let (task_host, over) = (host.clone(), Rc::clone(&over));
        host.spawn(format!("file for {remote}"), async move {
            // The end of each is what is measured, not how.
            let _ = serve(&task_host, &stream, has_limit).await;
            drop(stream);
            let mut over = over.borrow_mut();
            *over = (over.0 + 1, task_host.now());
            Ok(())
        });
    }
}

async fn serve(host: &Host, stream: &TcpStream<Host>, has_limit: bool) -> Result<(), smolsock::Errno> {
    stream.read(&mut [0; 64]).await?;
    let file = [b'f'; 65_536];
    if !has_limit {
        return stream.write_all(&file).await;
    }
    if host.within(PATIENCE, stream.write_all(&file)).await.is_none() {
        // Without this what is queued would go on being sent.
        host.with(|stack| stack.setsockopt(stream.id(), SO_LINGER, Some(smolsock::time::Duration::ZERO)))?;
    }
    Ok(())
}

fn service() -> SocketAddr {
    SocketAddr::new(IpAddr::from(arena::SERVER), PORT)
}

const PORT: u16 = 80;
/// What they ask for.
const REQUEST: &[u8] = b"GET /\r\n";
/// Buffers of the server's connections, bytes.
const BUFFER_BYTES: usize = 2_048;
/// What the application, or its option, waits.
const PATIENCE: Duration = Duration::from_secs(30);
/// When the last of them has to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(60);
/// Two listeners, and honest connections that are open or being closed.
const OTHERS_MAX: usize = 8;
