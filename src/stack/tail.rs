//! What if nothing comes after a segment that is lost?
//!
//! Three ACKs that say the same tell of a hole; behind the last segments of a flight there is nothing that causes them, and smoltcp
//! waits for a second or more (B17). So after two round trips without an answer the oldest segment is sent again: a probe for the
//! loss of the tail, as RFC 8985 §7 has it. (There the youngest segment is repeated; smoltcp repeats the oldest.)

use super::Stack;
use super::emit::Bare;
use super::local::{self, Local};
use crate::count::Count;
use crate::device::{Device, OneFrame, Path};
use crate::socket::slots::Body;

impl Stack<'_> {
    /// Lets the engine of a connection hear what makes it send its oldest segment again: that the peer has a hole, three times.
    #[cold]
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn order_oldest(&mut self, index: u32) {
        let now = self.now;
        let checksums = smoltcp::phy::ChecksumCapabilities::default();
        let slot = self.slots.get_mut(index);
        let (Some(local), Some(remote), Body::Tcp(connection)) = (slot.local, slot.remote, &mut slot.body) else {
            return;
        };
        connection.owes_oldest = false;
        let (Some((seq, ack, window)), Some(engine)) = (connection.last_heard(), &mut connection.engine) else {
            return;
        };
        let interface = self.interfaces.get(connection.is_local, connection.mtu, local.ip());
        // An ACK with another window makes it count from the beginning; the first of the right one is not counted either.
        for (window, times) in [(window.saturating_sub(1), 1), (window, 4)] {
            let (mut entries, mut room) = (ENTRIES, [0; ROOM_BYTES]);
            let mut packets = Local::lent(&mut entries, &mut room);
            let bare = Bare { local: remote, remote: local, is_reset: false, seq, ack: Some(ack), window, hops: 64 };
            if let Some(token) = packets.transmit(now.to_smoltcp()) {
                super::emit::bare(token, &Path::BARE, &bare, &checksums);
            }
            let (mut entries, mut room) = (ENTRIES, [0; ROOM_BYTES]);
            let mut nobody = Local::lent(&mut entries, &mut room);
            let (Some(packet), Some(reply)) = (packets.pop(), nobody.transmit(now.to_smoltcp())) else { return };
            let mut one = OneFrame::new(packet, reply, Path::BARE);
            for _ in 0..times {
                interface.poll_ingress_single(now.to_smoltcp(), &mut one, engine.set());
                if !one.comes_again(packet) {
                    return;
                }
            }
        }
        self.counters.tail_loss_probes.count_one();
    }
}

/// Places for one packet, and for padding.
const ENTRIES: [local::Entry; 4] = [local::Entry::EMPTY; 4];
/// An IPv6 header, and a segment with all options that there can be; a queue is one for packets of a quarter of its memory.
const ROOM_BYTES: usize = 4 * (40 + 60 + 8);
