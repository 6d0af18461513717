//! What does poll(2) ask and answer?

use super::Readiness;
use crate::socket::SocketId;

/// One socket that [`Stack::poll`](crate::Stack::poll) looks at (`struct pollfd`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollFd {
    /// Which socket.
    pub id: SocketId,
    /// What to look for. [`Readiness::ERR`], [`Readiness::HUP`] and [`Readiness::NVAL`] are told in any case.
    pub events: Readiness,
    /// What was found.
    pub revents: Readiness,
}

impl PollFd {
    /// Looks for `events` of this socket.
    #[must_use]
    pub const fn new(id: SocketId, events: Readiness) -> Self {
        Self { id, events, revents: Readiness::NONE }
    }

    /// Takes what a socket is ready for, as far as it was asked for. `None`: there is no such socket.
    pub(crate) fn fill(&mut self, ready: Option<Readiness>) {
        let always = Readiness::ERR | Readiness::HUP;
        self.revents = ready.map_or(Readiness::NVAL, |ready| ready & (self.events | always));
    }
}
