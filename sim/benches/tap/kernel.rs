//! Contender three: the kernel, over veth.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use nix::sched::{CloneFlags, unshare};

use crate::net::{self, Direction};

/// A connection between two namespaces.
pub struct Kernel {
    stream: TcpStream,
    bytes: u64,
}

impl Kernel {
    /// Connects over a new veth pair.
    pub fn new(direction: Direction, bytes: u64) -> Self {
        let listener = thread::spawn(listen_elsewhere).join().expect("the rights are there");
        net::ip("addr add 198.19.0.2/24 dev vb");
        net::ip("link set vb up");
        net::peer("198.19.0.1:7".parse().expect("an address"), direction, bytes);
        let (stream, _) = listener.accept().expect("the peer connects");
        net::prepare(&stream);
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
                self.stream.write_all(&[1]).expect("it is connected");
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
fn listen_elsewhere() -> TcpListener {
    unshare(CloneFlags::CLONE_NEWNET).expect("as at the beginning");
    net::ip("link add va type veth peer name vb");
    without_offload("va");
    without_offload("vb");
    net::ip(&format!("link set vb netns {}", std::process::id()));
    net::ip("addr add 198.19.0.1/24 dev va");
    net::ip("link set va up");
    TcpListener::bind("198.19.0.1:7").expect("its own address")
}

/// Segments are cut and summed before they reach the wire, as with a network card that can do neither.
fn without_offload(name: &str) {
    let off = "tso off gso off gro off tx off";
    let ethtool = Command::new("ethtool").arg("-K").arg(name).args(off.split(' ')).output();
    assert!(ethtool.is_ok_and(|output| output.status.success()), "ethtool was there");
}

/// Whether the kernel over veth can be measured: without `ethtool` its offloads stay on.
pub fn is_measurable() -> bool {
    Command::new("ethtool").arg("--version").output().is_ok_and(|output| output.status.success())
}
