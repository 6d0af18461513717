//! Do many connections at once keep out of each other's way?

use smolsock::{Errno, SocketId};
use smolsock_sim::app::pattern::{first_difference, pattern};
use smolsock_sim::library::{self, Options};
use smolsock_sim::observe::observe;

use crate::pair::{IP, Pair, secs};

#[test]
fn each_of_128_clients_at_once_gets_its_own_bytes_back() {
    let run = library::find("concurrent").expect("a scenario").run(&Options { seed: 1, loss_ppm: None });
    assert!(run.outcome.passed, "{:?}", run.outcome.failures);
    let seen = observe(&run.trace);
    let begun: Vec<_> = seen.connections.iter().filter(|connection| connection.is_whole).collect();
    assert_eq!(begun.len(), 128);
    let mut streams: Vec<&[u8]> = begun.iter().map(|connection| &connection.client.stream[..]).collect();
    for connection in &begun {
        assert_eq!(connection.client.stream.len(), 4_000);
        assert_eq!(connection.server.stream, connection.client.stream, "what {} sent", connection.client.addr);
        assert_eq!((connection.client.delivered_bytes, connection.server.delivered_bytes), (4_000, 4_000));
    }
    streams.sort_unstable();
    streams.dedup();
    assert_eq!(streams.len(), 128, "every client says something of its own");
    // At once: the last one begins before the first one ends.
    let last_begin = begun.iter().map(|connection| connection.begins).max().expect("128 of them");
    let first_end = begun.iter().map(|connection| connection.ends).min().expect("128 of them");
    assert!(last_begin < first_end, "{last_begin} and {first_end}");
}

#[test]
fn ten_thousand_connections_cost_a_frame_as_much_as_one() {
    let mut pair = crowd(CONNECTIONS);
    let (clients, servers) = establish(&mut pair);
    assert_eq!((clients.len(), servers.len()), (CONNECTIONS, CONNECTIONS));
    assert_eq!(pair.b.netstat().rows().count(), CONNECTIONS + PORTS as usize);

    let before = [*pair.a.counters(), *pair.b.counters()];
    let frames = pair.frames;
    talk(&mut pair, &clients, &servers);
    let frames = pair.frames - frames;
    assert!(frames >= 2 * CONNECTIONS as u64);
    let mut delivered = 0;
    for (stack, before) in [(&pair.a, before[0]), (&pair.b, before[1])] {
        let now = stack.counters();
        let frames_in = now.frames_in - before.frames_in;
        delivered += frames_in;
        assert_eq!(now.sockets_visited_in - before.sockets_visited_in, frames_in, "one socket for each frame");
        let visits = now.sockets_visited_out - before.sockets_visited_out;
        let work = frames_in + now.frames_out - before.frames_out;
        assert!(visits <= 4 * work, "{visits} visits for {work} frames in and out");
        assert_eq!(now.refused, before.refused);
        assert_eq!(now.timeouts, 0);
    }
    assert_eq!(delivered, frames, "no frame was lost");
}

/// One frame alone among 10,000 idle connections: nobody else is looked at.
#[test]
fn one_segment_among_ten_thousand_connections_touches_a_handful_of_sockets() {
    let mut pair = crowd(CONNECTIONS);
    let (clients, servers) = establish(&mut pair);
    for at in [0, CONNECTIONS / 2, CONNECTIONS - 1] {
        let before = [*pair.a.counters(), *pair.b.counters()];
        let frames = pair.frames;
        assert_eq!(pair.a.send(clients[at], b"ping"), Ok(4));
        pair.run_for(secs(1));
        assert_eq!(pair.b.recv(servers[at], &mut [0; 8]), Ok(4));
        pair.run_for(secs(1));
        let frames = pair.frames - frames;
        assert!((2..=3).contains(&frames), "data, an acknowledgement, perhaps a window update: {frames}");
        let visits: u64 = [(pair.a.counters(), before[0]), (pair.b.counters(), before[1])]
            .into_iter()
            .map(|(now, before)| {
                now.sockets_visited_in + now.sockets_visited_out
                    - before.sockets_visited_in
                    - before.sockets_visited_out
            })
            .sum();
        assert!(visits <= 12, "{visits} visits for {frames} frames");
    }
}

#[test]
fn ten_thousand_connections_end_and_leave_nothing_behind() {
    let mut pair = crowd(CONNECTIONS);
    let (clients, servers) = establish(&mut pair);
    for client in clients {
        pair.a.close(client).expect("it is open");
    }
    pair.settle();
    let mut buffer = [0; 8];
    for server in servers {
        assert_eq!(pair.b.recv(server, &mut buffer), Ok(0));
        pair.b.close(server).expect("it is open");
    }
    pair.run_for(secs(1));
    assert_eq!(pair.b.netstat().rows().count(), PORTS as usize, "the listeners");
    assert_eq!(pair.a.netstat().rows().count(), CONNECTIONS, "all in TIME-WAIT");
    pair.run_for(secs(60));
    assert_eq!(pair.a.netstat().rows().count(), 0);
    assert_eq!(pair.a.counters().time_wait_evicted, 0);
}

/// Two hosts with room for `connections` and small buffers.
fn crowd(connections: usize) -> Pair<'static> {
    let mut pair = Pair::tuned(IP, |config| {
        (config.tcp_recv_bytes, config.tcp_send_bytes) = (BYTES, BYTES);
        config.half_open_max = connections;
    });
    pair.record(false);
    pair
}

/// Connects to several ports of `b`, all at once. Clients and servers of one connection have the same index.
fn establish(pair: &mut Pair<'_>) -> (Vec<SocketId>, Vec<SocketId>) {
    let listeners: Vec<SocketId> = (0..PORTS).map(|port| pair.b_listens(IP, 1000 + port, CONNECTIONS)).collect();
    let clients: Vec<SocketId> =
        (0..CONNECTIONS).map(|number| pair.a_connects(IP, 1000 + (number % PORTS as usize) as u16)).collect();
    pair.settle();
    let mut servers = std::collections::BTreeMap::new();
    for listener in listeners {
        while let Ok((server, remote)) = pair.b.accept(listener) {
            let local = pair.b.getsockname(server).expect("it is open");
            assert!(servers.insert((local, remote), server).is_none());
        }
    }
    let of_client = |client: &SocketId| {
        let names = (pair.a.getpeername(*client).expect("connected"), pair.a.getsockname(*client).expect("connected"));
        servers[&names]
    };
    let servers = clients.iter().map(of_client).collect();
    (clients, servers)
}

/// Every client sends its own pattern, every server gives it back, every client compares.
fn talk(pair: &mut Pair<'_>, clients: &[SocketId], servers: &[SocketId]) {
    for (number, client) in clients.iter().enumerate() {
        assert_eq!(pair.a.send(*client, &pattern(number as u32, BYTES)), Ok(BYTES));
    }
    pair.settle();
    for server in servers {
        let mut buffer = [0; BYTES];
        assert_eq!(pair.b.recv(*server, &mut buffer), Ok(BYTES));
        assert_eq!(pair.b.send(*server, &buffer), Ok(BYTES));
    }
    pair.settle();
    for (number, client) in clients.iter().enumerate() {
        let mut buffer = [0; BYTES];
        assert_eq!(pair.a.recv(*client, &mut buffer), Ok(BYTES));
        assert_eq!(first_difference(number as u32, 0, &buffer), None, "connection {number}");
        assert_eq!(pair.a.recv(*client, &mut buffer), Err(Errno::EAGAIN));
    }
    pair.settle();
}

const CONNECTIONS: usize = 10_000;
const PORTS: u16 = 4;
/// Of each buffer.
const BYTES: usize = 64;
