//! What if the first segments of a connection are lost?

use smolsock::task::TcpListener;

use super::stage::{PORT, any, pair, quiet};
use super::{Entry, Options, Staged};
use crate::executor::TaskResult;
use crate::host::Host;
use crate::link::{Act, Direction, Scripted};
use crate::world::WorldError;

pub(super) const ENTRY: Entry = Entry {
    name: "syn-lost",
    sentence: "The SYN is lost, then the SYN-ACK that answers its repetition: 1 s and 2 s of waiting, then it works.",
    play,
};

fn play(options: &Options) -> Result<Staged, WorldError> {
    let mut pair = pair(options, quiet())?;
    // Frame 0 in each direction is ARP.
    let first = || vec![Scripted { nth: 1, act: Act::Drop }];
    pair.world.script("ab", Direction::Forward, first())?;
    pair.world.script("ab", Direction::Back, first())?;
    pair.world.app(pair.server, "server", server);
    pair.world.app(pair.client, "client", super::handshake::client);
    Ok(pair.play())
}

async fn server(host: Host) -> TaskResult {
    let listener = TcpListener::bind(&host, any(PORT), 5)?;
    let (stream, remote) = listener.accept().await?;
    host.note(format!("accepts a connection from {remote} at last"));
    stream.read(&mut [0; 16]).await?;
    Ok(())
}
