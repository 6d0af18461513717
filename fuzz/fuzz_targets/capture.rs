//! Does a capture hold what was put into it, and does our reader bear any file?
#![no_main]

use libfuzzer_sys::fuzz_target;
use smolsock_fuzz::{Attack, capture::Capture};

fuzz_target!(|attack: Capture| attack.play());
