//! Which bytes are sent, so that every one of them tells where it belongs?

/// `len` bytes of stream number `stream`: different streams differ from the first bytes on, and a shift by
/// any distance below 2^16 shows.
pub fn pattern(stream: u32, len: usize) -> Vec<u8> {
    (0..len).map(|position| byte_at(stream, position)).collect()
}

/// The byte at `position` of stream number `stream`.
pub fn byte_at(stream: u32, position: usize) -> u8 {
    // A counter in base 251 (a prime, so that it is in step with no buffer size), mixed with its block.
    let block = position / 251;
    (position % 251) as u8 ^ (block as u8).wrapping_mul(37) ^ (stream as u8).wrapping_mul(101) ^ (stream >> 8) as u8
}

/// Where `data`, which should start at `position` of stream number `stream`, first differs.
pub fn first_difference(stream: u32, position: usize, data: &[u8]) -> Option<usize> {
    (position..).zip(data).find(|(at, byte)| byte_at(stream, *at) != **byte).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_a_shift_and_a_foreign_stream_show() {
        let data = pattern(7, 5000);
        assert_eq!(first_difference(7, 0, &data), None);
        assert_eq!(first_difference(7, 100, &data[100..]), None);
        assert!(first_difference(7, 1, &data).is_some());
        assert!(first_difference(8, 0, &data).is_some());
        let mut swapped = data.clone();
        swapped.swap(300, 301);
        assert_eq!(first_difference(7, 0, &swapped), Some(300));
    }
}
