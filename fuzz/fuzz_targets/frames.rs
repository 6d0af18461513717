//! Can any sequence of frames make a stack panic, spin, lose a socket or keep one?
#![no_main]

use libfuzzer_sys::fuzz_target;
use smolsock_fuzz::{Attack, frames::Frames};

fuzz_target!(|attack: Frames| attack.play());
