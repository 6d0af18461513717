//! What do the dice say about this frame?

/// Dice whose every roll is a function of a key, a named [`Stream`] and a number, and of nothing else.
///
/// There is no state: whether frame 7 is lost does not depend on what was rolled for frames 0 to 6, so that taking one
/// frame or one impairment out of a run leaves all other decisions as they were. The key is made from the scenario's
/// seed by [`child`](Dice::child): `Dice::from_seed(7).child("link").child("ab")`.
///
/// Integers only; the values are part of what a seed means and do not change between versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dice {
    key: u64,
}

/// What a roll decides. Each has rolls of its own: switching one impairment on does not change another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Is the frame lost?
    Loss,
    /// By how much is it late?
    Jitter,
    /// Is it held back, so that later frames overtake it?
    Reorder,
    /// Does the network make a copy of it?
    Duplicate,
    /// Is a bit of this copy flipped (0 is the original)?
    Corrupt {
        /// Which copy.
        copy: u32,
    },
    /// Which bit of this copy?
    CorruptBit {
        /// Which copy.
        copy: u32,
    },
    /// The seed of a host's stack.
    Host,
    /// What applications and workloads roll.
    Application,
    /// Generated faults and scenarios.
    Scenario,
    /// Does a cable that loses in bursts change its state after this frame?
    Burst,
}

/// One million: all frames.
pub const PPM: u32 = 1_000_000;

/// The odd constant of SplitMix64: 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dice {
    /// Dice for everything that depends on `seed`; any value is as good as any other.
    pub const fn from_seed(seed: u64) -> Dice {
        Dice { key: mix(seed.wrapping_add(GOLDEN)) }
    }

    /// Dice for the part called `label` of what these dice are for.
    pub fn child(self, label: &str) -> Dice {
        // Length first, so that no two lists of labels run into each other.
        let key = absorb(self.key, label.len() as u64);
        let key = label.as_bytes().chunks(8).fold(key, |key, chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            absorb(key, u64::from_le_bytes(word))
        });
        Dice { key }
    }

    /// 64 random bits for number `n` of `stream`.
    pub const fn roll(&self, stream: Stream, n: u64) -> u64 {
        absorb(absorb(self.key, stream.number()), n)
    }

    /// Is number `n` of `stream` among the `ppm` in a million that are hit? Above a million: always.
    ///
    /// What is hit at some rate is hit at every higher rate too.
    pub const fn hits(&self, stream: Stream, n: u64, ppm: u32) -> bool {
        // Most streams of most cables: nothing to roll for.
        ppm > 0 && self.below(stream, n, PPM as u64) < ppm as u64
    }

    /// A number from 0 to `bound - 1` for number `n` of `stream`; 0 if `bound` is 0.
    ///
    /// The high half of a product instead of a remainder: no value is likelier than another by more than `bound` in 2^64.
    pub const fn below(&self, stream: Stream, n: u64, bound: u64) -> u64 {
        ((self.roll(stream, n) as u128 * bound as u128) >> 64) as u64
    }

    /// Sixteen random bytes for number `n` of `stream`, never all zero: the seed of a stack.
    pub fn seed_bytes(&self, stream: Stream, n: u64) -> [u8; 16] {
        let low = self.roll(stream, n);
        let high = absorb(low, n);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&low.to_le_bytes());
        bytes[8..].copy_from_slice(&high.to_le_bytes());
        bytes[0] |= u8::from(low == 0 && high == 0);
        bytes
    }
}

impl Stream {
    /// The number behind the name; fixed for ever.
    const fn number(self) -> u64 {
        match self {
            Stream::Loss => 1,
            Stream::Jitter => 2,
            Stream::Reorder => 3,
            Stream::Duplicate => 4,
            Stream::Corrupt { copy } => 5 | (copy as u64) << 32,
            Stream::CorruptBit { copy } => 6 | (copy as u64) << 32,
            Stream::Host => 7,
            Stream::Application => 8,
            Stream::Scenario => 9,
            Stream::Burst => 10,
        }
    }
}

/// Takes `word` into `key`; for one key different words give different results.
const fn absorb(key: u64, word: u64) -> u64 {
    mix(key ^ mix(word.wrapping_add(GOLDEN)))
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014; David Stafford's variant 13): a bijection in which each
/// bit of the input turns over each bit of the output half of the time.
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: u64 = 1_000_000;

    fn dice() -> Dice {
        Dice::from_seed(7).child("link").child("ab").child("forward")
    }

    /// Every stream that a link rolls for its first frames.
    const STREAMS: [Stream; 7] = [
        Stream::Loss,
        Stream::Jitter,
        Stream::Reorder,
        Stream::Duplicate,
        Stream::Corrupt { copy: 0 },
        Stream::CorruptBit { copy: 1 },
        Stream::Burst,
    ];

    /// The largest distance from `expected` that a fair die shows: 5 standard deviations of a binomial count.
    fn five_sigma(draws: u64, hits: u64) -> u64 {
        let variance = hits - hits * hits / draws;
        5 * (variance.isqrt() + 1)
    }

    #[test]
    fn finaliser_is_the_published_one() {
        // SplitMix64 with seed 1234567, first outputs of the reference implementation.
        let mut state = 1_234_567_u64;
        let outputs = core::array::from_fn::<u64, 5, _>(|_| {
            state = state.wrapping_add(GOLDEN);
            mix(state)
        });
        let published =
            [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821];
        assert_eq!(outputs, published);
    }

    #[test]
    fn every_bit_of_a_roll_is_set_half_of_the_time() {
        for stream in STREAMS {
            let mut ones = [0_u64; 64];
            for n in 0..DRAWS {
                let roll = dice().roll(stream, n);
                for (bit, count) in ones.iter_mut().enumerate() {
                    *count += roll >> bit & 1;
                }
            }
            for (bit, count) in ones.into_iter().enumerate() {
                let off = count.abs_diff(DRAWS / 2);
                assert!(off <= five_sigma(DRAWS, DRAWS / 2), "{stream:?} bit {bit}: {count} ones");
            }
        }
    }

    #[test]
    fn bounded_rolls_fill_every_value_equally() {
        // 1,000 values, 999 degrees of freedom: chi-square has mean 999 and sigma 44.7; 5 sigma is 223.
        // Values of one residue class (the bias of a remainder, a stuck bit) or rolls that are too even fail both ways.
        for stream in STREAMS {
            let mut counts = vec![0_u64; 1_000];
            for n in 0..DRAWS {
                counts[dice().below(stream, n, 1_000) as usize] += 1;
            }
            let expected = DRAWS / 1_000;
            let sum: u64 = counts.iter().map(|count| count.abs_diff(expected).pow(2)).sum();
            let chi_square = sum / expected;
            assert!((776..=1_222).contains(&chi_square), "{stream:?}: {chi_square}");
        }
    }

    #[test]
    fn rolls_of_neighbours_are_independent() {
        // Pairs that a weak chain would tie together: the same frame in two streams, two frames in a row, the two
        // directions, two links, two seeds. Each pair falls into one of 256 cells; 255 degrees of freedom, sigma 22.6.
        let other = |seed, link, direction| Dice::from_seed(seed).child("link").child(link).child(direction);
        type Pair = (&'static str, fn(&[Dice; 4], u64) -> (u64, u64));
        let dice = [dice(), other(7, "ab", "back"), other(7, "ac", "forward"), other(8, "ab", "forward")];
        let pairs: [Pair; 6] = [
            ("streams", |d, n| (d[0].roll(Stream::Loss, n), d[0].roll(Stream::Duplicate, n))),
            ("copies", |d, n| (d[0].roll(Stream::Corrupt { copy: 0 }, n), d[0].roll(Stream::Corrupt { copy: 1 }, n))),
            ("frames", |d, n| (d[0].roll(Stream::Loss, n), d[0].roll(Stream::Loss, n + 1))),
            ("directions", |d, n| (d[0].roll(Stream::Loss, n), d[1].roll(Stream::Loss, n))),
            ("links", |d, n| (d[0].roll(Stream::Loss, n), d[2].roll(Stream::Loss, n))),
            ("seeds", |d, n| (d[0].roll(Stream::Loss, n), d[3].roll(Stream::Loss, n))),
        ];
        for (name, pair) in pairs {
            for shift in [60, 0] {
                let mut counts = vec![0_u64; 256];
                for n in 0..DRAWS {
                    let (a, b) = pair(&dice, n);
                    counts[((a >> shift & 15) << 4 | (b >> shift & 15)) as usize] += 1;
                }
                // chi-square = sum (count - E)² / E with E = DRAWS / 256, in integers.
                let sum: u64 = counts.iter().map(|count| (count * 256).abs_diff(DRAWS).pow(2)).sum();
                let chi_square = sum / 256 / DRAWS;
                assert!((142..=368).contains(&chi_square), "{name} shifted by {shift}: {chi_square}");
            }
        }
    }

    #[test]
    fn no_two_decisions_share_a_roll() {
        let dice = [dice(), dice().child("x"), Dice::from_seed(8)];
        let of_stream = |(dice, stream): (Dice, Stream)| (0..100_000).map(move |n| dice.roll(stream, n));
        let keys = dice.into_iter().flat_map(|dice| STREAMS.map(|stream| (dice, stream)));
        let mut rolls: Vec<u64> = keys.flat_map(of_stream).collect();
        rolls.sort_unstable();
        assert!(rolls.is_sorted_by(|a, b| a < b), "2.1 million of 64 bits: one chance in 8 million");
    }

    #[test]
    fn hits_happen_as_often_as_asked_for() {
        for ppm in [100, 10_000, 500_000, 999_900] {
            let hits = (0..DRAWS).filter(|n| dice().hits(Stream::Loss, *n, ppm)).count() as u64;
            let off = hits.abs_diff(u64::from(ppm));
            assert!(off <= five_sigma(DRAWS, u64::from(ppm)), "{hits} of {ppm}");
        }
        assert!((0..DRAWS).all(|n| dice().hits(Stream::Loss, n, PPM) && !dice().hits(Stream::Loss, n, 0)));
    }

    #[test]
    fn a_higher_rate_hits_what_a_lower_rate_hit() {
        let low = |n| dice().hits(Stream::Loss, n, 10_000);
        let high = |n| dice().hits(Stream::Loss, n, 20_000);
        assert!((0..DRAWS).all(|n| !low(n) || high(n)));
    }

    #[test]
    fn labels_do_not_run_into_each_other() {
        let dice = Dice::from_seed(1);
        let keys = [
            dice.child("ab").child("c"),
            dice.child("a").child("bc"),
            dice.child("abc"),
            dice.child("abc\0"),
            dice.child("").child("abc"),
            dice.child("abc").child(""),
            dice,
        ];
        for (i, key) in keys.iter().enumerate() {
            assert!(keys[..i].iter().all(|other| other != key), "{i}");
        }
    }

    #[test]
    fn a_seed_means_the_same_in_every_version() {
        let rolls = STREAMS.map(|stream| dice().roll(stream, 3));
        // Worked out by a second implementation, in Python.
        let golden = [
            0xd84d_d130_1f8d_036a,
            0xfcaa_a5c4_5a56_6c28,
            0x705c_ba58_5ffd_5922,
            0x834c_ee02_0d2c_fbd0,
            0x4a08_6225_5fc5_c9e8,
            0x1f11_0557_7807_43bc,
            0xd0d8_b7cd_7da5_de78,
        ];
        assert_eq!(rolls, golden);
        assert_eq!(Dice::from_seed(0).roll(Stream::Loss, 0), 0x1d9a_cc9a_57df_6e5c);
        assert_eq!(
            Dice::from_seed(7).seed_bytes(Stream::Host, 0),
            0xbfd4_3cff_2682_2148_af6b_8555_eb11_9d3b_u128.to_be_bytes()
        );
        let lost: Vec<u64> = (0..1_000).filter(|n| dice().hits(Stream::Loss, *n, 10_000)).collect();
        assert_eq!(lost, [96, 181, 246, 449, 460, 535, 611, 876, 890]);
    }
}
