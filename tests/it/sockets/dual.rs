//! Does an IPv6 socket speak IPv4 too?

use std::net::{IpAddr, SocketAddr};

use smolsock::sockopt::IPV6_V6ONLY;
use smolsock::{Control, Domain, Errno, MsgFlags, PacketInfo, SendMessage, Type};

use crate::pair::{ETHERNET, IP, Net, Pair, recv};

/// The IPv4-mapped form of an IPv4 address.
fn mapped(addr: SocketAddr) -> SocketAddr {
    let IpAddr::V4(ip) = addr.ip() else { panic!("{addr} is not IPv4") };
    (ip.to_ipv6_mapped(), addr.port()).into()
}

fn any6(port: u16) -> SocketAddr {
    SocketAddr::from(([0; 8], port))
}

#[test]
fn a_dual_stack_listener_takes_connections_of_both_families() {
    for net in [ETHERNET, IP] {
        let mut pair = Pair::new(net);
        let six = Net { domain: Domain::Inet6, ..net };
        let listener = pair.b_listens(six, 80, 3);
        for (family, name) in [(net, "::ffff:192.0.2.1"), (six, "2001:db8::1")] {
            let client = pair.a_connects(family, 80);
            pair.settle();
            let (server, remote) = pair.b.accept(listener).expect("a connection");
            assert_eq!(remote.ip(), name.parse::<IpAddr>().expect("an address"));
            assert_eq!(pair.b.getpeername(server), Ok(remote));
            assert!(pair.b.getsockname(server).expect("bound").is_ipv6());
            assert_eq!(pair.a.send(client, b"hi"), Ok(2));
            pair.settle();
            assert_eq!(recv(&mut pair.b, server, 9), Ok(b"hi".to_vec()));
            assert!(pair.b.netstat().to_string().contains(name), "{}", pair.b.netstat());
        }
    }
}

#[test]
fn a_dual_stack_socket_connects_to_a_mapped_address() {
    let mut pair = Pair::new(ETHERNET);
    let listener = pair.b_listens(ETHERNET, 80, 3);
    let client = pair.a.socket(Domain::Inet6, Type::Stream).expect("room");
    assert_eq!(pair.a.connect(client, ETHERNET.b(80)), Err(Errno::EAFNOSUPPORT), "not mapped");
    let to = mapped(ETHERNET.b(80));
    assert_eq!(pair.a.connect(client, to), Err(Errno::EINPROGRESS));
    pair.settle();
    assert_eq!(pair.a.connect(client, to), Ok(()));
    assert_eq!(pair.a.getpeername(client), Ok(to));
    assert_eq!(pair.a.getsockname(client).expect("bound").ip(), mapped(ETHERNET.a(0)).ip());
    let (_, remote) = pair.b.accept(listener).expect("a connection");
    assert_eq!(remote.ip(), ETHERNET.a(0).ip());
}

#[test]
fn a_socket_for_ipv6_only_knows_no_mapped_addresses() {
    let mut pair = Pair::new(IP);
    for kind in [Type::Stream, Type::Datagram] {
        let id = pair.a.socket(Domain::Inet6, kind).expect("room");
        pair.a.setsockopt(id, IPV6_V6ONLY, true).expect("a fresh socket");
        assert_eq!(pair.a.bind(id, mapped(IP.a(80))), Err(Errno::EINVAL));
        assert_eq!(pair.a.connect(id, mapped(IP.b(80))), Err(Errno::ENETUNREACH));
        assert_eq!(pair.a.bind(id, any6(80)), Ok(()));
        let four = pair.a.socket(Domain::Inet, kind).expect("room");
        assert_eq!(pair.a.bind(four, IP.any(80)), Ok(()), "IPv4 has its own port 80");
    }
    let only = pair.b.socket(Domain::Inet6, Type::Stream).expect("room");
    pair.b.setsockopt(only, IPV6_V6ONLY, true).expect("a fresh socket");
    pair.b.bind(only, any6(8080)).expect("free");
    pair.b.listen(only, 1).expect("fresh");
    let client = pair.a_connects(IP, 8080);
    pair.settle();
    assert_eq!(pair.a.connect(client, IP.b(8080)), Err(Errno::ECONNREFUSED));
}

#[test]
fn families_share_a_port_only_where_they_do_not_overlap() {
    let mut pair = Pair::new(IP);
    let mut bind = |domain, name: SocketAddr| {
        let id = pair.a.socket(domain, Type::Datagram).expect("room");
        pair.a.bind(id, name)
    };
    assert_eq!(bind(Domain::Inet6, any6(80)), Ok(()));
    assert_eq!(bind(Domain::Inet, IP.any(80)), Err(Errno::EADDRINUSE));
    assert_eq!(bind(Domain::Inet, IP.a(80)), Err(Errno::EADDRINUSE));
    assert_eq!(bind(Domain::Inet, IP.a(81)), Ok(()));
    assert_eq!(bind(Domain::Inet6, any6(81)), Err(Errno::EADDRINUSE));
    assert_eq!(bind(Domain::Inet6, mapped(IP.a(82))), Ok(()));
    assert_eq!(bind(Domain::Inet, IP.any(82)), Err(Errno::EADDRINUSE));
}

#[test]
fn datagrams_of_both_families_come_to_one_socket_and_are_answered() {
    let mut pair = Pair::new(ETHERNET);
    let six = Net { domain: Domain::Inet6, ..ETHERNET };
    let server = pair.b.socket(Domain::Inet6, Type::Datagram).expect("room");
    pair.b.bind(server, any6(7)).expect("free");
    for net in [ETHERNET, six] {
        let client = pair.a.socket(net.domain, Type::Datagram).expect("room");
        assert_eq!(pair.a.send_to(client, b"ping", net.b(7)), Ok(4));
        pair.settle();
        let datagram = pair.b.recv_from(server, &mut [0; 9]).expect("it is there");
        assert!(datagram.remote.is_ipv6() && datagram.local.is_ipv6(), "{datagram:?}");
        assert_eq!(pair.b.send_to(server, b"pong", datagram.remote), Ok(4));
        pair.settle();
        assert_eq!(pair.a.recv_from(client, &mut [0; 9]).expect("an answer").remote, net.b(7));
    }
    let local = mapped(ETHERNET.b(0)).ip();
    let control = Control { packet_info: Some(PacketInfo { local, interface: 0 }), ..Control::NONE };
    let message = SendMessage { pieces: &[b"x"], to: Some(mapped(ETHERNET.a(9))), control };
    assert_eq!(pair.b.sendmsg(server, &message, MsgFlags::NONE), Ok(1));
}

#[test]
fn a_name_of_one_family_does_not_reach_the_other() {
    let mut pair = Pair::new(IP);
    let six = Net { domain: Domain::Inet6, ..IP };
    for kind in [Type::Stream, Type::Datagram] {
        let id = pair.a.socket(Domain::Inet6, kind).expect("room");
        pair.a.bind(id, mapped(IP.a(5000))).expect("own");
        assert_eq!(pair.a.getsockname(id), Ok(mapped(IP.a(5000))));
        assert_eq!(pair.a.connect(id, six.b(80)), Err(Errno::EAFNOSUPPORT));
        let id = pair.a.socket(Domain::Inet6, kind).expect("room");
        pair.a.bind(id, six.a(5001)).expect("own");
        assert_eq!(pair.a.connect(id, mapped(IP.b(80))), Err(Errno::ENETUNREACH));
    }
}

#[test]
fn nobody_in_particular_is_this_host_itself() {
    // Linux: INADDR_ANY as a destination is the loopback address.
    for (net, name) in [(IP, "127.0.0.1"), (Net { domain: Domain::Inet6, ..IP }, "::1")] {
        let mut pair = Pair::new(net);
        pair.b_listens(net, 80, 3);
        let client = pair.b.socket(net.domain, Type::Stream).expect("room");
        assert_eq!(pair.b.connect(client, net.any(80)), Err(Errno::EINPROGRESS));
        pair.settle();
        assert_eq!(pair.b.connect(client, net.any(80)), Ok(()));
        assert_eq!(pair.b.getpeername(client).expect("connected").ip().to_string(), name);
    }
}

#[test]
fn a_datagram_socket_without_its_peer_is_as_it_was_bound() {
    let mut pair = Pair::new(IP);
    let (a, b) = pair.datagram_sockets(IP);
    pair.a.connect(a, IP.b(7)).expect("a route");
    assert_eq!(pair.a.getsockname(a), Ok(IP.a(7)));
    assert_eq!(pair.a.disconnect(a), Ok(()));
    assert_eq!(pair.a.getsockname(a), Ok(IP.any(7)), "the port was named, the address was not");
    assert_eq!(pair.a.getpeername(a), Err(Errno::ENOTCONN));
    assert_eq!(pair.a.send(a, b"x"), Err(Errno::EDESTADDRREQ));
    let other = pair.b.socket(Domain::Inet, Type::Datagram).expect("room");
    assert_eq!(pair.b.send_to(other, b"anyone", IP.a(7)), Ok(6));
    pair.settle();
    assert_eq!(recv(&mut pair.a, a, 9), Ok(b"anyone".to_vec()));
    assert_eq!(pair.b.disconnect(b), Ok(()), "it has none");
    let stream = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
    assert_eq!(pair.a.disconnect(stream), Err(Errno::EOPNOTSUPP));
}
