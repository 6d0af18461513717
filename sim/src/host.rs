//! What does an application see of its host?

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use smolsock::Stack;
use smolsock::task::Handle;

use crate::executor::TaskResult;
use crate::observe::Note;
use crate::time::Time;
use crate::trace::NodeId;

/// A host as its applications see it: its sockets, the virtual clock, and a place for remarks.
///
/// It is the [`Handle`] that `smolsock::task` sockets are made from.
#[derive(Debug, Clone)]
pub struct Host {
    pub(crate) node: NodeId,
    pub(crate) stack: Rc<RefCell<Stack<'static>>>,
    pub(crate) clock: Rc<Clock>,
}

impl Handle for Host {
    fn with<R>(&self, f: impl FnOnce(&mut Stack<'_>) -> R) -> R {
        f(&mut self.stack.borrow_mut())
    }
}

impl Host {
    /// Virtual time since the start of the run.
    pub fn now(&self) -> Time {
        self.clock.now.get()
    }

    /// Lets virtual time pass.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + use<> {
        let clock = Rc::clone(&self.clock);
        let until = clock.now.get() + duration;
        poll_fn(move |context| {
            if clock.now.get() >= until {
                return Poll::Ready(());
            }
            clock.wake_at(until, context.waker().clone());
            Poll::Pending
        })
    }

    /// Waits for `future`, but no longer than `limit`; `None` when it took too long.
    pub async fn within<F: Future>(&self, limit: Duration, future: F) -> Option<F::Output> {
        let mut future = std::pin::pin!(future);
        let mut limit = std::pin::pin!(self.sleep(limit));
        poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => limit.as_mut().poll(context).map(|()| None),
        })
        .await
    }

    /// Puts a remark into the story that the ladder tells, at this moment.
    pub fn note(&self, text: impl Into<String>) {
        let note = Note { at: self.now(), node: self.node, text: text.into() };
        self.clock.notes.borrow_mut().push(note);
    }

    /// Starts another task on this host. It runs in the background: the run does not wait for its end, only
    /// for that of the applications it was started with.
    pub fn spawn(&self, name: impl Into<String>, future: impl Future<Output = TaskResult> + 'static) {
        let task = NewTask { node: self.node, name: name.into(), future: Box::pin(future) };
        self.clock.spawned.borrow_mut().push(task);
    }

    /// Which node of the trace this host is.
    pub fn node(&self) -> NodeId {
        self.node
    }
}

/// Virtual time, who sleeps until when, and the remarks of all hosts.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    pub(crate) now: Cell<Time>,
    sleepers: RefCell<BinaryHeap<Reverse<Sleeper>>>,
    count: Cell<u64>,
    pub(crate) notes: RefCell<Vec<Note>>,
    /// Tasks that other tasks have started and that have not been taken over by the executor.
    pub(crate) spawned: RefCell<Vec<NewTask>>,
}

/// A task that a task started.
pub(crate) struct NewTask {
    pub(crate) node: NodeId,
    pub(crate) name: String,
    pub(crate) future: Pin<Box<dyn Future<Output = TaskResult>>>,
}

impl fmt::Debug for NewTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewTask").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Clock {
    fn wake_at(&self, until: Time, waker: Waker) {
        let order = self.count.replace(self.count.get() + 1);
        self.sleepers.borrow_mut().push(Reverse(Sleeper { until, order, waker }));
    }

    /// When the first sleeper wakes.
    pub(crate) fn next_wake(&self) -> Option<Time> {
        self.sleepers.borrow().peek().map(|Reverse(sleeper)| sleeper.until)
    }

    /// Wakes everybody whose time has come.
    pub(crate) fn wake_sleepers(&self) {
        let now = self.now.get();
        while self.next_wake().is_some_and(|until| until <= now) {
            if let Some(Reverse(sleeper)) = self.sleepers.borrow_mut().pop() {
                sleeper.waker.wake();
            }
        }
    }
}

/// Somebody who sleeps. Ordered by time, then by who fell asleep first.
#[derive(Debug)]
struct Sleeper {
    until: Time,
    order: u64,
    waker: Waker,
}

impl PartialEq for Sleeper {
    fn eq(&self, other: &Self) -> bool {
        (self.until, self.order) == (other.until, other.order)
    }
}

impl Eq for Sleeper {}

impl PartialOrd for Sleeper {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Sleeper {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.until, self.order).cmp(&(other.until, other.order))
    }
}
