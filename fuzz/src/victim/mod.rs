//! Which stack is attacked, and with which frames to start from?

pub mod packet;
pub mod port;
mod samples;
mod segment;

use std::net::{IpAddr, SocketAddr};

use smolsock::addr::MacAddr;
use smolsock::device::Medium;
use smolsock::sockopt::{
    IP_ADD_MEMBERSHIP, IP_PKTINFO, IP_RECVTOS, IP_RECVTTL, IPV6_JOIN_GROUP, IPV6_RECVPKTINFO, Membership,
    TCP_USER_TIMEOUT,
};
use smolsock::time::{Duration, Instant};
use smolsock::{Config, Domain, Seed, SocketId, Stack, Step, Type};

use port::Port;
use segment::Said;
pub use segment::Segment;

/// Steps until a stack that is given nothing more must have come to rest.
const STEPS_MAX: usize = 1_000;

/// Longer than any device says it can carry, in bytes.
const FRAME_MAX: u16 = 2_048;

/// Frames of the victim that are kept, to be quoted in errors.
const SENT_MAX: usize = 16;

/// RFC 792, RFC 4443: the types of errors, of both families.
const ERRORS: [u8; 8] = [3, 1, 2, 4, 11, 12, 5, 137];

/// Longer than any connection outlives its `close`.
const ALL_OVER: Duration = Duration::from_secs(1_200);

/// A stack with sockets of every kind, and its peer's frames.
pub struct Victim {
    /// What is attacked.
    pub stack: Stack<'static>,
    /// Its device.
    pub port: Port,
    /// Its time.
    pub now: Instant,
    /// Every socket that is open, in the order of [`Socket`]; then what was accepted.
    pub sockets: Vec<SocketId>,
    /// Every frame that the peer sent to get here: good ones to change a little.
    pub samples: Vec<Vec<u8>>,
    /// The last frames of the victim.
    pub sent: Vec<Vec<u8>>,
    said: Said,
}

/// The sockets that every victim has.
#[derive(Clone, Copy, Debug)]
pub enum Socket {
    /// TCP, IPv4 and IPv6, listening on port 7.
    Listener,
    /// TCP, accepted from the peer.
    Accepted,
    /// TCP, connected to the peer's port 7.
    Connected,
    /// UDP, IPv4 and IPv6, on port 9, with two groups and all control messages.
    Datagrams,
    /// UDP, connected to the peer's port 9.
    Pair,
    /// ICMP, IPv4.
    Ping,
    /// ICMP, IPv6.
    Ping6,
    /// Raw, protocol 253, IPv4.
    Raw,
    /// Raw, IPv4, with headers.
    Headers,
    /// Raw, ICMPv6.
    RawIcmp6,
    /// TCP, connected to the stack itself.
    Own,
    /// TCP, the other end of that.
    OwnAccepted,
}

/// How many sockets every victim has.
pub const SOCKETS: usize = 12;

impl Victim {
    /// Lets a real peer connect and speak, and then go away. With `is_small`, tables are soon full.
    pub fn new(medium: Medium, is_small: bool) -> Victim {
        let mut port = Port::new(medium);
        let mut peer_port = Port::new(medium);
        let mut stack = new_stack(medium, 1, &port, is_small);
        let mut peer = samples::Peer::new(new_stack(medium, 2, &peer_port, false));
        let mut now = Instant::from_secs(1);
        let mut sockets = open_sockets(&mut stack);
        sockets.extend(talk_to_oneself(&mut stack, now, &mut port));
        let (mut samples, mut sent) = (Vec::new(), Vec::new());
        for round in 0..16 {
            now = now + Duration::from_millis(20);
            peer.act(round);
            settle(&mut peer.stack, now, &mut peer_port);
            samples.extend(peer_port.sent.iter().cloned());
            port.waiting.extend(peer_port.sent.drain(..));
            settle(&mut stack, now, &mut port);
            sent.extend(port.sent.iter().cloned());
            peer_port.waiting.extend(port.sent.drain(..));
        }
        let listener = sockets[Socket::Listener as usize];
        let (connection, _) = stack.accept(listener).expect("the peer has connected");
        sockets[Socket::Accepted as usize] = connection;
        assert_eq!(sockets.len(), SOCKETS);
        let mut said = Said::default();
        sent.iter().for_each(|frame: &Vec<u8>| said.hear(frame));
        Victim { stack, port, now, sockets, samples, sent, said }
    }

    /// One of the sockets that are open.
    pub fn socket(&self, nth: u8) -> SocketId {
        self.sockets[usize::from(nth) % self.sockets.len()]
    }

    /// Hands over one frame and steps until nothing more happens.
    pub fn receive(&mut self, frame: Vec<u8>) {
        self.port.waiting.push_back(frame);
        self.settle();
    }

    /// Steps until nothing more happens; only the last frames that the stack sends are kept.
    pub fn settle(&mut self) {
        settle(&mut self.stack, self.now, &mut self.port);
        if self.port.medium == Medium::Ip {
            self.port.sent.iter().for_each(|packet| self.said.hear(packet));
        }
        self.sent.append(&mut self.port.sent);
        let old = self.sent.len().saturating_sub(SENT_MAX);
        self.sent.drain(..old);
    }

    /// Hands over a segment that is aimed at what the stack said last. Only without Ethernet.
    pub fn receive_segment(&mut self, segment: &Segment) {
        let packet = self.said.packet(segment);
        self.receive(packet);
    }

    /// Begins a connection, if there is room for one.
    pub fn connect(&mut self, remote: SocketAddr) {
        if let Ok(id) = self.stack.socket(Domain::Inet, Type::Stream) {
            let _in_progress = self.stack.connect(id, remote);
            if let Ok(local) = self.stack.getsockname(id) {
                self.said.nothing((local.port(), remote.port()));
            }
            self.keep(id, 2 * SOCKETS);
        }
    }

    /// Keeps a socket open to the end, unless there are `most` already.
    pub fn keep(&mut self, id: SocketId, most: usize) {
        if self.sockets.len() < most {
            self.sockets.push(id);
        } else {
            let _ = self.stack.setsockopt(id, TCP_USER_TIMEOUT, 30_000);
            self.stack.close(id).expect("it is open");
        }
    }

    /// Hands over one of the peer's frames with some bytes changed, cut or lengthened to `len` bytes.
    pub fn receive_sample(&mut self, nth: u8, edits: &[(u8, u8)], len: Option<u16>) {
        let mut frame = self.sample(nth);
        for (at, change) in edits {
            if let Some(byte) = frame.get_mut(usize::from(*at)) {
                *byte ^= change;
            }
        }
        if let Some(len) = len {
            frame.resize(usize::from(len % FRAME_MAX), 0);
        }
        // With bad ones nothing would come of it but a counter: any bytes at all have them.
        packet::seal(self.port.medium, &mut frame);
        self.receive(frame);
    }

    /// Hands over a part of one of the peer's packets as a fragment: `from` and `len` in units of 8 bytes.
    pub fn receive_fragment(&mut self, nth: u8, ident: u8, from: u8, len: u8, more: bool) {
        let sample = self.sample(nth);
        let (from, len) = (usize::from(from) * 8, usize::from(len) * 8);
        if let Some(frame) = packet::fragment(self.port.medium, &sample, ident.into(), from..from + len, more) {
            self.receive(frame);
        }
    }

    /// Hands over an ICMP error about one of the last packets that the stack sent; `value` is the MTU or the pointer.
    pub fn receive_error(&mut self, nth: u8, kind: u8, code: u8, value: u16) {
        let kind = ERRORS.get(usize::from(kind)).copied().unwrap_or(kind);
        let Some(about) = self.sent.len().checked_sub(1).map(|last| &self.sent[usize::from(nth) % (last + 1)]) else {
            return;
        };
        if let Some(frame) = packet::icmp_error(self.port.medium, about, kind, code, value) {
            self.receive(frame);
        }
    }

    fn sample(&self, nth: u8) -> Vec<u8> {
        self.samples[usize::from(nth) % self.samples.len()].clone()
    }

    /// Lets time pass, without skipping a deadline that lies between.
    pub fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..STEPS_MAX {
            self.now = self.stack.next_step().map_or(end, |at| at.clamp(self.now, end));
            self.settle();
            if self.now == end {
                return;
            }
        }
        panic!("a stack without input wants more than {STEPS_MAX} steps in {time:?}");
    }

    /// Closes everything, and after a while nothing may be left of it.
    pub fn end(mut self) {
        for id in core::mem::take(&mut self.sockets) {
            let _not_tcp = self.stack.setsockopt(id, TCP_USER_TIMEOUT, 30_000);
            self.stack.close(id).expect("frames never take a descriptor away");
        }
        self.wait(ALL_OVER);
        let left = self.stack.netstat().to_string();
        assert_eq!(self.stack.netstat().rows().count(), 0, "left when everything is closed:\n{left}");
    }
}

fn open_sockets(stack: &mut Stack<'_>) -> Vec<SocketId> {
    let mut open = |domain, kind| stack.socket(domain, kind).expect("room");
    let listener = open(Domain::Inet6, Type::Stream);
    let connected = open(Domain::Inet, Type::Stream);
    let datagrams = open(Domain::Inet6, Type::Datagram);
    let pair = open(Domain::Inet6, Type::Datagram);
    let pings = [open(Domain::Inet, Type::Icmp), open(Domain::Inet6, Type::Icmp)];
    let raws = [Type::Raw(253), Type::Raw(255)].map(|kind| open(Domain::Inet, kind));
    let raw_icmp6 = open(Domain::Inet6, Type::Raw(58));
    stack.bind(listener, at("::", 7)).expect("free");
    stack.listen(listener, 4).expect("bound");
    let _in_progress = stack.connect(connected, at("192.0.2.2", 7));
    stack.bind(datagrams, at("::", 9)).expect("free");
    for (option, group) in [(IP_ADD_MEMBERSHIP, "239.1.2.3"), (IPV6_JOIN_GROUP, "ff02::1234")] {
        stack.setsockopt(datagrams, option, Membership::of(ip(group))).expect("room");
    }
    for option in [IP_PKTINFO, IP_RECVTTL, IP_RECVTOS, IPV6_RECVPKTINFO] {
        stack.setsockopt(datagrams, option, true).expect("an option of UDP");
    }
    stack.connect(pair, at("2001:db8::2", 9)).expect("a route");
    // The listener stands in for the connection that it has not accepted yet.
    let mut all = vec![listener, listener, connected, datagrams, pair];
    all.extend(pings.into_iter().chain(raws).chain([raw_icmp6]));
    all
}

/// Both ends of a connection that never meets the device.
fn talk_to_oneself(stack: &mut Stack<'_>, mut now: Instant, port: &mut Port) -> [SocketId; 2] {
    let listener = stack.socket(Domain::Inet6, Type::Stream).expect("room");
    stack.bind(listener, at("::1", 8)).expect("free");
    stack.listen(listener, 1).expect("bound");
    let client = stack.socket(Domain::Inet6, Type::Stream).expect("room");
    let _in_progress = stack.connect(client, at("::1", 8));
    for _ in 0..10 {
        now = now + Duration::from_millis(1);
        settle(stack, now, port);
    }
    let (accepted, _) = stack.accept(listener).expect("it is connected");
    stack.close(listener).expect("it is open");
    [client, accepted]
}

/// An address that stands in this source.
pub fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// The same with a port.
pub fn at(text: &str, port: u16) -> SocketAddr {
    SocketAddr::new(ip(text), port)
}

fn settle(stack: &mut Stack<'_>, now: Instant, port: &mut Port) {
    let rested = (0..STEPS_MAX).any(|_| stack.step(now, port) != Step::More);
    assert!(rested, "a stack without input has not come to rest after {STEPS_MAX} steps");
}

/// A host with two addresses that end in its number. With `is_small`, tables are soon full.
pub fn new_stack(medium: Medium, host: u8, port: &Port, is_small: bool) -> Stack<'static> {
    let seed = Seed::new([host; 16]).expect("not all zero");
    let mut config = match medium {
        Medium::Ethernet => Config::ethernet(MacAddr([2, 0, 0, 0, 0, host]), seed),
        Medium::Ip => Config::ip(seed),
    };
    config = config.address(format!("192.0.2.{host}/24").parse().expect("an address"));
    config = config.address(format!("2001:db8::{host}/64").parse().expect("an address"));
    if is_small {
        (config.tcp_recv_bytes, config.tcp_send_bytes) = (100, 100);
        (config.udp_recv_bytes, config.udp_send_bytes, config.udp_queue_datagrams) = (1_000, 1_000, 2);
        (config.sockets_max, config.time_wait_max, config.half_open_max) = (SOCKETS + 2, 1, 2);
        (config.reassembly_max, config.memberships_max) = (1, 3);
    }
    Stack::new(config, port).expect("a sound configuration")
}
