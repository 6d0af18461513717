//! Contender two: smolsock, driven by `step` alone, as its contract says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use smolsock::addr::Cidr;
use smolsock::time::Instant;
use smolsock::{Config, Domain, Errno, Seed, SocketId, Stack, Step, Type};

use crate::pair::{Buffers, Pair};
use crate::wire::{Side, Wire};

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const FIRST_SERVER_PORT: u16 = 7000;
/// A client has 16,384 ephemeral ports towards each of the server's.
const CONNS_PER_SERVER_PORT: usize = 8_000;
/// The clock moves as far as for plain smoltcp; our own TIME-WAIT is 60 seconds, so some are always waiting.
const PAST_PLAIN_TIME_WAIT: Duration = Duration::from_millis(10_001);

/// Two stacks and a wire.
pub struct Ours {
    now: Instant,
    wire: Wire,
    client: Stack<'static>,
    server: Stack<'static>,
    listeners: Vec<SocketId>,
    opened: usize,
}

/// Sockets at both ends.
#[derive(Clone, Copy, Debug)]
pub struct OursConn {
    client: SocketId,
    server: SocketId,
}

impl Ours {
    fn stack(&mut self, side: Side) -> &mut Stack<'static> {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn step(&mut self, side: Side) {
        let stack = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        let mut device = self.wire.end(side);
        while stack.step(self.now, &mut device) == Step::More {}
    }

    /// Two packets; the third goes out with the client's next step, which may carry data as well.
    fn handshake(&mut self, client: SocketId, remote: SocketAddr) {
        let started = self.client.connect(client, remote);
        assert_eq!(started, Err(Errno::EINPROGRESS));
        self.step(Side::Client); // SYN
        self.step(Side::Server); // SYN, ACK
        self.step(Side::Client); // the client is connected
    }
}

impl Pair for Ours {
    type Conn = OursConn;

    fn new(buffers: Buffers, conns_max: usize) -> Ours {
        let mut wire = Wire::new();
        let client = new_stack(CLIENT, buffers, Side::Client, &mut wire);
        let mut server = new_stack(SERVER, buffers, Side::Server, &mut wire);
        let mut listeners = Vec::new();
        for which in 0..conns_max.div_ceil(CONNS_PER_SERVER_PORT) {
            let listener = server.socket(Domain::Inet, Type::Stream).expect("room for some listeners");
            server.bind(listener, server_port(which)).expect("the port is free");
            server.listen(listener, 128).expect("the socket is bound");
            listeners.push(listener);
        }
        Ours { now: Instant::ZERO, wire, client, server, listeners, opened: 0 }
    }

    fn connect(&mut self) -> OursConn {
        let which = self.opened / CONNS_PER_SERVER_PORT;
        self.opened += 1;
        let client = self.client.socket(Domain::Inet, Type::Stream).expect("room for one more socket");
        self.handshake(client, server_port(which));
        self.step(Side::Client); // ACK
        self.step(Side::Server);
        assert!(self.wire.is_idle(), "the handshake takes three packets");
        assert_eq!(self.client.connect(client, server_port(which)), Ok(()));
        let (server, _) = self.server.accept(self.listeners[which]).expect("the handshake is over");
        OursConn { client, server }
    }

    fn send(&mut self, side: Side, conn: OursConn, bytes: &[u8]) -> usize {
        match self.stack(side).send(conn.at(side), bytes) {
            Err(Errno::EAGAIN) => 0,
            taken => taken.expect("the connection is open"),
        }
    }

    fn recv(&mut self, side: Side, conn: OursConn, bytes: &mut [u8]) -> usize {
        match self.stack(side).recv(conn.at(side), bytes) {
            Err(Errno::EAGAIN) => 0,
            given => given.expect("the connection is open"),
        }
    }

    fn receive(&mut self, side: Side) {
        self.step(side);
    }

    fn transmit(&mut self, side: Side) {
        self.now = self.now + Duration::from_micros(1);
        self.step(side);
    }

    fn short_connection(&mut self) {
        let client = self.client.socket(Domain::Inet, Type::Stream).expect("room for one more socket");
        self.handshake(client, server_port(0));
        assert_eq!(self.client.send(client, b"x"), Ok(1));
        self.client.close(client).expect("the socket is open");
        self.step(Side::Client); // ACK, the byte and FIN
        self.step(Side::Server);
        let (server, _) = self.server.accept(self.listeners[0]).expect("the handshake is over");
        let mut byte = [0; 8];
        assert_eq!(self.server.recv(server, &mut byte), Ok(1));
        assert_eq!(self.server.recv(server, &mut byte), Ok(0));
        self.server.close(server).expect("the socket is open");
        self.step(Side::Server); // FIN
        self.step(Side::Client); // ACK
        self.step(Side::Server);
        assert!(self.wire.is_idle(), "the connection has ended");
        self.now = self.now + PAST_PLAIN_TIME_WAIT;
        self.step(Side::Client);
    }

    fn packets(&self) -> u64 {
        self.wire.packets()
    }
}

impl OursConn {
    fn at(self, side: Side) -> SocketId {
        match side {
            Side::Client => self.client,
            Side::Server => self.server,
        }
    }
}

fn server_port(which: usize) -> SocketAddr {
    SocketAddr::new(SERVER, FIRST_SERVER_PORT + which as u16)
}

fn new_stack(address: IpAddr, buffers: Buffers, side: Side, wire: &mut Wire) -> Stack<'static> {
    let seed = Seed::new(*b"seed of a bench.").expect("not all zero");
    let mut config = Config::ip(seed).address(Cidr::new(address, 24).expect("24 bits of 32"));
    config.tcp_recv_bytes = buffers.recv_bytes;
    config.tcp_send_bytes = buffers.send_bytes;
    Stack::new(config, &wire.end(side)).expect("the configuration is sound")
}
