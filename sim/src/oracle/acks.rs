//! Acknowledgements never go back, and never pass what was sent.
//!
//! Judged where the host stands: in the order in which it sends, and against the segments that have come to it. Resets
//! carry whatever number they must (RFC 9293 §3.10.7.1), and do not count.

use super::segment::Segment;
use super::wire::Conversation;

/// The host sends `segment`. Returns what is wrong.
pub(super) fn on_sent(conversation: &Conversation, segment: &Segment) -> Option<String> {
    let ack = segment.ack?;
    if let Some(last) = conversation.last_ack
        && ack.wrapping_sub(last).cast_signed() < 0
    {
        return Some(format!("ack {ack} after ack {last}"));
    }
    let arrived = conversation.arrived_end?;
    let beyond = ack.wrapping_sub(arrived).cast_signed();
    (beyond > 0).then(|| format!("ack {ack} is {beyond} beyond all that has come"))
}
