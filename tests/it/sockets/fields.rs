//! Which services field and which hop limit do packets carry, and what is the receiver told of them?

use smolsock::sockopt::{
    IP_PKTINFO, IP_RECVTOS, IP_RECVTTL, IP_TOS, IP_TTL, IPV6_RECVHOPLIMIT, IPV6_RECVPKTINFO, IPV6_RECVTCLASS,
    IPV6_TCLASS, IPV6_UNICAST_HOPS, Opt,
};
use smolsock::{Control, Domain, MsgFlags, PacketInfo, Shutdown, SocketId, Stack};
use smolsock_sim::frame::Medium;

use crate::pair::{ALL, End, Net, Pair, Seen, recv, secs};

/// DSCP EF, whose low bits are those of RFC 3168: they stay 0.
const EF: i32 = 0xb8;

#[test]
fn every_segment_of_a_stream_carries_them() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let listener = pair.b_listens(net, 80, 0);
        set(&mut pair.b, net, listener, 0x20, 9);
        let client = pair.a.socket(net.domain, smolsock::Type::Stream).expect("room");
        set(&mut pair.a, net, client, EF, 33);
        let _ = pair.a.connect(client, net.b(80));
        pair.settle();
        let (server, _) = pair.b.accept(listener).expect("a connection");
        pair.cut();
        assert_eq!(pair.a.send(client, &[1; 3_000]), Ok(3_000));
        pair.run_for(secs(1));
        pair.mend();
        pair.run_for(secs(10));
        assert_eq!(recv(&mut pair.b, server, 9_000).map(|bytes| bytes.len()), Ok(3_000));
        pair.a.shutdown(client, Shutdown::Write).expect("it is connected");
        pair.run_for(secs(1));
        pair.b.close(server).expect("it is open");
        pair.run_for(secs(1));
        let flags = pair.flags();
        for wanted in ["A SYN", "B SYN", "A FIN", "B FIN"] {
            assert!(flags.iter().any(|flags| flags.starts_with(wanted)), "{wanted} in {flags:?}");
        }
        for seen in pair.seen.iter().filter(|seen| seen.packet.tcp().is_some()) {
            assert_eq!(seen.packet.bad_checksum, None, "{net:?}");
            let wanted = if seen.from == End::A { (0xb8, 33) } else { (0x20, 9) };
            assert_eq!(fields(net, seen), wanted, "{net:?}: {:?} {}", seen.from, seen.packet.tcp().expect("TCP").flags);
        }
    }
}

#[test]
fn every_datagram_carries_them_and_the_receiver_is_told() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (a, b) = pair.datagram_sockets(net);
        set(&mut pair.a, net, a, 0xbb, 33);
        let (ttl, tos, info) = match net.domain {
            Domain::Inet => (IP_RECVTTL, IP_RECVTOS, IP_PKTINFO),
            Domain::Inet6 => (IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS, IPV6_RECVPKTINFO),
        };
        let here = PacketInfo { local: net.b(0).ip(), interface: 1 };
        let told: [(Option<Opt<bool>>, Control); 4] = [
            (None, Control::NONE),
            (Some(ttl), Control { ttl: Some(33), ..Control::NONE }),
            (Some(tos), Control { ttl: Some(33), tos: Some(0xbb), ..Control::NONE }),
            (Some(info), Control { ttl: Some(33), tos: Some(0xbb), packet_info: Some(here) }),
        ];
        for (option, control) in told {
            if let Some(option) = option {
                pair.b.setsockopt(b, option, true).expect("UDP has it");
            }
            pair.forget();
            assert_eq!(pair.a.send_to(a, b"hello", net.b(7)), Ok(5));
            pair.settle();
            let message = pair.b.recvmsg(b, &mut [&mut [0; 8]], MsgFlags::NONE).expect("a datagram");
            assert_eq!(message.control, control, "{net:?}");
            let seen = pair.seen.iter().rfind(|seen| seen.from == End::A).expect("the datagram");
            // UDP sends all eight bits.
            assert_eq!((fields(net, seen), seen.packet.bad_checksum), ((0xbb, 33), None), "{net:?}");
        }
    }
}

/// As on Linux: an option of IPv4 says nothing about IPv6 packets.
#[test]
fn each_family_has_its_own_hop_limit() {
    let net = crate::pair::IP6;
    let mut pair = Pair::new(net);
    let (a, _) = pair.datagram_sockets(net);
    pair.a.setsockopt(a, IP_TTL, 9).expect("an IPv6 socket has it too");
    assert_eq!(pair.a.send_to(a, b"hello", net.b(7)), Ok(5));
    pair.settle();
    assert_eq!(fields(net, &pair.seen[0]), (0, 64));
}

#[test]
fn each_family_has_its_own_services_field() {
    let net = crate::pair::IP6;
    let mut pair = Pair::new(net);
    let (a, _) = pair.datagram_sockets(net);
    pair.a.setsockopt(a, IP_TOS, 8).expect("an IPv6 socket has it too");
    assert_eq!(pair.a.getsockopt(a, IPV6_TCLASS), Ok(0));
    assert_eq!(pair.a.send_to(a, b"hello", net.b(7)), Ok(5));
    pair.settle();
    assert_eq!(fields(net, &pair.seen[0]), (0, 64));
}

/// The services field and the hop limit of one socket, by the options of its family.
fn set(stack: &mut Stack<'_>, net: Net, id: SocketId, tos: i32, hops: i32) {
    let (tos_option, hops_option) = match net.domain {
        Domain::Inet => (IP_TOS, IP_TTL),
        Domain::Inet6 => (IPV6_TCLASS, IPV6_UNICAST_HOPS),
    };
    stack.setsockopt(id, tos_option, tos).expect("in range");
    stack.setsockopt(id, hops_option, hops).expect("in range");
}

/// Services field and hop limit in a packet.
fn fields(net: Net, seen: &Seen) -> (u8, u8) {
    let ip = match net.medium {
        Medium::Ethernet => &seen.bytes[14..],
        Medium::Ip => &seen.bytes,
    };
    match net.domain {
        Domain::Inet => (ip[1], ip[8]),
        Domain::Inet6 => ((ip[0] << 4) | (ip[1] >> 4), ip[7]),
    }
}
