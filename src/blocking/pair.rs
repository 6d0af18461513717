//! How do two nets in one process reach each other?

use core::fmt;
use core::task::Waker;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::vec;
use std::vec::Vec;

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

use super::waiter::{Parked, Waiter};

/// Two devices with a cable between them: what one sends, the other receives, in order. `ip_mtu`: largest IP packet, bytes.
/// Up to 1,024 frames are on their way in each direction; then the sender has to wait, and nothing is lost.
///
/// # Examples
/// ```
/// use smolsock::blocking::{self, Net, TcpListener, TcpStream};
/// use smolsock::{Config, Seed, Stack, device::Medium};
/// use std::io::{Read, Write};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (left, right) = blocking::pair(Medium::Ip, 1500);
/// let stack = Stack::new(Config::ip(Seed::random()).address("192.0.2.1/24".parse()?), &left)?;
/// let waiter = left.waiter();
/// let ours = Net::spawn_with(stack, left, waiter)?;
/// let stack = Stack::new(Config::ip(Seed::random()).address("192.0.2.2/24".parse()?), &right)?;
/// let waiter = right.waiter();
/// let theirs = Net::spawn_with(stack, right, waiter)?;
///
/// let listener = TcpListener::bind_on(&theirs, "192.0.2.2:7")?;
/// let mut client = TcpStream::connect_on(&ours, "192.0.2.2:7")?;
/// let (mut server, _) = listener.accept()?;
/// client.write_all(b"hello")?;
/// drop(client);
/// let mut text = String::new();
/// server.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// # Ok(()) }
/// ```
#[must_use]
pub fn pair(medium: Medium, ip_mtu: usize) -> (PairDevice, PairDevice) {
    let (left, right) = (Arc::<Inbox>::default(), Arc::<Inbox>::default());
    let device = |inbox: &Arc<Inbox>, outbox: &Arc<Inbox>| PairDevice {
        inbox: Arc::clone(inbox),
        outbox: Arc::clone(outbox),
        medium,
        ip_mtu,
    };
    (device(&left, &right), device(&right, &left))
}

/// One end of a [`pair`].
pub struct PairDevice {
    inbox: Arc<Inbox>,
    outbox: Arc<Inbox>,
    medium: Medium,
    ip_mtu: usize,
}

impl PairDevice {
    /// What [`Net::spawn_with`](super::Net::spawn_with) waits with. One for each end: the last one made is told.
    #[must_use]
    pub fn waiter(&self) -> Parked {
        let waiter = Parked::new();
        self.inbox.lock().receiver = Some(waiter.waker());
        self.outbox.lock().sender = Some(waiter.waker());
        waiter
    }
}

impl Device for PairDevice {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sender<'a>;

    fn receive(&mut self, _timestamp: Instant) -> Option<(Received, Sender<'_>)> {
        let mut inbox = self.inbox.lock();
        let frame = inbox.frames.pop_front()?;
        if inbox.was_full && inbox.frames.len() <= FRAMES_MAX / 2 {
            inbox.was_full = false;
            if let Some(sender) = &inbox.sender {
                sender.wake_by_ref();
            }
        }
        Some((Received(frame), Sender(&self.outbox)))
    }

    fn transmit(&mut self, _timestamp: Instant) -> Option<Sender<'_>> {
        let mut outbox = self.outbox.lock();
        outbox.was_full |= outbox.frames.len() >= FRAMES_MAX;
        (!outbox.was_full).then_some(Sender(&self.outbox))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = self.medium;
        let header_len = if self.medium == Medium::Ethernet { ETHERNET_HEADER_LEN } else { 0 };
        capabilities.max_transmission_unit = self.ip_mtu.saturating_add(header_len);
        capabilities
    }
}

impl fmt::Debug for PairDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairDevice").field("medium", &self.medium).field("ip_mtu", &self.ip_mtu).finish_non_exhaustive()
    }
}

/// A frame that the other end sent.
#[derive(Debug)]
pub struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

/// Permission to send one frame.
pub struct Sender<'a>(&'a Inbox);

impl fmt::Debug for Sender<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}

impl TxToken for Sender<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        let mut outbox = self.0.lock();
        outbox.frames.push_back(frame);
        if outbox.frames.len() == 1
            && let Some(receiver) = &outbox.receiver
        {
            receiver.wake_by_ref();
        }
        result
    }
}

/// Frames on their way to one end.
#[derive(Default)]
struct Inbox(Mutex<Frames>);

#[derive(Default)]
struct Frames {
    frames: VecDeque<Vec<u8>>,
    was_full: bool,
    receiver: Option<Waker>,
    sender: Option<Waker>,
}

impl Inbox {
    fn lock(&self) -> std::sync::MutexGuard<'_, Frames> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many frames are on their way in one direction; answers to received frames may come on top.
const FRAMES_MAX: usize = 1024;
const ETHERNET_HEADER_LEN: usize = 14;
