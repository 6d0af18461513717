//! When does a stack give up?

use std::time::Duration;

use smolsock::{Errno, Shutdown, TcpState};

use crate::pair::{ETHERNET, IP, Pair, recv, secs, states};

const MICRO: Duration = Duration::from_micros(1);

#[test]
fn an_orphan_in_fin_wait_2_ends_after_60_seconds() {
    let mut pair = Pair::new(IP);
    let (client, _server) = pair.connection(IP);
    pair.run_for(secs(10));
    pair.a.close(client).expect("it is open");
    pair.run_for(secs(60) - MICRO);
    assert_eq!(states(&pair.a), ["FIN_WAIT2"]);
    pair.run_for(MICRO);
    assert!(states(&pair.a).is_empty());
}

#[test]
fn an_orphan_that_was_in_fin_wait_2_already_has_60_seconds_from_its_close() {
    let mut pair = Pair::new(IP);
    let (client, _server) = pair.connection(IP);
    assert_eq!(pair.a.shutdown(client, Shutdown::Write), Ok(()));
    pair.run_for(secs(500));
    assert_eq!(pair.a.tcp_state(client), Ok(TcpState::FinWait2), "who holds its socket waits for ever");
    pair.a.close(client).expect("it is open");
    pair.run_for(secs(60) - MICRO);
    assert_eq!(states(&pair.a), ["FIN_WAIT2"]);
    pair.run_for(MICRO);
    assert!(states(&pair.a).is_empty());
}

#[test]
fn unacknowledged_data_is_etimedout_after_the_user_timeout() {
    let mut pair = Pair::tuned(IP, |config| config.user_timeout = secs(100));
    let (client, _server) = pair.connection(IP);
    pair.run_for(secs(50));
    assert_eq!(pair.a.send(client, b"hello?"), Ok(6));
    pair.cut();
    pair.run_for(secs(100) - MICRO);
    assert_eq!(pair.a.take_error(client), Ok(None));
    assert_eq!(pair.a.tcp_state(client), Ok(TcpState::Established));
    pair.run_for(MICRO);
    assert_eq!(pair.a.recv(client, &mut [0]), Err(Errno::ETIMEDOUT));
    assert_eq!(pair.a.recv(client, &mut [0]), Ok(0));
    assert_eq!(pair.a.send(client, b"x"), Err(Errno::EPIPE));
    assert_eq!(pair.a.tcp_state(client), Ok(TcpState::Closed));
}

#[test]
fn the_default_user_timeout_is_15_minutes() {
    let mut pair = Pair::new(ETHERNET);
    let (client, _server) = pair.connection(ETHERNET);
    assert_eq!(pair.a.send(client, b"hello?"), Ok(6));
    pair.cut();
    pair.run_for(secs(900) - MICRO);
    assert_eq!(pair.a.take_error(client), Ok(None));
    pair.run_for(MICRO);
    assert_eq!(pair.a.send(client, b"x"), Err(Errno::ETIMEDOUT));
}

/// A socket call reads no clock: it may come long after the last step.
#[test]
fn the_user_timeout_of_an_idle_connection_counts_from_the_send() {
    let mut pair = Pair::tuned(IP, |config| config.user_timeout = secs(100));
    let (client, server) = pair.connection(IP);
    pair.sleep(secs(5_000));
    assert_eq!(pair.a.send(client, b"good morning"), Ok(12));
    pair.cut();
    pair.run_for(secs(99));
    assert_eq!(pair.a.take_error(client), Ok(None));
    pair.mend();
    assert!(pair.run_while(secs(90), |pair| pair.a.take_error(client) != Ok(None) || {
        pair.b.recv(server, &mut [0; 64]) == Ok(12)
    }));
    assert_eq!(pair.a.tcp_state(client), Ok(TcpState::Closed), "its last second passed before a retransmission");
}

#[test]
fn a_close_after_a_long_sleep_is_as_good_as_any() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    pair.sleep(secs(5_000));
    pair.a.close(client).expect("it is open");
    pair.run_for(secs(30));
    assert_eq!(states(&pair.a), ["FIN_WAIT2"]);
    pair.b.close(server).expect("it is open");
    pair.settle();
    assert_eq!(states(&pair.a), ["TIME_WAIT"]);
}

#[test]
fn an_idle_connection_lives_for_ever() {
    let mut pair = Pair::new(ETHERNET);
    let (client, server) = pair.connection(ETHERNET);
    pair.settle();
    assert_eq!(pair.next_step(), None, "nobody has anything to wait for");
    pair.run_for(secs(1_000_000));
    assert!(pair.seen.is_empty());
    assert_eq!(pair.a.send(client, b"still here"), Ok(10));
    pair.run_for(secs(1));
    assert_eq!(recv(&mut pair.b, server, 64).as_deref(), Ok(&b"still here"[..]));
}

/// RFC 9293 §3.8.6.1: who advertises a window of 0 and answers is alive, however long it takes.
#[test]
fn a_closed_window_is_probed_for_as_long_as_the_peer_answers() {
    let mut pair = Pair::tuned(IP, |config| {
        config.tcp_recv_bytes = 100;
        config.user_timeout = secs(100);
    });
    let (client, server) = pair.connection(IP);
    assert_eq!(pair.a.send(client, &[7; 200]), Ok(200));
    pair.run_for(secs(10_000));
    assert_eq!(pair.a.take_error(client), Ok(None));
    assert_eq!(pair.a.tcp_state(client), Ok(TcpState::Established));
    let mut received = 0;
    assert!(pair.run_while(secs(200), |pair| {
        while let Ok(taken) = pair.b.recv(server, &mut [0; 64]) {
            received += taken;
        }
        received == 200
    }));
}

#[test]
fn an_orphan_whose_fin_nobody_acknowledges_ends_with_the_user_timeout() {
    let mut pair = Pair::tuned(IP, |config| config.user_timeout = secs(100));
    let (client, _server) = pair.connection(IP);
    pair.cut();
    pair.a.close(client).expect("it is open");
    pair.run_for(secs(100) - MICRO);
    assert_eq!(states(&pair.a), ["FIN_WAIT1"]);
    pair.run_for(MICRO);
    assert!(states(&pair.a).is_empty());
}
