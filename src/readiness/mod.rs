//! What can be done with a socket without waiting?

pub(crate) mod poll;
pub(crate) mod select;

use core::fmt;
use core::ops::{BitAnd, BitOr, BitOrAssign};

/// The bits of poll(2). A call that readiness allows does not answer EAGAIN.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Readiness(u8);

impl Readiness {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// `POLLIN`: `recv` or `accept` gives something, be it the end of the stream.
    pub const IN: Self = Self(1);
    /// `POLLOUT`: `send` takes something, or says why it never will again.
    pub const OUT: Self = Self(2);
    /// `POLLERR`: an error waits to be read; whichever call comes next tells it. It ends the waits of readers and
    /// of writers.
    pub const ERR: Self = Self(4);
    /// `POLLHUP`: both directions are over.
    pub const HUP: Self = Self(8);
    /// `POLLRDHUP`: the peer will send nothing more.
    pub const RDHUP: Self = Self(16);
    /// `POLLNVAL`: the id is stale.
    pub const NVAL: Self = Self(32);

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any bit of `other` is set.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether no bit is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Readiness {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Readiness {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOrAssign for Readiness {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Self::IN, "IN"),
            (Self::OUT, "OUT"),
            (Self::ERR, "ERR"),
            (Self::HUP, "HUP"),
            (Self::RDHUP, "RDHUP"),
            (Self::NVAL, "NVAL"),
        ];
        let mut first = true;
        for (_, name) in names.into_iter().filter(|(bit, _)| self.contains(*bit)) {
            if !core::mem::take(&mut first) {
                f.write_str("|")?;
            }
            f.write_str(name)?;
        }
        if first { f.write_str("-") } else { Ok(()) }
    }
}

/// What a waker waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// [`Readiness::IN`], or anything that ends the wait for it.
    Read,
    /// [`Readiness::OUT`], or anything that ends the wait for it.
    Write,
}

impl Interest {
    /// The bits that end this wait.
    pub(crate) fn bits(self) -> Readiness {
        let over = Readiness::ERR | Readiness::HUP;
        match self {
            Self::Read => over | Readiness::IN | Readiness::RDHUP,
            Self::Write => over | Readiness::OUT,
        }
    }
}
