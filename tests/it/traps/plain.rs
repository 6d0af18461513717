//! What does smoltcp do when it is used as its documentation says?

use std::net::SocketAddr;
use std::time::Duration;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::phy::Medium;
use smoltcp::socket::tcp::{RecvError, Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpCidr, IpEndpoint};

use super::host::{Host, Id, Setup};
use crate::wire::{Cable, Driven, HOST_MAC, HOST_V4, HOST_V6};

/// An interface and a socket set, polled whenever `poll_at` says so.
///
/// A listener with a backlog of n is n sockets that listen on one port, as smoltcp wants it; a socket
/// that served a connection listens again when the application is done with it.
pub struct Plain {
    interface: Interface,
    sockets: SocketSet<'static>,
    setup: Setup,
    /// What an [`Id`] stands for.
    ids: Vec<Named>,
    /// Sockets that listen again after use: handle, port, whether an application has them.
    pool: Vec<Pooled>,
    next_port: u16,
}

#[derive(Debug)]
enum Named {
    Socket(SocketHandle),
    Listener(u16),
}

#[derive(Debug)]
struct Pooled {
    handle: SocketHandle,
    port: u16,
    is_accepted: bool,
    is_released: bool,
}

impl Plain {
    pub fn new(setup: Setup, cable: &mut Cable) -> Self {
        let hardware = match setup.medium {
            Medium::Ethernet => HardwareAddress::Ethernet(HOST_MAC),
            Medium::Ip => HardwareAddress::Ip,
        };
        let mut config = Config::new(hardware);
        config.random_seed = 0x5eed;
        let mut interface = Interface::new(config, cable, Instant::ZERO);
        interface.update_ip_addrs(|addrs| {
            for cidr in [IpCidr::new(HOST_V4.into(), 24), IpCidr::new(HOST_V6.into(), 64)] {
                addrs.push(cidr).expect("room for two addresses");
            }
        });
        let sockets = match setup.sockets_max {
            // A borrowed slice is smoltcp's way to limit a set; a test may keep it for ever.
            Some(max) => SocketSet::new(Box::leak((0..max).map(|_| SocketStorage::EMPTY).collect())),
            None => SocketSet::new(Vec::new()),
        };
        Self { interface, sockets, setup, ids: Vec::new(), pool: Vec::new(), next_port: 49_152 }
    }

    fn add(&mut self) -> SocketHandle {
        let buffer = || SocketBuffer::new(vec![0; 65_535]);
        let mut socket = Socket::new(buffer(), buffer());
        socket.set_timeout(self.setup.r2.map(Into::into));
        self.sockets.add(socket)
    }

    fn name(&mut self, named: Named) -> Id {
        self.ids.push(named);
        Id(self.ids.len() - 1)
    }

    fn handle(&self, id: Id) -> SocketHandle {
        match self.ids[id.0] {
            Named::Socket(handle) => handle,
            Named::Listener(port) => panic!("the listener on port {port} is no connection"),
        }
    }

    fn tcp(&mut self, id: Id) -> &mut Socket<'static> {
        let handle = self.handle(id);
        self.sockets.get_mut(handle)
    }

    fn listen_again(&mut self) {
        for pooled in self.pool.iter_mut().filter(|pooled| pooled.is_released) {
            let socket = self.sockets.get_mut::<Socket<'_>>(pooled.handle);
            let is_done = if self.setup.is_eager { !socket.is_open() } else { socket.state() == State::Closed };
            // After `abort`, CLOSED with a remote endpoint still owes the peer a RST.
            if is_done && socket.listen(pooled.port).is_ok() {
                (pooled.is_accepted, pooled.is_released) = (false, false);
            }
        }
    }

    fn close_connection(&mut self, handle: SocketHandle) {
        let socket = self.sockets.get_mut::<Socket<'_>>(handle);
        socket.close();
        match self.pool.iter_mut().find(|pooled| pooled.handle == handle) {
            Some(pooled) => pooled.is_released = true,
            // Nothing to say to anybody: the place in the set is free.
            None if socket.state() == State::Closed && socket.remote_endpoint().is_none() => {
                self.sockets.remove(handle);
            }
            None => {}
        }
    }
}

impl Driven for Plain {
    fn step(&mut self, now: Duration, cable: &mut Cable) {
        self.listen_again();
        self.interface.poll(to_instant(now), cable, &mut self.sockets);
    }

    fn next_step(&mut self, now: Duration) -> Option<Duration> {
        let at = self.interface.poll_at(to_instant(now), &self.sockets)?;
        Some(Duration::from_micros(u64::try_from(at.total_micros()).expect("no time before the start")))
    }
}

impl Host for Plain {
    fn socket(&mut self) -> Result<Id, String> {
        let handle = self.add();
        Ok(self.name(Named::Socket(handle)))
    }

    fn listen(&mut self, port: u16, backlog: usize) -> Id {
        for _ in 0..backlog {
            let handle = self.add();
            self.sockets.get_mut::<Socket<'_>>(handle).listen(port).expect("a fresh socket can listen");
            self.pool.push(Pooled { handle, port, is_accepted: false, is_released: false });
        }
        self.name(Named::Listener(port))
    }

    fn accept(&mut self, listener: Id) -> Option<Id> {
        let Named::Listener(port) = self.ids[listener.0] else { panic!("{listener:?} does not listen") };
        let pooled = self.pool.iter_mut().find(|pooled| {
            let state = self.sockets.get::<Socket<'_>>(pooled.handle).state();
            pooled.port == port && !pooled.is_accepted && matches!(state, State::Established | State::CloseWait)
        })?;
        pooled.is_accepted = true;
        let handle = pooled.handle;
        Some(self.name(Named::Socket(handle)))
    }

    fn connect(&mut self, remote: SocketAddr) -> Id {
        let handle = self.add();
        self.next_port += 1;
        let socket = self.sockets.get_mut::<Socket<'_>>(handle);
        let remote = IpEndpoint::from(remote);
        socket.connect(self.interface.context(), remote, self.next_port).expect("a fresh socket can connect");
        self.name(Named::Socket(handle))
    }

    fn outcome(&mut self, id: Id) -> Option<Result<(), String>> {
        match self.tcp(id).state() {
            State::SynSent | State::SynReceived => None,
            State::Closed => Some(Err("Closed".into())),
            _ => Some(Ok(())),
        }
    }

    fn send(&mut self, id: Id, data: &[u8]) -> Result<usize, String> {
        self.tcp(id).send_slice(data).map_err(|error| format!("{error:?}"))
    }

    fn recv(&mut self, id: Id, buffer: &mut [u8]) -> Result<usize, String> {
        self.tcp(id).recv_slice(buffer).map_err(|error: RecvError| format!("{error:?}"))
    }

    fn close(&mut self, id: Id) {
        match self.ids[id.0] {
            Named::Socket(handle) => self.close_connection(handle),
            Named::Listener(port) => {
                for pooled in self.pool.iter().filter(|pooled| pooled.port == port && !pooled.is_accepted) {
                    self.sockets.get_mut::<Socket<'_>>(pooled.handle).close();
                }
            }
        }
    }

    fn states(&self) -> Vec<String> {
        let states = self.sockets.iter().filter_map(|(_, socket)| match socket {
            smoltcp::socket::Socket::Tcp(socket) => Some(socket.state()),
            _ => None,
        });
        let mut states: Vec<String> = states.filter(|state| *state != State::Closed).map(|s| s.to_string()).collect();
        states.sort();
        states.dedup();
        states
    }

    fn neighbors(&self) -> Vec<String> {
        panic!("smoltcp 0.14 has no way to look into an interface's neighbour cache")
    }
}

fn to_instant(now: Duration) -> Instant {
    Instant::from_micros(i64::try_from(now.as_micros()).expect("a test takes less than 292,000 years"))
}
