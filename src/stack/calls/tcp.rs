//! What do the calls on a TCP socket do?

use core::net::SocketAddr;

use crate::demux::TCP;
use crate::demux::ports::{self, Claim};
use crate::errno::Errno;
use crate::invariant::impossible;
use crate::socket::flags::MsgFlags;
use crate::socket::message::{room, total};
use crate::socket::slots::{Body, NONE, Queue};
use crate::socket::tcp::engine::Engine;
use crate::socket::tcp::listener::Listener;
use crate::socket::tcp::posix::{self, RecvVerdict, SendVerdict};
use crate::socket::tcp::track::Track;
use crate::socket::tcp::{Phase, Stage, TcpState};
use crate::socket::{Shutdown, SocketId};
use crate::stack::Stack;
use crate::stack::inspect::Call;

impl Stack<'_> {
    /// Makes a TCP socket take connections, up to `backlog + 1` of which wait for
    /// [`accept`](Self::accept). An unbound socket gets an ephemeral port. On a listener: changes the
    /// backlog.
    ///
    /// # Errors
    /// - EBADF: no such socket.
    /// - EOPNOTSUPP: a UDP socket.
    /// - EINVAL: the socket is connected, or connecting.
    /// - EADDRINUSE: another socket listens there.
    /// - ENOBUFS: the caller's storage has no room in the demux.
    ///
    /// # POSIX
    /// [listen](https://pubs.opengroup.org/onlinepubs/9799919799/functions/listen.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let server = stack.socket(Domain::Inet, Type::Stream)?;
    /// stack.bind(server, ([0, 0, 0, 0], 80).into())?;
    /// stack.listen(server, 5)?;
    /// assert_eq!(stack.accept(server), Err(Errno::EAGAIN));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn listen(&mut self, id: SocketId, backlog: usize) -> Result<(), Errno> {
        let index = self.slots.find(id)?;
        match &mut self.slots.get_mut(index).body {
            Body::Listener(listener) => listener.backlog = backlog,
            Body::Tcp(connection) if connection.phase == Phase::Fresh => self.start_listening(index, backlog)?,
            Body::Tcp(_) => return Err(Errno::EINVAL),
            Body::Udp(_) => return Err(Errno::EOPNOTSUPP),
            Body::Free => return Err(Errno::EBADF),
        }
        Ok(())
    }

    fn start_listening(&mut self, index: u32, backlog: usize) -> Result<(), Errno> {
        let bound = self.slots.get(index).local;
        if bound.is_none() {
            let any = SocketAddr::new(self.slots.get(index).wildcard(), 0);
            let local = self.choose_port(index, any)?;
            self.set_local(index, local)?;
        }
        let slot = self.slots.get(index);
        let claim = slot.local.and_then(|local| Claim::of(slot, local)).ok_or(Errno::EINVAL)?;
        if !ports::can_listen(&claim, index, &self.slots) {
            return Err(Errno::EADDRINUSE);
        }
        self.demux.add(&mut self.slots, index)?;
        self.slots.get_mut(index).body = Body::Listener(Listener::new(backlog));
        self.hear_state(index);
        Ok(())
    }

    /// Takes the oldest completed connection of a listener: its socket, and the peer's address. The
    /// connection may have ended already; its data and its end are then read as usual.
    ///
    /// # Errors
    /// - EBADF: no such socket.
    /// - EAGAIN: no connection is waiting.
    /// - EINVAL: the socket does not listen.
    /// - EOPNOTSUPP: a UDP socket.
    ///
    /// # POSIX
    /// [accept](https://pubs.opengroup.org/onlinepubs/9799919799/functions/accept.html)
    ///
    /// # Examples
    /// ```
    /// # use smolsock::doctest::stack;
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, mut device) = stack();
    /// let socket = stack.socket(Domain::Inet, Type::Stream)?;
    /// assert_eq!(stack.accept(socket), Err(Errno::EINVAL));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn accept(&mut self, id: SocketId) -> Result<(SocketId, SocketAddr), Errno> {
        let index = self.slots.find(id)?;
        let child = match &self.slots.get(index).body {
            Body::Listener(listener) => listener.ready.oldest,
            Body::Tcp(_) => return Err(Errno::EINVAL),
            Body::Udp(_) => return Err(Errno::EOPNOTSUPP),
            Body::Free => return Err(Errno::EBADF),
        };
        if child == NONE {
            let nothing = Err(Errno::EAGAIN);
            self.hear_result(index, Call::Accept, &nothing);
            return nothing;
        }
        self.unlink_child(child);
        let slot = self.slots.get_mut(child);
        // Linux: O_NONBLOCK is not inherited.
        slot.options.nonblocking = false;
        let Some(remote) = slot.remote else {
            impossible("a child has a peer");
            return Err(Errno::ECONNABORTED);
        };
        let remote = slot.outer(remote);
        self.promote_oldest(index);
        let id = self.slots.adopt(child);
        self.hear_accepted(child, index);
        Ok((id, remote))
    }

    pub(super) fn connect_tcp(&mut self, index: u32, remote: SocketAddr) -> Result<(), Errno> {
        let connection = self.slots.connection(index);
        match (connection.phase, connection.state()) {
            (Phase::Fresh, _) => {}
            // Accepted, or told already.
            (Phase::Connected, _) if !connection.unreported => return Err(Errno::EISCONN),
            // Linux `__inet_stream_connect`: it is over, whoever was told why, and the socket can try again.
            (Phase::Connecting | Phase::Connected, TcpState::Closed) => {
                let cause = self.report(index).unwrap_or(Errno::ECONNABORTED);
                self.take_back(index);
                return Err(cause);
            }
            (Phase::Connecting, _) => return Err(Errno::EALREADY),
            (Phase::Connected, _) => {
                connection.unreported = false;
                return Ok(());
            }
        }
        if remote.port() == 0 {
            return Err(Errno::EADDRNOTAVAIL);
        }
        if self.is_group(remote.ip()) {
            return Err(Errno::ENETUNREACH);
        }
        let local = self.choose_local(index, remote)?;
        self.start_connecting(index, local, remote)?;
        Err(Errno::EINPROGRESS)
    }

    /// The local address of a connection to `remote`: as bound, completed where that was left open.
    fn choose_local(&mut self, index: u32, remote: SocketAddr) -> Result<SocketAddr, Errno> {
        self.next_hop(remote.ip()).ok_or(Errno::ENETUNREACH)?;
        let bound = self.slots.get(index).local;
        let ip = match bound {
            Some(local) if !local.ip().is_unspecified() => local.ip(),
            _ => self.source_for(remote.ip()).ok_or(Errno::ENETUNREACH)?,
        };
        // Linux: packets from a loopback address cannot leave the host.
        if ip.is_loopback() && !self.is_local(remote.ip()) {
            return Err(Errno::EINVAL);
        }
        let (demux, slots, time_wait) = (&self.demux, &self.slots, &self.time_wait);
        match bound {
            Some(local) => {
                let local = SocketAddr::new(ip, local.port());
                let taken = demux.find(TCP, &local, Some(&remote), slots, time_wait);
                // Linux `__inet_check_established`.
                if taken == crate::demux::Route::Nobody { Ok(local) } else { Err(Errno::EADDRNOTAVAIL) }
            }
            None => {
                let is_free =
                    |port| ports::is_free_towards(demux, TCP, SocketAddr::new(ip, port), remote, slots, time_wait);
                let port = self.ports.choose(is_free).ok_or(Errno::EADDRNOTAVAIL)?;
                Ok(SocketAddr::new(ip, port))
            }
        }
    }

    fn start_connecting(&mut self, index: u32, local: SocketAddr, remote: SocketAddr) -> Result<(), Errno> {
        let asked = self.slots.get(index).options.buffer_bytes();
        let mut engine = self.engines.take(asked).ok_or(Errno::ENOBUFS)?;
        let is_local = self.is_local(remote.ip());
        let isn = self.numbers.next(local, remote, self.now);
        if !engine.connect(self.interfaces.begin(isn, is_local, 0, local.ip()), local, remote) {
            self.engines.give(engine);
            return Err(Errno::EADDRNOTAVAIL);
        }
        let slot = self.slots.get_mut(index);
        // Linux `tcp_connect_init`: what an earlier attempt left behind is forgotten.
        slot.error = None;
        let bound = slot.local.replace(local);
        slot.remote = Some(remote);
        if let Err(error) = self.demux.add(&mut self.slots, index) {
            self.engines.give(engine);
            let slot = self.slots.get_mut(index);
            (slot.local, slot.remote) = (bound, None);
            return Err(error);
        }
        let next_hop = self.next_hop_to_resolve(remote.ip());
        let now = self.now;
        let connection = self.slots.connection(index);
        connection.next_hop = next_hop;
        connection.is_local = is_local;
        connection.engine = Some(engine);
        connection.phase = Phase::Connecting;
        connection.is_clock_late = true;
        connection.track = Track::new(now);
        connection.has_ended = false;
        self.hear_state(index);
        self.follow_options(index);
        if self.slots.get(index).queue == Queue::Neighbor {
            // It still stands in line for the peer of an attempt that was taken back.
            self.retry_unresolved();
            if let Some(waker) = self.step_waker.take() {
                waker.wake();
            }
        }
        self.make_due(index);
        Ok(())
    }

    pub(super) fn send_tcp(&mut self, index: u32, pieces: &[&[u8]]) -> Result<usize, Errno> {
        let sent = self.queue_bytes(index, pieces);
        self.hear_sent(index, pieces, &sent);
        sent
    }

    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "no more than the send buffer holds")]
    fn queue_bytes(&mut self, index: u32, pieces: &[&[u8]]) -> Result<usize, Errno> {
        let slot = self.slots.get_mut(index);
        let Body::Tcp(connection) = &mut slot.body else { return Err(Errno::EBADF) };
        match posix::send(connection, slot.error) {
            SendVerdict::Fail(errno) => Err(errno),
            SendVerdict::Report => Err(self.report(index).unwrap_or(Errno::EPIPE)),
            SendVerdict::Queue if total(pieces) == 0 => Ok(0),
            SendVerdict::Queue => {
                let Some(engine) = &mut connection.engine else { return Err(Errno::EPIPE) };
                if engine.send_queue() == 0 {
                    // R2 counts from here: the peer had nothing to acknowledge.
                    connection.is_clock_late = true;
                }
                let mut taken = 0;
                for piece in pieces {
                    let fitting = engine.send(piece);
                    taken += fitting;
                    if fitting < piece.len() {
                        break;
                    }
                }
                if taken == 0 {
                    return Err(Errno::EAGAIN);
                }
                connection.is_eager = true;
                self.make_due(index);
                Ok(taken)
            }
        }
    }

    pub(super) fn recv_tcp(&mut self, index: u32, buffers: &mut [&mut [u8]], flags: MsgFlags) -> Result<usize, Errno> {
        let received = self.take_bytes(index, buffers, flags);
        self.hear_received(index, buffers, flags, &received);
        received
    }

    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "behind `shutdown` no more is readable than was kept")]
    fn take_bytes(&mut self, index: u32, buffers: &mut [&mut [u8]], flags: MsgFlags) -> Result<usize, Errno> {
        let slot = self.slots.get_mut(index);
        let Body::Tcp(connection) = &mut slot.body else { return Err(Errno::EBADF) };
        match posix::recv(connection, slot.error) {
            RecvVerdict::EndOfStream => Ok(0),
            RecvVerdict::Fail(errno) => Err(errno),
            RecvVerdict::Report => self.report(index).map_or(Ok(0), Err),
            RecvVerdict::Take => {
                let readable = connection.recv_queue();
                let Some(engine) = &mut connection.engine else { return Ok(0) };
                let taken = take(engine, readable, buffers, flags);
                if flags.contains(MsgFlags::PEEK) {
                    return Ok(taken);
                }
                connection.unread_from = connection.unread_from.wrapping_add(taken as u32);
                if connection.shut_read {
                    connection.kept -= taken;
                    connection.discard_late();
                }
                // The window may open: a step can tell the peer.
                self.make_due(index);
                Ok(taken)
            }
        }
    }

    pub(super) fn shutdown_tcp(&mut self, index: u32, how: Shutdown) -> Result<(), Errno> {
        let connection = self.slots.connection(index);
        match connection.state() {
            TcpState::Closed => return Err(Errno::ENOTCONN),
            // Linux takes the attempt back (`inet_shutdown`, `tcp_disconnect`).
            TcpState::SynSent => {
                self.take_back(index);
                let slot = self.slots.get_mut(index);
                slot.fail(Errno::ECONNRESET);
                slot.wake_all();
                return Ok(());
            }
            // B8: smoltcp cannot close a half-open connection.
            TcpState::SynReceived if how.writes() => {
                self.reset(index);
                return Ok(());
            }
            _ => {}
        }
        let connection = self.slots.connection(index);
        if connection.engine.is_none() {
            return Err(Errno::ENOTCONN);
        }
        // Linux `inet_shutdown`: whoever ends it has seen that it is there.
        connection.unreported = false;
        if how.writes() && !connection.shut_write {
            connection.shut_write = true;
            connection.is_clock_late = true;
            connection.close();
        }
        if how.reads() {
            connection.shut_reading();
        }
        self.hear_state(index);
        self.slots.get_mut(index).wake_all();
        self.make_due(index);
        Ok(())
    }

    pub(super) fn shutdown_listener(&mut self, index: u32, how: Shutdown) -> Result<(), Errno> {
        // Linux: SHUT_RD ends listening; SHUT_WR alone means nothing to a listener.
        if how.reads() {
            self.drop_children(index);
            self.demux.remove(&mut self.slots, index);
            let now = self.now;
            let slot = self.slots.get_mut(index);
            slot.body = Body::Tcp(crate::socket::tcp::Connection::fresh(now));
            slot.wake_all();
            self.hear_state(index);
        }
        Ok(())
    }

    pub(super) fn close_tcp(&mut self, index: u32) {
        let is_abortive = self.slots.get(index).options.linger.is_some_and(|linger| linger.is_zero());
        let connection = self.slots.connection(index);
        match connection.state() {
            // B9: nothing was agreed upon, so there is nobody to tell.
            TcpState::Closed | TcpState::SynSent => self.free(index),
            // B8.
            TcpState::SynReceived => {
                self.slots.get_mut(index).owned = false;
                self.reset(index);
            }
            // Linux `tcp_need_reset`: here both sides have closed, and nothing is lost.
            TcpState::Closing | TcpState::LastAck if is_abortive => self.free(index),
            TcpState::Established | TcpState::CloseWait | TcpState::FinWait1 | TcpState::FinWait2 if is_abortive => {
                self.slots.get_mut(index).owned = false;
                self.reset(index);
            }
            _ => self.make_orphan(index),
        }
    }

    /// The connection goes on without its application until both sides are done.
    fn make_orphan(&mut self, index: u32) {
        let slot = self.slots.get_mut(index);
        slot.owned = false;
        let connection = self.slots.connection(index);
        let has_unread = connection.recv_queue() > 0;
        let Some(engine) = &mut connection.engine else { return self.free(index) };
        if has_unread {
            // RFC 2525 §2.17: data that was never read is lost, and the peer must learn it.
            return self.reset(index);
        }
        if connection.settings.skips_fin_wait_2() && engine.state() == TcpState::FinWait2 {
            return self.reset(index);
        }
        connection.close();
        connection.is_clock_late = true;
        self.hear_state(index);
        self.make_due(index);
    }

    /// Ends at once with an RST; the slot goes when that is out.
    pub(in crate::stack) fn reset(&mut self, index: u32) {
        if let Some(engine) = &mut self.slots.connection(index).engine {
            engine.abort();
        }
        self.make_due(index);
    }

    /// Forgets a connection, or the attempt at one: the socket is fresh again, and bound as it was.
    fn take_back(&mut self, index: u32) {
        self.demux.remove(&mut self.slots, index);
        self.deadlines.clear(index);
        if let Some(engine) = self.slots.connection(index).disconnect() {
            self.engines.give(engine);
        }
        self.hear_state(index);
        let slot = self.slots.get_mut(index);
        slot.remote = None;
        slot.wake_all();
    }

    pub(super) fn close_listener(&mut self, index: u32) {
        self.drop_children(index);
        self.free(index);
    }

    /// Half-open children are forgotten; completed ones are reset, for their peers believe in them.
    fn drop_children(&mut self, listener: u32) {
        loop {
            let Body::Listener(Listener { half_open, ready, .. }) = &self.slots.get(listener).body else { return };
            let child = if half_open.oldest == NONE { ready.oldest } else { half_open.oldest };
            if child == NONE {
                return;
            }
            if self.slots.connection(child).stage == Stage::HalfOpen {
                self.reap_child(child);
                continue;
            }
            self.unlink_child(child);
            match self.slots.connection(child).state() {
                TcpState::Closed => self.free(child),
                _ => self.reset(child),
            }
        }
    }
}

/// Takes up to `readable` received bytes as `flags` say: copied or counted only, gone or still there afterwards.
#[expect(clippy::arithmetic_side_effects, reason = "no more than `readable` is taken")]
fn take(engine: &mut Engine<'_>, readable: usize, buffers: &mut [&mut [u8]], flags: MsgFlags) -> usize {
    match (flags.contains(MsgFlags::PEEK), flags.contains(MsgFlags::TRUNC)) {
        (true, false) => engine.peek(buffers).min(readable),
        (true, true) => readable.min(room(buffers)),
        (false, true) => engine.skip(readable.min(room(buffers))),
        (false, false) => {
            let mut taken = 0;
            for buffer in buffers {
                let len = buffer.len().min(readable - taken);
                let filled = engine.recv(buffer.get_mut(..len).unwrap_or_default());
                taken += filled;
                if filled < buffer.len() {
                    break;
                }
            }
            taken
        }
    }
}
