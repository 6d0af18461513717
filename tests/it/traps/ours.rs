//! What does our stack do when a test asks it?

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use smolsock::addr::{Cidr, MacAddr};
use smolsock::sockopt::IPV6_V6ONLY;
use smolsock::{Config, Domain, Errno, Seed, SocketId, Stack, TcpState, Type};
use smoltcp::phy::Medium;

use super::host::{Host, Id, Setup};
use crate::wire::{Cable, Driven, HOST_MAC, HOST_V4, HOST_V6};

/// A stack with default timers, and the ids of its sockets in the order in which a test got them.
#[derive(Debug)]
pub struct Ours {
    stack: Stack<'static>,
    ids: Vec<SocketId>,
    /// The IPv6 half of each listener: the families have separate sockets, as with `IPV6_V6ONLY`.
    twins: Vec<(Id, SocketId)>,
}

impl Ours {
    pub fn new(setup: Setup, cable: &mut Cable) -> Self {
        let seed = Seed::new([7; 16]).expect("not zero");
        let config = match setup.medium {
            Medium::Ethernet => Config::ethernet(MacAddr(HOST_MAC.0), seed),
            Medium::Ip => Config::ip(seed),
        };
        let cidr = |addr: IpAddr, prefix_len| Cidr::new(addr, prefix_len).expect("a good prefix length");
        let mut config = config.address(cidr(HOST_V4.into(), 24)).address(cidr(HOST_V6.into(), 64));
        if let Some(max) = setup.sockets_max {
            config.sockets_max = max;
        }
        if let Some(r2) = setup.r2 {
            config.user_timeout = r2;
        }
        Self { stack: Stack::new(config, cable).expect("a good configuration"), ids: Vec::new(), twins: Vec::new() }
    }

    fn name(&mut self, id: SocketId) -> Id {
        self.ids.push(id);
        Id(self.ids.len() - 1)
    }

    /// A socket that is there because the table has room in this test.
    fn stream(&mut self, of: SocketAddr) -> SocketId {
        let domain = if of.is_ipv4() { Domain::Inet } else { Domain::Inet6 };
        self.stack.socket(domain, Type::Stream).expect("room for a socket")
    }
}

impl Driven for Ours {
    fn step(&mut self, now: Duration, cable: &mut Cable) {
        Driven::step(&mut self.stack, now, cable);
    }

    fn next_step(&mut self, now: Duration) -> Option<Duration> {
        Driven::next_step(&mut self.stack, now)
    }
}

impl Host for Ours {
    fn socket(&mut self) -> Result<Id, String> {
        let id = self.stack.socket(Domain::Inet, Type::Stream).map_err(name)?;
        Ok(self.name(id))
    }

    fn listen(&mut self, port: u16, backlog: usize) -> Id {
        let wildcards = [SocketAddr::from(([0; 4], port)), SocketAddr::from(([0; 8], port))];
        let [listener, twin] = wildcards.map(|wildcard| {
            let id = self.stream(wildcard);
            if wildcard.is_ipv6() {
                self.stack.setsockopt(id, IPV6_V6ONLY, true).expect("a fresh socket");
            }
            self.stack.bind(id, wildcard).expect("a free port");
            self.stack.listen(id, backlog).expect("a bound socket");
            id
        });
        let listener = self.name(listener);
        self.twins.push((listener, twin));
        listener
    }

    fn accept(&mut self, listener: Id) -> Option<Id> {
        match self.stack.accept(self.ids[listener.0]) {
            Ok((id, _)) => Some(self.name(id)),
            Err(Errno::EAGAIN) => None,
            Err(error) => panic!("accept: {error}"),
        }
    }

    fn connect(&mut self, remote: SocketAddr) -> Id {
        let id = self.stream(remote);
        assert_eq!(self.stack.connect(id, remote), Err(Errno::EINPROGRESS));
        self.name(id)
    }

    fn outcome(&mut self, id: Id) -> Option<Result<(), String>> {
        let id = self.ids[id.0];
        match self.stack.tcp_state(id) {
            Ok(TcpState::SynSent | TcpState::SynReceived) => None,
            Ok(TcpState::Closed) => {
                let cause = self.stack.take_error(id).expect("an open socket");
                Some(Err(cause.map_or("no cause".to_string(), name)))
            }
            Ok(_) => Some(Ok(())),
            Err(error) => Some(Err(name(error))),
        }
    }

    fn send(&mut self, id: Id, data: &[u8]) -> Result<usize, String> {
        self.stack.send(self.ids[id.0], data).map_err(name)
    }

    fn recv(&mut self, id: Id, buffer: &mut [u8]) -> Result<usize, String> {
        self.stack.recv(self.ids[id.0], buffer).map_err(name)
    }

    fn close(&mut self, id: Id) {
        if let Some((_, twin)) = self.twins.iter().find(|(listener, _)| *listener == id) {
            self.stack.close(*twin).expect("an open socket");
        }
        self.stack.close(self.ids[id.0]).expect("an open socket");
    }

    fn states(&self) -> Vec<String> {
        let states = self.stack.netstat().rows().filter_map(|row| row.state);
        let mut states: Vec<String> = states.map(|state| state.rfc_name().to_string()).collect();
        states.retain(|state| state != "CLOSED");
        states.sort();
        states.dedup();
        states
    }

    fn neighbors(&self) -> Vec<String> {
        let known = self.stack.arp().entries().filter(|entry| entry.mac.is_some());
        known.map(|entry| entry.addr.to_string()).collect()
    }
}

fn name(error: Errno) -> String {
    format!("{error:?}")
}
