//! Which value belongs to this hash?

use core::net::{IpAddr, SocketAddr};

use managed::ManagedSlice;

/// A hash table from keyed 64-bit hashes to 32-bit values, in memory that is lent or grows.
///
/// Open addressing with linear probing, and deletion by shifting back, so that no tombstones collect.
/// The table does not hold keys: whoever looks up says which of the values with the right tag is meant.
/// A bucket's home follows from its tag alone, so neither deletion nor growth needs the key again.
///
/// Invariants: at least one bucket is empty (a search ends); between an entry's home and the entry no
/// bucket is empty (a search finds it).
#[derive(Debug)]
pub(crate) struct Table<'a> {
    buckets: ManagedSlice<'a, Bucket>,
    len: usize,
}

/// One place of a [`Table`], 8 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// The upper half of the hash.
    tag: u32,
    value: u32,
}

impl Bucket {
    pub(crate) const EMPTY: Self = Self { tag: 0, value: NOTHING };

    #[inline]
    const fn is_empty(self) -> bool {
        self.value == NOTHING
    }
}

/// The table has reached its load limit and cannot grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl<'a> Table<'a> {
    /// An empty table. `buckets`: a power of two (or none), whatever they hold is forgotten; one in
    /// eight, and at least one, stays empty.
    pub(crate) fn new(mut buckets: ManagedSlice<'a, Bucket>) -> Self {
        assert!(buckets.is_empty() || buckets.len().is_power_of_two(), "a table has a power of two of buckets");
        buckets.fill(Bucket::EMPTY);
        Self { buckets, len: 0 }
    }

    /// Entries in the table.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The first value with this hash that `is_key` accepts.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is_key: impl FnMut(u32) -> bool) -> Option<u32> {
        let buckets: &[Bucket] = &self.buckets;
        let tag = tag_of(hash);
        let mut index = home(tag, buckets.len());
        loop {
            let bucket = *buckets.get(index)?;
            if bucket.is_empty() {
                return None;
            }
            if bucket.tag == tag && is_key(bucket.value) {
                return Some(bucket.value);
            }
            index = next(index, buckets.len());
        }
    }

    /// Shows every value with this hash to `visit`.
    pub(crate) fn each(&self, hash: u64, mut visit: impl FnMut(u32)) {
        // Nothing is the one that was looked for: the search ends at an empty bucket.
        let _ = self.find(hash, |value| {
            visit(value);
            false
        });
    }

    /// Adds `value` (not `u32::MAX`), which is not in the table yet. Keys may be in it more than once.
    #[expect(clippy::arithmetic_side_effects, reason = "there is an empty bucket")]
    pub(crate) fn insert(&mut self, hash: u64, value: u32) -> Result<(), Full> {
        debug_assert_ne!(value, NOTHING, "this value marks an empty bucket");
        if self.len >= load_max(self.buckets.len()) {
            self.grow()?;
        }
        place(&mut self.buckets, Bucket { tag: tag_of(hash), value });
        self.len += 1;
        Ok(())
    }

    /// Taken buckets in a row, at most.
    #[cfg(feature = "inspect")]
    #[expect(clippy::arithmetic_side_effects, reason = "twice the buckets at most")]
    pub(crate) fn longest_run(&self) -> usize {
        let (mut longest, mut run) = (0, 0);
        // Twice around: a row may go on at the beginning.
        for bucket in self.buckets.iter().chain(self.buckets.iter()) {
            run = if bucket.is_empty() { 0 } else { run + 1 };
            longest = longest.max(run);
        }
        longest
    }

    /// Takes `value` out, which was added with the same `hash`. `false`: it is not in the table.
    #[expect(clippy::arithmetic_side_effects, reason = "the entry was found")]
    pub(crate) fn remove(&mut self, hash: u64, value: u32) -> bool {
        let buckets: &mut [Bucket] = &mut self.buckets;
        let (tag, count) = (tag_of(hash), buckets.len());
        if count == 0 {
            return false;
        }
        let mut hole = home(tag, count);
        loop {
            match buckets.get(hole) {
                Some(bucket) if *bucket == (Bucket { tag, value }) => break,
                Some(bucket) if !bucket.is_empty() => hole = next(hole, count),
                Some(_) | None => return false,
            }
        }
        // Close the hole: what follows moves back, unless that would put it before its home.
        let mut index = next(hole, count);
        while let Some(bucket) = buckets.get(index).copied().filter(|bucket| !bucket.is_empty()) {
            if distance(home(bucket.tag, count), index, count) >= distance(hole, index, count) {
                put(buckets, hole, bucket);
                hole = index;
            }
            index = next(index, count);
        }
        put(buckets, hole, Bucket::EMPTY);
        self.len -= 1;
        true
    }

    #[cfg(feature = "alloc")]
    #[expect(clippy::arithmetic_side_effects, reason = "fewer than `BUCKETS_MAX` are doubled")]
    fn grow(&mut self) -> Result<(), Full> {
        let ManagedSlice::Owned(buckets) = &mut self.buckets else { return Err(Full) };
        if buckets.len() >= BUCKETS_MAX {
            return Err(Full);
        }
        let len = (buckets.len() * 2).max(BUCKETS_MIN);
        let old = core::mem::replace(buckets, alloc::vec![Bucket::EMPTY; len]);
        for bucket in old.into_iter().filter(|bucket| !bucket.is_empty()) {
            place(buckets, bucket);
        }
        Ok(())
    }

    #[cfg(not(feature = "alloc"))]
    fn grow(&mut self) -> Result<(), Full> {
        Err(Full)
    }
}

/// Puts an entry into the first empty bucket from its home on; there is one.
fn place(buckets: &mut [Bucket], entry: Bucket) {
    let mut index = home(entry.tag, buckets.len());
    while buckets.get(index).is_some_and(|bucket| !bucket.is_empty()) {
        index = next(index, buckets.len());
    }
    put(buckets, index, entry);
}

fn put(buckets: &mut [Bucket], index: usize, entry: Bucket) {
    if let Some(place) = buckets.get_mut(index) {
        *place = entry;
    }
}

#[inline]
const fn tag_of(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// The bucket that an entry should be in. `count`: a power of two, or 0.
#[inline]
const fn home(tag: u32, count: usize) -> usize {
    tag as usize & count.wrapping_sub(1)
}

/// The bucket where a search for `hash` begins.
#[cfg(feature = "inspect")]
pub(crate) const fn home_of(hash: u64, count: usize) -> usize {
    home(tag_of(hash), count)
}

#[inline]
#[expect(clippy::arithmetic_side_effects, reason = "an index below `count`, which is a power of two")]
const fn next(index: usize, count: usize) -> usize {
    (index + 1) & (count - 1)
}

/// Steps from one bucket to another, around the end.
#[expect(clippy::arithmetic_side_effects, reason = "`count` is a power of two")]
const fn distance(from: usize, to: usize, count: usize) -> usize {
    to.wrapping_sub(from) & (count - 1)
}

/// Entries that `count` buckets may hold: 7/8 of them, and never all.
#[expect(clippy::arithmetic_side_effects, reason = "an eighth, seven times")]
const fn load_max(count: usize) -> usize {
    if count < 8 { count.saturating_sub(1) } else { count / 8 * 7 }
}

/// Marks an empty bucket.
const NOTHING: u32 = u32::MAX;
/// Buckets of a table that begins to grow from nothing.
#[cfg(feature = "alloc")]
const BUCKETS_MIN: usize = 8;
/// A tag of 32 bits tells the homes of no more buckets apart. (On a target of 32 bits memory ends first.)
#[cfg(feature = "alloc")]
const BUCKETS_MAX: usize = 1 << 31;

/// What identifies a socket: protocol, own address and port, and the peer's if it is connected.
///
/// By reference: a copy of an address that was just taken out of a frame, byte by byte, would wait for
/// all of it to reach memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FlowKey<'k> {
    /// IP protocol number.
    pub(crate) protocol: u8,
    pub(crate) local: &'k SocketAddr,
    pub(crate) remote: Option<&'k SocketAddr>,
}

/// The key of the hash: who does not know it cannot choose packets that collide.
#[derive(Clone, Copy)]
pub(crate) struct Secret(pub(crate) [u64; 2]);

impl Secret {
    /// Hashes addresses, ports and protocol (IPv6 flow labels and scopes are left out).
    ///
    /// Folded multiplication, as in wyhash and foldhash: the 128-bit product of two secretly offset
    /// words, its halves combined. The second round lets every bit of the key reach every bit of the
    /// hash.
    #[inline]
    pub(crate) fn hash(&self, key: &FlowKey<'_>) -> u64 {
        let [first, second] = self.0;
        // Port, protocol, and whether there is a remote: one word for both families.
        let remote_port = key.remote.map_or(0, SocketAddr::port);
        let rest = u64::from(key.local.port()) << 32
            | u64::from(remote_port) << 16
            | u64::from(key.protocol) << 8
            | u64::from(key.remote.is_some());
        // Without a remote its place is filled with the local address; the bit above tells the difference.
        let remote = key.remote.unwrap_or(key.local);
        if let (SocketAddr::V4(local), SocketAddr::V4(remote)) = (key.local, remote) {
            let addresses = u64::from(local.ip().to_bits()) << 32 | u64::from(remote.ip().to_bits());
            return fold(fold(addresses ^ first, rest ^ second) ^ second, ROUND);
        }
        let (local_high, local_low) = words(key.local.ip());
        let (remote_high, remote_low) = words(remote.ip());
        let state = fold(local_high ^ first, local_low ^ second);
        let state = fold(remote_high ^ state ^ first, remote_low ^ second);
        fold(fold(rest ^ state, first) ^ second, ROUND)
    }
}

/// Secrets do not belong into logs.
impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secret(..)")
    }
}

fn words(addr: IpAddr) -> (u64, u64) {
    let bits = match addr {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    ((bits >> 64) as u64, bits as u64)
}

#[inline]
#[expect(clippy::arithmetic_side_effects, reason = "the product of two halves fits")]
const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    (product >> 64) as u64 ^ product as u64
}

/// An odd number with half of its bits set (the golden ratio's digits).
const ROUND: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests;
