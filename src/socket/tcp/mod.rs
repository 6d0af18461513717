//! What does a TCP socket remember beside its engine?

pub(crate) mod engine;
pub(crate) mod listener;
pub(crate) mod posix;
pub(crate) mod state;

use core::net::IpAddr;

use super::slots::NONE;
use crate::time::{Duration, Instant, earliest};
use engine::Engine;
pub use state::TcpState;

/// A TCP socket that does not listen: fresh, connecting, connected or over.
#[derive(Debug)]
pub(crate) struct Connection<'a> {
    /// Runs the protocol; `None` before `connect` and after the end.
    pub(crate) engine: Option<Engine<'a>>,
    pub(crate) phase: Phase,
    /// `connect` succeeded and has not said so yet.
    pub(crate) unreported: bool,
    /// The application shut its reading side.
    pub(crate) shut_read: bool,
    /// The application shut its writing side.
    pub(crate) shut_write: bool,
    /// Where a child of a listener stands until it is accepted.
    pub(crate) stage: Stage,
    /// The listener that this child belongs to until it is accepted, or [`NONE`].
    pub(crate) parent: u32,
    /// Neighbours in the listener's queue.
    pub(crate) older: u32,
    pub(crate) newer: u32,
    /// A call gave the engine something to send: its next turn need not ask first.
    pub(crate) is_eager: bool,
    /// The neighbour that packets of this connection are given to, where that has to be known (Ethernet).
    pub(crate) next_hop: Option<IpAddr>,
    /// Our own timer: connect, half-open or FIN-WAIT-2, whichever the state calls for.
    pub(crate) deadline: Option<Instant>,
    /// When the peer last gave a sign of life, or data was queued to a silent one: R2 counts from here.
    pub(crate) heard_at: Instant,
    /// Where both sides stood when TIME-WAIT began: our next sequence number, and the peer's.
    pub(crate) ended_at: Option<(u32, u32)>,
    /// Our own persist timer (see B4 in the manual), and how often it has fired.
    pub(crate) probe_at: Option<Instant>,
    pub(crate) probes: u8,
}

/// Where a connection stands, as the socket calls see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Never connected, or ready for another `connect`.
    Fresh,
    /// `connect` was called; the handshake runs, or failed and nobody was told.
    Connecting,
    /// Established, now or at some time.
    Connected,
}

/// How far a listener's child has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No child: opened by the application, accepted, or an orphan.
    Own,
    /// In SYN-RECEIVED.
    HalfOpen,
    /// Established, waiting for room among those that `accept` can take.
    Completed,
    /// `accept` can take it.
    Ready,
}

impl<'a> Connection<'a> {
    pub(crate) fn fresh(now: Instant) -> Self {
        Self {
            engine: None,
            phase: Phase::Fresh,
            unreported: false,
            shut_read: false,
            shut_write: false,
            stage: Stage::Own,
            parent: NONE,
            older: NONE,
            newer: NONE,
            is_eager: false,
            next_hop: None,
            deadline: None,
            heard_at: now,
            ended_at: None,
            probe_at: None,
            probes: 0,
        }
    }

    /// RFC 9293 state of the engine; CLOSED without one.
    #[inline]
    pub(crate) fn state(&self) -> TcpState {
        self.engine.as_ref().map_or(TcpState::Closed, Engine::state)
    }

    /// Bytes that `recv` could give.
    #[inline]
    pub(crate) fn recv_queue(&self) -> usize {
        self.engine.as_ref().map_or(0, Engine::recv_queue)
    }

    /// Bytes that the peer has not acknowledged.
    #[inline]
    pub(crate) fn send_queue(&self) -> usize {
        self.engine.as_ref().map_or(0, Engine::send_queue)
    }

    /// Whether something of ours waits for the peer's acknowledgement: then R2 runs.
    #[inline]
    pub(crate) fn is_owed_an_ack(&self) -> bool {
        self.send_queue() > 0 || matches!(self.state(), TcpState::FinWait1 | TcpState::Closing | TcpState::LastAck)
    }

    /// When our own timers next look at this connection. `user_timeout`: R2.
    #[inline]
    pub(crate) fn own_deadline(&self, user_timeout: Duration) -> Option<Instant> {
        let r2 = self.is_owed_an_ack().then(|| self.heard_at.saturating_add(user_timeout));
        earliest(earliest(self.deadline, self.probe_at), r2)
    }
}
