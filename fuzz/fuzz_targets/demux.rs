//! Does every datagram find the socket that the rules name?
#![no_main]

use libfuzzer_sys::fuzz_target;
use smolsock_fuzz::{Attack, demux::Demux};

fuzz_target!(|attack: Demux| attack.play());
