//! What do the servers do with what they hear?

use std::io::{self, Read, Write};

use smolsock::blocking::{TcpStream, UdpSocket};
use smolsock_sim::live::http::{self, Site, Status};

use super::Service;

/// The bytes of one connection: gives their number when it is over.
pub(super) fn stream(
    service: Service,
    stream: &mut (impl Read + Write),
    is_over: impl Fn() -> bool,
) -> io::Result<u64> {
    let mut buffer = vec![0; 64 << 10];
    let mut bytes = 0;
    if service == Service::Chargen {
        let lines = chargen_lines();
        while !is_over() {
            match stream.write_all(&lines) {
                Ok(()) => bytes += lines.len() as u64,
                // That is how clients of it say that they have enough.
                Err(error) if is_goodbye(&error) => break,
                Err(error) => return Err(error),
            }
        }
        return Ok(bytes);
    }
    while !is_over() {
        let len = match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        bytes += len as u64;
        if service == Service::Echo {
            stream.write_all(&buffer[..len])?;
        }
    }
    Ok(bytes)
}

fn is_goodbye(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

/// Datagrams, until the net ends.
pub(super) fn datagrams(service: Service, socket: &UdpSocket) {
    let mut buffer = vec![0; 64 << 10];
    let line = &chargen_lines()[..CHARGEN_WIDTH];
    loop {
        let (len, peer) = match socket.recv_from(&mut buffer) {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::NetworkDown => return,
            // A peer that is gone, says ICMP: others may come.
            Err(_) => continue,
        };
        let answer = match service {
            Service::Echo => &buffer[..len],
            Service::Chargen => line,
            Service::Discard | Service::Http => continue,
        };
        // As with all datagrams, nobody hears of those that are lost. Two such servers would talk for ever: the low ports
        // are those of servers.
        if peer.port() >= 1_024 {
            let _ = socket.send_to(answer, peer);
        }
    }
}

/// Requests of one connection.
pub(super) fn http(
    stream: &mut TcpStream,
    site: &Site,
    is_over: impl Fn() -> bool,
    mut tell: impl FnMut(String),
) -> io::Result<()> {
    http::serve(stream, site, is_over, |http::Served { request, status, bytes }| {
        tell(format!("{request} {status} {bytes} bytes"));
    })
}

/// There are too many others.
pub(super) fn turn_away(service: Service, mut stream: TcpStream) {
    if service == Service::Http {
        let answer = http::answer(Err(Status::ServiceUnavailable), &Site::Pages(&[]), 0);
        // It fits into an empty send buffer; a client that is gone hears nothing.
        let _ = stream.write_all(answer.head.as_bytes());
    }
}

/// RFC 864: lines of 72 of the 95 printing characters, each beginning one character later.
fn chargen_lines() -> Vec<u8> {
    let line = |first: usize| {
        let chars = (0..CHARGEN_WIDTH - 2).map(move |at| b' ' + ((first + at) % CHARS) as u8);
        chars.chain(*b"\r\n")
    };
    (0..CHARS).flat_map(line).collect()
}

const CHARS: usize = 95;
const CHARGEN_WIDTH: usize = 74;
