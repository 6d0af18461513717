//! What is a stack, and what does it promise?

mod build;
pub(crate) mod calls;
mod challenge;
pub(crate) mod classify;
mod cookies;
pub(crate) mod counters;
pub(crate) mod deadlines;
mod early;
mod egress;
pub(crate) mod emit;
pub(crate) mod fragment;
pub(crate) mod groups;
#[cfg(feature = "std")]
mod hosted;
mod icmp;
mod inbound;
mod ingress;
mod inspect;
mod interfaces;
mod life;
pub(crate) mod local;
pub(crate) mod membership;
pub(crate) mod neighbors;
mod numbers;
mod outbound;
mod outbox;
mod path_mtu;
mod prompt;
mod raw;
pub(crate) mod reassembly;
mod resolve;
mod storage;
mod tail;
pub(crate) mod time_wait;
mod timers;

use core::fmt;
use core::net::{IpAddr, Ipv4Addr};
use core::task::Waker;

use crate::config::Config;
use crate::count::Count;
use crate::demux::Demux;
use crate::demux::ports::Ports;
use crate::device::{ChecksumCapabilities, Device, Medium, Path};
use crate::socket::raw::Raws;
use crate::socket::slots::{Line, Queue, Slots};
use crate::socket::tcp::Connection;
use crate::socket::tcp::engine::Engines;
use crate::socket::udp::Queues;
use crate::time::{Instant, earliest};
use classify::Flow;
use cookies::Cookies;
pub use counters::Counters;
use deadlines::Deadlines;
use icmp::Budget;
use interfaces::Interfaces;
use local::Local;
use membership::Memberships;
use membership::reports::Reports;
use neighbors::Neighbors;
use numbers::Numbers;
use outbox::Outbox;
use path_mtu::PathMtus;
use reassembly::Reassembly;
pub use storage::{Storage, StorageError};
use time_wait::TimeWait;

/// Sockets on one network interface.
///
/// The contract has four parts:
///
/// - **Socket calls** ([`socket`](Self::socket), [`bind`](Self::bind), [`send`](Self::send) …) never
///   touch a device, never read a clock and never block. What cannot be done now is EAGAIN or
///   EINPROGRESS.
/// - **[`step`](Self::step)** is the only function that moves frames. It is told the time, does a bounded
///   amount of work, and says whether more is waiting.
/// - **[`next_step`](Self::next_step)** is the deadline until which the caller may sleep, unless a frame
///   arrives or a socket call is made.
/// - **Views** ([`netstat`](Self::netstat), [`arp`](Self::arp), [`counters`](Self::counters)) copy, and
///   change nothing.
///
/// The same calls and frames at the same times give the same frames out: a stack has no clock, no thread
/// and no randomness but its [`Seed`](crate::Seed).
///
/// # Examples
/// A host that answers UDP datagrams, in the loop that every firmware has:
/// ```
/// use smolsock::{Config, Domain, Errno, Seed, Stack, Type, time::Instant};
/// # use smolsock::device::Loopback;
/// # use smolsock::device::Medium;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut device = Loopback::new(Medium::Ip);
/// # let clock = || Instant::from_millis(1);
/// let seed = Seed::new(*b"from a real TRNG")?;
/// let mut stack = Stack::new(Config::ip(seed).address("192.0.2.1/24".parse()?), &device)?;
/// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
/// stack.bind(socket, "0.0.0.0:7".parse()?)?;
/// # for _ in 0..3 {
/// let _ = stack.step(clock(), &mut device); // loop { … }, sleeping until `stack.next_step()`
/// let mut buffer = [0; 1500];
/// match stack.recv_from(socket, &mut buffer) {
///     Ok(datagram) => drop(stack.send_to(socket, &buffer[..datagram.len], datagram.remote)?),
///     Err(Errno::EAGAIN) => {}
///     Err(error) => return Err(error.into()),
/// }
/// # }
/// # Ok(()) }
/// ```
pub struct Stack<'a> {
    interfaces: Interfaces,
    medium: Medium,
    /// Largest IP packet that the device carries, bytes.
    ip_mtu: usize,
    checksums: ChecksumCapabilities,
    config: Config,
    pub(crate) now: Instant,
    /// How many steps there were: a call that starts a timer can tell whether the time is fresh.
    steps: u64,
    pub(crate) slots: Slots<'a>,
    demux: Demux<'a>,
    ports: Ports,
    /// How often a socket was bound.
    binds: u32,
    engines: Engines<'a>,
    queues: Queues<'a>,
    raws: Raws,
    /// Answers of this host that have to be cut.
    outbox: Outbox<'a>,
    /// Packets to this host itself, and room for the answers to them.
    local: Local<'a>,
    local_spare: Local<'a>,
    /// Largest packet that this host can send to itself, bytes.
    local_mtu: usize,
    pub(crate) time_wait: TimeWait<'a>,
    pub(crate) neighbors: Neighbors,
    deadlines: Deadlines<'a>,
    /// The connection that the last segment was for: the next one is often for it too, and is told so
    /// without a look at the table.
    last: u32,
    /// Slots that have something to send.
    due: Line,
    /// Slots that have news for their application: their turn is in the next step, when it has had a chance
    /// to read and to answer. So the ACK rides on the answer, and tells the window after the reading.
    answering: Line,
    /// Slots that wait for a neighbour's link-layer address.
    unresolved: Line,
    /// IP packets of which fragments are missing.
    reassembly: Reassembly<'a>,
    path_mtus: PathMtus,
    memberships: Memberships<'a>,
    reports: Reports<'a>,
    /// Identification of the next packet that has to be cut.
    ident: u32,
    icmp_budget: Budget,
    numbers: Numbers,
    cookies: Cookies,
    /// Until when an ACK may bring back a child that had to go.
    crowded_until: Option<Instant>,
    counters: Counters,
    /// Who hears what happens to sockets.
    #[cfg(feature = "inspect")]
    hook: inspect::Hook,
    /// The device had no room in the last step.
    blocked: bool,
    step_waker: Option<Waker>,
}

/// What is left after a [`Stack::step`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "More asks for another step soon"]
pub enum Step {
    /// Nothing until [`Stack::next_step`], a frame, or a socket call.
    Done,
    /// More frames may be waiting than one step handles, or packets of this host to itself: step again soon.
    More,
    /// The device took no more frames: step again when it can, or at [`Stack::next_step`].
    Blocked,
}

impl Stack<'_> {
    /// Moves frames: takes what the device has received, sends what is due, and lets time pass.
    ///
    /// `now`: time since an epoch of the caller's choice; a time before the last one given counts as that
    /// one. At most [`Config::step_frames_max`] frames are received, and every socket that has something
    /// to send gets a share, so a step takes bounded time.
    ///
    /// A connection that has news for its application (data, the end of the stream, success of `connect`)
    /// answers in the next step, not in this one: the application can read, write or close in between, and
    /// one segment carries its answer and the ACK. [`next_step`](Self::next_step) is "now" until then.
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Step, Type, time::Instant};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
    /// stack.send_to(socket, b"hello", ([192, 0, 2, 9], 7).into())?;
    /// assert!(device.is_empty(), "socket calls move no frames");
    /// assert_eq!(stack.step(Instant::from_millis(1), &mut device), Step::Done);
    /// assert_eq!(device.len(), 1);
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn step(&mut self, now: Instant, device: &mut (impl Device + ?Sized)) -> Step {
        self.now = self.now.max(now);
        self.steps.count_one();
        self.blocked = false;
        self.due.append(&mut self.answering, &mut self.slots);
        let received_all = self.ingress(device);
        self.timers();
        let sent_all = self.egress(device);
        if self.blocked {
            Step::Blocked
        } else if received_all && sent_all && self.local.is_empty() {
            Step::Done
        } else {
            Step::More
        }
    }

    /// Until when the caller may sleep: `None` until a frame arrives or a socket call is made. A time
    /// that has passed means: step at once.
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type, time::Instant};
    /// # let (mut stack, mut device) = stack();
    /// assert_eq!(stack.next_step(), None);
    /// let socket = stack.socket(Domain::Inet, Type::Stream)?;
    /// assert_eq!(stack.connect(socket, ([192, 0, 2, 9], 80).into()), Err(Errno::EINPROGRESS));
    /// assert_eq!(stack.next_step(), Some(stack.now()), "a SYN wants to go out");
    /// let _ = stack.step(Instant::from_millis(1), &mut device);
    /// // RFC 6298: it is repeated after a second.
    /// assert_eq!(stack.next_step(), Some(Instant::from_millis(1_001)));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn next_step(&self) -> Option<Instant> {
        if self.blocked {
            // Not "now": a caller that knows nothing of its device would spin.
            return Some(self.now.saturating_add(timers::BLOCKED_RETRY));
        }
        if !self.due.is_empty() || !self.answering.is_empty() || !self.local.is_empty() || !self.outbox.is_empty() {
            return Some(self.now);
        }
        let slots = self.deadlines.peek().map(|(at, _)| at);
        let tables = earliest(self.neighbors.next_at(), self.time_wait.next_at());
        let packets = earliest(self.reassembly.next_at(), self.reports.next_at());
        earliest(earliest(slots, tables), packets)
    }

    /// Wakes `waker` when a socket call makes a [`step`](Self::step) useful before
    /// [`next_step`](Self::next_step). One waker is kept, and it is woken once.
    ///
    /// # Examples
    /// ```
    /// # let (mut stack, device) = smolsock::doctest::stack();
    /// stack.register_step_waker(core::task::Waker::noop());
    /// ```
    pub fn register_step_waker(&mut self, waker: &Waker) {
        self.step_waker = Some(waker.clone());
    }

    /// Counts of frames, drops and surprises since the stack was built.
    ///
    /// # Examples
    /// ```
    /// # let (stack, device) = smolsock::doctest::stack();
    /// assert_eq!(stack.counters().frames_in, 0);
    /// ```
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The time of the last step; [`Instant::ZERO`] before the first.
    ///
    /// # Examples
    /// ```
    /// # let (mut stack, mut device) = smolsock::doctest::stack();
    /// use smolsock::time::Instant;
    /// let _ = stack.step(Instant::from_secs(7), &mut device);
    /// assert_eq!(stack.now(), Instant::from_secs(7));
    /// ```
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Whether `addr` is one of the own addresses.
    fn is_own(&self, addr: IpAddr) -> bool {
        self.config.addresses.iter().any(|cidr| cidr.addr() == addr)
    }

    /// Whether packets to `addr` never leave this host: loopback addresses and its own.
    #[inline]
    fn is_local(&self, addr: IpAddr) -> bool {
        self.is_own(addr) || addr.is_loopback()
    }

    /// Whether `addr` is the limited broadcast address or that of an own prefix.
    fn is_broadcast(&self, addr: IpAddr) -> bool {
        let IpAddr::V4(v4) = addr else { return false };
        v4.is_broadcast() || self.config.addresses.iter().any(|cidr| cidr.broadcast() == Some(addr))
    }

    /// Whether packets to `addr` have more than one receiver.
    fn is_group(&self, addr: IpAddr) -> bool {
        addr.is_multicast() || self.is_broadcast(addr)
    }

    /// The neighbour that packets to `remote` are given to: itself or a router. `None`: no route.
    fn next_hop(&self, remote: IpAddr) -> Option<IpAddr> {
        if self.is_local(remote) {
            return (self.local_mtu > 0).then_some(remote);
        }
        if self.is_group(remote) || self.config.addresses.iter().any(|cidr| cidr.contains(remote)) {
            return Some(remote);
        }
        self.config.gateways.iter().copied().find(|router| router.is_ipv4() == remote.is_ipv4())
    }

    /// The neighbour whose link-layer address frames to `remote` need; `None` where frames need none.
    fn next_hop_to_resolve(&self, remote: IpAddr) -> Option<IpAddr> {
        if self.medium == Medium::Ethernet && !self.is_local(remote) { self.next_hop(remote) } else { None }
    }

    /// The own address that packets to `remote` carry.
    fn source_for(&mut self, remote: IpAddr) -> Option<IpAddr> {
        use crate::addr::{from_ip, to_ip};
        if self.is_own(remote) {
            return Some(remote);
        }
        if remote.is_loopback() {
            return Some(match remote {
                IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
                IpAddr::V6(_) => remote,
            });
        }
        if let IpAddr::V6(group) = remote
            && group.is_multicast()
        {
            return self.source_for_group(group);
        }
        let source = from_ip(self.interfaces.usual().get_source_address(&to_ip(remote))?);
        (!source.is_unspecified() && self.is_own(source)).then_some(source)
    }

    /// Largest IP packet on the way to `remote`, bytes.
    fn mtu_towards(&self, remote: IpAddr) -> usize {
        if self.is_local(remote) {
            self.local_mtu
        } else if self.path_mtus.is_empty() {
            self.ip_mtu
        } else {
            self.path_mtus.get(remote, self.ip_mtu, self.now)
        }
    }

    /// Largest IP packet of a connection, bytes.
    fn mtu_of(&self, connection: &Connection<'_>) -> usize {
        match connection.mtu {
            0 if connection.is_local => self.local_mtu.min(LOCAL_SEGMENT_MTU),
            0 => self.ip_mtu,
            mtu => usize::from(mtu),
        }
    }

    /// Bounds the segments of a connection to `remote` by what the way carries and by `TCP_MAXSEG`.
    fn fit_segments(&mut self, index: u32, remote: IpAddr) {
        let way = self.mtu_towards(remote);
        let max_segment = usize::from(self.slots.get(index).options.max_segment);
        let connection = self.slots.connection(index);
        connection.mtu = 0;
        let usual = if connection.is_local { self.local_mtu.min(LOCAL_SEGMENT_MTU) } else { self.ip_mtu };
        let headers = if remote.is_ipv4() { 40 } else { 60 };
        let asked = if max_segment == 0 { usual } else { max_segment.saturating_add(headers) };
        let mtu = way.min(asked).min(usual);
        if mtu < usual {
            self.slots.connection(index).mtu = mtu as u16;
        }
    }

    /// The checksums that packets to `remote` leave with: no device finishes what stays in this host.
    fn checksums_towards(&self, remote: IpAddr) -> ChecksumCapabilities {
        if self.is_local(remote) { ChecksumCapabilities::default() } else { self.checksums.clone() }
    }

    /// What all packets to the device have in common.
    #[inline]
    fn path(&self) -> Path {
        let [has_header_checksum, has_tcp_checksum] = [self.checksums.ipv4.tx(), self.checksums.tcp.tx()];
        Path { has_header_checksum, has_tcp_checksum, ..Path::BARE }
    }

    /// How an answer to a packet of `flow` leaves: to where the packet came from.
    #[inline]
    fn way_back(&self, flow: &Flow) -> Path {
        let link = flow.link.and_then(|(from, _)| Some((self.config.mac?, from)));
        Path { link, ..self.path() }
    }

    /// Puts a slot in line for egress.
    #[inline]
    fn make_due(&mut self, index: u32) {
        if self.slots.get(index).queue == Queue::Idle {
            self.due.push(&mut self.slots, index);
            if let Some(waker) = self.step_waker.take() {
                waker.wake();
            }
        }
    }

    /// Lets a slot answer in the next step.
    #[inline]
    fn make_answering(&mut self, index: u32) {
        if self.slots.get(index).queue == Queue::Idle {
            self.answering.push(&mut self.slots, index);
        }
    }

    /// Lets every slot that waits for a neighbour look again.
    fn retry_unresolved(&mut self) {
        while let Some(index) = self.unresolved.pop(&mut self.slots) {
            self.due.push(&mut self.slots, index);
        }
    }
}

/// Largest packet with a segment of this host to itself, bytes: several fit into any window.
const LOCAL_SEGMENT_MTU: usize = 16_384;

impl fmt::Debug for Stack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack")
            .field("addresses", &self.config.addresses)
            .field("sockets", &self.slots.open())
            .field("time_wait", &self.time_wait.len())
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}
