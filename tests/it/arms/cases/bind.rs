//! Which addresses can be bound, and what are sockets called before and after?

use smolsock::Errno::*;
use smolsock::{Domain, TcpState};

use super::super::case::*;
use super::super::differences;

pub fn cases() -> Vec<Case> {
    vec![
        case("a fresh stream socket is called nothing", [stream(A1), name(A1, any(0)), peer(A1).fails(ENOTCONN)])
            .both(),
        case("a fresh datagram socket is called nothing", [datagram(A1), name(A1, any(0)), peer(A1).fails(ENOTCONN)])
            .both(),
        case(
            "bind to port 0 chooses an ephemeral port at once",
            [stream(A1), bind(A1, any(0)), name(A1, any(Port::Ephemeral))],
        )
        .both(),
        case(
            "bind of a datagram socket to port 0 chooses an ephemeral port",
            [datagram(A1), bind(A1, a(0)), name(A1, a(Port::Ephemeral))],
        )
        .both(),
        case("bind to an own address is kept", [stream(A1), bind(A1, a(1)), name(A1, a(1))]).both(),
        case("bind to the loopback address", [stream(A1), bind(A1, loopback(1)), name(A1, loopback(1))]).both(),
        case(
            "bind of a datagram socket to the loopback address",
            [datagram(A1), bind(A1, loopback(1)), name(A1, loopback(1))],
        )
        .both(),
        case("bind twice is refused", [stream(A1), bind(A1, a(1)), bind(A1, a(2)).fails(EINVAL), name(A1, a(1))])
            .both(),
        case(
            "bind twice of a datagram socket is refused",
            [datagram(A1), bind(A1, a(1)), bind(A1, a(1)).fails(EINVAL)],
        )
        .both(),
        case("bind to another host's address is refused", [stream(A1), bind(A1, b(1)).fails(EADDRNOTAVAIL)]).both(),
        case(
            "bind of a datagram socket to another host's address is refused",
            [datagram(A1), bind(A1, b(1)).fails(EADDRNOTAVAIL)],
        )
        .both(),
        case(
            "bind of a stream to a group",
            [stream(A1), bind(A1, group(1)).but_ours(Answer::Fails(EADDRNOTAVAIL), differences::TCP_GROUP)],
        ),
        case(
            "bind of a stream to a group in IPv6",
            [
                stream(A1),
                bind(A1, group(1)).fails(EINVAL).but_ours(Answer::Fails(EADDRNOTAVAIL), differences::TCP_GROUP),
            ],
        )
        .v6(),
        case("bind of a datagram socket to a group", [datagram(A1), bind(A1, group(1)), name(A1, group(1))]).both(),
        case(
            "bind of a datagram socket to the limited broadcast address",
            [datagram(A1), bind(A1, broadcast(1)), name(A1, broadcast(1))],
        ),
        case(
            "bind of a datagram socket to the subnet's broadcast address",
            [datagram(A1), bind(A1, subnet_broadcast(1)), name(A1, subnet_broadcast(1))],
        ),
        case(
            "bind of a stream to the subnet's broadcast address",
            [stream(A1), bind(A1, subnet_broadcast(1)).but_ours(Answer::Fails(EADDRNOTAVAIL), differences::TCP_GROUP)],
        ),
        case(
            "bind of an IPv4 socket to an IPv6 address is refused",
            [stream(A1), bind(A1, a(1).v6()).fails(EAFNOSUPPORT)],
        ),
        case(
            "bind of an IPv4 datagram socket to an IPv6 address is refused",
            [datagram(A1), bind(A1, a(1).v6()).fails(EAFNOSUPPORT)],
        ),
        case(
            "bind of an IPv6 socket to an IPv4 address is refused",
            [stream(A1), bind(A1, a(1).v4()).fails(EINVAL).but_ours(Answer::Fails(EAFNOSUPPORT), differences::FAMILY)],
        )
        .v6(),
        case(
            "a closed socket is a bad descriptor",
            [
                stream(A1),
                close(A1),
                bind(A1, a(1)).fails(EBADF),
                listen(A1, 1).fails(EBADF),
                connect(A1, b(1)).fails(EBADF),
                accept(A1, A2).fails(EBADF),
                send(A1, "x").fails(EBADF),
                send_to(A1, "x", b(1)).fails(EBADF),
                recv(A1).fails(EBADF),
                recv_from(A1).fails(EBADF),
                shut(A1, Half::Both).fails(EBADF),
                close(A1).fails(EBADF),
                peer(A1).fails(EBADF),
            ],
        ),
        case(
            "a closed socket's options are those of a bad descriptor",
            [
                stream(A1),
                close(A1),
                set(A1, Opt::SO_KEEPALIVE, 1).fails(EBADF),
                get(A1, Opt::SO_KEEPALIVE, 0).fails(EBADF),
                dup(A1, A2).fails(EBADF),
                sendmsg(A1, &["x"], None, Control::default()).fails(EBADF),
                recvmsg(A1, &[1], NONE).fails(EBADF),
            ],
        ),
        case(
            "a port is in use by a bound stream",
            [stream(A1), bind(A1, a(1)), stream(A2), bind(A2, a(1)).fails(EADDRINUSE)],
        )
        .both(),
        case(
            "a port is in use by a bound datagram socket",
            [datagram(A1), bind(A1, a(1)), datagram(A2), bind(A2, a(1)).fails(EADDRINUSE)],
        )
        .both(),
        case(
            "the wildcard address clashes with an address",
            [stream(A1), bind(A1, any(1)), stream(A2), bind(A2, a(1)).fails(EADDRINUSE)],
        )
        .both(),
        case(
            "an address clashes with the wildcard address",
            [datagram(A1), bind(A1, a(1)), datagram(A2), bind(A2, any(1)).fails(EADDRINUSE)],
        )
        .both(),
        case("two addresses share a port", [stream(A1), bind(A1, a(1)), stream(A2), bind(A2, loopback(1))]).both(),
        case("streams and datagrams share a port", [stream(A1), bind(A1, a(1)), datagram(A2), bind(A2, a(1))]).both(),
        case("close gives the port back", [stream(A1), bind(A1, a(1)), close(A1), stream(A2), bind(A2, a(1))]).both(),
        case(
            "close of a datagram socket gives the port back",
            [datagram(A1), bind(A1, a(1)), close(A1), datagram(A2), bind(A2, a(1))],
        )
        .both(),
        case(
            "a failed bind leaves the socket as it was",
            [stream(A1), bind(A1, b(1)).fails(EADDRNOTAVAIL), name(A1, any(0)), bind(A1, a(1)), name(A1, a(1))],
        ),
        case(
            "bind after connect is refused",
            [stream(A1), connect(A1, silent(1)).fails(EINPROGRESS), bind(A1, a(2)).fails(EINVAL)],
        ),
        case(
            "a bound port is the source of the connection",
            [
                stream(B0),
                bind(B0, b(1)),
                listen(B0, 1),
                stream(A1),
                bind(A1, a(2)),
                connect(A1, b(1)).fails(EINPROGRESS),
                accept(B0, B1).at(a(2)),
                peer(B1).at(a(2)),
                name(A1, a(2)),
            ],
        )
        .both(),
        case(
            "a listener that was never bound has an ephemeral port",
            [stream(A1), listen(A1, 1), name(A1, any(Port::Ephemeral))],
        )
        .both(),
        connected(
            "both ends know each other's names",
            [
                name(A1, a(Port::Ephemeral)),
                peer(A1).at(b(1)),
                name(B1, b(1)),
                peer(B1).at(a(of(A1))),
                name(B0, b(1)),
                peer(B0).fails(ENOTCONN),
            ],
        )
        .both(),
        case(
            "a child of a wildcard listener has the address that was called",
            [
                stream(B0),
                bind(B0, any(1)),
                listen(B0, 1),
                stream(A1),
                connect(A1, b(1)).fails(EINPROGRESS),
                accept(B0, B1).at(a(of(A1))),
                name(B0, any(1)),
                name(B1, b(1)),
            ],
        )
        .both(),
        case(
            "while connecting, the local name is there and the peer's is not",
            [
                stream(A1),
                connect(A1, silent(1)).fails(EINPROGRESS),
                name(A1, a(Port::Ephemeral)),
                peer(A1).fails(ENOTCONN),
                state(A1, TcpState::SynSent),
            ],
        )
        .both(),
        connected(
            "after the peer's end of stream the peer still has its name",
            [close(B1), recv(A1).text(""), peer(A1).at(b(1))],
        )
        .both(),
        connected(
            "after a reset there is no peer",
            [
                send(A1, "unread"),
                close(B1),
                state(A1, TcpState::Closed),
                peer(A1).fails(ENOTCONN),
                name(A1, a(Port::Ephemeral)),
            ],
        ),
        connected(
            "after shutdown of both sides the peer has its name until the end",
            [shut(A1, Half::Both), peer(A1).at(b(1)), name(A1, a(Port::Ephemeral))],
        ),
        case(
            "a refused connection leaves no peer",
            [stream(A1), connect(A1, b(9)).fails(EINPROGRESS), error(A1, ECONNREFUSED), peer(A1).fails(ENOTCONN)],
        ),
        case(
            "a connected datagram socket has both names",
            [datagram(A1), connect(A1, b(1)), name(A1, a(Port::Ephemeral)), peer(A1).at(b(1))],
        )
        .both(),
        case(
            "a datagram socket that has sent has a port but no address",
            [datagram(A1), send_to(A1, "x", b(9)), name(A1, any(Port::Ephemeral)), peer(A1).fails(ENOTCONN)],
        )
        .both(),
        case(
            "an IPv6 and an IPv4 socket of their own",
            [
                socket_of(A1, Domain::Inet, Kind::Stream),
                socket_of(A2, Domain::Inet6, Kind::Stream),
                bind(A1, a(1).v4()),
                bind(A2, a(1).v6()),
                name(A1, a(1).v4()),
                name(A2, a(1).v6()),
            ],
        ),
    ]
}
