//! Which errors can a socket call give?

use core::fmt;

/// One table: the POSIX name, the number on Linux (x86-64), and the text that perror(3) prints there.
macro_rules! errnos {
    ($($name:ident = $number:literal, $message:literal;)+) => {
        /// An error of a socket call, by its POSIX name.
        ///
        /// Numbers and texts are those of Linux on x86-64, so that logs and tools agree with what
        /// people know.
        ///
        /// # Examples
        /// ```
        /// use smolsock::Errno;
        /// assert_eq!(Errno::ECONNREFUSED.to_string(), "ECONNREFUSED: connection refused");
        /// assert_eq!(Errno::from_number(111), Some(Errno::ECONNREFUSED));
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(i32)]
        pub enum Errno {
            $(
                #[doc = concat!($message, " (", $number, ").")]
                $name = $number,
            )+
        }

        impl Errno {
            /// All errors, by number.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The POSIX name: `"ECONNREFUSED"`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// The text that perror(3) prints: `"Connection refused"`.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self {
                    $(Self::$name => $message,)+
                }
            }

            /// The error with this number, if a socket call can give it.
            #[must_use]
            pub const fn from_number(number: i32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

errnos! {
    EPERM = 1, "Operation not permitted";
    ENOENT = 2, "No such file or directory";
    EINTR = 4, "Interrupted system call";
    EIO = 5, "Input/output error";
    EBADF = 9, "Bad file descriptor";
    EAGAIN = 11, "Resource temporarily unavailable";
    ENOMEM = 12, "Cannot allocate memory";
    EACCES = 13, "Permission denied";
    EFAULT = 14, "Bad address";
    EBUSY = 16, "Device or resource busy";
    ENODEV = 19, "No such device";
    EINVAL = 22, "Invalid argument";
    ENFILE = 23, "Too many open files in system";
    EMFILE = 24, "Too many open files";
    EPIPE = 32, "Broken pipe";
    EDOM = 33, "Numerical argument out of domain";
    EPROTO = 71, "Protocol error";
    ENOTSOCK = 88, "Socket operation on non-socket";
    EDESTADDRREQ = 89, "Destination address required";
    EMSGSIZE = 90, "Message too long";
    EPROTOTYPE = 91, "Protocol wrong type for socket";
    ENOPROTOOPT = 92, "Protocol not available";
    EPROTONOSUPPORT = 93, "Protocol not supported";
    ESOCKTNOSUPPORT = 94, "Socket type not supported";
    EOPNOTSUPP = 95, "Operation not supported";
    EPFNOSUPPORT = 96, "Protocol family not supported";
    EAFNOSUPPORT = 97, "Address family not supported by protocol";
    EADDRINUSE = 98, "Address already in use";
    EADDRNOTAVAIL = 99, "Cannot assign requested address";
    ENETDOWN = 100, "Network is down";
    ENETUNREACH = 101, "Network is unreachable";
    ENETRESET = 102, "Network dropped connection on reset";
    ECONNABORTED = 103, "Software caused connection abort";
    ECONNRESET = 104, "Connection reset by peer";
    ENOBUFS = 105, "No buffer space available";
    EISCONN = 106, "Transport endpoint is already connected";
    ENOTCONN = 107, "Transport endpoint is not connected";
    ESHUTDOWN = 108, "Cannot send after transport endpoint shutdown";
    ETIMEDOUT = 110, "Connection timed out";
    ECONNREFUSED = 111, "Connection refused";
    EHOSTDOWN = 112, "Host is down";
    EHOSTUNREACH = 113, "No route to host";
    EALREADY = 114, "Operation already in progress";
    EINPROGRESS = 115, "Operation now in progress";
}

impl Errno {
    /// The same error as [`Errno::EAGAIN`] (POSIX allows it, Linux does it).
    pub const EWOULDBLOCK: Self = Self::EAGAIN;

    /// The number on Linux (x86-64).
    #[must_use]
    pub const fn number(self) -> i32 {
        self as i32
    }
}

/// Name and message: `ECONNREFUSED: connection refused`.
impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut letters = self.message().chars();
        let first = letters.next().map(|letter| letter.to_ascii_lowercase());
        write!(f, "{}: {}{}", self.name(), first.unwrap_or_default(), letters.as_str())
    }
}

impl core::error::Error for Errno {}

#[cfg(test)]
mod tests {
    use super::*;

    extern crate std;
    use std::string::ToString;

    #[test]
    fn every_error_is_found_by_its_number() {
        for errno in Errno::ALL {
            assert_eq!(Errno::from_number(errno.number()), Some(*errno));
        }
        assert_eq!(Errno::from_number(0), None);
        assert_eq!(Errno::from_number(-111), None);
    }

    #[test]
    fn display_is_name_and_message_in_lower_case() {
        assert_eq!(Errno::ECONNRESET.to_string(), "ECONNRESET: connection reset by peer");
        assert_eq!(Errno::EIO.to_string(), "EIO: input/output error");
        assert_eq!(Errno::EWOULDBLOCK.name(), "EAGAIN");
        assert_eq!(Errno::ENOTCONN.message(), "Transport endpoint is not connected");
    }

    #[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
    #[test]
    fn messages_are_those_of_the_c_library() {
        for errno in Errno::ALL {
            let number = errno.number();
            let expected = std::format!("{} (os error {number})", errno.message());
            assert_eq!(std::io::Error::from_raw_os_error(number).to_string(), expected);
        }
    }
}
