//! Do the calls of two hosts keep their word, whatever is called, lost and forged?
#![no_main]

use libfuzzer_sys::fuzz_target;
use smolsock_fuzz::{Attack, calls::Calls};

fuzz_target!(|attack: Calls| attack.play());
