//! What do MLD packets look like? (RFC 3810)

use core::net::Ipv6Addr;

use smoltcp::wire::{
    Icmpv6Message, Icmpv6Packet, IpProtocol, Ipv6Packet, MldAddressRecord, MldAddressRecordRepr, MldRecordType,
};

use crate::time::Duration;

use crate::invariant::impossible;

/// A router asks for the members of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Query {
    /// Unspecified: of all groups.
    pub(crate) group: Ipv6Addr,
    /// It wants to know within this time.
    pub(crate) delay_max: Duration,
}

/// What we say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// We have become a member: a change to "exclude no sources".
    Join,
    /// We are a member: "exclude no sources".
    Present,
    /// We are a member no longer: a change to "include no sources".
    Leave,
}

/// Understands a query of MLDv1 or MLDv2. `message`: ICMPv6, with a checksum that the caller has checked;
/// `source` and `hop_limit`: of the packet. `None`: it is another message, or not sent by a router on this
/// link (RFC 3810 §6.2).
pub(crate) fn parse_query(source: Ipv6Addr, hop_limit: u8, message: &[u8]) -> Option<Query> {
    let [kind, _, _, _, code_high, code_low, _, _, rest @ ..] = message else { return None };
    let group = Ipv6Addr::from_octets(*rest.first_chunk()?);
    // RFC 3810 §8.1: 24 bytes are MLDv1, 28 and more are MLDv2, others are nothing.
    let is_v2 = match message.len() {
        QUERY_V1_LEN => false,
        QUERY_V2_LEN_MIN.. => true,
        _ => return None,
    };
    if *kind != QUERY || hop_limit != 1 || !source.is_unicast_link_local() {
        return None;
    }
    if !group.is_unspecified() && !group.is_multicast() {
        return None;
    }
    let delay_ms = delay_code(u16::from_be_bytes([*code_high, *code_low]), is_v2);
    Some(Query { group, delay_max: Duration::from_millis(delay_ms) })
}

/// Milliseconds. Only MLDv2 has floating point (RFC 3810 §5.1.3).
#[expect(clippy::arithmetic_side_effects, reason = "13 bits shifted by 10 at most")]
fn delay_code(code: u16, is_v2: bool) -> u64 {
    if is_v2 && code >= 0x8000 {
        return u64::from(code & 0xfff | 0x1000) << (((code >> 12) & 7) + 3);
    }
    code.into()
}

/// Writes an IPv6 packet with hop limit 1 and the router alert option (RFC 2711), which goes to
/// [`ALL_MLDV2_ROUTERS`], to the start of `packet`: [`PACKET_LEN`] bytes at least. `source`: link-local, or
/// unspecified if there is none (RFC 3590).
pub(crate) fn write(kind: Kind, group: Ipv6Addr, source: Ipv6Addr, packet: &mut [u8]) {
    let Some((header, rest)) = packet.get_mut(..PACKET_LEN).and_then(|all| all.split_at_mut_checked(HEADER_LEN)) else {
        return impossible("there is room for a report");
    };
    let Some((options, message)) = rest.split_first_chunk_mut::<{ HOP_BY_HOP.len() }>() else {
        return impossible("there is room for a report");
    };
    let mut header = Ipv6Packet::new_unchecked(header);
    header.set_version(6);
    header.set_traffic_class(0);
    header.set_flow_label(0);
    header.set_payload_len((PACKET_LEN - HEADER_LEN) as u16);
    header.set_next_header(IpProtocol::HopByHop);
    header.set_hop_limit(1);
    header.set_src_addr(source);
    header.set_dst_addr(ALL_MLDV2_ROUTERS);
    *options = HOP_BY_HOP;
    message.fill(0);
    // RFC 3810 §4.2.12. smoltcp's own reports have the two changes the wrong way round.
    let record_type = match kind {
        Kind::Join => MldRecordType::ChangeToExclude,
        Kind::Present => MldRecordType::ModeIsExclude,
        Kind::Leave => MldRecordType::ChangeToInclude,
    };
    MldAddressRecordRepr::new(record_type, group)
        .emit(&mut MldAddressRecord::new_unchecked(message.get_mut(REPORT_HEADER_LEN..).unwrap_or_default()));
    let mut message = Icmpv6Packet::new_unchecked(message);
    message.set_msg_type(Icmpv6Message::MldReport);
    message.set_nr_mcast_addr_rcrds(1);
    message.fill_checksum(&source, &ALL_MLDV2_ROUTERS);
}

/// The group to which neighbours that look for `addr` talk (RFC 4291 §2.7.1): every host is a member of
/// those of its addresses.
pub(crate) fn solicited_node(addr: Ipv6Addr) -> Ipv6Addr {
    let [.., x, y, z] = addr.octets();
    Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, x, y, z])
}

/// All nodes on this link.
pub(crate) const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// All nodes on this interface.
pub(crate) const ALL_NODES_OF_INTERFACE: Ipv6Addr = Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0, 1);
/// Where reports go (RFC 3810 §5.2.14).
pub(crate) const ALL_MLDV2_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);
/// Every MLD packet that we send is that long.
pub(crate) const PACKET_LEN: usize = HEADER_LEN + HOP_BY_HOP.len() + REPORT_HEADER_LEN + RECORD_LEN;
const HEADER_LEN: usize = 40;
/// ICMPv6 follows; router alert, "MLD"; two bytes of padding.
const HOP_BY_HOP: [u8; 8] = [58, 0, 5, 2, 0, 0, 1, 0];
const REPORT_HEADER_LEN: usize = 8;
const RECORD_LEN: usize = 20;
/// ICMPv6 type of queries.
pub(crate) const QUERY: u8 = 130;
const QUERY_V1_LEN: usize = 24;
const QUERY_V2_LEN_MIN: usize = 28;

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: Ipv6Addr = Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 0, 0x99);
    const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

    fn query(code: u16, group: Ipv6Addr) -> [u8; 28] {
        let mut message = [0; 28];
        message[0] = 130;
        message[4..6].copy_from_slice(&code.to_be_bytes());
        message[8..24].copy_from_slice(&group.octets());
        message
    }

    #[test]
    fn queries_of_both_versions_are_understood() {
        let expected = |group, ms| Some(Query { group, delay_max: Duration::from_millis(ms) });
        assert_eq!(parse_query(ROUTER, 1, &query(10_000, GROUP)), expected(GROUP, 10_000));
        assert_eq!(parse_query(ROUTER, 1, &query(0x8000, GROUP)), expected(GROUP, 32_768));
        assert_eq!(parse_query(ROUTER, 1, &query(0xffff, GROUP)), expected(GROUP, 8_387_584));
        let any = Ipv6Addr::UNSPECIFIED;
        assert_eq!(parse_query(ROUTER, 1, &query(0xffff, any)[..24]), expected(any, 65_535));
    }

    #[test]
    fn only_routers_on_this_link_are_heard() {
        let message = query(1, GROUP);
        assert_eq!(parse_query(ROUTER, 64, &message), None);
        assert_eq!(parse_query(Ipv6Addr::LOCALHOST, 1, &message), None);
        assert_eq!(parse_query(ROUTER, 1, &message[..26]), None);
        assert_eq!(parse_query(ROUTER, 1, &message[..20]), None);
        assert_eq!(parse_query(ROUTER, 1, &query(1, ROUTER)), None);
        let mut report = message;
        report[0] = 143;
        assert_eq!(parse_query(ROUTER, 1, &report), None);
    }

    #[test]
    fn packets_have_hop_limit_1_router_alert_and_the_right_record() {
        for (kind, record, source) in
            [(Kind::Join, 4, ROUTER), (Kind::Present, 2, ROUTER), (Kind::Leave, 3, Ipv6Addr::UNSPECIFIED)]
        {
            let mut packet = [0xff; PACKET_LEN];
            write(kind, GROUP, source, &mut packet);
            let ip = Ipv6Packet::new_checked(&packet[..]).expect("a packet");
            assert_eq!((ip.src_addr(), ip.dst_addr()), (source, "ff02::16".parse().expect("an address")));
            assert_eq!(packet[..8], [0x60, 0, 0, 0, 0, 36, 0, 1]);
            assert_eq!(packet[40..50], [58, 0, 5, 2, 0, 0, 1, 0, 143, 0]);
            assert_eq!(packet[52..60], [0, 0, 0, 1, record, 0, 0, 0]);
            assert_eq!(packet[60..], GROUP.octets());
            assert!(Icmpv6Packet::new_unchecked(&packet[48..]).verify_checksum(&source, &ALL_MLDV2_ROUTERS));
        }
    }

    #[test]
    fn a_solicited_node_group_has_the_last_three_bytes() {
        let addr = "2001:db8::12:3456:789a".parse().expect("an address");
        assert_eq!(solicited_node(addr), "ff02::1:ff56:789a".parse::<Ipv6Addr>().expect("an address"));
    }
}
