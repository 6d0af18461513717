//! Where are the packets that this host sends to itself?

use core::fmt;

use managed::ManagedSlice;
use smoltcp::phy::{Device, DeviceCapabilities, TxToken};
use smoltcp::storage::{PacketBuffer, PacketMetadata};
use smoltcp::time::Instant;

use crate::device::Nothing;

/// The way of this host to itself: 127.0.0.0/8, ::1, its own addresses, and its share of what it sends to
/// groups that it is a member of. A queue of bare IP packets, which no device ever sees.
pub(crate) struct Local<'a> {
    ring: PacketBuffer<'a, ()>,
    /// Packets in the queue.
    len: usize,
    mtu: u16,
    /// Whether memory is taken when the first packet comes.
    #[cfg(feature = "alloc")]
    is_unused: bool,
}

/// Memory for one packet's place in the queue.
pub(crate) type Entry = PacketMetadata<()>;

impl<'a> Local<'a> {
    /// A queue in the caller's memory; its largest packet is a quarter of the memory. Where that is too small for a
    /// segment there is no way of this host to itself.
    pub(crate) fn lent(entries: &'a mut [Entry], bytes: &'a mut [u8]) -> Self {
        let mtu = u16::try_from(bytes.len() / 4).unwrap_or(u16::MAX);
        let mtu = if mtu < MTU_MIN { 0 } else { mtu };
        Self {
            ring: PacketBuffer::new(ManagedSlice::Borrowed(entries), ManagedSlice::Borrowed(bytes)),
            len: 0,
            mtu,
            #[cfg(feature = "alloc")]
            is_unused: false,
        }
    }

    /// A queue that takes its memory with the first packet: most hosts never talk to themselves.
    #[cfg(feature = "alloc")]
    pub(crate) fn growing() -> Self {
        Self { len: 0, mtu: MTU, is_unused: true, ..Self::nowhere() }
    }

    /// A queue without room, in whose place the real one can be taken out of the stack for a while.
    pub(crate) fn nowhere() -> Self {
        Self::lent(&mut [], &mut [])
    }

    /// The largest packet, bytes; 0: none goes through.
    pub(crate) fn mtu(&self) -> u16 {
        self.mtu
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes the oldest packet.
    #[expect(clippy::arithmetic_side_effects, reason = "this packet was counted when it came")]
    pub(crate) fn pop(&mut self) -> Option<&[u8]> {
        let (_, packet) = self.ring.dequeue().ok()?;
        self.len -= 1;
        Some(packet)
    }

    /// Whether a packet of any size fits for sure: half of the free bytes are in one piece, and padding
    /// takes an entry.
    #[expect(clippy::arithmetic_side_effects, reason = "no ring holds more than its capacity")]
    fn has_room(&self) -> bool {
        let free = self.ring.payload_capacity() - self.ring.payload_bytes_count();
        let is_possible = self.ring.packet_capacity() > 0 && self.ring.payload_capacity() > 0;
        is_possible
            && (self.is_empty() || (self.len + 3 <= self.ring.packet_capacity() && free / 2 >= usize::from(self.mtu)))
    }

    #[cfg(feature = "alloc")]
    fn grow(&mut self) {
        use alloc::vec;
        if core::mem::take(&mut self.is_unused) {
            let entries: alloc::vec::Vec<Entry> = (0..PACKETS).map(|_| Entry::EMPTY).collect();
            self.ring = PacketBuffer::new(ManagedSlice::Owned(entries), ManagedSlice::Owned(vec![0; BYTES]));
        }
    }

    #[cfg(not(feature = "alloc"))]
    fn grow(&mut self) {}
}

impl<'l> Device for Local<'l> {
    type RxToken<'a>
        = Nothing
    where
        Self: 'a;
    type TxToken<'a>
        = Place<'a, 'l>
    where
        Self: 'a;

    fn receive(&mut self, _timestamp: Instant) -> Option<(Nothing, Self::TxToken<'_>)> {
        None
    }

    fn transmit(&mut self, _timestamp: Instant) -> Option<Self::TxToken<'_>> {
        self.grow();
        self.has_room().then_some(Place(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        DeviceCapabilities::default()
    }
}

/// Room for one packet, which may be used or not.
pub(crate) struct Place<'a, 'l>(&'a mut Local<'l>);

impl TxToken for Place<'_, '_> {
    #[expect(clippy::unreachable, reason = "there is no packet to write into, and something has to be returned")]
    #[expect(clippy::arithmetic_side_effects, reason = "it counts entries of the ring")]
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        match self.0.ring.enqueue(len, ()) {
            Ok(room) => {
                self.0.len += 1;
                f(room)
            }
            Err(_) => unreachable!("a place is given only where a packet of the MTU fits"),
        }
    }
}

impl fmt::Debug for Local<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").field("len", &self.len).field("mtu", &self.mtu).finish_non_exhaustive()
    }
}

/// The headers of IPv6 and of a TCP segment with all options that there can be, and some bytes of data.
const MTU_MIN: u16 = 40 + 60 + 8;
/// Largest packet on the way of a host to itself, bytes: what IPv4 can say (Linux: 65,536).
#[cfg(feature = "alloc")]
const MTU: u16 = u16::MAX;
/// Packets that may wait.
#[cfg(feature = "alloc")]
const PACKETS: usize = 256;
/// Their bytes.
#[cfg(feature = "alloc")]
const BYTES: usize = 4 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_out_in_order_and_a_full_queue_takes_none() {
        let (mut entries, mut bytes) = ([const { Entry::EMPTY }; 8], [0; 300]);
        let mut local = Local::lent(&mut entries, &mut bytes);
        local.mtu = 100;
        for number in [1, 2] {
            let place = local.transmit(Instant::ZERO).expect("room");
            place.consume(60, |room| room.fill(number));
        }
        assert!(local.transmit(Instant::ZERO).is_none(), "100 bytes may not fit");
        assert_eq!(local.pop(), Some(&[1; 60][..]));
        assert_eq!(local.pop(), Some(&[2; 60][..]));
        assert_eq!(local.pop(), None);
        assert!(local.transmit(Instant::ZERO).is_some());
    }

    #[test]
    fn a_place_that_is_not_used_takes_no_room() {
        let (mut entries, mut bytes) = ([const { Entry::EMPTY }; 2], [0; 64]);
        let mut local = Local::lent(&mut entries, &mut bytes);
        assert!(local.transmit(Instant::ZERO).is_some());
        assert!(local.is_empty());
        assert!(Local::nowhere().transmit(Instant::ZERO).is_none());
    }
}
