//! Which links and which faults should a property hold for?
//!
//! Strategies for [`proptest`](https://docs.rs/proptest) (feature `proptest`). All shrink towards less: a perfect cable, no
//! fault, a drop, an early frame. Faults are kept in a map by what they hit, not in a list: the fault that is left out then
//! does not renumber the others, and no frame has two. What proptest leaves can still be less; [`minimize`] finishes.
//!
//! [`minimize`]: crate::search::minimize
//!
//! # Examples
//! Ten kilobytes come back whatever three faults do to them:
//! ```
//! use proptest::prelude::*;
//! use smolsock_sim::{World, app::echo, link::Impairments, strategy, time::Time};
//!
//! proptest! {
//!     # #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]
//!     # /*
//!     #[test]
//!     # */
//!     fn echo_survives_three_faults(faults in strategy::schedule(&["ab"], 0..=3)) {
//!         let mut world = World::new(1);
//!         let client = world.host("client", &["192.0.2.1/24"]).unwrap();
//!         let server = world.host("server", &["192.0.2.2/24"]).unwrap();
//!         let cable = Impairments { delay_ns: 10_000_000, ..Impairments::default() };
//!         world.cable("ab", client, server, cable).unwrap();
//!         for placed in &faults {
//!             world.fault(&placed.cable, placed.direction, vec![placed.fault]).unwrap();
//!         }
//!         world.daemon(server, "echo", |host| echo::tcp_server(host, ([0, 0, 0, 0], 7).into(), 5));
//!         world.app(client, "client", |host| {
//!             echo::tcp_client(host, ([192, 0, 2, 2], 7).into(), 1, 10_000, 1_000)
//!         });
//!         let ending = world.run(Time::from_secs(600));
//!         // A fault for a frame that was never sent has tested nothing, which is no harm here.
//!         prop_assert_eq!(ending.broken().next(), None);
//!     }
//! }
//! # fn main() { echo_survives_three_faults() }
//! ```

use std::ops::RangeInclusive;

use proptest::collection::btree_map;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::link::{Act, Direction, Fault, Impairments, Jitter, Loss, Pattern, Queue, Shape, When};
use crate::search::Placed;

/// A cable that a patient transfer gets through: up to 20 % of each kind of damage, delays up to 0.2 s, from 64 kbit/s on, IP
/// packets of 576 bytes at least. Shrinks to the perfect cable.
pub fn impairments() -> impl Strategy<Value = Impairments> {
    let rate = prop_oneof![Just(0), 1_000_000..=1_000_000_000_u64, 64_000..=1_000_000_u64];
    let shape = (option::of(576..=1_500_u32), loss(), rate, queue());
    let times = (0..=200_000_000_u64, jitter());
    let damage = (percent(20), 0..=50_000_000_u64, percent(20), percent(20));
    (shape, times, damage).prop_map(|((mtu_bytes, loss, rate_bps, queue), (delay_ns, jitter), damage)| {
        let (reorder_ppm, reorder_delay_ns, duplicate_ppm, corrupt_ppm) = damage;
        Impairments {
            mtu_bytes,
            loss,
            rate_bps,
            queue,
            delay_ns,
            jitter,
            reorder_ppm,
            reorder_delay_ns,
            duplicate_ppm,
            corrupt_ppm,
            ..Impairments::default()
        }
    })
}

/// No loss, up to 20 % of all frames, or bursts of up to ten frames.
pub fn loss() -> impl Strategy<Value = Loss> {
    let bursts = (percent(5), 100_000..=PPM, percent(1), 500_000..=PPM);
    prop_oneof![
        Just(Loss::None),
        percent(20).prop_map(|ppm| Loss::Bernoulli { ppm }),
        bursts.prop_map(|(good_to_bad_ppm, bad_to_good_ppm, loss_good_ppm, loss_bad_ppm)| {
            Loss::GilbertElliott { good_to_bad_ppm, bad_to_good_ppm, loss_good_ppm, loss_bad_ppm }
        }),
    ]
}

/// No jitter, or up to 50 ms of any shape.
pub fn jitter() -> impl Strategy<Value = Jitter> {
    let shape = select(vec![Shape::Uniform, Shape::Normal, Shape::Pareto]);
    (prop_oneof![Just(0), 0..=50_000_000_u64], shape).prop_map(|(ns, shape)| Jitter { ns, shape })
}

/// A long queue, a short one, or CoDel.
pub fn queue() -> impl Strategy<Value = Queue> {
    prop_oneof![Just(Queue::default()), (4..=64_u32).prop_map(Queue::of_frames), Just(Queue::CODEL)]
}

/// What happens to one frame: dropped, duplicated, delayed by up to 2 s, a bit flipped, cut off.
pub fn act() -> impl Strategy<Value = Act> {
    // Behind the addresses: a frame for another host is as good as dropped.
    let byte = 14..1_514_usize;
    prop_oneof![
        Just(Act::Drop),
        Just(Act::Duplicate),
        (1..=2_000_u64).prop_map(|ms| Act::Delay(ms * 1_000_000)),
        (byte.clone(), 0..8_u8).prop_map(|(byte, bit)| Act::Corrupt { byte, bit, mend: false }),
        byte.prop_map(|len| Act::Truncate { len }),
    ]
}

/// One frame of the first hundred: by its number, as a data segment, or as one of a kind.
pub fn when() -> impl Strategy<Value = When> {
    let kinds = vec![Pattern::Syn, Pattern::SynAck, Pattern::Ack, Pattern::Fin, Pattern::Arp];
    prop_oneof![
        (0..100_u64).prop_map(When::Frame),
        (0..40_u64, 0..3_u32).prop_map(|(index, transmission)| When::Segment { index, transmission }),
        (select(kinds), 0..20_u64).prop_map(|(pattern, nth)| When::matching(pattern, nth)),
    ]
}

/// So many faults of one direction of a cable, each at another frame.
pub fn faults(count: RangeInclusive<usize>) -> impl Strategy<Value = Vec<Fault>> {
    btree_map(when(), act(), count)
        .prop_map(|faults| faults.into_iter().map(|(when, act)| Fault { when, act }).collect())
}

/// So many faults in all, on either direction of any of these cables.
///
/// # Panics
/// If there is no cable.
pub fn schedule(cables: &[&str], count: RangeInclusive<usize>) -> impl Strategy<Value = Vec<Placed>> + use<> {
    let cables: Vec<String> = cables.iter().map(|cable| (*cable).to_owned()).collect();
    let place = (select(cables), select(vec![Direction::Forward, Direction::Back]), when());
    btree_map(place, act(), count).prop_map(|faults| {
        let placed = |((cable, direction, when), act)| Placed { cable, direction, fault: Fault { when, act } };
        faults.into_iter().map(placed).collect()
    })
}

/// Up to so many percent, in millionths; as often none.
fn percent(most: u32) -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), 0..=most * (PPM / 100)]
}

const PPM: u32 = crate::rng::PPM;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{TestError, TestRunner};

    #[test]
    fn every_link_is_one_that_a_cable_takes() {
        let mut runner = TestRunner::deterministic();
        let result = runner.run(&impairments(), |link| {
            prop_assert_eq!(link.check(), Ok(()));
            Ok(())
        });
        assert!(result.is_ok(), "{result:?}");
    }

    #[test]
    fn a_link_shrinks_to_the_perfect_cable() {
        let mut runner = TestRunner::deterministic();
        for _ in 0..20 {
            let mut tree = impairments().new_tree(&mut runner).expect("no filters");
            while tree.simplify() {}
            let Impairments { jitter, .. } = tree.current();
            // The shape of no jitter is of no matter.
            let perfect = Impairments { jitter: Jitter { ns: 0, ..jitter }, ..Impairments::default() };
            assert_eq!(tree.current(), perfect);
        }
    }

    #[test]
    fn a_schedule_shrinks_to_what_matters_in_its_simplest_form() {
        // Fails when two different data segments of forward are hit, whatever happens to them.
        let fails = |faults: &[Placed]| {
            let is_hit = |placed: &&Placed| {
                placed.direction == Direction::Forward && matches!(placed.fault.when, When::Segment { .. })
            };
            faults.iter().filter(is_hit).count() >= 2
        };
        let mut runner = TestRunner::deterministic();
        let result = runner.run(&schedule(&["ab", "cd"], 0..=20), |faults| {
            prop_assert!(!fails(&faults));
            Ok(())
        });
        let Err(TestError::Fail(_, least)) = result else { panic!("20 faults hit two segments: {result:?}") };
        assert_eq!(least.len(), 2, "{least:?}");
        assert!(least.iter().all(|placed| placed.fault.act == Act::Drop), "{least:?}");
    }
}
