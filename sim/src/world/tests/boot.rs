//! Does a crash leave nothing behind, and do the peers find out?

use std::net::SocketAddr;
use std::time::Duration;

use smolsock::Errno;
use smolsock::sockopt::{SO_KEEPALIVE, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL};
use smolsock::task::{Handle, TcpStream};

use crate::app::echo;
use crate::executor::TaskResult;
use crate::host::Host;
use crate::link::Impairments;
use crate::observe::dissect::Flags;
use crate::time::Time;
use crate::trace::NodeId;
use crate::world::{Change, Ending, World, WorldError};

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// A client and an echo server that crashes after 1 s.
fn crashing() -> (World, NodeId, NodeId) {
    let (mut world, client, server) = serving();
    world.crash_at(server, Time::from_secs(1)).expect("a host");
    (world, client, server)
}

/// A client and an echo server.
fn serving() -> (World, NodeId, NodeId) {
    let mut world = World::new(1);
    let client = world.host("client", &["192.0.2.1/24"]).expect("a host");
    let server = world.host("server", &["192.0.2.2/24"]).expect("a host");
    world.cable("ab", client, server, Impairments::default()).expect("a cable");
    world.service(server, "echo", |host| echo::tcp_server(host, at("0.0.0.0:7"), 5));
    (world, client, server)
}

fn run(world: World) -> Ending {
    let ending = world.run(Time::from_secs(3_600));
    assert!(ending.failures.is_empty(), "{:?}", ending.failures);
    ending
}

/// Connects, is idle with keep-alive, and wants this error at this second.
async fn idle_client(host: Host, error: Errno, secs: u64) -> TaskResult {
    let stream = TcpStream::connect(&host, at("192.0.2.2:7")).await?;
    host.with(|stack| {
        stack.setsockopt(stream.id(), SO_KEEPALIVE, true)?;
        stack.setsockopt(stream.id(), TCP_KEEPIDLE, 10)?;
        stack.setsockopt(stream.id(), TCP_KEEPINTVL, 5)?;
        stack.setsockopt(stream.id(), TCP_KEEPCNT, 3)
    })?;
    let seen = (stream.read(&mut [0; 8]).await, host.now().as_micros() / 1_000_000);
    if seen == (Err(error), secs) { Ok(()) } else { Err(format!("{seen:?}").into()) }
}

#[test]
fn crashes_and_restarts_are_changes_like_others() {
    let frames = |schedule: fn(&mut World, NodeId) -> Result<(), WorldError>| {
        let (mut world, client, server) = serving();
        schedule(&mut world, server).expect("a host");
        world.app(client, "client", |host| idle_client(host, Errno::ECONNRESET, 10));
        run(world).trace.frames
    };
    let by_node = frames(|world, server| {
        world.crash_at(server, Time::from_secs(1))?;
        world.restart_at(server, Time::from_secs(2))
    });
    let by_name = frames(|world, _| {
        world.at(Time::from_secs(1), Change::Crash { host: "server".to_owned() })?;
        world.at(Time::from_secs(2), Change::Restart { host: "server".to_owned() })
    });
    assert!(by_node == by_name);
    let (mut world, ..) = serving();
    let refused = world.at(Time::ZERO, Change::Crash { host: "servr".to_owned() });
    assert!(matches!(refused, Err(WorldError::Name(_))), "{refused:?}");
}

#[test]
fn a_crash_says_nothing_and_the_dead_send_nothing() {
    let (mut world, client, server) = crashing();
    world.app(client, "client", |host| async move {
        let stream = TcpStream::connect(&host, at("192.0.2.2:7")).await?;
        host.sleep(Duration::from_secs(2)).await;
        stream.write_all(b"hello?").await?;
        host.sleep(Duration::from_secs(30)).await;
        Ok(())
    });
    let ending = run(world);
    let last = ending.trace.frames.iter().filter(|frame| frame.from == server).map(|frame| frame.sent_at).max();
    assert!(last < Some(Time::from_millis(100)), "{last:?}");
    let unanswered = ending.trace.frames.iter().filter(|frame| frame.sent_at > Time::from_secs(2)).count();
    assert!(unanswered > 3, "the client sends again and again");
}

#[test]
fn keep_alive_finds_a_host_that_has_started_again() {
    let (mut world, client, server) = crashing();
    world.restart_at(server, Time::from_secs(2)).expect("a host");
    world.app(client, "client", |host| idle_client(host, Errno::ECONNRESET, 10));
    drop(run(world));
}

#[test]
fn keep_alive_finds_a_host_that_is_gone() {
    let (mut world, client, _) = crashing();
    world.app(client, "client", |host| idle_client(host, Errno::ETIMEDOUT, 25));
    drop(run(world));
}

#[test]
fn a_host_that_started_again_serves_and_has_other_secrets() {
    let (mut world, client, server) = crashing();
    for secs in [2, 4, 6] {
        // The last two find it running.
        world.restart_at(server, Time::from_secs(secs)).expect("a host");
    }
    world.app(client, "client", |host| async move {
        for stream_number in 0..4 {
            echo::tcp_client(host.clone(), at("192.0.2.2:7"), stream_number, 3_000, 1_000).await?;
            host.sleep(Duration::from_secs(2)).await;
            host.sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    });
    let ending = run(world);
    let mut numbers: Vec<u32> = Vec::new();
    for frame in ending.trace.frames.iter().filter(|frame| frame.from == server) {
        let dissected = crate::observe::dissect::dissect(ending.trace.medium, &frame.bytes);
        numbers.extend(dissected.tcp().filter(|tcp| tcp.flags.contains(Flags::SYN)).map(|tcp| tcp.seq));
    }
    let differing: std::collections::BTreeSet<u32> = numbers.iter().copied().collect();
    assert_eq!((numbers.len(), differing.len()), (4, 4));
}

#[test]
fn the_run_does_not_wait_for_what_crashed() {
    let (mut world, _, server) = crashing();
    world.app(server, "sleeper", |host| async move {
        host.sleep(Duration::from_secs(1_000)).await;
        Err("it should have died".into())
    });
    assert!(run(world).apps_ended_at <= Time::from_secs(1));
}

#[test]
fn only_hosts_crash() {
    let mut world = World::new(1);
    let switch = world.switch("switch").expect("a switch");
    assert!(matches!(world.crash_at(switch, Time::ZERO), Err(WorldError::Host(_))));
    assert!(matches!(world.restart_at(switch, Time::ZERO), Err(WorldError::Host(_))));
}
