//! Which two sockets are the ends of one connection, and what is between them?
//!
//! Ends find each other by their initial sequence numbers, so also behind a translator of addresses. What one end's
//! application has sent and the other's has not received is kept here, and nothing else of the data.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use smolsock::inspect::{Call, Happened, Inspection};
use smolsock::{Errno, SocketId};

use super::{Findings, Oracle, complete, liveness, prefix};
use crate::time::Time;
use crate::trace::NodeId;

/// All connections of a run that both ends know.
#[derive(Debug, Default)]
pub(super) struct Streams {
    ends: Vec<End>,
    by_socket: BTreeMap<(NodeId, SocketId), usize>,
    /// Ends whose other end is not known yet, by own and remote initial sequence number.
    single: BTreeMap<(u32, u32), usize>,
    pub(super) last_fault_at: Time,
}

/// One end of a connection.
#[derive(Debug)]
pub(super) struct End {
    node: NodeId,
    local: Option<SocketAddr>,
    remote: Option<SocketAddr>,
    peer: Option<usize>,
    /// What its application has sent and the other's has not received.
    pub(super) under_way: VecDeque<u8>,
    /// When its application last sent something, or ended the stream.
    pub(super) sent_at: Time,
    pub(super) received_bytes: u64,
    /// A call has said that the connection failed.
    pub(super) has_failed: bool,
    pub(super) has_shut_read: bool,
    /// Its application has shut its sending side down, or closed the socket.
    pub(super) has_ended: bool,
    /// It was told the end of the stream.
    is_told: bool,
    /// Since when its application finds nothing to read.
    pub(super) waits_since: Option<Time>,
}

impl Streams {
    /// Something happens to a socket.
    pub(super) fn on_socket(&mut self, now: Time, node: NodeId, inspection: &Inspection<'_>, findings: &mut Findings) {
        let Some(socket) = inspection.socket else { return };
        if let Happened::Established { isn, remote_isn } = inspection.what {
            return self.on_established(now, node, inspection, (isn, remote_isn));
        }
        let Some(&index) = self.by_socket.get(&(node, socket)) else { return };
        match inspection.what {
            Happened::Sent { bytes } => {
                let end = &mut self.ends[index];
                end.sent_at = now;
                end.under_way.extend(bytes);
            }
            Happened::Received { bytes } => self.on_received(now, index, Received::Bytes(bytes), findings),
            Happened::Skipped { len } => self.on_received(now, index, Received::Unseen(len), findings),
            Happened::EndOfStream => self.on_end_of_stream(now, index, findings),
            Happened::Failed { call: Call::Recv, errno: Errno::EAGAIN, .. } => {
                self.ends[index].waits_since.get_or_insert(now);
            }
            Happened::Failed { errno, .. } => {
                let is_over = !matches!(errno, Errno::EAGAIN | Errno::EISCONN | Errno::EALREADY | Errno::EINVAL);
                self.ends[index].has_failed |= is_over;
            }
            Happened::ShutDown { how } => {
                let end = &mut self.ends[index];
                let (reads, writes) = halves(how);
                end.has_shut_read |= reads;
                if writes && !end.has_ended {
                    (end.has_ended, end.sent_at) = (true, now);
                }
            }
            Happened::Closed => self.on_closed(now, index, (node, socket)),
            _ => {}
        }
    }

    fn on_established(&mut self, now: Time, node: NodeId, inspection: &Inspection<'_>, isns: (u32, u32)) {
        let Inspection { socket: Some(socket), local, remote, .. } = *inspection else { return };
        let index = self.ends.len();
        let peer = self.single.remove(&(isns.1, isns.0));
        match peer {
            Some(peer) => self.ends[peer].peer = Some(index),
            None => drop(self.single.insert(isns, index)),
        }
        self.ends.push(End {
            node,
            local,
            remote,
            peer,
            under_way: VecDeque::new(),
            sent_at: now,
            received_bytes: 0,
            has_failed: false,
            has_shut_read: false,
            has_ended: false,
            is_told: false,
            waits_since: None,
        });
        self.by_socket.insert((node, socket), index);
    }

    fn on_received(&mut self, now: Time, index: usize, received: Received<'_>, findings: &mut Findings) {
        self.on_wait_over(now, index, findings);
        let Some(peer) = self.ends[index].peer else { return };
        let offset = self.ends[index].received_bytes;
        let under_way = &mut self.ends[peer].under_way;
        let (wrong, len) = match received {
            Received::Bytes(bytes) => (prefix::take(under_way, bytes, offset), bytes.len()),
            Received::Unseen(len) => (prefix::skip(under_way, len, offset), len),
        };
        self.ends[index].received_bytes += len as u64;
        if let Some(wrong) = wrong {
            self.found(Oracle::Prefix, now, index, &wrong, findings);
        }
    }

    fn on_end_of_stream(&mut self, now: Time, index: usize, findings: &mut Findings) {
        self.on_wait_over(now, index, findings);
        let end = &mut self.ends[index];
        let Some(peer) = end.peer else { return };
        if std::mem::replace(&mut end.is_told, true) {
            return;
        }
        if let Some(wrong) = complete::on_end(&self.ends[index], &self.ends[peer]) {
            self.found(Oracle::Complete, now, index, &wrong, findings);
        }
    }

    /// Something came for whoever waits here.
    fn on_wait_over(&mut self, now: Time, index: usize, findings: &mut Findings) {
        let end = &self.ends[index];
        let Some(peer) = end.peer else { return };
        let wrong = liveness::on_wait_over(end, &self.ends[peer], self.last_fault_at, now);
        self.ends[index].waits_since = None;
        if let Some(wrong) = wrong {
            self.found(Oracle::Liveness, now, index, &wrong, findings);
        }
    }

    fn on_closed(&mut self, now: Time, index: usize, key: (NodeId, SocketId)) {
        let end = &mut self.ends[index];
        // Nobody reads here any more: a wait is over, and what comes is not compared.
        end.waits_since = None;
        if !end.has_ended {
            (end.has_ended, end.sent_at) = (true, now);
        }
        let peer = end.peer;
        self.by_socket.remove(&key);
        if let Some(peer) = peer {
            self.ends[peer].under_way = VecDeque::new();
        }
    }

    /// The sockets of a host are gone without a word: it has crashed.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.by_socket.retain(|(of, _), _| *of != node);
        for index in 0..self.ends.len() {
            if self.ends[index].node == node {
                self.ends[index].waits_since = None;
                if let Some(peer) = self.ends[index].peer.take() {
                    self.ends[peer].peer = None;
                }
            }
        }
        self.single.retain(|_, index| self.ends[*index].node != node);
    }

    /// The run is over.
    pub(super) fn finish(&mut self, now: Time, findings: &mut Findings) {
        for index in 0..self.ends.len() {
            self.on_wait_over(now, index, findings);
        }
    }

    fn found(&self, oracle: Oracle, now: Time, index: usize, wrong: &str, findings: &mut Findings) {
        let End { node, local, remote, .. } = &self.ends[index];
        let addr = |addr: &Option<SocketAddr>| addr.map_or_else(|| "?".into(), |addr| addr.to_string());
        findings.found(oracle, now, *node, format!("{} to {}: {wrong}", addr(local), addr(remote)));
    }
}

enum Received<'e> {
    Bytes(&'e [u8]),
    Unseen(usize),
}

/// Whether a shutdown ends reading, and writing.
fn halves(how: smolsock::Shutdown) -> (bool, bool) {
    match how {
        smolsock::Shutdown::Read => (true, false),
        smolsock::Shutdown::Write => (false, true),
        smolsock::Shutdown::Both => (true, true),
    }
}
