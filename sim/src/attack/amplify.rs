//! How much does a host send for what somebody else's name asked it?

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use smolsock::task::UdpSocket;

use super::arena::{Arena, must};
use super::forge::{self, Forged};
use super::{Attack, Outcome, Setup, arena};
use crate::frame::Mac;
use crate::observe::dissect::Flags;
use crate::report::thousands;
use crate::rng::{Dice, Stream};
use crate::time::Time;
use crate::world::{WorldError, mac_of};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "broadcast",
            about: "Pings, datagrams, SYNs and ICMP errors to everybody and to groups, in a victim's name (smurf, fraggle)",
            count: 1_000_000,
            load: |count| format!("{} packets of 9 kinds, 10,000 a second", thousands(count)),
            bound: "no frame in answer: amplification 0 (RFC 1122 §3.2.2)",
            play: |setup| reflect(setup, everybody, |_, _| 0),
        },
        Attack {
            name: "reflection",
            about: "Datagrams and segments to closed ports of the host, in a victim's name",
            count: 1_000_000,
            load: |count| format!("{} datagrams and segments to closed ports, 10,000 a second", thousands(count)),
            bound: "at most one frame for each, no larger than what asked for it and 54 bytes; of ICMP errors 50 at once and 1,000 a second",
            // Every second one is a segment, which is answered.
            play: |setup| reflect(setup, closed_ports, |count, seconds| count / 2 + 1 + 50 + 1_000 * (seconds + 1)),
        },
    ]
}

/// Makes the n-th packet, and says for which link-layer address it is; `own`: the server's.
type Shape = fn(u64, Mac) -> (Mac, Vec<u8>);

/// `frames_max`: how many frames the server may send, for so many packets in so many seconds.
fn reflect(setup: &Setup, shape: Shape, frames_max: fn(u64, u64) -> u64) -> Result<Outcome, WorldError> {
    let mut arena = Arena::new(setup, |_| {})?;
    let count = setup.count;
    let start = Time::from_secs(1);
    let gap = Duration::from_micros(100);
    let end = start.after_ns(gap.as_nanos() as u64 * count);
    let (attacker, server) = (arena.attacker_mac(), mac_of(arena.server));
    let (asked, answered) =
        (std::rc::Rc::<std::cell::Cell<u64>>::default(), std::rc::Rc::<std::cell::Cell<u64>>::default());
    let (asked_bytes, answer_bytes) = (std::rc::Rc::clone(&asked), std::rc::Rc::clone(&answered));
    let volley = arena.volley(start, gap, count).shooting(move |n, _, out| {
        let (to, packet) = shape(n, server);
        asked.set(asked.get() + packet.len() as u64);
        out.push(forge::frame(to, attacker, &packet));
    });
    // The victims are behind the attacker: what they would get comes back to it.
    arena.invite(volley.answering(move |_, packet, _| answered.set(answered.get() + packet.len() as u64)))?;
    arena.watch(end);
    arena.world.daemon(arena.server, "sink", |host| async move {
        let socket = UdpSocket::bind(&host, ([0, 0, 0, 0], SINK).into())?;
        loop {
            let _ = socket.recv_from(&mut [0; 64]).await?;
        }
    });
    arena.serve(5, end);
    arena.world.app(arena.client, "clock", |host| async move {
        host.sleep((end + Duration::from_secs(1)).saturating_duration_since(Time::ZERO)).await;
        Ok(())
    });
    let handle = arena.world.handle(arena.server);
    let outcome = arena.run(Time::from_secs(3_600), |_, _| {
        let mut missed = Vec::new();
        let sent = smolsock::task::Handle::with(&handle, |stack| stack.counters().frames_out);
        let most = frames_max(count, end.ns_since(start) / 1_000_000_000);
        // An IPv4 and a TCP header, or those of an ICMP error, may come on top of an empty datagram.
        let bytes_max = asked_bytes.get() + sent * 54;
        must(&mut missed, sent <= most, || format!("{sent} frames, of {most} at most"));
        must(&mut missed, answer_bytes.get() <= bytes_max, || format!("{} bytes", answer_bytes.get()));
        let factor = answer_bytes.get() as f64 / asked_bytes.get() as f64;
        (format!("{} frames in answer, {factor:.2} bytes for each that came", thousands(sent)), missed)
    });
    Ok(outcome)
}

/// What nobody may answer.
fn everybody(n: u64, own: Mac) -> (Mac, Vec<u8>) {
    const ALL: Mac = [0xff; 6];
    let (victim, directed) = (victim(n), IpAddr::from([192, 0, 2, 255]));
    let (limited, group) = (IpAddr::from([255; 4]), IpAddr::from([224, 0, 0, 1]));
    let server = IpAddr::from(arena::SERVER);
    let group_mac = [0x01, 0, 0x5e, 0, 0, 1];
    let echo = |to| forge::icmp(victim, to, [8, 0], [0, 1, 0, 1], &[b'x'; 56]);
    let datagram = |to, port| forge::datagram((victim, 1_024).into(), SocketAddr::new(to, port), &[b'x'; 56]);
    let syn = |from, to| Forged {
        from: SocketAddr::new(from, 1_024),
        to: SocketAddr::new(to, arena::ECHO),
        seq: 1,
        ack: None,
        flags: Flags::SYN,
        window: 1_024,
        payload: &[],
    };
    match n % 9 {
        0 => (ALL, echo(directed)),
        1 => (ALL, echo(limited)),
        2 => (group_mac, echo(group)),
        // Nobody has the port, somebody has.
        3 => (ALL, datagram(directed, 65_000)),
        4 => (group_mac, datagram(group, 65_000)),
        5 => (ALL, datagram(directed, SINK)),
        6 => (ALL, syn(victim, directed).packet()),
        // From a group, and about a packet that was an error itself.
        7 => (own, syn(group, server).packet()),
        _ => (own, forge::icmp(victim, server, [3, 3], [0; 4], &echo(victim)[..28])),
    }
}

/// What is answered, and no more than that.
fn closed_ports(n: u64, own: Mac) -> (Mac, Vec<u8>) {
    let dice = Dice::from_seed(arena::SEED).child("reflection");
    let port = 10_000 + (dice.roll(Stream::Application, n) % 50_000) as u16;
    let (from, to) = (SocketAddr::new(victim(n), 1_024), SocketAddr::new(IpAddr::from(arena::SERVER), port));
    if n.is_multiple_of(2) {
        return (own, forge::datagram(from, to, &[b'x'; 56]));
    }
    let syn = Forged { from, to, seq: n as u32, ack: None, flags: Flags::SYN, window: 1_024, payload: &[] };
    (own, syn.packet())
}

/// In whose name the n-th packet is sent.
fn victim(n: u64) -> IpAddr {
    let [_, a, b, c] = ((n + 1) as u32).to_be_bytes();
    IpAddr::from([10, a, b, c])
}

/// A port that takes datagrams and says nothing.
const SINK: u16 = 9;
