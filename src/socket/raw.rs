//! What does a datagram socket speak, and which of them are raw?

use super::slots::{Body, NONE, Slots};
use super::{Domain, Type};
use crate::demux::UDP;
use crate::stack::classify::{ICMP, ICMPV6};

/// What stands between a datagram socket's data and the IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A UDP header.
    Udp,
    /// Nothing: the data is an ICMP echo message, whose identifier is the socket's port.
    Icmp,
    /// Nothing: the data is whatever the protocol with this number has.
    Raw(u8),
}

impl Kind {
    /// The protocol number in the IP header.
    pub(crate) const fn protocol(self, domain: Domain) -> u8 {
        match (self, domain) {
            (Self::Udp, _) => UDP,
            (Self::Icmp, Domain::Inet) => ICMP,
            (Self::Icmp, Domain::Inet6) => ICMPV6,
            (Self::Raw(protocol), _) => protocol,
        }
    }

    /// Bytes that the stack puts between the IP header and the data.
    pub(crate) const fn header_len(self) -> usize {
        match self {
            Self::Udp => 8,
            Self::Icmp | Self::Raw(_) => 0,
        }
    }

    /// How such a socket is asked for.
    pub(crate) const fn as_type(self) -> Type {
        match self {
            Self::Udp => Type::Datagram,
            Self::Icmp => Type::Icmp,
            Self::Raw(protocol) => Type::Raw(protocol),
        }
    }

    /// The largest payload there is, bytes: what the length fields of the headers can say.
    pub(crate) const fn payload_max(self, domain: Domain) -> usize {
        let ip_header = if let Domain::Inet = domain { 20 } else { 0 };
        65_535_usize.saturating_sub(ip_header).saturating_sub(self.header_len())
    }
}

/// The raw sockets, linked through their bodies: every packet is shown to each of them.
#[derive(Debug)]
pub(crate) struct Raws {
    head: u32,
}

impl Raws {
    pub(crate) const fn new() -> Self {
        Self { head: NONE }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head == NONE
    }

    /// Adds a raw socket that is not in the list.
    pub(crate) fn add(&mut self, slots: &mut Slots<'_>, index: u32) {
        if let Body::Udp(datagrams) = &mut slots.get_mut(index).body {
            datagrams.next_raw = self.head;
            self.head = index;
        }
    }

    /// Takes a raw socket out, if it is there.
    pub(crate) fn remove(&mut self, slots: &mut Slots<'_>, index: u32) {
        let after = next(slots, index);
        if self.head == index {
            self.head = after;
            return;
        }
        let mut at = self.head;
        while at != NONE {
            if let Body::Udp(datagrams) = &mut slots.get_mut(at).body
                && datagrams.next_raw == index
            {
                datagrams.next_raw = after;
                return;
            }
            at = next(slots, at);
        }
    }

    /// The raw socket behind `after`, or the first one.
    pub(crate) fn next(&self, after: Option<u32>, slots: &Slots<'_>) -> Option<u32> {
        let index = after.map_or(self.head, |index| next(slots, index));
        (index != NONE).then_some(index)
    }
}

/// The raw socket behind this one.
fn next(slots: &Slots<'_>, index: u32) -> u32 {
    match &slots.get(index).body {
        Body::Udp(datagrams) => datagrams.next_raw,
        _ => NONE,
    }
}
