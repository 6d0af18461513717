//! What does a conversation over TCP look like?

use super::stage::{any, pair, quiet, server_at};
use super::{Entry, Options, Staged};
use crate::app::echo;
use crate::world::WorldError;

pub(super) const ENTRY: Entry = Entry {
    name: "tcp-echo",
    sentence: "A client sends three pieces over one connection, and gets each back before it sends the next.",
    play,
};

fn play(options: &Options) -> Result<Staged, WorldError> {
    let mut pair = pair(options, quiet())?;
    pair.world.daemon(pair.server, "echo", |host| echo::tcp_server(host, any(7), 5));
    pair.world.app(pair.client, "client", |host| echo::tcp_client(host, server_at(7), 1, 1500, 500));
    Ok(pair.play())
}
