//! What do two hosts on one cable do, when a test drives them by hand?

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use smolsock::addr::MacAddr;
use smolsock::time::{Duration, Instant};
use smolsock::{Config, Domain, Errno, Seed, SocketId, Stack, Step, Type};
use smolsock_sim::frame::Medium;
use smolsock_sim::nic::Nic;
use smolsock_sim::observe::dissect::{Dissected, Tcp, dissect};

/// Hosts `a` and `b`, joined by a cable without delay, in virtual time.
///
/// Socket calls go to [`Pair::a`] and [`Pair::b`]; nothing moves before [`Pair::settle`] or a function that lets time
/// pass. Frames that both send in the same round cross on the cable.
pub struct Pair<'a> {
    pub a: Stack<'a>,
    pub b: Stack<'a>,
    /// Every frame that was put on the cable, unless [`Pair::record`] was told not to.
    pub seen: Vec<Seen>,
    /// Which frames get through; all of them to begin with.
    pub carries: Box<dyn FnMut(&Seen) -> bool>,
    nics: [Nic; 2],
    medium: Medium,
    now: Instant,
    is_recording: bool,
    /// Frames put on the cable, and those of them that got through.
    pub frames: u64,
}

/// A frame that was put on the cable.
#[derive(Debug, Clone)]
pub struct Seen {
    pub at: Instant,
    pub from: End,
    pub packet: Dissected,
    pub bytes: Vec<u8>,
}

/// An end of the cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    A,
    B,
}

/// What the cable carries, and which family the test speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Net {
    pub medium: Medium,
    pub domain: Domain,
}

pub const ETHERNET: Net = Net { medium: Medium::Ethernet, domain: Domain::Inet };
pub const ETHERNET6: Net = Net { medium: Medium::Ethernet, domain: Domain::Inet6 };
pub const IP: Net = Net { medium: Medium::Ip, domain: Domain::Inet };
pub const IP6: Net = Net { medium: Medium::Ip, domain: Domain::Inet6 };
/// Both media with both families.
pub const ALL: [Net; 4] = [ETHERNET, ETHERNET6, IP, IP6];

impl Net {
    /// Host `a`'s address.
    pub fn a(self, port: u16) -> SocketAddr {
        self.host(1, port)
    }

    /// Host `b`'s address.
    pub fn b(self, port: u16) -> SocketAddr {
        self.host(2, port)
    }

    /// The address of host number `number` of the same network.
    pub fn host(self, number: u8, port: u16) -> SocketAddr {
        let ip: IpAddr = match self.domain {
            Domain::Inet => Ipv4Addr::new(192, 0, 2, number).into(),
            Domain::Inet6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(number)).into(),
        };
        (ip, port).into()
    }

    /// An address that no own prefix contains.
    pub fn elsewhere(self, port: u16) -> SocketAddr {
        let ip: IpAddr = match self.domain {
            Domain::Inet => Ipv4Addr::new(198, 51, 100, 1).into(),
            Domain::Inet6 => Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1).into(),
        };
        (ip, port).into()
    }

    /// The wildcard address.
    pub fn any(self, port: u16) -> SocketAddr {
        match self.domain {
            Domain::Inet => (Ipv4Addr::UNSPECIFIED, port).into(),
            Domain::Inet6 => (Ipv6Addr::UNSPECIFIED, port).into(),
        }
    }

    /// The family that this net does not speak.
    pub fn other_domain(self) -> Domain {
        match self.domain {
            Domain::Inet => Domain::Inet6,
            Domain::Inet6 => Domain::Inet,
        }
    }

    /// The configuration of host number `number`.
    pub fn config(self, number: u8) -> Config {
        let seed = Seed::new([number; 16]).expect("not zero");
        let config = match self.medium {
            Medium::Ethernet => Config::ethernet(MacAddr([2, 0, 0, 0, 0, number]), seed),
            Medium::Ip => Config::ip(seed),
        };
        let addresses = [format!("192.0.2.{number}/24"), format!("2001:db8::{number:x}/64")];
        addresses.iter().fold(config, |config, text| config.address(text.parse().expect("an address")))
    }

    /// The network card of one host.
    pub fn nic(self) -> Nic {
        Nic::new(self.medium, 1500)
    }
}

impl Pair<'static> {
    pub fn new(net: Net) -> Self {
        Self::tuned(net, |_| {})
    }

    /// A pair whose hosts' configurations are changed by `tune`.
    pub fn tuned(net: Net, tune: impl Fn(&mut Config)) -> Self {
        let stack = |number| {
            let mut config = net.config(number);
            tune(&mut config);
            Stack::new(config, &net.nic()).expect("a good configuration")
        };
        Self::of(net, stack(1), stack(2))
    }
}

impl<'a> Pair<'a> {
    /// These two stacks on a cable.
    pub fn of(net: Net, a: Stack<'a>, b: Stack<'a>) -> Self {
        Self {
            a,
            b,
            seen: Vec::new(),
            carries: Box::new(|_| true),
            nics: [net.nic(), net.nic()],
            medium: net.medium,
            now: Instant::ZERO,
            is_recording: true,
            frames: 0,
        }
    }

    /// Whether frames are kept in [`Pair::seen`] (and offered to [`Pair::carries`]).
    pub fn record(&mut self, on: bool) {
        self.is_recording = on;
    }

    pub fn now(&self) -> Instant {
        self.now
    }

    /// From now on nothing gets through, from either side.
    pub fn cut(&mut self) {
        self.carries = Box::new(|_| false);
    }

    /// From now on everything gets through.
    pub fn mend(&mut self) {
        self.carries = Box::new(|_| true);
    }

    /// Lets everything happen that happens without time passing.
    pub fn settle(&mut self) {
        let mut idle = 0;
        while self.round() {
            let moved = self.exchange();
            idle = if moved { 0 } else { idle + 1 };
            assert!(idle < IDLE_ROUNDS_MAX, "the stacks spin at {}", self.now);
        }
    }

    /// Lets `duration` pass, and everything happen until then and at that moment.
    pub fn run_for(&mut self, duration: Duration) {
        self.run_until(self.now + duration);
    }

    /// The same up to an instant.
    pub fn run_until(&mut self, end: Instant) {
        self.settle();
        while let Some(next) = self.next_step().filter(|at| *at <= end) {
            self.now = self.now.max(next);
            self.settle();
        }
        self.now = self.now.max(end);
        self.settle();
    }

    /// Lets time pass until `is_over`; says whether that came to be within `limit`.
    pub fn run_while(&mut self, limit: Duration, mut is_over: impl FnMut(&mut Self) -> bool) -> bool {
        let end = self.now + limit;
        loop {
            self.settle();
            let frames = self.frames;
            if is_over(self) {
                return true;
            }
            // What `is_over` did may want a step at once, and what came of that another look.
            self.settle();
            if self.frames != frames {
                continue;
            }
            match self.next_step().filter(|at| *at <= end) {
                Some(next) => self.now = self.now.max(next),
                None => return false,
            }
        }
    }

    /// Time goes on without either host being stepped, as when both sleep.
    pub fn sleep(&mut self, duration: Duration) {
        self.now = self.now + duration;
    }

    /// The next deadline of either host.
    pub fn next_step(&self) -> Option<Instant> {
        [self.a.next_step(), self.b.next_step()].into_iter().flatten().min()
    }

    /// Puts bytes on the cable towards `b`, as if `a` had sent them.
    pub fn inject_to_b(&mut self, frame: &[u8]) {
        self.nics[1].deliver(frame);
    }

    /// Steps both hosts once. Says whether something is left to do at this moment.
    fn round(&mut self) -> bool {
        let [nic_a, nic_b] = &mut self.nics;
        let left = [self.a.step(self.now, nic_a), self.b.step(self.now, nic_b)];
        let is_waiting = self.nics.iter().any(|nic| nic.waiting_frames() > 0 || nic.sent_frames() > 0);
        is_waiting || left.contains(&Step::More) || self.next_step().is_some_and(|at| at <= self.now)
    }

    /// Carries what was sent to the other side. Says whether anything was.
    fn exchange(&mut self) -> bool {
        let mut moved = false;
        for from in [End::A, End::B] {
            let (own, other) = match from {
                End::A => (0, 1),
                End::B => (1, 0),
            };
            while let Some(bytes) = self.nics[own].take() {
                moved = true;
                self.frames += 1;
                if self.is_recording {
                    let packet = dissect(self.medium, &bytes);
                    let seen = Seen { at: self.now, from, packet, bytes };
                    if (self.carries)(&seen) {
                        self.nics[other].deliver(&seen.bytes);
                    }
                    self.seen.push(seen);
                } else {
                    self.nics[other].deliver(&bytes);
                    self.nics[own].recycle(bytes);
                }
            }
        }
        moved
    }

    /// TCP segments of one side since [`Pair::forget`], with their times.
    pub fn segments(&self, from: End) -> Vec<(Instant, &Tcp)> {
        let of_side = self.seen.iter().filter(|seen| seen.from == from);
        of_side.filter_map(|seen| Some((seen.at, seen.packet.tcp()?))).collect()
    }

    /// Flags of all TCP segments since [`Pair::forget`], in order: `A SYN`, `B SYN ACK` …
    pub fn flags(&self) -> Vec<String> {
        let flags = |seen: &Seen| Some(format!("{:?} {}", seen.from, seen.packet.tcp()?.flags));
        self.seen.iter().filter_map(flags).collect()
    }

    /// Forgets the frames seen so far.
    pub fn forget(&mut self) {
        self.seen.clear();
    }

    /// A listener on `b` at all addresses.
    pub fn b_listens(&mut self, net: Net, port: u16, backlog: usize) -> SocketId {
        let listener = self.b.socket(net.domain, Type::Stream).expect("room");
        self.b.bind(listener, net.any(port)).expect("a free port");
        self.b.listen(listener, backlog).expect("a fresh socket");
        listener
    }

    /// A stream socket on `a` that has begun to connect to `b`.
    pub fn a_connects(&mut self, net: Net, port: u16) -> SocketId {
        let client = self.a.socket(net.domain, Type::Stream).expect("room");
        assert_eq!(self.a.connect(client, net.b(port)), Err(Errno::EINPROGRESS));
        client
    }

    /// Both ends of a connection from `a` to port 80 of `b`; the listener is closed again.
    pub fn connection(&mut self, net: Net) -> (SocketId, SocketId) {
        self.connection_to(net, 80)
    }

    /// The same to another port.
    pub fn connection_to(&mut self, net: Net, port: u16) -> (SocketId, SocketId) {
        let listener = self.b_listens(net, port, 0);
        let client = self.a_connects(net, port);
        self.settle();
        assert_eq!(self.a.connect(client, net.b(port)), Ok(()));
        let (server, _) = self.b.accept(listener).expect("a connection");
        self.b.close(listener).expect("it is open");
        self.settle();
        self.forget();
        (client, server)
    }

    /// A UDP socket on each host at port 7.
    pub fn datagram_sockets(&mut self, net: Net) -> (SocketId, SocketId) {
        let open = |stack: &mut Stack<'a>| {
            let id = stack.socket(net.domain, Type::Datagram).expect("room");
            stack.bind(id, net.any(7)).expect("a free port");
            id
        };
        (open(&mut self.a), open(&mut self.b))
    }
}

impl fmt::Debug for Pair<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("a", &self.a).field("b", &self.b).field("now", &self.now).finish_non_exhaustive()
    }
}

/// Everything that `id` receives at once, at most `len` bytes.
pub fn recv(stack: &mut Stack<'_>, id: SocketId, len: usize) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; len];
    let filled = stack.recv(id, &mut buffer)?;
    buffer.truncate(filled);
    Ok(buffer)
}

/// States of all TCP lines of `netstat`, in its order.
pub fn states(stack: &Stack<'_>) -> Vec<String> {
    stack.netstat().rows().filter_map(|row| row.state).map(|state| state.to_string()).collect()
}

pub const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Rounds at one instant in which no frame moves, before they count as spinning.
const IDLE_ROUNDS_MAX: usize = 1_000;
