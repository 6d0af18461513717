//! How large a packet does the way to a host carry?

use core::net::IpAddr;

use heapless::Vec;

use crate::time::{Duration, Instant};

/// What routers have said of the ways to some hosts: packets above these lengths do not get through.
///
/// Only what is smaller than the MTU of the own link is worth a place, and only for ten minutes: then the
/// way may be another, and the link's MTU is tried again (RFC 1191 §6.3, RFC 8201 §4).
#[derive(Debug)]
pub(crate) struct PathMtus {
    entries: Vec<Entry, ENTRIES_MAX>,
}

/// The way to one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    destination: IpAddr,
    mtu_bytes: usize,
    expires_at: Instant,
}

impl PathMtus {
    /// Nothing is known.
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// A router said that it could not forward a packet of `packet_len` bytes to `destination`, only such
    /// with `reported_mtu` bytes at most (0: it did not say; older than RFC 1191).
    ///
    /// Returns the new MTU if that is less than what [`get`](Self::get) said before: then segments and
    /// datagrams to that host have to become smaller. The caller has checked that the packet was really
    /// sent (RFC 5927 §4.1), or anybody could slow us down.
    pub(crate) fn learn(
        &mut self,
        destination: IpAddr,
        reported_mtu: u32,
        packet_len: usize,
        link_mtu: usize,
        now: Instant,
    ) -> Option<usize> {
        let reported = usize::try_from(reported_mtu).unwrap_or(usize::MAX);
        let mtu = if reported == 0 { plateau_below(packet_len) } else { reported };
        let mtu_bytes = mtu.max(minimum(destination));
        // RFC 8201 §4: a report must never raise the estimate.
        if mtu_bytes >= self.get(destination, link_mtu, now) {
            return None;
        }
        let entry = Entry { destination, mtu_bytes, expires_at: now.saturating_add(ENTRY_LIFETIME) };
        if let Some(known) = self.entries.iter_mut().find(|known| known.destination == destination) {
            *known = entry;
        } else if let Err(entry) = self.entries.push(entry) {
            // All live equally long: the one that ends first is the oldest.
            if let Some(oldest) = self.entries.iter_mut().min_by_key(|known| known.expires_at) {
                *oldest = entry;
            }
        }
        Some(mtu_bytes)
    }

    /// The longest IP packet that gets to `destination`, bytes, as far as is known. `link_mtu`: the
    /// longest that leaves this host.
    #[inline]
    pub(crate) fn get(&self, destination: IpAddr, link_mtu: usize, now: Instant) -> usize {
        let known = self.entries.iter().find(|known| known.destination == destination && now < known.expires_at);
        known.map_or(link_mtu, |known| known.mtu_bytes.min(link_mtu))
    }

    /// Whether nothing at all is known: then every way carries what the link does.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets a way that may be tried with longer packets at `now`, and names its destination.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<IpAddr> {
        let position = self.entries.iter().position(|known| known.expires_at <= now)?;
        Some(self.entries.swap_remove(position).destination)
    }
}

/// The length that every way carries, or is treated as if it did.
fn minimum(destination: IpAddr) -> usize {
    match destination {
        IpAddr::V4(_) => IPV4_MTU_MIN,
        IpAddr::V6(_) => IPV6_MTU_MIN,
    }
}

/// The greatest plateau that is less than `packet_len` (RFC 1191 §7.1).
fn plateau_below(packet_len: usize) -> usize {
    PLATEAUS.into_iter().find(|plateau| *plateau < packet_len).unwrap_or(0)
}

/// RFC 1191 table 7-1: MTUs that links really have.
const PLATEAUS: [usize; 10] = [32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 508, 296, 68];
/// Linux `min_pmtu`. RFC 791 §3.2 guarantees 68 only, which a forger of reports would like.
const IPV4_MTU_MIN: usize = 552;
/// RFC 8200 §5: links carry no less.
const IPV6_MTU_MIN: usize = 1_280;
/// RFC 1191 §6.3 and RFC 8201 §4: ten minutes, and never less than five.
const ENTRY_LIFETIME: Duration = Duration::from_secs(600);
#[cfg(feature = "std")]
const ENTRIES_MAX: usize = 64;
#[cfg(not(feature = "std"))]
const ENTRIES_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    extern crate std;
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    const LINK_MTU: usize = 1500;

    fn v4(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn v6() -> IpAddr {
        "2001:db8::1".parse().expect("an address")
    }

    #[test]
    fn a_report_is_believed_for_ten_minutes() {
        let mut mtus = PathMtus::new();
        assert!(mtus.is_empty());
        assert_eq!(mtus.learn(v4(1), 1400, 1500, LINK_MTU, Instant::ZERO), Some(1400));
        assert_eq!(mtus.get(v4(1), LINK_MTU, Instant::from_secs(599)), 1400);
        assert_eq!(mtus.get(v4(2), LINK_MTU, Instant::ZERO), 1500, "another host");
        assert_eq!(mtus.get(v4(1), LINK_MTU, Instant::from_secs(600)), 1500);
        assert_eq!(mtus.expire(Instant::from_secs(599)), None);
        assert_eq!(mtus.expire(Instant::from_secs(600)), Some(v4(1)));
        assert!(mtus.is_empty());
    }

    #[test]
    fn a_report_never_raises_what_is_known() {
        let mut mtus = PathMtus::new();
        assert_eq!(mtus.learn(v4(1), 1500, 1500, LINK_MTU, Instant::ZERO), None, "the link's own");
        assert_eq!(mtus.learn(v4(1), 9000, 1500, LINK_MTU, Instant::ZERO), None);
        mtus.learn(v4(1), 1000, 1500, LINK_MTU, Instant::ZERO);
        assert_eq!(mtus.learn(v4(1), 1000, 1500, LINK_MTU, Instant::from_secs(9)), None);
        assert_eq!(mtus.learn(v4(1), 1400, 1500, LINK_MTU, Instant::from_secs(9)), None);
        assert_eq!(mtus.get(v4(1), LINK_MTU, Instant::from_secs(600)), 1500, "and does not make it last");
        assert_eq!(mtus.learn(v4(1), 1400, 1500, LINK_MTU, Instant::from_secs(600)), Some(1400), "it had expired");
    }

    #[test]
    fn a_report_below_the_minimum_is_the_minimum() {
        let mut mtus = PathMtus::new();
        assert_eq!(mtus.learn(v4(1), 1, 1500, LINK_MTU, Instant::ZERO), Some(552));
        assert_eq!(mtus.learn(v6(), 68, 1500, LINK_MTU, Instant::ZERO), Some(1280));
        assert_eq!(mtus.learn(v4(2), 68, 500, 500, Instant::ZERO), None, "the link carries less than that");
        assert_eq!(mtus.get(v4(1), 500, Instant::ZERO), 500, "nor do ways carry more than the link");
    }

    #[test]
    fn a_router_that_does_not_say_makes_us_try_the_next_plateau() {
        let mut mtus = PathMtus::new();
        for (packet_len, expected) in [(1500, 1492), (1492, 1006), (1006, 552), (552, 552)] {
            mtus.learn(v4(1), 0, packet_len, LINK_MTU, Instant::ZERO);
            assert_eq!(mtus.get(v4(1), LINK_MTU, Instant::ZERO), expected);
        }
        assert_eq!(mtus.learn(v4(2), 0, 65_535, 65_535, Instant::ZERO), Some(32_000));
        assert_eq!(mtus.learn(v4(3), 0, 0, LINK_MTU, Instant::ZERO), Some(552));
    }

    #[test]
    fn a_full_table_forgets_the_oldest() {
        let mut mtus = PathMtus::new();
        for i in 0..=ENTRIES_MAX {
            mtus.learn(v4(i as u8), 1000, 1500, LINK_MTU, Instant::from_secs(i as u64));
        }
        let now = Instant::from_secs(ENTRIES_MAX as u64);
        assert_eq!(mtus.get(v4(0), LINK_MTU, now), 1500);
        assert!((1..=ENTRIES_MAX).all(|i| mtus.get(v4(i as u8), LINK_MTU, now) == 1000));
    }

    proptest! {
        #[test]
        fn the_table_agrees_with_a_map(
            acts in proptest::collection::vec((0..12_u8, 0..2000_u32, 0..1800_usize, 1..200_u64, any::<bool>()), 0..200),
        ) {
            let (mut mtus, mut model, mut now) = (PathMtus::new(), BTreeMap::new(), Instant::ZERO);
            for (last, reported, packet_len, later, is_silent) in acts {
                now = now + Duration::from_secs(later);
                let host = if last == 0 { v6() } else { v4(last) };
                model.retain(|_, (_, expires_at)| now < *expires_at);
                let before = model.get(&host).map_or(LINK_MTU, |(mtu, _)| *mtu);
                let least = if last == 0 { 1280 } else { 552 };
                let silent = [1492, 1006].into_iter().find(|plateau| *plateau < packet_len).unwrap_or(0);
                let mtu = if is_silent { silent } else { (reported as usize).max(1) }.max(least);
                let learned = mtus.learn(host, if is_silent { 0 } else { reported.max(1) }, packet_len, LINK_MTU, now);
                prop_assert_eq!(learned, (mtu < before).then_some(mtu));
                if mtu < before {
                    // As many hosts as there are entries at least, or the oldest goes.
                    if model.len() == ENTRIES_MAX && !model.contains_key(&host) {
                        let oldest = *model.iter().min_by_key(|(_, (_, at))| *at).expect("full").0;
                        model.remove(&oldest);
                    }
                    model.insert(host, (mtu, now + Duration::from_secs(600)));
                }
                prop_assert_eq!(mtus.get(host, LINK_MTU, now), before.min(mtu));
            }
        }
    }
}
