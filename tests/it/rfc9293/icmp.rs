//! What can ICMP messages and IP options do to a connection? (RFC 9293 §3.9.2)

use super::raw::with_ip_options;
use super::{Host, burst, connecting, host, listening, open, recv, send, state};
use crate::wire::{Packet, ack, data, fin, syn, syn_ack};

/// MUST-55: source quench is dropped.
#[test]
fn a_source_quench_does_nothing() {
    let net = host();
    let (socket, mut peer) = open(&net);
    send(&net, socket, b"hello");
    peer.expects(data(1, b"hello").ack(1));
    peer.sends(icmp_error(&net, 4, 0));
    peer.expects_nothing();
    peer.sends(ack(1, 6));
    send(&net, socket, b"world");
    peer.expects(data(6, b"world").ack(1));
    assert_eq!(net.host().take_error(socket), Ok(None));
}

/// MUST-56: net or host unreachable, source route failed, time exceeded and parameter problem end no connection.
#[test]
fn soft_errors_end_no_connection() {
    for (kind, code) in [(3, 0), (3, 1), (3, 5), (11, 0), (11, 1), (12, 0)] {
        let net = host();
        let (socket, mut peer) = open(&net);
        send(&net, socket, b"hello");
        peer.expects(data(1, b"hello").ack(1));
        peer.sends(icmp_error(&net, kind, code));
        assert_eq!(state(&net, socket), "ESTABLISHED", "after type {kind}, code {code}");
        peer.sends(data(1, b"hello").ack(6));
        // A soft error may be reported once; the stream goes on.
        let _ = net.host().take_error(socket);
        assert_eq!(recv(&net, socket).as_deref(), Ok(&b"hello"[..]));
        send(&net, socket, b"world");
        peer.expects(data(6, b"world").ack(6));
    }
}

/// MUST-56 for attempts: they go on until R2.
#[test]
fn soft_errors_end_no_attempt() {
    for (kind, code) in [(11, 0), (11, 1), (12, 0), (4, 0)] {
        let net = host();
        let (socket, mut peer) = connecting(&net);
        peer.sends(icmp_error(&net, kind, code));
        assert_eq!(state(&net, socket), "SYN-SENT", "after type {kind}, code {code}");
        peer.sends(syn_ack(0).ack(1));
        peer.expects(ack(1, 1));
        assert_eq!(state(&net, socket), "ESTABLISHED");
    }
}

/// RFC 5927 §4.1: an error that quotes what was never sent is nobody's.
#[test]
fn an_error_about_nothing_we_sent_ends_nothing() {
    for code in [0, 1, 2, 3, 4] {
        let net = host();
        let (socket, mut peer) = connecting(&net);
        let Packet::Other(protocol, mut bytes) = icmp_error(&net, 3, code) else {
            unreachable!("that is what it makes")
        };
        // The quoted sequence number: ICMP header, IP header, ports.
        bytes[8 + 20 + 4] ^= 0x40;
        checksum(&mut bytes);
        peer.sends(Packet::Other(protocol, bytes));
        assert_eq!(state(&net, socket), "SYN-SENT", "after code {code}");
        assert_eq!(net.host().take_error(socket), Ok(None));
    }
}

/// MUST-50: IP options that mean nothing to TCP are no obstacle, from SYN to FIN.
#[test]
fn ip_options_are_ignored() {
    // No-operation; an unknown option; record route; timestamp.
    let options: [&[u8]; 4] = [&[1, 1, 1, 0], &[0x9e, 4, 0, 0], &[7, 7, 4, 0, 0, 0, 0, 0], &[68, 8, 5, 0, 0, 0, 0, 0]];
    for options in options {
        let net = host();
        let (listener, mut peer) = listening(&net);
        peer.sends_changed(syn(0), with_ip_options(options));
        peer.expects(syn_ack(0).ack(1));
        peer.sends_changed(ack(1, 1), with_ip_options(options));
        let (socket, _) = net.host().accept(listener).expect("a connection that is open");
        peer.sends_changed(data(1, b"hello").ack(1), with_ip_options(options));
        assert_eq!(recv(&net, socket).as_deref(), Ok(&b"hello"[..]));
        burst(&mut peer);
        peer.sends_changed(fin(6).ack(1), with_ip_options(options));
        peer.expects(ack(1, 7));
        assert_eq!(state(&net, socket), "CLOSE-WAIT");
    }
}

/// An ICMP message with the least quote of RFC 792 about the last packet of the host.
fn icmp_error(net: &Host, kind: u8, code: u8) -> Packet {
    let frames = net.frames();
    let last = frames.last().expect("something was sent");
    let mut bytes = vec![kind, code, 0, 0, 0, 0, 0, 0];
    bytes.extend(&last[..28]);
    checksum(&mut bytes);
    Packet::Other(1, bytes)
}

/// RFC 1071, over an even number of bytes.
fn checksum(bytes: &mut [u8]) {
    (bytes[2], bytes[3]) = (0, 0);
    let sum: u32 = bytes.chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1])).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    let sum = !u16::try_from(folded).expect("folded twice");
    (bytes[2], bytes[3]) = (sum.to_be_bytes()[0], sum.to_be_bytes()[1]);
}
