//! How does smoltcp speak of segmentation offload?

use core::num::{NonZeroU16, NonZeroUsize};

use smoltcp::phy::{DeviceCapabilities, PacketMeta, TxToken};

use super::Segmentation;

/// What the device cuts, of frames as long as it says. A device that does not fill in TCP's checksum cannot cut, and one that takes no more than its MTU has
/// nothing to cut: smoltcp would panic.
pub(crate) fn of(capabilities: &DeviceCapabilities) -> Segmentation {
    if capabilities.checksum.tcp.tx() {
        return Segmentation::default();
    }
    let header_len = capabilities.max_transmission_unit.saturating_sub(capabilities.ip_mtu());
    let packet_max = |frame_max: Option<NonZeroUsize>| {
        let packet_max = frame_max?.get().checked_sub(header_len)?;
        (packet_max > capabilities.ip_mtu()).then(|| u16::try_from(packet_max).unwrap_or(u16::MAX))
    };
    Segmentation {
        ipv4: packet_max(capabilities.segmentation.tcpv4),
        ipv6: packet_max(capabilities.segmentation.tcpv6),
    }
}

/// Lets smoltcp make such segments. `capabilities`: of a device without link-layer headers.
pub(crate) fn grant(capabilities: &mut DeviceCapabilities, segmentation: Segmentation) {
    let len = |packet_max: Option<u16>| NonZeroUsize::new(usize::from(packet_max?));
    capabilities.segmentation.tcpv4 = len(segmentation.ipv4);
    capabilities.segmentation.tcpv6 = len(segmentation.ipv6);
}

/// Has the device cut what this token sends, into pieces of so many bytes of payload.
#[inline]
pub(crate) fn ask(token: &mut impl TxToken, piece_bytes: NonZeroU16) {
    let mut meta = PacketMeta::default();
    meta.segmentation_offload_size = Some(piece_bytes);
    token.set_meta(meta);
}

/// What smoltcp asks the device for.
#[inline]
pub(crate) fn asked_of(meta: PacketMeta) -> Option<NonZeroU16> {
    meta.segmentation_offload_size
}
