//! What happens when a table is full?

use smolsock::{Domain, Errno, Type};

use crate::pair::{IP, Pair};

#[test]
fn a_full_socket_table_is_emfile_until_a_socket_is_closed() {
    let mut pair = Pair::tuned(IP, |config| config.sockets_max = 2);
    let first = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
    pair.a.socket(Domain::Inet, Type::Datagram).expect("room");
    assert_eq!(pair.a.socket(Domain::Inet, Type::Stream), Err(Errno::EMFILE));
    assert_eq!(pair.a.socket(Domain::Inet6, Type::Datagram), Err(Errno::EMFILE));
    pair.a.close(first).expect("it is open");
    assert!(pair.a.socket(Domain::Inet6, Type::Datagram).is_ok());
}

/// A child is a socket, too. The SYN is dropped and counted, and comes again when there is room.
#[test]
fn a_full_socket_table_drops_syns_and_the_client_gets_in_later() {
    let mut pair = Pair::tuned(IP, |config| config.sockets_max = 2);
    let listener = pair.b_listens(IP, 80, 5);
    let other = pair.b.socket(Domain::Inet, Type::Datagram).expect("room");
    let client = pair.a_connects(IP, 80);
    pair.settle();
    assert_eq!(pair.b.counters().dropped_syn_no_room, 1);
    assert_eq!(pair.a.connect(client, IP.b(80)), Err(Errno::EALREADY));
    pair.b.close(other).expect("it is open");
    pair.run_for(crate::pair::secs(1));
    assert_eq!(pair.a.connect(client, IP.b(80)), Ok(()));
    assert!(pair.b.accept(listener).is_ok());
}

#[test]
fn a_udp_socket_that_is_closed_with_datagrams_queued_sends_them_and_is_gone() {
    let mut pair = Pair::tuned(IP, |config| config.sockets_max = 1);
    let receiver = pair.b.socket(Domain::Inet, Type::Datagram).expect("room");
    pair.b.bind(receiver, IP.any(7)).expect("a free port");
    for round in 0..3 {
        let sender = pair.a.socket(Domain::Inet, Type::Datagram);
        let sender = sender.unwrap_or_else(|error| panic!("round {round}: the last socket's place is lost: {error}"));
        pair.a.send_to(sender, b"last words", IP.b(7)).expect("room");
        pair.a.close(sender).expect("it is open");
        pair.settle();
        assert_eq!(pair.b.recv(receiver, &mut [0; 16]), Ok(10));
    }
}

#[test]
fn a_connection_that_is_over_and_closed_leaves_no_socket() {
    let mut pair = Pair::tuned(IP, |config| config.sockets_max = 2);
    for _ in 0..10 {
        let (client, server) = pair.connection(IP);
        pair.a.close(client).expect("it is open");
        pair.settle();
        pair.b.close(server).expect("it is open");
        pair.settle();
        assert_eq!(pair.b.netstat().rows().count(), 0);
    }
    let time_waits = pair.a.netstat().rows().count();
    assert_eq!(time_waits, 10);
    pair.run_for(crate::pair::secs(60));
    assert_eq!(pair.a.netstat().rows().count(), 0);
    assert_eq!(pair.next_step(), None, "nothing is left to happen");
}
