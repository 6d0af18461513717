//! Which attacks are there, and how is one made from bytes?

pub mod frames;
pub mod segments;
pub mod victim;

use std::fmt::Debug;

use arbitrary::{Arbitrary, Unstructured};

/// An attack on something that strangers can reach. It is made from any bytes.
pub trait Attack: for<'a> Arbitrary<'a> + Debug {
    /// Attacks. What must not happen is a panic.
    fn play(self);
}

/// A target of the fuzzer: a file of `fuzz_targets`, a folder of `corpus`.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What both are called.
    pub name: &'static str,
    /// Plays the attack that the bytes stand for; `false` if they are too short for one.
    pub play: fn(&[u8]) -> bool,
}

/// All targets.
pub const TARGETS: [Target; 2] = [Target::of::<frames::Frames>("frames"), Target::of::<segments::Segments>("segments")];

impl Target {
    const fn of<A: Attack>(name: &'static str) -> Target {
        Target { name, play: play::<A> }
    }
}

/// As libfuzzer-sys does it.
fn play<A: Attack>(bytes: &[u8]) -> bool {
    if bytes.len() < A::size_hint(0).0 {
        return false;
    }
    A::arbitrary_take_rest(Unstructured::new(bytes)).map(A::play).is_ok()
}
