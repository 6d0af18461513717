//! Which good frames does the peer send?

use smolsock::sockopt::{IP_ADD_MEMBERSHIP, IPV6_JOIN_GROUP, Membership};
use smolsock::{Domain, SocketId, Stack, Type};

use crate::victim::{at, ip};

/// Longer than two MTUs.
const LARGE_BYTES: usize = 4_000;

/// A stack that says something of every protocol.
pub struct Peer {
    /// Who speaks.
    pub stack: Stack<'static>,
    streams: [SocketId; 2],
    datagrams: SocketId,
    pings: [SocketId; 2],
    raw: SocketId,
    igmp: SocketId,
    icmp6: SocketId,
    headers6: SocketId,
}

impl Peer {
    /// A peer that has not spoken yet.
    pub fn new(mut stack: Stack<'static>) -> Peer {
        let mut open = |domain, kind| stack.socket(domain, kind).expect("room");
        let peer = Peer {
            streams: [open(Domain::Inet, Type::Stream), open(Domain::Inet6, Type::Stream)],
            datagrams: open(Domain::Inet6, Type::Datagram),
            pings: [open(Domain::Inet, Type::Icmp), open(Domain::Inet6, Type::Icmp)],
            raw: open(Domain::Inet, Type::Raw(253)),
            igmp: open(Domain::Inet, Type::Raw(2)),
            icmp6: open(Domain::Inet6, Type::Raw(58)),
            headers6: open(Domain::Inet6, Type::Raw(255)),
            stack,
        };
        Peer::listening(peer)
    }

    fn listening(mut self) -> Peer {
        let listener = self.stack.socket(Domain::Inet, Type::Stream).expect("room");
        self.stack.bind(listener, at("0.0.0.0", 7)).expect("free");
        self.stack.listen(listener, 1).expect("bound");
        self.stack.bind(self.datagrams, at("::", 9)).expect("free");
        let _in_progress = self.stack.connect(self.streams[0], at("192.0.2.1", 7));
        let _in_progress = self.stack.connect(self.streams[1], at("2001:db8::1", 7));
        self
    }

    /// Does what is planned for this round; whatever fails now comes with the frames of another round.
    pub fn act(&mut self, round: usize) {
        match round {
            6 => self.speaks(),
            8 => self.asks(),
            10 => self.floods(),
            12 => self.leaves(),
            _ => {}
        }
    }

    fn speaks(&mut self) {
        let stack = &mut self.stack;
        for stream in self.streams {
            let _ = stack.send(stream, b"segment");
        }
        for (to, port) in [("::ffff:192.0.2.1", 9), ("2001:db8::1", 9), ("2001:db8::1", 99), ("ff02::1234", 9)] {
            let _ = stack.send_to(self.datagrams, b"datagram", at(to, port));
        }
        let _ = stack.send_to(self.datagrams, b"to the group", at("::ffff:239.1.2.3", 9));
        let _ = stack.send_to(self.raw, b"any protocol", at("192.0.2.1", 0));
        for (option, group) in [(IP_ADD_MEMBERSHIP, "239.1.2.4"), (IPV6_JOIN_GROUP, "ff02::4321")] {
            let _ = stack.setsockopt(self.datagrams, option, Membership::of(ip(group)));
        }
    }

    fn asks(&mut self) {
        let stack = &mut self.stack;
        let _ = stack.send_to(self.pings[0], &[8, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3], at("192.0.2.1", 0));
        let _ = stack.send_to(self.pings[1], &[128, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3], at("2001:db8::1", 0));
        // IGMPv3 and MLDv2 general queries, answered within a second.
        let _ = stack.send_to(self.igmp, &[0x11, 10, 0xec, 0xd3, 0, 0, 0, 0, 2, 125, 0, 0], at("224.0.0.1", 0));
        let mut query = [0; 28];
        (query[0], query[4], query[24], query[25]) = (130, 4, 2, 125);
        let _ = stack.send_to(self.icmp6, &query, at("ff02::1", 0));
        // A neighbour solicitation with a link-layer address.
        let mut solicitation = [0; 32];
        solicitation[0] = 135;
        solicitation[8..24].copy_from_slice(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        solicitation[24..].copy_from_slice(&[1, 1, 2, 0, 0, 0, 0, 2]);
        let _ = stack.send_to(self.icmp6, &solicitation, at("2001:db8::1", 0));
    }

    fn floods(&mut self) {
        let stack = &mut self.stack;
        for to in ["::ffff:192.0.2.1", "2001:db8::1"] {
            let _ = stack.send_to(self.datagrams, &[7; LARGE_BYTES], at(to, 9));
        }
        let _ = stack.send(self.streams[0], &[7; LARGE_BYTES]);
        let _ = stack.send_to(self.headers6, &OPTIONS, at("2001:db8::1", 0));
    }

    fn leaves(&mut self) {
        let _ = self.stack.close(self.streams[1]);
        for ping in self.pings {
            let _ = self.stack.close(ping);
        }
        let _ = self.stack.close(self.datagrams);
    }
}

/// A UDP datagram of no bytes to port 9, behind hop-by-hop, routing and destination options.
const OPTIONS: [u8; 72] = {
    let mut packet = [0; 72];
    (packet[0], packet[5], packet[7]) = (0x60, 32, 64);
    let mut at = 8;
    while at < 40 {
        let address = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        packet[at] = address[(at - 8) % 16];
        at += 1;
    }
    (packet[23], packet[39]) = (2, 1);
    // Next header, length in 8 bytes less 1; padding of 4 bytes.
    (packet[40], packet[42], packet[43]) = (43, 1, 4);
    packet[48] = 60;
    (packet[56], packet[58], packet[59]) = (17, 1, 4);
    (packet[64], packet[67], packet[69]) = (0x30, 9, 8);
    // Not 0; nobody looks at its value.
    packet[71] = 1;
    packet
};
