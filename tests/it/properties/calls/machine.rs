//! Does the stack do what the model does, call for call?

use std::collections::BTreeMap;
use std::net::SocketAddr;

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use smolsock::sockopt::{IP_TTL, SO_KEEPALIVE, SO_LINGER, SO_REUSEADDR, TCP_NODELAY};
use smolsock::{Domain, EPHEMERAL_MIN, Errno, MsgFlags, Readiness, SocketId, Stack};

use super::generate::{any_step, preludes};
use super::model::{Model, View};
use super::udp::QUEUE_DATAGRAMS;
use super::{Answer, Call, Flag, Outcome, Step, content};
use crate::pair::{IP, Pair, secs};
use crate::properties::cases;

prop_state_machine! {
    #![proptest_config(cases(256))]

    #[test]
    fn the_calls_answer_as_the_model_does(sequential 1..60 => Hosts);
}

/// The model as a machine.
pub(super) struct Machine;

impl ReferenceStateMachine for Machine {
    type State = Model;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Model> {
        let bytes = prop::sample::select(vec![(1_000, 700), (100, 1_000), (10, 7), (5_000, 3_000)]);
        (bytes, prop::sample::select(preludes()))
            .prop_map(|(bytes, prelude)| {
                let mut model = Model::new(bytes, prelude.clone());
                prelude.iter().for_each(|step| model.play(step));
                model
            })
            .boxed()
    }

    fn transitions(model: &Model) -> BoxedStrategy<Step> {
        any_step(model)
    }

    fn apply(mut model: Model, step: &Step) -> Model {
        model.play(step);
        model
    }

    fn preconditions(model: &Model, step: &Step) -> bool {
        model.knows(step)
    }
}

/// The two stacks.
pub(super) struct Hosts {
    pub(super) pair: Pair<'static>,
    pub(super) fds: [Vec<SocketId>; 2],
    /// What the ephemeral ports of the model are here.
    ports: BTreeMap<u16, u16>,
    /// How many times `send` has been called.
    pub(super) sends: usize,
}

impl StateMachineTest for Hosts {
    type SystemUnderTest = Self;
    type Reference = Machine;

    fn init_test(model: &Model) -> Self {
        let pair = Pair::tuned(IP, |config| {
            (config.tcp_recv_bytes, config.tcp_send_bytes) = (model.recv_bytes, model.send_bytes);
            config.udp_queue_datagrams = QUEUE_DATAGRAMS;
            config.time_wait = REST / 2;
            for limit in [&mut config.connect_timeout, &mut config.user_timeout, &mut config.fin_wait_2_timeout] {
                *limit = REST * 1_000;
            }
        });
        let mut hosts = Self::new(pair);
        hosts.pair.record(false);
        let mut known = Model::new((model.recv_bytes, model.send_bytes), Vec::new());
        for step in &model.prelude {
            known.play(step);
            hosts.play(step, &known);
        }
        hosts
    }

    fn apply(mut hosts: Self, model: &Model, step: Step) -> Self {
        hosts.play(&step, model);
        hosts
    }
}

impl Hosts {
    pub(super) fn new(pair: Pair<'static>) -> Self {
        Self { pair, fds: [Vec::new(), Vec::new()], ports: BTreeMap::new(), sends: 0 }
    }

    /// Makes a call, lets everything happen, and compares what can be seen with what the model says.
    fn play(&mut self, step: &Step, model: &Model) {
        let answer = self.call(step);
        self.pair.run_for(if step.call == Call::Rest { REST } else { SETTLED });
        self.learn_ports(model);
        assert_eq!(answer, self.translate_outcome(&model.answer), "{step:?}");
        for host in 0..2 {
            for fd in 0..self.fds[host].len() {
                let expected = model.view(host, fd).map(|view| self.translate_view(view));
                assert_eq!(self.view(host, fd), expected, "host {host}, descriptor {fd}, after {step:?}");
                self.is_honest(host, fd);
            }
        }
    }

    pub(super) fn call(&mut self, step: &Step) -> Outcome {
        let Step { host, ref call } = *step;
        self.sends += usize::from(matches!(call, Call::Send(..) | Call::SendTo(..)));

        let Some(fd) = call.fd() else {
            if let Call::Socket(kind) = *call {
                let id = self.stack(host).socket(Domain::Inet, kind)?;
                self.fds[host].push(id);
                return Ok(Answer::Opened);
            }
            return Ok(Answer::Done);
        };
        let id = self.fds[host][fd];
        let ports = self.ports.clone();
        let remote = |remote| translate(&ports, remote);
        let sends = self.sends;
        let stack = self.stack(host);
        let done = |()| Answer::Done;
        match *call {
            Call::Socket(_) | Call::Rest => unreachable!("these have no descriptor"),
            Call::Bind(_, local) => stack.bind(id, local).map(done),
            Call::Listen(_, backlog) => stack.listen(id, backlog).map(done),
            Call::Accept(_) => {
                let (child, remote) = stack.accept(id)?;
                self.fds[host].push(child);
                Ok(Answer::Accepted(remote))
            }
            Call::Connect(_, to) => stack.connect(id, remote(to)).map(done),
            Call::Send(_, len) => stack.send(id, &content(sends, len)).map(Answer::Len),
            Call::SendTo(_, len, to) => stack.send_to(id, &content(sends, len), remote(to)).map(Answer::Len),
            Call::Recv(_, len) => recv(len, |buffer| stack.recv(id, buffer)),
            Call::Peek(_, len) => recv(len, |buffer| stack.recv_with(id, buffer, MsgFlags::PEEK)),
            Call::RecvFrom(_, len) => {
                let mut buffer = vec![0; len];
                let datagram = stack.recv_from(id, &mut buffer)?;
                buffer.truncate(datagram.len);
                Ok(Answer::Datagram { bytes: buffer, full_len: datagram.full_len, remote: datagram.remote })
            }
            Call::Shutdown(_, how) => stack.shutdown(id, how).map(done),
            Call::Close(_) => stack.close(id).map(done),
            Call::Dup(_) => {
                let alias = stack.dup(id)?;
                self.fds[host].push(alias);
                Ok(Answer::Opened)
            }
            Call::SetFlag(_, flag, on) => stack.setsockopt(id, option(flag), on).map(done),
            Call::GetFlag(_, flag) => stack.getsockopt(id, option(flag)).map(Answer::Flag),
            Call::SetTtl(_, ttl) => stack.setsockopt(id, IP_TTL, ttl).map(done),
            Call::GetTtl(_) => stack.getsockopt(id, IP_TTL).map(Answer::Number),
            Call::SetAbortive(_, on) => stack.setsockopt(id, SO_LINGER, on.then_some(secs(0))).map(done),
            Call::TakeError(_) => stack.take_error(id).map(Answer::Error),
        }
    }

    fn view(&mut self, host: usize, fd: usize) -> Result<View, Errno> {
        let id = self.fds[host][fd];
        let stack = self.stack(host);
        Ok(View {
            readiness: stack.readiness(id)?,
            local: stack.getsockname(id)?,
            remote: stack.getpeername(id),
            state: stack.tcp_state(id),
            unread: stack.ioctl_fionread(id),
        })
    }

    /// A call that readiness allows does not answer EAGAIN. Only calls that change nothing are made.
    fn is_honest(&mut self, host: usize, fd: usize) {
        let id = self.fds[host][fd];
        let stack = self.stack(host);
        let Ok(ready) = stack.readiness(id) else { return };
        let is_quiet =
            !ready.contains(Readiness::ERR) && stack.getsockopt(id, smolsock::sockopt::SO_ACCEPTCONN) != Ok(true);
        if is_quiet {
            let looked = stack.recv_with(id, &mut [0], MsgFlags::PEEK);
            let has_bytes = looked != Err(Errno::EAGAIN) && looked != Err(Errno::ENOTCONN);
            assert_eq!(ready.contains(Readiness::IN), has_bytes, "{ready:?}, but {looked:?}");
        }
    }

    pub(super) fn stack(&mut self, host: usize) -> &mut Stack<'static> {
        if host == 0 { &mut self.pair.a } else { &mut self.pair.b }
    }

    /// Every ephemeral port is some socket's local port before anything else shows it.
    fn learn_ports(&mut self, model: &Model) {
        for host in 0..2 {
            for fd in 0..self.fds[host].len() {
                let Ok(port) = model.view(host, fd).map(|view| view.local.port()) else { continue };
                let id = self.fds[host][fd];
                if port >= EPHEMERAL_MIN
                    && let Ok(local) = self.stack(host).getsockname(id)
                {
                    assert!(local.port() >= EPHEMERAL_MIN, "{local}");
                    self.ports.entry(port).or_insert(local.port());
                }
            }
        }
    }

    fn translate(&self, addr: SocketAddr) -> SocketAddr {
        translate(&self.ports, addr)
    }

    fn translate_outcome(&self, outcome: &Outcome) -> Outcome {
        outcome.clone().map(|answer| match answer {
            Answer::Accepted(remote) => Answer::Accepted(self.translate(remote)),
            Answer::Datagram { bytes, full_len, remote } => {
                Answer::Datagram { bytes, full_len, remote: self.translate(remote) }
            }
            answer => answer,
        })
    }

    fn translate_view(&self, view: View) -> View {
        View { local: self.translate(view.local), remote: view.remote.map(|remote| self.translate(remote)), ..view }
    }
}

/// An address of the model as it is here.
fn translate(ports: &BTreeMap<u16, u16>, addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip(), ports.get(&addr.port()).copied().unwrap_or(addr.port()))
}

fn recv(len: usize, read: impl FnOnce(&mut [u8]) -> Result<usize, Errno>) -> Outcome {
    let mut buffer = vec![0; len];
    let filled = read(&mut buffer)?;
    buffer.truncate(filled);
    Ok(Answer::Bytes(buffer))
}

fn option(flag: Flag) -> smolsock::sockopt::Opt<bool> {
    match flag {
        Flag::ReuseAddress => SO_REUSEADDR,
        Flag::KeepAlive => SO_KEEPALIVE,
        Flag::NoDelay => TCP_NODELAY,
    }
}

/// After this time everything has arrived: delayed acknowledgements, probes of closed windows, further SYNs.
const SETTLED: std::time::Duration = secs(200);
/// After this time TIME-WAIT is over; before, all steps of a run together take less than half of it.
const REST: std::time::Duration = secs(40_000);
