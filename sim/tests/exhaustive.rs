//! Does every conversation survive every single fault, and every pair of lost frames?
//!
//! Each conversation is short, so all of them are tried: every frame of either direction dropped, duplicated and delayed, and
//! every two frames dropped. Each run has to end well (every byte right, every application content) within a bound of
//! virtual time that follows from the time-outs on the way.

use std::time::Duration;

use smolsock::Shutdown;
use smolsock::sockopt::SO_LINGER;
use smolsock::task::{TcpListener, TcpStream};
use smolsock_sim::app::bulk::{Reading, read_checked, receiver, sender};
use smolsock_sim::app::connect;
use smolsock_sim::app::pattern::pattern;
use smolsock_sim::executor::TaskResult;
use smolsock_sim::link::{Act, Direction, Fault, Impairments, When};
use smolsock_sim::time::Time;
use smolsock_sim::{Ending, Host, Recording, World};

/// A frame: its direction and how many went that way before it.
type Frame = (Direction, u64);

/// Two hosts that talk, 5 ms apart.
struct Conversation {
    name: &'static str,
    client: fn(Host) -> Task,
    server: fn(Host) -> Task,
}

type Task = std::pin::Pin<Box<dyn Future<Output = TaskResult>>>;

impl Conversation {
    fn play(&self, faults: &[(Frame, Act)], recording: Recording) -> Ending {
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
        world.app(server, "server", self.server);
        world.app(client, "client", self.client);
        world.run(Time::from_secs(3_600))
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
        ending.trace.frames.iter().map(|frame| (direction(frame), frame.nth)).collect()
    }

    /// Plays it with these faults, and says what went wrong. `None`: nothing, and it ended within `bound`.
    fn complaint(&self, faults: &[(Frame, Act)], bound: Time) -> Option<String> {
        let ending = self.play(faults, Recording::Off);
        // Where the first fault leaves fewer frames, the second may find none.
        let is_real = |failure: &&String| faults.len() < 2 || !failure.contains("never happened");
        let failure = ending.failures.iter().find(is_real).cloned();
        let late = (ending.apps_ended_at > bound).then(|| format!("ended after {}", ending.apps_ended_at));
        failure.or(late).map(|what| format!("{} with {faults:?}: {what}", self.name))
    }
}

/// Connects, and closes at once; the server accepts and closes then.
const HANDSHAKE: Conversation = Conversation {
    name: "handshake",
    client: |host| {
        Box::pin(async move {
            let stream = connect(&host, SERVER.parse()?).await?;
            end(&stream).await
        })
    },
    server: |host| {
        Box::pin(async move {
            let (stream, _) = TcpListener::bind(&host, ANY.parse()?, 1)?.accept().await?;
            end(&stream).await
        })
    },
};

/// 20 kB one way.
const TRANSFER: Conversation = Conversation {
    name: "transfer of 20 kB",
    client: |host| Box::pin(async move { sender(host, SERVER.parse()?, 1, 20_000).await }),
    server: |host| Box::pin(async move { receiver(host, ANY.parse()?, 1, 20_000, Reading::EAGER).await }),
};

/// A window that closes and is probed.
const SLOW_READER: Conversation = Conversation {
    name: "slow reader",
    client: |host| Box::pin(async move { sender(host, SERVER.parse()?, 1, 90_000).await }),
    server: |host| {
        Box::pin(async move {
            let reading = Reading { first_pause: Duration::from_secs(3), ..Reading::EAGER };
            receiver(host, ANY.parse()?, 1, 90_000, reading).await
        })
    },
};

/// The client closes first, and the server half a second later, with an answer in between.
const CLIENT_FIRST: Conversation = Conversation {
    name: "the client closes first",
    client: |host| Box::pin(closes(host, Duration::ZERO)),
    server: |host| Box::pin(accepts_and_closes(host, Duration::from_millis(500))),
};

/// The other way round.
const SERVER_FIRST: Conversation = Conversation {
    name: "the server closes first",
    client: |host| Box::pin(closes(host, Duration::from_millis(500))),
    server: |host| Box::pin(accepts_and_closes(host, Duration::ZERO)),
};

/// Both at the same moment, as long as nothing is late.
const BOTH_AT_ONCE: Conversation = Conversation {
    name: "both close at once",
    client: |host| Box::pin(closes(host, Duration::from_millis(105))),
    server: |host| Box::pin(accepts_and_closes(host, Duration::from_millis(100))),
};

/// The client resets after its bytes have been read.
const RESET: Conversation = Conversation {
    name: "the client resets",
    client: |host| {
        Box::pin(async move {
            let stream = connect(&host, SERVER.parse()?).await?;
            stream.write_all(&pattern(1, 3_000)).await?;
            let mut answer = [0; 1];
            stream.read_exact(&mut answer).await?;
            smolsock::task::Handle::with(&host, |stack| {
                stack.setsockopt(stream.id(), SO_LINGER, Some(Duration::ZERO))
            })?;
            Ok(())
        })
    },
    server: |host| {
        Box::pin(async move {
            let (stream, _) = TcpListener::bind(&host, ANY.parse()?, 1)?.accept().await?;
            let mut bytes = vec![0; 3_000];
            stream.read_exact(&mut bytes).await?;
            stream.write_all(b"!").await?;
            // A lost reset leaves this side alone until it speaks; then it is told.
            for _ in 0..20 {
                match host.within(Duration::from_secs(1), stream.read(&mut [0; 1])).await {
                    Some(Err(smolsock::Errno::ECONNRESET)) => return Ok(()),
                    Some(other) => return Err(format!("{other:?} instead of a reset").into()),
                    None => match stream.write_all(b"?").await {
                        Ok(()) => {}
                        Err(smolsock::Errno::ECONNRESET | smolsock::Errno::EPIPE) => return Ok(()),
                        Err(other) => return Err(other.into()),
                    },
                }
            }
            Err("no reset came".into())
        })
    },
};

/// Says 3,000 bytes, waits, closes its side and reads the other's to the end.
async fn closes(host: Host, wait: Duration) -> TaskResult {
    let stream = connect(&host, SERVER.parse()?).await?;
    talk(&host, &stream, [1, 2], wait).await
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
const ALL: [&Conversation; 7] =
    [&HANDSHAKE, &TRANSFER, &SLOW_READER, &CLIENT_FIRST, &SERVER_FIRST, &BOTH_AT_ONCE, &RESET];

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
/// Lost twice, it is repeated after one second and after two more. When both sides lose data at once neither hears the
/// other for seven (B24).
const TWO_LOSSES: Time = Time::from_secs(8);
