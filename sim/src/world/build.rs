//! How is a world put together?

use std::cell::RefCell;
use std::rc::Rc;

use smolsock::addr::Cidr;
use smolsock::{Config, Seed, Stack};

use super::{Computer, End, Laid, Station, StationKind, World, WorldError};
use crate::frame::Medium;
use crate::link::{Cable, Direction, Fault, Impairments};
use crate::nic::Nic;
use crate::rng::{Dice, Stream};
use crate::switch::Switch;
use crate::trace::{Node, NodeId, NodeKind};

impl World {
    /// Adds a host with these addresses, written `192.0.2.1/24` or `2001:db8::1/64`. Its link-layer address counts up with the
    /// nodes: 02:00:00:00:00:01 is the first.
    ///
    /// # Errors
    /// An address that is not one, a name that is taken.
    pub fn host(&mut self, name: &str, addresses: &[&str]) -> Result<NodeId, WorldError> {
        self.host_with(name, addresses, |_| {})
    }

    /// Adds a host, and lets `tune` change its configuration.
    ///
    /// # Errors
    /// As [`World::host`], and what the stack refuses.
    pub fn host_with(
        &mut self,
        name: &str,
        addresses: &[&str],
        tune: impl FnOnce(&mut Config),
    ) -> Result<NodeId, WorldError> {
        let node = self.name_node(name)?;
        let number = self.nodes.len() as u64 + 1;
        let mac = smolsock::addr::MacAddr([2, 0, 0, 0, (number >> 8) as u8, number as u8]);
        let seed = seed_of(self.seed, number, 0)?;
        let mut config = match self.medium {
            Medium::Ethernet => Config::ethernet(mac, seed),
            Medium::Ip => Config::ip(seed),
        };
        let mut addrs = Vec::new();
        for text in addresses {
            let cidr: Cidr = text.parse().map_err(|e| WorldError::Address(format!("{name}: {text}: {e}")))?;
            addrs.push(cidr.addr());
            config = config.address(cidr);
        }
        tune(&mut config);
        let nic = Nic::new(self.medium, MTU_BYTES);
        // A stack is large: it is not moved more often than it has to be.
        let stack = match Stack::new(config.clone(), &nic) {
            Ok(stack) => Rc::new(RefCell::new(stack)),
            Err(error) => return Err(WorldError::Address(format!("{name}: {error}"))),
        };
        let computer = Computer::new(stack, config, nic);
        self.nodes.push(Station { kind: StationKind::Host(Box::new(computer)), ends: Vec::new() });
        let mac = (self.medium == Medium::Ethernet).then_some(mac.0);
        self.trace.nodes.push(Node { name: name.into(), kind: NodeKind::Host { addrs, mac } });
        self.listen_to(node);
        Ok(node)
    }

    /// Adds a learning switch.
    ///
    /// # Errors
    /// A name that is taken; a world without Ethernet.
    pub fn switch(&mut self, name: &str) -> Result<NodeId, WorldError> {
        if self.medium != Medium::Ethernet {
            return Err(WorldError::Cable(format!("{name}: a switch needs Ethernet")));
        }
        let node = self.name_node(name)?;
        self.nodes.push(Station { kind: StationKind::Switch(Switch::new(SWITCH_PORTS)), ends: Vec::new() });
        self.trace.nodes.push(Node { name: name.into(), kind: NodeKind::Switch });
        Ok(node)
    }

    /// Lays a cable that treats both directions alike.
    ///
    /// # Errors
    /// See [`World::cable_with`].
    pub fn cable(&mut self, name: &str, a: NodeId, b: NodeId, both: Impairments) -> Result<(), WorldError> {
        self.cable_with(name, a, b, both, both)
    }

    /// Lays a cable; `there` is the way from `a` to `b`, `back` the other.
    ///
    /// # Errors
    /// A name that is taken, a cable from a node to itself, a host that has a cable.
    pub fn cable_with(
        &mut self,
        name: &str,
        a: NodeId,
        b: NodeId,
        there: Impairments,
        back: Impairments,
    ) -> Result<(), WorldError> {
        if self.cables.iter().any(|laid| laid.cable.name.as_str() == name) {
            return Err(WorldError::Name(format!("two cables are called {name}")));
        }
        if a == b {
            return Err(WorldError::Cable(format!("{name}: a cable needs two ends")));
        }
        for node in [a, b] {
            let station = &self.nodes[node.0];
            let owner = &self.trace.nodes[node.0].name;
            if station.ends.len() >= station.kind.ports_max() {
                let full = match station.kind {
                    StationKind::Host(_) | StationKind::Peer(_) | StationKind::Intruder(_) => {
                        format!("{name}: {owner} has a cable already; use a switch")
                    }
                    _ => format!("{name}: {owner} has {} cables already", station.ends.len()),
                };
                return Err(WorldError::Ports(full));
            }
        }
        let mut cable = Cable::new(name, self.medium, self.seed);
        let bad = |error| WorldError::Cable(format!("{name}: {error}"));
        cable.link_mut(Direction::Forward).set_impairments(there).map_err(bad)?;
        cable.link_mut(Direction::Back).set_impairments(back).map_err(bad)?;
        let number = self.cables.len();
        self.cables.push(Laid { cable, a, b });
        self.nodes[a.0].ends.push(End { cable: number, away: Direction::Forward });
        self.nodes[b.0].ends.push(End { cable: number, away: Direction::Back });
        Ok(())
    }

    /// Adds faults at chosen frames of one direction of a cable. A fault that never happens is a failure of the run.
    ///
    /// # Errors
    /// No cable has this name.
    pub fn fault(&mut self, cable: &str, direction: Direction, faults: Vec<Fault>) -> Result<(), WorldError> {
        let number = self.cable_named(cable)?;
        self.cables[number].cable.link_mut(direction).add_faults(faults);
        Ok(())
    }

    pub(super) fn name_node(&self, name: &str) -> Result<NodeId, WorldError> {
        if self.trace.nodes.iter().any(|node| node.name == name) {
            return Err(WorldError::Name(format!("two nodes are called {name}")));
        }
        Ok(NodeId(self.nodes.len()))
    }
}

impl StationKind {
    /// How many cables it takes.
    fn ports_max(&self) -> usize {
        match self {
            Self::Host(_) | Self::Peer(_) | Self::Intruder(_) => 1,
            Self::Switch(_) => SWITCH_PORTS,
            Self::Middlebox(_) => 2,
            Self::Router(router) => router.ports(),
        }
    }
}

/// A stack's secret in a world that has none: from the scenario's seed, different for each host and each start of it.
pub(crate) fn seed_of(seed: u64, host: u64, restarts: u64) -> Result<Seed, WorldError> {
    let dice = Dice::from_seed(seed).child("host");
    let dice = if restarts == 0 { dice } else { dice.child(&format!("restart {restarts}")) };
    let entropy = dice.seed_bytes(Stream::Host, host);
    Seed::new(entropy).map_err(|error| WorldError::Address(error.to_string()))
}

/// Largest IP packet of the simulated network cards.
pub(super) const MTU_BYTES: usize = 1500;

/// Ports of the simulated switches.
const SWITCH_PORTS: usize = 1024;
