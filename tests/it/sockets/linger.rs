//! What do the options change about the end of a connection?

use std::time::Duration;

use smolsock::sockopt::{SO_LINGER, TCP_LINGER2, TCP_SYNCNT, TCP_USER_TIMEOUT};
use smolsock::{Errno, MsgFlags, Shutdown, TcpState, Type};

use crate::pair::{ALL, End, IP, Pair, recv, secs, states};

const MICRO: Duration = Duration::from_micros(1);
const RESET: Option<Duration> = Some(Duration::ZERO);

#[test]
fn linger_zero_makes_close_a_reset() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (client, server) = pair.connection(net);
        pair.a.setsockopt(client, SO_LINGER, RESET).expect("any socket has it");
        pair.a.close(client).expect("it is open");
        pair.settle();
        assert_eq!(pair.flags(), ["A RST ACK"]);
        assert!(states(&pair.a).is_empty(), "no TIME-WAIT");
        assert_eq!(pair.b.recv(server, &mut [0]), Err(Errno::ECONNRESET));
    }
}

#[test]
fn linger_zero_drops_what_was_not_sent() {
    let mut pair = Pair::tuned(IP, |config| config.tcp_recv_bytes = 700);
    let (client, server) = pair.connection(IP);
    pair.a.setsockopt(client, SO_LINGER, RESET).expect("any socket has it");
    assert_eq!(pair.a.send(client, &[7; 5_000]), Ok(5_000));
    pair.settle();
    pair.a.close(client).expect("it is open");
    pair.settle();
    assert!(states(&pair.a).is_empty());
    assert!(pair.flags().last().is_some_and(|flags| flags.contains("RST")), "{:?}", pair.flags());
    let arrived = recv(&mut pair.b, server, 5_000).expect("what came before the reset");
    assert!(arrived.len() < 5_000);
    assert_eq!(pair.b.recv(server, &mut [0]), Err(Errno::ECONNRESET));
}

#[test]
fn a_listeners_children_inherit_linger() {
    let mut pair = Pair::new(IP);
    let listener = pair.b_listens(IP, 80, 1);
    pair.b.setsockopt(listener, SO_LINGER, RESET).expect("any socket has it");
    let client = pair.a_connects(IP, 80);
    pair.settle();
    let (server, _) = pair.b.accept(listener).expect("a connection");
    assert_eq!(pair.b.getsockopt(server, SO_LINGER), Ok(RESET));
    pair.b.close(server).expect("it is open");
    pair.settle();
    assert_eq!(pair.a.take_error(client), Ok(Some(Errno::ECONNRESET)));
}

#[test]
fn linger_zero_resets_a_half_closed_connection_but_not_one_that_both_have_closed() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    pair.a.setsockopt(client, SO_LINGER, RESET).expect("any socket has it");
    pair.a.shutdown(client, Shutdown::Write).expect("it is open");
    pair.settle();
    assert_eq!(pair.a.tcp_state(client), Ok(TcpState::FinWait2));
    pair.a.close(client).expect("it is open");
    pair.settle();
    assert!(states(&pair.a).is_empty());
    assert_eq!(pair.b.recv(server, &mut [0]), Ok(0), "the FIN stands before the reset");

    let (client, server) = pair.connection_to(IP, 81);
    pair.b.setsockopt(server, SO_LINGER, RESET).expect("any socket has it");
    pair.a.shutdown(client, Shutdown::Write).expect("it is open");
    pair.settle();
    pair.carries = Box::new(|seen| seen.from == End::A);
    pair.b.shutdown(server, Shutdown::Write).expect("it is open");
    pair.settle();
    assert_eq!(pair.b.tcp_state(server), Ok(TcpState::LastAck));
    pair.forget();
    pair.b.close(server).expect("it is open");
    pair.settle();
    assert!(pair.seen.is_empty(), "{:?}", pair.flags());
}

#[test]
fn a_close_that_does_not_wait_says_goodbye_in_the_background_whatever_linger_says() {
    for linger in [None, Some(secs(5))] {
        let mut pair = Pair::new(IP);
        let (client, server) = pair.connection(IP);
        pair.a.setsockopt(client, SO_LINGER, linger).expect("any socket has it");
        assert_eq!(pair.a.send(client, b"last words"), Ok(10));
        pair.a.close(client).expect("it is open");
        pair.settle();
        assert_eq!(recv(&mut pair.b, server, 64).as_deref(), Ok(&b"last words"[..]));
        assert_eq!(recv(&mut pair.b, server, 64).as_deref(), Ok(&b""[..]));
        pair.run_for(secs(1));
        assert_eq!(states(&pair.a), ["FIN_WAIT2"]);
    }
}

#[test]
fn shut_rd_leaves_what_is_there_and_throws_away_what_comes() {
    for net in ALL {
        let mut pair = Pair::tuned(net, |config| config.tcp_recv_bytes = 1_000);
        let (client, server) = pair.connection(net);
        assert_eq!(pair.a.send(client, &[1; 500]), Ok(500));
        pair.settle();
        pair.b.shutdown(server, Shutdown::Read).expect("it is open");
        assert_eq!(pair.b.ioctl_fionread(server), Ok(500));
        assert_eq!(pair.a.send(client, &[2; 9_000]), Ok(9_000));
        pair.run_for(secs(5));
        assert_eq!(pair.b.ioctl_fionread(server), Ok(500));
        assert_eq!(pair.b.recv_with(server, &mut [0; 1_000], MsgFlags::PEEK), Ok(500));
        let mut data = [0; 1_000];
        assert_eq!(pair.b.recv(server, &mut data[..400]), Ok(400));
        assert_eq!(pair.b.recv(server, &mut data[400..]), Ok(100));
        assert_eq!(data[..500], [1; 500]);
        assert_eq!(pair.b.recv(server, &mut data), Ok(0));
        pair.run_for(secs(60));
        assert_eq!(pair.b.recv(server, &mut data), Ok(0));
        assert_eq!(pair.a.ioctl_siocoutq(client), Ok(0), "all of it was taken, and thrown away");
        assert_eq!(pair.b.send(server, b"still there"), Ok(11));
        pair.settle();
        assert_eq!(recv(&mut pair.a, client, 64).as_deref(), Ok(&b"still there"[..]));
    }
}

#[test]
fn linger2_says_how_long_an_orphan_waits_in_fin_wait_2() {
    let mut pair = Pair::new(IP);
    let (client, _server) = pair.connection(IP);
    pair.a.setsockopt(client, TCP_LINGER2, 7).expect("in range");
    pair.a.close(client).expect("it is open");
    pair.run_for(secs(7) - MICRO);
    assert_eq!(states(&pair.a), ["FIN_WAIT2"]);
    pair.run_for(MICRO);
    assert!(states(&pair.a).is_empty());
}

#[test]
fn a_negative_linger2_resets_instead_of_waiting_in_fin_wait_2() {
    let mut pair = Pair::new(IP);
    let (client, _server) = pair.connection(IP);
    pair.a.setsockopt(client, TCP_LINGER2, -5).expect("it is brought inside");
    assert_eq!(pair.a.getsockopt(client, TCP_LINGER2), Ok(-1));
    pair.a.close(client).expect("it is open");
    pair.settle();
    assert!(states(&pair.a).is_empty());
    assert_eq!(pair.flags(), ["A FIN ACK", "B ACK", "A RST ACK"]);

    let (client, _server) = pair.connection_to(IP, 81);
    pair.a.setsockopt(client, TCP_LINGER2, -1).expect("it is brought inside");
    pair.a.shutdown(client, Shutdown::Write).expect("it is open");
    pair.run_for(secs(500));
    assert_eq!(pair.a.tcp_state(client), Ok(TcpState::FinWait2), "who holds its socket waits for ever");
    pair.a.close(client).expect("it is open");
    pair.settle();
    assert!(states(&pair.a).is_empty());
    assert_eq!(pair.flags(), ["A FIN ACK", "B ACK", "A RST ACK"]);
}

#[test]
fn syncnt_says_how_often_a_syn_is_repeated() {
    let mut pair = Pair::new(IP);
    pair.cut();
    let client = pair.a.socket(IP.domain, Type::Stream).expect("room");
    pair.a.setsockopt(client, TCP_SYNCNT, 2).expect("in range");
    assert_eq!(pair.a.connect(client, IP.b(80)), Err(Errno::EINPROGRESS));
    // 1 s, 2 s and 4 s.
    pair.run_for(secs(7) - MICRO);
    assert_eq!(pair.a.take_error(client), Ok(None));
    pair.run_for(MICRO);
    assert_eq!(pair.a.connect(client, IP.b(80)), Err(Errno::ETIMEDOUT));
    assert_eq!(pair.segments(End::A).len(), 3);
}

#[test]
fn the_user_timeout_of_one_connection_is_its_own() {
    let mut pair = Pair::new(IP);
    let (client, _server) = pair.connection(IP);
    let (other, _) = pair.connection_to(IP, 81);
    pair.a.setsockopt(client, TCP_USER_TIMEOUT, 5_500).expect("in range");
    pair.cut();
    assert_eq!(pair.a.send(client, b"hello?"), Ok(6));
    assert_eq!(pair.a.send(other, b"hello?"), Ok(6));
    pair.run_for(Duration::from_millis(5_500) - MICRO);
    assert_eq!(pair.a.take_error(client), Ok(None));
    pair.run_for(MICRO);
    assert_eq!(pair.a.take_error(client), Ok(Some(Errno::ETIMEDOUT)));
    assert_eq!(pair.a.take_error(other), Ok(None));
}

/// Linux, tcp(7): it also bounds how long data may wait for a window. Without it the wait has no end.
#[test]
fn the_user_timeout_ends_a_wait_for_a_window() {
    let mut pair = Pair::tuned(IP, |config| config.tcp_recv_bytes = 100);
    let (client, _server) = pair.connection(IP);
    let (patient, _) = pair.connection_to(IP, 81);
    pair.a.setsockopt(client, TCP_USER_TIMEOUT, 20_000).expect("in range");
    assert_eq!(pair.a.send(client, &[7; 200]), Ok(200));
    assert_eq!(pair.a.send(patient, &[7; 200]), Ok(200));
    pair.run_for(secs(20) - MICRO);
    assert_eq!(pair.a.take_error(client), Ok(None));
    pair.run_for(secs(1));
    assert_eq!(pair.a.take_error(client), Ok(Some(Errno::ETIMEDOUT)));
    pair.run_for(secs(5_000));
    assert_eq!(pair.a.take_error(patient), Ok(None));
}

#[test]
fn the_user_timeout_also_ends_a_connect() {
    let mut pair = Pair::new(IP);
    pair.cut();
    let client = pair.a.socket(IP.domain, Type::Stream).expect("room");
    pair.a.setsockopt(client, TCP_USER_TIMEOUT, 2_000).expect("in range");
    assert_eq!(pair.a.connect(client, IP.b(80)), Err(Errno::EINPROGRESS));
    pair.run_for(secs(2) - MICRO);
    assert_eq!(pair.a.take_error(client), Ok(None));
    pair.run_for(MICRO);
    assert_eq!(pair.a.take_error(client), Ok(Some(Errno::ETIMEDOUT)));
}
