//! Do the kernel's `ss` and our netstat show the same connections, each from its end?

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{Shutdown, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use super::space::run;
use super::{Ends, agree};

#[test]
fn ss_and_netstat_agree() {
    agree("`ss -tan` and netstat", |ends| {
        let listeners = [80, 81].map(|port| ends.server.listen(ends.server_at(port)).expect("a free port"));
        let connect = || {
            let client = ends.client.connect(ends.server_at(80)).expect("a listener");
            (client, listeners[0].accept().expect("the client").0)
        };
        let _open = [connect(), connect()];
        // Half open: one that the client ends, one that the server ends.
        let half = connect();
        half.0.shutdown(Shutdown::Write).expect("connected");
        let other_half = connect();
        other_half.1.shutdown(Shutdown::Write).expect("connected");
        // Over: the client ended first, and waits.
        let (mut client, mut server) = connect();
        client.shutdown(Shutdown::Write).expect("connected");
        assert_eq!(server.read(&mut [0]).expect("the end"), 0);
        drop(server);
        assert_eq!(client.read(&mut [0]).expect("the end"), 0);
        drop(client);

        let expected = [
            ("ESTABLISHED", "ESTABLISHED", 2),
            ("FIN_WAIT2", "CLOSE_WAIT", 1),
            ("CLOSE_WAIT", "FIN_WAIT2", 1),
            ("TIME_WAIT", "-", 1),
        ];
        let expected: BTreeMap<(String, String), usize> = expected
            .into_iter()
            .map(|(client, server, count)| ((client.to_owned(), server.to_owned()), count))
            .collect();
        // The last ACKs may still be on their way.
        let give_up_at = Instant::now() + Duration::from_secs(60);
        let mut found = states(ends);
        while found != expected && Instant::now() < give_up_at {
            thread::sleep(Duration::from_millis(10));
            found = states(ends);
        }
        assert_eq!(found, expected, "states of connections at the client and at the server");
        let ports = |rows: &Rows| {
            rows.iter().filter(|(_, state)| *state == "LISTEN").map(|(ends, _)| ends.0.port()).collect::<Vec<_>>()
        };
        let we_serve = matches!(ends.server, super::Host::Ours(_));
        assert_eq!(ports(&if we_serve { ours(ends) } else { kernels() }), [80, 81]);
        assert!(ports(&if we_serve { kernels() } else { ours(ends) }).is_empty());
    });
}

/// Local and remote address, and the state's name as netstat(8) has it.
type Rows = Vec<((SocketAddr, SocketAddr), String)>;

/// How many connections are in which state at the client and at the server (`-`: it knows nothing of it any more).
fn states(ends: &Ends) -> BTreeMap<(String, String), usize> {
    let we_serve = matches!(ends.server, super::Host::Ours(_));
    let (clients, servers) = if we_serve { (kernels(), ours(ends)) } else { (ours(ends), kernels()) };
    let mut counts = BTreeMap::new();
    let mut seen = 0;
    for ((local, remote), state) in clients {
        let peer = servers.iter().find(|(ends, _)| *ends == (remote, local));
        seen += usize::from(peer.is_some());
        let peer = peer.map_or("-", |(_, state)| state);
        *counts.entry((state, peer.to_owned())).or_insert(0) += 1;
    }
    // What only the server knows.
    for (_, state) in servers.iter().filter(|(_, state)| *state != "LISTEN").skip(seen) {
        *counts.entry(("-".to_owned(), state.clone())).or_insert(0) += 1;
    }
    counts
}

fn ours(ends: &Ends) -> Rows {
    ends.net().stack(|stack| {
        let rows = stack.netstat().rows().filter_map(|row| {
            let nobody = SocketAddr::new(row.local.ip(), 0);
            Some(((row.local, row.remote.unwrap_or(nobody)), row.state?.to_string()))
        });
        let mut rows: Rows = rows.collect();
        rows.sort();
        rows
    })
}

fn kernels() -> Rows {
    let table = run("ss", "-Htan").expect("ss is there where ip is");
    let mut rows: Rows = table.lines().map(|line| row_of(line).unwrap_or_else(|| panic!("ss: {line:?}"))).collect();
    rows.sort();
    rows
}

/// `ESTAB 0 0 192.0.2.1:40000 192.0.2.2:80`
fn row_of(line: &str) -> Option<((SocketAddr, SocketAddr), String)> {
    let mut words = line.split_whitespace();
    let state = match words.next()? {
        "ESTAB" => "ESTABLISHED",
        "FIN-WAIT-1" => "FIN_WAIT1",
        "FIN-WAIT-2" => "FIN_WAIT2",
        "CLOSE-WAIT" => "CLOSE_WAIT",
        "LAST-ACK" => "LAST_ACK",
        "TIME-WAIT" => "TIME_WAIT",
        other => other,
    };
    let local = words.nth(2)?.parse().ok()?;
    let remote = words.next()?;
    let nobody = |local: SocketAddr| SocketAddr::new(local.ip(), 0);
    let remote = if remote.ends_with(":*") { nobody(local) } else { remote.parse().ok()? };
    Some(((local, remote), state.to_owned()))
}
