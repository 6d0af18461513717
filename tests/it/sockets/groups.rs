//! Does one datagram reach many, and only those who want it?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use smolsock::sockopt::{
    IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP, IP_MULTICAST_ALL, IP_MULTICAST_LOOP, IP_MULTICAST_TTL, IPV6_JOIN_GROUP,
    IPV6_LEAVE_GROUP, Membership, SO_BROADCAST, SO_REUSEADDR,
};
use smolsock::time::Instant;
use smolsock::{Domain, Errno, SocketId, Stack, Type};
use smolsock_sim::frame::Medium;

use crate::pair::{ALL, ETHERNET, ETHERNET6, End, IP, IP6, Net, Pair, secs};

/// A group that routers forward, or that has nothing to do with them, of the family of `net`.
fn group(net: Net) -> IpAddr {
    match net.domain {
        Domain::Inet => [239, 1, 2, 3].into(),
        Domain::Inet6 => "ff0e::1:203".parse().expect("an address"),
    }
}

fn join(stack: &mut Stack<'_>, id: SocketId, group: IpAddr) -> Result<(), Errno> {
    let option = if group.is_ipv4() { IP_ADD_MEMBERSHIP } else { IPV6_JOIN_GROUP };
    stack.setsockopt(id, option, Membership::of(group))
}

fn leave(stack: &mut Stack<'_>, id: SocketId, group: IpAddr) -> Result<(), Errno> {
    let option = if group.is_ipv4() { IP_DROP_MEMBERSHIP } else { IPV6_LEAVE_GROUP };
    stack.setsockopt(id, option, Membership::of(group))
}

/// A socket at `local` that shares its port with others.
fn bound(stack: &mut Stack<'_>, net: Net, local: SocketAddr) -> SocketId {
    let id = stack.socket(net.domain, Type::Datagram).expect("room");
    stack.setsockopt(id, SO_REUSEADDR, true).expect("an option of all sockets");
    stack.bind(id, local).expect("a shared port");
    id
}

/// A socket at port 7 of every address.
fn shared(stack: &mut Stack<'_>, net: Net) -> SocketId {
    bound(stack, net, net.any(7))
}

/// How many datagrams wait in a socket.
fn take(stack: &mut Stack<'_>, id: SocketId) -> usize {
    std::iter::from_fn(|| stack.recv_from(id, &mut [0; 16]).ok()).count()
}

/// What is told about which group: the type of an IGMP message, or of the record in an MLD report.
fn kind_of(packet: &[u8]) -> Option<(u8, IpAddr)> {
    match *packet {
        [0x46, .., a, b, c, d] if packet[9] == 2 => Some((packet[24], [a, b, c, d].into())),
        [0x60, ..] if packet[6] == 0 && packet.get(48) == Some(&143) => {
            let group: [u8; 16] = packet.get(60..76)?.try_into().ok()?;
            Some((packet[56], IpAddr::from(group)))
        }
        _ => None,
    }
}

/// What was told since [`Pair::forget`].
fn told(pair: &Pair<'_>) -> Vec<(u8, IpAddr)> {
    let packets = pair.seen.iter().map(|seen| match seen.bytes[0] >> 4 {
        4 | 6 => &seen.bytes[..],
        // The link-layer address of a group or a test host.
        _ => &seen.bytes[14..],
    });
    packets.filter_map(kind_of).collect()
}

/// What a join and a leave are in IGMPv2 and in MLDv2, and the answer to a query.
fn kinds(net: Net) -> [u8; 3] {
    if net.domain == Domain::Inet { [0x16, 0x17, 0x16] } else { [4, 3, 2] }
}

#[test]
fn joining_and_leaving_tell_routers() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let [joins, leaves, _] = kinds(net);
        let id = shared(&mut pair.a, net);
        pair.settle();
        assert!(pair.seen.is_empty(), "nothing is told unasked");
        assert_eq!(join(&mut pair.a, id, group(net)), Ok(()));
        assert_eq!(pair.a.next_step(), Some(pair.now()));
        pair.settle();
        assert_eq!(told(&pair), [(joins, group(net))]);
        pair.run_for(secs(11));
        assert_eq!(told(&pair), [(joins, group(net)); 2], "once more, in case the first was lost");
        pair.forget();
        assert_eq!(leave(&mut pair.a, id, group(net)), Ok(()));
        pair.run_for(secs(11));
        let expected: &[_] =
            if net.domain == Domain::Inet { &[(leaves, group(net))] } else { &[(leaves, group(net)); 2] };
        assert_eq!(told(&pair), expected);
        assert_eq!(pair.a.counters().group_reports, pair.a.counters().frames_out);
        assert_eq!(pair.a.next_step(), None);
    }
}

#[test]
fn reports_go_to_the_right_addresses() {
    for net in ALL {
        let mut pair = Pair::tuned(net, |config| {
            *config = config.clone().address("fe80::77/64".parse().expect("an address"));
        });
        let id = shared(&mut pair.a, net);
        join(&mut pair.a, id, group(net)).expect("room");
        pair.settle();
        let bytes = pair.seen.first().expect("a report").bytes.clone();
        let packet = if net.medium == Medium::Ethernet { &bytes[14..] } else { &bytes[..] };
        match net.domain {
            Domain::Inet => {
                assert_eq!(packet[12..20], [192, 0, 2, 1, 239, 1, 2, 3]);
                assert_eq!(packet[8], 1, "TTL");
            }
            Domain::Inet6 => {
                assert_eq!(packet[8..24], "fe80::77".parse::<Ipv6Addr>().expect("an address").octets());
                assert_eq!(packet[24..40], "ff02::16".parse::<Ipv6Addr>().expect("an address").octets());
            }
        }
        if net.medium == Medium::Ethernet {
            let expected = if net.domain == Domain::Inet { [1, 0, 0x5e, 1, 2, 3] } else { [0x33, 0x33, 0, 0, 0, 0x16] };
            assert_eq!(bytes[..6], expected);
        }
    }
}

#[test]
fn only_the_first_and_the_last_member_are_told_of() {
    let mut pair = Pair::new(ETHERNET);
    let ids = [0; 3].map(|_| shared(&mut pair.a, ETHERNET));
    for id in ids {
        assert_eq!(join(&mut pair.a, id, group(ETHERNET)), Ok(()));
    }
    pair.run_for(secs(20));
    assert_eq!(told(&pair).len(), 2);
    let [first, second, third] = ids;
    leave(&mut pair.a, first, group(ETHERNET)).expect("a member");
    let copy = pair.a.dup(second).expect("room");
    pair.a.close(second).expect("open");
    pair.a.close(third).expect("open");
    pair.run_for(secs(20));
    assert_eq!(told(&pair).len(), 2, "the copy of the second socket is a member");
    pair.a.close(copy).expect("open");
    pair.run_for(secs(20));
    assert_eq!(told(&pair)[2..], [(0x17, group(ETHERNET))]);
}

/// An IGMP message with its checksum in an IPv4 packet from 192.0.2.1.
fn igmp(kind: u8, code: u8, group: Ipv4Addr, to: Ipv4Addr) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 1, 2, 0, 0, 192, 0, 2, 1];
    packet.extend(to.octets());
    let sum = checksum(&packet);
    packet[10..12].copy_from_slice(&sum);
    let mut message = vec![kind, code, 0, 0];
    message.extend(group.octets());
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum);
    packet.extend(message);
    packet
}

/// A query of MLDv1 about all groups in an IPv6 packet from fe80::1.
fn mld_query(delay_ms: u16) -> Vec<u8> {
    let (from, to) = ("fe80::1".parse::<Ipv6Addr>().expect("an address"), Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1));
    let mut message = vec![130, 0, 0, 0];
    message.extend(delay_ms.to_be_bytes());
    message.extend([0; 18]);
    let pseudo = [&from.octets()[..], &to.octets(), &[0, 0, 0, 24, 0, 0, 0, 58], &message].concat();
    message[2..4].copy_from_slice(&checksum(&pseudo));
    [&[0x60, 0, 0, 0, 0, 24, 58, 1][..], &from.octets(), &to.octets(), &message].concat()
}

fn checksum(bytes: &[u8]) -> [u8; 2] {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let sum: u32 = words.sum();
    let sum = (sum >> 16) + (sum & 0xffff);
    (!((sum >> 16) + sum) as u16).to_be_bytes()
}

/// Hands a packet to `b` in a frame to the group with this link-layer address.
fn inject(pair: &mut Pair<'_>, net: Net, packet: &[u8]) {
    if net.medium != Medium::Ethernet {
        return pair.inject_to_b(packet);
    }
    let ethertype: [u8; 2] = if packet[0] >> 4 == 4 { [8, 0] } else { [0x86, 0xdd] };
    let to: [u8; 6] = if packet[0] >> 4 == 4 {
        [1, 0, 0x5e, packet[17] & 0x7f, packet[18], packet[19]]
    } else {
        [0x33, 0x33, packet[36], packet[37], packet[38], packet[39]]
    };
    pair.inject_to_b(&[&to[..], &[2, 0, 0, 0, 0, 1], &ethertype, packet].concat());
}

#[test]
fn queries_are_answered_within_the_time_they_give() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let id = shared(&mut pair.b, net);
        join(&mut pair.b, id, group(net)).expect("room");
        pair.run_for(secs(20));
        pair.forget();
        let query = match net.domain {
            Domain::Inet => igmp(0x11, 20, Ipv4Addr::UNSPECIFIED, [224, 0, 0, 1].into()),
            Domain::Inet6 => mld_query(2_000),
        };
        let asked_at = pair.now();
        inject(&mut pair, net, &query);
        pair.run_for(secs(30));
        let [.., present] = kinds(net);
        let expected: Vec<_> = match net.domain {
            Domain::Inet => vec![(present, group(net))],
            // The group of the own address is only told of when somebody asks.
            Domain::Inet6 => vec![(present, "ff02::1:ff00:2".parse().expect("an address")), (present, group(net))],
        };
        let mut answers = told(&pair);
        answers.sort();
        assert_eq!(answers, expected);
        assert!(pair.seen.iter().all(|seen| seen.from == End::B && seen.at <= asked_at + secs(2)));
        // Damaged: no query.
        pair.forget();
        let mut damaged = query.clone();
        *damaged.last_mut().expect("bytes") ^= 1;
        inject(&mut pair, net, &damaged);
        pair.run_for(secs(30));
        assert!(told(&pair).is_empty());
    }
}

#[test]
fn who_hears_another_member_does_not_answer() {
    let mut pair = Pair::new(IP);
    let id = shared(&mut pair.b, IP);
    join(&mut pair.b, id, group(IP)).expect("room");
    pair.run_for(secs(20));
    pair.forget();
    inject(&mut pair, IP, &igmp(0x11, 100, Ipv4Addr::UNSPECIFIED, [224, 0, 0, 1].into()));
    inject(&mut pair, IP, &igmp(0x16, 0, [239, 1, 2, 3].into(), [239, 1, 2, 3].into()));
    pair.run_for(secs(30));
    assert!(told(&pair).is_empty(), "the other member told");
    leave(&mut pair.b, id, group(IP)).expect("a member");
    pair.run_for(secs(30));
    assert!(told(&pair).is_empty(), "the other member was the last to tell");
}

#[test]
fn every_member_on_every_host_gets_a_copy() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let here = [0; 3].map(|_| shared(&mut pair.a, net));
        let there = [0; 3].map(|_| shared(&mut pair.b, net));
        for id in here {
            join(&mut pair.a, id, group(net)).expect("room");
        }
        for id in there {
            join(&mut pair.b, id, group(net)).expect("room");
        }
        let sender = pair.a.socket(net.domain, Type::Datagram).expect("room");
        for data in [&[1; 5][..], &[2; 4_000], b""] {
            assert_eq!(pair.a.send_to(sender, data, (group(net), 7).into()), Ok(data.len()));
            pair.settle();
            for (stack, ids) in [(&mut pair.a, here), (&mut pair.b, there)] {
                for id in ids {
                    let mut buffer = [0; 5_000];
                    let datagram = stack.recv_from(id, &mut buffer).expect("a copy");
                    assert_eq!((&buffer[..datagram.len], datagram.local), (data, group(net)), "{net:?}");
                    assert_eq!(datagram.remote.ip(), net.a(0).ip());
                    assert_eq!(take(stack, id), 0, "one copy");
                }
            }
        }
        assert_eq!(pair.b.counters().refused, 0);
    }
}

#[test]
fn a_host_that_has_not_joined_drops_what_goes_to_a_group() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (a, b) = pair.datagram_sockets(net);
        for (index, data) in [&[0; 3][..], &[0; 3_000]].into_iter().enumerate() {
            pair.a.send_to(a, data, (group(net), 7).into()).expect("room");
            pair.settle();
            assert_eq!(take(&mut pair.b, b), 0);
            assert_eq!(pair.b.counters().dropped_not_joined, [1, 4][index], "{net:?}: fragments count one by one");
        }
        assert_eq!(take(&mut pair.a, a), 0, "nor does the sender's host");
        assert_eq!(pair.b.counters().frames_out, 0, "no ICMP error");
        assert_eq!(pair.b.counters().refused, 0);
        // In a group without a socket at the port nobody is told either.
        join(&mut pair.b, b, group(net)).expect("room");
        pair.a.send_to(a, b"x", (group(net), 8).into()).expect("room");
        pair.settle();
        assert_eq!((pair.b.counters().refused, pair.b.counters().group_reports), (1, 1));
        assert_eq!(pair.b.counters().frames_out, 1);
    }
}

#[test]
fn groups_of_other_sockets_are_for_all_unless_they_say_otherwise() {
    let mut pair = Pair::new(IP);
    let [member, any, choosy] = [0; 3].map(|_| shared(&mut pair.b, IP));
    let (here, there) = (bound(&mut pair.b, IP, IP.b(7)), bound(&mut pair.b, IP, (group(IP), 7).into()));
    join(&mut pair.b, member, group(IP)).expect("room");
    pair.b.setsockopt(choosy, IP_MULTICAST_ALL, false).expect("an option of UDP");
    let sender = pair.a.socket(Domain::Inet, Type::Datagram).expect("room");
    pair.a.send_to(sender, b"x", (group(IP), 7).into()).expect("room");
    pair.settle();
    assert_eq!([member, any, choosy, here, there].map(|id| take(&mut pair.b, id)), [1, 1, 0, 0, 1]);
    join(&mut pair.b, choosy, group(IP)).expect("room");
    pair.a.send_to(sender, b"x", (group(IP), 7).into()).expect("room");
    pair.settle();
    assert_eq!([member, any, choosy, here, there].map(|id| take(&mut pair.b, id)), [1, 1, 1, 0, 1]);
}

#[test]
fn without_loop_the_own_host_gets_no_copy() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (a, b) = (shared(&mut pair.a, net), shared(&mut pair.b, net));
        join(&mut pair.a, a, group(net)).expect("room");
        join(&mut pair.b, b, group(net)).expect("room");
        for (is_on, copies) in [(true, 1), (false, 0)] {
            pair.a.setsockopt(a, IP_MULTICAST_LOOP, is_on).expect("an option of UDP");
            pair.a.send_to(a, &[7; 3_000], (group(net), 7).into()).expect("room");
            pair.settle();
            assert_eq!((take(&mut pair.a, a), take(&mut pair.b, b)), (copies, 1));
        }
    }
}

#[test]
fn groups_have_a_ttl_of_their_own_and_0_stays_at_home() {
    for net in [IP, IP6] {
        let mut pair = Pair::new(net);
        let a = shared(&mut pair.a, net);
        join(&mut pair.a, a, group(net)).expect("room");
        pair.settle();
        for ttl in [None, Some(9), Some(0)] {
            pair.forget();
            if let Some(ttl) = ttl {
                pair.a.setsockopt(a, IP_MULTICAST_TTL, ttl).expect("an option of UDP");
            }
            pair.a.send_to(a, b"x", (group(net), 7).into()).expect("room");
            pair.settle();
            assert_eq!(take(&mut pair.a, a), 1);
            let at = if net.domain == Domain::Inet { 8 } else { 7 };
            let seen: Vec<u8> = pair.seen.iter().map(|seen| seen.bytes[at]).collect();
            assert_eq!(
                seen,
                match ttl {
                    None => vec![1],
                    Some(9) => vec![9],
                    _ => vec![],
                }
            );
        }
    }
}

#[test]
fn interface_local_groups_stay_at_home() {
    let mut pair = Pair::new(ETHERNET6);
    let a = shared(&mut pair.a, ETHERNET6);
    for group in ["ff01::1", "ff01::77"] {
        let group: IpAddr = group.parse().expect("an address");
        assert_eq!(join(&mut pair.a, a, group), Ok(()));
        pair.a.send_to(a, b"x", (group, 7).into()).expect("room");
        pair.settle();
        assert_eq!(take(&mut pair.a, a), 1);
    }
    assert!(pair.seen.is_empty(), "neither datagrams nor reports");
}

#[test]
fn broadcasts_need_leave_and_reach_everybody() {
    for net in [ETHERNET, IP] {
        let mut pair = Pair::new(net);
        let (a, b) = (shared(&mut pair.a, net), shared(&mut pair.b, net));
        let other = shared(&mut pair.b, net);
        let own = bound(&mut pair.b, net, net.b(7));
        let subnet = bound(&mut pair.b, net, "192.0.2.255:7".parse().expect("an address"));
        let limited = bound(&mut pair.b, net, "255.255.255.255:7".parse().expect("an address"));
        for (to, copies) in [("192.0.2.255:7", [1, 1, 0, 1, 0]), ("255.255.255.255:7", [1, 1, 0, 0, 1])] {
            let to: SocketAddr = to.parse().expect("an address");
            pair.a.setsockopt(a, SO_BROADCAST, false).expect("an option of all sockets");
            assert_eq!(pair.a.send_to(a, b"x", to), Err(Errno::EACCES));
            pair.a.setsockopt(a, SO_BROADCAST, true).expect("an option of all sockets");
            for data in [&[1; 3][..], &[2; 2_500]] {
                pair.forget();
                assert_eq!(pair.a.send_to(a, data, to), Ok(data.len()));
                pair.settle();
                assert_eq!([b, other, own, subnet, limited].map(|id| take(&mut pair.b, id)), copies, "{to}");
                assert_eq!(take(&mut pair.a, a), 1, "the sender is one of everybody");
                let first = &pair.seen.first().expect("a frame").bytes;
                assert!(net.medium != Medium::Ethernet || first[..6] == [0xff; 6]);
            }
        }
        assert_eq!(pair.b.counters().frames_out, 0);
    }
}

#[test]
fn a_socket_can_be_connected_to_many() {
    let mut pair = Pair::new(ETHERNET);
    let b = shared(&mut pair.b, ETHERNET);
    join(&mut pair.b, b, group(ETHERNET)).expect("room");
    let a = pair.a.socket(Domain::Inet, Type::Datagram).expect("room");
    let everybody = "192.0.2.255:7".parse().expect("an address");
    assert_eq!(pair.a.connect(a, everybody), Err(Errno::EACCES));
    pair.a.setsockopt(a, SO_BROADCAST, true).expect("an option of all sockets");
    assert_eq!(pair.a.connect(a, everybody), Ok(()));
    // Linux asks when the way is looked up, and not again.
    pair.a.setsockopt(a, SO_BROADCAST, false).expect("an option of all sockets");
    assert_eq!(pair.a.send(a, b"x"), Ok(1));
    assert_eq!(pair.a.connect(a, (group(ETHERNET), 7).into()), Ok(()));
    assert_eq!(pair.a.getsockname(a).map(|local| local.ip()), Ok(ETHERNET.a(0).ip()));
    assert_eq!(pair.a.send(a, b"x"), Ok(1));
    pair.settle();
    assert_eq!(take(&mut pair.b, b), 2);
    // Answers come from the members' own addresses, which is not where it is connected to.
    assert_eq!(pair.b.send_to(b, b"x", pair.a.getsockname(a).expect("bound")), Ok(1));
    pair.settle();
    assert_eq!(pair.a.recv(a, &mut [0]), Err(Errno::EAGAIN));
}

#[test]
fn each_socket_counts_its_own_overflow() {
    let mut pair = Pair::tuned(IP, |config| config.udp_queue_datagrams = 4);
    let [full, empty] = [0; 2].map(|_| shared(&mut pair.b, IP));
    join(&mut pair.b, full, group(IP)).expect("room");
    let sender = pair.a.socket(Domain::Inet, Type::Datagram).expect("room");
    for _ in 0..6 {
        pair.a.send_to(sender, b"x", (group(IP), 7).into()).expect("room");
        pair.settle();
        take(&mut pair.b, empty);
    }
    assert_eq!(take(&mut pair.b, full), 4);
    assert_eq!(pair.b.counters().dropped_datagram_overflow, 2);
}

#[test]
fn what_goes_further_than_a_link_comes_from_a_global_address() {
    let mut pair = Pair::tuned(IP6, |config| {
        let link_local = "fe80::77/64".parse().expect("an address");
        config.addresses.insert(0, link_local).expect("room");
        config.addresses.push("fe80::78/64".parse().expect("an address")).expect("room");
    });
    let a = pair.a.socket(Domain::Inet6, Type::Datagram).expect("room");
    for (to, from) in [("ff02::9", "fe80::77"), ("ff05::9", "2001:db8::1"), ("ff0e::9", "2001:db8::1")] {
        pair.forget();
        pair.a.send_to(a, b"x", (to.parse::<Ipv6Addr>().expect("an address"), 7).into()).expect("room");
        pair.settle();
        let source = &pair.seen.first().expect("a datagram").bytes[8..24];
        assert_eq!(source, from.parse::<Ipv6Addr>().expect("an address").octets(), "{to}");
    }
}

/// A device with room for one frame refuses what comes after it: the own host must not get a copy at each attempt.
#[test]
fn the_own_host_gets_one_copy_however_often_the_device_is_full() {
    let mut nic = IP.nic().with_sent_max(1);
    let mut stack = Stack::new(IP.config(1), &nic).expect("a good configuration");
    let id = shared(&mut stack, IP);
    join(&mut stack, id, group(IP)).expect("room");
    stack.send_to(id, &[7; 4_000], (group(IP), 7).into()).expect("room");
    let mut frames = 0;
    for ms in 0..100 {
        let _ = stack.step(Instant::from_millis(ms), &mut nic);
        // The report first, then three fragments.
        frames += usize::from(ms % 3 == 2 && nic.take().is_some());
    }
    assert_eq!(frames, 4);
    assert_eq!(take(&mut stack, id), 1);
}

/// As Linux answers (ip(7), ipv6(7); seen with Linux 6).
#[test]
fn joins_and_leaves_say_what_is_wrong() {
    for net in ALL {
        let mut pair = Pair::tuned(net, |config| config.memberships_max = 2);
        let (stack, unicast) = (&mut pair.a, net.b(0).ip());
        let id = stack.socket(net.domain, Type::Datagram).expect("room");
        let (add, drop) = match net.domain {
            Domain::Inet => (IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP),
            Domain::Inet6 => (IPV6_JOIN_GROUP, IPV6_LEAVE_GROUP),
        };
        let at = |interface| Membership { group: group(net), interface };
        assert_eq!(stack.setsockopt(id, add, Membership::of(unicast)), Err(Errno::EINVAL));
        let expected = if net.domain == Domain::Inet { Errno::EADDRNOTAVAIL } else { Errno::EINVAL };
        assert_eq!(stack.setsockopt(id, drop, Membership::of(unicast)), Err(expected));
        assert_eq!(stack.setsockopt(id, add, at(99)), Err(Errno::ENODEV));
        assert_eq!(stack.setsockopt(id, drop, at(0)), Err(Errno::EADDRNOTAVAIL));
        assert_eq!(stack.setsockopt(id, add, at(1)), Ok(()));
        assert_eq!(stack.setsockopt(id, add, at(0)), Err(Errno::EADDRINUSE));
        assert_eq!(stack.setsockopt(id, drop, at(99)), Err(Errno::EADDRNOTAVAIL));
        let second = stack.socket(net.domain, Type::Datagram).expect("room");
        let third = stack.socket(net.domain, Type::Datagram).expect("room");
        assert_eq!(stack.setsockopt(second, add, at(0)), Ok(()));
        assert_eq!(stack.setsockopt(third, add, at(0)), Err(Errno::ENOBUFS));
        stack.close(second).expect("open");
        assert_eq!(stack.setsockopt(third, add, at(0)), Ok(()));
        assert_eq!(stack.setsockopt(id, drop, at(1)), Ok(()));
    }
}

/// `struct ip_mreq`: the interface is named by its address.
#[test]
fn an_interface_can_be_named_by_its_address() {
    let mut stack = Pair::new(IP).a;
    let id = stack.socket(Domain::Inet, Type::Datagram).expect("room");
    let (ipproto_ip, add) = (0, 35);
    let join = |stack: &mut Stack<'_>, bytes: [u8; 8]| stack.setsockopt_raw(id, ipproto_ip, add, &bytes);
    assert_eq!(join(&mut stack, [239, 0, 0, 1, 192, 0, 2, 1]), Ok(()));
    assert_eq!(join(&mut stack, [239, 0, 0, 1, 0, 0, 0, 0]), Err(Errno::EADDRINUSE));
    assert_eq!(join(&mut stack, [239, 0, 0, 2, 192, 0, 2, 9]), Err(Errno::ENODEV));
}
