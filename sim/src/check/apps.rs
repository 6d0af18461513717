//! Which applications run in a check?

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use crate::executor::TaskResult;
use crate::host::Host;
use crate::world::{World, WorldError};

/// The applications of one run: see [`Check::apps`](super::Check::apps).
#[derive(Debug, Default)]
pub struct Apps {
    pub(super) apps: Vec<App>,
}

impl Apps {
    /// See [`Check::app`](super::Check::app).
    pub fn app<F>(&mut self, host: &str, name: &str, start: impl Fn(Host) -> F + 'static)
    where
        F: Future<Output = TaskResult> + 'static,
    {
        self.apps.push(App::new(host, name, false, start));
    }

    /// See [`Check::daemon`](super::Check::daemon).
    pub fn daemon<F>(&mut self, host: &str, name: &str, start: impl Fn(Host) -> F + 'static)
    where
        F: Future<Output = TaskResult> + 'static,
    {
        self.apps.push(App::new(host, name, true, start));
    }
}

/// An application, to be started in every run.
#[derive(Clone)]
pub(super) struct App {
    pub(super) host: String,
    pub(super) name: String,
    pub(super) is_background: bool,
    start: Rc<Start>,
}

type Start = dyn Fn(Host) -> Pin<Box<dyn Future<Output = TaskResult>>>;

impl App {
    pub(super) fn new<F>(host: &str, name: &str, is_background: bool, start: impl Fn(Host) -> F + 'static) -> Self
    where
        F: Future<Output = TaskResult> + 'static,
    {
        let start: Rc<Start> = Rc::new(move |host| Box::pin(start(host)));
        Self { host: host.to_owned(), name: name.to_owned(), is_background, start }
    }

    /// Puts it on its host.
    pub(super) fn start(&self, world: &mut World) -> Result<(), WorldError> {
        let node = world.node_named(&self.host).filter(|_| world.host_names().contains(&self.host));
        let node = node.ok_or_else(|| {
            let (name, host, hosts) = (&self.name, &self.host, world.host_names().join(", "));
            WorldError::Host(format!("{name}: there is no host {host:?}; there are {hosts}"))
        })?;
        let start = Rc::clone(&self.start);
        // The closure itself runs as part of the task: its panics are the application's.
        let start = move |host| {
            let start = Rc::clone(&start);
            async move { start(host).await }
        };
        match self.is_background {
            true => world.service(node, &self.name, start),
            false => world.app(node, &self.name, start),
        }
        Ok(())
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("host", &self.host).field("name", &self.name).finish_non_exhaustive()
    }
}
