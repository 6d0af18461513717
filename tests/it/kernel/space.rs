//! Where do a kernel and a stack of ours meet? In a network namespace with a TAP interface.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use smolsock::blocking::Net;
use smolsock::device::tap::Tap;
use smolsock::{Config, Seed, Stack};

/// A namespace, which this thread and those that it starts are in. The kernel is 192.0.2.1 and 2001:db8::1 in it.
#[derive(Debug)]
pub struct Space(());

impl Space {
    /// Makes it, with our stack as 192.0.2.2 and 2001:db8::2, and the kernel as its router.
    ///
    /// # Errors
    /// What is missing: the right to make a namespace, `ip`, or `/dev/net/tun`.
    pub fn new(link: Link) -> Result<(Self, Net), String> {
        unshare(CloneFlags::CLONE_NEWNET).map_err(|error| format!("no right to make a network: {error}"))?;
        ip("tuntap add dev tap0 mode tap")?;
        set("net/ipv6/conf/tap0/accept_dad", "0")?;
        set("net/ipv4/ping_group_range", "0 2147483647")?;
        set("net/ipv4/icmp_ratelimit", "0")?;
        set("net/ipv6/icmp/ratelimit", "0")?;
        ip("link set lo up")?;
        ip(&format!("link set tap0 mtu {}", link.mtu))?;
        // Up before anybody is attached, it would take a second to notice that somebody is.
        let tap = Tap::options().offload(link.has_offload).open("tap0").map_err(|error| error.to_string())?;
        ip("link set tap0 up")?;
        ip("addr add 192.0.2.1/24 dev tap0")?;
        ip("addr add 2001:db8::1/64 dev tap0 nodad")?;
        until_addresses_are_good()?;
        let text = |text: &str| text.parse().map_err(|error| format!("{text}: {error}"));
        let config = Config::ethernet("02:00:00:00:00:02".parse().expect("an address"), Seed::random())
            .address(text("192.0.2.2/24")?)
            .address(text("2001:db8::2/64")?)
            .gateway([192, 0, 2, 1].into())
            .gateway([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into());
        let stack = Stack::new(config, &tap).map_err(|error| error.to_string())?;
        let net = Net::spawn(stack, tap).map_err(|error| error.to_string())?;
        Ok((Self(()), net))
    }
}

/// What the interface is like.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// Largest IP packet, bytes.
    pub mtu: usize,
    /// Whether kernel and stack leave checksums and the cutting of segments to each other.
    pub has_offload: bool,
}

/// Runs `ip` in this thread's namespace.
pub fn ip(words: &str) -> Result<(), String> {
    run("ip", words).map(drop)
}

/// Runs a program in this thread's namespace. Gives what it writes.
pub fn run(program: &str, words: &str) -> Result<String, String> {
    let output =
        Command::new(program).args(words.split(' ')).output().map_err(|error| format!("`{program}`: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let is_good = output.status.success();
    is_good.then(|| text(&output.stdout)).ok_or_else(|| format!("`{program} {words}`: {}", text(&output.stderr)))
}

/// The kernel answers for no IPv6 address before it has looked at it in the background, even if nobody is asked for it.
pub fn until_addresses_are_good() -> Result<(), String> {
    let give_up_at = Instant::now() + Duration::from_secs(60);
    while Instant::now() < give_up_at {
        if run("ip", "-6 addr show tentative")?.is_empty() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(1));
    }
    Err("IPv6 addresses stay tentative".to_owned())
}

/// A setting of this namespace; not every kernel has every one.
pub fn set(path: &str, value: &str) -> Result<(), String> {
    match std::fs::write(format!("/proc/sys/{path}"), value) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("{path}: {error}")),
        _ => Ok(()),
    }
}
