//! What do `send` and `recv` of a stream answer?

use smolsock::Errno::*;
use smolsock::Readiness;

use super::super::case::*;
use super::super::differences;

pub fn cases() -> Vec<Case> {
    let (input, output) = (Readiness::IN, Readiness::OUT);
    vec![
        case("a fresh stream can only be hung up", [stream(A1), ready(A1, output | Readiness::HUP)]).both(),
        case("a bound stream can only be hung up", [stream(A1), bind(A1, a(1)), ready(A1, output | Readiness::HUP)]),
        case("send before connect is EPIPE", [stream(A1), send(A1, "x").fails(EPIPE)]).both(),
        case("recv before connect is ENOTCONN", [stream(A1), recv(A1).fails(ENOTCONN)]).both(),
        case("recvfrom before connect is ENOTCONN", [stream(A1), recv_from(A1).fails(ENOTCONN)]),
        case("sendto before connect is EPIPE", [stream(A1), send_to(A1, "x", b(1)).fails(EPIPE)]),
        case(
            "shutdown before connect is ENOTCONN",
            [
                stream(A1),
                shut(A1, Half::Read).fails(ENOTCONN),
                shut(A1, Half::Write).fails(ENOTCONN),
                shut(A1, Half::Both).fails(ENOTCONN),
            ],
        )
        .both(),
        connected("recv with nothing there would block", [recv(A1).fails(EAGAIN), ready(A1, output)]).both(),
        connected("data that waits makes readable", [send(A1, "data"), ready(B1, input | output), ready(A1, output)])
            .both(),
        connected(
            "data that was read makes no more readable",
            [send(A1, "data"), recv(B1).text("data"), ready(B1, output), recv(B1).fails(EAGAIN)],
        ),
        connected(
            "a stream has no boundaries",
            [
                send(A1, "one"),
                recv_with(B1, 2, NONE).text("on"),
                send(A1, "two"),
                waiting(B1, 4),
                recv(B1).text("etwo"),
            ],
        ),
        connected("send of nothing is nothing", [send(A1, ""), ready(B1, output), recv(B1).fails(EAGAIN)]).both(),
        connected(
            "recv of nothing takes nothing",
            [send(A1, "data"), ready(B1, input | output), recv_with(B1, 0, NONE).text(""), recv(B1).text("data")],
        ),
        connected("recv of nothing from nothing", [recv_with(B1, 0, NONE).fails(EAGAIN)]),
        connected("sendto of a connection ignores the address", [send_to(A1, "x", b(9)), recv(B1).text("x")]),
        connected("sendto of a connection to no matter what family", [send_to(A1, "x", b(9).v6()), recv(B1).text("x")]),
        connected("recvfrom of a connection names nobody", [send(A1, "x"), recv_from(B1).message(message("x"))]),
        connected(
            "peek leaves the data",
            [
                send(A1, "data"),
                recv_with(B1, 2, PEEK).text("da"),
                recv_with(B1, 64, PEEK).text("data"),
                ready(B1, input | output),
                recv(B1).text("data"),
                recv_with(B1, 64, PEEK).fails(EAGAIN),
            ],
        )
        .both(),
        connected("peek of the end of the stream", [close(A1), recv_with(B1, 64, PEEK).text(""), recv(B1).text("")]),
        connected(
            "MSG_TRUNC of a stream throws the data away",
            [
                send(A1, "data and more"),
                waiting(B1, 13),
                recv_with(B1, 5, TRUNC).message(Message { count: Some(5), data: Data::Zeros(5), ..message("") }),
                recv(B1).text("and more"),
            ],
        ),
        connected(
            "MSG_DONTWAIT of a non-blocking socket changes nothing",
            [
                recv_with(A1, 64, DONTWAIT).fails(EAGAIN),
                send_with(B1, "x", DONTWAIT),
                recv_with(A1, 64, DONTWAIT).text("x"),
            ],
        ),
        connected(
            "MSG_WAITALL does not wait on a non-blocking socket",
            [send(A1, "part"), recv_with(B1, 64, WAITALL).text("part"), recv_with(B1, 64, WAITALL).fails(EAGAIN)],
        ),
        connected(
            "MSG_NOSIGNAL changes nothing but the signal",
            [
                send_with(A1, "x", NOSIGNAL),
                recv(B1).text("x"),
                shut(A1, Half::Write),
                send_with(A1, "x", NOSIGNAL).fails(EPIPE),
            ],
        ),
        connected(
            "sending urgent data",
            [send_with(A1, "!", OOB).but_ours(Answer::Fails(EOPNOTSUPP), differences::URGENT)],
        ),
        connected("receiving urgent data that is not there", [recv_with(A1, 1, OOB).fails(EINVAL)]),
        connected(
            "a full send buffer is not writable",
            [fill(A1), ready(A1, Readiness::NONE), send(A1, "x").fails(EAGAIN)],
        ),
        connected(
            "a full send buffer becomes writable when the peer reads",
            [fill(A1), ready(A1, Readiness::NONE), drain(B1), ready(A1, output), send(A1, "x")],
        ),
        connected(
            "FIONREAD counts what waits",
            [
                waiting(B1, 0),
                send(A1, "12345"),
                waiting(B1, 5),
                recv_with(B1, 2, NONE).text("12"),
                waiting(B1, 3),
                recv(B1).text("345"),
                waiting(B1, 0),
            ],
        )
        .both(),
        connected(
            "FIONREAD does not count the end of the stream",
            [
                send(A1, "123"),
                close(A1),
                ready(B1, input | output | Readiness::RDHUP),
                waiting(B1, 3),
                recv(B1).text("123"),
                waiting(B1, 0),
            ],
        ),
        case("FIONREAD of a fresh stream is 0", [stream(A1), waiting(A1, 0)]),
        case(
            "FIONREAD of a listener is EINVAL",
            [stream(A1), listen(A1, 1), Step { linux: Answer::Fails(EINVAL), ..waiting(A1, 0) }],
        ),
        connected(
            "SIOCOUTQ counts what was not acknowledged",
            [unacknowledged(A1, 0), send(A1, "data"), unacknowledged(A1, 0)],
        ),
        connected(
            "a large transfer arrives whole",
            [send_zeros(A1, 10_000), waiting(B1, 10_000), recv_with(B1, 20_000, NONE).bytes(10_000)],
        )
        .both(),
        connected(
            "each end has its own stream",
            [send(A1, "to b"), send(B1, "to a"), recv(A1).text("to a"), recv(B1).text("to b")],
        )
        .both(),
        connected(
            "a connection does not mix with another",
            [
                stream(A2),
                connect(A2, b(1)).fails(EINPROGRESS),
                accept(B0, B2).at(a(of(A2))),
                send(A1, "first"),
                send(A2, "second"),
                recv(B2).text("second"),
                recv(B1).text("first"),
                close(A1),
                recv(B1).text(""),
                recv(B2).fails(EAGAIN),
            ],
        )
        .both(),
        connected(
            "a datagram's sender without a connection gets nothing from a stream's port",
            [datagram(A2), send_to(A2, "x", b(1)), recv(B1).fails(EAGAIN)],
        ),
    ]
}
