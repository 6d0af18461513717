//! Does a stream arrive intact, whatever the network does to it?

use super::stage::{PORT, any, pair, server_at};
use super::{Entry, Options, Staged};
use crate::app::bulk::{Reading, receiver, sender};
use crate::link::Impairments;
use crate::world::WorldError;

pub(super) const ENTRY: Entry = Entry {
    name: "lossy-transfer",
    sentence: "1 MiB through a cable that loses 5 %, reorders and duplicates: it takes its time, and arrives intact.",
    play,
};

fn play(options: &Options) -> Result<Staged, WorldError> {
    let cable = Impairments {
        rate_bps: 100_000_000,
        delay_ns: 5_000_000,
        loss_ppm: 50_000,
        reorder_ppm: 20_000,
        reorder_delay_ns: 3_000_000,
        duplicate_ppm: 10_000,
        ..Impairments::default()
    };
    let mut pair = pair(options, cable)?;
    pair.world.app(pair.server, "receiver", |host| receiver(host, any(PORT), 1, STREAM_BYTES, Reading::EAGER));
    pair.world.app(pair.client, "sender", |host| sender(host, server_at(PORT), 1, STREAM_BYTES));
    Ok(pair.play())
}

const STREAM_BYTES: usize = 1 << 20;
