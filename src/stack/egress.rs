//! Who sends, and how much at a time?

use core::net::IpAddr;

use smoltcp::iface::PollResult;

use super::Stack;
use super::neighbors::Need;
use crate::device::{Device, Outlet};
use crate::errno::Errno;
use crate::socket::slots::Body;
use crate::socket::tcp::TcpState;
use crate::time::Instant;

/// What a slot's turn came to.
enum Turn {
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

/// What became of a datagram.
enum Sending {
    /// It is out, or can never be.
    Done,
    /// The device is full.
    Blocked,
    /// smoltcp does not know the neighbour's link-layer address.
    Unresolved,
}

impl Stack<'_> {
    /// Sends what is due. Returns whether nothing is left but what the device refused.
    pub(super) fn egress(&mut self, device: &mut (impl Device + ?Sized)) -> bool {
        let mut outlet = Outlet::new(device);
        if self.neighbors.is_asking() {
            self.ask_neighbors(&mut outlet);
        }
        // Every slot that stands in line now, and those that come to stand there meanwhile, up to a bound.
        let mut turns = self.due.len() + EXTRA_TURNS;
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
        self.counters.frames_out += outlet.sent;
        if outlet.refused {
            self.counters.device_refusals += 1;
            self.blocked = true;
        }
        self.due.is_empty()
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
            Turn::Rest(Some(at)) => self.deadlines.set(index, at),
            Turn::Rest(None) => self.deadlines.clear(index),
            Turn::More => self.due.push(&mut self.slots, index),
            Turn::Blocked => {
                self.due.push(&mut self.slots, index);
                self.blocked = true;
            }
            Turn::Unresolved(at) => {
                match at {
                    Some(at) => self.deadlines.set(index, at),
                    None => self.deadlines.clear(index),
                }
                self.unresolved.push(&mut self.slots, index);
            }
            Turn::Gone => {}
        }
    }

    fn turn_tcp(&mut self, index: u32, outlet: &mut Outlet<'_, impl Device + ?Sized>) -> Turn {
        let now = self.now.to_smoltcp();
        // What has to be asked before the slot is borrowed for the rest of the turn.
        let next_hop = match &self.slots.get(index).body {
            Body::Tcp(connection) => connection.next_hop.filter(|next_hop| !self.is_resolved(*next_hop)),
            _ => return Turn::Gone,
        };
        let slot = self.slots.get_mut(index);
        let Body::Tcp(connection) = &mut slot.body else { return Turn::Gone };
        connection.catch_up(self.now, &self.config);
        let is_ipv4 = slot.local.is_some_and(|local| local.is_ipv4());
        if let Some(at) = connection.hold_back(self.now, self.ip_mtu, is_ipv4) {
            return Turn::Rest(Some(at));
        }
        // A connection that is over has no route, and must not speak again.
        let Some(engine) = connection.engine.as_mut().filter(|_| slot.routed) else { return Turn::Rest(None) };
        // Asking is much cheaper than an egress that sends nothing (CUBIC computes at each), and after
        // most frames nothing has to be sent.
        let is_eager = core::mem::take(&mut connection.is_eager);
        let mut next = if is_eager { Some(now) } else { self.interface.poll_at(now, engine.set()) };
        let mut sent = 0;
        outlet.refused = false;
        while next.is_some_and(|at| at <= now) {
            if let Some(next_hop) = next_hop {
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
            self.counters.sockets_visited_out += 1;
            let result = self.interface.poll_egress(now, outlet, engine.set());
            if outlet.refused {
                return Turn::Blocked;
            }
            next = self.interface.poll_at(now, engine.set());
            if result == PollResult::None {
                break;
            }
            sent += 1;
        }
        let engine_at = match next.map(Instant::from_smoltcp) {
            // "Now", but nothing went out: smoltcp waits for something that only time brings. Never
            // spin on it.
            Some(at) if at <= self.now => Some(self.now.saturating_add(STALL_RETRY)),
            other => other,
        };
        match self.after_egress(index, engine_at) {
            Ok(at) => Turn::Rest(at),
            Err(()) => Turn::Gone,
        }
    }

    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn turn_udp(&mut self, index: u32, outlet: &mut Outlet<'_, impl Device + ?Sized>) -> Turn {
        for _ in 0..SHARE_FRAMES {
            let Body::Udp(datagrams) = &mut self.slots.get_mut(index).body else { return Turn::Gone };
            let Some((envelope, _)) = datagrams.send.peek() else {
                // Closed with datagrams queued, and now they are out.
                if !self.slots.get(index).owned {
                    self.free(index);
                    return Turn::Gone;
                }
                return Turn::Rest(None);
            };
            let (local, remote) = (envelope.local, envelope.remote);
            // The route was there when the datagram was queued, and routes do not change.
            let next_hop = self.next_hop(remote.ip()).unwrap_or(remote.ip());
            if !self.is_resolved(next_hop) {
                self.neighbors.want(next_hop, self.now);
                return Turn::Unresolved(None);
            }
            match self.send_datagram(index, local, remote, outlet) {
                Sending::Done => {}
                Sending::Blocked => return Turn::Blocked,
                Sending::Unresolved => {
                    self.neighbors.forget(next_hop);
                    self.neighbors.want(next_hop, self.now);
                    return Turn::Unresolved(None);
                }
            }
        }
        Turn::More
    }

    /// Sends the datagram at the head of a queue; it stays there unless it is done with.
    fn send_datagram(
        &mut self,
        index: u32,
        local: IpAddr,
        remote: core::net::SocketAddr,
        outlet: &mut Outlet<'_, impl Device + ?Sized>,
    ) -> Sending {
        let slot = self.slots.get_mut(index);
        let port = slot.local.map_or(0, |addr| addr.port());
        let Body::Udp(datagrams) = &mut slot.body else { return Sending::Done };
        let Some((_, data)) = datagrams.send.peek() else { return Sending::Done };
        outlet.refused = false;
        if self.datagram_engine.load((local, port).into(), remote, data) {
            let now = self.now.to_smoltcp();
            self.interface.poll_egress(now, outlet, self.datagram_engine.set());
            self.counters.sockets_visited_out += 1;
        }
        if outlet.refused {
            return Sending::Blocked;
        }
        if !self.datagram_engine.has_sent() {
            // smoltcp's cache has forgotten a neighbour that ours remembers.
            return Sending::Unresolved;
        }
        datagrams.send.pop();
        slot.wake_write();
        Sending::Done
    }

    /// Sends the requests that are due, and tells those who waited in vain.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    fn ask_neighbors(&mut self, outlet: &mut Outlet<'_, impl Device + ?Sized>) {
        while let Some(need) = self.neighbors.need(self.now) {
            match need {
                Need::Ask(target) => {
                    let Some(token) = outlet.transmit(self.now.to_smoltcp()) else {
                        self.blocked = true;
                        return;
                    };
                    self.send_request(token, target);
                    self.neighbors.asked(target, self.now);
                }
                Need::GiveUp(target) => {
                    self.counters.neighbors_unreachable += 1;
                    self.give_up(target);
                }
            }
        }
    }

    fn send_request(&self, token: impl crate::device::TxToken, target: IpAddr) {
        let Some(mac) = self.config.mac else { unreachable!("only Ethernet has neighbours to ask for") };
        match (self.source_for(target), target) {
            (Some(IpAddr::V4(own)), IpAddr::V4(target)) => super::emit::arp_request(token, mac, own, target),
            (Some(IpAddr::V6(own)), IpAddr::V6(target)) => {
                super::emit::neighbor_solicitation(token, mac, own, target);
            }
            // Only targets with a route are asked for, and a route starts at an own address.
            _ => {}
        }
    }

    /// Everybody who waited for `target` learns that it is unreachable; the others look again.
    fn give_up(&mut self, target: IpAddr) {
        for _ in 0..self.unresolved.len() {
            let Some(index) = self.unresolved.pop(&mut self.slots) else { break };
            if self.slots.get(index).is_free() {
                self.slots.retire(index);
                continue;
            }
            self.drop_towards(index, target);
            if !self.slots.get(index).is_free() {
                self.make_due(index);
            }
        }
    }

    /// What a slot had for `target` cannot be sent (EHOSTUNREACH).
    fn drop_towards(&mut self, index: u32, target: IpAddr) {
        match &mut self.slots.get_mut(index).body {
            Body::Tcp(connection) => {
                if connection.next_hop == Some(target) {
                    self.on_unreachable(index);
                }
            }
            Body::Udp(_) => {
                let mut lost = false;
                while let Body::Udp(datagrams) = &mut self.slots.get_mut(index).body
                    && let Some(remote) = datagrams.send.peek().map(|(envelope, _)| envelope.remote)
                    && self.next_hop(remote.ip()) == Some(target)
                {
                    if let Body::Udp(datagrams) = &mut self.slots.get_mut(index).body {
                        datagrams.send.pop();
                    }
                    lost = true;
                }
                if lost {
                    self.slots.get_mut(index).fail(Errno::EHOSTUNREACH);
                }
            }
            Body::Listener(_) | Body::Free => {}
        }
    }
}

/// Frames that one socket may send before the next has its turn.
const SHARE_FRAMES: usize = 16;
/// Turns in one step beyond one for each socket in line: for those that have more than a share.
const EXTRA_TURNS: usize = 16;
/// How long to leave a connection alone that says "now" and sends nothing.
const STALL_RETRY: crate::time::Duration = crate::time::Duration::from_millis(1);
