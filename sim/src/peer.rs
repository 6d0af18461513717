//! What does a host do when its peer sends exactly these segments?

mod segment;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use crate::frame::Medium;
use crate::neighbours::Neighbours;
use crate::observe::dissect::{Flags, dissect};
use crate::packet::{self, TCP};
use crate::time::{Time, in_words};
use crate::trace::NodeId;
pub use segment::{Segment, ack, fin, rst, syn, syn_ack};

/// A node without a stack, whose TCP segments are written down before the run: see [`World::peer`](crate::World::peer).
///
/// Each call adds a step; the run takes them one after the other, each in virtual time, and ends when all are done. What
/// does not happen as it is written is a sentence in [`Ending::failures`](crate::Ending::failures), and the peer is silent
/// from then on. It answers ARP and neighbour solicitations by itself, and hears nothing but segments for its port.
#[derive(Debug, Clone)]
pub struct Peer {
    node: NodeId,
    script: Rc<RefCell<Script>>,
}

impl Peer {
    pub(crate) fn new(node: NodeId, script: Rc<RefCell<Script>>) -> Self {
        Self { node, script }
    }

    /// Which node of the trace it is; where its cable ends.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Its own port (80, if nothing is said).
    pub fn port(&self, port: u16) {
        self.script.borrow_mut().port = port;
    }

    /// Whom it speaks to, on the same network; if nothing is said, who sends the first segment to its port.
    pub fn towards(&self, remote: SocketAddr) {
        self.script.borrow_mut().remote = Some(remote);
    }

    /// Sends a segment.
    pub fn sends(&self, segment: Segment) {
        self.add(Step::Sends(segment));
    }

    /// Wants this to be the next segment, within 10 s.
    pub fn expects(&self, segment: Segment) {
        self.expects_within(EXPECTED_WITHIN, segment);
    }

    /// Wants this to be the next segment, within `limit`.
    pub fn expects_within(&self, limit: Duration, segment: Segment) {
        self.add(Step::Expects { segment, limit });
    }

    /// Wants no segment to come for so long.
    pub fn hears_nothing_for(&self, time: Duration) {
        self.add(Step::Silence(time));
    }

    /// Lets time pass; segments that come are kept for the steps to come.
    pub fn waits(&self, time: Duration) {
        self.add(Step::Waits(time));
    }

    fn add(&self, step: Step) {
        self.script.borrow_mut().steps.push(step);
    }
}

/// What a peer is to do, and with whom.
#[derive(Debug, Default)]
pub(crate) struct Script {
    port: u16,
    remote: Option<SocketAddr>,
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    Sends(Segment),
    Expects { segment: Segment, limit: Duration },
    Silence(Duration),
    Waits(Duration),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |time: &Duration| in_words(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        match self {
            Self::Sends(segment) => write!(f, "sends {segment}"),
            Self::Expects { segment, limit } => write!(f, "expected {segment} within {}", words(limit)),
            Self::Silence(time) => write!(f, "expected nothing for {}", words(time)),
            Self::Waits(time) => write!(f, "waits for {}", words(time)),
        }
    }
}

/// The node that plays a script.
#[derive(Debug)]
pub(crate) struct Player {
    addr: IpAddr,
    neighbours: Neighbours,
    script: Rc<RefCell<Script>>,
    /// The step that is next, and since when.
    step: usize,
    since: Time,
    /// Segments that have come and that no step has taken.
    inbox: VecDeque<Segment>,
    /// Absolute numbers of the own SYN and of the other's; 0 while that is not known.
    base: (u32, u32),
    failure: Option<String>,
    out: Vec<Vec<u8>>,
    wake_at: Option<Time>,
}

impl Player {
    /// A peer at `addr` whose SYN has the number `isn`.
    pub(crate) fn new(addr: IpAddr, mac: Option<crate::frame::Mac>, isn: u32) -> Self {
        Self {
            addr,
            neighbours: Neighbours::new(mac, vec![addr]),
            script: Rc::new(RefCell::new(Script { port: 80, ..Script::default() })),
            step: 0,
            since: Time::ZERO,
            inbox: VecDeque::new(),
            base: (isn, 0),
            failure: None,
            out: Vec::new(),
            wake_at: None,
        }
    }

    /// The script, to be written.
    pub(crate) fn script(&self) -> Rc<RefCell<Script>> {
        Rc::clone(&self.script)
    }

    /// Whether it has nothing more to do.
    pub(crate) fn is_done(&self) -> bool {
        self.failure.is_some() || self.step >= self.script.borrow().steps.len()
    }

    /// What went wrong, or was not reached.
    pub(crate) fn verdict(&self) -> Option<String> {
        let script = self.script.borrow();
        let unreached =
            || script.steps.get(self.step).map(|step| format!("step {}: {step}: the run was over", self.step + 1));
        self.failure.clone().or_else(unreached)
    }

    /// Takes a frame.
    pub(crate) fn on_frame(&mut self, now: Time, bytes: &[u8]) {
        if let Some(packet) = self.neighbours.on_frame(now, bytes, &mut self.out) {
            self.on_packet(&packet);
        }
        self.play(now);
    }

    /// Does what is due.
    pub(crate) fn on_time(&mut self, now: Time) {
        let lost = self.neighbours.on_time(now, &mut self.out);
        if !lost.is_empty() && self.failure.is_none() {
            self.failure = Some(format!("nobody told where {:?} is", self.script.borrow().remote));
        }
        self.play(now);
    }

    /// Frames to send, in order.
    pub(crate) fn take(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.out)
    }

    /// When it wants [`Player::on_time`], if that is earlier than what was said before.
    pub(crate) fn take_wake(&mut self, now: Time) -> Option<Time> {
        self.wake_at = self.wake_at.filter(|at| *at > now);
        let limit = match self.script.borrow().steps.get(self.step) {
            Some(Step::Expects { limit: time, .. } | Step::Silence(time) | Step::Waits(time)) => {
                Some(self.since + *time)
            }
            Some(Step::Sends(_)) | None => None,
        };
        let limit = limit.filter(|_| self.failure.is_none());
        let next = [limit, self.neighbours.next_at()].into_iter().flatten().min()?;
        if self.wake_at.is_some_and(|known| known <= next) {
            return None;
        }
        self.wake_at = Some(next);
        self.wake_at
    }

    fn on_packet(&mut self, packet: &[u8]) {
        let seen = dissect(Medium::Ip, packet);
        let (Some(tcp), Some((remote, local)), None) = (seen.tcp(), seen.endpoints(), seen.bad_checksum) else {
            return;
        };
        let mut script = self.script.borrow_mut();
        if local != SocketAddr::new(self.addr, script.port) || *script.remote.get_or_insert(remote) != remote {
            return;
        }
        if tcp.flags.contains(Flags::SYN) {
            self.base.1 = tcp.seq;
        }
        self.inbox.push_back(Segment::decode(tcp, packet, (self.base.1, self.base.0)));
    }

    /// Takes steps until one has to wait.
    fn play(&mut self, now: Time) {
        while !self.is_done() {
            let step = self.script.borrow().steps[self.step].clone();
            match self.take_step(now, &step) {
                Ok(true) => {
                    self.step += 1;
                    self.since = now;
                }
                Ok(false) => return,
                Err(why) => self.failure = Some(format!("step {} at {now}: {step}, {why}", self.step + 1)),
            }
        }
    }

    /// Whether the step is done; an error: it cannot be.
    fn take_step(&mut self, now: Time, step: &Step) -> Result<bool, String> {
        let is_over = |time: Duration| now >= self.since + time;
        match step {
            Step::Sends(segment) => self.send(now, segment).map(|()| true),
            Step::Waits(time) => Ok(is_over(*time)),
            Step::Silence(time) => match self.inbox.pop_front() {
                Some(seen) => Err(format!("got {seen}")),
                None => Ok(is_over(*time)),
            },
            Step::Expects { segment, limit } => match self.inbox.pop_front() {
                Some(seen) if segment.describes(&seen) => Ok(true),
                Some(seen) => Err(format!("got {seen}")),
                None if is_over(*limit) => Err("got nothing".into()),
                None => Ok(false),
            },
        }
    }

    fn send(&mut self, now: Time, segment: &Segment) -> Result<(), String> {
        let script = self.script.borrow();
        let remote = script.remote.ok_or("which is for nobody: say `towards` whom, or expect a segment first")?;
        if remote.is_ipv4() != self.addr.is_ipv4() {
            return Err(format!("and IPv4 and IPv6 are mixed: {remote}"));
        }
        let bytes = segment.encode((script.port, remote.port()), self.base);
        let packet = packet::packet(self.addr, remote.ip(), TCP, 64, &bytes);
        self.neighbours.send(now, remote.ip(), packet, &mut self.out);
        Ok(())
    }
}

/// Longer than a stack takes for anything but its rarest time-outs.
const EXPECTED_WITHIN: Duration = Duration::from_secs(10);
