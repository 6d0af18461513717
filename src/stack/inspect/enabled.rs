//! How is an inspector told?
//!
//! Each `hear_…` stands where something happens. It asks whether somebody listens, one branch, and leaves the rest to a
//! function out of line: the paths of segments have no room for it in the instruction cache.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::errno::Errno;
use crate::inspect::{Call, Happened, Holdings, Inspection, Inspector};
use crate::socket::flags::MsgFlags;
use crate::socket::slots::Body;
use crate::socket::tcp::TcpState;
use crate::socket::udp::Envelope;
use crate::socket::{Shutdown, SocketId, Type};
use crate::stack::Stack;
use crate::stack::calls::udp::Received;
use crate::stack::classify::Segment;

/// Who listens, and what it was told of states.
pub(in crate::stack) struct Hook {
    inspector: Option<Box<dyn Inspector>>,
    /// By slot: the state that was told last.
    told: Vec<TcpState>,
}

impl Hook {
    pub(in crate::stack) const NOBODY: Self = Self { inspector: None, told: Vec::new() };

    #[inline]
    fn is_idle(&self) -> bool {
        self.inspector.is_none()
    }
}

impl Stack<'_> {
    /// Tells `inspector` from now on what happens to the sockets of this stack; feature `inspect`. It replaces the one
    /// before.
    ///
    /// # Examples
    /// ```
    /// use smolsock::inspect::{Happened, Inspection, Inspector};
    /// use smolsock::{Domain, Errno, Type};
    /// use std::sync::{Arc, Mutex};
    ///
    /// struct Bytes(Arc<Mutex<usize>>);
    ///
    /// impl Inspector for Bytes {
    ///     fn on(&mut self, inspection: &Inspection<'_>) {
    ///         if let Happened::SentDatagram { bytes, .. } = inspection.what {
    ///             *self.0.lock().unwrap() += bytes.len();
    ///         }
    ///     }
    /// }
    ///
    /// # let (mut stack, mut device) = smolsock::doctest::stack();
    /// let bytes = Arc::new(Mutex::new(0));
    /// stack.set_inspector(Box::new(Bytes(Arc::clone(&bytes))));
    /// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
    /// stack.send_to(socket, b"hello", ([192, 0, 2, 9], 7).into())?;
    /// assert_eq!(*bytes.lock().unwrap(), 5);
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn set_inspector(&mut self, inspector: Box<dyn Inspector>) {
        self.hook.inspector = Some(inspector);
        self.hook.told = (0..self.slots.capacity() as u32).map(|index| self.state_of(index)).collect();
    }

    /// Tells nobody any more; feature `inspect`.
    pub fn clear_inspector(&mut self) {
        self.hook = Hook::NOBODY;
    }

    /// The next connection that begins, as client or as server, has this initial sequence number; the ones after it have those of
    /// RFC 6528 again. Feature `inspect`: for figures and for tests near the ends of the numbers. Whoever knows it can speak in the peer's
    /// name.
    ///
    /// # Examples
    /// ```
    /// use smolsock::{Domain, Errno, Type, time::Instant};
    /// # let (mut stack, mut device) = smolsock::doctest::stack();
    /// stack.set_next_isn(0xffff_ffff);
    /// let socket = stack.socket(Domain::Inet, Type::Stream)?;
    /// assert_eq!(stack.connect(socket, ([192, 0, 2, 1], 80).into()), Err(Errno::EINPROGRESS));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn set_next_isn(&mut self, isn: u32) {
        self.numbers.chosen = Some(isn);
    }

    /// What this stack holds now; feature `inspect`.
    ///
    /// # Examples
    /// ```
    /// use smolsock::{Domain, Errno, Type};
    /// # let (mut stack, device) = smolsock::doctest::stack();
    /// let socket = stack.socket(Domain::Inet, Type::Datagram)?;
    /// assert_eq!(stack.holdings().sockets, 1);
    /// stack.close(socket)?;
    /// assert_eq!(stack.holdings().sockets, 0);
    /// # Ok::<(), Errno>(())
    /// ```
    #[expect(clippy::arithmetic_side_effects, reason = "lines of slots")]
    pub fn holdings(&self) -> Holdings {
        Holdings {
            sockets: self.slots.open(),
            time_wait: self.time_wait.len(),
            waiting: self.due.len() + self.answering.len() + self.unresolved.len(),
            fragments: self.reassembly.len(),
            has_deadline: self.deadlines.peek().is_some() || self.time_wait.next_at().is_some(),
        }
    }

    /// How many places of the table that finds sockets a search may look at, at most; feature `inspect`. It looks through the
    /// whole table.
    ///
    /// # Examples
    /// ```
    /// # let (stack, device) = smolsock::doctest::stack();
    /// assert_eq!(stack.longest_search(), 1);
    /// ```
    pub fn longest_search(&self) -> usize {
        self.demux.longest_search()
    }

    /// A socket was made.
    #[inline]
    pub(in crate::stack) fn hear_opened(&mut self, index: u32, kind: Type) {
        if !self.hook.is_idle() {
            let domain = self.slots.get(index).domain;
            self.tell(index, Happened::Opened { domain, kind });
        }
    }

    /// `accept` gave a child out.
    #[inline]
    pub(in crate::stack) fn hear_accepted(&mut self, child: u32, listener: u32) {
        if !self.hook.is_idle() {
            let listener = self.first_id(listener);
            self.tell(child, Happened::Accepted { listener });
        }
    }

    /// A call offered `pieces` to a stream, and took as many bytes of them as it says.
    #[inline]
    pub(in crate::stack) fn hear_sent(&mut self, index: u32, pieces: &[&[u8]], sent: &Result<usize, Errno>) {
        if !self.hook.is_idle() {
            self.tell_sent(index, pieces, sent);
        }
    }

    #[cold]
    #[inline(never)]
    #[expect(clippy::arithmetic_side_effects, reason = "they were cut to what is left")]
    fn tell_sent(&mut self, index: u32, pieces: &[&[u8]], sent: &Result<usize, Errno>) {
        match *sent {
            Ok(mut left) => {
                for piece in pieces {
                    let (bytes, _) = piece.split_at(piece.len().min(left));
                    left -= bytes.len();
                    if !bytes.is_empty() {
                        self.tell(index, Happened::Sent { bytes });
                    }
                }
            }
            Err(errno) => self.tell_failed(index, Call::Send, errno),
        }
    }

    /// A call filled `buffers` from a stream, as far as it says.
    #[inline]
    pub(in crate::stack) fn hear_received(
        &mut self,
        index: u32,
        buffers: &[&mut [u8]],
        flags: MsgFlags,
        received: &Result<usize, Errno>,
    ) {
        if !self.hook.is_idle() {
            self.tell_received(index, buffers, flags, received);
        }
    }

    #[cold]
    #[inline(never)]
    #[expect(clippy::arithmetic_side_effects, reason = "they were cut to what is left")]
    fn tell_received(&mut self, index: u32, buffers: &[&mut [u8]], flags: MsgFlags, received: &Result<usize, Errno>) {
        match *received {
            Err(errno) => self.tell_failed(index, Call::Recv, errno),
            // No room is no sign of the end.
            Ok(0) if buffers.iter().all(|buffer| buffer.is_empty()) => {}
            Ok(0) => self.tell(index, Happened::EndOfStream),
            Ok(_) if flags.contains(MsgFlags::PEEK) => {}
            Ok(len) if flags.contains(MsgFlags::TRUNC) => self.tell(index, Happened::Skipped { len }),
            Ok(mut left) => {
                for buffer in buffers {
                    let (bytes, _) = buffer.split_at(buffer.len().min(left));
                    left -= bytes.len();
                    if !bytes.is_empty() {
                        self.tell(index, Happened::Received { bytes });
                    }
                }
            }
        }
    }

    /// A call took a datagram made of `pieces`.
    #[inline]
    pub(in crate::stack) fn hear_datagram_sent(&mut self, index: u32, envelope: &Envelope, pieces: &[&[u8]]) {
        if !self.hook.is_idle() {
            self.tell_datagram_sent(index, envelope, pieces);
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_datagram_sent(&mut self, index: u32, envelope: &Envelope, pieces: &[&[u8]]) {
        let bytes = match pieces {
            [one] => Cow::Borrowed(*one),
            pieces => Cow::Owned(pieces.concat()),
        };
        let local = SocketAddr::new(envelope.local, self.port(index));
        self.tell(index, Happened::SentDatagram { local, remote: envelope.remote, bytes: &bytes });
    }

    /// A call filled `buffers` with a datagram.
    #[inline]
    pub(in crate::stack) fn hear_datagram_received(
        &mut self,
        index: u32,
        buffers: &[&mut [u8]],
        flags: MsgFlags,
        received: &Result<Option<Received>, Errno>,
    ) {
        if !self.hook.is_idle() {
            self.tell_datagram_received(index, buffers, flags, received);
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_datagram_received(
        &mut self,
        index: u32,
        buffers: &[&mut [u8]],
        flags: MsgFlags,
        received: &Result<Option<Received>, Errno>,
    ) {
        let received = match received {
            Err(errno) => return self.tell_failed(index, Call::Recv, *errno),
            Ok(None) => return self.tell(index, Happened::EndOfStream),
            Ok(Some(_)) if flags.contains(MsgFlags::PEEK) => return,
            Ok(Some(received)) => received,
        };
        let bytes = match buffers {
            [one] => Cow::Borrowed(one.get(..received.len).unwrap_or_default()),
            buffers => {
                let mut bytes = buffers.concat();
                bytes.truncate(received.len);
                Cow::Owned(bytes)
            }
        };
        let local = SocketAddr::new(received.envelope.local, self.port(index));
        let (remote, full_len) = (received.envelope.remote, received.full_len);
        self.tell(index, Happened::ReceivedDatagram { local, remote, bytes: &bytes, full_len });
    }

    /// A call is over, and may have failed.
    #[inline]
    pub(in crate::stack) fn hear_result<T>(&mut self, index: u32, call: Call, result: &Result<T, Errno>) {
        if let Err(errno) = result
            && !self.hook.is_idle()
        {
            self.tell_failed(index, call, *errno);
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_failed(&mut self, index: u32, call: Call, errno: Errno) {
        let readiness = self.readiness_of(index);
        self.tell(index, Happened::Failed { call, errno, readiness });
    }

    /// `shutdown` acted.
    #[inline]
    pub(in crate::stack) fn hear_shut_down(&mut self, index: u32, how: Shutdown) {
        if !self.hook.is_idle() {
            self.tell(index, Happened::ShutDown { how });
        }
    }

    /// The last id of a socket was closed.
    #[inline]
    pub(in crate::stack) fn hear_closed(&mut self, index: u32) {
        if !self.hook.is_idle() {
            self.tell(index, Happened::Closed);
        }
    }

    /// The state of a connection may have changed.
    #[inline]
    pub(in crate::stack) fn hear_state(&mut self, index: u32) {
        if !self.hook.is_idle() {
            self.tell_state(index, self.state_of(index));
        }
    }

    /// A segment changed the state of a connection.
    #[inline]
    pub(in crate::stack) fn hear_transition(
        &mut self,
        index: u32,
        before: TcpState,
        after: TcpState,
        segment: &Segment,
    ) {
        if !self.hook.is_idle() {
            self.tell_transition(index, before, after, segment);
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_transition(&mut self, index: u32, before: TcpState, after: TcpState, segment: &Segment) {
        self.tell_state(index, after);
        if !before.is_synchronized() && after.is_synchronized() {
            // It acknowledges our SYN, and nothing was sent behind that.
            let isn = segment.ack.wrapping_sub(1);
            let remote_isn = self.slots.connection(index).unread_from.wrapping_sub(1);
            self.tell(index, Happened::Established { isn, remote_isn });
        }
    }

    /// A slot is about to be freed.
    #[inline]
    pub(in crate::stack) fn hear_gone(&mut self, index: u32) {
        if !self.hook.is_idle() {
            self.tell_state(index, TcpState::Closed);
        }
    }

    /// A connection goes on in the table of TIME-WAIT, without its slot.
    #[inline]
    pub(in crate::stack) fn hear_handed_over(&mut self, index: u32) {
        if !self.hook.is_idle() {
            *self.told(index) = TcpState::Closed;
        }
    }

    /// A connection leaves the table of TIME-WAIT.
    #[inline]
    pub(in crate::stack) fn hear_time_wait_over(&mut self, local: SocketAddr, remote: SocketAddr) {
        if let Some(inspector) = &mut self.hook.inspector {
            let what = Happened::State { before: TcpState::TimeWait, after: TcpState::Closed };
            let (local, remote) = (Some(local), Some(remote));
            inspector.on(&Inspection { at: self.now, socket: None, local, remote, what });
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_state(&mut self, index: u32, after: TcpState) {
        let before = core::mem::replace(self.told(index), after);
        // smoltcp's engine of a child listens for one SYN before it takes it; its listener is who listens.
        let before =
            if after == TcpState::SynReceived && before == TcpState::Closed { TcpState::Listen } else { before };
        if before != after {
            self.tell(index, Happened::State { before, after });
        }
    }

    #[expect(clippy::indexing_slicing, reason = "it was made as long as that in the line before")]
    #[expect(clippy::arithmetic_side_effects, reason = "an index of a table")]
    fn told(&mut self, index: u32) -> &mut TcpState {
        let index = index as usize;
        if self.hook.told.len() <= index {
            self.hook.told.resize(index + 1, TcpState::Closed);
        }
        &mut self.hook.told[index]
    }

    fn state_of(&self, index: u32) -> TcpState {
        match &self.slots.get(index).body {
            Body::Tcp(connection) => connection.state(),
            Body::Listener(_) => TcpState::Listen,
            Body::Udp(_) | Body::Free => TcpState::Closed,
        }
    }

    fn first_id(&self, index: u32) -> SocketId {
        SocketId { index, generation: self.slots.get(index).generation }
    }

    fn port(&self, index: u32) -> u16 {
        self.slots.get(index).local.map_or(0, |local| local.port())
    }

    #[cold]
    #[inline(never)]
    fn tell(&mut self, index: u32, what: Happened<'_>) {
        let socket = Some(self.first_id(index));
        let slot = self.slots.get(index);
        let (local, remote) = (slot.local, slot.remote);
        if let Some(inspector) = &mut self.hook.inspector {
            inspector.on(&Inspection { at: self.now, socket, local, remote, what });
        }
    }
}
