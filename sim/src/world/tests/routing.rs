//! Do packets find their way through routers, and do senders hear of those that do not?

use std::net::SocketAddr;
use std::time::Duration;

use smolsock::Errno;
use smolsock::task::{TcpStream, UdpSocket};

use crate::app::bulk::{self, Reading};
use crate::executor::TaskResult;
use crate::frame::Medium;
use crate::host::Host;
use crate::link::Impairments;
use crate::time::Time;
use crate::trace::NodeId;
use crate::world::{Ending, World};

/// `client` 192.0.2.1 and 2001:db8:1::1 - `near` - `far` - `server` 198.51.100.1 and 2001:db8:2::1. `middle` is the cable
/// between the routers.
fn chain(medium: Medium, middle: Impairments) -> (World, NodeId, NodeId) {
    let mut world = World::with_medium(1, medium);
    let client = world.host("client", &["192.0.2.1/24", "2001:db8:1::1/64"]).expect("a host");
    let server = world.host("server", &["198.51.100.1/24", "2001:db8:2::1/64"]).expect("a host");
    for (host, v4, v6) in [(client, "192.0.2.254", "2001:db8:1::fe"), (server, "198.51.100.254", "2001:db8:2::fe")] {
        world.gateway(host, v4).expect("a gateway");
        world.gateway(host, v6).expect("a gateway");
    }
    let near = ["192.0.2.254/24 2001:db8:1::fe/64", "203.0.113.1/30 2001:db8:3::1/64"];
    let far = ["203.0.113.2/30 2001:db8:3::2/64", "198.51.100.254/24 2001:db8:2::fe/64"];
    let near = world.router("near", &near).expect("a router");
    let far = world.router("far", &far).expect("a router");
    for (router, prefix, via) in [
        (near, "198.51.100.0/24", "203.0.113.2"),
        (near, "2001:db8:2::/64", "2001:db8:3::2"),
        (far, "192.0.2.0/24", "203.0.113.1"),
        (far, "2001:db8:1::/64", "2001:db8:3::1"),
    ] {
        world.route(router, prefix, via).expect("a route");
    }
    let short = Impairments { delay_ns: 1_000_000, ..Impairments::default() };
    world.cable("left", client, near, short).expect("a cable");
    world.cable("middle", near, far, middle).expect("a cable");
    world.cable("right", far, server, short).expect("a cable");
    (world, client, server)
}

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn run(world: World) -> Ending {
    let ending = world.run(Time::from_secs(600));
    assert!(ending.failures.is_empty(), "{:?}", ending.failures);
    ending
}

#[test]
fn a_transfer_crosses_two_routers_in_both_families_and_media() {
    for medium in [Medium::Ethernet, Medium::Ip] {
        for remote in ["198.51.100.1:9", "[2001:db8:2::1]:9"] {
            let (mut world, client, server) = chain(medium, Impairments::default());
            let any = if remote.starts_with('[') { "[::]:9" } else { "0.0.0.0:9" };
            world.app(server, "receiver", move |host| bulk::receiver(host, at(any), 1, 20_000, Reading::EAGER));
            world.app(client, "sender", move |host| bulk::sender(host, at(remote), 1, 20_000));
            let ending = run(world);
            for (name, counters) in &ending.routers {
                assert!(counters.forwarded > 20, "{medium:?} {remote} {name}: {counters:?}");
            }
        }
    }
}

#[test]
fn a_narrow_cable_in_the_middle_is_found_by_path_mtu_discovery() {
    for remote in ["198.51.100.1:9", "[2001:db8:2::1]:9"] {
        let narrow = Impairments { mtu_bytes: Some(1_280), ..Impairments::default() };
        let (mut world, client, server) = chain(Medium::Ethernet, narrow);
        let any = if remote.starts_with('[') { "[::]:9" } else { "0.0.0.0:9" };
        world.app(server, "receiver", move |host| bulk::receiver(host, at(any), 1, 20_000, Reading::EAGER));
        world.app(client, "sender", move |host| bulk::sender(host, at(remote), 1, 20_000));
        let ending = run(world);
        assert!(ending.routers[0].1.too_big > 0, "{remote}");
        assert!(ending.trace.frames.iter().all(|frame| frame.link.as_str() != "middle" || frame.fate.drop.is_none()));
    }
}

async fn big_datagram(host: Host) -> TaskResult {
    let socket = UdpSocket::bind(&host, at("0.0.0.0:0"))?;
    socket.send_to(&[7; 4_000], at("198.51.100.1:9")).await?;
    Ok(())
}

#[test]
fn fragments_of_a_host_are_cut_again_and_put_together_at_the_end() {
    let narrow = Impairments { mtu_bytes: Some(700), ..Impairments::default() };
    let (mut world, client, server) = chain(Medium::Ethernet, narrow);
    world.app(server, "receiver", |host| async move {
        let socket = UdpSocket::bind(&host, at("0.0.0.0:9"))?;
        let mut buffer = [0; 5_000];
        let datagram = socket.recv_from(&mut buffer).await?;
        if buffer[..datagram.len] == [7; 4_000] { Ok(()) } else { Err("another datagram".into()) }
    });
    world.app(client, "sender", big_datagram);
    assert!(run(world).routers[0].1.cut > 0);
}

/// What `connect` to this address comes to, and when.
fn connecting_to(remote: &'static str) -> (Errno, Time) {
    let (mut world, client, _) = chain(Medium::Ethernet, Impairments::default());
    let outcome = std::rc::Rc::new(std::cell::Cell::new(None));
    let seen = std::rc::Rc::clone(&outcome);
    world.app(client, "client", move |host| async move {
        let error = TcpStream::connect(&host, at(remote)).await.err().ok_or("it is there")?;
        seen.set(Some((error, host.now())));
        Ok(())
    });
    drop(run(world));
    outcome.get().expect("an error")
}

#[test]
fn senders_are_told_of_unreachable_networks_and_hosts() {
    // RFC 1122 §4.2.3.9: both are soft errors for TCP; connect gives up in the end, and says why.
    let (error, _) = connecting_to("203.0.114.1:9");
    assert_eq!(error, Errno::ENETUNREACH);
    let (error, at) = connecting_to("198.51.100.77:9");
    assert_eq!(error, Errno::EHOSTUNREACH);
    assert!(at >= Time::from_secs(3), "not before three ARP requests: {at}");
}

#[test]
fn a_packet_that_goes_in_circles_ends() {
    let mut world = World::new(1);
    let client = world.host("client", &["192.0.2.1/24"]).expect("a host");
    world.gateway(client, "192.0.2.254").expect("a gateway");
    let near = world.router("near", &["192.0.2.254/24", "203.0.113.1/30"]).expect("a router");
    let far = world.router("far", &["203.0.113.2/30"]).expect("a router");
    world.route(near, "0.0.0.0/0", "203.0.113.2").expect("a route");
    world.route(far, "0.0.0.0/0", "203.0.113.1").expect("a route");
    world.cable("left", client, near, Impairments::default()).expect("a cable");
    world.cable("middle", near, far, Impairments::default()).expect("a cable");
    world.app(client, "sender", |host| async move {
        let socket = UdpSocket::bind(&host, at("0.0.0.0:0"))?;
        socket.send_to(b"lost", at("198.51.100.1:9")).await?;
        host.sleep(Duration::from_secs(1)).await;
        Ok(())
    });
    let ending = run(world);
    let expired: u64 = ending.routers.iter().map(|(_, counters)| counters.expired).sum();
    assert_eq!(expired, 1);
    assert_eq!(ending.routers[0].1.forwarded + ending.routers[1].1.forwarded, 63 + 1, "with the report");
}

#[test]
fn what_cannot_be_a_router_is_said() {
    let mut world = World::new(1);
    let sentence = |outcome: Result<NodeId, _>| match outcome {
        Err(error) => format!("{error}"),
        Ok(_) => panic!("a router"),
    };
    assert_eq!(sentence(world.router("r", &[])), "r: a router has 1 to 254 ports");
    assert_eq!(sentence(world.router("r", &[" "])), "r: a port without an address");
    assert!(sentence(world.router("r", &["192.0.2.1"])).starts_with("r: 192.0.2.1: "));
    let router = world.router("r", &["192.0.2.254/24"]).expect("a router");
    let refused = |world: &mut World, prefix, via| match world.route(router, prefix, via) {
        Err(error) => error.to_string(),
        Ok(()) => panic!("a route"),
    };
    assert!(refused(&mut world, "0.0.0.0/0", "198.51.100.1").ends_with("in none of this router's networks"));
    assert!(refused(&mut world, "::/0", "192.0.2.1").ends_with("IPv4 and IPv6 are mixed"));
}
