//! Which data segment of its connection is this, and for the how many-th time?

use std::collections::BTreeMap;

use super::headers::{Connection, Headers, RST, SYN};
use crate::frame::Medium;

/// Counts the data segments of every TCP connection that go in one direction of a cable.
#[derive(Clone, Debug, Default)]
pub(super) struct Segments {
    /// Segments beyond so many per connection are of no interest, and not kept.
    limit: u64,
    connections: BTreeMap<Connection, BTreeMap<u32, Seen>>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    index: u64,
    transmissions: u32,
}

impl Segments {
    /// Counts at least up to the segment of this index.
    pub(super) fn watch(&mut self, index: u64) {
        self.limit = self.limit.max(index.saturating_add(1));
    }

    /// Index and transmission of the data segment in `frame`; both count from 0.
    ///
    /// A segment is known by its first sequence number: a repetition that is longer or shorter is the same segment.
    pub(super) fn number(&mut self, medium: Medium, frame: &[u8]) -> Option<(u64, u32)> {
        if self.limit == 0 {
            return None;
        }
        let segment = Headers::of(medium, frame)?.segment(frame)?;
        if segment.flags & RST != 0 {
            return None;
        }
        if segment.flags & SYN != 0 {
            self.connections.insert(segment.connection, BTreeMap::new());
        }
        if segment.data_bytes == 0 {
            return None;
        }
        let known = self.connections.entry(segment.connection).or_default();
        let index = known.len() as u64;
        if index >= self.limit && !known.contains_key(&segment.data_seq) {
            return None;
        }
        let seen = known.entry(segment.data_seq).or_insert(Seen { index, transmissions: 0 });
        let transmission = seen.transmissions;
        seen.transmissions = seen.transmissions.saturating_add(1);
        Some((seen.index, transmission))
    }
}
