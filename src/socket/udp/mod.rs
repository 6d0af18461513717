//! What does a socket of datagrams hold?

use core::net::{IpAddr, SocketAddr};

use managed::ManagedSlice;
use smoltcp::storage::{PacketBuffer, PacketMetadata};

use super::message::total;
use super::raw::Kind;
use super::slots::NONE;
use crate::bytes;

/// One received datagram, as [`Stack::recv_from`](crate::Stack::recv_from) reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram {
    /// Bytes copied into the caller's buffer.
    pub len: usize,
    /// Bytes the datagram carried; more than `len` if the buffer was too small (`MSG_TRUNC`).
    pub full_len: usize,
    /// Who sent it.
    pub remote: SocketAddr,
    /// The address it was sent to: an own one, or a group or broadcast address.
    pub local: IpAddr,
}

impl Datagram {
    /// Whether the buffer was too small; the rest of the datagram is lost, as POSIX has it.
    pub fn is_truncated(&self) -> bool {
        self.len < self.full_len
    }
}

/// What travels with a queued datagram.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope {
    pub(crate) remote: SocketAddr,
    pub(crate) local: IpAddr,
    /// TTL or hop limit: received, `None` if it is not known; to be sent, `None` if the socket's options decide.
    pub(crate) ttl: Option<u8>,
    /// TOS or traffic class.
    pub(crate) tos: u8,
    /// To be sent: whether the data begins with the IP header (`IP_HDRINCL`).
    pub(crate) is_whole: bool,
}

/// Memory for one entry of a datagram queue.
pub(crate) type Entry = PacketMetadata<Envelope>;

/// Datagrams in order of arrival, boundaries kept.
#[derive(Debug)]
pub(crate) struct Queue<'a> {
    ring: PacketBuffer<'a, Envelope>,
    len: usize,
}

impl<'a> Queue<'a> {
    pub(crate) fn new(entries: ManagedSlice<'a, Entry>, bytes: ManagedSlice<'a, u8>) -> Self {
        Self { ring: PacketBuffer::new(entries, bytes), len: 0 }
    }

    /// Adds a datagram; `false` if there is no room for all of it.
    pub(crate) fn push(&mut self, envelope: Envelope, data: &[u8]) -> bool {
        self.push_pieces(envelope, &[data])
    }

    /// Adds a datagram that consists of these pieces; `false` if there is no room for all of it.
    #[expect(clippy::arithmetic_side_effects, reason = "it counts entries of the ring")]
    pub(crate) fn push_pieces(&mut self, envelope: Envelope, pieces: &[&[u8]]) -> bool {
        let Ok(mut room) = self.ring.enqueue(total(pieces), envelope) else { return false };
        for piece in pieces {
            let copied = bytes::copy(piece, room);
            room = room.get_mut(copied..).unwrap_or_default();
        }
        self.len += 1;
        true
    }

    /// The oldest datagram, which stays.
    pub(crate) fn peek(&mut self) -> Option<(Envelope, &[u8])> {
        self.ring.peek().ok().map(|(envelope, data)| (*envelope, data))
    }

    /// Takes the oldest datagram.
    #[expect(clippy::arithmetic_side_effects, reason = "this datagram was counted when it came")]
    pub(crate) fn pop(&mut self) -> Option<(Envelope, &[u8])> {
        let (envelope, data) = self.ring.dequeue().ok()?;
        self.len -= 1;
        Some((envelope, data))
    }

    pub(crate) fn clear(&mut self) {
        while self.pop().is_some() {}
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Queued payload, bytes (and padding, where the ring wrapped).
    pub(crate) fn bytes(&self) -> usize {
        self.ring.payload_bytes_count()
    }

    /// The largest datagram that could ever be queued, bytes.
    pub(crate) fn capacity(&self) -> usize {
        self.ring.payload_capacity()
    }

    /// Whether a datagram of `size` bytes fits for sure, wherever the ring stands: half of the free
    /// bytes are in one piece, and padding takes an entry.
    #[expect(clippy::arithmetic_side_effects, reason = "no ring holds more than its capacity")]
    pub(crate) fn has_room_for(&self, size: usize) -> bool {
        let free = self.ring.payload_capacity() - self.ring.payload_bytes_count();
        self.is_empty() || (self.len + 3 <= self.ring.packet_capacity() && free / 2 >= size)
    }
}

/// The queues of a UDP, ICMP or raw socket, and what the application asked of it.
#[derive(Debug)]
pub(crate) struct Datagrams<'a> {
    pub(crate) kind: Kind,
    /// The next raw socket, if this is one.
    pub(crate) next_raw: u32,
    pub(crate) recv: Queue<'a>,
    pub(crate) send: Queue<'a>,
    /// How far the oldest datagram to be sent is out, if it has to be cut into fragments.
    pub(crate) cut: Option<Cut>,
    /// Whether this host has its copy of the oldest datagram to be sent, if it is one for many.
    pub(crate) is_looped: bool,
    pub(crate) shut_read: bool,
    pub(crate) shut_write: bool,
    /// Received datagrams that found no room.
    pub(crate) overflows: u64,
}

/// A datagram that is being sent in fragments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    /// Identification of all of them.
    pub(crate) ident: u32,
    /// How many are out.
    pub(crate) sent: usize,
    /// Largest packet, bytes, as it was when the first went out.
    pub(crate) mtu: usize,
}

impl<'a> Datagrams<'a> {
    pub(crate) fn new(recv: Queue<'a>, send: Queue<'a>) -> Self {
        Self {
            kind: Kind::Udp,
            next_raw: NONE,
            recv,
            send,
            cut: None,
            is_looped: false,
            shut_read: false,
            shut_write: false,
            overflows: 0,
        }
    }
}

/// Where queues come from: made as needed, or lent by the caller and given back.
#[derive(Debug)]
pub(crate) enum Queues<'a> {
    /// Fresh queues for every socket, of these sizes.
    #[cfg(feature = "alloc")]
    Fresh {
        /// Receive queue, payload bytes.
        recv_bytes: usize,
        /// Send queue, payload bytes.
        send_bytes: usize,
        /// Entries of each queue.
        datagrams: usize,
    },
    /// Pairs of queues that are not in use stand here.
    Lent(&'a mut [Option<Datagrams<'a>>]),
}

impl<'a> Queues<'a> {
    /// Empty queues, or `None` when all are in use.
    pub(crate) fn take(&mut self) -> Option<Datagrams<'a>> {
        match self {
            #[cfg(feature = "alloc")]
            Self::Fresh { recv_bytes, send_bytes, datagrams } => {
                let queue = |bytes: usize| {
                    let entries: alloc::vec::Vec<Entry> = (0..*datagrams).map(|_| Entry::EMPTY).collect();
                    Queue::new(ManagedSlice::Owned(entries), ManagedSlice::Owned(alloc::vec![0; bytes]))
                };
                Some(Datagrams::new(queue(*recv_bytes), queue(*send_bytes)))
            }
            Self::Lent(spare) => spare.iter_mut().find_map(Option::take),
        }
    }

    /// Makes empty queues as large as was asked for: payload bytes, 0 as they are. Lent queues stay.
    pub(crate) fn resize(&self, datagrams: &mut Datagrams<'a>, recv: usize, send: usize) {
        match self {
            #[cfg(feature = "alloc")]
            Self::Fresh { datagrams: entries, .. } => {
                for (queue, bytes) in [(&mut datagrams.recv, recv), (&mut datagrams.send, send)] {
                    if bytes > 0 && queue.is_empty() && queue.capacity() != bytes {
                        let entries: alloc::vec::Vec<Entry> = (0..*entries).map(|_| Entry::EMPTY).collect();
                        *queue = Queue::new(ManagedSlice::Owned(entries), ManagedSlice::Owned(alloc::vec![0; bytes]));
                    }
                }
            }
            Self::Lent(_) => {
                let _ = (datagrams, recv, send);
            }
        }
    }

    /// Takes queues back, emptied.
    pub(crate) fn give(&mut self, mut datagrams: Datagrams<'a>) {
        match self {
            #[cfg(feature = "alloc")]
            Self::Fresh { .. } => drop(datagrams),
            Self::Lent(spare) => {
                datagrams.recv.clear();
                datagrams.send.clear();
                if let Some(empty) = spare.iter_mut().find(|place| place.is_none()) {
                    *empty = Some(Datagrams::new(datagrams.recv, datagrams.send));
                }
            }
        }
    }
}
