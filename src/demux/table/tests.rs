//! Does the hash table keep its promises?

use std::collections::{BTreeMap, BTreeSet};
use std::vec;
use std::vec::Vec;

use managed::ManagedSlice;
use proptest::prelude::*;

use super::*;

extern crate std;

#[derive(Debug, Clone)]
enum Act {
    Insert { home: u8, tag: u8 },
    Remove { nth: usize },
    RemoveUnknown { home: u8 },
    Find { nth: usize },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        // Few homes: long runs that touch and wrap around the end.
        4 => (0..4u8, 0..3u8).prop_map(|(home, tag)| Act::Insert { home: home.wrapping_sub(2), tag }),
        3 => any::<usize>().prop_map(|nth| Act::Remove { nth }),
        1 => any::<u8>().prop_map(|home| Act::RemoveUnknown { home }),
        2 => any::<usize>().prop_map(|nth| Act::Find { nth }),
    ];
    proptest::collection::vec(act, 0..400)
}

/// A hash whose home is `home` in tables of up to 256 buckets.
fn hash(home: u8, tag: u8) -> u64 {
    u64::from(u32::from(tag) << 8 | u32::from(home)) << 32 | 0xdead_beef
}

/// Runs `acts` on a table and on a model, which compare after every one.
fn run(mut table: Table<'_>, acts: Vec<Act>, capacity: Option<usize>) {
    let mut model: BTreeMap<u32, u64> = BTreeMap::new();
    let mut fresh = 0;
    let nth = |model: &BTreeMap<u32, u64>, nth: usize| {
        let position = nth.checked_rem(model.len())?;
        model.iter().nth(position).map(|(value, hash)| (*value, *hash))
    };
    for act in acts {
        match act {
            Act::Insert { home, tag } => {
                let result = table.insert(hash(home, tag), fresh);
                if capacity.is_some_and(|capacity| model.len() >= capacity) {
                    assert_eq!(result, Err(Full));
                } else {
                    assert_eq!(result, Ok(()));
                    model.insert(fresh, hash(home, tag));
                }
                fresh += 1;
            }
            Act::Remove { nth: n } => {
                if let Some((value, hash)) = nth(&model, n) {
                    assert!(table.remove(hash, value));
                    assert!(!table.remove(hash, value), "it is gone");
                    model.remove(&value);
                }
            }
            Act::RemoveUnknown { home } => assert!(!table.remove(hash(home, 0), u32::MAX - 1)),
            Act::Find { nth: n } => {
                if let Some((value, hash)) = nth(&model, n) {
                    assert_eq!(table.find(hash, |found| found == value), Some(value));
                    assert_eq!(table.find(hash, |_| false), None);
                }
            }
        }
        assert_eq!(table.len(), model.len());
        for (value, hash) in &model {
            assert_eq!(table.find(*hash, |found| found == *value), Some(*value));
        }
        let found: BTreeSet<u32> = table.buckets.iter().filter(|b| !b.is_empty()).map(|b| b.value).collect();
        assert!(found.iter().eq(model.keys()), "nothing else is in the table");
    }
}

proptest! {
    #[test]
    fn a_lent_table_agrees_with_a_map_to_its_load_limit(acts in acts(), bits in 0..6u32) {
        let mut buckets = vec![Bucket { tag: 7, value: 7 }; 1 << bits];
        let capacity = load_max(buckets.len());
        run(Table::new(ManagedSlice::Borrowed(&mut buckets)), acts, Some(capacity));
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn a_growing_table_agrees_with_a_map(acts in acts()) {
        run(Table::new(ManagedSlice::Owned(vec![])), acts, None);
    }
}

#[test]
fn a_table_without_buckets_is_full_and_finds_nothing() {
    let mut table = Table::new(ManagedSlice::Borrowed(&mut []));
    assert_eq!(table.find(hash(0, 0), |_| true), None);
    assert_eq!(table.insert(hash(0, 0), 0), Err(Full));
    assert!(!table.remove(hash(0, 0), 0));
}

#[test]
fn seven_in_eight_buckets_are_used() {
    let mut buckets = [Bucket::EMPTY; 64];
    let mut table = Table::new(ManagedSlice::Borrowed(&mut buckets));
    for value in 0..56 {
        assert_eq!(table.insert(hash(63, 0), value), Ok(()), "one home for all: the run wraps around");
    }
    assert_eq!(table.insert(hash(63, 0), 56), Err(Full));
    assert_eq!(table.find(hash(62, 0), |_| true), None, "a search in a full table ends");
}

#[cfg(feature = "alloc")]
#[test]
fn a_growing_table_holds_a_hundred_thousand_connections() {
    let secret = Secret([0x1234_5678_9abc_def0, 0x0fed_cba9_8765_4321]);
    let key = |i: u32| flow([10, 0, 0, 1], 80, [10, 1, (i >> 16) as u8, (i >> 8) as u8], i as u16);
    let mut table = Table::new(ManagedSlice::Owned(vec![]));
    for i in 0..100_000 {
        table.insert(secret.hash(&key(i).as_ref()), i).expect("it grows");
    }
    let mut looks = 0;
    for i in 0..100_000 {
        let is_key = |value| {
            looks += 1;
            value == i
        };
        assert_eq!(table.find(secret.hash(&key(i).as_ref()), is_key), Some(i));
    }
    assert!(looks < 100_010, "tags tell neighbours apart: {looks}");
    let mut homes = [0_u32; 256];
    for i in 0..100_000 {
        homes[(secret.hash(&key(i).as_ref()) >> 32) as usize % homes.len()] += 1;
    }
    assert!(homes.iter().all(|count| (290..500).contains(count)), "homes are spread evenly: {homes:?}");
}

/// A key that owns its addresses.
#[derive(Clone, Copy)]
struct Key {
    protocol: u8,
    local: SocketAddr,
    remote: Option<SocketAddr>,
}

impl Key {
    fn as_ref(&self) -> FlowKey<'_> {
        FlowKey { protocol: self.protocol, local: &self.local, remote: self.remote.as_ref() }
    }
}

fn flow(local: [u8; 4], local_port: u16, remote: [u8; 4], remote_port: u16) -> Key {
    Key { protocol: 6, local: (local, local_port).into(), remote: Some((remote, remote_port).into()) }
}

#[test]
fn every_part_of_the_key_and_both_secrets_change_the_hash() {
    let v6 = |a: u16, d: u16, port: u16| SocketAddr::from(([a, 0, 0, 0, 0, 0, 0, d], port));
    let base = flow([10, 0, 0, 1], 80, [10, 0, 0, 2], 5000);
    let base_v6 = Key { protocol: 6, local: v6(1, 1, 80), remote: Some(v6(2, 2, 5000)) };
    let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
    let keys = [
        base,
        flow([10, 0, 0, 3], 80, [10, 0, 0, 2], 5000),
        flow([10, 0, 0, 1], 81, [10, 0, 0, 2], 5000),
        flow([10, 0, 0, 1], 80, [10, 0, 0, 4], 5000),
        flow([10, 0, 0, 1], 80, [10, 0, 0, 2], 5001),
        flow([10, 0, 0, 2], 5000, [10, 0, 0, 1], 80),
        flow([10, 0, 0, 2], 80, [10, 0, 0, 1], 5000),
        Key { protocol: 17, ..base },
        Key { remote: None, ..base },
        Key { remote: Some(unspecified), ..base },
        Key { local: unspecified, ..base },
        Key { remote: Some(SocketAddr::new(base.local.ip(), 0)), ..base },
        base_v6,
        Key { protocol: 17, ..base_v6 },
        Key { remote: None, ..base_v6 },
        Key { local: v6(1, 1, 81), ..base_v6 },
        Key { local: v6(1, 2, 80), ..base_v6 },
        Key { local: v6(2, 1, 80), ..base_v6 },
        Key { remote: Some(v6(2, 2, 5001)), ..base_v6 },
        Key { remote: Some(v6(2, 1, 5000)), ..base_v6 },
        Key { remote: Some(v6(1, 2, 5000)), ..base_v6 },
    ];
    let (a, b, c) = (0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344, 0xa409_3822_299f_31d0);
    let hashes: BTreeSet<u32> = [[a, b], [a, c], [c, b]]
        .iter()
        .flat_map(|secret| keys.iter().map(|key| tag_of(Secret(*secret).hash(&key.as_ref()))))
        .collect();
    assert_eq!(hashes.len(), 3 * keys.len());
}

#[test]
fn an_ipv6_scope_is_no_part_of_the_hash() {
    let plain = SocketAddr::from(([0xfe80, 0, 0, 0, 0, 0, 0, 1], 80));
    let scoped = core::net::SocketAddrV6::new([0xfe80, 0, 0, 0, 0, 0, 0, 1].into(), 80, 5, 7).into();
    let secret = Secret([1, 2]);
    let hash = |local| secret.hash(&Key { protocol: 6, local, remote: None }.as_ref());
    assert_eq!(hash(plain), hash(scoped));
}
