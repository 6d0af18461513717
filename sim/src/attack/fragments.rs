//! Do fragments that never become packets keep others from becoming whole?

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::Duration;

use smolsock::task::UdpSocket;

use super::arena::{Arena, must, words};
use super::{Attack, Outcome, Setup, arena, forge};
use crate::app::pattern::pattern;
use crate::executor::TaskResult;
use crate::host::Host;
use crate::packet::{self, UDP};
use crate::report::thousands;
use crate::rng::{Dice, Stream};
use crate::time::Time;
use crate::world::WorldError;

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "fragments-endless",
            about: "First fragments of packets that never end, IPv4 and IPv6 in turn",
            count: 1_000_000,
            load: |count| format!("{} fragments of as many packets, 10,000 a second", thousands(count)),
            bound: "at most 16 packets wait (`Config::reassembly_max`); every honest datagram in fragments arrives",
            play: |setup| flood(setup, endless),
        },
        Attack {
            name: "fragments-overlap",
            about: "Teardrop, ping of death, and packets whose fragments overlap (RFC 5722)",
            count: 100_000,
            load: |count| {
                format!("{} packets of two or three fragments each, in 8 shapes, 10,000 a second", thousands(count))
            },
            bound: "none of them arrives; every honest datagram in fragments does",
            play: |setup| flood(setup, overlapping),
        },
    ]
}

/// Makes the fragments of the n-th packet, to [`SINK`].
type Shape = fn(u64, &mut Vec<Vec<u8>>);

fn flood(setup: &Setup, shape: Shape) -> Result<Outcome, WorldError> {
    let mut arena = Arena::new(setup, |_| {})?;
    let start = Time::from_secs(1);
    let gap = Duration::from_micros(100);
    let end = start.after_ns(gap.as_nanos() as u64 * setup.count);
    let wrap = arena.to_server();
    let volley = arena.volley(start, gap, setup.count).shooting(move |n, _, out| {
        let mut packets = Vec::new();
        shape(n, &mut packets);
        out.extend(packets.iter().map(|packet| wrap(packet)));
    });
    arena.invite(volley)?;
    arena.watch(end);
    let taken = Rc::<Cell<u64>>::default();
    let count = Rc::clone(&taken);
    arena.world.daemon(arena.server, "echo", echo);
    arena.world.daemon(arena.server, "sink", |host| sink(host, count));
    let tally = Rc::clone(&arena.tally);
    arena.world.app(arena.client, "asker", |host| async move {
        let socket = UdpSocket::bind(&host, ([0, 0, 0, 0], 0).into())?;
        let question = pattern(1, HONEST_BYTES);
        let mut answer = [0; HONEST_BYTES + 1];
        while host.now() < end {
            let asked = host.now();
            socket.send_to(&question, arena::echo_at()).await?;
            let came = host.within(Duration::from_secs(1), socket.recv(&mut answer)).await;
            let is_right = matches!(came, Some(Ok(len)) if answer[..len] == question[..]);
            let took = host.now().saturating_duration_since(asked);
            {
                let mut tally = tally.borrow_mut();
                *(if is_right { &mut tally.served } else { &mut tally.refused }) += 1;
                tally.stall = tally.stall.max(took);
            }
            host.sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    });
    let outcome = arena.run(Time::from_secs(3_600), |tally, _| {
        let mut missed = Vec::new();
        must(&mut missed, tally.refused == 0, || format!("{} honest datagrams did not come back", tally.refused));
        must(&mut missed, tally.fragments <= WAITING_MAX, || format!("{} packets waited", tally.fragments));
        must(&mut missed, taken.get() == 0, || format!("{} forged datagrams arrived", taken.get()));
        let result = format!(
            "{} of {} honest datagrams of {} bytes came back, within {}; {} packets waited at most, {} of the forged arrived",
            thousands(tally.served),
            thousands(tally.tried()),
            thousands(HONEST_BYTES as u64),
            words(tally.stall),
            tally.fragments,
            taken.get()
        );
        (result, missed)
    });
    Ok(outcome)
}

/// The first part of a datagram that has another.
fn endless(n: u64, out: &mut Vec<Vec<u8>>) {
    let dice = Dice::from_seed(arena::SEED).child("fragments");
    let roll = dice.roll(Stream::Application, n);
    let payload = forge::udp(1_024 + (roll % 60_000) as u16, SINK, &[b'x'; 64]);
    let piece = Piece { ident: roll as u32, at: 0, has_more: true };
    out.push(if n.is_multiple_of(2) { piece.of_ipv4(n, &payload) } else { piece.of_ipv6(n, &payload) });
}

/// A datagram that is right if of what comes twice the first counts.
fn overlapping(n: u64, out: &mut Vec<Vec<u8>>) {
    let (ident, is_v4) = (n as u32, n.is_multiple_of(2));
    // From, to and whether more follow, in units of 8 bytes; 0..18 (`UNITS`) is all of it.
    const SHAPES: [&[(u16, u16, bool)]; 8] = [
        // The second begins inside the first, and reaches further.
        &[(0, 10, true), (8, 18, false)],
        // Teardrop: it ends inside the first.
        &[(0, 16, true), (2, 4, true), (16, 18, false)],
        // It covers the whole first one.
        &[(2, 6, true), (0, 9, true), (9, 18, false)],
        // Two ends, of different lengths.
        &[(9, 12, false), (9, 18, false), (0, 9, true)],
        // The last comes first, and the middle overlaps both.
        &[(12, 18, false), (0, 6, true), (4, 14, true)],
        // A hole that nothing fills, behind an overlap.
        &[(0, 4, true), (3, 9, true), (10, 18, false)],
        // Ping of death: the last one ends beyond 65,535 bytes.
        &[(0, 17, true), (8_189, 8_191, false)],
        // A first fragment too short for a header of UDP, and one that writes it anew.
        &[(0, 1, true), (0, 2, true), (2, 18, false)],
    ];
    let payload = forge::udp(1_024, SINK, &[b'x'; UNITS * 8 - 8]);
    // IPv6 wants a checksum; IPv4 takes a datagram without.
    let payload =
        if is_v4 { payload } else { packet::packet(source6(n), arena::SERVER6.into(), UDP, 64, &payload)[40..].into() };
    let mut is_there = [false; UNITS];
    for (from, to, has_more) in SHAPES[(n / 2 % 8) as usize] {
        let mut bytes = Vec::new();
        for unit in usize::from(*from)..usize::from(*to) {
            let at = unit % UNITS * 8;
            bytes.extend_from_slice(&payload[at..at + 8]);
            // What is there already comes with other bytes.
            if let Some(is_there) = is_there.get_mut(unit)
                && std::mem::replace(is_there, true)
                && let Some(last) = bytes.last_mut()
            {
                *last ^= 1;
            }
        }
        let piece = Piece { ident, at: *from, has_more: *has_more };
        out.push(if is_v4 { piece.of_ipv4(n, &bytes) } else { piece.of_ipv6(n, &bytes) });
    }
}

/// A part of a packet.
struct Piece {
    ident: u32,
    /// Where it begins, in units of 8 bytes.
    at: u16,
    has_more: bool,
}

impl Piece {
    /// From the n-th address of 10.0.0.0/8 (RFC 791 §3.1).
    fn of_ipv4(&self, n: u64, bytes: &[u8]) -> Vec<u8> {
        let [_, a, b, c] = ((n + 1) as u32).to_be_bytes();
        let (from, to) = (Ipv4Addr::new(10, a, b, c), Ipv4Addr::from(arena::SERVER));
        // Built as a protocol without a checksum, which a part has not.
        let mut packet = packet::packet(from.into(), to.into(), NO_CHECKSUM, 64, bytes);
        let flags = self.at | if self.has_more { 0x2000 } else { 0 };
        packet[4..6].copy_from_slice(&(self.ident as u16).to_be_bytes());
        packet[6..8].copy_from_slice(&flags.to_be_bytes());
        packet[9] = UDP;
        packet::mend_ipv4_header(&mut packet);
        packet
    }

    /// From the n-th IPv6 address (RFC 8200 §4.5).
    fn of_ipv6(&self, n: u64, bytes: &[u8]) -> Vec<u8> {
        let offset = (self.at << 3 | u16::from(self.has_more)).to_be_bytes();
        let mut payload = vec![UDP, 0, offset[0], offset[1]];
        payload.extend(self.ident.to_be_bytes());
        payload.extend_from_slice(bytes);
        packet::packet(source6(n), arena::SERVER6.into(), FRAGMENT, 64, &payload)
    }
}

/// The n-th address of 2001:db8:1::/64.
fn source6(n: u64) -> IpAddr {
    IpAddr::from([0x2001, 0xdb8, 1, 0, 0, 0, (n >> 16) as u16, n as u16])
}

/// Gives datagrams back, of more than one packet too.
async fn echo(host: Host) -> TaskResult {
    let socket = UdpSocket::bind(&host, ([0, 0, 0, 0], arena::ECHO).into())?;
    let mut buffer = [0; HONEST_BYTES + 1];
    loop {
        let datagram = socket.recv_from(&mut buffer).await?;
        socket.send_to(&buffer[..datagram.len], datagram.remote).await?;
    }
}

/// Counts what should not come.
async fn sink(host: Host, count: Rc<Cell<u64>>) -> TaskResult {
    // For both families.
    let socket = UdpSocket::bind(&host, ([0_u16; 8], SINK).into())?;
    loop {
        let _ = socket.recv_from(&mut [0; 64]).await?;
        count.set(count.get() + 1);
    }
}

/// Where forged datagrams would arrive.
const SINK: u16 = 9;
/// Units of 8 bytes of a forged datagram.
const UNITS: usize = 18;
/// Three fragments at an MTU of 1,500 bytes.
const HONEST_BYTES: usize = 4_000;
/// `Config::reassembly_max`, as it is unless said otherwise.
const WAITING_MAX: usize = 16;
/// A protocol number that nobody computes a checksum for (RFC 3692 §2.1).
const NO_CHECKSUM: u8 = 253;
const FRAGMENT: u8 = 44;
