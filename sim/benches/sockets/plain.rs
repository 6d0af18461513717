//! Contender one: plain smoltcp, used as its manual says.

use smoltcp::iface::{Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet};
use smoltcp::socket::{Socket, tcp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use crate::pair::{Buffers, Pair};
use crate::wire::{self, Side, Wire};

const CLIENT: IpAddress = IpAddress::v4(10, 0, 0, 1);
const SERVER: IpAddress = IpAddress::v4(10, 0, 0, 2);
const SERVER_PORT: u16 = 7;
const FIRST_CLIENT_PORT: u16 = 1024;
/// smoltcp's own TIME-WAIT is 10 seconds.
const PAST_TIME_WAIT: Duration = Duration::from_millis(10_001);

/// Two interfaces, each with one socket set.
pub struct Plain {
    now: Instant,
    wire: Wire,
    client: End,
    server: End,
    buffers: Buffers,
    opened: u16,
    /// The sockets of [`Plain::short_connection_again`].
    kept: Option<PlainConn>,
}

/// Handles at both ends.
#[derive(Clone, Copy, Debug)]
pub struct PlainConn {
    client: SocketHandle,
    server: SocketHandle,
}

struct End {
    iface: Interface,
    sockets: SocketSet<'static>,
}

impl End {
    fn new(address: IpAddress, side: Side, wire: &mut Wire) -> End {
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = 0x5eed;
        let mut iface = Interface::new(config, &mut wire.end(side), Instant::ZERO);
        iface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(address, 24)).expect("an interface has room for one address");
        });
        End { iface, sockets: SocketSet::new(Vec::new()) }
    }

    fn tcp(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }
}

impl Plain {
    fn end(&mut self, side: Side) -> &mut End {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn parts(&mut self, side: Side) -> (Instant, &mut End, wire::End<'_>) {
        let end = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        (self.now, end, self.wire.end(side))
    }

    /// Like [`Pair::short_connection`], on sockets that are used again and again: firmware with fixed sockets.
    pub fn short_connection_again(&mut self) {
        let conn = match self.kept {
            Some(conn) => conn,
            None => {
                let conn = self.add_sockets();
                *self.kept.insert(conn)
            }
        };
        self.short_connection_on(conn);
    }

    fn short_connection_on(&mut self, conn: PlainConn) {
        self.start(conn);
        self.transmit(Side::Client); // SYN
        self.turn(Side::Server); // SYN, ACK
        self.receive(Side::Client);
        assert_eq!(self.send(Side::Client, conn, b"x"), 1);
        self.client.tcp(conn.client).close();
        self.transmit(Side::Client); // ACK, the byte and FIN
        self.receive(Side::Server);
        let mut byte = [0; 8];
        assert_eq!(self.recv(Side::Server, conn, &mut byte), 1);
        assert_eq!(self.server.tcp(conn.server).recv_slice(&mut byte), Err(tcp::RecvError::Finished));
        self.server.tcp(conn.server).close();
        self.transmit(Side::Server); // FIN
        self.turn(Side::Client); // ACK
        self.receive(Side::Server);
        self.now += PAST_TIME_WAIT;
        self.transmit(Side::Client);
        assert_eq!(self.client.tcp(conn.client).state(), tcp::State::Closed);
        assert_eq!(self.server.tcp(conn.server).state(), tcp::State::Closed);
    }

    fn add_sockets(&mut self) -> PlainConn {
        let (client, server) = (self.new_socket(), self.new_socket());
        PlainConn { client: self.client.sockets.add(client), server: self.server.sockets.add(server) }
    }

    /// `receive`, then `transmit`.
    fn turn(&mut self, side: Side) {
        self.receive(side);
        self.transmit(side);
    }

    fn new_socket(&self) -> tcp::Socket<'static> {
        let mut socket = tcp::Socket::new(
            tcp::SocketBuffer::new(vec![0; self.buffers.recv_bytes]),
            tcp::SocketBuffer::new(vec![0; self.buffers.send_bytes]),
        );
        socket.set_congestion_control(tcp::CongestionControl::Cubic);
        socket
    }

    fn next_port(&mut self) -> u16 {
        self.opened = (self.opened + 1) % 60_000;
        FIRST_CLIENT_PORT + self.opened
    }

    fn start(&mut self, conn: PlainConn) {
        let port = self.next_port();
        self.server.tcp(conn.server).listen(SERVER_PORT).expect("a closed socket listens");
        let End { iface, sockets } = &mut self.client;
        sockets
            .get_mut::<tcp::Socket>(conn.client)
            .connect(iface.context(), (SERVER, SERVER_PORT), (CLIENT, port))
            .expect("a closed socket connects");
    }
}

impl Pair for Plain {
    type Conn = PlainConn;

    fn new(buffers: Buffers, conns_max: usize) -> Plain {
        assert!(conns_max < 60_000, "one address has no more client ports");
        let mut wire = Wire::new();
        Plain {
            now: Instant::ZERO,
            client: End::new(CLIENT, Side::Client, &mut wire),
            server: End::new(SERVER, Side::Server, &mut wire),
            wire,
            buffers,
            opened: 0,
            kept: None,
        }
    }

    fn connect(&mut self) -> PlainConn {
        // In sets of their own at first: in the full sets each handshake would search all sockets.
        let mut sets = [SocketSet::new(Vec::new()), SocketSet::new(Vec::new())];
        std::mem::swap(&mut self.client.sockets, &mut sets[0]);
        std::mem::swap(&mut self.server.sockets, &mut sets[1]);
        let alone = self.add_sockets();
        self.start(alone);
        for _ in 0..2 {
            self.turn(Side::Client);
            self.turn(Side::Server);
        }
        assert!(self.wire.is_idle(), "the handshake takes three packets");
        assert_eq!(self.server.tcp(alone.server).state(), tcp::State::Established);
        let client = only_socket(&mut self.client.sockets, alone.client);
        let server = only_socket(&mut self.server.sockets, alone.server);
        let [clients, servers] = sets;
        self.client.sockets = clients;
        self.server.sockets = servers;
        PlainConn { client: self.client.sockets.add(client), server: self.server.sockets.add(server) }
    }

    fn send(&mut self, side: Side, conn: PlainConn, bytes: &[u8]) -> usize {
        let handle = conn.at(side);
        self.end(side).tcp(handle).send_slice(bytes).expect("the connection is open")
    }

    fn recv(&mut self, side: Side, conn: PlainConn, bytes: &mut [u8]) -> usize {
        let handle = conn.at(side);
        self.end(side).tcp(handle).recv_slice(bytes).expect("the connection is open")
    }

    fn receive(&mut self, side: Side) {
        let (now, end, mut device) = self.parts(side);
        while end.iface.poll_ingress_single(now, &mut device, &mut end.sockets) != PollIngressSingleResult::None {}
    }

    fn transmit(&mut self, side: Side) {
        self.now += Duration::from_micros(1);
        let (now, end, mut device) = self.parts(side);
        while end.iface.poll_egress(now, &mut device, &mut end.sockets) != PollResult::None {}
    }

    fn short_connection(&mut self) {
        let conn = self.add_sockets();
        self.short_connection_on(conn);
        self.client.sockets.remove(conn.client);
        self.server.sockets.remove(conn.server);
    }

    fn packets(&self) -> u64 {
        self.wire.packets()
    }
}

impl PlainConn {
    fn at(self, side: Side) -> SocketHandle {
        match side {
            Side::Client => self.client,
            Side::Server => self.server,
        }
    }
}

fn only_socket(sockets: &mut SocketSet<'static>, handle: SocketHandle) -> tcp::Socket<'static> {
    match sockets.remove(handle) {
        Socket::Tcp(socket) => socket,
        _ => unreachable!("only TCP sockets were added"),
    }
}
