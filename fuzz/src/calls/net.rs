//! What happens to the frames between two hosts?

use std::net::SocketAddr;

use smolsock::Step;
use smolsock::device::Medium;
use smolsock::time::{Duration, Instant};

use super::Call;
use super::host::{Host, port_of};
use super::model::Model;
use crate::victim::port::Port;
use crate::victim::{self, packet};

/// Two hosts, and the wires between them.
pub(super) struct Net {
    medium: Medium,
    now: Instant,
    hosts: [Host; 2],
    /// What becomes of the frames of each host.
    pub(super) wires: [Wire; 2],
    model: Model,
}

/// One way.
#[derive(Debug, Default)]
pub(super) struct Wire {
    pub(super) losses: u8,
    pub(super) repeats: bool,
    pub(super) holds: bool,
    held: Option<Vec<u8>>,
}

impl Net {
    pub(super) fn new(medium: Medium, is_small: bool) -> Net {
        let hosts = [1, 2].map(|number| {
            let port = Port::new(medium);
            Host::new(number, victim::new_stack(medium, number, &port, is_small), port)
        });
        let now = Instant::from_secs(1);
        Net { medium, now, hosts, wires: Default::default(), model: Model::default() }
    }

    /// Makes a call, and lets everything happen that comes of it at once.
    pub(super) fn call(&mut self, host: usize, nth: usize, call: Call) {
        self.hosts[host].call(nth, call, &mut self.model);
        self.settle();
    }

    /// Lets frames pass until nothing more happens.
    fn settle(&mut self) {
        for _ in 0..ROUNDS_MAX {
            let mut is_quiet = true;
            for number in 0..2 {
                let host = &mut self.hosts[number];
                let mut steps = 0;
                while host.stack.step(self.now, &mut host.port) == Step::More {
                    steps += 1;
                    assert!(steps < STEPS_MAX, "host {number} does not come to rest");
                }
                let sent = std::mem::take(&mut host.port.sent);
                is_quiet &= sent.is_empty();
                for frame in sent {
                    self.carry(number, frame);
                }
            }
            if is_quiet {
                return;
            }
        }
        panic!("two hosts answer each other for ever");
    }

    fn carry(&mut self, from: usize, frame: Vec<u8>) {
        let wire = &mut self.wires[from];
        if wire.losses > 0 {
            wire.losses -= 1;
            return;
        }
        let waiting = &mut self.hosts[1 - from].port.waiting;
        if std::mem::take(&mut wire.repeats) {
            self.model.copies += 1;
            waiting.push_back(frame.clone());
        }
        if std::mem::take(&mut wire.holds) {
            // The one that was held before is lost.
            wire.held = Some(frame);
            return;
        }
        waiting.push_back(frame);
        waiting.extend(wire.held.take());
    }

    /// Lets time pass, without skipping a deadline that lies between.
    pub(super) fn wait_ms(&mut self, milliseconds: u64) {
        let end = self.now + Duration::from_millis(milliseconds);
        for _ in 0..DEADLINES_MAX {
            let next = self.hosts.iter().filter_map(|host| host.stack.next_step()).min();
            self.now = next.map_or(end, |at| at.clamp(self.now, end));
            self.settle();
            if self.now == end {
                return;
            }
        }
        panic!("more than {DEADLINES_MAX} deadlines in {milliseconds} ms");
    }

    /// Any bytes come, from a link-layer address that nobody else has. They are not the other host's.
    pub(super) fn forge(&mut self, to: usize, mut bytes: Vec<u8>) {
        let start = if self.medium == Medium::Ethernet { 14 } else { 0 };
        if let Some(source) = bytes.get_mut(start + 12..start + 16) {
            source.copy_from_slice(&STRANGER);
        }
        if self.medium == Medium::Ethernet && bytes.len() >= start {
            bytes[6..12].copy_from_slice(&STRANGER_MAC);
            // A claim of an address of the other host would cut it off: ARP believes who speaks.
            bytes[12] = 8;
            bytes[13] = 0;
        }
        // No IPv6: its addresses lie elsewhere.
        if let Some(first) = bytes.get_mut(start) {
            *first = 0x40 | (*first & 0xf);
        }
        self.hosts[to].port.waiting.push_back(bytes);
        self.settle();
    }

    pub(super) fn forge_segment(&mut self, to: usize, ports: [u8; 2], numbers: [u32; 2], flags: u8) {
        let [local, remote] = self.ends(to, ports);
        self.deliver(to, packet::segment(local, remote, numbers, flags));
    }

    pub(super) fn forge_datagram(&mut self, to: usize, ports: [u8; 2], len: u8) {
        let [local, remote] = self.ends(to, ports);
        self.deliver(to, packet::datagram(local, remote, &vec![7; len.into()]));
    }

    fn ends(&self, to: usize, ports: [u8; 2]) -> [SocketAddr; 2] {
        let local = ([192, 0, 2, self.hosts[to].number], port_of(ports[0]));
        [local.into(), (STRANGER, 1_000 + u16::from(ports[1])).into()]
    }

    /// An IP packet of the stranger's comes.
    fn deliver(&mut self, to: usize, packet: Vec<u8>) {
        let mut frame = Vec::new();
        if self.medium == Medium::Ethernet {
            frame.extend([2, 0, 0, 0, 0, self.hosts[to].number]);
            frame.extend(STRANGER_MAC);
            frame.extend([8, 0]);
        }
        frame.extend(packet);
        self.hosts[to].port.waiting.push_back(frame);
        self.settle();
    }

    pub(super) fn look(&self) {
        self.hosts.iter().for_each(Host::look);
    }

    /// Closes everything, and after a while nothing may be left of it.
    pub(super) fn end(mut self) {
        self.hosts.iter_mut().for_each(Host::close_all);
        self.wires = Default::default();
        self.settle();
        for _ in 0..ALL_OVER_MINUTES {
            self.wait_ms(60_000);
        }
        for host in &self.hosts {
            let left = host.stack.netstat();
            assert_eq!(left.rows().count(), 0, "left on host {} when everything is closed:\n{left}", host.number);
        }
    }
}

/// Somebody else on the link.
pub(super) const STRANGER: [u8; 4] = [192, 0, 2, 77];
const STRANGER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 77];
const ROUNDS_MAX: usize = 2_000;
const STEPS_MAX: usize = 1_000;
const DEADLINES_MAX: usize = 2_000;
/// Longer than any connection outlives its `close`.
const ALL_OVER_MINUTES: usize = 30;
