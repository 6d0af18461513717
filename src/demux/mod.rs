//! Which socket does a packet belong to?

pub(crate) mod ports;
pub(crate) mod table;

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use managed::ManagedSlice;

use crate::config::{Seed, Stream};
use crate::errno::Errno;
use crate::socket::slots::{Body, Slots};
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
        self.route_unconnected(protocol, local, slots, time_wait)
    }

    /// The socket bound or listening at `local` or at its port, whoever sends.
    pub(crate) fn route_unconnected(
        &self,
        protocol: u8,
        local: SocketAddr,
        slots: &Slots<'_>,
        time_wait: &TimeWait<'_>,
    ) -> Route {
        if self.unconnected == 0 {
            return Route::Nobody;
        }
        let bound = self.find(protocol, &local, None, slots, time_wait);
        if bound != Route::Nobody {
            return bound;
        }
        let anywhere = SocketAddr::new(wildcard_like(local.ip()), local.port());
        self.find(protocol, &anywhere, None, slots, time_wait)
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
            None => {
                let slot = slots.get(value);
                slot.local.as_ref() == Some(local)
                    && slot.remote.as_ref() == remote
                    && protocol_of(&slot.body) == Some(protocol)
            }
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

    /// Makes a slot known under its `local` and `remote`. The caller knows that nobody else is.
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
        self.table.insert(hash, index + TIME_WAIT_BIT).map_err(|_| Errno::ENOBUFS)
    }

    /// Forgets a connection in TIME-WAIT.
    pub(crate) fn remove_time_wait(&mut self, index: u32, local: SocketAddr, remote: SocketAddr) {
        let hash = self.hash_of(Some(&local), Some(&remote), Some(TCP));
        let removed = self.table.remove(hash, index + TIME_WAIT_BIT);
        debug_assert!(removed, "a connection in TIME-WAIT is in the table");
    }

    fn hash_of(&self, local: Option<&SocketAddr>, remote: Option<&SocketAddr>, protocol: Option<u8>) -> u64 {
        match (local, protocol) {
            (Some(local), Some(protocol)) => self.secret.hash(&FlowKey { protocol, local, remote }),
            _ => unreachable!("only bound sockets are routed"),
        }
    }
}

/// Values with this bit name connections in TIME-WAIT, values without it name slots.
const TIME_WAIT_BIT: u32 = 1 << 31;

fn protocol_of(body: &Body<'_>) -> Option<u8> {
    match body {
        Body::Free => None,
        Body::Tcp(_) | Body::Listener(_) => Some(TCP),
        Body::Udp(_) => Some(UDP),
    }
}

/// The unspecified address of the same family.
pub(crate) fn wildcard_like(addr: IpAddr) -> IpAddr {
    match addr {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}
