//! What do datagram sockets answer?

use smolsock::Errno::*;
use smolsock::Readiness;

use super::super::case::*;
use super::super::differences;

pub fn cases() -> Vec<Case> {
    let mut all = plain();
    all.extend(connected_ones());
    all.extend(errors());
    all.extend(ends());
    all
}

fn plain() -> Vec<Case> {
    let (input, output) = (Readiness::IN, Readiness::OUT);
    vec![
        case("a fresh datagram socket is writable", [datagram(A1), ready(A1, output)]).both(),
        datagrams(
            "a datagram carries its sender's address",
            [
                send_to(A1, "hello", b(1)),
                ready(B1, input | output),
                recv_from(B1).from("hello", a(1)),
                ready(B1, output),
                send_to(B1, "and back", a(1)),
                recv_from(A1).from("and back", b(1)),
            ],
        )
        .both(),
        datagrams("recvfrom with nothing there would block", [recv_from(B1).fails(EAGAIN), recv(B1).fails(EAGAIN)])
            .both(),
        case("recv on an unbound datagram socket would block", [datagram(A1), recv(A1).fails(EAGAIN)]),
        datagrams(
            "datagrams keep their boundaries",
            [
                send_to(A1, "one", b(1)),
                send_to(A1, "two", b(1)),
                recv_from(B1).from("one", a(1)),
                recv_from(B1).from("two", a(1)),
                recv_from(B1).fails(EAGAIN),
            ],
        )
        .both(),
        datagrams(
            "a datagram may be empty",
            [
                send_to(A1, "", b(1)),
                ready(B1, input | output),
                recv_from(B1).from("", a(1)),
                ready(B1, output),
                recv_from(B1).fails(EAGAIN),
            ],
        )
        .both(),
        datagrams(
            "the rest of a datagram is lost",
            [
                send_to(A1, "hello", b(1)),
                send_to(A1, "next", b(1)),
                recv_from_with(B1, 2, NONE).message(Message { from: Some(a(1)), ..message("he") }),
                recv_from(B1).from("next", a(1)),
            ],
        )
        .both(),
        datagrams(
            "MSG_TRUNC gives the whole length",
            [
                send_to(A1, "hello", b(1)),
                recv_from_with(B1, 2, TRUNC).message(Message { from: Some(a(1)), count: Some(5), ..message("he") }),
            ],
        )
        .both(),
        datagrams(
            "recv into no buffer takes the datagram",
            [
                send_to(A1, "hello", b(1)),
                ready(B1, input | output),
                recv_with(B1, 0, NONE).text(""),
                recv(B1).fails(EAGAIN),
            ],
        ),
        datagrams(
            "peek leaves the datagram",
            [
                send_to(A1, "hello", b(1)),
                recv_from_with(B1, 64, PEEK).from("hello", a(1)),
                recv_from_with(B1, 2, PEEK).from("he", a(1)),
                ready(B1, input | output),
                recv_from(B1).from("hello", a(1)),
                recv_from_with(B1, 64, PEEK).fails(EAGAIN),
            ],
        )
        .both(),
        datagrams(
            "peek with MSG_TRUNC tells the size",
            [
                send_to(A1, "hello", b(1)),
                recv_from_with(B1, 0, Flags(PEEK.0 | TRUNC.0)).message(Message {
                    from: Some(a(1)),
                    count: Some(5),
                    ..message("")
                }),
                recv_from(B1).from("hello", a(1)),
            ],
        ),
        datagrams(
            "FIONREAD is the size of the next datagram",
            [
                waiting(B1, 0),
                send_to(A1, "12345", b(1)),
                send_to(A1, "123", b(1)),
                waiting(B1, 5),
                recv(B1).text("12345"),
                waiting(B1, 3),
            ],
        )
        .both(),
        datagrams(
            "FIONREAD cannot tell an empty datagram",
            [send_to(A1, "", b(1)), ready(B1, input | output), waiting(B1, 0)],
        ),
        case("send without a peer", [datagram(A1), send(A1, "x").fails(EDESTADDRREQ)]).both(),
        case(
            "a socket is bound by a send that fails",
            [datagram(A1), send(A1, "x").fails(EDESTADDRREQ), name(A1, any(Port::Ephemeral))],
        )
        .both(),
        case(
            "a socket is bound by a connect that fails",
            [datagram(A1), connect(A1, elsewhere(1)).fails(ENETUNREACH), name(A1, any(Port::Ephemeral))],
        )
        .both(),
        case("send to port 0", [datagram(A1), send_to(A1, "x", b(0)).fails(EINVAL)]).both(),
        case("send to a network without a route", [datagram(A1), send_to(A1, "x", elsewhere(1)).fails(ENETUNREACH)])
            .both(),
        case(
            "send of an IPv4 socket to an IPv6 address",
            [datagram(A1), send_to(A1, "x", b(1).v6()).fails(EAFNOSUPPORT)],
        ),
        case(
            "send to the limited broadcast address needs SO_BROADCAST",
            [datagram(A1), bind(A1, a(1)), send_to(A1, "x", broadcast(1)).fails(EACCES)],
        ),
        case(
            "send to the subnet's broadcast address needs SO_BROADCAST",
            [datagram(A1), send_to(A1, "x", subnet_broadcast(1)).fails(EACCES)],
        ),
        case(
            "connect to a broadcast address needs SO_BROADCAST",
            [
                datagram(A1),
                connect(A1, subnet_broadcast(1)).fails(EACCES),
                set(A1, Opt::SO_BROADCAST, 1),
                connect(A1, subnet_broadcast(1)),
            ],
        ),
        case(
            "a broadcast reaches the subnet",
            [
                datagram(B1),
                bind(B1, any(1)),
                datagram(A1),
                bind(A1, a(2)),
                set(A1, Opt::SO_BROADCAST, 1),
                send_to(A1, "all", subnet_broadcast(1)),
                recv_from(B1).from("all", a(2)),
            ],
        ),
        case(
            "a limited broadcast reaches the subnet",
            [
                datagram(B1),
                bind(B1, any(1)),
                datagram(A1),
                bind(A1, a(2)),
                set(A1, Opt::SO_BROADCAST, 1),
                send_to(A1, "all", broadcast(1)),
                recv_from(B1).from("all", a(2)),
            ],
        ),
        case(
            "a socket bound to its address hears no broadcast",
            [
                datagram(B1),
                bind(B1, b(1)),
                datagram(A1),
                set(A1, Opt::SO_BROADCAST, 1),
                send_to(A1, "all", subnet_broadcast(1)),
                recv_from(B1).fails(EAGAIN),
            ],
        ),
        case(
            "a socket bound to the broadcast address hears only that",
            [
                datagram(B1),
                bind(B1, subnet_broadcast(1)),
                datagram(A1),
                bind(A1, a(2)),
                set(A1, Opt::SO_BROADCAST, 1),
                send_to(A1, "one", b(1)),
                send_to(A1, "all", subnet_broadcast(1)),
                recv_from(B1).from("all", a(2)),
                recv_from(B1).fails(EAGAIN),
            ],
        ),
        case(
            "a broadcast reaches every socket that shares the port",
            [
                datagram(B1),
                set(B1, Opt::SO_REUSEADDR, 1),
                bind(B1, any(1)),
                datagram(B2),
                set(B2, Opt::SO_REUSEADDR, 1),
                bind(B2, any(1)),
                datagram(A1),
                bind(A1, a(2)),
                set(A1, Opt::SO_BROADCAST, 1),
                send_to(A1, "all", subnet_broadcast(1)),
                recv_from(B1).from("all", a(2)),
                recv_from(B2).from("all", a(2)),
            ],
        ),
        datagrams(
            "a datagram of 65,507 bytes is the largest",
            [send_zeros_to(A1, 65_507, b(1)), recv_with(B1, 65_535, NONE).bytes(65_507)],
        ),
        case(
            "a datagram of 65,508 bytes is too large",
            [datagram(A1), send_zeros_to(A1, 65_508, b(1)).fails(EMSGSIZE)],
        ),
        case(
            "a datagram of 65,528 bytes is too large for IPv6",
            [datagram(A1), send_zeros_to(A1, 65_528, b(1)).fails(EMSGSIZE)],
        )
        .v6(),
        datagrams(
            "a datagram larger than the MTU arrives whole",
            [send_zeros_to(A1, 5_000, b(1)), recv_with(B1, 10_000, NONE).bytes(5_000)],
        )
        .both(),
        case(
            "a datagram over the loopback address",
            [
                datagram(A1),
                bind(A1, loopback(1)),
                datagram(A2),
                send_to(A2, "round", loopback(1)),
                recv_from(A1).from("round", loopback(of(A2))),
            ],
        )
        .both(),
        case(
            "a datagram to the own address",
            [
                datagram(A1),
                bind(A1, any(1)),
                datagram(A2),
                send_to(A2, "round", a(1)),
                recv_from(A1).from("round", a(of(A2))),
            ],
        )
        .both(),
        case(
            "a datagram to the wildcard address stays at home",
            [
                datagram(A1),
                bind(A1, any(1)),
                datagram(A2),
                send_to(A2, "round", any(1)),
                recv_from(A1).from("round", loopback(of(A2))),
            ],
        )
        .both(),
        case(
            "a datagram to oneself",
            [datagram(A1), bind(A1, a(1)), send_to(A1, "me", a(1)), recv_from(A1).from("me", a(1))],
        )
        .both(),
        case(
            "the socket on the address is preferred to that on the wildcard",
            [
                datagram(B1),
                set(B1, Opt::SO_REUSEADDR, 1),
                bind(B1, any(1)),
                datagram(B2),
                set(B2, Opt::SO_REUSEADDR, 1),
                bind(B2, b(1)),
                datagram(A1),
                send_to(A1, "x", b(1)),
                recv(B2).text("x"),
                recv(B1).fails(EAGAIN),
            ],
        ),
        case(
            "many clients, one server",
            [
                datagram(B1),
                bind(B1, b(1)),
                datagram(A1),
                datagram(A2),
                datagram(A3),
                send_to(A1, "1", b(1)),
                send_to(A2, "2", b(1)),
                send_to(A3, "3", b(1)),
                recv_from(B1).from("1", a(of(A1))),
                recv_from(B1).from("2", a(of(A2))),
                recv_from(B1).from("3", a(of(A3))),
                send_to(B1, "to 2", a(of(A2))),
                recv_from(A2).from("to 2", b(1)),
            ],
        )
        .both(),
    ]
}

fn connected_ones() -> Vec<Case> {
    let (input, output) = (Readiness::IN, Readiness::OUT);
    vec![
        datagrams(
            "a connected socket sends without an address",
            [connect(A1, b(1)), send(A1, "x"), recv_from(B1).from("x", a(1))],
        )
        .both(),
        datagrams(
            "a connected socket hears its peer only",
            [
                connect(A1, b(1)),
                datagram(B2),
                bind(B2, b(2)),
                send_to(B2, "stranger", a(1)),
                recv(A1).fails(EAGAIN),
                send_to(B1, "friend", a(1)),
                recv_from(A1).from("friend", b(1)),
            ],
        )
        .both(),
        datagrams(
            "what had arrived before connect stays",
            [
                datagram(B2),
                bind(B2, b(2)),
                send_to(B2, "early", a(1)),
                ready(A1, input | output),
                connect(A1, b(1)),
                recv_from(A1).from("early", b(2)),
            ],
        ),
        datagrams(
            "a connected socket may send elsewhere",
            [connect(A1, b(9)), send_to(A1, "x", b(1)), recv_from(B1).from("x", a(1))],
        )
        .both(),
        datagrams(
            "connect again changes the peer",
            [connect(A1, b(9)), connect(A1, b(1)), peer(A1).at(b(1)), send(A1, "x"), recv(B1).text("x")],
        )
        .both(),
        datagrams(
            "disconnect makes it hear everybody",
            [
                connect(A1, b(9)),
                disconnect(A1),
                peer(A1).fails(ENOTCONN),
                send(A1, "x").fails(EDESTADDRREQ),
                send_to(B1, "hello", a(1)),
                recv_from(A1).from("hello", b(1)),
            ],
        )
        .both(),
        datagrams("disconnect keeps the name it was bound to", [connect(A1, b(1)), disconnect(A1), name(A1, a(1))]),
        case(
            "disconnect gives up the address that connect chose",
            [datagram(A1), bind(A1, any(1)), connect(A1, b(1)), name(A1, a(1)), disconnect(A1), name(A1, any(1))],
        ),
        case(
            "disconnect gives up the port that connect chose",
            [datagram(A1), connect(A1, b(1)), name(A1, a(Port::Ephemeral)), disconnect(A1), name(A1, any(0))],
        ),
        case("disconnect of a fresh datagram socket is nothing", [datagram(A1), disconnect(A1), name(A1, any(0))]),
        case(
            "connect of a datagram socket to port 0",
            [datagram(A1), connect(A1, b(0)).but_ours(Answer::Fails(EADDRNOTAVAIL), differences::PORT_ZERO)],
        ),
        case(
            "connect of a datagram socket to a network without a route",
            [datagram(A1), connect(A1, elsewhere(1)).fails(ENETUNREACH), peer(A1).fails(ENOTCONN)],
        )
        .both(),
        case(
            "connect of a datagram socket to itself",
            [datagram(A1), bind(A1, a(1)), connect(A1, a(1)), send(A1, "me"), recv(A1).text("me")],
        ),
        case(
            "a connected socket is preferred to the one that listens to all",
            [
                datagram(B1),
                set(B1, Opt::SO_REUSEADDR, 1),
                bind(B1, b(1)),
                datagram(B2),
                set(B2, Opt::SO_REUSEADDR, 1),
                bind(B2, b(1)),
                datagram(A1),
                bind(A1, a(2)),
                connect(B1, a(2)),
                send_to(A1, "x", b(1)),
                recv(B1).text("x"),
                recv(B2).fails(EAGAIN),
            ],
        ),
    ]
}

fn errors() -> Vec<Case> {
    let (input, output, err) = (Readiness::IN, Readiness::OUT, Readiness::ERR);
    vec![
        case(
            "a connected socket learns that nobody is there",
            [
                datagram(A1),
                connect(A1, b(9)),
                send(A1, "x"),
                ready(A1, output | err),
                recv(A1).fails(ECONNREFUSED),
                recv(A1).fails(EAGAIN),
                ready(A1, output),
            ],
        )
        .both(),
        case(
            "send tells that nobody was there, once",
            [
                datagram(A1),
                connect(A1, b(9)),
                send(A1, "x"),
                ready(A1, output | err),
                send(A1, "y").fails(ECONNREFUSED),
                send(A1, "z"),
                send(A1, "z").fails(ECONNREFUSED),
            ],
        )
        .both(),
        case(
            "SO_ERROR tells that nobody was there, once",
            [datagram(A1), connect(A1, b(9)), send(A1, "x"), error(A1, ECONNREFUSED), no_error(A1), ready(A1, output)],
        )
        .both(),
        case(
            "sendto of a connected socket tells too",
            [
                datagram(A1),
                connect(A1, b(9)),
                send(A1, "x"),
                ready(A1, output | err),
                send_to(A1, "y", b(1)).fails(ECONNREFUSED),
            ],
        ),
        case(
            "an unconnected socket learns nothing",
            [
                datagram(A1),
                send_to(A1, "x", b(9)),
                ready(A1, output),
                no_error(A1),
                send_to(A1, "y", b(9)),
                recv_from(A1).fails(EAGAIN),
            ],
        )
        .both(),
        case(
            "a second error does not hide the first",
            [
                datagram(A1),
                connect(A1, b(9)),
                send(A1, "x"),
                ready(A1, output | err),
                error(A1, ECONNREFUSED),
                send(A1, "x"),
                error(A1, ECONNREFUSED),
            ],
        ),
        case(
            "an error comes before data that waits",
            [
                datagram(B1),
                bind(B1, b(1)),
                datagram(A1),
                bind(A1, a(2)),
                connect(A1, b(1)),
                send_to(B1, "data", a(2)),
                ready(A1, input | output),
                close(B1),
                send(A1, "x"),
                ready(A1, input | output | err),
                recv(A1).fails(ECONNREFUSED),
                recv(A1).text("data"),
            ],
        ),
        case(
            "disconnect keeps the error",
            [
                datagram(A1),
                connect(A1, b(9)),
                send(A1, "x"),
                ready(A1, output | err),
                disconnect(A1),
                error(A1, ECONNREFUSED),
            ],
        ),
        case(
            "a refusal on the own host",
            [
                datagram(A1),
                connect(A1, a(9)),
                send(A1, "x"),
                error(A1, ECONNREFUSED),
                connect(A1, loopback(9)),
                send(A1, "x"),
                error(A1, ECONNREFUSED),
            ],
        )
        .both(),
        case(
            "a neighbour that is not there is told to nobody",
            [
                datagram(A1),
                connect(A1, absent(1)),
                send(A1, "x"),
                pause(A1),
                ready(A1, output).but_ours(Answer::Ready(output | err), differences::UNREACHABLE),
                no_error(A1).but_ours(Answer::Is(i64::from(EHOSTUNREACH.number())), differences::UNREACHABLE),
                send(A1, "x"),
            ],
        )
        .both(),
        datagrams(
            "peek tells an error and takes it",
            [
                connect(A1, b(9)),
                send(A1, "x"),
                ready(A1, output | err),
                recv_with(A1, 4, PEEK).fails(ECONNREFUSED),
                recv(A1).fails(EAGAIN),
            ],
        ),
        case(
            "urgent datagrams do not exist",
            [datagram(A1), connect(A1, b(1)), send_with(A1, "x", OOB).fails(EOPNOTSUPP)],
        ),
        case(
            "urgent datagrams are like others in IPv6",
            [
                datagram(A1),
                connect(A1, b(1)),
                send_with(A1, "x", OOB).but_ours(Answer::Fails(EOPNOTSUPP), differences::URGENT),
            ],
        )
        .v6(),
    ]
}

fn ends() -> Vec<Case> {
    let (input, output, hup, rdhup) = (Readiness::IN, Readiness::OUT, Readiness::HUP, Readiness::RDHUP);
    vec![
        case(
            "shutdown of an unconnected datagram socket is ENOTCONN",
            [datagram(A1), shut(A1, Half::Read).fails(ENOTCONN), shut(A1, Half::Both).fails(ENOTCONN)],
        )
        .both(),
        datagrams(
            "shutdown of reading gives the end",
            [
                connect(A1, b(1)),
                shut(A1, Half::Read),
                ready(A1, input | output | rdhup),
                recv(A1).fails(EAGAIN).but_ours(Answer::Text(""), differences::SHUT_DATAGRAMS),
                send(A1, "x"),
                recv(B1).text("x"),
            ],
        )
        .both(),
        datagrams(
            "shutdown of writing is EPIPE",
            [
                connect(A1, b(1)),
                shut(A1, Half::Write),
                ready(A1, output),
                send(A1, "x").fails(EPIPE),
                send_to(A1, "x", b(1)).fails(EPIPE),
                send_to(B1, "hello", a(1)),
                recv(A1).text("hello"),
            ],
        )
        .both(),
        datagrams(
            "shutdown of both sides of a datagram socket",
            [
                connect(A1, b(1)),
                shut(A1, Half::Both),
                ready(A1, input | output | hup | rdhup),
                recv(A1).fails(EAGAIN).but_ours(Answer::Text(""), differences::SHUT_DATAGRAMS),
                send(A1, "x").fails(EPIPE),
            ],
        )
        .both(),
        datagrams(
            "after shutdown of reading datagrams are still received",
            [
                connect(A1, b(1)),
                shut(A1, Half::Read),
                send(B1, "x").fails(EDESTADDRREQ),
                send_to(B1, "hello", a(1)),
                recv(A1).text("hello"),
                recv(A1).fails(EAGAIN).but_ours(Answer::Text(""), differences::SHUT_DATAGRAMS),
            ],
        ),
        datagrams(
            "an unconnected shutdown acts all the same",
            [
                shut(A1, Half::Both).fails(ENOTCONN),
                recv(A1).fails(EAGAIN).but_ours(Answer::Text(""), differences::SHUT_DATAGRAMS),
                ready(A1, input | output | hup | rdhup),
            ],
        ),
        datagrams(
            "close throws waiting datagrams away",
            [send_to(A1, "x", b(1)), close(B1), datagram(B2), bind(B2, b(1)), recv(B2).fails(EAGAIN)],
        ),
        datagrams(
            "a datagram to a closed socket is refused",
            [close(B1), connect(A1, b(1)), send(A1, "x"), error(A1, ECONNREFUSED)],
        ),
    ]
}
