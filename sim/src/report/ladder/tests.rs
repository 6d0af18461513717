//! Does the ladder look as it should?

use super::*;
use crate::observe::fixture::{CLIENT, DELAY_US, SERVER, Seg, Wire, story};
use crate::observe::observe;
use crate::trace::{DropReason, Node};

const FULL: Options = Options { full: true, absolute: false, style: Style { colour: false } };

fn ladder(wire: &Wire, options: Options) -> String {
    let mut out = Vec::new();
    write(&mut out, &observe(&wire.trace), &wire.notes, options).expect("a vector takes everything");
    String::from_utf8(out).expect("text")
}

/// A transfer of 60 segments, of which one is lost and repeated after duplicate acknowledgements.
fn transfer() -> Wire {
    let mut wire = Wire::new();
    wire.tcp(0, CLIENT, Seg::syn().window(65_535));
    wire.tcp(DELAY_US, SERVER, Seg::syn_ack().window(65_535));
    wire.tcp(2 * DELAY_US, CLIENT, Seg::ack().seq(1).acks(1));
    let lost = 1 + 30 * 1_460;
    for nth in 0..60 {
        let at_us = 2 * DELAY_US + 120 * u64::from(nth);
        let seq = 1 + 1_460 * nth;
        let sent = wire.tcp(at_us, CLIENT, Seg::ack().seq(seq).acks(1).data(1_460));
        if nth == 30 {
            sent.lost(DropReason::QueueFull);
        }
        if nth % 2 == 1 {
            let ack = (seq + 1_460).min(lost);
            wire.tcp(at_us + 50, SERVER, Seg::ack().seq(1).acks(ack).window(65_535));
        }
    }
    wire.tcp(40_000, CLIENT, Seg::ack().seq(lost).acks(1).data(1_460));
    wire.tcp(50_000, SERVER, Seg::ack().seq(1).acks(1 + 60 * 1_460).window(65_535));
    wire
}

/// The same with a third host, which makes it a list.
fn with_third_host(mut wire: Wire) -> Wire {
    let kind = wire.trace.nodes[0].kind.clone();
    wire.trace.nodes.push(Node { name: "printer".to_owned(), kind });
    wire
}

#[test]
fn the_story_of_two_hosts_is_a_ladder() {
    let text = ladder(&story(), Options::default());
    assert_eq!(text, include_str!("../golden/ladder_of_story.txt"), "\n{text}");
}

#[test]
fn a_transfer_is_folded_but_its_incidents_are_not() {
    let text = ladder(&transfer(), Options::default());
    assert_eq!(text, include_str!("../golden/ladder_of_transfer.txt"), "\n{text}");
}

#[test]
fn more_hosts_are_a_list() {
    let text = ladder(&with_third_host(story()), Options::default());
    assert_eq!(text, include_str!("../golden/list_of_story.txt"), "\n{text}");
}

#[test]
fn full_has_a_line_for_each_frame() {
    let wire = transfer();
    let text = ladder(&wire, FULL);
    let arrows = text.lines().filter(|line| line.contains(" ACK ") || line.contains(" SYN ")).count();
    assert_eq!(arrows, wire.trace.frames.len());
    assert!(!text.contains('…'));
}

#[test]
fn no_line_is_wider_than_120_characters() {
    let wires = [story(), transfer(), with_third_host(story()), with_third_host(transfer())];
    for line in wires.iter().flat_map(|wire| ladder(wire, FULL).lines().map(str::to_owned).collect::<Vec<_>>()) {
        assert!(line.chars().count() <= 120, "{line}");
    }
}

#[test]
fn a_very_long_story_loses_its_middle_and_says_so() {
    let mut wire = Wire::new();
    for nth in 0..1_000 {
        wire.udp(nth, CLIENT, [5_000, 7], b"hello");
    }
    let text = ladder(&wire, Options::default());
    assert_eq!(text.lines().count(), 2 + 130 + 1 + 50);
    assert!(text.contains("… 820 more lines"));
    assert_eq!(ladder(&wire, FULL).lines().count(), 2 + 1_000);
}

#[test]
fn colours_come_only_when_asked_for() {
    let plain = ladder(&story(), Options::default());
    assert!(!plain.contains('\x1b'));
    let coloured = ladder(&story(), Options { style: Style { colour: true }, ..Options::default() });
    let line_with = |what: &str| coloured.lines().find(|line| line.contains(what)).expect("such a line").to_owned();
    assert!(line_with("LOST").starts_with("\x1b[31m"));
    assert!(line_with("retransmission").starts_with("\x1b[33m"));
    assert!(line_with("● connects").starts_with("\x1b[2m"));
    assert!(!line_with("SYN ACK").contains('\x1b'));
}

#[test]
fn several_connections_are_numbered() {
    let mut wire = Wire::new();
    for port in 0..2 {
        wire.tcp(0, CLIENT, Seg::syn().ports(50_000 + port, 7));
    }
    let text = ladder(&wire, FULL);
    assert!(text.contains(" #1 SYN ") && text.contains(" #2 SYN "));
    assert!(text.contains("#2: 192.0.2.1:50001 → 192.0.2.2:7"));
}

#[test]
fn a_connection_to_the_left_shows_its_states_on_the_right_sides() {
    let mut wire = Wire::new();
    let reversed = |seg: Seg| seg.ports(7, 50_000);
    wire.tcp(0, SERVER, reversed(Seg::syn()));
    wire.tcp(DELAY_US, CLIENT, reversed(Seg::syn_ack()));
    let text = ladder(&wire, FULL);
    let lines: Vec<&str> = text.lines().skip(2).collect();
    assert!(lines[0].contains("LISTEN │") && lines[0].contains("│ CLOSED"), "{text}");
    assert!(lines[1].contains("SYN-RECEIVED │◄") && lines[1].contains("│ SYN-SENT"), "{text}");
}

#[test]
fn notes_of_applications_keep_to_one_line() {
    let mut wire = story();
    wire.note(5_000, SERVER, "says\ntwo\rlines");
    assert!(ladder(&wire, FULL).contains("● says two lines"));
}
