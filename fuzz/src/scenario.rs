//! Do all promises hold for two real hosts, whatever the cable between them does?

use arbitrary::Arbitrary;
use smolsock_sim::link::{Act, Direction, Fault, Impairments, Jitter, Loss, Pattern, Queue, Shape, When};
use smolsock_sim::scenario::model::{self, Cable, Change, Host, Scenario};
use smolsock_sim::world::{self, Ways};
use smolsock_sim::{Medium, Recording, verify};

use crate::Attack;
use crate::talk::Talk;

/// A network of two hosts, what goes wrong, and who talks.
#[derive(Arbitrary, Debug)]
pub struct Network {
    seed: u8,
    is_ip: bool,
    is_ipv6: bool,
    ways: [Way; 2],
    /// Receive and send buffers of both hosts.
    buffers: [u16; 4],
    faults: Vec<Hit>,
    cuts: Vec<Cut>,
    talks: Vec<Talk>,
}

/// One direction of the cable; what chance does to frames, in percent.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Way {
    loss: u8,
    comes_in_bursts: bool,
    delay_ms: u8,
    jitter_ms: u8,
    reorder: u8,
    duplicate: u8,
    corrupt: u8,
    rate_kbps: Option<u16>,
    queue_frames: Option<u8>,
}

/// What happens to a chosen frame.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Hit {
    is_back: bool,
    when: Which,
    what: What,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Which {
    Frame(u8),
    Segment { index: u8, transmission: u8 },
    Kind { pattern: u8, nth: u8 },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum What {
    Drop,
    Duplicate,
    Delay { ms: u16 },
    Corrupt { byte: u16, bit: u8 },
    Truncate { len: u16 },
}

/// A time in which nothing passes.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Cut {
    from_ms: u16,
    len_ms: u16,
    ways: u8,
}

impl Attack for Network {
    fn play(self) {
        let scenario = self.scenario();
        let text = scenario.to_toml();
        assert_eq!(Scenario::parse("any", &text).as_ref(), Ok(&scenario), "\n{text}");
        let run = scenario.run(Recording::Full).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let broken: Vec<_> = run.broken().filter(|failure| !self.is_excused(failure)).collect();
        assert!(broken.is_empty(), "{broken:#?}\nin this scenario:\n{text}");
        assert_eq!(verify::verify(&run.trace, &run.links), Ok(()), "in this scenario:\n{text}");
        if self.seed.is_multiple_of(8) {
            let again = scenario.run(Recording::Full).expect("it was built before");
            assert!(again.trace == run.trace && again.notes == run.notes, "not the same twice:\n{text}");
        }
    }
}

impl Network {
    /// Somebody who is rude fails, and so does who asks in vain for a link-layer address.
    fn is_excused(&self, failure: &str) -> bool {
        failure.starts_with("rude ") || (!self.is_ip && failure.contains("EHOSTUNREACH"))
    }

    /// As the data of the simulator: what fails can be played by the command, too.
    pub fn scenario(&self) -> Scenario {
        let mut scenario = Scenario::new("any");
        scenario.seed = self.seed.into();
        scenario.medium = if self.is_ip { Medium::Ip } else { Medium::Ethernet };
        for (number, name) in ["client", "server"].into_iter().enumerate() {
            let bytes = |nth: usize| Some(u64::from(self.buffers[2 * number + nth] % 16_384).max(BUFFER_MIN_BYTES));
            scenario.hosts.push(Host {
                name: name.into(),
                addresses: vec![format!("192.0.2.{}/24", number + 1), format!("2001:db8::{}/64", number + 1)],
                tcp_recv_bytes: bytes(0),
                tcp_send_bytes: bytes(1),
                connect_timeout_ns: Some(PATIENCE_NS),
                half_open_timeout_ns: Some(PATIENCE_NS),
                user_timeout_ns: Some(PATIENCE_NS),
                ..Host::default()
            });
        }
        let [forward, back] = self.ways.map(Way::impairments);
        scenario.cables.push(Cable { name: "ab".into(), a: "client".into(), b: "server".into(), forward, back });
        // Two flipped bits can have the right checksum together.
        let mut may_flip = HAS_CHECKSUMS && self.ways.iter().all(|way| way.corrupt % 6 == 0);
        for hit in self.faults.iter().take(FAULTS_MAX) {
            let is_flip = matches!(hit.what, What::Corrupt { .. });
            if !is_flip || may_flip {
                scenario.faults.push(hit.fault());
            }
            may_flip &= !is_flip;
        }
        scenario.changes = self.changes();
        for (number, talk) in self.talks.iter().take(TALKS_MAX).enumerate() {
            scenario.apps.extend(talk.apps(number as u16, self.is_ipv6));
        }
        scenario.apps.push(crate::talk::clock(MENDED_NS));
        scenario
    }

    /// The cable is cut and healed, and in the end there is nothing wrong with it.
    fn changes(&self) -> Vec<Change> {
        let cable = || "ab".to_owned();
        let mut changes = Vec::new();
        for cut in self.cuts.iter().take(CUTS_MAX) {
            let ways = [Ways::Both, Ways::Forward, Ways::Back][usize::from(cut.ways % 3)];
            let from_ns = u64::from(cut.from_ms % 30_000) * MS;
            let until_ns = from_ns + u64::from(cut.len_ms % 3_000) * MS;
            changes.push(Change { at_ns: from_ns, change: world::Change::Cut { cable: cable(), ways } });
            changes.push(Change { at_ns: until_ns, change: world::Change::Heal { cable: cable(), ways } });
        }
        let heal = world::Change::Heal { cable: cable(), ways: Ways::Both };
        let mend = world::Change::Impair { cable: cable(), ways: Ways::Both, to: Impairments::default() };
        changes.extend([heal, mend].map(|change| Change { at_ns: MENDED_NS, change }));
        changes
    }
}

impl Way {
    fn impairments(self) -> Impairments {
        let percent = |value: u8, most: u8| u32::from(value % (most + 1)) * 10_000;
        let ppm = percent(self.loss, 20);
        let bursts = Loss::GilbertElliott {
            good_to_bad_ppm: ppm / 4,
            bad_to_good_ppm: 300_000,
            loss_good_ppm: 0,
            loss_bad_ppm: 900_000,
        };
        Impairments {
            loss: if self.comes_in_bursts { bursts } else { Loss::Bernoulli { ppm } },
            rate_bps: self.rate_kbps.map_or(0, |kbps| 500_000 + 1_000 * u64::from(kbps)),
            queue: self.queue_frames.map_or(Queue::CODEL, |frames| Queue::of_frames(u32::from(frames) + 4)),
            delay_ns: u64::from(self.delay_ms % 100) * MS,
            jitter: Jitter { ns: u64::from(self.jitter_ms % 50) * MS, shape: Shape::Uniform },
            reorder_ppm: percent(self.reorder, 10),
            reorder_delay_ns: 3 * MS,
            duplicate_ppm: percent(self.duplicate, 10),
            corrupt_ppm: if HAS_CHECKSUMS { percent(self.corrupt, 5) } else { 0 },
            ..Impairments::default()
        }
    }
}

impl Hit {
    fn fault(self) -> model::Fault {
        let direction = if self.is_back { Direction::Back } else { Direction::Forward };
        let when = match self.when {
            Which::Frame(nth) => When::Frame(nth.into()),
            Which::Segment { index, transmission } => {
                When::Segment { index: (index % 40).into(), transmission: (transmission % 3).into() }
            }
            Which::Kind { pattern, nth } => {
                When::matching(Pattern::ALL[usize::from(pattern) % Pattern::ALL.len()], (nth % 20).into())
            }
        };
        // Behind the addresses: a frame for another host is as good as dropped.
        let behind = |at: u16| usize::from(at % 1_500) + 14;
        let act = match self.what {
            What::Drop => Act::Drop,
            What::Duplicate => Act::Duplicate,
            What::Delay { ms } => Act::Delay(u64::from(ms % 2_000 + 1) * MS),
            What::Corrupt { byte, bit } => Act::Corrupt { byte: behind(byte), bit: bit % 8, mend: false },
            What::Truncate { len } => Act::Truncate { len: behind(len) },
        };
        model::Fault { cable: "ab".into(), direction, fault: Fault { when, act } }
    }
}

/// Built with `--cfg fuzzing`, smoltcp takes every checksum for right. The targets are to be built without.
const HAS_CHECKSUMS: bool = !cfg!(fuzzing);
const MS: u64 = 1_000_000;
/// When nothing is wrong any more.
const MENDED_NS: u64 = 60_000 * MS;
/// Nobody gives up before that.
const PATIENCE_NS: u64 = 20 * MENDED_NS;
const FAULTS_MAX: usize = 12;
const CUTS_MAX: usize = 3;
const TALKS_MAX: usize = 4;
/// In a window that holds no whole segment smoltcp waits for a time-out each time (B3).
const BUFFER_MIN_BYTES: u64 = 1_500;
