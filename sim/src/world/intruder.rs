//! How does a node that sends whatever it likes take part in a run?

use std::fmt;
use std::net::IpAddr;

use super::{Event, Station, StationKind, World, WorldError};
use crate::frame::{Mac, Medium};
use crate::time::Time;
use crate::trace::{Node, NodeId, NodeKind};

/// A node without a stack that sends any frames at any time: an attacker, in a world of honest hosts.
///
/// Nothing that it sends is judged by the oracles. The run does not wait for it: it ends with the applications, and goes on for as
/// long as [`next_at`](Intruder::next_at) names a time.
pub trait Intruder {
    /// When it next wants to act; `None`: not before a frame comes.
    fn next_at(&self) -> Option<Time>;

    /// It is `now` what [`next_at`](Intruder::next_at) said. `out`: takes whole frames to send, in order.
    fn on_time(&mut self, now: Time, out: &mut Vec<Vec<u8>>);

    /// A frame came, to whomever. `out`: as for [`on_time`](Intruder::on_time).
    fn on_frame(&mut self, now: Time, frame: &[u8], out: &mut Vec<Vec<u8>>);
}

/// An intruder at the end of its cable.
pub(super) struct Guest {
    intruder: Box<dyn Intruder>,
    wake_at: Option<Time>,
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest").field("wake_at", &self.wake_at).finish_non_exhaustive()
    }
}

impl World {
    /// Adds an intruder, which takes one cable. `addrs`: what captures and ladders call it by.
    ///
    /// ```
    /// use smolsock_sim::world::Intruder;
    /// use smolsock_sim::{World, link::Impairments, time::Time};
    ///
    /// /// Says one thing, once.
    /// struct Rude(bool);
    ///
    /// impl Intruder for Rude {
    ///     fn next_at(&self) -> Option<Time> {
    ///         (!self.0).then_some(Time::from_secs(1))
    ///     }
    ///     fn on_time(&mut self, _: Time, out: &mut Vec<Vec<u8>>) {
    ///         self.0 = true;
    ///         out.push(b"no header of any kind".to_vec());
    ///     }
    ///     fn on_frame(&mut self, _: Time, _: &[u8], _: &mut Vec<Vec<u8>>) {}
    /// }
    ///
    /// let mut world = World::new(1);
    /// let host = world.host("host", &["192.0.2.1/24"])?;
    /// let rude = world.intruder("rude", Vec::new(), Box::new(Rude(false)))?;
    /// world.cable("ab", host, rude, Impairments::default())?;
    /// let ending = world.run(Time::from_secs(60));
    /// assert_eq!((ending.totals.frames, ending.failures.len()), (1, 0));
    /// # Ok::<(), smolsock_sim::WorldError>(())
    /// ```
    ///
    /// # Errors
    /// A name that is taken.
    pub fn intruder(
        &mut self,
        name: &str,
        addrs: Vec<IpAddr>,
        intruder: Box<dyn Intruder>,
    ) -> Result<NodeId, WorldError> {
        let node = self.name_node(name)?;
        let mac = (self.medium == Medium::Ethernet).then(|| mac_of(node));
        self.nodes.push(Station { kind: StationKind::Intruder(Guest { intruder, wake_at: None }), ends: Vec::new() });
        self.trace.nodes.push(Node { name: name.into(), kind: NodeKind::Host { addrs, mac } });
        self.set_stranger(node);
        Ok(node)
    }

    /// Lets all intruders begin.
    pub(super) fn start_intruders(&mut self) {
        for node in (0..self.nodes.len()).map(NodeId) {
            self.intrude(node, |_, _, _| {});
        }
    }

    /// An intruder acts, if its time has come.
    pub(super) fn wake_intruder(&mut self, node: NodeId) {
        self.intrude(node, |intruder, now, out| {
            while intruder.next_at().is_some_and(|at| at <= now) {
                intruder.on_time(now, out);
            }
        });
    }

    /// A frame comes to an intruder.
    pub(super) fn intruder_frame(&mut self, node: NodeId, bytes: &[u8]) {
        self.intrude(node, |intruder, now, out| intruder.on_frame(now, bytes, out));
    }

    fn intrude(&mut self, node: NodeId, act: impl FnOnce(&mut dyn Intruder, Time, &mut Vec<Vec<u8>>)) {
        let now = self.clock.now.get();
        let station = &mut self.nodes[node.0];
        let end = station.ends.first().copied();
        let StationKind::Intruder(guest) = &mut station.kind else { return };
        let mut out = Vec::new();
        act(&mut *guest.intruder, now, &mut out);
        guest.wake_at = guest.wake_at.filter(|at| *at > now);
        let next = guest.intruder.next_at().map(|at| at.max(now));
        if let Some(at) = next
            && guest.wake_at.is_none_or(|known| at < known)
        {
            guest.wake_at = Some(at);
            self.events.schedule(at, Event::Wake { node });
        }
        for bytes in out {
            let id = self.new_packet();
            if let Some(end) = end {
                self.transmit(node, end, id, bytes);
            }
        }
    }
}

/// The link-layer address of the node with this number: they count up.
pub(crate) fn mac_of(node: NodeId) -> Mac {
    let number = node.0 as u64 + 1;
    [2, 0, 0, 0, (number >> 8) as u8, number as u8]
}
