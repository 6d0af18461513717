//! What is left of a host after a crash, and how does it start again?

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use smolsock::Stack;

use super::build::seed_of;
use super::{Event, StationKind, World, WorldError};
use crate::executor::TaskResult;
use crate::host::Host;
use crate::time::Time;
use crate::trace::NodeId;

/// An application that starts whenever its host does.
pub(super) struct Service {
    node: NodeId,
    name: String,
    start: Rc<Start>,
}

/// Makes the application of a host that starts.
type Start = dyn Fn(Host) -> Pin<Box<dyn Future<Output = TaskResult>>>;

impl World {
    /// Starts an application in the background, as [`World::daemon`] does, and again whenever the host starts again.
    ///
    /// A client that finds out that its server was away: the restarted server knows nothing of the connection and
    /// answers with RST (RFC 9293 §3.5.1).
    /// ```
    /// use smolsock::{Errno, task::TcpStream};
    /// use smolsock_sim::{World, app::echo, link::Impairments, time::Time};
    /// use std::time::Duration;
    ///
    /// let mut world = World::new(1);
    /// let client = world.host("client", &["192.0.2.1/24"])?;
    /// let server = world.host("server", &["192.0.2.2/24"])?;
    /// world.cable("ab", client, server, Impairments::default())?;
    /// world.service(server, "echo", |host| echo::tcp_server(host, "0.0.0.0:7".parse().unwrap(), 5));
    /// world.crash_at(server, Time::from_secs(1))?;
    /// world.restart_at(server, Time::from_secs(2))?;
    /// world.app(client, "client", |host| async move {
    ///     let stream = TcpStream::connect(&host, "192.0.2.2:7".parse()?).await?;
    ///     host.sleep(Duration::from_secs(3)).await;
    ///     stream.write_all(b"still there?").await?;
    ///     match stream.read(&mut [0; 8]).await {
    ///         Err(Errno::ECONNRESET) => Ok(()),
    ///         other => Err(format!("{other:?}").into()),
    ///     }
    /// });
    /// let ending = world.run(Time::from_secs(60));
    /// assert!(ending.failures.is_empty(), "{:?}", ending.failures);
    /// # Ok::<(), smolsock_sim::WorldError>(())
    /// ```
    ///
    /// # Panics
    /// `node` is no host.
    pub fn service<F>(&mut self, node: NodeId, name: &str, start: impl Fn(Host) -> F + 'static)
    where
        F: Future<Output = TaskResult> + 'static,
    {
        let start: Rc<Start> = Rc::new(move |host| Box::pin(start(host)));
        let future = start(self.handle(node));
        self.executor.spawn(node.0, name, true, future);
        self.services.push(Service { node, name: name.into(), start });
    }

    /// Lets a host lose its power at this time: its applications and sockets vanish without a word, and frames to it are lost
    /// until it [starts again](World::restart_at). The run does not wait for its applications any longer.
    ///
    /// # Errors
    /// `node` is no host.
    pub fn crash_at(&mut self, node: NodeId, time: Time) -> Result<(), WorldError> {
        self.check_host(node)?;
        self.events.schedule(time, Event::Crash { node });
        Ok(())
    }

    /// Lets a host start at this time with a new stack, a new seed and its [services](World::service); one that is running
    /// crashes first.
    ///
    /// # Errors
    /// `node` is no host.
    pub fn restart_at(&mut self, node: NodeId, time: Time) -> Result<(), WorldError> {
        self.check_host(node)?;
        self.events.schedule(time, Event::Restart { node });
        Ok(())
    }

    fn check_host(&self, node: NodeId) -> Result<(), WorldError> {
        match &self.nodes[node.0].kind {
            StationKind::Host(_) => Ok(()),
            _ => Err(self.bad_host(node, &"only a host crashes and starts again")),
        }
    }

    /// The power is off.
    pub(super) fn on_crash(&mut self, node: NodeId) {
        // Sockets that are closed by this never say so: their stack does not run again.
        self.executor.kill(node.0);
        self.clock.spawned.borrow_mut().retain(|task| task.node != node);
        let number = node.0 as u64 + 1;
        let StationKind::Host(computer) = &mut self.nodes[node.0].kind else { return };
        computer.is_up = false;
        computer.is_poll_due = false;
        computer.wake_at = None;
        computer.held.frames.clear();
        computer.held.batch += 1;
        computer.nic.clear();
        computer.restarts += 1;
        let seed = seed_of(self.seed, number, computer.restarts);
        let stack = seed.map_err(|error| error.to_string()).and_then(|seed| {
            computer.config.seed = seed;
            Stack::new(computer.config.clone(), &computer.nic).map_err(|error| error.to_string())
        });
        match stack {
            Ok(stack) => *computer.stack.borrow_mut() = stack,
            Err(error) => {
                self.failures.push(format!("{} could not start again: {error}", self.trace.nodes[node.0].name))
            }
        }
    }

    /// The power is on.
    pub(super) fn on_restart(&mut self, node: NodeId) {
        if matches!(&self.nodes[node.0].kind, StationKind::Host(computer) if computer.is_up) {
            self.on_crash(node);
        }
        if let StationKind::Host(computer) = &mut self.nodes[node.0].kind {
            computer.is_up = true;
        }
        let of_node = self.services.iter().filter(|service| service.node == node);
        let starting: Vec<_> = of_node.map(|service| (service.name.clone(), Rc::clone(&service.start))).collect();
        for (name, start) in starting {
            let future = start(self.handle(node));
            self.executor.spawn(node.0, name, true, future);
        }
        self.disturb(node);
    }
}
