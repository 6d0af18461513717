//! Which groups has this host joined, and who in it?

pub(crate) mod igmp;
pub(crate) mod mld;
pub(crate) mod reports;

use core::net::IpAddr;

use managed::ManagedSlice;

/// The groups of every socket, and of the host itself, which is a member as [`HOST`].
///
/// Invariant: entries are in order, so that the members of a group stand together.
#[derive(Debug)]
pub(crate) struct Memberships<'a> {
    entries: ManagedSlice<'a, Entry>,
    len: usize,
    max: usize,
}

/// A member of a group; see [`Storage`](crate::Storage).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    group: IpAddr,
    slot: u32,
}

impl Entry {
    /// Room for one.
    pub(crate) const EMPTY: Self = Self { group: IpAddr::V4(core::net::Ipv4Addr::UNSPECIFIED), slot: 0 };
}

/// Why a group could not be joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinError {
    /// The socket is a member (EADDRINUSE).
    Already,
    /// There is no room for one more (ENOBUFS).
    Full,
}

/// What a join or a leave means to the host as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The first member came, or the last one went: routers have to be told, and the device's filter set.
    Host,
    /// Others were and are members too.
    SocketOnly,
}

impl<'a> Memberships<'a> {
    /// Nobody has joined anything. `entries`: lent ones are all used; owned ones grow to `max`.
    pub(crate) fn new(entries: ManagedSlice<'a, Entry>, max: usize) -> Self {
        Self { entries, len: 0, max }
    }

    /// Makes `slot` a member of `group`.
    #[expect(clippy::arithmetic_side_effects, reason = "there is room behind the last entry")]
    pub(crate) fn join(&mut self, slot: u32, group: IpAddr) -> Result<Change, JoinError> {
        let Err(position) = self.all().binary_search(&Entry { group, slot }) else { return Err(JoinError::Already) };
        let change = if self.is_member(group) { Change::SocketOnly } else { Change::Host };
        if self.len == self.entries.len() {
            self.grow()?;
        }
        self.entries.copy_within(position..self.len, position + 1);
        if let Some(place) = self.entries.get_mut(position) {
            *place = Entry { group, slot };
        }
        self.len += 1;
        Ok(change)
    }

    /// Ends the membership of `slot` in `group`. `None`: it was no member (EADDRNOTAVAIL).
    #[expect(clippy::arithmetic_side_effects, reason = "the entry was found")]
    pub(crate) fn leave(&mut self, slot: u32, group: IpAddr) -> Option<Change> {
        let position = self.all().binary_search(&Entry { group, slot }).ok()?;
        self.entries.copy_within(position + 1..self.len, position);
        self.len -= 1;
        Some(if self.is_member(group) { Change::SocketOnly } else { Change::Host })
    }

    /// Ends one membership of `slot`, whichever; called until it says `None` when a socket ends.
    pub(crate) fn leave_any(&mut self, slot: u32) -> Option<(IpAddr, Change)> {
        let group = self.all().iter().find(|entry| entry.slot == slot)?.group;
        Some((group, self.leave(slot, group)?))
    }

    /// Whether anybody here is a member of `group`.
    #[inline]
    pub(crate) fn is_member(&self, group: IpAddr) -> bool {
        self.all().get(self.first(group)).is_some_and(|entry| entry.group == group)
    }

    /// Whether `slot` is a member of `group`.
    #[inline]
    pub(crate) fn has_joined(&self, slot: u32, group: IpAddr) -> bool {
        self.all().binary_search(&Entry { group, slot }).is_ok()
    }

    fn all(&self) -> &[Entry] {
        self.entries.get(..self.len).unwrap_or_default()
    }

    /// Where the members of `group` start, or would.
    #[inline]
    fn first(&self, group: IpAddr) -> usize {
        self.all().partition_point(|entry| entry.group < group)
    }

    #[cfg(feature = "alloc")]
    fn grow(&mut self) -> Result<(), JoinError> {
        match &mut self.entries {
            ManagedSlice::Owned(entries) if entries.len() < self.max => {
                entries.push(Entry::EMPTY);
                Ok(())
            }
            ManagedSlice::Owned(_) | ManagedSlice::Borrowed(_) => Err(JoinError::Full),
        }
    }

    #[cfg(not(feature = "alloc"))]
    fn grow(&mut self) -> Result<(), JoinError> {
        debug_assert!(self.max >= self.entries.len(), "lent entries are all used");
        Err(JoinError::Full)
    }
}

/// The host itself as a member: of all nodes' group, and of its addresses' solicited-node groups.
pub(crate) const HOST: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    extern crate std;
    use std::collections::BTreeSet;
    use std::vec;
    use std::vec::Vec;

    use proptest::prelude::*;

    fn group(last: u8) -> IpAddr {
        if last.is_multiple_of(2) {
            IpAddr::from([239, 0, 0, last])
        } else {
            IpAddr::from([0xff02, 0, 0, 0, 0, 0, 0, last.into()])
        }
    }

    #[test]
    fn the_host_joins_with_the_first_and_leaves_with_the_last() {
        let mut entries = [Entry::EMPTY; 3];
        let mut table = Memberships::new(ManagedSlice::Borrowed(&mut entries), 3);
        assert_eq!(table.join(1, group(2)), Ok(Change::Host));
        assert_eq!(table.join(HOST, group(2)), Ok(Change::SocketOnly));
        assert_eq!(table.join(1, group(2)), Err(JoinError::Already));
        assert_eq!(table.join(1, group(3)), Ok(Change::Host));
        assert_eq!(table.join(2, group(3)), Err(JoinError::Full));
        assert_eq!(table.leave(2, group(3)), None);
        assert_eq!(table.leave_any(1), Some((group(2), Change::SocketOnly)));
        assert_eq!(table.leave_any(1), Some((group(3), Change::Host)));
        assert_eq!(table.leave_any(1), None);
        assert_eq!(table.leave(HOST, group(2)), Some(Change::Host));
        assert!(!table.is_member(group(2)));
    }

    fn run(mut table: Memberships<'_>, max: usize, acts: Vec<(u8, u32, u8)>) {
        let mut model: BTreeSet<(IpAddr, u32)> = BTreeSet::new();
        for (act, slot, last) in acts {
            let group = group(last);
            let others = |model: &BTreeSet<(IpAddr, u32)>| model.iter().any(|(other, _)| *other == group);
            let change = |is_shared| if is_shared { Change::SocketOnly } else { Change::Host };
            match act {
                0..=3 => {
                    let expected = if model.contains(&(group, slot)) {
                        Err(JoinError::Already)
                    } else if model.len() == max {
                        Err(JoinError::Full)
                    } else {
                        Ok(change(others(&model)))
                    };
                    assert_eq!(table.join(slot, group), expected);
                    if expected.is_ok() {
                        model.insert((group, slot));
                    }
                }
                4..=5 => {
                    let was_member = model.remove(&(group, slot));
                    assert_eq!(table.leave(slot, group), was_member.then(|| change(others(&model))));
                }
                _ => {
                    while table.leave_any(slot).is_some() {}
                    model.retain(|(_, other)| *other != slot);
                }
            }
            assert_eq!(table.is_member(group), others(&model));
            assert_eq!(table.has_joined(slot, group), model.contains(&(group, slot)));
        }
    }

    proptest! {
        #[test]
        fn the_table_agrees_with_a_set(acts in proptest::collection::vec((0..7_u8, 0..5_u32, 0..6_u8), 0..100)) {
            let mut entries = vec![Entry::EMPTY; 9];
            run(Memberships::new(ManagedSlice::Borrowed(&mut entries), 9), 9, acts.clone());
            #[cfg(feature = "alloc")]
            run(Memberships::new(ManagedSlice::Owned(vec![]), 12), 12, acts);
        }
    }
}
