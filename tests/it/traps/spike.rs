//! Can smoltcp serve one socket at a time, chosen before it sees the frame?
//!
//! Our stack rests on that: each slot owns a socket set of one, a frame is handed to
//! `Interface::poll_ingress_single` on a device that holds just it, together with the set it belongs to
//! (or an empty one), and `Interface::poll_egress` runs for the slots that are due. This is the least
//! code that does so, on smoltcp alone.

use std::time::Duration;

use smoltcp::iface::{Config, Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetFrame, EthernetProtocol, HardwareAddress, IpCidr, IpProtocol, Ipv4Packet, TcpPacket};

use crate::wire::{
    Arp, Cable, Driven, HOST_MAC, HOST_V4, Net, Packet, ack, data, datagram, fin, ping, pong, port_unreachable, rst,
    syn, syn_ack,
};

#[test]
fn one_socket_sets_carry_handshake_data_and_close() {
    let net = net(Medium::Ip, &[80, 81]);
    let mut peer = net.peer().towards(81);
    peer.sends(syn(0).mss(1460));
    peer.expects(syn_ack(0).ack(1));
    peer.sends(ack(1, 1));
    peer.sends(data(1, b"hello").ack(1));
    peer.expects(ack(1, 6));
    assert_eq!(net.host().socket(1).recv_slice(&mut [0; 16]), Ok(5));
    assert_eq!(net.host().socket(1).send_slice(b"hello yourself"), Ok(14));
    net.host().is_due[1] = true;
    peer.expects(data(1, b"hello yourself").ack(6));
    peer.sends(fin(6).ack(15));
    peer.expects(ack(15, 7));
    net.host().socket(1).close();
    net.host().is_due[1] = true;
    peer.expects(fin(15).ack(7));
    peer.sends(ack(7, 16));
    assert_eq!(net.host().socket(1).state(), State::Closed);
    assert_eq!(net.host().socket(0).state(), State::Listen);
}

/// A segment that is lost is sent again by the slot's own deadline: `poll_at` of its set.
#[test]
fn one_socket_sets_keep_their_own_timers() {
    let net = net(Medium::Ip, &[80]);
    let mut peer = net.peer().towards(80);
    peer.sends(syn(0));
    peer.expects(syn_ack(0).ack(1));
    let (at, packet) = peer.takes(Duration::from_secs(3)).expect("a retransmission");
    assert_eq!(at, Duration::from_secs(1));
    assert!(packet.to_string().starts_with("SYN-ACK seq 0 ack 1"));
}

/// The interface visits no socket but those it is handed.
#[test]
fn egress_runs_for_the_slot_that_is_due_and_no_other() {
    let net = net(Medium::Ip, &[80, 81]);
    let mut peers = [net.peer().port(1).towards(80), net.peer().port(2).towards(81)];
    for peer in &mut peers {
        peer.connects();
    }
    for slot in 0..2 {
        assert_eq!(net.host().socket(slot).send_slice(b"x"), Ok(1));
    }
    net.host().is_due[1] = true;
    peers[1].expects(data(1, b"x").ack(1));
    peers[0].expects_nothing_for(Duration::ZERO);
}

#[test]
fn arp_is_answered_with_the_empty_set() {
    let net = net(Medium::Ethernet, &[]);
    let mut peer = net.peer();
    peer.sends_arp(Arp::Request);
    peer.expects(Packet::IsAt(HOST_V4.into(), HOST_MAC));
}

/// The cache belongs to the interface, not to the set: what the empty set learned serves a slot.
#[test]
fn an_arp_reply_to_the_empty_set_lets_a_slot_send() {
    let net = net(Medium::Ethernet, &[80]);
    let mut peer = net.peer().towards(80);
    peer.sends(syn(0));
    peer.expects(syn_ack(0).ack(1));
    assert_eq!(net.asked().len(), 1);
}

#[test]
fn an_unknown_port_gets_a_reset_from_the_empty_set() {
    let net = net(Medium::Ip, &[80]);
    let mut peer = net.peer().towards(9);
    peer.sends(syn(0));
    peer.expects(rst(0).ack(1));
}

#[test]
fn an_unknown_datagram_gets_port_unreachable_from_the_empty_set() {
    let net = net(Medium::Ip, &[80]);
    let mut peer = net.peer().towards(9);
    peer.sends(datagram(b"anybody?"));
    peer.expects(port_unreachable());
}

#[test]
fn a_ping_is_answered_with_the_empty_set() {
    let net = net(Medium::Ip, &[]);
    let mut peer = net.peer();
    peer.sends(ping(1, b"01234567"));
    peer.expects(pong(1, b"01234567"));
}

fn net(medium: Medium, ports: &[u16]) -> Net<Spike> {
    Net::new(medium, |cable| Spike::new(ports, cable))
}

/// An interface, and a set of one for each listening port.
struct Spike {
    interface: Interface,
    ports: Vec<u16>,
    slots: Vec<(SocketSet<'static>, SocketHandle)>,
    nobody: SocketSet<'static>,
    is_due: Vec<bool>,
}

impl Spike {
    fn new(ports: &[u16], cable: &mut Cable) -> Self {
        let hardware = match cable.medium() {
            Medium::Ethernet => HardwareAddress::Ethernet(HOST_MAC),
            Medium::Ip => HardwareAddress::Ip,
        };
        let mut interface = Interface::new(Config::new(hardware), cable, Instant::ZERO);
        interface.update_ip_addrs(|addrs| {
            addrs.push(IpCidr::new(HOST_V4.into(), 24)).expect("room for one address");
        });
        let slot = |port: &u16| {
            let buffer = || SocketBuffer::new(vec![0; 4096]);
            let mut socket = Socket::new(buffer(), buffer());
            socket.listen(*port).expect("a fresh socket can listen");
            let mut set = SocketSet::new(Vec::new());
            let handle = set.add(socket);
            (set, handle)
        };
        Self {
            interface,
            ports: ports.to_vec(),
            slots: ports.iter().map(slot).collect(),
            nobody: SocketSet::new(Vec::new()),
            is_due: vec![false; ports.len()],
        }
    }

    fn socket(&mut self, slot: usize) -> &mut Socket<'static> {
        let (set, handle) = &mut self.slots[slot];
        set.get_mut(*handle)
    }

    /// The demux: which slot owns this frame?
    fn route(&self, medium: Medium, frame: &[u8]) -> Option<usize> {
        let packet = match medium {
            Medium::Ip => frame,
            Medium::Ethernet => {
                let frame = EthernetFrame::new_checked(frame).ok()?;
                (frame.ethertype() == EthernetProtocol::Ipv4).then(|| frame.payload())?
            }
        };
        let ip = Ipv4Packet::new_checked(packet).ok()?;
        let segment = (ip.next_header() == IpProtocol::Tcp).then(|| TcpPacket::new_checked(ip.payload()))?.ok()?;
        self.ports.iter().position(|port| *port == segment.dst_port())
    }
}

impl Driven for Spike {
    fn step(&mut self, now: Duration, cable: &mut Cable) {
        let now = Instant::from_micros(now.as_micros() as i64);
        while let Some(frame) = take_frame(cable, now) {
            let slot = self.route(cable.medium(), &frame);
            let set = slot.map_or(&mut self.nobody, |slot| &mut self.slots[slot].0);
            let mut one_frame = OneFrame { frame: Some(frame), cable };
            self.interface.poll_ingress_single(now, &mut one_frame, set);
            match slot {
                Some(slot) => self.is_due[slot] = true,
                // An ARP reply: whoever waits for it may go on.
                None => self.is_due.fill(true),
            }
        }
        for (slot, (set, _)) in self.slots.iter_mut().enumerate() {
            let is_late = self.is_due[slot]
                || matches!(self.interface.poll_at(now, set), Some(at) if at > Instant::ZERO && at <= now);
            while is_late && self.interface.poll_egress(now, cable, set) != PollResult::None {}
            self.is_due[slot] = false;
        }
    }

    fn next_step(&mut self, now: Duration) -> Option<Duration> {
        let now = Instant::from_micros(now.as_micros() as i64);
        let deadlines = self.slots.iter().filter_map(|(set, _)| self.interface.poll_at(now, set));
        // 0 means "now": such slots are in `is_due` when their time has come.
        let deadline = deadlines.filter(|at| *at > Instant::ZERO).min()?;
        Some(Duration::from_micros(deadline.total_micros() as u64))
    }
}

fn take_frame(cable: &mut Cable, now: Instant) -> Option<Vec<u8>> {
    let (received, _) = cable.receive(now)?;
    Some(received.consume(<[u8]>::to_vec))
}

/// A device that holds one received frame.
struct OneFrame<'a> {
    frame: Option<Vec<u8>>,
    cable: &'a mut Cable,
}

impl Device for OneFrame<'_> {
    type RxToken<'a>
        = Frame
    where
        Self: 'a;
    type TxToken<'a>
        = <Cable as Device>::TxToken<'a>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        Some((Frame(self.frame.take()?), self.cable.transmit(now)?))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.cable.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.cable.capabilities()
    }
}

struct Frame(Vec<u8>);

impl RxToken for Frame {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}
