//! Where do sockets live, and in which order do they wait?

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::task::Waker;

use managed::ManagedSlice;

use super::options::Options;
use super::raw::Kind;
use super::tcp::Connection;
use super::tcp::listener::Listener;
use super::udp::Datagrams;
use super::{Domain, SocketId};
use crate::errno::Errno;
use crate::time::Instant;

/// No slot.
pub(crate) const NONE: u32 = u32::MAX;

/// One socket: an open one, or an orphan that still has to say goodbye.
#[derive(Debug)]
pub(crate) struct Slot<'a> {
    pub(crate) generation: u32,
    pub(crate) domain: Domain,
    /// Whether an application holds an id of this socket (`false`: a half-open or unaccepted child, or an orphan).
    pub(crate) owned: bool,
    /// The slot that this slot's id names: itself, the one whose socket was duplicated (`dup`), or [`NONE`].
    names: u32,
    /// How many ids name this slot.
    ids: u32,
    /// Whether the demux knows this slot under (`local`, `remote`).
    pub(crate) routed: bool,
    pub(crate) queue: Queue,
    /// Next slot in the same queue.
    next: u32,
    /// Which of all binds of the stack this was, counted from 1.
    pub(crate) bound_at: u32,
    /// `bind` named the address, and the port, that the socket has.
    pub(crate) is_ip_given: bool,
    pub(crate) is_port_given: bool,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) remote: Option<SocketAddr>,
    /// First cause of a failure that no call has reported yet (`SO_ERROR`).
    pub(crate) error: Option<Errno>,
    pub(crate) read_waker: Option<Waker>,
    pub(crate) write_waker: Option<Waker>,
    /// Whoever waits in `poll` or `select` for this socket among others.
    pub(crate) poll_waker: Option<Waker>,
    /// When the first of those who wait for this socket gives up waiting.
    pub(crate) wait_until: Option<Instant>,
    pub(crate) options: Options,
    pub(crate) body: Body<'a>,
}

/// Which of the stack's two queues a slot stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queue {
    /// None: nothing to do until a frame, a call or a deadline.
    Idle,
    /// Has something to send.
    Due,
    /// Has something to send to a neighbour whose link-layer address is being asked for.
    Neighbor,
}

/// What kind of socket a slot holds.
#[derive(Debug)]
pub(crate) enum Body<'a> {
    /// Nothing; if the slot's id names another slot, that is all there is (`dup`).
    Free,
    /// A TCP socket that does not listen.
    Tcp(Connection<'a>),
    /// A TCP socket that listens.
    Listener(Listener),
    /// A UDP, ICMP or raw socket.
    Udp(Datagrams<'a>),
}

impl Slot<'_> {
    const EMPTY: Self = Self {
        generation: 0,
        domain: Domain::Inet,
        owned: false,
        names: NONE,
        ids: 0,
        routed: false,
        queue: Queue::Idle,
        next: NONE,
        bound_at: 0,
        is_ip_given: false,
        is_port_given: false,
        local: None,
        remote: None,
        error: None,
        read_waker: None,
        write_waker: None,
        poll_waker: None,
        wait_until: None,
        options: Options::NEW,
        body: Body::Free,
    };

    /// Whether this is a raw socket that gets packets.
    pub(crate) fn is_raw(&self) -> bool {
        self.owned && matches!(&self.body, Body::Udp(Datagrams { kind: Kind::Raw(_), .. }))
    }

    pub(crate) fn is_free(&self) -> bool {
        matches!(self.body, Body::Free)
    }

    /// Wakes whoever waits to read.
    pub(crate) fn wake_read(&mut self) {
        wake(&mut self.read_waker);
        wake(&mut self.poll_waker);
    }

    /// Wakes whoever waits to write.
    pub(crate) fn wake_write(&mut self) {
        wake(&mut self.write_waker);
        wake(&mut self.poll_waker);
    }

    /// Whether closing one id more closes the socket.
    #[cfg(feature = "async")]
    pub(crate) fn is_last_id(&self) -> bool {
        self.ids == 1
    }

    /// Whether anybody waits for this socket.
    #[inline]
    pub(crate) fn is_awaited(&self) -> bool {
        self.read_waker.is_some() || self.write_waker.is_some() || self.poll_waker.is_some()
    }

    /// Wakes everybody: the socket's state changed for good.
    pub(crate) fn wake_all(&mut self) {
        self.wake_read();
        self.wake_write();
    }

    /// Keeps the first cause until it is read.
    pub(crate) fn fail(&mut self, cause: Errno) {
        self.error.get_or_insert(cause);
        self.wake_all();
    }

    /// The wildcard address of this socket's family.
    pub(crate) fn wildcard(&self) -> IpAddr {
        match self.domain {
            Domain::Inet => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Domain::Inet6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }

    /// An address that the application names, as the stack knows it: without flow and scope, and IPv4 where a
    /// dual-stack socket names an IPv4-mapped one (RFC 3493 §3.7). `mapped`: the error where it may not.
    pub(crate) fn inner(&self, addr: SocketAddr, mapped: Errno) -> Result<SocketAddr, Errno> {
        match (self.domain, addr.ip()) {
            (Domain::Inet, IpAddr::V4(_)) => Ok(SocketAddr::new(addr.ip(), addr.port())),
            (Domain::Inet6, IpAddr::V6(ip)) => match ip.to_ipv4_mapped() {
                Some(_) if self.options.v6_only => Err(mapped),
                Some(ip) => Ok(SocketAddr::new(IpAddr::V4(ip), addr.port())),
                None => Ok(SocketAddr::new(addr.ip(), addr.port())),
            },
            (Domain::Inet, IpAddr::V6(_)) | (Domain::Inet6, IpAddr::V4(_)) => Err(Errno::EAFNOSUPPORT),
        }
    }

    /// The same address as the application is told it.
    pub(crate) fn outer(&self, addr: SocketAddr) -> SocketAddr {
        SocketAddr::new(self.outer_ip(addr.ip()), addr.port())
    }

    /// See [`Slot::outer`].
    pub(crate) fn outer_ip(&self, addr: IpAddr) -> IpAddr {
        match (self.domain, addr) {
            (Domain::Inet6, IpAddr::V4(ip)) => IpAddr::V6(ip.to_ipv6_mapped()),
            (Domain::Inet | Domain::Inet6, ip) => ip,
        }
    }

    /// Whom the application means that names `remote`: nobody in particular is this host itself, as on Linux.
    /// A socket bound to an address of one family cannot reach the other.
    pub(crate) fn peer(&self, remote: SocketAddr) -> Result<SocketAddr, Errno> {
        let remote = self.inner(remote, Errno::ENETUNREACH)?;
        let bound = self.local.map(|local| local.ip());
        match (bound, remote.ip()) {
            (Some(IpAddr::V4(_)), IpAddr::V6(_)) => return Err(Errno::EAFNOSUPPORT),
            (Some(IpAddr::V6(ip)), IpAddr::V4(_)) if !ip.is_unspecified() => return Err(Errno::ENETUNREACH),
            _ => {}
        }
        let itself = match remote.ip() {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        };
        let itself = bound.filter(|ip| !ip.is_unspecified()).unwrap_or(itself);
        Ok(SocketAddr::new(if remote.ip().is_unspecified() { itself } else { remote.ip() }, remote.port()))
    }
}

fn wake(place: &mut Option<Waker>) {
    if let Some(waker) = place.take() {
        waker.wake();
    }
}

/// Place for one socket; see [`Storage`](crate::Storage).
#[derive(Debug)]
pub(crate) struct Place<'a>(Slot<'a>);

impl Place<'_> {
    pub(crate) const EMPTY: Self = Self(Slot::EMPTY);
}

/// All slots: a table with a free list, and first-in-first-out queues linked through the slots.
#[derive(Debug)]
pub(crate) struct Slots<'a> {
    places: ManagedSlice<'a, Place<'a>>,
    /// How many places may exist.
    max: usize,
    /// Head of the list of free places, linked through `next`.
    free: u32,
    /// How many places have ever been used; those after it are free too.
    used: u32,
    open: usize,
}

impl<'a> Slots<'a> {
    /// `places`: fixed, or growing up to `max`.
    pub(crate) fn new(places: ManagedSlice<'a, Place<'a>>, max: usize) -> Self {
        Self { places, max, free: NONE, used: 0, open: 0 }
    }

    /// How many slots are in use.
    pub(crate) fn open(&self) -> usize {
        self.open
    }

    /// How many indexes exist: every slot's index is below it.
    pub(crate) fn capacity(&self) -> usize {
        self.places.len()
    }

    /// Takes a free slot. The caller fills in the body.
    #[expect(clippy::arithmetic_side_effects, reason = "it counts slots of a table")]
    pub(crate) fn take(&mut self, domain: Domain) -> Option<u32> {
        let index = if self.free != NONE {
            let index = self.free;
            self.free = self.get(index).next;
            index
        } else {
            if self.used as usize == self.places.len() {
                self.grow()?;
            }
            let index = self.used;
            self.used += 1;
            index
        };
        self.open += 1;
        // A place was emptied when it was retired, or never used.
        let slot = self.get_mut(index);
        slot.domain = domain;
        slot.next = NONE;
        Some(index)
    }

    /// Empties a slot, and frees it unless a queue still holds it: then [`Slots::retire`] is called again
    /// when its turn comes. Its id is stale from here on. No route may lead to it any more.
    #[expect(clippy::arithmetic_side_effects, reason = "this slot was counted when it was taken")]
    pub(crate) fn retire(&mut self, index: u32) {
        let next = self.free;
        let slot = self.get_mut(index);
        debug_assert!(!slot.routed);
        slot.wake_all();
        slot.body = Body::Free;
        slot.owned = false;
        (slot.names, slot.ids) = (NONE, 0);
        if slot.queue != Queue::Idle {
            return;
        }
        *slot = Slot { generation: slot.generation.wrapping_add(1), next, ..Slot::EMPTY };
        self.free = index;
        self.open -= 1;
    }

    /// The id under which an application may call this slot from now on.
    pub(crate) fn adopt(&mut self, index: u32) -> SocketId {
        let slot = self.get_mut(index);
        debug_assert!(!slot.owned);
        slot.owned = true;
        (slot.names, slot.ids) = (index, 1);
        SocketId { index, generation: slot.generation }
    }

    /// Another id for a slot that has one, in a slot of its own. `None`: the table is full.
    #[expect(clippy::arithmetic_side_effects, reason = "each id has a slot of its own")]
    pub(crate) fn duplicate(&mut self, index: u32) -> Option<SocketId> {
        let domain = self.get(index).domain;
        let alias = self.take(domain)?;
        self.get_mut(index).ids += 1;
        let slot = self.get_mut(alias);
        slot.names = index;
        Some(SocketId { index: alias, generation: slot.generation })
    }

    /// Makes an id stale. Returns the slot that it named, and whether that was the last id of it: then the slot is
    /// no longer owned.
    #[expect(clippy::arithmetic_side_effects, reason = "this id was counted when it was made")]
    pub(crate) fn disown(&mut self, id: SocketId) -> Result<(u32, bool), Errno> {
        let index = self.find(id)?;
        if index == id.index {
            self.get_mut(index).names = NONE;
        } else {
            self.retire(id.index);
        }
        let slot = self.get_mut(index);
        slot.ids -= 1;
        slot.owned = slot.ids > 0;
        Ok((index, !slot.owned))
    }

    /// The slot that an application names.
    #[inline]
    pub(crate) fn find(&self, id: SocketId) -> Result<u32, Errno> {
        match self.places.get(id.index as usize) {
            Some(Place(slot)) if slot.generation == id.generation && slot.names != NONE => Ok(slot.names),
            _ => Err(Errno::EBADF),
        }
    }

    /// The ids that applications hold.
    #[cfg(feature = "std")]
    pub(crate) fn ids(&self) -> impl Iterator<Item = SocketId> {
        let id = |index| SocketId { index, generation: self.get(index).generation };
        (0..self.used).filter(|index| self.get(*index).names != NONE).map(id)
    }

    #[inline]
    #[expect(clippy::indexing_slicing, reason = "only this table makes indexes, and it never becomes smaller")]
    pub(crate) fn get(&self, index: u32) -> &Slot<'a> {
        &self.places[index as usize].0
    }

    #[inline]
    #[expect(clippy::indexing_slicing, reason = "only this table makes indexes, and it never becomes smaller")]
    pub(crate) fn get_mut(&mut self, index: u32) -> &mut Slot<'a> {
        &mut self.places[index as usize].0
    }

    /// Whether this slot, if there is one, is the TCP connection between these two, and known to the demux.
    #[inline]
    pub(crate) fn is_connection(&self, index: u32, local: &SocketAddr, remote: &SocketAddr) -> bool {
        self.places.get(index as usize).is_some_and(|Place(slot)| {
            slot.routed
                && slot.local.as_ref() == Some(local)
                && slot.remote.as_ref() == Some(remote)
                && matches!(slot.body, Body::Tcp(_))
        })
    }

    /// Every slot in use, by index.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Slot<'a>)> {
        (0..self.used).map(|index| (index, self.get(index))).filter(|(_, slot)| !slot.is_free())
    }

    /// The connection in this slot, which the caller knows to be one.
    #[inline]
    #[expect(clippy::unreachable, reason = "there is no other connection to give")]
    pub(crate) fn connection(&mut self, index: u32) -> &mut Connection<'a> {
        match &mut self.get_mut(index).body {
            Body::Tcp(connection) => connection,
            _ => unreachable!("the caller looked at the body"),
        }
    }

    #[cfg(feature = "alloc")]
    fn grow(&mut self) -> Option<()> {
        if self.places.len() >= self.max {
            return None;
        }
        match &mut self.places {
            ManagedSlice::Borrowed(_) => None,
            ManagedSlice::Owned(places) => {
                places.push(Place::EMPTY);
                Some(())
            }
        }
    }

    #[cfg(not(feature = "alloc"))]
    fn grow(&mut self) -> Option<()> {
        debug_assert!(self.max <= self.places.len());
        None
    }
}

/// A first-in-first-out queue of slots, linked through them.
#[derive(Debug)]
pub(crate) struct Line {
    kind: Queue,
    head: u32,
    tail: u32,
    len: usize,
}

#[expect(clippy::arithmetic_side_effects, reason = "a line counts slots that stand in it, each of them once")]
impl Line {
    pub(crate) const fn new(kind: Queue) -> Self {
        Self { kind, head: NONE, tail: NONE, len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head == NONE
    }

    /// Puts an idle slot at the end.
    pub(crate) fn push(&mut self, slots: &mut Slots<'_>, index: u32) {
        let slot = slots.get_mut(index);
        debug_assert!(slot.queue == Queue::Idle);
        slot.queue = self.kind;
        slot.next = NONE;
        if self.tail == NONE {
            self.head = index;
        } else {
            slots.get_mut(self.tail).next = index;
        }
        self.tail = index;
        self.len += 1;
    }

    /// Puts everybody who stands in `other`, a line of the same kind, behind those who stand here.
    pub(crate) fn append(&mut self, other: &mut Self, slots: &mut Slots<'_>) {
        debug_assert!(self.kind == other.kind);
        if other.is_empty() {
            return;
        }
        if self.tail == NONE {
            self.head = other.head;
        } else {
            slots.get_mut(self.tail).next = other.head;
        }
        self.tail = other.tail;
        self.len += other.len;
        *other = Self::new(other.kind);
    }

    /// Takes the first slot out.
    pub(crate) fn pop(&mut self, slots: &mut Slots<'_>) -> Option<u32> {
        if self.head == NONE {
            return None;
        }
        let index = self.head;
        let slot = slots.get_mut(index);
        slot.queue = Queue::Idle;
        self.head = slot.next;
        if self.head == NONE {
            self.tail = NONE;
        }
        self.len -= 1;
        Some(index)
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests;
