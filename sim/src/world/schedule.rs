//! What happens to cables and hosts at a given time, and when a queue decides?

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Event, World, WorldError};
use crate::journal::Way;
use crate::link::{Departure, Direction, Impairments};
use crate::time::Time;
use crate::trace::{Fate, NodeId, PacketId};
use crate::verify::Setting;

/// A change of the network at a time: see [`World::at`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Frames sent from now on are dropped; those in the queue and on their way still arrive.
    Cut {
        /// The name of the cable.
        cable: String,
        /// Which way.
        #[serde(default)]
        ways: Ways,
    },
    /// Frames sent from now on are carried again.
    Heal {
        /// The name of the cable.
        cable: String,
        /// Which way.
        #[serde(default)]
        ways: Ways,
    },
    /// The cable does this to the frames sent from now on, instead of what it did before.
    Impair {
        /// The name of the cable.
        cable: String,
        /// Which way.
        #[serde(default)]
        ways: Ways,
        /// All of what it does.
        to: Impairments,
    },
    /// The host loses its power: see [`World::crash_at`].
    Crash {
        /// The name of the host.
        host: String,
    },
    /// The host starts anew: see [`World::restart_at`].
    Restart {
        /// The name of the host.
        host: String,
    },
}

impl Change {
    /// What it does to one direction of the cable called `name`; `None`: nothing.
    pub(super) fn setting(&self, name: &str, direction: Direction) -> Option<Setting> {
        let (cable, ways, setting) = match self {
            Change::Cut { cable, ways } => (cable, ways, Setting::Cut),
            Change::Heal { cable, ways } => (cable, ways, Setting::Heal),
            Change::Impair { cable, ways, to } => (cable, ways, Setting::Impair(*to)),
            Change::Crash { .. } | Change::Restart { .. } => return None,
        };
        (cable == name && ways.directions().contains(&direction)).then_some(setting)
    }
}

/// What happens: `cable ab, back, is cut`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cable, ways, what) = match self {
            Change::Cut { cable, ways } => (cable, ways, "is cut"),
            Change::Heal { cable, ways } => (cable, ways, "is healed"),
            Change::Impair { cable, ways, .. } => (cable, ways, "is impaired"),
            Change::Crash { host } => return write!(f, "host {host} crashes"),
            Change::Restart { host } => return write!(f, "host {host} starts again"),
        };
        match ways {
            Ways::Both => write!(f, "cable {cable} {what}"),
            Ways::Forward => write!(f, "cable {cable}, {}, {what}", Direction::Forward),
            Ways::Back => write!(f, "cable {cable}, {}, {what}", Direction::Back),
        }
    }
}

/// One direction of a cable, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ways {
    /// Both directions.
    #[default]
    Both,
    /// From the end named first to the end named second.
    Forward,
    /// The other way.
    Back,
}

impl Ways {
    /// The directions.
    pub const fn directions(self) -> &'static [Direction] {
        match self {
            Ways::Both => &[Direction::Forward, Direction::Back],
            Ways::Forward => &[Direction::Forward],
            Ways::Back => &[Direction::Back],
        }
    }
}

/// Frames in queues that decide at their head: for every direction of a cable, in the order of sending.
#[derive(Debug, Default)]
pub(super) struct Turns {
    waiting: BTreeMap<(usize, Direction), VecDeque<Waiting>>,
}

/// What the world knows of a frame whose fate is not decided.
#[derive(Debug)]
struct Waiting {
    id: PacketId,
    to: NodeId,
    port: usize,
    from: NodeId,
    sent_at: Time,
    /// Its record, as an index into the trace, if there is one.
    record: Option<usize>,
}

impl World {
    /// Lets the network or a host change at `time`; changes of one time in the order given, and before the frames of that
    /// time. One cable that is cut and healed again and again flaps.
    ///
    /// A run does not end before its last change, unless at its limit.
    ///
    /// ```
    /// use smolsock_sim::world::{Change, Ways};
    /// use smolsock_sim::{World, link::Impairments, time::Time};
    /// let mut world = World::new(1);
    /// let a = world.host("a", &["192.0.2.1/24"])?;
    /// let b = world.host("b", &["192.0.2.2/24"])?;
    /// world.cable("ab", a, b, Impairments::default())?;
    /// world.at(Time::from_secs(1), Change::Cut { cable: "ab".into(), ways: Ways::Both })?;
    /// world.at(Time::from_secs(2), Change::Heal { cable: "ab".into(), ways: Ways::Both })?;
    /// world.at(Time::from_secs(3), Change::Crash { host: "b".into() })?;
    /// world.at(Time::from_secs(4), Change::Restart { host: "b".into() })?;
    /// # Ok::<(), smolsock_sim::WorldError>(())
    /// ```
    ///
    /// # Errors
    /// No cable has this name, or no host; impairments that are out of range.
    pub fn at(&mut self, time: Time, change: Change) -> Result<(), WorldError> {
        match &change {
            Change::Cut { cable, .. } | Change::Heal { cable, .. } => {
                self.cable_named(cable)?;
            }
            Change::Impair { cable, to, .. } => {
                self.cable_named(cable)?;
                to.check().map_err(|error| WorldError::Cable(format!("{cable}: {error}")))?;
            }
            Change::Crash { host } => return self.crash_at(self.host_named(host)?, time),
            Change::Restart { host } => return self.restart_at(self.host_named(host)?, time),
        }
        self.changes.push((time, change.clone()));
        // What the hosts do at the very first moment comes before all events.
        match time {
            Time::ZERO => self.on_change(&change),
            time => self.events.schedule(time, Event::Change(change)),
        }
        Ok(())
    }

    /// The number of the cable called `name`.
    pub(super) fn cable_named(&self, name: &str) -> Result<usize, WorldError> {
        let position = self.cables.iter().position(|laid| laid.cable.name.as_str() == name);
        position.ok_or_else(|| WorldError::Name(format!("no cable is called {name}")))
    }

    /// The host called `name`.
    fn host_named(&self, name: &str) -> Result<NodeId, WorldError> {
        let position = self.hosts().find(|node| self.trace.nodes[node.0].name == name);
        position.ok_or_else(|| WorldError::Name(format!("no host is called {name}")))
    }

    /// A change of a cable takes place; hosts crash and start again by events of their own.
    pub(super) fn on_change(&mut self, change: &Change) {
        for laid in &mut self.cables {
            for direction in [Direction::Forward, Direction::Back] {
                let Some(setting) = change.setting(laid.cable.name.as_str(), direction) else { continue };
                let link = laid.cable.link_mut(direction);
                match setting {
                    Setting::Cut => link.set_up(false),
                    Setting::Heal => link.set_up(true),
                    Setting::Impair(to) => {
                        // Checked when it was scheduled.
                        let _ = link.set_impairments(to);
                    }
                }
            }
        }
    }

    /// Puts the arrivals of a frame into the future.
    pub(super) fn arrive(&mut self, to: NodeId, port: usize, id: PacketId, bytes: Vec<u8>, fate: &Fate) {
        self.totals.dropped += u64::from(fate.drop.is_some());
        let mut arrival = |at, bytes| self.events.schedule(at, Event::Arrival { node: to, port, id, bytes });
        // The last copy is the frame itself.
        let Some((last, copies)) = fate.copies.split_last() else { return };
        for copy in copies {
            arrival(copy.at, copy.bytes.as_ref().unwrap_or(&bytes).clone());
        }
        arrival(last.at, last.bytes.clone().unwrap_or(bytes));
    }

    /// A frame waits in a queue that decides at its head. `record` is its number in the trace, if it has one.
    pub(super) fn wait(
        &mut self,
        (cable, direction): (usize, Direction),
        from: NodeId,
        id: PacketId,
        (to, port): (NodeId, usize),
        record: Option<usize>,
    ) {
        let now = self.clock.now.get();
        let waiting = self.turns.waiting.entry((cable, direction)).or_default();
        let is_first = waiting.is_empty();
        waiting.push_back(Waiting { id, to, port, from, sent_at: now, record });
        if is_first {
            self.schedule_turn(cable, direction);
        }
    }

    /// The transmitter is free for the next frame of a queue.
    pub(super) fn on_turn(&mut self, cable: usize, direction: Direction) {
        let now = self.clock.now.get();
        self.depart(cable, direction, now);
        self.schedule_turn(cable, direction);
    }

    fn schedule_turn(&mut self, cable: usize, direction: Direction) {
        if let Some(at) = self.cables[cable].cable.link(direction).next_turn() {
            self.events.schedule(at, Event::Turn { cable, direction });
        }
    }

    /// Notes what becomes of the frames whose turn has come.
    fn depart(&mut self, cable: usize, direction: Direction, now: Time) {
        for Departure { frame, fate, .. } in self.cables[cable].cable.link_mut(direction).take_turn(now) {
            let waiting = self.turns.waiting.get_mut(&(cable, direction)).and_then(VecDeque::pop_front);
            let Some(Waiting { id, to, port, from, sent_at, record }) = waiting else { continue };
            self.watch_fate(Way { cable, direction }, from, id, sent_at, &frame, &fate);
            self.arrive(to, port, id, frame, &fate);
            if let Some(record) = record {
                self.trace.frames[record].fate = fate;
            }
        }
    }

    /// Decides about all that still waits when a run is over, as if it went on and nothing more was sent.
    pub(super) fn finish_turns(&mut self) {
        let links: Vec<(usize, Direction)> = self.turns.waiting.keys().copied().collect();
        for (cable, direction) in links {
            while let Some(at) = self.cables[cable].cable.link(direction).next_turn() {
                self.depart(cable, direction, at);
            }
        }
    }
}
