//! Do a thousand connections at once stay apart?

use std::io::{Read, Write};
use std::thread;

use super::agree;

#[test]
fn a_thousand_connections_are_open_at_once() {
    agree("1,000 concurrent connections", |ends| {
        let listener = ends.server.listen(ends.server_at(7)).expect("a free port");
        thread::scope(|scope| {
            let accepts = scope.spawn(|| {
                let accept = |_| listener.accept().expect("a client");
                (0..CONNECTIONS).map(accept).collect::<Vec<_>>()
            });
            let connect = |_| ends.client.connect(ends.server_at(7)).expect("a listener");
            let mut clients: Vec<_> = (0..CONNECTIONS).map(connect).collect();
            let mut servers = accepts.join().expect("no panic");
            let name = |number: usize| format!("connection {number:>4}");
            for (number, client) in clients.iter_mut().enumerate() {
                client.write_all(name(number).as_bytes()).expect("room");
            }
            let mut text = [0; 15];
            for (server, peer) in &mut servers {
                server.read_exact(&mut text).expect("no error");
                let is_its_own = clients.iter().position(|client| client.local_addr().is_ok_and(|addr| addr == *peer));
                assert_eq!(text, name(is_its_own.expect("a client of ours")).as_bytes());
                server.write_all(&text).expect("room");
            }
            for (number, client) in clients.iter_mut().enumerate() {
                client.read_exact(&mut text).expect("no error");
                assert_eq!(text, name(number).as_bytes());
            }
            let rows = ends.net().stack(|stack| {
                stack.netstat().rows().filter(|row| row.state == Some(smolsock::TcpState::Established)).count()
            });
            assert_eq!(rows, CONNECTIONS);
        });
    });
}

const CONNECTIONS: usize = 1_000;
