//! What becomes of a received frame?

use core::net::IpAddr;

use smoltcp::wire::TcpControl;

use super::Stack;
use super::challenge::{self, Guess};
use super::classify::ip::trim;
use super::classify::{Class, Content, Flow, Segment, classify, classify_ip, open};
use super::early;
use super::emit::Bare;
use super::icmp::Refusal;
use super::local::Local;
use super::membership::igmp::IGMP;
use super::reassembly::{self, Outcome};
use super::time_wait::{Facts, Verdict};
use crate::addr::MacAddr;
use crate::count::Count;
use crate::demux::{Route, TCP};
use crate::device::{Device, OneFrame, RxToken, TxToken};
use crate::invariant::impossible;
use crate::socket::slots::Body;
use crate::socket::tcp::{Stage, TcpState};

impl Stack<'_> {
    /// Takes frames from the device, and packets of this host to itself. Returns whether there are no more.
    pub(super) fn ingress(&mut self, device: &mut (impl Device + ?Sized)) -> bool {
        let now = self.now.to_smoltcp();
        if !self.local.is_empty() {
            self.ingress_local();
        }
        for _ in 0..self.config.step_frames_max {
            let Some((frame, reply)) = device.receive(now) else { return true };
            self.counters.frames_in.count_one();
            frame.consume(|frame| match open(self.medium, frame) {
                // Told where it is used: a class is too large to be handed about for every segment.
                Ok(Content::Ip(link, bytes)) => {
                    self.on_class(&classify_ip(link, bytes), bytes, Origin::Wire, reply);
                }
                Ok(Content::Arp(..)) | Err(_) => {
                    let (class, bytes) = classify(self.medium, frame);
                    self.on_other(&class, bytes, Origin::Wire, reply);
                }
            });
        }
        false
    }

    /// The packets that this host sent to itself; what they are answered with comes in the next step.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn ingress_local(&mut self) {
        let mut from = core::mem::replace(&mut self.local, Local::nowhere());
        let mut to = core::mem::replace(&mut self.local_spare, Local::nowhere());
        while let Some(bytes) = from.pop() {
            // An answer needs room. A packet without it is lost, as in any full queue.
            match to.transmit(self.now.to_smoltcp()) {
                Some(reply) => self.on_class(&classify_ip(None, bytes), bytes, Origin::Local, reply),
                None => self.counters.dropped_local_overflow.count_one(),
            }
        }
        (self.local, self.local_spare) = (to, from);
    }

    /// What is in a frame or a packet. `bytes`: the IP packet (or the ARP packet), without its frame.
    #[inline]
    fn on_class(&mut self, class: &Class, bytes: &[u8], origin: Origin, reply: impl TxToken) {
        if !self.raws.is_empty() {
            self.copy_to_raws(class, bytes, origin);
        }
        if let Class::Tcp(segment) = class {
            self.on_segment(segment, bytes, origin, reply);
        } else {
            self.on_other(class, bytes, origin, reply);
        }
    }

    /// What is no segment.
    #[inline(never)] // inlined, it would only make the path of segments spill
    fn on_other(&mut self, class: &Class, bytes: &[u8], origin: Origin, reply: impl TxToken) {
        match class {
            Class::Tcp(_) => impossible("segments have a way of their own"),
            Class::Arp(arp) => self.on_arp(arp, reply),
            Class::Ndp(ndp) => self.on_ndp(ndp, reply),
            Class::Udp(flow) | Class::Icmp(flow) | Class::Ip(flow) | Class::Fragment(flow) => {
                if self.admit(flow, bytes, origin) {
                    self.on_packet(class, flow, bytes, origin, reply);
                }
            }
            Class::IcmpError(error) => {
                if self.admit(&error.carrier, bytes, origin) {
                    self.on_icmp_error(error);
                }
            }
            Class::Problem(flow, problem) => {
                if self.admit(flow, bytes, origin) {
                    self.on_problem(flow, *problem, trim(bytes), reply);
                }
            }
            Class::Other => self.counters.dropped_unknown.count_one(),
            Class::Malformed => self.counters.dropped_malformed.count_one(),
        }
    }

    /// A packet that was put together. Its fragments were admitted, and the header is our own.
    fn on_whole(&mut self, class: &Class, bytes: &[u8], origin: Origin, reply: impl TxToken) {
        if !self.raws.is_empty() {
            self.copy_to_raws(class, bytes, origin);
        }
        match class {
            // No device looks at a checksum over several packets.
            Class::Tcp(_) if !self.checksums.tcp.rx() && !super::classify::has_good_checksums(bytes) => {
                self.counters.dropped_malformed.count_one();
            }
            Class::Tcp(segment) => self.on_segment(segment, bytes, origin, reply),
            Class::Udp(flow) | Class::Icmp(flow) | Class::Ip(flow) => self.on_content(class, flow, bytes, reply),
            Class::IcmpError(error) => self.on_icmp_error(error),
            Class::Problem(flow, problem) => self.on_problem(flow, *problem, bytes, reply),
            // RFC 6980 §5: neighbour discovery is never fragmented. RFC 8200 §4.5: nor are fragments.
            Class::Arp(_) | Class::Ndp(_) | Class::Fragment(_) | Class::Other => {
                self.counters.dropped_unknown.count_one()
            }
            Class::Malformed => self.counters.dropped_malformed.count_one(),
        }
    }

    /// Whether a packet that is no segment is for this host, and can be what it says.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn admit(&mut self, flow: &Flow, bytes: &[u8], origin: Origin) -> bool {
        let (own, peer) = (flow.local.ip(), flow.remote.ip());
        let is_for_us = self.is_for_us(flow.link) && (self.is_local(own) || self.is_group(own));
        if !is_for_us || !self.can_come_from(peer, own, origin) {
            self.counters.dropped_not_for_us.count_one();
            return false;
        }
        if self.checksums.ipv4.rx() && !super::classify::ip::has_good_header(bytes) {
            self.counters.dropped_malformed.count_one();
            return false;
        }
        if own.is_multicast() && !self.is_member(own) {
            self.counters.dropped_not_joined.count_one();
            return false;
        }
        self.confirm_neighbor(peer, own, flow.link);
        true
    }

    /// RFC 1122 §3.2.1.3: loopback addresses never come over a wire, and nobody else has an own address;
    /// no packet comes from a group.
    pub(super) fn can_come_from(&self, peer: IpAddr, own: IpAddr, origin: Origin) -> bool {
        let is_possible = match origin {
            Origin::Wire => !self.is_local(peer) && !own.is_loopback(),
            Origin::Local => true,
        };
        // Linux `ip6_rcv_core`: a socket for both families would take IPv6 for IPv4, 127.0.0.1 even.
        let is_mapped = matches!(peer, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
        is_possible && !is_mapped && !peer.is_multicast() && !self.is_broadcast(peer)
    }

    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn on_packet(&mut self, class: &Class, flow: &Flow, bytes: &[u8], origin: Origin, reply: impl TxToken) {
        if let Class::Fragment(_) = class {
            return self.on_fragment(flow, bytes, origin, reply);
        }
        self.on_content(class, flow, trim(bytes), reply);
    }

    fn on_content(&mut self, class: &Class, flow: &Flow, bytes: &[u8], reply: impl TxToken) {
        let Ok(packet) = super::classify::ip::parse(bytes) else { return };
        match class {
            Class::Udp(_) => self.on_datagram(flow, &packet, bytes, reply),
            Class::Icmp(_) => self.on_icmp(flow, &packet, reply),
            Class::Ip(_) if packet.protocol == IGMP => self.on_igmp(&packet),
            _ if self.is_for_a_raw(&packet) => {}
            _ => self.refuse_packet(Refusal::Protocol, flow, bytes, reply),
        }
    }

    /// A part of a packet: when it is the last one missing, the whole packet is as if it had come at once.
    fn on_fragment(&mut self, flow: &Flow, bytes: &[u8], origin: Origin, reply: impl TxToken) {
        // Taken out, so that the packet in it can be handed on.
        let mut reassembly = core::mem::take(&mut self.reassembly);
        let Outcome { verdict, has_evicted } = reassembly.on_fragment(bytes, self.now);
        self.counters.reassembly_failures.count_if(has_evicted);
        match verdict {
            reassembly::Verdict::Incomplete => {}
            reassembly::Verdict::Dropped(_) => self.counters.dropped_fragments.count_one(),
            reassembly::Verdict::Complete(packet) => {
                self.counters.reassembled.count_one();
                self.on_whole(&classify_ip(flow.link, packet), packet, origin, reply);
            }
        }
        self.reassembly = reassembly;
    }

    #[inline]
    fn on_segment(&mut self, segment: &Segment, bytes: &[u8], origin: Origin, reply: impl TxToken) {
        let Flow { local, remote, link } = &segment.flow;
        if let Some((_, to)) = link
            && Some(*to) != self.config.mac
        {
            // RFC 1122 §3.3.6: a frame to everybody carries nothing to one address.
            let is_for_others = to.is_unicast();
            self.counters.dropped_not_for_us.count_if(is_for_others);
            self.counters.dropped_tcp_not_unicast.count_if(!is_for_others);
            return;
        }
        if !self.slots.is_connection(self.last, local, remote) {
            match self.demux.find(TCP, local, Some(remote), &self.slots, &self.time_wait) {
                Route::Socket(index) => self.last = index,
                route => return self.on_stray(route, segment, bytes, origin, reply),
            }
        }
        self.deliver(self.last, segment, bytes, origin, reply);
    }

    /// A segment that belongs to no connection.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn on_stray(&mut self, route: Route, segment: &Segment, bytes: &[u8], origin: Origin, reply: impl TxToken) {
        let Flow { local, remote, .. } = &segment.flow;
        match route {
            Route::Socket(_) => impossible("it belongs to a connection"),
            Route::TimeWait(_) | Route::Nobody if !self.can_come_from(remote.ip(), local.ip(), origin) => {
                self.counters.dropped_not_for_us.count_one();
            }
            Route::TimeWait(index) => self.on_time_wait(index, segment, bytes, origin, reply),
            Route::Listener(_) => impossible("a listener has no remote address"),
            // Connections have own addresses; whatever has none may be for somebody else.
            Route::Nobody if !self.is_local(local.ip()) => self.drop_foreign(local.ip()),
            Route::Nobody if segment.is_opening() => self.on_opening(segment, bytes, origin, reply),
            Route::Nobody => match self.cookie(segment, bytes, origin) {
                Some(cookie) => self.on_cookie(cookie, segment, bytes, reply),
                None => self.refuse_segment(segment, bytes, reply),
            },
        }
    }

    /// A segment to an address that is not this host's.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn drop_foreign(&mut self, local: IpAddr) {
        // B1: smoltcp lets a SYN to a group address take a wildcard listener away.
        if self.is_group(local) {
            self.counters.dropped_tcp_not_unicast.count_one();
        } else {
            self.counters.dropped_not_for_us.count_one();
        }
    }

    /// A segment for a connection that does not exist (RFC 9293 §3.5.2, group 1). smoltcp leaves the
    /// acknowledgement out where the segment has none (B20), and the peer would ignore the reset.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn refuse_segment(&mut self, segment: &Segment, bytes: &[u8], reply: impl TxToken) {
        if !self.is_intact(bytes) {
            self.counters.dropped_malformed.count_one();
            return;
        }
        self.counters.refused.count_one();
        let flags = segment.flags;
        if flags.rst() {
            return;
        }
        self.counters.resets_sent.count_one();
        if flags.ack() {
            return self.answer(segment, true, (segment.ack, None), reply);
        }
        let controls = flags.span();
        let end = segment.seq.wrapping_add(segment.payload_len as u32).wrapping_add(controls);
        self.answer(segment, true, (0, Some(end)), reply);
    }

    /// Answers a segment with a bare one.
    fn answer(&mut self, segment: &Segment, is_reset: bool, (seq, ack): (u32, Option<u32>), reply: impl TxToken) {
        let Flow { local, remote, .. } = segment.flow;
        let path = self.way_back(&segment.flow);
        let checksums = self.checksums_towards(remote.ip());
        let control = if is_reset { TcpControl::Rst } else { TcpControl::None };
        let bare = Bare { local, remote, control, seq, ack, window: 0, hops: 64 };
        super::emit::bare(reply, &path, &bare, &checksums);
        self.counters.frames_out.count_one();
    }

    /// Hands a segment to its connection, and looks at what it did there.
    pub(super) fn deliver(&mut self, index: u32, segment: &Segment, bytes: &[u8], origin: Origin, reply: impl TxToken) {
        let now = self.now;
        let mut path = self.way_back(&segment.flow);
        let is_verified = self.is_verified_by_device();
        let slot = self.slots.get_mut(index);
        let Body::Tcp(connection) = &mut slot.body else {
            return impossible("segments are routed to connections");
        };
        if connection.is_local != (origin == Origin::Local) {
            // RFC 1122 §3.2.1.3: somebody on the wire says that it is this host.
            self.counters.dropped_not_for_us.count_one();
            return;
        }
        if segment.flags.rst() || segment.flags.syn() {
            let guess = challenge::judge(connection, segment);
            if guess != Guess::Right {
                return self.on_guess(guess, index, segment, bytes, reply);
            }
        }
        if segment.flags.fin() && connection.is_fin_beyond_window(segment.seq, segment.payload_len) {
            // It comes again, when there is room for all of it.
            self.counters.dropped_fin_beyond_window.count_one();
            return;
        }
        if connection.is_repeated_ack_of_fin(segment) {
            return;
        }
        if let Some((from, _)) = segment.flow.link {
            self.neighbors.confirm(segment.flow.remote.ip(), from, now);
        }
        let ack_numbers = connection.ack_numbers();
        let heard_at = connection.heard_at(now);
        let Some(engine) = &mut connection.engine else {
            return impossible("a routed connection has an engine");
        };
        connection.probes = 0;
        (connection.probe_at, connection.owes_probe) = (None, false);
        let before = engine.facts();
        if before.state == TcpState::SynSent && !connection.track.has_sent() {
            // B28: nobody can answer a SYN that was not sent; one that crosses it comes again.
            self.counters.dropped_early_syn.count_one();
            return;
        }
        path.tos = slot.options.services(segment.flow.remote.ip());
        path.has_tcp_checksum |= connection.is_local;
        path.ack_numbers = ack_numbers;
        let is_sure = !connection.track.widens(segment) || is_verified || super::classify::has_good_checksums(bytes);
        let mut one = OneFrame::new(bytes, reply, path);
        let (is_local, mtu, own) = (connection.is_local, connection.mtu, segment.flow.local.ip());
        let interface = match before.state {
            TcpState::Listen => self.interfaces.begin(connection.isn, is_local, mtu, own),
            _ => self.interfaces.get(is_local, mtu, own),
        };
        let mut again = None;
        let mut after = loop {
            interface.poll_ingress_single(heard_at.to_smoltcp(), &mut one, engine.set());
            let after = engine.facts();
            let queued = (before.send_queue, after.send_queue);
            let left = again.unwrap_or_else(|| connection.track.repeats(segment, bytes, queued, now));
            if left == 0 || !one.comes_again(bytes) {
                break after;
            }
            again = Some(left.saturating_sub(1));
        };
        self.counters.sockets_visited_in.count_one();
        self.counters.frames_out.count_many(one.log.sent);
        let sent = one.log.segment;
        let (mut is_changed, unacknowledged) = (after.state != before.state, before.send_queue);
        // R2 waits for progress, not for signs of life: whoever says that its window is closed is alive.
        let is_put_off = segment.window == 0 && connection.settings.is_patient_with_closed_windows();
        if is_changed || after.send_queue < unacknowledged || is_put_off {
            connection.progress_at = now;
        }
        // Only what smoltcp took: a damaged or old ACK was not heard, and its number comes again.
        if after.send_queue < unacknowledged || (is_changed && !before.state.is_synchronized()) {
            connection.last_ack = Some(segment.ack);
            connection.soft_error = None;
            connection.owes_oldest = false;
        }
        if segment.flags.syn() && is_changed {
            connection.unread_from = segment.seq.wrapping_add(1);
            connection.track.on_syn(segment, &super::classify::announced(bytes));
        }
        let is_ack_lost = unacknowledged > 0 && after.send_queue == unacknowledged && segment.flags.ack();
        if is_ack_lost && connection.track.is_news(segment.ack) {
            self.counters.tcp_acks_not_taken.count_one();
        }
        connection.on_received(segment, is_sure, unacknowledged, after, now);
        if (segment.flags.fin() || connection.early_fin.is_some())
            && let Some(heard) = early::hear_fin(connection, interface, segment, (bytes, is_verified), now)
        {
            (after, is_changed) = (heard, heard.state != before.state);
        }
        if let Some(sent) = sent {
            let is_repeated = connection.track.on_sent(&sent, now);
            self.counters.tcp_retransmissions.count_if(is_repeated);
        }
        let has_data = after.recv_queue > 0;
        let is_unwanted = has_data && (connection.shut_read || (!slot.owned && connection.stage == Stage::Own));
        let is_awaited = slot.is_awaited();
        // Data, the end of the stream, or success: the application may want to answer.
        let is_news = has_data || (is_changed && matches!(after.state, TcpState::Established | TcpState::CloseWait));
        let is_answered_later = is_news && slot.owned && !is_unwanted;
        if is_changed {
            self.on_transition(index, before.state, after.state, segment);
            if self.slots.get(index).is_free() {
                return;
            }
        }
        if is_unwanted {
            self.take_unwanted(index);
        }
        if is_awaited {
            self.wake_ready(index);
        }
        if is_answered_later {
            self.make_answering(index);
        } else {
            self.make_due(index);
        }
    }

    /// A SYN that belongs to no connection: a listener's, or nobody's.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn on_opening(&mut self, segment: &Segment, bytes: &[u8], origin: Origin, reply: impl TxToken) {
        let Flow { local, remote, .. } = segment.flow;
        match self.demux.route_unconnected(TCP, local, remote, &self.slots) {
            // A damaged SYN would hold a child's place until its timer ends.
            Route::Listener(_) if !self.is_intact(bytes) => self.counters.dropped_malformed.count_one(),
            Route::Listener(listener) => {
                // A dropped SYN comes again; a full queue may have room by then.
                let is_crowded = self.is_crowded(listener) && origin == Origin::Wire;
                if let Some(child) = self.make_child(listener, local, remote) {
                    self.slots.connection(child).isn = self.number_for(segment, bytes, is_crowded);
                    self.deliver(child, segment, bytes, origin, reply);
                    self.reap_unmoved(child);
                }
            }
            // A bound TCP socket that neither listens nor is connected takes no segments.
            Route::Socket(_) | Route::TimeWait(_) | Route::Nobody => self.refuse_segment(segment, bytes, reply),
        }
    }

    /// A segment for a connection in TIME-WAIT.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn on_time_wait(&mut self, index: u32, segment: &Segment, bytes: &[u8], origin: Origin, reply: impl TxToken) {
        let Some(entry) = self.time_wait.get(index).copied() else {
            return impossible("the demux names connections that are there");
        };
        if !self.is_intact(bytes) {
            self.counters.dropped_malformed.count_one();
            return;
        }
        let facts = Facts {
            syn: segment.flags.syn(),
            ack: segment.flags.ack(),
            fin: segment.flags.fin(),
            rst: segment.flags.rst(),
            seq: segment.seq,
            payload_len: segment.payload_len,
        };
        match entry.judge(facts) {
            Verdict::Ignore => return,
            Verdict::Acknowledge if facts.syn => self.time_wait.ask(index),
            Verdict::Acknowledge => {}
            Verdict::End => return self.forget_time_wait(index),
            Verdict::AcknowledgeAndRestart => self.time_wait.restart(index, self.now),
            Verdict::Reopen => {
                self.forget_time_wait(index);
                return self.on_opening(segment, bytes, origin, reply);
            }
        }
        self.answer(segment, false, (entry.snd_nxt, Some(entry.rcv_nxt)), reply);
    }

    /// Whether the checksums of a segment are right, for the few that are acted on before smoltcp looks.
    pub(super) fn is_intact(&self, bytes: &[u8]) -> bool {
        self.is_verified_by_device() || super::classify::has_good_checksums(bytes)
    }

    /// A device that verifies checksums hands over segments whose own may be unfinished.
    fn is_verified_by_device(&self) -> bool {
        !self.checksums.tcp.rx() || !self.checksums.ipv4.rx()
    }

    /// Whether a frame's destination (`link`: source, destination) is this host or a group.
    #[inline]
    pub(super) fn is_for_us(&self, link: Option<(MacAddr, MacAddr)>) -> bool {
        match (link, self.config.mac) {
            (Some((_, to)), Some(own)) => to == own || !to.is_unicast(),
            _ => true,
        }
    }

    /// Every unicast packet of a neighbour is a sign of life.
    #[inline]
    fn confirm_neighbor(&mut self, remote: IpAddr, local: IpAddr, link: Option<(MacAddr, MacAddr)>) {
        if let Some((from, _)) = link
            && !self.is_group(local)
        {
            self.neighbors.confirm(remote, from, self.now);
        }
    }
}

/// Where a packet came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The device.
    Wire,
    /// This host itself.
    Local,
}
