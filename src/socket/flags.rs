//! Which flags do calls take?

use core::fmt;
use core::ops::{BitAnd, BitOr, BitOrAssign, Not};

/// One table for each set of flags: names, numbers on Linux (x86-64), what they mean.
macro_rules! flags {
    ($(#[$about:meta])* $set:ident { $($(#[$doc:meta])* $name:ident = $number:literal;)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
        pub struct $set(u32);

        impl $set {
            /// No flag.
            pub const NONE: Self = Self(0);
            $($(#[$doc])* pub const $name: Self = Self($number);)+

            /// The number on Linux (x86-64).
            #[must_use]
            pub const fn bits(self) -> u32 {
                self.0
            }

            /// Whether all flags of `other` are set.
            #[must_use]
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether no flag is set.
            #[must_use]
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }
        }

        impl BitOr for $set {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl BitOrAssign for $set {
            fn bitor_assign(&mut self, other: Self) {
                self.0 |= other.0;
            }
        }

        impl BitAnd for $set {
            type Output = Self;

            fn bitand(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
        }

        /// All flags that are not set.
        impl Not for $set {
            type Output = Self;

            fn not(self) -> Self {
                Self(!self.0 & ($($number |)+ 0))
            }
        }

        /// Names joined by `|`; `-` for none.
        impl fmt::Debug for $set {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let names = [$((Self::$name, stringify!($name))),+];
                let mut first = true;
                for (_, name) in names.into_iter().filter(|(flag, _)| self.contains(*flag)) {
                    if !core::mem::take(&mut first) {
                        f.write_str("|")?;
                    }
                    f.write_str(name)?;
                }
                if first { f.write_str("-") } else { Ok(()) }
            }
        }
    };
}

flags! {
    /// How one call sends or receives (`MSG_PEEK` …).
    ///
    /// # Examples
    /// ```
    /// use smolsock::MsgFlags;
    /// let flags = MsgFlags::PEEK | MsgFlags::TRUNC;
    /// assert!(flags.contains(MsgFlags::PEEK));
    /// assert_eq!(format!("{flags:?}"), "PEEK|TRUNC");
    /// ```
    MsgFlags {
        /// `MSG_OOB`: urgent data. Sending it is EOPNOTSUPP; none ever arrives, so a stream's `recv` is EINVAL.
        OOB = 0x1;
        /// `MSG_PEEK`: what is received stays, and is received again.
        PEEK = 0x2;
        /// `MSG_TRUNC`: of a datagram, the full length is returned; of a stream, bytes are thrown away instead of
        /// copied. In [`RecvMessage::flags`](crate::RecvMessage::flags): the datagram was larger than the buffers.
        TRUNC = 0x20;
        /// `MSG_DONTWAIT`: this call waits for nothing. For the waiting forms in [`task`](crate::task); the calls of
        /// [`Stack`](crate::Stack) never wait.
        DONTWAIT = 0x40;
        /// `MSG_WAITALL`: a stream waits until the whole buffer is filled. For the waiting forms.
        WAITALL = 0x100;
        /// `MSG_NOSIGNAL`: no SIGPIPE. There are no signals: EPIPE is all that a call gives.
        NOSIGNAL = 0x4000;
    }
}

flags! {
    /// The flags of an open socket that fcntl(2) reads and changes (`F_GETFL`, `F_SETFL`).
    ///
    /// # Examples
    /// ```
    /// use smolsock::StatusFlags;
    /// assert_eq!(StatusFlags::NONBLOCK.bits(), 0o4000);
    /// ```
    StatusFlags {
        /// `O_NONBLOCK`: the waiting forms in [`task`](crate::task) give EAGAIN (or EINPROGRESS) at once.
        NONBLOCK = 0x800;
    }
}

flags! {
    /// What [`Stack::accept4`](crate::Stack::accept4) gives a new socket.
    ///
    /// # Examples
    /// ```
    /// use smolsock::SocketFlags;
    /// assert!(!SocketFlags::NONE.contains(SocketFlags::NONBLOCK));
    /// ```
    SocketFlags {
        /// `SOCK_NONBLOCK`: [`StatusFlags::NONBLOCK`] is set from the start.
        NONBLOCK = 0x800;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_linux() {
        let all = [MsgFlags::OOB, MsgFlags::PEEK, MsgFlags::TRUNC, MsgFlags::DONTWAIT, MsgFlags::WAITALL];
        assert_eq!(all.map(MsgFlags::bits), [1, 2, 0x20, 0x40, 0x100]);
        assert_eq!(MsgFlags::NOSIGNAL.bits(), 0x4000);
    }

    #[test]
    fn flags_are_sets() {
        let mut flags = MsgFlags::PEEK | MsgFlags::WAITALL;
        assert_eq!(std::format!("{flags:?} {:?}", MsgFlags::NONE), "PEEK|WAITALL -");
        flags = flags & !MsgFlags::PEEK;
        assert_eq!(flags, MsgFlags::WAITALL);
        flags |= MsgFlags::TRUNC;
        assert!(flags.contains(MsgFlags::TRUNC | MsgFlags::WAITALL) && !flags.is_empty());
    }
}
