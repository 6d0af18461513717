//! Which frames of strangers fill a host's tables?

use std::net::IpAddr;

use smolsock_sim::frame::Medium;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Address,
    Ipv4Packet, Ipv4Repr,
};

use super::bench::address;
use crate::pair::Net;

/// ARP requests of 100 neighbours to host 0 or 1; smoltcp's cache has room for 64 with `std`. None where there is no ARP.
pub fn neighbors(net: Net, host: usize) -> Vec<Vec<u8>> {
    let IpAddr::V4(target) = address(net, host) else { return Vec::new() };
    if net.medium == Medium::Ip {
        return Vec::new();
    }
    let request = |number: u8| {
        let sender = EthernetAddress([2, 0, 0, 0, 1, number]);
        let arp = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr: sender,
            source_protocol_addr: Ipv4Address::new(192, 0, 2, number),
            target_hardware_addr: EthernetAddress([0; 6]),
            target_protocol_addr: target,
        };
        let mut bytes = vec![0; 14 + arp.buffer_len()];
        let mut frame = EthernetFrame::new_unchecked(&mut bytes);
        frame.set_src_addr(sender);
        frame.set_dst_addr(EthernetAddress::BROADCAST);
        frame.set_ethertype(EthernetProtocol::Arp);
        arp.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
        bytes
    };
    (100..200).map(request).collect()
}

/// The first fragments of 40 packets to host 0 or 1, which has room for 16, without the others.
pub fn fragments(net: Net, host: usize) -> Vec<Vec<u8>> {
    let (IpAddr::V4(target), IpAddr::V4(sender)) = (address(net, host), net.host(77, 0).ip()) else {
        return Vec::new();
    };
    let header = usize::from(net.medium == Medium::Ethernet) * 14;
    let fragment = |number: u16| {
        let ip = Ipv4Repr {
            src_addr: sender,
            dst_addr: target,
            next_header: IpProtocol::Udp,
            payload_len: 64,
            hop_limit: 64,
        };
        let mut bytes = vec![0; header + 20 + 64];
        if header > 0 {
            let mut frame = EthernetFrame::new_unchecked(&mut bytes);
            frame.set_src_addr(EthernetAddress([2, 0, 0, 0, 0, 77]));
            frame.set_dst_addr(EthernetAddress([2, 0, 0, 0, 0, host as u8 + 1]));
            frame.set_ethertype(EthernetProtocol::Ipv4);
        }
        let mut packet = Ipv4Packet::new_unchecked(&mut bytes[header..]);
        ip.emit(&mut packet, &ChecksumCapabilities::default());
        packet.set_ident(number);
        packet.set_dont_frag(false);
        packet.set_more_frags(true);
        packet.fill_checksum();
        bytes
    };
    (0..40).map(fragment).collect()
}
