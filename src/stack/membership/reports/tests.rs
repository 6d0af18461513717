//! Do routers hear what they have to, and no more?

use super::*;

extern crate std;
use std::collections::BTreeSet;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

const G4: Ipv4Addr = Ipv4Addr::new(239, 0, 0, 1);
const G6: Ipv6Addr = Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 0, 1);
const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

fn reports(topics: &mut [Topic]) -> Reports<'_> {
    let max = topics.len();
    Reports::new(ManagedSlice::Borrowed(topics), max, 7)
}

/// All that is told until `end`, each with its time.
fn told(reports: &mut Reports<'_>, end: Instant) -> Vec<(Instant, Report)> {
    let mut told = vec![];
    while let Some(at) = reports.next_at().filter(|at| *at <= end) {
        told.push((at, reports.poll(at).expect("it is due")));
    }
    assert_eq!(reports.poll(end), None);
    told
}

fn igmp_query(group: Ipv4Addr, secs: u64) -> igmp::Heard {
    igmp::Heard::Query { group, delay_max: Duration::from_secs(secs) }
}

fn kinds(told: &[(Instant, Report)]) -> Vec<Report> {
    told.iter().map(|(_, report)| *report).collect()
}

#[test]
fn a_join_is_told_at_once_and_once_more() {
    let mut topics = [Topic::EMPTY; 2];
    let mut reports = reports(&mut topics);
    let start = Instant::from_secs(100);
    assert!(reports.join(G4.into(), start));
    let told4 = told(&mut reports, Instant::MAX);
    let report = Report::Igmp(igmp::Kind::Report, G4);
    assert_eq!(kinds(&told4), [report, report]);
    assert_eq!(told4[0].0, start);
    assert!(told4[1].0 > start && told4[1].0 <= start + Duration::from_secs(10));
    assert!(reports.join(G6.into(), start));
    let told6 = told(&mut reports, Instant::MAX);
    let report = Report::Mld(mld::Kind::Join, G6);
    assert_eq!(kinds(&told6), [report, report]);
    assert!(told6[1].0 > start && told6[1].0 <= start + Duration::from_secs(1));
}

#[test]
fn a_leave_is_told_once_in_igmp_and_twice_in_mld() {
    let mut topics = [Topic::EMPTY; 2];
    let mut reports = settled(&mut topics);
    reports.leave(G4.into(), Instant::from_secs(100));
    reports.leave(G6.into(), Instant::from_secs(100));
    let leave6 = Report::Mld(mld::Kind::Leave, G6);
    let all = told(&mut reports, Instant::from_secs(101));
    assert_eq!(kinds(&all), [Report::Igmp(igmp::Kind::Leave, G4), leave6, leave6]);
    assert_eq!(reports.len, 0);
}

#[test]
fn what_nobody_was_told_needs_no_goodbye() {
    let mut topics = [Topic::EMPTY; 2];
    let mut reports = reports(&mut topics);
    for group in [IpAddr::from(G4), G6.into()] {
        reports.join(group, Instant::ZERO);
        reports.leave(group, Instant::ZERO);
    }
    assert_eq!((reports.len, reports.next_at()), (0, None));
    // A goodbye that is not out yet is still owed after a short return.
    reports.join(G6.into(), Instant::ZERO);
    told(&mut reports, Instant::from_secs(5));
    reports.leave(G6.into(), Instant::from_secs(5));
    reports.join(G6.into(), Instant::from_secs(5));
    reports.leave(G6.into(), Instant::from_secs(5));
    assert_eq!(kinds(&told(&mut reports, Instant::MAX)), [Report::Mld(mld::Kind::Leave, G6); 2]);
}

#[test]
fn some_groups_are_never_told_of() {
    let mut topics = [Topic::EMPTY; 0];
    let mut reports = reports(&mut topics);
    for group in ["224.0.0.1", "ff02::1", "ff01::5", "ff00::5", "ff11::5"] {
        let group = group.parse().expect("an address");
        assert!(reports.join(group, Instant::ZERO));
        reports.leave(group, Instant::ZERO);
    }
    assert_eq!(reports.next_at(), None);
    assert!(!reports.join(G4.into(), Instant::ZERO), "there is no room for others");
    assert!(!reports.join("ff02::2".parse().expect("an address"), Instant::ZERO));
}

/// With one member of each family, told of long ago.
fn settled(topics: &mut [Topic]) -> Reports<'_> {
    let mut reports = reports(topics);
    reports.join(G4.into(), Instant::ZERO);
    reports.join(G6.into(), Instant::ZERO);
    told(&mut reports, Instant::from_secs(99));
    reports
}

#[test]
fn queries_are_answered_in_time_and_once() {
    let now = Instant::from_secs(100);
    let other = Ipv4Addr::new(239, 0, 0, 9);
    for (group, is_meant) in [(ANY, true), (G4, true), (other, false)] {
        let mut topics = [Topic::EMPTY; 2];
        let mut reports = settled(&mut topics);
        reports.on_igmp(igmp_query(group, 5), now);
        reports.on_igmp(igmp_query(group, 5), now);
        let all = told(&mut reports, Instant::MAX);
        assert_eq!(all.len(), usize::from(is_meant));
        assert!(all.iter().all(|(at, _)| *at > now && *at <= now + Duration::from_secs(5)));
    }
    for (group, is_meant) in [(Ipv6Addr::UNSPECIFIED, true), (G6, true), (mld::ALL_NODES, false)] {
        let mut topics = [Topic::EMPTY; 2];
        let mut reports = settled(&mut topics);
        reports.on_mld_query(mld::Query { group, delay_max: Duration::from_secs(5) }, now);
        let all = told(&mut reports, now + Duration::from_secs(5));
        let expected: &[Report] = if is_meant { &[Report::Mld(mld::Kind::Present, G6)] } else { &[] };
        assert_eq!(kinds(&all), expected);
    }
}

#[test]
fn a_query_in_a_hurry_shortens_the_wait_and_no_other_lengthens_it() {
    let now = Instant::from_secs(100);
    let mut topics = [Topic::EMPTY; 2];
    let mut reports = settled(&mut topics);
    reports.on_igmp(igmp_query(G4, 1_000_000), now);
    let slow = reports.next_at().expect("an answer");
    reports.on_igmp(igmp_query(G4, 2_000_000), now);
    assert_eq!(reports.next_at(), Some(slow));
    reports.on_igmp(igmp_query(ANY, 1), now);
    assert!(reports.next_at() <= Some(now + Duration::from_secs(1)));
    assert_eq!(told(&mut reports, Instant::MAX).len(), 1);
}

#[test]
fn in_igmp_the_repetition_of_a_join_answers_queries_too() {
    let mut topics = [Topic::EMPTY; 2];
    let mut reports = reports(&mut topics);
    reports.join(G4.into(), Instant::ZERO);
    told(&mut reports, Instant::ZERO);
    let repeats_at = reports.next_at().expect("once more");
    reports.on_igmp(igmp_query(ANY, 20), Instant::ZERO);
    assert_eq!(reports.next_at(), Some(repeats_at));
    let hurry = igmp::Heard::Query { group: G4, delay_max: Duration::from_micros(1) };
    reports.on_igmp(hurry, Instant::ZERO);
    assert_eq!(told(&mut reports, Instant::MAX), [(Instant::from_micros(1), Report::Igmp(igmp::Kind::Report, G4))]);
}

#[test]
fn a_host_whose_group_was_told_by_another_keeps_silent_and_says_no_goodbye() {
    let now = Instant::from_secs(100);
    let mut topics = [Topic::EMPTY; 2];
    let mut reports = settled(&mut topics);
    reports.on_igmp(igmp_query(ANY, 5), now);
    reports.on_igmp(igmp::Heard::Report { group: G4 }, now);
    assert_eq!(reports.next_at(), None);
    reports.leave(G4.into(), now);
    assert_eq!(told(&mut reports, Instant::MAX), []);
    // The repetition of a join is not needed then either, but the join itself is.
    reports.join(G4.into(), now);
    reports.on_igmp(igmp::Heard::Report { group: G4 }, now);
    assert_eq!(told(&mut reports, now).len(), 1);
    reports.on_igmp(igmp::Heard::Report { group: G4 }, now);
    assert_eq!(told(&mut reports, Instant::MAX), []);
}

#[test]
fn a_router_of_igmpv1_is_told_in_its_own_words_for_400_seconds() {
    let now = Instant::from_secs(100);
    let mut topics = [Topic::EMPTY; 2];
    let mut reports = settled(&mut topics);
    reports.on_igmp(igmp::Heard::QueryV1, now);
    let all = told(&mut reports, now + Duration::from_secs(10));
    assert_eq!(kinds(&all), [Report::Igmp(igmp::Kind::ReportV1, G4)]);
    reports.on_igmp(igmp_query(ANY, 1), now + Duration::from_secs(400));
    let all = told(&mut reports, now + Duration::from_secs(401));
    assert_eq!(kinds(&all), [Report::Igmp(igmp::Kind::Report, G4)]);
    reports.on_igmp(igmp::Heard::QueryV1, now + Duration::from_secs(500));
    told(&mut reports, now + Duration::from_secs(510));
    reports.leave(G4.into(), now + Duration::from_secs(510));
    assert_eq!(reports.next_at(), None, "it does not know goodbyes");
    reports.leave(G6.into(), now + Duration::from_secs(510));
    assert_eq!(told(&mut reports, Instant::MAX).len(), 2, "which is nothing to MLD");
}

#[test]
fn a_group_that_was_left_makes_room() {
    let mut topics = [Topic::EMPTY; 1];
    let mut reports = reports(&mut topics);
    reports.join(G6.into(), Instant::ZERO);
    told(&mut reports, Instant::from_secs(9));
    assert!(!reports.join(G4.into(), Instant::from_secs(9)));
    reports.leave(G6.into(), Instant::from_secs(9));
    assert!(reports.join(G4.into(), Instant::from_secs(9)));
    assert!(matches!(kinds(&told(&mut reports, Instant::MAX))[..], [Report::Igmp(..), Report::Igmp(..)]));
}

#[test]
fn delays_differ_by_seed() {
    let second = |seed| {
        let mut topics = [Topic::EMPTY; 1];
        let mut reports = Reports::new(ManagedSlice::Borrowed(&mut topics), 1, seed);
        reports.join(G4.into(), Instant::ZERO);
        told(&mut reports, Instant::MAX)[1].0
    };
    let all: BTreeSet<Instant> = (0..100).map(second).collect();
    assert!(all.len() > 95);
    assert!(all.first() < Some(&Instant::from_secs(1)) && all.last() > Some(&Instant::from_secs(9)));
}

proptest! {
    /// A router that hears everything, on a link without other hosts.
    #[test]
    fn a_router_knows_the_members_in_the_end(
        acts in proptest::collection::vec((0..6_u8, 0..8_u8, 0..3_000_000_u64), 0..120),
        seed: u64,
        is_growing: bool,
    ) {
        let mut topics = vec![Topic::EMPTY; 8];
        let mut reports = Reports::new(ManagedSlice::Borrowed(&mut topics), 8, seed);
        #[cfg(feature = "alloc")]
        if is_growing {
            reports = Reports::new(ManagedSlice::Owned(vec![]), 8, seed);
        }
        let _ = is_growing;
        let group = |last: u8| match last % 2 {
            0 => IpAddr::from([239, 0, 0, last]),
            _ => IpAddr::from([0xff02, 0, 0, 0, 0, 0, 1, last.into()]),
        };
        let (mut members, mut known): (BTreeSet<IpAddr>, BTreeSet<IpAddr>) = Default::default();
        let mut now = Instant::ZERO;
        let hear = |known: &mut BTreeSet<IpAddr>, members: &BTreeSet<IpAddr>, all: Vec<(Instant, Report)>| {
            for (_, report) in all {
                let (group, is_member) = match report {
                    Report::Igmp(kind, group) => (IpAddr::from(group), kind != igmp::Kind::Leave),
                    Report::Mld(kind, group) => (IpAddr::from(group), kind != mld::Kind::Leave),
                };
                assert_eq!(members.contains(&group), is_member, "{group}: what is told is true");
                let _ = if is_member { known.insert(group) } else { known.remove(&group) };
            }
        };
        for (act, last, micros) in acts {
            let group = group(last);
            match act {
                0..=1 => if members.insert(group) {
                    assert!(reports.join(group, now));
                },
                2..=3 => if members.remove(&group) {
                    reports.leave(group, now);
                },
                4 => reports.on_igmp(igmp_query(ANY, 3), now),
                _ => {
                    let group = Ipv6Addr::UNSPECIFIED;
                    reports.on_mld_query(mld::Query { group, delay_max: Duration::from_secs(3) }, now);
                }
            }
            now = now + Duration::from_micros(micros);
            // A device that is sometimes busy: nothing is polled for a while.
            if micros % 3 > 0 {
                hear(&mut known, &members, told(&mut reports, now));
            }
        }
        hear(&mut known, &members, told(&mut reports, Instant::MAX));
        prop_assert_eq!(&known, &members);
        prop_assert_eq!(reports.len, members.len());
        // Every member is there for a new router within the time it gives.
        reports.on_igmp(igmp_query(ANY, 3), now);
        let group = Ipv6Addr::UNSPECIFIED;
        reports.on_mld_query(mld::Query { group, delay_max: Duration::from_secs(3) }, now);
        let all = told(&mut reports, now + Duration::from_secs(3));
        prop_assert_eq!(all.len(), members.len());
    }
}
