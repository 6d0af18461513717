//! How do frames get to and from a Linux TAP or TUN interface?
//!
//! [`Tap`] is a [`Device`] on `/dev/net/tun`: Ethernet frames ([`Tap::open`]) or bare IP packets ([`Tap::tun`]). It never
//! blocks: wait for its descriptor ([`AsFd`]) until it is readable. One buffer for each direction is made when it is
//! opened, and no frame allocates. Errors of reading and writing are counted ([`Tap::counters`]), and the last one is
//! kept ([`Tap::take_error`]); a frame that the kernel does not take is lost, as on any wire.
//!
//! The kernel is asked through [rustix](https://docs.rs/rustix), which is what the tests use as well: it has what is
//! safe, and a frame for the seven `ioctl`s that are not (in `sys.rs`, the only file with `unsafe`). tun-rs would add ten
//! packages (bytes, ahash, getifaddrs, log, nix …), cuts segments itself, and takes no descriptor with offloads; tappers has
//! no offloads; nix has the same `unsafe` in macros.

mod error;
mod options;
mod sys;
mod vnet;

use core::num::{NonZeroU16, NonZeroUsize};
use core::ops::Range;
use std::boxed::Box;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::string::String;
use std::vec;

use smoltcp::phy::{Checksum, Device, DeviceCapabilities, Medium, PacketMeta, RxToken, TxToken};
use smoltcp::time::Instant;

use super::outlet::ETHERNET_HEADER_LEN;
use crate::count::Count;
pub use error::OpenError;
pub use options::Options;

/// A Linux TAP (Ethernet) or TUN (bare IP) interface, as a device.
///
/// The kernel is the host at the other end: give the interface an address and set it up (`ip addr add 192.0.2.2/24 dev
/// tap0; ip link set tap0 up`), and the stack another address of the same network.
///
/// # Examples
/// ```no_run
/// use smolsock::device::tap::Tap;
/// use smolsock::{Config, Seed, Stack};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tap = Tap::open("tap0")?;
/// tap.ensure_up()?;
/// let config = Config::ethernet("02:00:00:00:00:01".parse()?, Seed::new(*b"sixteen random b")?)
///     .address("192.0.2.1/24".parse()?);
/// let stack = Stack::new(config, &tap)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Tap {
    interface: Interface,
    rx: Box<[u8]>,
    tx: Box<[u8]>,
    counters: Counters,
    error: Option<io::Error>,
}

/// An interface that is attached to.
#[derive(Debug)]
struct Interface {
    file: File,
    name: String,
    medium: Medium,
    mtu: usize,
    /// Bytes in front of each frame.
    record_len: usize,
    has_offload: bool,
    /// Whether nobody else is attached.
    is_alone: bool,
}

/// What has gone through a [`Tap`], since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Frames read.
    pub frames_in: u64,
    /// Frames written.
    pub frames_out: u64,
    /// Reads that failed, other than for want of a frame.
    pub receive_errors: u64,
    /// Frames that the kernel did not take: the interface is down or gone, or memory is short. They are lost.
    pub transmit_errors: u64,
    /// Frames whose TCP checksum was wrong, or whose record made no sense. (With offloads; without them the stack looks
    /// at checksums itself.)
    pub dropped_bad_checksum: u64,
    /// Frames that were larger than any frame can be, and were not written.
    pub dropped_too_large: u64,
}

impl Tap {
    /// Opens the TAP `name`, for Ethernet frames; it is made if it is not there, and then goes when this does.
    ///
    /// # Errors
    /// [`OpenError`] tells the cause, and what helps.
    pub fn open(name: &str) -> Result<Self, OpenError> {
        Self::options().open(name)
    }

    /// Opens the TUN `name`, for bare IP packets; it is made if it is not there, and then goes when this does.
    ///
    /// # Errors
    /// [`OpenError`] tells the cause, and what helps.
    pub fn tun(name: &str) -> Result<Self, OpenError> {
        Self::options().ip().open(name)
    }

    /// Takes over a descriptor of `/dev/net/tun` that was opened and attached elsewhere: see [`Options::from_fd`].
    ///
    /// # Errors
    /// [`OpenError`] tells the cause, and what helps.
    pub fn from_fd(fd: OwnedFd) -> Result<Self, OpenError> {
        Self::options().from_fd(fd)
    }

    /// The other ways to open an interface.
    pub const fn options() -> Options {
        Options::new()
    }

    fn new(interface: Interface) -> Self {
        let buffer = || vec![0; vnet::RECORD_LEN + FRAME_MAX].into_boxed_slice();
        Self { interface, rx: buffer(), tx: buffer(), counters: Counters::default(), error: None }
    }

    /// The name of the interface.
    pub fn name(&self) -> &str {
        &self.interface.name
    }

    /// The largest IP packet, bytes: what the interface said when it was opened.
    pub const fn mtu(&self) -> usize {
        self.interface.mtu
    }

    /// Whether kernel and stack leave checksums and the cutting of segments to each other: [`Options::offload`].
    pub const fn has_offload(&self) -> bool {
        self.interface.has_offload
    }

    /// What has gone through.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// The last error of reading or writing, once. An interface that is down refuses every frame (EIO), one that was
    /// deleted is gone for good (EBADFD).
    pub const fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    /// Says whether the interface is up, as it has to be for frames to pass.
    ///
    /// # Errors
    /// [`OpenError::Down`], or [`OpenError::NoDevice`] if it is not in this thread's network namespace.
    pub fn ensure_up(&self) -> Result<(), OpenError> {
        let name = &self.interface.name;
        let flags = sys::flags(name).map_err(|error| OpenError::of_look(name, error))?;
        if flags & IFF_UP == 0 { Err(OpenError::Down(name.clone())) } else { Ok(()) }
    }

    /// Says whether the interface stays when this is closed.
    ///
    /// # Errors
    /// The kernel's.
    pub fn set_persistent(&self, on: bool) -> io::Result<()> {
        sys::set_persist(&self.interface.file, on)
    }

    /// Reads a frame, record included. Returns its length, record included; `None`: there is none.
    fn read(&mut self) -> Option<usize> {
        match (&self.interface.file).read(&mut self.rx) {
            Ok(0) => None,
            Ok(len) => Some(len),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => None,
            Err(error) => {
                self.counters.receive_errors.count_one();
                self.error = Some(error);
                None
            }
        }
    }

    /// Reads a frame. Returns where it stands in the buffer.
    fn fill(&mut self) -> Option<Range<usize>> {
        let Interface { record_len, medium, .. } = self.interface;
        loop {
            let len = self.read()?;
            self.counters.frames_in.count_one();
            if record_len == 0 {
                return Some(0..len);
            }
            let record_and_frame = self.rx.get_mut(..len).and_then(|all| all.split_first_chunk_mut());
            if record_and_frame.is_some_and(|(record, frame)| vnet::admit(medium, record, frame)) {
                return Some(record_len..len);
            }
            self.counters.dropped_bad_checksum.count_one();
        }
    }
}

impl Drop for Tap {
    /// What this program took upon itself stays on a persistent interface, and the next one may not know.
    fn drop(&mut self) {
        if self.interface.has_offload && self.interface.is_alone {
            let _ = sys::set_offload(&self.interface.file, 0);
        }
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.interface.file.as_fd()
    }
}

impl Device for Tap {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sender<'a>;

    fn receive(&mut self, _timestamp: Instant) -> Option<(Received<'_>, Sender<'_>)> {
        let place = self.fill()?;
        let Self { interface, rx, tx, counters, error } = self;
        Some((Received(rx.get(place)?), Sender { interface, buffer: tx, piece_bytes: None, counters, error }))
    }

    fn transmit(&mut self, _timestamp: Instant) -> Option<Sender<'_>> {
        let Self { interface, tx, counters, error, .. } = self;
        Some(Sender { interface, buffer: tx, piece_bytes: None, counters, error })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        let Interface { medium, mtu, has_offload, .. } = self.interface;
        let header_len = if medium == Medium::Ethernet { ETHERNET_HEADER_LEN } else { 0 };
        capabilities.medium = medium;
        capabilities.max_transmission_unit = mtu.saturating_add(header_len);
        if has_offload {
            // The others are small, or rare: the stack sees to them.
            capabilities.checksum.tcp = Checksum::None;
            capabilities.segmentation.tcpv4 = NonZeroUsize::new(PACKET_MAX.saturating_add(header_len));
            capabilities.segmentation.tcpv6 = NonZeroUsize::new(PACKET_MAX.saturating_add(header_len));
        }
        capabilities
    }
}

/// A frame that was read.
#[derive(Debug)]
pub struct Received<'a>(&'a [u8]);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// Permission to write one frame.
#[derive(Debug)]
pub struct Sender<'a> {
    interface: &'a Interface,
    buffer: &'a mut [u8],
    piece_bytes: Option<NonZeroU16>,
    counters: &'a mut Counters,
    error: &'a mut Option<io::Error>,
}

impl TxToken for Sender<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Interface { file, record_len, medium, has_offload, .. } = self.interface;
        let Some(buffer) = self.buffer.get_mut(..record_len.saturating_add(len)) else {
            // No IP packet is as large.
            self.counters.dropped_too_large.count_one();
            return f(&mut vec![0; len]);
        };
        let (record, frame) = buffer.split_at_mut(*record_len);
        let result = f(frame);
        if *has_offload {
            record.copy_from_slice(&vnet::describe(*medium, frame, self.piece_bytes));
        }
        match (&mut &*file).write(buffer) {
            Ok(_) => self.counters.frames_out.count_one(),
            Err(error) => {
                self.counters.transmit_errors.count_one();
                *self.error = Some(error);
            }
        }
        result
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.piece_bytes = meta.segmentation_offload_size;
    }
}

/// The largest IP packet.
const PACKET_MAX: usize = 65_535;
/// The largest frame: the largest IP packet (IPv6 does not count its header), an Ethernet header, and what may come between
/// them (VLAN tags).
const FRAME_MAX: usize = PACKET_MAX + 40 + ETHERNET_HEADER_LEN + 8;
const IFF_UP: u16 = 1;

#[cfg(test)]
mod tests;
