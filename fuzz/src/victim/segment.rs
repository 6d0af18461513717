//! Which segment hits a connection where it hurts?

use std::collections::BTreeMap;

use arbitrary::Arbitrary;

/// A TCP segment of the peer, aimed at what the victim said last. Its checksums are not looked at.
#[derive(Arbitrary, Debug)]
pub struct Segment {
    /// Which of the connections; one more than there are is a new one to the listener.
    conversation: u8,
    /// Beside what the victim expects, or the end of its window.
    seq: Near,
    /// Beside what it has sent, or its first number.
    ack: Near,
    flags: u8,
    window: u16,
    /// Payload bytes.
    len: u16,
    /// Any bytes; cut to what a header holds.
    options: Vec<u8>,
}

/// A sequence number.
#[derive(Arbitrary, Debug, Clone, Copy)]
enum Near {
    Low(i8),
    High(i8),
    Any(u32),
}

impl Near {
    fn number(self, low: u32, high: u32) -> u32 {
        match self {
            Near::Low(by) => low.wrapping_add_signed(by.into()),
            Near::High(by) => high.wrapping_add_signed(by.into()),
            Near::Any(number) => number,
        }
    }
}

/// What the victim has said on its IPv4 connections, by its port and the peer's.
#[derive(Debug, Default)]
pub struct Said(BTreeMap<(u16, u16), Numbers>);

#[derive(Debug, Clone, Copy)]
struct Numbers {
    first: u32,
    next: u32,
    expected: u32,
    window: u16,
}

impl Said {
    /// The victim has sent `packet`, an IP packet.
    pub fn hear(&mut self, packet: &[u8]) {
        let Some((header, segment)) = packet.split_at_checked(20) else { return };
        if header[0] != 0x45 || header[9] != 6 || header[16..20] != PEER || segment.len() < 20 {
            return;
        }
        let u16_at = |at: usize| u16::from_be_bytes([segment[at], segment[at + 1]]);
        let u32_at = |at: usize| u32::from_be_bytes([segment[at], segment[at + 1], segment[at + 2], segment[at + 3]]);
        let controls = u32::from(segment[13] & 1) + u32::from(segment[13] >> 1 & 1);
        let payload_len = segment.len().saturating_sub(usize::from(segment[12] >> 4) * 4) as u32;
        let next = u32_at(4).wrapping_add(payload_len + controls);
        let old = self.0.get(&(u16_at(0), u16_at(2)));
        let first = old.filter(|_| segment[13] & 2 == 0).map_or(u32_at(4), |old| old.first);
        let numbers = Numbers { first, next, expected: u32_at(8), window: u16_at(14) };
        self.0.insert((u16_at(0), u16_at(2)), numbers);
    }

    /// The victim wants to connect, and may not have said so yet.
    pub fn nothing(&mut self, ports: (u16, u16)) {
        self.0.entry(ports).or_insert(NOTHING);
    }

    /// The packet of a segment.
    pub fn packet(&self, segment: &Segment) -> Vec<u8> {
        let nth = usize::from(segment.conversation) % (self.0.len() + 1);
        let new = ((7, 40_000 + u16::from(segment.flags)), NOTHING);
        let (ports, numbers) = self.0.iter().nth(nth).map_or(new, |(ports, numbers)| (*ports, *numbers));
        let Numbers { first, next, expected, window } = numbers;
        let options = &segment.options[..segment.options.len().min(40) / 4 * 4];
        let len = usize::from(segment.len) % 1_500;
        let mut packet = vec![0x45, 0];
        packet.extend(((40 + options.len() + len) as u16).to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        packet.extend(PEER);
        packet.extend([192, 0, 2, 1]);
        packet.extend(ports.1.to_be_bytes());
        packet.extend(ports.0.to_be_bytes());
        packet.extend(segment.seq.number(expected, expected.wrapping_add(window.into())).to_be_bytes());
        packet.extend(segment.ack.number(next, first).to_be_bytes());
        packet.extend([(5 + options.len() as u8 / 4) << 4, segment.flags]);
        packet.extend(segment.window.to_be_bytes());
        packet.extend([0; 4]);
        packet.extend(options);
        packet.resize(packet.len() + len, 7);
        packet
    }
}

const NOTHING: Numbers = Numbers { first: 0, next: 0, expected: 0, window: 0 };
const PEER: [u8; 4] = [192, 0, 2, 2];
