//! How does a net end?

use std::io::{ErrorKind, Read, Write};
use std::panic::{self, AssertUnwindSafe};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use smolsock::blocking::{Net, TcpListener, TcpStream, UdpSocket};
use smolsock::{Interest, TcpState, task};

use super::tcp::connection;
use super::{LONG, SHORT, nets};

#[test]
fn shutdown_says_goodbye_for_open_connections() {
    let (ours, theirs) = nets();
    let (mut client, mut server) = connection(&ours, &theirs);
    client.write_all(&[7; 30_000]).expect("room");
    let peer = thread::spawn(move || {
        let mut all = Vec::new();
        server.read_to_end(&mut all).map(|_| all.len())
    });
    ours.shutdown(LONG).expect("the peer reads, and closes");
    assert_eq!(peer.join().expect("no panic").expect("no reset"), 30_000);
    assert!(!ours.is_running());
    assert_eq!(client.write(b"x").expect_err("ended").kind(), ErrorKind::NetworkDown);
    assert_eq!(TcpStream::connect_on(&ours, "192.0.2.2:80").expect_err("ended").kind(), ErrorKind::NetworkDown);
    ours.shutdown(LONG).expect("once more does nothing");
}

#[test]
fn shutdown_wakes_everybody_who_waits() {
    let (ours, theirs) = nets();
    let (mut client, _server) = connection(&ours, &theirs);
    let listener = TcpListener::bind_on(&ours, "0.0.0.0:80").expect("a free port");
    let socket = UdpSocket::bind_on(&ours, "0.0.0.0:80").expect("a free port");
    let waits = [
        thread::spawn(move || client.read(&mut [0; 8]).map(drop)),
        thread::spawn(move || listener.accept().map(drop)),
        thread::spawn(move || socket.recv(&mut [0; 8]).map(drop)),
    ];
    thread::sleep(SHORT);
    // The peer of the open connection does not close.
    ours.shutdown(SHORT).expect_err("one connection waits for its peer");
    for wait in waits {
        assert_eq!(wait.join().expect("no panic").expect_err("ended").kind(), ErrorKind::NetworkDown);
    }
}

#[test]
fn a_peer_that_does_not_close_keeps_what_it_was_sent() {
    let (ours, theirs) = nets();
    let (mut client, mut server) = connection(&ours, &theirs);
    client.write_all(b"last words").expect("room");
    let error = ours.shutdown(SHORT).expect_err("the peer does not close");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.to_string().starts_with("1 connection"), "{error}");
    let mut text = String::new();
    server.read_to_string(&mut text).expect("no reset");
    assert_eq!(text, "last words");
}

#[test]
fn a_peer_that_does_not_read_is_reset() {
    let (ours, theirs) = nets();
    let (mut client, mut server) = connection(&ours, &theirs);
    client.set_write_timeout(Some(SHORT)).expect("not zero");
    while client.write(&[7; 65_536]).is_ok() {}
    ours.shutdown(SHORT).expect_err("the peer does not read");
    let error = server.read_to_end(&mut Vec::new()).expect_err("not all came");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn dropping_the_last_handle_ends_the_net_and_keeps_what_was_written() {
    let (ours, theirs) = nets();
    let (mut client, mut server) = connection(&ours, &theirs);
    let reads = thread::spawn(move || {
        let mut all = Vec::new();
        server.read_to_end(&mut all).map(|_| all.len())
    });
    drop(ours);
    client.write_all(&[7; 200_000]).expect("the connection is a handle");
    drop(client);
    assert_eq!(reads.join().expect("no panic").expect("no reset"), 200_000);
}

#[test]
fn a_panic_under_the_lock_leaves_the_net_to_the_others() {
    let (ours, theirs) = nets();
    let (mut client, mut server) = connection(&ours, &theirs);
    let panicked = panic::catch_unwind(AssertUnwindSafe(|| ours.stack(|_| panic!("on purpose"))));
    assert!(panicked.is_err());
    client.write_all(b"hello").expect("room");
    assert_eq!(server.read(&mut [0; 8]).expect("it comes"), 5);
}

#[test]
fn a_driver_that_panics_ends_the_net() {
    struct Bad;
    impl std::task::Wake for Bad {
        fn wake(self: std::sync::Arc<Self>) {
            panic!("on purpose");
        }
    }
    let (ours, theirs) = nets();
    let (mut client, mut server) = connection(&ours, &theirs);
    let bad = std::sync::Arc::new(Bad).into();
    let registered = theirs.stack(|stack| stack.register_waker(server.id(), Interest::Read, &bad));
    registered.expect("open");
    client.write_all(b"x").expect("room");
    while theirs.is_running() {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(server.read(&mut [0; 8]).expect_err("ended").kind(), ErrorKind::NetworkDown);
}

#[test]
fn the_views_of_the_stack_and_the_device_are_at_hand() {
    let (ours, theirs) = nets();
    let (client, _server) = connection(&ours, &theirs);
    let states = |net: &Net| net.stack(|stack| stack.netstat().rows().filter_map(|row| row.state).collect::<Vec<_>>());
    assert_eq!(states(&ours), [TcpState::Established]);
    assert!(ours.stack(|stack| stack.tcp_state(client.id())) == Ok(TcpState::Established));
    assert_eq!(ours.device(|device: &mut smolsock::blocking::PairDevice| format!("{device:?}").len() > 1), Some(true));
    assert_eq!(ours.device(|_: &mut String| ()), None);
}

#[test]
fn futures_run_on_a_net_too() {
    let (ours, theirs) = nets();
    let listener = TcpListener::bind_on(&theirs, "192.0.2.2:80").expect("a free port");
    let client = thread::spawn(move || {
        block_on(async {
            let stream = task::TcpStream::connect(&ours, "192.0.2.2:80".parse().expect("an address")).await?;
            stream.write_all(b"hello").await?;
            let mut answer = [0; 8];
            stream.read(&mut answer).await
        })
    });
    let (mut stream, _) = listener.accept().expect("the client");
    let mut text = [0; 5];
    stream.read_exact(&mut text).expect("it comes");
    stream.write_all(&text).expect("room");
    assert_eq!(client.join().expect("no panic"), Ok(5));
}

/// The smallest executor there is.
fn block_on<R>(future: impl Future<Output = R>) -> R {
    struct Sleeper(thread::Thread);
    impl std::task::Wake for Sleeper {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Sleeper(thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return result;
        }
        thread::park();
    }
}
