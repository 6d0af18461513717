//! What becomes of a received frame?

use core::net::{IpAddr, SocketAddr};

use super::Stack;
use super::classify::{Arp, Class, Flow, IcmpError, IcmpErrorKind, Ndp, Segment, classify};
use super::emit::Answer;
use super::time_wait::{Facts, Verdict};
use crate::addr::MacAddr;
use crate::demux::{Route, TCP, UDP};
use crate::device::{ChecksumCapabilities, Device, Medium, OneFrame, RxToken, TxToken};
use crate::errno::Errno;
use crate::socket::slots::Body;
use crate::socket::tcp::{Stage, TcpState};

impl Stack<'_> {
    /// Takes frames from the device. Returns whether it has no more.
    pub(super) fn ingress(&mut self, device: &mut (impl Device + ?Sized)) -> bool {
        let now = self.now.to_smoltcp();
        for _ in 0..self.config.step_frames_max {
            let Some((frame, reply)) = device.receive(now) else { return true };
            self.counters.frames_in += 1;
            frame.consume(|bytes| self.on_frame(bytes, reply));
        }
        false
    }

    fn on_frame(&mut self, frame: &[u8], reply: impl TxToken) {
        match &classify(self.medium, frame) {
            Class::Tcp(segment) => self.on_segment(segment, frame, reply),
            Class::Udp(flow) => self.on_datagram(flow, frame, reply),
            Class::Arp(arp) => self.on_arp(arp, frame, reply),
            Class::Ndp(ndp) => self.on_ndp(ndp, frame, reply),
            Class::IcmpError(error) => self.on_icmp_error(error, frame, reply),
            Class::Icmp(flow) => {
                self.confirm_neighbor(flow.remote.ip(), flow.local.ip(), flow.link);
                self.hand_over(frame, reply);
            }
            Class::Fragment => self.counters.dropped_fragments += 1,
            Class::Other => self.hand_over(frame, reply),
            Class::Malformed => self.counters.dropped_malformed += 1,
        }
    }

    fn on_segment(&mut self, segment: &Segment, frame: &[u8], reply: impl TxToken) {
        let Flow { local, remote, link } = &segment.flow;
        if link.is_some() && !self.is_for_us(*link) {
            self.counters.dropped_not_for_us += 1;
            return;
        }
        if self.slots.is_connection(self.last, local, remote) {
            return self.deliver(self.last, segment, frame, reply);
        }
        match self.demux.find(TCP, local, Some(remote), &self.slots, &self.time_wait) {
            Route::Socket(index) => {
                self.last = index;
                self.deliver(index, segment, frame, reply);
            }
            Route::TimeWait(index) => self.on_time_wait(index, segment, frame, reply),
            Route::Listener(_) => unreachable!("a listener has no remote address"),
            // Connections have own addresses; whatever has none may be for somebody else.
            Route::Nobody if !self.is_own(local.ip()) => self.drop_foreign(local.ip()),
            Route::Nobody if segment.is_opening() => self.on_opening(segment, frame, reply),
            Route::Nobody => self.refuse_segment(segment, frame, reply),
        }
    }

    /// A segment to an address that is not this host's.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn drop_foreign(&mut self, local: IpAddr) {
        // B1: smoltcp lets a SYN to a group address take a wildcard listener away.
        if self.is_group(local) {
            self.counters.dropped_tcp_not_unicast += 1;
        } else {
            self.counters.dropped_not_for_us += 1;
        }
    }

    /// A segment for a connection that does not exist.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn refuse_segment(&mut self, segment: &Segment, frame: &[u8], reply: impl TxToken) {
        let flags = segment.flags;
        if flags.syn || flags.ack || flags.rst || !self.is_intact(segment, frame) {
            return self.refuse(frame, reply);
        }
        // RFC 9293 §3.5.2: without an ACK field, the reset has sequence number 0 and acknowledges the
        // segment. smoltcp leaves the acknowledgement out (B20), and the peer would ignore the reset.
        self.counters.refused += 1;
        let end = segment.seq.wrapping_add(segment.payload_len as u32).wrapping_add(u32::from(flags.fin));
        self.answer(segment, true, (0, end), reply);
    }

    /// Answers a segment with a bare one.
    fn answer(&mut self, segment: &Segment, is_reset: bool, (seq, ack): (u32, u32), reply: impl TxToken) {
        let Flow { local, remote, link } = segment.flow;
        super::emit::answer(reply, &Answer { local, remote, link, is_reset, seq, ack }, &self.checksums);
        self.counters.frames_out += 1;
    }

    /// Hands a segment to its connection, and looks at what it did there.
    fn deliver(&mut self, index: u32, segment: &Segment, frame: &[u8], reply: impl TxToken) {
        let now = self.now;
        let slot = self.slots.get_mut(index);
        let Body::Tcp(connection) = &mut slot.body else { unreachable!("segments are routed to connections") };
        if segment.flags.fin && connection.is_fin_beyond_buffer(segment.seq, segment.payload_len) {
            // It comes again, when there is room for all of it.
            self.counters.dropped_fin_beyond_window += 1;
            return;
        }
        if connection.is_repeated_ack_of_fin(segment) {
            return;
        }
        if let Some((from, _)) = segment.flow.link {
            // smoltcp prolongs its cache entry with every packet that it is handed.
            self.neighbors.confirm(segment.flow.remote.ip(), from, now);
        }
        let Some(engine) = &mut connection.engine else { unreachable!("a routed connection has an engine") };
        connection.probes = 0;
        connection.probe_at = None;
        let before = engine.facts();
        let mut one = OneFrame::new(frame, reply);
        self.interface.poll_ingress_single(now.to_smoltcp(), &mut one, engine.set());
        self.counters.sockets_visited_in += 1;
        self.counters.frames_out += u64::from(one.replied());
        let after = engine.facts();
        let (is_changed, unacknowledged) = (after.state != before.state, before.send_queue);
        // R2 waits for progress, not for signs of life: whoever says that its window is closed is alive.
        let is_put_off = segment.window == 0 && connection.settings.is_patient_with_closed_windows();
        if is_changed || after.send_queue < unacknowledged || is_put_off {
            connection.progress_at = now;
        }
        // Only what smoltcp took: a damaged or old ACK was not heard, and its number comes again.
        if after.send_queue < unacknowledged || (is_changed && !before.state.is_synchronized()) {
            connection.last_ack = Some(segment.ack);
        }
        if segment.flags.syn && is_changed {
            connection.unread_from = segment.seq.wrapping_add(1);
        }
        connection.listen_for_progress(segment, unacknowledged, after, now);
        let has_data = after.recv_queue > 0;
        let is_unwanted = has_data && (connection.shut_read || (!slot.owned && connection.stage == Stage::Own));
        let is_awaited = slot.read_waker.is_some() || slot.write_waker.is_some();
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
    fn on_opening(&mut self, segment: &Segment, frame: &[u8], reply: impl TxToken) {
        let Flow { local, remote, .. } = segment.flow;
        match self.demux.route_unconnected(TCP, local, &self.slots, &self.time_wait) {
            // A damaged SYN would hold a child's place until its timer ends.
            Route::Listener(_) if !self.is_intact(segment, frame) => self.counters.dropped_malformed += 1,
            Route::Listener(listener) => {
                // A dropped SYN comes again; a full queue may have room by then.
                if let Some(child) = self.make_child(listener, local, remote) {
                    self.deliver(child, segment, frame, reply);
                    self.reap_unmoved(child);
                }
            }
            // A bound TCP socket that neither listens nor is connected takes no segments.
            Route::Socket(_) | Route::TimeWait(_) | Route::Nobody => self.refuse(frame, reply),
        }
    }

    /// A segment for a connection in TIME-WAIT.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn on_time_wait(&mut self, index: u32, segment: &Segment, frame: &[u8], reply: impl TxToken) {
        let Some(entry) = self.time_wait.get(index).copied() else {
            unreachable!("the demux names connections that are there");
        };
        if !self.is_intact(segment, frame) {
            self.counters.dropped_malformed += 1;
            return;
        }
        let facts = Facts {
            syn: segment.flags.syn,
            ack: segment.flags.ack,
            fin: segment.flags.fin,
            rst: segment.flags.rst,
            seq: segment.seq,
            payload_len: segment.payload_len,
        };
        match entry.judge(facts) {
            Verdict::Ignore => return,
            Verdict::Acknowledge => {}
            Verdict::AcknowledgeAndRestart => self.time_wait.restart(index, self.now),
            Verdict::Reopen => {
                self.forget_time_wait(index);
                return self.on_opening(segment, frame, reply);
            }
        }
        self.answer(segment, false, (entry.snd_nxt, entry.rcv_nxt), reply);
    }

    fn is_intact(&self, segment: &Segment, frame: &[u8]) -> bool {
        is_intact(&self.checksums, self.medium, segment, frame)
    }

    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn on_datagram(&mut self, flow: &Flow, frame: &[u8], reply: impl TxToken) {
        let Flow { local, remote, link } = *flow;
        if !self.is_for_us(link) {
            self.counters.dropped_not_for_us += 1;
            return;
        }
        if !self.is_own(local.ip()) && !self.is_group(local.ip()) {
            self.counters.dropped_not_for_us += 1;
            return;
        }
        self.confirm_neighbor(remote.ip(), local.ip(), link);
        let route = self.demux.route(UDP, local, remote, &self.slots, &self.time_wait);
        let Route::Socket(index) = route else { return self.refuse(frame, reply) };
        if local.port() == 0 {
            return self.refuse(frame, reply);
        }
        self.datagram_engine.expect(local.port());
        let mut one = OneFrame::new(frame, reply);
        self.interface.poll_ingress_single(self.now.to_smoltcp(), &mut one, self.datagram_engine.set());
        self.counters.sockets_visited_in += 1;
        self.counters.frames_out += u64::from(one.replied());
        let Some((envelope, data)) = self.datagram_engine.received() else { return };
        let slot = self.slots.get_mut(index);
        let Body::Udp(datagrams) = &mut slot.body else { unreachable!("UDP routes name UDP sockets") };
        if datagrams.shut_read {
            return;
        }
        if datagrams.recv.push(envelope, data) {
            slot.wake_read();
        } else {
            datagrams.overflows += 1;
            self.counters.dropped_datagram_overflow += 1;
        }
    }

    /// ARP goes to smoltcp's cache, and to ours by the same rules (`process_arp`).
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn on_arp(&mut self, arp: &Arp, frame: &[u8], reply: impl TxToken) {
        let sender = IpAddr::V4(arp.sender_ip);
        let accepted = self.is_for_us(Some((arp.link.0, arp.link.1)))
            && self.is_own(IpAddr::V4(arp.target_ip))
            && arp.operation.is_known()
            && arp.sender_mac.is_unicast()
            && crate::addr::is_unicast(sender)
            && self.config.addresses.iter().any(|cidr| cidr.contains(sender));
        self.hand_over(frame, reply);
        if accepted && self.neighbors.learn(sender, arp.sender_mac, self.now) {
            self.retry_unresolved();
        }
    }

    /// Neighbour discovery, by the rules of smoltcp's `process_ndisc`.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn on_ndp(&mut self, ndp: &Ndp, frame: &[u8], reply: impl TxToken) {
        let addr = IpAddr::V6(ndp.source);
        let is_known = self.neighbors.is_known(addr, self.now);
        let accepted = self.is_for_us(Some(ndp.link))
            && ndp.hop_limit == 255
            && ndp.has_good_checksum
            && crate::addr::is_unicast(addr)
            && crate::addr::is_unicast(IpAddr::V6(ndp.target))
            // smoltcp never sees solicitations for others, which a switch floods.
            && (!ndp.is_solicitation || self.is_own(IpAddr::V6(ndp.target)))
            && (ndp.is_solicitation || ndp.overrides || !is_known);
        self.hand_over(frame, reply);
        if let Some(mac) = ndp.link_layer_addr
            && accepted
            && mac.is_unicast()
            && self.neighbors.learn(addr, mac, self.now)
        {
            self.retry_unresolved();
        }
    }

    /// An ICMP error about a packet of ours (B21: smoltcp needs the whole packet quoted).
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn on_icmp_error(&mut self, error: &IcmpError, frame: &[u8], reply: impl TxToken) {
        let Flow { local, remote, link } = error.carrier;
        self.confirm_neighbor(remote.ip(), local.ip(), link);
        self.hand_over(frame, reply);
        // The error comes to the host that sent the packet it quotes.
        let is_ours = self.is_for_us(link) && self.is_own(local.ip()) && error.quoted_local.ip() == local.ip();
        if !is_ours || error.quoted_protocol != UDP {
            // RFC 5927: errors about TCP need the quoted sequence number checked; until then they are
            // ignored, and R2 finds out.
            return;
        }
        let cause = match error.kind {
            IcmpErrorKind::PortUnreachable => Errno::ECONNREFUSED,
            IcmpErrorKind::HostUnreachable => Errno::EHOSTUNREACH,
            IcmpErrorKind::NetUnreachable => Errno::ENETUNREACH,
            IcmpErrorKind::ProtocolUnreachable => Errno::ENOPROTOOPT,
            IcmpErrorKind::FragmentationNeeded { .. } => Errno::EMSGSIZE,
            IcmpErrorKind::TimeExceeded | IcmpErrorKind::Other => return,
        };
        // Only a connected socket hears of it (Linux udp(7), without IP_RECVERR).
        let (ours, theirs): (SocketAddr, SocketAddr) = (error.quoted_local, error.quoted_remote);
        if let Route::Socket(index) = self.demux.find(UDP, &ours, Some(&theirs), &self.slots, &self.time_wait) {
            self.slots.get_mut(index).fail(cause);
        }
    }

    /// Nobody's: smoltcp answers RST or ICMP unreachable, where that is due.
    fn refuse(&mut self, frame: &[u8], reply: impl TxToken) {
        self.counters.refused += 1;
        self.hand_over(frame, reply);
    }

    /// Gives a frame to smoltcp with the empty set.
    fn hand_over(&mut self, frame: &[u8], reply: impl TxToken) {
        let mut one = OneFrame::new(frame, reply);
        self.interface.poll_ingress_single(self.now.to_smoltcp(), &mut one, &mut self.nobody);
        self.counters.frames_out += u64::from(one.replied());
    }

    /// Whether a frame's destination (`link`: source, destination) is this host or a group.
    #[inline]
    fn is_for_us(&self, link: Option<(MacAddr, MacAddr)>) -> bool {
        match (link, self.config.mac) {
            (Some((_, to)), Some(own)) => to == own || !to.is_unicast(),
            _ => true,
        }
    }

    /// smoltcp prolongs a cache entry with every unicast packet from it; so does our view.
    #[inline]
    fn confirm_neighbor(&mut self, remote: IpAddr, local: IpAddr, link: Option<(MacAddr, MacAddr)>) {
        if let Some((from, _)) = link
            && !self.is_group(local)
        {
            self.neighbors.confirm(remote, from, self.now);
        }
    }
}

/// Whether the checksums of a segment are right, for the few that are acted on before smoltcp looks.
fn is_intact(checksums: &ChecksumCapabilities, medium: Medium, segment: &Segment, frame: &[u8]) -> bool {
    // A device that verifies them hands over segments whose checksums may be unfinished.
    let is_verified_by_device = !checksums.tcp.rx() || !checksums.ipv4.rx();
    is_verified_by_device || segment.has_good_checksum(medium, frame)
}
