//! Which packets are being put together from fragments?

mod part;
mod place;

use managed::ManagedSlice;

use crate::time::Instant;
pub(crate) use part::Key;
use part::Part;
pub(crate) use place::Place;

/// All IP packets of which some fragments have arrived and others have not.
///
/// The contract: [`expire`](Self::expire) until it says `None` before fragments of the same instant are
/// given to [`on_fragment`](Self::on_fragment), and again at [`next_at`](Self::next_at). IPv4 header
/// checksums are checked by the caller: the header of the whole packet is given a new one.
///
/// What fragments may not do follows RFC 8200 §4.5 for both versions: any overlap ends the whole packet
/// (RFC 5722), exact copies are passed over, and a packet may not wait for ever.
#[derive(Debug)]
pub(crate) struct Reassembly<'a> {
    places: ManagedSlice<'a, Place<'a>>,
    max: usize,
}

/// What became of a fragment, and what it cost.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome<'r> {
    pub(crate) verdict: Verdict<'r>,
    /// There was no room: the oldest incomplete packet was given up for this one.
    pub(crate) has_evicted: bool,
}

/// What became of a fragment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict<'r> {
    /// It is kept, or a copy of what is kept; others are missing.
    Incomplete,
    /// It was the last one missing: this is the whole IP packet, as if it had come in one piece.
    Complete(&'r [u8]),
    /// It is of no use.
    Dropped(Reason),
}

/// Why a fragment was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Shorter than it says it is, or not a fragment at all.
    Malformed,
    /// Not a multiple of 8 bytes, and not the last one (RFC 8200 §4.5: parameter problem, code 0).
    Unaligned,
    /// It carries nothing.
    Empty,
    /// The packet would be longer than any packet can be (RFC 8200 §4.5: parameter problem, code 0).
    TooLong,
    /// The first IPv6 fragment ends before the upper-layer header does (RFC 8200 §4.5: parameter problem, code 3).
    HeadersCut,
    /// It overlaps another with other bounds or other bytes. The whole packet is given up (RFC 5722).
    Overlap,
    /// It contradicts an earlier one on where the packet ends. The whole packet is given up.
    Contradiction,
    /// The packet is longer than the memory that was lent for it, or there is none. It is given up.
    NoRoom,
    /// Some fragments are ECN-capable and some are not. The whole packet is given up (RFC 3168 §5.3).
    MixedEcn,
}

/// A packet of which not all fragments came in time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expired<'r> {
    /// Which packet it was.
    pub(crate) key: Key,
    /// The first fragment as it arrived, from its IP header on, if it arrived at all: what an ICMP time
    /// exceeded (code 1) quotes, which must not be sent without it (RFC 792, RFC 8200 §4.5).
    pub(crate) first: Option<&'r [u8]>,
}

impl<'a> Reassembly<'a> {
    /// Nothing is being put together yet. `places`: lent ones are all used; owned ones grow to `max`.
    pub(crate) fn new(places: ManagedSlice<'a, Place<'a>>, max: usize) -> Self {
        Self { places, max }
    }

    /// Packets being put together.
    #[cfg(any(test, feature = "inspect"))]
    pub(crate) fn len(&self) -> usize {
        self.places.iter().filter(|place| place.partial().is_some()).count()
    }

    /// Takes a received fragment. `packet`: an IPv4 packet, or an IPv6 packet with a Fragment header
    /// (RFC 8200 §4.5) behind no others than hop-by-hop, destination and routing headers; padding may follow.
    pub(crate) fn on_fragment(&mut self, packet: &[u8], now: Instant) -> Outcome<'_> {
        let dropped = |reason| Outcome { verdict: Verdict::Dropped(reason), has_evicted: false };
        let part = match Part::parse(packet) {
            Ok(part) => part,
            Err(reason) => return dropped(reason),
        };
        let Some((index, has_evicted)) = self.place_for(&part, now) else { return dropped(Reason::NoRoom) };
        let Some(place) = self.places.get_mut(index) else { return dropped(Reason::NoRoom) };
        let verdict = match place.add(&part) {
            Ok(true) => place.finish().map_or_else(Verdict::Dropped, Verdict::Complete),
            Ok(false) => Verdict::Incomplete,
            Err(reason) => {
                if reason.ends_packet() {
                    place.clear();
                }
                Verdict::Dropped(reason)
            }
        };
        Outcome { verdict, has_evicted }
    }

    /// When the next packet runs out of time.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.places.iter().filter_map(|place| Some(place.partial()?.expires_at)).min()
    }

    /// Gives up a packet that ran out of time at `now`, if there is one.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Expired<'_>> {
        let due = self.places.iter().enumerate();
        let due = due.filter_map(|(index, place)| Some((place.partial()?.expires_at, index)));
        let (_, index) = due.filter(|(at, _)| *at <= now).min()?;
        self.places.get_mut(index)?.expire()
    }

    /// The place where `part` belongs, and whether another packet had to go for it. `None`: there are no
    /// places at all.
    fn place_for(&mut self, part: &Part<'_>, now: Instant) -> Option<(usize, bool)> {
        let is_its_own = |place: &Place<'_>| {
            place.partial().is_some_and(|partial| partial.key == part.key && now < partial.expires_at)
        };
        // RFC 6946 §4: an atomic fragment has nothing to do with others, whatever its identification.
        if !part.is_atomic()
            && let Some(index) = self.places.iter().position(is_its_own)
        {
            return Some((index, false));
        }
        let (index, has_evicted) = match self.places.iter().position(|place| place.partial().is_none()) {
            Some(index) => (index, false),
            None => match self.grow() {
                Some(index) => (index, false),
                None => (self.oldest()?, true),
            },
        };
        self.places.get_mut(index)?.start(part, now);
        Some((index, has_evicted))
    }

    fn oldest(&self) -> Option<usize> {
        let all = self.places.iter().enumerate();
        all.filter_map(|(index, place)| Some((place.partial()?.started_at, index))).min().map(|(_, index)| index)
    }

    #[cfg(feature = "alloc")]
    fn grow(&mut self) -> Option<usize> {
        match &mut self.places {
            ManagedSlice::Owned(places) if places.len() < self.max => {
                let index = places.len();
                places.push(Place::growing());
                Some(index)
            }
            ManagedSlice::Owned(_) | ManagedSlice::Borrowed(_) => None,
        }
    }

    #[cfg(not(feature = "alloc"))]
    fn grow(&mut self) -> Option<usize> {
        debug_assert!(self.max >= self.places.len(), "lent places are all used");
        None
    }
}

/// Takes no fragments: what stands in while the real one is in use.
impl Default for Reassembly<'_> {
    fn default() -> Self {
        Self::new(ManagedSlice::Borrowed(&mut []), 0)
    }
}

impl Reason {
    /// Whether the fragments that came before are of no use either.
    fn ends_packet(self) -> bool {
        match self {
            // RFC 8200 §4.5: "that fragment must be discarded".
            Self::Malformed | Self::Unaligned | Self::Empty | Self::TooLong | Self::HeadersCut => false,
            Self::Overlap | Self::Contradiction | Self::NoRoom | Self::MixedEcn => true,
        }
    }
}

#[cfg(test)]
mod tests;
