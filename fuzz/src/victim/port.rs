//! Which device shows all that a stack sends, and takes whatever it is given?

use std::collections::VecDeque;

use smolsock::device::{
    Checksum, ChecksumCapabilities, Device, DeviceCapabilities, DeviceInstant, Medium, RxToken, TxToken,
};

/// A device whose two ends lie open. Checksums of arriving packets are not verified, or hardly any would get through.
#[derive(Debug)]
pub struct Port {
    /// Ethernet or bare IP.
    pub medium: Medium,
    /// What arrives.
    pub waiting: VecDeque<Vec<u8>>,
    /// What has left.
    pub sent: Vec<Vec<u8>>,
    /// Whether it takes frames of the stack's own; answers always find room.
    pub has_room: bool,
}

impl Port {
    /// A device on which nothing has happened.
    pub fn new(medium: Medium) -> Port {
        Port { medium, waiting: VecDeque::new(), sent: Vec::new(), has_room: true }
    }
}

impl Device for Port {
    type RxToken<'a> = Frame;
    type TxToken<'a> = Room<'a>;

    fn receive(&mut self, _now: DeviceInstant) -> Option<(Frame, Room<'_>)> {
        let frame = self.waiting.pop_front()?;
        Some((Frame(frame), Room(&mut self.sent)))
    }

    fn transmit(&mut self, _now: DeviceInstant) -> Option<Room<'_>> {
        self.has_room.then_some(Room(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = self.medium;
        capabilities.max_transmission_unit = 1514;
        capabilities.checksum = ChecksumCapabilities::ignored();
        for checksum in [
            &mut capabilities.checksum.ipv4,
            &mut capabilities.checksum.tcp,
            &mut capabilities.checksum.udp,
            &mut capabilities.checksum.icmpv4,
            &mut capabilities.checksum.icmpv6,
        ] {
            *checksum = Checksum::Tx;
        }
        capabilities
    }
}

/// A frame that has arrived.
#[derive(Debug)]
pub struct Frame(Vec<u8>);

impl RxToken for Frame {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

/// Room for a frame.
#[derive(Debug)]
pub struct Room<'a>(&'a mut Vec<Vec<u8>>);

impl TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.push(frame);
        result
    }
}
