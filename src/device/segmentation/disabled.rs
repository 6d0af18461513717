//! What is left of segmentation offload where smoltcp has no words for it?

use core::num::NonZeroU16;

use smoltcp::phy::{DeviceCapabilities, PacketMeta, TxToken};

use super::Segmentation;

/// What the device cuts.
pub(crate) fn of(_capabilities: &DeviceCapabilities) -> Segmentation {
    Segmentation::default()
}

/// Lets smoltcp make such segments.
pub(crate) fn grant(_capabilities: &mut DeviceCapabilities, _segmentation: Segmentation) {}

/// Has the device cut what this token sends, into pieces of so many bytes of payload.
#[inline]
pub(crate) fn ask(_token: &mut impl TxToken, _piece_bytes: NonZeroU16) {}

/// What smoltcp asks the device for.
#[inline]
pub(crate) fn asked_of(_meta: PacketMeta) -> Option<NonZeroU16> {
    None
}
