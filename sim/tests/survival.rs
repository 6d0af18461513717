//! Do streams and datagrams survive whatever a network does to them?
//!
//! A plan is random: two directions of a cable with loss (single and in bursts), delay, jitter, reordering, duplication,
//! corruption, rate and queue; buffers from one byte; streams that write and read in pieces, rest, half-close, leave and
//! reset at random moments; bursts of datagrams. After a minute the cable is mended: then everything has to end within a bound.
//! `PROPTEST_CASES` asks for more cases than 256; a failing plan is shrunk by proptest.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed};
use smolsock::sockopt::{SO_KEEPALIVE, SO_LINGER, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL};
use smolsock::task::{Handle, TcpListener, TcpStream, UdpSocket};
use smolsock::{Errno, Shutdown};
use smolsock_sim::app::connect;
use smolsock_sim::app::pattern::{first_difference, pattern};
use smolsock_sim::executor::TaskResult;
use smolsock_sim::link::{Impairments, Jitter, Loss, Queue, Shape};
use smolsock_sim::time::Time;
use smolsock_sim::world::{Change, Ways};
use smolsock_sim::{Host, Medium, Recording, World};

/// Everything that is random about a run, but the dice of the cable.
#[derive(Clone, Debug)]
struct Plan {
    seed: u64,
    is_ethernet: bool,
    there: Wire,
    back: Wire,
    /// Receive and send buffers of the client and of the server, bytes.
    buffers: [usize; 4],
    talks: Vec<Talk>,
    bursts: Vec<Burst>,
}

/// One direction of the cable.
#[derive(Clone, Copy, Debug)]
struct Wire {
    loss: Loss,
    delay_us: u64,
    jitter_us: u64,
    shape: Shape,
    reorder_ppm: u32,
    duplicate_ppm: u32,
    corrupt_ppm: u32,
    rate_kbps: u64,
    queue_frames: u32,
}

/// One connection.
#[derive(Clone, Copy, Debug)]
struct Talk {
    start_ms: u64,
    client: Side,
    server: Side,
}

/// What one end of a connection does.
#[derive(Clone, Copy, Debug)]
struct Side {
    /// How much it says, in pieces of how many bytes, with which rest in between.
    bytes: usize,
    piece: usize,
    pause_ms: u64,
    /// In pieces of how many bytes it reads, and how long it rests before each.
    read: usize,
    read_pause_ms: u64,
    farewell: Farewell,
}

/// How one end leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Farewell {
    /// Says all, closes its sending side, reads the other's to the end.
    Polite,
    /// Closes when it has said so many bytes, whatever comes.
    Leaves(usize),
    /// Resets when it has said so many bytes.
    Resets(usize),
}

/// Datagrams one way.
#[derive(Clone, Copy, Debug)]
struct Burst {
    from_client: bool,
    start_ms: u64,
    count: u16,
    bytes: usize,
}

impl Wire {
    fn impairments(self) -> Impairments {
        Impairments {
            loss: self.loss,
            delay_ns: self.delay_us * 1_000,
            jitter: Jitter { ns: self.jitter_us * 1_000, shape: self.shape },
            reorder_ppm: self.reorder_ppm,
            reorder_delay_ns: 3_000_000,
            duplicate_ppm: self.duplicate_ppm,
            corrupt_ppm: self.corrupt_ppm,
            rate_bps: self.rate_kbps * 1_000,
            queue: Queue::DropTail { frames: self.queue_frames, bytes: None },
            ..Impairments::default()
        }
    }
}

/// What the ends of one connection have seen.
#[derive(Debug, Default)]
struct Seen {
    client: Outcome,
    server: Outcome,
}

/// What one end has seen.
#[derive(Clone, Debug, Default)]
struct Outcome {
    received: usize,
    has_end: bool,
    error: Option<Errno>,
    is_over: bool,
}

impl Plan {
    /// Plays it. The error is a sentence.
    fn run(&self) -> Result<(), String> {
        let medium = if self.is_ethernet { Medium::Ethernet } else { Medium::Ip };
        let mut world = World::with_medium(self.seed, medium);
        world.set_recording(Recording::Off);
        let [client_recv, client_send, server_recv, server_send] = self.buffers;
        let tune = |recv, send| {
            move |config: &mut smolsock::Config| {
                (config.tcp_recv_bytes, config.tcp_send_bytes) = (recv, send);
                // Nobody gives up before the cable is mended.
                config.half_open_timeout = BOUND;
            }
        };
        let client = world.host_with("client", &["192.0.2.1/24"], tune(client_recv, client_send));
        let server = world.host_with("server", &["192.0.2.2/24"], tune(server_recv, server_send));
        let (client, server) = (client.map_err(|e| e.to_string())?, server.map_err(|e| e.to_string())?);
        let laid = world.cable_with("ab", client, server, self.there.impairments(), self.back.impairments());
        laid.map_err(|e| e.to_string())?;
        let mended = Change::Impair { cable: "ab".into(), ways: Ways::Both, to: Impairments::default() };
        world.at(MENDED_AT, mended).map_err(|e| e.to_string())?;
        let mut talks = self.talks.clone();
        for talk in &mut talks {
            talk.client.bytes = talk.client.bytes.min(BUFFERS_FULL * client_send.min(server_recv));
            talk.server.bytes = talk.server.bytes.min(BUFFERS_FULL * server_send.min(client_recv));
        }
        let seen: Vec<Rc<RefCell<Seen>>> = talks.iter().map(|_| Rc::default()).collect();
        for (number, (talk, seen)) in talks.iter().zip(&seen).enumerate() {
            let (talk, port) = (*talk, 1_000 + number as u16);
            let numbers = [number as u32 * 2, number as u32 * 2 + 1];
            let theirs = Rc::clone(seen);
            world.app(server, &format!("server {number}"), move |host| async move {
                let listener = TcpListener::bind(&host, ([0, 0, 0, 0], port).into(), 4)?;
                // A client that gave up before it was connected never comes.
                let accepted = host.within(GIVE_UP, listener.accept()).await;
                if let Some(accepted) = accepted {
                    let outcome = speak(&host, &accepted?.0, talk.server, [numbers[1], numbers[0]]).await?;
                    theirs.borrow_mut().server = outcome;
                }
                Ok(())
            });
            let ours = Rc::clone(seen);
            world.app(client, &format!("client {number}"), move |host| async move {
                host.sleep(Duration::from_millis(talk.start_ms)).await;
                let stream = connect(&host, ([192, 0, 2, 2], port).into()).await?;
                let outcome = speak(&host, &stream, talk.client, numbers).await?;
                ours.borrow_mut().client = outcome;
                Ok(())
            });
        }
        let arrived: Vec<Rc<RefCell<Vec<u32>>>> = self.bursts.iter().map(|_| Rc::default()).collect();
        for (number, (burst, arrived)) in self.bursts.iter().zip(&arrived).enumerate() {
            let (mut burst, port) = (*burst, 5_000 + number as u16);
            if self.there.corrupt_ppm > 0 || self.back.corrupt_ppm > 0 {
                // Two damaged fragments of one datagram can have the right checksum together.
                burst.bytes = burst.bytes.min(1_400);
            }
            let (from, to) = if burst.from_client { (client, server) } else { (server, client) };
            let host_number = if burst.from_client { 2 } else { 1 };
            let arrived = Rc::clone(arrived);
            world.daemon(to, &format!("sink {number}"), move |host| sink(host, port, burst, arrived));
            world.app(from, &format!("burst {number}"), move |host| async move {
                let socket = UdpSocket::bind(&host, ([0, 0, 0, 0], 0).into())?;
                host.sleep(Duration::from_millis(burst.start_ms)).await;
                for index in 0..burst.count {
                    match socket.send_to(&datagram(index, burst.bytes), ([192, 0, 2, host_number], port).into()).await {
                        Ok(_) | Err(Errno::EHOSTUNREACH) => {}
                        Err(other) => return Err(other.into()),
                    }
                }
                Ok(())
            });
        }
        let ending = world.run(LIMIT);
        if let Some(failure) = ending.failures.first() {
            return Err(failure.clone());
        }
        if ending.apps_ended_at > MENDED_AT + self.bound() {
            return Err(format!("ended after {}", ending.apps_ended_at));
        }
        for (talk, seen) in talks.iter().zip(&seen) {
            talk.judge(&seen.borrow())?;
        }
        let can_duplicate = self.there.duplicate_ppm > 0 || self.back.duplicate_ppm > 0;
        for arrived in &arrived {
            if let Some(times) = arrived.borrow().iter().find(|times| **times > 1 && !can_duplicate) {
                return Err(format!("a datagram came {times} times"));
            }
        }
        Ok(())
    }
}

impl Plan {
    /// Within which time after the cable was mended everything has to end.
    fn bound(&self) -> Duration {
        if self.has_narrow_window() { NARROW_BOUND } else { BOUND }
    }

    /// Whether a window holds no whole segment.
    fn has_narrow_window(&self) -> bool {
        let [client_recv, _, server_recv, _] = self.buffers;
        client_recv.min(server_recv) < SEGMENT
    }
}

impl Talk {
    /// Whether what both ends saw can be.
    fn judge(&self, seen: &Seen) -> Result<(), String> {
        let is_polite = [self.client, self.server].iter().all(|side| side.farewell == Farewell::Polite);
        for (side, outcome, other) in [("client", &seen.client, self.server), ("server", &seen.server, self.client)] {
            if outcome.received > other.bytes {
                return Err(format!("the {side} read {} bytes of {}", outcome.received, other.bytes));
            }
            if !is_polite {
                continue;
            }
            if !outcome.is_over || outcome.error.is_some() || !outcome.has_end || outcome.received != other.bytes {
                return Err(format!("both were polite, and the {side} saw {outcome:?} of {} bytes", other.bytes));
            }
        }
        Ok(())
    }
}

/// Says what it has to say and reads at the same time, until it leaves.
async fn speak(
    host: &Host,
    stream: &TcpStream<Host>,
    side: Side,
    numbers: [u32; 2],
) -> Result<Outcome, Box<dyn std::error::Error>> {
    // A reset may be lost; who then only listens would do so for ever.
    host.with(|stack| {
        stack.setsockopt(stream.id(), TCP_KEEPIDLE, 10)?;
        stack.setsockopt(stream.id(), TCP_KEEPINTVL, 5)?;
        stack.setsockopt(stream.id(), TCP_KEEPCNT, 20)?;
        stack.setsockopt(stream.id(), SO_KEEPALIVE, true)
    })?;
    let outcome = Rc::new(RefCell::new(Outcome::default()));
    let writes = async {
        let most = match side.farewell {
            Farewell::Polite => side.bytes,
            Farewell::Leaves(after) | Farewell::Resets(after) => side.bytes.min(after),
        };
        let data = pattern(numbers[0], most);
        for piece in data.chunks(side.piece) {
            if side.pause_ms > 0 {
                host.sleep(Duration::from_millis(side.pause_ms)).await;
            }
            stream.write_all(piece).await?;
        }
        if side.farewell == Farewell::Polite {
            stream.shutdown(Shutdown::Write)?;
        }
        Ok::<(), Errno>(())
    };
    let reads = async {
        let mut buffer = vec![0; side.read];
        loop {
            if side.read_pause_ms > 0 {
                host.sleep(Duration::from_millis(side.read_pause_ms)).await;
            }
            let taken = stream.read(&mut buffer).await?;
            let mut outcome = outcome.borrow_mut();
            if taken == 0 {
                outcome.has_end = true;
                return Ok::<Option<usize>, Errno>(None);
            }
            if let Some(at) = first_difference(numbers[1], outcome.received, &buffer[..taken]) {
                return Ok(Some(at));
            }
            outcome.received += taken;
        }
    };
    let (written, read) = match side.farewell {
        Farewell::Polite => both(writes, reads).await,
        Farewell::Leaves(_) | Farewell::Resets(_) => first_of(writes, reads).await,
    };
    if let Some(Ok(Some(at))) = read {
        return Err(format!("byte {at} of the stream is not what was sent").into());
    }
    if let Farewell::Resets(_) = side.farewell {
        host.with(|stack| stack.setsockopt(stream.id(), SO_LINGER, Some(Duration::ZERO)))?;
    }
    let error = written.and_then(Result::err).or(read.and_then(Result::err));
    let mut outcome = outcome.borrow().clone();
    outcome.error = error;
    outcome.is_over = true;
    match error {
        // The other side left, or its reset came; whether that may be is for the judge.
        None | Some(Errno::ECONNRESET | Errno::EPIPE) => Ok(outcome),
        Some(other) => Err(other.into()),
    }
}

/// Both results.
async fn both<A: Future, B: Future>(a: A, b: B) -> (Option<A::Output>, Option<B::Output>) {
    let (mut a, mut b) = (std::pin::pin!(a), std::pin::pin!(b));
    let (mut first, mut second) = (None, None);
    std::future::poll_fn(|context| {
        if first.is_none()
            && let std::task::Poll::Ready(output) = a.as_mut().poll(context)
        {
            first = Some(output);
        }
        if second.is_none()
            && let std::task::Poll::Ready(output) = b.as_mut().poll(context)
        {
            second = Some(output);
        }
        if first.is_some() && second.is_some() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    (first, second)
}

/// The result of `a`; that of `b` if it came first.
async fn first_of<A: Future, B: Future>(a: A, b: B) -> (Option<A::Output>, Option<B::Output>) {
    let (mut a, mut b) = (std::pin::pin!(a), std::pin::pin!(b));
    let mut second = None;
    let first = std::future::poll_fn(|context| {
        if second.is_none()
            && let std::task::Poll::Ready(output) = b.as_mut().poll(context)
        {
            second = Some(output);
        }
        a.as_mut().poll(context)
    })
    .await;
    (Some(first), second)
}

/// Checks every datagram that comes.
async fn sink(host: Host, port: u16, burst: Burst, arrived: Rc<RefCell<Vec<u32>>>) -> TaskResult {
    let socket = UdpSocket::bind(&host, ([0, 0, 0, 0], port).into())?;
    arrived.borrow_mut().resize(usize::from(burst.count), 0);
    let mut buffer = vec![0; 4_000];
    loop {
        let message = socket.recv_from(&mut buffer).await?;
        let bytes = &buffer[..message.len];
        let index = u16::from_be_bytes([bytes[0], bytes[1]]);
        if bytes != datagram(index, burst.bytes) {
            return Err(format!("datagram {index} is not what was sent").into());
        }
        match arrived.borrow_mut().get_mut(usize::from(index)) {
            Some(times) => *times += 1,
            None => return Err(format!("nobody sent datagram {index}").into()),
        }
    }
}

/// Its number, and bytes that depend on it.
fn datagram(index: u16, bytes: usize) -> Vec<u8> {
    let mut data = pattern(1_000 + u32::from(index), bytes.max(2));
    data[..2].copy_from_slice(&index.to_be_bytes());
    data
}

/// What was found before comes first. Then the same plans every time, unless `PROPTEST_RNG_SEED` asks for others; a failure names its own.
fn config() -> Config {
    let found = FileFailurePersistence::Direct("tests/survival.regressions");
    let mut config = Config { failure_persistence: Some(Box::new(found)), ..Config::default() };
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(1);
    }
    config
}

fn loss() -> impl Strategy<Value = Loss> {
    prop_oneof![
        2 => Just(Loss::None),
        2 => (1..200_000_u32).prop_map(|ppm| Loss::Bernoulli { ppm }),
        1 => (1_000..50_000_u32, 100_000..800_000_u32).prop_map(|(into, out)| Loss::GilbertElliott {
            good_to_bad_ppm: into,
            bad_to_good_ppm: out,
            loss_good_ppm: 1_000,
            loss_bad_ppm: 900_000,
        }),
    ]
}

/// Half of the time nothing.
fn ppm(most: u32) -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), 1..=most]
}

fn wire() -> impl Strategy<Value = Wire> {
    let shape = prop_oneof![Just(Shape::Uniform), Just(Shape::Normal), Just(Shape::Pareto)];
    let jitter = prop_oneof![Just(0), 1..30_000_u64];
    let rate = prop_oneof![2 => Just(0), 1 => 500..10_000_u64];
    (loss(), 0..80_000_u64, jitter, shape, ppm(100_000), ppm(100_000), ppm(50_000), rate, 4..200_u32).prop_map(
        |(loss, delay_us, jitter_us, shape, reorder_ppm, duplicate_ppm, corrupt_ppm, rate_kbps, queue_frames)| Wire {
            loss,
            delay_us,
            jitter_us,
            shape,
            reorder_ppm,
            duplicate_ppm,
            corrupt_ppm,
            rate_kbps,
            queue_frames,
        },
    )
}

fn side() -> impl Strategy<Value = Side> {
    let farewell = prop_oneof![
        3 => Just(Farewell::Polite),
        1 => (0..9_000_usize).prop_map(Farewell::Leaves),
        1 => (0..9_000_usize).prop_map(Farewell::Resets),
    ];
    let rest = || prop_oneof![3 => Just(0), 1 => 1..300_u64];
    (0..9_000_usize, 1..5_000_usize, rest(), 1..5_000_usize, rest(), farewell).prop_map(
        |(bytes, piece, pause_ms, read, read_pause_ms, farewell)| Side {
            bytes,
            // So that nobody rests for ever.
            piece: piece.max(bytes / 40),
            pause_ms,
            read: read.max(9_000 / 40),
            read_pause_ms,
            farewell,
        },
    )
}

fn plan() -> impl Strategy<Value = Plan> {
    // One byte is as possible as 64 KiB.
    let buffer = || prop_oneof![1..16_usize, 16..2_000_usize, 2_000..65_536_usize];
    let talk = (0..3_000_u64, side(), side()).prop_map(|(start_ms, client, server)| Talk { start_ms, client, server });
    let burst = (any::<bool>(), 0..3_000_u64, 1..40_u16, 2..3_000_usize)
        .prop_map(|(from_client, start_ms, count, bytes)| Burst { from_client, start_ms, count, bytes });
    (
        any::<u64>(),
        any::<bool>(),
        wire(),
        wire(),
        [buffer(), buffer(), buffer(), buffer()],
        prop::collection::vec(talk, 1..6),
        prop::collection::vec(burst, 0..3),
    )
        .prop_map(|(seed, is_ethernet, there, back, buffers, talks, bursts)| Plan {
            seed,
            is_ethernet,
            there,
            back,
            buffers,
            talks,
            bursts,
        })
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn streams_and_datagrams_survive(plan in plan()) {
        if let Err(sentence) = plan.run() {
            prop_assert!(false, "{}", sentence);
        }
    }
}

/// A buffer of one byte carries one byte in a round trip: nobody says more than so many buffers full.
const BUFFERS_FULL: usize = 200;
const MENDED_AT: Time = Time::from_secs(30);
/// The time-out that runs when the cable is mended has to end (smoltcp's are 60 s at most), then everybody says the rest.
const BOUND: Duration = Duration::from_secs(200);
/// A window that holds no whole segment: smoltcp repeats a segment beyond it after three duplicate ACKs, takes all of
/// it for sent, and waits for a time-out of up to 60 s for each window (B3).
const NARROW_BOUND: Duration = Duration::from_secs(60 * BUFFERS_FULL as u64);
const SEGMENT: usize = 1_460;
const GIVE_UP: Duration = Duration::from_secs(150);
const LIMIT: Time = Time::from_secs(20_000);
