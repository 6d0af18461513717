//! How does an application read as straight code?
//!
//! Futures over the socket calls: `socket.read(&mut buffer).await` instead of a loop around EAGAIN. They
//! allocate nothing; any executor runs them. Somebody else has to [`step`](crate::Stack::step) the stack:
//! a loop of your own, or the simulator.
//!
//! Without a heap and with an executor of three lines, as on a microcontroller:
//! ```
//! use core::cell::RefCell;
//! use core::pin::pin;
//! use core::task::{Context, Poll, Waker};
//! use smolsock::task::UdpSocket;
//! use smolsock::time::Instant;
//! # let (stack, mut device) = smolsock::doctest::stack();
//!
//! let net = &RefCell::new(stack);
//! let mut application = pin!(async {
//!     let socket = UdpSocket::bind(&net, ([0, 0, 0, 0], 7).into())?;
//!     socket.send_to(b"hello", ([192, 0, 2, 9], 7).into()).await
//! });
//! let mut context = Context::from_waker(Waker::noop());
//! let sent = loop {
//!     if let Poll::Ready(result) = application.as_mut().poll(&mut context) {
//!         break result?;
//!     }
//!     // Sleep until `next_step()`, a frame or a waker; here we just go on.
//!     let _ = net.borrow_mut().step(Instant::from_millis(1), &mut device);
//! };
//! assert_eq!(sent, 5);
//! # use core::future::Future;
//! # Ok::<(), smolsock::Errno>(())
//! ```
//!
//! The free functions are the waiting forms of the calls, for any id: [`recv_with`], [`accept4`], [`poll`] … They obey
//! `SO_RCVTIMEO` and `SO_SNDTIMEO` (EAGAIN when the time is over, EINPROGRESS for `connect`), `O_NONBLOCK` and
//! [`MsgFlags::DONTWAIT`](crate::MsgFlags::DONTWAIT) (the same at once). The time starts
//! with the first step after the call: calls read no clock.
//!
//! At one time one task reads a socket, one writes it, and one has it among those that it polls, whichever of the
//! socket's ids they use: of each kind one waker is kept.
//!
//! Several tasks share one stack through a [`Handle`]: `&RefCell<Stack>` where there is no heap,
//! `Rc<RefCell<Stack>>` where there is.

mod calls;
mod icmp;
mod many;
mod tcp;
mod udp;

use core::cell::RefCell;

use crate::stack::Stack;
pub use calls::{accept, accept4, connect, recv_from, recv_with, recvmsg, send_to, send_with, sendmsg};
pub use icmp::IcmpSocket;
pub use many::{poll, select};
pub use tcp::{TcpListener, TcpStream};
pub use udp::UdpSocket;

/// A way for several tasks to share one stack.
pub trait Handle: Clone {
    /// Runs `f` with the stack. Not while another `with` of the same stack runs.
    fn with<R>(&self, f: impl FnOnce(&mut Stack<'_>) -> R) -> R;
}

impl Handle for &RefCell<Stack<'_>> {
    fn with<R>(&self, f: impl FnOnce(&mut Stack<'_>) -> R) -> R {
        f(&mut self.borrow_mut())
    }
}

#[cfg(feature = "alloc")]
impl Handle for alloc::rc::Rc<RefCell<Stack<'static>>> {
    fn with<R>(&self, f: impl FnOnce(&mut Stack<'_>) -> R) -> R {
        f(&mut self.borrow_mut())
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
