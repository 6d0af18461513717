//! Do raw sockets get every packet of their protocol, and send what they are told to?

use std::net::{IpAddr, SocketAddr};

use smolsock::sockopt::{IP_HDRINCL, IP_TOS, IP_TTL, SO_PROTOCOL, SO_TYPE};
use smolsock::{Domain, Errno, MsgFlags, Readiness, SocketId, Stack, Type};
use smolsock_sim::app::pattern::pattern;

use super::ping::checksum;
use crate::pair::{ALL, ETHERNET, ETHERNET6, End, IP, IP6, Net, Pair};

fn raw(stack: &mut Stack<'_>, net: Net, protocol: u8) -> SocketId {
    stack.socket(net.domain, Type::Raw(protocol)).expect("room")
}

/// The next packet: header and payload (IPv6: no header), and its sender.
fn packet(stack: &mut Stack<'_>, net: Net, id: SocketId) -> Result<(Vec<u8>, Vec<u8>, SocketAddr), Errno> {
    let mut buffer = vec![0; 70_000];
    let got = stack.recv_from(id, &mut buffer)?;
    buffer.truncate(got.len);
    let data = buffer.split_off(if net.domain == Domain::Inet { 20 } else { 0 });
    Ok((buffer, data, got.remote))
}

fn payload(stack: &mut Stack<'_>, net: Net, id: SocketId) -> Result<Vec<u8>, Errno> {
    packet(stack, net, id).map(|(_, data, _)| data)
}

fn ip_header_len(net: Net) -> usize {
    if net.domain == Domain::Inet { 20 } else { 40 }
}

#[test]
fn packets_of_a_protocol_go_both_ways() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (a, b) = (raw(&mut pair.a, net, 253), raw(&mut pair.b, net, 253));
        let other = raw(&mut pair.b, net, 254);
        assert_eq!(pair.b.getsockname(b), Ok(net.any(253)), "its port is the protocol's number");
        let tail = if net.domain == Domain::Inet { 99 } else { 253 };
        assert_eq!(pair.a.send_to(a, b"hello", net.b(tail)), Ok(5));
        assert_eq!(pair.a.send_to(a, b"", net.b(0)), Ok(0));
        pair.settle();
        assert_eq!(pair.b.readiness(b), Ok(Readiness::IN | Readiness::OUT));
        let (header, data, from) = packet(&mut pair.b, net, b).expect("a packet");
        assert_eq!((data, from), (b"hello".to_vec(), net.a(0)));
        if net.domain == Domain::Inet {
            assert_eq!(header[..4], [0x45, 0, 0, 25], "the total length is in network order");
            assert_eq!(header[8..10], [64, 253]);
            assert_eq!(header[12..], [192, 0, 2, 1, 192, 0, 2, 2]);
            assert_eq!(checksum(&header), 0);
        }
        assert_eq!(payload(&mut pair.b, net, b), Ok(vec![]));
        assert_eq!(pair.b.recv(other, &mut [0; 9]), Err(Errno::EAGAIN));
        assert!(pair.seen.iter().filter(|seen| seen.from == End::B).all(|seen| seen.bytes.len() < 100));
        assert_eq!(pair.b.counters().refused, 0, "a raw socket took it");
    }
}

#[test]
fn nobody_for_a_protocol_is_told_to_the_connected_socket() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let id = raw(&mut pair.a, net, 253);
        pair.a.connect(id, net.b(5)).expect("a route");
        assert_eq!(pair.a.getpeername(id), Ok(net.b(5)));
        assert_eq!(pair.a.getsockname(id), Ok(net.a(253)));
        let is_port_free = net.domain == Domain::Inet;
        let to_a_port = pair.a.send_to(id, b"", net.b(5));
        assert_eq!(to_a_port, if is_port_free { Ok(0) } else { Err(Errno::EINVAL) });
        assert_eq!(pair.a.send(id, b"8 bytes."), Ok(8));
        pair.settle();
        assert_eq!(pair.a.recv(id, &mut [0; 9]), Err(Errno::ENOPROTOOPT), "{net:?}");
    }
}

#[test]
fn bind_and_connect_choose_what_is_received() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let sender = raw(&mut pair.a, net, 253);
        let [anywhere, here, elsewhere, from_a, from_other] = [0; 5].map(|_| raw(&mut pair.b, net, 253));
        let loopback: IpAddr = if net.domain == Domain::Inet { [127, 0, 0, 1].into() } else { IpAddr::V6(1.into()) };
        assert_eq!(pair.b.bind(here, net.a(0)), Err(Errno::EADDRNOTAVAIL));
        pair.b.bind(here, SocketAddr::new(loopback, 7)).expect("own");
        pair.b.bind(here, net.b(7)).expect("a raw socket is bound as often as one likes");
        assert_eq!(pair.b.getsockname(here), Ok(net.b(253)));
        pair.b.bind(elsewhere, SocketAddr::new(loopback, 0)).expect("own");
        pair.b.connect(from_a, net.a(0)).expect("a route");
        pair.b.connect(from_other, net.host(9, 0)).expect("a route");
        pair.a.send_to(sender, b"x", net.b(0)).expect("room");
        pair.settle();
        let got = [anywhere, here, elsewhere, from_a, from_other].map(|id| payload(&mut pair.b, net, id).is_ok());
        assert_eq!(got, [true, true, false, true, false], "{net:?}");
        pair.b.close(here).expect("open");
        pair.b.close(anywhere).expect("open");
        pair.a.send_to(sender, b"y", net.b(0)).expect("room");
        pair.settle();
        assert_eq!(payload(&mut pair.b, net, from_a), Ok(b"y".to_vec()), "others go on when some are closed");
    }
}

#[test]
fn segments_and_datagrams_are_copied() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let [tcp, udp] = [6, 17].map(|protocol| raw(&mut pair.b, net, protocol));
        let (a, b) = pair.datagram_sockets(net);
        pair.a.send_to(a, b"hello", net.b(7)).expect("room");
        pair.settle();
        let (_, datagram, from) = packet(&mut pair.b, net, udp).expect("a copy");
        assert_eq!((&datagram[..4], &datagram[8..], from), (&[0, 7, 0, 7][..], &b"hello"[..], net.a(0)));
        assert_eq!(pair.b.recv(b, &mut [0; 9]), Ok(5), "the socket has its own");
        let (client, server) = pair.connection(net);
        assert_eq!(pair.a.send(client, b"stream"), Ok(6));
        pair.settle();
        assert_eq!(pair.b.recv(server, &mut [0; 9]), Ok(6));
        let segments: Vec<Vec<u8>> = std::iter::from_fn(|| payload(&mut pair.b, net, tcp).ok()).collect();
        assert_eq!(segments.len(), 3, "SYN, ACK, data");
        assert!(segments[2].ends_with(b"stream"));
        // Nobody has port 9, raw socket or not.
        pair.a.connect(a, net.b(9)).expect("a route");
        pair.a.send(a, b"?").expect("room");
        pair.settle();
        assert_eq!(pair.a.send(a, b"?"), Err(Errno::ECONNREFUSED));
        assert!(payload(&mut pair.b, net, udp).is_ok());
    }
}

#[test]
fn large_packets_are_fragmented_and_put_together() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (a, b) = (raw(&mut pair.a, net, 253), raw(&mut pair.b, net, 253));
        let largest = if net.domain == Domain::Inet { 65_515 } else { 65_535 };
        for len in [1_460, 1_480, 1_481, 5_000, largest] {
            assert_eq!(pair.a.send_to(a, &pattern(2, len), net.b(0)), Ok(len));
            pair.settle();
            assert_eq!(payload(&mut pair.b, net, b), Ok(pattern(2, len)), "{net:?} {len}");
        }
        assert_eq!(pair.a.send_to(a, &pattern(2, largest + 1), net.b(0)), Err(Errno::EMSGSIZE));
        assert_eq!(pair.b.recv(b, &mut [0; 9]), Err(Errno::EAGAIN), "each came once");
    }
}

#[test]
fn ttl_and_tos_are_those_of_the_options() {
    let mut pair = Pair::new(IP);
    let (a, b) = (raw(&mut pair.a, IP, 253), raw(&mut pair.b, IP, 253));
    pair.a.setsockopt(a, IP_TTL, 3).expect("in range");
    pair.a.setsockopt(a, IP_TOS, 0xb8).expect("in range");
    pair.a.send_to(a, b"x", IP.b(0)).expect("room");
    pair.settle();
    let (header, ..) = packet(&mut pair.b, IP, b).expect("a packet");
    assert_eq!((header[1], header[8]), (0xb8, 3));
}

/// An IPv4 header of protocol 253 with holes to be filled in.
fn header(source: [u8; 4], id: u8, to: [u8; 4]) -> Vec<u8> {
    [&[0x45, 0, 0xff, 0xff, 0, id, 0, 0, 9, 253, 1, 1][..], &source, &to].concat()
}

#[test]
fn a_header_that_is_included_is_completed() {
    for net in [IP, ETHERNET] {
        let mut pair = Pair::new(net);
        let (a, b) = (raw(&mut pair.a, net, 255), raw(&mut pair.b, net, 253));
        assert_eq!(pair.a.getsockopt(a, IP_HDRINCL), Ok(true), "IPPROTO_RAW implies it");
        let open = [header([0; 4], 0, [192, 0, 2, 2]), b"data".to_vec()].concat();
        assert_eq!(pair.a.send_to(a, &open, net.b(0)), Ok(24));
        let shut = [header([192, 0, 2, 50], 7, [192, 0, 2, 2]), b"data".to_vec()].concat();
        assert_eq!(pair.a.send_to(a, &shut, net.b(0)), Ok(24));
        pair.settle();
        let (first, data, from) = packet(&mut pair.b, net, b).expect("a packet");
        assert_eq!((data, from), (b"data".to_vec(), net.a(0)));
        assert_eq!((&first[2..4], first[8], &first[12..16]), (&[0, 24][..], 9, &[192, 0, 2, 1][..]));
        assert_ne!(first[4..6], [0, 0], "an identification was filled in");
        let (second, _, from) = packet(&mut pair.b, net, b).expect("a packet");
        assert_eq!((&second[4..6], from), (&[0, 7][..], net.host(50, 0)));
        assert_eq!((checksum(&first), checksum(&second)), (0, 0));
        pair.a.setsockopt(a, IP_HDRINCL, false).expect("a raw socket");
        let plain = raw(&mut pair.b, net, 255);
        pair.a.send_to(a, b"x", net.b(0)).expect("room");
        pair.settle();
        assert_eq!(payload(&mut pair.b, net, plain), Ok(b"x".to_vec()));
    }
}

#[test]
fn a_header_that_is_none_is_refused() {
    let mut pair = Pair::new(IP);
    let id = raw(&mut pair.a, IP, 253);
    pair.a.setsockopt(id, IP_HDRINCL, true).expect("a raw socket");
    let good = header([0; 4], 0, [192, 0, 2, 2]);
    for first in [0x44, 0x46, 0x65] {
        let mut bad = good.clone();
        bad[0] = first;
        assert_eq!(pair.a.send_to(id, &bad, IP.b(0)), Err(Errno::EINVAL), "{first:x}");
    }
    assert_eq!(pair.a.send_to(id, &good[..19], IP.b(0)), Err(Errno::EINVAL));
    assert_eq!(pair.a.send_to(id, &[], IP.b(0)), Err(Errno::EINVAL));
    let full = |len: usize| [good.clone(), vec![0; len - 20]].concat();
    assert_eq!(pair.a.send_to(id, &full(1_501), IP.b(0)), Err(Errno::EMSGSIZE), "it is not cut");
    assert_eq!(pair.a.send_to(id, &full(1_500), IP.b(0)), Ok(1_500));
    assert_eq!(pair.a.send_to(id, &full(2_000), IP.a(0)), Ok(2_000), "the way to oneself is wider");
}

#[test]
fn the_option_is_for_ipv4_raw_sockets_alone() {
    let mut stack = Pair::new(IP).a;
    for (domain, kind) in [
        (Domain::Inet, Type::Datagram),
        (Domain::Inet, Type::Icmp),
        (Domain::Inet, Type::Stream),
        (Domain::Inet6, Type::Raw(253)),
    ] {
        let id = stack.socket(domain, kind).expect("room");
        assert_eq!(stack.setsockopt(id, IP_HDRINCL, true), Err(Errno::ENOPROTOOPT), "{kind:?}");
    }
}

#[test]
fn what_the_socket_is_can_be_asked() {
    for net in ALL {
        let mut pair = Pair::new(net);
        assert_eq!(pair.a.socket(net.domain, Type::Raw(0)), Err(Errno::EPROTONOSUPPORT));
        let id = raw(&mut pair.a, net, 253);
        assert_eq!(pair.a.getsockopt(id, SO_TYPE), Ok(Type::Raw(253)));
        assert_eq!(pair.a.getsockopt(id, SO_PROTOCOL), Ok(253));
        let mut value = [0; 4];
        assert_eq!(pair.a.getsockopt_raw(id, 1, 3, &mut value), Ok(4));
        assert_eq!(value, [3, 0, 0, 0], "SOCK_RAW");
        let text = pair.a.netstat().to_string();
        let row =
            if net.domain == Domain::Inet { "raw        0      0 0.0.0.0:253" } else { "raw6       0      0 [::]:253" };
        assert!(text.contains(row), "{text}");
        assert_eq!(pair.a.send(id, b"x"), Err(Errno::EDESTADDRREQ));
        assert_eq!(pair.a.recv_with(id, &mut [0; 9], MsgFlags::PEEK), Err(Errno::EAGAIN));
        // On the way to oneself.
        let twin = pair.a.dup(id).expect("room");
        pair.a.send_to(id, b"self", net.a(0)).expect("room");
        pair.settle();
        assert_eq!(pair.a.ioctl_fionread(twin), Ok(4 + 20 * usize::from(net.domain == Domain::Inet)));
        assert_eq!(payload(&mut pair.a, net, twin), Ok(b"self".to_vec()));
        pair.a.send_to(id, b"last words", net.b(0)).expect("room");
        pair.a.close(id).expect("open");
        pair.a.close(twin).expect("open");
        assert!(pair.a.netstat().rows().next().is_none());
        pair.settle();
        assert!(pair.seen.iter().any(|seen| seen.bytes.ends_with(b"last words")));
    }
}

#[test]
fn a_raw_icmp_socket_sees_requests_and_answers() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (protocol, request, reply) = if net.domain == Domain::Inet { (1, 8, 0) } else { (58, 128, 129) };
        let (a, b) = (raw(&mut pair.a, net, protocol), raw(&mut pair.b, net, protocol));
        let mut echo = [request, 0, 0, 0, 1, 2, 3, 4, 5];
        if net.domain == Domain::Inet {
            let sum = checksum(&echo);
            echo[2..4].copy_from_slice(&sum.to_be_bytes());
        } else {
            assert_eq!(pair.a.send_to(a, &echo[..3], net.b(0)), Err(Errno::EINVAL), "no room for the checksum");
        }
        assert_eq!(pair.a.send_to(a, &echo, net.b(0)), Ok(9));
        pair.settle();
        let kinds = |stack: &mut Stack<'_>, id| -> Vec<u8> {
            let all = std::iter::from_fn(|| payload(stack, net, id).ok());
            // Neighbour discovery is ICMPv6 too.
            all.map(|message| message[0]).filter(|kind| !(135..=136).contains(kind)).collect()
        };
        assert_eq!(kinds(&mut pair.b, b), [request], "{net:?}");
        assert_eq!(kinds(&mut pair.a, a), [reply], "{net:?}");
        assert!(pair.seen.iter().all(|seen| seen.packet.bad_checksum.is_none()), "{:?}", pair.seen);
    }
}

/// An IPv6 packet from A to B with these extension headers and payload.
fn ipv6(next: u8, rest: &[u8], to: [u8; 16]) -> Vec<u8> {
    let IpAddr::V6(from) = IP6.a(0).ip() else { unreachable!() };
    [&[0x60, 0, 0, 0, 0, rest.len() as u8, next, 64][..], &from.octets(), &to, rest].concat()
}

/// First next header, what follows the IPv6 header, whether it goes to a group, and code and pointer of the answer.
type Case = (u8, Vec<u8>, bool, Option<(u8, u32)>);

#[test]
fn unknown_options_and_headers_are_answered_as_rfc_8200_says() {
    let IpAddr::V6(b) = IP6.b(0).ip() else { unreachable!() };
    let group = std::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let options = |next: u8, kind: u8| vec![next, 0, 1, 1, 0, kind, 0, 0];
    let udp = [0, 9, 0, 9, 0, 8, 0, 0];
    let cases: &[Case] = &[
        // The two high bits of an option that nobody knows: skip, discard, tell, tell unless to a group.
        (60, options(253, 0x3e), false, Some((1, 40))),
        (60, options(253, 0x7e), false, None),
        (60, options(253, 0xbe), false, Some((2, 45))),
        (60, options(253, 0xfe), false, Some((2, 45))),
        (0, options(253, 0xbe), true, Some((2, 45))),
        (0, options(253, 0xfe), true, None),
        (60, [options(60, 0x1e), options(253, 0xfe)].concat(), false, Some((2, 53))),
        // Unknown next headers.
        (253, vec![0; 8], false, Some((1, 6))),
        (60, [options(253, 1), udp.to_vec()].concat(), false, Some((1, 40))),
        (60, [options(0, 1), options(59, 1)].concat(), false, Some((1, 40))),
        // A route that goes on.
        (43, vec![17, 0, 9, 1, 0, 0, 0, 0], false, Some((0, 42))),
        (43, vec![253, 0, 9, 0, 0, 0, 0, 0], false, Some((1, 40))),
    ];
    for net in [IP6, ETHERNET6] {
        for (next, rest, is_to_group, expected) in cases {
            let mut pair = Pair::new(net);
            let id = raw(&mut pair.a, net, 255);
            let (to, target) = if *is_to_group { (group, group) } else { (b, b) };
            let bytes = ipv6(*next, rest, to.octets());
            assert_eq!(pair.a.send_to(id, &bytes, SocketAddr::new(target.into(), 0)), Ok(bytes.len()));
            pair.settle();
            let skipped = pair.seen.last().map_or(0, |seen| seen.bytes.len()).min(if net == IP6 { 0 } else { 14 });
            let told = pair.seen.iter().filter(|seen| seen.from == End::B).find_map(|seen| {
                let message = &seen.bytes[skipped + ip_header_len(net)..];
                let pointer = u32::from_be_bytes(message[4..8].try_into().expect("four"));
                (message[0] == 4).then_some((message[1], pointer))
            });
            assert_eq!(told, *expected, "{net:?} {next} {rest:?}");
        }
    }
}
