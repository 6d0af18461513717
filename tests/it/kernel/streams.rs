//! Do bytes come through as they were sent?

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::host::Stream;
use super::space::Link;
use super::{agree, agree_on};

#[test]
fn udp_datagrams_are_echoed() {
    agree("UDP echo", |ends| {
        let server = ends.server.udp(ends.server_at(7)).expect("a free port");
        let client = ends.client.udp(ends.client_at(0)).expect("a free port");
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut buffer = vec![0; 65_536];
                for _ in 0..LENGTHS.len() {
                    let (len, peer) = server.recv_from(&mut buffer).expect("a datagram");
                    assert_eq!(server.send_to(&buffer[..len], peer).expect("room"), len);
                }
            });
            let mut buffer = vec![0; 65_536];
            for (number, len) in LENGTHS.into_iter().enumerate() {
                let datagram: Vec<u8> = (0..len).map(|i| (i * 7 + number) as u8).collect();
                client.send_to(&datagram, ends.server_at(7)).expect("room");
                let (len, peer) = client.recv_from(&mut buffer).expect("the echo");
                assert_eq!(peer, ends.server_at(7));
                assert!(buffer[..len] == datagram, "a datagram of {len} bytes");
            }
        });
    });
}

#[test]
fn lines_are_echoed() {
    agree("TCP echo", |ends| {
        let (client, server, _listener) = ends.connection(7);
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut heard = BufReader::new(server.try_clone().expect("another handle"));
                let mut server = server;
                let mut line = String::new();
                while heard.read_line(&mut line).expect("no error") > 0 {
                    server.write_all(line.as_bytes()).expect("room");
                    line.clear();
                }
            });
            let mut heard = BufReader::new(client.try_clone().expect("another handle"));
            let mut client = client;
            for number in 0..100 {
                let line = format!("line {number} {}\n", "x".repeat(number * 17));
                client.write_all(line.as_bytes()).expect("room");
                let mut echo = String::new();
                heard.read_line(&mut echo).expect("the echo");
                assert_eq!(echo, line);
            }
            client.shutdown(Shutdown::Write).expect("connected");
            assert_eq!(heard.read_line(&mut String::new()).expect("the end"), 0);
        });
    });
}

#[test]
fn a_hundred_mebibytes_each_way_have_equal_hashes() {
    agree("100 MiB each way, equal hashes", |ends| {
        let (client, server, _listener) = ends.connection(9);
        both_ways(client, server, 100 << 20);
    });
}

#[test]
fn ten_mebibytes_each_way_without_offloads() {
    let link = Link { mtu: 1500, has_offload: false };
    agree_on(link, "10 MiB each way without offloads", |ends| {
        let (client, server, _listener) = ends.connection(9);
        both_ways(client, server, 10 << 20);
    });
}

#[test]
fn small_packets_carry_a_mebibyte_each_way() {
    for has_offload in [true, false] {
        agree_on(Link { mtu: 1280, has_offload }, "1 MiB each way, MTU 1280", |ends| {
            let (client, server, _listener) = ends.connection(9);
            both_ways(client, server, 1 << 20);
        });
    }
}

#[test]
fn a_closed_window_opens_again() {
    agree("a sleeping reader closes the window, and opens it", |ends| {
        for client_sleeps in [true, false] {
            let (client, server, _listener) = ends.connection(if client_sleeps { 21 } else { 22 });
            let (mut reader, mut writer) = if client_sleeps { (client, server) } else { (server, client) };
            let written = fill(&mut writer).expect("the window closes");
            assert!(written > 0);
            // Long enough for the first probes of the closed window.
            thread::sleep(Duration::from_millis(1_500));
            thread::scope(|scope| {
                let writes = scope.spawn(move || {
                    send(&mut writer, written as u64, 1 << 20).expect("the window is open");
                    writer.shutdown(Shutdown::Write).expect("connected");
                });
                let mut expected = Pattern(0);
                let (mut taken, mut buffer) = (0, vec![0; 100_000]);
                loop {
                    let len = reader.read(&mut buffer).expect("no error");
                    if len == 0 {
                        break;
                    }
                    let mut wanted = vec![0; len];
                    expected.fill(&mut wanted);
                    assert!(buffer[..len] == wanted, "behind {taken} bytes");
                    taken += len;
                }
                assert_eq!(taken, written + (1 << 20));
                writes.join().expect("no panic");
            });
        }
    });
}

/// `len` bytes from each end to the other at the same time.
fn both_ways(client: Stream, server: Stream, len: u64) {
    thread::scope(|scope| {
        for mut writer in [client, server] {
            let mut reader = writer.try_clone().expect("another handle");
            scope.spawn(move || send(&mut writer, 0, len).expect("no error"));
            scope.spawn(move || {
                let (mut taken, mut hash, mut buffer) = (0, Sha256::new(), vec![0; 1 << 18]);
                while taken < len {
                    let more = reader.read(&mut buffer).expect("no error");
                    assert!(more > 0, "the end after {taken} bytes");
                    hash.update(&buffer[..more]);
                    taken += more as u64;
                }
                assert!(hash.finalize() == hash_of(len), "{len} bytes came, but not those that were sent");
            });
        }
    });
}

/// Sends `len` bytes of the pattern from `start` on.
fn send(stream: &mut Stream, start: u64, len: u64) -> io::Result<()> {
    let mut pattern = Pattern(start);
    let mut piece = vec![0; 1 << 18];
    let mut left = len;
    while left > 0 {
        let now = left.min(piece.len() as u64) as usize;
        pattern.fill(&mut piece[..now]);
        stream.write_all(&piece[..now])?;
        left -= now as u64;
    }
    Ok(())
}

/// Sends the pattern from its beginning until nothing more is taken. Returns how much was.
fn fill(stream: &mut Stream) -> io::Result<usize> {
    stream.set_write_timeout(Duration::from_millis(300))?;
    let (mut pattern, mut written, mut piece) = (Pattern(0), 0, vec![0; 16_384]);
    let outcome = loop {
        pattern.0 = written as u64;
        pattern.fill(&mut piece);
        match stream.write(&piece) {
            Ok(taken) => written += taken,
            // A signal that is another test's.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break error,
        }
    };
    stream.set_write_timeout(Duration::from_secs(60))?;
    if outcome.kind() == io::ErrorKind::WouldBlock { Ok(written) } else { Err(outcome) }
}

/// The hash of the first `len` bytes of the pattern.
fn hash_of(len: u64) -> sha2::digest::Output<Sha256> {
    let (mut pattern, mut hash, mut piece, mut left) = (Pattern(0), Sha256::new(), vec![0; 1 << 18], len);
    while left > 0 {
        let now = left.min(piece.len() as u64) as usize;
        pattern.fill(&mut piece[..now]);
        hash.update(&piece[..now]);
        left -= now as u64;
    }
    hash.finalize()
}

/// Bytes that depend on where they stand, and have no short period. The place of the next one.
struct Pattern(u64);

impl Pattern {
    fn fill(&mut self, buffer: &mut [u8]) {
        for byte in buffer {
            let word = (self.0 / 8).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            *byte = (word ^ (word >> 29)).to_le_bytes()[(self.0 % 8) as usize];
            self.0 += 1;
        }
    }
}

/// From nothing to what IPv4 carries at most; the larger ones are cut into fragments.
const LENGTHS: [usize; 12] = [0, 1, 2, 100, 512, 1_000, 1_452, 1_472, 1_473, 2_000, 8_000, 30_000];
