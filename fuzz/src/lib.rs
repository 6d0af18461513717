//! Which attacks are there, and how is one made from bytes?

pub mod addr;
pub mod calls;
pub mod capture;
pub mod demux;
pub mod frames;
pub mod scenario;
pub mod segments;
pub mod talk;
pub mod toml;
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
pub const TARGETS: [Target; 8] = [
    Target::of::<addr::Addr>("addr"),
    Target::of::<calls::Calls>("calls"),
    Target::of::<capture::Capture>("capture"),
    Target::of::<demux::Demux>("demux"),
    Target::of::<frames::Frames>("frames"),
    Target::of::<scenario::Network>("scenario"),
    Target::of::<segments::Segments>("segments"),
    Target::of::<toml::Toml>("toml"),
];

impl Target {
    const fn of<A: Attack>(name: &'static str) -> Target {
        Target { name, play: play::<A> }
    }
}

/// The attack that the bytes stand for, as libfuzzer-sys makes it; `None` if they are too short for one.
pub fn attack<A: Attack>(bytes: &[u8]) -> Option<A> {
    if bytes.len() < A::size_hint(0).0 {
        return None;
    }
    A::arbitrary_take_rest(Unstructured::new(bytes)).ok()
}

fn play<A: Attack>(bytes: &[u8]) -> bool {
    attack::<A>(bytes).map(A::play).is_some()
}
