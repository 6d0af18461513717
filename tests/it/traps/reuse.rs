//! Does a connection leave something behind for the next one?

use std::time::Duration;

use super::host::Id;
use super::{Bench, Host, trap};
use crate::wire::{Packet, Peer, ack, fin};

/// B12. smoltcp's `reset`, on `listen` and `connect`, keeps the congestion window: a path that was never
/// measured gets the first flight of one that was. RFC 5681 §3.1: at most an initial window.
#[test]
fn a_second_connection_begins_with_an_initial_window() {
    trap("bytes in the first flight, then", |net| {
        let listener = net.host().listen(80, 1);
        let mut first = net.peer().port(1).towards(80);
        first.connects();
        let socket = accept(net, listener);
        let first_flight = flight(net, &mut first, socket);
        grow_window(net, &mut first, socket);
        let end = drain(&mut first);
        first.sends(fin(1).ack(end));
        first.expects(ack(end, 2));
        net.host().close(socket);
        first.expects(fin(end).ack(2));
        first.sends(ack(2, end + 1));

        let mut second = net.peer().port(2).towards(80);
        second.connects();
        let socket = accept(net, listener);
        let second_flight = flight(net, &mut second, socket);
        assert_eq!(second_flight, first_flight, "{first_flight} bytes in the first flight, then {second_flight}");
    });
}

fn accept(net: &Bench, listener: Id) -> Id {
    net.host().accept(listener).expect("a connection that is open")
}

/// How much the host sends before the peer has acknowledged any of it.
fn flight(net: &Bench, peer: &mut Peer<Box<dyn Host>>, socket: Id) -> usize {
    assert_eq!(net.host().send(socket, &[7; 40_000]), Ok(40_000));
    let mut bytes = 0;
    while let Some((_, Packet::Tcp(segment))) = peer.takes(Duration::from_millis(100)) {
        bytes += segment.payload.len();
    }
    bytes
}

/// Acknowledges what comes, and keeps the host sending, for a megabyte.
fn grow_window(net: &Bench, peer: &mut Peer<Box<dyn Host>>, socket: Id) {
    let mut next = 1;
    for _ in 0..1_000 {
        if next > 1_000_000 {
            return;
        }
        // The first flight may not be acknowledged yet: its retransmission says where it begins.
        if let Some((_, Packet::Tcp(segment))) = peer.takes(Duration::from_secs(2)) {
            next = next.max(segment.seq + u32::try_from(segment.payload.len()).expect("a segment"));
            peer.sends(ack(1, next));
        }
        net.host().send(socket, &[7; 65_535]).expect("an open connection");
    }
    net.fail("1,000 segments moved less than a megabyte");
}

/// Acknowledges until the host has nothing more to say. Returns the end of its data.
fn drain(peer: &mut Peer<Box<dyn Host>>) -> u32 {
    let mut end = 1;
    while let Some((_, Packet::Tcp(segment))) = peer.takes(Duration::from_secs(2)) {
        end = end.max(segment.seq + u32::try_from(segment.payload.len()).expect("a segment"));
        peer.sends(ack(1, end));
    }
    end
}
