//! What if nobody listens?

use std::time::Duration;

use smolsock::Errno;
use smolsock::task::UdpSocket;

use super::stage::{any, pair, quiet, server_at};
use super::{Entry, Options, Staged};
use crate::app::connect;
use crate::executor::TaskResult;
use crate::host::Host;
use crate::world::WorldError;

pub(super) const ENTRY: Entry = Entry {
    name: "refused",
    sentence: "A connection to a port without a listener is answered by RST, a datagram by ICMP port unreachable: \
               both are ECONNREFUSED to the application.",
    play,
};

fn play(options: &Options) -> Result<Staged, WorldError> {
    let mut pair = pair(options, quiet())?;
    let may_lose = options.loss_ppm.is_some_and(|ppm| ppm > 0);
    pair.world.app(pair.client, "client", move |host| client(host, may_lose));
    Ok(pair.play())
}

async fn client(host: Host, may_lose: bool) -> TaskResult {
    match connect(&host, server_at(81)).await {
        Err(Errno::ECONNREFUSED) => host.note(format!("connect: {}", Errno::ECONNREFUSED)),
        Err(other) => return Err(other.into()),
        Ok(_) => return Err("somebody answered at a port where nobody listens".into()),
    }
    let socket = UdpSocket::bind(&host, any(0))?;
    socket.connect(server_at(82))?;
    socket.send(b"anybody there?").await?;
    match host.within(Duration::from_secs(1), socket.recv(&mut [0; 16])).await {
        Some(Err(Errno::ECONNREFUSED)) => host.note(format!("recv: {}", Errno::ECONNREFUSED)),
        // The datagram or the answer was lost, and UDP does not try again.
        None if may_lose => host.note("hears nothing about its datagram"),
        other => return Err(format!("the datagram came to {other:?}").into()),
    }
    Ok(())
}
