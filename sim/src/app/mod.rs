//! What do the simulated hosts do all day?
//!
//! Applications as the tutorials write them, with socket verbs and nothing of the simulator but its clock.

pub mod ask;
pub mod bulk;
pub mod echo;
pub mod pattern;

use std::net::SocketAddr;

use smolsock::Errno;
use smolsock::task::TcpStream;

use crate::host::Host;

/// Connects, and tries again when all requests for the link-layer address were lost.
///
/// # Errors
/// Those of [`TcpStream::connect`], EHOSTUNREACH after ten times.
pub async fn connect(host: &Host, remote: SocketAddr) -> Result<TcpStream<Host>, Errno> {
    for _ in 1..ATTEMPTS_MAX {
        match TcpStream::connect(host, remote).await {
            Err(Errno::EHOSTUNREACH) => host.note("is told that the host is unreachable, and tries again"),
            outcome => return outcome,
        }
    }
    TcpStream::connect(host, remote).await
}

const ATTEMPTS_MAX: u32 = 10;
