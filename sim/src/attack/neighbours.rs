//! What does somebody on the same link do by speaking ARP and Neighbour Discovery?

use std::cell::RefCell;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use super::arena::{Arena, must, words};
use super::blind::{Victim, talker};
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
            bound: "at most 64 neighbours are known; every honest client gets in, and is answered, within 100 ms",
            play: flood,
        },
        Attack {
            name: "neighbour-poison",
            about: "ARP requests and replies that say the client is where the attacker is",
            count: 1_000,
            load: |count| format!("{} forged ARP packets, 10 a second", thousands(count)),
            bound: "none while they last: RFC 826 believes who speaks; at most 60 s after the last all is as before",
            play: |setup| poison(setup, arena::echo_at(), forged_arp),
        },
        Attack {
            name: "neighbour-poison-ndp",
            about: "Neighbour solicitations and advertisements that say the client is where the attacker is",
            count: 1_000,
            load: |count| format!("{} forged solicitations and advertisements, 10 a second", thousands(count)),
            bound: "the same: RFC 4861 without SEND (RFC 3971) believes who speaks",
            play: |setup| poison(setup, arena::echo6_at(), forged_ndp),
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
    let (talked, victim) = (Rc::clone(&arena.tally), Victim::default());
    arena.world.app(arena.client, "talker", |host| talker(host, end, victim, talked));
    let outcome = arena.run(Time::from_secs(3_600), |tally, _| {
        let mut missed = Vec::new();
        let known = tally.neighbours;
        must(&mut missed, tally.refused + tally.broken == 0, || {
            format!("{} honest clients did not get in", tally.refused)
        });
        must(&mut missed, tally.longest < SOON, || format!("a connection took {}", words(tally.longest)));
        must(&mut missed, tally.stall < SOON, || format!("an answer took {}", words(tally.stall)));
        must(&mut missed, known <= NEIGHBOURS_MAX, || format!("{known} neighbours"));
        let slowest = (words(tally.longest), words(tally.stall));
        (
            format!(
                "{} neighbours at most; the slowest connection took {}, the slowest answer {}",
                known, slowest.0, slowest.1
            ),
            missed,
        )
    });
    Ok(outcome)
}

/// Whoever visits `service` is served, but while somebody says it is elsewhere: `forged` makes that of the shot's number, the attacker and
/// the server.
fn poison(setup: &Setup, service: SocketAddr, forged: fn(u64, Mac, Mac) -> Vec<u8>) -> Result<Outcome, WorldError> {
    let mut arena = Arena::new(setup, |_| {})?;
    let start = Time::from_secs(1);
    let gap = Duration::from_millis(100);
    let end = start.after_ns(gap.as_nanos() as u64 * setup.count);
    let (server, attacker) = (mac_of(arena.server), arena.attacker_mac());
    let volley = arena.volley(start, gap, setup.count).shooting(move |n, _, out| out.push(forged(n, attacker, server)));
    arena.invite(volley)?;
    let until = end + RECOVERED_WITHIN + Duration::from_secs(60);
    arena.serve_at(service, 5, until);
    let visits = Rc::<RefCell<[(u64, u64); 2]>>::default();
    let told = Rc::clone(&visits);
    arena.world.app(arena.client, "client", |host| async move {
        while host.now() < until {
            let is_over = host.now() > end + RECOVERED_WITHIN;
            let visit = host.within(PATIENCE, arena::visit(&host, service)).await;
            if host.now() > start {
                let visits = &mut told.borrow_mut()[usize::from(is_over)];
                visits.0 += u64::from(matches!(visit, Some(Ok(_))));
                visits.1 += 1;
            }
            host.sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    });
    let outcome = arena.run(Time::from_secs(3_600), |_, _| {
        let mut missed = Vec::new();
        let [(during, tried), (after, tried_after)] = *visits.borrow();
        must(&mut missed, tried_after > 0 && after == tried_after, || {
            format!("{after} of {tried_after} got in afterwards")
        });
        let result = format!(
            "{} of {} honest got in while it lasted and {} longer, then {} of {}",
            thousands(during),
            thousands(tried),
            words(RECOVERED_WITHIN),
            thousands(after),
            thousands(tried_after)
        );
        (result, missed)
    });
    Ok(outcome)
}

/// By turns an ARP reply to the server, and a request to all, in the client's name.
fn forged_arp(n: u64, attacker: Mac, server: Mac) -> Vec<u8> {
    if n.is_multiple_of(2) {
        arp(2, (attacker, arena::CLIENT), (server, arena::SERVER), server)
    } else {
        arp(1, (attacker, arena::CLIENT), ([0; 6], arena::SERVER), [0xff; 6])
    }
}

/// By turns an advertisement that overrides what is known, and a solicitation, in the client's name.
fn forged_ndp(n: u64, attacker: Mac, server: Mac) -> Vec<u8> {
    let target = arena::CLIENT6;
    if n.is_multiple_of(2) {
        // Type 136 with the flags Solicited and Override (RFC 4861 §4.4), and the target's link-layer address.
        let body = [&target.octets()[..], &[2, 1], &attacker].concat();
        let packet = forge::icmp(target.into(), arena::SERVER6.into(), [136, 0], [0x60, 0, 0, 0], &body);
        forge::frame(server, attacker, &packet)
    } else {
        solicitation((attacker, target), server)
    }
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
/// Of a connection or an answer, with a round trip of 10 ms and a neighbour to be asked for.
const SOON: Duration = Duration::from_millis(100);
/// Not as long as a time-out of the stack: how many get in is what counts. A SYN may have to come again after 1 s, if it has the port of
/// one that the server still waits for.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// How long a neighbour is believed without a sign of life.
const RECOVERED_WITHIN: Duration = Duration::from_secs(60);
