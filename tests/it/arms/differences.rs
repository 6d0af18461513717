//! Where do we differ from Linux on purpose, and why?

/// One line of the manual's page on semantics.
pub type Difference = &'static str;

/// There is no urgent data.
pub const URGENT: Difference =
    "**No urgent data**: sending with `MSG_OOB` is EOPNOTSUPP (RFC 6093 advises against it).";
/// TCP has no groups.
pub const TCP_GROUP: Difference = "**A stream cannot be bound to a group or broadcast address**: EADDRNOTAVAIL. Linux \
     lets IPv4 do it (IPv6: EINVAL), and no connection can ever come of it (RFC 9293 MUST-57).";
/// A readable datagram socket never says EAGAIN.
pub const SHUT_DATAGRAMS: Difference = "**A datagram socket whose reading side is shut** gives 0 bytes when its queue is \
     empty, as Linux says to a call that waits. A call that does not wait is told EAGAIN there, although poll says POLLIN; \
     with us a call that readiness allows never says EAGAIN.";
/// The address family says what is wrong.
pub const FAMILY: Difference = "**An IPv4 address given to an IPv6 socket** is EAFNOSUPPORT, as POSIX has it. Linux says \
     EINVAL, because the structure is too short for an IPv6 address.";
/// Port 0 is nobody's.
pub const PORT_ZERO: Difference = "**connect to port 0** is EADDRNOTAVAIL, as on the BSDs. Linux sends to port 0, where \
     nobody can answer.";
/// Sizes are what they are.
pub const BUFFERS: Difference = "**`SO_RCVBUF` and `SO_SNDBUF`** tell the bytes of data that fit, neither doubled nor with \
     Linux's overhead in them; what a new socket has comes from the configuration. A TCP receive buffer has at most 65,535 \
     bytes.";
/// ACKs are delayed by so little that nobody need ask.
pub const QUICK_ACK: Difference = "**`TCP_QUICKACK`** is off until it is set, and stays as it is set. On Linux it is a hint, \
     which the kernel changes by itself.";
/// RFC 7323 §3.
pub const TIMESTAMPS: Difference =
    "**No TCP timestamps**: segments carry 12 bytes more than Linux's, and `TCP_MAXSEG` says so.";
/// RFC 1122 §4.1.3.3.
pub const UNREACHABLE: Difference = "**A datagram socket is told EHOSTUNREACH** when the neighbour that it sent to does not answer: \
     UDP must pass on what is known to have gone wrong (RFC 1122 §4.1.3.3). Linux tells it only with `IP_RECVERR`.";
/// Whoever wants that closes.
pub const DISCONNECT: Difference = "**A TCP socket cannot be disconnected** (connect to AF_UNSPEC): EOPNOTSUPP. Close it, with \
     a linger time of 0 if the peer shall see a reset.";
