//! Is a connection remembered for as long as its segments may come back?

use super::host::Setup;
use super::{Bench, Host, both, secs, trap, trap_on};
use crate::wire::{Peer, ack, fin, syn, syn_ack};

/// B15. smoltcp's TIME-WAIT lasts 10 s, whatever the network: then the peer's FIN, sent again because our
/// ACK was lost, is answered by RST. (Ours: 60 s, as in Linux, and configurable.)
#[test]
fn time_wait_acknowledges_a_late_fin() {
    trap("expected ACK seq 2 ack 2, but the host sent RST seq 2", |net| {
        let mut peer = host_closes_first(net);
        net.run(secs(30));
        peer.sends(fin(1).ack(2));
        peer.expects(ack(2, 2));
        // And 2MSL begins again: 50 s later it is still known.
        net.run(secs(50));
        peer.sends(fin(1).ack(2));
        peer.expects(ack(2, 2));
    });
}

/// Within its 10 s, smoltcp does that.
#[test]
fn time_wait_acknowledges_a_fin_that_comes_soon() {
    both(|net| {
        let mut peer = host_closes_first(net);
        net.run(secs(5));
        peer.sends(fin(1).ack(2));
        peer.expects(ack(2, 2));
    });
}

#[test]
fn time_wait_lasts_a_minute_and_no_longer() {
    trap("after 59 s: false", |net| {
        let _peer = host_closes_first(net);
        let is_waiting = || net.host().states().contains(&"TIME-WAIT".to_string());
        net.run(secs(59));
        assert!(is_waiting(), "after 59 s: {}", is_waiting());
        net.run(secs(2));
        assert!(!is_waiting(), "after 61 s: {}", is_waiting());
    });
}

/// B7, B15. A client that comes again from the same port: smoltcp's old socket takes the SYN and says
/// nothing, though another socket listens. RFC 9293 MAY-2: let it through if its number is new.
#[test]
fn time_wait_lets_a_new_connection_through() {
    trap("expected SYN-ACK seq 0 ack 1, but the host sent nothing", |net| {
        let mut peer = host_closes_first(net);
        net.run(secs(1));
        peer.reborn(100_000);
        peer.sends(syn(0));
        peer.expects(syn_ack(0).ack(1));
        peer.sends(ack(1, 1));
        assert!(net.host().states().contains(&"ESTABLISHED".to_string()));
    });
}

/// B15. In smoltcp a socket in TIME-WAIT is not "open": its examples let it listen again at once, and what
/// it knew is gone.
#[test]
fn time_wait_survives_that_the_server_goes_on() {
    let setup = Setup { is_eager: true, ..Setup::default() };
    trap_on(setup, "expected ACK seq 2 ack 2, but the host sent RST seq 2", |net| {
        let mut peer = host_closes_first(net);
        let mut next = net.peer().port(2).towards(80);
        next.connects();
        peer.sends(fin(1).ack(2));
        peer.expects(ack(2, 2));
    });
}

/// RFC 1337: a RST does not end TIME-WAIT, or an old segment could let another old segment in.
#[test]
fn time_wait_survives_a_reset() {
    trap("expected ACK seq 2 ack 2, but the host sent RST seq 2", |net| {
        let mut peer = host_closes_first(net);
        peer.sends(crate::wire::rst(2));
        peer.sends(fin(1).ack(2));
        peer.expects(ack(2, 2));
    });
}

/// A server that closes before its client does: it is the one that must wait.
fn host_closes_first(net: &Bench) -> Peer<Box<dyn Host>> {
    let listener = net.host().listen(80, 2);
    let mut peer = net.peer().towards(80);
    peer.connects();
    let socket = net.host().accept(listener).expect("a connection that is open");
    net.host().close(socket);
    peer.expects(fin(1).ack(1));
    peer.sends(ack(1, 2));
    peer.sends(fin(1).ack(2));
    peer.expects(ack(2, 2));
    peer
}
