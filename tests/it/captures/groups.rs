//! Does one datagram reach many hosts, and does `tshark` believe how they came to be members?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use smolsock::sockopt::{IP_ADD_MEMBERSHIP, IPV6_JOIN_GROUP, Membership, SO_BROADCAST};
use smolsock::task::{Handle, UdpSocket};
use smolsock_sim::executor::TaskResult;
use smolsock_sim::frame::Medium;
use smolsock_sim::host::Host;
use smolsock_sim::link::Impairments;
use smolsock_sim::time::Time;
use smolsock_sim::world::{Ending, World};

use super::tshark::{self, ERROR};
use super::write;

/// What is sent to whom: a group of either family, and everybody.
const MANY: [&str; 3] = ["239.1.2.3", "ff05::1:3", "255.255.255.255"];

#[test]
fn members_on_three_hosts_get_what_a_fourth_sends_and_others_do_not() {
    for to in MANY {
        let ending = play(to);
        assert!(ending.failures.is_empty(), "{to}: {:?}", ending.failures);
        let got: Vec<&str> = ending.notes.iter().map(|note| note.text.as_str()).collect();
        let copies = got.iter().filter(|text| **text == "got 2 datagrams").count();
        let nothing = got.iter().filter(|text| **text == "got 0 datagrams").count();
        let expected = if to == "255.255.255.255" { (4, 0) } else { (3, 1) };
        assert_eq!((copies, nothing), expected, "{to}");
    }
}

#[test]
fn tshark_believes_reports_and_datagrams_to_groups() {
    if !tshark::is_there("captures::groups::tshark_believes_reports_and_datagrams_to_groups") {
        return;
    }
    for (to, protocol) in MANY.into_iter().zip([Some("igmp"), Some("icmpv6"), None]) {
        let ending = play(to);
        let vantages = ["sender", "first"].map(|node| ending.trace.node_named(node).expect("it is there"));
        for path in write(&ending.trace, &vantages, &format!("groups-{}", to.replace(':', "-"))) {
            let frames = tshark::frames(&path);
            for frame in &frames {
                let is_good = !frame.is_malformed && !frame.has_bad_checksum && frame.severity < ERROR;
                assert!(is_good, "{}: {frame:?}", path.display());
            }
            if let Some(protocol) = protocol {
                let reports = frames.iter().filter(|frame| frame.protocols.iter().any(|name| name == protocol));
                // Each of three members says twice that it joins; with IPv6 also that it leaves. With IGMPv2 whoever
                // hears another member keeps quiet.
                assert!((3..=12).contains(&reports.count()), "{}", path.display());
            }
        }
    }
}

/// A sender, three members (or whoever listens, for a broadcast), and a host that only listens, at one switch.
fn play(to: &'static str) -> Ending {
    let mut world = World::with_medium(1, Medium::Ethernet);
    let switch = world.switch("switch").expect("Ethernet");
    let to: IpAddr = to.parse().expect("an address");
    for (number, name) in ["sender", "first", "second", "third", "stranger"].into_iter().enumerate() {
        let number = number + 1;
        let addresses =
            [format!("192.0.2.{number}/24"), format!("2001:db8::{number}/64"), format!("fe80::{number}/64")];
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let node = world.host(name, &addresses).expect("a good host");
        world.cable(name, node, switch, Impairments::default()).expect("a good cable");
        match name {
            "sender" => world.app(node, name, move |host| send(host, to)),
            _ => world.app(node, name, move |host| receive(host, to, name != "stranger")),
        }
    }
    world.run(Time::from_secs(60))
}

/// Every own address of the family of `to`.
fn any_like(to: IpAddr, port: u16) -> SocketAddr {
    let ip: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    (ip, port).into()
}

async fn send(host: Host, to: IpAddr) -> TaskResult {
    let socket = UdpSocket::bind(&host, any_like(to, 0))?;
    host.with(|stack| stack.setsockopt(socket.id(), SO_BROADCAST, true))?;
    host.sleep(Duration::from_secs(1)).await;
    socket.send_to(b"to many", (to, 4_321).into()).await?;
    // In fragments.
    socket.send_to(&[7; 4_000], (to, 4_321).into()).await?;
    Ok(())
}

/// Counts what comes within 20 s: as a member, if the host is to be one.
async fn receive(host: Host, to: IpAddr, joins: bool) -> TaskResult {
    let socket = UdpSocket::bind(&host, any_like(to, 4_321))?;
    if joins && to.is_multicast() {
        let option = if to.is_ipv4() { IP_ADD_MEMBERSHIP } else { IPV6_JOIN_GROUP };
        host.with(|stack| stack.setsockopt(socket.id(), option, Membership::of(to)))?;
    }
    let until = host.now() + Duration::from_secs(20);
    let (mut count, mut buffer) = (0, [0; 5_000]);
    while let Some(datagram) =
        host.within(until.saturating_duration_since(host.now()), socket.recv_from(&mut buffer)).await
    {
        let datagram = datagram?;
        assert!(datagram.local == to && matches!(datagram.len, 7 | 4_000));
        count += 1;
    }
    host.note(format!("got {count} datagrams"));
    Ok(())
}
