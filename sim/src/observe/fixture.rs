//! How is a trace made by hand, for tests of what is told about it?

use std::net::Ipv4Addr;

use super::Note;
use super::dissect::Flags;
use crate::time::Time;
use crate::trace::{
    Arrival, Corruption, DropReason, Fate, FrameRecord, Mac, Medium, Node, NodeId, NodeKind, PacketId, Trace,
};

pub(crate) const CLIENT: NodeId = NodeId(0);
pub(crate) const SERVER: NodeId = NodeId(1);
/// Initial sequence numbers; the client's wraps soon.
pub(crate) const ISN: [u32; 2] = [u32::MAX - 700, 8_000];
/// The cable takes this long.
pub(crate) const DELAY_US: u64 = 10_000;

/// Two hosts, `client` 192.0.2.1 and `server` 192.0.2.2, one cable, and what was sent on it.
pub(crate) struct Wire {
    pub(crate) trace: Trace,
    pub(crate) notes: Vec<Note>,
}

/// A segment in relative numbers.
#[derive(Clone, Default)]
pub(crate) struct Seg {
    flags: u8,
    seq: u32,
    ack: u32,
    window: u16,
    payload: Vec<u8>,
    options: Vec<u8>,
    ports: Option<[u16; 2]>,
    isns: Option<[u32; 2]>,
}

impl Seg {
    pub(crate) fn new(flags: Flags) -> Self {
        Self { flags: flags.0, window: 4_096, ..Self::default() }
    }
    pub(crate) fn syn() -> Self {
        Self { options: vec![2, 4, 0x05, 0xb4], ..Self::new(Flags::SYN) }
    }
    pub(crate) fn syn_ack() -> Self {
        Self { flags: Flags::SYN.0 | Flags::ACK.0, ..Self::syn() }.acks(1)
    }
    pub(crate) fn ack() -> Self {
        Self::new(Flags::ACK)
    }
    pub(crate) fn fin() -> Self {
        Self::new(Flags(Flags::FIN.0 | Flags::ACK.0))
    }
    pub(crate) fn rst() -> Self {
        Self { window: 0, ..Self::new(Flags(Flags::RST.0 | Flags::ACK.0)) }
    }
    pub(crate) fn seq(mut self, seq: u32) -> Self {
        self.seq = seq;
        self
    }
    pub(crate) fn acks(mut self, ack: u32) -> Self {
        self.ack = ack;
        self
    }
    pub(crate) fn window(mut self, window: u16) -> Self {
        self.window = window;
        self
    }
    /// `len` bytes; each tells its own relative sequence number, so that streams can be compared.
    pub(crate) fn data(mut self, len: u32) -> Self {
        self.payload = (0..len).map(|at| self.seq.wrapping_add(at) as u8).collect();
        self
    }
    pub(crate) fn options(mut self, options: &[u8]) -> Self {
        self.options = options.to_vec();
        self
    }
    pub(crate) fn ports(mut self, client: u16, server: u16) -> Self {
        self.ports = Some([client, server]);
        self
    }
    pub(crate) fn isns(mut self, client: u32, server: u32) -> Self {
        self.isns = Some([client, server]);
        self
    }
}

impl Wire {
    pub(crate) fn new() -> Self {
        let host = |name: &str, last| Node {
            name: name.to_owned(),
            kind: NodeKind::Host { addrs: vec![Ipv4Addr::new(192, 0, 2, last).into()], mac: Some(mac(last)) },
        };
        let nodes = vec![host("client", 1), host("server", 2)];
        Self { trace: Trace { medium: Medium::Ethernet, nodes, frames: Vec::new() }, notes: Vec::new() }
    }

    pub(crate) fn note(&mut self, at_us: u64, node: NodeId, text: &str) {
        self.notes.push(Note { at: Time::from_micros(at_us), node, text: text.to_owned() });
    }

    /// A frame that arrives after [`DELAY_US`].
    pub(crate) fn frame(&mut self, at_us: u64, from: NodeId, bytes: Vec<u8>) -> &mut Self {
        let sent_at = Time::from_micros(at_us);
        let nth = self.trace.frames.iter().filter(|frame| frame.from == from).count() as u64;
        self.trace.frames.push(FrameRecord {
            id: PacketId(self.trace.frames.len() as u64),
            sent_at,
            from,
            to: NodeId(1 - from.0),
            link: "ab".into(),
            nth,
            bytes,
            fate: Fate::arrives(vec![Arrival::intact(sent_at.after_ns(DELAY_US * 1_000))], 0),
        });
        self
    }

    pub(crate) fn tcp(&mut self, at_us: u64, from: NodeId, seg: Seg) -> &mut Self {
        self.frame(at_us, from, tcp_frame(from, &seg))
    }

    pub(crate) fn udp(&mut self, at_us: u64, from: NodeId, ports: [u16; 2], payload: &[u8]) -> &mut Self {
        let mut datagram = Vec::new();
        for field in [ports[0], ports[1], 8 + payload.len() as u16, 0] {
            datagram.extend(field.to_be_bytes());
        }
        datagram.extend(payload);
        seal(from, 17, &mut datagram, 6);
        self.frame(at_us, from, ip_frame(from, 17, &datagram))
    }

    pub(crate) fn arp(&mut self, at_us: u64, from: NodeId, operation: u8) -> &mut Self {
        let (own, peer) = (from.0 as u8 + 1, 2 - from.0 as u8);
        let mut bytes = if operation == 1 { vec![0xff; 6] } else { mac(peer).to_vec() };
        bytes.extend(mac(own));
        bytes.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, operation]);
        bytes.extend(mac(own));
        bytes.extend([192, 0, 2, own]);
        bytes.extend(if operation == 1 { [0; 6] } else { mac(peer) });
        bytes.extend([192, 0, 2, peer]);
        self.frame(at_us, from, bytes)
    }

    pub(crate) fn lost(&mut self, reason: DropReason) {
        self.last().fate = Fate::dropped(reason);
    }

    pub(crate) fn duplicated(&mut self, after_us: u64) {
        let fate = &mut self.last().fate;
        let at = fate.copies[0].at.after_ns(after_us * 1_000);
        fate.copies.push(Arrival { duplicate: true, ..Arrival::intact(at) });
    }

    pub(crate) fn held_back(&mut self, by_us: u64) {
        let copy = &mut self.last().fate.copies[0];
        copy.reordered_ns = by_us * 1_000;
        copy.at = copy.at.after_ns(by_us * 1_000);
    }

    pub(crate) fn corrupted(&mut self, byte: usize, bit: u8) {
        let last = self.last();
        let mut bytes = last.bytes.clone();
        bytes[byte] ^= 1 << bit;
        last.fate.copies[0].bytes = Some(bytes);
        last.fate.copies[0].corrupted = vec![Corruption { byte, bit, is_mended: false }];
    }

    fn last(&mut self) -> &mut FrameRecord {
        self.trace.frames.last_mut().expect("a frame was sent")
    }
}

pub(crate) const fn mac(last: u8) -> Mac {
    [2, 0, 0, 0, 0, last]
}

pub(crate) fn tcp_frame(from: NodeId, seg: &Seg) -> Vec<u8> {
    let (own, peer) = (from.0, 1 - from.0);
    let (ports, isns) = (seg.ports.unwrap_or([49_152, 7]), seg.isns.unwrap_or(ISN));
    let mut bytes = Vec::new();
    bytes.extend(ports[own].to_be_bytes());
    bytes.extend(ports[peer].to_be_bytes());
    bytes.extend(isns[own].wrapping_add(seg.seq).to_be_bytes());
    let ack = if seg.flags & Flags::ACK.0 == 0 { 0 } else { isns[peer].wrapping_add(seg.ack) };
    bytes.extend(ack.to_be_bytes());
    bytes.extend([(5 + seg.options.len() as u8 / 4) << 4, seg.flags]);
    bytes.extend(seg.window.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(&seg.options);
    bytes.extend(&seg.payload);
    seal(from, 6, &mut bytes, 16);
    ip_frame(from, 6, &bytes)
}

fn ip_frame(from: NodeId, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let (own, peer) = (from.0 as u8 + 1, 2 - from.0 as u8);
    let mut header = vec![0x45, 0];
    header.extend((20 + payload.len() as u16).to_be_bytes());
    header.extend([0, 0, 0x40, 0, 64, protocol, 0, 0, 192, 0, 2, own, 192, 0, 2, peer]);
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    [&mac(peer)[..], &mac(own), &[8, 0], &header, payload].concat()
}

/// Puts the checksum at `at`.
fn seal(from: NodeId, protocol: u8, bytes: &mut [u8], at: usize) {
    let (own, peer) = (from.0 as u8 + 1, 2 - from.0 as u8);
    let mut pseudo = vec![192, 0, 2, own, 192, 0, 2, peer, 0, protocol];
    pseudo.extend((bytes.len() as u16).to_be_bytes());
    pseudo.extend(&*bytes);
    let sum = checksum(&pseudo);
    bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}

/// RFC 1071, in another way than the code under test.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u16;
    for pair in bytes.chunks(2) {
        let word = u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
        let (total, carry) = sum.overflowing_add(word);
        sum = total + u16::from(carry);
    }
    !sum
}

/// The whole story in one trace: address resolution, a datagram, a handshake, a loss and its repair, a window that closes
/// and opens, a half-close and the end.
pub(crate) fn story() -> Wire {
    let mut wire = Wire::new();
    wire.arp(0, CLIENT, 1);
    wire.arp(10_000, SERVER, 2);
    wire.udp(20_000, CLIENT, [49_153, 7], b"hello");
    wire.udp(30_000, SERVER, [7, 49_153], b"hello");
    wire.note(40_000, CLIENT, "connects to 192.0.2.2:7");
    wire.tcp(40_000, CLIENT, Seg::syn());
    wire.tcp(50_000, SERVER, Seg::syn_ack());
    wire.tcp(60_000, CLIENT, Seg::ack().seq(1).acks(1));
    wire.tcp(60_000, CLIENT, Seg::ack().seq(1).acks(1).data(1_460));
    wire.tcp(60_120, CLIENT, Seg::ack().seq(1_461).acks(1).data(1_460)).lost(DropReason::Loss);
    wire.tcp(60_240, CLIENT, Seg::ack().seq(2_921).acks(1).data(1_176));
    wire.tcp(70_000, SERVER, Seg::ack().seq(1).acks(1_461).window(2_636));
    wire.tcp(70_240, SERVER, Seg::ack().seq(1).acks(1_461).window(2_636));
    wire.tcp(1_060_120, CLIENT, Seg::ack().seq(1_461).acks(1).data(1_460)).held_back(5_000);
    wire.tcp(1_075_120, SERVER, Seg::ack().seq(1).acks(4_097).window(0));
    wire.note(1_075_200, SERVER, "is slow: it reads nothing for 1.5 s");
    wire.tcp(2_085_120, CLIENT, Seg::ack().seq(4_097).acks(1).data(1));
    wire.tcp(2_095_120, SERVER, Seg::ack().seq(1).acks(4_097).window(0));
    wire.note(2_575_200, SERVER, "reads 4096 bytes");
    wire.tcp(2_575_200, SERVER, Seg::ack().seq(1).acks(4_097).window(4_096));
    wire.tcp(2_585_200, CLIENT, Seg::ack().seq(4_097).acks(1).data(500)).corrupted(60, 3);
    wire.tcp(3_585_200, CLIENT, Seg::ack().seq(4_097).acks(1).data(500)).duplicated(300);
    wire.tcp(3_595_200, SERVER, Seg::ack().seq(1).acks(4_597).window(3_596));
    wire.tcp(3_595_500, SERVER, Seg::ack().seq(1).acks(4_597).window(3_596));
    wire.note(3_600_000, CLIENT, "closes its sending side");
    wire.tcp(3_600_000, CLIENT, Seg::fin().seq(4_597).acks(1));
    wire.tcp(3_610_000, SERVER, Seg::ack().seq(1).acks(4_598));
    wire.tcp(3_610_100, SERVER, Seg::ack().seq(1).acks(4_598).data(300));
    wire.tcp(3_620_100, CLIENT, Seg::ack().seq(4_598).acks(301));
    wire.tcp(3_620_200, SERVER, Seg::fin().seq(301).acks(4_598));
    wire.tcp(3_630_200, CLIENT, Seg::ack().seq(4_598).acks(302));
    wire
}
