//! How does a connection end: shutdown, close and reset, from either side?

use smolsock::Errno::*;
use smolsock::{Readiness, TcpState};

use super::super::case::*;

pub fn cases() -> Vec<Case> {
    let mut all = halves();
    all.extend(closes());
    all.extend(resets());
    all.extend(lingers());
    all
}

fn halves() -> Vec<Case> {
    let (input, output, hup, rdhup) = (Readiness::IN, Readiness::OUT, Readiness::HUP, Readiness::RDHUP);
    vec![
        connected(
            "half-closed by us: we read on",
            [
                shut(A1, Half::Write),
                ready(A1, output),
                state(A1, TcpState::FinWait2),
                send(A1, "x").fails(EPIPE),
                send(B1, "still"),
                ready(A1, input | output),
                recv(A1).text("still"),
                recv(A1).fails(EAGAIN),
            ],
        )
        .both(),
        connected(
            "half-closed by the peer: we write on",
            [
                shut(A1, Half::Write),
                ready(B1, input | output | rdhup),
                state(B1, TcpState::CloseWait),
                recv(B1).text(""),
                recv(B1).text(""),
                send(B1, "still"),
                recv(A1).text("still"),
                ready(B1, input | output | rdhup),
            ],
        )
        .both(),
        connected(
            "the end of the stream comes after the data",
            [
                send(A1, "last words"),
                shut(A1, Half::Write),
                ready(B1, input | output | rdhup),
                recv_with(B1, 4, NONE).text("last"),
                recv(B1).text(" words"),
                recv(B1).text(""),
            ],
        )
        .both(),
        connected(
            "both half-closed, we first: TIME-WAIT is over for the socket",
            [
                shut(A1, Half::Write),
                shut(B1, Half::Write),
                ready(A1, input | output | hup | rdhup),
                ready(B1, input | output | hup | rdhup),
                state(A1, TcpState::Closed),
                state(B1, TcpState::Closed),
                recv(A1).text(""),
                recv(B1).text(""),
            ],
        ),
        connected(
            "send after both have closed is EPIPE",
            [
                shut(A1, Half::Write),
                shut(B1, Half::Write),
                send(A1, "x").fails(EPIPE),
                send(B1, "x").fails(EPIPE),
                no_error(A1),
            ],
        ),
        connected(
            "shutdown of reading gives the end at once",
            [
                shut(A1, Half::Read),
                ready(A1, input | output | rdhup),
                recv(A1).text(""),
                state(A1, TcpState::Established),
                ready(B1, output),
            ],
        )
        .both(),
        connected(
            "shutdown of reading leaves what had arrived",
            [
                send(B1, "data"),
                ready(A1, input | output),
                shut(A1, Half::Read),
                recv(A1).text("data"),
                recv(A1).text(""),
            ],
        ),
        connected(
            "after shutdown of reading the peer may still send",
            [shut(A1, Half::Read), send(B1, "data"), ready(B1, output), send(B1, "more")],
        ),
        connected(
            "after shutdown of reading we may still send",
            [shut(A1, Half::Read), send(A1, "data"), recv(B1).text("data")],
        ),
        connected(
            "shutdown of both sides",
            [
                shut(A1, Half::Both),
                ready(A1, input | output | hup | rdhup),
                state(A1, TcpState::FinWait2),
                recv(A1).text(""),
                send(A1, "x").fails(EPIPE),
                ready(B1, input | output | rdhup),
            ],
        )
        .both(),
        connected(
            "shutdown of one half and then the other",
            [
                shut(A1, Half::Read),
                shut(A1, Half::Write),
                ready(A1, input | output | hup | rdhup),
                state(A1, TcpState::FinWait2),
            ],
        ),
        connected(
            "shutdown of writing twice",
            [shut(A1, Half::Write), shut(A1, Half::Write), state(A1, TcpState::FinWait2)],
        ),
        connected(
            "shutdown after the peer's end",
            [
                shut(B1, Half::Write),
                shut(A1, Half::Write),
                state(A1, TcpState::Closed),
                shut(A1, Half::Write).fails(ENOTCONN),
            ],
        ),
        connected(
            "shutdown after a reset is ENOTCONN",
            [send(A1, "unread"), close(B1), state(A1, TcpState::Closed), shut(A1, Half::Both).fails(ENOTCONN)],
        ),
        connected(
            "a half-closed connection lives as long as wanted",
            [
                shut(A1, Half::Write),
                recv(B1).text(""),
                send(B1, "1"),
                recv(A1).text("1"),
                send(B1, "2"),
                recv(A1).text("2"),
                close(B1),
                recv(A1).text(""),
                state(A1, TcpState::Closed),
            ],
        )
        .both(),
        connected(
            "queued data goes out before the FIN of shutdown",
            [
                send_zeros(A1, 9_000),
                shut(A1, Half::Write),
                waiting(B1, 9_000),
                recv_with(B1, 10_000, NONE).bytes(9_000),
                recv(B1).text(""),
            ],
        ),
    ]
}

fn closes() -> Vec<Case> {
    let (input, output, rdhup) = (Readiness::IN, Readiness::OUT, Readiness::RDHUP);
    vec![
        connected(
            "close ends the peer's stream",
            [close(A1), ready(B1, input | output | rdhup), recv(B1).text(""), state(B1, TcpState::CloseWait)],
        )
        .both(),
        connected(
            "close sends what is queued",
            [send(A1, "queued"), close(A1), recv(B1).text("queued"), recv(B1).text("")],
        )
        .both(),
        connected(
            "the first send to a closed peer is taken, the next says EPIPE",
            [close(B1), send(A1, "to nobody"), send(A1, "to nobody").fails(EPIPE)],
        ),
        connected(
            "after a send to a closed peer the reset is seen",
            [
                close(B1),
                send(A1, "to nobody"),
                ready(A1, input | output | Readiness::ERR | Readiness::HUP | rdhup),
                error(A1, EPIPE),
                recv(A1).text(""),
            ],
        ),
        connected(
            "close of both ends",
            [close(A1), close(B1), stream(A1), connect(A1, b(1)).fails(EINPROGRESS), accept(B0, B1).at(a(of(A1)))],
        ),
        connected(
            "close acts on the last of two descriptors",
            [
                dup(A1, A2),
                close(A1),
                ready(B1, output),
                send(A2, "still"),
                recv(B1).text("still"),
                close(A2),
                recv(B1).text(""),
            ],
        )
        .both(),
        connected(
            "shutdown acts whatever the descriptors",
            [dup(A1, A2), shut(A1, Half::Write), recv(B1).text(""), send(A2, "x").fails(EPIPE)],
        ),
        connected(
            "descriptors of one socket share all",
            [
                dup(A1, A2),
                name(A2, a(of(A1))),
                peer(A2).at(b(1)),
                set(A2, Opt::SO_KEEPALIVE, 1),
                get(A1, Opt::SO_KEEPALIVE, 1),
                send(B1, "once"),
                recv(A2).text("once"),
                recv(A1).fails(EAGAIN),
            ],
        ),
        connected(
            "an error is given to one of two descriptors",
            [dup(A1, A2), send(A1, "unread"), close(B1), error(A2, ECONNRESET), no_error(A1)],
        ),
        case(
            "dup of a listener accepts",
            [
                stream(B0),
                bind(B0, b(1)),
                listen(B0, 1),
                dup(B0, B2),
                close(B0),
                stream(A1),
                connect(A1, b(1)).fails(EINPROGRESS),
                accept(B2, B1).at(a(of(A1))),
            ],
        ),
        case(
            "dup of a datagram socket receives",
            [
                datagram(B1),
                bind(B1, b(1)),
                dup(B1, B2),
                close(B1),
                datagram(A1),
                send_to(A1, "x", b(1)),
                recv(B2).text("x"),
            ],
        ),
        case(
            "the port is free when the last descriptor is closed",
            [
                stream(A1),
                bind(A1, a(1)),
                dup(A1, A2),
                close(A1),
                stream(A3),
                bind(A3, a(1)).fails(EADDRINUSE),
                close(A2),
                bind(A3, a(1)),
            ],
        ),
        connected(
            "the closer's port is in TIME-WAIT",
            [close(B1), close(A1), close(B0), stream(B2), bind(B2, b(1)).fails(EADDRINUSE)],
        )
        .both(),
        case(
            "SO_REUSEADDR lets bind through TIME-WAIT",
            [
                stream(B0),
                set(B0, Opt::SO_REUSEADDR, 1),
                bind(B0, b(1)),
                listen(B0, 1),
                stream(A1),
                connect(A1, b(1)).fails(EINPROGRESS),
                accept(B0, B1).at(a(of(A1))),
                close(B1),
                close(A1),
                close(B0),
                stream(B2),
                set(B2, Opt::SO_REUSEADDR, 1),
                bind(B2, b(1)),
                listen(B2, 1),
            ],
        )
        .both(),
        connected(
            "the port of the end that closed last is free at once",
            [close(A1), close(B1), close(B0), stream(B2), bind(B2, b(1))],
        )
        .both(),
        case(
            "a client's port in TIME-WAIT cannot be bound",
            [
                stream(B0),
                bind(B0, b(1)),
                listen(B0, 1),
                stream(A1),
                bind(A1, a(2)),
                connect(A1, b(1)).fails(EINPROGRESS),
                accept(B0, B1).at(a(2)),
                close(A1),
                close(B1),
                stream(A2),
                bind(A2, a(2)).fails(EADDRINUSE),
                set(A2, Opt::SO_REUSEADDR, 1),
                bind(A2, a(2)).fails(EADDRINUSE),
            ],
        ),
        case(
            "a client's port in TIME-WAIT can be bound if both have SO_REUSEADDR",
            [
                stream(B0),
                bind(B0, b(1)),
                listen(B0, 1),
                stream(A1),
                set(A1, Opt::SO_REUSEADDR, 1),
                bind(A1, a(2)),
                connect(A1, b(1)).fails(EINPROGRESS),
                accept(B0, B1).at(a(2)),
                close(A1),
                close(B1),
                stream(A2),
                set(A2, Opt::SO_REUSEADDR, 1),
                bind(A2, a(2)),
            ],
        ),
    ]
}

fn resets() -> Vec<Case> {
    let (input, output, rdhup) = (Readiness::IN, Readiness::OUT, Readiness::RDHUP);
    let reset = input | output | Readiness::ERR | Readiness::HUP | rdhup;
    let read = input | output | Readiness::HUP | rdhup;
    vec![
        connected(
            "close with unread data resets",
            [send(A1, "unread"), close(B1), ready(A1, reset), error(A1, ECONNRESET), ready(A1, read)],
        )
        .both(),
        connected(
            "recv after a reset says so once, then the end",
            [send(A1, "unread"), close(B1), recv(A1).fails(ECONNRESET), recv(A1).text(""), recv(A1).text("")],
        )
        .both(),
        connected(
            "send after a reset says so once, then EPIPE",
            [
                send(A1, "unread"),
                close(B1),
                ready(A1, reset),
                send(A1, "x").fails(ECONNRESET),
                send(A1, "x").fails(EPIPE),
            ],
        )
        .both(),
        connected(
            "send after a reset that recv has told is EPIPE",
            [send(A1, "unread"), close(B1), recv(A1).fails(ECONNRESET), send(A1, "x").fails(EPIPE)],
        ),
        connected(
            "recv after a reset that send has told is the end",
            [send(A1, "unread"), close(B1), ready(A1, reset), send(A1, "x").fails(ECONNRESET), recv(A1).text("")],
        ),
        connected(
            "a reset leaves data that had arrived",
            [
                send(B1, "last words"),
                send(A1, "unread"),
                waiting(A1, 10),
                close(B1),
                ready(A1, reset),
                recv(A1).text("last words"),
                recv(A1).fails(ECONNRESET),
                recv(A1).text(""),
            ],
        ),
        connected(
            "a reset after data and a failed send",
            [
                send(B1, "last words"),
                send(A1, "unread"),
                waiting(A1, 10),
                close(B1),
                ready(A1, reset),
                send(A1, "x").fails(ECONNRESET),
                recv(A1).text("last words"),
                recv(A1).text(""),
            ],
        ),
        connected(
            "a reset socket connects again",
            [
                send(A1, "unread"),
                close(B1),
                error(A1, ECONNRESET),
                connect(A1, b(1)).fails(ECONNABORTED),
                connect(A1, b(1)).fails(EINPROGRESS),
            ],
        ),
        connected(
            "close of a reset socket",
            [send(A1, "unread"), close(B1), ready(A1, reset), close(A1), close(A1).fails(EBADF)],
        ),
        connected("a reset frees the port", [send(A1, "unread"), close(B1), close(B0), stream(B2), bind(B2, b(1))]),
        connected(
            "peek tells the reset too",
            [send(A1, "unread"), close(B1), recv_with(A1, 4, PEEK).fails(ECONNRESET), recv(A1).text("")],
        ),
        connected(
            "a send that meets a reader who is gone",
            [
                shut(B1, Half::Read),
                send(A1, "x"),
                ready(A1, output),
                send(A1, "y"),
                ready(A1, output),
                state(A1, TcpState::Established),
            ],
        ),
        connected(
            "data to a closed socket resets, after the end of stream",
            [close(B1), recv(A1).text(""), send(A1, "x"), recv(A1).text(""), send(A1, "x").fails(EPIPE)],
        ),
    ]
}

fn lingers() -> Vec<Case> {
    let (input, output, rdhup) = (Readiness::IN, Readiness::OUT, Readiness::RDHUP);
    let reset = input | output | Readiness::ERR | Readiness::HUP | rdhup;
    vec![
        connected(
            "close with a linger time of 0 resets",
            [set(B1, Opt::SO_LINGER, 0), close(B1), ready(A1, reset), error(A1, ECONNRESET)],
        )
        .both(),
        connected(
            "close with a linger time of 0 leaves no TIME-WAIT",
            [set(B1, Opt::SO_LINGER, 0), close(B1), close(B0), stream(B2), bind(B2, b(1))],
        ),
        connected(
            "close with a linger time says goodbye",
            [set(B1, Opt::SO_LINGER, 3), send(B1, "bye"), close(B1), recv(A1).text("bye"), recv(A1).text("")],
        ),
        connected(
            "a linger time of 0 does not change shutdown",
            [set(B1, Opt::SO_LINGER, 0), shut(B1, Half::Both), recv(A1).text(""), state(A1, TcpState::CloseWait)],
        ),
        connected(
            "linger switched off again",
            [set(B1, Opt::SO_LINGER, 0), set(B1, Opt::SO_LINGER, -1), close(B1), recv(A1).text("")],
        ),
    ]
}
