//! Does `tshark` find exactly the frames that the network corrupted?

use smolsock::addr::Cidr;
use smolsock_sim::app::bulk::{Reading, receiver, sender};
use smolsock_sim::app::echo;
use smolsock_sim::frame::Medium;
use smolsock_sim::link::{Impairments, Loss};
use smolsock_sim::time::Time;
use smolsock_sim::world::{Ending, World};

use super::tshark::{self, ERROR};
use super::write;

#[test]
fn bad_checksums_are_those_of_corrupted_frames_and_no_others() {
    if !tshark::is_there("captures::impaired::bad_checksums_are_those_of_corrupted_frames_and_no_others") {
        return;
    }
    let media = [
        ("impaired-ethernet", Medium::Ethernet, ["192.0.2.1/24", "192.0.2.2/24"]),
        ("impaired-ethernet6", Medium::Ethernet, ["2001:db8::1/64", "2001:db8::2/64"]),
        ("impaired-ip", Medium::Ip, ["192.0.2.1/24", "192.0.2.2/24"]),
        ("impaired-ip6", Medium::Ip, ["2001:db8::1/64", "2001:db8::2/64"]),
    ];
    for (name, medium, addresses) in media {
        let ending = transfer(medium, addresses);
        let vantages = ["client", "server"].map(|node| ending.trace.node_named(node).expect("it is there"));
        let mut corrupted = 0;
        for path in write(&ending.trace, &vantages, name) {
            for frame in tshark::frames(&path) {
                let is_corrupted = !frame.is_outbound && frame.says("[sim] CORRUPT");
                let is_bad = frame.has_bad_checksum || frame.is_malformed || frame.severity >= ERROR;
                assert_eq!(is_bad, is_corrupted, "{}: {frame:?}", path.display());
                corrupted += u32::from(is_corrupted);
            }
        }
        assert!(corrupted > 10, "{name}: {corrupted} frames were corrupted");
        let arrivals = ending.trace.arrivals().filter(|(_, copy)| !copy.corrupted.is_empty()).count();
        assert_eq!(arrivals, corrupted as usize);
    }
}

/// 200,000 bytes and some datagrams through a cable that does everything to them.
fn transfer(medium: Medium, [client_at, server_at]: [&'static str; 2]) -> Ending {
    let mut world = World::with_medium(1, medium);
    let client = world.host("client", &[client_at]).expect("a good host");
    let server = world.host("server", &[server_at]).expect("a good host");
    let cable = Impairments {
        rate_bps: 50_000_000,
        delay_ns: 2_000_000,
        loss: Loss::Bernoulli { ppm: 20_000 },
        reorder_ppm: 20_000,
        reorder_delay_ns: 3_000_000,
        duplicate_ppm: 20_000,
        corrupt_ppm: 50_000,
        ..Impairments::default()
    };
    world.cable("ab", client, server, cable).expect("a good cable");
    let server_ip = server_at.parse::<Cidr>().expect("an address").addr();
    world.daemon(server, "udp echo", move |host| echo::udp_server(host, (server_ip, 7).into()));
    world.app(client, "pings", move |host| async move {
        let any = if server_ip.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = smolsock::task::UdpSocket::bind(&host, any.parse()?)?;
        for number in 0..40_u8 {
            socket.send_to(&[number; 100], (server_ip, 7).into()).await?;
            host.sleep(std::time::Duration::from_millis(10)).await;
        }
        Ok(())
    });
    world.app(server, "receiver", move |host| receiver(host, (server_ip, PORT).into(), 1, 200_000, Reading::EAGER));
    world.app(client, "sender", move |host| sender(host, (server_ip, PORT).into(), 1, 200_000));
    let ending = world.run(Time::from_secs(3_600));
    assert!(ending.failures.is_empty(), "{:?}", ending.failures);
    ending
}

/// One that no dissector thinks it knows: the bytes are not HTTP, and would be called malformed.
const PORT: u16 = 4_000;
