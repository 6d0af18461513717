//! Does every conversation survive every single fault, and every pair of lost frames?
//!
//! Each conversation is short, so all of them are tried: every frame of either direction dropped, duplicated and delayed, and
//! every two frames dropped. Each run has to end well (every byte right, every application content) within a bound of
//! virtual time that follows from the time-outs on the way.

use std::time::Duration;

use smolsock::sockopt::SO_LINGER;
use smolsock::task::{Handle, TcpListener, TcpStream};
use smolsock::{Domain, Errno, Shutdown, Type};
use smolsock_sim::app::bulk::{Reading, read_checked, receiver, sender};
use smolsock_sim::app::connect;
use smolsock_sim::app::pattern::pattern;
use smolsock_sim::executor::TaskResult;
use smolsock_sim::link::{Act, Direction, Fault, Impairments, When};
use smolsock_sim::scenario::model;
use smolsock_sim::time::Time;
use smolsock_sim::trace::Trace;
use smolsock_sim::world::is_unfired;
use smolsock_sim::{Host, Recording, World, library};

/// A frame: its direction and how many went that way before it.
type Frame = (Direction, u64);

/// Two hosts that talk, and a cable between them.
struct Conversation {
    name: &'static str,
    /// How long its applications rest by themselves, beyond what the bounds allow for.
    rests: Duration,
    actors: Actors,
}

enum Actors {
    /// Applications on two hosts, 5 ms apart.
    Pair { client: fn(Host) -> Task, server: fn(Host) -> Task },
    /// The network and the applications of a built-in scenario, and the cable at its client; that it looks as drawn is not
    /// promised under faults.
    Scenario { name: &'static str, cable: &'static str },
}

type Task = std::pin::Pin<Box<dyn Future<Output = TaskResult>>>;

/// What came of it.
struct Played {
    trace: Trace,
    failures: Vec<String>,
    apps_ended_at: Time,
}

impl Conversation {
    const fn pair(name: &'static str, client: fn(Host) -> Task, server: fn(Host) -> Task) -> Conversation {
        Conversation { name, rests: Duration::ZERO, actors: Actors::Pair { client, server } }
    }

    fn play(&self, faults: &[(Frame, Act)], recording: Recording) -> Played {
        match self.actors {
            Actors::Pair { client, server } => Conversation::play_pair([client, server], faults, recording),
            Actors::Scenario { name, cable } => Conversation::play_scenario(name, cable, faults, recording),
        }
    }

    fn play_scenario(name: &str, cable: &str, faults: &[(Frame, Act)], recording: Recording) -> Played {
        let mut scenario = library::find(name).expect("a built-in scenario").scenario.clone();
        scenario.expect = model::Expect::default();
        scenario.faults.extend(faults.iter().map(|((direction, nth), act)| model::Fault {
            cable: cable.to_owned(),
            direction: *direction,
            fault: Fault { when: When::Frame(*nth), act: *act },
        }));
        let run = scenario.run(recording).expect("a good scenario");
        Played { trace: run.trace, failures: run.outcome.failures, apps_ended_at: run.apps_ended_at }
    }

    fn play_pair(actors: [fn(Host) -> Task; 2], faults: &[(Frame, Act)], recording: Recording) -> Played {
        let mut world = World::new(1);
        world.set_recording(recording);
        let client = world.host("client", &["192.0.2.1/24"]).expect("a good host");
        let server = world.host("server", &["192.0.2.2/24"]).expect("a good host");
        let cable = Impairments { rate_bps: 100_000_000, delay_ns: 5_000_000, ..Impairments::default() };
        world.cable("ab", client, server, cable).expect("a good cable");
        for direction in [Direction::Forward, Direction::Back] {
            let of_direction = faults.iter().filter(|((of, _), _)| *of == direction);
            let script = of_direction.map(|((_, nth), act)| Fault { when: When::Frame(*nth), act: *act }).collect();
            world.fault("ab", direction, script).expect("the cable is there");
        }
        world.app(server, "server", actors[1]);
        world.app(client, "client", actors[0]);
        let ending = world.run(Time::from_secs(3_600));
        Played { trace: ending.trace, failures: ending.failures, apps_ended_at: ending.apps_ended_at }
    }

    /// The frames of an undisturbed run.
    fn frames(&self) -> Vec<Frame> {
        let ending = self.play(&[], Recording::Full);
        assert!(ending.failures.is_empty(), "{}: {:?}", self.name, ending.failures);
        let client = ending.trace.frames.first().map(|frame| frame.from);
        let direction = |frame: &smolsock_sim::trace::FrameRecord| match Some(frame.from) == client {
            true => Direction::Forward,
            false => Direction::Back,
        };
        let cable = match self.actors {
            Actors::Pair { .. } => "ab",
            Actors::Scenario { cable, .. } => cable,
        };
        let on_cable = ending.trace.frames.iter().filter(|frame| frame.link.as_str() == cable);
        on_cable.map(|frame| (direction(frame), frame.nth)).collect()
    }

    /// Plays it with these faults, and says what went wrong. `None`: nothing, and it ended within `bound` of its rests.
    fn complaint(&self, faults: &[(Frame, Act)], bound: Time) -> Option<String> {
        let ending = self.play(faults, Recording::Off);
        // Where the first fault leaves fewer frames, the second may find none; so may those of the scenario itself.
        let is_alone = faults.len() < 2 && matches!(self.actors, Actors::Pair { .. });
        let failure = ending.failures.iter().find(|failure| is_alone || !is_unfired(failure)).cloned();
        let late = (ending.apps_ended_at > bound + self.rests).then(|| format!("ended after {}", ending.apps_ended_at));
        failure.or(late).map(|what| format!("{} with {faults:?}: {what}", self.name))
    }
}

/// Connects, and closes at once; the server accepts and closes then.
const HANDSHAKE: Conversation = Conversation::pair(
    "handshake",
    |host| {
        Box::pin(async move {
            let stream = connect(&host, SERVER.parse()?).await?;
            end(&stream).await
        })
    },
    |host| {
        Box::pin(async move {
            let (stream, _) = TcpListener::bind(&host, ANY.parse()?, 1)?.accept().await?;
            end(&stream).await
        })
    },
);

/// Both connect to each other's port at the same moment: one connection (RFC 9293 §3.5).
const SIMULTANEOUS_OPEN: Conversation = Conversation::pair(
    "simultaneous open",
    |host| Box::pin(async move { connects_and_talks(&host, SERVER, [1, 2]).await }),
    |host| Box::pin(async move { connects_and_talks(&host, "192.0.2.1:1234", [2, 1]).await }),
);

/// 20 kB one way.
const TRANSFER: Conversation = Conversation::pair(
    "transfer of 20 kB",
    |host| Box::pin(async move { sender(host, SERVER.parse()?, 1, 20_000).await }),
    |host| Box::pin(async move { receiver(host, ANY.parse()?, 1, 20_000, Reading::EAGER).await }),
);

/// A window that closes and is probed.
const SLOW_READER: Conversation = Conversation::pair(
    "slow reader",
    |host| Box::pin(async move { sender(host, SERVER.parse()?, 1, 90_000).await }),
    |host| {
        Box::pin(async move {
            let reading = Reading { first_pause: Duration::from_secs(3), ..Reading::EAGER };
            receiver(host, ANY.parse()?, 1, 90_000, reading).await
        })
    },
);

/// The client closes first, and the server half a second later, with an answer in between.
const CLIENT_FIRST: Conversation = Conversation::pair(
    "the client closes first",
    |host| Box::pin(closes(host, Duration::ZERO)),
    |host| Box::pin(accepts_and_closes(host, Duration::from_millis(500))),
);

/// The other way round.
const SERVER_FIRST: Conversation = Conversation::pair(
    "the server closes first",
    |host| Box::pin(closes(host, Duration::from_millis(500))),
    |host| Box::pin(accepts_and_closes(host, Duration::ZERO)),
);

/// Both at the same moment, as long as nothing is late.
const BOTH_AT_ONCE: Conversation = Conversation::pair(
    "both close at once",
    |host| Box::pin(closes(host, Duration::from_millis(105))),
    |host| Box::pin(accepts_and_closes(host, Duration::from_millis(100))),
);

/// The client resets after its bytes have been read.
const RESET: Conversation = Conversation::pair(
    "the client resets",
    |host| {
        Box::pin(async move {
            let stream = connect(&host, SERVER.parse()?).await?;
            stream.write_all(&pattern(1, 3_000)).await?;
            let mut answer = [0; 1];
            stream.read_exact(&mut answer).await?;
            host.with(|stack| stack.setsockopt(stream.id(), SO_LINGER, Some(Duration::ZERO)))?;
            Ok(())
        })
    },
    |host| {
        Box::pin(async move {
            let (stream, _) = TcpListener::bind(&host, ANY.parse()?, 1)?.accept().await?;
            let mut bytes = vec![0; 3_000];
            stream.read_exact(&mut bytes).await?;
            stream.write_all(b"!").await?;
            hears_a_reset(&host, &stream).await
        })
    },
);

/// The server reads a third of what came and closes: the rest is thrown away, and the client is told with a reset (RFC 1122
/// §4.2.2.13).
const UNREAD: Conversation = Conversation::pair(
    "the server closes with unread bytes",
    |host| {
        Box::pin(async move {
            let stream = connect(&host, SERVER.parse()?).await?;
            stream.write_all(&pattern(1, 3_000)).await?;
            hears_a_reset(&host, &stream).await
        })
    },
    |host| {
        Box::pin(async move {
            let (stream, _) = TcpListener::bind(&host, ANY.parse()?, 1)?.accept().await?;
            stream.read_exact(&mut [0; 1_000]).await?;
            Ok(())
        })
    },
);

/// The client closes its side at once; the server answers after a minute and a half, longer than a closed socket would wait.
const HALF_CLOSED: Conversation = Conversation {
    name: "half-closed for long",
    rests: Duration::from_secs(90),
    actors: Actors::Pair {
        client: |host| Box::pin(closes(host, Duration::ZERO)),
        server: |host| {
            Box::pin(async move {
                let (stream, _) = TcpListener::bind(&host, ANY.parse()?, 1)?.accept().await?;
                match read_checked(&host, &stream, 1, Reading::EAGER).await? {
                    3_000 => host.sleep(Duration::from_secs(90)).await,
                    len => return Err(format!("{len} bytes came, 3,000 were sent").into()),
                }
                stream.write_all(&pattern(2, 3_000)).await?;
                end(&stream).await
            })
        },
    },
};

/// Nobody listens.
const REFUSED: Conversation = Conversation::pair(
    "refused",
    |host| {
        Box::pin(async move {
            match connect(&host, SERVER.parse()?).await {
                Err(Errno::ECONNREFUSED) => Ok(()),
                other => Err(format!("{:?} instead of a refusal", other.map(|_| ())).into()),
            }
        })
    },
    |_| Box::pin(async { Ok(()) }),
);

/// The page of the textbooks, with its window of 6 KiB and its slow receiver.
const FIGURE: Conversation = Conversation {
    name: "the figure",
    rests: Duration::ZERO,
    actors: Actors::Scenario { name: "figure", cable: "near" },
};

/// The same applications with nothing arranged.
const FIGURE_NATURAL: Conversation = Conversation {
    name: "the figure, natural",
    rests: Duration::ZERO,
    actors: Actors::Scenario { name: "figure-natural", cable: "ab" },
};

/// Reads until the peer's reset comes. A lost one leaves this side alone until it speaks; then it is told.
async fn hears_a_reset(host: &Host, stream: &TcpStream<Host>) -> TaskResult {
    let mut is_at_end = false;
    for _ in 0..20 {
        match host.within(Duration::from_secs(1), stream.read(&mut [0; 1])).await {
            Some(Err(Errno::ECONNRESET)) => return Ok(()),
            // Its FIN may come before the bytes that it does not want.
            Some(Ok(0)) if !is_at_end => is_at_end = true,
            Some(Ok(0)) => host.sleep(Duration::from_secs(1)).await,
            Some(other) => return Err(format!("{other:?} instead of a reset").into()),
            None => {}
        }
        match stream.write_all(b"?").await {
            Ok(()) => {}
            Err(Errno::ECONNRESET | Errno::EPIPE) => return Ok(()),
            Err(other) => return Err(other.into()),
        }
    }
    Err("no reset came".into())
}

/// Says 3,000 bytes, waits, closes its side and reads the other's to the end.
async fn closes(host: Host, wait: Duration) -> TaskResult {
    let stream = connect(&host, SERVER.parse()?).await?;
    talk(&host, &stream, [1, 2], wait).await
}

/// From the port that the other side connects to, until the neighbour's address is known.
async fn connects_and_talks(host: &Host, remote: &str, numbers: [u32; 2]) -> TaskResult {
    let (local, remote) = (ANY.parse()?, remote.parse()?);
    let mut unreachable = 0;
    let stream = loop {
        let id = host.with(|stack| {
            let id = stack.socket(Domain::Inet, Type::Stream)?;
            stack.bind(id, local).map(|()| id)
        })?;
        let stream = TcpStream::from_id(host, id);
        match smolsock::task::connect(host, id, remote).await {
            Err(Errno::EHOSTUNREACH) if unreachable < 10 => unreachable += 1,
            outcome => break outcome.map(|()| stream)?,
        }
    };
    talk(host, &stream, numbers, Duration::ZERO).await
}

async fn accepts_and_closes(host: Host, wait: Duration) -> TaskResult {
    let (stream, _) = TcpListener::bind(&host, ANY.parse()?, 1)?.accept().await?;
    talk(&host, &stream, [2, 1], wait).await
}

/// `numbers`: of the stream that is said, and of the one that is heard.
async fn talk(host: &Host, stream: &TcpStream<Host>, numbers: [u32; 2], wait: Duration) -> TaskResult {
    stream.write_all(&pattern(numbers[0], 3_000)).await?;
    host.sleep(wait).await;
    stream.shutdown(Shutdown::Write)?;
    match read_checked(host, stream, numbers[1], Reading::EAGER).await? {
        3_000 => Ok(()),
        len => Err(format!("{len} bytes came, 3,000 were sent").into()),
    }
}

/// Closes the sending side, and wants the other side's end.
async fn end(stream: &TcpStream<Host>) -> TaskResult {
    stream.shutdown(Shutdown::Write)?;
    match stream.read(&mut [0; 1]).await? {
        0 => Ok(()),
        _ => Err("a byte that nobody sent".into()),
    }
}

const SERVER: &str = "192.0.2.2:1234";
const ANY: &str = "0.0.0.0:1234";
const ALL: [&Conversation; 13] = [
    &HANDSHAKE,
    &SIMULTANEOUS_OPEN,
    &REFUSED,
    &TRANSFER,
    &SLOW_READER,
    &CLIENT_FIRST,
    &SERVER_FIRST,
    &BOTH_AT_ONCE,
    &HALF_CLOSED,
    &RESET,
    &UNREAD,
    &FIGURE,
    &FIGURE_NATURAL,
];

/// Tries all of `plans`, and shows the first complaints.
fn try_all(conversation: &Conversation, plans: impl Iterator<Item = Vec<(Frame, Act)>>, bound: Time) {
    let mut tried = 0;
    let complaints = plans.inspect(|_| tried += 1).filter_map(|plan| conversation.complaint(&plan, bound));
    let complaints: Vec<String> = complaints.collect();
    assert!(tried > 0, "{}: nothing was tried", conversation.name);
    let shown = complaints.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(complaints.is_empty(), "{} of {tried} runs went wrong:\n{shown}", complaints.len());
}

#[test]
fn every_single_drop_is_survived() {
    for conversation in ALL {
        let frames = conversation.frames();
        try_all(conversation, frames.iter().map(|frame| vec![(*frame, Act::Drop)]), ONE_LOSS);
    }
}

#[test]
fn every_single_duplicate_is_survived() {
    for conversation in ALL {
        let frames = conversation.frames();
        try_all(conversation, frames.iter().map(|frame| vec![(*frame, Act::Duplicate)]), NO_LOSS);
    }
}

/// Shorter than a round trip, longer than a time-out, and so long that everything else is over.
#[test]
fn every_single_delay_is_survived() {
    for conversation in ALL {
        let frames = conversation.frames();
        let delays = [3_000_000, 400_000_000, 1_500_000_000, 7_000_000_000].map(Act::Delay);
        let plans = delays.iter().flat_map(|delay| frames.iter().map(move |frame| vec![(*frame, *delay)]));
        try_all(conversation, plans, ONE_LOSS);
    }
}

#[test]
fn every_pair_of_drops_is_survived() {
    for conversation in ALL {
        let frames = conversation.frames();
        // One more than there are, in each direction: the repetition of what the first drop took.
        let pairs = frames.iter().enumerate().flat_map(|(i, first)| {
            frames[i + 1..].iter().map(move |second| vec![(*first, Act::Drop), (*second, Act::Drop)])
        });
        let repeated = frames
            .iter()
            .map(|(direction, nth)| vec![((*direction, *nth), Act::Drop), ((*direction, nth + 1), Act::Drop)]);
        try_all(conversation, pairs.chain(repeated), TWO_LOSSES);
    }
}

/// The slow reader takes three seconds by itself.
const NO_LOSS: Time = Time::from_secs(4);
/// What is lost is repeated after one second; the slow reader is at it for three.
const ONE_LOSS: Time = Time::from_secs(5);
/// Lost twice, it is repeated after one second and after two more; a probe of the slow reader's window may be one of the two.
const TWO_LOSSES: Time = Time::from_secs(8);
