//! Which defects were found by looking for them, and stay mended?

use smolsock::sockopt::{SO_LINGER, TCP_CORK};
use smolsock::{Domain, Errno, Shutdown, Stack, Storage, TcpState, Type};

use crate::pair::{ETHERNET, ETHERNET6, End, IP, Pair, secs, states};

/// Both open at once; the SYNs cross, the SYN-ACKs are lost: SYN-RECEIVED, without a listener.
fn simultaneous<'a>(pair: &mut Pair<'a>) -> [smolsock::SocketId; 2] {
    let a = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
    let b = pair.b.socket(Domain::Inet, Type::Stream).expect("room");
    pair.a.bind(a, IP.a(1000)).expect("free");
    pair.b.bind(b, IP.b(2000)).expect("free");
    assert_eq!(pair.a.connect(a, IP.b(2000)), Err(Errno::EINPROGRESS));
    assert_eq!(pair.b.connect(b, IP.a(1000)), Err(Errno::EINPROGRESS));
    pair.carries = Box::new(|seen| seen.packet.tcp().is_none_or(|tcp| tcp.flags.to_string() == "SYN"));
    pair.settle();
    assert_eq!(pair.a.tcp_state(a), Ok(TcpState::SynReceived));
    [a, b]
}

/// B28. The SYN of the other side comes while ours still waits for the neighbour's address: smoltcp takes it, works out
/// how much of a window it has told, which is none, and panics.
#[test]
fn a_syn_that_comes_before_ours_could_be_sent_does_no_harm() {
    let mut pair = Pair::new(ETHERNET);
    let a = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
    let b = pair.b.socket(Domain::Inet, Type::Stream).expect("room");
    pair.a.bind(a, ETHERNET.a(1000)).expect("free");
    pair.b.bind(b, ETHERNET.b(2000)).expect("free");
    assert_eq!(pair.a.connect(a, ETHERNET.b(2000)), Err(Errno::EINPROGRESS));
    assert_eq!(pair.b.connect(b, ETHERNET.a(1000)), Err(Errno::EINPROGRESS));
    // Nobody tells `b` where `a` is.
    pair.carries = Box::new(|seen| seen.from == End::B || seen.packet.tcp().is_some());
    pair.settle();
    assert_eq!(pair.segments(End::A).len(), 1, "its SYN is out");
    assert_eq!(pair.segments(End::B).len(), 0);
    assert_eq!([pair.a.tcp_state(a), pair.b.tcp_state(b)], [Ok(TcpState::SynSent); 2]);
    assert_eq!(pair.b.counters().dropped_early_syn, 1);
    pair.mend();
    pair.run_for(secs(5));
    assert_eq!([pair.a.tcp_state(a), pair.b.tcp_state(b)], [Ok(TcpState::Established); 2]);
}

#[test]
fn shutdown_in_syn_received_of_an_active_open_gives_no_false_readiness() {
    let mut pair = Pair::new(IP);
    let [a, _] = simultaneous(&mut pair);
    assert_eq!(pair.a.shutdown(a, Shutdown::Write), Ok(()));
    pair.cut();
    pair.settle();
    assert_eq!(pair.a.tcp_state(a), Ok(TcpState::Closed));
    let ready = pair.a.readiness(a).expect("open");
    assert!(
        !(ready.contains(smolsock::Readiness::IN) && pair.a.recv(a, &mut [0]) == Err(Errno::EAGAIN)),
        "{ready:?} and EAGAIN"
    );
}

#[test]
fn a_connect_that_was_shut_down_half_open_can_be_made_again() {
    let mut pair = Pair::new(IP);
    let [a, _] = simultaneous(&mut pair);
    assert_eq!(pair.a.shutdown(a, Shutdown::Write), Ok(()));
    pair.cut();
    pair.run_for(secs(2_000));
    assert_eq!(pair.a.next_step(), None);
    assert_ne!(pair.a.connect(a, IP.b(2000)), Err(Errno::EALREADY));
}

#[test]
fn a_reset_in_syn_received_of_an_active_open_on_a_used_engine_is_taken() {
    let (mut for_a, mut for_b) = (Storage::<6, 1, 0, 512, 0>::new(), Storage::<6, 1, 0, 512, 0>::new());
    let a = Stack::with_storage(IP.config(1), &IP.nic(), &mut for_a).expect("good");
    let b = Stack::with_storage(IP.config(2), &IP.nic(), &mut for_b).expect("good");
    let mut pair = Pair::of(IP, a, b);
    // b's only engine has been a child before.
    let (client, server) = pair.connection(IP);
    pair.a.close(client).expect("open");
    pair.settle();
    pair.b.close(server).expect("open");
    pair.run_for(secs(61));
    let [a, b] = simultaneous(&mut pair);
    pair.mend();
    assert_eq!(pair.a.shutdown(a, Shutdown::Write), Ok(()));
    pair.settle();
    assert_eq!(pair.b.tcp_state(b), Ok(TcpState::Closed));
    assert_eq!(pair.b.connect(b, IP.a(1000)), Err(Errno::ECONNRESET));
}

#[test]
fn a_damaged_ack_of_a_fin_hides_no_good_one() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    pair.b.close(server).expect("open");
    let _ = client;
    // The FIN goes over; a's ACK of it is damaged on its way.
    pair.carries = Box::new(|seen| seen.from == End::B);
    pair.run_for(std::time::Duration::from_millis(100));
    let ack = pair.seen.iter().rev().find(|seen| seen.from == End::A).expect("an ACK").bytes.clone();
    let mut damaged = ack.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1; // urgent pointer
    pair.inject_to_b(&damaged);
    pair.settle();
    pair.mend();
    pair.run_for(secs(30));
    assert_eq!(states(&pair.b), ["FIN_WAIT2"], "{:?}", pair.flags());
}

#[test]
fn a_solicitation_for_somebody_else_costs_no_datagram() {
    use smoltcp::wire::*;
    let mut pair = Pair::new(ETHERNET6);
    let (_, b) = pair.datagram_sockets(ETHERNET6);
    // Host 1 asks for host 3; a switch floods that to everybody.
    let own = "2001:db8::1".parse().expect("addr");
    let target: Ipv6Address = "2001:db8::3".parse().expect("addr");
    let group: Ipv6Address = "ff02::1:ff00:3".parse().expect("addr");
    let mac = EthernetAddress([2, 0, 0, 0, 0, 1]);
    let ns = Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit { target_addr: target, lladdr: Some(mac.into()) });
    let ip = Ipv6Repr {
        src_addr: own,
        dst_addr: group,
        next_header: IpProtocol::Icmpv6,
        payload_len: ns.buffer_len(),
        hop_limit: 255,
    };
    let mut buf = vec![0; 14 + 40 + ns.buffer_len()];
    let mut eth = EthernetFrame::new_unchecked(&mut buf[..]);
    eth.set_src_addr(mac);
    eth.set_dst_addr(EthernetAddress([0x33, 0x33, 0xff, 0, 0, 3]));
    eth.set_ethertype(EthernetProtocol::Ipv6);
    let mut p = Ipv6Packet::new_unchecked(eth.payload_mut());
    ip.emit(&mut p);
    ns.emit(
        &own,
        &group,
        &mut Icmpv6Packet::new_unchecked(p.payload_mut()),
        &smoltcp::phy::ChecksumCapabilities::default(),
    );
    pair.inject_to_b(&buf);
    pair.settle();
    assert_eq!(pair.b.send_to(b, b"hello", ETHERNET6.a(7)), Ok(5));
    pair.run_for(secs(10));
    let went = pair.seen.iter().filter(|seen| seen.from == End::B && seen.bytes.len() == 14 + 40 + 8 + 5).count();
    assert_eq!(
        went,
        1,
        "the datagram never left: {:?}",
        pair.seen.iter().map(|s| (s.at, s.from, s.bytes.len())).collect::<Vec<_>>()
    );
}

#[test]
fn what_time_wait_answers_keeps_no_neighbour_that_smoltcp_forgets() {
    let mut pair = Pair::new(ETHERNET);
    let (a, _) = pair.datagram_sockets(ETHERNET);
    let (client, server) = pair.connection(ETHERNET);
    pair.a.close(client).expect("open");
    pair.settle();
    // b's FIN arrives, a's last ACK is lost, and so b's FIN comes again and again, to TIME-WAIT.
    pair.b.close(server).expect("open");
    pair.carries = Box::new(|seen| seen.from == End::B);
    pair.run_for(secs(62));
    pair.mend();
    pair.forget();
    assert_eq!(pair.a.send_to(a, b"hello", ETHERNET.b(7)), Ok(5));
    pair.run_for(secs(10));
    let went = pair
        .seen
        .iter()
        .filter(|seen| seen.from == End::A && matches!(&seen.packet.packet, p if format!("{p:?}").contains("Udp")))
        .count();
    assert_eq!(went, 1, "{:?}", pair.seen.iter().map(|s| (s.at, s.from, s.bytes.len())).collect::<Vec<_>>());
}

#[test]
fn fifteen_sockets_and_fifteen_in_time_wait_fit_into_storage_for_fifteen() {
    let (mut for_a, mut for_b) = (Storage::<15, 2, 15, 512, 64>::new(), Storage::<15, 2, 0, 512, 0>::new());
    let a = Stack::with_storage(IP.config(1), &IP.nic(), &mut for_a).expect("good");
    let b = Stack::with_storage(IP.config(2), &IP.nic(), &mut for_b).expect("good");
    let mut pair = Pair::of(IP, a, b);
    for _ in 0..15 {
        let (client, server) = pair.connection(IP);
        pair.a.close(client).expect("open");
        pair.settle();
        pair.b.close(server).expect("open");
        pair.settle();
    }
    assert_eq!(states(&pair.a), ["TIME_WAIT"; 15]);
    for port in 1..=15 {
        let id = pair.a.socket(Domain::Inet, Type::Datagram).expect("room");
        assert_eq!(pair.a.bind(id, IP.any(port)), Ok(()), "socket {port}");
    }
}

#[test]
fn a_flood_of_syns_does_not_shut_honest_clients_out_of_small_storage() {
    let (mut for_a, mut for_b) = (Storage::<6, 4, 0, 512, 0>::new(), Storage::<6, 3, 0, 512, 0>::new());
    let a = Stack::with_storage(IP.config(1), &IP.nic(), &mut for_a).expect("good");
    let b = Stack::with_storage(IP.config(2), &IP.nic(), &mut for_b).expect("good");
    let mut pair = Pair::of(IP, a, b);
    let _listener = pair.b_listens(IP, 80, 5);
    pair.carries = Box::new(|seen| seen.from == End::A);
    for _ in 0..3 {
        let client = pair.a_connects(IP, 80);
        pair.settle();
        pair.a.close(client).expect("open");
        pair.settle();
    }
    pair.mend();
    pair.carries = Box::new(|seen| seen.packet.tcp().is_none_or(|t| !t.flags.to_string().contains("RST")));
    let client = pair.a_connects(IP, 80);
    // Its SYN comes again after a second; by then the others have been silent for long enough.
    pair.run_for(secs(2));
    assert_eq!(pair.a.tcp_state(client), Ok(TcpState::Established), "{:?}", pair.b.counters());
}

#[test]
fn a_socket_bound_to_the_broadcast_address_does_not_send_from_it() {
    let mut pair = Pair::new(IP);
    let id = pair.a.socket(Domain::Inet, Type::Datagram).expect("room");
    pair.a.bind(id, "192.0.2.255:9".parse().expect("addr")).expect("may be bound");
    assert_eq!(pair.a.send_to(id, b"x", IP.b(7)), Ok(1));
    pair.settle();
    let frame = &pair.seen.first().expect("a datagram").bytes;
    assert_eq!(frame[12..16], [192, 0, 2, 1]);
}

/// 70 other hosts ask for b, more than its cache holds: it forgets a.
fn push_a_out_of_the_cache(pair: &mut Pair<'_>) {
    use smoltcp::wire::*;
    pair.run_for(secs(1));
    for n in 10..80_u8 {
        let arp = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr: EthernetAddress([2, 0, 0, 0, 0, n]),
            source_protocol_addr: [192, 0, 2, n].into(),
            target_hardware_addr: EthernetAddress([0; 6]),
            target_protocol_addr: [192, 0, 2, 2].into(),
        };
        let mut buf = vec![0; 14 + 28];
        let mut eth = EthernetFrame::new_unchecked(&mut buf[..]);
        eth.set_src_addr(EthernetAddress([2, 0, 0, 0, 0, n]));
        eth.set_dst_addr(EthernetAddress::BROADCAST);
        eth.set_ethertype(EthernetProtocol::Arp);
        arp.emit(&mut ArpPacket::new_unchecked(eth.payload_mut()));
        pair.inject_to_b(&buf);
        pair.settle();
    }
}

#[test]
fn an_orphan_in_time_wait_whose_neighbour_is_gone_is_forgotten() {
    let mut pair = Pair::new(ETHERNET);
    let (client, server) = pair.connection(ETHERNET);
    pair.b.close(server).expect("open");
    pair.settle();
    push_a_out_of_the_cache(&mut pair);
    pair.a.close(client).expect("open");
    // The FIN gets through, and then a is gone.
    pair.carries = Box::new(|seen| seen.packet.tcp().is_some());
    pair.settle();
    pair.cut();
    pair.run_for(secs(1_000));
    assert!(states(&pair.b).is_empty(), "{:?} next {:?} now {:?}", states(&pair.b), pair.b.next_step(), pair.now());
}

#[test]
fn a_half_closed_socket_in_time_wait_whose_neighbour_is_gone_is_forgotten() {
    let mut pair = Pair::new(ETHERNET);
    let (client, server) = pair.connection(ETHERNET);
    pair.b.shutdown(server, Shutdown::Write).expect("open");
    pair.settle();
    push_a_out_of_the_cache(&mut pair);
    pair.a.close(client).expect("open");
    // The FIN gets through, and then a is gone.
    pair.carries = Box::new(|seen| seen.packet.tcp().is_some());
    pair.settle();
    pair.cut();
    pair.b.close(server).expect("open");
    pair.run_for(secs(1_000));
    assert!(states(&pair.b).is_empty(), "{:?} next {:?} now {:?}", states(&pair.b), pair.b.next_step(), pair.now());
}

#[test]
fn a_socket_that_took_a_connect_back_connects_to_another_at_once() {
    let mut pair = Pair::new(ETHERNET);
    pair.b_listens(ETHERNET, 80, 3);
    let id = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
    assert_eq!(pair.a.connect(id, ETHERNET.host(9, 80)), Err(Errno::EINPROGRESS));
    pair.settle();
    assert_eq!(pair.a.shutdown(id, Shutdown::Both), Ok(()));
    assert_eq!(pair.a.connect(id, ETHERNET.b(80)), Err(Errno::EINPROGRESS));
    pair.settle();
    assert_eq!(pair.a.tcp_state(id), Ok(TcpState::Established));
}

#[test]
fn udp_storage_without_bytes_does_not_panic() {
    let (mut for_a, mut for_b) = (Storage::<2, 0, 2, 0, 0>::new(), Storage::<2, 0, 2, 0, 0>::new());
    let a = Stack::with_storage(IP.config(1), &IP.nic(), &mut for_a).expect("good");
    let b = Stack::with_storage(IP.config(2), &IP.nic(), &mut for_b).expect("good");
    let mut pair = Pair::of(IP, a, b);
    let (client, server) = pair.datagram_sockets(IP);
    assert_eq!(pair.a.send_to(client, b"x", IP.b(7)), Err(Errno::EMSGSIZE));
    pair.settle();
    assert_eq!(pair.b.recv_from(server, &mut [0; 4]), Err(Errno::EAGAIN));
}

#[test]
fn a_connect_that_was_taken_back_fails_no_more() {
    let mut pair = Pair::new(ETHERNET);
    let id = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
    assert_eq!(pair.a.connect(id, ETHERNET.host(9, 80)), Err(Errno::EINPROGRESS));
    pair.settle();
    assert_eq!(pair.a.shutdown(id, Shutdown::Both), Ok(()));
    pair.run_for(secs(10));
    // Linux `tcp_disconnect`: that it was taken back is an error too, and the only one.
    assert_eq!(pair.a.take_error(id), Ok(Some(Errno::ECONNRESET)));
    assert_eq!(pair.a.take_error(id), Ok(None));
}

#[test]
fn a_connect_that_timed_out_fails_once() {
    let mut pair = Pair::tuned(ETHERNET, |config| config.connect_timeout = secs(2));
    let id = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
    assert_eq!(pair.a.connect(id, ETHERNET.host(9, 80)), Err(Errno::EINPROGRESS));
    pair.run_for(secs(2));
    assert_eq!(pair.a.take_error(id), Ok(Some(Errno::ETIMEDOUT)));
    pair.run_for(secs(10));
    assert_eq!(pair.a.take_error(id), Ok(None));
}

/// Found by the fuzz target `frames`: a step never ended.
#[test]
fn a_corked_connection_whose_neighbour_is_gone_lets_the_host_go_on() {
    for size in [10, 2_000] {
        let mut pair = Pair::new(ETHERNET);
        let (client, _server) = pair.connection(ETHERNET);
        pair.a.setsockopt(client, TCP_CORK, true).expect("a stream has it");
        // Long enough for the hosts to forget each other's link-layer address.
        pair.run_for(secs(100));
        pair.cut();
        assert_eq!(pair.a.send(client, &vec![7; size]), Ok(size));
        pair.run_for(secs(2_000));
        assert_eq!(pair.a.recv(client, &mut [0; 9]), Err(Errno::ETIMEDOUT), "{size} bytes");
        assert_eq!(states(&pair.a), Vec::<String>::new());
        assert_eq!(pair.a.next_step(), None);
    }
}

#[test]
fn a_reset_that_cannot_be_sent_is_given_up() {
    let mut pair = Pair::new(ETHERNET);
    let (client, server) = pair.connection(ETHERNET);
    assert_eq!(pair.a.send(client, b"never read"), Ok(10));
    // Long enough for the hosts to forget each other's link-layer address.
    pair.run_for(secs(100));
    pair.cut();
    pair.b.close(server).expect("it is open");
    pair.run_for(secs(2_000));
    assert_eq!(states(&pair.b), Vec::<String>::new());
    assert_eq!(pair.b.next_step(), None);
}

#[test]
fn an_old_ack_of_a_fin_hides_no_good_one() {
    use smoltcp::wire::*;
    let mut pair = Pair::new(IP);
    let (_, server) = pair.connection(IP);
    pair.b.close(server).expect("open");
    pair.carries = Box::new(|seen| seen.from == End::B);
    pair.run_for(std::time::Duration::from_millis(100));
    let mut old = pair.seen.iter().rev().find(|seen| seen.from == End::A).expect("an ACK").bytes.clone();
    // The same ACK, one number back, as a keep-alive is: smoltcp challenges it and does not read its ACK field.
    let mut segment = TcpPacket::new_unchecked(&mut old[20..]);
    segment.set_seq_number(segment.seq_number() - 1);
    segment.fill_checksum(&IpAddress::v4(192, 0, 2, 1), &IpAddress::v4(192, 0, 2, 2));
    pair.inject_to_b(&old);
    pair.settle();
    pair.mend();
    pair.run_for(secs(30));
    assert_eq!(states(&pair.b), ["FIN_WAIT2"], "{:?}", pair.flags());
}

/// A waker that remembers that it was woken.
struct Flag(std::sync::atomic::AtomicBool);

impl std::task::Wake for Flag {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

#[test]
fn a_connect_after_one_taken_back_wakes_the_driver() {
    let mut pair = Pair::new(ETHERNET);
    pair.b_listens(ETHERNET, 80, 3);
    let id = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
    assert_eq!(pair.a.connect(id, ETHERNET.host(9, 80)), Err(Errno::EINPROGRESS));
    pair.settle();
    assert_eq!(pair.a.shutdown(id, Shutdown::Both), Ok(()));
    let flag = std::sync::Arc::new(Flag(false.into()));
    pair.a.register_step_waker(&flag.clone().into());
    assert_eq!(pair.a.connect(id, ETHERNET.b(80)), Err(Errno::EINPROGRESS));
    assert_eq!(pair.a.next_step(), Some(pair.now()));
    assert!(flag.0.load(std::sync::atomic::Ordering::Relaxed), "next_step is now, and nobody was woken");
}

/// A connection that was established and reset, while `connect` has not said that it is there.
fn reset_before_it_was_told(pair: &mut Pair<'_>) -> smolsock::SocketId {
    let listener = pair.b_listens(IP, 80, 3);
    let client = pair.a_connects(IP, 80);
    pair.settle();
    let (server, _) = pair.b.accept(listener).expect("a connection");
    pair.b.setsockopt(server, SO_LINGER, Some(std::time::Duration::ZERO)).expect("any socket has it");
    pair.b.close(server).expect("open");
    pair.settle();
    client
}

#[test]
fn connect_after_a_reset_that_it_told_begins_anew() {
    let mut pair = Pair::new(IP);
    let client = reset_before_it_was_told(&mut pair);
    assert_eq!(pair.a.connect(client, IP.b(80)), Err(Errno::ECONNRESET));
    assert_eq!(pair.a.connect(client, IP.b(80)), Err(Errno::EINPROGRESS));
}

#[test]
fn connect_after_a_reset_that_recv_told_is_econnaborted() {
    let mut pair = Pair::new(IP);
    let client = reset_before_it_was_told(&mut pair);
    assert_eq!(pair.a.recv(client, &mut [0]), Err(Errno::ECONNRESET));
    assert_eq!(pair.a.connect(client, IP.b(80)), Err(Errno::ECONNABORTED));
    assert_eq!(pair.a.connect(client, IP.b(80)), Err(Errno::EINPROGRESS));
}

#[test]
fn connect_on_a_connection_that_was_reset_leaves_the_error_to_recv() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    pair.b.setsockopt(server, SO_LINGER, Some(std::time::Duration::ZERO)).expect("any socket has it");
    pair.b.close(server).expect("open");
    pair.settle();
    assert_eq!(pair.a.connect(client, IP.b(80)), Err(Errno::EISCONN));
    assert_eq!(pair.a.recv(client, &mut [0]), Err(Errno::ECONNRESET));
}

#[test]
fn a_datagram_that_cannot_be_sent_leaves_the_pending_error() {
    let mut pair = Pair::new(IP);
    let socket = pair.a.socket(Domain::Inet, Type::Datagram).expect("room");
    pair.a.connect(socket, IP.b(9)).expect("any port");
    assert_eq!(pair.a.send(socket, b"is anybody there?"), Ok(17));
    pair.settle();
    assert_eq!(pair.a.send(socket, &[0; 70_000]), Err(Errno::EMSGSIZE));
    assert_eq!(pair.a.send_to(socket, b"x", IP.b(0)), Err(Errno::EINVAL));
    assert_eq!(pair.a.send(socket, b"x"), Err(Errno::ECONNREFUSED));
}
