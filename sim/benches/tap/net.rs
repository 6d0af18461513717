//! Which network do the contenders share, and who is the kernel's side?

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::thread;

use nix::sched::{CloneFlags, unshare};
use rustix::net::sockopt::{set_socket_send_buffer_size, set_tcp_congestion};

/// Moves this thread, and those that it makes, into a namespace of its own.
pub fn enter() -> Result<(), String> {
    let is_root = rustix::process::geteuid().is_root();
    // A user namespace maps nobody by itself, but the rights over its network are there at once.
    let flags = if is_root { CloneFlags::CLONE_NEWNET } else { CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET };
    unshare(flags).map_err(|error| format!("no right to make a network namespace ({error})"))?;
    Command::new("ip").arg("-V").output().map_err(|error| format!("`ip` (iproute2): {error}"))?;
    smolsock::device::tap::Tap::open("probe").map_err(|error| error.to_string())?;
    Ok(())
}

/// Runs `ip` in this thread's namespace.
///
/// # Panics
/// It fails.
pub fn ip(words: &str) {
    let output = Command::new("ip").args(words.split(' ')).output().expect("`ip` was there");
    assert!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Who sends the bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The contender, to the kernel.
    Send,
    /// The kernel, to the contender.
    Receive,
}

/// Connects the kernel's sockets to `addr`, in a thread of this thread's namespace. Rounds of `bytes` bytes follow: what it
/// receives it answers with one byte; to one byte it answers with all of them, and waits for another. So each round ends
/// acknowledged: what stayed in flight until the next round would be sent again meanwhile, as lost.
pub fn peer(addr: SocketAddr, direction: Direction, bytes: u64) {
    thread::spawn(move || {
        let mut stream = TcpStream::connect(addr).expect("the contender listens");
        prepare(&stream);
        // It ends with the connection.
        while round(&mut stream, direction, bytes).is_ok() {}
    });
}

/// The same for all of the kernel's sockets: CUBIC, and as large a send buffer as is allowed, so that its writer does not have to be
/// woken for each ACK.
pub fn prepare(stream: &TcpStream) {
    set_tcp_congestion(stream, "cubic").expect("every kernel has it");
    set_socket_send_buffer_size(stream, 4 << 20).expect("more is cut to what is allowed");
    stream.set_nodelay(true).expect("a TCP socket");
}

fn round(stream: &mut TcpStream, direction: Direction, bytes: u64) -> std::io::Result<()> {
    match direction {
        Direction::Send => {
            take(stream, bytes)?;
            stream.write_all(&[1])
        }
        Direction::Receive => {
            stream.read_exact(&mut [0])?;
            give(stream, bytes)?;
            stream.read_exact(&mut [0])
        }
    }
}

/// Reads so many bytes.
pub fn take(stream: &mut TcpStream, bytes: u64) -> std::io::Result<()> {
    let mut buffer = vec![0; CALL_BYTES];
    let mut rest = bytes;
    while rest > 0 {
        let want = buffer.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
        match stream.read(&mut buffer[..want])? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            len => rest -= len as u64,
        }
    }
    Ok(())
}

/// Writes so many bytes.
pub fn give(stream: &mut TcpStream, bytes: u64) -> std::io::Result<()> {
    let buffer = vec![7; CALL_BYTES];
    let mut rest = bytes;
    while rest > 0 {
        let len = buffer.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
        stream.write_all(&buffer[..len])?;
        rest -= len as u64;
    }
    Ok(())
}

/// What one call reads or writes at most.
pub const CALL_BYTES: usize = 256 << 10;
