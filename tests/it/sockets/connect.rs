//! What does `connect` say, and when?

use smolsock::{Domain, Errno, Readiness, Shutdown, TcpState, Type};
use smolsock_sim::observe::dissect::Packet;

use crate::pair::{ALL, ETHERNET, ETHERNET6, End, IP, Pair, recv, secs};

#[test]
fn connect_is_in_progress_then_already_then_done_then_connected() {
    for net in ALL {
        let mut pair = Pair::new(net);
        pair.b_listens(net, 80, 0);
        let client = pair.a.socket(net.domain, Type::Stream).expect("room");
        assert_eq!(pair.a.connect(client, net.b(80)), Err(Errno::EINPROGRESS));
        assert_eq!(pair.a.tcp_state(client), Ok(TcpState::SynSent));
        assert_eq!(pair.a.connect(client, net.b(80)), Err(Errno::EALREADY));
        pair.settle();
        assert_eq!(pair.a.connect(client, net.b(80)), Ok(()));
        assert_eq!(pair.a.connect(client, net.b(80)), Err(Errno::EISCONN));
        assert_eq!(pair.a.tcp_state(client), Ok(TcpState::Established));
    }
}

#[test]
fn a_connecting_socket_can_neither_send_nor_receive_nor_listen() {
    let mut pair = Pair::new(IP);
    let client = pair.a_connects(IP, 80);
    assert_eq!(pair.a.send(client, b"x"), Err(Errno::EAGAIN));
    assert_eq!(pair.a.recv(client, &mut [0]), Err(Errno::EAGAIN));
    assert_eq!(pair.a.listen(client, 1), Err(Errno::EINVAL));
    assert_eq!(pair.a.accept(client), Err(Errno::EINVAL));
    assert_eq!(pair.a.readiness(client), Ok(Readiness::NONE));
}

#[test]
fn a_listener_cannot_connect_send_or_receive() {
    let mut pair = Pair::new(IP);
    let listener = pair.b_listens(IP, 80, 0);
    assert_eq!(pair.b.connect(listener, IP.a(80)), Err(Errno::EISCONN));
    assert_eq!(pair.b.send(listener, b"x"), Err(Errno::EPIPE));
    assert_eq!(pair.b.recv(listener, &mut [0]), Err(Errno::ENOTCONN));
    assert_eq!(pair.b.getpeername(listener), Err(Errno::ENOTCONN));
}

#[test]
fn impossible_peers_are_refused_at_once() {
    let mut pair = Pair::new(IP);
    let client = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
    let mut connect = |to: &str| pair.a.connect(client, to.parse().expect("an address"));
    assert_eq!(connect("192.0.2.2:0"), Err(Errno::EADDRNOTAVAIL));
    assert_eq!(connect("224.0.0.1:80"), Err(Errno::ENETUNREACH));
    assert_eq!(connect("192.0.2.255:80"), Err(Errno::ENETUNREACH));
    assert_eq!(connect("255.255.255.255:80"), Err(Errno::ENETUNREACH));
    assert_eq!(connect("198.51.100.1:80"), Err(Errno::ENETUNREACH));
    assert_eq!(connect("192.0.2.2:80"), Err(Errno::EINPROGRESS), "the socket is as fresh as before");
}

#[test]
fn a_reset_is_econnrefused_once_and_then_the_socket_can_connect_again() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let client = pair.a_connects(net, 80);
        pair.settle();
        let ready = pair.a.readiness(client).expect("it is open");
        assert!(ready.contains(Readiness::OUT | Readiness::IN | Readiness::ERR | Readiness::HUP), "{ready:?}");
        assert_eq!(pair.a.connect(client, net.b(80)), Err(Errno::ECONNREFUSED));
        pair.b_listens(net, 80, 0);
        assert_eq!(pair.a.connect(client, net.b(80)), Err(Errno::EINPROGRESS));
        pair.settle();
        assert_eq!(pair.a.connect(client, net.b(80)), Ok(()));
    }
}

#[test]
fn any_call_reports_the_refusal_once() {
    let mut pair = Pair::new(IP);
    let mut refused = || {
        let client = pair.a_connects(IP, 80);
        pair.settle();
        client
    };
    let [first, second, third] = [refused(), refused(), refused()];
    assert_eq!(pair.a.take_error(first), Ok(Some(Errno::ECONNREFUSED)));
    assert_eq!(pair.a.take_error(first), Ok(None));
    assert_eq!(pair.a.listen(first, 1), Err(Errno::EINVAL), "connect has not said so yet");
    assert_eq!(pair.a.connect(first, IP.b(80)), Err(Errno::ECONNABORTED));
    assert_eq!(pair.a.connect(first, IP.b(80)), Err(Errno::EINPROGRESS));
    assert_eq!(pair.a.recv(second, &mut [0]), Err(Errno::ECONNREFUSED));
    assert_eq!(pair.a.recv(second, &mut [0]), Ok(0), "over, as on Linux");
    assert_eq!(pair.a.send(third, b"x"), Err(Errno::ECONNREFUSED));
    assert_eq!(pair.a.send(third, b"x"), Err(Errno::EPIPE));
}

#[test]
fn a_silent_neighbour_is_asked_three_times_and_is_then_unreachable() {
    for net in [ETHERNET, ETHERNET6] {
        let mut pair = Pair::new(net);
        let client = pair.a.socket(net.domain, Type::Stream).expect("room");
        pair.run_for(secs(7));
        assert_eq!(pair.a.connect(client, net.host(9, 80)), Err(Errno::EINPROGRESS));
        pair.run_for(secs(3) - std::time::Duration::from_micros(1));
        assert_eq!(pair.a.connect(client, net.host(9, 80)), Err(Errno::EALREADY));
        pair.run_for(std::time::Duration::from_micros(1));
        assert_eq!(pair.a.connect(client, net.host(9, 80)), Err(Errno::EHOSTUNREACH));
        let asked = |packet: &Packet| matches!(packet, Packet::Arp(_) | Packet::Ndp(_));
        let at: Vec<u64> =
            pair.seen.iter().filter(|seen| asked(&seen.packet.packet)).map(|seen| seen.at.as_micros()).collect();
        assert_eq!(at, [7_000_000, 8_000_000, 9_000_000]);
        assert_eq!(pair.seen.len(), 3, "no SYN without an address to send it to");
        pair.run_for(secs(300));
        assert_eq!(pair.seen.len(), 3, "and silence after that");
    }
}

#[test]
fn one_unreachable_neighbour_does_not_hold_up_another() {
    let mut pair = Pair::new(ETHERNET);
    pair.b_listens(ETHERNET, 80, 0);
    let lost = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
    assert_eq!(pair.a.connect(lost, ETHERNET.host(9, 80)), Err(Errno::EINPROGRESS));
    let client = pair.a_connects(ETHERNET, 80);
    pair.settle();
    assert_eq!(pair.a.connect(client, ETHERNET.b(80)), Ok(()), "without any time passing");
}

#[test]
fn silence_is_etimedout_after_exactly_180_seconds() {
    for net in ALL {
        let mut pair = Pair::new(net);
        // The neighbour answers, its TCP does not.
        pair.carries = Box::new(|seen| seen.packet.tcp().is_none());
        pair.run_for(secs(5));
        let client = pair.a_connects(net, 80);
        pair.run_for(secs(180) - std::time::Duration::from_micros(1));
        assert_eq!(pair.a.connect(client, net.b(80)), Err(Errno::EALREADY));
        pair.run_for(std::time::Duration::from_micros(1));
        assert_eq!(pair.a.connect(client, net.b(80)), Err(Errno::ETIMEDOUT));
        assert_eq!(pair.a.counters().timeouts, 1);
        let syns = pair.segments(End::A).len();
        assert!(syns > 3, "{syns} SYNs");
        pair.forget();
        pair.run_for(secs(300));
        assert!(pair.seen.is_empty(), "nothing more is said after giving up");
    }
}

/// A socket call reads no clock: it may come long after the last step.
#[test]
fn a_connect_after_a_long_sleep_has_its_180_seconds_too() {
    let mut pair = Pair::new(IP);
    pair.b_listens(IP, 80, 0);
    pair.settle();
    pair.sleep(secs(1_000));
    let client = pair.a_connects(IP, 80);
    pair.carries = Box::new(|_| false);
    pair.run_for(secs(179));
    assert_eq!(pair.a.connect(client, IP.b(80)), Err(Errno::EALREADY));
    pair.mend();
    pair.run_for(secs(1));
    assert_eq!(pair.a.connect(client, IP.b(80)), Err(Errno::ETIMEDOUT));
}

#[test]
fn close_while_connecting_sends_nothing_and_a_late_answer_is_reset() {
    let mut pair = Pair::new(IP);
    pair.b_listens(IP, 80, 0);
    let client = pair.a_connects(IP, 80);
    pair.a.close(client).expect("it is open");
    pair.settle();
    assert!(pair.seen.is_empty());
    // The SYN is out before the close: nobody knows the SYN-ACK any more.
    let client = pair.a_connects(IP, 80);
    pair.carries = Box::new(|seen| seen.from == End::A);
    pair.settle();
    pair.a.close(client).expect("it is open");
    pair.mend();
    pair.run_for(secs(1));
    assert_eq!(pair.flags(), ["A SYN", "B SYN ACK", "B SYN ACK", "A RST"]);
    assert_eq!(pair.b.netstat().rows().count(), 1, "the child is gone, the listener is not");
}

#[test]
fn shutdown_while_connecting_takes_the_attempt_back() {
    for how in [Shutdown::Read, Shutdown::Write, Shutdown::Both] {
        let mut pair = Pair::new(IP);
        let client = pair.a_connects(IP, 80);
        let name = pair.a.getsockname(client);
        assert_eq!(pair.a.shutdown(client, how), Ok(()));
        assert_eq!(pair.a.tcp_state(client), Ok(TcpState::Closed));
        assert_eq!(pair.a.getsockname(client), name);
        pair.settle();
        assert!(pair.seen.is_empty());
        pair.b_listens(IP, 80, 0);
        assert_eq!(pair.a.connect(client, IP.b(80)), Err(Errno::EINPROGRESS));
        pair.settle();
        assert_eq!(pair.a.connect(client, IP.b(80)), Ok(()));
    }
}

#[test]
fn two_active_opens_that_cross_make_one_connection() {
    for net in ALL {
        let mut pair = Pair::new(net);
        // Both know each other's link-layer address, so that the SYNs really cross.
        let (from_a, from_b) = pair.datagram_sockets(net);
        pair.a.send_to(from_a, b"hello", net.b(7)).expect("room");
        pair.b.send_to(from_b, b"hello", net.a(7)).expect("room");
        pair.settle();
        pair.forget();
        let a = pair.a.socket(net.domain, Type::Stream).expect("room");
        let b = pair.b.socket(net.domain, Type::Stream).expect("room");
        pair.a.bind(a, net.a(1000)).expect("a free port");
        pair.b.bind(b, net.b(2000)).expect("a free port");
        assert_eq!(pair.a.connect(a, net.b(2000)), Err(Errno::EINPROGRESS));
        assert_eq!(pair.b.connect(b, net.a(1000)), Err(Errno::EINPROGRESS));
        pair.run_for(secs(2));
        assert_eq!(pair.flags()[..2], ["A SYN", "B SYN"]);
        assert_eq!(pair.a.connect(a, net.b(2000)), Ok(()));
        assert_eq!(pair.b.connect(b, net.a(1000)), Ok(()));
        assert_eq!(pair.a.send(a, b"from a"), Ok(6));
        assert_eq!(pair.b.send(b, b"from b"), Ok(6));
        pair.settle();
        assert_eq!(recv(&mut pair.a, a, 16).as_deref(), Ok(&b"from b"[..]));
        assert_eq!(recv(&mut pair.b, b, 16).as_deref(), Ok(&b"from a"[..]));
    }
}

#[test]
fn a_socket_bound_before_connects_from_there() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let listener = pair.b_listens(net, 80, 0);
        let client = pair.a.socket(net.domain, Type::Stream).expect("room");
        pair.a.bind(client, net.any(1000)).expect("a free port");
        assert_eq!(pair.a.connect(client, net.b(80)), Err(Errno::EINPROGRESS));
        pair.settle();
        assert_eq!(pair.b.accept(listener).map(|(_, remote)| remote), Ok(net.a(1000)));
    }
}
