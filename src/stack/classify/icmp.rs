//! What does an ICMP message tell us, and about which flow?

use core::net::SocketAddr;

use super::ip::{self, Odd, Packet};
use super::{Class, Flow, checksum, neighbor};
use crate::addr::MacAddr;
use crate::demux::{TCP, UDP};

/// An ICMP or ICMPv6 error about a packet that this host sent, or that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IcmpError {
    pub(crate) kind: IcmpErrorKind,
    /// The error's own addresses: `remote` reports. The ports are 0.
    pub(crate) carrier: Flow,
    /// IP protocol of the quoted packet.
    pub(crate) quoted_protocol: u8,
    /// Source of the quoted packet: our side. The port is that of TCP or UDP, or the identifier of an echo request.
    pub(crate) quoted_local: SocketAddr,
    /// Destination of the quoted packet.
    pub(crate) quoted_remote: SocketAddr,
    /// Sequence number of a quoted TCP segment, to tell whether it can be in flight (RFC 5927 §4.1).
    pub(crate) quoted_tcp_seq: Option<u32>,
}

/// What went wrong with the quoted packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IcmpErrorKind {
    PortUnreachable,
    HostUnreachable,
    NetUnreachable,
    ProtocolUnreachable,
    FragmentationNeeded {
        /// Largest packet in bytes that the reporting router forwards; 0 from routers older than RFC 1191.
        mtu: u32,
    },
    TimeExceeded,
    Other,
}

/// Says what the ICMP or ICMPv6 message in `packet` is.
pub(super) fn classify(packet: &Packet<'_>, link: Option<(MacAddr, MacAddr)>) -> Class {
    let is_v4 = packet.source.is_ipv4();
    if is_v4 != (packet.protocol == ICMP) {
        return Class::Other;
    }
    // Every message that is in use has 8 bytes at least.
    let Some((header, quote)) = packet.payload.split_first_chunk::<8>() else { return Class::Malformed };
    let [kind, code, _, _, detail @ ..] = *header;
    if !is_v4
        && let NEIGHBOR_SOLICITATION | NEIGHBOR_ADVERTISEMENT = kind
        && let Some(link) = link
    {
        return neighbor::ndp(packet, kind == NEIGHBOR_SOLICITATION, link);
    }
    let carrier = packet.flow(0, 0, link);
    let kind = if is_v4 { kind_v4(kind, code, detail) } else { kind_v6(kind, code, detail) };
    let Some(kind) = kind else { return Class::Icmp(carrier) };
    let is_good = if is_v4 { checksum::is_good(checksum::sum(packet.payload)) } else { packet.has_good_checksum() };
    if !is_good {
        return Class::Malformed;
    }
    match ip::parse_quote(quote) {
        // An error about the other version cannot be about what its receiver sent.
        Ok(quoted) if quoted.source.is_ipv4() == is_v4 => Class::IcmpError(error(kind, carrier, &quoted)),
        Ok(_) | Err(Odd::Malformed) => Class::Malformed,
        // It does not say which flow it is about.
        Err(Odd::Fragment | Odd::Problem(_) | Odd::Other) => Class::Icmp(carrier),
    }
}

fn error(kind: IcmpErrorKind, carrier: Flow, quoted: &Packet<'_>) -> IcmpError {
    let (mut local_port, mut remote_port, mut tcp_seq) = (0, 0, None);
    if let (TCP | UDP, Some([l0, l1, r0, r1, seq @ ..])) = (quoted.protocol, quoted.payload.first_chunk::<8>()) {
        local_port = u16::from_be_bytes([*l0, *l1]);
        remote_port = u16::from_be_bytes([*r0, *r1]);
        tcp_seq = (quoted.protocol == TCP).then(|| u32::from_be_bytes(*seq));
    }
    // An echo request's identifier is the port of the socket that sent it.
    if let (ICMP, Some([8, 0, _, _, high, low, ..])) | (ICMPV6, Some([128, 0, _, _, high, low, ..])) =
        (quoted.protocol, quoted.payload.first_chunk::<8>())
    {
        local_port = u16::from_be_bytes([*high, *low]);
    }
    IcmpError {
        kind,
        carrier,
        quoted_protocol: quoted.protocol,
        quoted_local: SocketAddr::new(quoted.source, local_port),
        quoted_remote: SocketAddr::new(quoted.destination, remote_port),
        quoted_tcp_seq: tcp_seq,
    }
}

/// RFC 792, and RFC 1122 §3.2.2.1 for the later codes, which go with the errno that Linux gives. `None`:
/// not an error (RFC 6633 makes source quench none, and a redirect is no failure).
fn kind_v4(kind: u8, code: u8, detail: [u8; 4]) -> Option<IcmpErrorKind> {
    let [_, _, mtu_high, mtu_low] = detail;
    Some(match (kind, code) {
        // Net unreachable, unknown, prohibited, and not for this type of service. RFC 1812 §5.2.7.1
        // replaced 9 and 10; hosts still take them for what they say.
        (3, 0 | 6 | 9 | 11) => IcmpErrorKind::NetUnreachable,
        // Host unreachable, unknown, isolated, prohibited, not for this type of service; filtered.
        (3, 1 | 7 | 8 | 10 | 12..=15) => IcmpErrorKind::HostUnreachable,
        (3, 2) => IcmpErrorKind::ProtocolUnreachable,
        (3, 3) => IcmpErrorKind::PortUnreachable,
        // RFC 1191 §4: the MTU is in the lower half of what was unused.
        (3, 4) => IcmpErrorKind::FragmentationNeeded { mtu: u16::from_be_bytes([mtu_high, mtu_low]).into() },
        (11, _) => IcmpErrorKind::TimeExceeded,
        // Source route failed; parameter problem.
        (3 | 12, _) => IcmpErrorKind::Other,
        _ => return None,
    })
}

/// RFC 4443 §3. `None`: not an error, or none that we know.
fn kind_v6(kind: u8, code: u8, detail: [u8; 4]) -> Option<IcmpErrorKind> {
    Some(match (kind, code) {
        (1, 0) => IcmpErrorKind::NetUnreachable,
        // Prohibited (1, 5, 6), beyond the scope of the source address, address unreachable.
        (1, 1..=3 | 5 | 6) => IcmpErrorKind::HostUnreachable,
        (1, 4) => IcmpErrorKind::PortUnreachable,
        (2, _) => IcmpErrorKind::FragmentationNeeded { mtu: u32::from_be_bytes(detail) },
        (3, _) => IcmpErrorKind::TimeExceeded,
        // "Unrecognized Next Header type": there is no protocol unreachable in ICMPv6.
        (4, 1) => IcmpErrorKind::ProtocolUnreachable,
        (1 | 4, _) => IcmpErrorKind::Other,
        _ => return None,
    })
}

/// IP protocol number of ICMP.
pub(crate) const ICMP: u8 = 1;
/// IP protocol number of ICMPv6.
pub(crate) const ICMPV6: u8 = 58;
const NEIGHBOR_SOLICITATION: u8 = 135;
const NEIGHBOR_ADVERTISEMENT: u8 = 136;
