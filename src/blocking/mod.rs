//! How does a program written for `std::net` run on a stack of its own?
//!
//! A [`Net`] is a stack, a device and a thread that runs the one on the other. [`TcpListener`], [`TcpStream`] and
//! [`UdpSocket`] have the methods of the types of the same names in `std::net`, with the same results and kinds of
//! errors; any number of threads may use them at once. A program moves over by changing its imports, and by one line
//! that [installs](Net::install) a net; a program with several nets says which: [`TcpListener::bind_on`] and its like.
//! The manual's page [`blocking`](crate::manual::blocking) shows two programs before and after, and how it works.
//!
//! Over a TAP device: `Net::spawn(stack, Tap::open("tap0")?)`, for any device with a descriptor ([`Net::spawn`]);
//! others bring a [`Waiter`] ([`Net::spawn_with`]). Two nets in one process reach each other through a [`pair`].
//!
//! # Examples
//! ```
//! use smolsock::blocking::{self, Net, TcpListener, TcpStream};
//! use smolsock::{Config, Seed, Stack, device::Medium};
//! use std::io::{Read, Write};
//! # fn main() -> std::io::Result<()> {
//! # let (device, _) = blocking::pair(Medium::Ip, 1500);
//! # let config = Config::ip(Seed::random()).address("192.0.2.1/24".parse().unwrap());
//! # let stack = Stack::new(config, &device).unwrap();
//! # let waiter = device.waiter();
//! let _net = Net::spawn_with(stack, device, waiter)?.install()?;
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let addr = listener.local_addr()?;
//! let server = std::thread::spawn(move || -> std::io::Result<()> {
//!     let (mut stream, peer) = listener.accept()?;
//!     writeln!(stream, "hello, {peer}")
//! });
//! let mut stream = TcpStream::connect(addr)?;
//! let mut text = String::new();
//! stream.read_to_string(&mut text)?;
//! assert_eq!(text, format!("hello, {}\n", stream.local_addr()?));
//! # server.join().expect("it did not panic")
//! # }
//! ```
//!
//! # Differences from `std::net`
//! - Sockets are not descriptors: there is no `AsFd`.
//! - Names of hosts (`"example.org:80"`) are resolved by the operating system, over its own network.
//! - When a program ends, so do its connections: the kernel does not go on for it. Dropping the last handle of a net
//!   (sockets are handles too) waits for them, for [`DROP_TIME`]; [`Net::shutdown`] for as long as it is told.

mod current;
#[cfg(unix)]
mod descriptor;
mod driver;
mod entropy;
mod error;
mod listener;
mod pair;
mod shared;
mod socket;
mod stream;
#[cfg(all(feature = "tap", target_os = "linux"))]
mod tap;
mod udp;
mod waiter;

use core::any::Any;
use std::boxed::Box;
use std::format;
use std::io;
use std::string::String;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::device::Device;
use crate::errno::Errno;
use crate::stack::Stack;
use crate::task::Handle;
use crate::time::Duration;
pub use current::Installed;
#[cfg(unix)]
pub use descriptor::{BUSY_POLL, Descriptor};
pub use listener::{Incoming, TcpListener};
pub use pair::{PairDevice, pair};
use shared::{Phase, Shared};
pub use stream::TcpStream;
pub use udp::UdpSocket;
pub use waiter::{Parked, Waiter};

/// A stack, its device, and the thread that runs them. A clone is another handle for the same; every socket has one.
///
/// When the last handle goes, all connections say goodbye, for [`DROP_TIME`] at most.
///
/// It is a [`task::Handle`](crate::task::Handle) too: the futures of [`task`](crate::task) run on it, on any executor.
#[derive(Debug, Clone)]
pub struct Net {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Net {
    /// Starts the thread that runs `stack` on `device`, waiting for the device's descriptor to become readable.
    /// `device` must not block when it is read or written. Its descriptor has to be the device's own: one of epoll(7) hides that a
    /// device has gone, and the thread would spin. How it waits is said at [`Descriptor`].
    ///
    /// # Errors
    /// No more descriptors, or no more threads.
    #[cfg(unix)]
    pub fn spawn<D>(stack: Stack<'static>, device: D) -> io::Result<Self>
    where
        D: Device + std::os::fd::AsFd + Send + 'static,
    {
        let waiter = Descriptor::new(device.as_fd())?;
        Self::spawn_with(stack, device, waiter)
    }

    /// Starts the thread that runs `stack` on `device`, which `waiter` waits for.
    ///
    /// # Errors
    /// No more threads.
    pub fn spawn_with<D>(stack: Stack<'static>, device: D, waiter: impl Waiter) -> io::Result<Self>
    where
        D: Device + Send + 'static,
    {
        let shared = Arc::new(Shared::new(stack, Box::new(device), waiter.waker()));
        let thread = thread::Builder::new().name(String::from("smolsock"));
        let thread = thread.spawn({
            let shared = Arc::clone(&shared);
            move || driver::run(&shared, waiter)
        })?;
        Ok(Self { inner: Arc::new(Inner { shared, thread: Mutex::new(Some(thread)) }) })
    }

    /// Runs `f` with the stack: for its views (`netstat`, `arp`, `counters`), and for calls that have no other form
    /// here. What `f` queues is sent when it returns. Until then every other thread waits, so it must be short; and it
    /// must not use this net in another way.
    pub fn stack<R>(&self, f: impl FnOnce(&mut Stack<'static>) -> R) -> R {
        self.shared().with(|state| f(&mut state.stack))
    }

    /// Runs `f` with the device, if that is a `D`: for its counters. As [`stack`](Self::stack), it must be short.
    pub fn device<D: Any, R>(&self, f: impl FnOnce(&mut D) -> R) -> Option<R> {
        self.shared().with(|state| state.device().downcast_mut().map(f))
    }

    /// Whether the thread runs: not after [`shutdown`](Self::shutdown), nor when the device is gone.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.shared().lock().phase == Phase::Running
    }

    /// Closes all sockets, and waits until their connections have come to their end: until everything queued has been
    /// acknowledged and the peers have closed too. After `within`, connections whose peer lacks something are reset.
    /// Calls that wait, and all later ones, give ENETDOWN (kind `NetworkDown`).
    ///
    /// Connections in TIME-WAIT end with the thread: nobody repeats their last ACK.
    ///
    /// # Errors
    /// `TimedOut`: so many connections were left. Called again, the same.
    pub fn shutdown(&self, within: Duration) -> io::Result<()> {
        self.inner.shut_down(within)
    }

    fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    /// A socket call that waits for nothing.
    fn call<R>(&self, call: impl FnOnce(&mut Stack<'static>) -> Result<R, Errno>) -> Result<R, Errno> {
        self.shared().with(|state| match state.phase {
            Phase::Running => call(&mut state.stack),
            Phase::Closing(_) | Phase::Ended(_) => Err(Errno::ENETDOWN),
        })
    }
}

impl Handle for Net {
    fn with<R>(&self, f: impl FnOnce(&mut Stack<'_>) -> R) -> R {
        self.stack(|stack| f(stack))
    }
}

impl Inner {
    fn shut_down(&self, within: Duration) -> io::Result<()> {
        let shared = &*self.shared;
        let end = shared.now().saturating_add(within);
        shared.with(|state| {
            if state.phase == Phase::Running {
                state.phase = Phase::Closing(end);
                state.stack.close_all();
                state.wake_all();
            }
        });
        shared.driver.wake_by_ref();
        let left = shared.wait_for_end();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // It catches its own panics.
            let _ = thread.join();
        }
        if left == 0 {
            return Ok(());
        }
        let message = format!("{left} connections did not come to their end in time");
        Err(io::Error::new(io::ErrorKind::TimedOut, message))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // What did not come to its end in this time was reset: there is nobody to tell.
        let _ = self.shut_down(DROP_TIME);
    }
}

/// How long dropping the last handle of a [`Net`] waits for its connections.
pub const DROP_TIME: Duration = Duration::from_secs(2);
