//! Which options are there?

use super::Congestion;
use super::sockopt::{Level, Membership, Opt, Row, Shape};
use crate::errno::Errno;
use crate::socket::tcp::info::TcpInfo;
use crate::socket::{Domain, Type};
use crate::time::Duration;

/// One table: a line for what it is, then name, type, level, number, shape, calls, range, default and effect.
macro_rules! options {
    ($(
        $doc:literal
        $name:ident: $value:ty = $level:ident $number:literal $shape:ident $get:literal $set:literal
        $range:literal $default:literal $effect:literal;
    )+) => {
        $(
            #[doc = $doc]
            #[doc = ""]
            #[doc = concat!("Range: ", $range, ". Default: ", $default, ". Effect: ", $effect, ".")]
            pub const $name: Opt<$value> = Opt::new(Name::$name);
        )+

        /// An option, without the type of its value.
        #[expect(non_camel_case_types, reason = "these are the names that everybody knows")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Name { $($name),+ }

        impl Name {
            pub(super) const ALL: &[Self] = &[$(Self::$name),+];

            #[expect(clippy::indexing_slicing, reason = "one line of the table makes a name and its row")]
            pub(crate) fn row(self) -> &'static Row {
                &ROWS[self as usize]
            }
        }

        pub(super) const ROWS: &[Row] = &[$(Row {
            name: stringify!($name),
            level: Level::$level,
            number: $number,
            value: stringify!($value),
            range: $range,
            default: $default,
            effect: $effect,
            can_get: $get,
            can_set: $set,
            shape: Shape::$shape,
        }),+];
    };
}

options! {
    "`SOCK_STREAM`, `SOCK_DGRAM` (ICMP too) or `SOCK_RAW`."
    SO_TYPE: Type = Socket 3 Number true false
        "the socket's" "–"
        "tells how the socket was made";
    "`AF_INET` or `AF_INET6`."
    SO_DOMAIN: Domain = Socket 39 Number true false
        "the socket's" "–"
        "tells how the socket was made";
    "The protocol's number: 6 is TCP, 17 is UDP, 1 is ICMP, 58 is ICMPv6."
    SO_PROTOCOL: i32 = Socket 38 Number true false
        "0 to 255" "–"
        "tells how the socket was made";
    "Whether the socket listens."
    SO_ACCEPTCONN: bool = Socket 30 Flag true false
        "0, 1" "0"
        "tells whether the socket listens";
    "The pending error; reading it clears it."
    SO_ERROR: Option<Errno> = Socket 4 Number true false
        "an errno" "0"
        "tells the pending error, and clears it";
    "Lets `bind` take a port that is in TIME-WAIT."
    SO_REUSEADDR: bool = Socket 2 Flag true true
        "0, 1" "0"
        "`bind` passes over TIME-WAIT; UDP sockets share a port";
    "Lets several sockets bind one port."
    SO_REUSEPORT: bool = Socket 15 Flag true true
        "0, 1" "0"
        "sockets share a port, and what comes is spread over them";
    "Asks the peer of an idle connection whether it is there."
    SO_KEEPALIVE: bool = Socket 9 Flag true true
        "0, 1" "0"
        "TCP: an idle peer is asked, ETIMEDOUT when it does not answer";
    "What `close` does: `None` says goodbye in the background, zero resets at once, more is how long a `close` that waits waits."
    SO_LINGER: Option<Duration> = Socket 13 Linger true true
        "whole seconds" "off"
        "TCP: 0 resets at `close`; more is what a waiting `close` waits";
    "Allows datagrams to broadcast addresses."
    SO_BROADCAST: bool = Socket 6 Flag true true
        "0, 1" "0"
        "UDP: datagrams to broadcast addresses may be sent";
    "Size of the receive buffer, bytes."
    SO_RCVBUF: i32 = Socket 8 Number true true
        "1,152 to 65,535 (TCP), 212,992 (UDP); brought inside" "as configured"
        "the receive buffer; TCP: before `connect` and `listen`";
    "Size of the send buffer, bytes."
    SO_SNDBUF: i32 = Socket 7 Number true true
        "2,304 to 4,194,304 (TCP), 212,992 (UDP); brought inside" "as configured"
        "the send buffer; TCP: before `connect` and `listen`";
    "How long a receiving call that waits does so; `None` is for ever."
    SO_RCVTIMEO: Option<Duration> = Socket 20 Time true true
        "microseconds; EDOM beyond a second" "for ever"
        "how long a waiting call waits to receive";
    "How long a sending call that waits does so; `None` is for ever."
    SO_SNDTIMEO: Option<Duration> = Socket 21 Time true true
        "microseconds; EDOM beyond a second" "for ever"
        "how long a waiting call waits to send or connect";
    "How many bytes make a stream readable."
    SO_RCVLOWAT: i32 = Socket 18 Number true true
        "from 1; brought inside" "1"
        "TCP: readable from so many bytes on";
    "TTL of unicast packets."
    IP_TTL: i32 = Ip 2 Number true true
        "1 to 255; -1 is the default" "64"
        "IPv4: the TTL of unicast packets";
    "DSCP and ECN field of packets."
    IP_TOS: i32 = Ip 1 Number true true
        "0 to 255; cut to 8 bits; TCP keeps the ECN bits 0" "0"
        "IPv4: the type of service of packets";
    "The path MTU of a connected socket, bytes."
    IP_MTU: i32 = Ip 14 Number true false
        "–" "–"
        "tells the path MTU of a connected socket (else ENOTCONN)";
    "Whether the data of a raw socket begins with the IP header."
    IP_HDRINCL: bool = Ip 3 Flag true true
        "0, 1" "0"
        "IPv4 raw sockets only: data begins with the IP header";
    "Lets `recvmsg` tell the TTL of a datagram."
    IP_RECVTTL: bool = Ip 12 Flag true true
        "0, 1" "0"
        "UDP: `recvmsg` tells the TTL";
    "Lets `recvmsg` tell the type of service of a datagram."
    IP_RECVTOS: bool = Ip 13 Flag true true
        "0, 1" "0"
        "UDP: `recvmsg` tells the type of service";
    "Lets `recvmsg` tell the destination of a datagram."
    IP_PKTINFO: bool = Ip 8 Flag true true
        "0, 1" "0"
        "UDP: `recvmsg` tells the destination";
    "TTL of multicast packets."
    IP_MULTICAST_TTL: i32 = Ip 33 Number true true
        "0 to 255; -1 is the default" "1"
        "UDP: the TTL of multicast packets";
    "Whether own multicasts come back to members on this host."
    IP_MULTICAST_LOOP: bool = Ip 34 Flag true true
        "0, 1" "1"
        "UDP: own multicasts come back to this host's members";
    "Whether a socket gets datagrams to groups that others on this host joined."
    IP_MULTICAST_ALL: bool = Ip 49 Number true true
        "0, 1" "1"
        "UDP: multicasts to any group that the host has joined";
    "Joins a group."
    IP_ADD_MEMBERSHIP: Membership = Ip 35 Membership4 false true
        "an IPv4 group" "–"
        "UDP: joins a group";
    "Leaves a group."
    IP_DROP_MEMBERSHIP: Membership = Ip 36 Membership4 false true
        "an IPv4 group" "–"
        "UDP: leaves a group";
    "Whether an IPv6 socket leaves IPv4 alone."
    IPV6_V6ONLY: bool = Ipv6 26 Flag true true
        "0, 1; EINVAL once bound" "0"
        "IPv6: no IPv4 through mapped addresses";
    "Hop limit of unicast packets."
    IPV6_UNICAST_HOPS: i32 = Ipv6 16 Number true true
        "0 to 255; -1 is the default" "64"
        "IPv6: the hop limit of unicast packets";
    "Traffic class of packets."
    IPV6_TCLASS: i32 = Ipv6 67 Number true true
        "0 to 255; -1 is the default; TCP keeps the ECN bits 0" "0"
        "IPv6: the traffic class of packets";
    "Hop limit of multicast packets."
    IPV6_MULTICAST_HOPS: i32 = Ipv6 18 Number true true
        "0 to 255; -1 is the default" "1"
        "UDP: the hop limit of multicast packets";
    "Whether own multicasts come back to members on this host."
    IPV6_MULTICAST_LOOP: bool = Ipv6 19 Number true true
        "0, 1" "1"
        "UDP: own multicasts come back to this host's members";
    "Joins a group."
    IPV6_JOIN_GROUP: Membership = Ipv6 20 Membership6 false true
        "an IPv6 group" "–"
        "UDP: joins a group";
    "Leaves a group."
    IPV6_LEAVE_GROUP: Membership = Ipv6 21 Membership6 false true
        "an IPv6 group" "–"
        "UDP: leaves a group";
    "Lets `recvmsg` tell the destination of a datagram."
    IPV6_RECVPKTINFO: bool = Ipv6 49 Flag true true
        "0, 1" "0"
        "UDP: `recvmsg` tells the destination";
    "Lets `recvmsg` tell the hop limit of a datagram."
    IPV6_RECVHOPLIMIT: bool = Ipv6 51 Flag true true
        "0, 1" "0"
        "UDP: `recvmsg` tells the hop limit";
    "Lets `recvmsg` tell the traffic class of a datagram."
    IPV6_RECVTCLASS: bool = Ipv6 66 Flag true true
        "0, 1" "0"
        "UDP: `recvmsg` tells the traffic class";
    "Sends small segments without waiting for acknowledgements."
    TCP_NODELAY: bool = Tcp 1 Flag true true
        "0, 1" "0"
        "small segments do not wait for ACKs (RFC 896)";
    "Largest payload of a segment, bytes."
    TCP_MAXSEG: i32 = Tcp 2 Number true true
        "88 to 32,767; 0 takes it back" "536"
        "caps the segments; tells the real size once connected";
    "Holds partial segments back, for 200 ms at most."
    TCP_CORK: bool = Tcp 3 Flag true true
        "0, 1" "0"
        "no partial segments while it is on, for 200 ms at most";
    "Idle time before the first keep-alive probe, seconds."
    TCP_KEEPIDLE: i32 = Tcp 4 Number true true
        "1 to 32,767 s" "7,200"
        "idle time before the first probe";
    "Time between keep-alive probes, seconds."
    TCP_KEEPINTVL: i32 = Tcp 5 Number true true
        "1 to 32,767 s" "75"
        "time between probes";
    "Unanswered keep-alive probes before ETIMEDOUT."
    TCP_KEEPCNT: i32 = Tcp 6 Number true true
        "1 to 127" "9"
        "unanswered probes before ETIMEDOUT";
    "Repeated SYNs before `connect` ends in ETIMEDOUT."
    TCP_SYNCNT: i32 = Tcp 7 Number true true
        "1 to 127" "as configured"
        "repeated SYNs before ETIMEDOUT";
    "How long a closed socket stays in FIN-WAIT-2, seconds; negative: it resets."
    TCP_LINGER2: i32 = Tcp 8 Number true true
        "1 to 120 s; brought inside; 0 is the default, negative: none" "60"
        "how long a closed socket stays in FIN-WAIT-2";
    "What is known of a connection."
    TCP_INFO: TcpInfo = Tcp 11 Info true false
        "–" "–"
        "tells what is known of the connection";
    "Acknowledges every segment at once."
    TCP_QUICKACK: bool = Tcp 12 Flag true true
        "0, 1" "0"
        "every segment is acknowledged at once, else within 10 ms";
    "How a connection reacts to loss."
    TCP_CONGESTION: Congestion = Tcp 13 Congestion true true
        "none, reno, cubic (with `std`); else ENOENT" "cubic (`std`), reno"
        "how the connection reacts to loss";
    "How long data may stay unacknowledged before ETIMEDOUT, milliseconds; 0: as configured."
    TCP_USER_TIMEOUT: i32 = Tcp 18 Number true true
        "0 to 2,147,483,647 ms; 0 is the default" "0"
        "how long data may stay unacknowledged (R2)";
}
