//! What does UDP do, and what does it not?

use std::time::Duration;

use smolsock::Errno;
use smolsock::task::UdpSocket;

use super::stage::{any, pair, quiet, server_at};
use super::{Entry, Options, Staged};
use crate::app::echo;
use crate::app::pattern::{first_difference, pattern};
use crate::executor::TaskResult;
use crate::host::Host;
use crate::world::WorldError;

pub(super) const ENTRY: Entry = Entry {
    name: "udp-echo",
    sentence: "A client sends datagrams to a UDP echo server, which answers each; no connection, and lost is lost.",
    play,
};

fn play(options: &Options) -> Result<Staged, WorldError> {
    let mut pair = pair(options, quiet())?;
    pair.world.daemon(pair.server, "echo", |host| echo::udp_server(host, any(7)));
    pair.world.app(pair.client, "client", client);
    Ok(pair.play())
}

async fn client(host: Host) -> TaskResult {
    let socket = UdpSocket::bind(&host, any(0))?;
    let mut answers = 0;
    for (number, len) in [5, 0, 512, 1472].into_iter().enumerate() {
        let sent = pattern(number as u32, len);
        socket.send_to(&sent, server_at(7)).await?;
        answers += u32::from(is_answered_within_a_second(&host, &socket, &sent).await?);
    }
    host.note(format!("got {answers} of 4 datagrams back"));
    Ok(())
}

/// UDP does not say that something was lost: only a clock does. What comes back may also be the late answer
/// to an earlier datagram; nothing may come back that was never sent.
async fn is_answered_within_a_second(
    host: &Host,
    socket: &UdpSocket<Host>,
    sent: &[u8],
) -> Result<bool, Box<dyn std::error::Error>> {
    let until = host.now() + Duration::from_secs(1);
    let mut buffer = [0; 2048];
    loop {
        let left = until.saturating_duration_since(host.now());
        let len = match host.within(left, socket.recv_from(&mut buffer)).await {
            Some(Ok(datagram)) => datagram.len,
            // Three ARP requests were lost.
            Some(Err(Errno::EHOSTUNREACH)) => continue,
            Some(Err(other)) => return Err(other.into()),
            None => return Ok(false),
        };
        if buffer[..len] == *sent {
            return Ok(true);
        }
        let is_old = (0..4).any(|number| first_difference(number, 0, &buffer[..len]).is_none());
        if !is_old {
            return Err("a datagram came back changed".into());
        }
        host.note("gets a late answer");
    }
}
