//! How does a connection end?

use std::time::Duration;

use smolsock::task::TcpListener;

use super::stage::{PORT, any, play_pair, server_at};
use super::{Entry, Options, Staged};
use crate::app::connect;
use crate::executor::TaskResult;
use crate::host::Host;
use crate::world::WorldError;

pub(super) const ENTRY: Entry = Entry {
    name: "teardown",
    sentence: "FIN, ACK, FIN, ACK, with the client closing first and the server first; who closes first waits 2MSL.",
    play,
};

fn play(options: &Options) -> Result<Staged, WorldError> {
    play_pair(options, server, client)
}

async fn client(host: Host) -> TaskResult {
    let first = connect(&host, server_at(PORT)).await?;
    first.write_all(b"exit").await?;
    host.sleep(Duration::from_millis(100)).await;
    host.note("closes its first connection");
    drop(first);
    host.sleep(Duration::from_secs(1)).await;
    let second = connect(&host, server_at(PORT + 1)).await?;
    second.read(&mut [0; 16]).await?;
    host.note("reads the end of its second connection, and closes");
    Ok(())
}

async fn server(host: Host) -> TaskResult {
    // Two listeners, so that loss cannot make the second connection the first to be accepted.
    let listener = TcpListener::bind(&host, any(PORT), 5)?;
    let second_listener = TcpListener::bind(&host, any(PORT + 1), 5)?;
    let (first, _) = listener.accept().await?;
    let mut buffer = [0; 16];
    while first.read(&mut buffer).await? > 0 {}
    host.sleep(Duration::from_millis(50)).await;
    host.note("reads the end of the first connection, and closes 50 ms later");
    drop(first);
    let (second, _) = second_listener.accept().await?;
    host.sleep(Duration::from_millis(50)).await;
    host.note("closes the second connection");
    drop(second);
    Ok(())
}
