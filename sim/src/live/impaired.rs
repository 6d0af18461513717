//! How does a stack come to a bad cable on a good device?

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smoltcp::phy::{Device, DeviceCapabilities, RxToken, TxToken};
#[cfg(target_os = "linux")]
use smoltcp::time::Duration;
use smoltcp::time::Instant;

use super::{Cable, End};
use crate::time::Time;

/// A cable that the device has and somebody else may look at: its counts, the end of its captures.
pub type SharedCable = Arc<Mutex<Cable>>;

/// A device at the other end of a cable: the stack is at [`End::A`], the device is plugged in at [`End::B`].
///
/// Frames pass the cable in both ways, and what is due goes on with the next call of [`receive`](Device::receive) or
/// [`transmit`](Device::transmit). Who calls these has to come again at [`Impaired::next_due`]; for a driver that waits
/// there is [`Impaired::with_alarm`] (Linux).
///
/// The device must carry frames whole: without segmentation or checksum offload, because a cable that cuts, flips and
/// captures needs the frames that are really on it. What it is told by `timestamp` is the time of the cable.
#[derive(Debug)]
pub struct Impaired<D> {
    device: D,
    cable: SharedCable,
    /// The device took no frame when one was due.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "there is no alarm to set"))]
    is_blocked: bool,
    #[cfg(target_os = "linux")]
    clock: Option<super::alarm::Clock>,
}

/// Frames that are taken from the device at once.
const BATCH_FRAMES: usize = 64;
/// When to try again after the device took no frame.
#[cfg(target_os = "linux")]
const BLOCKED_RETRY: Duration = Duration::from_millis(1);

impl<D: Device> Impaired<D> {
    /// Plugs `device` into the far end of `cable`.
    pub fn new(device: D, cable: Cable) -> Impaired<D> {
        Impaired {
            device,
            cable: Arc::new(Mutex::new(cable)),
            is_blocked: false,
            #[cfg(target_os = "linux")]
            clock: None,
        }
    }

    /// The cable.
    pub fn cable(&self) -> SharedCable {
        Arc::clone(&self.cable)
    }

    /// The device itself.
    pub fn device_mut(&mut self) -> &mut D {
        &mut self.device
    }

    /// When a frame on the cable has to go on.
    pub fn next_due(&self) -> Option<Time> {
        lock(&self.cable).next_due()
    }

    /// What is due at the device leaves; what the device has received goes on the cable.
    fn pump(&mut self, timestamp: Instant) {
        let now = time(timestamp);
        let mut cable = lock(&self.cable);
        for _ in 0..BATCH_FRAMES {
            let Some((received, _)) = self.device.receive(timestamp) else { break };
            received.consume(|frame| cable.send(End::B, now, frame));
        }
        self.is_blocked = false;
        while cable.next_due_at(End::B).is_some_and(|due| due <= now) {
            let Some(token) = self.device.transmit(timestamp) else {
                self.is_blocked = true;
                break;
            };
            let Some(frame) = cable.receive(End::B, now) else { continue };
            token.consume(frame.len(), |buffer| buffer.copy_from_slice(&frame));
        }
    }

    /// Sets the alarm for what is due next.
    fn rearm(&mut self, timestamp: Instant) {
        let mut cable = lock(&self.cable);
        cable.flush();
        #[cfg(target_os = "linux")]
        if let Some(clock) = &self.clock {
            let wait_ns = cable.next_due().map(|due| due.ns_since(time(timestamp)));
            let retry_ns = self.is_blocked.then(|| BLOCKED_RETRY.total_micros() * 1_000);
            clock.set(wait_ns.map(|wait_ns| wait_ns.max(retry_ns.unwrap_or(0))));
        }
        #[cfg(not(target_os = "linux"))]
        let _ = timestamp;
    }
}

#[cfg(target_os = "linux")]
impl<D: Device + std::os::fd::AsFd> Impaired<D> {
    /// The same, and what a driver waits with: until the device has a frame, or one on the cable is due.
    ///
    /// # Errors
    /// What the system reports: no descriptors are left, for instance.
    pub fn with_alarm(mut self) -> std::io::Result<(Impaired<D>, super::Alarm)> {
        let alarm = super::Alarm::new(self.device.as_fd())?;
        self.clock = Some(alarm.clock());
        Ok((self, alarm))
    }
}

impl<D: Device> Device for Impaired<D> {
    type RxToken<'a>
        = Received
    where
        D: 'a;
    type TxToken<'a>
        = Sender<'a, D>
    where
        D: 'a;

    fn receive(&mut self, timestamp: Instant) -> Option<(Received, Sender<'_, D>)> {
        self.pump(timestamp);
        let frame = lock(&self.cable).receive(End::A, time(timestamp));
        if frame.is_none() {
            self.rearm(timestamp);
        }
        frame.map(|frame| (Received(frame), Sender { impaired: self, timestamp }))
    }

    fn transmit(&mut self, timestamp: Instant) -> Option<Sender<'_, D>> {
        Some(Sender { impaired: self, timestamp })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A frame that has come through the cable.
#[derive(Debug)]
pub struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

/// Permission to put one frame on the cable.
#[derive(Debug)]
pub struct Sender<'a, D> {
    impaired: &'a mut Impaired<D>,
    timestamp: Instant,
}

impl<D: Device> TxToken for Sender<'_, D> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        lock(&self.impaired.cable).send(End::A, time(self.timestamp), &frame);
        self.impaired.pump(self.timestamp);
        self.impaired.rearm(self.timestamp);
        result
    }
}

/// The time of the cable.
fn time(timestamp: Instant) -> Time {
    Time::from_micros(u64::try_from(timestamp.total_micros()).unwrap_or(0))
}

/// A panic elsewhere leaves a cable that still works.
fn lock(cable: &SharedCable) -> MutexGuard<'_, Cable> {
    cable.lock().unwrap_or_else(PoisonError::into_inner)
}
