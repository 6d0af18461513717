//! Do we and the Linux kernel understand each other, over TAP, in both roles, over IPv4 and IPv6?
//!
//! Each trial has a network namespace of its own: the kernel at one end of a TAP interface, [`smolsock::blocking`] at the other.

mod ends;
mod host;
mod many;
mod path_mtu;
mod ping;
mod ports;
mod space;
mod streams;
mod time_wait;
mod views;

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::thread;

use smolsock::blocking::Net;

use host::{Host, Listener, Stream};
use space::{Link, Space};

/// Who plays which part in a trial.
pub struct Ends {
    /// Kept for as long as the trial runs.
    _space: Space,
    pub server: Host,
    pub client: Host,
    is_ipv4: bool,
}

impl Ends {
    /// Our stack, whichever part it plays.
    pub fn net(&self) -> &Net {
        match (&self.server, &self.client) {
            (Host::Ours(net), _) | (_, Host::Ours(net)) => net,
            (Host::Kernel, Host::Kernel) => unreachable!("one of them is ours"),
        }
    }

    /// The server's address with this port.
    pub fn server_at(&self, port: u16) -> SocketAddr {
        self.address(&self.server, port)
    }

    /// The client's address with this port.
    pub fn client_at(&self, port: u16) -> SocketAddr {
        self.address(&self.client, port)
    }

    /// A connection: the client's end, the server's end, and the listener.
    pub fn connection(&self, port: u16) -> (Stream, Stream, Listener) {
        let listener = self.server.listen(self.server_at(port)).expect("a free port");
        let client = self.client.connect(self.server_at(port)).expect("a listener");
        let (server, peer) = listener.accept().expect("the client");
        assert_eq!(peer, client.local_addr().expect("connected"));
        (client, server, listener)
    }

    fn address(&self, host: &Host, port: u16) -> SocketAddr {
        let number = match host {
            Host::Kernel => 1,
            Host::Ours(_) => 2,
        };
        let ip: IpAddr = match self.is_ipv4 {
            true => [192, 0, 2, number].into(),
            false => [0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(number)].into(),
        };
        SocketAddr::new(ip, port)
    }
}

/// Runs a trial four times at once: both roles, both address families. Says how many there were, for `.ci/run` to count; or
/// that they were skipped, and why.
///
/// # Panics
/// A trial failed; or there is no TAP, and `SMOLSOCK_REQUIRE_TOOLS` is set.
pub fn agree(what: &str, trial: impl Fn(&Ends) + Sync) {
    agree_on(Link { mtu: 1500, has_offload: true }, what, trial);
}

/// The same on an interface of another kind.
pub fn agree_on(link: Link, what: &str, trial: impl Fn(&Ends) + Sync) {
    let variants = [(true, true), (true, false), (false, true), (false, false)];
    let outcomes = thread::scope(|scope| {
        let trial = &trial;
        let run = |(we_serve, is_ipv4): (bool, bool)| {
            scope.spawn(move || -> Result<(), String> {
                let (space, net) = Space::new(link)?;
                let (server, client) = match we_serve {
                    true => (Host::Ours(net), Host::Kernel),
                    false => (Host::Kernel, Host::Ours(net)),
                };
                trial(&Ends { _space: space, server, client, is_ipv4 });
                Ok(())
            })
        };
        variants.map(run).map(|thread| thread.join())
    });
    let mut agreed = 0;
    for ((we_serve, is_ipv4), outcome) in variants.into_iter().zip(outcomes) {
        let who = if we_serve { "smolsock serves the kernel" } else { "the kernel serves smolsock" };
        let family = if is_ipv4 { "IPv4" } else { "IPv6" };
        match outcome {
            Ok(Ok(())) => agreed += 1,
            Ok(Err(why)) => return skip(what, &why),
            Err(_) => panic!("{what}: {who} over {family}: see the panic above"),
        }
    }
    say(&format!("the kernel and smolsock agree over TAP in {agreed} trials: {what}"));
}

/// Says that a test was skipped, and why.
///
/// # Panics
/// `SMOLSOCK_REQUIRE_TOOLS` is set.
pub fn skip(what: &str, why: &str) {
    let says_so = format!("skipped: over TAP: {what}: {why}");
    assert!(std::env::var_os("SMOLSOCK_REQUIRE_TOOLS").is_none(), "{says_so}, and SMOLSOCK_REQUIRE_TOOLS is set");
    say(&says_so);
}

/// Past the test harness, which would keep it to itself.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
