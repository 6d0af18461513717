//! Is every segment checked, and is every segment made good? (RFC 9293 §3.1)

use smolsock::Errno;
use smoltcp::wire::{IpAddress, Ipv4Packet, TcpPacket};

use super::{burst, connecting, host, listening, netstat, open, patient_host, recv, send, state};
use crate::wire::{ack, data, fin, rst, syn, syn_ack};

/// MUST-2: SYN-ACK, data, bare ACK, FIN and RST.
#[test]
fn every_segment_of_the_host_has_a_good_checksum() {
    let net = host();
    let (socket, mut peer) = open(&net);
    send(&net, socket, b"an odd number of bytes.");
    peer.sends(data(1, b"hello").ack(1));
    burst(&mut peer);
    peer.sends(fin(6).ack(24));
    burst(&mut peer);
    net.host().close(socket).expect("it is open");
    burst(&mut peer);
    net.peer().towards(9).sends(syn(0));
    let frames = net.frames();
    assert!(frames.len() >= 5, "{} segments", frames.len());
    for frame in frames {
        let packet = Ipv4Packet::new_checked(&frame[..]).expect("a packet");
        let segment = TcpPacket::new_checked(packet.payload()).expect("a segment");
        assert!(packet.verify_checksum());
        assert_ne!(segment.checksum(), 0);
        let (source, destination) = (IpAddress::from(packet.src_addr()), IpAddress::from(packet.dst_addr()));
        assert!(segment.verify_checksum(&source, &destination));
    }
}

/// MUST-3: in a connection.
#[test]
fn damaged_segments_do_nothing_to_a_connection() {
    let net = patient_host();
    let (socket, mut peer) = open(&net);
    send(&net, socket, b"hello");
    peer.expects(data(1, b"hello").ack(1));
    peer.sends_damaged(data(1, b"damaged").ack(1));
    peer.sends_damaged(ack(1, 6));
    peer.sends_damaged(fin(1).ack(6));
    peer.sends_damaged(rst(1));
    peer.expects_nothing();
    assert_eq!(recv(&net, socket), Err(Errno::EAGAIN));
    assert_eq!(state(&net, socket), "ESTABLISHED");
    // Nothing was acknowledged either.
    peer.expects_within(super::secs(1), data(1, b"hello").ack(1));
}

/// MUST-3: before there is one.
#[test]
fn damaged_segments_do_nothing_to_listeners_and_attempts() {
    let net = host();
    let (_, mut peer) = listening(&net);
    peer.sends_damaged(syn(0));
    peer.expects_nothing();
    assert_eq!(netstat(&net), ["LISTEN"]);
    let net = host();
    let (socket, mut peer) = connecting(&net);
    peer.sends_damaged(syn_ack(0).ack(1));
    peer.sends_damaged(rst(0).ack(1));
    peer.expects_nothing();
    assert_eq!(state(&net, socket), "SYN-SENT");
}

/// MUST-3: after the end, and where nobody listens.
#[test]
fn damaged_segments_get_no_answer_from_anybody() {
    let net = host();
    let (socket, mut peer) = open(&net);
    net.host().close(socket).expect("it is open");
    peer.expects(fin(1).ack(1));
    peer.sends(fin(1).ack(2));
    peer.expects(ack(2, 2));
    assert_eq!(netstat(&net), ["TIME-WAIT"]);
    peer.sends_damaged(fin(1).ack(2));
    peer.expects_nothing();
    let mut stranger = net.peer().port(7).towards(9);
    stranger.sends_damaged(syn(0));
    stranger.expects_nothing();
}
