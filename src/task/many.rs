//! How does one task wait for many sockets?

use core::future::poll_fn;
use core::task::{Context, Poll};

use super::Handle;
use crate::errno::Errno;
use crate::readiness::poll::PollFd;
use crate::readiness::select::FdSet;
use crate::socket::SocketId;
use crate::stack::Stack;
use crate::stack::calls::patience::Patience;
use crate::time::Duration;

/// Waits until one of the sockets is ready for what is looked for, or `timeout` is over: fills in `revents`, and
/// returns for how many that is not empty. `None` waits for ever; zero does not wait.
///
/// # Errors
/// None: a stale id is told by [`Readiness::NVAL`](crate::Readiness::NVAL).
///
/// # Differences from Linux
/// Without any socket it gives 0 at once: there is none that could keep the time.
///
/// # Examples
/// A task that serves two sockets on a simulated host:
/// ```
/// use smolsock::task::{self, UdpSocket};
/// use smolsock::time::Duration;
/// use smolsock::{PollFd, Readiness};
/// use smolsock_sim::{World, link::Impairments, time::Time};
///
/// let mut world = World::new(1);
/// let client = world.host("client", &["192.0.2.1/24"])?;
/// let server = world.host("server", &["192.0.2.2/24"])?;
/// world.cable("ab", client, server, Impairments::default())?;
/// world.app(server, "server", |net| async move {
///     let sockets = [7, 9].map(|port| UdpSocket::bind(&net, ([0, 0, 0, 0], port).into()));
///     let [echo, discard] = sockets.map(|socket| socket.expect("a free port"));
///     let mut fds = [&echo, &discard].map(|socket| PollFd::new(socket.id(), Readiness::IN));
///     assert_eq!(task::poll(&net, &mut fds, Some(Duration::from_secs(5))).await, Ok(1));
///     assert_eq!(fds[1].revents, Readiness::IN);
///     discard.recv_from(&mut [0; 64]).await?;
///     assert_eq!(task::poll(&net, &mut fds, Some(Duration::from_secs(5))).await, Ok(0));
///     Ok(())
/// });
/// world.app(client, "client", |net| async move {
///     let socket = UdpSocket::bind(&net, "0.0.0.0:0".parse()?)?;
///     socket.send_to(b"hello", "192.0.2.2:9".parse()?).await?;
///     Ok(())
/// });
/// let ending = world.run(Time::from_secs(100));
/// assert!(ending.failures.is_empty(), "{:?}", ending.failures);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn poll<H: Handle>(net: &H, fds: &mut [PollFd], timeout: Option<Duration>) -> Result<usize, Errno> {
    let mut patience = None;
    poll_fn(|context| {
        net.with(|stack| match stack.poll(fds) {
            Ok(0) => watch(stack, fds.iter().map(|fd| fd.id), timeout, &mut patience, context),
            found => Poll::Ready(found),
        })
    })
    .await
}

/// Waits until one of the sockets is ready, or `timeout` is over: leaves those that are ready in the sets, and returns
/// how many that is together. `None` waits for ever; zero does not wait. `except` becomes empty.
///
/// # Errors
/// EBADF: an id is stale, from the start or since another task has closed it.
///
/// # Differences from Linux
/// Those of [`poll`].
pub async fn select<H: Handle, const N: usize>(
    net: &H,
    read: &mut FdSet<N>,
    write: &mut FdSet<N>,
    except: &mut FdSet<N>,
    timeout: Option<Duration>,
) -> Result<usize, Errno> {
    let mut patience = None;
    poll_fn(|context| {
        net.with(|stack| {
            let (mut readable, mut writable, mut exceptional) = (read.clone(), write.clone(), except.clone());
            let mut found = Poll::Ready(stack.select(&mut readable, &mut writable, &mut exceptional));
            if found == Poll::Ready(Ok(0)) {
                let all = read.iter().chain(write.iter()).chain(except.iter());
                found = watch(stack, all, timeout, &mut patience, context);
            }
            if matches!(found, Poll::Ready(Ok(_))) {
                (*read, *write, *except) = (readable, writable, exceptional);
            }
            found
        })
    })
    .await
}

/// Nothing is ready: waits for a change of one of these sockets, unless the time is over.
fn watch(
    stack: &mut Stack<'_>,
    ids: impl Iterator<Item = SocketId>,
    timeout: Option<Duration>,
    patience: &mut Option<Patience>,
    context: &Context<'_>,
) -> Poll<Result<usize, Errno>> {
    let patience = patience.get_or_insert(Patience::new(stack, timeout));
    if !patience.lasts(stack) {
        return Poll::Ready(Ok(0));
    }
    // One socket keeps the time for all.
    let mut timer = *patience;
    let mut is_watching = false;
    for id in ids {
        stack.register_poller(id, core::mem::replace(&mut timer, Patience::Endless), context.waker())?;
        is_watching = true;
    }
    if is_watching { Poll::Pending } else { Poll::Ready(Ok(0)) }
}
