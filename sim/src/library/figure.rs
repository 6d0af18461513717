//! What does the sliding window of the textbooks look like, segment by segment?

use std::time::Duration;

use smolsock::sockopt::TCP_CONGESTION;
use smolsock::task::{self, Handle, TcpListener, TcpStream};
use smolsock::{Config, Congestion, Domain, Shutdown, Type};

use super::stage::{PORT, any, server_at, with_loss};
use super::{Entry, Options, Staged};
use crate::Medium;
use crate::app::pattern::{first_difference, pattern};
use crate::executor::TaskResult;
use crate::host::Host;
use crate::isn;
use crate::link::{Act, Direction, Impairments, Scripted};
use crate::middlebox::{Middlebox, Strip, TcpOption};
use crate::trace::NodeId;
use crate::world::{Ending, Realism, World, WorldError};

pub(super) const ENTRY: Entry = Entry {
    name: "figure",
    sentence: "The figure of the sliding window in the textbooks, all 18 segments as drawn; the manual says how it was \
               arranged.",
    play: exact,
};

/// The segments of the figure, at the client.
pub const LINES: [&str; 18] = [
    "SYN 0(0) win 4096 <mss 1460>",
    "SYN 8000(0) ack 1 win 6144 <mss 1024>",
    "ack 8001 win 4096",
    "1(1024) ack 8001 win 4096",
    "1025(1024) ack 8001 win 4096",
    "2049(1024) ack 8001 win 4096",
    "3073(1024) ack 8001 win 4096",
    "4097(1024) ack 8001 win 4096",
    "5121(1024) ack 8001 win 4096",
    "ack 6145 win 2048",
    "ack 6145 win 4096",
    "6145(1024) ack 8001 win 4096",
    "FIN 7169(1024) ack 8001 win 4096",
    "ack 8194 win 2048",
    "ack 8194 win 4096",
    "ack 8194 win 6144",
    "FIN 8001(0) ack 8194 win 6144",
    "ack 8002 win 4096",
];

fn exact(options: &Options) -> Result<Staged, WorldError> {
    let mut world = World::with_medium(options.seed, Medium::Ip);
    let seeded = |isn| {
        let seed = isn::seed(isn, options.seed).map_err(|error| WorldError::Host(error.to_string()))?;
        Ok(move |config: &mut Config| config.seed = seed)
    };
    let (client, server) = hosts(&mut world, seeded(0)?, seeded(8_000)?)?;
    // Both ACKs are handed over together: the client answers when it has the second. Its packet filter takes off what the
    // figure does not have.
    let strip = vec![Strip::syn(TcpOption::WindowScale), Strip::syn(TcpOption::SackPermitted)];
    world.realism(client, Realism { batch_window_ns: 25_000_000, strip, ..Realism::default() })?;
    // Cables without a rate: what is sent at once arrives at once, and is read before it is acknowledged.
    let bridge = world.middlebox("bridge", Middlebox::default())?;
    let cable = with_loss(options, Impairments { delay_ns: 2_500_000, ..Impairments::default() });
    world.cable("near", client, bridge, cable)?;
    world.cable("far", bridge, server, cable)?;
    // What the network repeats is answered with the window of the moment.
    let repeat = Scripted { nth: SEGMENT_13, act: Act::Duplicate };
    world.script("near", Direction::Forward, vec![repeat, repeat])?;
    let late = |copy, ns| Scripted { nth: SEGMENT_13 + copy, act: Act::Delay(ns) };
    world.script("far", Direction::Forward, vec![late(1, 10_000_000), late(2, 30_000_000)])?;
    world.app(server, "slow receiver", receive);
    world.app(client, "fast sender", |host| send(host, true));
    Ok(Staged { check, ..Staged::new(world, vec![client, server]) })
}

/// A client with a buffer of 4 KiB, and a server of 6 KiB whose packets are so short that its MSS is 1,024.
pub(super) fn hosts(
    world: &mut World,
    tune_client: impl FnOnce(&mut Config),
    tune_server: impl FnOnce(&mut Config),
) -> Result<(NodeId, NodeId), WorldError> {
    let client = world.host_with("client", &["192.0.2.1/24"], |config| {
        config.tcp_recv_bytes = 4_096;
        tune_client(config);
    })?;
    let server = world.host_with("server", &["192.0.2.2/24"], |config| {
        config.tcp_recv_bytes = 6_144;
        tune_server(config);
    })?;
    world.realism(server, Realism { mtu_bytes: 1_024 + 40, ..Realism::default() })?;
    Ok((client, server))
}

/// Writes 8 KiB and closes at once; `is_uncontrolled`: without congestion control.
pub(super) async fn send(host: Host, is_uncontrolled: bool) -> TaskResult {
    let id = host.with(|stack| stack.socket(Domain::Inet, Type::Stream))?;
    let stream = TcpStream::from_id(&host, id);
    if is_uncontrolled {
        host.with(|stack| stack.setsockopt(id, TCP_CONGESTION, Congestion::None))?;
    }
    task::connect(&host, id, server_at(PORT)).await?;
    // Time for the third segment of the handshake to leave on its own.
    host.sleep(Duration::from_millis(1)).await;
    host.note("writes 8192 bytes, and closes");
    stream.write_all(&pattern(1, STREAM_BYTES)).await?;
    stream.shutdown(Shutdown::Write)?;
    match stream.read(&mut [0; 64]).await? {
        0 => Ok(()),
        extra => Err(format!("{extra} bytes came that nobody sent").into()),
    }
}

/// Reads 2 KiB, rests for 20 ms, and so on.
pub(super) async fn receive(host: Host) -> TaskResult {
    let listener = TcpListener::bind(&host, any(PORT), 0)?;
    let (stream, remote) = listener.accept().await?;
    host.note(format!("accepts a connection from {remote}"));
    let mut piece = [0; 2_048];
    let mut received = 0;
    loop {
        let taken = stream.read_exact(&mut piece).await?;
        if first_difference(1, received, &piece[..taken]).is_some() {
            return Err("what was received is not what was sent".into());
        }
        received += taken;
        if taken < piece.len() {
            break;
        }
        host.note("reads 2048 bytes, and rests for 20 ms");
        host.sleep(Duration::from_millis(20)).await;
    }
    if received != STREAM_BYTES {
        return Err(format!("{received} bytes came, {STREAM_BYTES} were sent").into());
    }
    host.note("reads the end of the stream, and closes");
    Ok(())
}

/// The first line that is not as drawn.
fn check(ending: &Ending, vantages: &[NodeId]) -> Vec<String> {
    let seen = crate::capture::segments(&ending.trace, vantages[0]);
    let drawn = LINES.iter().map(|line| Some(*line)).chain(std::iter::repeat(None));
    let seen = seen.iter().map(|line| Some(line.as_str())).chain(std::iter::repeat(None));
    let pairs = (1..).zip(drawn.zip(seen)).take_while(|(_, pair)| *pair != (None, None));
    let different = pairs.filter(|(_, (drawn, seen))| drawn != seen).take(1);
    let say = |line: Option<&str>| line.unwrap_or("nothing").to_owned();
    let sentence = |(n, (drawn, seen))| format!("segment {n} is {}, and should be {}", say(seen), say(drawn));
    different.map(sentence).collect()
}

const STREAM_BYTES: usize = 8_192;
/// How many frames the client sends before the segment with the FIN.
const SEGMENT_13: u64 = 9;
