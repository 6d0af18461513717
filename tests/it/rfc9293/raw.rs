//! How is a packet changed on its way to the host?

use smoltcp::wire::{IpAddress, Ipv4Packet, TcpPacket};

/// Puts these bytes where the options of the segment are: as they are, checksums made good.
pub fn with_tcp_options(options: &[u8]) -> impl FnOnce(&mut Vec<u8>) {
    assert!(options.len().is_multiple_of(4) && options.len() <= 40, "a header of whole words");
    move |frame| {
        let start = ip_header_len(frame) + 20;
        let end = ip_header_len(frame) + usize::from(frame[ip_header_len(frame) + 12] >> 4) * 4;
        frame.splice(start..end, options.iter().copied());
        let words = u8::try_from(5 + options.len() / 4).expect("at most 15");
        let flags_at = start - 20 + 12;
        frame[flags_at] = (words << 4) | (frame[flags_at] & 0x0f);
        mend(frame);
    }
}

/// Puts these bytes behind the IPv4 header, checksums made good.
pub fn with_ip_options(options: &[u8]) -> impl FnOnce(&mut Vec<u8>) {
    assert!(options.len().is_multiple_of(4) && options.len() <= 40, "a header of whole words");
    move |frame| {
        frame.splice(20..20, options.iter().copied());
        frame[0] = 0x40 | u8::try_from(5 + options.len() / 4).expect("at most 15");
        mend(frame);
    }
}

/// Makes the packet come from somebody else, checksums made good.
pub fn from(source: [u8; 4]) -> impl FnOnce(&mut Vec<u8>) {
    move |frame| {
        frame[12..16].copy_from_slice(&source);
        mend(frame);
    }
}

/// Sets the URG bit and the urgent pointer, checksums made good.
pub fn with_urgent(pointer: u16) -> impl FnOnce(&mut Vec<u8>) {
    move |frame| {
        let start = ip_header_len(frame);
        frame[start + 13] |= 0x20;
        frame[start + 18..start + 20].copy_from_slice(&pointer.to_be_bytes());
        mend(frame);
    }
}

/// The bytes of the TCP options in a packet of the host.
pub fn tcp_options(frame: &[u8]) -> &[u8] {
    let start = ip_header_len(frame);
    &frame[start + 20..start + usize::from(frame[start + 12] >> 4) * 4]
}

/// Total length and both checksums.
fn mend(frame: &mut [u8]) {
    let len = u16::try_from(frame.len()).expect("a packet");
    let header_len = ip_header_len(frame);
    let (source, destination) = {
        let mut packet = Ipv4Packet::new_unchecked(&mut frame[..]);
        packet.set_total_len(len);
        packet.fill_checksum();
        (IpAddress::from(packet.src_addr()), IpAddress::from(packet.dst_addr()))
    };
    TcpPacket::new_unchecked(&mut frame[header_len..]).fill_checksum(&source, &destination);
}

fn ip_header_len(frame: &[u8]) -> usize {
    usize::from(frame[0] & 0x0f) * 4
}
