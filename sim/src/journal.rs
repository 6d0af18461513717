//! What happened in a run, in which order?
//!
//! Frames as they are sent, decided about and come out of a cable, and what applications did with their sockets, of all
//! hosts together. The oracles look at each thing while it happens, at the very bytes; what the journal keeps of it is small.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smolsock::inspect::{Call, Happened, Inspection, Inspector};
use smolsock::{Domain, Errno, Shutdown, SocketId, TcpState, Type};

use crate::frame::Medium;
use crate::link::Direction;
use crate::oracle::segment::Segment;
use crate::oracle::{Bench, Finding, Oracles};
use crate::time::Time;
use crate::trace::{DropReason, Fate, NodeId, PacketId};

/// Everything that happened, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Journal {
    /// All of it; empty if nothing was recorded.
    pub entries: Vec<Entry>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Time,
    /// The node that sent, that a frame came to, or whose socket it was.
    pub node: NodeId,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// A frame was put on a cable.
    Sent {
        /// Which frame.
        id: PacketId,
        /// Which way.
        way: Way,
    },
    /// A cable has dropped a frame.
    Dropped {
        /// Which frame.
        id: PacketId,
        /// Which way.
        way: Way,
        /// Why.
        reason: DropReason,
    },
    /// A copy of a frame came out of a cable.
    Arrived {
        /// Which frame.
        id: PacketId,
        /// Which way.
        way: Way,
    },
    /// Something happened to a socket.
    Socket {
        /// Which; `None` in TIME-WAIT.
        socket: Option<SocketId>,
        /// Its own address.
        local: Option<SocketAddr>,
        /// Its peer's.
        remote: Option<SocketAddr>,
        /// What.
        act: Act,
    },
}

/// One direction of one cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// The cable, counted in the order of laying.
    pub cable: usize,
    /// Which way.
    pub direction: Direction,
}

/// What happened to a socket: [`Happened`] with lengths in place of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// It was made.
    Opened(Domain, Type),
    /// It was accepted from this listener.
    Accepted(SocketId),
    /// So many bytes of the stream were taken to be sent.
    Sent(usize),
    /// So many bytes of the stream were given out.
    Received(usize),
    /// So many bytes of the stream were thrown away.
    Skipped(usize),
    /// A datagram with so many bytes was taken to be sent.
    SentDatagram(usize),
    /// So many bytes of a datagram were given out.
    ReceivedDatagram(usize),
    /// The application learned that the stream is over.
    EndOfStream,
    /// A call failed.
    Failed(Call, Errno),
    /// One or both directions were shut down.
    ShutDown(Shutdown),
    /// The last id was closed.
    Closed,
    /// The connection went from one state to another.
    State(TcpState, TcpState),
    /// The handshake is over.
    Established,
}

impl Act {
    fn of(what: Happened<'_>) -> Option<Act> {
        Some(match what {
            Happened::Opened { domain, kind } => Act::Opened(domain, kind),
            Happened::Accepted { listener } => Act::Accepted(listener),
            Happened::Sent { bytes } => Act::Sent(bytes.len()),
            Happened::Received { bytes } => Act::Received(bytes.len()),
            Happened::Skipped { len } => Act::Skipped(len),
            Happened::SentDatagram { bytes, .. } => Act::SentDatagram(bytes.len()),
            Happened::ReceivedDatagram { bytes, .. } => Act::ReceivedDatagram(bytes.len()),
            Happened::EndOfStream => Act::EndOfStream,
            Happened::Failed { call, errno, .. } => Act::Failed(call, errno),
            Happened::ShutDown { how } => Act::ShutDown(how),
            Happened::Closed => Act::Closed,
            Happened::State { before, after } => Act::State(before, after),
            Happened::Established { .. } => Act::Established,
            // The core may tell of more than this crate knows.
            _ => return None,
        })
    }
}

/// A frame that is put on a cable, or comes out of one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passing<'e> {
    pub(crate) at: Time,
    pub(crate) way: Way,
    /// The node that sends it, or that it comes to.
    pub(crate) node: NodeId,
    pub(crate) id: PacketId,
    /// As it is here.
    pub(crate) bytes: &'e [u8],
    /// The segment in it, if the node is a host and it is one.
    pub(crate) segment: Option<Segment>,
    /// The node is a stranger.
    pub(crate) is_stranger: bool,
    /// It was not on any cable before.
    pub(crate) is_new: bool,
}

/// Whom everything is told: the journal and the oracles.
#[derive(Debug)]
pub(crate) struct Watch {
    medium: Medium,
    now: Time,
    journal: Journal,
    is_recording: bool,
    bench: Bench,
    /// By node: its stack is listened to.
    hosts: Vec<bool>,
    /// Nodes that send what no application of a listened-to stack has sent.
    strangers: Vec<NodeId>,
    /// Frames with numbers up to here were on a cable before.
    next_id: u64,
}

impl Watch {
    pub(crate) fn new(medium: Medium) -> Self {
        Self {
            medium,
            now: Time::ZERO,
            journal: Journal::default(),
            is_recording: true,
            bench: Bench::new(Oracles::ALL),
            hosts: Vec::new(),
            strangers: Vec::new(),
            next_id: 0,
        }
    }

    pub(crate) fn set_oracles(&mut self, oracles: Oracles) {
        self.bench = Bench::new(oracles);
    }

    pub(crate) fn set_recording(&mut self, is_recording: bool) {
        self.is_recording = is_recording;
    }

    /// Whether nobody wants to know anything.
    pub(crate) fn is_idle(&self) -> bool {
        !self.is_recording && self.bench.is_empty()
    }

    pub(crate) fn bench(&mut self) -> &mut Bench {
        &mut self.bench
    }

    pub(crate) fn set_now(&mut self, now: Time) {
        self.now = now;
    }

    /// A host's stack is listened to from now on: a new host, or one that starts again.
    pub(crate) fn on_boot(&mut self, node: NodeId, name: &str) {
        if self.hosts.len() <= node.0 {
            self.hosts.resize(node.0 + 1, false);
        }
        self.hosts[node.0] = true;
        self.bench.on_boot(node, name);
    }

    /// A node without a stack that is listened to sends frames of its own: a scripted peer. What it sends is not judged.
    pub(crate) fn on_stranger(&mut self, node: NodeId) {
        self.strangers.push(node);
        self.bench.excuse_retransmissions();
    }

    fn is_host(&self, node: NodeId) -> bool {
        self.hosts.get(node.0).copied().unwrap_or(false)
    }

    fn passing<'e>(&self, way: Way, node: NodeId, id: PacketId, bytes: &'e [u8]) -> Passing<'e> {
        let is_host = self.is_host(node);
        let is_stranger = self.strangers.contains(&node);
        let is_judged = is_host && !is_stranger;
        let segment = if is_judged { Segment::parse(self.medium, bytes) } else { None };
        Passing { is_stranger, at: self.now, way, node, id, bytes, segment, is_new: id.0 >= self.next_id }
    }

    /// A frame is put on a cable. What becomes of it is told by [`Watch::on_fate`], now or later.
    pub(crate) fn on_sent(&mut self, way: Way, node: NodeId, id: PacketId, bytes: &[u8]) {
        let passing = self.passing(way, node, id, bytes);
        self.next_id = self.next_id.max(id.0 + 1);
        self.bench.on_sent(self.medium, &passing);
        self.note(node, What::Sent { id, way });
    }

    /// A cable has decided about a frame that was sent at `sent_at`.
    pub(crate) fn on_fate(&mut self, way: Way, from: NodeId, id: PacketId, sent_at: Time, bytes: &[u8], fate: &Fate) {
        self.bench.on_fate(self.medium, way, id, sent_at, bytes, fate);
        if let Some(reason) = fate.drop {
            self.note(from, What::Dropped { id, way, reason });
        }
    }

    /// A copy of a frame comes out of a cable.
    pub(crate) fn on_arrived(&mut self, way: Way, node: NodeId, id: PacketId, bytes: &[u8]) {
        let passing = self.passing(way, node, id, bytes);
        self.bench.on_arrived(self.medium, &passing);
        self.note(node, What::Arrived { id, way });
    }

    /// Something happens to a socket of a host.
    pub(crate) fn on_socket(&mut self, node: NodeId, inspection: &Inspection<'_>) {
        self.bench.on_socket(self.now, node, inspection);
        if self.is_recording
            && let Some(act) = Act::of(inspection.what)
        {
            let Inspection { socket, local, remote, .. } = *inspection;
            self.note(node, What::Socket { socket, local, remote, act });
        }
    }

    fn note(&mut self, node: NodeId, what: What) {
        if self.is_recording {
            self.journal.entries.push(Entry { at: self.now, node, what });
        }
    }

    /// What there is to say when a run is over.
    pub(crate) fn finish(&mut self) -> (Journal, Vec<Finding>) {
        (std::mem::take(&mut self.journal), self.bench.finish(self.now))
    }
}

/// The watch as several hosts hold it.
pub(crate) type Shared = Arc<Mutex<Watch>>;

pub(crate) fn lock(watch: &Shared) -> MutexGuard<'_, Watch> {
    // One thread: nobody can have panicked with the lock held and gone on.
    watch.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Listens to one host.
#[derive(Debug)]
pub(crate) struct Ear {
    node: NodeId,
    watch: Shared,
}

impl Ear {
    pub(crate) fn new(node: NodeId, watch: &Shared) -> Self {
        Self { node, watch: Arc::clone(watch) }
    }
}

impl Inspector for Ear {
    fn on(&mut self, inspection: &Inspection<'_>) {
        lock(&self.watch).on_socket(self.node, inspection);
    }
}
