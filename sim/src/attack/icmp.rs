//! What do forged ICMP errors do to a connection?

use std::net::{IpAddr, SocketAddr};

use super::arena::{Arena, must, words};
use super::blind::while_they_talk;
use super::forge::{self, Forged};
use super::{Attack, Outcome, Setup, arena};
use crate::observe::dissect::Flags;
use crate::report::thousands;
use crate::rng::{Dice, Stream};
use crate::world::WorldError;

pub(super) fn attacks() -> Vec<Attack> {
    vec![Attack {
        name: "icmp-errors",
        about: "Unreachable, time exceeded and fragmentation needed that quote a connection, with guessed numbers (RFC 5927)",
        count: 1_000_000,
        load: |count| format!("{} errors of 6 kinds about an open connection, 10,000 a second", thousands(count)),
        bound: "no error resets or stalls it, or makes its packets smaller",
        play,
    }]
}

/// Type, code, and the four bytes behind the checksum.
const KINDS: [([u8; 2], [u8; 4]); 6] = [
    // Protocol and port unreachable: hard errors. Host unreachable: a soft one.
    ([3, 2], [0; 4]),
    ([3, 3], [0; 4]),
    ([3, 1], [0; 4]),
    // Fragmentation needed: the next hop takes 68 bytes, or does not say how many.
    ([3, 4], [0, 0, 0, 68]),
    ([3, 4], [0; 4]),
    // Time to live exceeded.
    ([11, 0], [0; 4]),
];

fn play(setup: &Setup) -> Result<Outcome, WorldError> {
    let arena = Arena::new(setup, |_| {})?;
    let wrap = arena.to_client();
    let dice = Dice::from_seed(arena::SEED).child("icmp");
    let shot = move |n, client: SocketAddr| {
        let (kind, head) = KINDS[(n % KINDS.len() as u64) as usize];
        let quote = quoted(client, dice.roll(Stream::Application, n) as u32);
        let router = IpAddr::from([192, 0, 2, 254]);
        wrap(&forge::icmp(router, client.ip(), kind, head, &quote))
    };
    while_they_talk(arena, setup, shot, |tally| {
        let mut missed = Vec::new();
        must(&mut missed, tally.mtu == 1_500, || format!("packets of {} bytes", tally.mtu));
        let result = format!(
            "{} resets, the slowest of {} answers after {}, packets of {} bytes",
            tally.broken,
            thousands(tally.served),
            words(tally.stall),
            tally.mtu
        );
        (result, missed)
    })
}

/// A segment that the client may have sent: its header and 8 bytes of it, as RFC 792 has it.
fn quoted(client: SocketAddr, seq: u32) -> Vec<u8> {
    let to = arena::echo_at();
    let sent = Forged { from: client, to, seq, ack: Some(0), flags: Flags(0), window: 65_535, payload: &[] };
    let mut packet = sent.packet();
    packet.truncate(28);
    packet
}
