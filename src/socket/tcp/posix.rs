//! What does a TCP call answer in this state?
//!
//! Every mapping from protocol state to errno stands here, one line per case, with its reason.
//! "Linux" is what its man pages and its behaviour say where POSIX leaves a choice.

use super::{Connection, Phase, TcpState};
use crate::errno::Errno;
use crate::readiness::Readiness;

/// What `recv` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecvVerdict {
    /// Bytes are waiting.
    Take,
    /// Nothing more will come: the call gives 0.
    EndOfStream,
    /// The pending error is reported, and cleared.
    Report,
    /// The call fails.
    Fail(Errno),
}

/// POSIX `recv`, in the order in which Linux looks: data, pending error, end, state.
#[inline]
pub(crate) fn recv(connection: &Connection<'_>, error: Option<Errno>) -> RecvVerdict {
    let state = connection.state();
    // Bytes that arrived before a failure are still the application's.
    if connection.recv_queue() > 0 {
        return RecvVerdict::Take;
    }
    // The peer's FIN stands after its last byte, whatever happened later.
    if connection.has_ended {
        return RecvVerdict::EndOfStream;
    }
    if error.is_some() {
        return RecvVerdict::Report;
    }
    // Our own shutdown(SHUT_RD), or a connection whose end has been reported.
    if connection.shut_read {
        return RecvVerdict::EndOfStream;
    }
    match (connection.phase, state) {
        // Never connected.
        (Phase::Fresh, _) => RecvVerdict::Fail(Errno::ENOTCONN),
        // Ended or refused, and everything about it has been reported (Linux: both sides are shut).
        (Phase::Connecting | Phase::Connected, TcpState::Closed) => RecvVerdict::EndOfStream,
        // The handshake runs: not yet.
        (Phase::Connecting, _) => RecvVerdict::Fail(Errno::EAGAIN),
        // Open, and nothing has arrived.
        (Phase::Connected, _) => RecvVerdict::Fail(Errno::EAGAIN),
    }
}

/// What `send` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SendVerdict {
    /// Bytes may be queued, as far as there is room.
    Queue,
    /// The pending error is reported, and cleared.
    Report,
    /// The call fails.
    Fail(Errno),
}

/// POSIX `send`: pending error, closed writing side, state.
#[inline]
pub(crate) fn send(connection: &Connection<'_>, error: Option<Errno>) -> SendVerdict {
    if error.is_some() {
        return SendVerdict::Report;
    }
    if connection.shut_write {
        return SendVerdict::Fail(Errno::EPIPE);
    }
    match (connection.phase, connection.state()) {
        // Linux: a stream socket that was never connected has no pipe to write to (POSIX: ENOTCONN).
        (Phase::Fresh, _) => SendVerdict::Fail(Errno::EPIPE),
        // Not yet; the handshake runs.
        (Phase::Connecting, TcpState::SynSent | TcpState::SynReceived) => SendVerdict::Fail(Errno::EAGAIN),
        (_, TcpState::Established | TcpState::CloseWait) => SendVerdict::Queue,
        // The connection is over, or its writing side is closed.
        _ => SendVerdict::Fail(Errno::EPIPE),
    }
}

/// The cause that a peer's RST gives, by the state it met (Linux `tcp_reset`).
pub(crate) fn reset_cause(before: TcpState) -> Errno {
    match before {
        // RFC 9293 §3.10.7.3: the answer to our SYN.
        TcpState::SynSent => Errno::ECONNREFUSED,
        // The peer had closed already: what we would still write has nowhere to go.
        TcpState::CloseWait => Errno::EPIPE,
        TcpState::Closed
        | TcpState::Listen
        | TcpState::SynReceived
        | TcpState::Established
        | TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::Closing
        | TcpState::LastAck
        | TcpState::TimeWait => Errno::ECONNRESET,
    }
}

/// Readiness as Linux `tcp_poll` computes it. `low_water`: how many bytes make the socket readable (`SO_RCVLOWAT`); a
/// buffer without room for another segment is readable in any case.
pub(crate) fn readiness(connection: &Connection<'_>, error: Option<Errno>, low_water: usize) -> Readiness {
    let state = connection.state();
    let mut ready = Readiness::NONE;
    let over = state == TcpState::Closed;
    // A connection that is over gives the end of the stream; a socket that never had one gives ENOTCONN.
    let ended = over && connection.phase != Phase::Fresh;
    let read_over = connection.shut_read || state.has_received_fin() || ended;
    if over || (read_over && connection.shut_write) {
        ready |= Readiness::HUP;
    }
    if read_over {
        ready |= Readiness::IN | Readiness::RDHUP;
    }
    if error.is_some() {
        ready |= Readiness::ERR;
    }
    if state != TcpState::SynSent {
        if is_enough(connection, low_water) {
            ready |= Readiness::IN;
        }
        if over || connection.shut_write || has_room(connection) {
            ready |= Readiness::OUT;
        }
    }
    ready
}

/// Linux `tcp_stream_is_readable`: as many bytes as were asked for, or as many as the peer can send.
fn is_enough(connection: &Connection<'_>, low_water: usize) -> bool {
    let queued = connection.recv_queue();
    let Some(engine) = &connection.engine else { return false };
    let room = engine.recv_capacity().saturating_sub(queued);
    queued > 0 && (queued >= low_water || room <= usize::from(connection.track.largest_received))
}

/// Linux `sk_stream_is_writeable`: a third of the buffer is free, so that writers do not wake for crumbs.
fn has_room(connection: &Connection<'_>) -> bool {
    let Some(engine) = &connection.engine else { return false };
    if !matches!(engine.state(), TcpState::Established | TcpState::CloseWait) {
        return !matches!(engine.state(), TcpState::SynSent | TcpState::SynReceived);
    }
    let room = engine.send_room();
    room > 0 && room.saturating_mul(2) >= engine.send_queue()
}
