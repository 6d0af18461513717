//! What may come out of a socket? What was put in at the other end.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use smolsock::Datagram;

/// Local and remote address of one end of a connection.
type Ends = (SocketAddr, SocketAddr);

/// What was sent, and what has come.
#[derive(Debug, Default)]
pub(super) struct Model {
    sent: BTreeMap<Ends, Vec<u8>>,
    received: BTreeMap<Ends, Vec<u8>>,
    /// Where one connection may follow another.
    reused: BTreeSet<Ends>,
    connected: BTreeSet<Ends>,
    datagrams: Vec<Datagrammed>,
    /// Copies that the network has made.
    pub(super) copies: usize,
}

#[derive(Debug)]
struct Datagrammed {
    ports: (u16, u16),
    bytes: Vec<u8>,
    times: usize,
}

impl Model {
    /// `connect` has begun.
    pub(super) fn on_connect(&mut self, ends: Ends) {
        let other = (ends.1, ends.0);
        if !self.connected.insert(ends) || (other != ends && self.connected.contains(&other)) {
            self.reused.extend([ends, other]);
        }
    }

    /// What a stream says next.
    pub(super) fn stream(&self, ends: Option<Ends>, len: usize) -> Vec<u8> {
        let start = ends.and_then(|ends| self.sent.get(&ends)).map_or(0, Vec::len);
        (start..start + len).map(|at| (at * 7 + at / 251) as u8).collect()
    }

    pub(super) fn on_sent(&mut self, ends: Ends, bytes: &[u8]) {
        self.sent.entry(ends).or_default().extend(bytes);
    }

    /// What has come is what was sent, from the first byte on.
    pub(super) fn on_received(&mut self, ends: Ends, bytes: &[u8], is_peek: bool) {
        let other = (ends.1, ends.0);
        if is_foreign(ends.1) || self.reused.contains(&ends) || self.reused.contains(&other) {
            return;
        }
        let received = self.received.entry(ends).or_default();
        let from = received.len();
        let sent = self.sent.get(&other).map_or(&[][..], |sent| sent.get(from..).unwrap_or_default());
        assert!(sent.starts_with(bytes), "{ends:?}: {} bytes from byte {from} on are not what was sent", bytes.len());
        if !is_peek {
            received.extend(bytes);
        }
    }

    /// A datagram like no other.
    pub(super) fn datagram(&self, len: usize) -> Vec<u8> {
        let mut bytes = (self.datagrams.len() as u32).to_be_bytes().to_vec();
        bytes.resize(4 + len, len as u8);
        bytes
    }

    pub(super) fn on_datagram(&mut self, from_port: u16, to_port: u16, bytes: Vec<u8>) {
        self.datagrams.push(Datagrammed { ports: (from_port, to_port), bytes, times: 0 });
    }

    /// A datagram was sent, from there to here, and comes once and once more for every copy.
    pub(super) fn on_received_datagram(&mut self, port: u16, datagram: Datagram, bytes: &[u8], is_peek: bool) {
        if is_foreign(datagram.remote) {
            return;
        }
        let ports = (datagram.remote.port(), port);
        let sent = self
            .datagrams
            .iter_mut()
            .find(|sent| sent.ports == ports && sent.bytes.len() == datagram.full_len && sent.bytes.starts_with(bytes));
        let sent = sent.unwrap_or_else(|| panic!("nobody sent {bytes:?} with {ports:?}"));
        sent.times += usize::from(!is_peek && bytes.len() >= 4);
        assert!(sent.times <= 1 + self.copies, "{bytes:?} with {ports:?} has come {} times", sent.times);
    }
}

/// Whether somebody else speaks.
fn is_foreign(addr: SocketAddr) -> bool {
    addr.ip() == IpAddr::from(super::net::STRANGER)
}
