//! What do the calls on UDP sockets do?

use std::net::IpAddr;

use smolsock::sockopt::IPV6_V6ONLY;
use smolsock::{Domain, Errno, Readiness, Shutdown, TcpState, Type};
use smolsock_sim::app::pattern::pattern;
use smolsock_sim::observe::dissect::Packet;

use crate::pair::{ALL, ETHERNET, ETHERNET6, IP, Net, Pair, secs};

#[test]
fn datagrams_arrive_whole_in_order_and_with_their_sender() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (a, b) = pair.datagram_sockets(net);
        for len in [1, 0, 1000, 3] {
            assert_eq!(pair.a.send_to(a, &pattern(1, len), net.b(7)), Ok(len));
        }
        pair.settle();
        let mut buffer = [0; 2048];
        for len in [1, 0, 1000, 3] {
            let datagram = pair.b.recv_from(b, &mut buffer).expect("a datagram");
            assert_eq!((datagram.len, datagram.full_len, datagram.is_truncated()), (len, len, false));
            assert_eq!((datagram.remote, datagram.local), (net.a(7), net.b(0).ip()));
            assert_eq!(buffer[..len], pattern(1, len));
        }
        assert_eq!(pair.b.recv_from(b, &mut buffer), Err(Errno::EAGAIN));
    }
}

#[test]
fn an_empty_datagram_is_a_datagram() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (a, b) = pair.datagram_sockets(net);
        assert_eq!(pair.b.readiness(b), Ok(Readiness::OUT));
        assert_eq!(pair.a.send_to(a, &[], net.b(7)), Ok(0));
        pair.settle();
        assert_eq!(pair.b.readiness(b), Ok(Readiness::IN | Readiness::OUT));
        assert_eq!(pair.b.recv(b, &mut [0; 4]), Ok(0));
        assert_eq!(pair.b.recv(b, &mut [0; 4]), Err(Errno::EAGAIN));
    }
}

#[test]
fn a_datagram_larger_than_the_buffer_is_cut_and_says_so() {
    let mut pair = Pair::new(IP);
    let (a, b) = pair.datagram_sockets(IP);
    assert_eq!(pair.a.send_to(a, b"0123456789", IP.b(7)), Ok(10));
    assert_eq!(pair.a.send_to(a, b"next", IP.b(7)), Ok(4));
    pair.settle();
    let mut buffer = [0; 4];
    let datagram = pair.b.recv_from(b, &mut buffer).expect("a datagram");
    assert_eq!((datagram.len, datagram.full_len, datagram.is_truncated()), (4, 10, true));
    assert_eq!(&buffer, b"0123");
    assert_eq!(pair.b.recv(b, &mut buffer), Ok(4), "the rest is lost, and the next one is whole");
    assert_eq!(&buffer, b"next");
}

#[test]
fn a_datagram_that_fills_a_packet_is_not_cut_and_one_byte_more_is() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (a, b) = pair.datagram_sockets(net);
        let max = if net.domain == Domain::Inet { 1500 - 28 } else { 1500 - 48 };
        assert_eq!(pair.a.send_to(a, &pattern(9, max), net.b(7)), Ok(max));
        pair.settle();
        assert_eq!(pair.a.counters().fragmented, 0);
        let mut buffer = [0; 2048];
        assert_eq!(pair.b.recv(b, &mut buffer), Ok(max));
        assert_eq!(buffer[..max], pattern(9, max));
        assert_eq!(pair.a.send_to(a, &pattern(9, max + 1), net.b(7)), Ok(max + 1));
        pair.settle();
        assert_eq!(pair.a.counters().fragmented, 1);
        assert_eq!(pair.b.recv(b, &mut buffer), Ok(max + 1));
    }
}

#[test]
fn a_datagram_without_a_receiver_to_name_is_edestaddrreq() {
    let mut pair = Pair::new(IP);
    let id = pair.a.socket(Domain::Inet, Type::Datagram).expect("room");
    assert_eq!(pair.a.send(id, b"x"), Err(Errno::EDESTADDRREQ));
    assert_eq!(pair.a.getpeername(id), Err(Errno::ENOTCONN));
    for how in [Shutdown::Read, Shutdown::Write, Shutdown::Both] {
        assert_eq!(pair.a.shutdown(id, how), Err(Errno::ENOTCONN));
    }
}

#[test]
fn impossible_receivers_are_refused_at_once() {
    let mut pair = Pair::new(IP);
    let id = pair.a.socket(Domain::Inet, Type::Datagram).expect("room");
    let mut send_to = |to: &str| pair.a.send_to(id, b"x", to.parse().expect("an address"));
    assert_eq!(send_to("192.0.2.2:0"), Err(Errno::EINVAL));
    assert_eq!(send_to("192.0.2.255:7"), Err(Errno::EACCES));
    assert_eq!(send_to("255.255.255.255:7"), Err(Errno::EACCES));
    assert_eq!(send_to("198.51.100.1:7"), Err(Errno::ENETUNREACH));
    let mut connect = |to: &str| pair.a.connect(id, to.parse().expect("an address"));
    assert_eq!(connect("192.0.2.2:0"), Err(Errno::EADDRNOTAVAIL));
    assert_eq!(connect("192.0.2.255:7"), Err(Errno::EACCES));
    assert_eq!(connect("198.51.100.1:7"), Err(Errno::ENETUNREACH));
    // As on Linux, all that is left of it is a port.
    let name = pair.a.getsockname(id).expect("open");
    assert!(name.ip().is_unspecified() && name.port() >= smolsock::EPHEMERAL_MIN, "{name}");
    assert_eq!(pair.a.getpeername(id), Err(Errno::ENOTCONN));
}

#[test]
fn calls_for_streams_are_eopnotsupp_on_datagrams() {
    let mut pair = Pair::new(IP);
    let id = pair.a.socket(Domain::Inet, Type::Datagram).expect("room");
    assert_eq!(pair.a.listen(id, 1), Err(Errno::EOPNOTSUPP));
    assert_eq!(pair.a.accept(id), Err(Errno::EOPNOTSUPP));
    assert_eq!(pair.a.tcp_state(id).map(|_: TcpState| ()), Err(Errno::EOPNOTSUPP));
}

#[test]
fn a_connected_socket_hears_its_peer_and_nobody_else() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (a, b) = pair.datagram_sockets(net);
        let stranger = pair.b.socket(net.domain, Type::Datagram).expect("room");
        assert_eq!(pair.a.connect(a, net.b(7)), Ok(()));
        assert_eq!(pair.a.getpeername(a), Ok(net.b(7)));
        assert_eq!(pair.a.getsockname(a), Ok(net.a(7)), "connecting fixes the own address");
        assert_eq!(pair.b.send_to(stranger, b"psst", net.a(7)), Ok(4));
        assert_eq!(pair.b.send_to(b, b"hello", net.a(7)), Ok(5));
        pair.settle();
        let mut buffer = [0; 16];
        assert_eq!(pair.a.recv(a, &mut buffer), Ok(5));
        assert_eq!(pair.a.recv(a, &mut buffer), Err(Errno::EAGAIN));
        assert_eq!(pair.a.counters().refused, 1);
        assert_eq!(pair.a.send(a, b"hello yourself"), Ok(14));
        pair.settle();
        assert_eq!(pair.b.recv(b, &mut buffer), Ok(14));
    }
}

#[test]
fn a_socket_can_be_connected_anew() {
    let mut pair = Pair::new(IP);
    let (a, b) = pair.datagram_sockets(IP);
    let other = pair.b.socket(Domain::Inet, Type::Datagram).expect("room");
    pair.b.bind(other, IP.any(8)).expect("a free port");
    for (port, receiver) in [(7, b), (8, other), (8, other), (7, b)] {
        assert_eq!(pair.a.connect(a, IP.b(port)), Ok(()));
        assert_eq!(pair.a.send(a, b"x"), Ok(1));
        pair.settle();
        assert_eq!(pair.b.recv(receiver, &mut [0]), Ok(1));
    }
}

#[test]
fn port_unreachable_is_econnrefused_once_for_a_connected_socket_only() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let connected = pair.a.socket(net.domain, Type::Datagram).expect("room");
        let free = pair.a.socket(net.domain, Type::Datagram).expect("room");
        assert_eq!(pair.a.connect(connected, net.b(9)), Ok(()));
        assert_eq!(pair.a.send(connected, b"anybody?"), Ok(8));
        assert_eq!(pair.a.send_to(free, b"anybody?", net.b(9)), Ok(8));
        pair.settle();
        let unreachable = |packet: &Packet| matches!(packet, Packet::Icmp(_));
        assert_eq!(pair.seen.iter().filter(|seen| unreachable(&seen.packet.packet)).count(), 2);
        let ready = pair.a.readiness(connected).expect("it is open");
        assert_eq!(ready, Readiness::ERR | Readiness::OUT, "as on Linux: nothing is there to be received");
        assert_eq!(pair.a.recv(connected, &mut [0]), Err(Errno::ECONNREFUSED));
        assert_eq!(pair.a.recv(connected, &mut [0]), Err(Errno::EAGAIN));
        assert_eq!(pair.a.send(connected, b"again"), Ok(5));
        pair.settle();
        assert_eq!(pair.a.send(connected, b"again"), Err(Errno::ECONNREFUSED));
        assert_eq!(pair.a.send(connected, b"again"), Ok(5));
        assert_eq!(pair.a.recv(free, &mut [0]), Err(Errno::EAGAIN));
        assert_eq!(pair.a.take_error(free), Ok(None));
    }
}

#[test]
fn a_silent_neighbour_is_ehostunreach_after_three_requests() {
    for net in [ETHERNET, ETHERNET6] {
        let mut pair = Pair::new(net);
        let id = pair.a.socket(net.domain, Type::Datagram).expect("room");
        assert_eq!(pair.a.send_to(id, b"anybody?", net.host(9, 7)), Ok(8));
        pair.run_for(secs(3));
        assert_eq!(pair.seen.len(), 3);
        assert_eq!(pair.a.take_error(id), Ok(Some(Errno::EHOSTUNREACH)));
        assert_eq!(pair.next_step(), None, "nothing is left to do");
    }
}

#[test]
fn a_datagram_for_a_silent_neighbour_holds_up_no_other_socket() {
    let mut pair = Pair::new(ETHERNET);
    let (a, b) = pair.datagram_sockets(ETHERNET);
    let other = pair.a.socket(Domain::Inet, Type::Datagram).expect("room");
    assert_eq!(pair.a.send_to(other, b"anybody?", ETHERNET.host(9, 7)), Ok(8));
    assert_eq!(pair.a.send_to(a, b"hello", ETHERNET.b(7)), Ok(5));
    pair.settle();
    assert_eq!(pair.b.recv(b, &mut [0; 16]), Ok(5));
}

#[test]
fn a_full_receive_queue_drops_and_counts_what_comes_after() {
    let mut pair = Pair::tuned(IP, |config| config.udp_queue_datagrams = 4);
    let (a, b) = pair.datagram_sockets(IP);
    for number in 0..6 {
        assert_eq!(pair.a.send_to(a, &[number], IP.b(7)), Ok(1));
        pair.settle();
    }
    assert_eq!(pair.b.counters().dropped_datagram_overflow, 2);
    let mut buffer = [0];
    for number in 0..4 {
        assert_eq!(pair.b.recv(b, &mut buffer), Ok(1));
        assert_eq!(buffer, [number]);
    }
    assert_eq!(pair.b.recv(b, &mut buffer), Err(Errno::EAGAIN));
    assert_eq!(pair.a.send_to(a, &[9], IP.b(7)), Ok(1));
    pair.settle();
    assert_eq!(pair.b.recv(b, &mut buffer), Ok(1));
}

#[test]
fn a_full_send_queue_is_eagain_and_empties_with_a_step() {
    let mut pair = Pair::tuned(IP, |config| config.udp_queue_datagrams = 4);
    let (a, _b) = pair.datagram_sockets(IP);
    for _ in 0..4 {
        assert_eq!(pair.a.send_to(a, b"x", IP.b(7)), Ok(1));
    }
    assert_eq!(pair.a.send_to(a, b"x", IP.b(7)), Err(Errno::EAGAIN));
    assert_eq!(pair.a.readiness(a), Ok(Readiness::NONE));
    pair.settle();
    assert_eq!(pair.a.readiness(a), Ok(Readiness::OUT));
    assert_eq!(pair.a.send_to(a, b"x", IP.b(7)), Ok(1));
}

#[test]
fn shutdown_of_a_connected_socket_ends_its_direction() {
    let mut pair = Pair::new(IP);
    let (a, b) = pair.datagram_sockets(IP);
    pair.a.connect(a, IP.b(7)).expect("a peer");
    assert_eq!(pair.a.shutdown(a, Shutdown::Write), Ok(()));
    assert_eq!(pair.a.send(a, b"x"), Err(Errno::EPIPE));
    assert_eq!(pair.b.send_to(b, b"x", IP.a(7)), Ok(1));
    pair.settle();
    assert_eq!(pair.a.recv(a, &mut [0; 4]), Ok(1));
    assert_eq!(pair.a.shutdown(a, Shutdown::Read), Ok(()));
    assert_eq!(pair.a.recv(a, &mut [0; 4]), Ok(0));
    let ready = pair.a.readiness(a).expect("it is open");
    assert!(ready.contains(Readiness::IN | Readiness::OUT | Readiness::HUP | Readiness::RDHUP), "{ready:?}");
}

#[test]
fn the_socket_bound_to_the_address_comes_before_the_one_bound_to_any() {
    let mut pair = Pair::new(IP);
    let sender = pair.a.socket(Domain::Inet, Type::Datagram).expect("room");
    let (_, any) = pair.datagram_sockets(IP);
    let six = pair.b.socket(Domain::Inet6, Type::Datagram).expect("room");
    let net6 = Net { domain: Domain::Inet6, ..IP };
    pair.b.setsockopt(six, IPV6_V6ONLY, true).expect("a fresh socket");
    pair.b.bind(six, net6.any(7)).expect("the other family's port 7");
    assert_eq!(pair.a.send_to(sender, b"4", IP.b(7)), Ok(1));
    pair.settle();
    assert_eq!(pair.b.recv(six, &mut [0]), Err(Errno::EAGAIN));
    assert_eq!(pair.b.recv(any, &mut [0]), Ok(1));
}

#[test]
fn a_datagram_to_a_group_says_which_group() {
    let mut pair = Pair::new(ETHERNET);
    let (a, b) = pair.datagram_sockets(ETHERNET);
    let group: IpAddr = [224, 0, 0, 1].into();
    assert_eq!(pair.a.send_to(a, b"all systems", (group, 7).into()), Ok(11));
    pair.settle();
    let datagram = pair.b.recv_from(b, &mut [0; 16]).expect("a datagram");
    assert_eq!((datagram.remote, datagram.local), (ETHERNET.a(7), group));
    assert!(pair.seen.iter().all(|seen| !matches!(seen.packet.packet, Packet::Arp(_) | Packet::Icmp(_))));
}
