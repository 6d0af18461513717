//! What do sendmsg and recvmsg, with their flags and control messages, answer?

use smolsock::Errno::*;
use smolsock::Readiness;

use super::super::case::*;

pub fn cases() -> Vec<Case> {
    let none = Control::default();
    vec![
        datagrams(
            "sendmsg gathers one datagram",
            [
                sendmsg(A1, &["one ", "", "datagram"], Some(b(1)), none),
                recv_from(B1).from("one datagram", a(1)),
                recv_from(B1).fails(EAGAIN),
            ],
        )
        .both(),
        datagrams(
            "recvmsg scatters one datagram",
            [send_to(A1, "one datagram", b(1)), recvmsg(B1, &[4, 0, 64], NONE).from("one datagram", a(1))],
        )
        .both(),
        datagrams(
            "recvmsg says that a datagram was cut",
            [
                send_to(A1, "hello", b(1)),
                recvmsg(B1, &[1, 2], NONE).message(Message { from: Some(a(1)), is_truncated: true, ..message("hel") }),
                recvmsg(B1, &[8], NONE).fails(EAGAIN),
            ],
        )
        .both(),
        datagrams(
            "recvmsg with MSG_TRUNC gives the whole length",
            [
                send_to(A1, "hello", b(1)),
                recvmsg(B1, &[2], TRUNC).message(Message {
                    from: Some(a(1)),
                    is_truncated: true,
                    count: Some(5),
                    ..message("he")
                }),
            ],
        )
        .both(),
        datagrams(
            "a datagram that just fits is not cut",
            [send_to(A1, "hello", b(1)), recvmsg(B1, &[5], TRUNC).from("hello", a(1))],
        ),
        datagrams(
            "recvmsg peeks",
            [
                send_to(A1, "hello", b(1)),
                recvmsg(B1, &[2], PEEK).message(Message { from: Some(a(1)), is_truncated: true, ..message("he") }),
                recvmsg(B1, &[8], NONE).from("hello", a(1)),
            ],
        ),
        datagrams("an empty datagram is not cut", [send_to(A1, "", b(1)), recvmsg(B1, &[0], NONE).from("", a(1))]),
        datagrams(
            "recvmsg into nothing cuts all",
            [
                send_to(A1, "hello", b(1)),
                recvmsg(B1, &[], NONE).message(Message { from: Some(a(1)), is_truncated: true, ..message("") }),
            ],
        ),
        datagrams(
            "sendmsg without an address needs a peer",
            [
                sendmsg(A1, &["x"], None, none).fails(EDESTADDRREQ),
                connect(A1, b(1)),
                sendmsg(A1, &["x"], None, none),
                recv(B1).text("x"),
            ],
        )
        .both(),
        datagrams(
            "sendmsg of nothing is an empty datagram",
            [
                sendmsg(A1, &[], Some(b(1)), none),
                ready(B1, Readiness::IN | Readiness::OUT),
                recv_from(B1).from("", a(1)),
            ],
        ),
        datagrams(
            "sendmsg of an IPv4 socket to IPv6",
            [sendmsg(A1, &["x"], Some(b(1).v6()), none).fails(EAFNOSUPPORT)],
        ),
        connected(
            "sendmsg gathers bytes of the stream",
            [sendmsg(A1, &["one ", "stream"], None, none), recv(B1).text("one stream")],
        )
        .both(),
        connected(
            "recvmsg scatters bytes of the stream",
            [
                send(A1, "one stream"),
                recvmsg(B1, &[4, 3], NONE).message(message("one str")),
                recvmsg(B1, &[8], NONE).message(message("eam")),
            ],
        )
        .both(),
        connected(
            "recvmsg at the end of the stream is empty",
            [close(A1), recvmsg(B1, &[8], NONE).message(message(""))],
        ),
        connected("recvmsg with nothing there would block", [recvmsg(B1, &[8], NONE).fails(EAGAIN)]),
        case("recvmsg of a fresh stream is ENOTCONN", [stream(A1), recvmsg(A1, &[8], NONE).fails(ENOTCONN)]),
        case("sendmsg of a fresh stream is EPIPE", [stream(A1), sendmsg(A1, &["x"], None, none).fails(EPIPE)]),
        datagrams(
            "IP_PKTINFO tells the address that was called",
            [
                datagram(B2),
                set(B2, Opt::IP_PKTINFO, 1),
                bind(B2, any(2)),
                send_to(A1, "x", b(2)),
                recvmsg(B2, &[8], NONE).message(Message {
                    from: Some(a(1)),
                    control: Control { local: Some(Place::OfB), ..none },
                    ..message("x")
                }),
            ],
        ),
        datagrams(
            "IP_PKTINFO tells a broadcast",
            [
                datagram(B2),
                set(B2, Opt::IP_PKTINFO, 1),
                bind(B2, any(2)),
                set(A1, Opt::SO_BROADCAST, 1),
                send_to(A1, "x", subnet_broadcast(2)),
                recvmsg(B2, &[8], NONE).message(Message {
                    from: Some(a(1)),
                    control: Control { local: Some(Place::SubnetBroadcast), ..none },
                    ..message("x")
                }),
            ],
        ),
        datagrams(
            "IPV6_RECVPKTINFO tells the address that was called",
            [
                datagram(B2),
                set(B2, Opt::IPV6_RECVPKTINFO, 1),
                bind(B2, any(2)),
                send_to(A1, "x", b(2)),
                recvmsg(B2, &[8], NONE).message(Message {
                    from: Some(a(1)),
                    control: Control { local: Some(Place::OfB), ..none },
                    ..message("x")
                }),
            ],
        )
        .v6(),
        datagrams(
            "IP_TTL is sent, and IP_RECVTTL tells it",
            [
                set(B1, Opt::IP_RECVTTL, 1),
                set(A1, Opt::IP_TTL, 42),
                send_to(A1, "x", b(1)),
                recvmsg(B1, &[8], NONE).message(Message {
                    from: Some(a(1)),
                    control: Control { ttl: Some(42), ..none },
                    ..message("x")
                }),
            ],
        ),
        datagrams(
            "IP_TOS is sent, and IP_RECVTOS tells it",
            [
                set(B1, Opt::IP_RECVTOS, 1),
                set(A1, Opt::IP_TOS, 0x28),
                send_to(A1, "x", b(1)),
                recvmsg(B1, &[8], NONE).message(Message {
                    from: Some(a(1)),
                    control: Control { tos: Some(0x28), ..none },
                    ..message("x")
                }),
            ],
        ),
        datagrams(
            "IPV6_UNICAST_HOPS is sent, and IPV6_RECVHOPLIMIT tells it",
            [
                set(B1, Opt::IPV6_RECVHOPLIMIT, 1),
                set(A1, Opt::IPV6_UNICAST_HOPS, 42),
                send_to(A1, "x", b(1)),
                recvmsg(B1, &[8], NONE).message(Message {
                    from: Some(a(1)),
                    control: Control { ttl: Some(42), ..none },
                    ..message("x")
                }),
            ],
        )
        .v6(),
        datagrams(
            "a control message sets the time to live of one datagram",
            [
                set(B1, Opt::IP_RECVTTL, 1),
                sendmsg(A1, &["x"], Some(b(1)), Control { ttl: Some(9), ..none }),
                recvmsg(B1, &[8], NONE).message(Message {
                    from: Some(a(1)),
                    control: Control { ttl: Some(9), ..none },
                    ..message("x")
                }),
                send_to(A1, "y", b(1)),
                recvmsg(B1, &[8], NONE).message(Message {
                    from: Some(a(1)),
                    control: Control { ttl: Some(64), ..none },
                    ..message("y")
                }),
            ],
        ),
        datagrams(
            "a control message sets the source address",
            [
                datagram(A2),
                bind(A2, any(2)),
                sendmsg(A2, &["x"], Some(b(1)), Control { local: Some(Place::OfA), ..none }),
                recv_from(B1).from("x", a(2)),
            ],
        )
        .both(),
        datagrams(
            "a control message with another host's address",
            [
                datagram(A2),
                sendmsg(A2, &["x"], Some(b(1)), Control { local: Some(Place::Silent), ..none }).fails(ENETUNREACH),
            ],
        ),
        datagrams(
            "no control message comes unasked",
            [send_to(A1, "x", b(1)), recvmsg(B1, &[8], NONE).from("x", a(1))],
        ),
        datagrams(
            "recvmsg gives an error once",
            [
                connect(A1, b(9)),
                send(A1, "x"),
                recvmsg(A1, &[8], NONE).fails(ECONNREFUSED),
                recvmsg(A1, &[8], NONE).fails(EAGAIN),
            ],
        ),
    ]
}
