//! What does the whole simulated world cost over two plain stacks joined in memory?

use std::net::SocketAddr;

use smolsock::task::{TcpListener, TcpStream};
use smolsock_sim::executor::TaskResult;
use smolsock_sim::frame::Medium;
use smolsock_sim::link::Impairments;
use smolsock_sim::oracle::Oracles;
use smolsock_sim::time::Time;
use smolsock_sim::trace::NodeId;
use smolsock_sim::{Host, Recording, World};
use smoltcp::time::Duration;

use crate::bulk::{Bulk, ROUND_BYTES};
use crate::lagged::{Acted, Lagged};
use crate::pair::Buffers;
use crate::plain::Plain;
use crate::report::{Ratio, Report, Row, thousands};
use crate::rounds::{Effort, interleave};

const DELAY_NS: u64 = 10_000;

/// Who looks at a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watching {
    /// Nobody.
    Off,
    /// All oracles: what a search runs with.
    Oracles,
    /// All oracles, and every frame is kept: what a single run has, for its captures.
    OraclesAndRecording,
}

/// Frames per second of wall-clock time, in a bulk transfer: two hosts, one cable with a delay, applications as async
/// functions.
pub fn run(effort: Effort, report: &mut Report) {
    let mut wire = Bulk::<Plain>::new();
    let mut wire_round = || {
        let before = wire.packets();
        wire.round();
        wire.packets() - before
    };
    let [wire, lagged, off, on, recorded] = interleave(
        effort.pick(50, 300),
        [
            &mut wire_round,
            &mut lagged_round,
            &mut || world_round(Watching::Off),
            &mut || world_round(Watching::Oracles),
            &mut || world_round(Watching::OraclesAndRecording),
        ],
    );
    report.row(Row {
        what: "frames/s in bulk; ours: the whole simulated world, oracles off".into(),
        plain: thousands(1e9 / wire.best_ns()),
        ours: thousands(1e9 / off.best_ns()),
        ratio: Some(Ratio::AtLeast { measured: wire.times(&off), target: 0.3 }),
    });
    report.row(Row {
        what: "the same, plain smoltcp in virtual time too".into(),
        plain: thousands(1e9 / lagged.best_ns()),
        ours: thousands(1e9 / off.best_ns()),
        ratio: Some(Ratio::Free(lagged.times(&off))),
    });
    report.row(Row {
        what: "the same, all oracles on (ratio: what that costs)".into(),
        ours: thousands(1e9 / on.best_ns()),
        ratio: Some(Ratio::AtMost { measured: on.times(&off), target: 1.5 }),
        ..Row::default()
    });
    report.row(Row {
        what: "the same, and every frame recorded (ratio: what both cost)".into(),
        ours: thousands(1e9 / recorded.best_ns()),
        ratio: Some(Ratio::Free(recorded.times(&off))),
        ..Row::default()
    });
}

/// A client, a server and a cable between them.
pub fn two_hosts(seed: u64, buffers: Buffers, delay_ns: u64, watching: Watching) -> (World, [NodeId; 2]) {
    let mut world = World::with_medium(seed, Medium::Ip);
    let (oracles, recording) = match watching {
        Watching::Off => (Oracles::NONE, Recording::Off),
        Watching::Oracles => (Oracles::ALL, Recording::Off),
        Watching::OraclesAndRecording => (Oracles::ALL, Recording::Full),
    };
    world.set_oracles(oracles);
    world.set_recording(recording);
    let tune = |config: &mut smolsock::Config| {
        config.tcp_recv_bytes = buffers.recv_bytes;
        config.tcp_send_bytes = buffers.send_bytes;
    };
    let client = world.host_with("client", &["10.0.0.1/24"], tune).expect("a good address");
    let server = world.host_with("server", &["10.0.0.2/24"], tune).expect("a good address");
    let link = Impairments { delay_ns, ..Impairments::default() };
    world.cable("ab", client, server, link).expect("two hosts");
    (world, [client, server])
}

/// Builds a world, moves [`ROUND_BYTES`] in it, and returns the frames that it took.
fn world_round(watching: Watching) -> u64 {
    let (mut world, [client, server]) = two_hosts(1, Buffers::LARGE, DELAY_NS, watching);
    let remote: SocketAddr = "10.0.0.2:7".parse().expect("an address");
    world.app(server, "reader", move |host| read(host, remote));
    world.app(client, "writer", move |host| write(host, remote));
    let ending = world.run(Time::from_secs(600));
    assert!(ending.failures.is_empty(), "{:?}", ending.failures);
    ending.totals.frames
}

async fn write(host: Host, remote: SocketAddr) -> TaskResult {
    let stream = TcpStream::connect(&host, remote).await?;
    let bytes = vec![0x5a; Buffers::LARGE.send_bytes];
    let mut left = ROUND_BYTES as usize;
    while left > 0 {
        left -= stream.write(&bytes[..left.min(bytes.len())]).await?;
    }
    Ok(())
}

async fn read(host: Host, local: SocketAddr) -> TaskResult {
    let (stream, _) = TcpListener::bind(&host, local, 1)?.accept().await?;
    let mut bytes = vec![0; Buffers::LARGE.recv_bytes];
    while stream.read(&mut bytes).await? > 0 {}
    Ok(())
}

/// Moves [`ROUND_BYTES`] between two plain stacks, and returns the packets that it took.
fn lagged_round() -> u64 {
    let written = vec![0x5a; Buffers::LARGE.send_bytes];
    let mut read = vec![0; Buffers::LARGE.recv_bytes];
    let mut moved = 0;
    Lagged::new(Buffers::LARGE, Duration::from_micros(DELAY_NS / 1_000)).run(|client, server| {
        let sent = if client.can_send() { client.send_slice(&written).expect("it can send") } else { 0 };
        let got = if server.can_recv() { server.recv_slice(&mut read).expect("it can receive") } else { 0 };
        moved += got as u64;
        match (sent, got) {
            _ if moved >= ROUND_BYTES => Acted::Done,
            (0, 0) => Acted::Nothing,
            _ => Acted::Something,
        }
    })
}
