//! How do frames get in and out of a host?

use std::collections::VecDeque;

use smoltcp::phy::{self, Checksum, ChecksumCapabilities, Device, DeviceCapabilities};
use smoltcp::time::Instant;

use crate::frame::Medium;

/// A network card in memory: [`deliver`](Nic::deliver) puts frames in for the stack to receive, [`take`](Nic::take)
/// gets out what the stack has sent.
///
/// All checksums are computed and verified by the stack, as on a card that helps with none. Frame buffers are used again.
#[derive(Debug)]
pub struct Nic {
    medium: Medium,
    mtu_bytes: usize,
    received: Ring,
    sent: Ring,
    sent_max: usize,
    is_refusing: bool,
}

/// Frames in order, and buffers for more.
#[derive(Debug, Default)]
struct Ring {
    frames: VecDeque<Vec<u8>>,
    spare: Vec<Vec<u8>>,
}

/// Buffers kept for later frames, in each direction.
const SPARE_MAX: usize = 64;

impl Nic {
    /// A card for IP packets of up to `mtu_bytes`, without the Ethernet header: 1,500 as a rule.
    pub fn new(medium: Medium, mtu_bytes: usize) -> Nic {
        Nic {
            medium,
            mtu_bytes,
            received: Ring::default(),
            sent: Ring::default(),
            sent_max: usize::MAX,
            is_refusing: false,
        }
    }

    /// The same card with room for `frames` that were sent and not yet taken out. When they are there, the stack can
    /// neither send nor receive, as with any device whose transmit ring is full.
    pub fn with_sent_max(mut self, frames: usize) -> Nic {
        self.sent_max = frames;
        self
    }

    /// Refuses to send, whatever room there is, or takes frames again. As with a full transmit ring, nothing is received
    /// meanwhile.
    pub fn set_refusing(&mut self, is_refusing: bool) {
        self.is_refusing = is_refusing;
    }

    /// Puts a frame in, to be received after those that are in already.
    pub fn deliver(&mut self, frame: &[u8]) {
        let mut buffer = self.received.buffer();
        buffer.extend_from_slice(frame);
        self.received.frames.push_back(buffer);
    }

    /// [`deliver`](Nic::deliver) without a copy: the card keeps the buffer.
    pub fn hand_over(&mut self, frame: Vec<u8>) {
        self.received.frames.push_back(frame);
    }

    /// Gets the frame out that was sent first. Hand its buffer back with [`recycle`](Nic::recycle), if you can.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        self.sent.frames.pop_front()
    }

    /// Takes a buffer back for a later frame.
    pub fn recycle(&mut self, buffer: Vec<u8>) {
        self.sent.recycle(buffer);
    }

    /// Frames put in that the stack has not received yet.
    pub fn waiting_frames(&self) -> usize {
        self.received.frames.len()
    }

    /// Frames that were sent and not yet taken out.
    pub fn sent_frames(&self) -> usize {
        self.sent.frames.len()
    }

    /// Longest IP packet, in bytes.
    pub fn mtu_bytes(&self) -> usize {
        self.mtu_bytes
    }

    /// Forgets every frame, in both directions: the power was cut.
    pub fn clear(&mut self) {
        self.received.frames.clear();
        self.sent.frames.clear();
    }

    /// Buffers that came in are sent out again, where nobody brings those back that went out.
    fn share(&mut self) {
        if self.sent.spare.is_empty() {
            std::mem::swap(&mut self.sent.spare, &mut self.received.spare);
        }
    }

    fn has_room(&self) -> bool {
        !self.is_refusing && self.sent.frames.len() < self.sent_max
    }

    /// What a frame is.
    pub fn medium(&self) -> Medium {
        self.medium
    }
}

impl Ring {
    /// An empty buffer.
    fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    fn recycle(&mut self, mut buffer: Vec<u8>) {
        if self.spare.len() < SPARE_MAX {
            buffer.clear();
            self.spare.push(buffer);
        }
    }
}

impl Device for Nic {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        // The stack may answer at once, so there has to be room for an answer.
        if !self.has_room() {
            return None;
        }
        let frame = self.received.frames.pop_front()?;
        self.share();
        Some((RxToken { frame, ring: &mut self.received }, TxToken { ring: &mut self.sent }))
    }

    fn transmit(&mut self, _now: Instant) -> Option<TxToken<'_>> {
        self.share();
        self.has_room().then_some(TxToken { ring: &mut self.sent })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = self.medium.into();
        // smoltcp counts the Ethernet header in.
        capabilities.max_transmission_unit = self.mtu_bytes + self.medium.header_bytes();
        capabilities.checksum = checksums();
        capabilities
    }
}

/// Everything computed when sending and verified when receiving, said field by field.
fn checksums() -> ChecksumCapabilities {
    let mut checksums = ChecksumCapabilities::default();
    checksums.ipv4 = Checksum::Both;
    checksums.udp = Checksum::Both;
    checksums.tcp = Checksum::Both;
    checksums.icmpv4 = Checksum::Both;
    checksums.icmpv6 = Checksum::Both;
    checksums
}

impl From<Medium> for phy::Medium {
    fn from(medium: Medium) -> phy::Medium {
        match medium {
            Medium::Ethernet => phy::Medium::Ethernet,
            Medium::Ip => phy::Medium::Ip,
        }
    }
}

/// A frame that is being received.
#[derive(Debug)]
pub struct RxToken<'a> {
    frame: Vec<u8>,
    ring: &'a mut Ring,
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        let result = read(&self.frame);
        self.ring.recycle(self.frame);
        result
    }
}

/// Room for a frame to send.
#[derive(Debug)]
pub struct TxToken<'a> {
    ring: &'a mut Ring,
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, frame_bytes: usize, write: F) -> R {
        let mut frame = self.ring.buffer();
        frame.resize(frame_bytes, 0);
        let result = write(&mut frame);
        self.ring.frames.push_back(frame);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smoltcp::phy::{RxToken as _, TxToken as _};

    const NOW: Instant = Instant::ZERO;

    fn send(nic: &mut Nic, frame: &[u8]) -> bool {
        let Some(token) = nic.transmit(NOW) else {
            return false;
        };
        token.consume(frame.len(), |buffer| buffer.copy_from_slice(frame));
        true
    }

    fn receive(nic: &mut Nic) -> Option<Vec<u8>> {
        nic.receive(NOW).map(|(token, _)| token.consume(<[u8]>::to_vec))
    }

    #[test]
    fn frames_come_in_and_go_out_in_order() {
        let mut nic = Nic::new(Medium::Ethernet, 1_500);
        nic.deliver(&[1]);
        nic.deliver(&[2, 2]);
        assert_eq!(receive(&mut nic), Some(vec![1]));
        assert_eq!(receive(&mut nic), Some(vec![2, 2]));
        assert_eq!(receive(&mut nic), None);
        assert!(send(&mut nic, &[3]) && send(&mut nic, &[4]));
        assert_eq!((nic.take(), nic.take(), nic.take()), (Some(vec![3]), Some(vec![4]), None));
    }

    #[test]
    fn a_full_transmit_ring_stops_sending_and_receiving() {
        let mut nic = Nic::new(Medium::Ip, 1_500).with_sent_max(1);
        nic.deliver(&[1]);
        assert!(send(&mut nic, &[2]));
        assert!(!send(&mut nic, &[3]));
        assert_eq!(receive(&mut nic), None);
        assert_eq!(nic.waiting_frames(), 1, "it is kept for later");
        assert_eq!(nic.take(), Some(vec![2]));
        assert_eq!(receive(&mut nic), Some(vec![1]));
    }

    #[test]
    fn mtu_is_that_of_ip_and_the_ethernet_header_comes_on_top() {
        let max = |medium| Nic::new(medium, 1_500).capabilities().max_transmission_unit;
        assert_eq!(max(Medium::Ethernet), 1_514);
        assert_eq!(max(Medium::Ip), 1_500);
    }

    #[test]
    fn the_stack_computes_and_verifies_every_checksum() {
        let checksum = Nic::new(Medium::Ip, 1_500).capabilities().checksum;
        let all = [checksum.ipv4, checksum.udp, checksum.tcp, checksum.icmpv4, checksum.icmpv6];
        assert!(all.iter().all(|checksum| checksum.rx() && checksum.tx()));
    }

    #[test]
    fn buffers_are_used_again_and_hold_nothing_old() {
        let mut nic = Nic::new(Medium::Ip, 1_500);
        assert!(send(&mut nic, &[0xff; 1_000]));
        let buffer = nic.take().expect("it was sent");
        let address = buffer.as_ptr();
        nic.recycle(buffer);
        nic.transmit(NOW).expect("room").consume(8, |frame| assert_eq!(frame, [0; 8]));
        let buffer = nic.take().expect("it was sent");
        assert_eq!(buffer.as_ptr(), address);
        for _ in 0..3 {
            nic.deliver(&[7; 100]);
            assert_eq!(receive(&mut nic), Some(vec![7; 100]));
        }
        assert_eq!(nic.received.spare.len(), 1);
    }
}
