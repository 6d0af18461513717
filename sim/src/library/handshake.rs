//! How does a connection begin?

use std::time::Duration;

use smolsock::task::TcpListener;

use super::stage::{PORT, any, play_pair, server_at};
use super::{Entry, Options, Staged};
use crate::app::connect;
use crate::executor::TaskResult;
use crate::host::Host;
use crate::world::WorldError;

pub(super) const ENTRY: Entry = Entry {
    name: "handshake",
    sentence: "SYN, SYN-ACK, ACK, with the options of both sides; then a second of silence and an orderly end.",
    play,
};

fn play(options: &Options) -> Result<Staged, WorldError> {
    play_pair(options, server, client)
}

async fn server(host: Host) -> TaskResult {
    let listener = TcpListener::bind(&host, any(PORT), 5)?;
    let (stream, remote) = listener.accept().await?;
    host.note(format!("accepts a connection from {remote}"));
    match stream.read(&mut [0; 16]).await? {
        0 => Ok(()),
        extra => Err(format!("{extra} bytes came that nobody sent").into()),
    }
}

pub(super) async fn client(host: Host) -> TaskResult {
    let stream = connect(&host, server_at(PORT)).await?;
    host.note(format!("is connected as {}", stream.local_addr()?));
    host.sleep(Duration::from_secs(1)).await;
    Ok(())
}
