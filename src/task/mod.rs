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
//! Several tasks share one stack through a [`Handle`]: `&RefCell<Stack>` where there is no heap,
//! `Rc<RefCell<Stack>>` where there is.

mod tcp;
mod udp;

use core::cell::RefCell;
use core::future::poll_fn;
use core::task::Poll;

use crate::errno::Errno;
use crate::readiness::Interest;
use crate::socket::SocketId;
use crate::stack::Stack;
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

/// Repeats `call` until it gives something else than EAGAIN, waiting for `interest` in between.
async fn until_ready<R>(
    net: &impl Handle,
    id: SocketId,
    interest: Interest,
    mut call: impl FnMut(&mut Stack<'_>) -> Result<R, Errno>,
) -> Result<R, Errno> {
    poll_fn(|context| {
        net.with(|stack| match call(stack) {
            Err(Errno::EAGAIN) => match stack.register_waker(id, interest, context.waker()) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
            result => Poll::Ready(result),
        })
    })
    .await
}
