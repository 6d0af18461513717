//! How is a run told to a program?
//!
//! One JSON document with everything that the text shows. Names are stable, units stand last; times are integers in
//! nanoseconds of virtual time since the start. A field that has nothing to say is left out, unless it is listed as `null`.
//!
//! | field | what |
//! |---|---|
//! | `format` | `"smolsock-run/1"`; the number changes when a name or a meaning does |
//! | `scenario`, `seed`, `loss_ppm` | what was run; `loss_ppm` is `null` if the scenario's own loss was used |
//! | `passed`, `failures` | the verdict, and a sentence for each failure |
//! | `virtual_duration_ns` | from the start to the end of the run |
//! | `medium`, `nodes` | `"ethernet"` or `"ip"`; `name`, `kind`, `addrs`, `mac` of each node |
//! | `frames` | one for each frame and cable, in the order of sending: `packet_id`, `link`, `nth`, `from`, `to`, `sent_ns`, `frame_bytes`, `fate`, what it says (`ethernet`, `ip`, `bad_checksum`, `packet`), and for a TCP segment `segment`, the relative view |
//! | `frames[].fate` | `drop` (the reason or `null`), `queued_ns`, `ce_marked` (by an ECN queue), `copies` with `arrived_ns`, `duplicate`, `held_back_ns`, `corrupted` (`byte`, `bit`, `mended`), `truncated_bytes` where it was cut off |
//! | `notes` | what applications said: `at_ns`, `node`, `text` |
//! | `summary` | see [`Summary`]: frames by fate, and each connection with its states, bytes, goodput and counts |
//! | `netstat` | `host` and `text` at the end of the run |
//! | `captures` | paths of the capture files that were written |

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use super::summary::Summary;
use crate::observe::dissect::{Dissected, Mac};
use crate::observe::flows::Segment;
use crate::observe::{Note, Observation};
use crate::trace::{Arrival, Corruption, FrameRecord, Medium, Node, NodeKind};

/// What is to be told beside the trace.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// Name of the scenario.
    pub scenario: &'a str,
    /// The seed it was run with.
    pub seed: u64,
    /// The loss that was asked for, in millionths.
    pub loss_ppm: Option<u32>,
    /// Whether it did what it should.
    pub passed: bool,
    /// Why not.
    pub failures: &'a [String],
    /// What applications said.
    pub notes: &'a [Note],
    /// Each host's name and `netstat` at the end.
    pub netstat: &'a [(String, String)],
    /// Capture files that were written.
    pub captures: &'a [PathBuf],
}

/// Writes the document, and a line feed.
///
/// # Errors
///
/// Those of `out`.
pub fn write(
    out: &mut impl Write,
    about: &About<'_>,
    observation: &Observation<'_>,
    summary: &Summary,
) -> io::Result<()> {
    let document = Document::of(about, observation, summary);
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    scenario: &'a str,
    seed: u64,
    loss_ppm: Option<u32>,
    passed: bool,
    failures: &'a [String],
    virtual_duration_ns: u64,
    medium: &'static str,
    nodes: Vec<NodeView<'a>>,
    frames: Vec<FrameView<'a>>,
    notes: Vec<NoteView<'a>>,
    summary: &'a Summary,
    netstat: Vec<NetstatView<'a>>,
    captures: &'a [PathBuf],
}

#[derive(Serialize)]
struct NodeView<'a> {
    name: &'a str,
    kind: &'static str,
    addrs: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<Mac>,
}

#[derive(Serialize)]
struct FrameView<'a> {
    packet_id: u64,
    link: &'a str,
    nth: u64,
    from: &'a str,
    to: &'a str,
    sent_ns: u64,
    frame_bytes: usize,
    fate: FateView,
    #[serde(flatten)]
    says: &'a Dissected,
    #[serde(skip_serializing_if = "Option::is_none")]
    segment: Option<&'a Segment>,
}

#[derive(Serialize)]
struct FateView {
    drop: Option<String>,
    queued_ns: u64,
    ce_marked: bool,
    copies: Vec<CopyView>,
}

#[derive(Serialize)]
struct CopyView {
    arrived_ns: u64,
    duplicate: bool,
    held_back_ns: u64,
    corrupted: Vec<FlippedBit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated_bytes: Option<usize>,
}

#[derive(Serialize)]
struct FlippedBit {
    byte: usize,
    bit: u8,
    mended: bool,
}

#[derive(Serialize)]
struct NoteView<'a> {
    at_ns: u64,
    node: &'a str,
    text: &'a str,
}

#[derive(Serialize)]
struct NetstatView<'a> {
    host: &'a str,
    text: &'a str,
}

impl<'a> Document<'a> {
    fn of(about: &About<'a>, observation: &'a Observation<'_>, summary: &'a Summary) -> Self {
        let trace = observation.trace;
        let mut segments: Vec<Option<&Segment>> = vec![None; trace.frames.len()];
        for (journey, segment) in observation.journeys.iter().zip(&observation.segments) {
            for &hop in &journey.hops {
                segments[hop] = segment.as_ref();
            }
        }
        let frames = trace.frames.iter().zip(&observation.packets).zip(segments);
        let note = |note: &'a Note| NoteView {
            at_ns: note.at.as_nanos(),
            node: observation.name(note.node),
            text: &note.text,
        };
        Self {
            format: "smolsock-run/1",
            scenario: about.scenario,
            seed: about.seed,
            loss_ppm: about.loss_ppm,
            passed: about.passed,
            failures: about.failures,
            virtual_duration_ns: summary.virtual_duration_ns,
            medium: match trace.medium {
                Medium::Ethernet => "ethernet",
                Medium::Ip => "ip",
            },
            nodes: trace.nodes.iter().map(NodeView::of).collect(),
            frames: frames.map(|((frame, says), segment)| FrameView::of(observation, frame, says, segment)).collect(),
            notes: about.notes.iter().map(note).collect(),
            summary,
            netstat: about.netstat.iter().map(|(host, text)| NetstatView { host, text }).collect(),
            captures: about.captures,
        }
    }
}

impl<'a> NodeView<'a> {
    fn of(node: &'a Node) -> Self {
        let (kind, addrs, mac) = match &node.kind {
            NodeKind::Host { addrs, mac } => ("host", addrs.iter().map(ToString::to_string).collect(), *mac),
            NodeKind::Router { addrs, macs } => {
                ("router", addrs.iter().map(ToString::to_string).collect(), macs.first().copied())
            }
            NodeKind::Switch => ("switch", Vec::new(), None),
            NodeKind::Middlebox => ("middlebox", Vec::new(), None),
        };
        Self { name: &node.name, kind, addrs, mac: mac.map(Mac) }
    }
}

impl FlippedBit {
    fn of(flip: &Corruption) -> Self {
        Self { byte: flip.byte, bit: flip.bit, mended: flip.is_mended }
    }
}

impl<'a> FrameView<'a> {
    fn of(
        observation: &'a Observation<'_>,
        frame: &'a FrameRecord,
        says: &'a Dissected,
        segment: Option<&'a Segment>,
    ) -> Self {
        let copy = |copy: &Arrival| CopyView {
            arrived_ns: copy.at.as_nanos(),
            duplicate: copy.duplicate,
            held_back_ns: copy.reordered_ns,
            corrupted: copy.corrupted.iter().map(FlippedBit::of).collect(),
            truncated_bytes: copy.truncated_bytes,
        };
        Self {
            packet_id: frame.id.0,
            link: frame.link.as_str(),
            nth: frame.nth,
            from: observation.name(frame.from),
            to: observation.name(frame.to),
            sent_ns: frame.sent_at.as_nanos(),
            frame_bytes: frame.bytes.len(),
            fate: FateView {
                drop: frame.fate.drop.map(|reason| reason.to_string()),
                queued_ns: frame.fate.queued_ns,
                ce_marked: frame.fate.is_ce_marked,
                copies: frame.fate.copies.iter().map(copy).collect(),
            },
            says,
            segment,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::fixture::story;
    use crate::observe::observe;
    use crate::time::Time;
    use serde_json::Value;

    fn document() -> Value {
        let wire = story();
        let observation = observe(&wire.trace);
        let summary = Summary::of(&observation, Time::from_millis(3_640));
        let about = About {
            scenario: "story",
            seed: 1,
            loss_ppm: None,
            passed: true,
            failures: &[],
            notes: &wire.notes,
            netstat: &[("client".to_owned(), "Proto".to_owned())],
            captures: &[PathBuf::from("trace/client.pcapng")],
        };
        let mut out = Vec::new();
        write(&mut out, &about, &observation, &summary).expect("a vector takes everything");
        serde_json::from_slice(&out).expect("one document")
    }

    #[test]
    fn everything_that_the_text_shows_is_in_the_document() {
        let document = document();
        assert_eq!(document["format"], "smolsock-run/1");
        assert_eq!(document["frames"].as_array().map(Vec::len), Some(27));
        assert_eq!(document["notes"][0]["text"], "connects to 192.0.2.2:7");
        assert_eq!(document["summary"]["connections"][0]["client"]["retransmissions"], 2);
        assert_eq!(document["summary"]["connections"][0]["server"]["states"][0]["state"], "LISTEN");
        assert_eq!(document["captures"][0], "trace/client.pcapng");
    }

    #[test]
    fn a_lost_frame_names_its_reason_and_a_segment_its_relative_numbers() {
        let document = document();
        let lost = &document["frames"][8];
        assert_eq!(lost["fate"]["drop"], "loss");
        assert_eq!(lost["packet"]["kind"], "tcp");
        assert_eq!(lost["packet"]["flags"], serde_json::json!(["ACK"]));
        assert_eq!(lost["segment"]["seq"], 1_461);
        assert_eq!(document["frames"][12]["segment"]["role"], "retransmission");
        assert_eq!(document["frames"][0]["packet"]["operation"], "request");
        assert_eq!(document["frames"][0]["ethernet"]["to"], "ff:ff:ff:ff:ff:ff");
    }
}
