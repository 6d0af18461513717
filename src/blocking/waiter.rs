//! How does the driver wait for its device?

use core::task::Waker;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::Wake;

use crate::time::Duration;

/// Waits for a device that has no descriptor, for [`Net::spawn_with`](super::Net::spawn_with).
pub trait Waiter: Send + 'static {
    /// Returns when the device may have received a frame, when it may have room for one (if `for_room`), when the
    /// waker was woken since the last wait, or after `timeout` (`None`: never). Returning too early only costs time.
    ///
    /// # Errors
    /// Any: the device is gone. Then all connections are over, and calls give ENETDOWN.
    fn wait(&mut self, for_room: bool, timeout: Option<Duration>) -> io::Result<()>;

    /// What ends a wait from any thread: the one that is going on, or else the next one.
    fn waker(&self) -> Waker;
}

/// A [`Waiter`] for devices that can wake a [`Waker`] themselves when a frame comes or room is made.
#[derive(Debug, Default)]
pub struct Parked {
    bell: Arc<Bell>,
}

impl Parked {
    /// Waits for its waker, and for nothing else.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Waiter for Parked {
    fn wait(&mut self, _for_room: bool, timeout: Option<Duration>) -> io::Result<()> {
        let bell = &*self.bell;
        let rung = bell.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rung = match timeout {
            None => bell.changed.wait_while(rung, |rung| !*rung).unwrap_or_else(PoisonError::into_inner),
            Some(timeout) => {
                let waited = bell.changed.wait_timeout_while(rung, timeout, |rung| !*rung);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        *rung = false;
        Ok(())
    }

    fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.bell))
    }
}

#[derive(Debug, Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        if !core::mem::replace(&mut *rung, true) {
            self.changed.notify_one();
        }
    }
}
