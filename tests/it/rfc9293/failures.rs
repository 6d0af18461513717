//! When is a silent peer given up? (RFC 9293 §3.8.3, §3.8.4)

use std::time::Duration;

use smolsock::sockopt::{
    SO_KEEPALIVE, TCP_INFO, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_SYNCNT, TCP_USER_TIMEOUT,
};
use smolsock::{Errno, SocketId};

use super::{
    Host, Peer, connecting, host, host_with, listening, open, patient_host, recv, secs, send, state, stream, takes,
};
use crate::wire::{ack, data, rst};

/// MUST-20, R2: data that nobody acknowledges ends the connection, and the application learns why.
#[test]
fn data_is_given_up_after_r2_and_the_application_is_told() {
    let net = host();
    let (socket, mut peer) = open(&net);
    send(&net, socket, b"hello");
    // SHLD-11: R2 of at least 100 s.
    net.run(secs(100));
    assert_eq!(state(&net, socket), "ESTABLISHED");
    net.run(secs(801));
    assert_eq!(recv(&net, socket), Err(Errno::ETIMEDOUT));
    while takes(&mut peer, secs(0)).is_some() {}
    peer.expects_nothing_for(secs(3600));
}

/// MUST-21 for all connections of a stack: R2 is a setting.
#[test]
fn r2_is_as_long_as_configured() {
    for r2 in [10, 300] {
        let net = host_with(|config| config.user_timeout = secs(r2));
        let (socket, _peer) = open(&net);
        send(&net, socket, b"hello");
        net.run(secs(r2 - 1));
        assert_eq!(state(&net, socket), "ESTABLISHED");
        net.run(secs(2));
        assert_eq!(recv(&net, socket), Err(Errno::ETIMEDOUT));
    }
}

/// MUST-21 for one connection, while another of the same host keeps the default.
#[test]
fn r2_of_one_connection_can_be_set() {
    let net = host();
    let (listener, mut first) = listening(&net);
    let mut second = net.peer().port(1).towards(80);
    first.connects();
    second.connects();
    let [hasty, patient] = [0, 1].map(|_| net.host().accept(listener).expect("a connection").0);
    net.host().setsockopt(hasty, TCP_USER_TIMEOUT, 30_000).expect("in range");
    send(&net, hasty, b"hello");
    send(&net, patient, b"hello");
    net.run(secs(29));
    assert_eq!(state(&net, hasty), "ESTABLISHED");
    net.run(secs(2));
    assert_eq!(recv(&net, hasty), Err(Errno::ETIMEDOUT));
    net.run(secs(860));
    assert_eq!(state(&net, patient), "ESTABLISHED");
    net.run(secs(20));
    assert_eq!(recv(&net, patient), Err(Errno::ETIMEDOUT));
}

/// MUST-21 for an attempt: so many SYNs are repeated, and no more.
#[test]
fn r2_of_an_attempt_can_be_set() {
    let net = host();
    let socket = stream(&net);
    net.host().setsockopt(socket, TCP_SYNCNT, 2).expect("in range");
    let mut peer = net.peer().port(80);
    assert_eq!(net.host().connect(socket, ([192, 0, 2, 2], 80).into()), Err(Errno::EINPROGRESS));
    let at: Vec<u64> = std::iter::from_fn(|| takes(&mut peer, secs(300))).map(|(at, _)| at.as_secs()).collect();
    assert_eq!(at, [0, 1, 3]);
    assert_eq!(net.host().take_error(socket), Ok(Some(Errno::ETIMEDOUT)));
}

/// SHLD-9 as far as it goes: an application that asks learns how often its data was sent again.
#[test]
fn an_application_can_ask_how_often_its_data_was_repeated() {
    let net = patient_host();
    let (socket, mut peer) = open(&net);
    let retransmits = || net.host().getsockopt(socket, TCP_INFO).expect("a stream").retransmits;
    send(&net, socket, b"hello");
    assert_eq!(retransmits(), 0);
    net.run(secs(8));
    assert_eq!(retransmits(), 3);
    peer.sends(ack(1, 6));
    assert_eq!(retransmits(), 0);
}

/// R2 counts again from every progress.
#[test]
fn progress_puts_r2_off() {
    let net = host_with(|config| config.user_timeout = secs(60));
    let (socket, mut peer) = open(&net);
    send(&net, socket, &[7; 100]);
    for acknowledged in 2..10 {
        net.run(secs(50));
        peer.sends(ack(1, acknowledged));
    }
    assert_eq!(state(&net, socket), "ESTABLISHED");
    net.run(secs(61));
    assert_eq!(recv(&net, socket), Err(Errno::ETIMEDOUT));
}

/// MUST-22: a SYN is retransmitted and given up like data. MUST-23: after three minutes, no less.
#[test]
fn a_syn_is_repeated_for_three_minutes_and_then_given_up() {
    let net = host();
    let (socket, mut peer) = connecting(&net);
    let began_at = net.now();
    let at: Vec<u64> =
        std::iter::from_fn(|| takes(&mut peer, secs(300))).map(|(at, _)| (at - began_at).as_secs()).collect();
    assert_eq!(at[..5], [1, 3, 7, 15, 31]);
    assert!(*at.last().expect("retransmissions") >= 120 && *at.last().expect("retransmissions") <= 180, "{at:?}");
    assert_eq!(net.host().take_error(socket), Ok(Some(Errno::ETIMEDOUT)));
    let net = host();
    let (socket, _peer) = connecting(&net);
    net.run(secs(179));
    assert_eq!(state(&net, socket), "SYN-SENT");
    net.run(secs(2));
    assert_eq!(net.host().take_error(socket), Ok(Some(Errno::ETIMEDOUT)));
}

/// MUST-25: nobody asked for keep-alives, so there are none, and nothing ends what is idle.
#[test]
fn an_idle_connection_is_silent_for_a_day() {
    let net = host();
    let (socket, mut peer) = open(&net);
    peer.expects_nothing_for(secs(24 * 3600));
    send(&net, socket, b"good morning");
    peer.expects(data(1, b"good morning").ack(1));
}

/// A keep-alive of the peer is answered: RFC 9293 §3.8.4 builds on that.
#[test]
fn a_keep_alive_of_the_peer_is_answered() {
    let net = host();
    let (socket, mut peer) = open(&net);
    peer.sends(data(1, b"x").ack(1));
    peer.expects(ack(1, 2));
    for _ in 0..3 {
        net.run(secs(7200));
        peer.sends(ack(1, 1));
        peer.expects(ack(1, 2));
        net.run(secs(75));
        peer.sends(data(1, &[0]).ack(1));
        peer.expects(ack(1, 2));
    }
    assert_eq!(recv(&net, socket).as_deref(), Ok(&b"x"[..]));
}

/// MUST-24: keep-alives come on a connection whose application wants them, and on no other.
#[test]
fn keep_alives_come_when_asked_for() {
    let net = host();
    let (socket, mut peer) = open(&net);
    keep_alive(&net, socket, 60);
    for _ in 0..3 {
        assert_eq!(probe_after(&net, &mut peer, secs(1_000)), Some(secs(60)));
        peer.sends(ack(1, 1));
    }
    net.host().setsockopt(socket, SO_KEEPALIVE, false).expect("any socket has it");
    peer.expects_nothing_for(secs(24 * 3600));
    assert_eq!(state(&net, socket), "ESTABLISHED");
}

/// MUST-26: data in either direction puts them off.
#[test]
fn keep_alives_come_only_when_idle() {
    let net = host();
    let (socket, mut peer) = open(&net);
    keep_alive(&net, socket, 60);
    for number in 0..5 {
        net.run(secs(50));
        peer.sends(data(1 + number, b"x").ack(1 + number));
        peer.expects(ack(1 + number, 2 + number));
        net.run(secs(50));
        send(&net, socket, b"y");
        peer.expects(data(1 + number, b"y").ack(2 + number));
        peer.sends(ack(2 + number, 2 + number));
    }
    let (_, probe) = takes(&mut peer, secs(61)).expect("a probe");
    assert_eq!((probe.seq, probe.ack), (5, Some(6)));
}

/// MUST-27: the idle time, the interval and the number of the probes are the application's.
#[test]
fn the_keep_alive_interval_can_be_set() {
    for (idle, interval, count) in [(10, 1, 1), (100, 20, 4)] {
        let net = host();
        let (socket, mut peer) = open(&net);
        keep_alive(&net, socket, idle);
        net.host().setsockopt(socket, TCP_KEEPINTVL, interval).expect("in range");
        net.host().setsockopt(socket, TCP_KEEPCNT, count).expect("in range");
        let (idle, interval) = (seconds(idle), seconds(interval));
        assert_eq!(probe_after(&net, &mut peer, secs(1_000)), Some(idle));
        for _ in 1..count {
            assert_eq!(probe_after(&net, &mut peer, secs(1_000)), Some(interval));
        }
        let began_at = net.now();
        let (ended_at, end) = takes(&mut peer, secs(1_000)).expect("the reset");
        assert!(rst(1).ack(1).describes(&end), "{end}");
        assert_eq!(ended_at - began_at, interval);
        assert_eq!(recv(&net, socket), Err(Errno::ETIMEDOUT));
    }
}

/// MUST-28: two hours, unless the application says otherwise.
#[test]
fn keep_alives_come_after_two_hours() {
    let net = host();
    let (socket, mut peer) = open(&net);
    net.host().setsockopt(socket, SO_KEEPALIVE, true).expect("any socket has it");
    assert_eq!(probe_after(&net, &mut peer, secs(24 * 3600)), Some(secs(7_200)));
}

/// MUST-29: a probe or its answer may be lost like any segment without data.
#[test]
fn one_lost_keep_alive_ends_nothing() {
    let net = host();
    let (socket, mut peer) = open(&net);
    keep_alive(&net, socket, 60);
    // With the default of nine probes, eight may be lost each time.
    for lost in [1, 8, 1] {
        assert_eq!(probe_after(&net, &mut peer, secs(1_000)), Some(secs(60)));
        for _ in 0..lost {
            assert_eq!(probe_after(&net, &mut peer, secs(1_000)), Some(secs(75)));
        }
        peer.sends(ack(1, 1));
    }
    send(&net, socket, b"still here");
    peer.expects(data(1, b"still here").ack(1));
}

/// Asks for keep-alives after so many seconds.
fn keep_alive(net: &Host, socket: SocketId, idle_secs: i32) {
    net.host().setsockopt(socket, TCP_KEEPIDLE, idle_secs).expect("in range");
    net.host().setsockopt(socket, SO_KEEPALIVE, true).expect("any socket has it");
}

/// How long it takes until a keep-alive comes: a segment that makes the peer say where it stands (RFC 9293 §3.8.4).
fn probe_after(net: &Host, peer: &mut Peer, limit: Duration) -> Option<Duration> {
    let began_at = net.now();
    let (at, probe) = takes(peer, limit)?;
    assert!(probe.seq == 0 && probe.ack == Some(1) && probe.payload.len() <= 1 && !probe.rst, "{probe}");
    Some(at - began_at)
}

fn seconds(secs: i32) -> Duration {
    Duration::from_secs(secs.unsigned_abs().into())
}
