//! Are connections understood: numbers, repeats, streams, states?

use super::fixture::{CLIENT, DELAY_US, SERVER, Seg, Wire, story};
use super::flows::{Role, WindowChange};
use super::*;
use crate::trace::DropReason;

fn roles(wire: &Wire) -> Vec<Role> {
    observe(&wire.trace).segments.into_iter().flatten().map(|segment| segment.role).collect()
}

fn states(wire: &Wire) -> [String; 2] {
    let observation = observe(&wire.trace);
    let connection = &observation.connections[0];
    [connection.client.states().to_string(), connection.server.states().to_string()]
}

/// Shakes hands; the client's acknowledgement is sent at 20 ms.
fn open() -> Wire {
    let mut wire = Wire::new();
    wire.tcp(0, CLIENT, Seg::syn());
    wire.tcp(DELAY_US, SERVER, Seg::syn_ack());
    wire.tcp(2 * DELAY_US, CLIENT, Seg::ack().seq(1).acks(1));
    wire
}

#[test]
fn the_states_of_an_orderly_life_are_those_of_the_rfc() {
    assert_eq!(
        states(&story()),
        [
            "CLOSED → SYN-SENT → ESTABLISHED → FIN-WAIT-1 → FIN-WAIT-2 → TIME-WAIT",
            "LISTEN → SYN-RECEIVED → ESTABLISHED → CLOSE-WAIT → LAST-ACK → CLOSED",
        ]
    );
}

#[test]
fn numbers_start_at_the_syn_and_do_not_wrap() {
    let wire = story();
    let observation = observe(&wire.trace);
    let seqs: Vec<u64> = observation.segments.iter().flatten().map(|segment| segment.seq).collect();
    assert_eq!(seqs[..6], [0, 0, 1, 1, 1_461, 2_921]);
    let fin = observation.segments.iter().flatten().find(|segment| segment.ack == Some(4_598));
    assert_eq!(fin.map(|segment| segment.seq), Some(1));
}

#[test]
fn the_stream_is_each_byte_as_it_was_sent_first() {
    let wire = story();
    let observation = observe(&wire.trace);
    let connection = &observation.connections[0];
    let expected: Vec<u8> = (1..4_597_u32).map(|seq| seq as u8).collect();
    assert_eq!(connection.client.stream, expected);
    assert_eq!((connection.client.delivered_bytes, connection.server.delivered_bytes), (4_596, 300));
    let counts = connection.client.counts;
    assert_eq!((counts.retransmissions, counts.retransmitted_bytes, counts.zero_window_probes), (2, 1_960, 1));
    assert_eq!((counts.out_of_order_arrivals, counts.spurious_arrivals), (1, 0));
}

#[test]
fn a_repeated_syn_is_a_retransmission_and_a_new_one_a_new_connection() {
    let mut wire = Wire::new();
    wire.tcp(0, CLIENT, Seg::syn()).lost(DropReason::Loss);
    wire.tcp(1_000_000, CLIENT, Seg::syn());
    assert_eq!(roles(&wire), [Role::New, Role::Retransmission]);
    wire.tcp(2_000_000, CLIENT, Seg::syn().isns(77, 99));
    assert_eq!(observe(&wire.trace).connections.len(), 2);
}

#[test]
fn what_the_network_loses_moves_no_state() {
    let mut wire = open();
    wire.tcp(30_000, CLIENT, Seg::fin().seq(1).acks(1)).lost(DropReason::QueueFull);
    assert_eq!(states(&wire)[1], "LISTEN → SYN-RECEIVED → ESTABLISHED");
    wire.tcp(1_030_000, CLIENT, Seg::fin().seq(1).acks(1)).corrupted(40, 1);
    assert_eq!(states(&wire)[1], "LISTEN → SYN-RECEIVED → ESTABLISHED");
    wire.tcp(3_030_000, CLIENT, Seg::fin().seq(1).acks(1));
    wire.tcp(3_040_000, SERVER, Seg::ack().seq(1).acks(2));
    assert_eq!(states(&wire)[1], "LISTEN → SYN-RECEIVED → ESTABLISHED → CLOSE-WAIT");
}

#[test]
fn a_fin_beyond_a_gap_waits_for_the_gap() {
    let mut wire = open();
    wire.tcp(30_000, CLIENT, Seg::ack().seq(1).acks(1).data(10)).lost(DropReason::Loss);
    wire.tcp(30_000, CLIENT, Seg::fin().seq(11).acks(1));
    assert!(states(&wire)[1].ends_with("ESTABLISHED"));
    wire.tcp(90_000, CLIENT, Seg::ack().seq(1).acks(1).data(10));
    wire.tcp(100_000, SERVER, Seg::ack().seq(1).acks(12));
    assert!(states(&wire)[1].ends_with("CLOSE-WAIT"));
}

#[test]
fn a_fin_that_the_receiver_forgets_ends_nothing() {
    let mut wire = open();
    wire.tcp(30_000, CLIENT, Seg::ack().seq(1).acks(1).data(10)).lost(DropReason::Loss);
    wire.tcp(30_000, CLIENT, Seg::fin().seq(11).acks(1));
    wire.tcp(90_000, CLIENT, Seg::ack().seq(1).acks(1).data(10));
    wire.tcp(100_000, SERVER, Seg::ack().seq(1).acks(11));
    assert!(states(&wire)[1].ends_with("ESTABLISHED"), "its acknowledgement does not cover the FIN");
    wire.tcp(900_000, CLIENT, Seg::fin().seq(11).acks(1));
    wire.tcp(910_000, SERVER, Seg::ack().seq(1).acks(12));
    let observation = observe(&wire.trace);
    let step = observation.connections[0].server.states().steps.last().copied();
    assert_eq!(
        step.map(|step| (step.state, step.since)),
        Some((smolsock::TcpState::CloseWait, Time::from_millis(910)))
    );
}

#[test]
fn a_reset_does_not_end_time_wait() {
    let mut wire = story();
    wire.tcp(3_640_000, SERVER, Seg::rst().seq(302).acks(4_598));
    assert!(states(&wire)[0].ends_with("TIME-WAIT"));
}

#[test]
fn two_fins_that_cross_lead_through_closing() {
    let mut wire = open();
    wire.tcp(40_000, CLIENT, Seg::fin().seq(1).acks(1));
    wire.tcp(40_000, SERVER, Seg::fin().seq(1).acks(1));
    wire.tcp(50_000, CLIENT, Seg::ack().seq(2).acks(2));
    wire.tcp(50_000, SERVER, Seg::ack().seq(2).acks(2));
    let [client, server] = states(&wire);
    assert_eq!(client, "CLOSED → SYN-SENT → ESTABLISHED → FIN-WAIT-1 → CLOSING → TIME-WAIT");
    assert_eq!(server, "LISTEN → SYN-RECEIVED → ESTABLISHED → FIN-WAIT-1 → CLOSING → TIME-WAIT");
}

#[test]
fn a_refused_connection_ends_where_it_began() {
    let mut wire = Wire::new();
    wire.tcp(0, CLIENT, Seg::syn());
    wire.tcp(DELAY_US, SERVER, Seg::rst().acks(1));
    assert_eq!(states(&wire), ["CLOSED → SYN-SENT → CLOSED", "CLOSED"]);
}

#[test]
fn a_reset_counts_only_with_a_number_in_the_window() {
    let mut wire = open();
    wire.tcp(40_000, SERVER, Seg::rst().seq(9_000).acks(1));
    assert!(states(&wire)[0].ends_with("ESTABLISHED"));
    let mut wire = open();
    wire.tcp(40_000, SERVER, Seg::rst().seq(1).acks(1));
    assert!(states(&wire)[0].ends_with("CLOSED") && states(&wire)[1].ends_with("CLOSED"));
}

#[test]
fn an_unanswered_syn_tells_nothing_about_the_other_side() {
    let mut wire = Wire::new();
    wire.tcp(0, CLIENT, Seg::syn());
    assert_eq!(states(&wire), ["CLOSED → SYN-SENT", "(no answer)"]);
}

#[test]
fn windows_are_scaled_only_if_both_sides_offered_to() {
    let scale = [2, 4, 5, 0xb4, 3, 3, 2, 0];
    for (server_options, expected) in [(&scale[..], 4_096 << 2), (&scale[..4], 4_096)] {
        let mut wire = Wire::new();
        wire.tcp(0, CLIENT, Seg::syn().options(&scale));
        wire.tcp(DELAY_US, SERVER, Seg::syn_ack().options(server_options));
        wire.tcp(2 * DELAY_US, CLIENT, Seg::ack().seq(1).acks(1));
        let observation = observe(&wire.trace);
        let windows: Vec<u32> = observation.segments.iter().flatten().map(|segment| segment.window_bytes).collect();
        assert_eq!(windows, [4_096, 4_096, expected]);
    }
}

#[test]
fn a_window_closes_is_probed_and_opens() {
    let mut wire = open();
    wire.tcp(30_000, CLIENT, Seg::ack().seq(1).acks(1).data(4_096));
    wire.tcp(40_000, SERVER, Seg::ack().seq(1).acks(4_097).window(0));
    // The probe of RFC 9293 §3.8.6.1 sends a byte beyond the window, the one of Linux and lwIP repeats the last.
    wire.tcp(1_050_000, CLIENT, Seg::ack().seq(4_097).acks(1).data(1));
    wire.tcp(1_060_000, SERVER, Seg::ack().seq(1).acks(4_097).window(0));
    wire.tcp(2_050_000, CLIENT, Seg::ack().seq(4_096).acks(1));
    wire.tcp(2_060_000, SERVER, Seg::ack().seq(1).acks(4_097).window(4_096));
    wire.tcp(2_070_000, CLIENT, Seg::ack().seq(4_097).acks(1).data(9));
    let observation = observe(&wire.trace);
    let segments: Vec<&Segment> = observation.segments.iter().flatten().collect();
    assert!(segments[3].fills_window);
    assert_eq!(segments[4].window_change, WindowChange::Closes);
    assert_eq!([segments[5].role, segments[7].role], [Role::ZeroWindowProbe; 2]);
    assert_eq!(segments[8].window_change, WindowChange::Opens);
    assert_eq!(segments[9].role, Role::New, "the probe's byte was refused, so it is sent for the first time here");
    assert_eq!(observation.connections[0].client.stream.len(), 4_096 + 9);
}

#[test]
fn a_probe_that_is_accepted_is_part_of_the_stream() {
    let mut wire = open();
    wire.tcp(30_000, CLIENT, Seg::ack().seq(1).acks(1).data(4_096));
    wire.tcp(40_000, SERVER, Seg::ack().seq(1).acks(4_097).window(0));
    wire.tcp(1_045_000, SERVER, Seg::ack().seq(1).acks(4_097).window(9)).lost(DropReason::Loss);
    wire.tcp(1_050_000, CLIENT, Seg::ack().seq(4_097).acks(1).data(1));
    wire.tcp(1_060_000, SERVER, Seg::ack().seq(1).acks(4_098).window(8));
    wire.tcp(1_070_000, CLIENT, Seg::ack().seq(4_098).acks(1).data(3));
    let observation = observe(&wire.trace);
    let client = &observation.connections[0].client;
    assert_eq!(client.stream, (1..4_101_u32).map(|seq| seq as u8).collect::<Vec<u8>>());
    assert_eq!((client.delivered_bytes, client.counts.retransmissions), (4_100, 0));
}

#[test]
fn a_keep_alive_is_not_a_retransmission() {
    let mut wire = open();
    wire.tcp(9_000_000, CLIENT, Seg::ack().seq(0).acks(1).data(1));
    wire.tcp(9_010_000, SERVER, Seg::ack().seq(1).acks(1));
    assert_eq!(roles(&wire)[3..], [Role::KeepAlive, Role::Bare]);
    assert_eq!(observe(&wire.trace).connections[0].client.stream, b"");
}

#[test]
fn repeated_acknowledgements_are_counted_while_data_is_under_way() {
    let mut wire = open();
    for nth in 0..4 {
        let data = wire.tcp(30_000 + nth, CLIENT, Seg::ack().seq(1 + 10 * nth as u32).acks(1).data(10));
        if nth == 0 {
            data.lost(DropReason::Loss);
        }
    }
    for nth in 1..4 {
        wire.tcp(40_000 + nth, SERVER, Seg::ack().seq(1).acks(1));
    }
    let observation = observe(&wire.trace);
    let repeats: Vec<u32> = observation.segments.iter().flatten().map(|segment| segment.duplicate_ack).collect();
    assert_eq!(repeats[7..], [1, 2, 3]);
    assert_eq!(observation.connections[0].client.counts.out_of_order_arrivals, 3);
}

#[test]
fn a_copy_made_by_the_network_is_no_retransmission() {
    let mut wire = open();
    wire.tcp(30_000, CLIENT, Seg::ack().seq(1).acks(1).data(10)).duplicated(100);
    let observation = observe(&wire.trace);
    let counts = observation.connections[0].client.counts;
    assert_eq!((counts.retransmissions, counts.spurious_arrivals), (0, 0));
    assert_eq!(observation.connections[0].client.delivered_bytes, 10);
}

#[test]
fn goodput_is_what_arrived_over_the_time_that_it_took() {
    let mut wire = open();
    wire.tcp(30_000, CLIENT, Seg::ack().seq(1).acks(1).data(1_000));
    let observation = observe(&wire.trace);
    // 8,000 bits in the 10 ms of the cable.
    assert_eq!(observation.connections[0].client.goodput_bps(), Some(800_000));
    assert_eq!(observation.connections[0].server.goodput_bps(), None);
}

#[test]
fn a_frame_through_a_switch_is_told_once() {
    let mut wire = Wire::new();
    let switch = crate::trace::Node { name: "switch".to_owned(), kind: crate::trace::NodeKind::Switch };
    wire.trace.nodes.push(switch);
    for at_us in [0, 10_000] {
        wire.tcp(at_us, CLIENT, Seg::syn());
    }
    let frames = &mut wire.trace.frames;
    frames[1].id = frames[0].id;
    frames[0].to = NodeId(2);
    frames[1].from = NodeId(2);
    let observation = observe(&wire.trace);
    assert_eq!(observation.journeys.len(), 1);
    assert_eq!(observation.journeys[0].ends.len(), 1);
    assert_eq!(observation.journeys[0].ends[0].at, Time::from_millis(20));
    assert_eq!(observation.connections[0].server.node, Some(SERVER));
}

#[test]
fn any_order_of_any_segments_is_observed_without_a_panic() {
    let mut rng = 3_u64;
    let mut next = move |below: u32| {
        rng = rng.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (rng >> 33) as u32 % below
    };
    for _ in 0..500 {
        let mut wire = Wire::new();
        for at in 0..30_u64 {
            let mut seg = Seg::new(dissect::Flags(next(64) as u8)).window(next(3) as u16 * 700);
            seg = seg.seq([0, 1, 10, u32::MAX, next(u32::MAX)][next(5) as usize]);
            seg = seg.acks([0, 1, 10, u32::MAX, next(u32::MAX)][next(5) as usize]);
            seg = seg.data(next(3) * 9);
            wire.tcp(at * 1_000, NodeId(next(2) as usize), seg);
        }
        let observation = observe(&wire.trace);
        assert_eq!(observation.segments.len(), 30);
    }
}
