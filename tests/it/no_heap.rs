//! Does a stack in the caller's memory do everything that one with a heap does?

use std::net::{IpAddr, SocketAddr};

use smolsock::sockopt::{IP_ADD_MEMBERSHIP, IPV6_JOIN_GROUP, Membership};
use smolsock::{
    Domain, Errno, FdSet, MsgFlags, PollFd, Readiness, Shutdown, Stack, Storage, StorageError, TcpState, Type,
};
use smolsock_sim::app::pattern::pattern;

use crate::pair::{ALL, IP, IP6, Net, Pair, recv, secs, states};

/// 6 sockets, of which 3 connections with 512 bytes each way and 2 UDP sockets with 600 bytes.
type Small<'a> = Storage<'a, 6, 3, 2, 512, 600>;

/// Both hosts in memory of the test's own.
macro_rules! small_pair {
    ($pair:ident, $net:expr) => {
        let (mut for_a, mut for_b) = (Small::new(), Small::new());
        let net: Net = $net;
        let a = Stack::with_storage(net.config(1), &net.nic(), &mut for_a).expect("a good configuration");
        let b = Stack::with_storage(net.config(2), &net.nic(), &mut for_b).expect("a good configuration");
        let mut $pair = Pair::of(net, a, b);
    };
}

#[test]
fn a_conversation_over_tcp_and_udp_needs_no_heap() {
    for net in ALL {
        small_pair!(pair, net);
        let (a, b) = pair.datagram_sockets(net);
        assert_eq!(pair.a.send_to(a, &pattern(1, 600), net.b(7)), Ok(600));
        pair.settle();
        let mut buffer = [0; 1000];
        let datagram = pair.b.recv_from(b, &mut buffer).expect("a datagram");
        assert_eq!((datagram.len, datagram.remote), (600, net.a(7)));
        assert_eq!(buffer[..600], pattern(1, 600));

        let (client, server) = pair.connection(net);
        let data = pattern(2, 5_000);
        let (mut sent, mut received) = (0, Vec::new());
        assert!(pair.run_while(secs(60), |pair| {
            sent += pair.a.send(client, &data[sent..]).unwrap_or(0);
            while let Ok(bytes) = recv(&mut pair.b, server, 100) {
                received.extend(bytes);
            }
            received.len() == data.len()
        }));
        assert_eq!(received, data);
        assert_eq!(pair.a.shutdown(client, Shutdown::Write), Ok(()));
        pair.settle();
        assert_eq!(pair.b.recv(server, &mut buffer), Ok(0));
        pair.b.close(server).expect("it is open");
        pair.settle();
        assert_eq!(pair.a.recv(client, &mut buffer), Ok(0));
        assert!(states(&pair.a).contains(&"TIME_WAIT".to_owned()));
    }
}

#[test]
fn a_thousand_connections_one_after_another_use_the_same_memory() {
    small_pair!(pair, IP);
    pair.record(false);
    let listener = pair.b_listens(IP, 80, 1);
    for round in 0..1_000_u32 {
        let client = pair.a_connects(IP, 80);
        pair.settle();
        assert_eq!(pair.a.connect(client, IP.b(80)), Ok(()), "round {round}");
        let (server, _) = pair.b.accept(listener).expect("a connection");
        let data = pattern(round, 300);
        assert_eq!(pair.a.send(client, &data), Ok(300));
        pair.settle();
        assert_eq!(recv(&mut pair.b, server, 400).as_ref(), Ok(&data), "nothing of an earlier connection");
        assert_eq!(recv(&mut pair.b, server, 400), Err(Errno::EAGAIN));
        match round % 3 {
            // The client first, the server first, or a reset.
            0 => pair.a.close(client).expect("it is open"),
            1 => pair.b.close(server).expect("it is open"),
            _ => {
                assert_eq!(pair.b.send(server, b"unread"), Ok(6));
                pair.settle();
                pair.a.close(client).expect("it is open");
            }
        }
        pair.run_for(secs(1));
        // Who has closed already says so.
        let _ = (pair.a.close(client), pair.b.close(server));
        pair.run_for(secs(1));
        assert_eq!(pair.b.socket(Domain::Inet, Type::Stream).and_then(|id| pair.b.close(id)), Ok(()));
    }
    pair.run_for(secs(120));
    assert_eq!((states(&pair.a), states(&pair.b)), (Vec::new(), vec!["LISTEN".to_owned()]));
}

#[test]
fn a_thousand_udp_sockets_one_after_another_use_the_same_memory() {
    small_pair!(pair, IP);
    let receiver = pair.b.socket(Domain::Inet, Type::Datagram).expect("room");
    pair.b.bind(receiver, IP.any(7)).expect("a free port");
    for round in 0..1_000_u32 {
        let sender = pair.a.socket(Domain::Inet, Type::Datagram);
        let sender = sender.unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert_eq!(pair.a.send_to(sender, &round.to_be_bytes(), IP.b(7)), Ok(4));
        pair.settle();
        assert_eq!(recv(&mut pair.b, receiver, 8).as_deref(), Ok(&round.to_be_bytes()[..]));
        pair.a.close(sender).expect("it is open");
    }
}

#[test]
fn full_tables_are_errnos_and_recover() {
    small_pair!(pair, IP);
    let stack = &mut pair.a;
    let datagrams = [0, 1].map(|_| stack.socket(Domain::Inet, Type::Datagram).expect("room"));
    assert_eq!(stack.socket(Domain::Inet, Type::Datagram), Err(Errno::ENOBUFS), "two UDP queues");
    let streams = [0, 1, 2, 3].map(|_| stack.socket(Domain::Inet, Type::Stream).expect("room"));
    assert_eq!(stack.socket(Domain::Inet, Type::Stream), Err(Errno::EMFILE), "six sockets");
    for stream in &streams[..3] {
        assert_eq!(stack.connect(*stream, IP.b(80)), Err(Errno::EINPROGRESS));
    }
    assert_eq!(stack.connect(streams[3], IP.b(80)), Err(Errno::ENOBUFS), "three connections");
    assert_eq!(stack.getsockname(streams[3]), Ok(IP.any(0)), "nothing of it left a trace");
    stack.close(streams[0]).expect("it is open");
    assert_eq!(stack.connect(streams[3], IP.b(80)), Err(Errno::EINPROGRESS));
    stack.close(datagrams[0]).expect("it is open");
    assert!(stack.socket(Domain::Inet6, Type::Datagram).is_ok());
}

#[test]
fn a_server_without_room_drops_the_syn_and_takes_the_client_later() {
    let (mut for_a, mut for_b) = (Small::new(), Storage::<3, 1, 0, 100, 0>::new());
    let a = Stack::with_storage(IP.config(1), &IP.nic(), &mut for_a).expect("a good configuration");
    let b = Stack::with_storage(IP.config(2), &IP.nic(), &mut for_b).expect("a good configuration");
    let mut pair = Pair::of(IP, a, b);
    let listener = pair.b_listens(IP, 80, 5);
    let [first, second] = [0, 1].map(|_| pair.a_connects(IP, 80));
    pair.settle();
    assert_eq!(pair.b.counters().dropped_syn_no_room, 1);
    assert_eq!(pair.a.connect(first, IP.b(80)), Ok(()));
    assert_eq!(pair.a.connect(second, IP.b(80)), Err(Errno::EALREADY));
    let (server, _) = pair.b.accept(listener).expect("a connection");
    pair.a.close(first).expect("it is open");
    pair.settle();
    pair.b.close(server).expect("it is open");
    pair.run_for(secs(1));
    assert_eq!(pair.a.connect(second, IP.b(80)), Ok(()), "its SYN came again");
    assert!(pair.b.accept(listener).is_ok());
}

#[test]
fn copies_messages_and_poll_need_no_heap() {
    small_pair!(pair, IP);
    let (a, b) = pair.datagram_sockets(IP);
    let copies = [0, 1, 2, 3, 4].map(|_| pair.b.dup(b).expect("room"));
    assert_eq!(pair.b.dup(b), Err(Errno::EMFILE), "six ids");
    pair.a.connect(a, IP.b(7)).expect("a route");
    assert_eq!(pair.a.writev(a, &[b"he", b"llo"]), Ok(5));
    pair.settle();
    let mut fds = copies.map(|id| PollFd::new(id, Readiness::IN));
    assert_eq!(pair.b.poll(&mut fds), Ok(5));
    let (mut read, mut write, mut except) = (FdSet::<1>::new(), FdSet::new(), FdSet::new());
    read.insert(copies[4]).expect("room");
    assert_eq!(pair.b.select(&mut read, &mut write, &mut except), Ok(1));
    let (mut head, mut tail) = ([0; 2], [0; 4]);
    let received = pair.b.recvmsg(copies[2], &mut [&mut head, &mut tail], MsgFlags::PEEK).expect("a datagram");
    assert_eq!((received.len, &head, &tail), (5, b"he", b"llo\0"));
    for id in copies {
        pair.b.close(id).expect("it is open");
    }
    assert_eq!(pair.b.recv(b, &mut head), Ok(2));
}

#[test]
fn a_flood_of_half_open_connections_leaves_the_server_usable() {
    small_pair!(pair, IP);
    let listener = pair.b_listens(IP, 80, 5);
    // SYN-ACKs are lost: the children stay half-open, and take all three engines.
    pair.carries = Box::new(|seen| seen.from == crate::pair::End::A);
    for _ in 0..3 {
        let client = pair.a_connects(IP, 80);
        pair.settle();
        pair.a.close(client).expect("it is open");
        pair.settle();
    }
    assert_eq!(states(&pair.b).len(), 4);
    pair.cut();
    pair.run_for(secs(61));
    assert_eq!(states(&pair.b), ["LISTEN"]);
    pair.mend();
    let client = pair.a_connects(IP, 80);
    pair.settle();
    assert_eq!(pair.a.tcp_state(client), Ok(TcpState::Established));
    assert!(pair.b.accept(listener).is_ok());
}

#[test]
fn a_datagram_larger_than_the_storage_is_not_received_and_not_sent() {
    small_pair!(small, IP);
    let (a, _) = small.datagram_sockets(IP);
    assert_eq!(small.a.send_to(a, &[0; 601], IP.b(7)), Err(Errno::EMSGSIZE));
    assert_eq!(small.a.send_to(a, &[0; 600], IP.b(7)), Ok(600));

    let (mut large, mut small) = (Storage::<1, 0, 1, 0, 2_000>::new(), Small::new());
    let a = Stack::with_storage(IP.config(1), &IP.nic(), &mut large).expect("a good configuration");
    let b = Stack::with_storage(IP.config(2), &IP.nic(), &mut small).expect("a good configuration");
    let mut pair = Pair::of(IP, a, b);
    let (a, b) = pair.datagram_sockets(IP);
    for len in [601, 1_400, 600] {
        assert_eq!(pair.a.send_to(a, &vec![0; len], IP.b(7)), Ok(len));
        pair.settle();
    }
    assert_eq!(pair.b.recv(b, &mut [0; 1_500]), Ok(600));
    assert_eq!(pair.b.recv(b, &mut [0; 1_500]), Err(Errno::EAGAIN));
}

#[test]
fn the_time_wait_table_is_as_large_as_the_socket_table_and_the_oldest_goes() {
    small_pair!(pair, IP);
    for _ in 0..9 {
        let (client, server) = pair.connection(IP);
        pair.a.close(client).expect("it is open");
        pair.settle();
        pair.b.close(server).expect("it is open");
        pair.settle();
    }
    assert_eq!(states(&pair.a), ["TIME_WAIT"; 6]);
    assert_eq!(pair.a.counters().time_wait_evicted, 3);
}

#[test]
fn groups_need_no_heap_and_are_full_after_8_memberships_of_the_host() {
    for net in ALL {
        small_pair!(pair, net);
        let (a, b) = pair.datagram_sockets(net);
        let group = |last: u16| match net.domain {
            Domain::Inet => IpAddr::from([239, 1, 2, last as u8]),
            Domain::Inet6 => IpAddr::from([0xff05, 0, 0, 0, 0, 0, 0, last]),
        };
        let add = if net.domain == Domain::Inet { IP_ADD_MEMBERSHIP } else { IPV6_JOIN_GROUP };
        let refused = (0..20).find(|last| pair.b.setsockopt(b, add, Membership::of(group(*last))).is_err());
        assert!(refused.is_some_and(|last| last >= 8), "{refused:?}");
        assert_eq!(pair.b.setsockopt(b, add, Membership::of(group(99))), Err(Errno::ENOBUFS));
        pair.a.setsockopt(a, add, Membership::of(group(0))).expect("room");
        // The largest that fits, in fragments to the own host, whose queue has room for less.
        for len in [1, 300, 600] {
            assert_eq!(pair.a.send_to(a, &pattern(1, len), (group(0), 7).into()), Ok(len));
            pair.settle();
            for (stack, id) in [(&mut pair.a, a), (&mut pair.b, b)] {
                assert_eq!(recv(stack, id, 700), Ok(pattern(1, len)), "{net:?}");
            }
        }
        // With the socket its memberships end.
        pair.b.close(b).expect("open");
        let b = pair.b.socket(net.domain, Type::Datagram).expect("room");
        assert_eq!(pair.b.setsockopt(b, add, Membership::of(group(99))), Ok(()));
        assert!(pair.run_while(secs(60), |pair| pair.next_step().is_none()), "all is told");
    }
}

#[test]
fn impossible_storage_is_refused() {
    let mut no_sockets = Storage::<0, 0, 0, 0, 0>::new();
    let refused = Stack::with_storage(IP.config(1), &IP.nic(), &mut no_sockets).err();
    assert_eq!(refused, Some(StorageError::NoSockets));
    let mut no_bytes = Storage::<2, 1, 0, 0, 0>::new();
    let refused = Stack::with_storage(IP.config(1), &IP.nic(), &mut no_bytes).err();
    assert_eq!(refused, Some(StorageError::TcpBytes(0)));
}

#[test]
fn storage_for_tcp_alone_and_for_udp_alone_works() {
    let (mut tcp, mut udp) = (Storage::<2, 2, 0, 100, 0>::new(), Storage::<1, 0, 1, 0, 100>::new());
    let a = Stack::with_storage(IP.config(1), &IP.nic(), &mut tcp).expect("a good configuration");
    let b = Stack::with_storage(IP.config(2), &IP.nic(), &mut udp).expect("a good configuration");
    let mut pair = Pair::of(IP, a, b);
    assert_eq!(pair.a.socket(Domain::Inet, Type::Datagram), Err(Errno::ENOBUFS));
    let listener = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
    assert_eq!(pair.a.listen(listener, 1), Ok(()));
    let datagram = pair.b.socket(Domain::Inet, Type::Datagram).expect("room");
    assert_eq!(pair.b.send_to(datagram, b"x", IP.a(7)), Ok(1));
    pair.settle();
    pair.b.close(datagram).expect("it is open");
    let stream = pair.b.socket(Domain::Inet, Type::Stream).expect("a socket without a connection needs no engine");
    assert_eq!(pair.b.connect(stream, IP.a(80)), Err(Errno::ENOBUFS));
    assert_eq!(pair.b.listen(stream, 1), Ok(()));
}

/// The packets of a host to itself lie in the storage too: their MTU is a part of it.
#[test]
fn a_host_without_a_heap_talks_to_itself() {
    for net in ALL {
        small_pair!(pair, net);
        let to = if net.domain == Domain::Inet { "127.0.0.1:80" } else { "[::1]:80" }.parse().expect("an address");
        talk_to_oneself(&mut pair, net, to);
        let (mut for_a, mut for_b) = (Storage::<4, 3, 0, 65_535, 8_192>::new(), Small::new());
        let a = Stack::with_storage(net.config(1), &net.nic(), &mut for_a).expect("a good configuration");
        let b = Stack::with_storage(net.config(2), &net.nic(), &mut for_b).expect("a good configuration");
        talk_to_oneself(&mut Pair::of(net, a, b), net, to);
    }
}

/// A host's way to itself has the size of the memory for datagrams: without it there is no such way.
#[test]
fn without_memory_for_packets_a_host_does_not_reach_itself() {
    for net in ALL {
        let (mut for_a, mut for_b) = (Storage::<2, 2, 0, 512, 0>::new(), Storage::<2, 2, 0, 512, 200>::new());
        let a = Stack::with_storage(net.config(1), &net.nic(), &mut for_a).expect("a good configuration");
        let b = Stack::with_storage(net.config(2), &net.nic(), &mut for_b).expect("a good configuration");
        for mut stack in [a, b] {
            let client = stack.socket(net.domain, Type::Stream).expect("room");
            let own = if net.domain == Domain::Inet { "127.0.0.1:80" } else { "[::1]:80" };
            assert_eq!(stack.connect(client, own.parse().expect("an address")), Err(Errno::ENETUNREACH));
            assert_eq!(stack.connect(client, net.host(9, 80)), Err(Errno::EINPROGRESS));
        }
    }
}

/// A connection of `a` with itself, 50,000 bytes in each direction.
fn talk_to_oneself(pair: &mut Pair<'_>, net: Net, to: std::net::SocketAddr) {
    let listener = pair.a.socket(net.domain, Type::Stream).expect("room");
    pair.a.bind(listener, net.any(80)).expect("a free port");
    pair.a.listen(listener, 1).expect("it is bound");
    let client = pair.a.socket(net.domain, Type::Stream).expect("room");
    assert_eq!(pair.a.connect(client, to), Err(Errno::EINPROGRESS));
    pair.settle();
    assert_eq!(pair.a.connect(client, to), Ok(()), "{to}");
    let (server, _) = pair.a.accept(listener).expect("a connection");
    for (from, into) in [(client, server), (server, client)] {
        let data = pattern(3, 50_000);
        let (mut sent, mut received) = (0, Vec::new());
        for _ in 0..20_000 {
            sent += pair.a.send(from, &data[sent..]).unwrap_or(0);
            pair.settle();
            while let Ok(bytes) = recv(&mut pair.a, into, 4_096) {
                received.extend(bytes);
            }
            if received.len() == data.len() {
                break;
            }
            pair.run_for(std::time::Duration::from_millis(1));
        }
        assert_eq!(received.len(), data.len(), "{to}");
        assert!(received == data);
    }
    pair.a.close(client).expect("it is open");
    pair.settle();
    assert_eq!(pair.a.recv(server, &mut [0]), Ok(0));
    assert!(pair.seen.is_empty(), "nothing of it is on the cable");
}

/// What a host does with itself in small memory: it never spins, and says what cannot be done.
fn talks_to_itself<const TCP_BYTES: usize, const UDP_BYTES: usize>(is_possible: bool) {
    for (net, own) in [(IP, "127.0.0.1"), (IP, "192.0.2.1"), (IP6, "::1"), (IP6, "2001:db8::1")] {
        let (mut for_a, mut for_b) = (Storage::<6, 3, 2, TCP_BYTES, UDP_BYTES>::new(), Storage::<1, 0, 1, 0, 0>::new());
        let a = Stack::with_storage(net.config(1), &net.nic(), &mut for_a).expect("a good configuration");
        let b = Stack::with_storage(net.config(2), &net.nic(), &mut for_b).expect("a good configuration");
        let mut pair = Pair::of(net, a, b);
        let to = |port| SocketAddr::new(own.parse().expect("an address"), port);
        let datagrams = pair.a.socket(net.domain, Type::Datagram).expect("room");
        pair.a.bind(datagrams, net.any(7)).expect("a free port");
        let listener = pair.a.socket(net.domain, Type::Stream).expect("room");
        pair.a.bind(listener, net.any(80)).expect("a free port");
        pair.a.listen(listener, 1).expect("bound");
        let client = pair.a.socket(net.domain, Type::Stream).expect("room");
        if !is_possible {
            assert_eq!(pair.a.connect(client, to(80)), Err(Errno::ENETUNREACH), "{own}");
            assert_eq!(pair.a.connect(datagrams, to(7)), Err(Errno::ENETUNREACH), "{own}");
            assert_eq!(pair.a.send_to(datagrams, b"", to(7)), Err(Errno::ENETUNREACH), "{own}");
            pair.settle();
            continue;
        }
        assert_eq!(pair.a.send_to(datagrams, &[7; UDP_BYTES], to(7)), Ok(UDP_BYTES));
        pair.settle();
        assert_eq!(recv(&mut pair.a, datagrams, UDP_BYTES), Ok(vec![7; UDP_BYTES]), "{own}, in fragments");
        assert_eq!(pair.a.connect(client, to(80)), Err(Errno::EINPROGRESS));
        pair.settle();
        assert_eq!(pair.a.connect(client, to(80)), Ok(()), "{own}");
        let (server, _) = pair.a.accept(listener).expect("a connection");
        let data = pattern(1, 50);
        let (mut sent, mut received) = (0, Vec::new());
        assert!(pair.run_while(secs(1_000), |pair| {
            sent += pair.a.send(client, &data[sent..]).unwrap_or(0);
            received.extend(recv(&mut pair.a, server, 100).unwrap_or_default());
            received.len() == data.len()
        }));
        assert_eq!(received, data, "{own}");
        pair.a.close(client).expect("open");
        pair.settle();
        assert_eq!(recv(&mut pair.a, server, 1), Ok(vec![]), "{own}");
        pair.a.close(server).expect("open");
        pair.run_for(secs(120));
        assert_eq!(states(&pair.a), ["LISTEN"], "{own}");
    }
}

#[test]
fn a_host_talks_to_itself_as_far_as_its_memory_goes() {
    talks_to_itself::<512, 600>(true);
    talks_to_itself::<1, 600>(true);
    talks_to_itself::<1, 216>(true);
    talks_to_itself::<100, 256>(true);
    talks_to_itself::<100, 215>(false);
    talks_to_itself::<100, 64>(false);
    talks_to_itself::<1, 8>(false);
    talks_to_itself::<1, 1>(false);
    talks_to_itself::<512, 0>(false);
}
