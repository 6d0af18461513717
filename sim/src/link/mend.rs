//! How are checksums made right after a change?

#[cfg(test)]
mod tests;

use core::net::IpAddr;

use super::headers::{Headers, ICMP, ICMPV6, TCP, UDP};
use crate::frame::{IpVersion, Medium};

/// Makes the checksums of the packet in `frame` right: IPv4 header, and TCP, UDP, ICMP or ICMPv6 unless it is a fragment
/// (a checksum over several frames cannot be mended in one). A UDP datagram over IPv4 without a checksum keeps none.
/// A frame without a whole IP packet stays as it is.
pub(crate) fn mend(medium: Medium, frame: &mut [u8]) {
    let Some(headers) = Headers::of(medium, frame) else { return };
    mend_ipv4(&headers, frame);
    if headers.is_fragment {
        return;
    }
    let (offset, has_pseudo_header) = match (headers.version, headers.protocol) {
        (_, TCP) => (16, true),
        (_, UDP) => (6, true),
        (IpVersion::V4, ICMP) => (2, false),
        (IpVersion::V6, ICMPV6) => (2, true),
        _ => return,
    };
    let is_udp = headers.protocol == UDP;
    let pseudo = if has_pseudo_header { pseudo_header(&headers, frame) } else { 0 };
    let payload = &mut frame[headers.payload];
    let Some(field) = payload.get(offset..offset + 2) else { return };
    // RFC 768: all zero means that the sender made no checksum.
    if is_udp && headers.version == IpVersion::V4 && field == [0, 0] {
        return;
    }
    payload[offset..offset + 2].fill(0);
    let checksum = match !folded(pseudo + sum(payload)) {
        0 if is_udp => 0xffff,
        checksum => checksum,
    };
    payload[offset..offset + 2].copy_from_slice(&checksum.to_be_bytes());
}

/// Is the transport of the packet in `frame` capable of ECN, or the packet marked already?
pub(super) fn is_ecn_capable(medium: Medium, frame: &[u8]) -> bool {
    Headers::of(medium, frame).is_some_and(|headers| {
        let (byte, shift) = ecn_field(&headers);
        frame[byte] >> shift & 3 != 0
    })
}

/// Marks the packet in `frame` "congestion experienced" and makes its IPv4 header checksum right.
pub(super) fn mark_ce(medium: Medium, frame: &mut [u8]) {
    if let Some(headers) = Headers::of(medium, frame) {
        let (byte, shift) = ecn_field(&headers);
        frame[byte] |= 3 << shift;
        mend_ipv4(&headers, frame);
    }
}

/// The byte with the ECN field, and how far it is from the right: RFC 3168 §5. 00 is not capable, 01 and 10 are, 11 is the
/// mark. In IPv6 the traffic class begins in the middle of the first byte (RFC 8200 §3).
fn ecn_field(headers: &Headers) -> (usize, u32) {
    match headers.version {
        IpVersion::V4 => (headers.ip_start + 1, 0),
        IpVersion::V6 => (headers.ip_start + 1, 4),
    }
}

fn mend_ipv4(headers: &Headers, frame: &mut [u8]) {
    if headers.version == IpVersion::V4 {
        let header = &mut frame[headers.ip_start..headers.payload.start];
        header[10..12].fill(0);
        let checksum = !folded(sum(header));
        header[10..12].copy_from_slice(&checksum.to_be_bytes());
    }
}

/// The sum of what the upper layer's checksum covers of the IP header (RFC 9293 §3.1, RFC 8200 §8.1).
fn pseudo_header(headers: &Headers, frame: &[u8]) -> u64 {
    let of = |address| match address {
        IpAddr::V4(address) => sum(&address.octets()),
        IpAddr::V6(address) => sum(&address.octets()),
    };
    let (from, to) = headers.addresses(frame);
    of(from) + of(to) + headers.payload.len() as u64 + u64::from(headers.protocol)
}

/// The sum of 16-bit words, with a zero byte behind an odd number of bytes. At most 64 KiB: no overflow.
fn sum(bytes: &[u8]) -> u64 {
    let words = bytes.chunks(2).map(|word| u64::from(word[0]) << 8 | u64::from(word.get(1).copied().unwrap_or(0)));
    words.sum()
}

/// In ones' complement arithmetic (RFC 1071).
fn folded(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
