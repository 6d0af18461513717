//! Which stack is attacked, and with which frames to start from?

use std::collections::VecDeque;

use smolsock::addr::MacAddr;
use smolsock::device::{
    Checksum, ChecksumCapabilities, Device, DeviceCapabilities, DeviceInstant, Medium, RxToken, TxToken,
};
use smolsock::time::{Duration, Instant};
use smolsock::{Config, Domain, Seed, SocketId, Stack, Step, Type};

/// Steps until a stack that is given nothing more must have come to rest.
const STEPS_MAX: usize = 1_000;

/// Longer than any device says it can carry, in bytes.
const FRAME_MAX: u16 = 2_048;

/// A stack with a listener, an accepted connection and a UDP socket, and its peer's frames.
pub struct Victim {
    /// What is attacked.
    pub stack: Stack<'static>,
    /// Its device.
    pub port: Port,
    /// Its time.
    pub now: Instant,
    /// TCP, listening on port 7.
    pub listener: SocketId,
    /// TCP, established.
    pub connection: SocketId,
    /// UDP, bound to port 9.
    pub datagrams: SocketId,
    /// Every frame that the peer sent to get here: good ones to change a little.
    pub samples: Vec<Vec<u8>>,
}

impl Victim {
    /// Lets a real peer connect and speak, and then go away.
    pub fn new(medium: Medium) -> Victim {
        let mut port = Port::new(medium);
        let mut peer_port = Port::new(medium);
        let mut stack = new_stack(medium, 1, &port);
        let mut peer = new_stack(medium, 2, &peer_port);
        let listener = stack.socket(Domain::Inet, Type::Stream).expect("room");
        stack.bind(listener, "0.0.0.0:7".parse().expect("an address")).expect("free");
        stack.listen(listener, 4).expect("bound");
        let datagrams = stack.socket(Domain::Inet, Type::Datagram).expect("room");
        stack.bind(datagrams, "0.0.0.0:9".parse().expect("an address")).expect("free");
        let stream = peer.socket(Domain::Inet, Type::Stream).expect("room");
        let _in_progress = peer.connect(stream, "192.0.2.1:7".parse().expect("an address"));
        let sender = peer.socket(Domain::Inet, Type::Datagram).expect("room");
        let mut now = Instant::from_secs(1);
        let mut samples = Vec::new();
        for round in 0..12 {
            now = now + Duration::from_millis(20);
            if round == 6 {
                peer.send_to(sender, b"datagram", "192.0.2.1:9".parse().expect("an address")).expect("room");
                peer.send(stream, b"segment").expect("connected");
            }
            settle(&mut peer, now, &mut peer_port);
            samples.extend(peer_port.sent.iter().cloned());
            port.waiting.extend(peer_port.sent.drain(..));
            settle(&mut stack, now, &mut port);
            peer_port.waiting.extend(port.sent.drain(..));
        }
        let (connection, _) = stack.accept(listener).expect("the peer has connected");
        Victim { stack, port, now, listener, connection, datagrams, samples }
    }

    /// Hands over one frame and steps until nothing more happens; what the stack sends is thrown away.
    pub fn receive(&mut self, frame: Vec<u8>) {
        self.port.waiting.push_back(frame);
        settle(&mut self.stack, self.now, &mut self.port);
        self.port.sent.clear();
    }

    /// Hands over one of the peer's frames with some bytes changed, cut or lengthened to `len` bytes.
    pub fn receive_sample(&mut self, nth: u8, edits: &[(u8, u8)], len: Option<u16>) {
        let mut frame = self.samples[usize::from(nth) % self.samples.len()].clone();
        for (at, change) in edits {
            if let Some(byte) = frame.get_mut(usize::from(*at)) {
                *byte ^= change;
            }
        }
        if let Some(len) = len {
            frame.resize(usize::from(len % FRAME_MAX), 0);
        }
        self.receive(frame);
    }

    /// Lets time pass, without skipping a deadline that lies between.
    pub fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..STEPS_MAX {
            self.now = self.stack.next_step().map_or(end, |at| at.clamp(self.now, end));
            settle(&mut self.stack, self.now, &mut self.port);
            self.port.sent.clear();
            if self.now == end {
                return;
            }
        }
        panic!("a stack without input wants more than {STEPS_MAX} steps in {time:?}");
    }
}

fn settle(stack: &mut Stack<'_>, now: Instant, port: &mut Port) {
    let rested = (0..STEPS_MAX).any(|_| stack.step(now, port) != Step::More);
    assert!(rested, "a stack without input has not come to rest after {STEPS_MAX} steps");
}

fn new_stack(medium: Medium, host: u8, port: &Port) -> Stack<'static> {
    let seed = Seed::new([host; 16]).expect("not all zero");
    let mut config = match medium {
        Medium::Ethernet => Config::ethernet(MacAddr([2, 0, 0, 0, 0, host]), seed),
        Medium::Ip => Config::ip(seed),
    };
    config = config.address(format!("192.0.2.{host}/24").parse().expect("an address"));
    config = config.address(format!("2001:db8::{host}/64").parse().expect("an address"));
    Stack::new(config, port).expect("a sound configuration")
}

/// A device whose two ends lie open. Checksums of arriving packets are not verified, or hardly any would get through.
#[derive(Debug)]
pub struct Port {
    medium: Medium,
    waiting: VecDeque<Vec<u8>>,
    sent: Vec<Vec<u8>>,
}

impl Port {
    fn new(medium: Medium) -> Port {
        Port { medium, waiting: VecDeque::new(), sent: Vec::new() }
    }
}

impl Device for Port {
    type RxToken<'a> = Frame;
    type TxToken<'a> = Room<'a>;

    fn receive(&mut self, _now: DeviceInstant) -> Option<(Frame, Room<'_>)> {
        let frame = self.waiting.pop_front()?;
        Some((Frame(frame), Room(&mut self.sent)))
    }

    fn transmit(&mut self, _now: DeviceInstant) -> Option<Room<'_>> {
        Some(Room(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = self.medium;
        capabilities.max_transmission_unit = 1514;
        capabilities.checksum = ChecksumCapabilities::ignored();
        for checksum in [
            &mut capabilities.checksum.ipv4,
            &mut capabilities.checksum.tcp,
            &mut capabilities.checksum.udp,
            &mut capabilities.checksum.icmpv4,
            &mut capabilities.checksum.icmpv6,
        ] {
            *checksum = Checksum::Tx;
        }
        capabilities
    }
}

/// A frame that has arrived.
#[derive(Debug)]
pub struct Frame(Vec<u8>);

impl RxToken for Frame {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

/// Room for a frame.
#[derive(Debug)]
pub struct Room<'a>(&'a mut Vec<Vec<u8>>);

impl TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.push(frame);
        result
    }
}
