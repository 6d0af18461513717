//! Who gets in, and in which order?

use smolsock::{Errno, Readiness, SocketId, TcpState};

use crate::pair::{ALL, End, IP, Pair, recv, secs, states};

#[test]
fn backlog_plus_one_connections_wait_and_further_syns_are_dropped() {
    for backlog in [0, 1, 3] {
        let mut pair = Pair::new(IP);
        let listener = pair.b_listens(IP, 80, backlog);
        let clients: Vec<SocketId> = (0..backlog + 3).map(|_| one_more(&mut pair)).collect();
        let connected =
            |pair: &Pair<'_>| clients.iter().filter(|id| pair.a.tcp_state(**id) == Ok(TcpState::Established)).count();
        assert_eq!(connected(&pair), backlog + 1);
        assert_eq!(pair.b.counters().dropped_syn_backlog, 2);
        let listening = pair.b.netstat().rows().next().expect("the listener");
        assert_eq!((listening.recv_queue, listening.send_queue), (backlog + 1, backlog));
        pair.run_for(secs(20));
        assert_eq!(connected(&pair), backlog + 1, "however often they come");
        // Room for one, and their SYNs come again.
        pair.b.accept(listener).expect("a connection");
        pair.run_for(secs(60));
        assert!(connected(&pair) > backlog + 1);
        let listening = pair.b.netstat().rows().next().expect("the listener");
        assert_eq!(listening.recv_queue, backlog + 1);
        for _ in 0..=backlog {
            pair.b.accept(listener).expect("a connection");
        }
        pair.run_for(secs(60));
        assert_eq!(connected(&pair), backlog + 3);
    }
}

#[test]
fn connections_are_accepted_in_the_order_of_their_completion() {
    let mut pair = Pair::new(IP);
    let listener = pair.b_listens(IP, 80, 10);
    let clients: Vec<SocketId> = (0..5).map(|_| one_more(&mut pair)).collect();
    for client in clients {
        let (_, remote) = pair.b.accept(listener).expect("a connection");
        assert_eq!(pair.a.getsockname(client), Ok(remote));
    }
    assert_eq!(pair.b.accept(listener), Err(Errno::EAGAIN));
}

/// More handshakes than places run at once: those who complete without a place wait for one, and lose nothing.
#[test]
fn clients_that_complete_at_once_wait_for_their_places() {
    let mut pair = Pair::new(IP);
    let listener = pair.b_listens(IP, 80, 0);
    let clients: Vec<SocketId> = (0..4).map(|_| pair.a_connects(IP, 80)).collect();
    pair.settle();
    for client in &clients {
        assert_eq!(pair.a.connect(*client, IP.b(80)), Ok(()));
        assert_eq!(pair.a.send(*client, b"me too"), Ok(6));
    }
    pair.settle();
    for _ in 0..4 {
        assert!(pair.b.readiness(listener).expect("it is open").contains(Readiness::IN));
        let (server, _) = pair.b.accept(listener).expect("a connection");
        assert_eq!(recv(&mut pair.b, server, 16).as_deref(), Ok(&b"me too"[..]));
    }
    assert_eq!(pair.b.accept(listener), Err(Errno::EAGAIN));
    assert_eq!(pair.b.readiness(listener), Ok(Readiness::NONE));
}

#[test]
fn a_connection_whose_client_has_sent_and_closed_is_accepted_with_its_data() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let listener = pair.b_listens(net, 80, 0);
        let client = pair.a_connects(net, 80);
        pair.settle();
        assert_eq!(pair.a.send(client, b"hello, and goodbye"), Ok(18));
        pair.a.close(client).expect("it is open");
        pair.run_for(secs(5));
        let (server, _) = pair.b.accept(listener).expect("a connection");
        assert_eq!(pair.b.tcp_state(server), Ok(TcpState::CloseWait));
        assert_eq!(recv(&mut pair.b, server, 64).as_deref(), Ok(&b"hello, and goodbye"[..]));
        assert_eq!(recv(&mut pair.b, server, 64).as_deref(), Ok(&b""[..]));
        assert_eq!(pair.b.send(server, b"wait!"), Ok(5), "it still listens, for all that the server knows");
        pair.b.close(server).expect("it is open");
        pair.settle();
        assert_eq!(pair.flags().last().map(String::as_str), Some("A RST ACK"), "nobody is there to read it");
        assert_eq!(states(&pair.b), ["LISTEN"]);
    }
}

#[test]
fn a_connection_that_was_reset_before_accept_is_accepted_and_says_so() {
    let mut pair = Pair::new(IP);
    let listener = pair.b_listens(IP, 80, 0);
    let client = pair.a_connects(IP, 80);
    pair.settle();
    reset_by_a(&mut pair, client, listener);
}

/// The server greets, the client closes without having read it: that resets the connection.
fn reset_by_a(pair: &mut Pair<'_>, client: SocketId, listener: SocketId) {
    assert_eq!(pair.a.send(client, b"data"), Ok(4));
    pair.settle();
    let (server, _) = pair.b.accept(listener).expect("a connection");
    assert_eq!(pair.b.send(server, b"greeting"), Ok(8));
    pair.settle();
    pair.a.close(client).expect("it is open");
    pair.settle();
    assert_eq!(recv(&mut pair.b, server, 16).as_deref(), Ok(&b"data"[..]), "what came before the reset is kept");
    assert_eq!(recv(&mut pair.b, server, 16), Err(Errno::ECONNRESET));
    assert_eq!(recv(&mut pair.b, server, 16).as_deref(), Ok(&b""[..]));
    assert_eq!(pair.b.send(server, b"x"), Err(Errno::EPIPE));
}

#[test]
fn a_closed_listener_resets_those_who_wait_and_keeps_those_who_were_accepted() {
    let mut pair = Pair::new(IP);
    let listener = pair.b_listens(IP, 80, 5);
    let first = one_more(&mut pair);
    let second = one_more(&mut pair);
    let (server, _) = pair.b.accept(listener).expect("a connection");
    pair.b.close(listener).expect("it is open");
    pair.settle();
    assert_eq!(pair.a.recv(second, &mut [0]), Err(Errno::ECONNRESET));
    assert_eq!(pair.b.send(server, b"still here"), Ok(10));
    pair.settle();
    assert_eq!(pair.a.recv(first, &mut [0; 16]), Ok(10));
    assert_eq!(states(&pair.b), ["ESTABLISHED"]);
    let third = one_more(&mut pair);
    assert_eq!(pair.a.connect(third, IP.b(80)), Err(Errno::ECONNREFUSED));
}

#[test]
fn the_most_specific_listener_gets_the_connection() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let general = pair.b.socket(net.domain, smolsock::Type::Stream).expect("room");
        pair.b.bind(general, net.any(80)).expect("a free port");
        pair.b.listen(general, 1).expect("a fresh socket");
        let client = pair.a_connects(net, 80);
        pair.settle();
        assert_eq!(pair.a.connect(client, net.b(80)), Ok(()));
        assert!(pair.b.accept(general).is_ok());
        pair.b.close(general).expect("it is open");
        let special = pair.b.socket(net.domain, smolsock::Type::Stream).expect("room");
        // The accepted connection still has the port, as on Linux without SO_REUSEADDR.
        assert_eq!(pair.b.bind(special, net.b(80)), Err(Errno::EADDRINUSE));
        assert_eq!(pair.b.bind(special, net.b(81)), Ok(()));
        pair.b.listen(special, 1).expect("a fresh socket");
        let client = pair.a_connects(net, 81);
        pair.settle();
        assert_eq!(pair.a.connect(client, net.b(81)), Ok(()));
    }
}

#[test]
fn listen_again_changes_the_backlog() {
    let mut pair = Pair::new(IP);
    let listener = pair.b_listens(IP, 80, 0);
    one_more(&mut pair);
    one_more(&mut pair);
    assert_eq!(pair.b.counters().dropped_syn_backlog, 1);
    assert_eq!(pair.b.listen(listener, 5), Ok(()));
    one_more(&mut pair);
    assert_eq!(pair.b.counters().dropped_syn_backlog, 1);
}

#[test]
fn a_half_open_child_is_forgotten_after_60_seconds() {
    let mut pair = Pair::new(IP);
    pair.b_listens(IP, 80, 5);
    pair.a_connects(IP, 80);
    pair.carries = Box::new(|seen| seen.from == End::A);
    pair.settle();
    assert_eq!(states(&pair.b), ["LISTEN", "SYN_RECV"]);
    pair.cut();
    pair.run_for(secs(60) - std::time::Duration::from_micros(1));
    assert_eq!(states(&pair.b), ["LISTEN", "SYN_RECV"]);
    pair.run_for(std::time::Duration::from_micros(1));
    assert_eq!(states(&pair.b), ["LISTEN"]);
}

#[test]
fn the_oldest_half_open_child_goes_when_there_are_too_many() {
    let mut pair = Pair::tuned(IP, |config| config.half_open_max = 3);
    pair.b_listens(IP, 80, 100);
    pair.carries = Box::new(|seen| seen.from == End::A);
    for _ in 0..10 {
        one_more(&mut pair);
    }
    assert_eq!(pair.b.counters().half_open_evicted, 7);
    assert_eq!(states(&pair.b), ["LISTEN", "SYN_RECV", "SYN_RECV", "SYN_RECV"]);
    pair.mend();
    pair.run_for(secs(20));
    assert!(states(&pair.b).contains(&"ESTABLISHED".to_owned()), "who comes again gets in: {:?}", states(&pair.b));
}

fn one_more(pair: &mut Pair<'_>) -> SocketId {
    let client = pair.a_connects(IP, 80);
    pair.settle();
    client
}
