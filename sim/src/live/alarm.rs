//! What wakes a driver when a frame on a cable is due?

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, TimerSetTimeFlags};
use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};
use smolsock::blocking::Waiter;

/// Waits for a device with a descriptor, and for the cable that it is plugged into: for
/// [`Net::spawn_with`](smolsock::blocking::Net::spawn_with). [`Impaired::with_alarm`](super::Impaired::with_alarm) makes it.
#[derive(Debug)]
pub struct Alarm {
    device: OwnedFd,
    clock: Clock,
    bell: Arc<Bell>,
}

/// Rings when the time has come for which it was set.
#[derive(Clone, Debug)]
pub(super) struct Clock(Arc<TimerFd>);

#[derive(Debug)]
struct Bell {
    event: EventFd,
    is_rung: AtomicBool,
}

impl Alarm {
    /// `device`: its descriptor, of which a copy is kept.
    pub(super) fn new(device: BorrowedFd<'_>) -> io::Result<Alarm> {
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK)?;
        let event = EventFd::from_value_and_flags(0, EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        Ok(Alarm {
            device: device.try_clone_to_owned()?,
            clock: Clock(Arc::new(timer)),
            bell: Arc::new(Bell { event, is_rung: AtomicBool::new(false) }),
        })
    }

    /// What sets it.
    pub(super) fn clock(&self) -> Clock {
        self.clock.clone()
    }
}

impl Clock {
    /// Rings after `wait_ns`, or not at all. What rang before is forgotten.
    pub(super) fn set(&self, wait_ns: Option<u64>) {
        // Both calls fail only for descriptors and times that are no such things. A time of zero would turn it off.
        let _ = match wait_ns.map(|wait_ns| Duration::from_nanos(wait_ns.max(1))) {
            Some(wait) => self.0.set(Expiration::OneShot(wait.into()), TimerSetTimeFlags::empty()),
            None => self.0.unset(),
        };
    }
}

impl Waiter for Alarm {
    fn wait(&mut self, for_room: bool, timeout: Option<Duration>) -> io::Result<()> {
        let wanted = if for_room { PollFlags::POLLIN | PollFlags::POLLOUT } else { PollFlags::POLLIN };
        let mut fds = [
            PollFd::new(self.device.as_fd(), wanted),
            PollFd::new(self.bell.event.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.clock.0.as_fd(), PollFlags::POLLIN),
        ];
        let timeout = timeout.map(|timeout| TimeSpec::from(timeout.min(TIMEOUT_MAX)));
        match ppoll(&mut fds, timeout, None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [device, bell, _] = fds.map(|fd| fd.revents().unwrap_or(PollFlags::empty()));
        if bell.contains(PollFlags::POLLIN) {
            // Nobody else reads it. What was rung before this is seen by the driver's next look at the stack.
            let _ = self.bell.event.read();
            self.bell.is_rung.store(false, Ordering::SeqCst);
        }
        let gone = PollFlags::POLLERR | PollFlags::POLLHUP | PollFlags::POLLNVAL;
        if device.intersects(gone) && !device.contains(PollFlags::POLLIN) {
            return Err(io::Error::new(io::ErrorKind::NetworkDown, "the device's descriptor has failed"));
        }
        Ok(())
    }

    fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.bell))
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_rung.swap(true, Ordering::SeqCst) {
            // It can only fail when it is rung already.
            let _ = self.event.write(1);
        }
    }
}

/// Longer than anybody waits, and within what the kernel counts.
const TIMEOUT_MAX: Duration = Duration::from_secs(86_400);
