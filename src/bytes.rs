//! How are bytes copied without a length that could be wrong?

/// Copies as much of `from` as `to` has room for, to its start. Returns how many bytes that were.
#[inline]
pub(crate) fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let len = from.len().min(to.len());
    if let (Some(from), Some(to)) = (from.get(..len), to.get_mut(..len)) {
        to.copy_from_slice(from);
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_one_says_how_much() {
        let mut room = [0; 3];
        assert_eq!((copy(b"ab", &mut room), room), (2, *b"ab\0"));
        assert_eq!((copy(b"wxyz", &mut room), room), (3, *b"wxy"));
        assert_eq!(copy(b"", &mut room), 0);
    }
}
