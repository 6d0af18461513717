//! Does ICMP echo work as datagrams, and is this host's answer always there?

use std::net::{IpAddr, SocketAddr};

use smolsock::sockopt::{SO_DOMAIN, SO_PROTOCOL, SO_REUSEADDR, SO_TYPE};
use smolsock::{Domain, Errno, MsgFlags, PollFd, Readiness, SendMessage, Shutdown, SocketId, Stack, Storage, Type};
use smolsock_sim::app::pattern::pattern;
use smolsock_sim::observe::dissect::{Icmp, Packet};

use crate::pair::{ALL, ETHERNET, End, IP, IP6, Net, Pair};

/// An echo request with this sequence number, as an application writes it.
fn echo(net: Net, seq: u16, data: &[u8]) -> Vec<u8> {
    let kind = if net.domain == Domain::Inet { 8 } else { 128 };
    let [high, low] = seq.to_be_bytes();
    [&[kind, 0, 0, 0, 0xab, 0xcd, high, low], data].concat()
}

fn ping_socket(stack: &mut Stack<'_>, net: Net) -> SocketId {
    stack.socket(net.domain, Type::Icmp).expect("room")
}

/// The next answer: its type, identifier, sequence number, data and sender.
fn answer(stack: &mut Stack<'_>, id: SocketId) -> Result<(u8, u16, u16, Vec<u8>, SocketAddr), Errno> {
    let mut buffer = vec![0; 70_000];
    let got = stack.recv_from(id, &mut buffer)?;
    let word = |at: usize| u16::from_be_bytes([buffer[at], buffer[at + 1]]);
    Ok((buffer[0], word(4), word(6), buffer[8..got.len].to_vec(), got.remote))
}

#[test]
fn a_ping_is_answered_with_the_sockets_identifier() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let id = ping_socket(&mut pair.a, net);
        assert_eq!(pair.a.getsockname(id), Ok(net.any(0)));
        let request = echo(net, 7, b"hello");
        // A port in the address means nothing.
        assert_eq!(pair.a.send_to(id, &request, net.b(99)), Ok(13));
        assert_eq!(pair.a.ioctl_siocoutq(id), Ok(13));
        let ident = pair.a.getsockname(id).expect("bound now").port();
        assert_ne!(ident, 0);
        pair.settle();
        assert_eq!(pair.a.readiness(id), Ok(Readiness::IN | Readiness::OUT));
        assert_eq!(pair.a.ioctl_fionread(id), Ok(13));
        let kind = if net.domain == Domain::Inet { 0 } else { 129 };
        assert_eq!(answer(&mut pair.a, id), Ok((kind, ident, 7, b"hello".to_vec(), net.b(0))), "{net:?}");
        assert_eq!(answer(&mut pair.a, id), Err(Errno::EAGAIN));
        assert!(pair.seen.iter().all(|seen| seen.packet.bad_checksum.is_none()), "{:?}", pair.seen);
    }
}

#[test]
fn a_host_pings_itself() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let loopback: IpAddr = if net.domain == Domain::Inet { [127, 0, 0, 1].into() } else { IpAddr::V6(1.into()) };
        let id = ping_socket(&mut pair.a, net);
        for to in [SocketAddr::new(loopback, 0), net.a(0)] {
            for len in [0, 100, 5_000, 60_000] {
                let request = echo(net, 1, &pattern(1, len));
                assert_eq!(pair.a.send_to(id, &request, to), Ok(8 + len));
                pair.settle();
                let (.., data, from) = answer(&mut pair.a, id).expect("an answer");
                assert_eq!((data, from), (pattern(1, len), to), "{net:?} {to} {len}");
            }
        }
        assert_eq!(pair.frames, 0);
    }
}

#[test]
fn each_socket_gets_the_answers_to_its_own_identifier() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let [first, second] = [0; 2].map(|_| ping_socket(&mut pair.a, net));
        pair.a.bind(first, net.any(777)).expect("free");
        assert_eq!(pair.a.bind(first, net.any(778)), Err(Errno::EINVAL));
        pair.a.bind(second, net.a(778)).expect("free");
        for (id, seq) in [(first, 1), (second, 2), (first, 3)] {
            pair.a.send_to(id, &echo(net, seq, b""), net.b(0)).expect("room");
        }
        pair.settle();
        let mut take = |id| answer(&mut pair.a, id).map(|(_, ident, seq, ..)| (ident, seq));
        assert_eq!([take(first), take(first), take(first)], [Ok((777, 1)), Ok((777, 3)), Err(Errno::EAGAIN)]);
        assert_eq!([take(second), take(second)], [Ok((778, 2)), Err(Errno::EAGAIN)]);
        // As on Linux they share identifiers from the start; the last one bound gets the answers.
        let third = ping_socket(&mut pair.a, net);
        assert_eq!(pair.a.getsockopt(third, SO_REUSEADDR), Ok(true));
        pair.a.bind(third, net.any(777)).expect("shared");
        pair.a.send_to(first, &echo(net, 9, b""), net.b(0)).expect("room");
        pair.settle();
        assert_eq!(answer(&mut pair.a, third).map(|(_, _, seq, ..)| seq), Ok(9));
        assert_eq!(answer(&mut pair.a, first), Err(Errno::EAGAIN));
    }
}

#[test]
fn a_connected_socket_hears_its_peer_alone() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let id = ping_socket(&mut pair.a, net);
        assert_eq!(pair.a.send(id, &echo(net, 1, b"")), Err(Errno::EDESTADDRREQ));
        let unconnected = ping_socket(&mut pair.a, net);
        assert_eq!(pair.a.shutdown(unconnected, Shutdown::Both), Err(Errno::ENOTCONN));
        pair.a.connect(id, net.b(0)).expect("a route");
        assert_eq!(pair.a.getpeername(id), Err(Errno::ENOTCONN), "Linux: nobody is at port 0");
        assert_eq!(pair.a.getsockname(id).map(|name| name.ip()), Ok(net.a(0).ip()));
        assert_eq!(pair.a.send(id, &echo(net, 1, b"one")), Ok(11));
        assert_eq!(pair.a.send_to(id, &echo(net, 2, b"two"), net.a(0)), Ok(11));
        pair.settle();
        assert_eq!(answer(&mut pair.a, id).map(|(_, _, seq, ..)| seq), Ok(1));
        assert_eq!(answer(&mut pair.a, id), Err(Errno::EAGAIN), "its own answer is not the peer's");
        pair.a.shutdown(id, Shutdown::Write).expect("connected");
        assert_eq!(pair.a.send(id, &echo(net, 3, b"")), Err(Errno::EPIPE));
    }
}

#[test]
fn only_echo_requests_are_sent() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let id = ping_socket(&mut pair.a, net);
        let good = echo(net, 1, b"");
        let other = if net.domain == Domain::Inet { 128 } else { 8 };
        for (at, byte) in [(0, 0), (0, 13), (0, other), (1, 1)] {
            let mut bad = good.clone();
            bad[at] = byte;
            assert_eq!(pair.a.send_to(id, &bad, net.b(0)), Err(Errno::EINVAL), "{net:?} {bad:?}");
        }
        assert_eq!(pair.a.send_to(id, &good[..7], net.b(0)), Err(Errno::EINVAL));
        assert_eq!(pair.a.send_to(id, &good, net.elsewhere(0)), Err(Errno::ENETUNREACH));
        let largest = if net.domain == Domain::Inet { 65_515 } else { 65_535 };
        assert_eq!(pair.a.send_to(id, &echo(net, 1, &vec![0; largest - 7]), net.b(0)), Err(Errno::EMSGSIZE));
        assert_eq!(pair.a.send_to(id, &echo(net, 1, &vec![0; largest - 8]), net.b(0)), Ok(largest));
        pair.settle();
        assert_eq!(answer(&mut pair.a, id).map(|got| got.3.len()), Ok(largest - 8));
        let message =
            SendMessage { pieces: &[&good[..3], &good[3..], b"tail"], to: Some(net.b(0)), ..Default::default() };
        assert_eq!(pair.a.sendmsg(id, &message, MsgFlags::NONE), Ok(12));
        pair.settle();
        assert_eq!(answer(&mut pair.a, id).map(|got| got.3), Ok(b"tail".to_vec()));
    }
}

#[test]
fn sizes_beyond_the_mtu_go_both_ways_in_fragments() {
    for net in ALL {
        for len in [1_440, 1_464, 1_472, 1_473, 5_000, 65_000] {
            let mut pair = Pair::new(net);
            let id = ping_socket(&mut pair.a, net);
            let request = echo(net, 5, &pattern(3, len));
            assert_eq!(pair.a.send_to(id, &request, net.b(0)), Ok(8 + len));
            pair.settle();
            assert_eq!(answer(&mut pair.a, id).map(|got| got.3), Ok(pattern(3, len)), "{net:?} {len}");
            assert_eq!(pair.b.counters().fragmented, pair.a.counters().fragmented);
            assert_eq!(pair.b.counters().dropped_too_large, 0);
        }
    }
}

#[test]
fn what_the_socket_is_can_be_asked() {
    for net in ALL {
        let mut stack = Pair::new(net).a;
        let id = ping_socket(&mut stack, net);
        let protocol = if net.domain == Domain::Inet { 1 } else { 58 };
        assert_eq!(stack.getsockopt(id, SO_TYPE), Ok(Type::Icmp));
        assert_eq!(stack.getsockopt(id, SO_PROTOCOL), Ok(protocol));
        assert_eq!(stack.getsockopt(id, SO_DOMAIN), Ok(net.domain));
        let mut value = [0; 4];
        assert_eq!(stack.getsockopt_raw(id, 1, 3, &mut value), Ok(4));
        assert_eq!(value, [2, 0, 0, 0], "SOCK_DGRAM");
        assert!(stack.netstat().rows().next().is_none(), "nothing can reach it yet");
        let twin = stack.dup(id).expect("room");
        stack.bind(twin, net.any(777)).expect("free");
        let name = if net.domain == Domain::Inet { "icmp  " } else { "icmp6 " };
        let text = stack.netstat().to_string();
        assert!(text.contains(name) && text.contains(":777"), "{text}");
        let mut fds = [PollFd::new(id, Readiness::OUT)];
        assert_eq!(stack.poll(&mut fds), Ok(1));
        assert_eq!(stack.listen(id, 1), Err(Errno::EOPNOTSUPP));
        let foreign = ping_socket(&mut stack, net);
        assert_eq!(stack.bind(foreign, net.b(0)), Err(Errno::EADDRNOTAVAIL));
    }
}

#[test]
fn an_error_about_a_request_reaches_the_connected_socket() {
    for net in [IP, IP6] {
        let mut pair = Pair::new(net);
        let [id, other] = [0; 2].map(|_| ping_socket(&mut pair.a, net));
        for socket in [id, other] {
            pair.a.connect(socket, net.b(0)).expect("a route");
        }
        pair.carries = Box::new(|_| false);
        pair.a.send(id, &echo(net, 1, b"")).expect("room");
        pair.settle();
        let request = pair.seen.last().expect("it is out").bytes.clone();
        // B's answer: its administrator forbids it. B speaks through a raw socket.
        pair.mend();
        let (number, protocol, code) = if net.domain == Domain::Inet { (3, 1, 13) } else { (1, 58, 1) };
        let raw = pair.b.socket(net.domain, Type::Raw(protocol)).expect("room");
        let mut error = [&[number, code, 0, 0, 0, 0, 0, 0], &request[..]].concat();
        if net.domain == Domain::Inet {
            let sum = checksum(&error);
            error[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        pair.b.send_to(raw, &error, net.a(0)).expect("room");
        pair.settle();
        assert_eq!(pair.a.take_error(other), Ok(None));
        assert_eq!(pair.a.recv(id, &mut [0; 9]), Err(Errno::EHOSTUNREACH), "{net:?}");
        assert_eq!(pair.a.recv(id, &mut [0; 9]), Err(Errno::EAGAIN));
    }
}

pub fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0)));
    let sum: u32 = words.sum();
    let folded = (sum >> 16) + (sum & 0xffff);
    !((folded >> 16) + (folded & 0xffff)) as u16
}

#[test]
fn a_silent_neighbour_is_unreachable() {
    let mut pair = Pair::new(ETHERNET);
    let id = ping_socket(&mut pair.a, ETHERNET);
    pair.a.send_to(id, &echo(ETHERNET, 1, b""), ETHERNET.host(77, 0)).expect("room");
    pair.run_for(crate::pair::secs(10));
    assert_eq!(pair.a.recv(id, &mut [0; 9]), Err(Errno::EHOSTUNREACH));
}

#[test]
fn ping_needs_no_heap() {
    type Small<'a> = Storage<'a, 4, 1, 2, 512, 3_000>;
    for net in ALL {
        let (mut for_a, mut for_b) = (Small::new(), Small::new());
        let a = Stack::with_storage(net.config(1), &net.nic(), &mut for_a).expect("good");
        let b = Stack::with_storage(net.config(2), &net.nic(), &mut for_b).expect("good");
        let mut pair = Pair::of(net, a, b);
        let id = ping_socket(&mut pair.a, net);
        for len in [10, 2_900] {
            pair.a.send_to(id, &echo(net, 5, &pattern(3, len)), net.b(0)).expect("room");
            pair.settle();
            assert_eq!(answer(&mut pair.a, id).map(|got| got.3), Ok(pattern(3, len)), "{net:?} {len}");
        }
        // The way to oneself is narrower than that.
        pair.a.send_to(id, &echo(net, 6, &pattern(4, 2_000)), net.a(0)).expect("room");
        pair.forget();
        pair.settle();
        assert_eq!(answer(&mut pair.a, id).map(|got| got.3), Ok(pattern(4, 2_000)), "{net:?}");
        assert!(pair.seen.is_empty());
        let raw = pair.a.socket(net.domain, Type::Raw(253)).expect("room");
        assert_eq!(pair.a.socket(net.domain, Type::Raw(253)), Err(Errno::ENOBUFS));
        pair.a.close(raw).expect("open");
        pair.a.close(id).expect("open");
        let udp = pair.a.socket(net.domain, Type::Datagram).expect("room");
        assert_eq!(pair.a.getsockopt(udp, SO_TYPE), Ok(Type::Datagram), "lent queues forget what they were");
    }
}

#[test]
fn a_group_is_answered_over_ipv6_only() {
    for (net, group, is_answered) in [(IP, "224.0.0.1:0", false), (IP6, "[ff02::1]:0", true)] {
        let mut pair = Pair::new(net);
        let id = ping_socket(&mut pair.a, net);
        pair.a.send_to(id, &echo(net, 5, b"all"), group.parse().expect("an address")).expect("room");
        pair.settle();
        let answers = pair.seen.iter().filter(|seen| seen.from == End::B);
        let echoes =
            answers.filter(|seen| matches!(seen.packet.packet, Packet::Icmp(Icmp::Echo { request: false, .. })));
        assert_eq!(echoes.count(), usize::from(is_answered), "{net:?} {:?}", pair.seen);
    }
}
