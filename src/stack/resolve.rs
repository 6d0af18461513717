//! At which link-layer address is a neighbour?

use core::net::IpAddr;

use super::Stack;
use super::classify::{Arp, ArpOperation, Ndp};
use super::neighbors::Need;
use crate::count::Count;
use crate::device::{Device, Outlet, TxToken};
use crate::errno::Errno;
use crate::invariant::impossible;
use crate::socket::slots::Body;

impl Stack<'_> {
    /// RFC 826: whoever asks us is told, and whoever tells us or asks us is known from then on.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn on_arp(&mut self, arp: &Arp, reply: impl TxToken) {
        let sender = IpAddr::V4(arp.sender_ip);
        let accepted = self.is_for_us(Some((arp.link.0, arp.link.1)))
            && self.is_own(IpAddr::V4(arp.target_ip))
            && arp.operation.is_known()
            && arp.sender_mac.is_unicast();
        // RFC 5227 §2.1.1: who asks from no address wants to know whether this one is taken.
        let is_probe = sender.is_unspecified() && arp.operation == ArpOperation::Request;
        let is_neighbor = crate::addr::is_unicast(sender)
            && !self.is_own(sender)
            && self.config.addresses.iter().any(|cidr| cidr.contains(sender));
        if !accepted || !(is_probe || is_neighbor) {
            return;
        }
        let is_awaited = is_neighbor && self.neighbors.learn(sender, arp.sender_mac, self.now);
        if arp.operation == ArpOperation::Request
            && let Some(mac) = self.config.mac
        {
            super::emit::arp_reply(reply, (mac, arp.target_ip), (arp.sender_mac, arp.sender_ip));
            self.counters.frames_out.count_one();
        }
        if is_awaited {
            self.retry_unresolved();
        }
    }

    /// RFC 4861 §7.2: solicitations for us are answered, advertisements and askers are remembered.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn on_ndp(&mut self, ndp: &Ndp, reply: impl TxToken) {
        // RFC 4861 §7.1: what a router could have forwarded, or was damaged, is no message of a neighbour.
        let is_valid = self.is_for_us(Some(ndp.link))
            && ndp.hop_limit == 255
            && ndp.has_good_checksum
            && crate::addr::is_unicast(IpAddr::V6(ndp.target))
            // Solicitations for others come because a switch floods them.
            && (!ndp.is_solicitation || self.is_own(IpAddr::V6(ndp.target)));
        if !is_valid {
            return;
        }
        let has_source = crate::addr::is_unicast(IpAddr::V6(ndp.source));
        // Who asks says where it is itself; an advertisement, where its target is (RFC 4861 §4.3, §4.4).
        let neighbor = IpAddr::V6(if ndp.is_solicitation { ndp.source } else { ndp.target });
        let is_news = ndp.is_solicitation || ndp.overrides || !self.neighbors.is_known(neighbor, self.now);
        let mut is_awaited = false;
        if has_source
            && is_news
            && !self.is_own(neighbor)
            && let Some(mac) = ndp.link_layer_addr
            && mac.is_unicast()
        {
            is_awaited = self.neighbors.learn(neighbor, mac, self.now);
        }
        if ndp.is_solicitation
            && let Some(mac) = self.config.mac
        {
            let asker = has_source.then_some((ndp.link_layer_addr.unwrap_or(ndp.link.0), ndp.source));
            super::emit::neighbor_advertisement(reply, (mac, ndp.target), asker);
            self.counters.frames_out.count_one();
        }
        if is_awaited {
            self.retry_unresolved();
        }
    }

    /// Sends the requests that are due, and tells those who waited in vain.
    #[inline(never)] // rare: inlined, it would only make the usual path spill
    pub(super) fn ask_neighbors(&mut self, outlet: &mut Outlet<'_, impl Device + ?Sized>) {
        while let Some(need) = self.neighbors.need(self.now) {
            match need {
                Need::Ask(target) => {
                    // Only targets with a route are asked for, and a route starts at an own address.
                    if let (Some(own), Some(mac)) = (self.source_for(target), self.config.mac) {
                        let Some(token) = outlet.frame(self.now.to_smoltcp()) else {
                            self.blocked = true;
                            return;
                        };
                        match (own, target) {
                            (IpAddr::V4(own), IpAddr::V4(target)) => super::emit::arp_request(token, mac, own, target),
                            (IpAddr::V6(own), IpAddr::V6(target)) => {
                                super::emit::neighbor_solicitation(token, mac, own, target);
                            }
                            _ => impossible("a source is of its target's family"),
                        }
                    }
                    self.neighbors.asked(target, self.now);
                }
                Need::GiveUp(target) => {
                    self.counters.neighbors_unreachable.count_one();
                    self.give_up(target);
                }
            }
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
