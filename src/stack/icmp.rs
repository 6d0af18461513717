//! What does ICMP say to us, and we in ICMP?

use core::net::{IpAddr, SocketAddr};

use super::Stack;
use super::classify::ip::{Packet, Problem};
use super::classify::{Flow, ICMP, ICMPV6, IcmpError, IcmpErrorKind, checksum};
use super::emit::Header;
use super::membership::mld;
use super::outbound::Way;
use super::outbox::Letter;
use super::reassembly::Expired;
use crate::bytes;
use crate::count::Count;
use crate::demux::{Route, TCP, UDP};
use crate::device::{Device, Outlet, TxToken};
use crate::errno::Errno;
use crate::socket::tcp::TcpState;
use crate::socket::udp::Envelope;
use crate::time::Instant;

/// Why a packet of a peer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No UDP socket has the port.
    Port,
    /// Nobody speaks the protocol.
    Protocol,
    /// An IPv6 header asks for what this host cannot do.
    Header(Problem),
    /// The rest of its fragments did not come in time.
    Reassembly,
}

impl Stack<'_> {
    /// An ICMP or ICMPv6 message that is no error: echo requests are answered (RFC 1122 §3.2.2.6).
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn on_icmp(&mut self, flow: &Flow, packet: &Packet<'_>, reply: impl TxToken) {
        let Some(([kind, 0, ..], _)) = packet.payload.split_first_chunk::<8>() else { return };
        let is_v4 = packet.protocol == ICMP;
        let is_good = if is_v4 { checksum::is_good(checksum::sum(packet.payload)) } else { packet.has_good_checksum() };
        if !is_good {
            self.counters.dropped_malformed.count_one();
            return;
        }
        if !is_v4 && *kind == mld::QUERY {
            return self.on_mld(packet);
        }
        let [_, _, _, _, ident_high, ident_low, ..] = *packet.payload else { return };
        if *kind == if is_v4 { ECHO_REPLY } else { ECHO_REPLY_V6 } {
            return self.on_echo_reply(flow, packet, u16::from_be_bytes([ident_high, ident_low]));
        }
        let is_request = *kind == if is_v4 { ECHO_REQUEST } else { ECHO_REQUEST_V6 };
        // Linux `icmp_echo_ignore_broadcasts`: a request to everybody would be answered by everybody.
        if !is_request || (is_v4 && self.is_group(packet.destination)) || !crate::addr::is_unicast(packet.source) {
            return;
        }
        let own =
            if self.is_group(packet.destination) { self.source_for(packet.source) } else { Some(packet.destination) };
        let Some(own) = own else { return };
        let header =
            Header { source: own, destination: packet.source, protocol: packet.protocol, ttl: TTL, tos: packet.tos };
        let kind = if is_v4 { ECHO_REPLY } else { ECHO_REPLY_V6 };
        self.reply_icmp(flow, &header, [kind, 0], [], packet.payload.get(4..).unwrap_or_default(), reply);
    }

    /// The answer to an echo request: for the ICMP socket that has its identifier.
    fn on_echo_reply(&mut self, flow: &Flow, packet: &Packet<'_>, ident: u16) {
        let (local, remote) = (SocketAddr::new(flow.local.ip(), ident), SocketAddr::new(flow.remote.ip(), 0));
        if let Route::Socket(index) = self.demux.route(ICMP, local, remote, &self.slots, &self.time_wait) {
            self.counters.sockets_visited_in.count_one();
            let (local, ttl, tos) = (local.ip(), Some(packet.hop_limit), packet.tos);
            self.queue_datagram(index, Envelope { remote, local, ttl, tos, is_whole: false }, packet.payload);
        }
    }

    /// Sends an ICMP message as the answer to what came in `flow`: type and code, checksum, `head`, `data`.
    #[expect(clippy::arithmetic_side_effects, reason = "what is answered fitted into a packet, and headers are short")]
    fn reply_icmp<const N: usize>(
        &mut self,
        flow: &Flow,
        header: &Header,
        kind: [u8; 2],
        head: [u8; N],
        data: &[u8],
        reply: impl TxToken,
    ) {
        let (header_len, message_len) = (header.len(), 4 + N + data.len());
        let path = self.way_back(flow);
        let mtu = self.mtu_towards(header.destination);
        if header_len + message_len > mtu {
            self.ident = self.ident.wrapping_add(1);
            let letter = Letter { header: *header, path, ident: self.ident, mtu };
            match self.outbox.put(letter, message_len) {
                Some(message) => {
                    self.counters.fragmented.count_one();
                    write_message(message, header, kind, head, data);
                }
                None => self.counters.dropped_too_large.count_one(),
            }
            return;
        }
        let checksums = self.checksums_towards(header.destination);
        path.send(reply, header_len + message_len, |buffer| {
            header.write(buffer, message_len, &checksums);
            write_message(buffer.get_mut(header_len..).unwrap_or_default(), header, kind, head, data);
        });
        self.counters.frames_out.count_one();
    }

    /// Tells the sender of `packet` that nobody takes it, where that is due (RFC 1122 §3.2.2: never about
    /// packets to a group or from nobody in particular). `bytes`: the whole packet that is refused.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn refuse_packet(&mut self, refusal: Refusal, flow: &Flow, bytes: &[u8], reply: impl TxToken) {
        self.counters.refused.count_if(refusal != Refusal::Reassembly);
        let (own, peer) = (flow.local.ip(), flow.remote.ip());
        // RFC 4443 §2.4 (e.3): only a problem with an option is told about packets to a group.
        let is_told_to_all = matches!(refusal, Refusal::Header(Problem { is_for_groups: true, .. }));
        let is_to_us = self.is_local(own) && flow.link.is_none_or(|(_, to)| to.is_unicast());
        let is_to_us = is_to_us || is_told_to_all;
        if !is_to_us || !crate::addr::is_unicast(peer) || !self.icmp_budget.take(self.now) {
            return;
        }
        let own = if self.is_local(own) { Some(own) } else { self.source_for(peer) };
        let Some(own) = own else { return };
        let is_v4 = own.is_ipv4();
        let protocol = if is_v4 { ICMP } else { ICMPV6 };
        let header = Header { source: own, destination: peer, protocol, ttl: TTL, tos: 0 };
        let (kind, detail) = match (refusal, is_v4) {
            (Refusal::Port, true) => ([3, 3], 0),
            (Refusal::Port, false) => ([1, 4], 0),
            (Refusal::Protocol, true) => ([3, 2], 0),
            // RFC 4443 §3.4: the pointer names the field that says so.
            (Refusal::Protocol, false) => ([4, 1], super::classify::ip::last_next_header(bytes)),
            (Refusal::Header(problem), _) => ([4, problem.code], problem.pointer),
            (Refusal::Reassembly, true) => ([11, 1], 0),
            (Refusal::Reassembly, false) => ([3, 1], 0),
        };
        // RFC 1812 §4.3.2.3 and RFC 4443 §2.4 (c): as much as fits without making the error too long.
        let room = if is_v4 { IPV4_ERROR_MAX } else { IPV6_ERROR_MAX }.min(self.mtu_towards(peer));
        let quote = bytes.get(..room.saturating_sub(header.len()).saturating_sub(8)).unwrap_or(bytes);
        self.reply_icmp(flow, &header, kind, u32::to_be_bytes(detail), quote, reply);
    }

    /// An IPv6 packet that asks for what this host cannot do (RFC 8200 §4.2 and §4.4).
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn on_problem(&mut self, flow: &Flow, problem: Problem, bytes: &[u8], reply: impl TxToken) {
        if problem.is_silent {
            self.counters.refused.count_one();
        } else {
            self.refuse_packet(Refusal::Header(problem), flow, bytes, reply);
        }
    }

    /// Gives up packets whose fragments did not come in time, and tells their senders where the first
    /// fragment came (RFC 792, RFC 8200 §4.5).
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    #[expect(clippy::arithmetic_side_effects, reason = "`frame` has just counted it")]
    pub(super) fn expire_fragments(&mut self, outlet: &mut Outlet<'_, impl Device + ?Sized>) {
        let mut reassembly = core::mem::take(&mut self.reassembly);
        while let Some(Expired { key, first }) = reassembly.expire(self.now) {
            self.counters.reassembly_failures.count_one();
            let Some(first) = first else { continue };
            let Way::Device(mac) = self.way_to(key.source) else { continue };
            let link = self.config.mac.zip(mac).map(|(own, peer)| (peer, own));
            let flow = Flow { local: (key.destination, 0).into(), remote: (key.source, 0).into(), link };
            // An error that finds no room is not worth waiting for.
            let Some(token) = outlet.frame(self.now.to_smoltcp()) else { continue };
            self.refuse_packet(Refusal::Reassembly, &flow, first, token);
            // It counts where it is sent.
            outlet.log.sent -= 1;
        }
        self.reassembly = reassembly;
    }

    /// An ICMP error about a packet of ours (B21: smoltcp needs the whole packet quoted).
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn on_icmp_error(&mut self, error: &IcmpError) {
        // The error comes to the host that sent the packet it quotes.
        let own = error.carrier.local.ip();
        if !self.is_local(own) || error.quoted_local.ip() != own {
            self.counters.dropped_icmp_errors.count_one();
            return;
        }
        let (ours, theirs) = (error.quoted_local, error.quoted_remote);
        let protocol = match error.quoted_protocol {
            ICMPV6 => ICMP,
            protocol => protocol,
        };
        let route = self.demux.find(protocol, &ours, Some(&theirs), &self.slots, &self.time_wait);
        match (protocol, route) {
            (TCP, Route::Socket(index)) => self.on_error_about_segment(index, error),
            // Only a connected socket hears of it (Linux udp(7), without IP_RECVERR).
            (UDP | ICMP, Route::Socket(index)) => match error.kind {
                IcmpErrorKind::FragmentationNeeded { mtu } => {
                    self.learn_path_mtu(theirs.ip(), mtu);
                    // The datagram is lost: later ones are cut to what the way carries.
                    self.slots.get_mut(index).fail(errno_of(error.kind));
                }
                // Linux tells nobody without IP_RECVERR.
                IcmpErrorKind::TimeExceeded | IcmpErrorKind::Other => {}
                IcmpErrorKind::PortUnreachable
                | IcmpErrorKind::HostUnreachable
                | IcmpErrorKind::NetUnreachable
                | IcmpErrorKind::ProtocolUnreachable => self.slots.get_mut(index).fail(errno_of(error.kind)),
            },
            _ => self.counters.dropped_icmp_errors.count_one(),
        }
        if !matches!(error.kind, IcmpErrorKind::TimeExceeded | IcmpErrorKind::Other) {
            self.fail_raws(error.quoted_protocol, ours.ip(), theirs.ip(), errno_of(error.kind));
        }
    }

    /// RFC 5927 §4.1: only what quotes a sequence number in flight is believed. RFC 9293 §3.9.2.2: hard errors end
    /// an attempt to connect, and nothing else does; what may pass is kept as the cause of a time-out.
    fn on_error_about_segment(&mut self, index: u32, error: &IcmpError) {
        let connection = self.slots.connection(index);
        if !error.quoted_tcp_seq.is_some_and(|seq| connection.is_in_flight(seq)) {
            self.counters.dropped_icmp_errors.count_one();
            return;
        }
        let is_attempt = connection.state() == TcpState::SynSent;
        match error.kind {
            IcmpErrorKind::FragmentationNeeded { mtu } => {
                let remote = error.quoted_remote.ip();
                if self.learn_path_mtu(remote, mtu) {
                    self.fit_segments(index, remote);
                    self.make_due(index);
                }
            }
            IcmpErrorKind::PortUnreachable | IcmpErrorKind::ProtocolUnreachable if is_attempt => {
                self.slots.get_mut(index).fail(errno_of(error.kind));
                self.over(index);
            }
            kind => connection.soft_error = Some(errno_of(kind)),
        }
    }

    /// A router says how large packets to `remote` may be. Returns whether that is news.
    fn learn_path_mtu(&mut self, remote: IpAddr, reported: u32) -> bool {
        let longest = self.mtu_towards(remote);
        !self.is_local(remote) && self.path_mtus.learn(remote, reported, longest, self.ip_mtu, self.now).is_some()
    }
}

/// Linux `icmp_err_convert` and `icmpv6_err_convert`.
fn errno_of(kind: IcmpErrorKind) -> Errno {
    match kind {
        IcmpErrorKind::PortUnreachable => Errno::ECONNREFUSED,
        IcmpErrorKind::HostUnreachable | IcmpErrorKind::TimeExceeded => Errno::EHOSTUNREACH,
        IcmpErrorKind::NetUnreachable => Errno::ENETUNREACH,
        IcmpErrorKind::ProtocolUnreachable => Errno::ENOPROTOOPT,
        IcmpErrorKind::FragmentationNeeded { .. } => Errno::EMSGSIZE,
        IcmpErrorKind::Other => Errno::EPROTO,
    }
}

/// Fills the room of a message: type and code, checksum, `head`, `data`.
#[expect(clippy::arithmetic_side_effects, reason = "`sum` leaves room for a few sums")]
fn write_message<const N: usize>(message: &mut [u8], header: &Header, kind: [u8; 2], head: [u8; N], data: &[u8]) {
    let Some(([kind_at, code_at, rest_at @ ..], rest)) = message.split_first_chunk_mut::<4>() else { return };
    ([*kind_at, *code_at], *rest_at) = (kind, [0; 2]);
    let head_len = bytes::copy(&head, rest);
    bytes::copy(data, rest.get_mut(head_len..).unwrap_or_default());
    let pseudo = match header.protocol {
        ICMPV6 => checksum::pseudo(header.source, header.destination, ICMPV6, message.len() as u32),
        _ => 0,
    };
    let sum = checksum::finish(pseudo + checksum::sum(message));
    if let Some([_, _, checksum @ ..]) = message.first_chunk_mut::<4>() {
        *checksum = sum.to_be_bytes();
    }
}

/// How many ICMP errors may be sent now (RFC 4443 §2.4 (f); the numbers are those of Linux
/// `icmp_msgs_burst` and `icmp_msgs_per_sec`).
#[derive(Debug)]
pub(super) struct Budget {
    tokens: u32,
    counted_at: Instant,
}

impl Budget {
    pub(super) const FULL: Self = Self { tokens: BURST, counted_at: Instant::ZERO };

    /// Takes one, if there is one.
    fn take(&mut self, now: Instant) -> bool {
        let earned = now.saturating_duration_since(self.counted_at).as_micros() / TOKEN_US;
        if earned > 0 {
            self.tokens = BURST.min(self.tokens.saturating_add(u32::try_from(earned).unwrap_or(BURST)));
            self.counted_at = now;
        }
        let has_one = self.tokens > 0;
        self.tokens = self.tokens.saturating_sub(1);
        has_one
    }
}

const ECHO_REPLY: u8 = 0;
/// An echo request of ICMP.
pub(super) const ECHO_REQUEST: u8 = 8;
/// An echo request of ICMPv6.
pub(super) const ECHO_REQUEST_V6: u8 = 128;
const ECHO_REPLY_V6: u8 = 129;
/// TTL of what this host itself sends (RFC 1700's default, Linux's too).
const TTL: u8 = 64;
/// RFC 1812 §4.3.2.3: an ICMP error is 576 bytes at most.
const IPV4_ERROR_MAX: usize = 576;
/// RFC 4443 §2.4 (c): the minimum IPv6 MTU.
const IPV6_ERROR_MAX: usize = 1280;
/// Errors that may be sent at once.
const BURST: u32 = 50;
/// The time in which one more is earned.
const TOKEN_US: u128 = 1_000;
