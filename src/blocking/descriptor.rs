//! How does the driver wait for a descriptor, and for callers at the same time?

use core::sync::atomic::{AtomicBool, Ordering};
use core::task::Waker;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::task::Wake;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::waiter::Waiter;
use crate::time::Duration;

/// Waits for a device's descriptor with poll(2), for [`Net::spawn_with`](super::Net::spawn_with) and for loops of one's
/// own. [`Net::spawn`](super::Net::spawn) has one as it is made.
///
/// In a busy exchange the next frame is there in less time than a thread takes to fall asleep and to be woken. So it asks
/// for [`BUSY_POLL`] before it sleeps, as Linux does where `SO_BUSY_POLL` is set (socket(7)): but only after a wait that was short,
/// and only where there is more than one processor. A device that is idle costs nothing.
///
/// # Examples
/// ```
/// use smolsock::blocking::{Descriptor, Waiter};
/// use std::io::Write;
/// use std::os::fd::AsFd;
/// use std::time::Duration;
/// # fn main() -> std::io::Result<()> {
/// let (ours, mut theirs) = std::os::unix::net::UnixStream::pair()?;
/// let mut waiter = Descriptor::new(ours.as_fd())?.busy_poll(Duration::ZERO);
/// theirs.write_all(b"a frame")?;
/// waiter.wait(false, None)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Descriptor {
    device: OwnedFd,
    /// Readable when the waker was woken.
    alarm: OwnedFd,
    ringer: Arc<Ringer>,
    /// How long it asks before it sleeps, if that seems worth it.
    busy_poll: Duration,
    /// The last wait was short.
    is_busy: bool,
}

impl Descriptor {
    /// `device`: its descriptor, of which a copy is kept.
    ///
    /// # Errors
    /// No more descriptors.
    pub fn new(device: BorrowedFd<'_>) -> io::Result<Self> {
        let device = device.try_clone_to_owned()?;
        let (alarm, bell) = alarm()?;
        let ringer = Arc::new(Ringer { bell, is_rung: AtomicBool::new(false) });
        // Where only one thread can run, it is the one that sends the frame.
        let has_others = std::thread::available_parallelism().is_ok_and(|count| count.get() > 1);
        let busy_poll = if has_others { BUSY_POLL } else { Duration::ZERO };
        Ok(Self { device, alarm, ringer, busy_poll, is_busy: false })
    }

    /// Asks for so long before it sleeps; 0: never, which spares a processor what the others gain in speed.
    #[must_use]
    pub const fn busy_poll(mut self, longest: Duration) -> Self {
        self.busy_poll = longest;
        self
    }

    /// Sleeps until something is ready, or `timeout` has passed. Returns what is ready of the device and of the alarm.
    fn poll(&self, wanted: PollFlags, timeout: Option<Duration>) -> io::Result<(PollFlags, PollFlags)> {
        let mut fds = [PollFd::new(&self.device, wanted), PollFd::new(&self.alarm, PollFlags::IN)];
        // Nobody waits for longer than the kernel can count.
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok((fds[0].revents(), fds[1].revents())),
            Err(error) => Err(error.into()),
        }
    }

    /// As [`poll`](Self::poll), but asks before it sleeps if that was worth it the last time.
    fn ask(&mut self, wanted: PollFlags, timeout: Option<Duration>) -> io::Result<(PollFlags, PollFlags)> {
        if self.busy_poll.is_zero() {
            return self.poll(wanted, timeout);
        }
        let began = Instant::now();
        let awake =
            if self.is_busy { timeout.map_or(self.busy_poll, |all| all.min(self.busy_poll)) } else { Duration::ZERO };
        while began.elapsed() < awake {
            let ready = self.poll(wanted, Some(Duration::ZERO))?;
            if ready != (PollFlags::empty(), PollFlags::empty()) {
                return Ok(ready);
            }
        }
        let ready = self.poll(wanted, timeout.map(|all| all.saturating_sub(awake)))?;
        self.is_busy = began.elapsed() < self.busy_poll.saturating_mul(SHORT_TIMES);
        Ok(ready)
    }
}

impl Waiter for Descriptor {
    fn wait(&mut self, for_room: bool, timeout: Option<Duration>) -> io::Result<()> {
        let wanted = if for_room { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let (device, alarm) = self.ask(wanted, timeout)?;
        if alarm.contains(PollFlags::IN) {
            // Up to 8 bytes are an eventfd's whole state; a pipe that keeps some is read again.
            let _ = rustix::io::read(&self.alarm, &mut [0; 8]);
            // What was rung before this is seen by the driver's next look at the stack.
            self.ringer.is_rung.store(false, Ordering::SeqCst);
        }
        let gone = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
        if device.intersects(gone) && !device.contains(PollFlags::IN) {
            return Err(io::Error::new(io::ErrorKind::NetworkDown, "the device's descriptor has failed"));
        }
        Ok(())
    }

    fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.ringer))
    }
}

/// How long a [`Descriptor`] asks before it sleeps: as long as a sleep and a wake-up cost.
pub const BUSY_POLL: Duration = Duration::from_micros(50);
/// A wait that lasts less than so many times as long would rather have been awake: its wake-up is part of it.
const SHORT_TIMES: u32 = 4;

#[derive(Debug)]
struct Ringer {
    bell: OwnedFd,
    is_rung: AtomicBool,
}

impl Wake for Ringer {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_rung.swap(true, Ordering::SeqCst) {
            // It can only fail when it is rung already.
            let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
        }
    }
}

/// The end that is read, and the end that is written.
#[cfg(target_os = "linux")]
fn alarm() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::event::{EventfdFlags, eventfd};
    let alarm = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    let bell = alarm.try_clone()?;
    Ok((alarm, bell))
}

#[cfg(not(target_os = "linux"))]
fn alarm() -> io::Result<(OwnedFd, OwnedFd)> {
    let (alarm, bell) = rustix::pipe::pipe()?;
    rustix::io::ioctl_fionbio(&alarm, true)?;
    rustix::io::ioctl_fionbio(&bell, true)?;
    Ok((alarm, bell))
}
