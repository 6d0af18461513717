//! Do both agree how a connection ends, or does not begin?

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::thread;

use super::agree;
use super::host::Stream;

#[test]
fn half_a_connection_goes_on() {
    agree("half-close both ways", |ends| {
        for client_ends_first in [true, false] {
            let (client, server, _listener) = ends.connection(if client_ends_first { 21 } else { 22 });
            let (mut first, mut second) = if client_ends_first { (client, server) } else { (server, client) };
            first.write_all(b"that was all").expect("room");
            first.shutdown(Shutdown::Write).expect("connected");
            let mut text = String::new();
            second.read_to_string(&mut text).expect("the end comes");
            assert_eq!(text, "that was all");
            let long = vec![7; 300_000];
            thread::scope(|scope| {
                let long = &long;
                scope.spawn(move || {
                    second.write_all(long).expect("the other half is open");
                    second.shutdown(Shutdown::Write).expect("connected");
                });
                let mut taken = Vec::new();
                first.read_to_end(&mut taken).expect("the end comes");
                assert!(taken == *long, "{} bytes", taken.len());
            });
        }
    });
}

#[test]
fn a_reset_is_told() {
    agree("RST by SO_LINGER 0, seen as ECONNRESET", |ends| {
        for client_resets in [true, false] {
            let (client, server, _listener) = ends.connection(if client_resets { 21 } else { 22 });
            let (first, mut second) = if client_resets { (client, server) } else { (server, client) };
            first.reset_on_drop().expect("open");
            drop(first);
            assert_eq!(second.read(&mut [0; 8]).expect_err("reset").kind(), ErrorKind::ConnectionReset);
            assert_eq!(second.write(&[0; 8]).expect_err("over").kind(), ErrorKind::BrokenPipe);
        }
    });
}

#[test]
fn closing_with_unread_data_is_a_reset() {
    agree("RST because data was not read", |ends| {
        for client_closes in [true, false] {
            let (client, server, _listener) = ends.connection(if client_closes { 21 } else { 22 });
            let (mut first, mut second) = if client_closes { (client, server) } else { (server, client) };
            second.write_all(b"never read").expect("room");
            wait_for_bytes(&mut first);
            drop(first);
            assert_eq!(second.read(&mut [0; 8]).expect_err("reset").kind(), ErrorKind::ConnectionReset);
        }
    });
}

#[test]
fn a_closed_port_refuses() {
    agree("refused", |ends| {
        let error = ends.client.connect(ends.server_at(81)).expect_err("no listener");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let socket = ends.client.udp(ends.client_at(0)).expect("a free port");
        socket.connect(ends.server_at(81)).expect("an address");
        socket.send(b"is anybody there?").expect("room");
        assert_eq!(socket.recv(&mut [0; 8]).expect_err("nobody").kind(), ErrorKind::ConnectionRefused);
    });
}

/// Until something has come, which stays unread.
fn wait_for_bytes(stream: &mut Stream) {
    let taken = match stream {
        Stream::Kernel(stream) => stream.peek(&mut [0]),
        Stream::Ours(stream) => stream.peek(&mut [0]),
    };
    assert_eq!(taken.expect("no error"), 1);
}
