//! Who gets a port that several sockets want?

use std::collections::BTreeMap;

use smolsock::sockopt::{SO_REUSEADDR, SO_REUSEPORT};
use smolsock::{Errno, SocketId, Type};

use crate::pair::{ALL, IP, Net, Pair, recv, secs};

/// What every server does at its start, and why.
#[test]
fn a_server_restarts_while_its_old_connections_are_in_time_wait() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let listener = reusing(&mut pair, net, Type::Stream, 80);
        pair.b.listen(listener, 1).expect("it is bound");
        let client = pair.a_connects(net, 80);
        pair.settle();
        let (server, _) = pair.b.accept(listener).expect("a connection");
        // The server closes first, and so waits.
        pair.b.close(server).expect("it is open");
        pair.settle();
        pair.a.close(client).expect("it is open");
        pair.b.close(listener).expect("it is open");
        pair.run_for(secs(1));
        assert_eq!(crate::pair::states(&pair.b), ["TIME_WAIT"]);

        let plain = pair.b.socket(net.domain, Type::Stream).expect("room");
        assert_eq!(pair.b.bind(plain, net.any(80)), Err(Errno::EADDRINUSE));
        let again = reusing(&mut pair, net, Type::Stream, 80);
        assert_eq!(pair.b.listen(again, 1), Ok(()));
        let client = pair.a_connects(net, 80);
        pair.settle();
        assert_eq!(pair.a.connect(client, net.b(80)), Ok(()));
        assert!(pair.b.accept(again).is_ok());
    }
}

/// SO_REUSEADDR is for TIME-WAIT and for connections: a listener keeps its port.
#[test]
fn a_port_with_a_listener_is_taken_all_the_same() {
    let mut pair = Pair::new(IP);
    let first = reusing(&mut pair, IP, Type::Stream, 80);
    pair.b.listen(first, 1).expect("it is bound");
    let second = pair.b.socket(IP.domain, Type::Stream).expect("room");
    pair.b.setsockopt(second, SO_REUSEADDR, true).expect("any socket has it");
    assert_eq!(pair.b.bind(second, IP.any(80)), Err(Errno::EADDRINUSE));
}

#[test]
fn so_reuseport_spreads_connections_evenly_and_each_to_one_listener() {
    let mut pair = Pair::new(IP);
    pair.record(false);
    let listeners = [0, 1, 2, 3].map(|_| {
        let id = sharing(&mut pair, IP, Type::Stream, 80);
        pair.b.listen(id, 4).expect("it is bound");
        id
    });
    let mut chosen = BTreeMap::new();
    let mut counts = [0_u32; 4];
    for round in 0..2 {
        for port in 10_000..11_000 {
            let client = pair.a.socket(IP.domain, Type::Stream).expect("room");
            pair.a.bind(client, IP.any(port)).expect("a free port");
            assert_eq!(pair.a.connect(client, IP.b(80)), Err(Errno::EINPROGRESS));
            pair.settle();
            let found = listeners.iter().enumerate().find_map(|(at, id)| Some((at, pair.b.accept(*id).ok()?.0)));
            let (at, server) = found.expect("one of them has it");
            assert_eq!(*chosen.entry(port).or_insert(at), at, "port {port}, round {round}");
            counts[at] += u32::from(round == 0);
            // Resets on both sides: nobody waits in TIME-WAIT.
            for (stack, id) in [(&mut pair.a, client), (&mut pair.b, server)] {
                stack.setsockopt(id, smolsock::sockopt::SO_LINGER, Some(secs(0))).expect("any socket has it");
                stack.close(id).expect("it is open");
            }
            pair.settle();
        }
    }
    is_even(counts);
}

#[test]
fn so_reuseport_spreads_datagrams_evenly_and_each_sender_to_one_socket() {
    let mut pair = Pair::new(IP);
    pair.record(false);
    let receivers = [0, 1, 2, 3].map(|_| sharing(&mut pair, IP, Type::Datagram, 7));
    let mut counts = [0_u32; 4];
    for port in 10_000..11_000 {
        let sender = pair.a.socket(IP.domain, Type::Datagram).expect("room");
        pair.a.bind(sender, IP.any(port)).expect("a free port");
        for _ in 0..3 {
            assert_eq!(pair.a.send_to(sender, b"x", IP.b(7)), Ok(1));
        }
        pair.settle();
        let got = receivers.map(|id| std::iter::from_fn(|| recv(&mut pair.b, id, 8).ok()).count());
        let at = got.iter().position(|count| *count == 3);
        counts[at.unwrap_or_else(|| panic!("port {port}: {got:?}"))] += 1;
        pair.a.close(sender).expect("it is open");
    }
    is_even(counts);
}

/// Linux gives a datagram to the one who was bound last.
#[test]
fn with_so_reuseaddr_the_last_one_bound_gets_the_datagrams() {
    let mut pair = Pair::new(IP);
    let (sender, _) = pair.datagram_sockets(IP);
    let [first, second] = [0, 1].map(|_| reusing(&mut pair, IP, Type::Datagram, 9));
    for wanted in [second, first] {
        for _ in 0..5 {
            assert_eq!(pair.a.send_to(sender, b"x", IP.b(9)), Ok(1));
            pair.settle();
            assert_eq!(recv(&mut pair.b, wanted, 8).as_deref(), Ok(&b"x"[..]));
        }
        if wanted == second {
            assert_eq!(recv(&mut pair.b, first, 8), Err(Errno::EAGAIN));
            pair.b.close(second).expect("it is open");
        }
    }
}

/// A socket of `b` bound with SO_REUSEADDR.
fn reusing(pair: &mut Pair<'_>, net: Net, kind: Type, port: u16) -> SocketId {
    bound(pair, net, kind, port, SO_REUSEADDR)
}

/// A socket of `b` bound with SO_REUSEPORT.
fn sharing(pair: &mut Pair<'_>, net: Net, kind: Type, port: u16) -> SocketId {
    bound(pair, net, kind, port, SO_REUSEPORT)
}

fn bound(pair: &mut Pair<'_>, net: Net, kind: Type, port: u16, option: smolsock::sockopt::Opt<bool>) -> SocketId {
    let id = pair.b.socket(net.domain, kind).expect("room");
    pair.b.setsockopt(id, option, true).expect("any socket has it");
    pair.b.bind(id, net.any(port)).expect("it may be shared");
    id
}

/// Chi-squared with three degrees of freedom is above 16.3 once in a thousand times.
fn is_even(counts: [u32; 4]) {
    let expected = f64::from(counts.iter().sum::<u32>()) / 4.0;
    let chi_squared: f64 = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
    assert!(chi_squared < 16.3, "{counts:?}");
}
