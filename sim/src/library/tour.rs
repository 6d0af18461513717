//! What does a whole conversation look like, from the first ARP request to TIME-WAIT?

use std::time::Duration;

use smolsock::task::{TcpListener, UdpSocket};
use smolsock::{Errno, Shutdown};

use super::stage::{PORT, any, pair_with, quiet, server_at};
use super::{Entry, Options, Staged};
use crate::app::bulk::{Reading, read_checked};
use crate::app::connect;
use crate::app::echo;
use crate::app::pattern::{first_difference, pattern};
use crate::executor::TaskResult;
use crate::host::Host;
use crate::link::{Act, Direction, Scripted};
use crate::world::WorldError;

pub(super) const ENTRY: Entry = Entry {
    name: "tour",
    sentence: "ARP, a UDP echo, a TCP handshake, a transfer with a lost segment, a closed and reopened window, \
               a half-close, the teardown and TIME-WAIT: the whole story on one page.",
    play,
};

fn play(options: &Options) -> Result<Staged, WorldError> {
    let mut pair = pair_with(options, quiet(), |server| server.tcp_recv_bytes = 8 * 1024)?;
    // The client's frames: 0 asks by ARP, 1 is the datagram, 2 and 3 belong to the handshake, then comes data.
    let lost = Scripted { nth: LOST_FRAME, act: Act::Drop };
    pair.world.script("ab", Direction::Forward, vec![lost])?;
    pair.world.daemon(pair.server, "udp echo", |host| echo::udp_server(host, any(7)));
    pair.world.app(pair.server, "server", server);
    pair.world.app(pair.client, "client", client);
    Ok(pair.play())
}

async fn client(host: Host) -> TaskResult {
    host.note("asks the UDP echo; first it needs the server's link-layer address");
    let socket = UdpSocket::bind(&host, any(0))?;
    ask_until_answered(&host, &socket).await?;

    let stream = connect(&host, server_at(PORT)).await?;
    host.note(format!("is connected as {}", stream.local_addr()?));
    host.sleep(Duration::from_millis(50)).await;
    host.note(format!("writes {REQUEST_BYTES} bytes"));
    stream.write_all(&pattern(1, REQUEST_BYTES)).await?;
    stream.shutdown(Shutdown::Write)?;
    host.note("has written everything, and closes its sending side: a half-close");
    let mut answer = vec![0; ANSWER_BYTES];
    let filled = stream.read_exact(&mut answer).await?;
    if filled != ANSWER_BYTES || first_difference(2, 0, &answer).is_some() {
        return Err("the answer is not what was sent".into());
    }
    host.note(format!("has read the answer of {ANSWER_BYTES} bytes"));
    match stream.read(&mut answer).await? {
        0 => Ok(()),
        extra => Err(format!("{extra} bytes too many").into()),
    }
}

/// Question and answer may be lost; UDP does not care, so the application has to.
async fn ask_until_answered(host: &Host, socket: &UdpSocket<Host>) -> TaskResult {
    let mut buffer = [0; 64];
    for _ in 0..QUESTIONS_MAX {
        socket.send_to(b"hello", server_at(7)).await?;
        match host.within(Duration::from_secs(1), socket.recv_from(&mut buffer)).await {
            Some(Ok(answer)) => {
                host.note(format!("gets {} bytes back from {}", answer.len, answer.remote));
                return Ok(());
            }
            // Three ARP requests were lost.
            Some(Err(Errno::EHOSTUNREACH)) => host.note("is told that the host is unreachable, and asks again"),
            Some(Err(other)) => return Err(other.into()),
            None => host.note("has waited a second for nothing, and asks again"),
        }
    }
    Err(format!("no answer to {QUESTIONS_MAX} datagrams").into())
}

async fn server(host: Host) -> TaskResult {
    let listener = TcpListener::bind(&host, any(PORT), 5)?;
    let (stream, remote) = listener.accept().await?;
    host.note(format!("accepts a connection from {remote}"));
    let reading = Reading { piece_bytes: 4096, pause: Duration::ZERO, first_pause: Duration::from_secs(4) };
    let received = read_checked(&host, &stream, 1, reading).await?;
    if received != REQUEST_BYTES {
        return Err(format!("{received} bytes came, {REQUEST_BYTES} were sent").into());
    }
    host.note("has read everything and the end of the stream, and still answers");
    stream.write_all(&pattern(2, ANSWER_BYTES)).await?;
    host.note("closes too");
    Ok(())
}

const QUESTIONS_MAX: u32 = 20;
const REQUEST_BYTES: usize = 20_000;
const ANSWER_BYTES: usize = 2_000;
/// A data segment of the second flight.
const LOST_FRAME: u64 = 6;
