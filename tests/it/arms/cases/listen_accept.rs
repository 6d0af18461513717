//! What do `listen` and `accept` answer, and what waits in the queue?

use smolsock::Errno::*;
use smolsock::{Readiness, TcpState};

use super::super::case::*;
use super::super::differences;

pub fn cases() -> Vec<Case> {
    let (input, output) = (Readiness::IN, Readiness::OUT);
    vec![
        case(
            "a listener with nobody waiting is ready for nothing",
            [
                stream(A1),
                bind(A1, a(1)),
                listen(A1, 1),
                ready(A1, Readiness::NONE),
                state(A1, TcpState::Listen),
                accept(A1, A2).fails(EAGAIN),
            ],
        )
        .both(),
        case(
            "a listener with a connection is readable",
            [
                stream(B0),
                bind(B0, b(1)),
                listen(B0, 1),
                stream(A1),
                connect(A1, b(1)).fails(EINPROGRESS),
                ready(B0, input),
                ready(A1, output),
                accept(B0, B1).at(a(of(A1))),
                ready(B0, Readiness::NONE),
                accept(B0, B2).fails(EAGAIN),
            ],
        )
        .both(),
        case("accept on a socket that does not listen", [stream(A1), accept(A1, A2).fails(EINVAL)]).both(),
        case(
            "accept on a bound socket that does not listen",
            [stream(A1), bind(A1, a(1)), accept(A1, A2).fails(EINVAL)],
        ),
        case("accept on a datagram socket", [datagram(A1), accept(A1, A2).fails(EOPNOTSUPP)]).both(),
        case("listen on a datagram socket", [datagram(A1), listen(A1, 1).fails(EOPNOTSUPP)]).both(),
        connected("accept on a connection", [accept(A1, A2).fails(EINVAL), accept(B1, B2).fails(EINVAL)]),
        connected("listen on a connection", [listen(A1, 1).fails(EINVAL), listen(B1, 1).fails(EINVAL)]),
        case("listen twice changes the backlog", [stream(A1), bind(A1, a(1)), listen(A1, 1), listen(A1, 5)]).both(),
        case(
            "listen on a refused socket",
            [stream(A1), connect(A1, b(9)).fails(EINPROGRESS), error(A1, ECONNREFUSED), listen(A1, 1).fails(EINVAL)],
        ),
        case(
            "two listeners cannot share a port",
            [stream(A1), bind(A1, a(1)), listen(A1, 1), stream(A2), bind(A2, a(1)).fails(EADDRINUSE)],
        )
        .both(),
        case(
            "of two sockets bound with reuse one can listen",
            [
                stream(A1),
                set(A1, Opt::SO_REUSEADDR, 1),
                bind(A1, a(1)),
                stream(A2),
                set(A2, Opt::SO_REUSEADDR, 1),
                bind(A2, a(1)),
                listen(A1, 1),
                listen(A2, 1).fails(EADDRINUSE),
            ],
        )
        .both(),
        case("send to a listener is EPIPE", [stream(A1), listen(A1, 1), send(A1, "x").fails(EPIPE)]).both(),
        case("recv from a listener is ENOTCONN", [stream(A1), listen(A1, 1), recv(A1).fails(ENOTCONN)]).both(),
        case("recvfrom from a listener is ENOTCONN", [stream(A1), listen(A1, 1), recv_from(A1).fails(ENOTCONN)]),
        case("sendto by a listener is EPIPE", [stream(A1), listen(A1, 1), send_to(A1, "x", b(1)).fails(EPIPE)]),
        case(
            "shutdown of a listener's writing side is nothing",
            [
                stream(B0),
                bind(B0, b(1)),
                listen(B0, 1),
                shut(B0, Half::Write),
                stream(A1),
                connect(A1, b(1)).fails(EINPROGRESS),
                accept(B0, B1).at(a(of(A1))),
            ],
        ),
        case(
            "shutdown of a listener ends the listening",
            [
                stream(B0),
                bind(B0, b(1)),
                listen(B0, 1),
                shut(B0, Half::Read),
                state(B0, TcpState::Closed),
                accept(B0, B1).fails(EINVAL),
                stream(A1),
                connect(A1, b(1)).fails(EINPROGRESS),
                error(A1, ECONNREFUSED),
            ],
        )
        .both(),
        case(
            "a listener that was shut down keeps its name and listens again",
            [
                stream(B0),
                bind(B0, b(1)),
                listen(B0, 1),
                shut(B0, Half::Both),
                name(B0, b(1)),
                listen(B0, 1),
                stream(A1),
                connect(A1, b(1)).fails(EINPROGRESS),
                accept(B0, B1).at(a(of(A1))),
            ],
        ),
        case(
            "readiness of a listener that was shut down",
            [stream(A1), bind(A1, a(1)), listen(A1, 1), shut(A1, Half::Both), ready(A1, output | Readiness::HUP)],
        ),
        case(
            "shutdown of a listener resets those who wait",
            [
                stream(B0),
                bind(B0, b(1)),
                listen(B0, 1),
                stream(A1),
                connect(A1, b(1)).fails(EINPROGRESS),
                ready(A1, output),
                shut(B0, Half::Both),
                recv(A1).fails(ECONNRESET),
            ],
        ),
        case(
            "close of a listener resets those who wait",
            [
                stream(B0),
                bind(B0, b(1)),
                listen(B0, 1),
                stream(A1),
                connect(A1, b(1)).fails(EINPROGRESS),
                ready(A1, output),
                close(B0),
                recv(A1).fails(ECONNRESET),
            ],
        )
        .both(),
        connected(
            "close of a listener leaves accepted connections alone",
            [
                close(B0),
                send(A1, "still here"),
                recv(B1).text("still here"),
                stream(A2),
                connect(A2, b(1)).fails(EINPROGRESS),
                error(A2, ECONNREFUSED),
            ],
        )
        .both(),
        connected(
            "the listener's port stays taken by its connections",
            [close(B0), stream(B2), bind(B2, b(1)).fails(EADDRINUSE)],
        )
        .both(),
        connected(
            "with SO_REUSEADDR on both a new listener takes the port of connections",
            [close(B0), stream(B2), set(B2, Opt::SO_REUSEADDR, 1), bind(B2, b(1)).fails(EADDRINUSE)],
        ),
        case(
            "a listener with SO_REUSEADDR can be followed by another at once",
            [
                stream(B0),
                set(B0, Opt::SO_REUSEADDR, 1),
                bind(B0, b(1)),
                listen(B0, 1),
                stream(A1),
                connect(A1, b(1)).fails(EINPROGRESS),
                accept(B0, B1).at(a(of(A1))),
                close(B0),
                stream(B2),
                set(B2, Opt::SO_REUSEADDR, 1),
                bind(B2, b(1)),
                listen(B2, 1),
                stream(A2),
                connect(A2, b(1)).fails(EINPROGRESS),
                accept(B2, B3).at(a(of(A2))),
            ],
        ),
        case(
            "accept gives a connection whose client has sent",
            [
                stream(B0),
                bind(B0, b(1)),
                listen(B0, 1),
                stream(A1),
                connect(A1, b(1)).fails(EINPROGRESS),
                send(A1, "early"),
                accept(B0, B1).at(a(of(A1))),
                ready(B1, input | output),
                recv(B1).text("early"),
            ],
        )
        .both(),
        case(
            "accept gives a connection whose client has sent and closed",
            [
                stream(B0),
                bind(B0, b(1)),
                listen(B0, 1),
                stream(A1),
                bind(A1, a(2)),
                connect(A1, b(1)).fails(EINPROGRESS),
                send(A1, "bye"),
                close(A1),
                ready(B0, input),
                accept(B0, B1).at(a(2)),
                ready(B1, input | output | Readiness::RDHUP),
                recv(B1).text("bye"),
                recv(B1).text(""),
                state(B1, TcpState::CloseWait),
            ],
        )
        .both(),
        case(
            "accept gives a connection that its client has reset",
            [
                stream(B0),
                bind(B0, b(1)),
                listen(B0, 1),
                stream(A1),
                bind(A1, a(2)),
                connect(A1, b(1)).fails(EINPROGRESS),
                ready(B0, input),
                disconnect(A1).but_we_refuse(EOPNOTSUPP, differences::DISCONNECT),
                ready(B0, input),
                accept(B0, B1).at(a(2)),
                recv(B1).fails(ECONNRESET),
                recv(B1).text(""),
            ],
        ),
        case(
            "connections are accepted in the order in which they were made",
            [
                stream(B0),
                bind(B0, b(1)),
                listen(B0, 4),
                stream(A1),
                connect(A1, b(1)).fails(EINPROGRESS),
                stream(A2),
                connect(A2, b(1)).fails(EINPROGRESS),
                stream(A3),
                connect(A3, b(1)).fails(EINPROGRESS),
                accept(B0, B1).at(a(of(A1))),
                accept(B0, B2).at(a(of(A2))),
                accept(B0, B3).at(a(of(A3))),
            ],
        )
        .both(),
        case(
            "a backlog of 0 lets one connection wait",
            [
                stream(B0),
                bind(B0, b(1)),
                listen(B0, 0),
                stream(A1),
                connect(A1, b(1)).fails(EINPROGRESS),
                ready(A1, output),
                stream(A2),
                connect(A2, b(1)).fails(EINPROGRESS),
                ready(A2, Readiness::NONE),
                state(A2, TcpState::SynSent),
            ],
        ),
        case(
            "a backlog of 1 lets two connections wait",
            [
                stream(B0),
                bind(B0, b(1)),
                listen(B0, 1),
                stream(A1),
                connect(A1, b(1)).fails(EINPROGRESS),
                stream(A2),
                connect(A2, b(1)).fails(EINPROGRESS),
                ready(A2, output),
                stream(A3),
                connect(A3, b(1)).fails(EINPROGRESS),
                ready(A3, Readiness::NONE),
            ],
        ),
        case(
            "a client that found the backlog full gets in when accept has made room",
            [
                stream(B0),
                bind(B0, b(1)),
                listen(B0, 0),
                stream(A1),
                connect(A1, b(1)).fails(EINPROGRESS),
                stream(A2),
                connect(A2, b(1)).fails(EINPROGRESS),
                ready(A2, Readiness::NONE),
                accept(B0, B1).at(a(of(A1))),
                ready(A2, output),
                accept(B0, B2).at(a(of(A2))),
            ],
        ),
        case(
            "an accepted socket inherits the listener's options",
            [
                stream(B0),
                set(B0, Opt::SO_KEEPALIVE, 1),
                set(B0, Opt::TCP_NODELAY, 1),
                set(B0, Opt::SO_LINGER, 5),
                set(B0, Opt::IP_TTL, 33),
                set(B0, Opt::TCP_KEEPIDLE, 77),
                bind(B0, b(1)),
                listen(B0, 1),
                stream(A1),
                connect(A1, b(1)).fails(EINPROGRESS),
                accept(B0, B1).at(a(of(A1))),
                get(B1, Opt::SO_KEEPALIVE, 1),
                get(B1, Opt::TCP_NODELAY, 1),
                get(B1, Opt::SO_LINGER, 5),
                get(B1, Opt::IP_TTL, 33),
                get(B1, Opt::TCP_KEEPIDLE, 77),
                get(B1, Opt::SO_ACCEPTCONN, 0),
            ],
        ),
        case(
            "a listener on one address does not hear the other",
            [
                stream(B0),
                bind(B0, loopback(1)),
                listen(B0, 1),
                stream(A1),
                connect(A1, b(1)).fails(EINPROGRESS),
                error(A1, ECONNREFUSED),
            ],
        ),
        case(
            "the listener on the address is preferred to that on the wildcard",
            [
                stream(B0),
                set(B0, Opt::SO_REUSEADDR, 1),
                bind(B0, any(1)),
                stream(B1),
                set(B1, Opt::SO_REUSEADDR, 1),
                bind(B1, b(1)),
                listen(B1, 1),
                listen(B0, 1).fails(EADDRINUSE),
            ],
        ),
        case(
            "a connection over the loopback address",
            [
                stream(A1),
                bind(A1, loopback(1)),
                listen(A1, 1),
                stream(A2),
                connect(A2, loopback(1)).fails(EINPROGRESS),
                accept(A1, A3).at(loopback(of(A2))),
                send(A2, "round"),
                recv(A3).text("round"),
                close(A3),
                recv(A2).text(""),
            ],
        )
        .both(),
        case(
            "a connection to the own address",
            [
                stream(A1),
                bind(A1, any(1)),
                listen(A1, 1),
                stream(A2),
                connect(A2, a(1)).fails(EINPROGRESS),
                accept(A1, A3).at(a(of(A2))),
                name(A2, a(Port::Ephemeral)),
                send(A3, "round"),
                recv(A2).text("round"),
            ],
        )
        .both(),
        case(
            "connect to a closed port of the own address is refused",
            [
                stream(A1),
                connect(A1, a(9)).fails(EINPROGRESS),
                error(A1, ECONNREFUSED),
                stream(A2),
                connect(A2, loopback(9)).fails(EINPROGRESS),
                error(A2, ECONNREFUSED),
            ],
        )
        .both(),
    ]
}
