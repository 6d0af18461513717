//! Does every option answer as on Linux?

use std::net::IpAddr;
use std::time::Duration;

use smolsock::sockopt::*;
use smolsock::{Congestion, Domain, Errno, Readiness, SocketId, Stack, Storage, TcpState, Type};

use crate::pair::{ALL, End, IP, IP6, Pair, recv, secs};

fn int(value: i32) -> [u8; 4] {
    value.to_le_bytes()
}

/// A stream and a datagram socket of each family.
fn sockets(stack: &mut Stack<'_>) -> [SocketId; 4] {
    let all = [Domain::Inet, Domain::Inet6].map(|domain| [(domain, Type::Stream), (domain, Type::Datagram)]);
    let [[a, b], [c, d]] = all;
    [a, b, c, d].map(|(domain, kind)| stack.socket(domain, kind).expect("room"))
}

fn get_int(stack: &mut Stack<'_>, id: SocketId, level: Level, name: i32) -> Result<i32, Errno> {
    let mut bytes = [0; 4];
    assert_eq!(stack.getsockopt_raw(id, level.number(), name, &mut bytes)?, 4);
    Ok(i32::from_le_bytes(bytes))
}

/// What a socket has on Linux when it is new; buffers and time-outs are ours.
#[test]
fn new_sockets_have_what_the_table_says() {
    let mut stack = Pair::new(IP).a;
    let [tcp, udp, ..] = sockets(&mut stack);
    for row in table().iter().filter(|row| row.can_get && row.level != Level::Ipv6) {
        let id = if row.level == Level::Tcp { tcp } else { udp };
        let value = get_int(&mut stack, id, row.level, row.number);
        let digits: String = row.default.chars().filter(char::is_ascii_digit).collect();
        if row.default.starts_with(|first: char| first.is_ascii_digit()) {
            assert_eq!(value, Ok(digits.parse().expect("a number")), "{}", row.name);
        }
    }
}

#[test]
fn flags_are_zero_or_one() {
    let mut stack = Pair::new(IP).a;
    let [.., tcp6, udp6] = sockets(&mut stack);
    for row in table().iter().filter(|row| row.value == "bool" && row.can_set && row.name != "IP_HDRINCL") {
        let id = if row.level == Level::Tcp { tcp6 } else { udp6 };
        // These two want their flags exact.
        let is_strict = matches!(row.name, "IP_MULTICAST_ALL" | "IPV6_MULTICAST_LOOP");
        for (given, kept) in [(1, 1), (0, 0), (-7, 1), (2, 1)] {
            let set = stack.setsockopt_raw(id, row.level.number(), row.number, &int(given));
            if is_strict && !(0..=1).contains(&given) {
                assert_eq!(set, Err(Errno::EINVAL), "{}", row.name);
            } else {
                assert_eq!(set, Ok(()), "{}", row.name);
                assert_eq!(get_int(&mut stack, id, row.level, row.number), Ok(kept), "{}", row.name);
            }
        }
    }
}

/// (option, given, what it answers or what is read back).
#[test]
fn numbers_have_the_ranges_of_linux() {
    use Errno::EINVAL;
    let mut stack = Pair::new(IP).a;
    let [tcp, udp, _, udp6] = sockets(&mut stack);
    let mut check = |id, option: Opt<i32>, cases: &[(i32, Result<i32, Errno>)]| {
        for (given, expected) in cases {
            let result = stack.setsockopt(id, option, *given).and_then(|()| stack.getsockopt(id, option));
            assert_eq!(result, *expected, "{option:?} {given}");
        }
    };
    let hops = |least: i32, default: i32| {
        let mut cases = vec![(-2, Err(EINVAL)), (-1, Ok(default)), (1, Ok(1)), (255, Ok(255)), (256, Err(EINVAL))];
        cases.push((0, if least == 0 { Ok(0) } else { Err(EINVAL) }));
        cases
    };
    check(udp, IP_TTL, &hops(1, 64));
    check(udp, IP_MULTICAST_TTL, &hops(0, 1));
    check(udp6, IPV6_UNICAST_HOPS, &hops(0, 64));
    check(udp6, IPV6_MULTICAST_HOPS, &hops(0, 1));
    check(udp6, IPV6_TCLASS, &hops(0, 0));
    check(udp, IP_TOS, &[(-2, Ok(254)), (1, Ok(1)), (255, Ok(255)), (256, Ok(0))]);
    check(tcp, IP_TOS, &[(1, Ok(0)), (3, Ok(0)), (255, Ok(252))]);
    check(tcp, SO_RCVLOWAT, &[(0, Ok(1)), (5, Ok(5)), (-1, Ok(65_535))]);
    check(
        tcp,
        TCP_MAXSEG,
        &[(87, Err(EINVAL)), (88, Ok(88)), (32_767, Ok(32_767)), (32_768, Err(EINVAL)), (0, Ok(536))],
    );
    for option in [TCP_KEEPIDLE, TCP_KEEPINTVL] {
        check(
            tcp,
            option,
            &[(0, Err(EINVAL)), (1, Ok(1)), (32_767, Ok(32_767)), (32_768, Err(EINVAL)), (-1, Err(EINVAL))],
        );
    }
    for option in [TCP_KEEPCNT, TCP_SYNCNT] {
        check(tcp, option, &[(0, Err(EINVAL)), (1, Ok(1)), (127, Ok(127)), (128, Err(EINVAL)), (-1, Err(EINVAL))]);
    }
    check(tcp, TCP_LINGER2, &[(-5, Ok(-1)), (0, Ok(60)), (1, Ok(1)), (120, Ok(120)), (121, Ok(120))]);
    check(tcp, TCP_USER_TIMEOUT, &[(-1, Err(EINVAL)), (0, Ok(0)), (5, Ok(5)), (i32::MAX, Ok(i32::MAX))]);
    check(tcp, SO_RCVBUF, &[(0, Ok(1_152)), (4_096, Ok(4_096)), (70_000, Ok(65_535)), (-1, Ok(65_535))]);
    check(tcp, SO_SNDBUF, &[(0, Ok(2_304)), (10_000, Ok(10_000)), (-1, Ok(4 << 20))]);
    check(udp, SO_RCVBUF, &[(0, Ok(1_152)), (70_000, Ok(70_000)), (-1, Ok(212_992))]);
    check(udp, SO_SNDBUF, &[(0, Ok(2_304)), (70_000, Ok(70_000)), (-1, Ok(212_992))]);
}

#[test]
fn what_can_only_be_read_or_only_be_set_is_no_option_the_other_way() {
    let mut stack = Pair::new(IP).a;
    let [.., tcp6, udp6] = sockets(&mut stack);
    for row in table() {
        let id = if row.level == Level::Tcp { tcp6 } else { udp6 };
        if !row.can_set {
            let set = stack.setsockopt_raw(id, row.level.number(), row.number, &[0; 32]);
            assert_eq!(set, Err(Errno::ENOPROTOOPT), "{}", row.name);
        }
        if !row.can_get {
            assert_eq!(get_int(&mut stack, id, row.level, row.number), Err(Errno::ENOPROTOOPT), "{}", row.name);
        }
    }
    assert_eq!(stack.setsockopt(tcp6, SO_TYPE, Type::Datagram), Err(Errno::ENOPROTOOPT));
    assert!(stack.getsockopt(udp6, IP_ADD_MEMBERSHIP).is_err());
}

/// Linux: setting is ENOPROTOOPT, getting is EOPNOTSUPP.
#[test]
fn an_option_of_another_protocol_is_refused() {
    let mut stack = Pair::new(IP).a;
    let [tcp, udp, tcp6, udp6] = sockets(&mut stack);
    assert_eq!(stack.setsockopt(udp, TCP_NODELAY, true), Err(Errno::ENOPROTOOPT));
    assert_eq!(stack.getsockopt(udp, TCP_NODELAY), Err(Errno::EOPNOTSUPP));
    assert_eq!(stack.setsockopt(tcp, IPV6_V6ONLY, true), Err(Errno::ENOPROTOOPT));
    assert_eq!(stack.getsockopt(tcp, IPV6_V6ONLY), Err(Errno::EOPNOTSUPP));
    for id in [tcp6, udp6] {
        stack.setsockopt(id, IP_TTL, 7).expect("an IPv6 socket has the options of IP");
        assert_eq!(stack.getsockopt(id, IP_TTL), Ok(7));
        assert_eq!(stack.getsockopt(id, IPV6_UNICAST_HOPS), Ok(64));
    }
    assert_eq!(stack.setsockopt(tcp, IP_MULTICAST_TTL, 1), Err(Errno::EINVAL));
    assert_eq!(stack.setsockopt(tcp6, IPV6_MULTICAST_HOPS, 1), Err(Errno::ENOPROTOOPT));
    assert_eq!(stack.setsockopt(tcp, IP_HDRINCL, true), Err(Errno::ENOPROTOOPT));
    assert_eq!(stack.getsockopt(tcp, IP_HDRINCL), Ok(false));
}

#[test]
fn what_is_unknown_is_no_option() {
    let mut stack = Pair::new(IP).a;
    let [tcp, ..] = sockets(&mut stack);
    for level in [0, 1, 6] {
        assert_eq!(stack.setsockopt_raw(tcp, level, 999, &int(1)), Err(Errno::ENOPROTOOPT));
        assert_eq!(stack.getsockopt_raw(tcp, level, 999, &mut [0; 4]), Err(Errno::ENOPROTOOPT));
    }
    assert_eq!(stack.setsockopt_raw(tcp, 77, 1, &int(1)), Err(Errno::ENOPROTOOPT));
    assert_eq!(stack.getsockopt_raw(tcp, 77, 1, &mut [0; 4]), Err(Errno::EOPNOTSUPP));
    stack.close(tcp).expect("it is open");
    assert_eq!(stack.setsockopt(tcp, SO_REUSEADDR, true), Err(Errno::EBADF));
    assert_eq!(stack.getsockopt(tcp, SO_REUSEADDR), Err(Errno::EBADF));
}

#[test]
fn values_of_too_few_bytes_are_refused_and_buffers_of_too_few_are_filled() {
    let mut stack = Pair::new(IP).a;
    let [tcp, ..] = sockets(&mut stack);
    for len in 0..4 {
        assert_eq!(stack.setsockopt_raw(tcp, 1, 2, &int(1)[..len]), Err(Errno::EINVAL));
        assert_eq!(stack.setsockopt_raw(tcp, 6, 1, &int(1)[..len]), Err(Errno::EINVAL));
        let ip = stack.setsockopt_raw(tcp, 0, 2, &int(9)[..len]);
        assert_eq!(ip, if len == 0 { Err(Errno::EINVAL) } else { Ok(()) }, "IP takes a byte");
    }
    assert_eq!(stack.setsockopt_raw(tcp, 1, 13, &int(1)), Err(Errno::EINVAL), "half a struct linger");
    assert_eq!(stack.setsockopt_raw(tcp, 1, 20, &[0; 8]), Err(Errno::EINVAL), "half a struct timeval");
    let mut buffer = [0xff; 4];
    assert_eq!(stack.getsockopt_raw(tcp, 0, 2, &mut buffer[..2]), Ok(1));
    assert_eq!(buffer, [9, 0xff, 0xff, 0xff]);
    assert_eq!(stack.getsockopt_raw(tcp, 6, 4, &mut buffer[..3]), Ok(3));
    assert_eq!(buffer, [0x20, 0x1c, 0, 0xff], "7,200");
    assert_eq!(stack.getsockopt_raw(tcp, 6, 11, &mut [0; 500]), Ok(216));
}

#[test]
fn structures_are_those_of_linux() {
    let mut stack = Pair::new(IP).a;
    let [tcp, ..] = sockets(&mut stack);
    let linger = |on: i32, secs: i32| [int(on), int(secs)].concat();
    stack.setsockopt_raw(tcp, 1, 13, &linger(1, 5)).expect("struct linger");
    assert_eq!(stack.getsockopt(tcp, SO_LINGER), Ok(Some(secs(5))));
    let mut bytes = [0; 8];
    assert_eq!(stack.getsockopt_raw(tcp, 1, 13, &mut bytes), Ok(8));
    assert_eq!(bytes[..], linger(1, 5));
    stack.setsockopt_raw(tcp, 1, 13, &linger(0, 5)).expect("struct linger");
    assert_eq!(stack.getsockopt(tcp, SO_LINGER), Ok(None));

    let timeval = |secs: i64, micros: i64| [secs.to_le_bytes(), micros.to_le_bytes()].concat();
    for (option, number) in [(SO_RCVTIMEO, 20), (SO_SNDTIMEO, 21)] {
        stack.setsockopt_raw(tcp, 1, number, &timeval(1, 999_999)).expect("struct timeval");
        assert_eq!(stack.getsockopt(tcp, option), Ok(Some(Duration::from_micros(1_999_999))));
        let mut bytes = [0; 16];
        assert_eq!(stack.getsockopt_raw(tcp, 1, number, &mut bytes), Ok(16));
        assert_eq!(bytes[..], timeval(1, 999_999));
        for micros in [-1, 1_000_000] {
            assert_eq!(stack.setsockopt_raw(tcp, 1, number, &timeval(0, micros)), Err(Errno::EDOM));
        }
        stack.setsockopt_raw(tcp, 1, number, &timeval(0, 0)).expect("struct timeval");
        assert_eq!(stack.getsockopt(tcp, option), Ok(None));
        stack.setsockopt(tcp, option, Some(Duration::ZERO)).expect("for ever");
        assert_eq!(stack.getsockopt(tcp, option), Ok(None));
    }

    let mut name = [0xff; 16];
    for congestion in [Congestion::None, Congestion::Reno, Congestion::Cubic] {
        stack.setsockopt_raw(tcp, 6, 13, congestion.name().as_bytes()).expect("it is built in");
        assert_eq!(stack.getsockopt(tcp, TCP_CONGESTION), Ok(congestion));
        assert_eq!(stack.getsockopt_raw(tcp, 6, 13, &mut name), Ok(16));
        assert_eq!(name.split(|byte| *byte == 0).next(), Some(congestion.name().as_bytes()));
    }
    assert_eq!(stack.setsockopt_raw(tcp, 6, 13, b"bbr"), Err(Errno::ENOENT));
    assert_eq!(stack.setsockopt_raw(tcp, 6, 13, b""), Err(Errno::EINVAL));
}

#[test]
fn memberships_are_checked() {
    let mut stack = Pair::new(IP).a;
    let [tcp, udp, tcp6, udp6] = sockets(&mut stack);
    let group: IpAddr = [224, 0, 0, 9].into();
    let group6: IpAddr = "ff02::9".parse().expect("an address");
    assert_eq!(stack.setsockopt(tcp, IP_ADD_MEMBERSHIP, Membership::of(group)), Err(Errno::EPROTO));
    assert_eq!(stack.setsockopt(tcp6, IPV6_JOIN_GROUP, Membership::of(group6)), Err(Errno::EPROTO));
    let unicast = Membership::of([10, 0, 0, 9].into());
    assert_eq!(stack.setsockopt(udp, IP_ADD_MEMBERSHIP, unicast), Err(Errno::EINVAL));
    assert_eq!(stack.setsockopt(udp, IP_ADD_MEMBERSHIP, Membership::of(group6)), Err(Errno::EINVAL));
    let nowhere = Membership { group, interface: 99 };
    assert_eq!(stack.setsockopt(udp, IP_ADD_MEMBERSHIP, nowhere), Err(Errno::ENODEV));
    let nowhere = Membership { group: group6, interface: 99 };
    assert_eq!(stack.setsockopt(udp6, IPV6_JOIN_GROUP, nowhere), Err(Errno::ENODEV));
    assert_eq!(stack.setsockopt(udp, IP_DROP_MEMBERSHIP, Membership::of(group)), Err(Errno::EADDRNOTAVAIL));
    assert_eq!(stack.setsockopt(udp6, IPV6_LEAVE_GROUP, Membership::of(group6)), Err(Errno::EADDRNOTAVAIL));
    // struct ip_mreq with an address that is not this host's, ip_mreqn with an index that is not there.
    let mreq = [224, 0, 0, 9, 203, 0, 113, 1];
    assert_eq!(stack.setsockopt_raw(udp, 0, 35, &mreq), Err(Errno::ENODEV));
    assert_eq!(stack.setsockopt_raw(udp, 0, 35, &mreq[..4]), Err(Errno::EINVAL));
    assert_eq!(stack.setsockopt_raw(udp, 0, 35, &[&mreq[..], &int(99)].concat()), Err(Errno::ENODEV));
    assert_eq!(stack.setsockopt_raw(udp6, 41, 20, b"1234"), Err(Errno::EINVAL));
}

#[test]
fn sockets_say_what_they_are() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (client, _server) = pair.connection(net);
        assert_eq!(pair.a.getsockopt(client, SO_TYPE), Ok(Type::Stream));
        assert_eq!(pair.a.getsockopt(client, SO_DOMAIN), Ok(net.domain));
        assert_eq!(pair.a.getsockopt(client, SO_PROTOCOL), Ok(6));
        assert_eq!(pair.a.getsockopt(client, SO_ACCEPTCONN), Ok(false));
        assert_eq!(pair.a.getsockopt(client, IP_MTU), Ok(1500));
        assert_eq!(pair.a.getsockopt(client, TCP_MAXSEG), Ok(if net.domain == Domain::Inet { 1460 } else { 1440 }));
        let listener = pair.b_listens(net, 81, 3);
        assert_eq!(pair.b.getsockopt(listener, SO_ACCEPTCONN), Ok(true));
        assert_eq!(pair.b.getsockopt(listener, IP_MTU), Err(Errno::ENOTCONN));
        let (datagram, _) = pair.datagram_sockets(net);
        assert_eq!(pair.a.getsockopt(datagram, SO_TYPE), Ok(Type::Datagram));
        assert_eq!(pair.a.getsockopt(datagram, SO_PROTOCOL), Ok(17));
        assert_eq!(pair.a.getsockopt(datagram, IP_MTU), Err(Errno::ENOTCONN));
    }
}

#[test]
fn so_error_is_read_once() {
    let mut pair = Pair::new(IP);
    let client = pair.a_connects(IP, 80);
    pair.settle();
    assert_eq!(get_int(&mut pair.a, client, Level::Socket, 4), Ok(111));
    assert_eq!(pair.a.getsockopt(client, SO_ERROR), Ok(None));
}

#[test]
fn v6only_is_for_sockets_that_are_not_bound() {
    let mut pair = Pair::new(IP6);
    let id = pair.a.socket(Domain::Inet6, Type::Datagram).expect("room");
    pair.a.setsockopt(id, IPV6_V6ONLY, true).expect("it is not bound");
    pair.a.bind(id, IP6.any(9)).expect("a free port");
    assert_eq!(pair.a.setsockopt(id, IPV6_V6ONLY, false), Err(Errno::EINVAL));
}

/// Only the first of many small writes goes out at once (RFC 896), all with TCP_NODELAY.
#[test]
fn nodelay_sends_small_segments_at_once() {
    for (on, segments) in [(false, 1), (true, 3)] {
        let mut pair = Pair::new(IP);
        let (client, _server) = pair.connection(IP);
        pair.carries = Box::new(|seen| seen.from == End::A);
        pair.a.setsockopt(client, TCP_NODELAY, on).expect("a stream has it");
        for _ in 0..3 {
            assert_eq!(pair.a.send(client, b"x"), Ok(1));
            pair.settle();
        }
        assert_eq!(pair.segments(End::A).len(), segments, "TCP_NODELAY {on}");
        // What waits goes out when the option comes.
        pair.a.setsockopt(client, TCP_NODELAY, true).expect("a stream has it");
        pair.settle();
        let sent: usize = pair.segments(End::A).iter().map(|(_, segment)| segment.payload_bytes).sum();
        assert_eq!(sent, 3);
    }
}

#[test]
fn quickack_acknowledges_at_once() {
    for (on, delay) in [(false, Duration::from_millis(10)), (true, Duration::ZERO)] {
        let mut pair = Pair::new(IP);
        let (client, server) = pair.connection(IP);
        pair.b.setsockopt(server, TCP_QUICKACK, on).expect("a stream has it");
        assert_eq!(pair.a.send(client, b"x"), Ok(1));
        let start = pair.now();
        pair.run_for(secs(1));
        let acks = pair.segments(End::B);
        assert_eq!(acks.len(), 1);
        assert_eq!(acks[0].0.saturating_duration_since(start), delay);
    }
}

#[test]
fn buffers_have_the_sizes_asked_for_before_the_connection() {
    let mut pair = Pair::new(IP);
    let listener = pair.b.socket(Domain::Inet, Type::Stream).expect("room");
    pair.b.setsockopt(listener, SO_RCVBUF, 6_144).expect("any socket has it");
    pair.b.setsockopt(listener, SO_SNDBUF, 5_000).expect("any socket has it");
    pair.b.bind(listener, IP.any(80)).expect("a free port");
    pair.b.listen(listener, 1).expect("a fresh socket");
    let client = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
    pair.a.setsockopt(client, SO_RCVBUF, 4_096).expect("any socket has it");
    assert_eq!(pair.a.connect(client, IP.b(80)), Err(Errno::EINPROGRESS));
    pair.settle();
    let windows: Vec<u16> = pair.seen.iter().filter_map(|seen| Some(seen.packet.tcp()?.window_raw)).collect();
    assert_eq!(windows[..2], [4_096, 6_144]);
    let (server, _) = pair.b.accept(listener).expect("a connection");
    assert_eq!(pair.b.getsockopt(server, SO_RCVBUF), Ok(6_144));
    assert_eq!(pair.b.getsockopt(server, SO_SNDBUF), Ok(5_000));
    assert_eq!(pair.b.send(server, &[0; 9_000]), Ok(5_000));
    // Later it says what there is.
    pair.a.setsockopt(client, SO_RCVBUF, 10_000).expect("any socket has it");
    assert_eq!(pair.a.getsockopt(client, SO_RCVBUF), Ok(4_096));
}

/// Lent buffers are as large as they are, and the getter says so.
#[test]
fn buffers_that_the_caller_lent_keep_their_size() {
    let mut storage = Storage::<4, 2, 1, 2_048, 1_500>::new();
    let mut stack = Stack::with_storage(IP.config(1), &IP.nic(), &mut storage).expect("good storage");
    let tcp = stack.socket(Domain::Inet, Type::Stream).expect("room");
    let udp = stack.socket(Domain::Inet, Type::Datagram).expect("room");
    for (id, bytes) in [(tcp, 2_048), (udp, 1_500)] {
        for option in [SO_RCVBUF, SO_SNDBUF] {
            stack.setsockopt(id, option, 60_000).expect("any socket has it");
            assert_eq!(stack.getsockopt(id, option), Ok(bytes));
        }
    }
    assert_eq!(stack.connect(tcp, IP.b(80)), Err(Errno::EINPROGRESS));
    assert_eq!(stack.getsockopt(tcp, SO_RCVBUF), Ok(2_048));
}

#[test]
fn datagram_queues_have_the_sizes_asked_for() {
    let mut pair = Pair::new(IP);
    let (a, b) = pair.datagram_sockets(IP);
    pair.b.setsockopt(b, SO_RCVBUF, 1_152).expect("any socket has it");
    for _ in 0..4 {
        assert_eq!(pair.a.send_to(a, &[0; 400], IP.b(7)), Ok(400));
    }
    pair.settle();
    let received = std::iter::from_fn(|| pair.b.recv(b, &mut [0; 400]).ok()).count();
    assert_eq!(received, 2, "the others found no room");
}

#[test]
fn a_stream_is_readable_from_the_low_water_mark_on() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    pair.b.setsockopt(server, SO_RCVLOWAT, 10).expect("any socket has it");
    assert_eq!(pair.a.send(client, b"five!"), Ok(5));
    pair.settle();
    assert!(!pair.b.readiness(server).expect("it is open").contains(Readiness::IN));
    assert_eq!(pair.a.send(client, b"and five"), Ok(8));
    pair.run_for(secs(1));
    assert!(pair.b.readiness(server).expect("it is open").contains(Readiness::IN));
    pair.a.close(client).expect("it is open");
    assert_eq!(recv(&mut pair.b, server, 12).map(|bytes| bytes.len()), Ok(12));
    pair.settle();
    assert!(pair.b.readiness(server).expect("it is open").contains(Readiness::IN), "the end of the stream");
}

/// A mark that the buffer cannot reach would stop the stream.
#[test]
fn a_full_buffer_is_readable_whatever_the_mark() {
    let mut pair = Pair::tuned(IP, |config| config.tcp_recv_bytes = 1_000);
    let (client, server) = pair.connection(IP);
    pair.b.setsockopt(server, SO_RCVLOWAT, 5_000).expect("any socket has it");
    assert_eq!(pair.a.send(client, &[1; 5_000]), Ok(5_000));
    pair.run_for(secs(1));
    assert!(pair.b.readiness(server).expect("it is open").contains(Readiness::IN));
}

/// Payloads of the segments that `a` sent.
fn payloads(pair: &Pair<'_>) -> Vec<usize> {
    pair.segments(End::A).iter().map(|(_, segment)| segment.payload_bytes).filter(|len| *len > 0).collect()
}

#[test]
fn a_corked_connection_sends_whole_segments_until_it_is_uncorked() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (client, server) = pair.connection(net);
        let full = usize::try_from(pair.a.getsockopt(client, TCP_MAXSEG).expect("connected")).expect("positive");
        pair.a.setsockopt(client, TCP_CORK, true).expect("a stream has it");
        for _ in 0..3 {
            assert_eq!(pair.a.send(client, &[1; 100]), Ok(100));
            pair.settle();
        }
        assert!(payloads(&pair).is_empty());
        assert_eq!(pair.a.send(client, &vec![2; full]), Ok(full));
        pair.run_for(Duration::from_millis(50));
        assert_eq!(payloads(&pair), [full]);
        pair.a.setsockopt(client, TCP_CORK, false).expect("a stream has it");
        pair.settle();
        assert_eq!(payloads(&pair), [full, 300]);
        assert_eq!(recv(&mut pair.b, server, 9_000).map(|bytes| bytes.len()), Ok(full + 300));
    }
}

#[test]
fn a_cork_holds_for_200_milliseconds_at_most() {
    let mut pair = Pair::new(IP);
    let (client, _server) = pair.connection(IP);
    pair.a.setsockopt(client, TCP_CORK, true).expect("a stream has it");
    assert_eq!(pair.a.send(client, b"head"), Ok(4));
    pair.run_for(Duration::from_micros(199_999));
    assert!(payloads(&pair).is_empty());
    pair.run_for(Duration::from_micros(1));
    assert_eq!(payloads(&pair), [4]);
    pair.run_for(secs(1));
    assert_eq!(pair.a.send(client, b"body"), Ok(4));
    pair.run_for(Duration::from_micros(199_999));
    assert_eq!(payloads(&pair), [4]);
    pair.run_for(Duration::from_micros(1));
    assert_eq!(payloads(&pair), [4, 4]);
}

#[test]
fn a_fin_takes_along_what_a_cork_holds() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    pair.a.setsockopt(client, TCP_CORK, true).expect("a stream has it");
    assert_eq!(pair.a.send(client, b"all"), Ok(3));
    pair.settle();
    pair.a.close(client).expect("it is open");
    pair.settle();
    assert_eq!(recv(&mut pair.b, server, 64).as_deref(), Ok(&b"all"[..]));
}

#[test]
fn a_lost_segment_of_a_corked_connection_is_sent_again() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    pair.a.setsockopt(client, TCP_CORK, true).expect("a stream has it");
    pair.cut();
    assert_eq!(pair.a.send(client, &[1; 3_000]), Ok(3_000));
    pair.run_for(Duration::from_millis(500));
    pair.mend();
    pair.run_for(secs(3));
    assert_eq!(recv(&mut pair.b, server, 9_000).map(|bytes| bytes.len()), Ok(3_000));
}

/// Without congestion control all goes out that the window allows; with it, two segments to begin with.
#[test]
fn congestion_control_is_as_asked_from_the_first_flight_on() {
    let first_flight = |congestion: Congestion| {
        let mut pair = Pair::new(IP);
        let client = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
        pair.a.setsockopt(client, TCP_CONGESTION, congestion).expect("it is built in");
        pair.b_listens(IP, 80, 0);
        assert_eq!(pair.a.connect(client, IP.b(80)), Err(Errno::EINPROGRESS));
        pair.settle();
        pair.forget();
        pair.cut();
        assert_eq!(pair.a.send(client, &[1; 30_000]), Ok(30_000));
        pair.settle();
        payloads(&pair).iter().sum::<usize>()
    };
    // RFC 896 holds the last, partial segment back.
    assert_eq!(first_flight(Congestion::None), 20 * 1_460);
    for congestion in [Congestion::Reno, Congestion::Cubic] {
        assert!(first_flight(congestion) <= 4 * 1_460, "{congestion:?}");
    }
}

#[test]
fn the_ttl_of_a_stream_is_as_asked() {
    let mut pair = Pair::new(IP);
    let listener = pair.b_listens(IP, 80, 0);
    pair.b.setsockopt(listener, IP_TTL, 5).expect("any socket has it");
    let client = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
    pair.a.setsockopt(client, IP_TTL, 9).expect("any socket has it");
    assert_eq!(pair.a.connect(client, IP.b(80)), Err(Errno::EINPROGRESS));
    pair.settle();
    for seen in &pair.seen {
        assert_eq!(seen.bytes[8], if seen.from == End::A { 9 } else { 5 });
    }
}

#[test]
fn tcp_info_tells_what_came() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    assert_eq!(pair.a.send(client, &[1; 2_000]), Ok(2_000));
    pair.run_for(secs(3));
    let info = pair.b.getsockopt(server, TCP_INFO).expect("a stream");
    assert_eq!((info.state, info.pmtu, info.snd_mss, info.rcv_mss), (TcpState::Established, 1500, 1460, 1460));
    assert_eq!((info.bytes_received, info.data_segs_in), (2_000, 2));
    assert_eq!(info.rcv_space, 65_535 - 2_000);
    // The second segment waited for the ACK of the first (RFC 896).
    assert_eq!(info.last_data_recv, Duration::from_millis(2_990));
    let info = pair.a.getsockopt(client, TCP_INFO).expect("a stream");
    assert_eq!((info.bytes_acked, info.notsent), (2_000, 0));
    let mut bytes = [0; 216];
    assert_eq!(pair.a.getsockopt_raw(client, 6, 11, &mut bytes), Ok(216));
    assert_eq!((bytes[0], u64::from_le_bytes(bytes[120..128].try_into().expect("8 bytes"))), (1, 2_000));
}

#[test]
fn tcp_info_of_a_listener_tells_its_queue() {
    let mut pair = Pair::new(IP);
    let listener = pair.b_listens(IP, 80, 3);
    pair.a_connects(IP, 80);
    pair.a_connects(IP, 80);
    pair.settle();
    let info = pair.b.getsockopt(listener, TCP_INFO).expect("a stream");
    assert_eq!((info.state, info.unacked, info.backlog), (TcpState::Listen, 2, 3));
}

/// `SMOLSOCK_BLESS=1` writes the table into the README.
#[test]
fn the_readme_has_this_table() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("it is there");
    let (head, rest) = readme.split_once(TABLE_START).expect("README.md says where the table of options begins");
    let (table, tail) = rest.split_once(TABLE_END).expect("README.md says where the table of options ends");
    let expected = readme_table();
    if std::env::var_os("SMOLSOCK_BLESS").is_some() {
        std::fs::write(&path, [head, TABLE_START, &expected, TABLE_END, tail].concat()).expect("it can be written");
        return;
    }
    assert!(table == expected, "README.md has another table of options: SMOLSOCK_BLESS=1 cargo test options writes it");
}

fn readme_table() -> String {
    let mut text = String::from("\n| level | option | value | range | default | effect |\n|---|---|---|---|---|---|\n");
    for row in table() {
        let calls = match (row.can_get, row.can_set) {
            (true, false) => " (get)",
            (false, true) => " (set)",
            _ => "",
        };
        let Row { name, value, range, default, effect, .. } = row;
        let level = row.level.name();
        text += &format!("| `{level}` | `{name}`{calls} | `{value}` | {range} | {default} | {effect} |\n");
    }
    text
}

const TABLE_START: &str = "<!-- options: generated from `sockopt::table` -->\n";
const TABLE_END: &str = "\n<!-- options end -->";
