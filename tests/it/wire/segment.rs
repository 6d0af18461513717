//! What does a TCP segment say, in numbers that a reader can follow?

use std::fmt;

use smoltcp::wire::{IpAddress, TcpOption, TcpPacket, TcpSeqNumber};

/// A TCP segment with relative numbers: 0 is the SYN of the side that counts.
///
/// As something to send, a field that is not set takes the value given at the field. As something to
/// expect, it matches anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    pub seq: u32,
    pub ack: Option<u32>,
    pub syn: bool,
    pub fin: bool,
    pub rst: bool,
    pub psh: bool,
    pub payload: Vec<u8>,
    /// Sent as 65,535.
    pub window: Option<u16>,
    /// This and the other options: left out.
    pub mss: Option<u16>,
    pub window_scale: Option<u8>,
    pub sack_permitted: Option<bool>,
    pub timestamp: Option<(u32, u32)>,
    /// First SACK block, in the numbers of the side that receives this.
    pub sack: Option<(u32, u32)>,
}

/// `SYN`.
pub fn syn(seq: u32) -> Segment {
    Segment { seq, syn: true, ..Segment::default() }
}

/// `SYN`, to be completed with [`Segment::ack`].
pub fn syn_ack(seq: u32) -> Segment {
    syn(seq)
}

/// An acknowledgement and nothing else.
pub fn ack(seq: u32, ack: u32) -> Segment {
    Segment { seq, ack: Some(ack), ..Segment::default() }
}

/// Payload, to be completed with [`Segment::ack`].
pub fn data(seq: u32, payload: &[u8]) -> Segment {
    Segment { seq, payload: payload.to_vec(), ..Segment::default() }
}

/// `FIN`, to be completed with [`Segment::ack`].
pub fn fin(seq: u32) -> Segment {
    Segment { seq, fin: true, ..Segment::default() }
}

/// `RST`: without an acknowledgement unless [`Segment::ack`] adds one.
pub fn rst(seq: u32) -> Segment {
    Segment { seq, rst: true, ..Segment::default() }
}

impl Segment {
    pub fn ack(self, ack: u32) -> Self {
        Self { ack: Some(ack), ..self }
    }

    pub fn with_fin(self) -> Self {
        Self { fin: true, ..self }
    }

    pub fn window(self, window: u16) -> Self {
        Self { window: Some(window), ..self }
    }

    pub fn mss(self, mss: u16) -> Self {
        Self { mss: Some(mss), ..self }
    }

    pub fn window_scale(self, shift: u8) -> Self {
        Self { window_scale: Some(shift), ..self }
    }

    pub fn sack_permitted(self) -> Self {
        Self { sack_permitted: Some(true), ..self }
    }

    pub fn timestamp(self, value: u32, echo: u32) -> Self {
        Self { timestamp: Some((value, echo)), ..self }
    }

    pub fn sack(self, left: u32, right: u32) -> Self {
        Self { sack: Some((left, right)), ..self }
    }

    /// Whether `seen` is what `self` describes.
    pub fn describes(&self, seen: &Self) -> bool {
        fn agrees<T: PartialEq>(wanted: &Option<T>, seen: &Option<T>) -> bool {
            wanted.is_none() || wanted == seen
        }
        (self.seq, self.ack, &self.payload) == (seen.seq, seen.ack, &seen.payload)
            && (self.syn, self.fin, self.rst) == (seen.syn, seen.fin, seen.rst)
            && agrees(&self.window, &seen.window)
            && agrees(&self.mss, &seen.mss)
            && agrees(&self.window_scale, &seen.window_scale)
            && agrees(&self.sack_permitted, &seen.sack_permitted)
            && agrees(&self.timestamp, &seen.timestamp)
            && agrees(&self.sack, &seen.sack)
    }

    /// TCP header and payload, checksum filled in. `base`: absolute numbers of both sides' SYN.
    pub fn encode(&self, ports: Ports, base: Base, sender: IpAddress, receiver: IpAddress) -> Vec<u8> {
        let mut options = Vec::new();
        let shift = |n: u32| n.wrapping_add(base.receiver);
        for option in [
            self.mss.map(TcpOption::MaxSegmentSize),
            self.window_scale.map(TcpOption::WindowScale),
            self.sack_permitted.filter(|yes| *yes).map(|_| TcpOption::SackPermitted),
            self.timestamp.map(|(tsval, tsecr)| TcpOption::TimeStamp { tsval, tsecr }),
            self.sack.map(|(left, right)| TcpOption::SackRange([Some((shift(left), shift(right))), None, None])),
        ]
        .into_iter()
        .flatten()
        {
            let mut bytes = vec![0; option.buffer_len()];
            option.emit(&mut bytes);
            options.extend(bytes);
        }
        // Kind 1: no operation.
        options.resize(options.len().next_multiple_of(4), 1);
        let header_len = 20 + options.len();
        let mut segment = TcpPacket::new_unchecked(vec![0; header_len + self.payload.len()]);
        segment.set_src_port(ports.sender);
        segment.set_dst_port(ports.receiver);
        segment.set_seq_number(TcpSeqNumber(self.seq.wrapping_add(base.sender) as i32));
        segment.set_ack_number(TcpSeqNumber(self.ack.map_or(0, |ack| ack.wrapping_add(base.receiver)) as i32));
        segment.clear_flags();
        segment.set_header_len(u8::try_from(header_len).expect("at most 40 bytes of options"));
        segment.set_syn(self.syn);
        segment.set_fin(self.fin);
        segment.set_rst(self.rst);
        segment.set_psh(self.psh);
        segment.set_ack(self.ack.is_some());
        segment.set_window_len(self.window.unwrap_or(u16::MAX));
        segment.options_mut().copy_from_slice(&options);
        segment.payload_mut().copy_from_slice(&self.payload);
        segment.fill_checksum(&sender, &receiver);
        segment.into_inner()
    }

    /// The segment in `bytes`, with absolute numbers ([`Segment::relative_to`] makes them readable).
    ///
    /// # Panics
    /// A segment that does not parse, or with a wrong checksum: our own hosts send none.
    pub fn decode(bytes: &[u8], sender: IpAddress, receiver: IpAddress) -> (Ports, Self) {
        let segment = TcpPacket::new_checked(bytes).expect("a whole TCP segment");
        assert!(segment.verify_checksum(&sender, &receiver), "wrong TCP checksum");
        let mut seen = Self {
            seq: segment.seq_number().0 as u32,
            ack: segment.ack().then(|| segment.ack_number().0 as u32),
            syn: segment.syn(),
            fin: segment.fin(),
            rst: segment.rst(),
            psh: segment.psh(),
            payload: segment.payload().to_vec(),
            window: Some(segment.window_len()),
            sack_permitted: Some(false),
            ..Self::default()
        };
        let mut rest = segment.options();
        while !rest.is_empty() {
            let (next, option) = TcpOption::parse(rest).expect("well-formed options");
            match option {
                TcpOption::MaxSegmentSize(bytes) => seen.mss = Some(bytes),
                TcpOption::WindowScale(shift) => seen.window_scale = Some(shift),
                TcpOption::SackPermitted => seen.sack_permitted = Some(true),
                TcpOption::SackRange(blocks) => seen.sack = blocks[0],
                TcpOption::TimeStamp { tsval, tsecr } => seen.timestamp = Some((tsval, tsecr)),
                TcpOption::EndOfList => break,
                TcpOption::NoOperation | TcpOption::Unknown { .. } => {}
            }
            rest = next;
        }
        (Ports { sender: segment.src_port(), receiver: segment.dst_port() }, seen)
    }

    /// Turns absolute numbers into relative ones.
    pub fn relative_to(self, base: Base) -> Self {
        Self {
            seq: self.seq.wrapping_sub(base.sender),
            ack: self.ack.map(|ack| ack.wrapping_sub(base.receiver)),
            sack: self.sack.map(|(left, right)| (left.wrapping_sub(base.receiver), right.wrapping_sub(base.receiver))),
            ..self
        }
    }
}

/// The ports of a segment or datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    pub sender: u16,
    pub receiver: u16,
}

/// The absolute number of each side's SYN; 0 while it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Base {
    pub sender: u32,
    pub receiver: u32,
}

/// As in `SYN-ACK seq 0 ack 1 win 65535 mss 1460`.
impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [(self.syn, "SYN"), (self.fin, "FIN"), (self.rst, "RST"), (self.ack.is_some(), "ACK")];
        let set: Vec<&str> = names.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| *name).collect();
        let flags = if set.is_empty() { "(no flags)".to_string() } else { set.join("-") };
        write!(f, "{flags} seq {}", self.seq)?;
        if let Some(ack) = self.ack {
            write!(f, " ack {ack}")?;
        }
        if !self.payload.is_empty() {
            let shown = &self.payload[..self.payload.len().min(16)];
            write!(f, " len {} \"{}\"", self.payload.len(), shown.escape_ascii())?;
        }
        let options = [("win", self.window), ("mss", self.mss), ("scale", self.window_scale.map(u16::from))];
        for (name, value) in options {
            if let Some(value) = value {
                write!(f, " {name} {value}")?;
            }
        }
        if self.sack_permitted == Some(true) {
            write!(f, " sack-permitted")?;
        }
        if let Some((left, right)) = self.sack {
            write!(f, " sack {left}-{right}")?;
        }
        if let Some((value, echo)) = self.timestamp {
            write!(f, " ts {value}/{echo}")?;
        }
        Ok(())
    }
}
