//! Does a host talk to itself?

use std::net::SocketAddr;

use smolsock::time::Duration;
use smolsock::{Domain, Errno, Shutdown, SocketId, Stack, Step, Type};

use crate::pair::{ALL, ETHERNET, Net, Pair, recv, states};

/// The addresses under which host `b` reaches itself, and the local address of whoever connects there.
fn own_addresses(net: Net) -> Vec<(SocketAddr, SocketAddr)> {
    let pair = |to: &str, from: &str| {
        let with_port = |text: &str, port| SocketAddr::new(text.parse().expect("an address"), port);
        (with_port(to, 80), with_port(from, 0))
    };
    match net.domain {
        Domain::Inet => {
            vec![(net.b(80), net.b(0)), pair("127.0.0.1", "127.0.0.1"), pair("127.1.2.3", "127.0.0.1")]
        }
        Domain::Inet6 => vec![(net.b(80), net.b(0)), pair("::1", "::1")],
    }
}

fn open(stack: &mut Stack<'_>, net: Net, kind: Type) -> SocketId {
    stack.socket(net.domain, kind).expect("room")
}

#[test]
fn a_connection_to_oneself_opens_carries_data_and_closes() {
    for net in ALL {
        for (to, from) in own_addresses(net) {
            let mut pair = Pair::new(net);
            let listener = pair.b_listens(net, 80, 3);
            let client = open(&mut pair.b, net, Type::Stream);
            assert_eq!(pair.b.connect(client, to), Err(Errno::EINPROGRESS));
            pair.settle();
            assert_eq!(pair.b.connect(client, to), Ok(()), "{to}");
            let (server, remote) = pair.b.accept(listener).expect("a connection");
            assert_eq!(remote, pair.b.getsockname(client).expect("bound"));
            assert_eq!(remote.ip(), from.ip());
            assert_eq!(pair.b.getsockname(server), Ok(to));
            let sent: Vec<u8> = (0..200_000_u32).map(|i| (i % 251) as u8).collect();
            let (mut written, mut got) = (0, Vec::new());
            // No frame tells that something happened: look again after a delayed ACK's time.
            for _ in 0..50 {
                if written < sent.len() {
                    written += pair.b.send(client, &sent[written..]).unwrap_or(0);
                    if written == sent.len() {
                        pair.b.shutdown(client, Shutdown::Write).expect("connected");
                    }
                }
                pair.run_for(Duration::from_millis(10));
                got.extend(recv(&mut pair.b, server, 30_000).unwrap_or_default());
            }
            assert!(got == sent, "{to}: {} of {} bytes, {written} written", got.len(), sent.len());
            assert_eq!(recv(&mut pair.b, server, 10), Ok(vec![]));
            pair.b.close(server).expect("open");
            pair.b.close(client).expect("open");
            pair.settle();
            assert_eq!(states(&pair.b), ["LISTEN", "TIME_WAIT"]);
            assert!(pair.seen.is_empty(), "nothing of it is on the cable: {:?}", pair.flags());
        }
    }
}

#[test]
fn a_port_of_oneself_where_nobody_listens_is_refused() {
    for net in ALL {
        for (to, _) in own_addresses(net) {
            let mut pair = Pair::new(net);
            let client = open(&mut pair.b, net, Type::Stream);
            assert_eq!(pair.b.connect(client, to), Err(Errno::EINPROGRESS));
            pair.settle();
            assert_eq!(pair.b.connect(client, to), Err(Errno::ECONNREFUSED), "{to}");
            let datagrams = open(&mut pair.b, net, Type::Datagram);
            pair.b.connect(datagrams, to).expect("a route");
            assert_eq!(pair.b.send(datagrams, b"anybody there?"), Ok(14));
            pair.settle();
            assert_eq!(pair.b.recv(datagrams, &mut [0; 4]), Err(Errno::ECONNREFUSED), "{to}");
            assert!(pair.seen.is_empty());
        }
    }
}

/// Whoever steps while there is more has everything done, although no frame came.
#[test]
fn a_step_asks_for_another_while_packets_to_oneself_wait() {
    let net = ETHERNET;
    let mut stack = Stack::new(net.config(2), &net.nic()).expect("a good configuration");
    let mut nic = net.nic();
    let receiver = open(&mut stack, net, Type::Datagram);
    stack.bind(receiver, net.any(7)).expect("a free port");
    assert_eq!(stack.send_to(receiver, b"hello", net.b(7)), Ok(5));
    let now = smolsock::time::Instant::from_millis(1);
    assert_eq!(stack.step(now, &mut nic), Step::More);
    assert_eq!(stack.next_step(), Some(now));
    assert_eq!(stack.step(now, &mut nic), Step::Done);
    assert_eq!(recv(&mut stack, receiver, 9), Ok(b"hello".to_vec()));
    assert_eq!(stack.next_step(), None);
}

#[test]
fn a_datagram_to_oneself_arrives() {
    for net in ALL {
        for (to, from) in own_addresses(net) {
            let mut pair = Pair::new(net);
            let server = open(&mut pair.b, net, Type::Datagram);
            pair.b.bind(server, net.any(80)).expect("free");
            let client = open(&mut pair.b, net, Type::Datagram);
            assert_eq!(pair.b.send_to(client, b"hello", to), Ok(5));
            pair.settle();
            let mut buffer = [0; 16];
            let datagram = pair.b.recv_from(server, &mut buffer).expect("it is there");
            assert_eq!((datagram.len, datagram.local, datagram.remote.ip()), (5, to.ip(), from.ip()));
            assert!(pair.seen.is_empty());
        }
    }
}

#[test]
fn a_simultaneous_connection_with_oneself_is_one_connection() {
    // RFC 9293 §3.5 figure 8, and what Linux does when a socket connects to its own port.
    let mut pair = Pair::new(ETHERNET);
    let id = open(&mut pair.b, ETHERNET, Type::Stream);
    pair.b.bind(id, ETHERNET.b(5000)).expect("free");
    assert_eq!(pair.b.connect(id, ETHERNET.b(5000)), Err(Errno::EINPROGRESS));
    pair.settle();
    assert_eq!(pair.b.connect(id, ETHERNET.b(5000)), Ok(()));
    assert_eq!(pair.b.send(id, b"echo"), Ok(4));
    pair.settle();
    assert_eq!(recv(&mut pair.b, id, 10), Ok(b"echo".to_vec()));
}

#[test]
fn loopback_addresses_cannot_be_used_towards_others() {
    let mut pair = Pair::new(ETHERNET);
    let id = open(&mut pair.b, ETHERNET, Type::Stream);
    pair.b.bind(id, ([127, 0, 0, 1], 0).into()).expect("an own address");
    assert_eq!(pair.b.connect(id, ETHERNET.a(80)), Err(Errno::EINVAL));
    let datagrams = open(&mut pair.b, ETHERNET, Type::Datagram);
    pair.b.bind(datagrams, ([127, 0, 0, 1], 0).into()).expect("an own address");
    assert_eq!(pair.b.send_to(datagrams, b"x", ETHERNET.a(7)), Err(Errno::EINVAL));
    assert_eq!(pair.b.connect(datagrams, ETHERNET.a(7)), Err(Errno::EINVAL));
}
