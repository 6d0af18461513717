//! Are defects that only a bad network brings out traced to their least cause?
//!
//! Each run is made of chances until the defect shows, then frozen and minimized as `smolsock minimize` does it: what is left
//! are at most three faults, and without them the defect does not show. Not here are the oracles `retransmissions` and
//! `determinism`, which judge runs without faults, and `conservation`, which judges the simulator.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::*;
use crate::link::{Loss, mend};
use crate::search::{Minimal, Placed, freeze, minimize, simpler};

/// What goes wrong on the defective host, and which failure has to tell it.
struct Defect {
    finds: &'static str,
    /// Where it shows, by chance.
    link: Impairments,
    plant: fn(Stage) -> Stage,
}

impl Defect {
    /// The run on a network without chances, but with these faults.
    fn with(&self, seed: u64, faults: &[Placed]) -> Ending {
        let mut stage = Stage::on(seed, DELAY);
        for direction in [Direction::Forward, Direction::Back] {
            let of_direction = faults.iter().filter(|placed| placed.direction == direction);
            let list = of_direction.map(|placed| placed.fault).collect();
            stage.world.fault("ab", direction, list).expect("the cable is there");
        }
        (self.plant)(stage).run()
    }

    fn shows(&self, ending: &Ending) -> bool {
        ending.broken().any(|failure| failure.starts_with(self.finds))
    }

    /// Looks for a run in which it shows, and for the least of what chance did there.
    fn traced(&self) -> Vec<Placed> {
        let by_chance = |seed| (seed, (self.plant)(Stage::on(seed, self.link)).run());
        let (seed, ending) =
            (1..=50).map(by_chance).find(|(_, ending)| self.shows(ending)).expect("chance brings it out");
        let ends = [("ab".to_owned(), "client".to_owned())].into();
        let rolled = freeze::rolled(&ending.trace, &ends);
        assert!(self.shows(&self.with(seed, &rolled)), "{}: the frozen run is the same", self.finds);
        let undisturbed = self.with(seed, &[]);
        assert!(!self.shows(&undisturbed), "{}: {:?}", self.finds, undisturbed.failures);
        let shows = |faults: &[Placed]| Some(self.shows(&self.with(seed, faults)));
        let Minimal { items, is_minimal, .. } = minimize(rolled, simpler, shows, 5_000);
        assert!(is_minimal, "{}: {items:?}", self.finds);
        items
    }

    /// It is traced to at most three faults.
    fn is_traced(&self) -> Vec<Placed> {
        let faults = self.traced();
        assert!((1..=3).contains(&faults.len()), "{}: {faults:?}", self.finds);
        faults
    }
}

impl Stage {
    /// Over a cable that does this.
    fn on(seed: u64, link: Impairments) -> Stage {
        let patience = smolsock::time::Duration::from_secs(3_600);
        Stage::over(seed, link, |config| config.user_timeout = patience)
    }
}

/// Loses and repeats one frame in twenty.
const BAD: Impairments = Impairments { loss: Loss::Bernoulli { ppm: 50_000 }, duplicate_ppm: 50_000, ..DELAY };
/// Lets one in ten come 12 ms late.
const UNORDERED: Impairments = Impairments { reorder_ppm: 100_000, reorder_delay_ns: 12_000_000, ..DELAY };
const CORRUPTING: Impairments = Impairments { corrupt_ppm: 100_000, ..DELAY };

/// A host whose defect wakes up when the client has to send data again.
fn once_repeated(
    stage: Stage,
    mut spoil: impl FnMut(NodeId, Vec<u8>) -> Option<Vec<u8>> + 'static,
) -> (Stage, Arc<AtomicBool>) {
    let (client, is_awake) = (stage.client, Arc::new(AtomicBool::new(false)));
    let (wakes, mut seen) = (Arc::clone(&is_awake), BTreeSet::new());
    let stage = stage.saboteur(move |node, bytes| {
        let data = segment::Segment::parse(Medium::Ip, &bytes).filter(|segment| segment.payload_len > 0);
        if node == client
            && let Some(data) = data
            && !seen.insert(data.seq)
        {
            wakes.store(true, Relaxed);
        }
        if wakes.load(Relaxed) { spoil(node, bytes) } else { Some(bytes) }
    });
    (stage, is_awake)
}

/// What this host's stack tells is changed once the client had to send data again; `None`: it is not told.
fn lies_once_repeated(
    stage: Stage,
    is_server: bool,
    lie: impl Fn(Happened<'_>, &mut dyn FnMut(Happened<'_>)) + Send + Sync + 'static,
) -> Stage {
    let node = if is_server { stage.server } else { stage.client };
    let (stage, is_awake) = once_repeated(stage, |_, bytes| Some(bytes));
    stage.liar(node, move |inspection, ear| {
        let mut tell = |what: Happened<'_>| {
            let mut told = *inspection;
            told.what = what;
            ear.on(&told);
        };
        if is_awake.load(Relaxed) { lie(inspection.what, &mut tell) } else { tell(inspection.what) }
    })
}

#[test]
fn two_bytes_that_change_places_after_a_retransmission() {
    let plant = |stage: Stage| {
        lies_once_repeated(stage.tcp(), true, |what, tell| match what {
            Happened::Received { bytes } if bytes.len() > 1 => {
                let mut bytes = bytes.to_vec();
                let other = bytes.iter().position(|byte| *byte != bytes[0]).unwrap_or(0);
                bytes.swap(0, other);
                tell(Happened::Received { bytes: &bytes });
            }
            what => tell(what),
        })
    };
    Defect { finds: "oracle prefix: ", link: BAD, plant }.is_traced();
}

#[test]
fn a_host_that_ignores_checksums() {
    let plant = |mut stage: Stage| {
        stage.world.corrector = Some(Box::new(|mut bytes| {
            mend::mend(Medium::Ip, &mut bytes);
            bytes
        }));
        stage.tcp()
    };
    let faults = Defect { finds: "oracle prefix: ", link: CORRUPTING, plant }.is_traced();
    assert!(matches!(faults[0].fault.act, Act::Corrupt { mend: false, .. }), "{faults:?}");
}

#[test]
fn an_end_that_comes_too_early_after_a_retransmission() {
    let plant = |stage: Stage| {
        lies_once_repeated(stage.tcp(), true, |what, tell| match what {
            Happened::Received { .. } => {}
            what => tell(what),
        })
    };
    Defect { finds: "oracle complete: ", link: BAD, plant }.is_traced();
}

#[test]
fn a_late_datagram_that_is_given_out_twice() {
    let plant = |stage: Stage| {
        let (server, mut newest) = (stage.server, 0);
        stage.udp().liar(server, move |inspection, ear| {
            ear.on(inspection);
            if let Happened::ReceivedDatagram { bytes, .. } = inspection.what {
                if bytes[0] < newest {
                    ear.on(inspection);
                }
                newest = newest.max(bytes[0]);
            }
        })
    };
    Defect { finds: "oracle datagrams: ", link: UNORDERED, plant }.is_traced();
}

#[test]
fn an_application_that_counts_on_the_order_of_datagrams() {
    let plant = |mut stage: Stage| {
        stage.world.app(stage.server, "counts", |host| async move {
            let socket = UdpSocket::bind(&host, at(0, 9))?;
            let mut datagram = [0; 100];
            for number in 0..10 {
                socket.recv_from(&mut datagram).await?;
                if datagram[0] != number {
                    return Err(format!("datagram {} came instead of {number}", datagram[0]).into());
                }
            }
            Ok(())
        });
        stage.world.app(stage.client, "source", |host| async move {
            let socket = UdpSocket::bind(&host, at(0, 0))?;
            for number in 0..10_u8 {
                socket.send_to(&[number; 20], at(2, 9)).await?;
                host.sleep(Duration::from_millis(5)).await;
            }
            Ok(())
        });
        stage
    };
    let faults = Defect { finds: "counts failed: datagram", link: UNORDERED, plant }.is_traced();
    assert_eq!(faults.len(), 1, "{faults:?}");
}

#[test]
fn data_beyond_the_window_after_a_retransmission() {
    let plant = |stage: Stage| {
        let client = stage.client;
        let spoil = move |node, bytes: Vec<u8>| match node == client && payload_len(&bytes) > 0 {
            true => Some(retouch(bytes, |tcp| tcp.set_seq_number(tcp.seq_number() + 200_000))),
            false => Some(bytes),
        };
        once_repeated(stage.tcp(), spoil).0
    };
    Defect { finds: "oracle window: ", link: BAD, plant }.is_traced();
}

#[test]
fn an_acknowledgement_that_runs_ahead_after_a_retransmission() {
    let plant = |stage: Stage| {
        let server = stage.server;
        let spoil = move |node, bytes: Vec<u8>| match node == server && payload_len(&bytes) > 0 {
            true => Some(retouch(bytes, |tcp| tcp.set_ack_number(tcp.ack_number() + 5_000))),
            false => Some(bytes),
        };
        once_repeated(stage.tcp(), spoil).0
    };
    Defect { finds: "oracle acks: ", link: BAD, plant }.is_traced();
}

#[test]
fn a_step_that_is_no_edge_after_a_retransmission() {
    let plant = |stage: Stage| {
        lies_once_repeated(stage.tcp(), false, |what, tell| match what {
            Happened::State { before: TcpState::Established, .. } => {
                tell(Happened::State { before: TcpState::Established, after: TcpState::LastAck });
            }
            what => tell(what),
        })
    };
    Defect { finds: "oracle states: ", link: BAD, plant }.is_traced();
}

#[test]
fn readiness_that_lies_after_a_retransmission() {
    let plant = |stage: Stage| {
        lies_once_repeated(stage.tcp(), false, |what, tell| match what {
            Happened::Failed { call, errno: Errno::EAGAIN, .. } => {
                let readiness = Readiness::IN | Readiness::OUT;
                tell(Happened::Failed { call, errno: Errno::EAGAIN, readiness });
            }
            what => tell(what),
        })
    };
    Defect { finds: "oracle readiness: ", link: BAD, plant }.is_traced();
}

#[test]
fn a_socket_that_is_forgotten_where_connecting_took_long() {
    let plant = |mut stage: Stage| {
        stage.world.daemon(stage.server, "server", |host: Host| async move {
            let listener = TcpListener::bind(&host, at(0, 7), 5)?;
            loop {
                drop(listener.accept().await?);
            }
        });
        stage.world.app(stage.client, "client", move |host: Host| async move {
            let stream = TcpStream::connect(&host, at(2, 7)).await?;
            if host.now().as_micros() > 500_000 {
                std::mem::forget(stream);
            }
            Ok(())
        });
        stage
    };
    let faults = Defect { finds: "oracle leaks: ", link: BAD, plant }.is_traced();
    assert_eq!(faults.len(), 1, "{faults:?}");
}

#[test]
fn a_host_that_falls_silent_after_a_retransmission() {
    let plant = |stage: Stage| {
        let (client, mut swallowed) = (stage.client, 0);
        let spoil = move |node, bytes| {
            swallowed += u32::from(node == client);
            (node != client || swallowed > 20).then_some(bytes)
        };
        once_repeated(stage.tcp(), spoil).0
    };
    Defect { finds: "oracle liveness: ", link: BAD, plant }.is_traced();
}
