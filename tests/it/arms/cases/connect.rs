//! What does `connect` answer, and when?

use smolsock::Errno::*;
use smolsock::{Readiness, TcpState};

use super::super::case::*;
use super::super::differences;

pub fn cases() -> Vec<Case> {
    let (input, output, err) = (Readiness::IN, Readiness::OUT, Readiness::ERR);
    let over = Readiness::HUP | Readiness::RDHUP;
    let failed = input | output | err | over;
    vec![
        connected(
            "a connection carries bytes both ways",
            [
                ready(A1, output),
                ready(B1, output),
                state(A1, TcpState::Established),
                state(B1, TcpState::Established),
                send(A1, "hello"),
                recv(B1).text("hello"),
                send(B1, "and back"),
                recv(A1).text("and back"),
            ],
        )
        .both(),
        case(
            "connect to a closed port is refused",
            [
                stream(A1),
                connect(A1, b(9)).fails(EINPROGRESS),
                ready(A1, failed),
                error(A1, ECONNREFUSED),
                no_error(A1),
            ],
        )
        .both(),
        case(
            "connect gives the refusal once",
            [
                stream(A1),
                connect(A1, b(9)).fails(EINPROGRESS),
                ready(A1, failed),
                connect(A1, b(9)).fails(ECONNREFUSED),
                connect(A1, b(9)).fails(EINPROGRESS),
                ready(A1, failed),
                connect(A1, b(9)).fails(ECONNREFUSED),
            ],
        )
        .both(),
        case(
            "send gives the refusal once, then EPIPE",
            [
                stream(A1),
                connect(A1, b(9)).fails(EINPROGRESS),
                ready(A1, failed),
                send(A1, "x").fails(ECONNREFUSED),
                send(A1, "x").fails(EPIPE),
            ],
        ),
        case(
            "recv gives the refusal once, then the end",
            [
                stream(A1),
                connect(A1, b(9)).fails(EINPROGRESS),
                ready(A1, failed),
                recv(A1).fails(ECONNREFUSED),
                recv(A1).text(""),
            ],
        ),
        case(
            "readiness after a refusal that was read",
            [
                stream(A1),
                connect(A1, b(9)).fails(EINPROGRESS),
                error(A1, ECONNREFUSED),
                ready(A1, input | output | over),
            ],
        ),
        case(
            "after a refusal connect may go elsewhere",
            [
                stream(B0),
                bind(B0, b(1)),
                listen(B0, 1),
                stream(A1),
                connect(A1, b(9)).fails(EINPROGRESS),
                connect(A1, b(1)).fails(ECONNREFUSED),
                connect(A1, b(1)).fails(EINPROGRESS),
                accept(B0, B1).at(a(of(A1))),
                ready(A1, output),
            ],
        ),
        case(
            "after a refusal whose error was read connect may be repeated",
            [
                stream(A1),
                connect(A1, b(9)).fails(EINPROGRESS),
                error(A1, ECONNREFUSED),
                connect(A1, b(9)).fails(ECONNABORTED),
                connect(A1, b(9)).fails(EINPROGRESS),
            ],
        ),
        case(
            "shutdown of a refused socket",
            [
                stream(A1),
                connect(A1, b(9)).fails(EINPROGRESS),
                ready(A1, failed),
                shut(A1, Half::Both).fails(ENOTCONN),
                error(A1, ECONNREFUSED),
            ],
        ),
        case(
            "the state of a refused socket is CLOSED",
            [stream(A1), connect(A1, b(9)).fails(EINPROGRESS), state(A1, TcpState::Closed)],
        ),
        case(
            "a refused socket is still called by the port it had",
            [stream(A1), connect(A1, b(9)).fails(EINPROGRESS), error(A1, ECONNREFUSED), name(A1, a(Port::Ephemeral))],
        ),
        case(
            "a refused socket keeps the port it was bound to",
            [stream(A1), bind(A1, a(1)), connect(A1, b(9)).fails(EINPROGRESS), error(A1, ECONNREFUSED), name(A1, a(1))],
        ),
        case(
            "connect while connecting is EALREADY",
            [stream(A1), connect(A1, silent(1)).fails(EINPROGRESS), connect(A1, silent(1)).fails(EALREADY)],
        )
        .both(),
        case(
            "connect elsewhere while connecting is EALREADY",
            [stream(A1), connect(A1, silent(1)).fails(EINPROGRESS), connect(A1, b(1)).fails(EALREADY)],
        ),
        case(
            "a connecting socket is ready for nothing",
            [stream(A1), connect(A1, silent(1)).fails(EINPROGRESS), ready(A1, Readiness::NONE), no_error(A1)],
        )
        .both(),
        case(
            "send while connecting would block",
            [stream(A1), connect(A1, silent(1)).fails(EINPROGRESS), send(A1, "early").fails(EAGAIN)],
        ),
        case(
            "recv while connecting would block",
            [stream(A1), connect(A1, silent(1)).fails(EINPROGRESS), recv(A1).fails(EAGAIN)],
        ),
        case(
            "listen while connecting is refused",
            [stream(A1), connect(A1, silent(1)).fails(EINPROGRESS), listen(A1, 1).fails(EINVAL)],
        ),
        case(
            "accept while connecting is refused",
            [stream(A1), connect(A1, silent(1)).fails(EINPROGRESS), accept(A1, A2).fails(EINVAL)],
        ),
        case(
            "shutdown while connecting takes the attempt back",
            [
                stream(A1),
                connect(A1, silent(1)).fails(EINPROGRESS),
                shut(A1, Half::Write),
                state(A1, TcpState::Closed),
                ready(A1, output | err | Readiness::HUP),
                send(A1, "x").fails(ECONNRESET),
                send(A1, "x").fails(EPIPE),
            ],
        ),
        case(
            "shutdown of reading while connecting takes the attempt back",
            [stream(A1), connect(A1, silent(1)).fails(EINPROGRESS), shut(A1, Half::Read), state(A1, TcpState::Closed)],
        ),
        case(
            "connect after shutdown while connecting",
            [
                stream(A1),
                connect(A1, silent(1)).fails(EINPROGRESS),
                shut(A1, Half::Both),
                connect(A1, silent(1)).fails(EINPROGRESS),
            ],
        ),
        connected(
            "the connect that finds the connection made says so once",
            [connect(A1, b(1)), connect(A1, b(1)).fails(EISCONN), connect(A1, b(1)).fails(EISCONN)],
        )
        .both(),
        connected("connect of an accepted socket is EISCONN", [connect(B1, a(1)).fails(EISCONN)]).both(),
        connected(
            "connect after the peer's end of stream is EISCONN",
            [connect(A1, b(1)), close(B1), recv(A1).text(""), connect(A1, b(1)).fails(EISCONN)],
        ),
        connected(
            "connect after both ends have closed the stream",
            [
                connect(A1, b(1)),
                close(B1),
                shut(A1, Half::Write),
                state(A1, TcpState::Closed),
                connect(A1, b(1)).fails(EISCONN),
            ],
        ),
        case(
            "connect of a listener is EISCONN",
            [stream(A1), bind(A1, a(1)), listen(A1, 1), connect(A1, b(1)).fails(EISCONN)],
        )
        .both(),
        case("connect to a network without a route", [stream(A1), connect(A1, elsewhere(1)).fails(ENETUNREACH)]).both(),
        case("connect to a group is unreachable", [stream(A1), connect(A1, group(1)).fails(ENETUNREACH)]),
        case("connect to a group is unreachable in IPv6", [stream(A1), connect(A1, group(1)).fails(ENETUNREACH)]).v6(),
        case("connect to the limited broadcast address", [stream(A1), connect(A1, broadcast(1)).fails(ENETUNREACH)]),
        case(
            "connect to the subnet's broadcast address is unreachable",
            [stream(A1), connect(A1, subnet_broadcast(1)).fails(ENETUNREACH)],
        ),
        case("connect of an IPv4 socket to an IPv6 address", [stream(A1), connect(A1, b(1).v6()).fails(EAFNOSUPPORT)]),
        case(
            "connect of an IPv4 datagram socket to an IPv6 address",
            [datagram(A1), connect(A1, b(1).v6()).fails(EAFNOSUPPORT)],
        ),
        case(
            "a neighbour that does not answer is unreachable",
            [
                stream(A1),
                connect(A1, absent(1)).fails(EINPROGRESS),
                ready(A1, failed),
                connect(A1, absent(1)).fails(EHOSTUNREACH),
            ],
        )
        .both(),
        case(
            "the wildcard address is the own host",
            [
                stream(A2),
                bind(A2, any(1)),
                listen(A2, 1),
                stream(A1),
                connect(A1, any(1)).fails(EINPROGRESS),
                accept(A2, A3).at(loopback(of(A1))),
                peer(A1).at(loopback(1)),
            ],
        )
        .both(),
        case(
            "connect to port 0",
            [
                stream(A1),
                connect(A1, b(0)).fails(EINPROGRESS).but_ours(Answer::Fails(EADDRNOTAVAIL), differences::PORT_ZERO),
            ],
        ),
        case(
            "the same four-tuple cannot connect twice",
            [
                stream(B0),
                bind(B0, b(1)),
                listen(B0, 4),
                stream(A1),
                set(A1, Opt::SO_REUSEADDR, 1),
                bind(A1, a(2)),
                stream(A2),
                set(A2, Opt::SO_REUSEADDR, 1),
                bind(A2, a(2)),
                connect(A1, b(1)).fails(EINPROGRESS),
                connect(A2, b(1)).fails(EADDRNOTAVAIL),
            ],
        )
        .both(),
        case(
            "disconnect of a connecting socket takes the attempt back",
            [
                stream(A1),
                connect(A1, silent(1)).fails(EINPROGRESS),
                disconnect(A1).but_we_refuse(EOPNOTSUPP, differences::DISCONNECT),
                name(A1, any(Port::Ephemeral)),
                ready(A1, output | err | Readiness::HUP),
                error(A1, ECONNRESET),
                ready(A1, output | Readiness::HUP),
                connect(A1, b(9)).fails(EINPROGRESS),
                error(A1, ECONNREFUSED),
            ],
        ),
        connected(
            "disconnect of a connection resets it",
            [
                disconnect(A1).but_we_refuse(EOPNOTSUPP, differences::DISCONNECT),
                recv(B1).fails(ECONNRESET),
                name(A1, any(Port::Ephemeral)),
                peer(A1).fails(ENOTCONN),
                ready(A1, output | err | Readiness::HUP),
                error(A1, ECONNRESET),
                ready(A1, output | Readiness::HUP),
            ],
        ),
        connected(
            "a disconnected socket connects again",
            [
                disconnect(A1).but_we_refuse(EOPNOTSUPP, differences::DISCONNECT),
                connect(A1, b(1)).fails(EINPROGRESS),
                accept(B0, B2).at(a(of(A1))),
                send(B2, "again"),
                recv(A1).text("again"),
            ],
        ),
        case(
            "disconnect of a fresh socket is nothing",
            [stream(A1), disconnect(A1).but_we_refuse(EOPNOTSUPP, differences::DISCONNECT), name(A1, any(0))],
        ),
        case(
            "simultaneous connects to each other's ports make one connection",
            [
                stream(A1),
                bind(A1, a(1)),
                stream(A2),
                bind(A2, a(2)),
                connect(A1, a(1)).fails(EINPROGRESS),
                peer(A1).at(a(1)),
                send(A1, "to myself"),
                recv(A1).text("to myself"),
            ],
        ),
    ]
}
