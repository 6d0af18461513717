//! Which segments does each scenario consist of?
//!
//! The built-in scenarios, as seen on their cables and understood by `observe`, which knows nothing of the stacks.
//! A segment is written as in the RFCs: who, flags, `seq` and `ack` relative to the SYNs, payload length, window.

use std::time::Duration;

use smolsock_sim::app::pattern::pattern;
use smolsock_sim::library::{self, Options, Run};
use smolsock_sim::observe::dissect::{Icmp, Packet};
use smolsock_sim::observe::flows::{Role, Segment, Side, WindowChange};
use smolsock_sim::observe::{Observation, observe};
use smolsock_sim::time::Time;

use crate::pair::{End, IP, Pair};

#[test]
fn the_handshake_is_syn_syn_ack_ack_with_the_options_of_both_sides() {
    story("handshake", |_, seen| {
        let expected = [
            "client SYN seq 0 len 0 win 65535",
            "server SYN ACK seq 0 ack 1 len 0 win 65535",
            "client ACK seq 1 ack 1 len 0 win 65535",
            // The server's application closes at once, so its FIN carries the acknowledgement.
            "client FIN ACK seq 1 ack 1 len 0 win 65535",
            "server FIN ACK seq 1 ack 2 len 0 win 65535",
            "client ACK seq 2 ack 2 len 0 win 65535",
        ];
        assert_eq!(lines(seen, 0), expected);
        for syn in [0, 1] {
            let tcp = seen.packet(segments(seen, 0)[syn].1).tcp().expect("a segment");
            assert_eq!((tcp.mss_bytes, tcp.window_shift, tcp.sack_permitted), (Some(1460), Some(0), true));
            assert!(!tcp.options_malformed);
        }
        let third = seen.packet(segments(seen, 0)[2].1).tcp().expect("a segment");
        assert_eq!((third.mss_bytes, third.window_shift, third.sack_permitted), (None, None, false));
    });
}

#[test]
fn the_handshake_begins_when_the_neighbour_has_answered_and_takes_one_and_a_half_round_trips() {
    story("handshake", |_, seen| {
        // 10 Mbit/s and 5 ms: 42 bytes of ARP take 33.6 µs, 62 bytes of SYN 49.6 µs (hosts count in whole µs).
        let arp: Vec<Time> = seen.journeys[..2].iter().map(|journey| journey.sent_at).collect();
        assert_eq!(arp, [Time::ZERO, Time::from_nanos(5_033_600)]);
        assert!(seen.packets[..2].iter().all(|packet| matches!(packet.packet, Packet::Arp(_))));
        let at: Vec<Time> = segments(seen, 0)[..3].iter().map(|(at, ..)| *at).collect();
        assert_eq!(at[0], Time::from_nanos(10_067_200));
        assert!(at[1].ns_since(at[0]) > 5_000_000 && at[1].ns_since(at[0]) < 5_100_000);
        assert_eq!(at[1].ns_since(at[0]), at[2].ns_since(at[1]), "both SYNs are of one length");
    });
}

#[test]
fn a_lost_syn_is_repeated_after_one_second_and_a_lost_syn_ack_likewise() {
    story("syn-lost", |run, seen| {
        let expected = [
            "client SYN seq 0 len 0 win 65535 lost",
            "client SYN seq 0 len 0 win 65535",
            "server SYN ACK seq 0 ack 1 len 0 win 65535 lost",
            "server SYN ACK seq 0 ack 1 len 0 win 65535",
            "client ACK seq 1 ack 1 len 0 win 65535",
        ];
        assert_eq!(lines(seen, 0)[..5], expected);
        let at: Vec<u64> = segments(seen, 0).iter().map(|(at, ..)| at.as_micros()).collect();
        assert_eq!(at[1] - at[0], 1_000_000, "the client's retransmission timeout");
        assert_eq!(at[3] - at[2], 1_000_000, "the server's");
        assert_eq!(seen.connections[0].client.counts.retransmissions, 1);
        assert_eq!(seen.connections[0].server.counts.retransmissions, 1);
        assert!(run.notes.iter().any(|note| note.text.contains("at last")));
    });
}

/// RFC 6298 §5.5: the timeout doubles.
#[test]
fn a_syn_that_is_lost_again_is_repeated_after_one_two_and_four_seconds() {
    let mut pair = Pair::new(IP);
    pair.cut();
    pair.a_connects(IP, 80);
    pair.run_for(Duration::from_secs(16));
    let at: Vec<u64> = pair.segments(End::A).iter().map(|(at, _)| at.as_micros()).collect();
    assert_eq!(at, [0, 1_000_000, 3_000_000, 7_000_000, 15_000_000]);
}

#[test]
fn both_attempts_at_a_closed_port_are_refused() {
    story("refused", |run, seen| {
        assert_eq!(lines(seen, 0), ["client SYN seq 0 len 0 win 65535", "server RST ACK seq 0 ack 1 len 0 win 0"]);
        assert_eq!(paths(seen, 0), ["CLOSED → SYN-SENT → CLOSED", "CLOSED"]);
        let datagram =
            |packet: &Packet| matches!(packet, Packet::Udp(udp) if udp.to_port == 82 && udp.payload_bytes == 14);
        assert!(seen.packets.iter().any(|packet| datagram(&packet.packet)));
        let quoted = seen.packets.iter().find_map(|packet| match &packet.packet {
            Packet::Icmp(Icmp::Unreachable { name: "port unreachable", quote, .. }) => quote.as_ref(),
            _ => None,
        });
        let to = quoted.expect("ICMP port unreachable with a quote").to;
        assert_eq!(to, ([192, 0, 2, 2], 82).into());
        let refusals = run.notes.iter().filter(|note| note.text.contains("ECONNREFUSED")).count();
        assert_eq!(refusals, 2, "both applications heard it");
    });
}

#[test]
fn a_slow_reader_closes_the_window_and_every_byte_arrives() {
    story("windowing", |_, seen| {
        let connection = &seen.connections[0];
        assert_eq!(connection.client.stream, pattern(1, 16 * 1024));
        assert_eq!(connection.client.delivered_bytes, 16 * 1024);
        assert_eq!(connection.client.counts.retransmissions, 0, "nothing was lost");
        let windows: Vec<u32> = of(seen, Side::Server).map(|(_, segment)| segment.window_bytes).collect();
        assert_eq!(windows[..3], [4096, 2048, 0], "SYN-ACK, and one acknowledgement for every two segments");
        for (_, segment) in of(seen, Side::Client) {
            let end = segment.seq + segment.payload_bytes as u64;
            assert!(end <= 2 + 16 * 1024 && segment.payload_bytes <= 1460, "{segment:?}");
        }
    });
}

#[test]
fn a_closed_window_is_probed_after_one_and_two_seconds() {
    story("windowing", |_, seen| {
        let closes = of(seen, Side::Server).find(|(_, segment)| segment.window_change == WindowChange::Closes);
        let (closed_at, closing) = closes.expect("the window closes");
        assert_eq!((closing.window_bytes, closing.ack), (0, Some(4097)));
        let probes: Vec<(Time, &Segment)> =
            of(seen, Side::Client).filter(|(_, segment)| segment.role == Role::ZeroWindowProbe).collect();
        assert_eq!(probes.len(), 2);
        assert!(probes.iter().all(|(_, probe)| probe.seq == 4097 && probe.payload_bytes == 1));
        // The acknowledgement takes 43.2 µs and 5 ms to arrive.
        let heard_us = (closed_at.as_nanos() + 5_043_200) / 1_000;
        assert_eq!(probes[0].0.as_micros(), heard_us + 1_000_000);
        assert_eq!(probes[1].0.as_micros() - probes[0].0.as_micros(), 2_000_000);
    });
}

#[test]
fn the_window_reopens_when_the_application_reads() {
    story("windowing", |_, seen| {
        let opens: Vec<(Time, &Segment)> =
            of(seen, Side::Server).filter(|(_, segment)| segment.window_change == WindowChange::Opens).collect();
        let (at, first) = opens[0];
        // The first segment after the SYN-ACK completes the handshake. The reader rests for 5 s then, and for 100 ms
        // before each piece.
        let (_, third, _) = segments(seen, 0)[2];
        assert_eq!(at, seen.journeys[third].ends[0].at + Duration::from_millis(5_100));
        assert_eq!((first.window_bytes, first.ack, first.payload_bytes), (2048, Some(4097), 0));
        let next = of(seen, Side::Client).find(|(sent_at, segment)| *sent_at > at && segment.payload_bytes > 0);
        let (next_at, next) = next.expect("the transfer goes on");
        assert_eq!(next.seq, 4097);
        assert!(next_at.ns_since(at) < 5_100_000, "as soon as the update arrives");
        assert!(opens.len() >= 5, "the reader stays slow: {} times", opens.len());
    });
}

#[test]
fn who_closes_first_waits_2msl_whichever_side_it_is() {
    story("teardown", |run, seen| {
        let client_first = lines(seen, 0);
        let expected = [
            "client FIN ACK seq 5 ack 1 len 0 win 65535",
            "server ACK seq 1 ack 6 len 0 win 65535",
            "server FIN ACK seq 1 ack 6 len 0 win 65535",
            "client ACK seq 6 ack 2 len 0 win 65535",
        ];
        assert_eq!(client_first[client_first.len() - 4..], expected);
        assert_eq!(paths(seen, 0), [CLOSES_FIRST_AS_CLIENT, CLOSES_LAST_AS_SERVER]);
        let server_first = lines(seen, 1);
        let expected = [
            "server FIN ACK seq 1 ack 1 len 0 win 65535",
            "client FIN ACK seq 1 ack 2 len 0 win 65535",
            "server ACK seq 2 ack 2 len 0 win 65535",
        ];
        assert_eq!(server_first[server_first.len() - 3..], expected);
        assert_eq!(paths(seen, 1), [CLOSES_LAST_AS_CLIENT, CLOSES_FIRST_AS_SERVER]);
        // The run ends when nothing is left to happen: 2MSL after the last FIN arrived at the server.
        let last_ack = segments(seen, 1).last().expect("segments").0;
        assert_eq!(run.virtual_end.as_micros(), last_ack.as_micros() + 60_000_000);
    });
}

#[test]
fn netstat_shows_time_wait_on_the_side_that_closed_first() {
    story("teardown", |run, _| {
        for (host, peer) in [("client", "192.0.2.2:"), ("server", "192.0.2.1:")] {
            let (_, text) = run.netstat.iter().find(|(name, _)| name == host).expect("a host");
            let lines: Vec<&str> = text.lines().filter(|line| line.contains("TIME_WAIT")).collect();
            assert_eq!(lines.len(), 1, "each closed one of two connections first:\n{text}");
            assert!(lines[0].starts_with("tcp ") && lines[0].contains(peer), "{}", lines[0]);
        }
    });
}

#[test]
fn after_a_half_close_the_other_direction_goes_on() {
    story("half-close", |_, seen| {
        assert_eq!(paths(seen, 0), [CLOSES_FIRST_AS_CLIENT, CLOSES_LAST_AS_SERVER]);
        let connection = &seen.connections[0];
        assert_eq!(connection.client.stream, pattern(1, 3_000));
        assert_eq!(connection.server.stream, pattern(2, 6_000));
        assert_eq!((connection.client.delivered_bytes, connection.server.delivered_bytes), (3_000, 6_000));
        let fin = of(seen, Side::Client).find(|(_, segment)| segment.seq + segment.payload_bytes as u64 == 3_001);
        let (fin_at, _) = fin.expect("the client's FIN, with its last bytes");
        let answers: Vec<(Time, &Segment)> =
            of(seen, Side::Server).filter(|(_, segment)| segment.payload_bytes > 0).collect();
        assert!(answers.iter().all(|(at, answer)| *at > fin_at && answer.ack == Some(3_002)));
        assert!(answers[0].0.ns_since(fin_at) > 1_000_000_000, "it thinks for a second");
        let after: Vec<&Segment> = of(seen, Side::Client).filter(|(at, _)| *at > fin_at).map(|(_, s)| s).collect();
        assert!(after.iter().all(|segment| segment.role == Role::Bare), "the client only acknowledges");
    });
}

#[test]
fn fins_that_cross_lead_through_closing_on_both_sides() {
    story("simultaneous-close", |run, seen| {
        let lines = lines(seen, 0);
        let expected = [
            "client FIN ACK seq 1 ack 1 len 0 win 65535",
            "server FIN ACK seq 1 ack 1 len 0 win 65535",
            "server ACK seq 2 ack 2 len 0 win 65535",
            "client ACK seq 2 ack 2 len 0 win 65535",
        ];
        assert_eq!(lines[3..], expected);
        let fins: Vec<Time> = segments(seen, 0)[3..5].iter().map(|(at, ..)| *at).collect();
        assert_eq!(fins, [Time::from_secs(10), Time::from_secs(10)]);
        let expected = [
            "CLOSED → SYN-SENT → ESTABLISHED → FIN-WAIT-1 → CLOSING → TIME-WAIT",
            "LISTEN → SYN-RECEIVED → ESTABLISHED → FIN-WAIT-1 → CLOSING → TIME-WAIT",
        ];
        assert_eq!(paths(seen, 0), expected);
        assert!(run.netstat.iter().all(|(_, text)| text.contains("TIME_WAIT")));
        assert_eq!(run.virtual_end.as_micros(), 70_010_086);
    });
}

/// Plays a scenario with seed 1 and hands over its observation.
fn story(name: &str, check: impl FnOnce(&Run, &Observation<'_>)) {
    let run = library::find(name).expect("a scenario").run(&Options { seed: 1, loss_ppm: None });
    assert!(run.outcome.passed, "{:?}", run.outcome.failures);
    check(&run, &observe(&run.trace));
}

/// Segments of one connection with their times, in the order of sending.
fn segments<'o>(seen: &'o Observation<'_>, connection: usize) -> Vec<(Time, usize, &'o Segment)> {
    let of_journey = |(journey, segment): (usize, &'o Option<Segment>)| {
        let segment = segment.as_ref().filter(|segment| segment.connection == connection)?;
        Some((seen.journeys[journey].sent_at, journey, segment))
    };
    seen.segments.iter().enumerate().filter_map(of_journey).collect()
}

/// `client SYN seq 0 len 0 win 65535`, and `lost` where it was.
fn lines(seen: &Observation<'_>, connection: usize) -> Vec<String> {
    let line = |(_, journey, segment): (Time, usize, &Segment)| {
        let tcp = seen.packet(journey).tcp().expect("a segment");
        let who = if segment.sender == Side::Client { "client" } else { "server" };
        let ack = segment.ack.map_or(String::new(), |ack| format!(" ack {ack}"));
        let lost = if seen.journeys[journey].has_arrived() { "" } else { " lost" };
        let (seq, len, win) = (segment.seq, segment.payload_bytes, segment.window_bytes);
        format!("{who} {} seq {seq}{ack} len {len} win {win}{lost}", tcp.flags)
    };
    segments(seen, connection).into_iter().map(line).collect()
}
/// Segments of one side of the first connection, with their times.
fn of<'o>(seen: &'o Observation<'_>, side: Side) -> impl Iterator<Item = (Time, &'o Segment)> {
    segments(seen, 0)
        .into_iter()
        .filter(move |(.., segment)| segment.sender == side)
        .map(|(at, _, segment)| (at, segment))
}

/// The states of both sides, client first.
fn paths(seen: &Observation<'_>, connection: usize) -> [String; 2] {
    let connection = &seen.connections[connection];
    [&connection.client, &connection.server].map(|half| half.states().to_string())
}

const CLOSES_FIRST_AS_CLIENT: &str = "CLOSED → SYN-SENT → ESTABLISHED → FIN-WAIT-1 → FIN-WAIT-2 → TIME-WAIT";
const CLOSES_LAST_AS_SERVER: &str = "LISTEN → SYN-RECEIVED → ESTABLISHED → CLOSE-WAIT → LAST-ACK → CLOSED";
const CLOSES_LAST_AS_CLIENT: &str = "CLOSED → SYN-SENT → ESTABLISHED → CLOSE-WAIT → LAST-ACK → CLOSED";
const CLOSES_FIRST_AS_SERVER: &str = "LISTEN → SYN-RECEIVED → ESTABLISHED → FIN-WAIT-1 → FIN-WAIT-2 → TIME-WAIT";
