//! Which bytes stand in a frame, and what do they mean?

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use smoltcp::phy::{ChecksumCapabilities, Medium};
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, Icmpv4DstUnreachable,
    Icmpv4Packet, Icmpv4Repr, Icmpv6DstUnreachable, Icmpv6Packet, Icmpv6Repr, IpAddress, IpProtocol, IpRepr,
    Ipv4Packet, Ipv4Repr, Ipv6Packet, Ipv6Repr, NdiscNeighborFlags, NdiscRepr, RawHardwareAddress, UdpPacket,
};

use super::segment::{Base, Ports, Segment};

/// What a peer sends or expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    Tcp(Segment),
    Udp(Vec<u8>),
    Echo {
        is_reply: bool,
        ident: u16,
        seq: u16,
        payload: Vec<u8>,
    },
    /// Port unreachable; quotes the packet that found nobody.
    PortUnreachable,
    /// Somebody asks who has an address (ARP request, or IPv6 neighbour solicitation).
    Ask(IpAddr),
    /// The answer: who has it (ARP reply, or IPv6 neighbour advertisement).
    IsAt(IpAddr, EthernetAddress),
    /// Anything else: protocol number and payload.
    Other(u8, Vec<u8>),
}

/// A UDP datagram with this payload.
pub fn datagram(payload: &[u8]) -> Packet {
    Packet::Udp(payload.to_vec())
}

/// An ICMP echo request.
pub fn ping(seq: u16, payload: &[u8]) -> Packet {
    Packet::Echo { is_reply: false, ident: 7, seq, payload: payload.to_vec() }
}

/// An ICMP echo reply.
pub fn pong(seq: u16, payload: &[u8]) -> Packet {
    Packet::Echo { is_reply: true, ident: 7, seq, payload: payload.to_vec() }
}

/// ICMP: nobody has that UDP port.
pub fn port_unreachable() -> Packet {
    Packet::PortUnreachable
}

impl From<Segment> for Packet {
    fn from(segment: Segment) -> Self {
        Self::Tcp(segment)
    }
}

impl Packet {
    /// Whether `seen` is what `self` describes.
    pub fn describes(&self, seen: &Self) -> bool {
        match (self, seen) {
            (Self::Tcp(wanted), Self::Tcp(seen)) => wanted.describes(seen),
            _ => self == seen,
        }
    }

    /// Turns absolute sequence numbers into relative ones.
    pub fn relative_to(self, base: Base) -> Self {
        match self {
            Self::Tcp(segment) => Self::Tcp(segment.relative_to(base)),
            other => other,
        }
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(segment) => segment.fmt(f),
            Self::Udp(payload) => write!(f, "UDP len {} \"{}\"", payload.len(), payload.escape_ascii()),
            Self::Echo { is_reply: false, seq, .. } => write!(f, "echo request {seq}"),
            Self::Echo { is_reply: true, seq, .. } => write!(f, "echo reply {seq}"),
            Self::PortUnreachable => write!(f, "port unreachable"),
            Self::Ask(addr) => write!(f, "who has {addr}"),
            Self::IsAt(addr, mac) => write!(f, "{addr} is at {mac}"),
            Self::Other(protocol, payload) => write!(f, "protocol {protocol} len {}", payload.len()),
        }
    }
}

/// Who says something to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    pub sender: IpAddr,
    pub receiver: IpAddr,
    /// 0 for what has no ports.
    pub ports: Ports,
}

/// The link-layer addresses of a frame; not used on a medium without any.
#[derive(Clone, Copy, Debug)]
pub struct Macs {
    pub sender: EthernetAddress,
    pub receiver: EthernetAddress,
}

/// Makes a whole frame: with an Ethernet header, or a bare IP packet.
pub fn encode(medium: Medium, macs: Macs, ends: Ends, base: Base, packet: &Packet) -> Vec<u8> {
    let (sender, receiver) = (IpAddress::from(ends.sender), IpAddress::from(ends.receiver));
    let (protocol, payload) = match packet {
        Packet::Tcp(segment) => (IpProtocol::Tcp, segment.encode(ends.ports, base, sender, receiver)),
        Packet::Udp(payload) => (IpProtocol::Udp, encode_udp(ends.ports, sender, receiver, payload)),
        Packet::Echo { .. } if ends.sender.is_ipv6() => (IpProtocol::Icmpv6, encode_echo6(ends, packet)),
        Packet::Echo { .. } => (IpProtocol::Icmp, encode_echo4(packet)),
        Packet::Other(number, payload) => (IpProtocol::from(*number), payload.clone()),
        Packet::PortUnreachable | Packet::Ask(_) | Packet::IsAt(..) => panic!("a peer does not send {packet}"),
    };
    encode_ip(medium, macs, sender, receiver, (protocol, 64), &payload)
}

fn encode_ip(
    medium: Medium,
    macs: Macs,
    sender: IpAddress,
    receiver: IpAddress,
    (protocol, hop_limit): (IpProtocol, u8),
    payload: &[u8],
) -> Vec<u8> {
    let ip = IpRepr::new(sender, receiver, protocol, payload.len(), hop_limit);
    let mut packet = vec![0; ip.buffer_len()];
    ip.emit(&mut packet[..], &ChecksumCapabilities::default());
    packet[ip.header_len()..].copy_from_slice(payload);
    let ethertype =
        if matches!(receiver, IpAddress::Ipv4(_)) { EthernetProtocol::Ipv4 } else { EthernetProtocol::Ipv6 };
    match medium {
        Medium::Ethernet => encode_ethernet(macs, ethertype, &packet),
        Medium::Ip => packet,
    }
}

fn encode_ethernet(macs: Macs, ethertype: EthernetProtocol, payload: &[u8]) -> Vec<u8> {
    let mut frame = EthernetFrame::new_unchecked(vec![0; 14 + payload.len()]);
    frame.set_src_addr(macs.sender);
    frame.set_dst_addr(macs.receiver);
    frame.set_ethertype(ethertype);
    frame.payload_mut().copy_from_slice(payload);
    frame.into_inner()
}

fn encode_udp(ports: Ports, sender: IpAddress, receiver: IpAddress, payload: &[u8]) -> Vec<u8> {
    let len = 8 + payload.len();
    let mut datagram = UdpPacket::new_unchecked(vec![0; len]);
    datagram.set_src_port(ports.sender);
    datagram.set_dst_port(ports.receiver);
    datagram.set_len(u16::try_from(len).expect("a datagram of at most 65,535 bytes"));
    datagram.payload_mut().copy_from_slice(payload);
    datagram.fill_checksum(&sender, &receiver);
    datagram.into_inner()
}

fn encode_echo4(packet: &Packet) -> Vec<u8> {
    let repr = match packet {
        Packet::Echo { is_reply: false, ident, seq, payload } => {
            Icmpv4Repr::EchoRequest { ident: *ident, seq_no: *seq, data: payload }
        }
        Packet::Echo { is_reply: true, ident, seq, payload } => {
            Icmpv4Repr::EchoReply { ident: *ident, seq_no: *seq, data: payload }
        }
        other => panic!("{other} is no echo"),
    };
    let mut bytes = vec![0; repr.buffer_len()];
    repr.emit(&mut Icmpv4Packet::new_unchecked(&mut bytes), &ChecksumCapabilities::default());
    bytes
}

fn encode_echo6(ends: Ends, packet: &Packet) -> Vec<u8> {
    let repr = match packet {
        Packet::Echo { is_reply: false, ident, seq, payload } => {
            Icmpv6Repr::EchoRequest { ident: *ident, seq_no: *seq, data: payload }
        }
        Packet::Echo { is_reply: true, ident, seq, payload } => {
            Icmpv6Repr::EchoReply { ident: *ident, seq_no: *seq, data: payload }
        }
        other => panic!("{other} is no echo"),
    };
    encode_icmp6(ends, &repr)
}

fn encode_icmp6(ends: Ends, repr: &Icmpv6Repr<'_>) -> Vec<u8> {
    let (IpAddr::V6(sender), IpAddr::V6(receiver)) = (ends.sender, ends.receiver) else {
        panic!("ICMPv6 between {} and {}", ends.sender, ends.receiver)
    };
    let mut bytes = vec![0; repr.buffer_len()];
    let mut packet = Icmpv6Packet::new_unchecked(&mut bytes);
    repr.emit(&sender, &receiver, &mut packet, &ChecksumCapabilities::default());
    bytes
}

/// The two ARP messages, from `sender` to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arp {
    Request,
    Reply,
}

/// "I am `sender_addr`", to the owner of `receiver_addr`: an ARP message, or a neighbour advertisement.
pub fn encode_i_am(macs: Macs, sender: IpAddr, receiver: IpAddr, arp: Arp) -> Vec<u8> {
    match (sender, receiver) {
        (IpAddr::V4(sender), IpAddr::V4(receiver)) => encode_arp(macs, sender, receiver, arp),
        (IpAddr::V6(target_addr), IpAddr::V6(_)) => {
            let advert = Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert {
                flags: NdiscNeighborFlags::SOLICITED | NdiscNeighborFlags::OVERRIDE,
                target_addr,
                lladdr: Some(RawHardwareAddress::from_bytes(macs.sender.as_bytes())),
            });
            let ends = Ends { sender, receiver, ports: Ports { sender: 0, receiver: 0 } };
            let payload = encode_icmp6(ends, &advert);
            let (sender, receiver) = (IpAddress::from(sender), IpAddress::from(receiver));
            // RFC 4861 §7.1.2: a hop limit below 255 is not from this link.
            encode_ip(Medium::Ethernet, macs, sender, receiver, (IpProtocol::Icmpv6, 255), &payload)
        }
        _ => panic!("{sender} and {receiver} are of different families"),
    }
}

fn encode_arp(macs: Macs, sender: Ipv4Addr, receiver: Ipv4Addr, arp: Arp) -> Vec<u8> {
    let repr = ArpRepr::EthernetIpv4 {
        operation: match arp {
            Arp::Request => ArpOperation::Request,
            Arp::Reply => ArpOperation::Reply,
        },
        source_hardware_addr: macs.sender,
        source_protocol_addr: sender,
        target_hardware_addr: macs.receiver,
        target_protocol_addr: receiver,
    };
    let mut bytes = vec![0; repr.buffer_len()];
    repr.emit(&mut ArpPacket::new_unchecked(&mut bytes));
    encode_ethernet(macs, EthernetProtocol::Arp, &bytes)
}

/// Reads a frame of the host.
///
/// # Panics
/// A frame that is not well-formed, checksums included: our own hosts send none.
pub fn decode(medium: Medium, frame: &[u8]) -> (Ends, Packet) {
    match medium {
        Medium::Ip if frame[0] >> 4 == 4 => decode_ip4(frame),
        Medium::Ip => decode_ip6(frame),
        Medium::Ethernet => {
            let frame = EthernetFrame::new_checked(frame).expect("a whole Ethernet frame");
            match frame.ethertype() {
                EthernetProtocol::Ipv4 => decode_ip4(frame.payload()),
                EthernetProtocol::Ipv6 => decode_ip6(frame.payload()),
                EthernetProtocol::Arp => decode_arp(frame.payload()),
                other => panic!("a frame of type {other}"),
            }
        }
    }
}

fn decode_arp(bytes: &[u8]) -> (Ends, Packet) {
    let packet = ArpPacket::new_checked(bytes).expect("a whole ARP packet");
    let ArpRepr::EthernetIpv4 { operation, source_hardware_addr, source_protocol_addr, target_protocol_addr, .. } =
        ArpRepr::parse(&packet).expect("ARP for IPv4 on Ethernet")
    else {
        panic!("ARP for something else")
    };
    let ends = Ends {
        sender: source_protocol_addr.into(),
        receiver: target_protocol_addr.into(),
        ports: Ports { sender: 0, receiver: 0 },
    };
    match operation {
        ArpOperation::Request => (ends, Packet::Ask(target_protocol_addr.into())),
        _ => (ends, Packet::IsAt(source_protocol_addr.into(), source_hardware_addr)),
    }
}

fn decode_ip4(bytes: &[u8]) -> (Ends, Packet) {
    let packet = Ipv4Packet::new_checked(bytes).expect("a whole IPv4 packet");
    let ip = Ipv4Repr::parse(&packet, &ChecksumCapabilities::default()).expect("a good IPv4 header");
    decode_payload(ip.src_addr.into(), ip.dst_addr.into(), ip.next_header, packet.payload())
}

fn decode_ip6(bytes: &[u8]) -> (Ends, Packet) {
    let packet = Ipv6Packet::new_checked(bytes).expect("a whole IPv6 packet");
    let ip = Ipv6Repr::parse(&packet).expect("a good IPv6 header");
    decode_payload(ip.src_addr.into(), ip.dst_addr.into(), ip.next_header, packet.payload())
}

fn decode_payload(sender: IpAddr, receiver: IpAddr, protocol: IpProtocol, bytes: &[u8]) -> (Ends, Packet) {
    let (sender_addr, receiver_addr) = (IpAddress::from(sender), IpAddress::from(receiver));
    let none = Ports { sender: 0, receiver: 0 };
    let (ports, packet) = match protocol {
        IpProtocol::Tcp => {
            let (ports, segment) = Segment::decode(bytes, sender_addr, receiver_addr);
            (ports, Packet::Tcp(segment))
        }
        IpProtocol::Udp => {
            let datagram = UdpPacket::new_checked(bytes).expect("a whole UDP datagram");
            assert!(datagram.verify_checksum(&sender_addr, &receiver_addr), "wrong UDP checksum");
            let ports = Ports { sender: datagram.src_port(), receiver: datagram.dst_port() };
            (ports, Packet::Udp(datagram.payload().to_vec()))
        }
        IpProtocol::Icmp => (none, decode_icmp4(bytes)),
        IpProtocol::Icmpv6 => (none, decode_icmp6(sender, receiver, bytes)),
        other => (none, Packet::Other(other.into(), bytes.to_vec())),
    };
    (Ends { sender, receiver, ports }, packet)
}

fn decode_icmp4(bytes: &[u8]) -> Packet {
    let packet = Icmpv4Packet::new_checked(bytes).expect("a whole ICMP message");
    assert!(packet.verify_checksum(), "wrong ICMP checksum");
    match Icmpv4Repr::parse(&packet, &ChecksumCapabilities::default()) {
        Ok(Icmpv4Repr::EchoRequest { ident, seq_no, data }) => echo(false, ident, seq_no, data),
        Ok(Icmpv4Repr::EchoReply { ident, seq_no, data }) => echo(true, ident, seq_no, data),
        Ok(Icmpv4Repr::DstUnreachable { reason: Icmpv4DstUnreachable::PortUnreachable, .. }) => Packet::PortUnreachable,
        _ => Packet::Other(IpProtocol::Icmp.into(), bytes.to_vec()),
    }
}

fn decode_icmp6(sender: IpAddr, receiver: IpAddr, bytes: &[u8]) -> Packet {
    let (IpAddr::V6(sender), IpAddr::V6(receiver)) = (sender, receiver) else {
        panic!("ICMPv6 between {sender} and {receiver}")
    };
    let packet = Icmpv6Packet::new_checked(bytes).expect("a whole ICMPv6 message");
    match Icmpv6Repr::parse(&sender, &receiver, &packet, &ChecksumCapabilities::default()) {
        Ok(Icmpv6Repr::EchoRequest { ident, seq_no, data }) => echo(false, ident, seq_no, data),
        Ok(Icmpv6Repr::EchoReply { ident, seq_no, data }) => echo(true, ident, seq_no, data),
        Ok(Icmpv6Repr::DstUnreachable { reason: Icmpv6DstUnreachable::PortUnreachable, .. }) => Packet::PortUnreachable,
        Ok(Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit { target_addr, .. })) => Packet::Ask(target_addr.into()),
        Ok(Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert { target_addr, lladdr: Some(mac), .. })) => {
            Packet::IsAt(target_addr.into(), EthernetAddress::from_bytes(mac.as_bytes()))
        }
        _ => Packet::Other(IpProtocol::Icmpv6.into(), bytes.to_vec()),
    }
}

fn echo(is_reply: bool, ident: u16, seq: u16, payload: &[u8]) -> Packet {
    Packet::Echo { is_reply, ident, seq, payload: payload.to_vec() }
}
