//! Do the oracles bite? For each a planted defect, which it must find, and the same world without it, in which all is well.

mod minimal;

use std::time::Duration;

use smolsock::inspect::{Happened, Inspection, Inspector};
use smolsock::task::{TcpListener, TcpStream, UdpSocket};
use smolsock::{Errno, Readiness, TcpState};
use smoltcp::wire::{IpAddress, Ipv4Packet, TcpPacket};

use super::*;
use crate::app::echo;
use crate::journal::Ear;
use crate::link::{Act, Direction, Fault, Impairments, When};
use crate::world::{Ending, Saboteur, World, WorldError};
use crate::{Host, Medium};

const DELAY: Impairments = Impairments { delay_ns: 10_000_000, ..PERFECT };
const PERFECT: Impairments = Impairments {
    mtu_bytes: None,
    loss: crate::link::Loss::None,
    rate_bps: 0,
    queue: crate::link::Queue::of_frames(1_000),
    delay_ns: 0,
    jitter: crate::link::Jitter::uniform(0),
    reorder_ppm: 0,
    reorder_delay_ns: 0,
    duplicate_ppm: 0,
    corrupt_ppm: 0,
    mend_checksum: false,
};

/// A client and a server, 10 ms apart.
struct Stage {
    world: World,
    client: NodeId,
    server: NodeId,
}

impl Stage {
    fn new() -> Stage {
        Stage::with(|_| {})
    }

    /// With hosts that give up after an hour.
    fn patient() -> Stage {
        Stage::with(|config| config.user_timeout = smolsock::time::Duration::from_secs(3_600))
    }

    fn with(tune: impl Fn(&mut smolsock::Config)) -> Stage {
        Stage::over(1, DELAY, tune)
    }

    fn over(seed: u64, link: Impairments, tune: impl Fn(&mut smolsock::Config)) -> Stage {
        let mut world = World::with_medium(seed, Medium::Ip);
        let client = world.host_with("client", &["192.0.2.1/24"], &tune).expect("a good address");
        let server = world.host_with("server", &["192.0.2.2/24"], &tune).expect("a good address");
        world.cable("ab", client, server, link).expect("two hosts");
        Stage { world, client, server }
    }

    /// The client sends 20 kB and gets them back.
    fn tcp(mut self) -> Stage {
        self.world.daemon(self.server, "echo", |host| echo::tcp_server(host, at(0, 7), 5));
        self.world.app(self.client, "client", |host| echo::tcp_client(host, at(2, 7), 1, 20_000, 1_000));
        self
    }

    /// The client sends ten datagrams, the server takes what comes.
    fn udp(mut self) -> Stage {
        self.world.daemon(self.server, "sink", |host| async move {
            let socket = UdpSocket::bind(&host, at(0, 9))?;
            loop {
                socket.recv_from(&mut [0; 100]).await?;
            }
        });
        self.world.app(self.client, "source", |host| async move {
            let socket = UdpSocket::bind(&host, at(0, 0))?;
            for number in 0..10_u8 {
                socket.send_to(&[number; 20], at(2, 9)).await?;
                host.sleep(Duration::from_millis(5)).await;
            }
            Ok(())
        });
        self
    }

    fn fault(mut self, fault: Act, nth: u64) -> Stage {
        let fault = Fault { when: When::Frame(nth), act: fault };
        self.world.fault("ab", Direction::Forward, vec![fault]).expect("a cable");
        self
    }

    /// What the node's stack tells goes through `lie` first.
    fn liar(self, node: NodeId, lie: impl FnMut(&Inspection<'_>, &mut Ear) + Send + Sync + 'static) -> Stage {
        let ear = Ear::new(node, self.world.watch());
        self.world.handle(node).stack.borrow_mut().set_inspector(Box::new(Liar { ear, lie }));
        self
    }

    fn saboteur(mut self, saboteur: impl FnMut(NodeId, Vec<u8>) -> Option<Vec<u8>> + 'static) -> Stage {
        self.world.saboteur = Some(Box::new(saboteur) as Saboteur);
        self
    }

    fn run(self) -> Ending {
        self.world.run(Time::from_secs(1_000))
    }
}

/// An inspector that does not say what it hears.
struct Liar<F> {
    ear: Ear,
    lie: F,
}

impl<F: FnMut(&Inspection<'_>, &mut Ear) + Send + Sync> Inspector for Liar<F> {
    fn on(&mut self, inspection: &Inspection<'_>) {
        (self.lie)(inspection, &mut self.ear);
    }
}

fn at(host: u8, port: u16) -> std::net::SocketAddr {
    (if host == 0 { [0; 4] } else { [192, 0, 2, host] }, port).into()
}

/// The sentence of this oracle is among the failures.
fn bites(oracle: Oracle, ending: &Ending) {
    let sentence = format!("{oracle}: ");
    assert!(ending.failures.iter().any(|failure| failure.starts_with(&sentence)), "{:?}", ending.failures);
}

/// Nothing is wrong.
fn sleeps(ending: &Ending) {
    assert!(ending.failures.is_empty(), "{:?}", ending.failures);
}

/// Changes the TCP header of an IPv4 packet, and makes its checksum right again.
fn retouch(mut bytes: Vec<u8>, change: impl FnOnce(&mut TcpPacket<&mut [u8]>)) -> Vec<u8> {
    let ip = Ipv4Packet::new_unchecked(&bytes);
    let (from, to, header) = (IpAddress::Ipv4(ip.src_addr()), IpAddress::Ipv4(ip.dst_addr()), ip.header_len());
    let mut tcp = TcpPacket::new_unchecked(&mut bytes[usize::from(header)..]);
    change(&mut tcp);
    tcp.fill_checksum(&from, &to);
    bytes
}

fn payload_len(bytes: &[u8]) -> u32 {
    segment::Segment::parse(Medium::Ip, bytes).map_or(0, |segment| segment.payload_len)
}

/// Whether this is the `nth` call with a data segment of `node`.
fn nth_data(of: NodeId, nth: u32) -> impl FnMut(NodeId, &[u8]) -> bool {
    let mut count = 0;
    move |node, bytes| {
        let is_data = node == of && payload_len(bytes) > 0;
        count += u32::from(is_data);
        is_data && count == nth
    }
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    sleeps(&Stage::new().tcp().run());
    sleeps(&Stage::new().udp().run());
}

#[test]
fn every_oracle_has_a_name_and_a_sentence_of_its_own() {
    let names: std::collections::BTreeSet<_> = Oracle::ALL.iter().map(|oracle| oracle.name()).collect();
    let sentences: std::collections::BTreeSet<_> = Oracle::ALL.iter().map(|oracle| oracle.sentence()).collect();
    assert_eq!((names.len(), sentences.len()), (Oracle::ALL.len(), Oracle::ALL.len()));
}

#[test]
fn prefix_finds_a_byte_that_the_network_has_changed_behind_the_checksum() {
    let flip = Act::Corrupt { byte: 45, bit: 2, mend: true };
    bites(Oracle::Prefix, &Stage::new().tcp().fault(flip, 2).run());
    let seen = Act::Corrupt { byte: 45, bit: 2, mend: false };
    sleeps(&Stage::new().tcp().fault(seen, 2).run());
}

#[test]
fn prefix_finds_two_bytes_that_have_changed_places() {
    let stage = Stage::new().tcp();
    let server = stage.server;
    let ending = stage.liar(server, |inspection, ear| {
        let mut lie = *inspection;
        match inspection.what {
            Happened::Received { bytes } if bytes.len() > 1 => {
                let mut bytes = bytes.to_vec();
                let other = bytes.iter().position(|byte| *byte != bytes[0]).unwrap_or(0);
                bytes.swap(0, other);
                lie.what = Happened::Received { bytes: &bytes };
                ear.on(&lie);
            }
            _ => ear.on(&lie),
        }
    });
    bites(Oracle::Prefix, &ending.run());
}

#[test]
fn complete_finds_an_end_that_comes_too_early() {
    let stage = Stage::new().tcp();
    let server = stage.server;
    let mut left = 5;
    let ending = stage.liar(server, move |inspection, ear| {
        if matches!(inspection.what, Happened::Received { .. }) {
            if left == 0 {
                return;
            }
            left -= 1;
        }
        ear.on(inspection);
    });
    bites(Oracle::Complete, &ending.run());
}

#[test]
fn datagrams_finds_a_second_copy_and_a_changed_one() {
    let stage = Stage::new().udp();
    let server = stage.server;
    let twice = stage.liar(server, |inspection, ear| {
        ear.on(inspection);
        if matches!(inspection.what, Happened::ReceivedDatagram { .. }) {
            ear.on(inspection);
        }
    });
    bites(Oracle::Datagrams, &twice.run());
    let flip = Act::Corrupt { byte: 40, bit: 0, mend: true };
    bites(Oracle::Datagrams, &Stage::new().udp().fault(flip, 3).run());
    sleeps(&Stage::new().udp().fault(Act::Duplicate, 3).run());
}

#[test]
fn window_finds_data_beyond_it() {
    let stage = Stage::new().tcp();
    let mut is_it = nth_data(stage.client, 3);
    let ending = stage.saboteur(move |node, bytes| match is_it(node, &bytes) {
        true => Some(retouch(bytes, |tcp| tcp.set_seq_number(tcp.seq_number() + 200_000))),
        false => Some(bytes),
    });
    bites(Oracle::Window, &ending.run());
}

#[test]
fn acks_finds_those_that_go_back_and_those_that_run_ahead() {
    for by in [-5_000_i32, 5_000] {
        let stage = Stage::new().tcp();
        let mut is_it = nth_data(stage.server, 3);
        let ending = stage.saboteur(move |node, bytes| match is_it(node, &bytes) {
            true => Some(retouch(bytes, |tcp| {
                tcp.set_ack_number(smoltcp::wire::TcpSeqNumber(tcp.ack_number().0.wrapping_add(by)));
            })),
            false => Some(bytes),
        });
        bites(Oracle::Acks, &ending.run());
    }
}

#[test]
fn states_finds_a_step_that_is_no_edge() {
    let stage = Stage::new().tcp();
    let client = stage.client;
    let ending = stage.liar(client, |inspection, ear| {
        let mut lie = *inspection;
        if let Happened::State { before: TcpState::Established, .. } = lie.what {
            lie.what = Happened::State { before: TcpState::Established, after: TcpState::LastAck };
        }
        ear.on(&lie);
    });
    bites(Oracle::States, &ending.run());
}

#[test]
fn readiness_finds_a_promise_that_was_not_kept() {
    let stage = Stage::new().tcp();
    let client = stage.client;
    let ending = stage.liar(client, |inspection, ear| {
        let mut lie = *inspection;
        if let Happened::Failed { call, errno: Errno::EAGAIN, .. } = lie.what {
            lie.what = Happened::Failed { call, errno: Errno::EAGAIN, readiness: Readiness::IN | Readiness::OUT };
        }
        ear.on(&lie);
    });
    bites(Oracle::Readiness, &ending.run());
}

#[test]
fn conservation_finds_a_frame_that_vanishes_one_from_nowhere_and_one_at_another_time() {
    use crate::journal::{Watch, Way};
    use crate::trace::{Arrival, Fate, PacketId};
    let arrives = Time::from_millis(5);
    let run = |times: &[Time]| {
        let mut watch = Watch::new(Medium::Ip);
        let way = Way { cable: 0, direction: Direction::Forward };
        let fate = Fate::arrives(vec![Arrival::intact(arrives)], 0);
        watch.on_sent(way, NodeId(0), PacketId(0), &[]);
        watch.on_fate(way, NodeId(0), PacketId(0), Time::ZERO, &[], &fate);
        for at in times {
            watch.set_now(*at);
            watch.on_arrived(way, NodeId(1), PacketId(0), &[]);
        }
        watch.finish().1
    };
    assert_eq!(run(&[arrives]), []);
    for times in [&[][..], &[arrives, arrives], &[Time::from_millis(4)]] {
        let found = run(times);
        assert!(matches!(found.as_slice(), [Finding { oracle: Oracle::Conservation, .. }]), "{times:?}: {found:?}");
    }
}

#[test]
fn leaks_finds_a_socket_that_nobody_closes() {
    let forgetful = |is_forgetful: bool| {
        let mut stage = Stage::new();
        stage.world.daemon(stage.server, "server", |host: Host| async move {
            let listener = TcpListener::bind(&host, at(0, 7), 5)?;
            loop {
                let (stream, _) = listener.accept().await?;
                drop(stream);
            }
        });
        stage.world.app(stage.client, "client", move |host: Host| async move {
            let stream = TcpStream::connect(&host, at(2, 7)).await?;
            if is_forgetful {
                std::mem::forget(stream);
            }
            Ok(())
        });
        stage.run()
    };
    bites(Oracle::Leaks, &forgetful(true));
    sleeps(&forgetful(false));
}

#[test]
fn leaks_finds_what_the_stack_keeps_of_closed_sockets() {
    let stage = Stage::new().tcp();
    let client = stage.client;
    // Whoever hears of the end too early sees a stack that still holds on.
    let mut leaks = leaks::Leaks::default();
    let mut findings = Findings::new(Oracles::ALL);
    let host = stage.world.handle(client);
    let kept = host.stack.borrow_mut().socket(smolsock::Domain::Inet, smolsock::Type::Stream).expect("room");
    let holdings = host.stack.borrow().holdings();
    leaks.on_end(Time::ZERO, client, holdings, &mut findings);
    assert_eq!(findings.list.len(), 1, "{kept:?} is not known to be open, and takes a place");
    host.stack.borrow_mut().close(kept).expect("open");
    let mut findings = Findings::new(Oracles::ALL);
    leaks.on_end(Time::ZERO, client, host.stack.borrow().holdings(), &mut findings);
    assert_eq!(findings.list, []);
}

#[test]
fn liveness_finds_a_transfer_that_stands_still() {
    // A client that is mute for some minutes, forty frames of it, and a server that is patient.
    let stage = Stage::patient().tcp();
    let (client, mut sent) = (stage.client, 0);
    let ending = stage.saboteur(move |node, bytes| {
        sent += u32::from(node == client);
        (node != client || !(10..50).contains(&sent)).then_some(bytes)
    });
    bites(Oracle::Liveness, &ending.run());
}

#[test]
fn liveness_holds_the_applications_to_the_bound_that_was_set() {
    let bounded = |bound_ms| {
        let mut stage = Stage::new().tcp().fault(Act::Drop, 3);
        stage.world.set_bound(Duration::from_millis(bound_ms));
        stage.run()
    };
    bites(Oracle::Liveness, &bounded(100));
    sleeps(&bounded(5_000));
}

#[test]
fn retransmissions_finds_a_segment_that_nobody_missed() {
    let stage = Stage::new().tcp();
    let (client, mut first) = (stage.client, None);
    let mut is_third = nth_data(client, 3);
    let ending = stage.saboteur(move |node, bytes| {
        if node == client && payload_len(&bytes) > 0 && first.is_none() {
            first = Some(bytes.clone());
        }
        if is_third(node, &bytes) { first.clone() } else { Some(bytes) }
    });
    bites(Oracle::Retransmissions, &ending.run());
    sleeps(&Stage::new().tcp().fault(Act::Drop, 3).run());
}

#[test]
fn determinism_finds_a_run_that_differs() {
    let mut count = 0;
    let ending = twice(
        || {
            count += 1;
            let mut stage = Stage::new().udp();
            let wait = Duration::from_millis(count);
            stage.world.app(stage.client, "fickle", move |host: Host| async move {
                host.sleep(wait).await;
                UdpSocket::bind(&host, at(0, 0))?.send_to(b"now", at(2, 9)).await?;
                Ok(())
            });
            Ok::<_, WorldError>(stage.world)
        },
        Time::from_secs(60),
    );
    bites(Oracle::Determinism, &ending.expect("a good world"));
    let ending = twice(|| Ok::<_, WorldError>(Stage::new().tcp().world), Time::from_secs(60));
    sleeps(&ending.expect("a good world"));
}

#[test]
fn an_oracle_that_is_not_asked_says_nothing() {
    let mut stage = Stage::new();
    stage.world.set_oracles(Oracles::ALL.without(Oracle::Prefix));
    let flip = Act::Corrupt { byte: 45, bit: 2, mend: true };
    let ending = stage.tcp().fault(flip, 2).run();
    assert!(!ending.failures.iter().any(|failure| failure.contains("oracle")), "{:?}", ending.failures);
    assert!(!ending.failures.is_empty(), "the application sees it too");
}
