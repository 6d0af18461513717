//! How is an IPv4 packet cut?

use crate::packet::{self, u16_of};

/// `packet` in pieces of at most `mtu` bytes (RFC 791 §3.2), in order. It may be a fragment itself. Nothing, if `mtu` has no
/// room for a header and 8 bytes.
pub(super) fn cut(packet: &[u8], mtu: usize) -> Vec<Vec<u8>> {
    let header_bytes = usize::from(packet[0] & 0x0f) * 4;
    let (first_header, payload) = packet.split_at(header_bytes);
    let later_header = [&first_header[..20], &copied_options(&first_header[20..])].concat();
    let fields = u16_of(packet, 6);
    let (mut offset, had_more) = (fields & 0x1fff, fields & MORE_FRAGMENTS != 0);
    let mut fragments = Vec::new();
    let mut rest = payload;
    while !rest.is_empty() {
        let header = if fragments.is_empty() { first_header } else { &later_header };
        let room = mtu.saturating_sub(header.len()) / 8 * 8;
        if room == 0 {
            return Vec::new();
        }
        // The last piece need not be whole words.
        let fits = rest.len() <= mtu - header.len();
        let (piece, after) = rest.split_at(if fits { rest.len() } else { room });
        rest = after;
        let mut fragment = [header, piece].concat();
        fragment[0] = 0x40 | (header.len() / 4) as u8;
        let total = fragment.len() as u16;
        fragment[2..4].copy_from_slice(&total.to_be_bytes());
        let more = if had_more || !rest.is_empty() { MORE_FRAGMENTS } else { 0 };
        fragment[6..8].copy_from_slice(&(more | offset).to_be_bytes());
        packet::mend_ipv4_header(&mut fragment);
        offset += (piece.len() / 8) as u16;
        fragments.push(fragment);
    }
    fragments
}

/// The options that every fragment has: those with the copied flag (RFC 791 §3.1).
fn copied_options(mut options: &[u8]) -> Vec<u8> {
    let mut copied = Vec::new();
    // Each turn takes at least one byte.
    while let [kind, ..] = *options {
        let bytes = match kind {
            0 => break,
            1 => 1,
            _ => usize::from(options.get(1).copied().unwrap_or(0)),
        };
        if bytes == 0 || bytes > options.len() {
            break;
        }
        if kind & 0x80 != 0 {
            copied.extend_from_slice(&options[..bytes]);
        }
        options = &options[bytes..];
    }
    copied.resize(copied.len().next_multiple_of(4), 0);
    copied
}

const MORE_FRAGMENTS: u16 = 0x2000;
