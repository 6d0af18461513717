//! Do our readers of addresses take what they should, and nothing else?
#![no_main]

use libfuzzer_sys::fuzz_target;
use smolsock_fuzz::{Attack, addr::Addr};

fuzz_target!(|attack: Addr| attack.play());
