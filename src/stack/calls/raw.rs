//! What do the calls on ICMP and raw sockets do that those on UDP sockets do not?

use core::net::SocketAddr;

use crate::demux::UDP;
use crate::errno::Errno;
use crate::socket::message::{SendMessage, total};
use crate::socket::raw::Kind;
use crate::socket::slots::Body;
use crate::socket::{Domain, Type};
use crate::stack::Stack;
use crate::stack::classify::{ICMP, ICMPV6};
use crate::stack::emit::{IPV4_HEADER_LEN, IPV6_HEADER_LEN};
use crate::stack::icmp::{ECHO_REQUEST, ECHO_REQUEST_V6};

impl Stack<'_> {
    /// Makes a fresh socket of datagrams what it was asked to be.
    pub(super) fn prepare_datagrams(&mut self, index: u32, kind: Type) {
        let slot = self.slots.get_mut(index);
        let wildcard = slot.wildcard();
        let Body::Udp(datagrams) = &mut slot.body else { return };
        datagrams.kind = match kind {
            Type::Stream | Type::Datagram => return,
            Type::Icmp => Kind::Icmp,
            Type::Raw(protocol) => Kind::Raw(protocol),
        };
        // Linux `INET_PROTOSW_REUSE`: they share their addresses from the start.
        slot.options.reuse_address = true;
        // ICMP and ICMPv6 are two protocols.
        slot.options.v6_only = true;
        if let Type::Raw(protocol) = kind {
            // raw(7): IPPROTO_RAW implies IP_HDRINCL.
            slot.options.header_included = protocol == IPPROTO_RAW;
            slot.local = Some(SocketAddr::new(wildcard, protocol.into()));
            self.raws.add(&mut self.slots, index);
        }
    }

    /// A raw socket can be bound again and again; its port is always the protocol's number.
    pub(super) fn bind_raw(&mut self, index: u32, protocol: u8, local: SocketAddr) -> Result<(), Errno> {
        let slot = self.slots.get(index);
        let ip = slot.inner(local, Errno::EINVAL)?.ip();
        if !ip.is_unspecified() && !self.is_local(ip) && !self.is_group(ip) {
            return Err(Errno::EADDRNOTAVAIL);
        }
        self.slots.get_mut(index).local = Some(SocketAddr::new(ip, protocol.into()));
        Ok(())
    }

    pub(super) fn connect_datagrams(&mut self, index: u32, remote: SocketAddr) -> Result<(), Errno> {
        let Body::Udp(datagrams) = &self.slots.get(index).body else { return Err(Errno::EBADF) };
        match datagrams.kind {
            Kind::Udp => self.connect_udp(index, UDP, remote),
            Kind::Icmp => self.connect_udp(index, ICMP, SocketAddr::new(remote.ip(), 0)),
            Kind::Raw(protocol) => self.connect_raw(index, protocol, remote),
        }
    }

    fn connect_raw(&mut self, index: u32, protocol: u8, remote: SocketAddr) -> Result<(), Errno> {
        let source = self.source_towards(index, remote)?;
        let slot = self.slots.get_mut(index);
        let bound = slot.local.map(|local| local.ip()).filter(|ip| !ip.is_unspecified());
        slot.local = Some(SocketAddr::new(bound.unwrap_or(source), protocol.into()));
        slot.remote = Some(remote);
        Ok(())
    }

    /// Whether a message may be sent by this kind of socket, and whether it begins with its IP header.
    pub(super) fn check_message(
        &self,
        index: u32,
        remote: SocketAddr,
        message: &SendMessage<'_>,
    ) -> Result<bool, Errno> {
        let slot = self.slots.get(index);
        let Body::Udp(datagrams) = &slot.body else { return Err(Errno::EBADF) };
        match datagrams.kind {
            Kind::Udp => Ok(false),
            Kind::Icmp => check_echo(slot.domain, message.pieces).map(|()| false),
            Kind::Raw(protocol) => {
                // Linux `rawv6_sendmsg`.
                let is_odd_port = remote.port() != 0 && remote.port() != u16::from(protocol);
                if slot.domain == Domain::Inet6 && message.to.is_some() && is_odd_port {
                    return Err(Errno::EINVAL);
                }
                if slot.options.header_included {
                    let len_max = self.mtu_towards(remote.ip());
                    return check_header(slot.domain, len_max, message.pieces).map(|()| true);
                }
                // Its checksum is at bytes 2 and 3.
                let is_summed = slot.domain == Domain::Inet6 && protocol == ICMPV6;
                if is_summed && total(message.pieces) < 4 { Err(Errno::EINVAL) } else { Ok(false) }
            }
        }
    }
}

/// Linux `ping_common_sendmsg`: echo requests only.
fn check_echo(domain: Domain, pieces: &[&[u8]]) -> Result<(), Errno> {
    let request = if domain == Domain::Inet { ECHO_REQUEST } else { ECHO_REQUEST_V6 };
    match start(pieces) {
        Some([kind, 0, _, _, _, _, _, _]) if kind == request => Ok(()),
        _ => Err(Errno::EINVAL),
    }
}

/// Linux `raw_send_hdrinc`, which also takes packets of no IP version.
fn check_header(domain: Domain, len_max: usize, pieces: &[&[u8]]) -> Result<(), Errno> {
    let len = total(pieces);
    if len > len_max {
        return Err(Errno::EMSGSIZE);
    }
    let Some([first]) = start(pieces) else { return Err(Errno::EINVAL) };
    let (version, header_len) = match domain {
        Domain::Inet => (4, usize::from(first & 0xf) * 4),
        Domain::Inet6 => (6, IPV6_HEADER_LEN),
    };
    let is_good = first >> 4 == version && header_len >= IPV4_HEADER_LEN && header_len <= len;
    if is_good { Ok(()) } else { Err(Errno::EINVAL) }
}

/// The first bytes of a message.
fn start<const N: usize>(pieces: &[&[u8]]) -> Option<[u8; N]> {
    let mut bytes = pieces.iter().flat_map(|piece| piece.iter().copied());
    let mut start = [0; N];
    for byte in &mut start {
        *byte = bytes.next()?;
    }
    Some(start)
}

/// `IPPROTO_RAW`.
const IPPROTO_RAW: u8 = 255;
