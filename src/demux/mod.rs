//! Which socket does a packet belong to?

pub(crate) mod ports;
pub(crate) mod table;

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use managed::ManagedSlice;

use crate::config::{Seed, Stream};
use crate::errno::Errno;
use crate::invariant::impossible;
use crate::socket::raw::Kind;
use crate::socket::slots::{Body, Slot, Slots};
use crate::stack::classify::ICMP;
use crate::stack::time_wait::TimeWait;
use table::{Bucket, FlowKey, Secret, Table};

/// IP protocol numbers of the flows that are routed.
pub(crate) const TCP: u8 = 6;
/// See [`TCP`].
pub(crate) const UDP: u8 = 17;

/// From addresses and ports to sockets: one hash table for connections, listeners, bound sockets and
/// connections in TIME-WAIT.
#[derive(Debug)]
pub(crate) struct Demux<'a> {
    table: Table<'a>,
    secret: Secret,
    /// How many entries have no remote address: listeners and bound UDP sockets.
    unconnected: usize,
}

/// Where a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// To this socket: a connection, or a UDP socket.
    Socket(u32),
    /// To this listener.
    Listener(u32),
    /// To this connection in TIME-WAIT.
    TimeWait(u32),
    /// To nobody.
    Nobody,
}

impl<'a> Demux<'a> {
    pub(crate) fn new(buckets: ManagedSlice<'a, Bucket>, seed: &Seed) -> Self {
        let secret = Secret([seed.stream(Stream::HashLow), seed.stream(Stream::HashHigh)]);
        Self { table: Table::new(buckets), secret, unconnected: 0 }
    }

    /// Most specific first: the whole 4-tuple, then address and port, then port alone.
    #[inline]
    pub(crate) fn route(
        &self,
        protocol: u8,
        local: SocketAddr,
        remote: SocketAddr,
        slots: &Slots<'_>,
        time_wait: &TimeWait<'_>,
    ) -> Route {
        let connected = self.find(protocol, &local, Some(&remote), slots, time_wait);
        if connected != Route::Nobody {
            return connected;
        }
        self.route_unconnected(protocol, local, remote, slots)
    }

    /// The socket bound or listening at `local` or at its port: most specific first, IPv4 before dual-stack.
    /// Among equals with `SO_REUSEPORT` the hash of the 4-tuple chooses, else the last one bound is it.
    #[expect(clippy::arithmetic_side_effects, reason = "it counts sockets")]
    pub(crate) fn route_unconnected(
        &self,
        protocol: u8,
        local: SocketAddr,
        remote: SocketAddr,
        slots: &Slots<'_>,
    ) -> Route {
        if self.unconnected == 0 {
            return Route::Nobody;
        }
        let found = Self::names_of(local).find_map(|(name, is_dual)| {
            let mut rivals = Rivals::NONE;
            self.each_bound(protocol, name, is_dual, slots, |index| rivals.add(index, slots.get(index)));
            let spread = || self.secret.hash(&FlowKey { protocol, local: &local, remote: Some(&remote) });
            let index = rivals.winner(spread, |nth| {
                let (mut count, mut chosen) = (0, None);
                self.each_bound(protocol, name, is_dual, slots, |index| {
                    chosen = if count == nth { Some(index) } else { chosen };
                    count += 1;
                });
                chosen
            })?;
            Some(index)
        });
        match found {
            Some(index) if matches!(slots.get(index).body, Body::Listener(_)) => Route::Listener(index),
            Some(index) => Route::Socket(index),
            None => Route::Nobody,
        }
    }

    /// Shows every socket to `visit` that a datagram to a group or to everybody is for, whatever its memberships.
    pub(crate) fn each_receiver<'s>(
        &self,
        protocol: u8,
        local: SocketAddr,
        remote: SocketAddr,
        slots: &mut Slots<'s>,
        mut visit: impl FnMut(&mut Slots<'s>, u32),
    ) {
        let hash = self.secret.hash(&FlowKey { protocol, local: &local, remote: Some(&remote) });
        self.table.each(hash, |value| {
            if value & TIME_WAIT_BIT == 0 && is_at(slots.get(value), protocol, &local, Some(&remote)) {
                visit(slots, value);
            }
        });
        if self.unconnected == 0 {
            return;
        }
        for (name, is_dual) in Self::names_of(local) {
            let hash = self.secret.hash(&FlowKey { protocol, local: &name, remote: None });
            self.table.each(hash, |value| {
                if value & TIME_WAIT_BIT == 0 && is_bound(slots.get(value), protocol, &name, is_dual) {
                    visit(slots, value);
                }
            });
        }
    }

    /// The names under which a socket may be bound that takes packets to `local`, and whether it must be a
    /// dual-stack one for that.
    fn names_of(local: SocketAddr) -> impl Iterator<Item = (SocketAddr, bool)> {
        let anywhere = SocketAddr::new(wildcard_like(local.ip()), local.port());
        let dual = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), local.port());
        let names = [Some((local, false)), Some((anywhere, false)), local.is_ipv4().then_some((dual, true))];
        names.into_iter().flatten()
    }

    /// Every unconnected socket bound to exactly `name`.
    fn each_bound(&self, protocol: u8, name: SocketAddr, is_dual: bool, slots: &Slots<'_>, mut visit: impl FnMut(u32)) {
        let hash = self.secret.hash(&FlowKey { protocol, local: &name, remote: None });
        self.table.each(hash, |value| {
            if value & TIME_WAIT_BIT == 0 && is_bound(slots.get(value), protocol, &name, is_dual) {
                visit(value);
            }
        });
    }

    /// The one entry with exactly this key.
    #[inline]
    pub(crate) fn find(
        &self,
        protocol: u8,
        local: &SocketAddr,
        remote: Option<&SocketAddr>,
        slots: &Slots<'_>,
        time_wait: &TimeWait<'_>,
    ) -> Route {
        let hash = self.secret.hash(&FlowKey { protocol, local, remote });
        let found = self.table.find(hash, |value| match value.checked_sub(TIME_WAIT_BIT) {
            Some(index) => {
                protocol == TCP
                    && time_wait.get(index).is_some_and(|entry| entry.local == *local && Some(&entry.remote) == remote)
            }
            None => is_at(slots.get(value), protocol, local, remote),
        });
        match found {
            None => Route::Nobody,
            Some(value) => match value.checked_sub(TIME_WAIT_BIT) {
                Some(index) => Route::TimeWait(index),
                None if matches!(slots.get(value).body, Body::Listener(_)) => Route::Listener(value),
                None => Route::Socket(value),
            },
        }
    }

    /// Makes a slot known under its `local` and `remote`. The caller knows that it may be.
    #[expect(clippy::arithmetic_side_effects, reason = "it counts sockets")]
    pub(crate) fn add(&mut self, slots: &mut Slots<'_>, index: u32) -> Result<(), Errno> {
        let slot = slots.get_mut(index);
        debug_assert!(!slot.routed);
        let hash = self.hash_of(slot.local.as_ref(), slot.remote.as_ref(), protocol_of(&slot.body));
        self.table.insert(hash, index).map_err(|_| Errno::ENOBUFS)?;
        slot.routed = true;
        self.unconnected += usize::from(slot.remote.is_none());
        Ok(())
    }

    /// Forgets a slot, if it was known.
    #[expect(clippy::arithmetic_side_effects, reason = "a slot without a peer was counted when it was added")]
    pub(crate) fn remove(&mut self, slots: &mut Slots<'_>, index: u32) {
        let slot = slots.get_mut(index);
        if core::mem::take(&mut slot.routed) {
            let hash = self.hash_of(slot.local.as_ref(), slot.remote.as_ref(), protocol_of(&slot.body));
            self.unconnected -= usize::from(slot.remote.is_none());
            let removed = self.table.remove(hash, index);
            debug_assert!(removed, "a routed slot is in the table");
        }
    }

    /// Makes a connection in TIME-WAIT known.
    pub(crate) fn add_time_wait(&mut self, index: u32, local: SocketAddr, remote: SocketAddr) -> Result<(), Errno> {
        let hash = self.hash_of(Some(&local), Some(&remote), Some(TCP));
        self.table.insert(hash, index | TIME_WAIT_BIT).map_err(|_| Errno::ENOBUFS)
    }

    /// Forgets a connection in TIME-WAIT.
    pub(crate) fn remove_time_wait(&mut self, index: u32, local: SocketAddr, remote: SocketAddr) {
        let hash = self.hash_of(Some(&local), Some(&remote), Some(TCP));
        let removed = self.table.remove(hash, index | TIME_WAIT_BIT);
        debug_assert!(removed, "a connection in TIME-WAIT is in the table");
    }

    /// The most places that a search may look at: the longest row of taken ones, and the empty one behind it.
    #[cfg(feature = "inspect")]
    pub(crate) fn longest_search(&self) -> usize {
        self.table.longest_run().saturating_add(1)
    }

    fn hash_of(&self, local: Option<&SocketAddr>, remote: Option<&SocketAddr>, protocol: Option<u8>) -> u64 {
        match (local, protocol) {
            (Some(local), Some(protocol)) => self.secret.hash(&FlowKey { protocol, local, remote }),
            _ => {
                impossible("only bound sockets are routed");
                0
            }
        }
    }
}

/// See [`inspect::bucket_of`](crate::inspect::bucket_of).
#[cfg(feature = "inspect")]
pub(crate) fn bucket_of(seed: &Seed, protocol: u8, local: &SocketAddr, remote: &SocketAddr, buckets: usize) -> usize {
    let secret = Secret([seed.stream(Stream::HashLow), seed.stream(Stream::HashHigh)]);
    table::home_of(secret.hash(&FlowKey { protocol, local, remote: Some(remote) }), buckets)
}

/// Sockets bound to the same name.
struct Rivals {
    count: usize,
    /// The one that was bound last, and when.
    newest: Option<(u32, u32)>,
    /// Whether all of them share their port by `SO_REUSEPORT`.
    is_shared: bool,
}

impl Rivals {
    const NONE: Self = Self { count: 0, newest: None, is_shared: true };

    #[expect(clippy::arithmetic_side_effects, reason = "it counts sockets")]
    fn add(&mut self, index: u32, slot: &Slot<'_>) {
        self.count += 1;
        self.is_shared &= slot.options.reuse_port;
        if self.newest.is_none_or(|(bound_at, _)| bound_at < slot.bound_at) {
            self.newest = Some((slot.bound_at, index));
        }
    }

    /// `spread`: a hash of the packet's 4-tuple; `nth`: the rival in this place.
    #[expect(clippy::arithmetic_side_effects, reason = "there is more than one")]
    fn winner(&self, spread: impl FnOnce() -> u64, nth: impl FnOnce(usize) -> Option<u32>) -> Option<u32> {
        if self.count > 1 && self.is_shared {
            return nth((spread() % self.count as u64) as usize);
        }
        self.newest.map(|(_, index)| index)
    }
}

fn is_at(slot: &Slot<'_>, protocol: u8, local: &SocketAddr, remote: Option<&SocketAddr>) -> bool {
    slot.local.as_ref() == Some(local) && slot.remote.as_ref() == remote && protocol_of(&slot.body) == Some(protocol)
}

/// Whether an unconnected socket is bound to exactly `name`, and is a dual-stack one if it has to be.
fn is_bound(slot: &Slot<'_>, protocol: u8, name: &SocketAddr, is_dual: bool) -> bool {
    is_at(slot, protocol, name, None) && !(is_dual && slot.options.v6_only)
}

/// Values with this bit name connections in TIME-WAIT, values without it name slots.
const TIME_WAIT_BIT: u32 = 1 << 31;

fn protocol_of(body: &Body<'_>) -> Option<u8> {
    match body {
        Body::Free => None,
        Body::Tcp(_) | Body::Listener(_) => Some(TCP),
        Body::Udp(datagrams) => match datagrams.kind {
            Kind::Udp => Some(UDP),
            Kind::Icmp => Some(ICMP),
            // They are not routed: every packet is shown to each of them.
            Kind::Raw(_) => None,
        },
    }
}

/// The unspecified address of the same family.
pub(crate) fn wildcard_like(addr: IpAddr) -> IpAddr {
    match addr {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}
