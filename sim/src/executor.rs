//! In which order do the applications run?

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use crate::panics;

/// What an application comes to: `Ok(())`, or any error (`?` on an `Errno`, or `Err("why".into())`), which becomes a
/// sentence in [`Ending::failures`](crate::Ending::failures).
pub type TaskResult = Result<(), Box<dyn std::error::Error>>;

/// Runs tasks on one thread, first woken first run: the same wakes give the same order.
#[derive(Default)]
pub struct Executor {
    tasks: Vec<Task>,
    ready: Arc<Mutex<VecDeque<usize>>>,
    /// Tasks that the end of the run waits for.
    awaited: usize,
    /// A task that panics has failed, as one that ends with an error.
    catches_panics: bool,
}

/// One application task.
struct Task {
    name: String,
    owner: usize,
    is_background: bool,
    future: Option<Pin<Box<dyn Future<Output = TaskResult>>>>,
    waker: Arc<TaskWaker>,
}

/// What happened when a task ran.
#[derive(Debug, PartialEq, Eq)]
pub struct Ran {
    /// Whose task it was, as given to [`Executor::spawn`].
    pub owner: usize,
    /// The task's name and its error, if it ended with one.
    pub failure: Option<(String, String)>,
}

impl Executor {
    /// From now on a task that panics has failed, and the others go on.
    pub fn catch_panics(&mut self) {
        self.catches_panics = true;
    }

    /// Adds a task of `owner`, ready to run. The run ends when all tasks but those in the background have.
    pub fn spawn(
        &mut self,
        owner: usize,
        name: impl Into<String>,
        is_background: bool,
        future: impl Future<Output = TaskResult> + 'static,
    ) {
        let id = self.tasks.len();
        let waker = Arc::new(TaskWaker { id, is_queued: AtomicBool::new(false), ready: Arc::clone(&self.ready) });
        waker.wake_by_ref();
        self.awaited += usize::from(!is_background);
        self.tasks.push(Task { name: name.into(), owner, is_background, future: Some(Box::pin(future)), waker });
    }

    /// Runs the task that was woken first. `None`: no task is ready.
    pub fn run_one(&mut self) -> Option<Ran> {
        loop {
            let id = lock(&self.ready).pop_front()?;
            let task = &mut self.tasks[id];
            task.waker.is_queued.store(false, Ordering::Relaxed);
            let Some(future) = &mut task.future else { continue };
            let waker = Waker::from(Arc::clone(&task.waker));
            let mut poll = || future.as_mut().poll(&mut Context::from_waker(&waker));
            let outcome = match self.catches_panics {
                true => panics::caught(poll).unwrap_or_else(|panic| Poll::Ready(Err(panic.into()))),
                false => poll(),
            };
            let mut failure = None;
            if let Poll::Ready(result) = outcome {
                // Dropping the future closes its sockets.
                task.future = None;
                self.awaited -= usize::from(!task.is_background);
                failure = result.err().map(|error| (task.name.clone(), error.to_string()));
            }
            return Some(Ran { owner: task.owner, failure });
        }
    }

    /// Whether every task that the run waits for has ended.
    pub fn is_done(&self) -> bool {
        self.awaited == 0
    }

    /// Names of the tasks that the run still waits for.
    pub fn unfinished(&self) -> impl Iterator<Item = &str> {
        let waits = |task: &&Task| task.future.is_some() && !task.is_background;
        self.tasks.iter().filter(waits).map(|task| task.name.as_str())
    }

    /// Whether `owner` has tasks that have not ended.
    pub fn has_tasks_of(&self, owner: usize) -> bool {
        self.tasks.iter().any(|task| task.owner == owner && task.future.is_some())
    }

    /// Drops all tasks of `owner`, which closes their sockets; the run does not wait for them any longer.
    pub fn kill(&mut self, owner: usize) {
        for task in self.tasks.iter_mut().filter(|task| task.owner == owner && task.future.is_some()) {
            task.future = None;
            self.awaited -= usize::from(!task.is_background);
        }
    }

    /// Drops the tasks in the background, which closes their sockets. Returns their owners.
    pub fn stop_background(&mut self) -> Vec<usize> {
        let background = self.tasks.iter_mut().filter(|task| task.is_background && task.future.is_some());
        background
            .map(|task| {
                task.future = None;
                task.owner
            })
            .collect()
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").field("unfinished", &self.unfinished().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

/// Puts its task at the end of the queue, once however often it is woken.
struct TaskWaker {
    id: usize,
    is_queued: AtomicBool,
    ready: Arc<Mutex<VecDeque<usize>>>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_queued.swap(true, Ordering::Relaxed) {
            lock(&self.ready).push_back(self.id);
        }
    }
}

fn lock(queue: &Mutex<VecDeque<usize>>) -> std::sync::MutexGuard<'_, VecDeque<usize>> {
    // One thread: nobody can have panicked with the lock held.
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A list that a task fills and a test reads, for the examples and tests of this crate.
pub type Log = std::rc::Rc<RefCell<Vec<String>>>;

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    fn yield_once() -> impl Future<Output = ()> {
        let mut yielded = false;
        poll_fn(move |context| {
            if std::mem::replace(&mut yielded, true) {
                Poll::Ready(())
            } else {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        })
    }

    #[test]
    fn tasks_run_in_the_order_of_their_wakes() {
        let log = Log::default();
        let mut executor = Executor::default();
        for name in ["a", "b"] {
            let log = log.clone();
            executor.spawn(0, name, false, async move {
                log.borrow_mut().push(format!("{name}1"));
                yield_once().await;
                log.borrow_mut().push(format!("{name}2"));
                Ok(())
            });
        }
        while executor.run_one().is_some() {}
        assert_eq!(*log.borrow(), ["a1", "b1", "a2", "b2"]);
        assert!(executor.is_done());
    }

    #[test]
    fn an_error_is_reported_with_the_name_of_its_task() {
        let mut executor = Executor::default();
        executor.spawn(3, "client", false, async { Err("no route".into()) });
        let failure = Some(("client".to_string(), "no route".to_string()));
        assert_eq!(executor.run_one(), Some(Ran { owner: 3, failure }));
    }

    #[test]
    fn background_tasks_do_not_hold_up_the_end() {
        let mut executor = Executor::default();
        executor.spawn(1, "server", true, std::future::pending());
        while executor.run_one().is_some() {}
        assert!(executor.is_done());
        assert_eq!(executor.stop_background(), [1]);
    }
}
