//! What does a connection do about a peer that is silent?

use std::time::Duration;

use smolsock::sockopt::{SO_KEEPALIVE, TCP_INFO, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_USER_TIMEOUT};
use smolsock::time::Instant;
use smolsock::{Errno, Readiness, SocketId, Stack, TcpState};

use crate::pair::{ALL, ETHERNET, End, IP, Pair, secs, states};

const MICRO: Duration = Duration::from_micros(1);

/// Asks after 100 s, three times, every 10 s.
fn keep_alive(stack: &mut Stack<'_>, id: SocketId) {
    stack.setsockopt(id, TCP_KEEPIDLE, 100).expect("in range");
    stack.setsockopt(id, TCP_KEEPINTVL, 10).expect("in range");
    stack.setsockopt(id, TCP_KEEPCNT, 3).expect("in range");
    stack.setsockopt(id, SO_KEEPALIVE, true).expect("any socket has it");
}

/// When `a` sent something, in seconds since `start`.
fn seconds(pair: &Pair<'_>, start: Instant) -> Vec<u64> {
    let times = pair.segments(End::A);
    times.iter().map(|(at, _)| at.saturating_duration_since(start).as_secs()).collect()
}

#[test]
fn an_idle_peer_is_asked_and_its_answer_is_enough() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (client, _server) = pair.connection(net);
        keep_alive(&mut pair.a, client);
        let start = pair.now();
        pair.run_for(secs(100) - MICRO);
        assert!(pair.segments(End::A).is_empty());
        pair.run_for(secs(250));
        assert_eq!(seconds(&pair, start), [100, 200, 300]);
        let answers: Vec<u32> = pair.segments(End::B).iter().map(|(_, answer)| answer.ack).collect();
        assert_eq!(answers.len(), 3);
        for (_, probe) in pair.segments(End::A) {
            // RFC 9293 §3.8.4: a sequence number that was acknowledged makes the peer say where it stands.
            assert_eq!(probe.seq.wrapping_add(1), answers[0]);
            assert!(probe.payload_bytes <= 1);
        }
        assert_eq!(pair.a.tcp_state(client), Ok(TcpState::Established));
    }
}

#[test]
fn a_peer_that_does_not_answer_is_reset() {
    let mut pair = Pair::new(IP);
    let (client, _server) = pair.connection(IP);
    keep_alive(&mut pair.a, client);
    let start = pair.now();
    pair.cut();
    pair.run_for(secs(120));
    assert_eq!(pair.a.getsockopt(client, TCP_INFO).expect("it is open").probes, 3);
    pair.run_for(secs(10) - MICRO);
    assert_eq!(pair.a.take_error(client), Ok(None));
    assert_eq!(seconds(&pair, start), [100, 110, 120]);
    pair.run_for(MICRO);
    assert_eq!(seconds(&pair, start), [100, 110, 120, 130]);
    assert!(pair.flags().last().is_some_and(|flags| flags.contains("RST")), "{:?}", pair.flags());
    assert!(pair.a.readiness(client).expect("it is open").contains(Readiness::ERR | Readiness::HUP));
    assert_eq!(pair.a.recv(client, &mut [0]), Err(Errno::ETIMEDOUT));
    assert_eq!(pair.a.recv(client, &mut [0]), Ok(0));
    assert_eq!(pair.a.send(client, b"x"), Err(Errno::EPIPE));
    assert_eq!(pair.a.next_step(), None);
}

#[test]
fn it_works_when_set_before_connect_and_is_inherited_from_a_listener() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let listener = pair.b_listens(net, 80, 1);
        keep_alive(&mut pair.b, listener);
        let client = pair.a.socket(net.domain, smolsock::Type::Stream).expect("room");
        keep_alive(&mut pair.a, client);
        assert_eq!(pair.a.connect(client, net.b(80)), Err(Errno::EINPROGRESS));
        pair.settle();
        let (server, _) = pair.b.accept(listener).expect("a connection");
        assert_eq!(pair.b.getsockopt(server, TCP_KEEPIDLE), Ok(100));
        assert_eq!(pair.b.getsockopt(server, SO_KEEPALIVE), Ok(true));
        pair.forget();
        pair.cut();
        pair.run_for(secs(131));
        assert_eq!(pair.a.take_error(client), Ok(Some(Errno::ETIMEDOUT)));
        assert_eq!(pair.b.take_error(server), Ok(Some(Errno::ETIMEDOUT)));
    }
}

#[test]
fn any_segment_of_the_peer_puts_the_probe_off() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    keep_alive(&mut pair.a, client);
    pair.run_for(secs(60));
    assert_eq!(pair.b.send(server, b"here"), Ok(4));
    pair.run_for(secs(1));
    let start = pair.now();
    pair.forget();
    pair.run_for(secs(99) - MICRO);
    assert!(pair.segments(End::A).is_empty());
    pair.run_for(MICRO);
    assert_eq!(seconds(&pair, start), [99]);
}

#[test]
fn while_data_is_outstanding_it_is_the_user_timeout_that_counts() {
    let mut pair = Pair::new(IP);
    let (client, _server) = pair.connection(IP);
    keep_alive(&mut pair.a, client);
    pair.cut();
    assert_eq!(pair.a.send(client, b"hello?"), Ok(6));
    pair.run_for(secs(900) - MICRO);
    assert_eq!(pair.a.take_error(client), Ok(None));
    pair.run_for(MICRO);
    assert_eq!(pair.a.take_error(client), Ok(Some(Errno::ETIMEDOUT)));
}

/// Linux: `TCP_USER_TIMEOUT` takes the place of `TCP_KEEPCNT`.
#[test]
fn the_user_timeout_overrides_the_count_of_probes() {
    let mut pair = Pair::new(IP);
    let (client, _server) = pair.connection(IP);
    keep_alive(&mut pair.a, client);
    pair.a.setsockopt(client, TCP_USER_TIMEOUT, 145_000).expect("in range");
    let start = pair.now();
    pair.cut();
    pair.run_for(secs(150) - MICRO);
    assert_eq!(seconds(&pair, start), [100, 110, 120, 130, 140]);
    assert_eq!(pair.a.take_error(client), Ok(None));
    pair.run_for(MICRO);
    assert_eq!(pair.a.take_error(client), Ok(Some(Errno::ETIMEDOUT)));
}

/// By the time of the probes nobody knows the peer's link-layer address any more: the reset cannot go out.
#[test]
fn a_peer_that_left_the_cable_is_given_up_without_a_reset() {
    let mut pair = Pair::new(ETHERNET);
    let (client, _server) = pair.connection(ETHERNET);
    keep_alive(&mut pair.a, client);
    pair.cut();
    pair.run_for(secs(130) - MICRO);
    assert_eq!(pair.a.take_error(client), Ok(None));
    pair.run_for(MICRO);
    assert_eq!(pair.a.recv(client, &mut [0]), Err(Errno::ETIMEDOUT));
    pair.run_for(secs(10));
    assert_eq!(pair.a.recv(client, &mut [0]), Ok(0));
    assert_eq!(pair.next_step(), None);
    pair.a.close(client).expect("it is open");
    assert!(states(&pair.a).is_empty());
}

#[test]
fn it_can_be_switched_off_again() {
    let mut pair = Pair::new(IP);
    let (client, _server) = pair.connection(IP);
    keep_alive(&mut pair.a, client);
    pair.run_for(secs(50));
    pair.a.setsockopt(client, SO_KEEPALIVE, false).expect("any socket has it");
    pair.run_for(secs(1_000));
    assert!(pair.seen.is_empty());
    assert_eq!(pair.next_step(), None);
}

/// Switched on long after the peer was last heard, the idle time counts from then, as on Linux.
#[test]
fn switched_on_late_it_waits_for_the_idle_time_all_the_same() {
    let mut pair = Pair::new(IP);
    let (client, _server) = pair.connection(IP);
    pair.sleep(secs(5_000));
    keep_alive(&mut pair.a, client);
    let start = pair.now();
    pair.run_for(secs(101));
    assert_eq!(seconds(&pair, start), [100]);
}

#[test]
fn a_half_closed_connection_asks_too() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    keep_alive(&mut pair.b, server);
    pair.a.shutdown(client, smolsock::Shutdown::Write).expect("it is open");
    pair.settle();
    pair.cut();
    pair.run_for(secs(130));
    assert_eq!(pair.b.take_error(server), Ok(Some(Errno::ETIMEDOUT)));
    assert!(states(&pair.b).iter().all(|state| state == "CLOSED"), "{:?}", states(&pair.b));
}
