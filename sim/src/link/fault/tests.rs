//! Does a fault find its frame, and no other?

use super::*;
use crate::link::{Cable, Direction, Link};
use crate::trace::{DropReason, Fate};

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// A TCP segment in IPv4 from this port, without checksums.
fn tcp(port: u16, flags: u8, seq: u32, data_bytes: u8) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 40 + data_bytes, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
    packet.extend(port.to_be_bytes());
    packet.extend([0, 80]);
    packet.extend(seq.to_be_bytes());
    packet.extend([0, 0, 0, 0, 0x50, flags, 1, 0, 0, 0, 0, 0]);
    packet.resize(packet.len() + usize::from(data_bytes), 0);
    packet
}

fn ip(version: u8, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = match version {
        4 => vec![0x45, 0, 0, 20 + payload.len() as u8, 0, 0, 0, 0, 64, protocol, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2],
        _ => {
            let mut packet = vec![0; 40];
            packet[..8].copy_from_slice(&[0x60, 0, 0, 0, 0, payload.len() as u8, protocol, 64]);
            packet
        }
    };
    packet.extend_from_slice(payload);
    packet
}

fn link(when: &[When]) -> Link {
    let mut link = Cable::new("ab", Medium::Ip, 7).link(Direction::Forward).clone();
    link.add_faults(when.iter().map(|when| Fault { when: *when, act: Act::Drop }).collect());
    link
}

/// Which of these are dropped, sent 1 ms apart.
fn dropped(when: &[When], frames: &[Vec<u8>]) -> Vec<usize> {
    let mut link = link(when);
    let fates = frames.iter().zip(0..).map(|(frame, ms)| link.send(Time::from_millis(ms), frame)).collect::<Vec<_>>();
    let is_drop = |fate: &Fate| fate.drop == Some(DropReason::Scripted);
    fates.iter().enumerate().filter(|(_, fate)| is_drop(fate)).map(|(i, _)| i).collect()
}

#[test]
fn a_kind_of_frame_is_told_from_all_others() {
    use Pattern::{Ack, Any, Data, Fin, Fragment, Icmp, Ipv4, Ipv6, Ndp, Rst, Syn, SynAck, Tcp, Udp};
    let mut fragment = tcp(9, ACK, 1, 8);
    fragment[7] = 1;
    // Hop-by-hop options before UDP.
    let extended = ip(6, 0, &[17, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 8, 0, 8, 0, 0]);
    let fragment6 = ip(6, 44, &[6, 0, 0, 1, 0, 0, 0, 1, 0, 7, 0, 8, 0, 8, 0, 0]);
    let frames: [(Vec<u8>, &[Pattern]); 15] = [
        (tcp(9, SYN, 0, 0), &[Ipv4, Tcp, Syn]),
        (tcp(9, SYN | ACK, 0, 0), &[Ipv4, Tcp, SynAck]),
        (tcp(9, ACK, 1, 0), &[Ipv4, Tcp, Ack]),
        (tcp(9, ACK, 1, 5), &[Ipv4, Tcp, Data]),
        (tcp(9, ACK | FIN, 1, 0), &[Ipv4, Tcp, Fin]),
        (tcp(9, ACK | FIN, 1, 5), &[Ipv4, Tcp, Fin, Data]),
        (tcp(9, RST, 1, 0), &[Ipv4, Tcp, Rst]),
        (tcp(9, RST | ACK, 1, 0), &[Ipv4, Tcp, Rst]),
        (fragment, &[Ipv4, Tcp, Fragment]),
        (fragment6, &[Ipv6, Tcp, Fragment]),
        (ip(4, 17, &[0; 8]), &[Ipv4, Udp]),
        (extended, &[Ipv6, Udp]),
        (ip(4, 1, &[8, 0, 0, 0]), &[Ipv4, Icmp]),
        (ip(6, 58, &[128, 0, 0, 0]), &[Ipv6, Icmp]),
        (ip(6, 58, &[135, 0, 0, 0]), &[Ipv6, Icmp, Ndp]),
    ];
    for (frame, kinds) in &frames {
        for pattern in Pattern::ALL {
            let expected = pattern == Any || kinds.contains(&pattern);
            assert_eq!(pattern.matches(Medium::Ip, frame), expected, "{pattern}: {kinds:?}");
        }
        let mut in_ethernet = vec![0; 12];
        in_ethernet.extend(if frame[0] == 0x45 { [0x08, 0x00] } else { [0x86, 0xdd] });
        in_ethernet.extend_from_slice(frame);
        in_ethernet.extend([0; 20]);
        for pattern in Pattern::ALL {
            let same = pattern.matches(Medium::Ip, frame);
            assert_eq!(pattern.matches(Medium::Ethernet, &in_ethernet), same, "{pattern} in Ethernet: {kinds:?}");
        }
    }
    let mut arp = vec![0; 42];
    arp[12..14].copy_from_slice(&[0x08, 0x06]);
    let of_arp = Pattern::ALL.into_iter().filter(|pattern| pattern.matches(Medium::Ethernet, &arp));
    assert_eq!(of_arp.collect::<Vec<_>>(), [Any, Pattern::Arp]);
    for pattern in &Pattern::ALL[1..] {
        assert!((0..60).all(|bytes| !pattern.matches(Medium::Ip, &vec![0x45; bytes]) || *pattern == Ipv4));
    }
}

#[test]
fn names_of_patterns_are_read_and_written_the_same_everywhere() {
    for pattern in Pattern::ALL {
        assert_eq!(pattern.to_string().parse(), Ok(pattern));
        assert_eq!(serde_json::to_string(&pattern).expect("plain data"), format!("\"{pattern}\""));
    }
    let error = "sin".parse::<Pattern>().expect_err("no such kind").to_string();
    assert!(error.starts_with("\"sin\" is no kind of frame; there are any, arp, "), "{error}");
}

#[test]
fn the_nth_of_a_kind_is_counted_among_its_kind() {
    let frames = [
        tcp(9, SYN, 0, 0),
        tcp(9, ACK, 1, 0),
        tcp(9, ACK, 1, 5),
        tcp(9, ACK, 6, 0),
        tcp(9, ACK, 6, 5),
        tcp(9, ACK, 11, 5),
    ];
    let of = |pattern, nth| dropped(&[When::matching(pattern, nth)], &frames);
    assert_eq!(of(Pattern::Data, 0), [2]);
    assert_eq!(of(Pattern::Data, 2), [5]);
    assert!(of(Pattern::Data, 3).is_empty());
    assert_eq!(of(Pattern::Ack, 1), [3]);
    assert_eq!(of(Pattern::Any, 4), [4]);
    assert_eq!(dropped(&[When::matching(Pattern::Data, 0), When::matching(Pattern::Data, 1)], &frames), [2, 4]);
}

#[test]
fn a_segment_is_known_by_its_sequence_number_and_its_repetitions_are_counted() {
    let data = |seq, bytes| tcp(9, ACK, seq, bytes);
    // Sequence numbers pass 2^32; the second repetition of the first segment is shorter.
    let start = u32::MAX - 5;
    let frames = [
        tcp(9, SYN, start.wrapping_sub(1), 0),
        tcp(9, ACK, start, 0),
        data(start, 10),
        data(start.wrapping_add(10), 10),
        data(start, 10),
        data(start.wrapping_add(20), 10),
        data(start, 5),
        data(start.wrapping_add(10), 10),
    ];
    let of = |index, transmission| dropped(&[When::Segment { index, transmission }], &frames);
    assert_eq!([of(0, 0), of(0, 1), of(0, 2), of(0, 3)], [vec![2], vec![4], vec![6], vec![]]);
    assert_eq!([of(1, 0), of(1, 1), of(2, 0), of(3, 0)], [vec![3], vec![7], vec![5], vec![]]);
}

#[test]
fn connections_count_their_segments_apart_and_a_syn_begins_anew() {
    let frames = [
        tcp(8, ACK, 100, 5),
        tcp(9, ACK, 500, 5),
        tcp(9, ACK, 505, 5),
        tcp(8, ACK, 105, 5),
        tcp(8, ACK, 100, 5),
        tcp(8, SYN, 99, 0),
        tcp(8, ACK, 100, 5),
        tcp(8, ACK, 100, 5),
    ];
    let of = |index, transmission| dropped(&[When::Segment { index, transmission }], &frames);
    assert_eq!(of(1, 0), [2], "the first connection that comes to it");
    assert_eq!(of(0, 1), [4]);
    assert!(of(0, 2).is_empty(), "the SYN has reset it");
    assert!(of(1, 1).is_empty());
    let both = [When::Segment { index: 0, transmission: 0 }, When::Segment { index: 1, transmission: 0 }];
    assert_eq!(dropped(&both, &frames), [0, 2]);
}

#[test]
fn a_span_takes_all_frames_from_its_first_moment_and_none_of_its_last() {
    let frames = vec![tcp(9, ACK, 1, 0); 10];
    let span = When::Span { from: Time::from_millis(3), until: Time::from_millis(6) };
    assert_eq!(dropped(&[span], &frames), [3, 4, 5]);
    let empty = When::Span { from: Time::from_millis(3), until: Time::from_millis(3) };
    assert!(dropped(&[empty], &frames).is_empty());
}

#[test]
fn what_never_happened_is_told_in_words() {
    let whens = [
        When::Frame(3),
        When::matching(Pattern::SynAck, 0),
        When::Segment { index: 2, transmission: 1 },
        When::Span { from: Time::from_secs(1), until: Time::from_secs(2) },
    ];
    let link = link(&whens);
    let told: Vec<String> = link.unfired().map(|fault| fault.to_string()).collect();
    let expected = [
        "drop of frame 3",
        "drop of syn-ack 0",
        "drop of segment 2, transmission 1",
        "drop of every frame from 1s until 2s",
    ];
    assert_eq!(told, expected);
}

#[test]
fn faults_survive_json() {
    let faults = vec![
        Fault { when: When::Frame(3), act: Act::Delay(5) },
        Fault { when: When::matching(Pattern::SynAck, 1), act: Act::Corrupt { byte: 60, bit: 2, mend: true } },
        Fault { when: When::Segment { index: 1, transmission: 2 }, act: Act::Truncate { len: 60 } },
        Fault { when: When::Span { from: Time::from_nanos(1), until: Time::from_nanos(2) }, act: Act::Drop },
    ];
    let text = serde_json::to_string(&faults).expect("plain data");
    assert_eq!(serde_json::from_str::<Vec<Fault>>(&text).expect("own output"), faults);
    assert!(text.contains(r#"{"when":{"span":{"from":1,"until":2}},"act":"drop"}"#), "{text}");
}

#[test]
fn a_truncated_original_is_shorter_and_its_copy_is_whole() {
    let mut link = link(&[]);
    let frame = tcp(9, ACK, 1, 20);
    let at = |act| Fault { when: When::Frame(0), act };
    link.add_faults(vec![
        at(Act::Truncate { len: 50 }),
        at(Act::Duplicate),
        at(Act::Corrupt { byte: 50, bit: 0, mend: false }),
    ]);
    link.add_faults(vec![at(Act::Truncate { len: 50 })]);
    let fate = link.send(Time::ZERO, &frame);
    assert_eq!(fate.copies[0].bytes.as_deref(), Some(&frame[..50]));
    assert_eq!(fate.copies[0].truncated_bytes, Some(50));
    assert_eq!((&fate.copies[1].bytes, fate.copies[1].truncated_bytes), (&None, None));
    let unfired: Vec<Act> = link.unfired().map(|fault| fault.act).collect();
    assert_eq!(unfired, [Act::Corrupt { byte: 50, bit: 0, mend: false }, Act::Truncate { len: 50 }]);
}
