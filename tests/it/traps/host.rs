//! What does a test ask of a host, whoever wrote its TCP?

use std::net::SocketAddr;
use std::time::Duration;

use smoltcp::phy::Medium;

use crate::wire::{Cable, Driven};

/// A host with sockets. What the two arms cannot both have (addresses, options) stays out.
pub trait Host: Driven {
    /// A stream socket that does nothing yet.
    fn socket(&mut self) -> Result<Id, String>;
    /// Listens on all own addresses.
    fn listen(&mut self, port: u16, backlog: usize) -> Id;
    /// A connection that a peer has opened.
    fn accept(&mut self, listener: Id) -> Option<Id>;
    /// Starts to open a connection.
    fn connect(&mut self, remote: SocketAddr) -> Id;
    /// What became of `connect`: nothing yet, open, or the reason why not.
    fn outcome(&mut self, id: Id) -> Option<Result<(), String>>;
    /// How many bytes were taken, or the error's name.
    fn send(&mut self, id: Id, data: &[u8]) -> Result<usize, String>;
    /// How many bytes were there, or the error's name.
    fn recv(&mut self, id: Id, buffer: &mut [u8]) -> Result<usize, String>;
    /// Done with the socket.
    fn close(&mut self, id: Id);
    /// The states that sockets are in, CLOSED left out: RFC 9293 names, each once, in alphabetical order.
    fn states(&self) -> Vec<String>;
    /// Neighbours whose link-layer address is known.
    fn neighbors(&self) -> Vec<String>;
}

impl Driven for Box<dyn Host> {
    fn step(&mut self, now: Duration, cable: &mut Cable) {
        (**self).step(now, cable);
    }

    fn next_step(&mut self, now: Duration) -> Option<Duration> {
        (**self).next_step(now)
    }
}

/// A socket of a [`Host`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id(pub usize);

/// What a host is built from.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub medium: Medium,
    /// How many sockets there may be; `None`: as many as wanted.
    pub sockets_max: Option<usize>,
    /// R2: how long the peer of an open connection may be silent while data waits for its answer.
    pub r2: Option<Duration>,
    /// A server's sockets listen again as soon as smoltcp allows it, as in its own examples, and not
    /// only when the last connection is CLOSED. Our stack has no such choice to make.
    pub is_eager: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self { medium: Medium::Ip, sockets_max: None, r2: None, is_eager: false }
    }
}

impl Setup {
    /// With link-layer addresses to be resolved.
    pub const ETHERNET: Self = Self { medium: Medium::Ethernet, sockets_max: None, r2: None, is_eager: false };
}
