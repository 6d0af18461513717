//! What do several ids of one socket share, and when does it end?

use smolsock::{Domain, Errno, Interest, Readiness, Shutdown, Type};

use crate::pair::{ALL, End, IP, Pair, recv, secs, states};

#[test]
fn every_id_names_the_same_connection_and_the_last_close_ends_it() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (client, server) = pair.connection(net);
        let second = pair.a.dup(client).expect("room");
        let third = pair.a.dup(second).expect("a copy has copies");
        assert_eq!(pair.a.send(second, b"hello"), Ok(5));
        pair.settle();
        assert_eq!(recv(&mut pair.b, server, 8).as_deref(), Ok(b"hello".as_slice()));
        assert_eq!(states(&pair.a), ["ESTABLISHED"], "netstat shows it once");
        pair.run_for(secs(1));
        pair.forget();
        for id in [client, third] {
            assert_eq!(pair.a.close(id), Ok(()));
            assert_eq!(pair.a.close(id), Err(Errno::EBADF));
            assert_eq!(pair.a.send(id, b"x"), Err(Errno::EBADF));
            pair.run_for(secs(100));
            assert!(pair.segments(End::A).is_empty(), "nothing ends while an id is left");
        }
        assert_eq!(pair.b.send(server, b"answer"), Ok(6));
        pair.run_for(secs(1));
        assert_eq!(pair.b.readiness(server), Ok(Readiness::OUT));
        assert_eq!(recv(&mut pair.a, second, 8).as_deref(), Ok(b"answer".as_slice()));
        assert_eq!(pair.a.close(second), Ok(()));
        pair.settle();
        assert_eq!(recv(&mut pair.b, server, 8).as_deref(), Ok(b"".as_slice()));
    }
}

#[test]
fn a_connection_whose_first_id_is_closed_is_no_orphan() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    let copy = pair.a.dup(client).expect("room");
    pair.a.close(client).expect("it is open");
    // Data for an orphan would be answered by a reset, and FIN-WAIT-2 of an orphan ends after a minute.
    pair.b.send(server, b"data").expect("room");
    pair.settle();
    pair.a.shutdown(copy, Shutdown::Write).expect("it is connected");
    pair.run_for(secs(1_000));
    assert_eq!(states(&pair.a), ["FIN_WAIT2"]);
    assert!(!pair.a.netstat().rows().next().expect("a line").is_orphan);
    assert_eq!(recv(&mut pair.a, copy, 8).as_deref(), Ok(b"data".as_slice()));
    pair.a.close(copy).expect("it is open");
    pair.run_for(secs(100));
    assert!(states(&pair.a).is_empty());
}

#[test]
fn shutdown_through_one_id_is_seen_through_all() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    let copy = pair.a.dup(client).expect("room");
    assert_eq!(pair.a.shutdown(copy, Shutdown::Write), Ok(()));
    assert_eq!(pair.a.send(client, b"x"), Err(Errno::EPIPE));
    pair.settle();
    assert_eq!(pair.b.recv(server, &mut [0; 8]), Ok(0));
}

#[test]
fn a_copied_listener_accepts_until_its_last_id_is_closed() {
    let mut pair = Pair::new(IP);
    let listener = pair.b_listens(IP, 80, 5);
    let copy = pair.b.dup(listener).expect("room");
    assert_eq!(pair.b.close(listener), Ok(()));
    let client = pair.a_connects(IP, 80);
    pair.settle();
    assert!(pair.b.accept(copy).is_ok());
    assert_eq!(pair.a.connect(client, IP.b(80)), Ok(()));
    let waits = pair.a_connects(IP, 80);
    pair.settle();
    assert_eq!(pair.b.close(copy), Ok(()));
    pair.settle();
    assert_eq!(pair.a.connect(waits, IP.b(80)), Err(Errno::ECONNRESET));
}

#[test]
fn a_copied_udp_socket_keeps_its_port_and_what_it_received() {
    let mut pair = Pair::new(IP);
    let (a, b) = pair.datagram_sockets(IP);
    let copy = pair.b.dup(b).expect("room");
    pair.b.close(b).expect("it is open");
    pair.a.send_to(a, b"hello", IP.b(7)).expect("room");
    pair.settle();
    let other = pair.b.socket(Domain::Inet, Type::Datagram).expect("room");
    assert_eq!(pair.b.bind(other, IP.any(7)), Err(Errno::EADDRINUSE));
    assert_eq!(recv(&mut pair.b, copy, 8).as_deref(), Ok(b"hello".as_slice()));
    pair.b.close(copy).expect("it is open");
    assert_eq!(pair.b.bind(other, IP.any(7)), Ok(()));
}

#[test]
fn copies_take_places_in_the_table_and_give_them_back() {
    let mut pair = Pair::tuned(IP, |config| config.sockets_max = 3);
    let socket = pair.a.socket(Domain::Inet, Type::Datagram).expect("room");
    for _ in 0..100 {
        let copies = [0, 1].map(|_| pair.a.dup(socket).expect("room"));
        assert_eq!(pair.a.dup(socket), Err(Errno::EMFILE));
        assert_eq!(pair.a.socket(Domain::Inet, Type::Stream), Err(Errno::EMFILE));
        for copy in copies {
            pair.a.close(copy).expect("it is open");
        }
    }
    pair.a.close(socket).expect("it is open");
    assert_eq!(pair.a.dup(socket), Err(Errno::EBADF));
    for _ in 0..3 {
        pair.a.socket(Domain::Inet, Type::Datagram).expect("all places are free again");
    }
}

#[test]
fn closing_an_id_wakes_who_waits_through_it() {
    let mut pair = Pair::new(IP);
    let (client, _server) = pair.connection(IP);
    let copy = pair.a.dup(client).expect("room");
    let woken = super::wakers::Count::at(&mut pair.a, copy, Interest::Read);
    pair.a.close(copy).expect("it is open");
    assert_eq!(woken.get(), 1);
    assert_eq!(pair.a.recv(client, &mut [0]), Err(Errno::EAGAIN));
}
