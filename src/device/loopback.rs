//! What is the smallest device?

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

/// A device that receives what it sends, in order. For tests and examples.
#[derive(Debug)]
pub struct Loopback {
    queue: VecDeque<Vec<u8>>,
    medium: Medium,
}

impl Loopback {
    /// Carries frames of this medium, of any size.
    pub fn new(medium: Medium) -> Self {
        Self { queue: VecDeque::new(), medium }
    }

    /// How many frames wait to be received.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether no frame waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

impl Device for Loopback {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sender<'a>;

    fn receive(&mut self, _timestamp: Instant) -> Option<(Received, Sender<'_>)> {
        let frame = self.queue.pop_front()?;
        Some((Received(frame), Sender(&mut self.queue)))
    }

    fn transmit(&mut self, _timestamp: Instant) -> Option<Sender<'_>> {
        Some(Sender(&mut self.queue))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = self.medium;
        capabilities.max_transmission_unit = 65_535;
        capabilities
    }
}

/// A frame that came back.
#[derive(Debug)]
pub struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

/// Permission to send one frame.
#[derive(Debug)]
pub struct Sender<'a>(&'a mut VecDeque<Vec<u8>>);

impl TxToken for Sender<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = alloc::vec![0; len];
        let result = f(&mut frame);
        self.0.push_back(frame);
        result
    }
}
