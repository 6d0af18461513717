//! Does a scenario file mean what it says, and say what is wrong with it?
#![no_main]

use libfuzzer_sys::fuzz_target;
use smolsock_fuzz::{Attack, toml::Toml};

fuzz_target!(|attack: Toml| attack.play());
