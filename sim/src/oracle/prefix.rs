//! Received bytes are a prefix of the sent bytes.
//!
//! Compared as calls take and give them, byte by byte. A cable that corrupts with mended checksums breaks this, and no
//! stack can help it.

use std::collections::VecDeque;

/// Takes `received` off the bytes that are `under_way`. Returns what is wrong; `offset`: of the first byte in the stream.
pub(super) fn take(under_way: &mut VecDeque<u8>, received: &[u8], offset: u64) -> Option<String> {
    let wrong = first_difference(under_way, received);
    let taken = received.len().min(under_way.len());
    under_way.drain(..taken);
    let at = wrong?;
    let (got, offset) = (received[at], offset + at as u64);
    Some(match at < taken {
        true => format!("byte {offset} is {got:#04x}, which is not what was sent"),
        false => format!("byte {offset}, {got:#04x}, was never sent"),
    })
}

/// Takes `len` bytes off that were thrown away unseen.
pub(super) fn skip(under_way: &mut VecDeque<u8>, len: usize, offset: u64) -> Option<String> {
    let taken = len.min(under_way.len());
    under_way.drain(..taken);
    (taken < len).then(|| format!("{len} bytes from {offset} on were skipped, of which only {taken} were sent"))
}

fn first_difference(under_way: &VecDeque<u8>, received: &[u8]) -> Option<usize> {
    let (front, back) = under_way.as_slices();
    let head = front.len().min(received.len());
    let tail = back.len().min(received.len() - head);
    if received[..head] == front[..head] && received[head..head + tail] == back[..tail] {
        return (head + tail < received.len()).then_some(head + tail);
    }
    under_way.iter().zip(received).position(|(sent, got)| sent != got)
}
