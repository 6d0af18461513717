//! How is smoltcp's TCP driven? (The only file that calls it.)

use core::net::SocketAddr;

use managed::ManagedSlice;
use smoltcp::iface::{Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{CongestionControl, Socket, State};
use smoltcp::time::Duration;

use super::TcpState;
use super::settings::Congestion;
use crate::addr::to_endpoint;
use crate::socket::message::scatter;

/// One connection's protocol machine: a socket set of one, so that the interface's walk over "all"
/// sockets costs the same however many connections there are.
#[derive(Debug)]
pub(crate) struct Engine<'a> {
    set: SocketSet<'a>,
    handle: SocketHandle,
}

impl<'a> Engine<'a> {
    /// `place` holds one socket; `recv` and `send` are the buffers, in bytes.
    pub(crate) fn new(
        place: ManagedSlice<'a, SocketStorage<'a>>,
        recv: ManagedSlice<'a, u8>,
        send: ManagedSlice<'a, u8>,
    ) -> Self {
        Self::within(SocketSet::new(place), recv, send)
    }

    /// `set` is empty and has room for one socket.
    fn within(mut set: SocketSet<'a>, recv: ManagedSlice<'a, u8>, send: ManagedSlice<'a, u8>) -> Self {
        let handle = set.add(Socket::new(recv, send));
        Self { set, handle }
    }

    /// The set without its socket, to be used again.
    #[cfg(feature = "alloc")]
    fn into_set(mut self) -> SocketSet<'a> {
        self.set.remove(self.handle);
        self.set
    }

    /// What the interface is handed together with a frame of this connection.
    #[inline]
    pub(crate) fn set(&mut self) -> &mut SocketSet<'a> {
        &mut self.set
    }

    /// Starts an active open. `local` and `remote` are concrete addresses of one family with ports.
    pub(crate) fn connect(&mut self, interface: &mut Interface, local: SocketAddr, remote: SocketAddr) -> bool {
        let socket = self.set.get_mut::<Socket<'a>>(self.handle);
        start(socket);
        socket.connect(interface.context(), to_endpoint(remote), to_endpoint(local)).is_ok()
    }

    /// Waits for the SYN of one child. `local` is concrete: a wildcard would take a broadcast (B1).
    pub(crate) fn listen(&mut self, local: SocketAddr) -> bool {
        let socket = self.set.get_mut::<Socket<'a>>(self.handle);
        start(socket);
        socket.listen(to_endpoint(local)).is_ok()
    }

    #[inline]
    pub(crate) fn state(&self) -> TcpState {
        state_of(self.socket())
    }

    /// State and queues in one look: each look goes through smoltcp's set.
    #[inline]
    pub(crate) fn facts(&self) -> Facts {
        let socket = self.socket();
        Facts { state: state_of(socket), recv_queue: socket.recv_queue(), send_queue: socket.send_queue() }
    }

    /// Queues as much of `data` as fits; 0 also when the state does not allow sending.
    pub(crate) fn send(&mut self, data: &[u8]) -> usize {
        self.socket_mut().send_slice(data).unwrap_or(0)
    }

    /// Takes received bytes in order; 0 when there are none.
    pub(crate) fn recv(&mut self, buffer: &mut [u8]) -> usize {
        self.socket_mut().recv_slice(buffer).unwrap_or(0)
    }

    /// Throws received bytes away. Returns how many there were.
    pub(crate) fn discard(&mut self) -> usize {
        self.skip(usize::MAX)
    }

    /// Throws up to `max` received bytes away. Returns how many.
    #[expect(clippy::arithmetic_side_effects, reason = "no more than `max` is skipped")]
    pub(crate) fn skip(&mut self, max: usize) -> usize {
        let mut skipped = 0;
        // The ring buffer gives at most two contiguous pieces.
        for _ in 0..2 {
            let taken = self.socket_mut().recv(|bytes| {
                let taken = bytes.len().min(max - skipped);
                (taken, taken)
            });
            skipped += taken.unwrap_or(0);
        }
        skipped
    }

    /// Copies received bytes, which stay. Where the ring buffer wraps, several buffers get only what stands before
    /// that; one buffer, or a first one large enough, gets all.
    pub(crate) fn peek(&mut self, buffers: &mut [&mut [u8]]) -> usize {
        let queued = self.recv_queue();
        let socket = self.socket_mut();
        match buffers {
            [] => 0,
            [first, rest @ ..] if rest.is_empty() || first.len() >= queued => socket.peek_slice(first).unwrap_or(0),
            all => socket.peek(queued).map_or(0, |bytes| scatter(bytes, all)),
        }
    }

    /// Size of the receive buffer, bytes.
    pub(crate) fn recv_capacity(&self) -> usize {
        self.socket().recv_capacity()
    }

    #[inline]
    pub(crate) fn recv_queue(&self) -> usize {
        self.socket().recv_queue()
    }

    #[inline]
    pub(crate) fn send_queue(&self) -> usize {
        self.socket().send_queue()
    }

    /// Free bytes in the send buffer.
    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "no queue is longer than its buffer")]
    pub(crate) fn send_room(&self) -> usize {
        let socket = self.socket();
        socket.send_capacity() - socket.send_queue()
    }

    /// Queues a FIN behind the data. Not in SYN-SENT or SYN-RECEIVED (B8, B9).
    pub(crate) fn close(&mut self) {
        debug_assert!(self.state().is_synchronized());
        self.socket_mut().close();
    }

    /// Ends at once; the next egress sends an RST.
    pub(crate) fn abort(&mut self) {
        self.socket_mut().abort();
    }

    /// Sends what this congestion control allows, beginning with its first window, unless it rules already.
    pub(crate) fn control_congestion(&mut self, how: Congestion) {
        let control = match how {
            Congestion::None => CongestionControl::None,
            Congestion::Reno => CongestionControl::Reno,
            #[cfg(feature = "std")]
            Congestion::Cubic => CongestionControl::Cubic,
            // Nobody can ask for it.
            #[cfg(not(feature = "std"))]
            Congestion::Cubic => CongestionControl::Reno,
        };
        if self.socket().congestion_control() != control {
            self.socket_mut().set_congestion_control(control);
        }
    }

    /// Whether a segment smaller than the largest waits while others are not acknowledged (RFC 896).
    pub(crate) fn combine_small_writes(&mut self, on: bool) {
        self.socket_mut().set_nagle_enabled(on);
    }

    /// Whether every segment is acknowledged at once, or within 10 ms.
    pub(crate) fn acknowledge_at_once(&mut self, on: bool) {
        self.socket_mut().set_ack_delay(if on { None } else { Some(ACK_DELAY) });
    }

    /// The TTL of IPv4 packets, or the hop limit of IPv6 packets. A packet with 0 would go nowhere: 1 is the least.
    pub(crate) fn limit_hops(&mut self, hops: u8) {
        self.socket_mut().set_hop_limit(Some(hops.max(1)));
    }

    /// Size of the send buffer, bytes.
    pub(crate) fn send_capacity(&self) -> usize {
        self.socket().send_capacity()
    }

    /// Whether the RST of an abort has not been sent yet.
    pub(crate) fn owes_reset(&self) -> bool {
        let socket = self.socket();
        socket.state() == State::Closed && socket.remote_endpoint().is_some()
    }

    /// Makes a connection send one keep-alive at the next egress. It is a byte of garbage in the place of the last one that
    /// was sent: nothing may be outstanding, or the peer could take it for data.
    pub(crate) fn probe(&mut self) {
        let socket = self.socket_mut();
        // Setting an interval winds up smoltcp's timer; taking it back leaves the timer for one shot.
        socket.set_keep_alive(Some(Duration::from_secs(1)));
        socket.set_keep_alive(None);
    }

    #[inline]
    fn socket(&self) -> &Socket<'a> {
        self.set.get(self.handle)
    }

    #[inline]
    fn socket_mut(&mut self) -> &mut Socket<'a> {
        self.set.get_mut(self.handle)
    }
}

/// What the frame path wants to know of an engine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) state: TcpState,
    /// Bytes that `recv` could give.
    pub(crate) recv_queue: usize,
    /// Bytes that the peer has not acknowledged.
    pub(crate) send_queue: usize,
}

impl Facts {
    /// Whether something of ours waits for the peer's acknowledgement: then R2 runs.
    #[inline]
    pub(crate) fn are_owed_an_ack(self) -> bool {
        self.send_queue > 0 || matches!(self.state, TcpState::FinWait1 | TcpState::Closing | TcpState::LastAck)
    }
}

#[inline]
fn state_of(socket: &Socket<'_>) -> TcpState {
    match socket.state() {
        State::Closed => TcpState::Closed,
        State::Listen => TcpState::Listen,
        State::SynSent => TcpState::SynSent,
        State::SynReceived => TcpState::SynReceived,
        State::Established => TcpState::Established,
        State::FinWait1 => TcpState::FinWait1,
        State::FinWait2 => TcpState::FinWait2,
        State::CloseWait => TcpState::CloseWait,
        State::Closing => TcpState::Closing,
        State::LastAck => TcpState::LastAck,
        State::TimeWait => TcpState::TimeWait,
    }
}

/// Brings a socket to the settings of a new one, whatever it did before (without `alloc` sockets are
/// used again, since smoltcp never gives buffers back).
fn start(socket: &mut Socket<'_>) {
    if socket.is_open() {
        socket.abort();
    }
    // smoltcp collapses at the first full queue without congestion control. Setting it anew also
    // forgets the window of the previous connection, which smoltcp's own reset keeps (B12).
    socket.set_congestion_control(CONGESTION_CONTROL);
    socket.set_timeout(None);
    socket.set_keep_alive(None);
    socket.set_nagle_enabled(true);
    socket.set_hop_limit(None);
    socket.set_ack_delay(Some(ACK_DELAY));
}

/// smoltcp's own choice.
const ACK_DELAY: Duration = Duration::from_millis(10);

#[cfg(feature = "std")]
const CONGESTION_CONTROL: CongestionControl = CongestionControl::Cubic;
#[cfg(not(feature = "std"))]
const CONGESTION_CONTROL: CongestionControl = CongestionControl::Reno;

/// Where engines come from: made as needed, or lent by the caller and given back.
#[derive(Debug)]
pub(crate) enum Engines<'a> {
    /// Fresh buffers for every connection, of these sizes in bytes.
    #[cfg(feature = "alloc")]
    Fresh {
        /// Receive buffer.
        recv_bytes: usize,
        /// Send buffer.
        send_bytes: usize,
        /// Empty sets of connections that are over, a few: only the socket and its buffers have to be fresh.
        spare: alloc::vec::Vec<SocketSet<'a>>,
    },
    /// Engines that are not in use stand here.
    Lent(&'a mut [Option<Engine<'a>>]),
}

impl<'a> Engines<'a> {
    /// An engine in CLOSED, or `None` when all are in use. `asked`: bytes of its receive and send buffer, 0 as
    /// configured; lent buffers are as large as they are.
    pub(crate) fn take(&mut self, asked: (usize, usize)) -> Option<Engine<'a>> {
        let (recv, send) = self.sizes(asked);
        match self {
            #[cfg(feature = "alloc")]
            Self::Fresh { spare, .. } => {
                let buffer = |bytes: usize| ManagedSlice::Owned(alloc::vec![0; bytes]);
                let set = spare
                    .pop()
                    .unwrap_or_else(|| SocketSet::new(ManagedSlice::Owned(alloc::vec![SocketStorage::EMPTY])));
                Some(Engine::within(set, buffer(recv), buffer(send)))
            }
            Self::Lent(spare) => {
                let _ = (recv, send);
                spare.iter_mut().find_map(Option::take)
            }
        }
    }

    /// The sizes that a connection's buffers would have, of which `asked` were asked for (0: none).
    pub(crate) fn sizes(&self, asked: (usize, usize)) -> (usize, usize) {
        match self {
            #[cfg(feature = "alloc")]
            Self::Fresh { recv_bytes, send_bytes, .. } => {
                let either = |asked, configured| if asked == 0 { configured } else { asked };
                (either(asked.0, *recv_bytes), either(asked.1, *send_bytes))
            }
            Self::Lent(spare) => {
                let _ = asked;
                // They are all of one size.
                let one = spare.iter().flatten().next();
                one.map_or((0, 0), |engine| (engine.recv_capacity(), engine.send_capacity()))
            }
        }
    }

    /// Takes an engine back.
    pub(crate) fn give(&mut self, engine: Engine<'a>) {
        match self {
            #[cfg(feature = "alloc")]
            Self::Fresh { spare, .. } => {
                if spare.len() < SPARE_MAX {
                    spare.push(engine.into_set());
                }
            }
            Self::Lent(spare) => {
                if let Some(empty) = spare.iter_mut().find(|place| place.is_none()) {
                    *empty = Some(engine);
                }
            }
        }
    }
}

/// Empty sets that are kept, of about a kilobyte each.
#[cfg(feature = "alloc")]
const SPARE_MAX: usize = 64;
