//! What happens when many threads use one net, one listener, one connection?

use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::Arc;
use std::thread;

use smolsock::blocking::{TcpListener, TcpStream, UdpSocket};

use super::nets;
use super::tcp::connection;

#[test]
fn a_server_with_a_thread_for_each_echoes_for_128_clients_at_once() {
    let (ours, theirs) = nets();
    let listener = TcpListener::bind_on(&theirs, "0.0.0.0:7").expect("a free port");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            thread::spawn(move || io::copy(&mut &stream, &mut &stream));
        }
    });
    let clients = 0..CLIENTS;
    let clients: Vec<_> = clients
        .map(|client| {
            let ours = ours.clone();
            thread::spawn(move || -> io::Result<()> {
                let mut stream = BufReader::new(TcpStream::connect_on(&ours, "192.0.2.2:7")?);
                for round in 0..20 {
                    let line = format!("client {client}, line {round}\n");
                    stream.get_mut().write_all(line.as_bytes())?;
                    let mut echoed = String::new();
                    stream.read_line(&mut echoed)?;
                    assert_eq!(echoed, line);
                }
                Ok(())
            })
        })
        .collect();
    for client in clients {
        client.join().expect("no panic").expect("no error");
    }
    theirs.shutdown(super::LONG).expect("all clients are gone");
}

#[test]
fn every_connection_goes_to_one_of_the_threads_that_accept() {
    let (ours, theirs) = nets();
    let listener = TcpListener::bind_on(&theirs, "0.0.0.0:80").expect("a free port");
    let acceptors: Vec<_> = (0..16)
        .map(|_| {
            let listener = listener.try_clone().expect("another handle");
            thread::spawn(move || {
                for _ in 0..4 {
                    let (mut stream, peer) = listener.accept().expect("a client");
                    stream.write_all(&peer.port().to_be_bytes()).expect("room");
                }
            })
        })
        .collect();
    for _ in 0..64 {
        let mut client = TcpStream::connect_on(&ours, "192.0.2.2:80").expect("a listener");
        let mut port = [0; 2];
        client.read_exact(&mut port).expect("somebody accepted");
        assert_eq!(u16::from_be_bytes(port), client.local_addr().expect("connected").port());
    }
    for acceptor in acceptors {
        acceptor.join().expect("each had four");
    }
}

#[test]
fn threads_that_read_one_connection_get_every_byte_once() {
    let (ours, theirs) = nets();
    let (mut client, server) = connection(&ours, &theirs);
    let server = Arc::new(server);
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let server = Arc::clone(&server);
            thread::spawn(move || {
                let mut seen = Vec::new();
                let mut byte = [0];
                while (&*server).read(&mut byte).expect("no error") == 1 {
                    seen.push(byte[0]);
                }
                seen
            })
        })
        .collect();
    let sent: Vec<u8> = (0..4_000_u32).map(|i| i as u8).collect();
    for piece in sent.chunks(5) {
        client.write_all(piece).expect("room");
    }
    drop(client);
    let mut seen: Vec<u8> = readers.into_iter().flat_map(|reader| reader.join().expect("no panic")).collect();
    let mut sent = sent;
    sent.sort_unstable();
    seen.sort_unstable();
    assert!(seen == sent, "{} of {} bytes", seen.len(), sent.len());
}

#[test]
fn threads_that_write_one_connection_wait_for_room_side_by_side() {
    let (ours, theirs) = nets();
    let (client, mut server) = connection(&ours, &theirs);
    let writers: Vec<_> = (0..8_u8)
        .map(|number| {
            let mut client = client.try_clone().expect("another handle");
            thread::spawn(move || client.write_all(&vec![number; 100_000]))
        })
        .collect();
    drop(client);
    let mut all = Vec::new();
    server.read_to_end(&mut all).expect("the end comes with the last handle");
    for writer in writers {
        writer.join().expect("no panic").expect("all was taken");
    }
    let mut counts = [0; 8];
    all.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    assert_eq!(counts, [100_000; 8]);
}

#[test]
fn datagrams_go_to_one_of_the_threads_that_receive() {
    let (ours, theirs) = nets();
    let socket = UdpSocket::bind_on(&theirs, "192.0.2.2:7").expect("a free port");
    let receivers: Vec<_> = (0..8)
        .map(|_| {
            let socket = socket.try_clone().expect("another handle");
            thread::spawn(move || {
                let (len, peer) = socket.recv_from(&mut [0; 8]).expect("a datagram");
                socket.send_to(&[len as u8], peer).expect("room");
            })
        })
        .collect();
    let sender = UdpSocket::bind_on(&ours, "0.0.0.0:0").expect("a free port");
    for _ in 0..8 {
        sender.send_to(b"hello", "192.0.2.2:7").expect("room");
        let mut len = [0];
        sender.recv(&mut len).expect("one of them");
        assert_eq!(len, [5]);
    }
    for receiver in receivers {
        receiver.join().expect("each had one");
    }
}

const CLIENTS: usize = 128;
