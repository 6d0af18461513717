//! No host sends data beyond the window that its peer has advertised.
//!
//! Judged where the host stands: what counts is the right edge furthest out of all acknowledgements that have come to it
//! intact, so a window that shrinks is no licence to complain. A FIN needs no room, and one byte may ask whether a closed
//! window has opened (RFC 9293 §3.8.6.1). smoltcp's fast retransmission is a whole segment from the oldest byte on, whatever
//! the window (B3 in the manual's limits), and then asks with the byte behind it: both are excused.

use super::segment::Segment;
use super::wire::Conversation;

/// The host sends `segment`. Returns what is wrong.
pub(super) fn on_sent(conversation: &Conversation, segment: &Segment) -> Option<String> {
    let edge = conversation.edge?;
    let end = segment.seq.wrapping_add(segment.payload_len);
    let beyond = end.wrapping_sub(edge).cast_signed();
    if beyond <= 0 || segment.payload_len <= 1 || conversation.is_from_the_oldest(segment) {
        return None;
    }
    Some(format!("seq {} with {} bytes ends {beyond} beyond the window", segment.seq, segment.payload_len))
}
