//! Which `std::io::Error` is which errno?

use std::io::{Error, ErrorKind};

use crate::errno::Errno;

/// The error that the same call of `std::net` gives: kind, text and, on Linux, `raw_os_error()` are the same.
///
/// # Examples
/// ```
/// use smolsock::Errno;
/// use std::io::{Error, ErrorKind};
/// let error = Error::from(Errno::ECONNREFUSED);
/// assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
/// ```
impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        if HAS_OUR_NUMBERS { Self::from_raw_os_error(errno.number()) } else { Self::new(kind(errno), errno) }
    }
}

/// Whether the system's numbers are those of [`Errno`]: Linux has others on MIPS and SPARC.
const HAS_OUR_NUMBERS: bool = cfg!(all(
    any(target_os = "linux", target_os = "android"),
    not(any(
        target_arch = "mips",
        target_arch = "mips64",
        target_arch = "mips32r6",
        target_arch = "mips64r6",
        target_arch = "sparc",
        target_arch = "sparc64"
    ))
));

/// As in the standard library (`decode_error_kind` for Unix); what has no kind there has none here.
fn kind(errno: Errno) -> ErrorKind {
    use Errno::*;
    match errno {
        EPERM | EACCES => ErrorKind::PermissionDenied,
        ENOENT => ErrorKind::NotFound,
        EINTR => ErrorKind::Interrupted,
        EAGAIN => ErrorKind::WouldBlock,
        ENOMEM => ErrorKind::OutOfMemory,
        EBUSY => ErrorKind::ResourceBusy,
        EINVAL => ErrorKind::InvalidInput,
        EPIPE => ErrorKind::BrokenPipe,
        EADDRINUSE => ErrorKind::AddrInUse,
        EADDRNOTAVAIL => ErrorKind::AddrNotAvailable,
        ENETDOWN => ErrorKind::NetworkDown,
        ENETUNREACH => ErrorKind::NetworkUnreachable,
        ECONNABORTED => ErrorKind::ConnectionAborted,
        ECONNRESET => ErrorKind::ConnectionReset,
        ENOTCONN => ErrorKind::NotConnected,
        ETIMEDOUT => ErrorKind::TimedOut,
        ECONNREFUSED => ErrorKind::ConnectionRefused,
        EHOSTUNREACH => ErrorKind::HostUnreachable,
        EOPNOTSUPP => ErrorKind::Unsupported,
        _ => ErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[test]
    fn kinds_are_those_of_the_standard_library() {
        for errno in Errno::ALL {
            let theirs = Error::from_raw_os_error(errno.number());
            assert_eq!(theirs.raw_os_error(), Some(errno.number()));
            // A kind without a name is not `Other`, but nobody can write it.
            let theirs = theirs.kind();
            let has_name = !["Uncategorized", "InProgress"].contains(&&*std::format!("{theirs:?}"));
            let theirs = if has_name { theirs } else { ErrorKind::Other };
            assert_eq!(kind(*errno), theirs, "{errno}");
        }
    }
}
