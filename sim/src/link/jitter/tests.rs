//! Is the lateness of frames spread as its formula says?

use super::*;

const FRAMES: u64 = 1_000_000;

/// The lateness of a million frames, sorted.
fn lateness(ns: u64, shape: Shape) -> Vec<u64> {
    let dice = Dice::from_seed(7).child("ab");
    let mut all: Vec<u64> = (0..FRAMES).map(|nth| Jitter { ns, shape }.late_ns(&dice, nth)).collect();
    all.sort_unstable();
    all
}

/// `mean`, `sigma` and `quantiles` are parts of the scale. A count of frames below a quantile is binomial: 5 of its
/// standard deviations.
fn assert_spread(shape: Shape, mean: f64, sigma: f64, quantiles: [(f64, f64); 5]) {
    const NS: u64 = 20_000_000;
    let all = lateness(NS, shape);
    let parts: Vec<f64> = all.iter().map(|late_ns| *late_ns as f64 / NS as f64).collect();
    let count = FRAMES as f64;
    let found = parts.iter().sum::<f64>() / count;
    assert!((found - mean).abs() < 5.0 * sigma / count.sqrt(), "{shape:?}: mean {found} instead of {mean}");
    for (share, at) in quantiles {
        let below = parts.partition_point(|part| *part <= at) as f64;
        let deviation = (share * (1.0 - share) * count).sqrt();
        assert!(
            (below - share * count).abs() < 5.0 * deviation,
            "{shape:?}: {below} frames below {at}, {share} expected"
        );
    }
}

#[test]
fn uniform_lateness_has_its_mean_and_quantiles() {
    let quantiles = [0.01, 0.1, 0.5, 0.9, 0.99].map(|share| (share, share));
    assert_spread(Shape::Uniform, 0.5, 1.0 / 12.0_f64.sqrt(), quantiles);
}

#[test]
fn normal_lateness_has_its_mean_and_quantiles() {
    // By `statistics.NormalDist` of Python, cut off at three standard deviations.
    let quantiles = [
        (0.01, 0.120_107_020_482_684_85),
        (0.1, 0.287_429_629_422_070_3),
        (0.5, 0.5),
        (0.9, 0.712_570_370_577_927_9),
        (0.99, 0.879_892_979_517_315_6),
    ];
    assert_spread(Shape::Normal, 0.5, 0.164_429_732, quantiles);
    let all = lateness(6_000, Shape::Normal);
    let mean = all.iter().sum::<u64>() as f64 / FRAMES as f64;
    let variance = all.iter().map(|late| (*late as f64 - mean).powi(2)).sum::<f64>() / FRAMES as f64;
    assert!((variance.sqrt() - 986.58).abs() < 5.0, "standard deviation {}", variance.sqrt());
    assert!(all[0] < 100 && all[FRAMES as usize - 1] > 5_900 && all[FRAMES as usize - 1] <= 6_000);
}

#[test]
fn pareto_lateness_has_its_mean_quantiles_and_tail() {
    let at = |share: f64| (share, (1.0 - share).powf(-1.0 / 3.0) - 1.0);
    assert_spread(Shape::Pareto, 0.5, 0.75_f64.sqrt(), [0.01, 0.1, 0.5, 0.9, 0.99].map(at));
    // The tail, from which the table is used a second and a third time.
    assert_spread(Shape::Pareto, 0.5, 0.75_f64.sqrt(), [0.995, 0.997, 0.999, 0.9999, 0.99999].map(at));
}

#[test]
fn no_roll_gives_more_than_the_documented_maximum() {
    assert_eq!(between(&NORMAL, 0), 0);
    assert!(between(&NORMAL, u64::MAX) <= 1 << 32);
    assert_eq!(pareto(0), 0);
    assert_eq!(pareto(u64::MAX) >> 32, 811);
    assert_eq!(scale(u64::MAX, u64::MAX), u64::MAX);
    let ordered: Vec<u64> = (0..1 << 16).map(|n: u64| pareto(n << 48)).collect();
    assert!(ordered.is_sorted(), "the tables join");
}

/// The area under the bell from -3 to `z`, by Simpson's rule.
fn area(z: f64) -> f64 {
    const STEPS: usize = 4_000;
    let bell = |x: f64| (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let width = (z + 3.0) / STEPS as f64;
    let inner: f64 = (1..STEPS).map(|i| bell(-3.0 + width * i as f64) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
    (bell(-3.0) + bell(z) + inner) * width / 3.0
}

#[test]
fn the_tables_are_what_their_formulas_say() {
    let unit = (1_u64 << 32) as f64;
    let whole = area(3.0);
    for (i, knot) in NORMAL.into_iter().enumerate() {
        let share = area(knot as f64 / unit * 6.0 - 3.0) / whole;
        assert!((share - i as f64 / 256.0).abs() < 1e-9, "entry {i}: {share}");
    }
    for (i, knot) in PARETO.into_iter().enumerate() {
        let share = if i == 256 { 511.0 / 512.0 } else { i as f64 / 256.0 };
        let expected = ((1.0 - share).powf(-1.0 / 3.0) - 1.0) * unit;
        assert!((knot as f64 - expected).abs() < 1.0, "entry {i}: {knot}");
    }
    assert_eq!(TAIL_WIDTH as f64, (16.0_f64.powf(1.0 / 3.0) * unit).round());
}
