//! Does my protocol survive a network that lies?
//!
//! [`Check`] runs your own applications over a bad link, with a hundred seeds. If a run fails (an application fails, panics or does
//! not end, or an [oracle](crate::oracle) finds something) it looks for the least that the network has to do for it, writes the
//! scenario, the ladder and the captures to files, and panics with a report that names the line that plays it again.
//!
//! # Examples
//! A test of ten lines: a client wants its datagram back, and sends it again until it is.
//! ```
//! # use std::time::Duration;
//! # use smolsock::task::UdpSocket;
//! use smolsock_sim::{app::echo, check::Check};
//!
//! # /*
//! #[test]
//! # */
//! fn hello_comes_back() {
//!     Check::new("hello_comes_back")
//!         .server(|host| echo::udp_server(host, "0.0.0.0:7".parse().unwrap()))
//!         .client(|host| async move {
//!             let socket = UdpSocket::bind(&host, "0.0.0.0:0".parse()?)?;
//!             let mut buffer = [0; 16];
//!             loop {
//!                 socket.send_to(b"hello", "192.0.2.2:7".parse()?).await?;
//!                 if host.within(Duration::from_secs(1), socket.recv(&mut buffer)).await.is_some() {
//!                     return Ok(());
//!                 }
//!             }
//!         })
//!         .run();
//! }
//! # hello_comes_back();
//! ```
//! There are two hosts, `client` (192.0.2.1) and `server` (192.0.2.2), and a cable `ab` between them that carries bare IP packets
//! (no ARP gets lost; [`Check::network`] has Ethernet), loses 5 %, and delays, reorders and duplicates. [`Check::link`] has
//! another cable, [`Check::seeds`] more runs, [`Check::within`] another bound than ten minutes of virtual time.
//!
//! Without the time-out this client waits for ever for a datagram that was lost, and the test fails:
//! ```
//! # use smolsock::task::UdpSocket;
//! # use smolsock_sim::{app::echo, check::Check};
//! # let check =
//! Check::new("hello_comes_back")
//!     .server(|host| echo::udp_server(host, "0.0.0.0:7".parse().unwrap()))
//!     .client(|host| async move {
//!         let socket = UdpSocket::bind(&host, "0.0.0.0:0".parse()?)?;
//!         socket.send_to(b"hello", "192.0.2.2:7".parse()?).await?;
//!         socket.recv(&mut [0; 16]).await?;
//!         Ok(())
//!     })
//! # ; let report = check.find().unwrap_err().to_string();
//! # for part in ["hello_comes_back: seed 13 ", "client had not ended after 0s", "forward: drop of udp 0", "X      │", "LOST: scripted"] {
//! #     assert!(report.contains(part), "{report}");
//! # }
//! # /*
//!     .run();
//! # */
//! ```
//! ```text
//! hello_comes_back: seed 13 fails; 13 before it are good
//!   client had not ended after 0s
//! It has 1 fault, and none can be left out (2 runs):
//!   cable ab, forward: drop of udp 0
//!
//!                      client                 server
//!         ms          192.0.2.1              192.0.2.2               seq   len      ack    win
//!      0.000              │─── UDP 5 B ───X      │              192.0.2.1:59584 → 192.0.2.2:7   LOST: scripted
//!
//! Summary
//!   virtual time  0 ns
//!   frames        1 sent, 0 delivered, 1 dropped (1 scripted)
//!
//! Scenario: target/smolsock/hello_comes_back/hello_comes_back.toml
//! Ladder:   target/smolsock/hello_comes_back/hello_comes_back.txt
//! Capture:  target/smolsock/hello_comes_back/client.pcapng
//! Capture:  target/smolsock/hello_comes_back/server.pcapng
//! Again:    SMOLSOCK_REPLAY=/…/target/smolsock/hello_comes_back/hello_comes_back.toml cargo test hello_comes_back
//! Open:     wireshark target/smolsock/hello_comes_back/client.pcapng
//! ```
//!
//! With `SMOLSOCK_REPLAY` [`Check::run`] plays the network and the faults of that file, once, with the applications of the test,
//! and says what comes of it. `SMOLSOCK_OUT` is another directory than `target/smolsock`.
//!
//! # Applications
//! They are `async` closures over `smolsock::task`. Time is the network's: [`Host::sleep`], [`Host::within`] and [`Host::now`],
//! never the clock of the machine; the same seed has to give the same run. They start anew in each run, but what a closure
//! captures outlives it: state that is shared by client and server belongs into [`Check::apps`], which makes it for each run.
//!
//! # With proptest
//! Feature `proptest` has strategies (module `strategy`) for links and faults; [`Check::play`] is one run:
//! ```
//! # #[cfg(feature = "proptest")]
//! # mod test {
//! use proptest::prelude::*;
//! use smolsock_sim::{app::echo, check::Check, strategy};
//!
//! proptest! {
//!     # #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() })]
//!     # /*
//!     #[test]
//!     # */
//!     fn echo_survives(link in strategy::impairments(), faults in strategy::schedule(&["ab"], 0..=3), seed in 0..1_000_u64) {
//!         let check = Check::new("echo_survives")
//!             .link(link)
//!             .faults(faults)
//!             .server(|host| echo::tcp_server(host, "0.0.0.0:7".parse().unwrap(), 5))
//!             .client(|host| echo::tcp_client(host, "192.0.2.2:7".parse().unwrap(), 1, 4_000, 500));
//!         let run = check.play(seed).expect("a link that a cable can have");
//!         // A fault that found no frame is no harm: what is broken is something else.
//!         prop_assert_eq!(run.broken().next(), None);
//!     }
//! }
//! # pub fn run() { echo_survives() }
//! # }
//! # #[cfg(feature = "proptest")]
//! # test::run();
//! ```
//! What is random about the network alone needs no proptest: [`Check::run`] has its own seeds, and finds less.
//!
//! Whoever wants the run itself, its trace and its journal, makes a [`World`](crate::World): a check is no more than one for each seed.
//!
//! [`Host::sleep`]: crate::Host::sleep
//! [`Host::within`]: crate::Host::within
//! [`Host::now`]: crate::Host::now

mod apps;
mod failure;
mod run;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

pub use apps::Apps;
pub use failure::{CheckError, Failure, Passed, Replayed};

use crate::executor::TaskResult;
use crate::frame::Medium;
use crate::host::Host;
use crate::link::{Impairments, Jitter, Loss, Shape};
use crate::oracle::Oracles;
use crate::scenario::Scenario;
use crate::scenario::model::{self, Cable, Fault};
use crate::search::{Budget, Placed};
use apps::App;

/// A test that runs applications over a network, many times: see [the module](self).
#[must_use = "`run` runs it"]
pub struct Check {
    /// The network, called as the check is.
    scenario: Scenario,
    apps: Vec<App>,
    equip: Vec<Box<Equip>>,
    seeds: Range<u64>,
    oracles: Oracles,
    budget: Budget,
    /// Where `run` writes to, if not where everybody does.
    out: Option<PathBuf>,
}

/// Names the applications of a run.
type Equip = dyn Fn(&mut Apps);

impl Check {
    /// A check of this name (letters, digits, `-` and `_`; that of the test function, so that the line of the report finds it)
    /// with two hosts and a bad link, and no applications yet.
    pub fn new(name: &str) -> Self {
        let check = Self {
            scenario: network(name),
            apps: Vec::new(),
            equip: Vec::new(),
            seeds: 0..SEEDS,
            oracles: Oracles::ALL,
            budget: Budget { runs: BUDGET_RUNS, fewest_runs: BUDGET_RUNS },
            out: None,
        };
        check.within(WITHIN)
    }

    /// What the cables do to frames, both ways, instead of what they did before.
    pub fn link(mut self, link: Impairments) -> Self {
        for cable in &mut self.scenario.cables {
            (cable.forward, cable.back) = (link, link);
        }
        self
    }

    /// Another network: its hosts, cables, faults, limit and promises, and its applications beside those of the check. What
    /// was said before of the network is forgotten; its name and seed are those of the check.
    ///
    /// ```
    /// use smolsock_sim::{app::echo, check::Check, scenario::Scenario};
    /// let network = Scenario::parse("dsl.toml", r#"
    ///     name = "dsl"
    ///     [[host]]
    ///     name = "home"
    ///     addresses = ["192.0.2.1/24"]
    ///     [[host]]
    ///     name = "provider"
    ///     addresses = ["192.0.2.2/24"]
    ///     [[cable]]
    ///     name = "line"
    ///     a = "home"
    ///     b = "provider"
    ///     rate = "1Mbit/s"
    ///     delay = "30ms"
    ///     loss = "1%"
    /// "#)?;
    /// let passed = Check::new("echo_over_dsl")
    ///     .network(network)
    ///     .daemon("provider", "echo", |host| echo::tcp_server(host, "0.0.0.0:7".parse().unwrap(), 5))
    ///     .app("home", "client", |host| echo::tcp_client(host, "192.0.2.2:7".parse().unwrap(), 1, 4_000, 1_000))
    ///     .seeds(0..10)
    ///     .run();
    /// assert_eq!(passed.runs, 10);
    /// # Ok::<(), smolsock_sim::scenario::ScenarioError>(())
    /// ```
    pub fn network(mut self, network: Scenario) -> Self {
        self.scenario = Scenario { name: self.scenario.name, ..network };
        self
    }

    /// These faults besides all that chance does. That one finds no frame is no failure.
    pub fn faults(mut self, faults: impl IntoIterator<Item = Placed>) -> Self {
        let fault = |Placed { cable, direction, fault }| Fault { cable, direction, fault };
        self.scenario.faults.extend(faults.into_iter().map(fault));
        self
    }

    /// The application of the host `server`: in the background, the run does not wait for its end.
    pub fn server<F>(self, start: impl Fn(Host) -> F + 'static) -> Self
    where
        F: Future<Output = TaskResult> + 'static,
    {
        self.daemon("server", "server", start)
    }

    /// The application of the host `client`. It has to end, without an error.
    pub fn client<F>(self, start: impl Fn(Host) -> F + 'static) -> Self
    where
        F: Future<Output = TaskResult> + 'static,
    {
        self.app("client", "client", start)
    }

    /// An application of this host. It has to end, without an error. `name`: what failures call it.
    pub fn app<F>(mut self, host: &str, name: &str, start: impl Fn(Host) -> F + 'static) -> Self
    where
        F: Future<Output = TaskResult> + 'static,
    {
        self.apps.push(App::new(host, name, false, start));
        self
    }

    /// An application of this host that may run for ever. It starts again whenever its host does.
    pub fn daemon<F>(mut self, host: &str, name: &str, start: impl Fn(Host) -> F + 'static) -> Self
    where
        F: Future<Output = TaskResult> + 'static,
    {
        self.apps.push(App::new(host, name, true, start));
        self
    }

    /// Applications that share something: `equip` is asked for them before each run.
    ///
    /// ```
    /// use std::{cell::Cell, rc::Rc};
    /// use smolsock::task::UdpSocket;
    /// use smolsock_sim::check::Check;
    ///
    /// Check::new("no_datagram_comes_from_nowhere")
    ///     .apps(|apps| {
    ///         let sent = Rc::new(Cell::new(0));
    ///         let known = Rc::clone(&sent);
    ///         apps.daemon("server", "server", move |host| {
    ///             let known = Rc::clone(&known);
    ///             async move {
    ///                 let socket = UdpSocket::bind(&host, "0.0.0.0:9".parse()?)?;
    ///                 let mut number = [0];
    ///                 loop {
    ///                     socket.recv(&mut number).await?;
    ///                     assert!(number[0] < known.get(), "datagram {} was never sent", number[0]);
    ///                 }
    ///             }
    ///         });
    ///         apps.app("client", "client", move |host| {
    ///             let sent = Rc::clone(&sent);
    ///             async move {
    ///                 let socket = UdpSocket::bind(&host, "0.0.0.0:0".parse()?)?;
    ///                 for number in 0..10 {
    ///                     sent.set(number + 1);
    ///                     socket.send_to(&[number], "192.0.2.2:9".parse()?).await?;
    ///                 }
    ///                 Ok(())
    ///             }
    ///         });
    ///     })
    ///     .run();
    /// ```
    pub fn apps(mut self, equip: impl Fn(&mut Apps) + 'static) -> Self {
        self.equip.push(Box::new(equip));
        self
    }

    /// A run with each of these seeds: 0 to 99 if nothing is said.
    pub fn seeds(mut self, seeds: Range<u64>) -> Self {
        self.seeds = seeds;
        self
    }

    /// In how much virtual time the applications have to end: ten minutes if nothing is said. The run goes on for ten minutes
    /// more to see what comes of those that have not.
    pub fn within(mut self, bound: Duration) -> Self {
        let bound_ns = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
        self.scenario.expect.ends_within_ns = Some(bound_ns);
        self.scenario.limit_ns = bound_ns.saturating_add(GRACE_NS);
        self
    }

    /// Which [oracles](crate::oracle) look at the runs: all if nothing is said.
    pub fn oracles(mut self, oracles: Oracles) -> Self {
        self.oracles = oracles;
        self
    }

    /// How many runs minimizing may take, and as many again to try fewer drops: 1,000 if nothing is said.
    pub fn budget(mut self, runs: u64) -> Self {
        self.budget = Budget { runs, fewest_runs: runs };
        self
    }

    /// The directory in which `run` makes one of the check's name, instead of `target/smolsock` (or `SMOLSOCK_OUT`).
    pub fn out(mut self, dir: impl Into<PathBuf>) -> Self {
        self.out = Some(dir.into());
        self
    }
}

/// Two hosts and a cable.
fn network(name: &str) -> Scenario {
    let host = |name: &str, address: &str| model::Host {
        name: name.to_owned(),
        addresses: vec![address.to_owned()],
        ..model::Host::default()
    };
    let bad = bad_link();
    let cable = Cable { name: "ab".into(), a: "client".into(), b: "server".into(), forward: bad, back: bad };
    Scenario {
        about: format!("The network of the test {name}; its applications are in the test."),
        medium: Medium::Ip,
        hosts: vec![host("client", "192.0.2.1/24"), host("server", "192.0.2.2/24")],
        cables: vec![cable],
        ..Scenario::new(name)
    }
}

/// The link of a check that says nothing of it: 10 ms, up to 5 ms more, 5 % lost, 2 % 20 ms late, 2 % twice.
pub fn bad_link() -> Impairments {
    Impairments {
        loss: Loss::Bernoulli { ppm: 50_000 },
        delay_ns: 10_000_000,
        jitter: Jitter { ns: 5_000_000, shape: Shape::Uniform },
        reorder_ppm: 20_000,
        reorder_delay_ns: 20_000_000,
        duplicate_ppm: 20_000,
        ..Impairments::default()
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check")
            .field("scenario", &self.scenario)
            .field("apps", &self.apps)
            .field("seeds", &self.seeds)
            .field("oracles", &self.oracles)
            .field("budget", &self.budget)
            .field("out", &self.out)
            .finish_non_exhaustive()
    }
}

/// A transfer that loses 5 % fails within these seeds if one loss in a thousand does harm.
const SEEDS: u64 = 100;
/// Longer than any sequence of time-outs of a connection that lives.
const WITHIN: Duration = Duration::from_secs(600);
/// TIME-WAIT and the last time-outs of TCP.
const GRACE_NS: u64 = 600_000_000_000;
/// A few seconds with an application of a hundred frames.
const BUDGET_RUNS: u64 = 1_000;
