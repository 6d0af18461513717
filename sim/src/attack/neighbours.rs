//! What does somebody on the same link do by speaking ARP and Neighbour Discovery?

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::arena::{Arena, must, words};
use super::{Attack, Outcome, Setup, arena, forge};
use crate::frame::Mac;
use crate::report::thousands;
use crate::rng::{Dice, Stream};
use crate::time::Time;
use crate::world::{WorldError, mac_of};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "neighbour-flood",
            about: "ARP requests and neighbour solicitations from hosts that do not exist, more than the table holds (RFC 6583)",
            count: 1_000_000,
            load: |count| format!("{} requests, every second one by IPv6, 10,000 a second", thousands(count)),
            bound: "at most 64 neighbours are known; every honest client gets in within 100 ms",
            play: flood,
        },
        Attack {
            name: "neighbour-poison",
            about: "ARP replies and neighbour advertisements that say the client is where the attacker is",
            count: 1_000,
            load: |count| format!("{} forged answers, 10 a second", thousands(count)),
            bound: "none while they last: RFC 826 and RFC 4861 believe who speaks; at most 60 s after the last all is as before",
            play: poison,
        },
    ]
}

fn flood(setup: &Setup) -> Result<Outcome, WorldError> {
    let mut arena = Arena::new(setup, |_| {})?;
    let start = Time::from_secs(1);
    let gap = Duration::from_micros(100);
    let end = start.after_ns(gap.as_nanos() as u64 * setup.count);
    let dice = Dice::from_seed(arena::SEED).child("neighbours");
    let server = mac_of(arena.server);
    let volley = arena.volley(start, gap, setup.count).shooting(move |n, _, out| {
        let roll = dice.roll(Stream::Application, n);
        let mac = [2, 0xbd, (roll >> 24) as u8, (roll >> 16) as u8, (roll >> 8) as u8, roll as u8];
        out.push(if n.is_multiple_of(2) {
            arp(1, (mac, [192, 0, 2, 3 + (roll % 250) as u8]), (server, arena::SERVER), server)
        } else {
            let from = Ipv6Addr::from([0x2001, 0xdb8, 0, 0, 0, 1, (roll >> 16) as u16, roll as u16]);
            solicitation((mac, from), server)
        });
    });
    arena.invite(volley)?;
    arena.serve(5, end);
    arena.visit(Duration::from_millis(100), (Time::from_millis(500), end));
    let handle = arena.world.handle(arena.server);
    let outcome = arena.run(Time::from_secs(3_600), |tally, _| {
        let mut missed = Vec::new();
        let known = smolsock::task::Handle::with(&handle, |stack| stack.arp().entries().count());
        must(&mut missed, tally.refused == 0, || format!("{} honest clients did not get in", tally.refused));
        must(&mut missed, tally.longest < Duration::from_millis(100), || tally.visits());
        must(&mut missed, known <= NEIGHBOURS_MAX, || format!("{known} neighbours"));
        (tally.visits(), missed)
    });
    Ok(outcome)
}

fn poison(setup: &Setup) -> Result<Outcome, WorldError> {
    let mut arena = Arena::new(setup, |_| {})?;
    let start = Time::from_secs(1);
    let gap = Duration::from_millis(100);
    let end = start.after_ns(gap.as_nanos() as u64 * setup.count);
    let (server, attacker) = (mac_of(arena.server), arena.attacker_mac());
    let volley = arena.volley(start, gap, setup.count).shooting(move |n, _, out| {
        out.push(if n.is_multiple_of(2) {
            arp(2, (attacker, arena::CLIENT), (server, arena::SERVER), server)
        } else {
            arp(1, (attacker, arena::CLIENT), ([0; 6], arena::SERVER), [0xff; 6])
        });
    });
    arena.invite(volley)?;
    let until = end + RECOVERED_WITHIN + Duration::from_secs(60);
    arena.serve(5, until);
    arena.visit(Duration::from_millis(500), (end + RECOVERED_WITHIN, until));
    let outcome = arena.run(Time::from_secs(3_600), |tally, _| {
        let mut missed = Vec::new();
        must(&mut missed, tally.refused == 0, || format!("{} honest clients did not get in", tally.refused));
        must(&mut missed, tally.longest < Duration::from_millis(100), || tally.visits());
        (format!("{} from {} after the last on", tally.visits(), words(RECOVERED_WITHIN)), missed)
    });
    Ok(outcome)
}

/// An ARP packet for IPv4 on Ethernet (RFC 826), in a frame.
fn arp(operation: u8, sender: (Mac, [u8; 4]), target: (Mac, [u8; 4]), to: Mac) -> Vec<u8> {
    let head = [0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, operation];
    [&to[..], &sender.0, &head, &sender.0, &sender.1, &target.0, &target.1].concat()
}

/// A neighbour solicitation for the server (RFC 4861 §4.3), in a frame.
fn solicitation((mac, from): (Mac, Ipv6Addr), server: Mac) -> Vec<u8> {
    let mut body = arena::SERVER6.octets().to_vec();
    body.extend([1, 1]);
    body.extend(mac);
    let packet = forge::icmp(IpAddr::V6(from), arena::SERVER6.into(), [135, 0], [0; 4], &body);
    forge::frame(server, mac, &packet)
}

/// smoltcp's table, as large as `std` has it.
const NEIGHBOURS_MAX: usize = 64;
/// How long a neighbour is believed without a sign of life.
const RECOVERED_WITHIN: Duration = Duration::from_secs(60);
