//! What does a TCP header say?

use std::fmt;
use std::ops::Range;

use serde::{Serialize, Serializer};

use super::bytes::{u16_at, u32_at};

/// A TCP segment, as it stands on the wire: nothing relative, nothing scaled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tcp {
    /// Port of the sender.
    pub from_port: u16,
    /// Port that it is for.
    pub to_port: u16,
    /// The control bits.
    pub flags: Flags,
    /// Sequence number of the first byte, or of SYN or FIN where there is none.
    pub seq: u32,
    /// The next sequence number wanted; means nothing without ACK.
    pub ack: u32,
    /// The window field as sent, before scaling.
    pub window_raw: u16,
    /// Payload, without the header.
    pub payload_bytes: usize,
    /// Option: largest segment that the sender of this can take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mss_bytes: Option<u16>,
    /// Option: how far to shift the windows to come, at most 14 (RFC 7323 §2.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_shift: Option<u8>,
    /// Option: selective acknowledgements may be sent.
    pub sack_permitted: bool,
    /// Option: what has arrived beyond the acknowledgement, as `[first, one past the last)`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sack: Vec<(u32, u32)>,
    /// Option: timestamp value and echo (RFC 7323 §3.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamps: Option<(u32, u32)>,
    /// Whether the options could not be read to their end.
    pub options_malformed: bool,
    /// Where the payload lies in the frame.
    #[serde(skip)]
    pub payload: Range<usize>,
}

/// The control bits of a segment; prints as `SYN ACK`, and as `-` with none set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// A connection begins.
    pub const SYN: Self = Self(0x02);
    /// A connection is torn down.
    pub const RST: Self = Self(0x04);
    /// Hand the data to the application without waiting for more.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement field counts.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer counts.
    pub const URG: Self = Self(0x20);

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The order in which people say them.
const FLAG_NAMES: [(Flags, &str); 8] = [
    (Flags::SYN, "SYN"),
    (Flags::FIN, "FIN"),
    (Flags::RST, "RST"),
    (Flags::PSH, "PSH"),
    (Flags::ACK, "ACK"),
    (Flags::URG, "URG"),
    (Flags(0x40), "ECE"),
    (Flags(0x80), "CWR"),
];

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("-");
        }
        let mut separator = "";
        for (flag, name) in FLAG_NAMES {
            if self.contains(flag) {
                write!(f, "{separator}{name}")?;
                separator = " ";
            }
        }
        Ok(())
    }
}

impl Serialize for Flags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(FLAG_NAMES.iter().filter(|(flag, _)| self.contains(*flag)).map(|(_, name)| *name))
    }
}

impl Tcp {
    /// How many sequence numbers it takes: payload, and one each for SYN and FIN (RFC 9293 §3.4).
    #[must_use]
    pub fn seq_len(&self) -> u64 {
        self.payload_bytes as u64
            + u64::from(self.flags.contains(Flags::SYN))
            + u64::from(self.flags.contains(Flags::FIN))
    }
}

/// Reads a segment. `bytes`: header and payload; `start`: where they begin in the frame.
pub(super) fn parse(bytes: &[u8], start: usize) -> Result<Tcp, &'static str> {
    const CUT: &str = "header is cut short";
    let offset_and_flags = u16_at(bytes, 12).ok_or(CUT)?;
    let header_bytes = usize::from(offset_and_flags >> 12) * 4;
    if header_bytes < 20 {
        return Err("data offset is less than 20");
    }
    let options = bytes.get(20..header_bytes).ok_or("data offset is more than the packet holds")?;
    let mut tcp = Tcp {
        from_port: u16_at(bytes, 0).ok_or(CUT)?,
        to_port: u16_at(bytes, 2).ok_or(CUT)?,
        flags: Flags((offset_and_flags & 0xff) as u8),
        seq: u32_at(bytes, 4).ok_or(CUT)?,
        ack: u32_at(bytes, 8).ok_or(CUT)?,
        window_raw: u16_at(bytes, 14).ok_or(CUT)?,
        payload_bytes: bytes.len() - header_bytes,
        mss_bytes: None,
        window_shift: None,
        sack_permitted: false,
        sack: Vec::new(),
        timestamps: None,
        options_malformed: false,
        payload: start + header_bytes..start + bytes.len(),
    };
    tcp.options_malformed = read_options(options, &mut tcp).is_none();
    Ok(tcp)
}

/// Reads the options up to their end. `None`: one of them is cut short or has a length that cannot be.
fn read_options(mut options: &[u8], tcp: &mut Tcp) -> Option<()> {
    while let Some(&kind) = options.first() {
        match kind {
            0 => return Some(()),
            1 => options = &options[1..],
            _ => {
                let length = usize::from(*options.get(1)?);
                let body = options.get(2..length)?;
                read_option(kind, body, tcp)?;
                options = &options[length..];
            }
        }
    }
    Some(())
}

fn read_option(kind: u8, body: &[u8], tcp: &mut Tcp) -> Option<()> {
    match (kind, body.len()) {
        (2, 2) => tcp.mss_bytes = u16_at(body, 0),
        (3, 1) => tcp.window_shift = Some(body[0].min(14)),
        (4, 0) => tcp.sack_permitted = true,
        (5, length) if length % 8 == 0 => {
            let edge = |pair: &[u8]| Some((u32_at(pair, 0)?, u32_at(pair, 4)?));
            tcp.sack = body.chunks_exact(8).filter_map(edge).collect();
        }
        (8, 8) => tcp.timestamps = Some((u32_at(body, 0)?, u32_at(body, 4)?)),
        (2 | 3 | 4 | 5 | 8, _) => return None,
        // Unknown options are skipped (RFC 9293 §3.1, MUST-6).
        _ => {}
    }
    Some(())
}
