//! Do the calls stay honest, and does everything end, when the cable loses frames?

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use smolsock::{Errno, Readiness, Shutdown, Type};

use super::generate::{any_call, preludes};
use super::machine::Hosts;
use super::{Answer, Call, Outcome, Step, content, own};
use crate::pair::{ETHERNET, IP, Net, Pair, secs};
use crate::properties::cases;

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn calls_over_a_lossy_cable_are_honest_and_everything_ends(plan in any_plan()) {
        plan.play();
    }
}

/// What is called, when, and what the cable does to it.
#[derive(Debug, Clone)]
struct Plan {
    net: Net,
    /// Bytes of each TCP receive and send buffer.
    bytes: (usize, usize),
    seed: u64,
    /// Of 100 frames that many are lost.
    loss_percent: u64,
    prelude: Vec<Step>,
    steps: Vec<(Step, Duration)>,
    end: End,
}

/// What becomes of the cable when all sockets have been closed.
#[derive(Debug, Clone, Copy)]
enum End {
    Mended,
    Lossy,
    Cut,
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let bytes = select(vec![(1_000, 700), (100, 1_000), (10, 7), (5_000, 3_000), (65_535, 65_535)]);
    let pause = prop_oneof![3 => Just(0_u64), 3 => 1..100_u64, 3 => 100..3_000_u64, 1 => 3_000..100_000_u64];
    let step = (any_step(), pause).prop_map(|(step, pause_ms)| (step, Duration::from_millis(pause_ms)));
    let steps = prop::collection::vec(step, 1..120);
    let end = select(vec![End::Mended, End::Lossy, End::Cut]);
    let network = (select(vec![ETHERNET, IP]), bytes, any::<u64>(), prop_oneof![Just(0_u64), 1..50_u64]);
    (network, select(preludes().split_off(1)), steps, end).prop_map(
        |((net, bytes, seed, loss_percent), prelude, steps, end)| Plan {
            net,
            bytes,
            seed,
            loss_percent,
            prelude,
            steps,
            end,
        },
    )
}

fn any_step() -> impl Strategy<Value = Step> {
    let call = |host: usize, fd: usize| {
        prop_oneof![
            3 => prop_oneof![4 => Just(Type::Stream), 1 => Just(Type::Datagram)].prop_map(Call::Socket),
            4 => any_call(host, fd),
            6 => select(vec![own(0, 80), own(1, 80)]).prop_map(move |remote| Call::Connect(fd, remote)),
            4 => Just(Call::Accept(fd)),
            24 => (1..3_000_usize).prop_map(move |len| Call::Send(fd, len)),
            24 => (1..3_000_usize).prop_map(move |len| Call::Recv(fd, len)),
            1 => Just(Call::Shutdown(fd, Shutdown::Write)),
            1 => Just(Call::Close(fd)),
        ]
    };
    (0..2_usize, 0..4_usize).prop_flat_map(move |(host, fd)| call(host, fd).prop_map(move |call| Step { host, call }))
}

/// A connection as one of its ends names it: local and remote address.
type Ends = (SocketAddr, SocketAddr);

struct Run {
    hosts: Hosts,
    /// The connections behind the descriptors of each host.
    ends: BTreeMap<(usize, usize), Ends>,
    sent: BTreeMap<Ends, Vec<u8>>,
    received: BTreeMap<Ends, Vec<u8>>,
}

impl Plan {
    fn play(&self) {
        let tune = |config: &mut smolsock::Config| (config.tcp_recv_bytes, config.tcp_send_bytes) = self.bytes;
        let hosts = Hosts::new(Pair::tuned(self.net, tune));
        let mut run = Run { hosts, ends: BTreeMap::new(), sent: BTreeMap::new(), received: BTreeMap::new() };
        for step in &self.prelude {
            run.play(step);
            run.hosts.pair.run_for(Duration::from_millis(100));
        }
        let (mut state, loss_percent) = (self.seed | 1, self.loss_percent);
        run.hosts.pair.carries = Box::new(move |_| {
            // xorshift64.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) % 100 >= loss_percent
        });
        for (step, pause) in &self.steps {
            run.play(step);
            run.hosts.pair.run_for(*pause);
            run.is_honest();
        }
        run.close_all();
        let limit = match self.end {
            End::Mended => {
                run.hosts.pair.mend();
                secs(900)
            }
            // Whoever makes progress has patience again (R2).
            End::Lossy => secs(2 * 3_600),
            // R2, and FIN-WAIT-2 or TIME-WAIT.
            End::Cut => {
                run.hosts.pair.cut();
                secs(900 + 2 * 60)
            }
        };
        run.hosts.pair.run_for(limit);
        run.ends_in_silence();
    }
}

impl Run {
    fn play(&mut self, step: &Step) {
        let Step { host, ref call } = *step;
        let fd = call.fd().unwrap_or(0);
        if call.fd().is_some() && fd >= self.hosts.fds[host].len() {
            return;
        }
        let id = self.hosts.fds[host].get(fd).copied();
        let ready = id.and_then(|id| self.hosts.stack(host).readiness(id).ok()).unwrap_or(Readiness::NONE);
        self.learn_ends(host, fd);
        let outcome = self.hosts.call(step);
        let wanted = match call {
            Call::Send(..) | Call::SendTo(..) => Readiness::OUT,
            _ => Readiness::IN,
        };
        let is_lie = outcome == Err(Errno::EAGAIN) && ready.contains(wanted);
        assert!(!is_lie, "{ready:?}, and {step:?} gives EAGAIN");
        self.learn_ends(host, fd);
        if let (Call::Dup(_), Ok(_), Some(&ends)) = (call, &outcome, self.ends.get(&(host, fd))) {
            self.ends.insert((host, self.hosts.fds[host].len() - 1), ends);
        }
        self.check_stream(host, fd, call, &outcome);
    }

    /// Remembers which connection a descriptor names: it can be read when its addresses cannot be told any more.
    fn learn_ends(&mut self, host: usize, fd: usize) {
        let Some(id) = self.hosts.fds[host].get(fd).copied() else { return };
        let stack = self.hosts.stack(host);
        let is_stream = stack.tcp_state(id).is_ok();
        if let (true, Ok(local), Ok(remote)) = (is_stream, stack.getsockname(id), stack.getpeername(id)) {
            self.ends.insert((host, fd), (local, remote));
        }
    }

    /// What has been received is what has been sent, from the first byte on.
    fn check_stream(&mut self, host: usize, fd: usize, call: &Call, outcome: &Outcome) {
        let Some(&(local, remote)) = self.ends.get(&(host, fd)) else { return };
        // Between two ports with numbers one connection may follow another.
        if local.port().max(remote.port()) < smolsock::EPHEMERAL_MIN {
            return;
        }
        match (call, outcome) {
            (Call::Send(..) | Call::SendTo(..), Ok(Answer::Len(len))) => {
                self.sent.entry((local, remote)).or_default().extend(content(self.hosts.sends, *len));
            }
            (Call::Recv(..), Ok(Answer::Bytes(bytes))) | (Call::RecvFrom(..), Ok(Answer::Datagram { bytes, .. })) => {
                let received = self.received.entry((local, remote)).or_default();
                received.extend(bytes);
                let sent = self.sent.get(&(remote, local)).map_or(&[][..], |sent| &sent[..]);
                assert!(sent.starts_with(received), "{local} from {remote}: {} of {}", received.len(), sent.len());
            }
            _ => {}
        }
    }

    /// Who is readable has something to read.
    fn is_honest(&mut self) {
        for host in 0..2 {
            for id in self.hosts.fds[host].clone() {
                let stack = self.hosts.stack(host);
                let Ok(ready) = stack.readiness(id) else { continue };
                if ready.contains(Readiness::IN) && !ready.contains(Readiness::ERR) {
                    let peeked = stack.recv_with(id, &mut [0], smolsock::MsgFlags::PEEK);
                    assert_ne!(peeked, Err(Errno::EAGAIN), "{ready:?}");
                }
            }
        }
    }

    fn close_all(&mut self) {
        for host in 0..2 {
            for id in self.hosts.fds[host].clone() {
                // Some are closed already.
                let _ = self.hosts.stack(host).close(id);
            }
        }
    }

    fn ends_in_silence(&mut self) {
        for host in 0..2 {
            let rows: Vec<_> = self.hosts.stack(host).netstat().rows().collect();
            assert!(rows.is_empty(), "host {host}: {rows:?}");
        }
        let frames = self.hosts.pair.frames;
        self.hosts.pair.run_for(secs(3_600));
        assert_eq!(self.hosts.pair.frames, frames, "nobody is left to send anything");
    }
}
