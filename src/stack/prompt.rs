//! How does an engine hear what its peer did not say, or said at another time?

use smoltcp::iface::Interface;
use smoltcp::phy::ChecksumCapabilities;

use super::emit::Bare;
use super::local::{self, Local};
use crate::device::{Device, OneFrame, Path};
use crate::socket::tcp::engine::Engine;
use crate::time::Instant;

/// Lets an engine hear a segment without payload, `times` times. What it answers at once is for nobody.
pub(super) fn prompt(interface: &mut Interface, engine: &mut Engine<'_>, bare: &Bare, times: u8, now: Instant) {
    let now = now.to_smoltcp();
    let (mut entries, mut room) = (ENTRIES, [0; ROOM_BYTES]);
    let mut packets = Local::lent(&mut entries, &mut room);
    if let Some(token) = packets.transmit(now) {
        super::emit::bare(token, &Path::BARE, bare, &ChecksumCapabilities::default());
    }
    let (mut entries, mut room) = (ENTRIES, [0; ROOM_BYTES]);
    let mut nobody = Local::lent(&mut entries, &mut room);
    let (Some(packet), Some(reply)) = (packets.pop(), nobody.transmit(now)) else { return };
    let mut one = OneFrame::new(packet, reply, Path::BARE);
    for _ in 0..times {
        interface.poll_ingress_single(now, &mut one, engine.set());
        if !one.comes_again(packet) {
            return;
        }
    }
}

/// Places for one packet, and for padding.
const ENTRIES: [local::Entry; 4] = [local::Entry::EMPTY; 4];
/// An IPv6 header, and a segment with all options that there can be; a queue is one for packets of a quarter of its memory.
const ROOM_BYTES: usize = 4 * (40 + 60 + 8);
