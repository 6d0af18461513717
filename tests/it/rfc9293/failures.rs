//! When is a silent peer given up? (RFC 9293 §3.8.3, §3.8.4)

use smolsock::Errno;

use super::{connecting, host, host_with, open, recv, secs, send, state, takes};
use crate::wire::{ack, data};

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
