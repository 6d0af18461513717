//! What carries the frames?
//!
//! A device is anything that implements smoltcp's [`Device`]: it hands over received frames and takes
//! frames to send. A frame is a whole Ethernet frame (14-byte header, no FCS) for
//! [`Medium::Ethernet`], a whole IP packet for [`Medium::Ip`]. The largest frame, header included, is
//! `capabilities().max_transmission_unit`. A device that has no room for a frame gives no token: then
//! [`Stack::step`](crate::Stack::step) says [`Blocked`](crate::Step::Blocked), and the frame stays queued.
//!
//! `Instant` in [`Device`]'s signatures is smoltcp's ([`DeviceInstant`]), not [`time::Instant`](crate::time::Instant);
//! most devices ignore it. `Loopback` in this module's source is a whole device in forty lines.

#[cfg(feature = "alloc")]
mod loopback;
mod one_frame;
mod outlet;
pub(crate) mod segmentation;
#[cfg(all(feature = "tap", target_os = "linux"))]
pub mod tap;

pub use smoltcp::phy::{Checksum, ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
/// The time that a [`Device`] is told.
pub use smoltcp::time::Instant as DeviceInstant;

#[cfg(feature = "alloc")]
pub use loopback::Loopback;
pub(crate) use one_frame::OneFrame;
pub(crate) use outlet::{AckNumbers, ETHERNET_HEADER_LEN, Nothing, Outlet, Path, SentSegment};
