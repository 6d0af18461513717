//! Who may share a port: SO_REUSEADDR, SO_REUSEPORT, and IPv6 with IPv4?

use smolsock::Domain::{Inet, Inet6};
use smolsock::Errno::*;

use super::super::case::*;
use super::super::differences;

pub fn cases() -> Vec<Case> {
    let mut all = matrix();
    all.extend(dual());
    all
}

/// Two sockets with these options bind to these addresses; the second is let through or not.
fn pair_of(name: &'static str, kind: Kind, opts: [Option<Opt>; 2], ats: [At; 2], is_free: bool) -> Case {
    let mut steps = Vec::new();
    for (sock, opt) in [A1, A2].into_iter().zip(opts) {
        steps.push(socket(sock, kind));
        steps.extend(opt.map(|opt| set(sock, opt, 1)));
    }
    let [first, second] = ats;
    steps.push(bind(A1, first));
    steps.push(if is_free { bind(A2, second) } else { bind(A2, second).fails(EADDRINUSE) });
    case(name, steps)
}

fn matrix() -> Vec<Case> {
    use Kind::{Datagram, Stream};
    let addr = Some(Opt::SO_REUSEADDR);
    let port = Some(Opt::SO_REUSEPORT);
    let same = [a(1), a(1)];
    let wild = [any(1), a(1)];
    vec![
        pair_of("streams: reuse on the first alone does not help", Stream, [addr, None], same, false).both(),
        pair_of("streams: reuse on the second alone does not help", Stream, [None, addr], same, false).both(),
        pair_of("streams: reuse on both helps", Stream, [addr, addr], same, true).both(),
        pair_of("streams: reuse on both helps with the wildcard", Stream, [addr, addr], wild, true).both(),
        pair_of("streams: shared port on both helps", Stream, [port, port], same, true).both(),
        pair_of("streams: shared port on one alone does not help", Stream, [port, None], same, false).both(),
        pair_of("streams: reuse and shared port do not mix", Stream, [addr, port], same, false).both(),
        pair_of("datagrams: reuse on the first alone does not help", Datagram, [addr, None], same, false).both(),
        pair_of("datagrams: reuse on the second alone does not help", Datagram, [None, addr], same, false).both(),
        pair_of("datagrams: reuse on both helps", Datagram, [addr, addr], same, true).both(),
        pair_of("datagrams: reuse on both helps with the wildcard", Datagram, [addr, addr], wild, true).both(),
        pair_of("datagrams: shared port on both helps", Datagram, [port, port], same, true).both(),
        pair_of("datagrams: shared port on one alone does not help", Datagram, [None, port], same, false).both(),
        pair_of("datagrams: reuse and shared port do not mix", Datagram, [port, addr], same, false).both(),
        case(
            "a listener cannot be followed by a bind, reuse or not",
            [
                stream(A1),
                set(A1, Opt::SO_REUSEADDR, 1),
                bind(A1, a(1)),
                listen(A1, 1),
                stream(A2),
                set(A2, Opt::SO_REUSEADDR, 1),
                bind(A2, a(1)).fails(EADDRINUSE),
            ],
        )
        .both(),
        case(
            "listeners may share a port by SO_REUSEPORT",
            [
                stream(A1),
                set(A1, Opt::SO_REUSEPORT, 1),
                bind(A1, a(1)),
                listen(A1, 1),
                stream(A2),
                set(A2, Opt::SO_REUSEPORT, 1),
                bind(A2, a(1)),
                listen(A2, 1),
            ],
        )
        .both(),
        case(
            "of two datagram sockets with reuse the last hears",
            [
                datagram(B1),
                set(B1, Opt::SO_REUSEADDR, 1),
                bind(B1, b(1)),
                datagram(B2),
                set(B2, Opt::SO_REUSEADDR, 1),
                bind(B2, b(1)),
                datagram(A1),
                send_to(A1, "x", b(1)),
                recv(B2).text("x"),
                recv(B1).fails(EAGAIN),
            ],
        )
        .both(),
        case(
            "the last that shares the port being closed, the first hears",
            [
                datagram(B1),
                set(B1, Opt::SO_REUSEADDR, 1),
                bind(B1, b(1)),
                datagram(B2),
                set(B2, Opt::SO_REUSEADDR, 1),
                bind(B2, b(1)),
                close(B2),
                datagram(A1),
                send_to(A1, "x", b(1)),
                recv(B1).text("x"),
            ],
        ),
        case(
            "reuse set after bind counts for the next",
            [
                datagram(A1),
                bind(A1, a(1)),
                set(A1, Opt::SO_REUSEADDR, 1),
                datagram(A2),
                set(A2, Opt::SO_REUSEADDR, 1),
                bind(A2, a(1)),
            ],
        ),
    ]
}

fn dual() -> Vec<Case> {
    let [six, four] = [Inet6, Inet];
    vec![
        case(
            "a wildcard IPv6 listener takes IPv4 clients",
            [
                socket_of(B0, six, Kind::Stream),
                bind(B0, any(1).v6()),
                listen(B0, 1),
                socket_of(A1, four, Kind::Stream),
                connect(A1, b(1).v4()).fails(EINPROGRESS),
                accept(B0, B1).at(a(of(A1)).mapped()),
                name(B1, b(1).mapped()),
                send(A1, "four"),
                recv(B1).text("four"),
            ],
        ),
        case(
            "a wildcard IPv6 listener takes IPv6 clients too",
            [
                socket_of(B0, six, Kind::Stream),
                bind(B0, any(1).v6()),
                listen(B0, 1),
                socket_of(A1, six, Kind::Stream),
                connect(A1, b(1).v6()).fails(EINPROGRESS),
                accept(B0, B1).at(a(of(A1)).v6()),
                name(B1, b(1).v6()),
            ],
        ),
        case(
            "an IPv6-only listener does not take IPv4 clients",
            [
                socket_of(B0, six, Kind::Stream),
                set(B0, Opt::IPV6_V6ONLY, 1),
                bind(B0, any(1).v6()),
                listen(B0, 1),
                socket_of(A1, four, Kind::Stream),
                connect(A1, b(1).v4()).fails(EINPROGRESS),
                error(A1, ECONNREFUSED),
            ],
        ),
        case(
            "an IPv6 socket connects to a mapped address",
            [
                socket_of(B0, four, Kind::Stream),
                bind(B0, b(1).v4()),
                listen(B0, 1),
                socket_of(A1, six, Kind::Stream),
                connect(A1, b(1).mapped()).fails(EINPROGRESS),
                accept(B0, B1).at(a(of(A1)).v4()),
                name(A1, a(Port::Ephemeral).mapped()),
                peer(A1).at(b(1).mapped()),
            ],
        ),
        case(
            "an IPv6 socket connects to an IPv4 address",
            [
                socket_of(A1, six, Kind::Stream),
                connect(A1, b(1).v4()).fails(EINVAL).but_ours(Answer::Fails(EAFNOSUPPORT), differences::FAMILY),
            ],
        ),
        case(
            "an IPv6-only socket does not connect to a mapped address",
            [
                socket_of(A1, six, Kind::Stream),
                set(A1, Opt::IPV6_V6ONLY, 1),
                connect(A1, b(1).mapped()).fails(ENETUNREACH),
            ],
        ),
        case(
            "an IPv6 socket binds to a mapped address",
            [socket_of(A1, six, Kind::Stream), bind(A1, a(1).mapped()), name(A1, a(1).mapped())],
        ),
        case(
            "an IPv6-only socket does not bind to a mapped address",
            [socket_of(A1, six, Kind::Stream), set(A1, Opt::IPV6_V6ONLY, 1), bind(A1, a(1).mapped()).fails(EINVAL)],
        ),
        case(
            "a wildcard IPv6 socket takes the port of IPv4 too",
            [
                socket_of(A1, six, Kind::Stream),
                bind(A1, any(1).v6()),
                socket_of(A2, four, Kind::Stream),
                bind(A2, any(1).v4()).fails(EADDRINUSE),
            ],
        ),
        case(
            "an IPv4 socket keeps a wildcard IPv6 socket off its port",
            [
                socket_of(A1, four, Kind::Datagram),
                bind(A1, a(1).v4()),
                socket_of(A2, six, Kind::Datagram),
                bind(A2, any(1).v6()).fails(EADDRINUSE),
            ],
        ),
        case(
            "an IPv6-only socket leaves the port of IPv4 alone",
            [
                socket_of(A1, six, Kind::Stream),
                set(A1, Opt::IPV6_V6ONLY, 1),
                bind(A1, any(1).v6()),
                socket_of(A2, four, Kind::Stream),
                bind(A2, any(1).v4()),
            ],
        ),
        case(
            "an IPv6 address and an IPv4 address share a port",
            [
                socket_of(A1, six, Kind::Datagram),
                bind(A1, a(1).v6()),
                socket_of(A2, four, Kind::Datagram),
                bind(A2, a(1).v4()),
            ],
        ),
        case(
            "a mapped address clashes with the same IPv4 address",
            [
                socket_of(A1, six, Kind::Datagram),
                bind(A1, a(1).mapped()),
                socket_of(A2, four, Kind::Datagram),
                bind(A2, a(1).v4()).fails(EADDRINUSE),
            ],
        ),
        case(
            "a wildcard IPv6 datagram socket hears IPv4",
            [
                socket_of(B1, six, Kind::Datagram),
                bind(B1, any(1).v6()),
                socket_of(A1, four, Kind::Datagram),
                bind(A1, a(2).v4()),
                send_to(A1, "four", b(1).v4()),
                recv_from(B1).from("four", a(2).mapped()),
                send_to(B1, "back", a(2).mapped()),
                recv_from(A1).from("back", b(1).v4()),
            ],
        ),
        case(
            "an IPv6-only datagram socket does not hear IPv4",
            [
                socket_of(B1, six, Kind::Datagram),
                set(B1, Opt::IPV6_V6ONLY, 1),
                bind(B1, any(1).v6()),
                socket_of(A1, four, Kind::Datagram),
                send_to(A1, "four", b(1).v4()),
                recv_from(B1).fails(EAGAIN),
            ],
        ),
        case(
            "an IPv6-only datagram socket does not send to a mapped address",
            [
                socket_of(A1, six, Kind::Datagram),
                set(A1, Opt::IPV6_V6ONLY, 1),
                send_to(A1, "x", b(1).mapped()).fails(ENETUNREACH),
            ],
        ),
        case(
            "a socket bound to an IPv6 address does not send to a mapped one",
            [
                socket_of(A1, six, Kind::Datagram),
                bind(A1, a(1).v6()),
                send_to(A1, "x", b(1).mapped()).fails(ENETUNREACH),
            ],
        ),
        case(
            "an IPv6 datagram socket connects to a mapped address",
            [
                socket_of(A1, six, Kind::Datagram),
                connect(A1, b(9).mapped()),
                peer(A1).at(b(9).mapped()),
                name(A1, a(Port::Ephemeral).mapped()),
                send(A1, "x"),
                error(A1, ECONNREFUSED),
            ],
        ),
    ]
}
