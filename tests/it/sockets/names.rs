//! Which names does a socket get, and which does it not?

use smolsock::sockopt::{IPV6_V6ONLY, SO_REUSEADDR};
use smolsock::{Domain, EPHEMERAL_MIN, Errno, Readiness, Shutdown, StatusFlags, Type};

use crate::pair::{ALL, ETHERNET, ETHERNET6, IP, Net, Pair};

#[test]
fn every_call_on_a_closed_socket_is_ebadf() {
    let mut pair = Pair::new(IP);
    for kind in [Type::Stream, Type::Datagram] {
        let stack = &mut pair.a;
        let id = stack.socket(Domain::Inet, kind).expect("room");
        stack.close(id).expect("it is open");
        let bad = Err(Errno::EBADF);
        assert_eq!(stack.bind(id, IP.any(1)), bad);
        assert_eq!(stack.listen(id, 1), bad);
        assert_eq!(stack.accept(id).map(|_| ()), bad);
        assert_eq!(stack.connect(id, IP.b(1)), bad);
        assert_eq!(stack.disconnect(id), bad);
        assert_eq!(stack.send(id, b"x").map(|_| ()), bad);
        assert_eq!(stack.send_to(id, b"x", IP.b(1)).map(|_| ()), bad);
        assert_eq!(stack.recv(id, &mut [0]).map(|_| ()), bad);
        assert_eq!(stack.recv_from(id, &mut [0]).map(|_| ()), bad);
        assert_eq!(stack.shutdown(id, Shutdown::Both), bad);
        assert_eq!(stack.getsockname(id).map(|_| ()), bad);
        assert_eq!(stack.getpeername(id).map(|_| ()), bad);
        assert_eq!(stack.take_error(id).map(|_| ()), bad);
        assert_eq!(stack.readiness(id).map(|_| ()), bad);
        assert_eq!(stack.tcp_state(id).map(|_| ()), bad);
        assert_eq!(stack.dup(id).map(|_| ()), bad);
        assert_eq!(stack.fcntl_getfl(id).map(|_| ()), bad);
        assert_eq!(stack.fcntl_setfl(id, StatusFlags::NONBLOCK), bad);
        assert_eq!(stack.ioctl_fionread(id).map(|_| ()), bad);
        assert_eq!(stack.ioctl_siocoutq(id).map(|_| ()), bad);
        assert_eq!(stack.getsockopt(id, SO_REUSEADDR).map(|_| ()), bad);
        assert_eq!(stack.setsockopt(id, SO_REUSEADDR, true), bad);
        assert_eq!(stack.close(id), bad);
    }
}

#[test]
fn a_closed_id_stays_ebadf_when_its_place_is_used_again() {
    let mut pair = Pair::new(IP);
    let first = pair.a.socket(Domain::Inet, Type::Datagram).expect("room");
    pair.a.close(first).expect("it is open");
    let second = pair.a.socket(Domain::Inet, Type::Datagram).expect("room");
    assert_ne!(first, second);
    assert_eq!(pair.a.getsockname(first), Err(Errno::EBADF));
    assert_eq!(pair.a.readiness(second), Ok(Readiness::OUT));
}

#[test]
fn a_second_bind_is_einval() {
    for kind in [Type::Stream, Type::Datagram] {
        let mut pair = Pair::new(IP);
        let id = pair.a.socket(Domain::Inet, kind).expect("room");
        assert_eq!(pair.a.bind(id, IP.any(1000)), Ok(()));
        assert_eq!(pair.a.bind(id, IP.any(1001)), Err(Errno::EINVAL));
        assert_eq!(pair.a.getsockname(id), Ok(IP.any(1000)));
    }
}

#[test]
fn a_name_of_the_other_family_is_eafnosupport() {
    for net in [ETHERNET, ETHERNET6] {
        let mut pair = Pair::new(net);
        let other = Net { domain: net.other_domain(), ..net };
        for kind in [Type::Stream, Type::Datagram] {
            let id = pair.a.socket(net.domain, kind).expect("room");
            assert_eq!(pair.a.bind(id, other.any(1000)), Err(Errno::EAFNOSUPPORT));
            assert_eq!(pair.a.connect(id, other.b(80)), Err(Errno::EAFNOSUPPORT));
        }
        let id = pair.a.socket(net.domain, Type::Datagram).expect("room");
        assert_eq!(pair.a.send_to(id, b"x", other.b(80)), Err(Errno::EAFNOSUPPORT));
    }
}

#[test]
fn an_address_of_somebody_else_is_eaddrnotavail() {
    for net in ALL {
        let mut pair = Pair::new(net);
        for kind in [Type::Stream, Type::Datagram] {
            let id = pair.a.socket(net.domain, kind).expect("room");
            assert_eq!(pair.a.bind(id, net.b(1000)), Err(Errno::EADDRNOTAVAIL));
            assert_eq!(pair.a.bind(id, net.elsewhere(1000)), Err(Errno::EADDRNOTAVAIL));
            assert_eq!(pair.a.bind(id, net.a(1000)), Ok(()));
        }
    }
}

#[test]
fn groups_can_be_bound_by_udp_only() {
    let mut pair = Pair::new(IP);
    for group in ["224.0.0.251:5353", "192.0.2.255:5353", "255.255.255.255:5353"] {
        let group = group.parse().expect("an address");
        let stream = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
        assert_eq!(pair.a.bind(stream, group), Err(Errno::EADDRNOTAVAIL));
        let datagram = pair.a.socket(Domain::Inet, Type::Datagram).expect("room");
        assert_eq!(pair.a.bind(datagram, group), Ok(()));
    }
}

#[test]
fn one_port_has_one_socket_of_each_protocol_and_family() {
    let mut pair = Pair::new(IP);
    let mut bind = |domain, kind, name: &str| {
        let id = pair.a.socket(domain, kind).expect("room");
        if domain == Domain::Inet6 {
            pair.a.setsockopt(id, IPV6_V6ONLY, true).expect("a fresh socket");
        }
        pair.a.bind(id, name.parse().expect("an address"))
    };
    assert_eq!(bind(Domain::Inet, Type::Stream, "192.0.2.1:80"), Ok(()));
    assert_eq!(bind(Domain::Inet, Type::Datagram, "192.0.2.1:80"), Ok(()));
    assert_eq!(bind(Domain::Inet6, Type::Stream, "[::]:80"), Ok(()));
    assert_eq!(bind(Domain::Inet6, Type::Datagram, "[2001:db8::1]:80"), Ok(()));
    for kind in [Type::Stream, Type::Datagram] {
        assert_eq!(bind(Domain::Inet, kind, "192.0.2.1:80"), Err(Errno::EADDRINUSE));
        assert_eq!(bind(Domain::Inet, kind, "0.0.0.0:80"), Err(Errno::EADDRINUSE));
        assert_eq!(bind(Domain::Inet6, kind, "[2001:db8::1]:80"), Err(Errno::EADDRINUSE));
    }
}

#[test]
fn a_closed_socket_leaves_its_port_free() {
    let mut pair = Pair::new(IP);
    for kind in [Type::Stream, Type::Datagram] {
        for _ in 0..3 {
            let id = pair.a.socket(Domain::Inet, kind).expect("room");
            assert_eq!(pair.a.bind(id, IP.any(80)), Ok(()));
            assert_eq!(pair.a.close(id), Ok(()));
        }
    }
}

#[test]
fn port_0_gives_an_ephemeral_port_that_nobody_has() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let mut ports = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let id = pair.a.socket(net.domain, Type::Datagram).expect("room");
            pair.a.bind(id, net.any(0)).expect("a free port");
            let port = pair.a.getsockname(id).expect("it is open").port();
            assert!(port >= EPHEMERAL_MIN && EPHEMERAL_MIN == 49_152);
            assert!(ports.insert(port), "{port} was given twice");
        }
    }
}

#[test]
fn connect_and_send_to_and_listen_choose_ephemeral_ports() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let client = pair.a_connects(net, 80);
        let listener = pair.a.socket(net.domain, Type::Stream).expect("room");
        pair.a.listen(listener, 1).expect("a fresh socket");
        let sender = pair.a.socket(net.domain, Type::Datagram).expect("room");
        pair.a.send_to(sender, b"x", net.b(9)).expect("room");
        for id in [client, listener, sender] {
            assert!(pair.a.getsockname(id).expect("it is open").port() >= 49_152);
        }
        assert_eq!(pair.a.getsockname(client).expect("it is open").ip(), net.a(0).ip());
        assert!(pair.a.getsockname(listener).expect("it is open").ip().is_unspecified());
        assert!(pair.a.getsockname(sender).expect("it is open").ip().is_unspecified());
    }
}

#[test]
fn when_all_ephemeral_ports_lead_to_one_peer_the_next_connect_is_eaddrnotavail() {
    let mut pair = Pair::tuned(IP, |config| (config.tcp_recv_bytes, config.tcp_send_bytes) = (1, 1));
    let mut ports = std::collections::BTreeSet::new();
    for _ in 49_152..=65_535 {
        let id = pair.a_connects(IP, 80);
        ports.insert(pair.a.getsockname(id).expect("it is open").port());
    }
    assert_eq!(ports.len(), 16_384);
    let id = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
    assert_eq!(pair.a.connect(id, IP.b(80)), Err(Errno::EADDRNOTAVAIL));
    assert_eq!(pair.a.connect(id, IP.b(81)), Err(Errno::EINPROGRESS), "another peer, another 16,384");
}

#[test]
fn names_of_a_connection_are_those_of_both_sides() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let listener = pair.b_listens(net, 80, 0);
        assert_eq!(pair.b.getsockname(listener), Ok(net.any(80)));
        let client = pair.a_connects(net, 80);
        assert_eq!(pair.a.getpeername(client), Err(Errno::ENOTCONN), "not yet");
        pair.settle();
        let (server, remote) = pair.b.accept(listener).expect("a connection");
        assert_eq!(pair.a.getsockname(client), Ok(remote));
        assert_eq!(pair.a.getpeername(client), Ok(net.b(80)));
        assert_eq!(pair.b.getsockname(server), Ok(net.b(80)), "the address that the SYN was sent to");
        assert_eq!(pair.b.getpeername(server), Ok(remote));
        assert_eq!(pair.b.getpeername(listener), Err(Errno::ENOTCONN));
    }
}
