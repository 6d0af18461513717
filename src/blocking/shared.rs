//! How do threads share a stack, and how does one wait without keeping it from the others?

use core::any::Any;
use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::Waker;
use std::boxed::Box;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::thread::{self, Thread};
use std::vec::Vec;

use crate::count::Count;
use crate::device::Device;
use crate::errno::Errno;
use crate::readiness::Interest;
use crate::socket::SocketId;
use crate::socket::flags::{MsgFlags, StatusFlags};
use crate::socket::options::sockopt::{SO_RCVTIMEO, SO_SNDTIMEO};
use crate::stack::calls::patience::Patience;
use crate::stack::{Stack, Step};
use crate::time::{Duration, Instant};

/// What the driver and all callers have in common.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Callers that want the state: the driver lets them in before it takes another turn.
    queued: AtomicUsize,
    /// Threads to wake when the state is free again.
    woken: Arc<Woken>,
    /// Ends the driver's wait.
    pub(super) driver: Waker,
    /// The driver has ended.
    pub(super) ended: Condvar,
    clock: Clock,
}

/// What only one thread at a time may touch.
pub(super) struct State {
    pub(super) stack: Stack<'static>,
    port: Box<dyn Port>,
    /// Who waits for the socket in each slot, to read and to write.
    waits: Vec<Option<[Arc<Waits>; 2]>>,
    /// Until when the driver sleeps; `None`: it is awake, and will look at the stack before it sleeps.
    pub(super) asleep_until: Option<Instant>,
    /// How often there was something to send or to receive.
    pub(super) activity: u64,
    pub(super) phase: Phase,
}

/// How far a [`Net`](super::Net) is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// In use.
    Running,
    /// All sockets are closed, and their connections say goodbye until this time.
    Closing(Instant),
    /// The driver has ended. So many connections did not come to their end.
    Ended(usize),
}

impl Shared {
    pub(super) fn new(stack: Stack<'static>, port: Box<dyn Port>, driver: Waker) -> Self {
        let clock = Clock { start: std::time::Instant::now(), base: stack.now() };
        let state = State { stack, port, waits: Vec::new(), asleep_until: None, activity: 0, phase: Phase::Running };
        let (queued, woken) = (AtomicUsize::new(0), Arc::default());
        Self { state: Mutex::new(state), queued, woken, driver, ended: Condvar::new(), clock }
    }

    /// The time as the stack knows it.
    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Makes socket calls, sends what they queued, and tells the driver if it has to do more.
    pub(super) fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock_as_caller();
        let result = f(&mut state);
        self.leave(state);
        result
    }

    /// Repeats `call` until it gives something else than EAGAIN, waiting for `interest` in between; to read, for as many
    /// bytes as `SO_RCVLOWAT` says, at most for `room`. `call` is told whether it will be repeated.
    pub(super) fn wait<R>(
        &self,
        id: SocketId,
        (interest, room): (Interest, usize),
        patience: Option<Duration>,
        mut call: impl FnMut(&mut Stack<'static>, bool) -> Result<R, Errno>,
    ) -> Result<R, Errno> {
        let mut until = None;
        loop {
            let mut state = self.lock_as_caller();
            if state.phase != Phase::Running {
                return Err(Errno::ENETDOWN);
            }
            let until = match until {
                Some(until) => until,
                None => *until.insert(Until::of(&mut state.stack, id, interest, patience)?),
            };
            let waits = until.lasts();
            let outcome = call(&mut state.stack, waits);
            let is_over = !(waits && matches!(outcome, Err(Errno::EAGAIN)));
            let registered = if is_over { Ok(()) } else { state.register(id, (interest, room), &self.woken) };
            self.leave(state);
            if is_over {
                return outcome;
            }
            registered?;
            until.park();
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked did so in its own closure: a stack is whole between calls.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the callers in that have come meanwhile: a mutex alone would let the driver take it again and again.
    pub(super) fn give_way(&self) {
        for _ in 0..GIVE_WAY_MAX {
            if self.queued.load(Ordering::Relaxed) == 0 {
                return;
            }
            thread::yield_now();
        }
    }

    /// Frees the state, then wakes whom the work on it has woken.
    pub(super) fn free(&self, state: MutexGuard<'_, State>) {
        drop(state);
        self.woken.wake_all();
    }

    fn lock_as_caller(&self) -> MutexGuard<'_, State> {
        self.queued.fetch_add(1, Ordering::Relaxed);
        let state = self.lock();
        self.queued.fetch_sub(1, Ordering::Relaxed);
        state
    }

    fn leave(&self, mut state: MutexGuard<'_, State>) {
        let is_driver_needed = state.send(self.clock);
        self.free(state);
        if is_driver_needed {
            self.driver.wake_by_ref();
        }
    }

    /// Waits until the driver has ended.
    pub(super) fn wait_for_end(&self) -> usize {
        let mut state = self.lock();
        loop {
            if let Phase::Ended(left) = state.phase {
                return left;
            }
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    pub(super) fn step(&mut self, now: Instant) -> Step {
        self.asleep_until = None;
        let before = (self.stack.counters().frames_in, self.stack.counters().frames_out);
        let step = self.port.step(&mut self.stack, now);
        let after = (self.stack.counters().frames_in, self.stack.counters().frames_out);
        self.activity.count_if(before != after);
        step
    }

    pub(super) fn device(&mut self) -> &mut dyn Any {
        self.port.device()
    }

    /// Wakes all who wait for any socket.
    pub(super) fn wake_all(&mut self) {
        for waits in self.waits.iter().flatten().flatten() {
            Arc::clone(waits).wake();
        }
    }

    /// Sends what the last calls queued. Returns whether the driver has to know.
    fn send(&mut self, clock: Clock) -> bool {
        let Some(mut next) = self.stack.next_step() else { return false };
        if next <= self.stack.now() && !matches!(self.phase, Phase::Ended(_)) {
            self.activity.count_one();
            self.port.flush(&mut self.stack, clock.now());
            match self.stack.next_step() {
                Some(at) => next = at,
                None => return false,
            }
        }
        let is_needed = self.asleep_until.is_some_and(|until| next < until);
        if is_needed {
            self.asleep_until = None;
        }
        is_needed
    }

    #[expect(clippy::indexing_slicing, reason = "it was made as long as that in the line before")]
    #[expect(clippy::arithmetic_side_effects, reason = "an index of a table")]
    fn register(&mut self, id: SocketId, (interest, room): (Interest, usize), woken: &Arc<Woken>) -> Result<(), Errno> {
        let index = self.stack.slot_of(id)?;
        if self.waits.len() <= index {
            self.waits.resize_with(index + 1, || None);
        }
        let pair = self.waits[index].get_or_insert_with(|| [Waits::new(woken), Waits::new(woken)]);
        let waits = match interest {
            Interest::Read => &pair[0],
            Interest::Write => &pair[1],
        };
        waits.add(thread::current());
        let waker = Waker::from(Arc::clone(waits));
        let low_water = self.stack.read_target(id, room, MsgFlags::NONE)?;
        self.stack.register_wait(id, (interest, low_water), Patience::Endless, &waker)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Net").field("stack", &state.stack).field("phase", &state.phase).finish_non_exhaustive()
    }
}

/// A device of any type, for which a stack takes its steps.
pub(super) trait Port: Send {
    fn step(&mut self, stack: &mut Stack<'static>, now: Instant) -> Step;
    fn flush(&mut self, stack: &mut Stack<'static>, now: Instant);
    fn device(&mut self) -> &mut dyn Any;
}

impl<D: Device + Send + 'static> Port for D {
    fn step(&mut self, stack: &mut Stack<'static>, now: Instant) -> Step {
        stack.step(now, self)
    }

    fn flush(&mut self, stack: &mut Stack<'static>, now: Instant) {
        stack.flush(now, self);
    }

    fn device(&mut self) -> &mut dyn Any {
        self
    }
}

/// The threads that wait for one socket, to read or to write: a stack keeps one waker for each, this one.
struct Waits {
    threads: Mutex<Vec<Thread>>,
    woken: Arc<Woken>,
}

impl Waits {
    fn new(woken: &Arc<Woken>) -> Arc<Self> {
        Arc::new(Self { threads: Mutex::default(), woken: Arc::clone(woken) })
    }

    /// Once for each thread: one that gave up waiting may stand here from before.
    fn add(&self, thread: Thread) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if !threads.iter().any(|known| known.id() == thread.id()) {
            threads.push(thread);
        }
    }
}

/// All of them look again, and those who find nothing wait again: no wake-up is lost.
impl Wake for Waits {
    fn wake(self: Arc<Self>) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        self.woken.threads.lock().unwrap_or_else(PoisonError::into_inner).append(&mut threads);
    }
}

/// Threads that wait no longer. They run when the state is free: woken before, they would only wait for it.
#[derive(Default)]
struct Woken {
    threads: Mutex<Vec<Thread>>,
}

impl Woken {
    fn wake_all(&self) {
        let threads = core::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            thread.unpark();
        }
    }
}

/// Until when a call waits.
#[derive(Clone, Copy)]
enum Until {
    /// Not at all.
    Now,
    Time(std::time::Instant),
    Ever,
}

impl Until {
    /// `patience`: of this call; `None`: as the socket's options say.
    fn of(
        stack: &mut Stack<'static>,
        id: SocketId,
        interest: Interest,
        patience: Option<Duration>,
    ) -> Result<Self, Errno> {
        let timeout = match (patience, interest) {
            (Some(patience), _) => Some(patience),
            _ if stack.fcntl_getfl(id)?.contains(StatusFlags::NONBLOCK) => return Ok(Self::Now),
            (None, Interest::Read) => stack.getsockopt(id, SO_RCVTIMEO)?,
            (None, Interest::Write) => stack.getsockopt(id, SO_SNDTIMEO)?,
        };
        let Some(timeout) = timeout else { return Ok(Self::Ever) };
        Ok(std::time::Instant::now().checked_add(timeout).map_or(Self::Ever, Self::Time))
    }

    fn lasts(self) -> bool {
        match self {
            Self::Now => false,
            Self::Time(at) => std::time::Instant::now() < at,
            Self::Ever => true,
        }
    }

    /// Sleeps until somebody wakes this thread, or the time is over.
    fn park(self) {
        match self {
            Self::Now => {}
            Self::Time(at) => thread::park_timeout(at.saturating_duration_since(std::time::Instant::now())),
            Self::Ever => thread::park(),
        }
    }
}

/// The stack's time: that of its last step before, and what has passed since.
#[derive(Debug, Clone, Copy)]
struct Clock {
    start: std::time::Instant,
    base: Instant,
}

impl Clock {
    fn now(self) -> Instant {
        self.base.saturating_add(self.start.elapsed())
    }
}

/// How often the driver looks whether callers want the state, before it takes its turn nevertheless.
const GIVE_WAY_MAX: usize = 16;
