//! Do dozens of hosts behind switches and routers reach each other, and each time in the same way?

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use smolsock::task::UdpSocket;

use crate::app::echo;
use crate::executor::TaskResult;
use crate::host::Host;
use crate::link::Impairments;
use crate::time::Time;
use crate::world::{Ending, World};

const NETWORKS: u8 = 3;
const HOSTS_EACH: u8 = 16;

fn addr(network: u8, host: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, network, host)
}

/// Three switches with 16 hosts each, joined by two routers in a row, and an exchange of datagrams between all pairs.
fn all_pairs(seed: u64) -> Ending {
    let mut world = World::new(seed);
    let near = Impairments { delay_ns: 50_000, jitter: crate::link::Jitter::uniform(20_000), ..Impairments::default() };
    let mut switches = Vec::new();
    for network in 1..=NETWORKS {
        let switch = world.switch(&format!("switch-{network}")).expect("a switch");
        switches.push(switch);
        for number in 1..=HOSTS_EACH {
            let name = format!("host-{network}-{number}");
            let host = world.host(&name, &[&format!("{}/24", addr(network, number))]).expect("a host");
            world.gateway(host, &addr(network, 254).to_string()).expect("a gateway");
            world.cable(&name, host, switch, near).expect("a cable");
            world.daemon(host, "echo", |host| echo::udp_server(host, any(7)));
            world.app(host, &name, move |host| visit_all(host, addr(network, number)));
        }
    }
    let left = world.router("left", &["10.0.1.254/24", "10.0.2.254/24"]).expect("a router");
    let right = world.router("right", &["10.0.2.253/24", "10.0.3.254/24"]).expect("a router");
    world.route(left, "10.0.3.0/24", "10.0.2.253").expect("a route");
    world.route(right, "10.0.1.0/24", "10.0.2.254").expect("a route");
    for (name, router, switch) in
        [("left-1", left, 0), ("left-2", left, 1), ("right-2", right, 1), ("right-3", right, 2)]
    {
        world.cable(name, router, switches[switch], near).expect("a cable");
    }
    world.run(Time::from_secs(600))
}

/// Wants an echo from every other host; asks up to five times.
async fn visit_all(host: Host, own: Ipv4Addr) -> TaskResult {
    let socket = UdpSocket::bind(&host, any(0))?;
    let others = (1..=NETWORKS).flat_map(|network| (1..=HOSTS_EACH).map(move |number| addr(network, number)));
    for other in others.filter(|other| *other != own) {
        let question = format!("{own} asks {other}");
        let mut asked = 0;
        loop {
            asked += 1;
            socket.send_to(question.as_bytes(), (other, 7).into()).await?;
            let mut buffer = [0; 64];
            match host.within(Duration::from_secs(1), socket.recv_from(&mut buffer)).await {
                Some(datagram) if buffer[..datagram?.len] == *question.as_bytes() => break,
                // An answer to a question that was asked twice.
                Some(_) => {}
                None if asked < 5 => {}
                None => return Err(format!("{other} does not answer").into()),
            }
        }
    }
    Ok(())
}

fn any(port: u16) -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, port).into()
}

#[test]
fn all_pairs_of_48_hosts_speak_and_every_run_is_the_same() {
    let first = all_pairs(1);
    assert!(first.failures.is_empty(), "{:?}", first.failures);
    // Each network's 16 hosts ask the other 32, and are answered; the middle one's on the way count at both routers.
    for (name, counters) in &first.routers {
        assert!(counters.forwarded >= 2 * 16 * 32 * 2, "{name}: {counters:?}");
        assert_eq!((counters.no_route, counters.expired, counters.malformed), (0, 0, 0), "{name}");
    }
    let second = all_pairs(1);
    assert!(first.trace == second.trace, "the same seed gives the same frames");
    assert!(first.trace != all_pairs(2).trace, "the seed decides");
}
