//! What does a TCP segment say, in numbers that a reader can follow?

use std::fmt;

use crate::observe::dissect::{Flags, Tcp};

/// A TCP segment with relative numbers: 0 is the SYN of the side that counts.
///
/// As something to send, an option that is not set is left out, and the window is 65,535. As something to expect, window
/// and options that are not set match anything; numbers, payload, SYN, FIN, RST and ACK have to agree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Segment {
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number; `None`: no ACK.
    pub ack: Option<u32>,
    /// SYN.
    pub has_syn: bool,
    /// FIN.
    pub has_fin: bool,
    /// RST.
    pub has_rst: bool,
    /// The bytes after the header.
    pub payload: Vec<u8>,
    /// The window field as it stands in the header.
    pub window: Option<u16>,
    /// Option: maximum segment size.
    pub mss: Option<u16>,
}

/// `SYN`; [`Segment::ack`] makes it a SYN-ACK.
pub fn syn(seq: u32) -> Segment {
    Segment { seq, has_syn: true, ..Segment::default() }
}

/// `SYN`, to be completed with [`Segment::ack`].
pub fn syn_ack(seq: u32) -> Segment {
    syn(seq)
}

/// An acknowledgement of everything before `ack`, sent at `seq`; [`Segment::data`] adds payload.
pub fn ack(seq: u32, ack: u32) -> Segment {
    Segment { seq, ack: Some(ack), ..Segment::default() }
}

/// `FIN`, to be completed with [`Segment::ack`].
pub fn fin(seq: u32) -> Segment {
    Segment { seq, has_fin: true, ..Segment::default() }
}

/// `RST`, without an acknowledgement unless [`Segment::ack`] adds one.
pub fn rst(seq: u32) -> Segment {
    Segment { seq, has_rst: true, ..Segment::default() }
}

impl Segment {
    /// The same with ACK.
    #[must_use]
    pub fn ack(self, ack: u32) -> Self {
        Self { ack: Some(ack), ..self }
    }

    /// The same with this payload.
    #[must_use]
    pub fn data(self, payload: &[u8]) -> Self {
        Self { payload: payload.to_vec(), ..self }
    }

    /// The same with this window field.
    #[must_use]
    pub fn window(self, window: u16) -> Self {
        Self { window: Some(window), ..self }
    }

    /// The same with this option.
    #[must_use]
    pub fn mss(self, mss: u16) -> Self {
        Self { mss: Some(mss), ..self }
    }

    /// Whether `seen` is what `self` describes.
    pub fn describes(&self, seen: &Self) -> bool {
        let agrees = |wanted: Option<u16>, seen: Option<u16>| wanted.is_none() || wanted == seen;
        (self.seq, self.ack, &self.payload) == (seen.seq, seen.ack, &seen.payload)
            && (self.has_syn, self.has_fin, self.has_rst) == (seen.has_syn, seen.has_fin, seen.has_rst)
            && agrees(self.window, seen.window)
            && agrees(self.mss, seen.mss)
    }

    /// TCP header and payload, without a checksum. `base`: absolute numbers of both SYNs, the sender's first.
    pub(super) fn encode(&self, ports: (u16, u16), base: (u32, u32)) -> Vec<u8> {
        let options = self.mss.map(|mss| [[2, 4], mss.to_be_bytes()].concat()).unwrap_or_default();
        let bits = [(self.has_fin, 0x01), (self.has_syn, 0x02), (self.has_rst, 0x04), (self.ack.is_some(), 0x10)];
        let push = if self.payload.is_empty() { 0 } else { 0x08 };
        let flags = bits.iter().filter(|(is_set, _)| *is_set).fold(push, |flags, (_, bit)| flags | bit);
        let mut bytes = [ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat();
        bytes.extend(self.seq.wrapping_add(base.0).to_be_bytes());
        bytes.extend(self.ack.map_or(0, |ack| ack.wrapping_add(base.1)).to_be_bytes());
        bytes.extend([((5 + options.len() / 4) as u8) << 4, flags]);
        bytes.extend(self.window.unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(options);
        bytes.extend_from_slice(&self.payload);
        bytes
    }

    /// A segment that was received. `base`: as for the other direction, the sender's first.
    pub(super) fn decode(tcp: &Tcp, packet: &[u8], base: (u32, u32)) -> Self {
        Self {
            seq: tcp.seq.wrapping_sub(base.0),
            ack: tcp.flags.contains(Flags::ACK).then(|| tcp.ack.wrapping_sub(base.1)),
            has_syn: tcp.flags.contains(Flags::SYN),
            has_fin: tcp.flags.contains(Flags::FIN),
            has_rst: tcp.flags.contains(Flags::RST),
            payload: packet[tcp.payload.clone()].to_vec(),
            window: Some(tcp.window_raw),
            mss: tcp.mss_bytes,
        }
    }
}

/// As tcpdump prints it: `Flags [S.], seq 0, ack 1, win 65535, options [mss 1460], length 0`.
impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [(self.has_syn, "S"), (self.has_fin, "F"), (self.has_rst, "R"), (self.ack.is_some(), ".")];
        let flags: String = names.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| *name).collect();
        write!(f, "Flags [{}], seq {}", if flags.is_empty() { "none" } else { &flags }, self.seq)?;
        if let Some(ack) = self.ack {
            write!(f, ", ack {ack}")?;
        }
        if let Some(window) = self.window {
            write!(f, ", win {window}")?;
        }
        if let Some(mss) = self.mss {
            write!(f, ", options [mss {mss}]")?;
        }
        write!(f, ", length {}", self.payload.len())?;
        if !self.payload.is_empty() {
            let shown = &self.payload[..self.payload.len().min(16)];
            write!(f, ": \"{}\"", shown.escape_ascii())?;
        }
        Ok(())
    }
}
