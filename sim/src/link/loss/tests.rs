//! Does a cable lose what it was asked to lose, in bursts of the right length?

use super::*;

const FRAMES: u64 = 1_000_000;

/// Which of the first million frames are lost.
fn lost(loss: Loss) -> Vec<bool> {
    let dice = Dice::from_seed(7).child("ab");
    let mut losses = Losses::default();
    (0..FRAMES).map(|nth| losses.takes(&dice, nth, loss)).collect()
}

fn bursts(good_to_bad_ppm: u32, bad_to_good_ppm: u32, loss_good_ppm: u32, loss_bad_ppm: u32) -> Loss {
    Loss::GilbertElliott { good_to_bad_ppm, bad_to_good_ppm, loss_good_ppm, loss_bad_ppm }
}

/// The lengths of runs of `what`, without the first and the last, which are cut off.
fn runs(lost: &[bool], what: bool) -> Vec<u64> {
    let mut runs: Vec<(bool, u64)> = Vec::new();
    for is_lost in lost {
        match runs.last_mut() {
            Some((same, count)) if same == is_lost => *count += 1,
            _ => runs.push((*is_lost, 1)),
        }
    }
    let whole = &runs[1..runs.len() - 1];
    whole.iter().filter(|(is_lost, _)| *is_lost == what).map(|(_, count)| *count).collect()
}

/// Runs that end after each frame with `end_ppm` in a million: mean, and how many are at least so long, within 5 sigma.
fn assert_geometric(runs: &[u64], end_ppm: u32) {
    let (count, p) = (runs.len() as f64, f64::from(end_ppm) / 1e6);
    let mean = runs.iter().sum::<u64>() as f64 / count;
    let sigma = ((1.0 - p) / (p * p) / count).sqrt();
    assert!((mean - 1.0 / p).abs() < 5.0 * sigma, "mean {mean} instead of {}", 1.0 / p);
    for length in [2, 3, 5, 10] {
        let share = runs.iter().filter(|run| **run >= length).count() as f64 / count;
        let expected = (1.0 - p).powi(length as i32 - 1);
        let sigma = (expected * (1.0 - expected) / count).sqrt();
        assert!((share - expected).abs() < 5.0 * sigma, "{share} of the runs are {length} long, not {expected}");
    }
}

#[test]
fn bursts_and_the_gaps_between_them_have_the_lengths_asked_for() {
    let lost = lost(bursts(10_000, 200_000, 0, 1_000_000));
    let bursts = runs(&lost, true);
    // A gap of 100 frames and a burst of 5: 9,524 times in a million.
    assert!((9_000..10_050).contains(&bursts.len()), "{} bursts", bursts.len());
    assert_geometric(&bursts, 200_000);
    assert_geometric(&runs(&lost, false), 10_000);
}

#[test]
fn both_states_lose_at_their_own_rate() {
    let lost = lost(bursts(10_000, 200_000, 2_000, 500_000));
    // Bad for 1 frame in 21. Neighbours are alike by 0.79, which widens the deviation of the count by 8.5 (squared).
    let bad = 1.0 / 21.0;
    let rate = lost.iter().filter(|is_lost| **is_lost).count() as f64 / FRAMES as f64;
    let expected = (1.0 - bad) * 0.002 + bad * 0.5;
    let sigma = (0.25 * bad * (1.0 - bad) * 8.6 / FRAMES as f64 + expected / FRAMES as f64).sqrt();
    assert!((rate - expected).abs() < 5.0 * sigma, "{rate} instead of {expected}");
    // Two in a row: both frames find the same state, or the state changes between them; losses are rolled apart from it.
    let pairs = lost.windows(2).filter(|pair| pair[0] && pair[1]).count() as f64 / FRAMES as f64;
    let in_bad = bad * 0.5 * (0.8 * 0.5 + 0.2 * 0.002);
    let in_good = (1.0 - bad) * 0.002 * (0.99 * 0.002 + 0.01 * 0.5);
    let expected = in_bad + in_good;
    assert!((pairs - expected).abs() < 0.05 * expected, "{pairs} pairs instead of {expected}");
}

#[test]
fn a_cable_is_good_at_first_and_a_frame_meets_the_state_it_finds() {
    let lost = lost(bursts(1_000_000, 1_000_000, 0, 1_000_000));
    assert_eq!(lost[..6], [false, true, false, true, false, true]);
}

#[test]
fn with_equal_states_bursts_are_plain_losses() {
    assert_eq!(lost(bursts(30_000, 30_000, 50_000, 50_000)), lost(Loss::Bernoulli { ppm: 50_000 }));
}
