//! How does a test come to a network of its own?

use std::fs::File;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use rustix::thread::{CpuSet, LinkNameSpaceType};

use super::super::case::{Host, Sock};

/// Two namespaces, joined by a cable: `a0` in the one is 192.0.2.1, `b0` in the other 192.0.2.2.
#[derive(Debug)]
pub struct Network {
    spaces: [File; 2],
    /// Interface numbers.
    indexes: [u32; 2],
    probes: [UdpSocket; 2],
}

impl Network {
    /// Makes both namespaces; this thread lives in them from now on, on one processor.
    ///
    /// # Errors
    /// What is missing: the right to make a namespace, or `ip`.
    pub fn new() -> Result<Self, String> {
        let b = space()?;
        let a = space()?;
        let far = format!("/proc/{}/fd/{}", std::process::id(), b.as_raw_fd());
        ip(&format!(
            "link add a0 address 02:00:00:00:00:01 type veth peer name b0 address 02:00:00:00:00:02 netns {far}"
        ))?;
        let spaces = [a, b];
        let mut indexes = [0; 2];
        for (host, space) in spaces.iter().enumerate() {
            move_into(space);
            let name = ["a0", "b0"][host];
            configure(name, host + 1)?;
            indexes[host] = index_of(name)?;
        }
        stay_on_one_processor();
        let probes = [probe(&spaces[0], 1)?, probe(&spaces[1], 2)?];
        let network = Self { spaces, indexes, probes };
        network.settle();
        Ok(network)
    }

    /// Sockets made from now on belong to `host`.
    pub fn enter(&self, host: Host) {
        move_into(&self.spaces[number(host)]);
    }

    /// The number of the interface of the socket's host.
    pub fn index_of(&self, sock: Sock) -> u32 {
        self.indexes[number(sock.host())]
    }

    /// Lets a probe go to and fro a few times: what was on its way has arrived, and so have the answers to it.
    pub fn settle(&self) {
        let [a, b] = &self.probes;
        let mut buffer = [0; 1];
        for _ in 0..SETTLE_ROUNDS {
            for (from, to) in [(a, b), (b, a)] {
                from.send(&[0]).expect("a probe leaves");
                to.recv(&mut buffer).expect("a probe arrives");
            }
        }
    }
}

/// Without the rights of root: runs `test` of this very program once more, as the root of a user namespace, where that is
/// possible. Says whether it has.
///
/// # Panics
/// The test failed there.
pub fn runs_in_a_user_namespace(test: &str) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    let unshare = |program: &Path| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--net"]).arg(program);
        command
    };
    if is_root || !unshare(Path::new("true")).status().is_ok_and(|status| status.success()) {
        return false;
    }
    let itself = std::env::current_exe().expect("this program");
    let status = unshare(&itself).args(["--exact", test, "--nocapture"]).status().expect("it was there a moment ago");
    assert!(status.success(), "{test} failed in a user namespace");
    true
}

/// A new namespace, which this thread is in.
fn space() -> Result<File, String> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(|error| format!("no right to make a network: {error}"))?;
    File::open("/proc/thread-self/ns/net").map_err(|error| format!("the namespace cannot be opened: {error}"))
}

fn move_into(space: &File) {
    rustix::thread::move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network))
        .expect("a namespace that this thread made");
}

fn configure(name: &str, host: usize) -> Result<(), String> {
    // IPv6 addresses are good at once, without asking whether somebody has them.
    set(&format!("net/ipv6/conf/{name}/accept_dad"), "0")?;
    let neigh = format!("lladdr 02:00:00:00:00:09 dev {name} nud permanent");
    for words in [
        "link set lo up".to_owned(),
        format!("addr add 192.0.2.{host}/24 brd + dev {name}"),
        format!("addr add 2001:db8::{host}/64 dev {name} nodad"),
        format!("link set {name} up"),
        // From these comes nothing back.
        format!("neigh add 192.0.2.9 {neigh}"),
        format!("neigh add 2001:db8::9 {neigh}"),
        format!("route add 224.0.0.0/4 dev {name}"),
    ] {
        ip(&words)?;
    }
    let sets = [
        // A host that is not there is given up after three requests, 100 ms apart.
        (format!("net/ipv4/neigh/{name}/retrans_time_ms"), "100"),
        (format!("net/ipv6/neigh/{name}/retrans_time_ms"), "100"),
        // Each case may have its ICMP errors.
        ("net/ipv4/icmp_ratelimit".to_owned(), "0"),
        ("net/ipv4/icmp_msgs_per_sec".to_owned(), "100000"),
        ("net/ipv4/icmp_msgs_burst".to_owned(), "100000"),
        ("net/ipv6/icmp/ratelimit".to_owned(), "0"),
        ("net/ipv4/ping_group_range".to_owned(), "0 0"),
        // What the kernel has when nobody has tuned it.
        ("net/ipv4/tcp_rmem".to_owned(), "4096 131072 6291456"),
        ("net/ipv4/tcp_wmem".to_owned(), "4096 16384 4194304"),
        // The one that every namespace may choose, and that does not pace.
        ("net/ipv4/tcp_congestion_control".to_owned(), "reno"),
    ];
    sets.iter().try_for_each(|(path, value)| set(path, value))
}

/// Not every kernel has every setting.
fn set(path: &str, value: &str) -> Result<(), String> {
    match std::fs::write(format!("/proc/sys/{path}"), value) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(format!("{path}: {error}")),
        _ => Ok(()),
    }
}

fn ip(words: &str) -> Result<(), String> {
    let output = Command::new("ip").args(words.split(' ')).output().map_err(|error| format!("`ip`: {error}"))?;
    let says = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
    output.status.success().then_some(()).ok_or_else(|| format!("`ip {words}`: {}", says()))
}

fn index_of(name: &str) -> Result<u32, String> {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).map_err(|error| format!("a socket: {error}"))?;
    rustix::net::netdevice::name_to_index(socket, name).map_err(|error| format!("{name}: {error}"))
}

/// Packets that another processor receives would be out of order.
fn stay_on_one_processor() {
    let mut cpus = CpuSet::new();
    cpus.set(rustix::thread::sched_getcpu());
    rustix::thread::sched_setaffinity(None, &cpus).expect("a processor that this thread runs on");
}

fn probe(space: &File, host: u8) -> Result<UdpSocket, String> {
    move_into(space);
    let make = || -> io::Result<UdpSocket> {
        let socket = UdpSocket::bind(SocketAddr::from(([192, 0, 2, host], PROBE_PORT)))?;
        socket.connect(SocketAddr::from(([192, 0, 2, 3 - host], PROBE_PORT)))?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(socket)
    };
    make().map_err(|error| format!("a probe: {error}"))
}

fn number(host: Host) -> usize {
    match host {
        Host::A => 0,
        Host::B => 1,
    }
}

/// Below all ports of cases.
const PROBE_PORT: u16 = 1_000;
/// More than segments ever answer each other at one instant.
const SETTLE_ROUNDS: usize = 6;
