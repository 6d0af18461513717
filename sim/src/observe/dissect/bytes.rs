//! How are numbers read from bytes that may end anywhere, and what is the Internet checksum of some?

use std::net::IpAddr;

/// Two bytes in network order, or `None` past the end.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_be_bytes)
}

/// Four bytes in network order, or `None` past the end.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_be_bytes)
}

/// `N` bytes, or `None` past the end.
pub(super) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// Whether the Internet checksum over `bytes`, checksum field included, comes out right (RFC 1071).
pub(super) fn sum_is_good(bytes: &[u8]) -> bool {
    fold(sum(bytes)) == 0xffff
}

/// The same with the pseudo-header of RFC 9293 §3.1 and RFC 8200 §8.1 before it.
pub(super) fn sum_with_pseudo_header_is_good(from: IpAddr, to: IpAddr, protocol: u8, bytes: &[u8]) -> bool {
    let address_sum = |addr| match addr {
        IpAddr::V4(addr) => sum(&addr.octets()),
        IpAddr::V6(addr) => sum(&addr.octets()),
    };
    let total = address_sum(from) + address_sum(to) + u64::from(protocol) + bytes.len() as u64 + sum(bytes);
    fold(total) == 0xffff
}

fn sum(bytes: &[u8]) -> u64 {
    let mut pairs = bytes.chunks_exact(2);
    let whole: u64 = pairs.by_ref().map(|pair| u64::from(pair[0]) << 8 | u64::from(pair[1])).sum();
    let odd = pairs.remainder().first().map_or(0, |&byte| u64::from(byte) << 8);
    whole + odd
}

fn fold(mut sum: u64) -> u64 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum
}
