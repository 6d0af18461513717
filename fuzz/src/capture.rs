//! Does a capture hold what was put into it, and does our reader bear any file?

use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use smolsock_sim::Medium;
use smolsock_sim::capture::{self, About, Captured, Format, ReadError};
use smolsock_sim::link::{Act, Cable, Direction, Fault, Pattern, When};
use smolsock_sim::observe::{dissect::dissect, observe};
use smolsock_sim::time::Time;
use smolsock_sim::trace::{FrameRecord, LinkName, Node, NodeId, NodeKind, PacketId, Trace};

use crate::Attack;

/// Any bytes, as they are: a file, and frames for a file.
#[derive(Debug)]
pub struct Capture(Vec<u8>);

impl Arbitrary<'_> for Capture {
    fn arbitrary(u: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        Ok(Capture(u.bytes(u.len())?.to_vec()))
    }
}

/// A reader of capture files.
pub type Reader = fn(&[u8]) -> Result<Vec<Captured>, ReadError>;

impl Attack for Capture {
    fn play(self) {
        look(&self.0, capture::read);
        for format in Format::ALL {
            write_and_read(&self.0, format, capture::read);
        }
    }
}

/// Reads any bytes as a file.
///
/// # Panics
/// If more comes out than went in, or an error does not say where.
pub fn look(file: &[u8], read: Reader) {
    match read(file) {
        Ok(frames) => {
            let bytes: usize = frames.iter().map(|frame| frame.bytes.len()).sum();
            let comments: usize = frames.iter().flat_map(|frame| &frame.comments).map(String::len).sum();
            assert!(bytes + comments <= file.len(), "{bytes} and {comments} bytes from {}", file.len());
            assert!(frames.iter().all(|frame| frame.bytes.len() <= frame.full_bytes as usize));
            frames.iter().for_each(look_at_frame);
        }
        Err(error) => {
            assert!(error.at <= file.len(), "{error}");
            assert!(!error.message.is_empty() && error.message.len() < 1_000, "{error}");
        }
    }
}

/// Whatever is in a file is described.
fn look_at_frame(frame: &Captured) {
    let dissected = dissect(frame.medium, &frame.bytes);
    if let Some((from, to)) = dissected.endpoints() {
        assert_eq!(from.is_ipv4(), to.is_ipv4());
    }
    let is_any = |pattern: &Pattern| pattern.matches(frame.medium, &frame.bytes);
    assert!(Pattern::ALL.iter().any(is_any), "of no kind");
}

/// Writes frames and what became of them, and reads the file.
///
/// # Panics
/// If something else comes back.
pub fn write_and_read(bytes: &[u8], format: Format, read: Reader) {
    let trace = trace(bytes);
    let about = About { scenario: "any".into(), seed: 1, replay: "none".into() };
    for vantage in [NodeId(0), NodeId(1)] {
        let mut file = Vec::new();
        capture::write_as(format, &trace, vantage, &about, &mut file).expect("memory takes everything");
        let frames = read(&file).unwrap_or_else(|error| panic!("our own file: {error}"));
        let found: Vec<_> = frames.iter().map(|frame| (frame.at, frame.bytes.clone())).collect();
        assert_eq!(found, seen(&trace, vantage), "in {format} of {vantage:?}");
        assert!(frames.iter().all(|frame| frame.medium == trace.medium));
        let lost = frames.iter().flat_map(|frame| &frame.comments).filter(|text| text.contains("DROP")).count();
        let dropped = trace.frames.iter().filter(|frame| frame.fate.drop.is_some() && frame.from == vantage).count();
        assert_eq!(lost, if format == Format::Pcap { 0 } else { dropped });
        assert!(capture::segments(&trace, vantage).len() <= frames.len());
    }
    let observed = observe(&trace);
    assert_eq!(observed.packets.len(), trace.frames.len());
}

/// When and what a node saw, in the order in which it saw it.
fn seen(trace: &Trace, vantage: NodeId) -> Vec<(Duration, Vec<u8>)> {
    let mut seen = Vec::new();
    for frame in &trace.frames {
        if frame.from == vantage {
            seen.push((frame.sent_at.wall(), frame.bytes.clone()));
        }
        if frame.to == vantage {
            let copies = frame.fate.copies.iter();
            seen.extend(copies.map(|copy| (copy.at.wall(), frame.arriving(copy).to_vec())));
        }
    }
    seen.sort_by_key(|(at, _)| *at);
    seen
}

/// Frames between two hosts: each begins with its length, with what happens to it, and with how long after the last.
fn trace(bytes: &[u8]) -> Trace {
    let (first, mut rest) = bytes.split_first().unwrap_or((&0, &[]));
    let medium = if first % 2 == 0 { Medium::Ethernet } else { Medium::Ip };
    let node = |name: &str, last| {
        let mac = (medium == Medium::Ethernet).then_some([2, 0, 0, 0, 0, last]);
        Node { name: name.into(), kind: NodeKind::Host { addrs: vec![[192, 0, 2, last].into()], mac } }
    };
    let mut trace = Trace { medium, nodes: vec![node("a", 1), node("b", 2)], frames: Vec::new() };
    let mut cable = Cable::new("ab", medium, 1);
    let mut now = Time::ZERO;
    while let [len, what, wait, after @ ..] = rest {
        let (frame, next) = after.split_at(after.len().min((*len).into()));
        rest = next;
        now = now.after_ns(u64::from(*wait) << (what >> 4));
        let (direction, ends) = match what & 8 {
            0 => (Direction::Forward, [NodeId(0), NodeId(1)]),
            _ => (Direction::Back, [NodeId(1), NodeId(0)]),
        };
        let link = cable.link_mut(direction);
        let nth = link.frames();
        let act = match what & 7 {
            0 => Some(Act::Drop),
            1 => Some(Act::Duplicate),
            2 => Some(Act::Delay(1_000 * u64::from(*wait))),
            3 => Some(Act::Corrupt { byte: usize::from(*wait), bit: wait % 8, mend: what & 16 != 0 }),
            4 => Some(Act::Truncate { len: usize::from(*wait) }),
            _ => None,
        };
        link.add_faults(act.map(|act| Fault { when: When::Frame(nth), act }).into_iter().collect());
        let fate = link.send(now, frame);
        let (id, link) = (PacketId(trace.frames.len() as u64), LinkName::from("ab"));
        let [from, to] = ends;
        trace.frames.push(FrameRecord { id, sent_at: now, from, to, link, nth, bytes: frame.to_vec(), fate });
    }
    trace
}
