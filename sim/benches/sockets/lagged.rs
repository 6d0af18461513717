//! What is the least that simulates two plain smoltcp stacks, a cable with a delay, and virtual time?

use std::collections::VecDeque;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use crate::pair::Buffers;

const CLIENT: IpAddress = IpAddress::v4(10, 0, 0, 1);
const SERVER: IpAddress = IpAddress::v4(10, 0, 0, 2);

/// One connection between two stacks; time goes on to whatever happens next.
pub struct Lagged {
    now: Instant,
    client: End,
    server: End,
    there: Lane,
    back: Lane,
    delay: Duration,
    packets: u64,
}

struct End {
    iface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
}

/// One direction of the cable.
#[derive(Default)]
struct Lane {
    flying: VecDeque<(Instant, Vec<u8>)>,
    spare: Vec<Vec<u8>>,
}

impl End {
    fn new(address: IpAddress, buffers: Buffers) -> End {
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = 0x5eed;
        let (mut rx, mut tx) = (Lane::default(), Lane::default());
        let mut device = Port { rx: &mut rx, tx: &mut tx, delay: Duration::ZERO, packets: &mut 0 };
        let mut iface = Interface::new(config, &mut device, Instant::ZERO);
        iface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(address, 24)).expect("an interface has room for one address");
        });
        let mut socket = tcp::Socket::new(
            tcp::SocketBuffer::new(vec![0; buffers.recv_bytes]),
            tcp::SocketBuffer::new(vec![0; buffers.send_bytes]),
        );
        socket.set_congestion_control(tcp::CongestionControl::Cubic);
        let mut sockets = SocketSet::new(Vec::new());
        let handle = sockets.add(socket);
        End { iface, sockets, handle }
    }

    fn tcp(&mut self) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(self.handle)
    }
}

impl Lagged {
    /// The client is about to connect.
    pub fn new(buffers: Buffers, delay: Duration) -> Lagged {
        let mut client = End::new(CLIENT, buffers);
        let mut server = End::new(SERVER, buffers);
        server.tcp().listen(7).expect("a closed socket listens");
        let End { iface, sockets, handle } = &mut client;
        let socket = sockets.get_mut::<tcp::Socket>(*handle);
        socket.connect(iface.context(), (SERVER, 7), (CLIENT, 49_152)).expect("a closed socket connects");
        let (there, back) = (Lane::default(), Lane::default());
        Lagged { now: Instant::ZERO, client, server, there, back, delay, packets: 0 }
    }

    /// Runs until `act`, which is given the client's and the server's socket, says that all is done. It also says whether it
    /// has done anything; if not, it is called again when something has happened. Returns the packets sent.
    pub fn run(mut self, mut act: impl FnMut(&mut tcp::Socket<'_>, &mut tcp::Socket<'_>) -> Acted) -> u64 {
        loop {
            self.poll();
            match act(self.client.tcp(), self.server.tcp()) {
                Acted::Done => return self.packets,
                Acted::Something => {}
                Acted::Nothing => self.now = self.next().expect("something is left to happen"),
            }
        }
    }

    fn poll(&mut self) {
        let Lagged { now, client, server, there, back, delay, packets } = self;
        let mut device = Port { rx: back, tx: there, delay: *delay, packets };
        client.iface.poll(*now, &mut device, &mut client.sockets);
        let mut device = Port { rx: there, tx: back, delay: *delay, packets };
        server.iface.poll(*now, &mut device, &mut server.sockets);
    }

    fn next(&mut self) -> Option<Instant> {
        let arrivals = [&self.there, &self.back].map(|lane| lane.flying.front().map(|(at, _)| *at));
        let ends = [&mut self.client, &mut self.server].map(|end| end.iface.poll_at(self.now, &end.sockets));
        arrivals.into_iter().chain(ends).flatten().min().map(|at| at.max(self.now))
    }
}

/// What an application has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acted {
    /// It waits.
    Nothing,
    /// It may have more to do at once.
    Something,
    /// The simulation is over.
    Done,
}

/// One end of the cable.
struct Port<'a> {
    rx: &'a mut Lane,
    tx: &'a mut Lane,
    delay: Duration,
    packets: &'a mut u64,
}

impl Device for Port<'_> {
    type RxToken<'a>
        = RxToken<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = TxToken<'a>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        let (_, packet) = self.rx.flying.pop_front_if(|(at, _)| *at <= now)?;
        let tx = TxToken { lane: self.tx, at: now + self.delay, packets: self.packets };
        Some((RxToken { packet, lane: self.rx }, tx))
    }

    fn transmit(&mut self, now: Instant) -> Option<TxToken<'_>> {
        Some(TxToken { lane: self.tx, at: now + self.delay, packets: self.packets })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        capabilities
    }
}

struct RxToken<'a> {
    packet: Vec<u8>,
    lane: &'a mut Lane,
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        let result = read(&self.packet);
        self.lane.spare.push(self.packet);
        result
    }
}

struct TxToken<'a> {
    lane: &'a mut Lane,
    at: Instant,
    packets: &'a mut u64,
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut packet = self.lane.spare.pop().unwrap_or_default();
        packet.clear();
        packet.resize(len, 0);
        let result = write(&mut packet);
        self.lane.flying.push_back((self.at, packet));
        *self.packets += 1;
        result
    }
}
