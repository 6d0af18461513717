//! Does smoltcp send anything of its own accord?
//!
//! `Interface::poll_egress` sends, besides the sockets of the set it is given, what belongs to no socket:
//! the rest of a fragmented packet, router solicitations, group membership reports. A stack that only
//! polls slots which are due would never send those; polling the empty set once per step would. With the
//! features that we build smoltcp with there is nothing of the kind, so that the call would be idle. These
//! tests fail when a feature changes that.

use smoltcp::iface::{Config, Interface, PollResult, SocketSet};
use smoltcp::phy::{Device, Medium};
use smoltcp::socket::udp::{PacketBuffer, PacketMetadata, Socket};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use std::time::Duration;

use crate::wire::{Cable, Driven, HOST_MAC, HOST_V4, HOST_V6, Net};

/// Features `multicast` and `proto-ipv6-slaac` would make a host speak when it gets its addresses.
#[test]
fn an_interface_without_sockets_sends_nothing() {
    for medium in [Medium::Ethernet, Medium::Ip] {
        let net = Net::new(medium, |cable| Idle::new(cable, SocketSet::new(Vec::new())));
        net.run(Duration::from_secs(3600));
        assert!(!net.host().has_sent);
        assert_eq!((net.untaken(), net.asked()), (0, Vec::new()));
    }
}

/// Feature `proto-ipv4-fragmentation` would send a datagram larger than the MTU in pieces, the second in
/// the next `poll_egress`, whatever its set. Without it the datagram is dropped, and nothing says so.
#[test]
fn a_datagram_larger_than_the_mtu_leaves_no_fragments_behind() {
    let room = || PacketBuffer::new(vec![PacketMetadata::EMPTY; 4], vec![0; 4096]);
    let mut socket = Socket::new(room(), room());
    socket.bind(7).expect("a fresh socket can be bound");
    socket.send_slice(&[7; 2000], (IpAddress::v4(192, 0, 2, 2), 7)).expect("room for a datagram");
    let mut sockets = SocketSet::new(Vec::new());
    sockets.add(socket);
    let net = Net::new(Medium::Ip, |cable| Idle::new(cable, sockets));
    net.run(Duration::from_secs(1));
    assert_eq!(net.untaken(), 0);
    assert_eq!(net.host().next_step(net.now()), None, "dropped, not waiting");
}

/// An interface that is polled for egress every second.
struct Idle {
    interface: Interface,
    sockets: SocketSet<'static>,
    has_sent: bool,
}

impl Idle {
    fn new(cable: &mut Cable, sockets: SocketSet<'static>) -> Self {
        let hardware = match cable.capabilities().medium {
            Medium::Ethernet => HardwareAddress::Ethernet(HOST_MAC),
            Medium::Ip => HardwareAddress::Ip,
        };
        let mut interface = Interface::new(Config::new(hardware), cable, Instant::ZERO);
        interface.update_ip_addrs(|addrs| {
            for cidr in [IpCidr::new(HOST_V4.into(), 24), IpCidr::new(HOST_V6.into(), 64)] {
                addrs.push(cidr).expect("room for two addresses");
            }
        });
        Self { interface, sockets, has_sent: false }
    }
}

impl Driven for Idle {
    fn step(&mut self, now: Duration, cable: &mut Cable) {
        let now = Instant::from_micros(now.as_micros() as i64);
        self.has_sent |= self.interface.poll_egress(now, cable, &mut self.sockets) != PollResult::None;
    }

    fn next_step(&mut self, now: Duration) -> Option<Duration> {
        let now = Instant::from_micros(now.as_micros() as i64);
        let at = self.interface.poll_at(now, &self.sockets)?;
        Some(Duration::from_micros(at.total_micros() as u64))
    }
}
