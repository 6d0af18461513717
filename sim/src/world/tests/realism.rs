//! Are imperfect hosts as imperfect as was asked for?

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use smolsock::task::UdpSocket;

use crate::app::bulk::{self, Reading};
use crate::link::Impairments;
use crate::time::Time;
use crate::trace::NodeId;
use crate::world::{Realism, World, WorldError};

/// A world with a client that sends one datagram each millisecond from 0 ms on, and when the server got them.
fn arrivals(realism: Realism, datagrams: u64) -> Vec<u64> {
    let (mut world, client, server) = pair();
    world.realism(server, realism).expect("possible");
    let times: Rc<RefCell<Vec<u64>>> = Rc::default();
    let log = Rc::clone(&times);
    world.app(server, "server", move |host| async move {
        let socket = UdpSocket::bind(&host, "0.0.0.0:9".parse()?)?;
        for _ in 0..datagrams {
            socket.recv_from(&mut [0; 16]).await?;
            log.borrow_mut().push(host.now().as_micros());
        }
        Ok(())
    });
    world.app(client, "client", move |host| async move {
        let socket = UdpSocket::bind(&host, "0.0.0.0:0".parse()?)?;
        for _ in 0..datagrams {
            socket.send_to(b"tick", "192.0.2.2:9".parse()?).await?;
            host.sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    });
    let ending = world.run(Time::from_secs(60));
    assert!(ending.failures.is_empty(), "{:?}", ending.failures);
    times.take()
}

fn pair() -> (World, NodeId, NodeId) {
    let mut world = World::with_medium(1, crate::Medium::Ip);
    let client = world.host("client", &["192.0.2.1/24"]).expect("a host");
    let server = world.host("server", &["192.0.2.2/24"]).expect("a host");
    world.cable("ab", client, server, Impairments::default()).expect("a cable");
    (world, client, server)
}

/// Where the servers listen.
const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 9);

#[test]
fn a_perfect_host_gets_each_frame_when_it_arrives() {
    assert_eq!(arrivals(Realism::default(), 4), [0, 1_000, 2_000, 3_000]);
}

#[test]
fn frames_of_one_window_are_handed_over_together() {
    let realism = Realism { batch_window_ns: 2_500_000, ..Realism::default() };
    assert_eq!(arrivals(realism, 5), [2_500, 2_500, 2_500, 5_500, 5_500]);
}

#[test]
fn a_full_batch_does_not_wait_for_its_window() {
    let realism = Realism { batch_frames: 2, batch_window_ns: 5_500_000, ..Realism::default() };
    // The third, alone, waits for its whole window: the timer of the first batch is not its own.
    assert_eq!(arrivals(realism.clone(), 3), [1_000, 1_000, 7_500]);
    assert_eq!(arrivals(realism, 4), [1_000, 1_000, 3_000, 3_000]);
}

#[test]
fn the_stack_runs_after_the_poll_latency() {
    let realism = Realism { poll_latency_ns: 300_000, ..Realism::default() };
    assert_eq!(arrivals(realism, 3), [300, 1_300, 2_300]);
}

#[test]
fn a_device_that_refuses_loses_nothing_and_goes_on_when_it_may() {
    let (mut world, client, server) = pair();
    let span = Time::from_micros(500)..Time::from_millis(90);
    world.realism(client, Realism { refuses: vec![span.clone()], ..Realism::default() }).expect("possible");
    world.app(server, "receiver", |host| bulk::receiver(host, ANY, 1, 100_000, Reading::EAGER));
    world.app(client, "sender", |host| async move {
        host.sleep(Duration::from_millis(1)).await;
        bulk::sender(host, "192.0.2.2:9".parse()?, 1, 100_000).await
    });
    let ending = world.run(Time::from_secs(60));
    assert!(ending.failures.is_empty(), "{:?}", ending.failures);
    let mut of_client = ending.trace.frames.iter().filter(|frame| frame.from == client);
    assert_eq!(of_client.next().map(|frame| frame.sent_at), Some(Time::from_millis(90)));
}

#[test]
fn a_host_sends_no_packet_longer_than_its_mtu() {
    let (mut world, client, server) = pair();
    world.realism(client, Realism { mtu_bytes: 700, ..Realism::default() }).expect("possible");
    world.app(server, "receiver", |host| bulk::receiver(host, ANY, 1, 9_000, Reading::EAGER));
    world.app(client, "sender", |host| bulk::sender(host, "192.0.2.2:9".parse().expect("an address"), 1, 9_000));
    let ending = world.run(Time::from_secs(60));
    assert!(ending.failures.is_empty(), "{:?}", ending.failures);
    let longest = ending.trace.frames.iter().filter(|frame| frame.from == client).map(|frame| frame.bytes.len()).max();
    assert_eq!(longest, Some(700));
}

#[test]
fn what_a_host_cannot_be_is_said() {
    let (mut world, client, _) = pair();
    let refused = |world: &mut World, realism| match world.realism(client, realism) {
        Err(WorldError::Host(sentence)) => sentence,
        other => panic!("{other:?}"),
    };
    let sentence = refused(&mut world, Realism { batch_frames: 4, ..Realism::default() });
    assert_eq!(sentence, "client: batch_frames needs a batch_window_ns, or the last frames never come");
    let endless = Realism { refuses: vec![Time::ZERO..Time::MAX], ..Realism::default() };
    assert_eq!(refused(&mut world, endless), "client: the span of refusal that starts at 0s never ends");
    let short = Realism { mtu_bytes: 10, ..Realism::default() };
    assert!(refused(&mut world, short).contains("MTU of 10 bytes"));
    world.app(client, "idle", |_| async { Ok(()) });
    assert!(refused(&mut world, Realism::default()).contains("applications have started"));
}
