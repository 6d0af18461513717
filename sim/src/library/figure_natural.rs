//! What do the applications of the figure say to each other when nothing is arranged?

use super::figure::{hosts, receive, send};
use super::stage::{quiet, with_loss};
use super::{Entry, Options, Staged};
use crate::Medium;
use crate::world::{World, WorldError};

pub(super) const ENTRY: Entry = Entry {
    name: "figure-natural",
    sentence: "The applications of the figure with nothing arranged: what a stack of today does instead.",
    play,
};

fn play(options: &Options) -> Result<Staged, WorldError> {
    let mut world = World::with_medium(options.seed, Medium::Ip);
    let (client, server) = hosts(&mut world, |_| {}, |_| {})?;
    world.cable("ab", client, server, with_loss(options, quiet()))?;
    world.app(server, "slow receiver", receive);
    world.app(client, "fast sender", |host| send(host, false));
    Ok(Staged::new(world, vec![client, server]))
}
