//! How are the few frames built that do not come from smoltcp?

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use smoltcp::phy::{ChecksumCapabilities, TxToken};
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, Icmpv6Packet, Icmpv6Repr,
    IpProtocol, IpRepr, Ipv6Packet, Ipv6Repr, NdiscRepr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
};

use crate::addr::{MacAddr, to_ip, to_mac};

/// Sends an ARP request (RFC 826): who has `target`, tell `own`.
pub(crate) fn arp_request(token: impl TxToken, mac: MacAddr, own: Ipv4Addr, target: Ipv4Addr) {
    let request = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr: to_mac(mac),
        source_protocol_addr: own,
        target_hardware_addr: EthernetAddress([0; 6]),
        target_protocol_addr: target,
    };
    let len = EthernetFrame::<&[u8]>::buffer_len(request.buffer_len());
    token.consume(len, |buffer| {
        let mut frame = EthernetFrame::new_unchecked(buffer);
        frame.set_src_addr(to_mac(mac));
        frame.set_dst_addr(EthernetAddress::BROADCAST);
        frame.set_ethertype(EthernetProtocol::Arp);
        request.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
    });
}

/// Sends a neighbour solicitation (RFC 4861 §4.3) for `target` to its solicited-node group.
pub(crate) fn neighbor_solicitation(token: impl TxToken, mac: MacAddr, own: Ipv6Addr, target: Ipv6Addr) {
    let solicit =
        Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit { target_addr: target, lladdr: Some(to_mac(mac).into()) });
    let group = solicited_node(target);
    let packet = Ipv6Repr {
        src_addr: own,
        dst_addr: group,
        next_header: IpProtocol::Icmpv6,
        payload_len: solicit.buffer_len(),
        hop_limit: 255,
    };
    let [.., a, b, c, d] = group.octets();
    let len = EthernetFrame::<&[u8]>::buffer_len(packet.buffer_len() + solicit.buffer_len());
    token.consume(len, |buffer| {
        let mut frame = EthernetFrame::new_unchecked(buffer);
        frame.set_src_addr(to_mac(mac));
        frame.set_dst_addr(EthernetAddress([0x33, 0x33, a, b, c, d]));
        frame.set_ethertype(EthernetProtocol::Ipv6);
        let mut ip = Ipv6Packet::new_unchecked(frame.payload_mut());
        packet.emit(&mut ip);
        let mut icmp = Icmpv6Packet::new_unchecked(ip.payload_mut());
        solicit.emit(&own, &group, &mut icmp, &ChecksumCapabilities::default());
    });
}

/// A segment without data that answers another.
pub(crate) struct Answer {
    /// Our side.
    pub(crate) local: SocketAddr,
    /// The side that is answered.
    pub(crate) remote: SocketAddr,
    /// Source and destination of the frame that is answered: the answer goes back the same way.
    pub(crate) link: Option<(MacAddr, MacAddr)>,
    pub(crate) is_reset: bool,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
}

/// Sends an ACK, or an RST with an ACK.
pub(crate) fn answer(token: impl TxToken, answer: &Answer, checksums: &ChecksumCapabilities) {
    let Answer { local, remote, link, .. } = *answer;
    let segment = TcpRepr {
        src_port: local.port(),
        dst_port: remote.port(),
        control: if answer.is_reset { TcpControl::Rst } else { TcpControl::None },
        seq_number: TcpSeqNumber(answer.seq as i32),
        ack_number: Some(TcpSeqNumber(answer.ack as i32)),
        window_len: 0,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let ethertype = if local.is_ipv4() { EthernetProtocol::Ipv4 } else { EthernetProtocol::Ipv6 };
    let (local, remote) = (to_ip(local.ip()), to_ip(remote.ip()));
    let packet = IpRepr::new(local, remote, IpProtocol::Tcp, segment.buffer_len(), 64);
    let header_len = if link.is_some() { EthernetFrame::<&[u8]>::header_len() } else { 0 };
    token.consume(header_len + packet.buffer_len(), |mut buffer| {
        if let Some((peer, own)) = link {
            let mut frame = EthernetFrame::new_unchecked(&mut *buffer);
            frame.set_src_addr(to_mac(own));
            frame.set_dst_addr(to_mac(peer));
            frame.set_ethertype(ethertype);
            buffer = &mut buffer[header_len..];
        }
        packet.emit(&mut *buffer, checksums);
        let mut payload = TcpPacket::new_unchecked(&mut buffer[packet.header_len()..]);
        segment.emit(&mut payload, &local, &remote, checksums);
    });
}

/// RFC 4291 §2.7.1.
fn solicited_node(addr: Ipv6Addr) -> Ipv6Addr {
    let [.., x, y, z] = addr.octets();
    Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, x, y, z])
}
