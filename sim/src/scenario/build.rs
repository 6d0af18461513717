//! How does a scenario become a world that runs?

use std::collections::BTreeMap;
use std::time::Duration;

use smolsock::Config;
use smolsock::task::Handle as _;

use super::error::ScenarioError;
use super::model::{self, Host, Refusal, Scenario};
use super::step::{self, Context};
use super::{Outcome, Run, expect};
use crate::link::Loss;
use crate::middlebox::Middlebox;
use crate::nat::Nat;
use crate::oracle;
use crate::time::Time;
use crate::trace::NodeId;
use crate::world::{Ending, Nobody, Realism, Recording, Watch, World, WorldError};

impl Scenario {
    /// The network with everything that is to happen in it, not yet begun.
    ///
    /// # Errors
    /// What does not hang together, or is more than a host can do.
    pub fn build(&self) -> Result<World, ScenarioError> {
        self.check().map_err(|problem| self.error(problem.message))?;
        self.world()
    }

    /// Plays it to the end. Frames are kept as `recording` says, but all where a promise needs them.
    ///
    /// ```
    /// use smolsock_sim::Recording;
    /// use smolsock_sim::scenario::Scenario;
    ///
    /// let scenario = Scenario::parse("refuse.toml", r#"
    ///     name = "refuse"
    ///     [[host]]
    ///     name = "client"
    ///     addresses = ["192.0.2.1/24"]
    ///     [[host]]
    ///     name = "server"
    ///     addresses = ["192.0.2.2/24"]
    ///     [[cable]]
    ///     name = "ab"
    ///     a = "client"
    ///     b = "server"
    ///     delay = "5ms"
    ///     [[app]]
    ///     host = "client"
    ///     steps = ["connect 192.0.2.2:81", "expect ECONNREFUSED"]
    /// "#)?;
    /// assert!(scenario.run(Recording::Full)?.outcome.passed);
    /// # Ok::<(), smolsock_sim::scenario::ScenarioError>(())
    /// ```
    ///
    /// # Errors
    /// See [`Scenario::build`].
    pub fn run(&self, recording: Recording) -> Result<Run, ScenarioError> {
        self.run_watched(recording, &mut Nobody)
    }

    /// [`run`](Scenario::run), while somebody looks on.
    ///
    /// # Errors
    /// See [`Scenario::build`].
    pub fn run_watched(&self, recording: Recording, watch: &mut dyn Watch) -> Result<Run, ScenarioError> {
        Ok(self.judge(self.play(recording, watch, |_| Ok(()))?))
    }

    /// [`run`](Scenario::run) with applications that are code: `equip` starts them, beside those of the scenario.
    ///
    /// ```
    /// use smolsock::task::UdpSocket;
    /// use smolsock_sim::{Recording, scenario::Scenario};
    ///
    /// let text = "name = \"alone\"\n[[host]]\nname = \"host\"\naddresses = [\"192.0.2.1/24\"]\n";
    /// let run = Scenario::parse("alone.toml", text)?.run_with(Recording::Full, |world| {
    ///     let host = world.node_named("host").expect("the file has it");
    ///     world.app(host, "binds", |host| async move {
    ///         UdpSocket::bind(&host, "192.0.2.1:53".parse()?)?;
    ///         Ok(())
    ///     });
    ///     Ok(())
    /// })?;
    /// assert!(run.outcome.passed);
    /// # Ok::<(), smolsock_sim::scenario::ScenarioError>(())
    /// ```
    ///
    /// # Errors
    /// See [`Scenario::build`]; what `equip` gives.
    pub fn run_with(
        &self,
        recording: Recording,
        equip: impl FnOnce(&mut World) -> Result<(), WorldError>,
    ) -> Result<Run, ScenarioError> {
        Ok(self.judge(self.play(recording, &mut Nobody, equip)?))
    }

    /// [`run_watched`](Scenario::run_watched), and once more: the oracle [`determinism`](crate::oracle::twice) fails where
    /// the second run is another one. Somebody looks on the first time only.
    ///
    /// # Errors
    /// See [`Scenario::build`].
    pub fn run_twice(&self, recording: Recording, watch: &mut dyn Watch) -> Result<Run, ScenarioError> {
        let mut first = self.play(recording, watch, |_| Ok(()))?;
        let second = self.play(recording, &mut Nobody, |_| Ok(()))?;
        oracle::compare(&mut first, &second);
        Ok(self.judge(first))
    }

    fn play(
        &self,
        recording: Recording,
        watch: &mut dyn Watch,
        equip: impl FnOnce(&mut World) -> Result<(), WorldError>,
    ) -> Result<Ending, ScenarioError> {
        let mut world = self.build()?;
        equip(&mut world).map_err(|error| self.error(error.to_string()))?;
        world.set_recording(if expect::needs_frames(&self.expect) { Recording::Full } else { recording });
        Ok(world.run_watched(Time::from_nanos(self.limit_ns), watch))
    }

    /// What a run of this scenario came to: the world's own failures, and the promises of `[expect]`.
    pub fn judge(&self, ending: Ending) -> Run {
        let mut failures = ending.failures;
        expect::judge(&self.expect, &ending.trace, ending.apps_ended_at, &mut failures);
        let first = self.captures.first().or(self.hosts.first().map(|host| &host.name));
        expect::judge_segments(&self.expect, &ending.trace, first, &mut failures);
        let name = |name: &String| ending.trace.nodes.iter().position(|node| node.name == *name).map(NodeId);
        let vantages = if self.captures.is_empty() {
            self.hosts.iter().filter_map(|host| name(&host.name)).collect()
        } else {
            self.captures.iter().filter_map(name).collect()
        };
        Run {
            trace: ending.trace,
            links: ending.links,
            notes: ending.notes,
            outcome: Outcome { passed: failures.is_empty(), failures },
            vantages,
            totals: ending.totals,
            apps_ended_at: ending.apps_ended_at,
            virtual_end: ending.ended_at,
            netstat: ending.netstat,
        }
    }

    /// Lets every cable lose this share of frames, in both directions, instead of its own.
    pub fn set_loss(&mut self, ppm: u32) {
        for cable in &mut self.cables {
            cable.forward.loss = Loss::Bernoulli { ppm };
            cable.back.loss = Loss::Bernoulli { ppm };
        }
    }

    /// Whether chance or a fault may take a frame away, so that an application may wait in vain.
    pub(super) fn may_lose(&self) -> bool {
        let loses = |cable: &super::model::Cable| {
            let has_loss = |loss| !matches!(loss, Loss::None | Loss::Bernoulli { ppm: 0 });
            [cable.forward, cable.back].iter().any(|way| has_loss(way.loss) || way.corrupt_ppm > 0)
        };
        !self.faults.is_empty() || !self.changes.is_empty() || !self.power.is_empty() || self.cables.iter().any(loses)
    }

    /// The world of a scenario that hangs together.
    pub(super) fn world(&self) -> Result<World, ScenarioError> {
        self.lay().map_err(|error| self.error(error.to_string()))
    }

    fn error(&self, message: String) -> ScenarioError {
        ScenarioError { file: self.name.clone(), at: None, message }
    }

    fn lay(&self) -> Result<World, WorldError> {
        let mut world = World::with_medium(self.seed, self.medium);
        let mut nodes = BTreeMap::new();
        for switch in &self.switches {
            nodes.insert(switch.name.as_str(), world.switch(&switch.name)?);
        }
        for router in &self.routers {
            let ports: Vec<&str> = router.ports.iter().map(String::as_str).collect();
            let node = world.router(&router.name, &ports)?;
            for (prefix, via) in &router.routes {
                world.route(node, prefix, via)?;
            }
            nodes.insert(router.name.as_str(), node);
        }
        for middlebox in &self.middleboxes {
            nodes.insert(middlebox.name.as_str(), world.middlebox(&middlebox.name, middlebox_of(middlebox)?)?);
        }
        for host in &self.hosts {
            let addresses: Vec<&str> = host.addresses.iter().map(String::as_str).collect();
            let node = world.host_with(&host.name, &addresses, |config| tune(config, host))?;
            let realism = realism_of(host);
            if realism != Realism::default() {
                world.realism(node, realism)?;
            }
            // Its last stack: other hardware made another.
            if let Some(isn) = host.initial_sequence {
                world.handle(node).with(|stack| stack.set_next_isn(isn));
            }
            nodes.insert(host.name.as_str(), node);
        }
        for cable in &self.cables {
            let (a, b) = (nodes[cable.a.as_str()], nodes[cable.b.as_str()]);
            world.cable_with(&cable.name, a, b, cable.forward, cable.back)?;
        }
        let mut scripts: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for fault in &self.faults {
            scripts.entry((fault.cable.as_str(), fault.direction)).or_default().push(fault.fault);
        }
        for ((cable, direction), script) in scripts {
            world.fault(cable, direction, script)?;
        }
        for change in &self.changes {
            world.at(Time::from_nanos(change.at_ns), change.change.clone())?;
        }
        for power in &self.power {
            world.at(Time::from_nanos(power.at_ns), power.as_change())?;
        }
        let context = Context { may_lose: self.may_lose() };
        for app in &self.apps {
            let node = nodes[app.host.as_str()];
            let (start, steps) = (Duration::from_nanos(app.start_ns), app.steps.clone());
            let play = move |host: crate::Host| {
                let steps = steps.clone();
                async move {
                    if !start.is_zero() {
                        host.sleep(start).await;
                    }
                    step::play(host, steps, context).await
                }
            };
            if app.is_service {
                world.service(node, &app.name, play);
            } else if app.is_background {
                world.daemon(node, &app.name, play);
            } else {
                world.app(node, &app.name, play);
            }
        }
        Ok(world)
    }
}

fn realism_of(host: &Host) -> Realism {
    let default = Realism::default();
    let span = |span: &Refusal| Time::from_nanos(span.from_ns)..Time::from_nanos(span.until_ns);
    Realism {
        batch_frames: host.batch_frames.map_or(default.batch_frames, |frames| frames as usize),
        batch_window_ns: host.batch_window_ns.unwrap_or(default.batch_window_ns),
        poll_latency_ns: host.poll_latency_ns.unwrap_or(default.poll_latency_ns),
        refuses: host.refuses.iter().map(span).collect(),
        mtu_bytes: host.mtu_bytes.map_or(default.mtu_bytes, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
        strip: host.strip.clone(),
    }
}

fn middlebox_of(middlebox: &model::Middlebox) -> Result<Middlebox, WorldError> {
    let nat = |nat: &model::Nat| -> Result<Nat, WorldError> {
        let bad = |text: &str| WorldError::Address(format!("{}: gateway {text}: not an IPv4 address", middlebox.name));
        let default = Nat::new(&nat.inside, &nat.outside)?;
        let gateway = nat.gateway.as_ref().map(|text| text.parse().map_err(|_| bad(text))).transpose()?;
        Ok(Nat {
            gateway,
            udp_idle_ns: nat.udp_idle_ns.unwrap_or(default.udp_idle_ns),
            tcp_established_idle_ns: nat.tcp_established_idle_ns.unwrap_or(default.tcp_established_idle_ns),
            tcp_transitory_idle_ns: nat.tcp_transitory_idle_ns.unwrap_or(default.tcp_transitory_idle_ns),
            icmp_idle_ns: nat.icmp_idle_ns.unwrap_or(default.icmp_idle_ns),
            ..default
        })
    };
    Ok(Middlebox {
        strip: middlebox.strip.clone(),
        mss_max: middlebox.mss_max,
        window: middlebox.window,
        nat: middlebox.nat.as_ref().map(nat).transpose()?,
    })
}

/// Gives a host the values that the scenario names.
fn tune(config: &mut Config, host: &Host) {
    // They were checked; more than one of a family is refused by the stack.
    for router in host.gateways.iter().filter_map(|text| text.parse().ok()) {
        *config = config.clone().gateway(router);
    }
    let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let set = |field: &mut Duration, nanos: Option<u64>| *field = nanos.map_or(*field, Duration::from_nanos);
    config.tcp_recv_bytes = host.tcp_recv_bytes.map_or(config.tcp_recv_bytes, bytes);
    config.tcp_send_bytes = host.tcp_send_bytes.map_or(config.tcp_send_bytes, bytes);
    config.half_open_max = host.half_open_max.map_or(config.half_open_max, |max| max as usize);
    config.time_wait_max = host.time_wait_max.map_or(config.time_wait_max, |max| max as usize);
    set(&mut config.time_wait, host.time_wait_ns);
    set(&mut config.connect_timeout, host.connect_timeout_ns);
    set(&mut config.half_open_timeout, host.half_open_timeout_ns);
    set(&mut config.fin_wait_2_timeout, host.fin_wait_2_timeout_ns);
    set(&mut config.user_timeout, host.user_timeout_ns);
    config.tail_loss_probes = host.tail_loss_probes.unwrap_or(config.tail_loss_probes);
}
