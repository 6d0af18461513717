//! How do the windows of both sides behave? (RFC 9293 §3.8.6)

use smolsock::Errno;

use super::{burst, end_of, host, millis, open, open_by, patient_host, recv, secs, send, state, takes};
use crate::wire::{ack, data, rst, syn};

/// MUST-1, REC-1: windows with the highest bit set are large, not negative.
#[test]
fn a_window_is_an_unsigned_number() {
    for window in [0x7fff, 0x8000, 0xffff] {
        let net = host();
        let (socket, mut peer) = open(&net);
        peer.sends(ack(1, 1).window(window));
        send(&net, socket, b"hello");
        peer.expects(data(1, b"hello").ack(1));
    }
}

/// MUST-1: more than 32,767 bytes are in flight when the peer says that it has room.
#[test]
fn a_window_of_65_535_bytes_is_used_to_the_end() {
    let net = patient_host();
    let (socket, mut peer) = open_by(&net, syn(0).mss(1000));
    let mut acknowledged = 1;
    let mut flight = 0;
    for _ in 0..60 {
        let _ = net.host().send(socket, &[7; 65_535]);
        let segments = burst(&mut peer);
        let end = segments.iter().map(end_of).max().unwrap_or(acknowledged);
        flight = flight.max(end - acknowledged);
        acknowledged = end;
        peer.sends(ack(1, acknowledged));
    }
    assert!((60_000..=65_535).contains(&flight), "{flight} bytes in flight");
}

/// SHLD-15: a window that shrinks stops new data. SHLD-16: old data is sent again within what is left of it.
/// MUST-34: the connection stands that.
#[test]
fn a_window_that_shrinks_is_obeyed_and_survived() {
    let net = host();
    let (socket, mut peer) = open(&net);
    peer.sends(ack(1, 1).window(1000));
    let stream: Vec<u8> = (0..2000_u32).map(|n| n as u8).collect();
    send(&net, socket, &stream);
    peer.expects(data(1, &stream[..1000]).ack(1));
    peer.sends(ack(1, 1).window(500));
    peer.expects_nothing();
    peer.expects_within(secs(2), data(1, &stream[..500]).ack(1));
    peer.sends(ack(1, 501).window(0));
    peer.sends(ack(1, 501).window(5000));
    let mut end = 501;
    while end < 2001 {
        let (_, segment) = takes(&mut peer, secs(5)).expect("the stream goes on");
        assert_eq!(segment.payload, stream[segment.seq as usize - 1..end_of(&segment) as usize - 1]);
        end = end.max(end_of(&segment));
        peer.sends(ack(1, end));
    }
    assert_eq!(state(&net, socket), "ESTABLISHED");
}

/// MUST-34 at its worst: data is in flight and the window shrinks to nothing.
#[test]
fn a_window_that_shrinks_to_nothing_under_a_flight_is_survived() {
    let net = host();
    let (socket, mut peer) = open(&net);
    send(&net, socket, b"hello");
    peer.expects(data(1, b"hello").ack(1));
    peer.sends(ack(1, 1).window(0));
    // SHLD-17: an hour beyond the right edge does not end it.
    for _ in 0..60 {
        takes(&mut peer, secs(130)).expect("a probe");
        peer.sends(ack(1, 1).window(0));
    }
    peer.sends(ack(1, 1).window(100));
    peer.expects_within(secs(130), data(1, b"hello").ack(1));
    peer.sends(ack(1, 6));
    assert_eq!(state(&net, socket), "ESTABLISHED");
}

/// MUST-35, MUST-36: data that waits for a closed window sends a probe. SHLD-29: after the retransmission
/// time-out, when the window closes upon data. SHLD-30: the intervals double.
#[test]
fn a_closed_window_is_probed_at_intervals_that_double() {
    let net = host();
    let (socket, mut peer) = open(&net);
    send(&net, socket, b"hello");
    peer.expects(data(1, b"hello").ack(1));
    send(&net, socket, b"world");
    peer.sends(ack(1, 6).window(0));
    let closed_at = net.now();
    let mut at = Vec::new();
    for _ in 0..7 {
        let (time, probe) = takes(&mut peer, secs(130)).expect("a probe");
        assert!(probe.payload.len() <= 1 && (5..=6).contains(&probe.seq), "{probe}");
        at.push(time - closed_at);
        peer.sends(ack(1, 6).window(0));
    }
    let intervals: Vec<u64> = at.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    assert_eq!(at[0], secs(1));
    assert_eq!(intervals, [2, 4, 8, 16, 32, 60]);
    peer.sends(ack(1, 6).window(1000));
    peer.expects(data(6, b"world").ack(1));
}

/// MUST-37: a day of closed windows does not end a connection whose peer answers.
#[test]
fn a_window_may_stay_closed_for_a_day() {
    let net = host();
    let (socket, mut peer) = open(&net);
    peer.sends(ack(1, 1).window(0));
    send(&net, socket, b"hello");
    while net.now() < secs(24 * 3600) {
        takes(&mut peer, secs(130)).expect("a probe");
        peer.sends(ack(1, 1).window(0));
    }
    assert_eq!(state(&net, socket), "ESTABLISHED");
    peer.sends(ack(1, 1).window(1000));
    peer.expects_within(secs(130), data(1, b"hello").ack(1));
}

/// MAY-8: our own window stays closed for as long as nobody reads, and every probe is answered.
#[test]
fn our_window_stays_closed_while_nobody_reads() {
    let net = host();
    let (socket, mut peer) = open(&net);
    let end = fill(&mut peer, 65_535);
    for hour in 1..5 {
        net.run(secs(3600));
        burst(&mut peer);
        peer.sends(data(end, &[7]).ack(1));
        let answers = burst(&mut peer);
        assert!(answers.iter().any(|answer| answer.ack == Some(end) && answer.window == Some(0)), "in hour {hour}");
    }
    assert_eq!(recv(&net, socket).map(|bytes| bytes.len()), Ok(65_535));
}

/// SHLD-14: the right edge of our window never moves to the left.
#[test]
fn our_window_never_shrinks() {
    let net = host();
    let (socket, mut peer) = open(&net);
    let (mut next, mut edge) = (1_u32, 0);
    for round in 0..200_usize {
        let len = 1 + round * 37 % 1460;
        peer.sends(data(next, &vec![7; len]).ack(1));
        if round % 3 == 0 {
            let _ = net.host().recv(socket, &mut vec![0; round * 53 % 4000 + 1]);
        }
        for answer in burst(&mut peer) {
            let (acknowledged, window) = (answer.ack.expect("an ACK"), u32::from(answer.window.expect("a window")));
            assert!(acknowledged + window >= edge, "from {edge} to {} in round {round}", acknowledged + window);
            edge = acknowledged + window;
            next = acknowledged;
        }
    }
    assert!(edge > 65_536, "the window moved: {edge}");
}

/// MUST-66, the half about RST: a closed window keeps no reset out. (Urgent data is not supported.)
#[test]
fn a_reset_is_taken_at_a_closed_window() {
    let net = host();
    let (socket, mut peer) = open(&net);
    let end = fill(&mut peer, 65_535);
    peer.sends(rst(end));
    assert_eq!(recv(&net, socket).map(|bytes| bytes.len()), Ok(65_535));
    assert_eq!(recv(&net, socket), Err(Errno::ECONNRESET));
}

/// RFC 9293 §3.10.7.4: ACKs are processed whatever our own window is.
#[test]
fn an_ack_is_taken_at_a_closed_window() {
    let net = host();
    let (socket, mut peer) = open(&net);
    let end = fill(&mut peer, 65_535);
    send(&net, socket, b"hello");
    peer.expects(data(1, b"hello").ack(end).window(0));
    peer.sends(ack(end, 6));
    peer.expects_nothing_for(secs(10));
}

/// Sends this many bytes and lets the answers pass. Returns the next sequence number.
fn fill(peer: &mut super::Peer, bytes: usize) -> u32 {
    let mut next = 1;
    for part in vec![7; bytes].chunks(1000) {
        peer.sends(data(next, part).ack(1));
        next += u32::try_from(part.len()).expect("at most 1,000");
    }
    while takes(peer, millis(100)).is_some() {}
    next
}
