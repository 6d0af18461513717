//! Are packets translated in both directions, and for as long as the RFCs say?

use super::*;

fn table() -> Table {
    Table::new(Nat::new("10.0.0.254/24", "192.0.2.1/24").expect("addresses"))
}

const HOST: [u8; 4] = [10, 0, 0, 7];
const OTHER: [u8; 4] = [10, 0, 0, 8];
const REMOTE: [u8; 4] = [198, 51, 100, 1];
const STRANGER: [u8; 4] = [198, 51, 100, 2];
const OUTSIDE: [u8; 4] = [192, 0, 2, 1];

/// A datagram, segment or ping (its identifier is the first port).
fn message(protocol: u8, from: ([u8; 4], u16), to: ([u8; 4], u16), flags: u8) -> Vec<u8> {
    let ([s0, s1], [d0, d1]) = (from.1.to_be_bytes(), to.1.to_be_bytes());
    let body = match protocol {
        UDP => vec![s0, s1, d0, d1, 0, 9, 1, 1, 0x55],
        TCP => vec![s0, s1, d0, d1, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, flags, 1, 1, 0, 0, 0, 0],
        _ => vec![flags, 0, 0, 0, s0, s1, 0, 1, 0x55],
    };
    packet::packet(from.0.into(), to.0.into(), protocol, 64, &body)
}

fn out(table: &mut Table, now: Time, packet: &[u8]) -> Option<Vec<u8>> {
    checked(table.outbound(now, packet, &Header::of(packet).expect("a packet")))
}

fn back(table: &mut Table, now: Time, packet: &[u8]) -> Option<Vec<u8>> {
    checked(table.inbound(now, packet, &Header::of(packet).expect("a packet")))
}

fn checked(packet: Option<Vec<u8>>) -> Option<Vec<u8>> {
    if let Some(packet) = &packet {
        assert!(packet::is_intact(packet, &Header::of(packet).expect("a good header")));
    }
    packet
}

#[test]
fn a_port_keeps_its_number_and_answers_come_back() {
    for protocol in [UDP, TCP] {
        let mut table = table();
        let sent = message(protocol, (HOST, 5_000), (REMOTE, 7), 2);
        let expected = message(protocol, (OUTSIDE, 5_000), (REMOTE, 7), 2);
        assert_eq!(out(&mut table, Time::ZERO, &sent), Some(expected));
        let answer = message(protocol, (REMOTE, 7), (OUTSIDE, 5_000), 0x12);
        let expected = message(protocol, (REMOTE, 7), (HOST, 5_000), 0x12);
        assert_eq!(back(&mut table, Time::ZERO, &answer), Some(expected));
    }
}

#[test]
fn a_second_host_with_the_same_port_gets_another() {
    let mut table = table();
    out(&mut table, Time::ZERO, &message(UDP, (HOST, 5_000), (REMOTE, 7), 0)).expect("a mapping");
    let second = message(UDP, (OTHER, 5_000), (REMOTE, 7), 0);
    assert_eq!(out(&mut table, Time::ZERO, &second), Some(message(UDP, (OUTSIDE, 1_024), (REMOTE, 7), 0)));
    let answer = message(UDP, (REMOTE, 7), (OUTSIDE, 1_024), 0);
    assert_eq!(back(&mut table, Time::ZERO, &answer), Some(message(UDP, (REMOTE, 7), (OTHER, 5_000), 0)));
    // The same for every destination.
    let elsewhere = message(UDP, (OTHER, 5_000), (STRANGER, 9), 0);
    assert_eq!(out(&mut table, Time::ZERO, &elsewhere), Some(message(UDP, (OUTSIDE, 1_024), (STRANGER, 9), 0)));
}

#[test]
fn who_was_not_spoken_to_does_not_come_in() {
    let mut table = table();
    assert_eq!(back(&mut table, Time::ZERO, &message(TCP, (REMOTE, 7), (OUTSIDE, 5_000), 2)), None);
    out(&mut table, Time::ZERO, &message(UDP, (HOST, 5_000), (REMOTE, 7), 0)).expect("a mapping");
    assert_eq!(back(&mut table, Time::ZERO, &message(UDP, (STRANGER, 7), (OUTSIDE, 5_000), 0)), None);
    assert!(back(&mut table, Time::ZERO, &message(UDP, (REMOTE, 8), (OUTSIDE, 5_000), 0)).is_some());
    assert_eq!(back(&mut table, Time::ZERO, &message(ICMP, (REMOTE, 1), (OUTSIDE, 0), 8)), None, "a ping");
}

#[test]
fn pings_are_told_apart_by_their_identifier() {
    let mut table = table();
    for (host, seen) in [(HOST, 77), (OTHER, 1_024)] {
        let request = message(ICMP, (host, 77), (REMOTE, 0), 8);
        assert_eq!(out(&mut table, Time::ZERO, &request), Some(message(ICMP, (OUTSIDE, seen), (REMOTE, 0), 8)));
        let reply = message(ICMP, (REMOTE, seen), (OUTSIDE, 0), 0);
        let expected = packet::packet(REMOTE.into(), host.into(), ICMP, 64, &[0, 0, 0, 0, 0, 77, 0, 1, 0x55]);
        assert_eq!(back(&mut table, Time::ZERO, &reply), Some(expected));
    }
}

/// How long a mapping outlives its last packet, in whole seconds.
fn lives(mut table: Table, protocol: u8, since: u64) -> u64 {
    let answer = message(protocol, (REMOTE, 7), (OUTSIDE, 5_000), 0);
    let is_there = |secs: u64| back(&mut table.clone(), Time::from_secs(secs), &answer).is_some();
    let lived = (since..since + 10_000).take_while(|secs| is_there(*secs)).count();
    table.expire(Time::from_secs(since + 10_000));
    assert!(table.mappings.is_empty() && table.owners.is_empty());
    lived as u64
}

#[test]
fn mappings_are_forgotten_after_the_times_of_the_rfcs() {
    let mut udp = table();
    out(&mut udp, Time::ZERO, &message(UDP, (HOST, 5_000), (REMOTE, 7), 0)).expect("a mapping");
    // RFC 4787 REQ-6: what comes in does not keep it.
    back(&mut udp, Time::from_secs(200), &message(UDP, (REMOTE, 7), (OUTSIDE, 5_000), 0)).expect("is let in");
    assert_eq!(lives(udp, UDP, 0), 300);
    let mut tcp = table();
    let segment = |flags| message(TCP, (HOST, 5_000), (REMOTE, 7), flags);
    let answer = |flags| message(TCP, (REMOTE, 7), (OUTSIDE, 5_000), flags);
    out(&mut tcp, Time::ZERO, &segment(0x02)).expect("a mapping");
    assert_eq!(lives(tcp.clone(), TCP, 0), 240);
    back(&mut tcp, Time::ZERO, &answer(0x12)).expect("is let in");
    assert_eq!(lives(tcp.clone(), TCP, 0), 7_440);
    out(&mut tcp, Time::from_secs(9), &segment(0x11)).expect("a mapping");
    assert_eq!(lives(tcp.clone(), TCP, 9), 7_440, "half closed");
    back(&mut tcp, Time::from_secs(9), &answer(0x11)).expect("is let in");
    assert_eq!(lives(tcp, TCP, 9), 240);
}

/// An ICMP error about `packet`, which quotes so many of its bytes.
fn error(from: [u8; 4], to: [u8; 4], packet: &[u8], quoted: usize) -> Vec<u8> {
    packet::packet(from.into(), to.into(), ICMP, 64, &[&[3, 3, 0, 0, 0, 0, 0, 0][..], &packet[..quoted]].concat())
}

#[test]
fn errors_come_back_as_if_there_were_no_box() {
    for protocol in [UDP, TCP, ICMP] {
        let mut table = table();
        let flags = if protocol == ICMP { 8 } else { 2 };
        // Another port outside, so that port and checksum change.
        out(&mut table, Time::ZERO, &message(protocol, (OTHER, 5_000), (REMOTE, 7), flags)).expect("a mapping");
        let sent = message(protocol, (HOST, 5_000), (REMOTE, 7), flags);
        let translated = out(&mut table, Time::ZERO, &sent).expect("a mapping");
        for quoted in [28, sent.len()] {
            let seen = back(&mut table, Time::ZERO, &error(STRANGER, OUTSIDE, &translated, quoted));
            assert_eq!(seen, Some(error(STRANGER, HOST, &sent, quoted)), "{protocol} {quoted}");
        }
        let unknown = message(protocol, (OUTSIDE, 9), (REMOTE, 7), flags);
        assert_eq!(back(&mut table, Time::ZERO, &error(STRANGER, OUTSIDE, &unknown, 28)), None);
    }
}

#[test]
fn a_complaint_of_the_inside_is_about_the_outside_address() {
    let mut table = table();
    out(&mut table, Time::ZERO, &message(UDP, (HOST, 5_000), (REMOTE, 7), 0)).expect("a mapping");
    let answer = message(UDP, (REMOTE, 7), (OUTSIDE, 5_000), 0);
    let translated = back(&mut table, Time::ZERO, &answer).expect("is let in");
    let complaint = out(&mut table, Time::ZERO, &error(HOST, REMOTE, &translated, 29));
    assert_eq!(complaint, Some(error(OUTSIDE, REMOTE, &answer, 29)));
}

#[test]
fn damaged_packets_fragments_and_other_protocols_do_not_pass() {
    let mut table = table();
    let mut damaged = message(UDP, (HOST, 5_000), (REMOTE, 7), 0);
    *damaged.last_mut().expect("bytes") ^= 1;
    assert_eq!(table.outbound(Time::ZERO, &damaged, &Header::of(&damaged).expect("a header")), None);
    let mut fragment = message(UDP, (HOST, 5_000), (REMOTE, 7), 0);
    fragment[6] = 0x20;
    packet::mend_ipv4_header(&mut fragment);
    assert_eq!(out(&mut table, Time::ZERO, &fragment), None);
    let other = packet::packet(HOST.into(), REMOTE.into(), 47, 64, &[0; 16]);
    assert_eq!(out(&mut table, Time::ZERO, &other), None);
    assert!(table.mappings.is_empty());
}
