//! Which device joins two stacks in one image?

use smolsock::device::{Device, DeviceCapabilities, DeviceInstant, Medium, RxToken, TxToken};

/// Largest Ethernet frame, header included, no FCS, in bytes.
const FRAME_BYTES: usize = 1514;

/// Frames in flight in one direction.
const IN_FLIGHT_MAX: usize = 4;

/// One direction of a cable.
pub struct Lane {
    frames: [[u8; FRAME_BYTES]; IN_FLIGHT_MAX],
    lens: [usize; IN_FLIGHT_MAX],
    head: usize,
    len: usize,
}

impl Lane {
    /// A lane with nothing on it.
    pub const fn new() -> Lane {
        Lane { frames: [[0; FRAME_BYTES]; IN_FLIGHT_MAX], lens: [0; IN_FLIGHT_MAX], head: 0, len: 0 }
    }
}

/// One end of the cable.
pub struct Port<'a> {
    /// What arrives.
    pub rx: &'a mut Lane,
    /// What leaves.
    pub tx: &'a mut Lane,
}

impl Device for Port<'_> {
    type RxToken<'a>
        = Frame<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = Room<'a>
    where
        Self: 'a;

    fn receive(&mut self, _now: DeviceInstant) -> Option<(Frame<'_>, Room<'_>)> {
        if self.rx.len == 0 || self.tx.len == IN_FLIGHT_MAX {
            return None;
        }
        let index = self.rx.head;
        self.rx.head = (index + 1) % IN_FLIGHT_MAX;
        self.rx.len -= 1;
        Some((Frame(&self.rx.frames[index][..self.rx.lens[index]]), Room(self.tx)))
    }

    fn transmit(&mut self, _now: DeviceInstant) -> Option<Room<'_>> {
        if self.tx.len == IN_FLIGHT_MAX {
            return None;
        }
        Some(Room(self.tx))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_BYTES;
        capabilities
    }
}

/// A frame that has arrived.
pub struct Frame<'a>(&'a [u8]);

impl RxToken for Frame<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// Room for a frame.
pub struct Room<'a>(&'a mut Lane);

impl TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let index = (self.0.head + self.0.len) % IN_FLIGHT_MAX;
        self.0.lens[index] = len;
        self.0.len += 1;
        f(&mut self.0.frames[index][..len])
    }
}
