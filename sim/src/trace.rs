//! What happened on every cable?

use core::fmt;
use core::net::IpAddr;
use std::sync::Arc;

pub use crate::frame::{Mac, Medium};
use crate::time::Time;

/// Everything that a run sent and what became of it; ladders, summaries and captures are drawn from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What a frame is on all cables of this run.
    pub medium: Medium,
    /// All nodes; a [`NodeId`] is an index into this list.
    pub nodes: Vec<Node>,
    /// One record for each frame put on a cable, in the order of sending.
    pub frames: Vec<FrameRecord>,
}

/// A host, a switch, a middlebox or a router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The name the scenario gives it: `client`.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// An endpoint with a stack.
    Host {
        /// Its addresses.
        addrs: Vec<IpAddr>,
        /// Its hardware address; `None` where frames are IP packets.
        mac: Option<Mac>,
    },
    /// A learning switch.
    Switch,
    /// A box that changes what passes, and has no address.
    Middlebox,
    /// It forwards packets between networks: with each hop a packet is in a new frame, of a new number.
    Router {
        /// Its addresses, in the order of its cables.
        addrs: Vec<IpAddr>,
        /// The hardware address of each of its ends; empty where frames are IP packets.
        macs: Vec<Mac>,
    },
}

/// Which node: an index into [`Trace::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

/// Which frame: the same number at every vantage.
///
/// A network duplicate and the copies that a switch forwards keep the number of the original; a
/// retransmission by a host is a new frame with a new number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketId(pub u64);

/// The name of a cable: `ab`. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkName(Arc<str>);

/// One frame put on one direction of one cable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameRecord {
    /// The number of this frame, the same at every vantage.
    pub id: PacketId,
    /// When the sender handed it to the cable.
    pub sent_at: Time,
    /// The sender.
    pub from: NodeId,
    /// The node at the other end of this cable.
    pub to: NodeId,
    /// The cable.
    pub link: LinkName,
    /// How many frames were sent on this cable in this direction before: 0 for the first.
    pub nth: u64,
    /// The whole frame as sent: with its 14-byte Ethernet header (or from the IP header on), no FCS.
    pub bytes: Vec<u8>,
    /// What the cable did to it.
    pub fate: Fate,
}

/// What a cable did to one frame: it was dropped, or at least one copy arrives.
///
/// Made by [`Fate::dropped`] and [`Fate::arrives`], which keep that promise, and by [`Fate::waits`] for a frame in a queue
/// that decides later. When a run has ended, nothing waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// Why it was dropped; `None` if it arrives.
    pub drop: Option<DropReason>,
    /// The copies that arrive, in the order in which they were made (the original first); empty if dropped.
    pub copies: Vec<Arrival>,
    /// How long it waited for the transmitter, in ns; 0 if dropped.
    pub queued_ns: u64,
    /// The queue has marked it "congestion experienced" (RFC 3168) instead of dropping it.
    pub is_ce_marked: bool,
}

/// One copy of a frame at the far end of a cable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When its last bit is there.
    pub at: Time,
    /// This is not the original but a copy that the network made.
    pub duplicate: bool,
    /// For how long it was held back on purpose (reordering, a scripted delay), in ns; part of `at`.
    pub reordered_ns: u64,
    /// The bits that were flipped on the way, in the order of flipping.
    pub corrupted: Vec<Corruption>,
    /// How many bytes a fault has left of it; `None`: all.
    pub truncated_bytes: Option<usize>,
    /// The frame as it arrives; `None` if it is as sent.
    pub bytes: Option<Vec<u8>>,
}

/// One flipped bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Corruption {
    /// Index into the frame, from 0, link header included.
    pub byte: usize,
    /// 0 (least significant) to 7.
    pub bit: u8,
    /// The checksums were made right again, so that no receiver notices.
    pub is_mended: bool,
}

/// Why a cable did not carry a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// Random loss.
    Loss,
    /// No room in the queue before the transmitter.
    QueueFull,
    /// Waits in the queue were too long for too long (RFC 8289).
    CoDel,
    /// Longer than the cable carries.
    Mtu,
    /// The scenario said so.
    Scripted,
    /// The cable was unplugged.
    LinkDown,
}

impl Trace {
    /// The node `id`, or `None` if it is of another trace.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.0)
    }

    /// The node called `name`.
    pub fn node_named(&self, name: &str) -> Option<NodeId> {
        self.nodes.iter().position(|node| node.name == name).map(NodeId)
    }

    /// Copies that arrive anywhere.
    pub fn arrivals(&self) -> impl Iterator<Item = (&FrameRecord, &Arrival)> {
        self.frames.iter().flat_map(|frame| frame.fate.copies.iter().map(move |copy| (frame, copy)))
    }
}

impl FrameRecord {
    /// The frame as `copy` of it arrives.
    pub fn arriving<'a>(&'a self, copy: &'a Arrival) -> &'a [u8] {
        copy.bytes.as_deref().unwrap_or(&self.bytes)
    }
}

impl Fate {
    /// It does not arrive.
    pub fn dropped(reason: DropReason) -> Fate {
        Fate { drop: Some(reason), copies: Vec::new(), queued_ns: 0, is_ce_marked: false }
    }

    /// It arrives as `copies`, of which there is at least one, after `queued_ns` ns before the transmitter.
    pub fn arrives(copies: Vec<Arrival>, queued_ns: u64) -> Fate {
        assert!(!copies.is_empty(), "a frame that is not dropped arrives");
        Fate { drop: None, copies, queued_ns, is_ce_marked: false }
    }

    /// It waits in a queue that decides at its turn.
    pub fn waits() -> Fate {
        Fate { drop: None, copies: Vec::new(), queued_ns: 0, is_ce_marked: false }
    }

    /// Is it not decided yet?
    pub fn is_waiting(&self) -> bool {
        self.drop.is_none() && self.copies.is_empty()
    }
}

impl Arrival {
    /// An intact original at `at`.
    pub fn intact(at: Time) -> Arrival {
        Arrival { at, duplicate: false, reordered_ns: 0, corrupted: Vec::new(), truncated_bytes: None, bytes: None }
    }
}

impl LinkName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for LinkName {
    fn from(name: &str) -> LinkName {
        LinkName(Arc::from(name))
    }
}

impl fmt::Display for LinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for PacketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One or two words: `queue full`.
impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            DropReason::Loss => "loss",
            DropReason::QueueFull => "queue full",
            DropReason::CoDel => "codel",
            DropReason::Mtu => "mtu",
            DropReason::Scripted => "scripted",
            DropReason::LinkDown => "link down",
        })
    }
}

/// `byte 60 bit 2`, `byte 60 bit 2, checksum mended`.
impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mended = if self.is_mended { ", checksum mended" } else { "" };
        write!(f, "byte {} bit {}{mended}", self.byte, self.bit)
    }
}
