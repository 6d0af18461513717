//! What is a scenario made of?
//!
//! Plain data with integers in the units of their names. [`Scenario::parse`](super::Scenario::parse) reads it,
//! [`Scenario::to_toml`](super::Scenario::to_toml) prints it, exactly.

use crate::frame::Medium;
use crate::link::{self, Direction, Impairments};
use crate::middlebox::{Strip, Window};
use crate::world;

use super::Step;

/// A whole scenario: a network, what its hosts do, what goes wrong, and what is promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// What it is called: a to z, 0 to 9 and hyphens.
    pub name: String,
    /// What it shows, in a sentence.
    pub about: String,
    /// Decides everything that is random.
    pub seed: u64,
    /// When it is over at the latest, in ns of virtual time; applications that have not ended by then have failed.
    pub limit_ns: u64,
    /// What the cables carry.
    pub medium: Medium,
    /// The nodes whose captures are worth writing; empty: all hosts.
    pub captures: Vec<String>,
    /// Learning switches.
    pub switches: Vec<Switch>,
    /// Routers.
    pub routers: Vec<Router>,
    /// Boxes in the middle.
    pub middleboxes: Vec<Middlebox>,
    /// Hosts.
    pub hosts: Vec<Host>,
    /// Cables.
    pub cables: Vec<Cable>,
    /// What happens to chosen frames.
    pub faults: Vec<Fault>,
    /// What changes, and when.
    pub changes: Vec<Change>,
    /// Which hosts crash and start again, and when.
    pub power: Vec<Power>,
    /// What runs on the hosts.
    pub apps: Vec<App>,
    /// Promises besides the general ones.
    pub expect: Expect,
}

impl Scenario {
    /// The default of `limit_ns`: an hour.
    pub const LIMIT_NS: u64 = 3_600_000_000_000;

    /// A scenario in which there is nothing yet.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            about: String::new(),
            seed: 1,
            limit_ns: Self::LIMIT_NS,
            medium: Medium::Ethernet,
            captures: Vec::new(),
            switches: Vec::new(),
            routers: Vec::new(),
            middleboxes: Vec::new(),
            hosts: Vec::new(),
            cables: Vec::new(),
            faults: Vec::new(),
            changes: Vec::new(),
            power: Vec::new(),
            apps: Vec::new(),
            expect: Expect::default(),
        }
    }
}

/// A learning switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    /// What it is called.
    pub name: String,
}

/// A host that runs the socket layer. What is `None` is as [`smolsock::Config`] has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// What it is called.
    pub name: String,
    /// Own addresses with their prefixes: `192.0.2.1/24`.
    pub addresses: Vec<String>,
    /// Default routers, at most one of each family: `192.0.2.254`.
    pub gateways: Vec<String>,
    /// Receive buffer of a TCP connection, bytes.
    pub tcp_recv_bytes: Option<u64>,
    /// Send buffer of a TCP connection, bytes.
    pub tcp_send_bytes: Option<u64>,
    /// Connections of a listener that may be in SYN-RECEIVED.
    pub half_open_max: Option<u32>,
    /// Connections that may be remembered in TIME-WAIT.
    pub time_wait_max: Option<u32>,
    /// How long TIME-WAIT lasts, ns.
    pub time_wait_ns: Option<u64>,
    /// How long `connect` tries, ns.
    pub connect_timeout_ns: Option<u64>,
    /// How long a connection may stay in SYN-RECEIVED, ns.
    pub half_open_timeout_ns: Option<u64>,
    /// How long a closed socket waits in FIN-WAIT-2, ns.
    pub fin_wait_2_timeout_ns: Option<u64>,
    /// How long data may stay unacknowledged, ns.
    pub user_timeout_ns: Option<u64>,
    /// Whether it probes for the loss of the last segments before their time-out.
    pub tail_loss_probes: Option<bool>,
    /// Longest IP packet that it sends, bytes.
    pub mtu_bytes: Option<u64>,
    /// Received frames are handed over when so many are there.
    pub batch_frames: Option<u32>,
    /// Received frames are handed over so many ns after the first.
    pub batch_window_ns: Option<u64>,
    /// So many ns after it has something to do the host does it.
    pub poll_latency_ns: Option<u64>,
    /// When its device has no room for frames.
    pub refuses: Vec<Refusal>,
    /// TCP options that its packet filter takes out of what it sends.
    pub strip: Vec<Strip>,
    /// With which initial sequence number its first connection begins; `None`: the seed of the scenario decides.
    pub initial_sequence: Option<u32>,
}

/// A span of time in which a device refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Its first moment, ns.
    pub from_ns: u64,
    /// The first moment after it, ns.
    pub until_ns: u64,
}

/// A router between networks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Router {
    /// What it is called.
    pub name: String,
    /// The addresses of each port, with spaces between them, in the order of its cables: `192.0.2.254/24`.
    pub ports: Vec<String>,
    /// Prefixes, and the router that leads to each.
    pub routes: Vec<(String, String)>,
}

/// A box with two cables that changes what passes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Middlebox {
    /// What it is called.
    pub name: String,
    /// TCP options that it takes out.
    pub strip: Vec<Strip>,
    /// Larger MSS options are lowered to it, bytes.
    pub mss_max: Option<u16>,
    /// What becomes of the window field.
    pub window: Option<Window>,
    /// Hosts inside are hidden behind one address; the cable that comes first leads inside.
    pub nat: Option<Nat>,
}

/// Network address translation. What is `None` is as [`crate::nat::Nat::new`] has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nat {
    /// Its address inside, with the prefix.
    pub inside: String,
    /// Its address outside, with the prefix.
    pub outside: String,
    /// The router for everything beyond.
    pub gateway: Option<String>,
    /// How long a UDP mapping lasts without datagrams, ns.
    pub udp_idle_ns: Option<u64>,
    /// The same for an established connection, ns.
    pub tcp_established_idle_ns: Option<u64>,
    /// The same for one that is not established, or closed, ns.
    pub tcp_transitory_idle_ns: Option<u64>,
    /// The same for pings, ns.
    pub icmp_idle_ns: Option<u64>,
}

/// A host crashes or starts again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Power {
    /// When, ns.
    pub at_ns: u64,
    /// Which host.
    pub host: String,
    /// It starts; else it crashes.
    pub is_on: bool,
}

impl Power {
    /// What happens, as a world has it.
    pub fn as_change(&self) -> world::Change {
        let host = self.host.clone();
        if self.is_on { world::Change::Restart { host } } else { world::Change::Crash { host } }
    }
}

/// A cable between two nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cable {
    /// What it is called.
    pub name: String,
    /// The node at one end.
    pub a: String,
    /// The node at the other.
    pub b: String,
    /// What it does to frames from `a` to `b`.
    pub forward: Impairments,
    /// What it does to frames from `b` to `a`.
    pub back: Impairments,
}

/// What happens to a chosen frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// On which cable.
    pub cable: String,
    /// Which way.
    pub direction: Direction,
    /// To which frame, and what.
    pub fault: link::Fault,
}

/// A change of the network at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When, ns.
    pub at_ns: u64,
    /// What changes.
    pub change: world::Change,
}

/// An application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// On which host it runs.
    pub host: String,
    /// What it is called in failures.
    pub name: String,
    /// When it starts, ns.
    pub start_ns: u64,
    /// Whether the run need not wait for its end: a server.
    pub is_background: bool,
    /// Whether it starts again with its host; it is in the background then.
    pub is_service: bool,
    /// What it does.
    pub steps: Vec<Step>,
}

/// What the run has to come to, besides that all applications end well and all faults happen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expect {
    /// The last application ends before that, ns.
    pub ends_within_ns: Option<u64>,
    /// At least so many segments are sent again.
    pub retransmissions_min: Option<u64>,
    /// At most so many.
    pub retransmissions_max: Option<u64>,
    /// At least so many frames are dropped.
    pub drops_min: Option<u64>,
    /// At most so many.
    pub drops_max: Option<u64>,
    /// At least so many connections are established.
    pub connections_min: Option<u64>,
    /// States that a connection of a host has to go through, each once at least.
    pub states: Vec<HostState>,
    /// The TCP segments that the first of `captures` sees, as [`crate::capture::segments`] tells them; empty: any.
    pub segments: Vec<String>,
}

/// A state of a connection of a host, written `client TIME-WAIT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostState {
    /// The host.
    pub host: String,
    /// The state, as [`smolsock::TcpState`] prints it.
    pub state: smolsock::TcpState,
}
