//! Do threads on a stack of ours see what they would see on the kernel's? Two nets, joined by a pair of devices in memory.

#[cfg(unix)]
mod devices;
mod many;
#[cfg(target_os = "linux")]
pub mod ports;
mod shutdown;
mod tcp;
mod udp;
#[cfg(unix)]
mod waiting;

use std::time::Duration;

use smolsock::blocking::{self, Net};
use smolsock::device::Medium;
use smolsock::{Config, Seed, Stack};

/// Two nets: 192.0.2.1 and 2001:db8::1 are the one's, 192.0.2.2 and 2001:db8::2 the other's.
fn nets() -> (Net, Net) {
    let (left, right) = blocking::pair(Medium::Ethernet, 1500);
    let [left, right] = [(1, left), (2, right)].map(|(host, device)| {
        let mac = format!("02:00:00:00:00:0{host}").parse().expect("an address");
        let config = Config::ethernet(mac, Seed::random())
            .address(format!("192.0.2.{host}/24").parse().expect("an address"))
            .address(format!("2001:db8::{host}/64").parse().expect("an address"));
        let stack = Stack::new(config, &device).expect("a good configuration");
        let waiter = device.waiter();
        Net::spawn_with(stack, device, waiter).expect("a thread")
    });
    (left, right)
}

/// Longer than anything takes that is to happen; a wait of this length is a failure.
const LONG: Duration = Duration::from_secs(60);
/// What is waited for to see that something does not happen.
const SHORT: Duration = Duration::from_millis(30);
