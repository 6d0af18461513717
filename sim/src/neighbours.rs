//! Which link-layer address has the neighbour that a packet goes to?

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::frame::{self, Mac};
use crate::packet::{self, Header, ICMPV6, u16_of};
use crate::time::Time;

/// One end of a cable at a node that has addresses but no `smolsock`: it answers ARP and neighbour solicitations, asks for
/// those it wants to reach, and keeps packets until there is an answer.
#[derive(Debug, Clone)]
pub(crate) struct Neighbours {
    /// `None`: frames are IP packets, and there is nobody to ask for.
    mac: Option<Mac>,
    addrs: Vec<IpAddr>,
    known: BTreeMap<IpAddr, Known>,
    sought: BTreeMap<IpAddr, Sought>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    mac: Mac,
    until: Time,
}

/// A neighbour that was asked for and has not answered.
#[derive(Debug, Clone)]
struct Sought {
    asked: u32,
    again_at: Time,
    packets: Vec<Vec<u8>>,
}

impl Neighbours {
    /// An end with these addresses.
    pub(crate) fn new(mac: Option<Mac>, addrs: Vec<IpAddr>) -> Self {
        Self { mac, addrs, known: BTreeMap::new(), sought: BTreeMap::new() }
    }

    /// Takes a frame; gives the IP packet in it, if that is for the layer above. Frames to send are added to `out`.
    pub(crate) fn on_frame(&mut self, now: Time, bytes: &[u8], out: &mut Vec<Vec<u8>>) -> Option<Vec<u8>> {
        let Some(mac) = self.mac else { return Some(bytes.to_vec()) };
        let to = frame::destination(bytes)?;
        if to != mac && frame::is_unicast(to) {
            return None;
        }
        let payload = &bytes[frame::ETHERNET_HEADER_BYTES..];
        match u16_of(bytes, 12) {
            ETHERTYPE_ARP => self.on_arp(now, mac, payload, out),
            ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => {
                if self.on_ndp(now, mac, payload, out).is_some() || to != mac {
                    return None;
                }
                return Some(payload.to_vec());
            }
            _ => {}
        }
        None
    }

    /// Sends a packet to the neighbour with this address, as soon as it is known where that is.
    pub(crate) fn send(&mut self, now: Time, neighbour: IpAddr, packet: Vec<u8>, out: &mut Vec<Vec<u8>>) {
        let Some(mac) = self.mac else { return out.push(packet) };
        if let Some(known) = self.known.get(&neighbour).filter(|known| known.until > now) {
            return out.push(in_ethernet(known.mac, mac, &packet));
        }
        let is_new = !self.sought.contains_key(&neighbour);
        let sought = self.sought.entry(neighbour).or_insert_with(|| Sought::since(now));
        // RFC 4861 §7.2.2: at least one packet is kept; the oldest goes when there are more.
        if sought.packets.len() == WAITING_MAX {
            sought.packets.remove(0);
        }
        sought.packets.push(packet);
        if is_new {
            self.ask(mac, neighbour, out);
        }
    }

    /// Asks again where it is time; gives the packets to neighbours that do not answer.
    pub(crate) fn on_time(&mut self, now: Time, out: &mut Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let Some(mac) = self.mac else { return Vec::new() };
        let due: Vec<IpAddr> =
            self.sought.iter().filter(|(_, sought)| sought.again_at <= now).map(|(addr, _)| *addr).collect();
        let mut given_up = Vec::new();
        for addr in due {
            let Some(sought) = self.sought.get_mut(&addr) else { continue };
            if sought.asked < ASKED_MAX {
                sought.asked += 1;
                sought.again_at = now.after_ns(ASK_AGAIN_NS);
                self.ask(mac, addr, out);
            } else if let Some(sought) = self.sought.remove(&addr) {
                given_up.extend(sought.packets);
            }
        }
        given_up
    }

    /// When [`Neighbours::on_time`] has something to do.
    pub(crate) fn next_at(&self) -> Option<Time> {
        self.sought.values().map(|sought| sought.again_at).min()
    }

    fn learn(&mut self, now: Time, addr: IpAddr, at: Mac, out: &mut Vec<Vec<u8>>) {
        if addr.is_unspecified() || addr.is_multicast() || !frame::is_unicast(at) {
            return;
        }
        self.known.insert(addr, Known { mac: at, until: now.after_ns(KNOWN_NS) });
        if let (Some(sought), Some(mac)) = (self.sought.remove(&addr), self.mac) {
            out.extend(sought.packets.iter().map(|packet| in_ethernet(at, mac, packet)));
        }
    }

    fn ask(&self, mac: Mac, whom: IpAddr, out: &mut Vec<Vec<u8>>) {
        match whom {
            IpAddr::V4(whom) => {
                let own = self.addrs.iter().find_map(|addr| match addr {
                    IpAddr::V4(addr) => Some(*addr),
                    IpAddr::V6(_) => None,
                });
                let request = arp(ARP_REQUEST, (mac, own.unwrap_or(Ipv4Addr::UNSPECIFIED)), ([0; 6], whom));
                out.push(ethernet([0xff; 6], mac, ETHERTYPE_ARP, &request));
            }
            IpAddr::V6(whom) => {
                let own = self.addrs.iter().find(|addr| addr.is_ipv6()).copied();
                let [.., x, y, z] = whom.octets();
                // RFC 4291 §2.7.1 and RFC 2464 §7.
                let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(x), u16::from_be_bytes([y, z]));
                let message = ndp(SOLICITATION, 0, whom, 1, mac);
                let own = own.unwrap_or(Ipv6Addr::UNSPECIFIED.into());
                let packet = packet::packet(own, group.into(), ICMPV6, 255, &message);
                out.push(ethernet([0x33, 0x33, 0xff, x, y, z], mac, ETHERTYPE_IPV6, &packet));
            }
        }
    }

    /// RFC 826.
    fn on_arp(&mut self, now: Time, mac: Mac, message: &[u8], out: &mut Vec<Vec<u8>>) {
        let Some(message) = message.first_chunk::<28>() else { return };
        if message[..6] != [0, 1, 8, 0, 6, 4] {
            return;
        }
        let [_, _, _, _, _, _, _, operation, m0, m1, m2, m3, m4, m5, s0, s1, s2, s3, .., t0, t1, t2, t3] = *message;
        let (sender_mac, sender) = ([m0, m1, m2, m3, m4, m5], Ipv4Addr::new(s0, s1, s2, s3));
        let target = Ipv4Addr::new(t0, t1, t2, t3);
        if !self.addrs.contains(&target.into()) {
            return;
        }
        self.learn(now, sender.into(), sender_mac, out);
        if u16::from(operation) == ARP_REQUEST {
            let reply = arp(ARP_REPLY, (mac, target), (sender_mac, sender));
            out.push(ethernet(sender_mac, mac, ETHERTYPE_ARP, &reply));
        }
    }

    /// Neighbour discovery; `None`: the packet is something else.
    fn on_ndp(&mut self, now: Time, mac: Mac, bytes: &[u8], out: &mut Vec<Vec<u8>>) -> Option<()> {
        let header = Header::of(bytes).filter(|header| header.protocol == ICMPV6 && header.is_whole())?;
        let message = &bytes[header.payload()];
        let kind = message.first().copied().filter(|kind| matches!(*kind, SOLICITATION | ADVERTISEMENT))?;
        // RFC 4861 §7.1: nobody beyond the cable can have sent it.
        if header.ttl != 255 || message.len() < 24 || !packet::is_intact(bytes, &header) {
            return Some(());
        }
        let target = Ipv6Addr::from(<[u8; 16]>::try_from(&message[8..24]).unwrap_or_default());
        if kind == ADVERTISEMENT {
            if let Some(at) = option_mac(&message[24..], 2) {
                self.learn(now, target.into(), at, out);
            }
            return Some(());
        }
        if !self.addrs.contains(&target.into()) {
            return Some(());
        }
        if let Some(at) = option_mac(&message[24..], 1) {
            self.learn(now, header.source, at, out);
        }
        // RFC 4861 §7.2.4: who does not have its address yet is answered with everybody else.
        let is_probe = header.source.is_unspecified();
        let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
        let (to, flags) = if is_probe { (all_nodes.into(), 0xa0) } else { (header.source, 0xe0) };
        let answer = packet::packet(target.into(), to, ICMPV6, 255, &ndp(ADVERTISEMENT, flags, target, 2, mac));
        match to {
            _ if is_probe => out.push(ethernet([0x33, 0x33, 0, 0, 0, 1], mac, ETHERTYPE_IPV6, &answer)),
            to => self.send(now, to, answer, out),
        }
        Some(())
    }
}

impl Sought {
    fn since(now: Time) -> Self {
        Self { asked: 1, again_at: now.after_ns(ASK_AGAIN_NS), packets: Vec::new() }
    }
}

fn in_ethernet(to: Mac, from: Mac, packet: &[u8]) -> Vec<u8> {
    let is_v6 = packet.first().is_some_and(|byte| byte >> 4 == 6);
    ethernet(to, from, if is_v6 { ETHERTYPE_IPV6 } else { ETHERTYPE_IPV4 }, packet)
}

fn ethernet(to: Mac, from: Mac, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&to[..], &from, &ethertype.to_be_bytes(), payload].concat()
}

fn arp(operation: u16, sender: (Mac, Ipv4Addr), target: (Mac, Ipv4Addr)) -> Vec<u8> {
    let [high, low] = operation.to_be_bytes();
    let addrs = (sender.1.octets(), target.1.octets());
    [&[0, 1, 8, 0, 6, 4, high, low][..], &sender.0, &addrs.0, &target.0, &addrs.1].concat()
}

/// RFC 4861 §4.3 and §4.4, with one option that says `mac`.
fn ndp(kind: u8, flags: u8, target: Ipv6Addr, option: u8, mac: Mac) -> Vec<u8> {
    [&[kind, 0, 0, 0, flags, 0, 0, 0][..], &target.octets(), &[option, 1], &mac].concat()
}

/// The link-layer address in the option of this kind (RFC 4861 §4.6.1).
fn option_mac(mut options: &[u8], kind: u8) -> Option<Mac> {
    // Each turn takes at least 8 bytes.
    while let [found, words, ..] = *options {
        let bytes = usize::from(words) * 8;
        if bytes == 0 || bytes > options.len() {
            return None;
        }
        if found == kind {
            return options.get(2..8)?.try_into().ok();
        }
        options = &options[bytes..];
    }
    None
}

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const ARP_REQUEST: u16 = 1;
const ARP_REPLY: u16 = 2;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;

/// How long an answer is believed.
const KNOWN_NS: u64 = 60_000_000_000;

/// RFC 4861 §10: RETRANS_TIMER and MAX_MULTICAST_SOLICIT; the same for ARP.
const ASK_AGAIN_NS: u64 = 1_000_000_000;
const ASKED_MAX: u32 = 3;

/// Packets that wait for one neighbour.
const WAITING_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: Mac = [2, 0, 0, 0, 0, 1];
    const THEIRS: Mac = [2, 0, 0, 0, 0, 2];

    fn ends(family: &str) -> (Neighbours, Neighbours, IpAddr) {
        let (a, b) = if family == "ARP" { ("192.0.2.1", "192.0.2.2") } else { ("2001:db8::1", "2001:db8::2") };
        let (a, b): (IpAddr, IpAddr) = (a.parse().expect("an address"), b.parse().expect("an address"));
        (Neighbours::new(Some(MINE), vec![a]), Neighbours::new(Some(THEIRS), vec![b]), b)
    }

    fn some_packet(to: IpAddr) -> Vec<u8> {
        packet::packet(to, to, 253, 64, b"hello")
    }

    #[test]
    fn a_packet_waits_for_the_answer_and_the_next_does_not() {
        for family in ["ARP", "NDP"] {
            let (mut mine, mut theirs, to) = ends(family);
            let (mut there, mut back) = (Vec::new(), Vec::new());
            mine.send(Time::ZERO, to, some_packet(to), &mut there);
            assert_eq!(there.len(), 1, "{family}: the question");
            assert_eq!(theirs.on_frame(Time::ZERO, &there[0], &mut back), None);
            assert_eq!(back.len(), 1, "{family}: the answer");
            there.clear();
            assert_eq!(mine.on_frame(Time::ZERO, &back[0], &mut there), None);
            assert_eq!(theirs.on_frame(Time::ZERO, &there[0], &mut back), Some(some_packet(to)));
            there.clear();
            mine.send(Time::from_secs(59), to, some_packet(to), &mut there);
            assert_eq!(theirs.on_frame(Time::ZERO, &there[0], &mut back), Some(some_packet(to)));
            assert_eq!(mine.next_at(), None);
        }
    }

    #[test]
    fn three_questions_without_an_answer_are_enough() {
        let (mut mine, _, to) = ends("NDP");
        let mut out = Vec::new();
        mine.send(Time::ZERO, to, some_packet(to), &mut out);
        let mut given_up = Vec::new();
        while let Some(at) = mine.next_at() {
            given_up.push((at, mine.on_time(at, &mut out).len()));
        }
        let secs = Time::from_secs;
        assert_eq!(given_up, [(secs(1), 0), (secs(2), 0), (secs(3), 1)]);
        assert_eq!(out.len(), 3);
    }

    #[test]
    fn what_is_for_others_or_cut_short_is_left_alone() {
        let (mut mine, mut theirs, to) = ends("NDP");
        let (mut there, mut back) = (Vec::new(), Vec::new());
        mine.send(Time::ZERO, to, some_packet(to), &mut there);
        for len in 0..there[0].len() {
            theirs.on_frame(Time::ZERO, &there[0][..len], &mut back);
        }
        assert!(back.is_empty());
        let foreign = in_ethernet([2, 0, 0, 0, 0, 9], MINE, &some_packet(to));
        assert_eq!(theirs.on_frame(Time::ZERO, &foreign, &mut back), None);
    }
}
