//! A datagram arrives at most once and once more for every duplicate that the network made, and unaltered.
//!
//! Datagrams are known by their payload alone, so also behind a translator of addresses: those with equal payload count as
//! one that was sent several times. Those that the receiver cut are not compared.

use std::collections::{BTreeMap, BTreeSet};

use smolsock::inspect::{Happened, Inspection};
use smolsock::{SocketId, Type};

use super::{Findings, Oracle};
use crate::frame::{self, IpVersion, Medium};
use crate::journal::Passing;
use crate::time::Time;
use crate::trace::{Fate, NodeId};

/// What was sent and received, by fingerprints of payloads.
#[derive(Debug, Default)]
pub(super) struct Datagrams {
    sockets: BTreeSet<(NodeId, SocketId)>,
    /// How often it may arrive at one socket.
    allowed: BTreeMap<u64, u64>,
    received: BTreeMap<(NodeId, SocketId, u64), u64>,
    /// Duplicates of fragments: nobody knows of which datagram.
    fragment_copies: u64,
    /// An application makes its own UDP packets, of which nothing is told here.
    has_raw_udp: bool,
}

impl Datagrams {
    pub(super) fn on_socket(&mut self, now: Time, node: NodeId, inspection: &Inspection<'_>, findings: &mut Findings) {
        let Some(socket) = inspection.socket else { return };
        match inspection.what {
            Happened::Opened { kind: Type::Datagram, .. } => drop(self.sockets.insert((node, socket))),
            Happened::Opened { kind: Type::Raw(UDP | ANY), .. } => self.has_raw_udp = true,
            Happened::SentDatagram { bytes, .. } if self.sockets.contains(&(node, socket)) => {
                *self.allowed.entry(fingerprint(bytes)).or_default() += 1;
            }
            Happened::ReceivedDatagram { local, remote, bytes, full_len }
                if bytes.len() == full_len && self.sockets.contains(&(node, socket)) =>
            {
                let key = fingerprint(bytes);
                let times = self.received.entry((node, socket, key)).or_default();
                *times += 1;
                let allowed = self.allowed.get(&key).copied();
                let wrong = match allowed {
                    _ if self.has_raw_udp => return,
                    None => "which nobody has sent like this".to_string(),
                    Some(allowed) if *times > allowed + self.fragment_copies => {
                        format!("for the {times}th time, {allowed} were sent and duplicated")
                    }
                    Some(_) => return,
                };
                let what = format!("{local} received {full_len} bytes from {remote}, {wrong}");
                findings.found(Oracle::Datagrams, now, node, what);
            }
            Happened::Closed => drop(self.sockets.remove(&(node, socket))),
            _ => {}
        }
    }

    /// A frame is put on a cable: somebody without a stack of ours may send datagrams too.
    pub(super) fn on_sent(&mut self, medium: Medium, passing: &Passing<'_>) {
        if passing.is_new
            && passing.is_stranger
            && let Some(Content::Whole(payload)) = content(medium, passing.bytes)
        {
            *self.allowed.entry(fingerprint(payload)).or_default() += 1;
        }
    }

    /// A cable has made copies of a frame.
    pub(super) fn on_fate(&mut self, medium: Medium, bytes: &[u8], fate: &Fate) {
        let copies = fate.copies.len().saturating_sub(1) as u64;
        if copies == 0 {
            return;
        }
        match content(medium, bytes) {
            Some(Content::Whole(payload)) => *self.allowed.entry(fingerprint(payload)).or_default() += copies,
            Some(Content::Fragment) => self.fragment_copies += copies,
            None => {}
        }
    }
}

/// What of a UDP datagram is in a frame.
enum Content<'f> {
    Whole(&'f [u8]),
    Fragment,
}

fn content(medium: Medium, bytes: &[u8]) -> Option<Content<'_>> {
    let packet = bytes.get(medium.header_bytes()..)?;
    let be16 = |at: usize| Some(usize::from(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?])));
    let (protocol, header_len) = match frame::ip_version(medium, bytes)? {
        IpVersion::V4 => {
            if be16(6)? & 0x3fff != 0 {
                return Some(Content::Fragment);
            }
            (*packet.get(9)?, usize::from(packet.first()? & 0x0f) * 4)
        }
        IpVersion::V6 => match *packet.get(6)? {
            FRAGMENT => return Some(Content::Fragment),
            next => (next, 40),
        },
    };
    let udp_len = be16(header_len + 4)?;
    let payload = packet.get(header_len + 8..header_len + udp_len)?;
    (protocol == UDP).then_some(Content::Whole(payload))
}

/// A number that differs for different bytes, but for one pair in 2^64.
pub(super) fn fingerprint(bytes: &[u8]) -> u64 {
    let mut hash = 0x9e37_79b9_7f4a_7c15 ^ bytes.len() as u64;
    let mut mix = |word: u64| {
        hash = (hash ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash ^= hash >> 32;
    };
    let (words, rest) = bytes.as_chunks::<8>();
    words.iter().for_each(|word| mix(u64::from_le_bytes(*word)));
    rest.iter().for_each(|byte| mix(u64::from(*byte)));
    mix(0);
    hash
}

const UDP: u8 = 17;
/// `IPPROTO_RAW`.
const ANY: u8 = 255;
/// The next header of an IPv6 fragment.
const FRAGMENT: u8 = 44;
