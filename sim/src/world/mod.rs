//! How does the simulated network run?

mod build;
mod ending;
mod watch;

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use smolsock::{Stack, Step};

use crate::events::Events;
use crate::executor::{Executor, TaskResult};
use crate::frame::Medium;
use crate::host::{Clock, Host};
use crate::link::{Cable, Direction, Scripted};
use crate::nic::Nic;
use crate::switch::Switch;
use crate::time::Time;
pub use ending::{Ending, WorldError};
use watch::Nobody;
pub use watch::Watch;

use crate::trace::{FrameRecord, NodeId, PacketId, Trace};

/// Hosts, switches and cables in virtual time.
///
/// Everything is decided by the seed and by what the applications do: the same world run twice gives the
/// same frames at the same nanoseconds.
///
/// # Examples
/// ```
/// use smolsock_sim::link::Impairments;
/// use smolsock_sim::time::Time;
/// use smolsock_sim::{World, app::echo};
///
/// let mut world = World::new(1);
/// let client = world.host("client", &["192.0.2.1/24"])?;
/// let server = world.host("server", &["192.0.2.2/24"])?;
/// let lossy = Impairments { loss_ppm: 50_000, delay_ns: 10_000_000, ..Impairments::default() };
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
    failures: Vec<String>,
}

/// What the world keeps of the frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// Every frame and its fate, for ladders and captures.
    Full,
    /// Nothing: for benchmarks and long searches.
    Off,
}

/// A node, and the cables that end there.
struct Station {
    kind: StationKind,
    ends: Vec<End>,
}

enum StationKind {
    Host(Box<Computer>),
    Switch(Switch),
}

/// A host: the stack, its network card, and when it wants to be woken.
struct Computer {
    stack: Rc<RefCell<Stack<'static>>>,
    nic: Nic,
    wake_at: Option<Time>,
    is_restless: bool,
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
            failures: Vec::new(),
        }
    }

    /// Keeps frames, or not.
    pub fn set_recording(&mut self, recording: Recording) {
        self.recording = recording;
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

    /// A host as its applications see it.
    ///
    /// # Panics
    /// `node` is a switch.
    pub fn handle(&self, node: NodeId) -> Host {
        match &self.nodes[node.0].kind {
            StationKind::Host(computer) => {
                Host { node, stack: Rc::clone(&computer.stack), clock: Rc::clone(&self.clock) }
            }
            StationKind::Switch(_) => panic!("{} is a switch and runs no applications", self.trace.nodes[node.0].name),
        }
    }

    /// Runs until the applications have ended, then until nothing is left to happen; `limit` bounds both.
    pub fn run(self, limit: Time) -> Ending {
        self.run_watched(limit, &mut Nobody)
    }

    /// [`run`](World::run), while somebody looks on.
    pub fn run_watched(mut self, limit: Time, watch: &mut dyn Watch) -> Ending {
        let all_hosts: Vec<NodeId> = self.hosts().collect();
        for node in all_hosts {
            self.disturb(node);
        }
        self.run_until(limit, watch, |world| world.executor.is_done());
        let apps_ended_at = self.clock.now.get();
        // The last FINs and ACKs are still on their way.
        self.run_until(limit, watch, |world| world.executor.is_done() && world.is_quiet());
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
        self.check_cables();
        let notes = self.clock.notes.take();
        Ending { trace: self.trace, notes, failures: self.failures, apps_ended_at, ended_at, netstat, arp }
    }

    /// Lets things happen in order of time until `is_over`, `limit`, or nothing is left.
    fn run_until(&mut self, limit: Time, watch: &mut dyn Watch, is_over: impl Fn(&Self) -> bool) {
        loop {
            self.settle();
            if is_over(self) {
                return;
            }
            let next = [self.events.next_at(), self.clock.next_wake()].into_iter().flatten().min();
            let Some(next) = next.filter(|at| *at <= limit) else { return };
            watch.after(&self.trace, self.clock.now.get());
            self.clock.now.set(next);
            self.clock.wake_sleepers();
            while self.events.next_at() == Some(next)
                && let Some((_, event)) = self.events.next()
            {
                self.on_event(event);
            }
        }
    }

    /// Whether nothing happens within the next second.
    fn is_quiet(&self) -> bool {
        let now = self.clock.now.get();
        let next = [self.events.next_at(), self.clock.next_wake()].into_iter().flatten().min();
        next.is_none_or(|at| at > now + QUIET)
    }

    /// Runs applications and steps hosts until nobody has anything to do at this moment.
    fn settle(&mut self) {
        loop {
            while let Some(ran) = self.executor.run_one() {
                if let Some((name, error)) = ran.failure {
                    self.failures.push(format!("{name} failed: {error}"));
                }
                self.disturb(NodeId(ran.owner));
                let spawned = self.clock.spawned.take();
                for task in spawned {
                    self.executor.spawn(task.node.0, task.name, true, task.future);
                }
            }
            if self.restless.is_empty() {
                return;
            }
            for node in std::mem::take(&mut self.restless) {
                self.step(node);
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Wake { node } => {
                let now = self.clock.now.get();
                if let StationKind::Host(computer) = &mut self.nodes[node.0].kind
                    && computer.wake_at.is_some_and(|at| at <= now)
                {
                    computer.wake_at = None;
                    self.disturb(node);
                }
            }
            Event::Arrival { node, port, id, bytes } => match &mut self.nodes[node.0].kind {
                StationKind::Host(computer) => {
                    computer.nic.deliver(&bytes);
                    self.disturb(node);
                }
                StationKind::Switch(_) => self.forward(node, port, id, &bytes),
            },
        }
    }

    /// A switch passes a frame on. It keeps the id that it came with.
    fn forward(&mut self, node: NodeId, port_in: usize, id: PacketId, bytes: &[u8]) {
        let now = self.clock.now.get();
        let station = &mut self.nodes[node.0];
        let ends = station.ends.clone();
        let StationKind::Switch(switch) = &mut station.kind else { return };
        for port in switch.forward(now, port_in, bytes).iter().filter(|port| *port < ends.len()) {
            self.transmit(node, ends[port], id, bytes.to_vec());
        }
    }

    /// Puts a frame on a cable, and its arrivals into the future.
    fn transmit(&mut self, from: NodeId, end: End, id: PacketId, bytes: Vec<u8>) {
        let now = self.clock.now.get();
        let laid = &mut self.cables[end.cable];
        let to = laid.far_end(end.away);
        let link = laid.cable.link_mut(end.away);
        let nth = link.frames();
        let fate = link.send(now, &bytes);
        let port = self.nodes[to.0].ends.iter().position(|there| there.cable == end.cable).unwrap_or(0);
        for arrival in &fate.copies {
            let bytes = arrival.bytes.clone().unwrap_or_else(|| bytes.clone());
            self.events.schedule(arrival.at, Event::Arrival { node: to, port, id, bytes });
        }
        if self.recording == Recording::Full {
            let link = self.cables[end.cable].cable.name.clone();
            self.trace.frames.push(FrameRecord { id, sent_at: now, from, to, link, nth, bytes, fate });
        }
    }

    /// Marks a host as having something to do now.
    fn disturb(&mut self, node: NodeId) {
        if let StationKind::Host(computer) = &mut self.nodes[node.0].kind
            && !std::mem::replace(&mut computer.is_restless, true)
        {
            self.restless.push(node);
        }
    }

    /// Steps a host once, sends its frames, and notes when it wants to be woken.
    fn step(&mut self, node: NodeId) {
        let now = self.clock.now.get();
        let station = &mut self.nodes[node.0];
        let end = station.ends.first().copied();
        let StationKind::Host(computer) = &mut station.kind else { return };
        computer.is_restless = false;
        let mut stack = computer.stack.borrow_mut();
        let left = stack.step(smolsock::time::Instant::from_micros(now.as_micros()), &mut computer.nic);
        let next = stack.next_step().map(|at| Time::from_micros(at.as_micros()));
        drop(stack);
        let has_more = left == Step::More || next.is_some_and(|at| at <= now);
        if let Some(at) = next
            && at > now
            && computer.wake_at.is_none_or(|known| at < known)
        {
            computer.wake_at = Some(at);
            self.events.schedule(at, Event::Wake { node });
        }
        while let StationKind::Host(computer) = &mut self.nodes[node.0].kind
            && let Some(bytes) = computer.nic.take()
        {
            let id = PacketId(self.packets);
            self.packets += 1;
            if let Some(end) = end {
                self.transmit(node, end, id, bytes);
            }
        }
        if has_more {
            self.disturb(node);
        }
    }

    fn hosts(&self) -> impl Iterator<Item = NodeId> {
        let is_host = |(_, station): &(usize, &Station)| matches!(station.kind, StationKind::Host(_));
        self.nodes.iter().enumerate().filter(is_host).map(|(i, _)| NodeId(i))
    }

    /// The names of all hosts, in the order in which they were added.
    pub fn host_names(&self) -> Vec<String> {
        self.hosts().map(|node| self.trace.nodes[node.0].name.clone()).collect()
    }

    /// What `show` says of each host's stack.
    fn views(&self, show: impl Fn(&Stack<'_>) -> String) -> Vec<(String, String)> {
        let of_host = |node: NodeId| {
            let host = self.handle(node);
            let text = show(&host.stack.borrow());
            (self.trace.nodes[node.0].name.clone(), text)
        };
        self.hosts().map(of_host).collect()
    }

    /// A scripted fault that never fired is a scenario that tests nothing.
    fn check_cables(&mut self) {
        for Laid { cable, .. } in &self.cables {
            for (direction, Scripted { nth, act }) in cable.unfired() {
                let name = &cable.name;
                self.failures
                    .push(format!("cable {name}: {act:?} of frame {nth} {} never happened", direction.as_str()));
            }
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

/// Longer than any delay on a built-in cable, shorter than any TIME-WAIT.
const QUIET: Duration = Duration::from_secs(1);
