//! Who sends, and how much at a time?

use core::net::{IpAddr, Ipv4Addr};

use smoltcp::iface::PollResult;
use smoltcp::wire::TcpControl;

use super::Stack;
use super::emit::Bare;
use super::local::Local;
use crate::count::Count;
use crate::device::segmentation::Pieces;
use crate::device::{Device, Outlet};
use crate::socket::slots::Body;
use crate::socket::tcp::TcpState;
use crate::time::Instant;

/// What a slot's turn came to.
pub(super) enum Turn {
    /// All sent; look again at this time.
    Rest(Option<Instant>),
    /// More to send than its share.
    More,
    /// The device is full.
    Blocked,
    /// The neighbour's link-layer address is being asked for; look again at this time at the latest.
    Unresolved(Option<Instant>),
    /// The slot is gone.
    Gone,
}

impl Stack<'_> {
    /// Sends what is due. Returns whether nothing is left but what the device refused.
    #[expect(clippy::arithmetic_side_effects, reason = "bounded by the slots, and more than zero within the loop")]
    pub(super) fn egress(&mut self, device: &mut (impl Device + ?Sized)) -> bool {
        let mut outlet = Outlet::new(device);
        if self.neighbors.is_asking() {
            self.ask_neighbors(&mut outlet);
        }
        if self.reassembly.next_at().is_some_and(|at| at <= self.now) {
            self.expire_fragments(&mut outlet);
        }
        if self.reports.next_at().is_some_and(|at| at <= self.now) {
            self.tell_routers(&mut outlet);
        }
        if !self.outbox.is_empty() {
            self.turn_outbox(&mut outlet);
        }
        // Every slot that stands in line now, and those that come to stand there meanwhile, up to a bound.
        let mut turns = self.due.len() + EXTRA_TURNS;
        // What was refused until here keeps nobody from having a turn: one at least, in which timers are set and closed
        // sockets go.
        let is_blocked = core::mem::take(&mut self.blocked);
        while turns > 0 && !self.blocked {
            let Some(index) = self.due.pop(&mut self.slots) else { break };
            turns -= 1;
            if self.slots.get(index).is_free() {
                self.slots.retire(index);
                continue;
            }
            let turn = self.turn(index, &mut outlet);
            self.settle(index, turn);
            if !self.unresolved.is_empty() {
                self.ask_neighbors(&mut outlet);
            }
        }
        self.blocked |= is_blocked;
        self.counters.frames_out.count_many(outlet.log.sent);
        if outlet.refused {
            self.counters.device_refusals.count_one();
            self.blocked = true;
        }
        self.due.is_empty() && self.outbox.is_empty()
    }

    fn turn(&mut self, index: u32, outlet: &mut Outlet<'_, impl Device + ?Sized>) -> Turn {
        match self.slots.get(index).body {
            Body::Tcp(_) => self.turn_tcp(index, outlet),
            Body::Udp(_) => self.turn_udp(index, outlet),
            Body::Listener(_) => Turn::Rest(None),
            Body::Free => Turn::Gone,
        }
    }

    fn settle(&mut self, index: u32, turn: Turn) {
        match turn {
            Turn::Rest(at) => self.rest_until(index, at),
            Turn::More => self.due.push(&mut self.slots, index),
            Turn::Blocked => {
                self.watch_blocked(index);
                self.due.push(&mut self.slots, index);
                self.blocked = true;
            }
            Turn::Unresolved(at) => {
                self.rest_until(index, at);
                self.unresolved.push(&mut self.slots, index);
            }
            Turn::Gone => {}
        }
    }

    /// A connection gives up in time, even if the device never takes a frame again.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn watch_blocked(&mut self, index: u32) {
        if matches!(self.slots.get(index).body, Body::Tcp(_)) {
            let at = self.own_deadline(index);
            self.rest_until(index, at);
        }
    }

    fn turn_tcp(&mut self, index: u32, outlet: &mut Outlet<'_, impl Device + ?Sized>) -> Turn {
        let Body::Tcp(connection) = &self.slots.get(index).body else { return Turn::Gone };
        if connection.is_local {
            return self.turn_tcp_local(index);
        }
        // What has to be asked before the slot is borrowed for the rest of the turn.
        let mut unresolved = None;
        outlet.log.path = self.path();
        if let Some(next_hop) = connection.next_hop {
            let mac = self.neighbors.mac(next_hop, self.now);
            outlet.log.path.link = self.config.mac.zip(mac);
            unresolved = mac.is_none().then_some(next_hop);
        }
        self.turn_tcp_on(index, unresolved, outlet)
    }

    /// A turn of a connection of this host with itself.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn turn_tcp_local(&mut self, index: u32) -> Turn {
        let mut local = core::mem::replace(&mut self.local, Local::nowhere());
        let mut outlet = Outlet::new(&mut local);
        let turn = self.turn_tcp_on(index, None, &mut outlet);
        self.local = local;
        match turn {
            // The next step takes packets out.
            Turn::Blocked => Turn::More,
            turn => turn,
        }
    }

    /// `unresolved`: the neighbour whose link-layer address is not known.
    #[expect(clippy::arithmetic_side_effects, reason = "the loop bounds it")]
    fn turn_tcp_on(
        &mut self,
        index: u32,
        unresolved: Option<IpAddr>,
        outlet: &mut Outlet<'_, impl Device + ?Sized>,
    ) -> Turn {
        let now = self.now.to_smoltcp();
        if matches!(&self.slots.get(index).body, Body::Tcp(connection) if connection.owes_probe) {
            match unresolved {
                Some(next_hop) => {
                    self.neighbors.want(next_hop, self.now);
                    return Turn::Unresolved(self.own_deadline(index));
                }
                None if self.send_probe(index, outlet) => {}
                None => return Turn::Blocked,
            }
        }
        if matches!(&self.slots.get(index).body, Body::Tcp(connection) if connection.owes_oldest) {
            self.order_oldest(index);
        }
        let slot = self.slots.get_mut(index);
        let Body::Tcp(connection) = &mut slot.body else { return Turn::Gone };
        connection.catch_up(self.now, &self.config);
        let is_ipv4 = slot.local.is_some_and(|local| local.is_ipv4());
        if let Some(at) = connection.hold_back(self.now, self.ip_mtu, is_ipv4) {
            return Turn::Rest(Some(at));
        }
        let ack_numbers = connection.ack_numbers();
        let pieces = connection.pieces(self.interfaces.segmentation(), self.ip_mtu, is_ipv4);
        outlet.log.path.ipv6_piece_bytes = if let Pieces::OfIpv6(bytes) = pieces { Some(bytes) } else { None };
        // A connection that is over has no route, and must not speak again.
        let Some(engine) = connection.engine.as_mut().filter(|_| slot.routed) else { return Turn::Rest(None) };
        // Asking is much cheaper than an egress that sends nothing (CUBIC computes at each), and after
        // most frames nothing has to be sent.
        let is_eager = core::mem::take(&mut connection.is_eager);
        let own = slot.local.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |local| local.ip());
        let interface = self.interfaces.get_to_send(connection.is_local, connection.mtu, pieces, own);
        outlet.log.path.tos = slot.options.services(own);
        outlet.log.path.ack_numbers = ack_numbers;
        let mut next = if is_eager { Some(now) } else { interface.poll_at(now, engine.set()) };
        let mut sent = 0;
        outlet.refused = false;
        while next.is_some_and(|at| at <= now) {
            if let Some(next_hop) = unresolved {
                if engine.state() == TcpState::TimeWait {
                    // Its ACK cannot go out; TIME-WAIT acknowledges when the FIN comes again.
                    self.hand_over_to_time_wait(index);
                    return if self.slots.get(index).is_free() { Turn::Gone } else { Turn::Rest(None) };
                }
                self.neighbors.want(next_hop, self.now);
                let is_owed_an_ack = connection.is_owed_an_ack();
                return Turn::Unresolved(connection.own_deadline(self.config.user_timeout, is_owed_an_ack));
            }
            if sent == SHARE_FRAMES {
                return Turn::More;
            }
            self.counters.sockets_visited_out.count_one();
            let result = interface.poll_egress(now, outlet, engine.set());
            if outlet.refused {
                return Turn::Blocked;
            }
            if let Some(sent) = outlet.log.segment.take() {
                let is_repeated = connection.track.on_sent(&sent, self.now);
                self.counters.tcp_retransmissions.count_if(is_repeated);
            }
            next = interface.poll_at(now, engine.set());
            if result == PollResult::None {
                break;
            }
            sent += 1;
        }
        let engine_at = match next.map(Instant::from_smoltcp) {
            // "Now", but nothing went out: smoltcp waits for something that only time brings. Never
            // spin on it.
            Some(at) if at <= self.now => (!self.now.is_beyond_smoltcp()).then(|| self.now.saturating_add(STALL_RETRY)),
            other => other,
        };
        match self.after_egress(index, engine_at) {
            Ok(at) => Turn::Rest(at),
            Err(()) => Turn::Gone,
        }
    }
}

impl Stack<'_> {
    /// Asks the peer for its window (B4). Returns whether the device took it.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn send_probe(&mut self, index: u32, outlet: &mut Outlet<'_, impl Device + ?Sized>) -> bool {
        let slot = self.slots.get(index);
        let (Some(local), Some(remote), Body::Tcp(connection)) = (slot.local, slot.remote, &slot.body) else {
            return true;
        };
        let Some((seq, ack, window)) = connection.question() else { return true };
        let mut path = outlet.log.path;
        path.tos = slot.options.services(local.ip());
        let hops = slot.options.hop_limit(remote.ip());
        let bare = Bare { local, remote, control: TcpControl::None, seq, ack: Some(ack), window, hops };
        let checksums = self.checksums_towards(remote.ip());
        let Some(token) = outlet.frame(self.now.to_smoltcp()) else { return false };
        super::emit::bare(token, &path, &bare, &checksums);
        let connection = self.slots.connection(index);
        connection.owes_probe = false;
        connection.track.segs_out = connection.track.segs_out.wrapping_add(1);
        self.counters.persist_probes.count_one();
        true
    }
}

/// Frames that one socket may send before the next has its turn.
pub(super) const SHARE_FRAMES: usize = 16;
/// Turns in one step beyond one for each socket in line: for those that have more than a share.
const EXTRA_TURNS: usize = 16;
/// How long to leave a connection alone that says "now" and sends nothing.
const STALL_RETRY: crate::time::Duration = crate::time::Duration::from_millis(1);
