//! Does a datagram arrive as often as the network delivers it, and as it was?

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use proptest::prelude::*;
use smolsock::task::UdpSocket;
use smolsock_sim::app::pattern::pattern;
use smolsock_sim::frame::Medium;
use smolsock_sim::link::Impairments;
use smolsock_sim::observe::dissect::{Packet, dissect};
use smolsock_sim::time::Time;
use smolsock_sim::world::{Ending, World};

use super::{bad_cable, cases};

proptest! {
    #![proptest_config(cases(48))]

    /// Never more often than the original and its duplicates arrived intact, never altered, and never lost by the host.
    #[test]
    fn a_datagram_arrives_exactly_as_often_as_the_network_delivers_it_intact(
        seed in any::<u64>(),
        is_ethernet in any::<bool>(),
        cable in bad_cable(),
        lens in prop::collection::vec(2..1_472_usize, 1..40),
    ) {
        let medium = if is_ethernet { Medium::Ethernet } else { Medium::Ip };
        let (ending, received) = play(seed, medium, cable, &lens);
        prop_assert!(ending.failures.is_empty(), "{:?}", ending.failures);
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for data in &received {
            let number = usize::from(data[0]) << 8 | usize::from(data[1]);
            prop_assert!(number < lens.len() && *data == content(number, lens[number]), "altered: {data:?}");
            *counts.entry(number).or_default() += 1;
        }
        prop_assert_eq!(counts, delivered(&ending, medium));
    }
}

/// The datagram's number, and bytes that tell it from others.
fn content(number: usize, len: usize) -> Vec<u8> {
    let mut data = pattern(number as u32, len);
    data[..2].copy_from_slice(&[(number >> 8) as u8, number as u8]);
    data
}

fn play(seed: u64, medium: Medium, cable: Impairments, lens: &[usize]) -> (Ending, Vec<Vec<u8>>) {
    let mut world = World::with_medium(seed, medium);
    let client = world.host("client", &["192.0.2.1/24"]).expect("a good host");
    // Room for everything, three times.
    let server = world
        .host_with("server", &["192.0.2.2/24"], |config| {
            config.udp_recv_bytes = 1 << 20;
            config.udp_queue_datagrams = 1_000;
        })
        .expect("a good host");
    world.cable("ab", client, server, cable).expect("a good cable");
    let received = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&received);
    world.daemon(server, "receiver", |host| async move {
        let socket = UdpSocket::bind(&host, "0.0.0.0:4000".parse()?)?;
        let mut buffer = [0; 2_048];
        loop {
            let datagram = socket.recv_from(&mut buffer).await?;
            log.borrow_mut().push(buffer[..datagram.len].to_vec());
        }
    });
    let lens = lens.to_vec();
    world.app(client, "sender", |host| async move {
        let socket = UdpSocket::bind(&host, "0.0.0.0:0".parse()?)?;
        for (number, len) in lens.into_iter().enumerate() {
            // Whom nobody tells where the server is (EHOSTUNREACH) loses what waited, and goes on.
            let data = content(number, len);
            while socket.send_to(&data, "192.0.2.2:4000".parse()?).await.is_err() {}
            host.sleep(std::time::Duration::from_millis(100)).await;
        }
        host.sleep(std::time::Duration::from_secs(10)).await;
        Ok(())
    });
    let ending = world.run(Time::from_secs(1_000));
    let received = received.borrow().clone();
    (ending, received)
}

/// How many intact copies of each datagram came out of the cable at the server.
fn delivered(ending: &Ending, medium: Medium) -> BTreeMap<usize, usize> {
    let mut counts = BTreeMap::new();
    for (frame, copy) in ending.trace.arrivals().filter(|(_, copy)| copy.corrupted.is_empty()) {
        let bytes = frame.arriving(copy);
        if let Packet::Udp(udp) = dissect(medium, bytes).packet
            && udp.to_port == 4_000
        {
            let data = &bytes[udp.payload];
            *counts.entry(usize::from(data[0]) << 8 | usize::from(data[1])).or_default() += 1;
        }
    }
    counts
}
