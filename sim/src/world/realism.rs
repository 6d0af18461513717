//! How does a simulated network card differ from a perfect one?

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use smolsock::{Config, Stack};

use super::{Computer, Event, StationKind, World, WorldError};
use crate::frame::Medium;
use crate::middlebox::{Middlebox, Strip};
use crate::nic::Nic;
use crate::time::Time;
use crate::trace::NodeId;

/// What a host's network card and scheduler do to it. The default is a perfect host: every frame is handed over when it
/// arrives, the stack runs at once, the device always has room.
///
/// ```
/// use smolsock_sim::time::Time;
/// use smolsock_sim::{Realism, World};
///
/// let mut world = World::new(1);
/// let host = world.host("host", &["192.0.2.1/24"])?;
/// let realism = Realism {
///     batch_frames: 8,
///     batch_window_ns: 50_000,
///     poll_latency_ns: 20_000,
///     refuses: vec![Time::from_millis(100)..Time::from_millis(250)],
///     ..Realism::default()
/// };
/// world.realism(host, realism)?;
/// # Ok::<(), smolsock_sim::WorldError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Realism {
    /// Received frames are handed over when so many are there; 0 (default): only `batch_window_ns` counts.
    pub batch_frames: usize,
    /// Received frames are handed over together, so many ns after the first of them arrived; 0 (default): each at once.
    pub batch_window_ns: u64,
    /// How many ns after a frame, a timer or an application gave it something to do the stack runs; 0: at once.
    pub poll_latency_ns: u64,
    /// Spans of time (start included, end not) in which the device has no room for a frame to send, in any order. Like a
    /// device whose transmit ring is full, it hands over no frames either; they wait in the card.
    pub refuses: Vec<core::ops::Range<Time>>,
    /// Longest IP packet that the card sends, in bytes, without an Ethernet header (default: 1,500).
    pub mtu_bytes: usize,
    /// TCP options that the host's own packet filter takes out of what leaves (`TCPOPTSTRIP` of Linux); a capture on the
    /// host does not show them either.
    pub strip: Vec<Strip>,
}

impl Default for Realism {
    fn default() -> Self {
        Self {
            batch_frames: 0,
            batch_window_ns: 0,
            poll_latency_ns: 0,
            refuses: Vec::new(),
            mtu_bytes: super::build::MTU_BYTES,
            strip: Vec::new(),
        }
    }
}

/// Why a host cannot be like this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RealismError {
    /// `batch_frames` without `batch_window_ns`: the last frames of a conversation would wait for ever.
    BatchWithoutWindow,
    /// A span that ends before it starts, or when it starts.
    EmptySpan(Time),
    /// A span in which the device refuses never ends, and what waits would be lost.
    EndlessSpan(Time),
}

impl fmt::Display for RealismError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BatchWithoutWindow => {
                f.write_str("batch_frames needs a batch_window_ns, or the last frames never come")
            }
            Self::EmptySpan(start) => {
                write!(f, "the span of refusal that starts at {start} has no end after its start")
            }
            Self::EndlessSpan(start) => write!(f, "the span of refusal that starts at {start} never ends"),
        }
    }
}

impl std::error::Error for RealismError {}

impl Realism {
    /// Whether a host can be like this.
    ///
    /// # Errors
    /// See [`RealismError`].
    pub fn check(&self) -> Result<(), RealismError> {
        if self.batch_frames > 1 && self.batch_window_ns == 0 {
            return Err(RealismError::BatchWithoutWindow);
        }
        for span in &self.refuses {
            if span.is_empty() {
                return Err(RealismError::EmptySpan(span.start));
            }
            if span.end == Time::MAX {
                return Err(RealismError::EndlessSpan(span.start));
            }
        }
        Ok(())
    }

    /// Whether the host may answer later than a perfect one.
    const fn is_late(&self) -> bool {
        self.batch_window_ns > 0 || self.poll_latency_ns > 0 || !self.refuses.is_empty()
    }

    /// `bytes` (a whole frame of `medium`) as it leaves the host.
    pub(super) fn filter(&self, medium: Medium, bytes: Vec<u8>) -> Vec<u8> {
        if self.strip.is_empty() {
            return bytes;
        }
        Middlebox { strip: self.strip.clone(), ..Middlebox::default() }.rewrite(medium, bytes)
    }

    /// When the device takes frames again, if it refuses them at `now`.
    pub(super) fn refuses_until(&self, now: Time) -> Option<Time> {
        self.refuses.iter().filter(|span| span.contains(&now)).map(|span| span.end).max()
    }
}

/// Frames that a network card holds back, and how many batches it has handed over.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) frames: Vec<Vec<u8>>,
    pub(super) batch: u64,
}

impl Computer {
    /// A perfect host.
    pub(super) fn new(stack: Rc<RefCell<Stack<'static>>>, config: Config, nic: Nic) -> Self {
        Self {
            stack,
            config,
            nic,
            wake_at: None,
            is_restless: false,
            realism: Realism::default(),
            held: Held::default(),
            is_poll_due: false,
            is_up: true,
            restarts: 0,
        }
    }

    /// Hands everything over that is held back.
    pub(super) fn release(&mut self) {
        self.held.batch += 1;
        for frame in self.held.frames.drain(..) {
            self.nic.hand_over(frame);
        }
    }
}

impl World {
    /// Makes a host less than perfect: see [`Realism`]. Its stack is built anew (the MTU may differ), so this comes before
    /// its applications are started.
    ///
    /// # Errors
    /// `node` is not a host, or has applications; and see [`RealismError`].
    pub fn realism(&mut self, node: NodeId, realism: Realism) -> Result<(), WorldError> {
        realism.check().map_err(|error| self.bad_host(node, &error))?;
        // Who answers late, or refuses to send, may be asked again.
        if realism.is_late() {
            crate::journal::lock(&self.watch).bench().excuse_retransmissions();
        }
        self.rebuild(node, |computer, medium| {
            if realism.mtu_bytes != computer.nic.mtu_bytes() {
                computer.nic = Nic::new(medium, realism.mtu_bytes);
            }
            computer.realism = realism;
        })
    }

    /// Sets a host's router for everything outside its own networks; one for IPv4 and one for IPv6. Its stack is built anew,
    /// so this comes before its applications are started.
    ///
    /// ```
    /// let mut world = smolsock_sim::World::new(1);
    /// let host = world.host("host", &["192.0.2.1/24", "2001:db8::1/64"])?;
    /// world.gateway(host, "192.0.2.254")?;
    /// world.gateway(host, "2001:db8::fe")?;
    /// assert!(world.gateway(host, "198.51.100.1").is_err());
    /// # Ok::<(), smolsock_sim::WorldError>(())
    /// ```
    ///
    /// # Errors
    /// `node` is not a host, or has applications; `router` is no address, in none of the host's networks, or the second
    /// of its family.
    pub fn gateway(&mut self, node: NodeId, router: &str) -> Result<(), WorldError> {
        let router = router.parse().map_err(|_| self.bad_host(node, &format!("the gateway {router} is no address")))?;
        self.rebuild(node, |computer, _| computer.config = computer.config.clone().gateway(router))
    }

    /// Builds a host's stack anew after `change`; if that is not possible, nothing has changed.
    fn rebuild(&mut self, node: NodeId, change: impl FnOnce(&mut Computer, Medium)) -> Result<(), WorldError> {
        let has_apps = self.executor.has_tasks_of(node.0);
        let medium = self.medium;
        let StationKind::Host(computer) = &mut self.nodes[node.0].kind else {
            return Err(self.bad_host(node, &"it is no host"));
        };
        if has_apps {
            return Err(self.bad_host(node, &"its applications have started; say first how it is"));
        }
        let nic = Nic::new(medium, computer.nic.mtu_bytes());
        let mut changed = Computer::new(Rc::clone(&computer.stack), computer.config.clone(), nic);
        changed.realism = computer.realism.clone();
        change(&mut changed, medium);
        match Stack::new(changed.config.clone(), &changed.nic) {
            Ok(stack) => {
                *changed.stack.borrow_mut() = stack;
                **computer = changed;
                self.listen_to(node);
                Ok(())
            }
            Err(error) => Err(self.bad_host(node, &error)),
        }
    }

    pub(super) fn bad_host(&self, node: NodeId, what: &dyn fmt::Display) -> WorldError {
        WorldError::Host(format!("{}: {what}", self.trace.nodes[node.0].name))
    }

    /// A frame has arrived at a host's network card.
    pub(super) fn receive(&mut self, node: NodeId, bytes: Vec<u8>) {
        let now = self.clock.now.get();
        let StationKind::Host(computer) = &mut self.nodes[node.0].kind else { return };
        if !computer.is_up {
            return;
        }
        let (window_ns, frames_max) = (computer.realism.batch_window_ns, computer.realism.batch_frames);
        if window_ns == 0 {
            computer.nic.hand_over(bytes);
            return self.disturb(node);
        }
        computer.held.frames.push(bytes);
        let held = computer.held.frames.len();
        if frames_max > 0 && held >= frames_max {
            computer.release();
            return self.disturb(node);
        }
        if held == 1 {
            let batch = computer.held.batch;
            self.events.schedule(now.after_ns(window_ns), Event::Release { node, batch });
        }
    }

    /// The window of a batch is over; it may have been handed over before, because it was full.
    pub(super) fn on_release(&mut self, node: NodeId, batch: u64) {
        if let StationKind::Host(computer) = &mut self.nodes[node.0].kind
            && computer.held.batch == batch
        {
            computer.release();
            self.disturb(node);
        }
    }

    /// The host has something to do now: its stack runs after the poll latency.
    pub(super) fn disturb(&mut self, node: NodeId) {
        let now = self.clock.now.get();
        let StationKind::Host(computer) = &mut self.nodes[node.0].kind else { return };
        let latency_ns = computer.realism.poll_latency_ns;
        if !computer.is_up {
            return;
        }
        if latency_ns == 0 {
            self.run_stack(node);
        } else if !std::mem::replace(&mut computer.is_poll_due, true) {
            self.events.schedule(now.after_ns(latency_ns), Event::Poll { node });
        }
    }

    /// The stack of this host is to run at this moment.
    pub(super) fn run_stack(&mut self, node: NodeId) {
        if let StationKind::Host(computer) = &mut self.nodes[node.0].kind
            && computer.is_up
        {
            computer.is_poll_due = false;
            if !std::mem::replace(&mut computer.is_restless, true) {
                self.restless.push(node);
            }
        }
    }
}
