//! How does the driver wait for a descriptor, and for callers at the same time?

use core::sync::atomic::{AtomicBool, Ordering};
use core::task::Waker;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::task::Wake;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::waiter::Waiter;
use crate::time::Duration;

/// Waits with poll(2).
#[derive(Debug)]
pub(super) struct Descriptor {
    device: OwnedFd,
    /// Readable when the waker was woken.
    alarm: OwnedFd,
    ringer: Arc<Ringer>,
}

impl Descriptor {
    /// `device`: its descriptor, of which a copy is kept.
    pub(super) fn new(device: BorrowedFd<'_>) -> io::Result<Self> {
        let device = device.try_clone_to_owned()?;
        let (alarm, bell) = alarm()?;
        Ok(Self { device, alarm, ringer: Arc::new(Ringer { bell, is_rung: AtomicBool::new(false) }) })
    }
}

impl Waiter for Descriptor {
    fn wait(&mut self, for_room: bool, timeout: Option<Duration>) -> io::Result<()> {
        let wanted = if for_room { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let mut fds = [PollFd::new(&self.device, wanted), PollFd::new(&self.alarm, PollFlags::IN)];
        // Nobody waits for longer than the kernel can count.
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let (device, alarm) = (fds[0].revents(), fds[1].revents());
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
