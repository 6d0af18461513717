//! Contender two: plain smoltcp on its own TAP device, used as its manual says.

use std::os::fd::AsRawFd;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Medium, TunTapInterface, wait};
use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

use crate::net::{self, Direction};

/// A connection with the kernel.
pub struct Plain {
    device: TunTapInterface,
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    buffer: Vec<u8>,
    bytes: u64,
}

impl Plain {
    /// Connects over a new TAP. `name`: of the interface; `octet`: of its network.
    pub fn new(direction: Direction, bytes: u64, (name, octet): (&str, u8)) -> Self {
        let mut device = TunTapInterface::new(name, Medium::Ethernet).expect("the rights are there");
        net::ip(&format!("addr add 198.18.{octet}.2/24 dev {name}"));
        net::ip(&format!("link set {name} up"));
        let mut config = Config::new(EthernetAddress([2, 0, 0, 0, 0, 1]).into());
        config.random_seed = 0x5eed;
        let mut interface = Interface::new(config, &mut device, Instant::now());
        let own = IpAddress::v4(198, 18, octet, 1);
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(own, 24)).expect("an interface has room for one address");
        });
        // More would be a window that smoltcp does not have.
        let buffer = |len: usize| tcp::SocketBuffer::new(vec![0; len]);
        let mut socket = tcp::Socket::new(buffer(65_535), buffer(65_536));
        socket.set_congestion_control(tcp::CongestionControl::Cubic);
        socket.listen((own, 7)).expect("a port");
        let mut sockets = SocketSet::new(vec![]);
        let handle = sockets.add(socket);
        net::peer(format!("198.18.{octet}.1:7").parse().expect("an address"), direction, bytes);
        let mut plain = Self { device, interface, sockets, handle, buffer: vec![7; net::CALL_BYTES], bytes };
        plain.until(|socket, _| socket.may_send().then_some(0));
        plain
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
        // Nobody runs the interface until the next round.
        self.interface.poll(Instant::now(), &mut self.device, &mut self.sockets);
        self.bytes
    }

    fn send(&mut self, bytes: u64) {
        let mut rest = bytes;
        while rest > 0 {
            let want = usize::try_from(rest).unwrap_or(usize::MAX);
            rest -= self.until(|socket, buffer| {
                let len = buffer.len().min(want);
                Some(socket.send_slice(&buffer[..len]).expect("it is connected")).filter(|len| *len > 0)
            }) as u64;
        }
    }

    fn receive(&mut self, bytes: u64) {
        let mut rest = bytes;
        while rest > 0 {
            rest -= self.until(|socket, buffer| {
                Some(socket.recv_slice(buffer).expect("the peer has not closed")).filter(|len| *len > 0)
            }) as u64;
        }
    }

    /// Runs the interface until `call` gives something.
    fn until(&mut self, mut call: impl FnMut(&mut tcp::Socket<'static>, &mut [u8]) -> Option<usize>) -> usize {
        loop {
            if let Some(done) = call(self.sockets.get_mut(self.handle), &mut self.buffer) {
                return done;
            }
            let now = Instant::now();
            self.interface.poll(now, &mut self.device, &mut self.sockets);
            if let Some(done) = call(self.sockets.get_mut(self.handle), &mut self.buffer) {
                return done;
            }
            let delay = self.interface.poll_delay(now, &self.sockets).unwrap_or(IDLE_MAX).min(IDLE_MAX);
            wait(self.device.as_raw_fd(), Some(delay)).expect("a descriptor");
        }
    }
}

/// Longer than anything takes.
const IDLE_MAX: Duration = Duration::from_secs(1);
