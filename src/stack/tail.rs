//! What if nothing comes after a segment that is lost?
//!
//! Three ACKs that say the same tell of a hole; behind the last segments of a flight there is nothing that causes them, and smoltcp
//! waits for a second or more (B17). So after two round trips without an answer the oldest segment is sent again: a probe for the
//! loss of the tail, as RFC 8985 §7 has it. (There the youngest segment is repeated; smoltcp repeats the oldest.)

use super::Stack;
use super::prompt::prompt;
use crate::count::Count;
use crate::socket::slots::Body;

impl Stack<'_> {
    /// Lets the engine of a connection hear what makes it send its oldest segment again: that the peer has a hole, three times.
    #[cold]
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn order_oldest(&mut self, index: u32) {
        let slot = self.slots.get_mut(index);
        let (Some(local), Some(remote), Body::Tcp(connection)) = (slot.local, slot.remote, &mut slot.body) else {
            return;
        };
        connection.owes_oldest = false;
        let (Some(mut ack), Some(engine)) = (connection.last_heard((remote, local)), &mut connection.engine) else {
            return;
        };
        let interface = self.interfaces.get(connection.is_local, connection.mtu, local.ip());
        // No more than is out and the segment that is sent again: what was wrongly noted as the window could not have more sent.
        let window = ack.window.min(connection.track.window_in_use());
        // An ACK with another window makes it count from the beginning; the first of the right one is not counted either.
        ack.window = window.saturating_sub(1);
        prompt(interface, engine, &ack, 1, self.now);
        ack.window = window;
        prompt(interface, engine, &ack, 4, self.now);
        self.counters.tail_loss_probes.count_one();
    }
}
