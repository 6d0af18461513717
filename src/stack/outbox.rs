//! Where do answers wait that are larger than a packet?

use core::fmt;
use core::net::IpAddr;

use managed::ManagedSlice;
use smoltcp::storage::{PacketBuffer, PacketMetadata};
use smoltcp::time::Instant;

use super::Stack;
use super::emit::Header;
use super::outbound::Sending;
use crate::device::{Device, Outlet, Path};
use crate::socket::udp::Cut;

/// Messages of this host itself that are sent in fragments: echo replies.
pub(crate) struct Outbox<'a> {
    ring: PacketBuffer<'a, Letter>,
    /// How far the oldest is out.
    cut: Option<Cut>,
    /// Whether memory is taken when the first message comes.
    #[cfg(feature = "alloc")]
    is_unused: bool,
}

/// What is on a message's outside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Letter {
    pub(super) header: Header,
    pub(super) path: Path,
    /// Identification of all fragments.
    pub(super) ident: u32,
    /// Largest packet, bytes.
    pub(super) mtu: usize,
}

/// Memory for one message's place.
pub(crate) type Entry = PacketMetadata<Letter>;

impl<'a> Outbox<'a> {
    /// An outbox in the caller's memory.
    pub(crate) fn lent(entries: &'a mut [Entry], bytes: &'a mut [u8]) -> Self {
        Self {
            ring: PacketBuffer::new(ManagedSlice::Borrowed(entries), ManagedSlice::Borrowed(bytes)),
            cut: None,
            #[cfg(feature = "alloc")]
            is_unused: false,
        }
    }

    /// An outbox that takes its memory with the first message.
    #[cfg(feature = "alloc")]
    pub(crate) fn growing() -> Self {
        Self { is_unused: true, ..Self::lent(&mut [], &mut []) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Room for a message of `len` bytes, if there is any.
    pub(super) fn put(&mut self, letter: Letter, len: usize) -> Option<&mut [u8]> {
        self.grow();
        // smoltcp panics where there is no place at all.
        if self.ring.packet_capacity() == 0 {
            return None;
        }
        self.ring.enqueue(len, letter).ok()
    }

    /// Where the oldest message goes.
    fn destination(&mut self) -> Option<IpAddr> {
        self.ring.peek().ok().map(|(letter, _)| letter.header.destination)
    }

    /// Sends the oldest message, as far as there is room.
    fn send(&mut self, outlet: &mut Outlet<'_, impl Device + ?Sized>, now: Instant) -> Sending {
        let Ok((letter, message)) = self.ring.peek() else { return Sending::Done };
        let cut = self.cut.get_or_insert(Cut { ident: letter.ident, sent: 0, mtu: letter.mtu });
        outlet.log.path = letter.path;
        let sending = letter.header.send_pieces(outlet, now, cut, [message, &[]]);
        if let Sending::Done = sending {
            self.cut = None;
            let _ = self.ring.dequeue();
        }
        sending
    }

    #[cfg(feature = "alloc")]
    fn grow(&mut self) {
        use alloc::vec;
        if core::mem::take(&mut self.is_unused) {
            let entries: alloc::vec::Vec<Entry> = (0..MESSAGES).map(|_| Entry::EMPTY).collect();
            self.ring = PacketBuffer::new(ManagedSlice::Owned(entries), ManagedSlice::Owned(vec![0; BYTES]));
        }
    }

    #[cfg(not(feature = "alloc"))]
    fn grow(&mut self) {}
}

impl Stack<'_> {
    /// Sends what is in the outbox, until there is no more room.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn turn_outbox(&mut self, outlet: &mut Outlet<'_, impl Device + ?Sized>) {
        let now = self.now.to_smoltcp();
        while let Some(destination) = self.outbox.destination() {
            let sending = if self.is_local(destination) {
                self.outbox.send(&mut Outlet::new(&mut self.local), now)
            } else {
                self.outbox.send(outlet, now)
            };
            if let Sending::Blocked = sending {
                return;
            }
        }
    }
}

impl fmt::Debug for Outbox<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("cut", &self.cut).finish_non_exhaustive()
    }
}

/// Messages that may wait.
#[cfg(feature = "alloc")]
const MESSAGES: usize = 16;
/// Their bytes: room for one of the largest, wherever the ring stands.
#[cfg(feature = "alloc")]
const BYTES: usize = 2 << 16;
