//! Do all promises hold for two real hosts, whatever the cable between them does?
#![no_main]

use libfuzzer_sys::fuzz_target;
use smolsock_fuzz::{Attack, scenario::Network};

fuzz_target!(|attack: Network| attack.play());
