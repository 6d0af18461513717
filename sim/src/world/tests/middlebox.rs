//! Does a middlebox change what passes, and nothing else?

use std::net::SocketAddr;

use smolsock::task::UdpSocket;

use crate::app::bulk::{self, Reading};
use crate::frame::Medium;
use crate::link::Impairments;
use crate::middlebox::{Middlebox, Strip, TcpOption, Window};
use crate::nat::Nat;
use crate::observe::dissect::dissect;
use crate::time::Time;
use crate::trace::Trace;
use crate::world::World;

/// 5,000 bytes from client to server through `middlebox`, and what was on the cables.
fn transfer(medium: Medium, middlebox: Middlebox) -> Trace {
    let mut world = World::with_medium(1, medium);
    let client = world.host("client", &["192.0.2.1/24"]).expect("a host");
    let server = world.host("server", &["192.0.2.2/24"]).expect("a host");
    let firewall = world.middlebox("firewall", middlebox).expect("a middlebox");
    world.cable("inside", client, firewall, Impairments::default()).expect("a cable");
    world.cable("outside", firewall, server, Impairments::default()).expect("a cable");
    let at = |text: &str| -> SocketAddr { text.parse().expect("an address") };
    let (any, remote) = (at("0.0.0.0:9"), at("192.0.2.2:9"));
    world.app(server, "receiver", move |host| bulk::receiver(host, any, 1, 5_000, Reading::EAGER));
    world.app(client, "sender", move |host| bulk::sender(host, remote, 1, 5_000));
    let ending = world.run(Time::from_secs(60));
    assert!(ending.failures.is_empty(), "{:?}", ending.failures);
    ending.trace
}

/// TCP payload lengths of what the client put on the cable, and whether all checksums in the world are right.
fn longest_payload(trace: &Trace) -> usize {
    let mut longest = 0;
    for frame in &trace.frames {
        let dissected = dissect(trace.medium, &frame.bytes);
        assert!(dissected.bad_checksum.is_none(), "{dissected:?}");
        longest = longest.max(dissected.tcp().map_or(0, |tcp| tcp.payload_bytes));
    }
    longest
}

#[test]
fn a_transfer_passes_a_box_that_does_nothing() {
    let trace = transfer(Medium::Ethernet, Middlebox::default());
    assert!(trace.frames.iter().any(|frame| frame.link.as_str() == "outside"));
    assert_eq!(longest_payload(&trace), 1_460);
}

#[test]
fn a_lowered_mss_binds_both_hosts() {
    for medium in [Medium::Ethernet, Medium::Ip] {
        let trace = transfer(medium, Middlebox { mss_max: Some(700), ..Middlebox::default() });
        assert_eq!(longest_payload(&trace), 700);
    }
}

#[test]
fn a_syn_without_its_mss_is_answered_with_small_segments() {
    // RFC 9293 §3.7.1: without the option, 536 bytes.
    let trace = transfer(Medium::Ip, Middlebox { strip: vec![Strip::syn(TcpOption::Mss)], ..Middlebox::default() });
    assert_eq!(longest_payload(&trace), 536);
}

#[test]
fn a_lowered_window_holds_the_sender_back() {
    let trace = transfer(Medium::Ip, Middlebox { window: Some(Window::Exactly(1_000)), ..Middlebox::default() });
    assert_eq!(longest_payload(&trace), 1_000);
}

#[test]
fn a_third_cable_finds_no_place() {
    let mut world = World::new(1);
    let middlebox = world.middlebox("box", Middlebox::default()).expect("a middlebox");
    for (name, is_room) in [("a", true), ("b", true), ("c", false)] {
        let switch = world.switch(&format!("switch-{name}")).expect("a switch");
        assert_eq!(world.cable(name, middlebox, switch, Impairments::default()).is_ok(), is_room, "{name}");
    }
}

#[test]
fn a_host_behind_a_nat_reaches_a_server_that_sees_the_outside_address() {
    for medium in [Medium::Ethernet, Medium::Ip] {
        let mut world = World::with_medium(1, medium);
        let client = world.host("client", &["10.0.0.1/24"]).expect("a host");
        world.gateway(client, "10.0.0.254").expect("a gateway");
        let mut nat = Nat::new("10.0.0.254/24", "192.0.2.254/24").expect("addresses");
        nat.gateway = Some([192, 0, 2, 253].into());
        let home = Middlebox { nat: Some(nat), mss_max: Some(500), ..Middlebox::default() };
        let home = world.middlebox("home", home).expect("a middlebox");
        let router = world.router("router", &["192.0.2.253/24", "198.51.100.254/24"]).expect("a router");
        let server = world.host("server", &["198.51.100.1/24"]).expect("a host");
        world.gateway(server, "198.51.100.254").expect("a gateway");
        world.cable("inside", client, home, Impairments::default()).expect("a cable");
        world.cable("outside", home, router, Impairments::default()).expect("a cable");
        world.cable("far", router, server, Impairments::default()).expect("a cable");
        let at = |text: &str| -> SocketAddr { text.parse().expect("an address") };
        let (any, remote) = (at("0.0.0.0:9"), at("198.51.100.1:9"));
        world.app(server, "receiver", move |host| bulk::receiver(host, any, 1, 5_000, Reading::EAGER));
        world.app(client, "sender", move |host| bulk::sender(host, remote, 1, 5_000));
        // Nobody has asked for this.
        world.app(server, "stranger", move |host| async move {
            let socket = UdpSocket::bind(&host, "0.0.0.0:0".parse()?)?;
            socket.send_to(b"hello?", "192.0.2.254:5000".parse()?).await?;
            Ok(())
        });
        let ending = world.run(Time::from_secs(60));
        assert!(ending.failures.is_empty(), "{:?}", ending.failures);
        let counters = ending.routers[0].1;
        assert!(
            (counters.unknown_inbound, counters.untranslatable) == (1, 0) && counters.forwarded > 15,
            "{counters:?}"
        );
        assert_eq!(longest_payload(&ending.trace), 500);
        let outside = ending.trace.frames.iter().filter(|frame| frame.link.as_str() == "outside");
        for frame in outside {
            if let Some(ip) = dissect(medium, &frame.bytes).ip {
                let inside: std::net::IpAddr = [10, 0, 0, 1].into();
                assert!(ip.from != inside && ip.to != inside);
            }
        }
    }
}
