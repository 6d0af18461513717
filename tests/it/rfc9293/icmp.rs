//! What can ICMP messages and IP options do to a connection? (RFC 9293 §3.9.2)

use smolsock::Errno;
use smolsock::sockopt::IP_MTU;

use super::raw::with_ip_options;
use super::{Host, burst, connecting, host, listening, open, patient_host, recv, secs, send, state};
use crate::wire::{Packet, ack, data, fin, syn, syn_ack};

/// MUST-55: source quench is dropped.
#[test]
fn a_source_quench_does_nothing() {
    let net = patient_host();
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

/// MUST-47, SHLD-25: what the network said is the cause that the application is told when R2 has passed.
#[test]
fn soft_errors_are_reported() {
    let soft = [(0, Errno::ENETUNREACH), (1, Errno::EHOSTUNREACH), (5, Errno::EHOSTUNREACH)];
    for (code, cause) in soft {
        let net = host();
        let (socket, mut peer) = open(&net);
        send(&net, socket, b"hello");
        peer.expects(data(1, b"hello").ack(1));
        peer.sends(icmp_error(&net, 3, code));
        net.run(secs(901));
        let reported = recv(&net, socket);
        assert!(reported.is_err(), "after code {code}");
        if code < 2 {
            assert_eq!(reported, Err(cause));
        }

        let net = host();
        let (socket, mut peer) = connecting(&net);
        peer.sends(icmp_error(&net, 3, code));
        net.run(secs(181));
        let reported = net.host().take_error(socket).expect("it is open");
        assert!(reported.is_some(), "after code {code}");
        if code < 2 {
            assert_eq!(reported, Some(cause));
        }
    }
}

/// What was said before the last progress is no cause of what comes later.
#[test]
fn a_soft_error_is_forgotten_with_progress() {
    let net = host();
    let (socket, mut peer) = open(&net);
    send(&net, socket, b"hello");
    peer.expects(data(1, b"hello").ack(1));
    peer.sends(icmp_error(&net, 3, 1));
    peer.sends(ack(1, 6));
    send(&net, socket, b"world");
    net.run(secs(901));
    assert_eq!(recv(&net, socket), Err(Errno::ETIMEDOUT));
}

/// MUST-54, SHLD-26 for an attempt: nobody speaks the protocol, or nobody has the port.
#[test]
fn a_hard_error_ends_an_attempt() {
    for (code, cause) in [(2, Errno::ENOPROTOOPT), (3, Errno::ECONNREFUSED)] {
        let net = host();
        let (socket, mut peer) = connecting(&net);
        peer.sends(icmp_error(&net, 3, code));
        assert_eq!(state(&net, socket), "CLOSED", "after code {code}");
        assert_eq!(net.host().take_error(socket), Ok(Some(cause)));
        peer.expects_nothing_for(secs(100));
        // Linux: the cause was told by another call; connect says that it is over, and then begins anew.
        let connect = || net.host().connect(socket, ([192, 0, 2, 2], 80).into());
        assert_eq!([connect(), connect()], [Err(Errno::ECONNABORTED), Err(Errno::EINPROGRESS)]);
    }
}

/// RFC 5927 §4.2: a connection outlives what anybody could say who sees or guesses its numbers.
#[test]
fn a_hard_error_ends_no_connection() {
    for code in [2, 3] {
        let net = host();
        let (socket, mut peer) = open(&net);
        send(&net, socket, b"hello");
        peer.expects(data(1, b"hello").ack(1));
        peer.sends(icmp_error(&net, 3, code));
        assert_eq!(state(&net, socket), "ESTABLISHED", "after code {code}");
        peer.sends(ack(1, 6));
        send(&net, socket, b"world");
        peer.expects(data(6, b"world").ack(1));
    }
}

/// RFC 5927 §4.1: an error is believed while what it quotes is in flight, neither before nor after.
#[test]
fn errors_about_what_is_not_in_flight_are_ignored_and_counted() {
    let net = host();
    let (socket, mut peer) = open(&net);
    send(&net, socket, b"hello");
    peer.expects(data(1, b"hello").ack(1));
    let quote = net.frames().pop().expect("the data");
    // The byte before the data, the first after it, and one that is far away.
    for shift in [u32::MAX, 5, 0x4000_0000] {
        let before = net.host().counters().dropped_icmp_errors;
        let mut forged = quote.clone();
        let seq = u32::from_be_bytes(forged[24..28].try_into().expect("4 bytes")).wrapping_add(shift);
        forged[24..28].copy_from_slice(&seq.to_be_bytes());
        peer.sends(quoting(&forged, 3, 1, 0));
        peer.sends(quoting(&forged, 3, 4, 600));
        assert_eq!(net.host().counters().dropped_icmp_errors, before + 2, "shifted by {shift:#x}");
    }
    assert_eq!(net.host().getsockopt(socket, IP_MTU), Ok(1500));
    peer.sends(ack(1, 6));
    peer.sends(quoting(&quote, 3, 1, 0));
    assert_eq!(net.host().counters().dropped_icmp_errors, 7, "it has arrived, whatever a router says");
    send(&net, socket, b"world");
    net.run(secs(901));
    assert_eq!(recv(&net, socket), Err(Errno::ETIMEDOUT));
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
    quoting(net.frames().last().expect("something was sent"), kind, code, 0)
}

/// The same about any packet; `mtu`: of the next hop (RFC 1191 §4).
pub(super) fn quoting(packet: &[u8], kind: u8, code: u8, mtu: u16) -> Packet {
    let [high, low] = mtu.to_be_bytes();
    let mut bytes = vec![kind, code, 0, 0, 0, 0, high, low];
    bytes.extend(&packet[..28]);
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
