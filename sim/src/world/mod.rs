//! How does the simulated network run?

mod boot;
mod build;
mod ending;
mod forwarding;
mod intruder;
mod realism;
mod run;
mod schedule;
mod scripted;
#[cfg(test)]
mod tests;
mod watch;
mod watched;

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use smolsock::{Config, Stack};

use crate::events::Events;
use crate::executor::{Executor, TaskResult};
use crate::frame::Medium;
use crate::host::{Clock, Host};
use crate::journal::{self, Shared};
use crate::link::{Cable, Direction};
use crate::middlebox::Middlebox;
use crate::nic::Nic;
use crate::peer::Player;
use crate::router::Router;
use crate::switch::Switch;
use crate::time::Time;
pub use ending::{Ending, Totals, WorldError, is_unfired};
pub use intruder::Intruder;
pub(crate) use intruder::mac_of;
pub use realism::{Realism, RealismError};
use schedule::Turns;
pub use schedule::{Change, Ways};
pub use watched::{Nobody, Watch};

use crate::trace::{NodeId, PacketId, Trace};
use boot::Service;
pub(crate) use build::seed_of;
use intruder::Guest;
use realism::Held;

/// Hosts, switches and cables in virtual time.
///
/// Everything is decided by the seed and by what the applications do: the same world run twice gives the
/// same frames at the same nanoseconds.
///
/// # Examples
/// ```
/// use smolsock_sim::link::{Impairments, Loss};
/// use smolsock_sim::time::Time;
/// use smolsock_sim::{World, app::echo};
///
/// let mut world = World::new(1);
/// let client = world.host("client", &["192.0.2.1/24"])?;
/// let server = world.host("server", &["192.0.2.2/24"])?;
/// let lossy = Impairments { loss: Loss::Bernoulli { ppm: 50_000 }, delay_ns: 10_000_000, ..Impairments::default() };
/// world.cable("ab", client, server, lossy)?;
/// world.daemon(server, "echo", |host| echo::tcp_server(host, "0.0.0.0:7".parse().unwrap(), 5));
/// world.app(client, "client", |host| {
///     echo::tcp_client(host, "192.0.2.2:7".parse().unwrap(), 1, 10_000, 1_000)
/// });
/// let ending = world.run(Time::from_secs(60));
/// assert!(ending.failures.is_empty(), "{:?}", ending.failures);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct World {
    seed: u64,
    medium: Medium,
    clock: Rc<Clock>,
    executor: Executor,
    nodes: Vec<Station>,
    cables: Vec<Laid>,
    events: Events<Event>,
    trace: Trace,
    recording: Recording,
    packets: u64,
    /// Hosts that have to be stepped before time goes on, each once.
    restless: Vec<NodeId>,
    /// The list before that, which is empty: its memory is used again.
    stepped: Vec<NodeId>,
    services: Vec<Service>,
    failures: Vec<String>,
    totals: Totals,
    turns: Turns,
    /// All changes, in the order in which they were asked for.
    changes: Vec<(Time, Change)>,
    /// The journal and the oracles, and whether anybody wants to know.
    watch: Shared,
    is_watched: bool,
    /// A defect that a test has planted: see `leaving`.
    #[cfg(test)]
    pub(crate) saboteur: Option<Saboteur>,
    #[cfg(test)]
    pub(crate) corrector: Option<Corrector>,
}

/// What a defective host does to a frame that it sends; `None`: nothing is sent.
#[cfg(test)]
pub(crate) type Saboteur = Box<dyn FnMut(NodeId, Vec<u8>) -> Option<Vec<u8>>>;

/// What a defective card makes of a frame that has arrived.
#[cfg(test)]
pub(crate) type Corrector = Box<dyn FnMut(Vec<u8>) -> Vec<u8>>;

/// What the world keeps of the frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// Every frame and its fate, for ladders and captures.
    Full,
    /// The first so many frames and their fates, for captures of long runs; no journal.
    First(usize),
    /// Nothing: for benchmarks and long searches.
    Off,
}

impl Recording {
    /// Whether one more frame is kept, where there are `kept` already.
    fn keeps(self, kept: usize) -> bool {
        match self {
            Self::Full => true,
            Self::First(frames) => kept < frames,
            Self::Off => false,
        }
    }
}

/// A node, and the cables that end there.
struct Station {
    kind: StationKind,
    ends: Vec<End>,
}

enum StationKind {
    Host(Box<Computer>),
    Switch(Switch),
    Middlebox(Middlebox),
    Router(Box<Router>),
    Peer(Box<Player>),
    Intruder(Guest),
}

/// A host: the stack, its network card, and when it wants to be woken.
struct Computer {
    stack: Rc<RefCell<Stack<'static>>>,
    /// What the stack was built from.
    config: Config,
    nic: Nic,
    wake_at: Option<Time>,
    is_restless: bool,
    realism: Realism,
    /// Frames that have arrived and are not handed over yet, and when they will be.
    held: Held,
    /// A step is due after the poll latency.
    is_poll_due: bool,
    /// Off between a crash and the restart: frames are lost, nothing runs.
    is_up: bool,
    /// How often it was started again.
    restarts: u64,
}

/// A cable and the nodes that it joins.
struct Laid {
    cable: Cable,
    a: NodeId,
    b: NodeId,
}

impl Laid {
    /// Where a frame comes out.
    fn far_end(&self, away: Direction) -> NodeId {
        match away {
            Direction::Forward => self.b,
            Direction::Back => self.a,
        }
    }
}

/// One end of a cable: which cable, and which direction leads away from here.
#[derive(Clone, Copy)]
struct End {
    cable: usize,
    away: Direction,
}

/// What happens at a moment.
enum Event {
    /// A frame comes out of a cable at a node's port.
    Arrival { node: NodeId, port: usize, id: PacketId, bytes: Vec<u8> },
    /// A host wanted to be woken.
    Wake { node: NodeId },
    /// A host's poll latency is over.
    Poll { node: NodeId },
    /// The network card of a host hands over what it holds back, if that is still this batch.
    Release { node: NodeId, batch: u64 },
    /// A host loses its power.
    Crash { node: NodeId },
    /// A host starts again.
    Restart { node: NodeId },
    /// A queue decides about the frame at its head.
    Turn { cable: usize, direction: Direction },
    /// The network changes.
    Change(Change),
}

impl World {
    /// An empty world of Ethernet.
    pub fn new(seed: u64) -> Self {
        Self::with_medium(seed, Medium::Ethernet)
    }

    /// An empty world whose cables carry Ethernet frames, or bare IP packets: then there is no ARP, and no switch.
    ///
    /// ```
    /// use smolsock_sim::{Medium, World};
    /// let world = World::with_medium(1, Medium::Ip);
    /// # let _ = world;
    /// ```
    pub fn with_medium(seed: u64, medium: Medium) -> Self {
        Self {
            seed,
            medium,
            clock: Rc::default(),
            executor: Executor::default(),
            nodes: Vec::new(),
            cables: Vec::new(),
            events: Events::default(),
            trace: Trace { medium, nodes: Vec::new(), frames: Vec::new() },
            recording: Recording::Full,
            packets: 0,
            restless: Vec::new(),
            stepped: Vec::new(),
            services: Vec::new(),
            failures: Vec::new(),
            totals: Totals::default(),
            turns: Turns::default(),
            changes: Vec::new(),
            watch: Arc::new(Mutex::new(journal::Watch::new(medium))),
            is_watched: true,
            #[cfg(test)]
            saboteur: None,
            #[cfg(test)]
            corrector: None,
        }
    }

    /// Keeps frames, or not.
    pub fn set_recording(&mut self, recording: Recording) {
        self.recording = recording;
        journal::lock(&self.watch).set_recording(recording == Recording::Full);
    }

    /// Starts an application on a host. The run ends when all applications have.
    ///
    /// On a lossy Ethernet `connect` may give EHOSTUNREACH, when three ARP requests were lost;
    /// [`app::connect`](crate::app::connect) tries again.
    ///
    /// ```
    /// # let mut world = smolsock_sim::World::new(1);
    /// # let node = world.host("host", &["192.0.2.1/24"])?;
    /// use smolsock::task::UdpSocket;
    /// world.app(node, "sender", |host| async move {
    ///     let socket = UdpSocket::bind(&host, "0.0.0.0:0".parse()?)?;
    ///     host.note("says hello to nobody");
    ///     socket.send_to(b"hello", "192.0.2.1:9".parse()?).await?;
    ///     Ok(())
    /// });
    /// # Ok::<(), smolsock_sim::WorldError>(())
    /// ```
    pub fn app<F>(&mut self, node: NodeId, name: &str, start: impl FnOnce(Host) -> F)
    where
        F: Future<Output = TaskResult> + 'static,
    {
        let future = start(self.handle(node));
        self.executor.spawn(node.0, name, false, future);
    }

    /// Starts an application that may run for ever: a server. It is stopped when the others have ended.
    pub fn daemon<F>(&mut self, node: NodeId, name: &str, start: impl FnOnce(Host) -> F)
    where
        F: Future<Output = TaskResult> + 'static,
    {
        let future = start(self.handle(node));
        self.executor.spawn(node.0, name, true, future);
    }

    /// The node of this name.
    pub fn node_named(&self, name: &str) -> Option<NodeId> {
        self.trace.node_named(name)
    }

    /// From now on an application that panics has failed with the panic's place and words, as one that ends with an error,
    /// and the run goes on. Without this the panic is the run's.
    ///
    /// ```
    /// # use smolsock_sim::{World, time::Time};
    /// let mut world = World::new(1);
    /// let node = world.host("host", &["192.0.2.1/24"])?;
    /// world.catch_panics();
    /// world.app(node, "clerk", |_| async { panic!("two and two are five") });
    /// let ending = world.run(Time::from_secs(1));
    /// assert!(ending.failures[0].starts_with("clerk failed: panicked at "));
    /// assert!(ending.failures[0].ends_with(": two and two are five"));
    /// # Ok::<(), smolsock_sim::WorldError>(())
    /// ```
    pub fn catch_panics(&mut self) {
        self.executor.catch_panics();
    }

    /// A host as its applications see it.
    ///
    /// # Panics
    /// `node` is no host.
    pub fn handle(&self, node: NodeId) -> Host {
        match &self.nodes[node.0].kind {
            StationKind::Host(computer) => {
                Host { node, stack: Rc::clone(&computer.stack), clock: Rc::clone(&self.clock) }
            }
            StationKind::Switch(_)
            | StationKind::Middlebox(_)
            | StationKind::Router(_)
            | StationKind::Peer(_)
            | StationKind::Intruder(_) => {
                panic!("{} is no host and runs no applications", self.trace.nodes[node.0].name)
            }
        }
    }

    /// Runs until the applications have ended, then until nothing is left to happen; `limit` bounds both.
    pub fn run(self, limit: Time) -> Ending {
        self.run_watched(limit, &mut Nobody)
    }

    /// [`run`](World::run), while somebody looks on.
    pub fn run_watched(mut self, limit: Time, watch: &mut dyn Watch) -> Ending {
        self.begin_watch();
        let links = self.links();
        let all_hosts: Vec<NodeId> = self.hosts().collect();
        for node in all_hosts {
            self.disturb(node);
        }
        self.start_peers();
        self.start_intruders();
        self.run_until(limit, watch, |world| world.is_done());
        let apps_ended_at = self.clock.now.get();
        // The last FINs and ACKs are still on their way.
        self.run_until(limit, watch, |world| world.is_done() && world.is_quiet());
        let netstat = self.views(|stack| stack.netstat().to_string());
        let arp = self.views(|stack| stack.arp().to_string());
        let unfinished: Vec<String> = self.executor.unfinished().map(str::to_owned).collect();
        for name in unfinished {
            self.failures.push(format!("{name} had not ended after {apps_ended_at}"));
        }
        for owner in self.executor.stop_background() {
            self.disturb(NodeId(owner));
        }
        self.run_until(limit, watch, |_| false);
        let ended_at = self.clock.now.get();
        self.finish_turns();
        self.check_cables();
        self.check_peers();
        self.totals.retransmissions = self.retransmissions();
        let (journal, findings) = self.finish_watch(apps_ended_at);
        self.failures.extend(findings);
        let notes = self.clock.notes.take();
        let routers = self.router_counters();
        Ending {
            trace: self.trace,
            links,
            journal,
            notes,
            failures: self.failures,
            totals: self.totals,
            apps_ended_at,
            ended_at,
            netstat,
            arp,
            routers,
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("seed", &self.seed)
            .field("nodes", &self.trace.nodes.iter().map(|node| &node.name).collect::<Vec<_>>())
            .field("now", &self.clock.now.get())
            .finish_non_exhaustive()
    }
}
