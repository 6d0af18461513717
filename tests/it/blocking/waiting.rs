//! What ends a wait for a descriptor, asleep or asking?

use std::io::{ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use smolsock::blocking::{Descriptor, Waiter};

#[test]
fn a_frame_the_waker_and_the_timeout_end_it() {
    for busy_poll in BUSY_POLLS {
        let (device, mut other) = UnixStream::pair().expect("two sockets");
        let mut waiter = busy(&device, busy_poll);
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(super::SHORT);
                other.write_all(b"a frame").expect("room");
            });
            waiter.wait(false, None).expect("it is there");
        });
        // The frame has not been read.
        waiter.wait(false, None).expect("it is there");

        let (device, _other) = UnixStream::pair().expect("two sockets");
        let mut waiter = busy(&device, busy_poll);
        let waker = waiter.waker();
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(super::SHORT);
                waker.wake();
            });
            waiter.wait(false, None).expect("it is there");
        });

        let mut waiter = busy(&device, busy_poll);
        waiter.wait(false, Some(Duration::from_millis(1))).expect("it is there");
        waiter.wait(true, None).expect("it has room");
    }
}

#[test]
fn a_device_that_goes_ends_it_with_an_error() {
    for busy_poll in BUSY_POLLS {
        let (device, other) = rustix::pipe::pipe().expect("two ends");
        let mut waiter = busy(&device, busy_poll);
        let error = thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(super::SHORT);
                drop(other);
            });
            waiter.wait(false, None).expect_err("nobody can write any more")
        });
        assert_eq!(error.kind(), ErrorKind::NetworkDown);
    }
}

/// A waiter whose last wait was short, as in the middle of an exchange.
fn busy(device: &impl AsFd, busy_poll: Duration) -> Descriptor {
    let mut waiter = Descriptor::new(device.as_fd()).expect("descriptors").busy_poll(busy_poll);
    waiter.wait(false, Some(Duration::ZERO)).expect("it is there");
    waiter
}

/// Never; so shortly that the event finds it asleep; so long that it finds it asking.
const BUSY_POLLS: [Duration; 3] = [Duration::ZERO, Duration::from_micros(1), Duration::from_secs(60)];
