//! Can any sequence of TCP segments, aimed at the edges of what is expected, make a stack panic, spin, lose a socket or keep one?
#![no_main]

use libfuzzer_sys::fuzz_target;
use smolsock_fuzz::{Attack, segments::Segments};

fuzz_target!(|attack: Segments| attack.play());
