//! Which multicast groups has the host joined, and for whom?

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Stack;
use super::classify::ip::Packet;
use super::emit::group_mac;
use super::membership::reports::Report;
use super::membership::{Change, HOST, JoinError, igmp, mld};
use crate::config::Config;
use crate::count::Count;
use crate::device::{Device, Outlet, Path};
use crate::errno::Errno;
use crate::invariant::impossible;
use crate::socket::slots::Body;
use crate::socket::sockopt::Membership;

impl Stack<'_> {
    /// Makes a socket a member (`IP_ADD_MEMBERSHIP`, `IPV6_JOIN_GROUP`).
    pub(crate) fn join_group(&mut self, index: u32, membership: Membership) -> Result<(), Errno> {
        let Membership { group, interface } = membership;
        if !group.is_multicast() {
            return Err(Errno::EINVAL);
        }
        if interface > INTERFACE {
            return Err(Errno::ENODEV);
        }
        match self.memberships.join(index, group) {
            Ok(Change::Host) => {
                let has_room = self.reports.join(group, self.now);
                debug_assert!(has_room, "there is a report for each membership");
                self.wake_stepper();
                Ok(())
            }
            Ok(Change::SocketOnly) => Ok(()),
            Err(JoinError::Already) => Err(Errno::EADDRINUSE),
            Err(JoinError::Full) => Err(Errno::ENOBUFS),
        }
    }

    /// Ends a membership (`IP_DROP_MEMBERSHIP`, `IPV6_LEAVE_GROUP`).
    pub(crate) fn leave_group(&mut self, index: u32, membership: Membership) -> Result<(), Errno> {
        let Membership { group, interface } = membership;
        // Linux: only IPv6 looks at the address first.
        if group.is_ipv6() && !group.is_multicast() {
            return Err(Errno::EINVAL);
        }
        let change = if interface > INTERFACE { None } else { self.memberships.leave(index, group) };
        let change = change.ok_or(Errno::EADDRNOTAVAIL)?;
        self.tell_of_leave(group, change);
        Ok(())
    }

    /// A socket that is closed is a member of nothing.
    pub(super) fn leave_groups(&mut self, index: u32) {
        while let Some((group, change)) = self.memberships.leave_any(index) {
            self.tell_of_leave(group, change);
        }
    }

    fn tell_of_leave(&mut self, group: IpAddr, change: Change) {
        if change == Change::Host {
            self.reports.leave(group, self.now);
            self.wake_stepper();
        }
    }

    fn wake_stepper(&mut self) {
        if let Some(waker) = self.step_waker.take() {
            waker.wake();
        }
    }

    /// The host is a member of its addresses' solicited-node groups (RFC 4291 §2.8). Routers are told when they ask:
    /// a host that nobody uses stays silent.
    pub(super) fn join_host_groups(&mut self) {
        for group in host_groups(&self.config) {
            // Addresses may share a group.
            if self.memberships.join(HOST, group).is_ok() {
                let has_room = self.reports.join_silently(group);
                debug_assert!(has_room, "there is a report for each membership");
            }
        }
    }

    /// Whether packets to `group` are for this host.
    pub(super) fn is_member(&self, group: IpAddr) -> bool {
        is_everybodys(group) || self.memberships.is_member(group)
    }

    /// Whether this host still has to get its copy of the datagram at the head of a queue, which goes to `remote`.
    pub(super) fn is_looped_back(&self, index: u32, remote: IpAddr) -> bool {
        let slot = self.slots.get(index);
        let Body::Udp(datagrams) = &slot.body else { return false };
        let is_for_us = if remote.is_multicast() {
            // Linux: the sender decides, with IPv6 as with IPv4.
            slot.options.multicast_loop && self.is_member(remote)
        } else {
            self.is_broadcast(remote)
        };
        is_for_us && !datagrams.is_looped
    }

    /// Whether the datagram at the head of a queue goes to a group, but not further than this host.
    pub(super) fn stays_in_this_host(&mut self, index: u32, remote: IpAddr) -> bool {
        if !remote.is_multicast() {
            return false;
        }
        let slot = self.slots.get_mut(index);
        let usual = slot.options.multicast_ttl;
        let Body::Udp(datagrams) = &mut slot.body else { return false };
        let ttl = datagrams.send.peek().and_then(|(envelope, _)| envelope.ttl).unwrap_or(usual);
        // RFC 1112 §6.1 for the TTL, RFC 4291 §2.7 for the scope.
        ttl == 0 || is_within_interface(remote)
    }

    /// The own address that packets to `group` carry (RFC 6724 §5, rule 2): routers forward nothing that comes from a
    /// link-local address, so it must not be the source of what goes further (smoltcp takes it all the same).
    pub(super) fn source_for_group(&self, group: Ipv6Addr) -> Option<IpAddr> {
        let goes_further = group.octets()[1] & 0xf > SCOPE_LINK;
        let own = self.config.addresses.iter().filter_map(|cidr| match cidr.addr() {
            IpAddr::V6(addr) => Some(addr),
            IpAddr::V4(_) => None,
        });
        let fit = own.clone().find(|addr| addr.is_unicast_link_local() != goes_further);
        fit.or_else(|| own.clone().next()).map(IpAddr::V6)
    }

    /// Sends the reports that are due.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn tell_routers(&mut self, outlet: &mut Outlet<'_, impl Device + ?Sized>) {
        while self.reports.next_at().is_some_and(|at| at <= self.now) {
            let Some(token) = outlet.frame(self.now.to_smoltcp()) else {
                self.blocked = true;
                return;
            };
            let Some(report) = self.reports.poll(self.now) else { return impossible("a report is due") };
            let destination = match report {
                Report::Igmp(kind, group) => IpAddr::V4(kind.destination(group)),
                Report::Mld(..) => IpAddr::V6(mld::ALL_MLDV2_ROUTERS),
            };
            let link = self.config.mac.map(|own| (own, group_mac(destination)));
            let path = Path { link, ..Path::BARE };
            match report {
                Report::Igmp(kind, group) => {
                    let own = self.own_ipv4().unwrap_or(Ipv4Addr::UNSPECIFIED);
                    path.send(token, igmp::PACKET_LEN, |packet| igmp::write(kind, group, own, packet));
                }
                Report::Mld(kind, group) => {
                    let own = self.own_link_local().unwrap_or(Ipv6Addr::UNSPECIFIED);
                    path.send(token, mld::PACKET_LEN, |packet| mld::write(kind, group, own, packet));
                }
            }
            self.counters.group_reports.count_one();
        }
    }

    /// An IGMP message.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn on_igmp(&mut self, packet: &Packet<'_>) {
        match igmp::parse(packet.payload) {
            Some(heard) => self.reports.on_igmp(heard, self.now),
            None => self.counters.dropped_unknown.count_one(),
        }
    }

    /// A query of MLD, whose checksum is right.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn on_mld(&mut self, packet: &Packet<'_>) {
        let IpAddr::V6(source) = packet.source else { return };
        match mld::parse_query(source, packet.hop_limit, packet.payload) {
            Some(query) => self.reports.on_mld_query(query, self.now),
            None => self.counters.dropped_unknown.count_one(),
        }
    }

    fn own_ipv4(&self) -> Option<Ipv4Addr> {
        self.config.addresses.iter().find_map(|cidr| match cidr.addr() {
            IpAddr::V4(addr) => Some(addr),
            IpAddr::V6(_) => None,
        })
    }

    fn own_link_local(&self) -> Option<Ipv6Addr> {
        self.config.addresses.iter().find_map(|cidr| match cidr.addr() {
            IpAddr::V6(addr) if addr.is_unicast_link_local() => Some(addr),
            IpAddr::V4(_) | IpAddr::V6(_) => None,
        })
    }
}

/// The groups that a host is a member of because of its addresses, one for each.
pub(super) fn host_groups(config: &Config) -> impl Iterator<Item = IpAddr> {
    config.addresses.iter().filter_map(|cidr| match cidr.addr() {
        IpAddr::V6(addr) => Some(IpAddr::V6(mld::solicited_node(addr))),
        IpAddr::V4(_) => None,
    })
}

/// The groups that every host is in (RFC 1112 §4, RFC 4291 §2.7.1).
fn is_everybodys(group: IpAddr) -> bool {
    match group {
        IpAddr::V4(group) => group == igmp::ALL_SYSTEMS,
        IpAddr::V6(group) => group == mld::ALL_NODES || group == mld::ALL_NODES_OF_INTERFACE,
    }
}

/// Whether a group has members in one host only, by its scope (RFC 4291 §2.7).
fn is_within_interface(group: IpAddr) -> bool {
    matches!(group, IpAddr::V6(group) if group.octets()[1] & 0xf < SCOPE_LINK)
}

/// Scope of groups on one link (RFC 4291 §2.7).
const SCOPE_LINK: u8 = 2;
/// Index of the one interface of a stack.
pub(crate) const INTERFACE: u32 = 1;
