//! What do IGMP packets look like? (RFC 2236)

use core::net::Ipv4Addr;

use smoltcp::wire::{IgmpPacket, IgmpRepr, IgmpVersion, IpProtocol, Ipv4Packet};

use crate::time::Duration;

use crate::bytes;
use crate::invariant::impossible;

/// What another host or a router says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A router of IGMPv1 asks for the members of all groups.
    QueryV1,
    /// A router asks for the members of a group, or of all groups if it is unspecified.
    Query {
        group: Ipv4Addr,
        /// It wants to know within this time.
        delay_max: Duration,
    },
    /// Another host is a member.
    Report { group: Ipv4Addr },
}

/// What we say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// We are a member.
    Report,
    /// The same to a router of IGMPv1.
    ReportV1,
    /// We were the last member to report, and are one no longer.
    Leave,
}

impl Kind {
    /// Where a packet of this kind about `group` goes (RFC 2236 §9).
    pub(crate) fn destination(self, group: Ipv4Addr) -> Ipv4Addr {
        match self {
            Self::Report | Self::ReportV1 => group,
            Self::Leave => ALL_ROUTERS,
        }
    }
}

/// Understands an IGMP message. `message`: the payload of an IPv4 packet. `None`: it is wrong, or means
/// nothing to a host.
pub(crate) fn parse(message: &[u8]) -> Option<Heard> {
    let packet = IgmpPacket::new_checked(message).ok().filter(IgmpPacket::verify_checksum)?;
    let [kind, code, ..] = *message else { return None };
    let group = packet.group_addr();
    let is_query = kind == QUERY && (group.is_unspecified() || group.is_multicast());
    match kind {
        QUERY if is_query && code == 0 && message.len() == MESSAGE_LEN => Some(Heard::QueryV1),
        QUERY if is_query => {
            let is_v3 = message.len() >= QUERY_V3_LEN_MIN;
            Some(Heard::Query { group, delay_max: Duration::from_millis(100).saturating_mul(delay_code(code, is_v3)) })
        }
        REPORT_V1 | REPORT_V2 if group.is_multicast() => Some(Heard::Report { group }),
        _ => None,
    }
}

/// Tenths of a second. Only IGMPv3 has floating point (RFC 3376 §4.1.1).
#[expect(clippy::arithmetic_side_effects, reason = "5 bits shifted by 10 at most")]
fn delay_code(code: u8, is_v3: bool) -> u32 {
    if is_v3 && code >= 128 {
        return u32::from(code & 0xf | 0x10) << (((code >> 4) & 7) + 3);
    }
    code.into()
}

/// Writes an IPv4 packet with TTL 1 and the router alert option (RFC 2113) to the start of `packet`:
/// [`PACKET_LEN`] bytes at least.
pub(crate) fn write(kind: Kind, group: Ipv4Addr, source: Ipv4Addr, packet: &mut [u8]) {
    let Some((header, message)) = packet.get_mut(..PACKET_LEN).and_then(|all| all.split_at_mut_checked(HEADER_LEN))
    else {
        return impossible("there is room for a report");
    };
    bytes::copy(&ROUTER_ALERT, header.get_mut(20..).unwrap_or_default());
    let mut header = Ipv4Packet::new_unchecked(header);
    header.set_version(4);
    header.set_header_len(HEADER_LEN as u8);
    header.set_dscp(DSCP_NETWORK_CONTROL);
    header.set_ecn(0);
    header.set_total_len(PACKET_LEN as u16);
    header.set_ident(0);
    header.clear_flags();
    header.set_frag_offset(0);
    // Nothing will cut it, so that it needs no identification (RFC 6864 §4.1).
    header.set_dont_frag(true);
    header.set_hop_limit(1);
    header.set_next_header(IpProtocol::Igmp);
    header.set_src_addr(source);
    header.set_dst_addr(kind.destination(group));
    header.fill_checksum();
    message.fill(0);
    let repr = match kind {
        Kind::Report => IgmpRepr::MembershipReport { group_addr: group, version: IgmpVersion::Version2 },
        Kind::ReportV1 => IgmpRepr::MembershipReport { group_addr: group, version: IgmpVersion::Version1 },
        Kind::Leave => IgmpRepr::LeaveGroup { group_addr: group },
    };
    repr.emit(&mut IgmpPacket::new_unchecked(message));
}

/// IP protocol number.
pub(crate) const IGMP: u8 = 2;
/// All systems on this subnet.
pub(crate) const ALL_SYSTEMS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
const ALL_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 2);
/// Every IGMP packet that we send is that long.
pub(crate) const PACKET_LEN: usize = HEADER_LEN + MESSAGE_LEN;
const HEADER_LEN: usize = 24;
const MESSAGE_LEN: usize = 8;
/// RFC 3376 §7.1.
const QUERY_V3_LEN_MIN: usize = 12;
const ROUTER_ALERT: [u8; 4] = [0x94, 4, 0, 0];
/// CS6, as Linux sends it.
const DSCP_NETWORK_CONTROL: u8 = 48;
const QUERY: u8 = 0x11;
const REPORT_V1: u8 = 0x12;
const REPORT_V2: u8 = 0x16;

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);

    fn message(kind: u8, code: u8, group: Ipv4Addr) -> [u8; 12] {
        let [a, b, c, d] = group.octets();
        let mut message = [kind, code, 0, 0, a, b, c, d, 0, 0, 0, 0];
        IgmpPacket::new_unchecked(&mut message).fill_checksum();
        message
    }

    #[test]
    fn queries_of_all_three_versions_are_told_apart() {
        let any = Ipv4Addr::UNSPECIFIED;
        let query = |group, ms| Some(Heard::Query { group, delay_max: Duration::from_millis(ms) });
        assert_eq!(parse(&message(0x11, 0, any)[..8]), Some(Heard::QueryV1));
        assert_eq!(parse(&message(0x11, 100, any)[..8]), query(any, 10_000));
        assert_eq!(parse(&message(0x11, 255, GROUP)[..8]), query(GROUP, 25_500));
        assert_eq!(parse(&message(0x11, 0x80, GROUP)), query(GROUP, 12_800));
        assert_eq!(parse(&message(0x11, 0xff, GROUP)), query(GROUP, 3_174_400));
        assert_eq!(parse(&message(0x11, 0, GROUP)), query(GROUP, 0));
    }

    #[test]
    fn only_sound_messages_are_heard() {
        assert_eq!(parse(&message(0x16, 0, GROUP)[..8]), Some(Heard::Report { group: GROUP }));
        assert_eq!(parse(&message(0x12, 0, GROUP)[..8]), Some(Heard::Report { group: GROUP }));
        assert_eq!(parse(&message(0x17, 0, GROUP)[..8]), None, "a leave is for routers");
        assert_eq!(parse(&message(0x11, 100, Ipv4Addr::LOCALHOST)[..8]), None);
        assert_eq!(parse(&message(0x16, 0, GROUP)[..7]), None);
        let mut bad = message(0x16, 0, GROUP);
        bad[2] ^= 1;
        assert_eq!(parse(&bad), None);
        assert_eq!(parse(&[]), None);
    }

    #[test]
    fn packets_have_ttl_1_and_router_alert() {
        let source = Ipv4Addr::new(192, 0, 2, 1);
        let cases = [
            (Kind::Report, 0x16, GROUP),
            (Kind::ReportV1, 0x12, GROUP),
            (Kind::Leave, 0x17, Ipv4Addr::new(224, 0, 0, 2)),
        ];
        for (kind, first, destination) in cases {
            let mut packet = [0xff; PACKET_LEN];
            write(kind, GROUP, source, &mut packet);
            let ip = Ipv4Packet::new_checked(&packet[..]).expect("a packet");
            assert!(ip.verify_checksum());
            assert_eq!((ip.src_addr(), ip.dst_addr()), (source, destination));
            assert_eq!(packet[..10], [0x46, 0xc0, 0, 32, 0, 0, 0x40, 0, 1, 2]);
            assert_eq!(packet[20..26], [0x94, 4, 0, 0, first, 0]);
            assert_eq!(packet[28..], [239, 1, 2, 3]);
            assert!(IgmpPacket::new_unchecked(&packet[24..]).verify_checksum());
        }
    }
}
