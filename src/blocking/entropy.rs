//! Where does a hosted program take its seed from?

use core::hash::{BuildHasher, Hasher};
use std::hash::RandomState;

use crate::config::Seed;

impl Seed {
    /// A seed that differs at every call and in every process, from the keys of the standard library's hash tables, which come from
    /// the operating system's generator.
    ///
    /// # Examples
    /// ```
    /// use smolsock::Seed;
    /// assert!(Seed::random() != Seed::random());
    /// ```
    #[must_use]
    pub fn random() -> Self {
        loop {
            // SipHash with a secret key: 64 bits that nobody can guess, of two keys that differ.
            let words = [0, 1].map(|word: u64| {
                let mut hasher = RandomState::new().build_hasher();
                hasher.write_u64(word);
                hasher.finish()
            });
            let entropy = (u128::from(words[0]) << 64 | u128::from(words[1])).to_ne_bytes();
            if let Ok(seed) = Self::new(entropy) {
                return seed;
            }
        }
    }
}
