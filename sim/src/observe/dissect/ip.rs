//! What does an IP header say, and what follows it?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::bytes::{array_at, sum_is_good, sum_with_pseudo_header_is_good, u16_at, u32_at};
use super::{Dissected, Fragment, Ip, Layer, Packet, Udp, icmp, tcp};

pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMPV6: u8 = 58;
const IGMP: u8 = 2;
const NO_NEXT_HEADER: u8 = 59;

/// More extension headers than this are not a packet that anybody sent in good faith.
const EXTENSION_HEADERS_MAX: usize = 8;

/// What an IP header said, with the place of its payload in the frame.
struct Parsed {
    ip: Ip,
    payload: Range<usize>,
    fragment: Option<Fragment>,
    checksum_is_good: bool,
}

/// Describes the IP packet that begins at `at` in `frame`.
pub(super) fn dissect_ip(frame: &[u8], at: usize) -> Dissected {
    let packet = frame.get(at..).unwrap_or_default();
    let parsed = match packet.first().map(|byte| byte >> 4) {
        None => Err("header is cut short"),
        Some(4) => parse_v4(packet),
        Some(6) => parse_v6(packet),
        Some(_) => Err("version is neither 4 nor 6"),
    };
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(why) => return Dissected::malformed(Layer::Ip, why),
    };
    let payload = at + parsed.payload.start..at + parsed.payload.end;
    let (bad_checksum, packet) = match parsed.fragment {
        Some(fragment) => (None, Packet::Fragment(fragment)),
        None => transport(&parsed.ip, frame, payload),
    };
    Dissected {
        ethernet: None,
        ip: Some(parsed.ip),
        bad_checksum: if parsed.checksum_is_good { bad_checksum } else { Some(Layer::Ip) },
        packet,
    }
}

fn parse_v4(packet: &[u8]) -> Result<Parsed, &'static str> {
    const CUT: &str = "header is cut short";
    let header_bytes = usize::from(packet[0] & 0x0f) * 4;
    if header_bytes < 20 {
        return Err("header length is less than 20");
    }
    let header = packet.get(..header_bytes).ok_or(CUT)?;
    let total_bytes = usize::from(u16_at(header, 2).ok_or(CUT)?);
    if total_bytes < header_bytes {
        return Err("total length is less than the header");
    }
    if total_bytes > packet.len() {
        return Err("total length is more than was received");
    }
    let flags_and_offset = u16_at(header, 6).ok_or(CUT)?;
    let (more, offset_bytes) = (flags_and_offset & 0x2000 != 0, usize::from(flags_and_offset & 0x1fff) * 8);
    Ok(Parsed {
        ip: Ip {
            from: Ipv4Addr::from(array_at::<4>(header, 12).ok_or(CUT)?).into(),
            to: Ipv4Addr::from(array_at::<4>(header, 16).ok_or(CUT)?).into(),
            hop_limit: header[8],
            protocol: header[9],
            total_bytes,
        },
        payload: header_bytes..total_bytes,
        fragment: (more || offset_bytes > 0).then_some(Fragment {
            ident: u32::from(u16_at(header, 4).ok_or(CUT)?),
            offset_bytes,
            payload_bytes: total_bytes - header_bytes,
            more,
        }),
        checksum_is_good: sum_is_good(header),
    })
}

fn parse_v6(packet: &[u8]) -> Result<Parsed, &'static str> {
    const CUT: &str = "header is cut short";
    let total_bytes = 40 + usize::from(u16_at(packet, 4).ok_or(CUT)?);
    let from = Ipv6Addr::from(array_at::<16>(packet, 8).ok_or(CUT)?);
    let to = Ipv6Addr::from(array_at::<16>(packet, 24).ok_or(CUT)?);
    if total_bytes > packet.len() {
        return Err("payload length is more than was received");
    }
    let chain =
        skip_extensions(&packet[..total_bytes], packet[6]).ok_or("extension headers are cut short or too many")?;
    Ok(Parsed {
        ip: Ip { from: from.into(), to: to.into(), hop_limit: packet[7], protocol: chain.protocol, total_bytes },
        payload: chain.at..total_bytes,
        fragment: chain.fragment,
        // IPv6 has no checksum of its own.
        checksum_is_good: true,
    })
}

/// Where the chain of extension headers ends.
struct Chain {
    protocol: u8,
    at: usize,
    fragment: Option<Fragment>,
}

/// Walks the extension headers (RFC 8200 §4) that say their own length. `packet`: cut to its payload length.
fn skip_extensions(packet: &[u8], mut protocol: u8) -> Option<Chain> {
    let mut at = 40;
    for _ in 0..EXTENSION_HEADERS_MAX {
        match protocol {
            // Hop-by-hop, routing, destination options.
            0 | 43 | 60 => {
                let length = usize::from(*packet.get(at + 1)?);
                protocol = packet[at];
                at += 8 + 8 * length;
            }
            44 => {
                let next = *packet.get(at)?;
                let offset_and_more = u16_at(packet, at + 2)?;
                let ident = u32_at(packet, at + 4)?;
                at += 8;
                let fragment = Fragment {
                    ident,
                    offset_bytes: usize::from(offset_and_more & 0xfff8),
                    payload_bytes: packet.len() - at,
                    more: offset_and_more & 1 != 0,
                };
                if fragment.more || fragment.offset_bytes > 0 {
                    return Some(Chain { protocol: next, at, fragment: Some(fragment) });
                }
                protocol = next;
            }
            _ if at <= packet.len() => {
                return Some(Chain { protocol, at, fragment: None });
            }
            _ => return None,
        }
    }
    None
}

/// Describes what the IP packet carries: the wrong checksum, if it is wrong, and the packet.
fn transport(ip: &Ip, frame: &[u8], payload: Range<usize>) -> (Option<Layer>, Packet) {
    let bytes = frame.get(payload.clone()).unwrap_or_default();
    let checked = |layer, is_good: bool, packet| ((!is_good).then_some(layer), packet);
    let sum = |protocol| sum_with_pseudo_header_is_good(ip.from, ip.to, protocol, bytes);
    match (ip.protocol, ip.from) {
        (TCP, _) => match tcp::parse(bytes, payload.start) {
            Ok(tcp) => checked(Layer::Tcp, sum(TCP), Packet::Tcp(tcp)),
            Err(why) => malformed(Layer::Tcp, why),
        },
        (UDP, from) => match udp(bytes, payload.start) {
            // RFC 768: a checksum of zero means that there is none; IPv6 forbids that (RFC 8200 §8.1).
            Ok((udp, true)) if from.is_ipv4() => checked(Layer::Udp, true, Packet::Udp(udp)),
            Ok((udp, no_sum)) => checked(Layer::Udp, !no_sum && sum(UDP), Packet::Udp(udp)),
            Err(why) => malformed(Layer::Udp, why),
        },
        (ICMP, IpAddr::V4(_)) => match icmp::parse_v4(bytes) {
            Some(packet) => checked(Layer::Icmp, sum_is_good(bytes), packet),
            None => malformed(Layer::Icmp, "message is cut short"),
        },
        (ICMPV6, IpAddr::V6(_)) => match icmp::parse_v6(bytes) {
            Some(packet) => checked(Layer::Icmp, sum(ICMPV6), packet),
            None => malformed(Layer::Icmp, "message is cut short"),
        },
        (protocol, _) => (None, other(protocol, bytes.len())),
    }
}

fn malformed(layer: Layer, why: &'static str) -> (Option<Layer>, Packet) {
    (None, Packet::Malformed { layer, why })
}

fn other(protocol: u8, payload_bytes: usize) -> Packet {
    let name = match protocol {
        IGMP => "IGMP".to_owned(),
        NO_NEXT_HEADER => "IPv6 without payload".to_owned(),
        number => format!("IP protocol {number}"),
    };
    Packet::Other { name, payload_bytes }
}

/// Reads a datagram and whether it came without a checksum. `start`: where `bytes` begins in the frame.
fn udp(bytes: &[u8], start: usize) -> Result<(Udp, bool), &'static str> {
    let read = || Some((u16_at(bytes, 0)?, u16_at(bytes, 2)?, u16_at(bytes, 4)?, u16_at(bytes, 6)?));
    let (from_port, to_port, length, checksum) = read().ok_or("header is cut short")?;
    let length = usize::from(length);
    if length < 8 {
        return Err("length is less than the header");
    }
    if length > bytes.len() {
        return Err("length is more than the packet holds");
    }
    let udp = Udp { from_port, to_port, payload_bytes: length - 8, payload: start + 8..start + length };
    Ok((udp, checksum == 0))
}
