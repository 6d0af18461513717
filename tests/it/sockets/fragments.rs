//! Do datagrams larger than a packet get through, in both directions?

use std::collections::VecDeque;

use smolsock::device::{Device, DeviceCapabilities, DeviceInstant, Medium, RxToken, TxToken};
use smolsock::time::{Duration, Instant};
use smolsock::{Domain, Errno, SocketId, Stack, Type};
use smolsock_sim::observe::dissect::{Icmp, Packet};

use crate::pair::{ALL, ETHERNET, End, IP, IP6, Net, Pair, secs};

/// Datagram sockets with room for the largest datagram there is.
fn pair(net: Net) -> (Pair<'static>, SocketId, SocketId) {
    let mut pair = Pair::new(net);
    let (client, server) = pair.datagram_sockets(net);
    (pair, client, server)
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

fn received(pair: &mut Pair<'_>, id: SocketId) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; 70_000];
    let datagram = pair.b.recv_from(id, &mut buffer)?;
    buffer.truncate(datagram.len);
    Ok(buffer)
}

#[test]
fn datagrams_of_all_sizes_around_the_mtu_and_the_largest_arrive() {
    for net in ALL {
        let largest = if net.domain == Domain::Inet { 65_507 } else { 65_527 };
        for len in (1400..1560).chain([2952, 2953, 2960, 3000, 9000, 40_000, largest]) {
            let (mut pair, client, server) = pair(net);
            assert_eq!(pair.a.send_to(client, &pattern(len), net.b(7)), Ok(len), "{net:?}, {len}");
            pair.settle();
            assert_eq!(received(&mut pair, server), Ok(pattern(len)), "{net:?}, {len}");
            assert_eq!(pair.b.counters().reassembled, pair.a.counters().fragmented);
        }
        let (mut pair, client, _) = pair(net);
        assert_eq!(pair.a.send_to(client, &pattern(largest + 1), net.b(7)), Err(Errno::EMSGSIZE));
    }
}

#[test]
fn fragments_of_two_datagrams_and_two_sockets_do_not_mix() {
    for net in ALL {
        let (mut pair, first, server) = pair(net);
        let second = pair.a.socket(net.domain, Type::Datagram).expect("room");
        for (id, byte) in [(first, 1), (second, 2), (first, 3), (second, 4)] {
            assert_eq!(pair.a.send_to(id, &[byte; 4000], net.b(7)), Ok(4000));
        }
        pair.settle();
        let mut got: Vec<Vec<u8>> = std::iter::from_fn(|| received(&mut pair, server).ok()).collect();
        got.sort();
        assert_eq!(got, [1, 2, 3, 4].map(|byte| vec![byte; 4000]));
    }
}

#[test]
fn a_lost_fragment_loses_the_datagram_and_is_told_after_its_time() {
    for net in [ETHERNET, IP, IP6] {
        let (mut pair, client, server) = pair(net);
        let mut count = 0;
        pair.carries = Box::new(move |seen| {
            count += usize::from(seen.from == End::A && seen.bytes.len() > 200);
            count != 2
        });
        assert_eq!(pair.a.send_to(client, &pattern(4000), net.b(7)), Ok(4000));
        pair.settle();
        assert_eq!(received(&mut pair, server), Err(Errno::EAGAIN));
        pair.forget();
        let patience = if net.domain == Domain::Inet { 30 } else { 60 };
        pair.run_for(secs(patience) - Duration::from_millis(1));
        assert!(pair.seen.is_empty(), "not before its time");
        pair.run_for(Duration::from_millis(1));
        assert_eq!(pair.b.counters().reassembly_failures, 1);
        let [told] = &pair.seen[..] else { panic!("one ICMP error, not {:?}", pair.seen) };
        assert!(matches!(told.packet.packet, Packet::Icmp(Icmp::TimeExceeded { .. })), "{told:?}");
    }
}

/// A device that takes two frames at a time, and keeps them until it is asked.
struct Slow {
    room: usize,
    taken: VecDeque<Vec<u8>>,
}

struct Token<'d>(&'d mut Slow);

impl TxToken for Token<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.room -= 1;
        self.0.taken.push_back(frame);
        result
    }
}

struct Never;

impl RxToken for Never {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, _: F) -> R {
        unreachable!("it receives nothing")
    }
}

impl Device for Slow {
    type RxToken<'a> = Never;
    type TxToken<'a> = Token<'a>;

    fn receive(&mut self, _: DeviceInstant) -> Option<(Never, Token<'_>)> {
        None
    }

    fn transmit(&mut self, _: DeviceInstant) -> Option<Token<'_>> {
        (self.room > 0).then_some(Token(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        capabilities
    }
}

#[test]
fn a_device_that_refuses_in_the_middle_gets_the_rest_later_and_nothing_twice() {
    let mut device = Slow { room: 2, taken: VecDeque::new() };
    let mut stack = Stack::new(IP.config(1), &device).expect("good");
    let id = stack.socket(Domain::Inet, Type::Datagram).expect("room");
    stack.send_to(id, &pattern(7000), IP.b(7)).expect("room");
    stack.send_to(id, b"next", IP.b(7)).expect("room");
    for second in 0..4 {
        let _ = stack.step(Instant::from_secs(second), &mut device);
        device.room = 2;
    }
    let (mut pair, _, server) = pair(IP);
    assert_eq!(device.taken.len(), 5 + 1);
    device.taken.iter().for_each(|frame| pair.inject_to_b(frame));
    pair.settle();
    assert_eq!(received(&mut pair, server), Ok(pattern(7000)));
    assert_eq!(received(&mut pair, server), Ok(b"next".to_vec()));
}

#[test]
fn fragments_for_another_host_take_no_memory_here() {
    let (mut pair, client, _) = pair(IP);
    pair.a.send_to(client, &pattern(4000), IP.elsewhere(7)).expect_err("no route");
    assert_eq!(pair.a.counters().fragmented, 0);
}
