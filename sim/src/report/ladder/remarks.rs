//! What is worth saying about a frame beside its numbers?

use super::Shaft;
use crate::observe::Observation;
use crate::observe::dissect::Tcp;
use crate::observe::flows::{Role, Segment, WindowChange};
use crate::observe::journeys::Journey;
use crate::report::text::{Tone, span};
use crate::trace::DropReason;

/// What the network did to a frame.
pub(super) struct Told {
    pub(super) remarks: Vec<String>,
    pub(super) shaft: Shaft,
    pub(super) tone: Tone,
}

/// The fate of a frame on all cables of its way.
pub(super) fn fate(observation: &Observation<'_>, journey: &Journey) -> Told {
    let mut told = Told { remarks: Vec::new(), shaft: Shaft::Solid, tone: Tone::Plain };
    let copies = journey.copies(observation.trace);
    let (mut held_back_ns, mut duplicates) = (0, 0);
    for copy in copies {
        held_back_ns = held_back_ns.max(copy.reordered_ns);
        duplicates += usize::from(copy.duplicate);
        if let Some(bytes) = copy.truncated_bytes {
            told.shaft = Shaft::Corrupted;
            told.tone = Tone::Loss;
            told.remarks.push(format!("TRUNCATED to {bytes} bytes"));
        }
        for flipped in &copy.corrupted {
            told.shaft = Shaft::Corrupted;
            told.tone = Tone::Loss;
            told.remarks.push(format!("CORRUPTED {flipped}"));
        }
    }
    if held_back_ns > 0 {
        told.remarks.push(format!("{} late", span(held_back_ns)));
        told.shaft = if told.shaft == Shaft::Solid { Shaft::Late } else { told.shaft };
    }
    if journey.hops.iter().any(|hop| observation.trace.frames[*hop].fate.is_ce_marked) {
        told.remarks.push("marked CE".to_owned());
    }
    if duplicates > 0 {
        told.remarks.push("DUPLICATED".to_owned());
        told.shaft = if told.shaft == Shaft::Solid { Shaft::Double } else { told.shaft };
    }
    let is_gone = journey.ends.is_empty();
    told.remarks.extend(losses(observation, journey, is_gone));
    if is_gone {
        told.shaft = Shaft::Lost;
        told.tone = Tone::Loss;
        if journey.losses.is_empty() {
            told.remarks.push("reaches nobody".to_owned());
        }
    }
    told
}

/// `LOST`, with the reason if it is not chance, and with the cable if there are several on the way.
fn losses(observation: &Observation<'_>, journey: &Journey, is_gone: bool) -> Option<String> {
    let (first, more) = journey.losses.split_first()?;
    let copies = match (is_gone, more.len()) {
        (_, 1..) => format!("{} copies ", journey.losses.len()),
        (true, 0) => String::new(),
        (false, 0) => "one copy ".to_owned(),
    };
    let link = match (journey.hops.len(), more.len()) {
        (2.., 0) => format!(" on {}", observation.trace.frames[first.hop].link),
        _ => String::new(),
    };
    let why = match first.reason {
        DropReason::Loss => String::new(),
        reason @ (DropReason::QueueFull
        | DropReason::CoDel
        | DropReason::Mtu
        | DropReason::Scripted
        | DropReason::LinkDown) => {
            format!(": {reason}")
        }
    };
    Some(format!("{copies}LOST{link}{why}"))
}

/// What a segment is to its connection.
pub(super) fn segment(segment: &Segment) -> Vec<String> {
    let mut remarks = Vec::new();
    let mut say = |remark: &str| remarks.push(remark.to_owned());
    match segment.role {
        Role::New | Role::Bare => {}
        Role::Retransmission => say("retransmission"),
        Role::ZeroWindowProbe => say("zero-window probe"),
        Role::KeepAlive => say("keep-alive"),
    }
    match segment.window_change {
        WindowChange::Steady => {}
        WindowChange::Closes => say("window closed"),
        WindowChange::Opens => say("window opens"),
        WindowChange::Update => say("window update"),
    }
    if segment.fills_window {
        say("window full");
    }
    if segment.is_spurious {
        say("was there already");
    }
    if segment.duplicate_ack > 0 {
        remarks.push(format!("duplicate ACK {}", segment.duplicate_ack));
    }
    remarks.extend(segment.sack.iter().map(|(from, until)| format!("sack {from}-{until}")));
    remarks
}

/// The options of a SYN.
pub(super) fn syn_options(tcp: &Tcp) -> Option<String> {
    let mss = tcp.mss_bytes.map(|mss| format!("mss {mss}"));
    let scale = tcp.window_shift.map(|shift| format!("wscale {shift}"));
    let sack = tcp.sack_permitted.then(|| "sack".to_owned());
    let options: Vec<String> = [mss, scale, sack].into_iter().flatten().collect();
    (!options.is_empty()).then(|| options.join(" "))
}
