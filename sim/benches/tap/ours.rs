//! Contender one: smolsock on its TAP.

use std::os::fd::AsFd;
use std::time::Instant as Clock;

use smolsock::blocking::{Descriptor, Waiter};
use smolsock::device::tap::Tap;
use smolsock::time::{Duration, Instant};
use smolsock::{Config, Domain, Errno, Seed, SocketId, Stack, Step, Type};

use crate::net::{self, Direction};

/// A connection with the kernel.
pub struct Ours {
    stack: Stack<'static>,
    tap: Tap,
    connection: SocketId,
    start: Clock,
    buffer: Vec<u8>,
    bytes: u64,
    waiter: Descriptor,
}

impl Ours {
    /// Connects over a new TAP. `send_bytes`: the send buffer; `busy_poll`: how long it asks for frames before it sleeps.
    pub fn new(direction: Direction, bytes: u64, send_bytes: usize, busy_poll: Duration) -> Self {
        let tap = Tap::open("ours%d").expect("the rights are there");
        let octet = tap.name().trim_start_matches("ours").parse::<u8>().expect("a number") + 1;
        net::ip(&format!("addr add 198.18.{octet}.2/24 dev {}", tap.name()));
        net::ip(&format!("link set {} up", tap.name()));
        let seed = Seed::new(*b"a benchmark's 16").expect("not all 0");
        let mut config = Config::ethernet("02:00:00:00:00:01".parse().expect("a MAC"), seed)
            .address(format!("198.18.{octet}.1/24").parse().expect("an address"));
        config.tcp_send_bytes = send_bytes;
        config.tcp_recv_bytes = smolsock::TCP_RECV_BYTES_MAX;
        let mut stack = Stack::new(config, &tap).expect("they fit");
        let server = stack.socket(Domain::Inet, Type::Stream).expect("a socket");
        let addr = format!("198.18.{octet}.1:7").parse().expect("an address");
        stack.bind(server, addr).expect("free");
        stack.listen(server, 1).expect("bound");
        net::peer(addr, direction, bytes);
        let buffer = vec![7; net::CALL_BYTES];
        let waiter = Descriptor::new(tap.as_fd()).expect("a descriptor more").busy_poll(busy_poll);
        let mut ours = Self { stack, tap, connection: server, start: Clock::now(), buffer, bytes, waiter };
        let (connection, _) = ours.until(|stack, server, _| stack.accept(server));
        ours.connection = connection;
        ours
    }

    /// Moves the bytes of a round.
    pub fn round(&mut self, direction: Direction) -> u64 {
        match direction {
            Direction::Send => {
                self.send(self.bytes);
                self.receive(1);
            }
            Direction::Receive => {
                self.send(1);
                self.receive(self.bytes);
                self.send(1);
            }
        }
        // Nobody runs the stack until the next round.
        let _ = self.stack.step(Instant::ZERO + self.start.elapsed(), &mut self.tap);
        self.bytes
    }

    fn send(&mut self, bytes: u64) {
        let mut rest = bytes;
        while rest > 0 {
            let want = usize::try_from(rest).unwrap_or(usize::MAX);
            rest -= self.until(|stack, connection, buffer| {
                let len = buffer.len().min(want);
                stack.send(connection, &buffer[..len])
            }) as u64;
        }
    }

    fn receive(&mut self, bytes: u64) {
        let mut rest = bytes;
        while rest > 0 {
            let len = self.until(|stack, connection, buffer| stack.recv(connection, buffer));
            assert!(len > 0, "the peer has closed");
            rest -= len as u64;
        }
    }

    /// Runs the stack until `call` gives something.
    fn until<T>(&mut self, mut call: impl FnMut(&mut Stack<'static>, SocketId, &mut [u8]) -> Result<T, Errno>) -> T {
        loop {
            match call(&mut self.stack, self.connection, &mut self.buffer) {
                Ok(done) => return done,
                Err(Errno::EAGAIN) => {}
                Err(error) => panic!("{error}; device: {:?}", self.tap),
            }
            let now = Instant::ZERO + self.start.elapsed();
            let step = self.stack.step(now, &mut self.tap);
            let next = self.stack.next_step();
            match call(&mut self.stack, self.connection, &mut self.buffer) {
                Ok(done) => return done,
                Err(_) if step != Step::More => {
                    let limit = next.map_or(IDLE_MAX, |at| at.saturating_duration_since(now)).min(IDLE_MAX);
                    self.waiter.wait(step == Step::Blocked, Some(limit)).expect("a descriptor");
                }
                Err(_) => {}
            }
        }
    }
}

/// Longer than anything takes.
const IDLE_MAX: Duration = Duration::from_secs(1);
