//! Where does a stack without a heap keep everything?

use core::fmt;

use managed::ManagedSlice;
use smoltcp::iface::SocketStorage;

use super::deadlines::Entry as Deadline;
use super::local::{Entry as LocalEntry, Local};
use super::membership::Entry as Member;
use super::membership::reports::Topic;
use super::outbox::{Entry as OutboxEntry, Outbox};
use super::reassembly::Place as ReassemblyPlace;
use super::time_wait::Place as TimeWaitPlace;
use crate::config::{ADDRESSES_MAX, ConfigError, TCP_RECV_BYTES_MAX};
use crate::demux::table::Bucket;
use crate::socket::slots::Place;
use crate::socket::tcp::engine::{Engine, Engines};
use crate::socket::udp::{Datagrams, Entry, Queue, Queues};

/// The memory of a stack without a heap. Everything is in here: what is full is an errno.
///
/// - `SOCKETS`: sockets of all kinds, listeners, half-open children and orphans included; as many
///   connections are remembered in TIME-WAIT.
/// - `TCP`: connections, each with buffers of `TCP_BYTES` in each direction (1 to 65,535).
/// - `UDP`: UDP sockets, each with queues of `UDP_BYTES` and 8 datagrams in each direction. `UDP_BYTES`
///   also bounds one datagram: larger ones are not received. Half of it is the MTU of the host's way to itself; below
///   256 it cannot connect to itself (ENETUNREACH).
///
/// Sockets may be members of multicast groups 8 times in all.
///
/// Declare it before the stack that borrows it, in a `static` cell or on the stack of `main`.
#[derive(Debug)]
pub struct Storage<
    'a,
    const SOCKETS: usize,
    const TCP: usize,
    const UDP: usize,
    const TCP_BYTES: usize,
    const UDP_BYTES: usize,
> {
    places: [Place<'a>; SOCKETS],
    buckets: [[Bucket; BUCKETS_PER_SOCKET]; SOCKETS],
    heap: [Deadline; SOCKETS],
    positions: [u32; SOCKETS],
    time_wait: [TimeWaitPlace; SOCKETS],
    engines: [Option<Engine<'a>>; TCP],
    engine_places: [SocketStorage<'a>; TCP],
    tcp_recv: [[u8; TCP_BYTES]; TCP],
    tcp_send: [[u8; TCP_BYTES]; TCP],
    queues: [Option<Datagrams<'a>>; UDP],
    udp_entries: [[[Entry; UDP_DATAGRAMS]; 2]; UDP],
    udp_bytes: [[[u8; UDP_BYTES]; 2]; UDP],
    local_entries: [[LocalEntry; LOCAL_PACKETS]; 2],
    local_bytes: [[[u8; UDP_BYTES]; 2]; 2],
    outbox_entries: [OutboxEntry; OUTBOX_PACKETS],
    outbox_bytes: [u8; UDP_BYTES],
    reassembly_place: [Option<ReassemblyPlace<'a>>; 1],
    reassembly_bytes: [[u8; UDP_BYTES]; 2],
    members: [Member; MEMBERSHIPS],
    topics: [Topic; MEMBERSHIPS],
}

impl<'a, const SOCKETS: usize, const TCP: usize, const UDP: usize, const TCP_BYTES: usize, const UDP_BYTES: usize>
    Storage<'a, SOCKETS, TCP, UDP, TCP_BYTES, UDP_BYTES>
{
    /// Empty storage; `const`, so that it can stand in a `static` cell.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            places: [const { Place::EMPTY }; SOCKETS],
            buckets: [[Bucket::EMPTY; BUCKETS_PER_SOCKET]; SOCKETS],
            heap: [Deadline::EMPTY; SOCKETS],
            positions: [0; SOCKETS],
            time_wait: [TimeWaitPlace::EMPTY; SOCKETS],
            engines: [const { None }; TCP],
            engine_places: [const { SocketStorage::EMPTY }; TCP],
            tcp_recv: [[0; TCP_BYTES]; TCP],
            tcp_send: [[0; TCP_BYTES]; TCP],
            queues: [const { None }; UDP],
            udp_entries: [const { [const { [const { Entry::EMPTY }; UDP_DATAGRAMS] }; 2] }; UDP],
            udp_bytes: [[[0; UDP_BYTES]; 2]; UDP],
            local_entries: [const { [const { LocalEntry::EMPTY }; LOCAL_PACKETS] }; 2],
            local_bytes: [[[0; UDP_BYTES]; 2]; 2],
            outbox_entries: [const { OutboxEntry::EMPTY }; OUTBOX_PACKETS],
            outbox_bytes: [0; UDP_BYTES],
            reassembly_place: [const { None }; 1],
            reassembly_bytes: [[0; UDP_BYTES]; 2],
            members: [Member::EMPTY; MEMBERSHIPS],
            topics: [Topic::EMPTY; MEMBERSHIPS],
        }
    }
}

impl<const SOCKETS: usize, const TCP: usize, const UDP: usize, const TCP_BYTES: usize, const UDP_BYTES: usize> Default
    for Storage<'_, SOCKETS, TCP, UDP, TCP_BYTES, UDP_BYTES>
{
    fn default() -> Self {
        Self::new()
    }
}

/// Why a stack could not be built in the caller's storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StorageError {
    /// The configuration is impossible.
    Config(ConfigError),
    /// `SOCKETS` is 0.
    NoSockets,
    /// `TCP_BYTES` is 0 or above 65,535 although `TCP` is not 0.
    TcpBytes(usize),
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::NoSockets => f.write_str("storage for no socket at all"),
            Self::TcpBytes(bytes) => {
                write!(f, "TCP buffers of {bytes} bytes: 1 to {TCP_RECV_BYTES_MAX} are possible")
            }
        }
    }
}

impl core::error::Error for StorageError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::NoSockets | Self::TcpBytes(_) => None,
        }
    }
}

/// What a stack is built from, wherever it comes from.
pub(super) struct Parts<'a> {
    pub(super) places: ManagedSlice<'a, Place<'a>>,
    pub(super) sockets_max: usize,
    pub(super) buckets: ManagedSlice<'a, Bucket>,
    pub(super) heap: ManagedSlice<'a, Deadline>,
    pub(super) positions: ManagedSlice<'a, u32>,
    pub(super) time_wait: ManagedSlice<'a, TimeWaitPlace>,
    pub(super) time_wait_max: usize,
    pub(super) engines: Engines<'a>,
    pub(super) queues: Queues<'a>,
    pub(super) local: Local<'a>,
    pub(super) local_spare: Local<'a>,
    pub(super) outbox: Outbox<'a>,
    pub(super) reassembly: ManagedSlice<'a, ReassemblyPlace<'a>>,
    pub(super) reassembly_max: usize,
    pub(super) members: ManagedSlice<'a, Member>,
    pub(super) topics: ManagedSlice<'a, Topic>,
    /// Memberships of sockets and of the host itself.
    pub(super) memberships_max: usize,
}

impl<'a> Parts<'a> {
    /// Parts that grow to the limits of `config`.
    #[cfg(feature = "alloc")]
    pub(super) fn growing(config: &crate::config::Config) -> Parts<'static> {
        use alloc::vec;
        Parts {
            places: ManagedSlice::Owned(vec![]),
            sockets_max: config.sockets_max,
            buckets: ManagedSlice::Owned(vec![Bucket::EMPTY; BUCKETS_FIRST]),
            heap: ManagedSlice::Owned(vec![]),
            positions: ManagedSlice::Owned(vec![]),
            time_wait: ManagedSlice::Owned(vec![]),
            time_wait_max: config.time_wait_max,
            engines: Engines::Fresh {
                recv_bytes: config.tcp_recv_bytes,
                send_bytes: config.tcp_send_bytes,
                spare: vec![],
            },
            queues: Queues::Fresh {
                recv_bytes: config.udp_recv_bytes,
                send_bytes: config.udp_send_bytes,
                datagrams: config.udp_queue_datagrams,
            },
            local: Local::growing(),
            local_spare: Local::growing(),
            outbox: Outbox::growing(),
            reassembly: ManagedSlice::Owned(vec![]),
            reassembly_max: config.reassembly_max,
            members: ManagedSlice::Owned(vec![]),
            topics: ManagedSlice::Owned(vec![]),
            memberships_max: config.memberships_max.saturating_add(super::groups::host_groups(config).count()),
        }
    }

    /// Parts cut out of the caller's storage.
    pub(super) fn lent<
        const SOCKETS: usize,
        const TCP: usize,
        const UDP: usize,
        const TCP_BYTES: usize,
        const UDP_BYTES: usize,
    >(
        storage: &'a mut Storage<'a, SOCKETS, TCP, UDP, TCP_BYTES, UDP_BYTES>,
    ) -> Result<Self, StorageError> {
        if SOCKETS == 0 {
            return Err(StorageError::NoSockets);
        }
        if TCP > 0 && !(1..=TCP_RECV_BYTES_MAX).contains(&TCP_BYTES) {
            return Err(StorageError::TcpBytes(TCP_BYTES));
        }
        let buffers = storage.tcp_recv.iter_mut().zip(storage.tcp_send.iter_mut());
        let cut = storage.engines.iter_mut().zip(storage.engine_places.iter_mut()).zip(buffers);
        for ((engine, place), (recv, send)) in cut {
            let place = ManagedSlice::Borrowed(core::slice::from_mut(place));
            *engine = Some(Engine::new(place, ManagedSlice::Borrowed(recv), ManagedSlice::Borrowed(send)));
        }
        let cut = storage.queues.iter_mut().zip(storage.udp_entries.iter_mut()).zip(storage.udp_bytes.iter_mut());
        for ((datagrams, [recv_entries, send_entries]), [recv, send]) in cut {
            let recv = Queue::new(ManagedSlice::Borrowed(recv_entries), ManagedSlice::Borrowed(recv));
            let send = Queue::new(ManagedSlice::Borrowed(send_entries), ManagedSlice::Borrowed(send));
            *datagrams = Some(Datagrams::new(recv, send));
        }
        let [entries, spare_entries] = &mut storage.local_entries;
        let [bytes, spare_bytes] = &mut storage.local_bytes;
        let reassembly = match &mut storage.reassembly_place {
            [place] => {
                core::slice::from_mut(place.insert(ReassemblyPlace::lent(storage.reassembly_bytes.as_flattened_mut())))
            }
        };
        Ok(Self {
            places: ManagedSlice::Borrowed(&mut storage.places),
            sockets_max: SOCKETS,
            buckets: ManagedSlice::Borrowed(power_of_two(storage.buckets.as_flattened_mut())),
            heap: ManagedSlice::Borrowed(&mut storage.heap),
            positions: ManagedSlice::Borrowed(&mut storage.positions),
            time_wait: ManagedSlice::Borrowed(&mut storage.time_wait),
            time_wait_max: SOCKETS,
            engines: Engines::Lent(&mut storage.engines),
            queues: Queues::Lent(&mut storage.queues),
            local: Local::lent(entries, bytes.as_flattened_mut()),
            local_spare: Local::lent(spare_entries, spare_bytes.as_flattened_mut()),
            outbox: Outbox::lent(&mut storage.outbox_entries, &mut storage.outbox_bytes),
            reassembly: ManagedSlice::Borrowed(reassembly),
            reassembly_max: 1,
            members: ManagedSlice::Borrowed(&mut storage.members),
            topics: ManagedSlice::Borrowed(&mut storage.topics),
            memberships_max: MEMBERSHIPS,
        })
    }
}

/// The hash table wants a power of two: the largest that fits is more than half of the slice, and the
/// slice is five times the sockets. So sockets and TIME-WAIT together (twice the sockets) are less than
/// seven eighths of it, however many sockets there are.
fn power_of_two(buckets: &mut [Bucket]) -> &mut [Bucket] {
    let len = buckets.len().checked_ilog2().map_or(0, |bits| 1 << bits);
    buckets.get_mut(..len).unwrap_or_default()
}

const BUCKETS_PER_SOCKET: usize = 5;
/// Entries in each UDP queue of lent storage.
const UDP_DATAGRAMS: usize = 8;
/// Buckets of a table that grows, to begin with.
#[cfg(feature = "alloc")]
const BUCKETS_FIRST: usize = 64;
/// Memberships in lent storage: 8 of sockets, and one for the solicited-node group of each own address.
const MEMBERSHIPS: usize = 8 + ADDRESSES_MAX;
/// Answers that are cut into fragments, in lent storage.
const OUTBOX_PACKETS: usize = 2;
/// Packets of the host to itself that may wait in lent storage.
const LOCAL_PACKETS: usize = 8;
