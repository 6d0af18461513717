//! How does a stream of bytes get across, and how is it checked?

use std::net::SocketAddr;
use std::time::Duration;

use smolsock::Shutdown;
use smolsock::task::{TcpListener, TcpStream};

use super::connect;
use super::pattern::{first_difference, pattern};
use crate::executor::TaskResult;
use crate::host::Host;

/// Connects, sends stream number `stream_number` of `len` bytes, closes its sending side, and waits for the
/// other side's end.
pub async fn sender(host: Host, remote: SocketAddr, stream_number: u32, len: usize) -> TaskResult {
    let stream = connect(&host, remote).await?;
    host.note(format!("is connected, and sends {len} bytes"));
    stream.write_all(&pattern(stream_number, len)).await?;
    stream.shutdown(Shutdown::Write)?;
    host.note("has written everything, and closes its sending side");
    let mut rest = [0; 64];
    match stream.read(&mut rest).await? {
        0 => Ok(()),
        extra => Err(format!("{extra} bytes came that nobody sent").into()),
    }
}

/// How a receiver reads.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// How many bytes it takes at once.
    pub piece_bytes: usize,
    /// How long it rests before each piece.
    pub pause: Duration,
    /// How long it rests before the first.
    pub first_pause: Duration,
}

impl Reading {
    /// As fast as bytes come.
    pub const EAGER: Self = Self { piece_bytes: 16_384, pause: Duration::ZERO, first_pause: Duration::ZERO };
}

/// Takes one connection, reads stream number `stream_number` to its end, and checks that it is `len` bytes,
/// all of them right.
pub async fn receiver(host: Host, local: SocketAddr, stream_number: u32, len: usize, reading: Reading) -> TaskResult {
    let listener = TcpListener::bind(&host, local, 0)?;
    let (stream, remote) = listener.accept().await?;
    host.note(format!("accepts a connection from {remote}"));
    let received = read_checked(&host, &stream, stream_number, reading).await?;
    if received != len {
        return Err(format!("{received} bytes came, {len} were sent").into());
    }
    host.note(format!("has read all {len} bytes and the end of the stream, and closes"));
    Ok(())
}

/// Reads to the end of the stream and checks every byte. Returns how many there were.
pub async fn read_checked(
    host: &Host,
    stream: &TcpStream<Host>,
    stream_number: u32,
    reading: Reading,
) -> Result<usize, Box<dyn std::error::Error>> {
    let mut buffer = vec![0; reading.piece_bytes];
    let mut received = 0;
    if !reading.first_pause.is_zero() {
        host.note(format!("reads nothing for {:?}", reading.first_pause));
        host.sleep(reading.first_pause).await;
    }
    loop {
        if !reading.pause.is_zero() {
            host.sleep(reading.pause).await;
        }
        let taken = stream.read(&mut buffer).await?;
        if taken == 0 {
            return Ok(received);
        }
        if let Some(at) = first_difference(stream_number, received, &buffer[..taken]) {
            return Err(format!("byte {at} of the stream is not what was sent").into());
        }
        received += taken;
    }
}
