//! Contender three: the kernel, over veth.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use nix::sched::{CloneFlags, unshare};
use rustix::net::sockopt::set_tcp_congestion;

use crate::net::{self, Direction};

/// A connection between two namespaces.
pub struct Kernel {
    stream: TcpStream,
    bytes: u64,
}

impl Kernel {
    /// Connects over a new veth pair, with segmentation offload or without.
    pub fn new(direction: Direction, bytes: u64, has_offload: bool) -> Self {
        let listener = thread::spawn(move || listen_elsewhere(has_offload)).join().expect("the rights are there");
        net::ip("addr add 198.19.0.2/24 dev vb");
        net::ip("link set vb up");
        net::peer("198.19.0.1:7".parse().expect("an address"), direction, bytes);
        let (stream, _) = listener.accept().expect("the peer connects");
        stream.set_nodelay(true).expect("a TCP socket");
        Self { stream, bytes }
    }

    /// Moves the bytes of a round.
    pub fn round(&mut self, direction: Direction) -> u64 {
        match direction {
            Direction::Send => {
                net::give(&mut self.stream, self.bytes).expect("it is connected");
                self.stream.read_exact(&mut [0]).expect("the peer has all");
            }
            Direction::Receive => {
                self.stream.write_all(&[1]).expect("it is connected");
                net::take(&mut self.stream, self.bytes).expect("the peer sends");
            }
        }
        self.bytes
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        // Its peer may need the name again.
        net::ip("link del vb");
    }
}

/// Listens in a new namespace, from which a wire `vb` leads into that of this program. It stays as long as the listener.
fn listen_elsewhere(has_offload: bool) -> TcpListener {
    unshare(CloneFlags::CLONE_NEWNET).expect("as at the beginning");
    net::ip("link add va type veth peer name vb");
    if !has_offload {
        without_offload("va");
        without_offload("vb");
    }
    net::ip(&format!("link set vb netns {}", std::process::id()));
    net::ip("addr add 198.19.0.1/24 dev va");
    net::ip("link set va up");
    let listener = TcpListener::bind("198.19.0.1:7").expect("its own address");
    set_tcp_congestion(&listener, "cubic").expect("every kernel has it");
    listener
}

/// One segment of 1,500 bytes is one packet: as on a network card that cannot cut.
fn without_offload(name: &str) {
    let off = "tso off gso off gro off tx off sg off";
    let ethtool = Command::new("ethtool").arg("-K").arg(name).args(off.split(' ')).output();
    if !ethtool.is_ok_and(|output| output.status.success()) {
        net::ip(&format!("link set {name} gso_max_segs 1"));
    }
}
