//! Who hears a group?

use smolsock::Errno::*;

use super::super::case::*;

pub fn cases() -> Vec<Case> {
    vec![
        case(
            "a member hears its group",
            [
                datagram(B1),
                bind(B1, any(1)),
                join(B1, Place::Group),
                datagram(A1),
                bind(A1, a(2)),
                send_to(A1, "all", group(1)),
                recv_from(B1).from("all", a(2)),
            ],
        )
        .both(),
        case(
            "who has not joined hears nothing",
            [datagram(B1), bind(B1, any(1)), datagram(A1), send_to(A1, "all", group(1)), recv_from(B1).fails(EAGAIN)],
        )
        .both(),
        case(
            "who has left hears nothing",
            [
                datagram(B1),
                bind(B1, any(1)),
                join(B1, Place::Group),
                leave(B1, Place::Group),
                datagram(A1),
                send_to(A1, "all", group(1)),
                recv_from(B1).fails(EAGAIN),
            ],
        )
        .both(),
        case(
            "join twice is EADDRINUSE",
            [datagram(A1), join(A1, Place::Group), join(A1, Place::Group).fails(EADDRINUSE)],
        )
        .both(),
        case("leave without join is EADDRNOTAVAIL", [datagram(A1), leave(A1, Place::Group).fails(EADDRNOTAVAIL)])
            .both(),
        case("join of what is no group is EINVAL", [datagram(A1), join(A1, Place::OfB).fails(EINVAL)]).both(),
        case(
            "two sockets may join one group",
            [
                datagram(B1),
                set(B1, Opt::SO_REUSEADDR, 1),
                bind(B1, any(1)),
                join(B1, Place::Group),
                datagram(B2),
                set(B2, Opt::SO_REUSEADDR, 1),
                bind(B2, any(1)),
                join(B2, Place::Group),
                datagram(A1),
                bind(A1, a(2)),
                send_to(A1, "all", group(1)),
                recv_from(B1).from("all", a(2)),
                recv_from(B2).from("all", a(2)),
            ],
        )
        .both(),
        case(
            "a member on another port hears nothing",
            [
                datagram(B1),
                bind(B1, any(1)),
                join(B1, Place::Group),
                datagram(A1),
                send_to(A1, "all", group(2)),
                recv_from(B1).fails(EAGAIN),
            ],
        ),
        case(
            "a member bound to its host's address hears nothing",
            [
                datagram(B1),
                bind(B1, b(1)),
                join(B1, Place::Group),
                datagram(A1),
                send_to(A1, "all", group(1)),
                recv_from(B1).fails(EAGAIN),
            ],
        )
        .both(),
        case(
            "a member bound to the group hears only the group",
            [
                datagram(B1),
                bind(B1, group(1)),
                join(B1, Place::Group),
                datagram(A1),
                bind(A1, a(2)),
                send_to(A1, "one", b(1)),
                send_to(A1, "all", group(1)),
                recv_from(B1).from("all", a(2)),
                recv_from(B1).fails(EAGAIN),
            ],
        )
        .both(),
        case(
            "a wildcard socket hears the groups of others on its host",
            [
                datagram(B1),
                bind(B1, any(1)),
                datagram(B2),
                join(B2, Place::Group),
                datagram(A1),
                bind(A1, a(2)),
                send_to(A1, "all", group(1)),
                recv_from(B1).from("all", a(2)),
            ],
        ),
        case(
            "the sender's own host hears the group",
            [
                datagram(A1),
                bind(A1, any(1)),
                join(A1, Place::Group),
                datagram(A2),
                bind(A2, a(2)),
                send_to(A2, "all", group(1)),
                recv_from(A1).from("all", a(2)),
            ],
        )
        .both(),
        case(
            "without IP_MULTICAST_LOOP the sender's host hears nothing",
            [
                datagram(A1),
                bind(A1, any(1)),
                join(A1, Place::Group),
                datagram(A2),
                set(A2, Opt::IP_MULTICAST_LOOP, 0),
                send_to(A2, "all", group(1)),
                recv_from(A1).fails(EAGAIN),
            ],
        ),
        case(
            "without IPV6_MULTICAST_LOOP the sender's host hears nothing",
            [
                datagram(A1),
                bind(A1, any(1)),
                join(A1, Place::Group),
                datagram(A2),
                set(A2, Opt::IPV6_MULTICAST_LOOP, 0),
                send_to(A2, "all", group(1)),
                recv_from(A1).fails(EAGAIN),
            ],
        )
        .v6(),
        case(
            "a datagram to a group has a time to live of 1",
            [
                datagram(B1),
                set(B1, Opt::IP_RECVTTL, 1),
                bind(B1, any(1)),
                join(B1, Place::Group),
                datagram(A1),
                bind(A1, a(2)),
                send_to(A1, "x", group(1)),
                recvmsg(B1, &[8], NONE).message(Message {
                    from: Some(a(2)),
                    control: Control { ttl: Some(1), ..Control::default() },
                    ..message("x")
                }),
            ],
        ),
        case(
            "IP_MULTICAST_TTL is sent",
            [
                datagram(B1),
                set(B1, Opt::IP_RECVTTL, 1),
                bind(B1, any(1)),
                join(B1, Place::Group),
                datagram(A1),
                bind(A1, a(2)),
                set(A1, Opt::IP_MULTICAST_TTL, 7),
                send_to(A1, "x", group(1)),
                recvmsg(B1, &[8], NONE).message(Message {
                    from: Some(a(2)),
                    control: Control { ttl: Some(7), ..Control::default() },
                    ..message("x")
                }),
            ],
        ),
        case(
            "close leaves the group",
            [
                datagram(B1),
                join(B1, Place::Group),
                close(B1),
                datagram(B2),
                bind(B2, any(1)),
                datagram(A1),
                send_to(A1, "all", group(1)),
                recv_from(B2).fails(EAGAIN),
            ],
        ),
        case(
            "a group without members gives no error",
            [datagram(A1), connect(A1, group(1)), send(A1, "x"), no_error(A1)],
        )
        .both(),
        case("a stream cannot join", [stream(A1), join(A1, Place::Group).fails(EPROTO)]),
    ]
}
