//! Does one connection behave as one of `std::net`?

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::{self, Shutdown};
use std::thread;
use std::time::Duration;

use smolsock::blocking::{Net, TcpListener, TcpStream};

use super::{LONG, SHORT, nets};

#[test]
fn bytes_come_as_they_were_written_and_then_the_end() {
    let (ours, theirs) = nets();
    for addr in ["192.0.2.2:80", "[2001:db8::2]:80"] {
        let listener = TcpListener::bind_on(&theirs, addr).expect("a free port");
        let server = thread::spawn(move || -> io::Result<u64> {
            let (stream, peer) = listener.accept()?;
            assert_eq!(stream.peer_addr()?, peer);
            io::copy(&mut &stream, &mut &stream)
        });
        let mut stream = TcpStream::connect_on(&ours, addr).expect("a listener");
        assert_eq!(stream.peer_addr().expect("connected"), addr.parse().expect("an address"));
        let text: Vec<u8> = (0..1_000_000_u32).map(|i| ((i * 7) >> 3) as u8).collect();
        let mut writer = stream.try_clone().expect("another handle");
        let sent = text.clone();
        let writes = thread::spawn(move || -> io::Result<()> {
            writer.write_all(&sent)?;
            writer.shutdown(Shutdown::Write)
        });
        let mut echoed = Vec::new();
        stream.read_to_end(&mut echoed).expect("all of it");
        assert!(echoed == text, "{} bytes came back", echoed.len());
        writes.join().expect("no panic").expect("all was taken");
        assert_eq!(server.join().expect("no panic").expect("no error"), text.len() as u64);
    }
}

#[test]
fn half_a_connection_goes_on_when_the_other_half_is_shut_down() {
    let (ours, theirs) = nets();
    let (mut client, mut server) = connection(&ours, &theirs);
    client.write_all(b"question").expect("room");
    client.shutdown(Shutdown::Write).expect("connected");
    let mut question = String::new();
    server.read_to_string(&mut question).expect("the end comes");
    assert_eq!(question, "question");
    server.write_all(b"answer").expect("the other half is open");
    drop(server);
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("the end comes");
    assert_eq!(answer, "answer");
    assert_eq!(client.write(b"more").expect_err("shut down").kind(), ErrorKind::BrokenPipe);
}

#[test]
fn shutdown_wakes_a_thread_that_reads() {
    let (ours, theirs) = nets();
    let (client, _server) = connection(&ours, &theirs);
    let mut reader = client.try_clone().expect("another handle");
    let reads = thread::spawn(move || reader.read(&mut [0; 8]));
    thread::sleep(SHORT);
    client.shutdown(Shutdown::Both).expect("connected");
    assert_eq!(reads.join().expect("no panic").expect("the end"), 0);
}

#[test]
fn time_outs_are_would_block_as_in_std() {
    let (ours, theirs) = nets();
    let (mut client, mut server) = connection(&ours, &theirs);
    assert_eq!(client.read_timeout().expect("open"), None);
    client.set_read_timeout(Some(SHORT)).expect("not zero");
    assert_eq!(client.read_timeout().expect("open"), Some(SHORT));
    assert_eq!(client.read(&mut [0; 8]).expect_err("nothing comes").kind(), ErrorKind::WouldBlock);
    server.write_all(b"late").expect("room");
    client.set_read_timeout(Some(LONG)).expect("not zero");
    assert_eq!(client.read(&mut [0; 8]).expect("it comes"), 4);

    client.set_write_timeout(Some(SHORT)).expect("not zero");
    let filled = loop {
        if let Err(error) = client.write(&[0; 65_536]) {
            break error;
        }
    };
    assert_eq!(filled.kind(), ErrorKind::WouldBlock, "the peer does not read");
    let zero = client.set_read_timeout(Some(Duration::ZERO)).expect_err("zero");
    assert_eq!(zero.kind(), ErrorKind::InvalidInput);
}

#[test]
fn connect_gives_up_when_told() {
    let (ours, _theirs) = nets();
    // Nobody has this address.
    let addr: net::SocketAddr = "192.0.2.9:80".parse().expect("an address");
    let error = TcpStream::connect_timeout_on(&ours, &addr, SHORT).expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let error = TcpStream::connect_timeout_on(&ours, &addr, LONG).expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::HostUnreachable);
    let error = TcpStream::connect_timeout_on(&ours, &addr, Duration::ZERO).expect_err("zero");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn what_does_not_wait_says_would_block() {
    let (ours, theirs) = nets();
    let listener = TcpListener::bind_on(&theirs, "0.0.0.0:80").expect("a free port");
    listener.set_nonblocking(true).expect("open");
    assert_eq!(listener.accept().expect_err("nobody has come").kind(), ErrorKind::WouldBlock);
    let client = TcpStream::connect_on(&ours, "192.0.2.2:80").expect("a listener");
    listener.set_nonblocking(false).expect("open");
    let (mut server, _) = listener.accept().expect("one has come");
    server.set_nonblocking(true).expect("open");
    assert_eq!(server.read(&mut [0]).expect_err("nothing has come").kind(), ErrorKind::WouldBlock);
    server.set_nonblocking(false).expect("open");
    (&client).write_all(b"x").expect("room");
    assert_eq!(server.read(&mut [0]).expect("it comes"), 1);
}

#[test]
fn nobody_who_listens_is_connection_refused() {
    let (ours, theirs) = nets();
    let error = TcpStream::connect_on(&ours, "192.0.2.2:81").expect_err("no listener");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(error.raw_os_error(), cfg!(target_os = "linux").then_some(111));
    // The next address is tried, as in std.
    let _listener = TcpListener::bind_on(&theirs, "192.0.2.2:82").expect("a free port");
    let addrs = ["192.0.2.2:81", "192.0.2.2:82"].map(|addr| addr.parse::<net::SocketAddr>().expect("an address"));
    assert_eq!(TcpStream::connect_on(&ours, &addrs[..]).expect("the second").peer_addr().expect("it"), addrs[1]);
}

#[test]
fn a_linger_time_of_zero_resets() {
    let (ours, theirs) = nets();
    let (client, mut server) = connection(&ours, &theirs);
    client.set_linger(Some(Duration::ZERO)).expect("open");
    assert_eq!(client.linger().expect("open"), Some(Duration::ZERO));
    drop(client);
    assert_eq!(server.read(&mut [0; 8]).expect_err("reset").kind(), ErrorKind::ConnectionReset);
    assert_eq!(server.write(b"x").expect_err("over").kind(), ErrorKind::BrokenPipe);
}

#[test]
fn a_linger_time_lets_drop_wait_for_the_last_ack() {
    let (ours, theirs) = nets();
    let (client, mut server) = connection(&ours, &theirs);
    client.set_linger(Some(LONG)).expect("open");
    (&client).write_all(&[7; 10_000]).expect("room");
    drop(client);
    let queued = ours.stack(|stack| stack.netstat().rows().map(|row| row.send_queue).sum::<usize>());
    assert_eq!(queued, 0, "everything is acknowledged");
    let mut taken = Vec::new();
    assert_eq!(server.read_to_end(&mut taken).expect("the end comes"), 10_000);
}

#[test]
fn options_are_kept_for_all_handles() {
    let (ours, theirs) = nets();
    let (client, _server) = connection(&ours, &theirs);
    let other = client.try_clone().expect("another handle");
    client.set_nodelay(true).expect("open");
    client.set_ttl(9).expect("open");
    assert!(other.nodelay().expect("open"));
    assert_eq!(other.ttl().expect("open"), 9);
    assert_eq!(client.set_ttl(256).expect_err("too large").kind(), ErrorKind::InvalidInput);
    assert!(client.take_error().expect("open").is_none());
    drop(client);
    (&other).write_all(b"still open").expect("the last handle is left");
    assert!(format!("{other:?}").contains("192.0.2.2:80"));
}

#[test]
fn peek_leaves_what_vectors_take_then() {
    let (ours, theirs) = nets();
    let (mut client, mut server) = connection(&ours, &theirs);
    let written = client.write_vectored(&[IoSlice::new(b"ab"), IoSlice::new(b"cde")]).expect("room");
    assert_eq!(written, 5);
    client.shutdown(Shutdown::Write).expect("connected");
    // The end comes with the bytes, or behind them.
    let (mut a, mut b) = ([0; 3], [0; 4]);
    while server.peek(&mut a).expect("something comes") < 3 {}
    assert_eq!(&a, b"abc");
    let taken = server.read_vectored(&mut [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)]).expect("it is there");
    assert!((3..=5).contains(&taken));
    let mut rest = Vec::new();
    server.read_to_end(&mut rest).expect("the end comes");
    let all: Vec<u8> = a.into_iter().chain(b.into_iter().take(taken - 3)).chain(rest).collect();
    assert_eq!(all, b"abcde");
}

#[test]
fn a_port_in_use_is_addr_in_use() {
    let (ours, _theirs) = nets();
    let listener = TcpListener::bind_on(&ours, "0.0.0.0:80").expect("a free port");
    let error = TcpListener::bind_on(&ours, "0.0.0.0:80").expect_err("in use");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    let elsewhere = TcpListener::bind_on(&ours, "198.51.100.1:80").expect_err("not an own address");
    assert_eq!(elsewhere.kind(), ErrorKind::AddrNotAvailable);
    drop(listener);
    TcpListener::bind_on(&ours, "0.0.0.0:80").expect("free again");
}

/// A connection from the one net to the other: the client's end and the server's.
pub fn connection(ours: &Net, theirs: &Net) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind_on(theirs, "192.0.2.2:80").expect("a free port");
    let client = TcpStream::connect_on(ours, "192.0.2.2:80").expect("a listener");
    let (server, _) = listener.accept().expect("the client");
    (client, server)
}
