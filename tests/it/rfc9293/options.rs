//! Which TCP options are understood, and what becomes of the others? (RFC 9293 §3.2, §3.7.1)

use std::net::Ipv6Addr;

use smolsock::{Domain, Type};

use super::raw::{tcp_options, with_tcp_options};
use super::{Peer, burst, host, listening, netstat, open, open_by, recv, send};
use crate::wire::{ack, data, fin, syn, syn_ack};

/// End of option list, no-operation, and a maximum segment size of 700 bytes.
const EOL: u8 = 0;
const NOP: u8 = 1;
const MSS_700: [u8; 4] = [2, 4, 0x02, 0xbc];

/// MUST-4: the mandatory options. What follows the end of the list is no option.
#[test]
fn end_of_list_no_operation_and_mss_are_understood() {
    let [kind, len, high, low] = MSS_700;
    assert_eq!(segment_size_after(&[NOP, NOP, kind, len, high, low, NOP, NOP]), 700);
    assert_eq!(segment_size_after(&[kind, len, high, low, EOL, 2, 4, 0]), 700);
    assert_eq!(segment_size_after(&[EOL, EOL, EOL, EOL, kind, len, high, low]), 536);
}

/// MUST-5: options may come in any segment.
#[test]
fn options_are_taken_in_any_segment() {
    let net = host();
    let (socket, mut peer) = open(&net);
    peer.sends_changed(data(1, b"hello").ack(1), with_tcp_options(&[NOP, NOP, NOP, EOL]));
    peer.sends_changed(data(6, b" there").ack(1), with_tcp_options(&[8, 10, 0, 0, 0, 1, 0, 0, 0, 0, NOP, NOP]));
    assert_eq!(recv(&net, socket).as_deref(), Ok(&b"hello there"[..]));
    peer.expects(ack(1, 12));
    peer.sends_changed(fin(12).ack(1), with_tcp_options(&MSS_700));
    peer.expects(ack(1, 13));
}

/// MUST-6, MUST-68: an unknown option is skipped by its length, whatever stands in it.
#[test]
fn unknown_options_are_skipped_by_their_length() {
    let [kind, len, high, low] = MSS_700;
    assert_eq!(segment_size_after(&[200, 4, 9, 9, kind, len, high, low]), 700);
    // An MSS of 100 bytes inside of an option that nobody knows is none.
    assert_eq!(segment_size_after(&[254, 8, 2, 4, 0, 100, 9, 9, kind, len, high, low]), 700);
    assert_eq!(segment_size_after(&[253, 2, 77, 2, kind, len, high, low]), 700);
}

/// MUST-7: a segment whose option has an impossible length is dropped, and harms nobody.
#[test]
fn an_option_of_impossible_length_harms_nobody() {
    let bad: [&[u8]; 6] = [
        &[2, 0, 0, 0],
        &[2, 1, 0, 0],
        &[254, 0, 0, 0],
        &[254, 41, 0, 0],
        &[NOP, NOP, NOP, 2],
        &[2, 5, 1, 1, 1, 2, 2, 2],
    ];
    let net = host();
    let (_, mut peer) = listening(&net);
    for options in bad {
        peer.sends_changed(syn(0), with_tcp_options(options));
        burst(&mut peer);
        peer.sends(crate::wire::rst(1));
    }
    assert_eq!(netstat(&net), ["LISTEN"]);
    let net = host();
    let (socket, mut peer) = open(&net);
    for options in bad {
        peer.sends_changed(data(1, b"hello").ack(1), with_tcp_options(options));
        burst(&mut peer);
    }
    peer.sends(data(1, b"hello").ack(1));
    assert_eq!(recv(&net, socket).as_deref(), Ok(&b"hello"[..]));
}

/// MUST-64: an option may begin at any byte.
#[test]
fn options_may_begin_at_any_byte() {
    for before in 0..4 {
        let mut options = vec![NOP; before];
        options.extend(MSS_700);
        options.resize(8, EOL);
        assert_eq!(segment_size_after(&options), 700, "after {before} bytes");
    }
}

/// MUST-14, SHLD-5, MAY-3: both SYNs carry an MSS. MUST-67: what fits into a packet of the medium, headers without options.
#[test]
fn every_syn_carries_the_mss_of_the_medium() {
    let net = host();
    let (_, mut peer) = listening(&net);
    peer.sends(syn(0));
    peer.expects(syn_ack(0).ack(1).mss(1500 - 20 - 20));
    let mut peer = net.peer().port(80);
    let client = super::stream(&net);
    assert!(net.host().connect(client, ([192, 0, 2, 2], 80).into()).is_err());
    peer.expects(syn(0).mss(1460));
    let remote = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
    let mut peer = net.peer().at(remote).port(80);
    let client = net.host().socket(Domain::Inet6, Type::Stream).expect("room for a socket");
    assert!(net.host().connect(client, (remote, 80).into()).is_err());
    peer.expects(syn(0).mss(1500 - 40 - 20));
}

/// MUST-65: no segment but a SYN carries an MSS.
#[test]
fn no_segment_but_a_syn_carries_an_mss() {
    let net = host();
    let (socket, mut peer) = open(&net);
    send(&net, socket, b"hello");
    peer.expects(data(1, b"hello").ack(1));
    peer.sends(data(1, b"hello").ack(6));
    peer.expects(ack(6, 6));
    net.host().close(socket).expect("it is open");
    while net.untaken() > 0 {
        let segment = burst(&mut peer).remove(0);
        assert_eq!(segment.mss, None, "{segment}");
    }
    peer.sends(data(6, b"too late").ack(7));
    for segment in burst(&mut peer) {
        assert_eq!(segment.mss, None, "{segment}");
    }
    let kinds: Vec<usize> = net.frames().iter().map(|frame| tcp_options(frame).len()).collect();
    assert!(kinds.len() >= 4 && kinds[0] > 0 && kinds[1..].iter().all(|len| *len == 0), "{kinds:?}");
}

/// MUST-69: what is left of the header's last word is zero.
#[test]
fn the_header_is_padded_with_zeros() {
    let net = host();
    open_by(&net, syn(0).mss(1460).window_scale(0).sack_permitted());
    let frames = net.frames();
    let mut rest = tcp_options(&frames[0]);
    assert_eq!(rest.len() % 4, 0);
    while let [kind, len, ..] = rest
        && *kind > NOP
    {
        rest = &rest[usize::from(*len)..];
    }
    assert!(!rest.is_empty() && rest.iter().all(|byte| *byte == 0), "{:?}", tcp_options(&frames[0]));
}

/// MUST-15 for IPv4: a peer that sends no MSS gets segments of at most 536 bytes.
#[test]
fn without_an_mss_segments_have_536_bytes() {
    assert_eq!(segment_size_after(&[]), 536);
}

/// MUST-15 for IPv6 wants 1,220 bytes: smaller segments are safe, and all that smoltcp 0.14 sends.
#[test]
fn without_an_mss_segments_over_ipv6_have_536_bytes_too() {
    let net = host();
    let listener = net.host().socket(Domain::Inet6, Type::Stream).expect("room for a socket");
    net.host().bind(listener, ([0; 8], 80).into()).expect("a free port");
    net.host().listen(listener, 0).expect("a bound socket");
    let mut peer = net.peer().at(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2)).towards(80);
    peer.sends(syn(0));
    peer.expects(syn_ack(0).ack(1));
    peer.sends(ack(1, 1));
    let (server, _) = net.host().accept(listener).expect("a connection that is open");
    assert_eq!(first_segment(&net, server, &mut peer), 536);
}

/// MUST-16: the peer's MSS, or what fits into a packet of ours, whichever is less.
#[test]
fn segments_are_as_large_as_both_sides_can_take() {
    for (offered, size) in [(100, 100), (536, 536), (1460, 1460), (9000, 1460), (u16::MAX, 1460)] {
        let net = host();
        let (socket, mut peer) = open_by(&net, syn(0).mss(offered));
        assert_eq!(first_segment(&net, socket, &mut peer), size, "after an MSS of {offered}");
    }
}

/// How large the host's segments are for a client whose SYN has these options.
fn segment_size_after(options: &[u8]) -> usize {
    let net = host();
    let (listener, mut peer) = listening(&net);
    peer.sends_changed(syn(0), with_tcp_options(options));
    peer.expects(syn_ack(0).ack(1));
    peer.sends(ack(1, 1));
    let (socket, _) = net.host().accept(listener).expect("a connection that is open");
    first_segment(&net, socket, &mut peer)
}

/// The size of the first segment of many bytes.
fn first_segment(net: &super::Host, socket: smolsock::SocketId, peer: &mut Peer) -> usize {
    send(net, socket, &[7; 4000]);
    burst(peer).first().expect("data").payload.len()
}
