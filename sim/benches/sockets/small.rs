//! How many small simulations fit into a second?

use std::net::SocketAddr;

use smolsock::task::{TcpListener, TcpStream};
use smolsock_sim::Host;
use smolsock_sim::executor::TaskResult;
use smolsock_sim::time::Time;
use smoltcp::socket::tcp;
use smoltcp::time::Duration;

use crate::lagged::{Acted, Lagged};
use crate::pair::Buffers;
use crate::report::{Ratio, Report, Row, thousands};
use crate::rounds::{Effort, Series, interleave};
use crate::world::{Watching, two_hosts};

/// One round.
const SIMULATIONS: u64 = 20;
/// The client sends so many pieces and waits for each to come back: about 25 frames with handshake and teardown.
const PIECES: usize = 8;
const PIECE_BYTES: usize = 128;
const DELAY_NS: u64 = 1_000_000;
/// What a host has without further words, in both contenders.
const BUFFERS: Buffers = Buffers { recv_bytes: 65_535, send_bytes: 65_535 };

/// A network of two hosts is built, connects, sends 1 KiB there and back, closes, waits for the end of TIME-WAIT, and is
/// gone.
pub fn run(effort: Effort, report: &mut Report) {
    let [plain, off, on, recorded] = interleave(
        effort.pick(50, 500),
        [
            &mut || round(|_| plain()),
            &mut || round(|seed| ours(seed, Watching::Off)),
            &mut || round(|seed| ours(seed, Watching::Oracles)),
            &mut || round(|seed| ours(seed, Watching::OraclesAndRecording)),
        ],
    );
    report.row(Row {
        what: "small simulations/s (connect, 1 KiB echoed, close), oracles off; plain: in virtual time too".into(),
        plain: per_second(&plain),
        ours: per_second(&off),
        ratio: Some(Ratio::Free(plain.times(&off))),
    });
    report.row(Row {
        what: "the same, all oracles on (ratio: what that costs)".into(),
        ours: per_second(&on),
        ratio: Some(Ratio::AtMost { measured: on.times(&off), target: 1.5 }),
        ..Row::default()
    });
    report.row(Row {
        what: "the same, and every frame recorded (ratio: what both cost)".into(),
        ours: per_second(&recorded),
        ratio: Some(Ratio::Free(recorded.times(&off))),
        ..Row::default()
    });
}

fn per_second(series: &Series) -> String {
    thousands(1e9 / series.best_ns())
}

fn round(mut simulation: impl FnMut(u64)) -> u64 {
    (0..SIMULATIONS).for_each(&mut simulation);
    SIMULATIONS
}

fn ours(seed: u64, watching: Watching) {
    let (mut world, [client, server]) = two_hosts(seed, BUFFERS, DELAY_NS, watching);
    let remote: SocketAddr = "10.0.0.2:7".parse().expect("an address");
    world.app(server, "server", move |host| answer(host, remote));
    world.app(client, "client", move |host| ask(host, remote));
    let ending = world.run(Time::from_secs(600));
    assert!(ending.failures.is_empty(), "{:?}", ending.failures);
}

async fn ask(host: Host, remote: SocketAddr) -> TaskResult {
    let stream = TcpStream::connect(&host, remote).await?;
    let mut bytes = [0x5a; PIECE_BYTES];
    for _ in 0..PIECES {
        stream.write_all(&bytes).await?;
        stream.read_exact(&mut bytes).await?;
    }
    Ok(())
}

async fn answer(host: Host, local: SocketAddr) -> TaskResult {
    let (stream, _) = TcpListener::bind(&host, local, 1)?.accept().await?;
    let mut bytes = [0; PIECE_BYTES];
    loop {
        match stream.read(&mut bytes).await? {
            0 => return Ok(()),
            len => stream.write_all(&bytes[..len]).await?,
        }
    }
}

/// The same with two plain stacks.
fn plain() {
    let mut bytes = [0x5a; PIECE_BYTES];
    let (mut sent, mut returned) = (0, 0);
    Lagged::new(BUFFERS, Duration::from_micros(DELAY_NS / 1_000)).run(|client, server| {
        let mut acted = Acted::Nothing;
        if server.can_recv() {
            let len = server.recv_slice(&mut bytes).expect("it can receive");
            assert_eq!(server.send_slice(&bytes[..len]), Ok(len));
            acted = Acted::Something;
        }
        if client.can_recv() {
            returned += client.recv_slice(&mut bytes).expect("it can receive");
            acted = Acted::Something;
        }
        if returned == sent && sent < PIECES * PIECE_BYTES && client.may_send() {
            sent += client.send_slice(&bytes).expect("it may send");
            acted = Acted::Something;
        }
        if returned == PIECES * PIECE_BYTES && client.state() == tcp::State::Established {
            client.close();
            acted = Acted::Something;
        }
        if server.state() == tcp::State::CloseWait {
            server.close();
            acted = Acted::Something;
        }
        let is_over = [client.state(), server.state()] == [tcp::State::Closed; 2];
        if is_over { Acted::Done } else { acted }
    });
}
