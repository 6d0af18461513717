//! What does a driver with a thread of its own need?

use super::Stack;
use crate::count::Count;
use crate::device::Device;
use crate::errno::Errno;
use crate::socket::SocketId;
use crate::socket::slots::Body;
use crate::socket::tcp::TcpState;
use crate::time::Instant;

impl Stack<'_> {
    /// Half a step: sends what is due and lets time pass, but takes nothing from the device. For a caller that
    /// has just given the stack something to send, while somebody else waits for frames.
    pub(crate) fn flush(&mut self, now: Instant, device: &mut (impl Device + ?Sized)) {
        self.now = self.now.max(now);
        self.steps.count_one();
        self.blocked = false;
        self.due.append(&mut self.answering, &mut self.slots);
        self.timers();
        self.egress(device);
    }

    /// Which slot an id names: the same for all ids of one socket, while any of them is open.
    pub(crate) fn slot_of(&self, id: SocketId) -> Result<usize, Errno> {
        Ok(self.slots.find(id)? as usize)
    }

    /// Closes every socket.
    pub(crate) fn close_all(&mut self) {
        let ids: alloc::vec::Vec<SocketId> = self.slots.ids().collect();
        for id in ids {
            // EBADF is impossible: closing one socket makes no id of another stale.
            let _ = self.close(id);
        }
    }

    /// Resets every connection that is left, but those in FIN-WAIT-2: there the peer has everything, and a reset
    /// would take away what its application has not read yet.
    pub(crate) fn reset_all(&mut self) {
        let is_lost = |body: &Body<'_>| matches!(body, Body::Tcp(tcp) if tcp.state() != TcpState::FinWait2);
        let left: alloc::vec::Vec<u32> =
            self.slots.iter().filter(|(_, slot)| is_lost(&slot.body)).map(|(index, _)| index).collect();
        for index in left {
            self.reset(index);
        }
    }

    /// How many sockets there are, with those that still say goodbye; connections in TIME-WAIT do not count.
    pub(crate) fn sockets_left(&self) -> usize {
        self.slots.open()
    }
}
