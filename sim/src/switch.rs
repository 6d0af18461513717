//! Out of which ports does a switch send this frame?

use std::collections::BTreeMap;

use crate::frame::{self, Mac};
use crate::time::Time;

/// A learning Ethernet switch: it remembers behind which port each sender is, sends frames to a known destination out
/// of that port only, and all others out of every port but the one they came in by.
///
/// There is no spanning tree: a loop of cables floods for ever.
#[derive(Clone, Debug)]
pub struct Switch {
    ports: usize,
    table: BTreeMap<Mac, Station>,
    table_max: usize,
    age_ns: u64,
}

/// Where a frame goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// Nowhere: the destination is where the frame came from, or the frame is not to be forwarded.
    None,
    /// Out of this port.
    One(usize),
    /// Out of all ports but one.
    AllBut {
        /// The port the frame came in by.
        port_in: usize,
        /// How many ports the switch has.
        ports: usize,
    },
}

#[derive(Clone, Copy, Debug)]
struct Station {
    port: usize,
    heard_at: Time,
}

impl Switch {
    /// Stations remembered by a switch of [`new`](Switch::new).
    pub const TABLE_MAX: usize = 1_024;

    /// How long a silent station is remembered by a switch of [`new`](Switch::new): IEEE 802.1D-2004 table 7-5.
    pub const AGE_NS: u64 = 300_000_000_000;

    /// A switch with ports 0 to `ports - 1` that remembers 1,024 stations, each for 300 s after its last frame.
    pub fn new(ports: usize) -> Switch {
        Switch::with_table(ports, Switch::TABLE_MAX, Switch::AGE_NS)
    }

    /// A switch that remembers `table_max` stations for `age_ns`. When its table is full, new stations are not
    /// remembered, and frames to them go out of every port.
    pub fn with_table(ports: usize, table_max: usize, age_ns: u64) -> Switch {
        Switch { ports, table: BTreeMap::new(), table_max, age_ns }
    }

    /// Learns from `frame` (a whole Ethernet frame that came in by `port_in` at `now`) and says where it goes out.
    ///
    /// Frames shorter than an Ethernet header are dropped, and so are those to the addresses that IEEE 802.1D-2004
    /// table 7-10 reserves for the two ends of one cable.
    ///
    /// # Panics
    /// If the switch has no port `port_in`.
    pub fn forward(&mut self, now: Time, port_in: usize, frame: &[u8]) -> Ports {
        assert!(port_in < self.ports, "port {port_in} of a switch with {} ports", self.ports);
        let (Some(destination), Some(source)) = (frame::destination(frame), frame::source(frame)) else {
            return Ports::None;
        };
        self.learn(now, port_in, source);
        if matches!(destination, [0x01, 0x80, 0xc2, 0x00, 0x00, 0x00..=0x0f]) {
            return Ports::None;
        }
        match self.port_of(now, destination) {
            Some(port) if port == port_in => Ports::None,
            Some(port) => Ports::One(port),
            None => Ports::AllBut { port_in, ports: self.ports },
        }
    }

    /// The port behind which `station` was heard within the ageing time before `now`.
    pub fn port_of(&self, now: Time, station: Mac) -> Option<usize> {
        self.table.get(&station).filter(|station| !self.is_old(now, station)).map(|station| station.port)
    }

    fn learn(&mut self, now: Time, port: usize, source: Mac) {
        // A group is a destination, never a sender.
        if !frame::is_unicast(source) {
            return;
        }
        if self.table.len() >= self.table_max && !self.table.contains_key(&source) {
            let age_ns = self.age_ns;
            self.table.retain(|_, station| now.ns_since(station.heard_at) < age_ns);
            if self.table.len() >= self.table_max {
                return;
            }
        }
        self.table.insert(source, Station { port, heard_at: now });
    }

    fn is_old(&self, now: Time, station: &Station) -> bool {
        now.ns_since(station.heard_at) >= self.age_ns
    }
}

impl Ports {
    /// The ports, in ascending order.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        let (range, except) = match self {
            Ports::None => (0..0, None),
            Ports::One(port) => (port..port + 1, None),
            Ports::AllBut { port_in, ports } => (0..ports, Some(port_in)),
        };
        range.filter(move |port| Some(*port) != except)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Mac = [0x02, 0, 0, 0, 0, 0xa];
    const B: Mac = [0x02, 0, 0, 0, 0, 0xb];
    const C: Mac = [0x02, 0, 0, 0, 0, 0xc];

    fn frame(source: Mac, destination: Mac) -> Vec<u8> {
        [&destination[..], &source, &[0x08, 0x00]].concat()
    }

    fn out(switch: &mut Switch, secs: u64, port_in: usize, source: Mac, destination: Mac) -> Vec<usize> {
        switch.forward(Time::from_secs(secs), port_in, &frame(source, destination)).iter().collect()
    }

    #[test]
    fn frames_to_a_station_that_was_heard_go_to_its_port_only() {
        let mut switch = Switch::new(4);
        assert_eq!(out(&mut switch, 0, 0, A, B), [1, 2, 3], "B is unknown");
        assert_eq!(out(&mut switch, 0, 2, B, A), [0]);
        assert_eq!(out(&mut switch, 0, 0, A, B), [2]);
        assert!(out(&mut switch, 0, 2, C, B).is_empty(), "B is where C is");
    }

    #[test]
    fn broadcast_and_multicast_go_everywhere_but_back() {
        let mut switch = Switch::new(3);
        assert_eq!(out(&mut switch, 0, 1, A, [0xff; 6]), [0, 2]);
        assert_eq!(out(&mut switch, 0, 1, A, [0x33, 0x33, 0, 0, 0, 1]), [0, 2]);
        // A sender with a group address is not believed.
        out(&mut switch, 0, 2, [0xff; 6], A);
        assert_eq!(out(&mut switch, 0, 1, A, [0xff; 6]), [0, 2]);
    }

    #[test]
    fn a_station_that_moves_is_found_at_its_new_port() {
        let mut switch = Switch::new(3);
        out(&mut switch, 0, 0, A, B);
        out(&mut switch, 1, 1, A, B);
        assert_eq!(out(&mut switch, 1, 2, B, A), [1]);
    }

    #[test]
    fn a_silent_station_is_forgotten_after_300_seconds() {
        let mut switch = Switch::new(3);
        out(&mut switch, 10, 0, A, B);
        assert_eq!(out(&mut switch, 309, 1, B, A), [0]);
        assert_eq!(out(&mut switch, 310, 1, B, A), [0, 2]);
        out(&mut switch, 310, 0, A, B);
        assert_eq!(out(&mut switch, 609, 1, B, A), [0], "its last frame counts");
    }

    #[test]
    fn a_full_table_forgets_nobody_and_floods_for_the_rest() {
        let mut switch = Switch::with_table(3, 2, 1_000_000_000);
        out(&mut switch, 0, 0, A, C);
        out(&mut switch, 0, 1, B, C);
        out(&mut switch, 0, 2, C, A);
        assert_eq!(out(&mut switch, 0, 0, A, C), [1, 2], "no room for C");
        assert_eq!(out(&mut switch, 0, 2, C, B), [1]);
        // B was heard at 0 s only and makes room; A, heard at 1 s, stays.
        out(&mut switch, 0, 0, A, C);
        assert_eq!(switch.forward(Time::from_millis(500), 0, &frame(A, C)).iter().count(), 2);
        out(&mut switch, 1, 2, C, A);
        assert_eq!(switch.table.keys().collect::<Vec<_>>(), [&A, &C]);
    }

    #[test]
    fn short_and_link_local_frames_are_not_forwarded() {
        let mut switch = Switch::new(2);
        let whole = frame(A, B);
        for bytes in 0..whole.len() {
            assert_eq!(switch.forward(Time::ZERO, 0, &whole[..bytes]), Ports::None);
        }
        let lldp = [0x01, 0x80, 0xc2, 0, 0, 0x0e];
        assert!(out(&mut switch, 0, 0, A, lldp).is_empty());
    }
}
