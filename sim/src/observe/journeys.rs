//! Which way did each frame take, and where did it arrive?
//!
//! A trace has one record for each cable. Where switches forward, one frame of a host is several records; here they are
//! one [`Journey`], so that a story is told once.

use std::collections::BTreeMap;

use super::dissect::{Dissected, dissect};
use crate::frame::is_unicast;
use crate::time::Time;
use crate::trace::{Arrival, DropReason, NodeId, NodeKind, PacketId, Trace};

/// One frame from the host that sent it to the hosts it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journey {
    /// Its number at every vantage.
    pub id: PacketId,
    /// The host that sent it.
    pub from: NodeId,
    /// Whom it is for.
    pub to: Destination,
    /// When it was sent.
    pub sent_at: Time,
    /// Its records, as indices into [`Trace::frames`], in the order of sending; never empty.
    pub hops: Vec<usize>,
    /// Where copies of it arrived, at hosts that it is for, in the order of arrival.
    pub ends: Vec<End>,
    /// Copies of it that were lost on the way.
    pub losses: Vec<Loss>,
}

/// Whom a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// One node.
    Node(NodeId),
    /// All hosts: broadcast or multicast.
    Everyone,
    /// An address that no node of the trace has.
    Nobody,
}

/// An arrival at a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The host.
    pub node: NodeId,
    /// When.
    pub at: Time,
    /// The last hop, as an index into [`Trace::frames`].
    pub hop: usize,
    /// Which copy on that hop.
    pub copy: usize,
    /// A host can use it: it is for this host's address and no checksum is wrong.
    pub is_intact: bool,
    /// What arrived, if that is not what the host sent.
    pub altered: Option<Box<Dissected>>,
}

/// A frame lost on one cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// The record, as an index into [`Trace::frames`].
    pub hop: usize,
    /// Why.
    pub reason: DropReason,
}

impl Journey {
    /// Whether it arrived anywhere in a state that a host can use.
    #[must_use]
    pub fn has_arrived(&self) -> bool {
        self.ends.iter().any(|end| end.is_intact)
    }

    /// All copies on all cables of its way.
    pub fn copies<'t>(&'t self, trace: &'t Trace) -> impl Iterator<Item = &'t Arrival> {
        self.hops.iter().flat_map(|&hop| &trace.frames[hop].fate.copies)
    }
}

/// Puts the records of each frame together. `packets`: the records of `trace`, described.
pub(super) fn journeys(trace: &Trace, packets: &[Dissected]) -> Vec<Journey> {
    let mut journeys: Vec<Journey> = Vec::new();
    let mut by_id: BTreeMap<PacketId, usize> = BTreeMap::new();
    for (hop, record) in trace.frames.iter().enumerate() {
        let index = *by_id.entry(record.id).or_insert_with(|| {
            journeys.push(Journey {
                id: record.id,
                from: record.from,
                to: destination(trace, hop, &packets[hop]),
                sent_at: record.sent_at,
                hops: Vec::new(),
                ends: Vec::new(),
                losses: Vec::new(),
            });
            journeys.len() - 1
        });
        let journey = &mut journeys[index];
        journey.hops.push(hop);
        if let Some(reason) = record.fate.drop {
            journey.losses.push(Loss { hop, reason });
        }
        let origin = journey.hops[0];
        let ends = (0..record.fate.copies.len()).filter_map(|copy| end(trace, packets, origin, hop, copy));
        journey.ends.extend(ends);
    }
    for journey in &mut journeys {
        journey.ends.sort_by_key(|end| end.at);
    }
    journeys
}

/// Whom the frame of record `hop` is for, by its Ethernet address, or by its IP address where there is no Ethernet.
fn destination(trace: &Trace, hop: usize, packet: &Dissected) -> Destination {
    let record = &trace.frames[hop];
    let hosts = || {
        let is_host = |id: &NodeId| host(trace, *id).is_some();
        (0..trace.nodes.len()).map(NodeId).filter(is_host)
    };
    let others = hosts().filter(|&id| id != record.from).count();
    let is_for_group = packet.ethernet.is_some_and(|ethernet| !ethernet.to.is_unicast());
    if is_for_group {
        return match others {
            1 => hosts().find(|&id| id != record.from).map_or(Destination::Nobody, Destination::Node),
            _ => Destination::Everyone,
        };
    }
    let has_address = |id: &NodeId| {
        host(trace, *id).is_some_and(|(addrs, macs)| match (packet.ethernet, packet.ip) {
            (Some(ethernet), _) => macs.contains(&ethernet.to.0),
            (None, Some(ip)) => addrs.contains(&ip.to),
            (None, None) => false,
        })
    };
    let owner = hosts().find(has_address);
    let neighbour = Some(record.to).filter(|id| host(trace, *id).is_some());
    // Without Ethernet a packet is for whoever is at the other end, a router for example, whatever its destination.
    let whom = if packet.ethernet.is_some() { owner.or(neighbour) } else { neighbour.or(owner) };
    whom.map_or(Destination::Nobody, Destination::Node)
}

/// The end of the way of one copy: `None` if the next node is not a host, or not one that the frame is for.
fn end(trace: &Trace, packets: &[Dissected], origin: usize, hop: usize, copy: usize) -> Option<End> {
    let record = &trace.frames[hop];
    let arrival = &record.fate.copies[copy];
    let (_, macs) = host(trace, record.to)?;
    let bytes = record.arriving(arrival);
    let sent = &trace.frames[origin].bytes;
    let altered = (bytes != sent.as_slice()).then(|| Box::new(dissect(trace.medium, bytes)));
    let arrived = altered.as_deref().unwrap_or(&packets[origin]);
    let is_for_node = match arrived.ethernet {
        Some(ethernet) if !macs.is_empty() => !is_unicast(ethernet.to.0) || macs.contains(&ethernet.to.0),
        Some(_) | None => true,
    };
    // A switch floods what it does not know yet: other hosts see the frame, but it is not their story.
    if !is_for_node && altered.is_none() {
        return None;
    }
    Some(End {
        node: record.to,
        at: arrival.at,
        hop,
        copy,
        is_intact: is_for_node && arrived.bad_checksum.is_none(),
        altered,
    })
}

/// Addresses and hardware addresses of a host or a router; `None` for what frames only pass.
fn host(trace: &Trace, id: NodeId) -> Option<(&[std::net::IpAddr], &[crate::trace::Mac])> {
    match &trace.node(id)?.kind {
        NodeKind::Host { addrs, mac } => Some((addrs, mac.as_slice())),
        NodeKind::Router { addrs, macs } => Some((addrs, macs)),
        NodeKind::Switch | NodeKind::Middlebox => None,
    }
}
