//! What wakes a driver that waits for a descriptor when a frame on a cable is due?

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::timer::{Expiration, TimerSetTimeFlags};
use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};

/// A descriptor that is readable when another one is, or when a time has come.
#[derive(Debug)]
pub(super) struct Alarm {
    both: Epoll,
    timer: TimerFd,
    is_set: bool,
}

impl Alarm {
    /// Watches `device`, which has to stay open for as long.
    pub(super) fn new(device: BorrowedFd<'_>) -> io::Result<Alarm> {
        let both = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK)?;
        both.add(device, EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
        both.add(timer.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, 1))?;
        Ok(Alarm { both, timer, is_set: false })
    }

    /// Rings after `wait_ns`, or not at all. What rang before is forgotten.
    pub(super) fn set(&mut self, wait_ns: Option<u64>) {
        if wait_ns.is_none() && !self.is_set {
            return;
        }
        // A time of zero would turn it off. Both calls fail only for descriptors and times that are no such things.
        let wait = wait_ns.map(|wait_ns| Duration::from_nanos(wait_ns.max(1)));
        let result = match wait {
            Some(wait) => self.timer.set(Expiration::OneShot(wait.into()), TimerSetTimeFlags::empty()),
            None => self.timer.unset(),
        };
        self.is_set = wait.is_some() && result.is_ok();
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.both.0.as_fd()
    }
}
