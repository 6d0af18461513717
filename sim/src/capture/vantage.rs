//! What did this node see, and what is there to say about it?

use crate::time::{Time, in_words};
use crate::trace::{Arrival, DropReason, FrameRecord, NodeId, PacketId, Trace};

/// One frame as one node saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sighting<'a> {
    pub(super) id: PacketId,
    /// When it was sent, or when it arrived.
    pub(super) at: Time,
    pub(super) way: Way,
    /// As sent, or as it arrived.
    pub(super) bytes: &'a [u8],
    /// As sent.
    pub(super) original: &'a [u8],
    pub(super) is_dropped: bool,
    pub(super) comments: Vec<String>,
}

/// Which way a frame passes the network card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
}

/// What `vantage` saw, in the order in which it saw it.
pub(super) fn sightings(trace: &Trace, vantage: NodeId) -> Vec<Sighting<'_>> {
    let mut sightings = Vec::new();
    for frame in &trace.frames {
        if frame.from == vantage {
            sightings.push(sent(frame));
        }
        if frame.to == vantage {
            sightings.extend((1..).zip(&frame.fate.copies).map(|(copy, arrival)| arrived(frame, copy, arrival)));
        }
    }
    // Stable, because at one time the order of the records is right: a frame is recorded when it is sent, so that what
    // it answers stands before it, and its own arrival after what its receiver had sent before.
    sightings.sort_by_key(|sighting| sighting.at);
    sightings
}

/// `frame` as its sender saw it.
pub(super) fn sent(frame: &FrameRecord) -> Sighting<'_> {
    let fate = &frame.fate;
    let mut comments = Vec::new();
    if let Some(reason) = fate.drop {
        comments.push(format!("[sim] DROP link={} n={} why={}", frame.link, frame.nth, one_word(reason)));
    }
    if fate.copies.len() > 1 {
        comments.push(format!("[sim] DUP copies={}", fate.copies.len()));
    }
    if fate.is_ce_marked {
        comments.push("[sim] ECN CE".to_owned());
    }
    comments.extend(fate.copies.first().and_then(delay));
    comments.extend(fate.copies.first().and_then(truncation));
    for (copy, arrival) in (1..).zip(&fate.copies) {
        comments.extend(corruptions(arrival).map(|comment| match copy {
            1 => comment,
            _ => format!("{comment} copy={copy}"),
        }));
    }
    Sighting {
        id: frame.id,
        at: frame.sent_at,
        way: Way::Out,
        bytes: &frame.bytes,
        original: &frame.bytes,
        is_dropped: fate.drop.is_some(),
        comments,
    }
}

/// The copy number `copy` of `frame`, from 1, as the receiver saw it.
pub(super) fn arrived<'a>(frame: &'a FrameRecord, copy: u32, arrival: &'a Arrival) -> Sighting<'a> {
    let mut comments = Vec::new();
    if arrival.duplicate {
        comments.push(format!("[sim] DUP copy={copy}"));
    }
    if frame.fate.is_ce_marked {
        comments.push("[sim] ECN CE".to_owned());
    }
    comments.extend(delay(arrival));
    comments.extend(truncation(arrival));
    comments.extend(corruptions(arrival));
    Sighting {
        id: frame.id,
        at: arrival.at,
        way: Way::In,
        bytes: frame.arriving(arrival),
        original: &frame.bytes,
        is_dropped: false,
        comments,
    }
}

fn delay(arrival: &Arrival) -> Option<String> {
    (arrival.reordered_ns > 0).then(|| format!("[sim] DELAY +{}", in_words(arrival.reordered_ns)))
}

fn truncation(arrival: &Arrival) -> Option<String> {
    arrival.truncated_bytes.map(|bytes| format!("[sim] TRUNCATE to {bytes} bytes"))
}

fn corruptions(arrival: &Arrival) -> impl Iterator<Item = String> {
    arrival.corrupted.iter().map(|corruption| format!("[sim] CORRUPT {corruption}"))
}

/// A reason that can stand behind a `=`.
fn one_word(reason: DropReason) -> String {
    reason.to_string().replace(' ', "-")
}
