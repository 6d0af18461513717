//! What do the socket options say: their defaults, their ranges, and to whom they belong?

use smolsock::Domain;
use smolsock::Errno::*;

use super::super::case::*;
use super::super::differences;

pub fn cases() -> Vec<Case> {
    let mut all = levels();
    all.extend(buffers_and_times());
    all.extend(ip());
    all.extend(tcp());
    all
}

fn levels() -> Vec<Case> {
    vec![
        case(
            "a stream is told by its options",
            [stream(A1), get(A1, Opt::SO_TYPE, 1), get(A1, Opt::SO_DOMAIN, 2), get(A1, Opt::SO_PROTOCOL, 6)],
        ),
        case(
            "a datagram socket is told by its options",
            [datagram(A1), get(A1, Opt::SO_TYPE, 2), get(A1, Opt::SO_DOMAIN, 2), get(A1, Opt::SO_PROTOCOL, 17)],
        ),
        case("an IPv6 socket is told by its domain", [stream(A1), get(A1, Opt::SO_DOMAIN, 10)]).v6(),
        case(
            "SO_ACCEPTCONN tells a listener",
            [
                stream(A1),
                get(A1, Opt::SO_ACCEPTCONN, 0),
                listen(A1, 1),
                get(A1, Opt::SO_ACCEPTCONN, 1),
                datagram(A2),
                get(A2, Opt::SO_ACCEPTCONN, 0),
            ],
        ),
        flag("SO_REUSEADDR is off until it is set", Kind::Stream, Opt::SO_REUSEADDR, 0),
        flag("SO_REUSEPORT is off until it is set", Kind::Datagram, Opt::SO_REUSEPORT, 0),
        flag("SO_KEEPALIVE is off until it is set", Kind::Stream, Opt::SO_KEEPALIVE, 0),
        flag("SO_KEEPALIVE of a datagram socket is kept", Kind::Datagram, Opt::SO_KEEPALIVE, 0),
        flag("SO_BROADCAST is off until it is set", Kind::Datagram, Opt::SO_BROADCAST, 0),
        flag("SO_BROADCAST of a stream is kept", Kind::Stream, Opt::SO_BROADCAST, 0),
        flag("IP_RECVTTL is off until it is set", Kind::Datagram, Opt::IP_RECVTTL, 0),
        flag("IP_RECVTOS is off until it is set", Kind::Datagram, Opt::IP_RECVTOS, 0),
        flag("IP_PKTINFO is off until it is set", Kind::Datagram, Opt::IP_PKTINFO, 0),
        flag("IP_MULTICAST_LOOP is on until it is cleared", Kind::Datagram, Opt::IP_MULTICAST_LOOP, 1),
        flag("TCP_NODELAY is off until it is set", Kind::Stream, Opt::TCP_NODELAY, 0),
        flag("TCP_CORK is off until it is set", Kind::Stream, Opt::TCP_CORK, 0),
        case(
            "TCP_QUICKACK is on until it is cleared",
            [
                stream(A1),
                get(A1, Opt::TCP_QUICKACK, 1).but_ours(Answer::Is(0), differences::QUICK_ACK),
                set(A1, Opt::TCP_QUICKACK, 0),
                get(A1, Opt::TCP_QUICKACK, 0),
                set(A1, Opt::TCP_QUICKACK, 1),
                get(A1, Opt::TCP_QUICKACK, 1),
            ],
        ),
        flag("IPV6_V6ONLY is off until it is set", Kind::Stream, Opt::IPV6_V6ONLY, 0).v6(),
        flag("IPV6_RECVPKTINFO is off until it is set", Kind::Datagram, Opt::IPV6_RECVPKTINFO, 0).v6(),
        flag("IPV6_RECVHOPLIMIT is off until it is set", Kind::Datagram, Opt::IPV6_RECVHOPLIMIT, 0).v6(),
        flag("IPV6_MULTICAST_LOOP is on until it is cleared", Kind::Datagram, Opt::IPV6_MULTICAST_LOOP, 1).v6(),
        case("there is no error on a fresh socket", [stream(A1), no_error(A1), datagram(A2), no_error(A2)]).both(),
        case(
            "linger is off until it is set, and keeps its time",
            [
                stream(A1),
                get(A1, Opt::SO_LINGER, -1),
                set(A1, Opt::SO_LINGER, 0),
                get(A1, Opt::SO_LINGER, 0),
                set(A1, Opt::SO_LINGER, 30),
                get(A1, Opt::SO_LINGER, 30),
                set(A1, Opt::SO_LINGER, -1),
                get(A1, Opt::SO_LINGER, -1),
            ],
        ),
    ]
}

/// An option that is on or off: its default, and both values.
fn flag(name: &'static str, kind: Kind, opt: Opt, default: i64) -> Case {
    let other = 1 - default;
    case(
        name,
        [
            socket(A1, kind),
            get(A1, opt, default),
            set(A1, opt, other),
            get(A1, opt, other),
            set(A1, opt, default),
            get(A1, opt, default),
        ],
    )
}

/// An option with a number: its default, values it takes, and values it refuses.
fn range(name: &'static str, kind: Kind, opt: Opt, default: i64, good: &[i64], bad: &[i64]) -> Case {
    let mut steps = vec![socket(A1, kind), get(A1, opt, default)];
    for value in good {
        steps.extend([set(A1, opt, *value), get(A1, opt, *value)]);
    }
    for value in bad {
        steps.push(set(A1, opt, *value).fails(EINVAL));
    }
    steps.push(get(A1, opt, good.last().copied().unwrap_or(default)));
    case(name, steps)
}

fn buffers_and_times() -> Vec<Case> {
    vec![
        case(
            "SO_RCVBUF of a stream has a default",
            [stream(A1), get(A1, Opt::SO_RCVBUF, 131_072).but_ours(Answer::Is(65_535), differences::BUFFERS)],
        ),
        case(
            "SO_SNDBUF of a stream has a default",
            [stream(A1), get(A1, Opt::SO_SNDBUF, 16_384).but_ours(Answer::Is(65_535), differences::BUFFERS)],
        ),
        case(
            "SO_RCVBUF of a datagram socket has a default",
            [datagram(A1), get(A1, Opt::SO_RCVBUF, 212_992).but_ours(Answer::Is(65_535), differences::BUFFERS)],
        ),
        case(
            "SO_SNDBUF of a datagram socket has a default",
            [datagram(A1), get(A1, Opt::SO_SNDBUF, 212_992).but_ours(Answer::Is(65_535), differences::BUFFERS)],
        ),
        case(
            "SO_RCVBUF is doubled",
            [
                stream(A1),
                set(A1, Opt::SO_RCVBUF, 8_192),
                get(A1, Opt::SO_RCVBUF, 16_384).but_ours(Answer::Is(8_192), differences::BUFFERS),
            ],
        ),
        case(
            "SO_SNDBUF is doubled",
            [
                stream(A1),
                set(A1, Opt::SO_SNDBUF, 8_192),
                get(A1, Opt::SO_SNDBUF, 16_384).but_ours(Answer::Is(8_192), differences::BUFFERS),
            ],
        ),
        case(
            "SO_RCVBUF has a least value",
            [
                stream(A1),
                set(A1, Opt::SO_RCVBUF, 1),
                get(A1, Opt::SO_RCVBUF, 2_304).but_ours(Answer::Is(1_152), differences::BUFFERS),
            ],
        ),
        case(
            "SO_SNDBUF has a least value",
            [
                stream(A1),
                set(A1, Opt::SO_SNDBUF, 1),
                get(A1, Opt::SO_SNDBUF, 4_608).but_ours(Answer::Is(2_304), differences::BUFFERS),
            ],
        ),
        case(
            "SO_RCVTIMEO is none until it is set",
            [
                stream(A1),
                get(A1, Opt::SO_RCVTIMEO, 0),
                set(A1, Opt::SO_RCVTIMEO, 2_500),
                get(A1, Opt::SO_RCVTIMEO, 2_500),
                set(A1, Opt::SO_RCVTIMEO, 0),
                get(A1, Opt::SO_RCVTIMEO, 0),
            ],
        ),
        case(
            "SO_SNDTIMEO is none until it is set",
            [
                datagram(A1),
                get(A1, Opt::SO_SNDTIMEO, 0),
                set(A1, Opt::SO_SNDTIMEO, 2_500),
                get(A1, Opt::SO_SNDTIMEO, 2_500),
                get(A1, Opt::SO_RCVTIMEO, 0),
            ],
        ),
        connected(
            "SO_RCVTIMEO does not make a non-blocking call wait",
            [set(A1, Opt::SO_RCVTIMEO, 60_000), recv(A1).fails(EAGAIN)],
        ),
        connected(
            "an accepted socket does not wait because its listener does not",
            [is_non_blocking(A1, true), is_non_blocking(B1, true)],
        ),
    ]
}

fn ip() -> Vec<Case> {
    use Kind::{Datagram, Stream};
    vec![
        range("IP_TTL goes from 1 to 255", Stream, Opt::IP_TTL, 64, &[1, 255, 33], &[0, 256, -2]),
        case(
            "IP_TTL of -1 is the default again",
            [datagram(A1), set(A1, Opt::IP_TTL, 7), set(A1, Opt::IP_TTL, -1), get(A1, Opt::IP_TTL, 64)],
        ),
        range("IP_TOS of a datagram socket is a byte", Datagram, Opt::IP_TOS, 0, &[0x10, 0xff, 0x2e], &[]),
        case(
            "IP_TOS of a stream leaves the ECN bits alone",
            [
                stream(A1),
                set(A1, Opt::IP_TOS, 0xb8),
                get(A1, Opt::IP_TOS, 0xb8),
                set(A1, Opt::IP_TOS, 0xbb),
                get(A1, Opt::IP_TOS, 0xb8),
            ],
        ),
        range("IP_MULTICAST_TTL goes from 0 to 255", Datagram, Opt::IP_MULTICAST_TTL, 1, &[0, 255, 5], &[256, -2]),
        case(
            "IP_MULTICAST_TTL of -1 is 1",
            [
                datagram(A1),
                set(A1, Opt::IP_MULTICAST_TTL, 9),
                set(A1, Opt::IP_MULTICAST_TTL, -1),
                get(A1, Opt::IP_MULTICAST_TTL, 1),
            ],
        ),
        case("IP_MULTICAST_TTL is not for streams", [stream(A1), set(A1, Opt::IP_MULTICAST_TTL, 1).fails(EINVAL)]),
        range("IPV6_UNICAST_HOPS goes from 0 to 255", Stream, Opt::IPV6_UNICAST_HOPS, 64, &[0, 255, 33], &[256, -2])
            .v6(),
        case(
            "IPV6_UNICAST_HOPS of -1 is the default again",
            [
                datagram(A1),
                set(A1, Opt::IPV6_UNICAST_HOPS, 7),
                set(A1, Opt::IPV6_UNICAST_HOPS, -1),
                get(A1, Opt::IPV6_UNICAST_HOPS, 64),
            ],
        )
        .v6(),
        range(
            "IPV6_MULTICAST_HOPS goes from 0 to 255",
            Datagram,
            Opt::IPV6_MULTICAST_HOPS,
            1,
            &[0, 255, 5],
            &[256, -2],
        )
        .v6(),
        range("IPV6_TCLASS is a byte", Datagram, Opt::IPV6_TCLASS, 0, &[0, 0x2e, 0xff], &[256, -2]).v6(),
        case(
            "options of IPv6 are unknown to IPv4",
            [
                stream(A1),
                set(A1, Opt::IPV6_V6ONLY, 1).fails(ENOPROTOOPT),
                get(A1, Opt::IPV6_V6ONLY, 0).fails(EOPNOTSUPP),
            ],
        ),
        case(
            "options of IPv6 are unknown to IPv4 datagrams",
            [datagram(A1), set(A1, Opt::IPV6_RECVPKTINFO, 1).fails(ENOPROTOOPT)],
        ),
        case(
            "IPV6_V6ONLY cannot be changed once bound",
            [stream(A1), bind(A1, any(1)), set(A1, Opt::IPV6_V6ONLY, 1).fails(EINVAL)],
        )
        .v6(),
        case(
            "options of TCP are unknown to datagrams",
            [
                datagram(A1),
                set(A1, Opt::TCP_NODELAY, 1).fails(ENOPROTOOPT),
                get(A1, Opt::TCP_NODELAY, 0).fails(EOPNOTSUPP),
                set(A1, Opt::TCP_KEEPIDLE, 1).fails(ENOPROTOOPT),
            ],
        ),
        case(
            "options of TCP are unknown to IPv6 datagrams",
            [
                datagram(A1),
                set(A1, Opt::TCP_NODELAY, 1).fails(ENOPROTOOPT),
                get(A1, Opt::TCP_NODELAY, 0).fails(ENOPROTOOPT),
            ],
        )
        .v6(),
        case(
            "options of IPv4 on an IPv6 socket",
            [datagram(A1), set(A1, Opt::IP_TTL, 9), get(A1, Opt::IP_TTL, 9), get(A1, Opt::IPV6_UNICAST_HOPS, 64)],
        )
        .v6(),
        case(
            "SO_REUSEPORT can be set after bind",
            [
                socket_of(A1, Domain::Inet, Kind::Datagram),
                bind(A1, a(1).v4()),
                set(A1, Opt::SO_REUSEPORT, 1),
                get(A1, Opt::SO_REUSEPORT, 1),
            ],
        ),
    ]
}

fn tcp() -> Vec<Case> {
    use Kind::Stream;
    vec![
        range("TCP_KEEPIDLE goes from 1 to 32,767", Stream, Opt::TCP_KEEPIDLE, 7_200, &[1, 32_767], &[0, 32_768]),
        range("TCP_KEEPINTVL goes from 1 to 32,767", Stream, Opt::TCP_KEEPINTVL, 75, &[1, 32_767], &[0, 32_768]),
        range("TCP_KEEPCNT goes from 1 to 127", Stream, Opt::TCP_KEEPCNT, 9, &[1, 127], &[0, 128]),
        range("TCP_USER_TIMEOUT is any time", Stream, Opt::TCP_USER_TIMEOUT, 0, &[1, 90_000, 0], &[-1]),
        range("TCP_MAXSEG of a fresh socket", Stream, Opt::TCP_MAXSEG, 536, &[], &[87, 32_768]),
        case(
            "TCP_MAXSEG can be lowered",
            [
                stream(A1),
                set(A1, Opt::TCP_MAXSEG, 1_000),
                get(A1, Opt::TCP_MAXSEG, 1_000),
                set(A1, Opt::TCP_MAXSEG, 0),
                get(A1, Opt::TCP_MAXSEG, 536),
            ],
        ),
        connected(
            "TCP_MAXSEG of a connection fits the MTU",
            [get(A1, Opt::TCP_MAXSEG, 1_448).but_ours(Answer::Is(1_460), differences::TIMESTAMPS)],
        ),
        connected(
            "TCP_MAXSEG of a connection fits the MTU of IPv6",
            [get(A1, Opt::TCP_MAXSEG, 1_428).but_ours(Answer::Is(1_440), differences::TIMESTAMPS)],
        )
        .v6(),
        case(
            "TCP_MAXSEG limits both directions",
            [
                stream(B0),
                bind(B0, b(1)),
                listen(B0, 1),
                stream(A1),
                set(A1, Opt::TCP_MAXSEG, 500),
                connect(A1, b(1)).fails(EINPROGRESS),
                accept(B0, B1).at(a(of(A1))),
                get(B1, Opt::TCP_MAXSEG, 488).but_ours(Answer::Is(500), differences::TIMESTAMPS),
            ],
        ),
        case(
            "TCP_CONGESTION is one of those that are there",
            [
                stream(A1),
                set_congestion(A1, "reno"),
                congestion(A1, "reno"),
                set_congestion(A1, "no such").fails(ENOENT),
                congestion(A1, "reno"),
            ],
        ),
        connected(
            "TCP_NODELAY sends small pieces at once",
            [set(A1, Opt::TCP_NODELAY, 1), send(A1, "1"), send(A1, "2"), send(A1, "3"), waiting(B1, 3)],
        ),
        connected(
            "TCP_CORK holds small pieces back until it is taken away",
            [
                set(A1, Opt::TCP_CORK, 1),
                send(A1, "part"),
                waiting(B1, 0),
                send(A1, " and part"),
                waiting(B1, 0),
                set(A1, Opt::TCP_CORK, 0),
                waiting(B1, 13),
            ],
        ),
        connected(
            "keep-alive can be set on a connection",
            [
                set(A1, Opt::SO_KEEPALIVE, 1),
                set(A1, Opt::TCP_KEEPIDLE, 10),
                set(A1, Opt::TCP_KEEPINTVL, 5),
                set(A1, Opt::TCP_KEEPCNT, 2),
                get(A1, Opt::TCP_KEEPIDLE, 10),
                get(A1, Opt::TCP_KEEPINTVL, 5),
                get(A1, Opt::TCP_KEEPCNT, 2),
                send(A1, "x"),
                recv(B1).text("x"),
            ],
        ),
    ]
}
