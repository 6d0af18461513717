//! What does the whole simulated world cost over two plain stacks joined in memory?

use std::net::SocketAddr;

use smolsock::task::{Handle, TcpListener, TcpStream};
use smolsock_sim::executor::TaskResult;
use smolsock_sim::frame::Medium;
use smolsock_sim::link::Impairments;
use smolsock_sim::time::Time;
use smolsock_sim::{Host, Recording, World};

use crate::bulk::{Bulk, ROUND_BYTES};
use crate::pair::Buffers;
use crate::plain::Plain;
use crate::report::{Ratio, Report, Row, thousands};
use crate::rounds::{Effort, interleave};

/// Frames per second of wall-clock time, in a bulk transfer: two hosts, one link with rate and delay, applications
/// as async functions, nothing recorded.
pub fn run(effort: Effort, report: &mut Report) {
    let mut plain = Bulk::<Plain>::new();
    let mut plain_round = || {
        let before = plain.packets();
        plain.round();
        plain.packets() - before
    };
    let [plain, world] = interleave(effort.pick(50, 500), [&mut plain_round, &mut world_round]);
    report.row(Row {
        what: "frames/s in bulk; ours: the whole simulated world".into(),
        plain: thousands(1e9 / plain.best_ns()),
        ours: thousands(1e9 / world.best_ns()),
        ratio: Some(Ratio::AtLeast { measured: plain.times(&world), target: 0.3 }),
    });
}

/// Builds a world, moves [`ROUND_BYTES`] in it, and returns the frames that it took.
fn world_round() -> u64 {
    let mut world = World::with_medium(1, Medium::Ip);
    world.set_recording(Recording::Off);
    let tune = |config: &mut smolsock::Config| {
        config.tcp_recv_bytes = Buffers::LARGE.recv_bytes;
        config.tcp_send_bytes = Buffers::LARGE.send_bytes;
    };
    let client = world.host_with("client", &["10.0.0.1/24"], tune).expect("a good address");
    let server = world.host_with("server", &["10.0.0.2/24"], tune).expect("a good address");
    let link = Impairments { rate_bps: 10_000_000_000, delay_ns: 10_000, ..Impairments::default() };
    world.cable("ab", client, server, link).expect("two hosts");
    let remote: SocketAddr = "10.0.0.2:7".parse().expect("an address");
    world.app(server, "reader", move |host| read(host, remote));
    world.app(client, "writer", move |host| write(host, remote));
    let hosts = [world.handle(client), world.handle(server)];
    let ending = world.run(Time::from_secs(600));
    assert!(ending.failures.is_empty(), "{:?}", ending.failures);
    hosts.iter().map(|host| host.with(|stack| stack.counters().frames_out)).sum()
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
