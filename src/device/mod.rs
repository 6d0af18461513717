//! What carries the frames?
//!
//! A device is anything that implements smoltcp's [`Device`]: it hands over received frames and takes
//! frames to send. A frame is a whole Ethernet frame (14-byte header, no FCS) for
//! [`Medium::Ethernet`], a whole IP packet for [`Medium::Ip`]. The largest frame, header included, is
//! `capabilities().max_transmission_unit`.

#[cfg(feature = "alloc")]
mod loopback;
mod one_frame;
mod outlet;

pub use smoltcp::phy::{Checksum, ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
pub use smoltcp::time::Instant as DeviceInstant;

#[cfg(feature = "alloc")]
pub use loopback::Loopback;
pub(crate) use one_frame::OneFrame;
pub(crate) use outlet::Outlet;
