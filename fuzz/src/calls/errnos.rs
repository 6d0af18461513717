//! With which errors may a call end?

use smolsock::Errno;

use super::Call;
use super::host::Kind;

/// What ends a connection, told by whichever call comes first.
const CAUSES: &[Errno] =
    &[Errno::ECONNREFUSED, Errno::ECONNRESET, Errno::ETIMEDOUT, Errno::EHOSTUNREACH, Errno::ENETUNREACH, Errno::EPIPE];

/// Whether the documentation of the call knows the error. That of a closed descriptor is looked at elsewhere.
pub(super) fn is_known(call: Call, kind: Kind, error: Errno) -> bool {
    let own: &[Errno] = match (call, kind) {
        (Call::Stream | Call::Datagram, _) => &[Errno::EMFILE],
        (Call::Dup, _) => &[Errno::EMFILE],
        (Call::Bind { .. }, _) => &[Errno::EINVAL, Errno::EADDRNOTAVAIL, Errno::EADDRINUSE],
        (Call::Listen { .. }, Kind::Stream) => &[Errno::EINVAL, Errno::EADDRINUSE],
        (Call::Accept, Kind::Stream) => &[Errno::EAGAIN, Errno::EINVAL, Errno::EMFILE],
        (Call::Listen { .. } | Call::Accept, Kind::Datagram) => &[Errno::EOPNOTSUPP],
        (Call::Connect { .. }, Kind::Stream) => &[
            Errno::EINPROGRESS,
            Errno::EALREADY,
            Errno::EISCONN,
            Errno::ECONNABORTED,
            Errno::EADDRNOTAVAIL,
            Errno::EINVAL,
            Errno::ENOBUFS,
        ],
        (Call::Connect { .. }, Kind::Datagram) => {
            &[Errno::EADDRINUSE, Errno::EAGAIN, Errno::EADDRNOTAVAIL, Errno::EINVAL, Errno::ENETUNREACH]
        }
        (Call::Send { .. } | Call::SendTo { .. }, Kind::Stream) => &[Errno::EAGAIN],
        (Call::Send { .. } | Call::SendTo { .. }, Kind::Datagram) => {
            &[Errno::EAGAIN, Errno::EDESTADDRREQ, Errno::EMSGSIZE, Errno::EINVAL, Errno::EACCES]
        }
        (Call::Recv { .. } | Call::Peek { .. }, Kind::Stream) => &[Errno::EAGAIN, Errno::ENOTCONN],
        (Call::Recv { .. } | Call::Peek { .. }, Kind::Datagram) => &[Errno::EAGAIN],
        (Call::Shutdown { .. }, _) => &[Errno::ENOTCONN],
        (Call::Disconnect, Kind::Stream) => &[Errno::EOPNOTSUPP],
        (Call::Disconnect | Call::Close | Call::Abortive { .. } | Call::ReuseAddress { .. }, _) => &[],
        (Call::TakeError | Call::Poll, _) => &[],
    };
    let tells_causes = matches!(
        call,
        Call::Connect { .. } | Call::Send { .. } | Call::SendTo { .. } | Call::Recv { .. } | Call::Peek { .. }
    );
    own.contains(&error) || (tells_causes && CAUSES.contains(&error))
}

/// Whether an error may stand in `SO_ERROR`.
pub(super) fn is_cause(error: Errno) -> bool {
    CAUSES.contains(&error)
}
