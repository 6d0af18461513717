//! What do ping sockets and raw sockets answer?

use smolsock::Domain;
use smolsock::Errno::*;
use smolsock::Readiness;

use super::super::case::*;

pub fn cases() -> Vec<Case> {
    let (input, output) = (Readiness::IN, Readiness::OUT);
    let raw = Kind::Raw(253);
    vec![
        case(
            "a ping socket is told by its options",
            [socket(A1, Kind::Ping), get(A1, Opt::SO_TYPE, 2), get(A1, Opt::SO_PROTOCOL, 1), ready(A1, output)],
        ),
        case(
            "a ping is answered",
            [
                socket(A1, Kind::Ping),
                send_to(A1, ECHO, b(0)),
                ready(A1, input | output),
                recv_from_with(A1, 64, NONE).bytes(12),
                recv_from(A1).fails(EAGAIN),
            ],
        ),
        case(
            "a ping is answered in IPv6",
            [
                socket(A1, Kind::Ping),
                send_to(A1, ECHO6, b(0)),
                ready(A1, input | output),
                recv_from_with(A1, 64, NONE).bytes(12),
            ],
        )
        .v6(),
        case(
            "ping sockets may share an identifier, which is their port",
            [socket(A1, Kind::Ping), bind(A1, a(1)), name(A1, a(1)), socket(A2, Kind::Ping), bind(A2, a(1))],
        ),
        case(
            "a connected ping socket sends without an address",
            [
                socket(A1, Kind::Ping),
                connect(A1, b(0)),
                send(A1, ECHO),
                ready(A1, input | output),
                recv_with(A1, 64, NONE).bytes(12),
            ],
        ),
        case(
            "a ping socket sends nothing but echo requests",
            [socket(A1, Kind::Ping), send_to(A1, "\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}", b(0)).fails(EINVAL)],
        ),
        case("a ping socket needs a whole header", [socket(A1, Kind::Ping), send_to(A1, "\u{8}", b(0)).fails(EINVAL)]),
        case("a ping socket without a peer", [socket(A1, Kind::Ping), send(A1, ECHO).fails(EDESTADDRREQ)]),
        case(
            "the own host answers a ping",
            [
                socket(A1, Kind::Ping),
                send_to(A1, ECHO, a(0)),
                recv_from_with(A1, 64, NONE).bytes(12),
                send_to(A1, ECHO, loopback(0)),
                recv_from_with(A1, 64, NONE).bytes(12),
            ],
        ),
        case("listen on a ping socket", [socket(A1, Kind::Ping), listen(A1, 1).fails(EOPNOTSUPP)]),
        case(
            "a raw socket is told by its options",
            [socket(A1, raw), get(A1, Opt::SO_TYPE, 3), get(A1, Opt::SO_PROTOCOL, 253), ready(A1, output)],
        ),
        case(
            "a raw socket receives whole packets, with their header",
            [
                socket(B1, raw),
                socket(A1, raw),
                send_to(A1, "raw", b(0)),
                ready(B1, input | output),
                waiting(B1, 23),
                recv_from_with(B1, 64, NONE).bytes(23),
            ],
        ),
        case(
            "a raw IPv6 socket receives the payload",
            [socket(B1, raw), socket(A1, raw), send_to(A1, "raw", b(0)), recv_from(B1).from("raw", a(0))],
        )
        .v6(),
        case(
            "every raw socket of the protocol receives",
            [
                socket(B1, raw),
                socket(B2, raw),
                socket(B3, Kind::Raw(254)),
                socket(A1, raw),
                send_to(A1, "raw", b(0)),
                recv_with(B1, 64, NONE).bytes(23),
                recv_with(B2, 64, NONE).bytes(23),
                recv_with(B3, 64, NONE).fails(EAGAIN),
            ],
        ),
        case(
            "a bound raw socket hears its address only",
            [
                socket(B1, raw),
                bind(B1, loopback(0)),
                socket(B2, raw),
                bind(B2, b(0)),
                socket(A1, raw),
                send_to(A1, "raw", b(0)),
                recv_with(B2, 64, NONE).bytes(23),
                recv_with(B1, 64, NONE).fails(EAGAIN),
            ],
        ),
        case(
            "a connected raw socket hears its peer only",
            [
                socket(B1, raw),
                connect(B1, silent(0)),
                socket(A1, raw),
                send_to(A1, "raw", b(0)),
                recv_with(B1, 64, NONE).fails(EAGAIN),
                peer(B1).fails(ENOTCONN),
            ],
        ),
        case("a raw socket without a peer", [socket(A1, raw), send(A1, "x").fails(EDESTADDRREQ)]),
        case(
            "a raw ICMP socket sees the answer to a ping",
            [
                socket(A1, Kind::Raw(1)),
                socket(A2, Kind::Ping),
                send_to(A2, ECHO, b(0)),
                recv_with(A1, 64, NONE).bytes(32),
            ],
        ),
        case("listen on a raw socket", [socket(A1, raw), listen(A1, 1).fails(EOPNOTSUPP)]),
        case("accept on a raw socket", [socket(A1, raw), accept(A1, A2).fails(EOPNOTSUPP)]),
        case(
            "a raw socket of the other family",
            [socket_of(A1, Domain::Inet, raw), send_to(A1, "x", b(0).v6()).fails(EAFNOSUPPORT)],
        ),
    ]
}

/// An ICMP echo request with four bytes of data; identifier and checksum are the stack's.
const ECHO: &str = "\u{8}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{1}ping";
/// The same for ICMPv6.
const ECHO6: &str = "\u{80}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{1}ping";
