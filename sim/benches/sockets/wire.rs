//! Which device joins two stacks in memory, at no cost of its own?

use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

/// Largest IP packet, in bytes.
const MTU: usize = 1500;

/// Packets in flight in one direction; a 64 KiB window is 45 of them.
const IN_FLIGHT_MAX: usize = 128;

/// The ends of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that connects.
    Client,
    /// The one that listens.
    Server,
}

/// Two rings of packets, one for each direction; nothing is copied or allocated on the way.
#[derive(Debug)]
pub struct Wire {
    to_client: Ring,
    to_server: Ring,
}

impl Wire {
    /// An empty wire.
    pub fn new() -> Wire {
        Wire { to_client: Ring::new(), to_server: Ring::new() }
    }

    /// The device of one side.
    pub fn end(&mut self, side: Side) -> End<'_> {
        match side {
            Side::Client => End { rx: &mut self.to_client, tx: &mut self.to_server },
            Side::Server => End { rx: &mut self.to_server, tx: &mut self.to_client },
        }
    }

    /// Packets sent so far, both directions.
    pub fn packets(&self) -> u64 {
        self.to_client.sent + self.to_server.sent
    }

    /// Whether nothing is in flight.
    pub fn is_idle(&self) -> bool {
        self.to_client.len == 0 && self.to_server.len == 0
    }
}

#[derive(Debug)]
struct Ring {
    slots: Vec<Slot>,
    head: usize,
    len: usize,
    sent: u64,
}

#[derive(Clone, Debug)]
struct Slot {
    bytes: [u8; MTU],
    len: usize,
}

impl Ring {
    fn new() -> Ring {
        Ring { slots: vec![Slot { bytes: [0; MTU], len: 0 }; IN_FLIGHT_MAX], head: 0, len: 0, sent: 0 }
    }
}

/// One side's device.
#[derive(Debug)]
pub struct End<'a> {
    rx: &'a mut Ring,
    tx: &'a mut Ring,
}

impl Device for End<'_> {
    type RxToken<'a>
        = RxToken<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = TxToken<'a>
    where
        Self: 'a;

    fn receive(&mut self, _now: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        if self.rx.len == 0 || self.tx.len == IN_FLIGHT_MAX {
            return None;
        }
        let slot = self.rx.head;
        self.rx.head = (slot + 1) % IN_FLIGHT_MAX;
        self.rx.len -= 1;
        let slot = &self.rx.slots[slot];
        Some((RxToken { packet: &slot.bytes[..slot.len] }, TxToken { ring: self.tx }))
    }

    fn transmit(&mut self, _now: Instant) -> Option<TxToken<'_>> {
        if self.tx.len == IN_FLIGHT_MAX {
            return None;
        }
        Some(TxToken { ring: self.tx })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        // Everything else stays at smoltcp's default: all checksums computed and verified in software.
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = MTU;
        capabilities
    }
}

/// A packet that has arrived.
#[derive(Debug)]
pub struct RxToken<'a> {
    packet: &'a [u8],
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.packet)
    }
}

/// Room for a packet.
#[derive(Debug)]
pub struct TxToken<'a> {
    ring: &'a mut Ring,
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let index = (self.ring.head + self.ring.len) % IN_FLIGHT_MAX;
        let slot = &mut self.ring.slots[index];
        slot.len = len;
        let result = f(&mut slot.bytes[..len]);
        self.ring.len += 1;
        self.ring.sent += 1;
        result
    }
}
