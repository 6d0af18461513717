//! Could this RST or SYN come from somebody who only guesses?

use smoltcp::wire::TcpControl;

use super::Stack;
use super::classify::{Flow, Segment};
use super::emit::Bare;
use crate::count::Count;
use crate::device::TxToken;
use crate::socket::slots::Body;
use crate::socket::tcp::{Connection, TcpState};
use crate::time::Duration;

/// What becomes of a segment that would end a connection or begin it anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guess {
    /// It has the one number that the peer knows and a stranger does not.
    Right,
    /// It may be the peer's: who sent it is told the number, and can say it again.
    Near,
    /// It is outside the window.
    Wrong,
}

impl Stack<'_> {
    /// Drops an RST without the very next number, or a SYN that begins no connection, and asks the peer whether it meant it (RFC 5961 §3.2
    /// and §4.2; B7, B10: smoltcp takes any RST inside the window, and leaves the SYN unanswered).
    #[cold]
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn on_guess(&mut self, guess: Guess, index: u32, segment: &Segment, bytes: &[u8], reply: impl TxToken) {
        if !self.is_intact(bytes) {
            self.counters.dropped_malformed.count_one();
            return;
        }
        self.counters.dropped_guesses.count_one();
        if guess == Guess::Near {
            self.challenge(index, segment, reply);
        }
    }

    /// Tells the peer the number that it has to use, at most twice a second (RFC 5961 §7). Each connection counts for itself: a limit
    /// for all of them together tells a stranger who talks to whom (CVE-2016-5696).
    fn challenge(&mut self, index: u32, segment: &Segment, reply: impl TxToken) {
        let now = self.now;
        let slot = self.slots.get_mut(index);
        let Flow { local, remote, .. } = segment.flow;
        let (hops, tos) = (slot.options.hop_limit(remote.ip()), slot.options.services(remote.ip()));
        let Body::Tcp(connection) = &mut slot.body else { return };
        if connection.challenge_after.is_some_and(|at| now < at) {
            return;
        }
        let Some((seq, ack, window)) = connection.acknowledgement() else { return };
        connection.challenge_after = Some(now.saturating_add(CHALLENGE_GAP));
        connection.track.segs_out = connection.track.segs_out.wrapping_add(1);
        let mut path = self.way_back(&segment.flow);
        path.tos = tos;
        let checksums = self.checksums_towards(remote.ip());
        let bare = Bare { local, remote, control: TcpControl::None, seq, ack: Some(ack), window, hops };
        super::emit::bare(reply, &path, &bare, &checksums);
        self.counters.frames_out.count_one();
        self.counters.challenge_acks.count_one();
    }
}

/// Whether a segment with RST or SYN can only be the peer's.
pub(super) fn judge(connection: &Connection<'_>, segment: &Segment) -> Guess {
    let state = connection.state();
    if matches!(state, TcpState::Closed | TcpState::Listen | TcpState::SynSent) {
        // smoltcp looks at the acknowledgement (RFC 9293 §3.10.7.3), or makes a connection of it.
        return Guess::Right;
    }
    let Some((_, expected, window)) = connection.acknowledgement() else { return Guess::Right };
    if !segment.flags.rst() {
        // A SYN that comes again while ours is not acknowledged, and a SYN-ACK, are the engine's. One with another number is
        // from who began anew, and would wait until the child is given up (RFC 9293 §3.10.7.4, first).
        let is_again = !state.is_synchronized() && segment.seq.wrapping_add(1) == expected;
        return if is_again || segment.flags.ack() { Guess::Right } else { Guess::Near };
    }
    match segment.seq.wrapping_sub(expected) {
        0 => Guess::Right,
        ahead if ahead < u32::from(window) => Guess::Near,
        _ => Guess::Wrong,
    }
}

/// Linux `tcp_invalid_ratelimit`.
const CHALLENGE_GAP: Duration = Duration::from_millis(500);
