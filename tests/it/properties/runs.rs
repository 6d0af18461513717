//! Is a run decided by its scenario and its seed alone?

use proptest::prelude::*;
use smolsock_sim::library::{self, Options};

use super::cases;

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn equal_seeds_give_equal_runs(
        which in 0..library::all().len(),
        seed in any::<u64>(),
        loss_ppm in prop::option::of(0..200_000_u32),
    ) {
        let options = Options { seed, loss_ppm };
        let [first, second] = [0, 1].map(|_| library::all()[which].run(&options));
        prop_assert!(first.trace == second.trace, "{}", library::all()[which].name);
        prop_assert_eq!(first.notes, second.notes);
        prop_assert_eq!(first.outcome, second.outcome);
        prop_assert_eq!((first.netstat, first.virtual_end), (second.netstat, second.virtual_end));
    }

    /// Without losses of the user's choosing, chance breaks no promise.
    #[test]
    fn scenarios_keep_their_promises_whatever_the_seed(which in 0..library::all().len(), seed in any::<u64>()) {
        let run = library::all()[which].run(&Options { seed, loss_ppm: None });
        prop_assert!(run.outcome.passed, "{} --seed {seed}: {:?}", library::all()[which].name, run.outcome.failures);
    }

    /// `smolsock run NAME --loss 3%` is what people try first.
    #[test]
    fn scenarios_keep_their_promises_when_frames_are_lost(
        which in 0..library::all().len(),
        seed in any::<u64>(),
        loss_ppm in 0..30_000_u32,
    ) {
        let name = library::all()[which].name;
        // It promises 18 segments, not one more: with a loss it is another figure.
        prop_assume!(name != "figure");
        let run = library::all()[which].run(&Options { seed, loss_ppm: Some(loss_ppm) });
        prop_assert!(run.outcome.passed, "{name} --seed {seed} --loss {loss_ppm}: {:?}", run.outcome.failures);
    }
}
