//! Who drives the host, what time is it, and what went over the cable?

use std::cell::{Cell, RefCell, RefMut};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use std::time::Duration;

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::EthernetAddress;

use super::packet::{Arp, Ends, Macs, Packet, decode, encode, encode_i_am};
use super::peer::Peer;
use super::segment::Base;

/// The host's link-layer address.
pub const HOST_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
/// The host's IPv4 address, in 192.0.2.0/24.
pub const HOST_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// The host's IPv6 address, in 2001:db8::/64.
pub const HOST_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// What a [`Net`] needs from a host.
pub trait Driven {
    /// Moves frames and lets time pass. `now`: time since the start of the test.
    fn step(&mut self, now: Duration, cable: &mut Cable);
    /// When the host wants to be stepped again; `None`: not before a frame or a socket call.
    fn next_step(&mut self, now: Duration) -> Option<Duration>;
}

impl Driven for smolsock::Stack<'static> {
    fn step(&mut self, now: Duration, cable: &mut Cable) {
        // Whether more is waiting shows in `next_step`, and in the frames that stay on the cable.
        let _ = smolsock::Stack::step(self, to_instant(now), cable);
    }

    fn next_step(&mut self, _: Duration) -> Option<Duration> {
        smolsock::Stack::next_step(self).map(|at| Duration::from_micros(at.as_micros()))
    }
}

fn to_instant(now: Duration) -> smolsock::time::Instant {
    smolsock::time::Instant::from_micros(u64::try_from(now.as_micros()).expect("less than 584,000 years"))
}

/// The host's end of the cable: a device that keeps frames in memory.
#[derive(Debug)]
pub struct Cable {
    medium: Medium,
    /// Frames for the host.
    to_host: VecDeque<Vec<u8>>,
    /// Frames of the host.
    from_host: VecDeque<Vec<u8>>,
}

impl Cable {
    pub fn medium(&self) -> Medium {
        self.medium
    }
}

impl Device for Cable {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sending<'_>)> {
        let frame = self.to_host.pop_front()?;
        Some((Received(frame), Sending(&mut self.from_host)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        Some(Sending(&mut self.from_host))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = self.medium;
        capabilities.max_transmission_unit = match self.medium {
            Medium::Ethernet => 1514,
            Medium::Ip => 1500,
        };
        capabilities
    }
}

/// A frame on its way to the host.
#[derive(Debug)]
pub struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

/// Room for a frame of the host.
#[derive(Debug)]
pub struct Sending<'a>(&'a mut VecDeque<Vec<u8>>);

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.push_back(frame);
        result
    }
}

/// One host on one cable, in virtual time. Clones are the same net.
#[derive(Debug)]
pub struct Net<H>(Rc<Inner<H>>);

impl<H> Clone for Net<H> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Inner<H> {
    host: RefCell<H>,
    cable: RefCell<Cable>,
    now: Cell<Duration>,
    /// Packets of the host that no peer has taken, with the time of sending.
    pending: RefCell<VecDeque<(Duration, Ends, Packet)>>,
    /// The absolute number of the last SYN in each direction of each connection.
    syns: RefCell<BTreeMap<Flow, u32>>,
    /// Whose neighbour questions are answered.
    neighbors: RefCell<BTreeMap<IpAddr, EthernetAddress>>,
    asked: RefCell<Vec<(Duration, IpAddr)>>,
    /// Every frame of the host, oldest first.
    frames: RefCell<Vec<Vec<u8>>>,
    log: RefCell<String>,
}

/// Sender and receiver of one direction of a connection.
type Flow = (IpAddr, u16, IpAddr, u16);

/// Steps at one instant in which the host does nothing and asks for more, before it counts as spinning.
const IDLE_STEPS_MAX: usize = 8;

impl<H: Driven> Net<H> {
    /// `build` makes the host; it owns [`HOST_V4`]/24 and [`HOST_V6`]/64, and [`HOST_MAC`] on Ethernet.
    pub fn new(medium: Medium, build: impl FnOnce(&mut Cable) -> H) -> Self {
        let mut cable = Cable { medium, to_host: VecDeque::new(), from_host: VecDeque::new() };
        let host = RefCell::new(build(&mut cable));
        Self(Rc::new(Inner {
            host,
            cable: RefCell::new(cable),
            now: Cell::default(),
            pending: RefCell::default(),
            syns: RefCell::default(),
            neighbors: RefCell::default(),
            asked: RefCell::default(),
            frames: RefCell::default(),
            log: RefCell::default(),
        }))
    }

    /// Somebody at the other end: 192.0.2.2, port 40,000, until told otherwise.
    pub fn peer(&self) -> Peer<H> {
        Peer::new(self.clone())
    }

    /// The host, for socket calls.
    pub fn host(&self) -> RefMut<'_, H> {
        self.0.host.borrow_mut()
    }

    /// Time since the start.
    pub fn now(&self) -> Duration {
        self.0.now.get()
    }

    /// Lets time pass.
    pub fn run(&self, time: Duration) {
        let end = self.now() + time;
        self.settle();
        while self.now() < end {
            self.advance(end);
        }
    }

    /// Lets time pass in which nobody looks at the host: its machine is suspended.
    pub fn suspend(&self, time: Duration) {
        self.settle();
        self.0.now.set(self.now() + time);
    }

    /// When the host asked who has which address (ARP or IPv6 neighbour solicitation), oldest first.
    pub fn asked(&self) -> Vec<(Duration, IpAddr)> {
        self.settle();
        self.0.asked.borrow().clone()
    }

    /// Every frame that the host has sent, byte by byte, oldest first.
    pub fn frames(&self) -> Vec<Vec<u8>> {
        self.settle();
        self.0.frames.borrow().clone()
    }

    /// Packets of the host that no peer has taken.
    pub fn untaken(&self) -> usize {
        self.settle();
        self.0.pending.borrow().len()
    }

    /// Fails the test: says why, and everything that went over the cable.
    pub fn fail(&self, why: &str) -> ! {
        panic!("{why}\nat {:?}, after:\n{}", self.now(), self.0.log.borrow())
    }

    /// Steps the host until it has nothing to do now.
    pub(super) fn settle(&self) {
        let mut idle_steps = 0;
        while idle_steps < IDLE_STEPS_MAX {
            let now = self.now();
            self.host().step(now, &mut self.0.cable.borrow_mut());
            let frames = std::mem::take(&mut self.0.cable.borrow_mut().from_host);
            idle_steps = if frames.is_empty() { idle_steps + 1 } else { 0 };
            for frame in frames {
                self.on_frame(&frame);
            }
            let is_waiting = self.0.cable.borrow().to_host.is_empty();
            if is_waiting && self.host().next_step(now).is_none_or(|at| at > now) {
                return;
            }
        }
        self.fail("the host asks to be stepped at once, and does nothing");
    }

    /// Goes to the host's next deadline, or to `limit` if that is earlier.
    pub(super) fn advance(&self, limit: Duration) {
        let next = self.host().next_step(self.now()).map_or(limit, |at| at.min(limit));
        self.0.now.set(next.max(self.now()));
        self.settle();
    }

    /// Puts a whole frame on the cable and lets the host handle it.
    pub(super) fn deliver(&self, frame: Vec<u8>) {
        self.0.cable.borrow_mut().to_host.push_back(frame);
        self.settle();
    }

    /// Sends `packet` to the host. `isn`: the absolute number of the sender's SYN; `change`: what becomes of the
    /// frame on its way.
    pub(super) fn send(&self, macs: Macs, ends: Ends, isn: u32, packet: &Packet, change: impl FnOnce(&mut Vec<u8>)) {
        self.0.syns.borrow_mut().insert(flow(ends), isn);
        self.note('>', ends, packet);
        let mut frame = encode(self.medium(), macs, ends, self.base(ends), packet);
        change(&mut frame);
        self.deliver(frame);
    }

    /// Sends "I am `addr`" to the host.
    pub(super) fn introduce(&self, mac: EthernetAddress, addr: IpAddr, arp: Arp) {
        let host = match addr {
            IpAddr::V4(_) => HOST_V4.into(),
            IpAddr::V6(_) => HOST_V6.into(),
        };
        let frame = encode_i_am(Macs { sender: mac, receiver: HOST_MAC }, addr, host, arp);
        self.deliver(frame);
    }

    /// Forgets the host's sequence numbers towards the sender of `ends`.
    pub(super) fn forget(&self, ends: Ends) {
        self.0.syns.borrow_mut().remove(&reverse(flow(ends)));
    }

    /// Answers questions for `addr` from now on, or no more.
    pub(super) fn set_neighbor(&self, addr: IpAddr, mac: Option<EthernetAddress>) {
        let mut neighbors = self.0.neighbors.borrow_mut();
        match mac {
            Some(mac) => neighbors.insert(addr, mac),
            None => neighbors.remove(&addr),
        };
    }

    /// The first untaken packet that `is_mine`.
    pub(super) fn take(&self, is_mine: impl Fn(&Ends) -> bool) -> Option<(Duration, Ends, Packet)> {
        let mut pending = self.0.pending.borrow_mut();
        let position = pending.iter().position(|(_, ends, _)| is_mine(ends))?;
        pending.remove(position)
    }

    pub(super) fn medium(&self) -> Medium {
        self.0.cable.borrow().medium
    }

    fn on_frame(&self, frame: &[u8]) {
        self.0.frames.borrow_mut().push(frame.to_vec());
        let (ends, packet) = decode(self.medium(), frame);
        if let Packet::Tcp(segment) = &packet
            && segment.syn
        {
            self.0.syns.borrow_mut().insert(flow(ends), segment.seq);
        }
        let packet = packet.relative_to(self.base(ends));
        self.note('<', ends, &packet);
        let Packet::Ask(addr) = packet else {
            self.0.pending.borrow_mut().push_back((self.now(), ends, packet));
            return;
        };
        self.0.asked.borrow_mut().push((self.now(), addr));
        if let Some(mac) = self.0.neighbors.borrow().get(&addr) {
            let answer = encode_i_am(Macs { sender: *mac, receiver: HOST_MAC }, addr, ends.sender, Arp::Reply);
            self.0.cable.borrow_mut().to_host.push_back(answer);
        }
    }

    fn base(&self, ends: Ends) -> Base {
        let syns = self.0.syns.borrow();
        let of = |flow| syns.get(&flow).copied().unwrap_or(0);
        Base { sender: of(flow(ends)), receiver: of(reverse(flow(ends))) }
    }

    fn note(&self, direction: char, ends: Ends, packet: &Packet) {
        let at = self.now().as_secs_f64();
        let peer =
            if direction == '>' { (ends.sender, ends.ports.sender) } else { (ends.receiver, ends.ports.receiver) };
        let mut log = self.0.log.borrow_mut();
        writeln!(log, "{at:12.6} {direction} {}:{} {packet}", peer.0, peer.1).expect("a String grows");
    }
}

fn flow(ends: Ends) -> Flow {
    (ends.sender, ends.ports.sender, ends.receiver, ends.ports.receiver)
}

fn reverse((sender, sender_port, receiver, receiver_port): Flow) -> Flow {
    (receiver, receiver_port, sender, sender_port)
}
