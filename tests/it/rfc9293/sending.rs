//! How is data sent, and how often? (RFC 9293 §3.7, §3.8)

use std::time::Duration;

use smolsock::sockopt::{IP_TOS, IP_TTL, TCP_NODELAY};

use super::raw::with_urgent;
use super::{Host, Peer, burst, connecting, end_of, host, open, open_by, patient_host, recv, secs, send, state, takes};
use crate::wire::{ack, data, fin, syn, syn_ack};

/// MUST-60, MAY-16: nothing waits in a buffer for a PUSH.
#[test]
fn a_single_byte_is_sent_at_once() {
    let net = host();
    let (socket, mut peer) = open(&net);
    let at = net.now();
    send(&net, socket, b"x");
    assert_eq!(
        takes(&mut peer, secs(1)).map(|(time, segment)| (time - at, segment.payload)),
        Some((secs(0), vec![b'x']))
    );
}

/// MUST-61: the last segment of what there is carries PSH. SHLD-28: the others are as large as can be.
#[test]
fn the_last_segment_is_pushed_and_the_others_are_full() {
    let net = host();
    let (socket, mut peer) = open_by(&net, syn(0).mss(500));
    send(&net, socket, &[7; 1700]);
    let seen: Vec<(usize, bool)> =
        burst(&mut peer).iter().map(|segment| (segment.payload.len(), segment.psh)).collect();
    assert_eq!(seen[..3], [(500, false); 3]);
    // Nagle lets the rest wait for an ACK.
    peer.sends(ack(1, 1501));
    let last = takes(&mut peer, secs(1)).expect("the rest").1;
    assert_eq!((last.payload.len(), last.psh), (200, true));
}

/// SHLD-7: small data waits while other data is in flight, and then goes together.
#[test]
fn small_data_waits_for_the_ack_of_the_data_before() {
    let net = patient_host();
    let (socket, mut peer) = open(&net);
    send(&net, socket, b"a");
    peer.expects(data(1, b"a").ack(1));
    for byte in [b"b", b"c", b"d"] {
        send(&net, socket, byte);
    }
    peer.expects_nothing();
    peer.sends(ack(1, 2));
    peer.expects(data(2, b"bcd").ack(1));
}

/// MUST-17: who asks for it has every byte sent at once.
#[test]
fn nagle_can_be_turned_off() {
    let net = patient_host();
    let (socket, mut peer) = open(&net);
    net.host().setsockopt(socket, TCP_NODELAY, true).expect("a stream has it");
    for (seq, byte) in [(1, b"a"), (2, b"b"), (3, b"c")] {
        send(&net, socket, byte);
        peer.expects(data(seq, byte).ack(1));
    }
    peer.sends(ack(1, 4));
    net.host().setsockopt(socket, TCP_NODELAY, false).expect("a stream has it");
    send(&net, socket, b"d");
    peer.expects(data(4, b"d").ack(1));
    send(&net, socket, b"e");
    peer.expects_nothing();
}

/// MUST-48, SHLD-22: every segment carries the field as it was set, from the answer to the SYN to the FIN.
#[test]
fn the_services_field_is_sent_as_set() {
    let net = patient_host();
    let (listener, mut peer) = super::listening(&net);
    net.host().setsockopt(listener, IP_TOS, 0xb8).expect("in range");
    peer.connects();
    let (socket, _) = net.host().accept(listener).expect("a connection");
    assert_eq!(net.host().getsockopt(socket, IP_TOS), Ok(0xb8), "it has its listener's");
    send(&net, socket, b"hello");
    // A retransmission, an ACK and a FIN.
    net.run(secs(2));
    peer.sends(data(1, b"hello").ack(6));
    net.run(secs(1));
    net.host().shutdown(socket, smolsock::Shutdown::Write).expect("it is connected");
    net.run(secs(0));
    peer.sends(fin(6).ack(7));
    net.run(secs(1));
    let frames = net.frames();
    let flags: Vec<u8> = fields(&net, 33);
    assert_eq!(flags, [0x12, 0x18, 0x18, 0x10, 0x11, 0x10], "SYN-ACK, data twice, ACK, FIN, ACK");
    assert!(frames.iter().all(|frame| frame[1] == 0xb8), "{:x?}", fields(&net, 1));
}

/// SHLD-21: the next segment carries what is set now.
#[test]
fn the_services_field_can_change() {
    let net = host();
    let (socket, mut peer) = open(&net);
    let mut seq = 1;
    for (tos, sent) in [(0x20, 0x20), (0x00, 0x00), (0xff, 0xfc)] {
        net.host().setsockopt(socket, IP_TOS, tos).expect("in range");
        send(&net, socket, b"x");
        peer.expects(data(seq, b"x").ack(1));
        seq += 1;
        peer.sends(ack(1, seq));
        // The two bits of RFC 3168 are TCP's own, as on Linux.
        assert_eq!(fields(&net, 1).last(), Some(&sent));
    }
}

/// MUST-49: for an attempt, for a connection, and anew while it lives.
#[test]
fn the_time_to_live_can_be_set() {
    let net = host();
    let (socket, mut peer) = connecting(&net);
    assert_eq!(fields(&net, 8), [64], "the default");
    net.host().setsockopt(socket, IP_TTL, 7).expect("in range");
    peer.sends(syn_ack(0).ack(1).mss(1460));
    peer.expects(ack(1, 1));
    send(&net, socket, b"x");
    peer.expects(data(1, b"x").ack(1));
    assert_eq!(fields(&net, 8), [64, 7, 7]);
    net.host().setsockopt(socket, IP_TTL, 255).expect("in range");
    net.run(secs(2));
    assert_eq!(fields(&net, 8).last(), Some(&255), "a retransmission");
}

/// This byte of every packet that the host has sent.
fn fields(net: &Host, at: usize) -> Vec<u8> {
    net.frames().iter().map(|frame| frame[at]).collect()
}

/// MUST-38 as far as it goes: while data is in flight, a window smaller than a segment is not used up in crumbs.
#[test]
fn crumbs_of_a_window_are_not_sent_while_data_is_in_flight() {
    let net = host();
    let (socket, mut peer) = open_by(&net, syn(0).mss(1000));
    peer.sends(ack(1, 1).window(1100));
    send(&net, socket, &[7; 3000]);
    let first = burst(&mut peer);
    assert_eq!(first.iter().map(|segment| segment.payload.len()).collect::<Vec<_>>(), [1000]);
}

/// MUST-19, RFC 6298 §5.5: the time between retransmissions doubles.
#[test]
fn retransmissions_back_off_exponentially() {
    let net = patient_host();
    let (socket, mut peer) = open(&net);
    send(&net, socket, b"hello");
    let at: Vec<Duration> = (0..7).map(|_| takes(&mut peer, secs(100)).expect("a segment").0).collect();
    let intervals: Vec<u64> = at.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    assert_eq!(intervals, [1, 2, 4, 8, 16, 32]);
}

/// MUST-18: an ACK after a retransmission may be of either; it says nothing about the round trip, and the
/// time-out stays as it had backed off.
#[test]
fn an_ack_after_a_retransmission_is_not_measured() {
    let net = patient_host();
    let (socket, mut peer) = open(&net);
    send(&net, socket, b"hello");
    for _ in 0..3 {
        takes(&mut peer, secs(10)).expect("the data, again and again");
    }
    // Taken for the round trip of the last transmission this would be 0 s, of the first 3 s.
    peer.sends(ack(1, 6));
    send(&net, socket, b"world");
    let first = takes(&mut peer, secs(1)).expect("new data").0;
    let again = takes(&mut peer, secs(100)).expect("a retransmission").0;
    assert_eq!((again - first).as_secs(), 4, "the time-out that was backed off twice");
}

/// MUST-18, the other half: an ACK of something sent once is measured, and ends the backing off.
#[test]
fn an_ack_of_what_was_sent_once_is_measured() {
    let net = patient_host();
    let (socket, mut peer) = open(&net);
    let mut end = 1;
    for _ in 0..20 {
        send(&net, socket, b"x");
        takes(&mut peer, secs(1)).expect("new data");
        net.run(Duration::from_millis(900));
        end += 1;
        peer.sends(ack(1, end));
    }
    send(&net, socket, b"x");
    let first = takes(&mut peer, secs(1)).expect("new data").0;
    let again = takes(&mut peer, secs(100)).expect("a retransmission").0;
    let timeout = again - first;
    assert!(timeout > Duration::from_millis(900) && timeout < secs(3), "{timeout:?} after round trips of 900 ms");
}

/// MUST-19, RFC 5681 §3.1: a connection begins with a small flight, which at most doubles with each round trip.
#[test]
fn a_connection_starts_slowly() {
    let net = patient_host();
    let (socket, mut peer) = open_by(&net, syn(0).mss(500));
    let flights = flights(&net, socket, &mut peer, 6);
    // RFC 5681 §3.1: an initial window of at most four such segments.
    assert!(flights[0] <= 2000, "{flights:?}");
    for pair in flights.windows(2) {
        assert!(pair[1] > pair[0] && pair[1] <= 2 * pair[0] + 1000, "{flights:?}");
    }
}

/// MUST-19, RFC 5681 §3.1: after a loss less is sent, and what is sent grows more slowly than at the beginning.
#[test]
fn congestion_is_avoided_after_a_loss() {
    let net = patient_host();
    let (socket, mut peer) = open_by(&net, syn(0).mss(500));
    let before = flights(&net, socket, &mut peer, 6);
    let lost = *before.last().expect("six flights");
    // This flight is lost: nobody acknowledges it.
    let first = burst(&mut peer);
    let begin = first[0].seq;
    let size = first.last().map(end_of).expect("a flight") - begin;
    assert!(size > lost);
    let (_, again) = takes(&mut peer, secs(10)).expect("a retransmission");
    assert_eq!(again.seq, begin);
    let mut all = burst(&mut peer);
    all.insert(0, again);
    let after = all.iter().map(end_of).max().expect("at least one") - begin;
    assert!(after <= size / 2, "{after} bytes after the loss of {size}");
    // One ACK for each flight: in slow start each is larger by a segment, as before the loss. Past the threshold less.
    let mut end = begin + after;
    let mut sizes = vec![after];
    for _ in 0..12 {
        peer.sends(ack(1, end));
        let _ = net.host().send(socket, &[7; 65_535]);
        let next = burst(&mut peer).iter().map(end_of).max().expect("a flight");
        sizes.push(next - end);
        end = next;
    }
    assert!(before.windows(2).all(|pair| pair[1] == pair[0] + 500), "{before:?}");
    assert!(sizes[..4].windows(2).all(|pair| pair[1] == pair[0] + 500), "{sizes:?}");
    assert!(sizes[12] < sizes[8] + 4 * 500, "{sizes:?}");
}

/// RFC 5681 §3.2: three duplicate ACKs bring the lost segment at once.
#[test]
fn three_duplicate_acks_are_answered_by_the_lost_segment() {
    let net = patient_host();
    let (socket, mut peer) = open_by(&net, syn(0).mss(500));
    flights(&net, socket, &mut peer, 3);
    let flight = burst(&mut peer);
    assert!(flight.len() >= 4, "{} segments", flight.len());
    let at = net.now();
    for _ in 0..4 {
        peer.sends(ack(1, flight[0].seq));
    }
    let (time, again) = takes(&mut peer, secs(1)).expect("a fast retransmission");
    assert_eq!((again.seq, &again.payload, time), (flight[0].seq, &flight[0].payload, at));
}

/// MUST-30 to MUST-33 and MUST-62 are not met; RFC 9293 §3.8.5 lets nobody rely on it. What is marked as
/// urgent is read like everything else.
#[test]
fn urgent_data_is_ordinary_data() {
    let net = host();
    let (socket, mut peer) = open(&net);
    peer.sends_changed(data(1, b"hello").ack(1), with_urgent(3));
    assert_eq!(recv(&net, socket).as_deref(), Ok(&b"hello"[..]));
    peer.expects(ack(1, 6));
    assert_eq!(state(&net, socket), "ESTABLISHED");
}

/// Keeps the send buffer full and acknowledges flight after flight. Returns their sizes.
fn flights(net: &Host, socket: smolsock::SocketId, peer: &mut Peer, count: usize) -> Vec<u32> {
    let mut begin = 1;
    let mut sizes = Vec::new();
    for _ in 0..count {
        let _ = net.host().send(socket, &[7; 65_535]);
        let end = burst(peer).iter().map(end_of).max().expect("a flight");
        sizes.push(end - begin);
        begin = end;
        let _ = net.host().send(socket, &[7; 65_535]);
        peer.sends(ack(1, end));
    }
    sizes
}
