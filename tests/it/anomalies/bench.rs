//! How do two hosts talk while one thing goes wrong, once, at the n-th chance?

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use smolsock::inspect::Holdings;
use smolsock::task::Handle;
use smolsock::time::{Duration, Instant};
use smolsock::{Config, Domain, Errno, Stack, Step, Type};
use smolsock_sim::executor::{Executor, TaskResult};
use smolsock_sim::nic::Nic;
use smoltcp::phy::{Device, DeviceCapabilities};

use super::crowd;
use crate::pair::Net;

/// What goes wrong, counted over both hosts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    Nothing,
    /// From the n-th frame on, the device of that host takes none for so many tries.
    Refused { tries: u64 },
    /// From the n-th frame on, the device of that host neither takes nor gives any for so long.
    Stopped { time: Duration },
    /// During the n-th socket call and so many after it, the socket table of that host is full.
    TableFull { calls: u64 },
    /// From the n-th step on, that host is told so many times that no time has passed.
    Still { steps: u64 },
    /// In the n-th step, that host is told that it is the beginning of time.
    Back,
    /// From the n-th step on, the clock of that host is ahead by so much, and stops at the end of time.
    Ahead { time: Duration },
    /// From the n-th step on, the clock of that host says so, and goes on from there.
    At { time: Instant },
    /// At the n-th await, the task ends: everything that it holds is dropped.
    Dropped,
    /// At the n-th await, the call that waits is dropped, and made again.
    Cancelled,
    /// Before the n-th step, more neighbours than the cache of that host holds have spoken.
    Neighbors,
    /// Before the n-th step, more cut packets have begun to arrive at that host than it has room for.
    Fragments,
}

/// A host as its tasks see it: its sockets, and a clock for breaks.
#[derive(Clone)]
pub struct Host {
    stack: Rc<RefCell<Stack<'static>>>,
    desk: Rc<Desk>,
}

/// What all tasks and both hosts share.
struct Desk {
    trouble: Trouble,
    nth: u64,
    /// How many chances there were.
    chances: Cell<u64>,
    now: Cell<Instant>,
    sleepers: RefCell<Vec<(Instant, Waker)>>,
}

impl Desk {
    /// A chance for trouble: how many came before the n-th, and after it; `None` before it.
    fn chance(&self) -> Option<u64> {
        let number = self.chances.get() + 1;
        self.chances.set(number);
        number.checked_sub(self.nth)
    }

    fn is_now(&self) -> bool {
        self.chance() == Some(0)
    }

    fn wake_sleepers(&self) {
        let now = self.now.get();
        self.sleepers.borrow_mut().retain(|(until, waker)| {
            if *until <= now {
                waker.wake_by_ref();
            }
            *until > now
        });
    }
}

impl Handle for Host {
    fn with<R>(&self, f: impl FnOnce(&mut Stack<'_>) -> R) -> R {
        let stack = &mut self.stack.borrow_mut();
        let Trouble::TableFull { calls } = self.desk.trouble else { return f(stack) };
        if self.desk.chance().is_none_or(|since| since >= calls) {
            return f(stack);
        }
        let mut others = Vec::new();
        while let Ok(id) = stack.socket(Domain::Inet, Type::Datagram) {
            others.push(id);
        }
        let result = f(stack);
        others.into_iter().for_each(|id| stack.close(id).expect("it is open"));
        result
    }
}

impl Host {
    /// Lets time pass, by the clock on the wall.
    pub async fn sleep(&self, duration: Duration) {
        let until = self.desk.now.get() + duration;
        poll_fn(|context| {
            if self.desk.now.get() >= until {
                return Poll::Ready(());
            }
            self.desk.sleepers.borrow_mut().push((until, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    /// Waits for a call, which may have to be made again.
    pub async fn call<F: Future>(&self, mut make: impl FnMut() -> F) -> F::Output {
        loop {
            let mut future = pin!(make());
            let outcome = poll_fn(|context| match future.as_mut().poll(context) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending if self.desk.trouble == Trouble::Cancelled && self.desk.is_now() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            });
            if let Some(output) = outcome.await {
                return output;
            }
        }
    }

    /// Makes a call again as long as there is no room for what it needs, a hundred times at most.
    pub async fn when_there_is_room<T>(&self, mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
        for _ in 0..100 {
            match call() {
                Err(Errno::ENFILE | Errno::EMFILE | Errno::ENOBUFS | Errno::ENOMEM) => {}
                outcome => return outcome,
            }
            self.sleep(Duration::from_millis(100)).await;
        }
        call()
    }
}

/// A task that may be dropped where it waits.
struct Mortal {
    future: Option<Pin<Box<dyn Future<Output = TaskResult>>>>,
    desk: Rc<Desk>,
}

impl Future for Mortal {
    type Output = TaskResult;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<TaskResult> {
        let Some(future) = &mut self.future else { return Poll::Ready(Ok(())) };
        let outcome = future.as_mut().poll(context);
        if outcome.is_pending() && self.desk.trouble == Trouble::Dropped && self.desk.is_now() {
            self.future = None;
            return Poll::Ready(Ok(()));
        }
        outcome
    }
}

/// A host: its stack, its network card, and what is wrong with its card and its clock.
struct Computer {
    stack: Rc<RefCell<Stack<'static>>>,
    card: Card,
    ahead: Duration,
    /// The time it was told last.
    told: Instant,
    still: u64,
}

/// A network card that may refuse.
struct Card {
    nic: Nic,
    desk: Rc<Desk>,
    refusals: u64,
    stopped_until: Option<Instant>,
}

impl Card {
    /// Whether it has room for the frame that the stack may want to send now.
    fn has_room(&mut self) -> bool {
        let now = self.desk.now.get();
        match self.desk.trouble {
            Trouble::Refused { tries } if self.desk.is_now() => self.refusals = tries,
            Trouble::Stopped { time } if self.desk.is_now() => self.stopped_until = Some(now + time),
            _ => {}
        }
        if self.refusals > 0 {
            self.refusals -= 1;
            return false;
        }
        !self.is_stopped()
    }

    fn is_stopped(&self) -> bool {
        self.stopped_until.is_some_and(|until| self.desk.now.get() < until)
    }
}

impl Device for Card {
    type RxToken<'a> = <Nic as Device>::RxToken<'a>;
    type TxToken<'a> = <Nic as Device>::TxToken<'a>;

    fn receive(&mut self, now: smoltcp::time::Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        // There has to be room for an answer.
        if self.nic.waiting_frames() == 0 || self.is_stopped() || !self.has_room() {
            return None;
        }
        self.nic.receive(now)
    }

    fn transmit(&mut self, now: smoltcp::time::Instant) -> Option<Self::TxToken<'_>> {
        if !self.has_room() {
            return None;
        }
        self.nic.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.nic.capabilities()
    }
}

/// Two hosts, a cable of 1 ms, and their tasks.
pub struct Bench {
    net: Net,
    hosts: [Computer; 2],
    executor: Executor,
    desk: Rc<Desk>,
    /// Frames on the cable: when they arrive, where, and their bytes.
    cable: VecDeque<(Instant, usize, Vec<u8>)>,
    failures: Vec<(String, String)>,
    steps: u64,
}

/// What came of it.
#[derive(Debug)]
pub struct Ended {
    /// How many chances for trouble there were.
    pub chances: u64,
    /// When the last task ended.
    pub at: Instant,
    /// Tasks that ended with an error, and the error.
    pub failures: Vec<(String, String)>,
    pub unfinished: Vec<String>,
    pub holdings: [Holdings; 2],
    /// What must never be, whatever the trouble.
    pub complaint: Option<String>,
}

impl Bench {
    pub fn new(net: Net, trouble: Trouble, nth: u64, tune: &dyn Fn(&mut Config)) -> Bench {
        let stack = |number| {
            let mut config = net.config(number);
            (config.sockets_max, config.tcp_recv_bytes, config.tcp_send_bytes) = (32, 4_000, 4_000);
            (config.udp_recv_bytes, config.udp_send_bytes) = (20_000, 20_000);
            tune(&mut config);
            Stack::new(config, &net.nic()).expect("a good configuration")
        };
        Bench::of(net, trouble, nth, [stack(1), stack(2)])
    }

    pub fn of(net: Net, trouble: Trouble, nth: u64, stacks: [Stack<'static>; 2]) -> Bench {
        let desk = Rc::new(Desk {
            trouble,
            nth,
            chances: Cell::default(),
            now: Cell::new(Instant::from_secs(1)),
            sleepers: RefCell::default(),
        });
        let hosts = stacks.map(|stack| Computer {
            stack: Rc::new(RefCell::new(stack)),
            card: Card { nic: net.nic(), desk: Rc::clone(&desk), refusals: 0, stopped_until: None },
            ahead: Duration::ZERO,
            told: Instant::ZERO,
            still: 0,
        });
        let executor = Executor::default();
        Bench { net, hosts, executor, desk, cable: VecDeque::new(), failures: Vec::new(), steps: 0 }
    }

    /// A task on a host, 0 or 1.
    pub fn task<F: Future<Output = TaskResult> + 'static>(
        &mut self,
        host: usize,
        name: &str,
        is_background: bool,
        make: impl FnOnce(Host) -> F,
    ) {
        let handle = Host { stack: Rc::clone(&self.hosts[host].stack), desk: Rc::clone(&self.desk) };
        let future: Pin<Box<dyn Future<Output = TaskResult>>> = Box::pin(make(handle));
        let mortal = Mortal { future: Some(future), desk: Rc::clone(&self.desk) };
        self.executor.spawn(host, name, is_background, mortal);
    }

    /// Lets everything happen until all tasks have ended, ends those in the background, and lets all timers run out.
    pub fn run(mut self) -> Ended {
        let mut complaint = self.run_while(|bench| !bench.executor.is_done());
        let at = self.desk.now.get();
        let unfinished = self.executor.unfinished().map(str::to_owned).collect();
        if self.executor.is_done() {
            self.executor.stop_background();
            complaint = complaint.or(self.run_while(|_| true));
        }
        let holdings = [0, 1].map(|host| self.hosts[host].stack.borrow().holdings());
        Ended { chances: self.desk.chances.get(), at, failures: self.failures, unfinished, holdings, complaint }
    }

    /// The error says what must not be.
    fn run_while(&mut self, goes_on: impl Fn(&Bench) -> bool) -> Option<String> {
        let mut idle = 0;
        loop {
            let ran = self.run_tasks();
            if !goes_on(self) {
                return None;
            }
            let left = self.step();
            let moved = self.exchange();
            // The step may have woken some.
            let ran = self.run_tasks() || ran;
            idle = if ran || moved { 0 } else { idle + 1 };
            if idle > IDLE_ROUNDS_MAX || self.steps > STEPS_MAX {
                return Some(self.spin());
            }
            if ran || moved || left {
                continue;
            }
            match self.next() {
                Some(next) if next <= LIMIT => self.advance(next, &mut idle),
                Some(_) | None => return None,
            }
        }
    }

    fn spin(&self) -> String {
        let state = |host: &Computer| {
            let stack = host.stack.borrow();
            format!("told {}, next {:?}, {:?}\n{}", host.told, stack.next_step(), stack.holdings(), stack.netstat())
        };
        let [a, b] = [state(&self.hosts[0]), state(&self.hosts[1])];
        format!("the hosts spin at {} after {} steps: {a}; {b}", self.desk.now.get(), self.steps)
    }

    fn advance(&mut self, to: Instant, idle: &mut u64) {
        if to > self.desk.now.get() {
            *idle = 0;
            self.desk.now.set(to);
        }
        self.desk.wake_sleepers();
    }

    fn run_tasks(&mut self) -> bool {
        let mut ran = false;
        while let Some(task) = self.executor.run_one() {
            ran = true;
            self.failures.extend(task.failure);
        }
        ran
    }

    /// Steps both hosts. Says whether one wants another step at once.
    fn step(&mut self) -> bool {
        let mut left = false;
        for host in 0..2 {
            self.steps += 1;
            let now = self.tell_time(host);
            let Computer { stack, card, .. } = &mut self.hosts[host];
            left |= stack.borrow_mut().step(now, card) == Step::More;
        }
        left
    }

    /// What the clock of a host says, in a step that may be the n-th.
    fn tell_time(&mut self, host: usize) -> Instant {
        let real = self.desk.now.get();
        let is_now = match self.desk.trouble {
            Trouble::Still { .. }
            | Trouble::Back
            | Trouble::Ahead { .. }
            | Trouble::At { .. }
            | Trouble::Neighbors
            | Trouble::Fragments => self.desk.is_now(),
            _ => false,
        };
        let computer = &mut self.hosts[host];
        match self.desk.trouble {
            Trouble::Still { steps } if is_now => computer.still = steps,
            Trouble::Ahead { time } if is_now => computer.ahead = time,
            Trouble::At { time } if is_now => computer.ahead = time.saturating_duration_since(real),
            Trouble::Back if is_now => return Instant::ZERO,
            Trouble::Neighbors if is_now => {
                crowd::neighbors(self.net, host).iter().for_each(|frame| computer.card.nic.deliver(frame));
            }
            Trouble::Fragments if is_now => {
                crowd::fragments(self.net, host).iter().for_each(|frame| computer.card.nic.deliver(frame));
            }
            _ => {}
        }
        if computer.still > 0 {
            computer.still -= 1;
        } else {
            computer.told = computer.told.max(real + computer.ahead);
        }
        computer.told
    }

    /// Puts what was sent on the cable, and hands over what has arrived. Says whether there was any.
    fn exchange(&mut self) -> bool {
        let now = self.desk.now.get();
        let mut moved = false;
        for from in 0..2 {
            while let Some(bytes) = self.hosts[from].card.nic.take() {
                moved = true;
                self.cable.push_back((now + Duration::from_millis(1), 1 - from, bytes));
            }
        }
        while let Some((_, to, bytes)) = self.cable.pop_front_if(|(at, ..)| *at <= now) {
            moved = true;
            self.hosts[to].card.nic.deliver(&bytes);
        }
        moved
    }

    /// When something happens next, by the clock on the wall.
    fn next(&self) -> Option<Instant> {
        let now = self.desk.now.get();
        let hosts = self.hosts.iter().filter_map(|host| {
            let next = host.stack.borrow().next_step()?;
            let pause = next.saturating_duration_since(host.told.max(now + host.ahead));
            // Nobody looks after a stopped device a thousand times a second.
            Some(now + if host.card.is_stopped() { pause.max(Duration::from_millis(500)) } else { pause })
        });
        // A device that has refused to give a frame says so when it can.
        let waiting = self.hosts.iter().filter(|host| host.card.nic.waiting_frames() > 0);
        let waiting = waiting.map(|host| host.card.stopped_until.unwrap_or(now).max(now + Duration::from_millis(1)));
        let sleepers = self.desk.sleepers.borrow();
        let frames = self.cable.front().map(|(at, ..)| *at);
        hosts.chain(waiting).chain(sleepers.iter().map(|(until, _)| *until)).chain(frames).min()
    }
}

/// The address of a host, 0 or 1.
pub fn address(net: Net, host: usize) -> IpAddr {
    net.host(host as u8 + 1, 0).ip()
}

/// Rounds at one instant in which nothing moves, before they count as spinning: more than a clock stands still for.
const IDLE_ROUNDS_MAX: u64 = 3_000;
/// More than any of these conversations need.
const STEPS_MAX: u64 = 1_000_000;
/// Whatever goes wrong, by then everything is over.
const LIMIT: Instant = Instant::from_secs(8_000);
