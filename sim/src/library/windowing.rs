//! What if the receiver reads more slowly than the sender sends?

use std::time::Duration;

use super::stage::{PORT, any, pair_with, quiet, server_at};
use super::{Entry, Options, Staged};
use crate::app::bulk::{Reading, receiver, sender};
use crate::world::WorldError;

pub(super) const ENTRY: Entry = Entry {
    name: "windowing",
    sentence: "The receiver rests for five seconds: its window closes, the sender probes, and goes on when it reopens.",
    play,
};

fn play(options: &Options) -> Result<Staged, WorldError> {
    let mut pair = pair_with(options, quiet(), |server| server.tcp_recv_bytes = 4096)?;
    let reading = Reading { piece_bytes: 2048, pause: Duration::from_millis(100), first_pause: Duration::from_secs(5) };
    pair.world.app(pair.server, "receiver", move |host| receiver(host, any(PORT), 1, STREAM_BYTES, reading));
    pair.world.app(pair.client, "sender", |host| sender(host, server_at(PORT), 1, STREAM_BYTES));
    Ok(pair.play())
}

const STREAM_BYTES: usize = 16 * 1024;
