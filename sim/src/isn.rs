//! Which seed makes a host begin with a wanted initial sequence number?
//!
//! A stack lets nobody choose its initial sequence numbers: they come from its secret seed (RFC 6528 says why). A figure in a
//! textbook begins at 0, though. So the simulator goes the other way: every step from the seed to the first number can be
//! undone, and half of the seed is free.

use smolsock::{ConfigError, Seed};

/// A seed with which the first TCP connection of a host, as client or as server, begins with `isn`. Different values of
/// `variety` give different seeds, and so other ports and later sequence numbers.
///
/// For connections over a device whose MTU the peer's segments fit in; what a host says to itself, and connections with
/// `TCP_MAXSEG`, have other numbers.
///
/// ```
/// use smolsock_sim::{World, isn};
/// let mut world = World::new(1);
/// let seed = isn::seed(8_000, 1)?;
/// let host = world.host_with("host", &["192.0.2.1/24"], |config| config.seed = seed)?;
/// # let _ = host;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ConfigError::ZeroSeed`] for one pair in 2^128.
pub fn seed(isn: u32, variety: u64) -> Result<Seed, ConfigError> {
    let low = mix(variety);
    // The seed's words are mixed like this into the seed of smoltcp's generator.
    let high = mix(low ^ ENGINE) ^ unmix(generator_before(isn));
    let mut entropy = [0; 16];
    entropy[..8].copy_from_slice(&low.to_be_bytes());
    entropy[8..].copy_from_slice(&high.to_be_bytes());
    Seed::new(entropy)
}

/// The state of smoltcp's generator whose second draw is `isn`: the first is for the identification of IPv4 packets.
const fn generator_before(isn: u32) -> u64 {
    // smoltcp's sPCG32 gives 32 bits of its state; where they stand, the three highest bits say.
    let after_two = (isn as u64) << 29;
    let back = inverse(MULTIPLIER);
    let after_one = after_two.wrapping_sub(INCREMENT).wrapping_mul(back);
    after_one.wrapping_sub(INCREMENT).wrapping_mul(back)
}

/// SplitMix64's finaliser, as the stack mixes its seed.
const fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(GOLDEN);
    z = (z ^ (z >> 30)).wrapping_mul(MIX_FIRST);
    z = (z ^ (z >> 27)).wrapping_mul(MIX_SECOND);
    z ^ (z >> 31)
}

/// The argument of which [`mix`] makes `mixed`.
const fn unmix(mixed: u64) -> u64 {
    let mut z = mixed ^ (mixed >> 31) ^ (mixed >> 62);
    z = z.wrapping_mul(inverse(MIX_SECOND));
    z ^= (z >> 27) ^ (z >> 54);
    z = z.wrapping_mul(inverse(MIX_FIRST));
    z ^= (z >> 30) ^ (z >> 60);
    z.wrapping_sub(GOLDEN)
}

/// The inverse of an odd number modulo 2^64 (Newton: each round doubles the bits that are right, from 3).
const fn inverse(odd: u64) -> u64 {
    let mut found = odd;
    let mut round = 0;
    while round < 5 {
        found = found.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(found)));
        round += 1;
    }
    found
}

/// The stack's name for the stream of random numbers that smoltcp gets.
const ENGINE: u64 = 1;
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
const MIX_FIRST: u64 = 0xbf58_476d_1ce4_e5b9;
const MIX_SECOND: u64 = 0x94d0_49bb_1331_11eb;
/// smoltcp 0.14, `src/rand.rs`.
const MULTIPLIER: u64 = 0xbb2e_fcec_3c39_611d;
const INCREMENT: u64 = 0x7590_ef39;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::bulk::{Reading, receiver, sender};
    use crate::link::Impairments;
    use crate::observe::observe;
    use crate::time::Time;
    use crate::world::World;

    #[test]
    fn every_step_is_undone() {
        for value in [0, 1, 8_000, u64::MAX, 0x0123_4567_89ab_cdef] {
            assert_eq!(unmix(mix(value)), value);
            assert_eq!(inverse(value | 1).wrapping_mul(value | 1), 1);
        }
    }

    #[test]
    fn both_ends_of_a_connection_begin_with_the_numbers_asked_for() {
        for (client_isn, server_isn, variety) in [(0, 8_000, 1), (u32::MAX, 0x8000_0000, 2), (12_345, 0, u64::MAX)] {
            let mut world = World::new(1);
            let seeds = [client_isn, server_isn].map(|isn| seed(isn, variety).expect("not zero"));
            let [first, second] = seeds;
            let client = world.host_with("client", &["192.0.2.1/24"], |config| config.seed = first).expect("a host");
            let server = world.host_with("server", &["192.0.2.2/24"], |config| config.seed = second).expect("a host");
            world.cable("ab", client, server, Impairments::default()).expect("a cable");
            world.app(server, "server", |host| receiver(host, ([0, 0, 0, 0], 9).into(), 1, 10, Reading::EAGER));
            world.app(client, "client", |host| sender(host, ([192, 0, 2, 2], 9).into(), 1, 10));
            let ending = world.run(Time::from_secs(100));
            assert!(ending.failures.is_empty(), "{:?}", ending.failures);
            let packets = observe(&ending.trace).packets;
            let segments: Vec<_> = packets.iter().filter_map(|packet| packet.tcp()).collect();
            assert_eq!((segments[0].seq, segments[1].seq), (client_isn, server_isn));
            assert_eq!(segments[1].ack, client_isn.wrapping_add(1));
        }
    }

    #[test]
    fn seeds_of_one_number_differ() {
        assert!(seed(0, 1) != seed(0, 2));
    }
}
