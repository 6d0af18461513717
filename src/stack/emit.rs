//! How are the packets built that do not come from smoltcp's TCP?

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use smoltcp::phy::{ChecksumCapabilities, TxToken};
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, Icmpv6Packet, Icmpv6Repr,
    IpProtocol, IpRepr, Ipv4Packet, Ipv6Packet, Ipv6Repr, NdiscNeighborFlags, NdiscRepr, TcpControl, TcpPacket,
    TcpRepr, TcpSeqNumber,
};

use crate::addr::{MacAddr, to_ip, to_mac};
use crate::device::Path;
use crate::invariant::impossible;
use crate::stack::classify::checksum;

/// Sends an ARP request (RFC 826): who has `target`, tell `own`.
pub(crate) fn arp_request(token: impl TxToken, mac: MacAddr, own: Ipv4Addr, target: Ipv4Addr) {
    arp(token, ArpOperation::Request, (mac, own), (MacAddr([0; 6]), target));
}

/// Answers an ARP request of `asker`: `own` is at `mac`.
pub(crate) fn arp_reply(token: impl TxToken, (mac, own): (MacAddr, Ipv4Addr), asker: (MacAddr, Ipv4Addr)) {
    arp(token, ArpOperation::Reply, (mac, own), asker);
}

fn arp(token: impl TxToken, operation: ArpOperation, own: (MacAddr, Ipv4Addr), target: (MacAddr, Ipv4Addr)) {
    let packet = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: to_mac(own.0),
        source_protocol_addr: own.1,
        target_hardware_addr: to_mac(target.0),
        target_protocol_addr: target.1,
    };
    let to = if operation == ArpOperation::Request { EthernetAddress::BROADCAST } else { to_mac(target.0) };
    let len = EthernetFrame::<&[u8]>::buffer_len(packet.buffer_len());
    token.consume(len, |buffer| {
        let mut frame = EthernetFrame::new_unchecked(buffer);
        frame.set_src_addr(to_mac(own.0));
        frame.set_dst_addr(to);
        frame.set_ethertype(EthernetProtocol::Arp);
        packet.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
    });
}

/// Sends a neighbour solicitation (RFC 4861 §4.3) for `target` to its solicited-node group.
pub(crate) fn neighbor_solicitation(token: impl TxToken, mac: MacAddr, own: Ipv6Addr, target: Ipv6Addr) {
    let solicit = NdiscRepr::NeighborSolicit { target_addr: target, lladdr: Some(to_mac(mac).into()) };
    let group = solicited_node(target);
    neighbor_discovery(token, (mac, group_mac(IpAddr::V6(group))), (own, group), solicit);
}

/// Answers a neighbour solicitation (RFC 4861 §4.4): `own` is at `mac`. `asker`: `None` when it has no
/// address yet; then all nodes are told.
pub(crate) fn neighbor_advertisement(
    token: impl TxToken,
    (mac, own): (MacAddr, Ipv6Addr),
    asker: Option<(MacAddr, Ipv6Addr)>,
) {
    let mut flags = NdiscNeighborFlags::OVERRIDE;
    flags.set(NdiscNeighborFlags::SOLICITED, asker.is_some());
    let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let (to_mac_addr, to) = asker.unwrap_or((group_mac(IpAddr::V6(all_nodes)), all_nodes));
    let advert = NdiscRepr::NeighborAdvert { flags, target_addr: own, lladdr: Some(to_mac(mac).into()) };
    neighbor_discovery(token, (mac, to_mac_addr), (own, to), advert);
}

#[expect(clippy::arithmetic_side_effects, reason = "two short headers")]
fn neighbor_discovery(
    token: impl TxToken,
    link: (MacAddr, MacAddr),
    (from, to): (Ipv6Addr, Ipv6Addr),
    message: NdiscRepr<'_>,
) {
    let message = Icmpv6Repr::Ndisc(message);
    // RFC 4861 §7.1: 255 proves that no router forwarded it.
    let packet = Ipv6Repr {
        src_addr: from,
        dst_addr: to,
        next_header: IpProtocol::Icmpv6,
        payload_len: message.buffer_len(),
        hop_limit: 255,
    };
    let path = Path { link: Some(link), ..Path::BARE };
    path.send(token, packet.buffer_len() + message.buffer_len(), |buffer| {
        let mut ip = Ipv6Packet::new_unchecked(buffer);
        packet.emit(&mut ip);
        let mut icmp = Icmpv6Packet::new_unchecked(ip.payload_mut());
        message.emit(&from, &to, &mut icmp, &ChecksumCapabilities::default());
    });
}

/// A segment without data that smoltcp does not send: it answers another, or asks for an answer.
pub(crate) struct Bare {
    /// Our side.
    pub(crate) local: SocketAddr,
    /// The side that hears it.
    pub(crate) remote: SocketAddr,
    /// An ACK (`None`), a FIN or an RST.
    pub(crate) control: TcpControl,
    pub(crate) seq: u32,
    /// `None`: the segment has no ACK field.
    pub(crate) ack: Option<u32>,
    /// As it stands in the header.
    pub(crate) window: u16,
    /// TTL or hop limit.
    pub(crate) hops: u8,
}

/// Sends a segment without payload. `path`: the way to the other side.
pub(crate) fn bare(token: impl TxToken, path: &Path, bare: &Bare, checksums: &ChecksumCapabilities) {
    let Bare { local, remote, .. } = *bare;
    let segment = TcpRepr {
        src_port: local.port(),
        dst_port: remote.port(),
        control: bare.control,
        seq_number: TcpSeqNumber(bare.seq as i32),
        ack_number: bare.ack.map(|ack| TcpSeqNumber(ack as i32)),
        window_len: bare.window,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let (local, remote) = (to_ip(local.ip()), to_ip(remote.ip()));
    let packet = IpRepr::new(local, remote, IpProtocol::Tcp, segment.buffer_len(), bare.hops);
    path.send(token, packet.buffer_len(), |buffer| {
        packet.emit(&mut *buffer, checksums);
        let mut payload = TcpPacket::new_unchecked(buffer.get_mut(packet.header_len()..).unwrap_or_default());
        segment.emit(&mut payload, &local, &remote, checksums);
    });
}

/// The header of an IP packet that is not TCP's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: u8,
    /// TTL or hop limit.
    pub(crate) ttl: u8,
    /// DSCP and ECN.
    pub(crate) tos: u8,
}

impl Header {
    /// Bytes of the header.
    pub(crate) fn len(&self) -> usize {
        if self.source.is_ipv4() { IPV4_HEADER_LEN } else { IPV6_HEADER_LEN }
    }

    /// Writes the header of a whole packet with `payload_len` bytes behind it into the front of `packet`.
    #[expect(clippy::arithmetic_side_effects, reason = "a packet is shorter than 2^16 bytes")]
    pub(crate) fn write(&self, packet: &mut [u8], payload_len: usize, checksums: &ChecksumCapabilities) {
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let mut ip = Ipv4Packet::new_unchecked(packet);
                ip.set_version(4);
                ip.set_header_len(IPV4_HEADER_LEN as u8);
                ip.set_dscp(self.tos >> 2);
                ip.set_ecn(self.tos & 3);
                ip.set_total_len((IPV4_HEADER_LEN + payload_len) as u16);
                // RFC 6864 §4.1: the identification of a packet that no router may cut means nothing.
                ip.set_ident(0);
                ip.clear_flags();
                ip.set_more_frags(false);
                // RFC 1191 §3: so the way's MTU is found out (Linux `IP_PMTUDISC_WANT`).
                ip.set_dont_frag(true);
                ip.set_frag_offset(0);
                ip.set_hop_limit(self.ttl);
                ip.set_next_header(self.protocol.into());
                ip.set_src_addr(source);
                ip.set_dst_addr(destination);
                if checksums.ipv4.tx() {
                    ip.fill_checksum();
                } else {
                    ip.set_checksum(0);
                }
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let mut ip = Ipv6Packet::new_unchecked(packet);
                ip.set_version(6);
                ip.set_traffic_class(self.tos);
                ip.set_flow_label(0);
                ip.set_payload_len(payload_len as u16);
                ip.set_next_header(self.protocol.into());
                ip.set_hop_limit(self.ttl);
                ip.set_src_addr(source);
                ip.set_dst_addr(destination);
            }
            _ => impossible("both addresses are of one family"),
        }
    }
}

/// The 8 bytes in front of a datagram (RFC 768). `is_summed`: with a checksum, not left to the device.
#[expect(clippy::arithmetic_side_effects, reason = "less than 2^16 bytes, whose sums leave room for each other")]
pub(crate) fn udp_header(from: SocketAddr, to: SocketAddr, data: &[u8], is_summed: bool) -> [u8; UDP_HEADER_LEN] {
    let len = UDP_HEADER_LEN + data.len();
    let ([f0, f1], [t0, t1], [l0, l1]) =
        (from.port().to_be_bytes(), to.port().to_be_bytes(), (len as u16).to_be_bytes());
    let mut header = [f0, f1, t0, t1, l0, l1, 0, 0];
    if is_summed {
        let pseudo = checksum::pseudo(from.ip(), to.ip(), crate::demux::UDP, len as u32);
        let sum = match checksum::finish(pseudo + checksum::sum(&header) + checksum::sum(data)) {
            // RFC 768: 0 says that there is no checksum.
            0 => 0xffff,
            sum => sum,
        };
        [header[6], header[7]] = sum.to_be_bytes();
    }
    header
}

/// The link-layer address of a group or of everybody (RFC 1112 §6.4, RFC 2464 §7).
pub(crate) fn group_mac(group: IpAddr) -> MacAddr {
    match group {
        IpAddr::V4(addr) if addr.is_multicast() => {
            let [_, b, c, d] = addr.octets();
            MacAddr([0x01, 0x00, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V4(_) => MacAddr([0xff; 6]),
        IpAddr::V6(addr) => {
            let [.., a, b, c, d] = addr.octets();
            MacAddr([0x33, 0x33, a, b, c, d])
        }
    }
}

/// RFC 4291 §2.7.1.
pub(crate) fn solicited_node(addr: Ipv6Addr) -> Ipv6Addr {
    let [.., x, y, z] = addr.octets();
    Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, x, y, z])
}

/// Bytes of an IPv4 header without options.
pub(crate) const IPV4_HEADER_LEN: usize = 20;
/// Bytes of an IPv6 header.
pub(crate) const IPV6_HEADER_LEN: usize = 40;
/// Bytes of a UDP header.
pub(crate) const UDP_HEADER_LEN: usize = 8;
