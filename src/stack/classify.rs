//! What kind of frame is this, and which flow does it belong to?

pub(crate) mod checksum;
mod icmp;
pub(crate) mod ip;
mod neighbor;

use core::net::SocketAddr;

use crate::addr::{MacAddr, is_unicast};
use crate::demux::{TCP, UDP};
use crate::device::Medium;
pub(crate) use icmp::{ICMP, ICMPV6, IcmpError, IcmpErrorKind};
use ip::{Odd, Packet, Problem};
pub(crate) use neighbor::{Arp, ArpOperation, Ndp};

/// What a received frame is, as far as its route depends on it.
///
/// Lengths are checked as far as they are used; checksums are left to smoltcp, except where we act on a
/// frame ourselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Tcp(Segment),
    Udp(Flow),
    Arp(Arp),
    /// A neighbour solicitation or advertisement, on Ethernet.
    Ndp(Ndp),
    /// An ICMP or ICMPv6 error with a good checksum, about a packet that names its flow.
    IcmpError(IcmpError),
    /// Any other ICMP or ICMPv6 message. The ports of the flow are 0.
    Icmp(Flow),
    /// A part of an IP packet: the ports are in the first one only. The ports of the flow are 0.
    Fragment(Flow),
    /// An IP packet with another protocol. The ports of the flow are 0.
    Ip(Flow),
    /// An IPv6 packet that asks for what this host cannot do. The ports of the flow are 0.
    Problem(Flow, Problem),
    /// Nothing that we route: another EtherType, a packet on its way to another host.
    Other,
    /// Shorter than it says it is, or against the rules of its protocol.
    Malformed,
}

/// From whom to whom, as seen from this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flow {
    /// The packet's destination.
    pub(crate) local: SocketAddr,
    /// The packet's source.
    pub(crate) remote: SocketAddr,
    /// Source and destination of the frame, on Ethernet.
    pub(crate) link: Option<(MacAddr, MacAddr)>,
}

/// The header of a TCP segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) flow: Flow,
    pub(crate) flags: Flags,
    pub(crate) seq: u32,
    /// Means something only with the flag.
    pub(crate) ack: u32,
    /// Bytes behind the TCP header.
    pub(crate) payload_len: usize,
    /// The window field as it stands there, not scaled.
    pub(crate) window: u16,
}

/// The flags of a TCP segment that decide where it goes, where they stand in its header (RFC 9293 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flags(u8);

impl Flags {
    pub(crate) const FIN: Self = Self(1);
    pub(crate) const SYN: Self = Self(2);
    pub(crate) const RST: Self = Self(4);
    pub(crate) const ACK: Self = Self(16);

    /// From the byte of the TCP header.
    #[inline]
    pub(crate) const fn from_bits(bits: u8) -> Self {
        Self(bits & 0b1_0111)
    }

    /// Both.
    #[cfg(test)]
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[inline]
    pub(crate) const fn fin(self) -> bool {
        self.0 & Self::FIN.0 != 0
    }

    #[inline]
    pub(crate) const fn syn(self) -> bool {
        self.0 & Self::SYN.0 != 0
    }

    #[inline]
    pub(crate) const fn rst(self) -> bool {
        self.0 & Self::RST.0 != 0
    }

    #[inline]
    pub(crate) const fn ack(self) -> bool {
        self.0 & Self::ACK.0 != 0
    }

    /// Whether it neither opens nor ends anything.
    #[inline]
    pub(crate) const fn are_plain(self) -> bool {
        self.0 & (Self::FIN.0 | Self::SYN.0 | Self::RST.0) == 0
    }

    /// How many sequence numbers they take: SYN and FIN one each.
    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "2 at most")]
    pub(crate) const fn span(self) -> u32 {
        self.syn() as u32 + self.fin() as u32
    }
}

impl Segment {
    /// Whether it asks for a new connection: SYN, and nothing that contradicts it.
    #[inline]
    pub(crate) fn is_opening(&self) -> bool {
        self.flags == Flags::SYN
    }
}

/// Says what `frame` is, and gives what it carries: the IP packet, or the ARP packet. `frame`: a whole Ethernet frame, 14-byte header included, no FCS, padding
/// allowed; or a bare IP packet, as `medium` says.
#[inline]
pub(crate) fn classify(medium: Medium, frame: &[u8]) -> (Class, &[u8]) {
    match open(medium, frame) {
        Ok(Content::Ip(link, bytes)) => (classify_ip(link, bytes), bytes),
        Ok(Content::Arp(link, bytes)) => (neighbor::arp(bytes, link), bytes),
        Err(odd) => (odd.into(), frame),
    }
}

/// Says what an IP packet is. `link`: source and destination of the frame it came in.
#[inline]
pub(crate) fn classify_ip(link: Option<(MacAddr, MacAddr)>, bytes: &[u8]) -> Class {
    match ip::parse(bytes) {
        Ok(packet) => classify_packet(&packet, link),
        Err(odd @ (Odd::Fragment | Odd::Problem(_))) => {
            let Some((remote, local)) = ip::addresses(bytes) else { return Class::Malformed };
            let flow = Flow { local: (local, 0).into(), remote: (remote, 0).into(), link };
            if let Odd::Problem(problem) = odd { Class::Problem(flow, problem) } else { Class::Fragment(flow) }
        }
        Err(odd) => odd.into(),
    }
}

/// Whether the checksums of the IP packet in `bytes` are right: the IPv4 header's, and that of the TCP
/// segment or ICMPv6 message in it. Devices that check in hardware may hand over packets without valid ones.
pub(crate) fn has_good_checksums(bytes: &[u8]) -> bool {
    ip::has_good_header(bytes) && ip::parse(bytes).is_ok_and(|packet| packet.has_good_checksum())
}

/// What a segment says in its options.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Announced {
    /// The maximum segment size (RFC 9293 §3.7.1).
    pub(crate) mss: Option<u16>,
    /// By how many bits its sender's windows are scaled, at most 14 (RFC 7323 §2.3). smoltcp always offers to scale.
    pub(crate) window_shift: u8,
    /// Data that has arrived behind a hole: the first block of SACK, which is the newest (RFC 2018 §4).
    pub(crate) behind: Option<(u32, u32)>,
}

/// What the segment in `bytes`, an IP packet, says in its options.
pub(crate) fn announced(bytes: &[u8]) -> Announced {
    let mut announced = Announced::default();
    let Ok(packet) = ip::parse(bytes) else { return announced };
    let header_len = packet.payload.get(12).map_or(0, |offset| usize::from(offset >> 4) * 4);
    let mut options = packet.payload.get(20..header_len).unwrap_or_default();
    // Each round takes one option of a byte at least.
    while let [kind, rest @ ..] = options {
        options = match (kind, rest) {
            (0, _) => return announced,
            (1, _) => rest,
            (_, [len, value @ ..]) if *len >= 2 => {
                match (kind, len, value) {
                    (2, 4, [high, low, ..]) => announced.mss = Some(u16::from_be_bytes([*high, *low])),
                    (3, 3, [shift, ..]) => announced.window_shift = (*shift).min(14),
                    (5, 10.., [a, b, c, d, e, f, g, h, ..]) => {
                        let (left, right) = ([*a, *b, *c, *d], [*e, *f, *g, *h]);
                        announced.behind = Some((u32::from_be_bytes(left), u32::from_be_bytes(right)));
                    }
                    _ => {}
                }
                options.get(usize::from(*len)..).unwrap_or_default()
            }
            _ => return announced,
        };
    }
    announced
}

#[inline]
fn classify_packet(packet: &Packet<'_>, link: Option<(MacAddr, MacAddr)>) -> Class {
    match packet.protocol {
        TCP => tcp(packet, link),
        UDP => udp(packet, link),
        ICMP | ICMPV6 => icmp::classify(packet, link),
        _ => Class::Ip(packet.flow(0, 0, link)),
    }
}

/// What is in a frame, with its source and destination.
pub(crate) enum Content<'f> {
    Ip(Option<(MacAddr, MacAddr)>, &'f [u8]),
    Arp((MacAddr, MacAddr), &'f [u8]),
}

/// Takes the Ethernet header off, if there is one.
#[inline]
pub(crate) fn open(medium: Medium, frame: &[u8]) -> Result<Content<'_>, Odd> {
    // Not a `match`: which media there are depends on smoltcp's features.
    if medium != Medium::Ethernet {
        return Ok(Content::Ip(None, frame));
    }
    let (header, bytes) = frame.split_first_chunk::<14>().ok_or(Odd::Malformed)?;
    let [t0, t1, t2, t3, t4, t5, f0, f1, f2, f3, f4, f5, type_high, type_low] = *header;
    let link = (MacAddr([f0, f1, f2, f3, f4, f5]), MacAddr([t0, t1, t2, t3, t4, t5]));
    let version = bytes.first().map(|byte| byte >> 4);
    match u16::from_be_bytes([type_high, type_low]) {
        ETHERTYPE_IPV4 if version == Some(4) => Ok(Content::Ip(Some(link), bytes)),
        ETHERTYPE_IPV6 if version == Some(6) => Ok(Content::Ip(Some(link), bytes)),
        ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => Err(Odd::Malformed),
        ETHERTYPE_ARP => Ok(Content::Arp(link, bytes)),
        _ => Err(Odd::Other),
    }
}

impl From<Odd> for Class {
    fn from(odd: Odd) -> Self {
        match odd {
            Odd::Fragment | Odd::Problem(_) | Odd::Other => Self::Other,
            Odd::Malformed => Self::Malformed,
        }
    }
}

#[inline]
fn tcp(packet: &Packet<'_>, link: Option<(MacAddr, MacAddr)>) -> Class {
    let Some((header, _)) = packet.payload.split_first_chunk::<20>() else { return Class::Malformed };
    let [l0, l1, r0, r1, s0, s1, s2, s3, a0, a1, a2, a3, offset, flags, w0, w1, ..] = *header;
    let header_len = usize::from(offset >> 4) * 4;
    if header_len < 20 || header_len > packet.payload.len() {
        return Class::Malformed;
    }
    let (remote_port, local_port) = (u16::from_be_bytes([l0, l1]), u16::from_be_bytes([r0, r1]));
    // smoltcp takes no segments with port 0; RFC 6335 §6 reserves it.
    // RFC 9293 §3.9.2.3 MUST-63: ignore a SYN with an invalid source address.
    if remote_port == 0 || local_port == 0 || !is_unicast(packet.source) {
        return Class::Malformed;
    }
    Class::Tcp(Segment {
        flow: packet.flow(local_port, remote_port, link),
        flags: Flags::from_bits(flags),
        seq: u32::from_be_bytes([s0, s1, s2, s3]),
        ack: u32::from_be_bytes([a0, a1, a2, a3]),
        payload_len: packet.payload.len().saturating_sub(header_len),
        window: u16::from_be_bytes([w0, w1]),
    })
}

#[inline]
fn udp(packet: &Packet<'_>, link: Option<(MacAddr, MacAddr)>) -> Class {
    let Some((header, _)) = packet.payload.split_first_chunk::<8>() else { return Class::Malformed };
    let [r0, r1, l0, l1, len_high, len_low, ..] = *header;
    let len = usize::from(u16::from_be_bytes([len_high, len_low]));
    if len < 8 || len > packet.payload.len() {
        return Class::Malformed;
    }
    Class::Udp(packet.flow(u16::from_be_bytes([l0, l1]), u16::from_be_bytes([r0, r1]), link))
}

impl Packet<'_> {
    #[inline]
    fn flow(&self, local_port: u16, remote_port: u16, link: Option<(MacAddr, MacAddr)>) -> Flow {
        Flow {
            local: SocketAddr::new(self.destination, local_port),
            remote: SocketAddr::new(self.source, remote_port),
            link,
        }
    }

    /// Whether the checksum over pseudo-header and payload is right, as TCP and ICMPv6 have it.
    pub(crate) fn has_good_checksum(&self) -> bool {
        // At most 65,535 bytes: IP has 16 bits for the length.
        let len = self.payload.len() as u32;
        let pseudo = checksum::pseudo(self.source, self.destination, self.protocol, len);
        checksum::is_good(pseudo.saturating_add(checksum::sum(self.payload)))
    }
}

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;

#[cfg(test)]
mod tests;
