//! How does a server give back what it gets, to many clients at once?

use std::net::SocketAddr;

use smolsock::Shutdown;
use smolsock::task::{TcpListener, TcpStream, UdpSocket};

use super::connect;
use super::pattern::pattern;
use crate::executor::TaskResult;
use crate::host::Host;

/// A TCP server (RFC 862) for any number of clients at once: a task for each.
pub async fn tcp_server(host: Host, local: SocketAddr, backlog: usize) -> TaskResult {
    let listener = TcpListener::bind(&host, local, backlog)?;
    loop {
        let (stream, remote) = listener.accept().await?;
        host.spawn(format!("echo for {remote}"), echo(stream));
    }
}

/// Gives back everything until the client's end, then ends too.
pub async fn echo(stream: TcpStream<Host>) -> TaskResult {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            taken => stream.write_all(&buffer[..taken]).await?,
        }
    }
}

/// A TCP client that sends stream number `stream_number` of `len` bytes in pieces of `piece` bytes, and
/// wants every piece back before it sends the next.
pub async fn tcp_client(host: Host, remote: SocketAddr, stream_number: u32, len: usize, piece: usize) -> TaskResult {
    let stream = connect(&host, remote).await?;
    let data = pattern(stream_number, len);
    let mut buffer = vec![0; piece];
    for sent in data.chunks(piece) {
        stream.write_all(sent).await?;
        let filled = stream.read_exact(&mut buffer[..sent.len()]).await?;
        if buffer[..filled] != *sent {
            return Err(format!("stream {stream_number}: the echo differs from what was sent").into());
        }
    }
    stream.shutdown(Shutdown::Write)?;
    match stream.read(&mut buffer).await? {
        0 => Ok(()),
        extra => Err(format!("stream {stream_number}: {extra} bytes too many came back").into()),
    }
}

/// A UDP server (RFC 862): every datagram goes back to where it came from.
pub async fn udp_server(host: Host, local: SocketAddr) -> TaskResult {
    let socket = UdpSocket::bind(&host, local)?;
    let mut buffer = [0; 2048];
    loop {
        let datagram = socket.recv_from(&mut buffer).await?;
        socket.send_to(&buffer[..datagram.len], datagram.remote).await?;
    }
}
