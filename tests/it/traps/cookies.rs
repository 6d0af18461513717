//! Does a client get in whose half-open place has gone to another?

use super::host::{Host, Setup};
use super::{Bench, ours, secs};
use crate::wire::{Peer, ack, data, rst, syn, syn_ack};

#[test]
fn an_ack_whose_place_has_gone_makes_its_connection_again() {
    let net = ours(Setup::default());
    let listener = net.host().listen(80, 5);
    let mut client = client_without_a_place(&net);
    client.sends(ack(1, 1));
    client.sends(data(1, b"hello").ack(1));
    client.expects(ack(1, 6));
    let socket = net.host().accept(listener).expect("a connection that is open");
    assert_eq!(net.host().recv(socket, &mut [0; 9]), Ok(5));
    // Its SYN said 1,300 bytes; the cookie has room for 1,220.
    assert_eq!(net.host().send(socket, &[7; 2_000]), Ok(2_000));
    client.expects(data(1, &[7; 1_220]).ack(6));
}

#[test]
fn data_brings_the_place_back_too() {
    let net = ours(Setup::default());
    let listener = net.host().listen(80, 5);
    let mut client = client_without_a_place(&net);
    // The bare ACK is lost.
    client.sends(data(1, b"hello").ack(1));
    client.expects(ack(1, 6));
    assert!(net.host().accept(listener).is_some(), "a connection that is open");
}

#[test]
fn another_number_is_refused() {
    let net = ours(Setup::default());
    let listener = net.host().listen(80, 5);
    let mut client = client_without_a_place(&net);
    client.sends(ack(1, 2));
    client.expects(rst(2));
    client.sends(ack(2, 1));
    client.expects(rst(1));
    assert!(net.host().accept(listener).is_none());
    client.sends(ack(1, 1));
    assert!(net.host().accept(listener).is_some(), "the right one is still good");
}

#[test]
fn a_number_is_not_good_for_ever() {
    let net = ours(Setup::default());
    net.host().listen(80, 5);
    let mut client = client_without_a_place(&net);
    net.run(secs(129));
    client.sends(ack(1, 1));
    client.expects(rst(1));
}

/// A client that has an answer to its SYN, at a listener that has given its place to others.
fn client_without_a_place(net: &Bench) -> Peer<Box<dyn Host>> {
    crowd(net, 10_000..10_128);
    let mut client = net.peer().port(9_999).towards(80);
    client.sends(syn(0).mss(1_300));
    client.expects(syn_ack(0).ack(1));
    crowd(net, 20_000..20_200);
    client
}

/// A SYN from each of these ports.
fn crowd(net: &Bench, ports: std::ops::Range<u16>) {
    for port in ports {
        let mut stranger = net.peer().port(port).towards(80);
        stranger.sends(syn(0));
        stranger.expects(syn_ack(0).ack(1));
    }
}
