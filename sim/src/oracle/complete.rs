//! After a clean close, the received bytes equal the sent bytes.
//!
//! Clean is a close of which no call has said otherwise: the receiver is told the end of the stream, by no error before and
//! not because it shut its own reading side.

use super::streams::End;

/// The receiver was told that the stream is over. Returns what is wrong. `sender`: the other end.
pub(super) fn on_end(receiver: &End, sender: &End) -> Option<String> {
    if receiver.has_failed || receiver.has_shut_read {
        return None;
    }
    if !sender.has_ended {
        return Some("the stream is over, but its sender has neither shut nor closed it".into());
    }
    let missing = sender.under_way.len();
    (missing > 0)
        .then(|| format!("the stream is over after {} bytes, {missing} fewer than were sent", receiver.received_bytes))
}
