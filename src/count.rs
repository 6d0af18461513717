//! How does a counter go up?

/// A counter for users and for comparisons. Should it ever reach its end (a billion a second for 584 years) it begins anew, as those of
/// RFC 2863 §3.1.6 do: a count is no reason to stop.
pub(crate) trait Count {
    /// One more.
    fn count_one(&mut self);

    /// So many more.
    fn count_many(&mut self, more: u64);

    /// One more, if it is so.
    #[inline]
    fn count_if(&mut self, is_so: bool) {
        self.count_many(u64::from(is_so));
    }
}

impl Count for u64 {
    #[inline]
    fn count_one(&mut self) {
        self.count_many(1);
    }

    #[inline]
    fn count_many(&mut self, more: u64) {
        *self = self.wrapping_add(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_the_end_it_begins_anew() {
        let mut count = u64::MAX - 3;
        count.count_one();
        count.count_if(true);
        count.count_if(false);
        assert_eq!(count, u64::MAX - 1);
        count.count_many(3);
        assert_eq!(count, 1);
    }
}
