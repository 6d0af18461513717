//! How does a client get in when its half-open place has gone to another?

use core::net::SocketAddr;

use smoltcp::phy::{ChecksumCapabilities, Device};
use smoltcp::wire::{IpProtocol, IpRepr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber};

use super::Stack;
use super::classify::{self, Announced, Class, Segment};
use super::ingress::Origin;
use super::local::{self, Local};
use crate::addr::to_ip;
use crate::config::{Seed, Stream};
use crate::count::Count;
use crate::demux::{Route, TCP};
use crate::device::{Outlet, TxToken};
use crate::siphash::of_flow;
use crate::socket::slots::Body;
use crate::time::{Duration, Instant};

/// SYN cookies (RFC 4987 §3.6): while a listener is crowded, the initial sequence numbers of its children say what their SYNs said, and
/// are signed. A child that had to go for a younger one leaves nothing behind; if its client is an honest one, its ACK brings
/// the number back, and the child is made again.
#[derive(Clone, Copy)]
pub(crate) struct Cookies {
    key: [u64; 2],
}

/// What a cookie says of a SYN, in 6 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said {
    /// Which of [`MSS`] is what the peer can take at least.
    mss: u8,
    /// By how many bits its windows are scaled: at most 14.
    shift: u8,
}

impl Cookies {
    pub(crate) fn new(seed: &Seed) -> Self {
        Self { key: [Stream::CookiesLow, Stream::CookiesHigh].map(|name| seed.stream(name)) }
    }

    /// The number of our SYN-ACK to a SYN with the number `peer_isn`: 24 bits are the signature, and 8 say what was said and in which
    /// of four spans of time, under a pad.
    fn make(&self, local: SocketAddr, remote: SocketAddr, peer_isn: u32, said: Said, span: u64) -> u32 {
        let content = (span as u8 & 3) << 6 | said.mss << 4 | said.shift;
        let (pad, signature) = self.sign(local, remote, peer_isn, content);
        u32::from(content ^ pad) << 24 | signature
    }

    /// What was said, if `isn` is the number of a SYN-ACK of this span of time or the one before.
    fn check(&self, local: SocketAddr, remote: SocketAddr, peer_isn: u32, isn: u32, span: u64) -> Option<Said> {
        let (pad, _) = self.sign(local, remote, peer_isn, 0);
        let content = (isn >> 24) as u8 ^ pad;
        let (_, signature) = self.sign(local, remote, peer_isn, content);
        let age = (span as u8).wrapping_sub(content >> 6) & 3;
        let said = Said { mss: content >> 4 & 3, shift: content & 15 };
        (signature == isn & 0x00ff_ffff && age <= 1).then_some(said)
    }

    /// A pad that does not depend on `content`, and a signature of 24 bits that does.
    fn sign(&self, local: SocketAddr, remote: SocketAddr, peer_isn: u32, content: u8) -> (u8, u32) {
        let pad = of_flow(self.key, local, remote, peer_isn, PAD);
        let signature = of_flow(self.key, local, remote, peer_isn, u64::from(content));
        ((pad >> 56) as u8, signature as u32 & 0x00ff_ffff)
    }
}

/// Secrets do not belong into logs.
impl core::fmt::Debug for Cookies {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Cookies(..)")
    }
}

impl Stack<'_> {
    /// Whether so many children are half-open that one has to go for the next: that one may have to go soon too.
    pub(super) fn is_crowded(&self, listener: u32) -> bool {
        self.listener(listener).half_open.len >= self.config.half_open_max
    }

    /// With which number a child answers this SYN: while its listener `is_crowded` it is a cookie.
    pub(super) fn number_for(&mut self, segment: &Segment, bytes: &[u8], is_crowded: bool) -> u32 {
        let (local, remote) = (segment.flow.local, segment.flow.remote);
        if is_crowded && let Some(said) = Said::of(&classify::announced(bytes)) {
            return self.cookies.make(local, remote, segment.seq, said, span_of(self.now));
        }
        self.numbers.next(local, remote, self.now)
    }

    /// A segment that belongs to no connection: if it brings a cookie back, the listener that it is for, and what the cookie says.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn cookie(&self, segment: &Segment, bytes: &[u8], origin: Origin) -> Option<(u32, Said)> {
        let flags = segment.flags;
        let can_be_one = flags.ack() && !flags.syn() && !flags.rst() && !flags.fin() && origin == Origin::Wire;
        // In times of peace nobody is given a connection for a number.
        let is_time = self.crowded_until.is_some_and(|until| self.now < until);
        if !can_be_one || !is_time {
            return None;
        }
        self.said_by(segment).filter(|_| self.is_intact(bytes))
    }

    /// Makes the child again whose cookie this is, as if it had been there all the time, and hands it the segment.
    #[cold]
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn on_cookie(
        &mut self,
        (listener, said): (u32, Said),
        segment: &Segment,
        bytes: &[u8],
        reply: impl TxToken,
    ) {
        let (local, remote) = (segment.flow.local, segment.flow.remote);
        // Without room for it, it is as if the segment was lost: it comes again.
        let Some(child) = self.make_child(listener, local, remote) else { return };
        let isn = segment.ack.wrapping_sub(1);
        let mut buffer = [0; SYN_BYTES_MAX];
        let syn = said.syn(local, remote, segment.seq.wrapping_sub(1), &mut buffer);
        // What goes to nobody goes into a queue of this host to itself that is forgotten: with a device of its own the whole engine
        // would be there once more.
        let (mut entries, mut room) = (NOBODY_ENTRIES, [0; ANSWER_BYTES_MAX]);
        let mut nobody = Local::lent(&mut entries, &mut room);
        if let Some(syn) = syn
            && let Class::Tcp(opening) = classify::classify_ip(segment.flow.link, syn)
            && let Some(reply) = nobody.transmit(self.now.to_smoltcp())
        {
            self.slots.connection(child).isn = isn;
            self.deliver(child, &opening, syn, Origin::Wire, reply);
        }
        if self.has_answered_with(child, isn, nobody) {
            self.counters.syn_cookies_accepted.count_one();
            self.deliver(child, segment, bytes, Origin::Wire, reply);
        } else if !self.slots.get(child).is_free() {
            self.reap_child(child);
        }
    }

    /// The listener that a segment is for, and what its cookie says.
    fn said_by(&self, segment: &Segment) -> Option<(u32, Said)> {
        let (local, remote) = (segment.flow.local, segment.flow.remote);
        let Route::Listener(listener) = self.demux.route_unconnected(TCP, local, remote, &self.slots) else {
            return None;
        };
        let (peer_isn, isn) = (segment.seq.wrapping_sub(1), segment.ack.wrapping_sub(1));
        let said = self.cookies.check(local, remote, peer_isn, isn, span_of(self.now))?;
        Some((listener, said))
    }

    /// Lets a child send the SYN-ACK that its peer has had already, to nobody. Whether it had this number.
    fn has_answered_with(&mut self, child: u32, isn: u32, mut nobody: Local<'_>) -> bool {
        let now = self.now;
        let slot = self.slots.get_mut(child);
        let Body::Tcp(connection) = &mut slot.body else { return false };
        let Some(engine) = &mut connection.engine else { return false };
        while nobody.pop().is_some() {}
        let mut outlet = Outlet::new(&mut nobody);
        self.interfaces.usual().poll_egress(now.to_smoltcp(), &mut outlet, engine.set());
        let Some(sent) = outlet.log.segment.filter(|sent| sent.flags.syn() && sent.seq == isn) else { return false };
        connection.track.on_sent(&sent, now);
        true
    }
}

impl Said {
    /// `None`: no cookie can say it.
    fn of(announced: &Announced) -> Option<Self> {
        let peer_mss = announced.mss.unwrap_or(MSS[0]);
        let mss = MSS.iter().rposition(|mss| *mss <= peer_mss)? as u8;
        Some(Self { mss, shift: announced.window_shift })
    }

    /// A SYN that says this, as an IP packet; `buffer` has room for it.
    fn syn(self, local: SocketAddr, remote: SocketAddr, seq: u32, buffer: &mut [u8; SYN_BYTES_MAX]) -> Option<&[u8]> {
        let segment = TcpRepr {
            src_port: remote.port(),
            dst_port: local.port(),
            control: TcpControl::Syn,
            seq_number: TcpSeqNumber(seq as i32),
            ack_number: None,
            // The ACK behind it tells the real one.
            window_len: MSS[0],
            // None at all, and 0, come to the same: our own windows are never scaled.
            window_scale: Some(self.shift),
            max_seg_size: MSS.get(usize::from(self.mss)).copied(),
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload: &[],
        };
        let (from, to) = (to_ip(remote.ip()), to_ip(local.ip()));
        let packet = IpRepr::new(from, to, IpProtocol::Tcp, segment.buffer_len(), 64);
        let len = packet.buffer_len();
        let checksums = ChecksumCapabilities::default();
        let bytes = buffer.get_mut(..len)?;
        packet.emit(&mut *bytes, &checksums);
        let tcp = bytes.get_mut(packet.header_len()..)?;
        segment.emit(&mut TcpPacket::new_unchecked(tcp), &from, &to, &checksums);
        Some(bytes)
    }
}

/// Number of the span of time that `now` is in.
fn span_of(now: Instant) -> u64 {
    now.saturating_duration_since(Instant::ZERO).as_secs() / SPAN_SECS
}

/// Names the pad among what is hashed: no content of 8 bits is as large.
const PAD: u64 = 256;
/// What a cookie can say of a peer's MSS: the least that all take, and those of Ethernet with a tunnel, IPv6 and IPv4.
const MSS: [u16; 4] = [536, 1_220, 1_440, 1_460];
/// A cookie is good for one span of time at least, and two at most.
const SPAN_SECS: u64 = 64;
/// For how long after a listener was crowded its cookies are taken.
pub(super) const COOKIES_LAST: Duration = Duration::from_secs(128);
/// An IPv6 header, and a SYN with MSS and window scale.
const SYN_BYTES_MAX: usize = 40 + 28;
/// An IPv6 header, and a SYN-ACK with all options that there can be; a queue is one for packets of a quarter of its memory.
const ANSWER_BYTES_MAX: usize = 4 * (40 + 60 + 8);
/// Places for one packet, and for padding.
const NOBODY_ENTRIES: [local::Entry; 4] = [local::Entry::EMPTY; 4];

#[cfg(test)]
mod tests {
    use super::*;

    fn ends() -> (SocketAddr, SocketAddr) {
        (([192, 0, 2, 1], 80).into(), ([198, 51, 100, 2], 50_000).into())
    }

    fn cookies(byte: u8) -> Cookies {
        Cookies::new(&Seed::new([byte; 16]).expect("not zero"))
    }

    #[test]
    fn a_cookie_says_what_the_syn_said_for_one_span_and_the_next() {
        let (local, remote) = ends();
        for (mss, shift) in (0..4).flat_map(|mss| (0..15).map(move |shift| (mss, shift))) {
            let said = Said { mss, shift };
            let isn = cookies(1).make(local, remote, 77, said, 5);
            let check = |span| cookies(1).check(local, remote, 77, isn, span);
            assert_eq!([4, 5, 6, 7].map(check), [None, Some(said), Some(said), None]);
        }
    }

    #[test]
    fn a_cookie_is_for_one_peer_one_number_and_one_host() {
        let (local, remote) = ends();
        let said = Said { mss: 3, shift: 7 };
        let isn = cookies(1).make(local, remote, 77, said, 5);
        let other = SocketAddr::new(remote.ip(), 50_001);
        assert_eq!(cookies(1).check(local, other, 77, isn, 5), None);
        assert_eq!(cookies(1).check(local, remote, 78, isn, 5), None);
        assert_eq!(cookies(2).check(local, remote, 77, isn, 5), None);
        let wrong = (0..32).filter(|bit| cookies(1).check(local, remote, 77, isn ^ (1 << bit), 5).is_some());
        assert_eq!(wrong.count(), 0);
    }

    #[test]
    fn a_cookie_never_promises_a_larger_segment_than_the_peer_takes() {
        let said = |mss| Said::of(&Announced { mss, ..Announced::default() }).map(|said| MSS[usize::from(said.mss)]);
        let expected = [Some(536), None, Some(536), Some(1_220), Some(1_460), Some(1_460)];
        assert_eq!([None, Some(500), Some(1_219), Some(1_220), Some(1_460), Some(9_000)].map(said), expected);
    }
}
