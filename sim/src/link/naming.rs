//! What can a frame be called, other than by its number?

use std::collections::BTreeSet;

use super::fault::When;
use super::pattern::Pattern;
use super::segments::Segments;
use crate::frame::Medium;

/// Names the frames of one direction of a cable by what they are: the second data segment, the first SYN.
///
/// Such a name still means the same frame when another one was lost and all numbers behind it have changed.
#[derive(Clone, Debug)]
pub struct Naming {
    medium: Medium,
    frames: u64,
    segments: Segments,
    /// Those that have come: where there are several connections, a fault hits the first.
    seen: BTreeSet<(u64, u32)>,
    /// How many of each of [`KINDS`] have come.
    counts: [u64; KINDS.len()],
}

/// Kinds by which a frame is called, the telling ones first.
const KINDS: [Pattern; 10] = [
    Pattern::SynAck,
    Pattern::Syn,
    Pattern::Rst,
    Pattern::Data,
    Pattern::Fin,
    Pattern::Ack,
    Pattern::Arp,
    Pattern::Ndp,
    Pattern::Icmp,
    Pattern::Udp,
];

impl Naming {
    /// Before the first frame.
    pub fn new(medium: Medium) -> Naming {
        let mut segments = Segments::default();
        segments.watch(u64::MAX);
        Naming { medium, frames: 0, segments, seen: BTreeSet::new(), counts: [0; KINDS.len()] }
    }

    /// The name of the next frame, as a fault may have it. All frames have to be shown, in the order of sending.
    pub fn name(&mut self, frame: &[u8]) -> When {
        let nth = self.frames;
        self.frames += 1;
        let segment = self.segments.number(self.medium, frame).filter(|segment| self.seen.insert(*segment));
        let mut name = segment.map(|(index, transmission)| When::Segment { index, transmission });
        for (pattern, count) in KINDS.into_iter().zip(&mut self.counts) {
            if pattern.matches(self.medium, frame) {
                name.get_or_insert(When::Matching { pattern, nth: *count });
                *count += 1;
            }
        }
        name.unwrap_or(When::Frame(nth))
    }
}
