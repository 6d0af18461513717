//! What does a box in the middle do to the segments that pass?

use crate::frame::{self, Medium};
use crate::nat::Nat;
use crate::packet::{self, Header, TCP, u16_of};

/// A box with two cables that changes TCP segments which pass, in both directions, and is otherwise not there: like a bridge
/// it has no address and takes no time. With [`nat`](Middlebox::nat) it is a router instead, which answers ARP on both sides.
/// The default changes nothing.
///
/// Segments with a wrong checksum pass as they came, so that the receiver finds what a cable damaged; fragments pass too.
///
/// ```
/// use smolsock_sim::middlebox::{Middlebox, Strip, TcpOption, Window};
/// use smolsock_sim::{World, link::Impairments};
///
/// let mut world = World::new(1);
/// let client = world.host("client", &["192.0.2.1/24"])?;
/// let server = world.host("server", &["192.0.2.2/24"])?;
/// let firewall = world.middlebox("firewall", Middlebox {
///     strip: vec![Strip::syn(TcpOption::WindowScale), Strip::syn(TcpOption::SackPermitted)],
///     mss_max: Some(1_024),
///     window: Some(Window::AtMost(4_096)),
///     ..Middlebox::default()
/// })?;
/// world.cable("inside", client, firewall, Impairments::default())?;
/// world.cable("outside", firewall, server, Impairments::default())?;
/// # Ok::<(), smolsock_sim::WorldError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Middlebox {
    /// Options that are taken out: the header becomes shorter.
    pub strip: Vec<Strip>,
    /// MSS options with more bytes than this are lowered to it.
    pub mss_max: Option<u16>,
    /// What becomes of the window field, in the numbers of the header: a window scale is not applied.
    pub window: Option<Window>,
    /// Addresses of the inside are hidden behind one of the outside. The cable that is laid first leads inside.
    pub nat: Option<Nat>,
}

/// An option to take out, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strip {
    /// Which option.
    pub option: TcpOption,
    /// Of all segments; else of those with SYN only.
    pub from_all: bool,
}

/// A TCP option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpOption {
    /// Kind 2: maximum segment size.
    Mss,
    /// Kind 3: window scale.
    WindowScale,
    /// Kind 4: SACK permitted.
    SackPermitted,
    /// Kind 5: SACK blocks.
    Sack,
    /// Kind 8: timestamps.
    Timestamps,
    /// Another kind: at least 2, for 0 and 1 (end of list and no operation) say nothing.
    Other(u8),
}

/// What becomes of a window field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Larger values are lowered to this.
    AtMost(u16),
    /// Every value becomes this.
    Exactly(u16),
}

impl Strip {
    /// Out of segments with SYN, where most options are agreed.
    pub const fn syn(option: TcpOption) -> Self {
        Self { option, from_all: false }
    }

    /// Out of all segments.
    pub const fn all(option: TcpOption) -> Self {
        Self { option, from_all: true }
    }
}

impl TcpOption {
    /// Its number (IANA, TCP Option Kind Numbers).
    pub const fn kind(self) -> u8 {
        match self {
            Self::Mss => KIND_MSS,
            Self::WindowScale => 3,
            Self::SackPermitted => 4,
            Self::Sack => 5,
            Self::Timestamps => 8,
            Self::Other(kind) => kind,
        }
    }
}

impl Window {
    const fn applied_to(self, window: u16) -> u16 {
        match self {
            Self::AtMost(max) if window > max => max,
            Self::AtMost(_) => window,
            Self::Exactly(exact) => exact,
        }
    }
}

impl Middlebox {
    /// `bytes` (a whole frame of `medium`) as it leaves.
    pub fn rewrite(&self, medium: Medium, bytes: Vec<u8>) -> Vec<u8> {
        if frame::ip_version(medium, &bytes).is_none() {
            return bytes;
        }
        let at = medium.header_bytes();
        match self.rewrite_packet(&bytes[at..]) {
            Some(packet) => [&bytes[..at], &packet].concat(),
            None => bytes,
        }
    }

    /// `packet` as it leaves; `None`: as it came.
    pub(crate) fn rewrite_packet(&self, packet: &[u8]) -> Option<Vec<u8>> {
        let header = Header::of(packet).filter(|header| header.protocol == TCP && header.is_whole())?;
        if !packet::is_intact(packet, &header) {
            return None;
        }
        let segment = &packet[header.payload()];
        let changed = self.rewrite_segment(segment)?;
        let mut packet = [&packet[..header.payload_at], &changed].concat();
        let total = packet.len();
        match packet[0] >> 4 {
            4 => packet[2..4].copy_from_slice(&(total as u16).to_be_bytes()),
            _ => packet[4..6].copy_from_slice(&((total - 40) as u16).to_be_bytes()),
        }
        packet::mend(&mut packet);
        Some(packet)
    }

    /// `segment` changed; `None` if nothing is to be changed, or its options are not well formed.
    fn rewrite_segment(&self, segment: &[u8]) -> Option<Vec<u8>> {
        let header_bytes = usize::from(segment.get(12)? >> 4) * 4;
        if header_bytes < 20 || segment.len() < header_bytes {
            return None;
        }
        let has_syn = segment[13] & FLAG_SYN != 0;
        let options = self.rewrite_options(&segment[20..header_bytes], has_syn)?;
        let mut changed = [&segment[..20], &options, &segment[header_bytes..]].concat();
        changed[12] = ((20 + options.len()) as u8 / 4) << 4 | (segment[12] & 0x0f);
        if let Some(window) = self.window {
            let window = window.applied_to(u16_of(segment, 14));
            changed[14..16].copy_from_slice(&window.to_be_bytes());
        }
        (changed != segment).then_some(changed)
    }

    /// The options that are left; if one went, without padding but what fills the last word up. `None`: they are not well
    /// formed.
    fn rewrite_options(&self, options: &[u8], has_syn: bool) -> Option<Vec<u8>> {
        let mut kept = options.to_vec();
        let mut left = Vec::with_capacity(options.len());
        let (mut at, mut is_shorter) = (0, false);
        // Each turn takes at least one byte.
        while at < options.len() && options[at] != KIND_END {
            let kind = options[at];
            if kind == KIND_NOP {
                at += 1;
                continue;
            }
            let bytes = usize::from(*options.get(at + 1)?);
            if bytes < 2 || at + bytes > options.len() {
                return None;
            }
            if let (KIND_MSS, 4, Some(max)) = (kind, bytes, self.mss_max) {
                let mss = u16_of(options, at + 2).min(max);
                kept[at + 2..at + 4].copy_from_slice(&mss.to_be_bytes());
            }
            if !self.strips(kind, has_syn) {
                left.extend_from_slice(&kept[at..at + bytes]);
            } else {
                is_shorter = true;
            }
            at += bytes;
        }
        if !is_shorter {
            return Some(kept);
        }
        left.resize(left.len().next_multiple_of(4), KIND_END);
        Some(left)
    }

    fn strips(&self, kind: u8, has_syn: bool) -> bool {
        self.strip.iter().any(|strip| strip.option.kind() == kind && (strip.from_all || has_syn))
    }
}

const KIND_END: u8 = 0;
const KIND_NOP: u8 = 1;
const KIND_MSS: u8 = 2;
const FLAG_SYN: u8 = 0x02;

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: [u8; 4] = [2, 4, 0x05, 0xb4];
    const SCALE: [u8; 3] = [3, 3, 7];
    const SACK_PERMITTED: [u8; 2] = [4, 2];
    const TIMESTAMPS: [u8; 10] = [8, 10, 0, 0, 0, 1, 0, 0, 0, 2];

    fn segment(flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
        assert!(options.len().is_multiple_of(4));
        let words = (5 + options.len() / 4) as u8;
        let fixed = [4, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 1, words << 4, flags, 0xff, 0xff, 0, 0, 0, 0];
        [&fixed, options, payload].concat()
    }

    fn in_ipv4(segment: &[u8]) -> Vec<u8> {
        packet::packet([192, 0, 2, 1].into(), [192, 0, 2, 2].into(), TCP, 64, segment)
    }

    /// Options of the segment after the box has changed it, its window and its payload; its checksums are right.
    fn after(middlebox: &Middlebox, bytes: Vec<u8>) -> (Vec<u8>, u16, Vec<u8>) {
        let bytes = middlebox.rewrite(Medium::Ip, bytes);
        let header = Header::of(&bytes).expect("a packet");
        assert_eq!(header.total_bytes, bytes.len());
        assert!(packet::is_intact(&bytes, &header));
        let segment = &bytes[header.payload()];
        let end = usize::from(segment[12] >> 4) * 4;
        (segment[20..end].to_vec(), u16_of(segment, 14), segment[end..].to_vec())
    }

    #[test]
    fn options_go_from_a_syn_and_the_header_becomes_shorter() {
        let options = [&MSS[..], &[1], &SCALE, &SACK_PERMITTED, &[1, 1]].concat();
        let strip = vec![Strip::syn(TcpOption::WindowScale), Strip::syn(TcpOption::SackPermitted)];
        let middlebox = Middlebox { strip, ..Middlebox::default() };
        let (left, window, _) = after(&middlebox, in_ipv4(&segment(0x02, &options, b"")));
        assert_eq!((left, window), (MSS.to_vec(), 0xffff));
    }

    #[test]
    fn options_of_later_segments_go_only_where_all_are_asked_for() {
        let options = [&[1, 1][..], &TIMESTAMPS].concat();
        let data = in_ipv4(&segment(0x10, &options, b"odd"));
        let syn_only = Middlebox { strip: vec![Strip::syn(TcpOption::Timestamps)], ..Middlebox::default() };
        assert_eq!(syn_only.rewrite(Medium::Ip, data.clone()), data);
        let all = Middlebox { strip: vec![Strip::all(TcpOption::Timestamps)], ..Middlebox::default() };
        assert_eq!(after(&all, data), (Vec::new(), 0xffff, b"odd".to_vec()));
    }

    #[test]
    fn the_mss_is_lowered_and_never_raised() {
        let syn = in_ipv4(&segment(0x02, &MSS, b""));
        let lowered = |max| after(&Middlebox { mss_max: Some(max), ..Middlebox::default() }, syn.clone()).0;
        assert_eq!(lowered(1_024), [2, 4, 4, 0]);
        assert_eq!(lowered(9_000), MSS);
    }

    #[test]
    fn windows_are_limited_or_set() {
        let ack = in_ipv4(&segment(0x10, &[], b""));
        let window = |window| after(&Middlebox { window: Some(window), ..Middlebox::default() }, ack.clone()).1;
        assert_eq!(window(Window::AtMost(4_096)), 4_096);
        assert_eq!(window(Window::Exactly(7)), 7);
    }

    #[test]
    fn segments_in_ipv6_are_changed_too() {
        let addr: std::net::IpAddr = "2001:db8::1".parse().expect("an address");
        let bytes = packet::packet(addr, addr, TCP, 64, &segment(0x02, &MSS, b""));
        let middlebox = Middlebox { strip: vec![Strip::syn(TcpOption::Mss)], ..Middlebox::default() };
        assert!(after(&middlebox, bytes).0.is_empty());
    }

    #[test]
    fn damaged_segments_and_malformed_options_pass_as_they_came() {
        let middlebox = Middlebox { mss_max: Some(100), window: Some(Window::Exactly(1)), ..Middlebox::default() };
        let mut damaged = in_ipv4(&segment(0x02, &MSS, b"x"));
        *damaged.last_mut().expect("bytes") ^= 1;
        assert_eq!(middlebox.rewrite(Medium::Ip, damaged.clone()), damaged);
        for options in [[2, 1, 0, 0], [2, 0, 0, 0], [2, 5, 0, 0], [1, 1, 1, 2]] {
            let bytes = in_ipv4(&segment(0x02, &options, b""));
            assert_eq!(middlebox.rewrite(Medium::Ip, bytes.clone()), bytes, "{options:?}");
        }
        let arp = vec![0xff; 42];
        assert_eq!(middlebox.rewrite(Medium::Ethernet, arp.clone()), arp);
    }
}
