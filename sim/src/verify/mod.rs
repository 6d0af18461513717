//! Is this trace physically possible?
//!
//! A second implementation of the network's rules, which shares nothing with [`link`](crate::link) but its settings: it reads
//! what was sent, when it arrived and why it did not, and says where that cannot be. The generator of a run decides what
//! happens; this only knows what may.

#[cfg(test)]
mod tests;
mod way;

use std::collections::BTreeMap;

use crate::link::{Direction, Fault, Impairments};
use crate::time::Time;
use crate::trace::{FrameRecord, LinkName, NodeId, NodeKind, PacketId, Trace};
use way::Replay;

/// The cables of a world, with all that they were to do to frames: what a trace is measured by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// In the order of laying.
    pub cables: Vec<Cable>,
}

/// One cable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cable {
    /// Its name.
    pub name: LinkName,
    /// The end named first.
    pub a: NodeId,
    /// The end named second.
    pub b: NodeId,
    /// From `a` to `b`.
    pub forward: Settings,
    /// From `b` to `a`.
    pub back: Settings,
}

/// What one direction of a cable was to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// From the beginning on.
    pub impairments: Impairments,
    /// To chosen frames.
    pub faults: Vec<Fault>,
    /// Later, in order; a change counts for the frames of its time already.
    pub changes: Vec<(Time, Setting)>,
}

/// A change of one direction of a cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// Frames that are sent are dropped.
    Cut,
    /// They are carried again.
    Heal,
    /// This is done to frames from now on.
    Impair(Impairments),
}

/// Replays `trace` against the rules of its `links`.
///
/// - A frame comes from a host, which makes it, or from a node that it came to before: not from nowhere.
/// - A frame takes its turn: serialisation takes its time, the transmitter serves one after the other, and what finds no
///   room is dropped, nothing else.
/// - Nothing arrives before its delay, or later than jitter and faults allow; where they allow none, order is kept.
/// - No more copies arrive than were made, and none is altered but as the settings say.
/// - Every drop has a reason that the settings give.
///
/// ```
/// use smolsock_sim::{World, app::echo, link::Impairments, time::Time, verify};
/// let mut world = World::new(1);
/// let client = world.host("client", &["192.0.2.1/24"])?;
/// let server = world.host("server", &["192.0.2.2/24"])?;
/// world.cable("ab", client, server, Impairments { delay_ns: 1_000_000, ..Impairments::default() })?;
/// world.daemon(server, "echo", |host| echo::tcp_server(host, "0.0.0.0:7".parse().unwrap(), 5));
/// world.app(client, "client", |host| echo::tcp_client(host, "192.0.2.2:7".parse().unwrap(), 1, 100, 100));
/// let mut ending = world.run(Time::from_secs(60));
/// assert_eq!(verify::verify(&ending.trace, &ending.links), Ok(()));
/// ending.trace.frames[3].fate.copies[0].at = ending.trace.frames[3].sent_at;
/// assert!(verify::verify(&ending.trace, &ending.links).is_err(), "faster than the cable");
/// # Ok::<(), smolsock_sim::WorldError>(())
/// ```
///
/// # Errors
/// What is impossible, a sentence each.
pub fn verify(trace: &Trace, links: &Links) -> Result<(), Vec<String>> {
    let mut wrong = Vec::new();
    let mut origins = Origins::default();
    let mut ways: BTreeMap<(LinkName, Direction), Replay<'_>> = BTreeMap::new();
    let mut last_sent_at = Time::ZERO;
    for frame in &trace.frames {
        if frame.sent_at < last_sent_at {
            wrong.push(format!("{}: sent at {}, and another one before it later", title(frame), frame.sent_at));
        }
        last_sent_at = frame.sent_at;
        wrong.extend(origins.take(trace, frame).map(|what| format!("{}: {what}", title(frame))));
        let Some((cable, direction)) = links.way_of(frame) else {
            wrong.push(format!("{}: no cable joins its ends", title(frame)));
            continue;
        };
        let settings = match direction {
            Direction::Forward => &cable.forward,
            Direction::Back => &cable.back,
        };
        let key = (cable.name.clone(), direction);
        let replay = ways.entry(key).or_insert_with(|| Replay::new(trace.medium, settings));
        wrong.extend(replay.take(frame).into_iter().map(|what| format!("{}: {what}", title(frame))));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

impl Links {
    /// The direction of a cable that a frame took.
    fn way_of(&self, frame: &FrameRecord) -> Option<(&Cable, Direction)> {
        let cable = self.cables.iter().find(|cable| cable.name == frame.link)?;
        match (frame.from, frame.to) {
            (from, to) if (from, to) == (cable.a, cable.b) => Some((cable, Direction::Forward)),
            (from, to) if (from, to) == (cable.b, cable.a) => Some((cable, Direction::Back)),
            _ => None,
        }
    }
}

/// Where each frame has been.
#[derive(Default)]
struct Origins {
    /// By frame and node: when its first copy came there.
    came: BTreeMap<(PacketId, NodeId), Time>,
    /// Frames that were sent by anybody.
    seen: BTreeMap<PacketId, NodeId>,
}

impl Origins {
    /// Returns what is wrong.
    fn take(&mut self, trace: &Trace, frame: &FrameRecord) -> Option<String> {
        for copy in &frame.fate.copies {
            let came = self.came.entry((frame.id, frame.to)).or_insert(copy.at);
            *came = (*came).min(copy.at);
        }
        let maker = *self.seen.entry(frame.id).or_insert(frame.from);
        let is_first = maker == frame.from && !self.came.contains_key(&(frame.id, frame.from));
        let is_endpoint = matches!(trace.node(frame.from)?.kind, NodeKind::Host { .. });
        let is_switch = matches!(trace.node(frame.from)?.kind, NodeKind::Switch);
        let came = self.came.get(&(frame.id, frame.from));
        match came {
            Some(at) if *at <= frame.sent_at && is_endpoint => Some("a host passed a frame on".into()),
            Some(at) if *at <= frame.sent_at => None,
            Some(at) => Some(format!("it was passed on at {}, and came at {at}", frame.sent_at)),
            None if is_switch || !is_first => Some("it comes from nowhere".into()),
            None => None,
        }
    }
}

/// `frame 3 of cable ab from 0 to 1`.
fn title(frame: &FrameRecord) -> String {
    format!("frame {} of cable {}, sent at {}", frame.nth, frame.link, frame.sent_at)
}
