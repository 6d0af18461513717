//! Is the Internet checksum right? (RFC 1071)

use core::net::IpAddr;

use crate::invariant::impossible;

/// The sum of all 16-bit words, an odd last byte padded with zero. At most 65,535 bytes: the carries
/// then fit into the upper half, and a few sums can be added without a check.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "65,535 bytes are 2^15 words of less than 2^16: a few such sums fit"
)]
pub(crate) fn sum(bytes: &[u8]) -> u32 {
    let (words, last) = bytes.as_chunks::<2>();
    let last = last.first().map_or(0, |byte| u32::from(*byte) << 8);
    words.iter().fold(last, |sum, word| sum + u32::from(u16::from_be_bytes(*word)))
}

/// The sum of the pseudo-header in front of UDP, TCP and ICMPv6 (RFC 9293 §3.1, RFC 8200 §8.1).
/// `len`: bytes of the payload, its own header included.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "65,535 bytes are 2^15 words of less than 2^16: a few such sums fit"
)]
pub(crate) fn pseudo(source: IpAddr, destination: IpAddr, protocol: u8, len: u32) -> u32 {
    let addresses = match (source, destination) {
        (IpAddr::V4(from), IpAddr::V4(to)) => sum(&from.octets()) + sum(&to.octets()),
        (IpAddr::V6(from), IpAddr::V6(to)) => sum(&from.octets()) + sum(&to.octets()),
        _ => {
            impossible("both addresses are of one family");
            0
        }
    };
    addresses + u32::from(protocol) + len
}

/// The checksum field that makes a sum over everything else good.
#[expect(clippy::arithmetic_side_effects, reason = "halves of 32 bits, and their carry")]
pub(crate) const fn finish(sum: u32) -> u16 {
    let folded = (sum >> 16) + (sum & 0xffff);
    !((folded >> 16) + (folded & 0xffff)) as u16
}

/// Whether a sum that includes the checksum itself says that nothing was changed.
#[expect(clippy::arithmetic_side_effects, reason = "halves of 32 bits, and their carry")]
pub(crate) const fn is_good(sum: u32) -> bool {
    let folded = (sum >> 16) + (sum & 0xffff);
    (folded >> 16) + (folded & 0xffff) == 0xffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071_adds_up() {
        // §3: the words 0001 f203 f4f5 f6f7 add up to ddf2, with carries.
        let mut bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7, 0, 0];
        assert_eq!(sum(&bytes), 0x2_ddf0);
        assert!(!is_good(sum(&bytes)));
        bytes[8..].copy_from_slice(&(!0xddf2_u16).to_be_bytes());
        assert!(is_good(sum(&bytes)));
    }

    #[test]
    fn an_odd_byte_is_the_upper_half_of_a_word() {
        assert_eq!(sum(&[0, 1, 2]), 0x0201);
        assert_eq!(sum(&[]), 0);
    }

    #[test]
    fn the_longest_packet_of_ones_does_not_overflow() {
        assert!(is_good(sum(&[0xff; 65_535]) + sum(&[0, 0xff]) + 4 * 0xffff));
    }
}
