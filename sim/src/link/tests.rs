//! Does a link do what its numbers say?

use super::*;
use crate::trace::{Arrival, Corruption};

const FRAMES: u64 = 1_000_000;

/// An IPv4 header and 4 bytes: the smallest thing that can be corrupted.
const PACKET: [u8; 24] = {
    let mut packet = [0; 24];
    packet[0] = 0x45;
    packet[3] = 24;
    packet
};

fn link(impairments: Impairments) -> Link {
    let mut link = Cable::new("ab", Medium::Ip, 7).forward;
    link.set_impairments(impairments).expect("in range");
    link
}

fn at_frame(nth: u64, act: Act) -> Fault {
    Fault { when: When::Frame(nth), act }
}

fn flip(byte: usize, bit: u8) -> Act {
    Act::Corrupt { byte, bit, mend: false }
}

fn scripted(faults: &[(u64, Act)]) -> Link {
    let mut link = link(Impairments::default());
    link.add_faults(faults.iter().map(|(nth, act)| at_frame(*nth, *act)).collect());
    link
}

/// Sends `count` packets, one every microsecond.
fn fates(link: &mut Link, count: u64) -> impl Iterator<Item = (Time, Fate)> {
    (0..count).map(|n| {
        let now = Time::from_micros(n);
        (now, link.send(now, &PACKET))
    })
}

/// How many of a million frames `is_hit` counts has to be within 5 standard deviations of `ppm`.
fn assert_rate(impairments: Impairments, ppm: u32, is_hit: impl Fn(Time, &Fate) -> bool) {
    let mut link = link(impairments);
    let hits = fates(&mut link, FRAMES).filter(|(now, fate)| is_hit(*now, fate)).count() as u64;
    let expected = u64::from(ppm);
    let variance = expected * (FRAMES - expected) / FRAMES;
    let off = hits.abs_diff(expected);
    assert!(off <= 5 * (variance.isqrt() + 1), "{hits} instead of {expected}: {impairments:?}");
}

#[test]
fn a_perfect_cable_changes_nothing_and_takes_no_time() {
    let mut link = link(Impairments::default());
    for (now, fate) in fates(&mut link, 1_000) {
        assert_eq!(fate, Fate::arrives(vec![Arrival::intact(now)], 0));
    }
    assert_eq!(link.frames(), 1_000);
}

#[test]
fn frames_are_lost_at_the_given_rate() {
    for loss_ppm in [1_000, 50_000, 500_000] {
        let impairments = Impairments { loss: Loss::Bernoulli { ppm: loss_ppm }, ..Impairments::default() };
        assert_rate(impairments, loss_ppm, |_, fate| fate.drop == Some(DropReason::Loss));
    }
}

#[test]
fn frames_are_duplicated_at_the_given_rate() {
    let impairments = Impairments { duplicate_ppm: 20_000, ..Impairments::default() };
    assert_rate(impairments, 20_000, |now, fate| {
        let copy = Arrival { duplicate: true, ..Arrival::intact(now) };
        fate.copies == [Arrival::intact(now), copy]
    });
}

#[test]
fn frames_are_held_back_at_the_given_rate() {
    let impairments =
        Impairments { delay_ns: 500, reorder_ppm: 30_000, reorder_delay_ns: 4_000, ..Impairments::default() };
    assert_rate(impairments, 30_000, |now, fate| {
        let Arrival { at, reordered_ns, .. } = fate.copies[0];
        assert_eq!(at, now.after_ns(500 + reordered_ns));
        reordered_ns == 4_000
    });
}

#[test]
fn one_bit_of_a_copy_is_flipped_at_the_given_rate() {
    let impairments = Impairments { corrupt_ppm: 40_000, ..Impairments::default() };
    assert_rate(impairments, 40_000, |_, fate| match &fate.copies[..] {
        [Arrival { corrupted, bytes: Some(bytes), .. }] => {
            let flipped: u32 = PACKET.iter().zip(bytes).map(|(a, b)| (a ^ b).count_ones()).sum();
            assert_eq!((flipped, corrupted.len()), (1, 1));
            true
        }
        [intact] => {
            assert_eq!((&intact.corrupted[..], &intact.bytes), (&[][..], &None));
            false
        }
        copies => panic!("{copies:?}"),
    });
}

#[test]
fn every_bit_is_corrupted_equally_often() {
    let mut link = link(Impairments { corrupt_ppm: 1_000_000, ..Impairments::default() });
    let mut counts = [0_u64; PACKET.len() * 8];
    for (_, fate) in fates(&mut link, FRAMES) {
        let Corruption { byte, bit, .. } = fate.copies[0].corrupted[0];
        counts[byte * 8 + usize::from(bit)] += 1;
    }
    // 192 bits, 191 degrees of freedom: sigma 19.5.
    let sum: u64 = counts.iter().map(|count| (count * 192).abs_diff(FRAMES).pow(2)).sum();
    let chi_square = sum / 192 / FRAMES;
    assert!((93..=289).contains(&chi_square), "{chi_square}");
}

#[test]
fn both_copies_of_a_frame_are_corrupted_independently() {
    let impairments = Impairments { duplicate_ppm: 1_000_000, corrupt_ppm: 200_000, ..Impairments::default() };
    let is_corrupt = |fate: &Fate, copy: usize| fate.copies[copy].bytes.is_some();
    assert_rate(impairments, 200_000, |_, fate| is_corrupt(fate, 1));
    assert_rate(impairments, 40_000, |_, fate| is_corrupt(fate, 0) && is_corrupt(fate, 1));
}

#[test]
fn jitter_is_uniform_and_only_adds() {
    let mut link = link(Impairments { delay_ns: 1_000, jitter: Jitter::uniform(99), ..Impairments::default() });
    let mut counts = [0_u64; 100];
    for (now, fate) in fates(&mut link, FRAMES) {
        let late_ns = fate.copies[0].at.ns_since(now) - 1_000;
        counts[late_ns as usize] += 1;
        assert_eq!(fate.copies[0].reordered_ns, 0);
    }
    // 99 degrees of freedom: sigma 14.
    let sum: u64 = counts.iter().map(|count| (count * 100).abs_diff(FRAMES).pow(2)).sum();
    let chi_square = sum / 100 / FRAMES;
    assert!((29..=170).contains(&chi_square), "{chi_square}");
}

#[test]
fn impairments_strike_independently() {
    let impairments = Impairments {
        loss: Loss::Bernoulli { ppm: 100_000 },
        reorder_ppm: 100_000,
        reorder_delay_ns: 1,
        duplicate_ppm: 100_000,
        ..Impairments::default()
    };
    assert_rate(impairments, 900_000 / 10, |_, fate| fate.copies.first().is_some_and(|copy| copy.reordered_ns > 0));
    assert_rate(impairments, 9_000, |_, fate| fate.copies.len() == 2 && fate.copies[0].reordered_ns > 0);
}

#[test]
fn rate_and_delay_are_exact_to_the_nanosecond() {
    // 24 bytes at 1 Mbit/s take 192 µs; one frame every µs, so that each waits for all before it.
    let mut link = link(Impairments { rate_bps: 1_000_000, delay_ns: 7_000_001, ..Impairments::default() });
    for (n, (now, fate)) in (0..1_000).zip(fates(&mut link, 1_000)) {
        let end_ns = (n + 1) * 192_000;
        assert_eq!(fate.copies[0].at, Time::from_nanos(end_ns + 7_000_001));
        assert_eq!(fate.queued_ns, end_ns - 192_000 - now.as_nanos());
    }
}

#[test]
fn a_burst_beyond_the_queue_is_cut_at_its_tail() {
    let mut link = link(Impairments { rate_bps: 1_000_000, queue: Queue::of_frames(3), ..Impairments::default() });
    let drops: Vec<_> = (0..6).map(|_| link.send(Time::ZERO, &PACKET).drop).collect();
    let full = Some(DropReason::QueueFull);
    assert_eq!(drops, [None, None, None, None, full, full], "one is being sent, three wait");
    assert_eq!(link.queued_frames(Time::ZERO), 3);
    assert_eq!(link.send(Time::from_micros(192), &PACKET).queued_ns, 3 * 192_000);
}

#[test]
fn without_jitter_and_reordering_frames_stay_in_order() {
    let mut link = link(Impairments {
        loss: Loss::Bernoulli { ppm: 100_000 },
        rate_bps: 200_000_000,
        queue: Queue::of_frames(10),
        delay_ns: 20_000_000,
        duplicate_ppm: 100_000,
        corrupt_ppm: 100_000,
        ..Impairments::default()
    });
    let mut last = Time::ZERO;
    for (now, fate) in fates(&mut link, 100_000) {
        for copy in &fate.copies {
            assert!(copy.at >= last && copy.at >= now.after_ns(20_000_000), "{now}: {fate:?}");
            last = copy.at;
        }
    }
}

#[test]
fn packets_above_the_mtu_are_dropped_and_the_ethernet_header_is_not_counted() {
    let mut cable = Cable::new("ab", Medium::Ethernet, 7);
    let link = cable.link_mut(Direction::Forward);
    link.set_impairments(Impairments { mtu_bytes: Some(1_500), ..Impairments::default() }).expect("in range");
    assert_eq!(link.send(Time::ZERO, &[0; 1_514]).drop, None);
    assert_eq!(link.send(Time::ZERO, &[0; 1_515]).drop, Some(DropReason::Mtu));
    assert_eq!(link.send(Time::ZERO, &[]).drop, None);
}

#[test]
fn scripted_faults_hit_their_frame_and_no_other() {
    let mut link = scripted(&[(5, flip(23, 7)), (2, Act::Drop), (3, Act::Duplicate), (4, Act::Delay(320))]);
    let mut fates: Vec<Fate> = (0..7).map(|_| link.send(Time::ZERO, &PACKET)).collect();
    let intact = Fate::arrives(vec![Arrival::intact(Time::ZERO)], 0);
    for n in [0, 1, 6] {
        assert_eq!(fates[n], intact, "{n}");
    }
    assert_eq!(fates[2], Fate::dropped(DropReason::Scripted));
    assert_eq!(fates[3].copies.iter().map(|copy| copy.duplicate).collect::<Vec<_>>(), [false, true]);
    assert_eq!((fates[4].copies[0].at, fates[4].copies[0].reordered_ns), (Time::from_nanos(320), 320));
    let corrupted = fates.swap_remove(5).copies.remove(0);
    assert_eq!(corrupted.corrupted, [Corruption { byte: 23, bit: 7, is_mended: false }]);
    assert_eq!(corrupted.bytes.expect("it differs")[23], 0x80);
    assert_eq!(link.unfired().count(), 0);
}

#[test]
fn several_faults_of_one_frame_add_up() {
    let mut link = scripted(&[
        (0, Act::Duplicate),
        (0, Act::Duplicate),
        (0, Act::Delay(1)),
        (0, Act::Delay(2)),
        (0, flip(0, 0)),
        (0, flip(1, 1)),
    ]);
    let fate = link.send(Time::ZERO, &PACKET);
    assert_eq!(fate.copies.len(), 3);
    assert!(fate.copies.iter().all(|copy| copy.at == Time::from_nanos(3)));
    assert_eq!(fate.copies[0].corrupted.len(), 2);
    assert!(fate.copies[1..].iter().all(|copy| copy.bytes.is_none()), "the copies are intact");
}

#[test]
fn a_bit_that_is_flipped_back_arrives_as_sent() {
    let corrupt = flip(1, 1);
    let copy = scripted(&[(0, corrupt), (0, corrupt)]).send(Time::ZERO, &PACKET).copies.remove(0);
    assert_eq!((copy.corrupted.len(), copy.bytes), (2, None));
}

#[test]
fn a_fault_without_effect_is_reported() {
    let faults = [
        (0, flip(PACKET.len(), 0)),
        (0, flip(0, 8)),
        (1, Act::Drop),
        (1, Act::Delay(5)),
        (2, Act::Delay(5)),
        (9, Act::Drop),
    ];
    let mut cable = Cable::new("ab", Medium::Ip, 7);
    cable.back = scripted(&faults);
    for is_up in [true, true, false] {
        cable.set_up(is_up);
        cable.link_mut(Direction::Back).send(Time::ZERO, &PACKET);
    }
    let expected = [0, 1, 3, 4, 5].map(|i: usize| (Direction::Back, at_frame(faults[i].0, faults[i].1)));
    assert_eq!(cable.unfired().collect::<Vec<_>>(), expected);
}

#[test]
fn a_script_set_late_does_not_reach_back() {
    let mut link = link(Impairments::default());
    link.send(Time::ZERO, &PACKET);
    link.add_faults(vec![at_frame(0, Act::Drop), at_frame(1, Act::Drop)]);
    assert_eq!(link.send(Time::ZERO, &PACKET).drop, Some(DropReason::Scripted));
    assert_eq!(link.unfired().collect::<Vec<_>>(), [at_frame(0, Act::Drop)]);
}

#[test]
fn an_unplugged_cable_drops_and_a_plugged_one_carries_on() {
    let mut cable = Cable::new("ab", Medium::Ip, 7);
    cable.set_up(false);
    for direction in [Direction::Forward, Direction::Back] {
        assert_eq!(cable.link_mut(direction).send(Time::ZERO, &PACKET).drop, Some(DropReason::LinkDown));
    }
    cable.set_up(true);
    assert_eq!(cable.link_mut(Direction::Back).send(Time::ZERO, &PACKET).drop, None);
    assert_eq!(cable.link(Direction::Back).frames(), 2, "the dropped one counts");
}

#[test]
fn one_impairment_does_not_change_where_another_strikes() {
    let loss = Impairments { loss: Loss::Bernoulli { ppm: 50_000 }, ..Impairments::default() };
    let more =
        Impairments { jitter: Jitter::uniform(500), duplicate_ppm: 50_000, corrupt_ppm: 50_000, delay_ns: 9, ..loss };
    let lost = |impairments| -> Vec<bool> {
        let mut link = link(impairments);
        // A scripted fault adds no roll either.
        link.add_faults(vec![at_frame(3, Act::Duplicate)]);
        fates(&mut link, 10_000).map(|(_, fate)| fate.drop.is_some()).collect()
    };
    assert_eq!(lost(loss), lost(more));
}

#[test]
fn directions_cables_and_seeds_have_faults_of_their_own_and_the_same_each_time() {
    let lost = |name, seed, direction| -> Vec<u64> {
        let mut cable = Cable::new(name, Medium::Ip, seed);
        let link = cable.link_mut(direction);
        link.set_impairments(Impairments { loss: Loss::Bernoulli { ppm: 100_000 }, ..Impairments::default() })
            .expect("in range");
        (0..1_000).filter(|_| link.send(Time::ZERO, &PACKET).drop.is_some()).collect()
    };
    let all = || {
        [
            lost("ab", 7, Direction::Forward),
            lost("ab", 7, Direction::Back),
            lost("ac", 7, Direction::Forward),
            lost("ab", 8, Direction::Forward),
        ]
    };
    let (once, twice) = (all(), all());
    assert_eq!(once, twice);
    for (i, faults) in once.iter().enumerate() {
        assert!(once[..i].iter().all(|other| other != faults), "{i}");
    }
}

#[test]
fn a_rate_above_a_million_is_refused_by_name() {
    let mut link = link(Impairments::default());
    let refused = link.set_impairments(Impairments { reorder_ppm: 1_000_001, ..Impairments::default() });
    let message = refused.expect_err("too high").to_string();
    assert_eq!(message, "reorder_ppm is 1000001; it counts frames in a million and is at most 1000000");
    assert_eq!(*link.impairments(), Impairments::default());
}

#[test]
fn impairments_and_faults_survive_json() {
    let impairments: Impairments =
        serde_json::from_str(r#"{"loss": {"bernoulli": {"ppm": 5}}, "mtu_bytes": 1280}"#).expect("valid");
    assert_eq!(
        impairments,
        Impairments { loss: Loss::Bernoulli { ppm: 5 }, mtu_bytes: Some(1_280), ..Impairments::default() }
    );
    let text = serde_json::to_string(&impairments).expect("plain data");
    assert_eq!(serde_json::from_str::<Impairments>(&text).expect("own output"), impairments);
    assert!(serde_json::from_str::<Impairments>(r#"{"los_ppm": 5}"#).is_err());
    let acts = r#"["drop","duplicate",{"delay_ns":5},{"corrupt":{"byte":60,"bit":2,"mend":false}}]"#;
    let parsed = [Act::Drop, Act::Duplicate, Act::Delay(5), flip(60, 2)];
    assert_eq!(serde_json::from_str::<Vec<Act>>(acts).expect("valid"), parsed);
    assert_eq!(serde_json::to_string(&parsed).expect("plain data"), acts);
}
