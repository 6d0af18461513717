//! How does a call wait?

use core::future::poll_fn;
use core::net::SocketAddr;
use core::task::Poll;

use super::Handle;
use crate::errno::Errno;
use crate::readiness::Interest;
use crate::socket::SocketId;
use crate::socket::flags::{MsgFlags, SocketFlags};
use crate::socket::message::{RecvMessage, SendMessage, room};
use crate::socket::udp::Datagram;
use crate::stack::Stack;

/// Connects, and waits for the outcome.
///
/// # Errors
/// Those of [`Stack::connect`], but EINPROGRESS only if `SO_SNDTIMEO` is over or the socket is non-blocking: then the
/// attempt goes on, and another call waits for it again.
///
/// # Examples
/// A socket with an option, on a simulated host:
/// ```
/// use smolsock::task::{self, TcpListener, TcpStream};
/// use smolsock::{Domain, Type};
/// use smolsock_sim::{World, link::Impairments, time::Time};
///
/// let mut world = World::new(1);
/// let client = world.host("client", &["192.0.2.1/24"])?;
/// let server = world.host("server", &["192.0.2.2/24"])?;
/// world.cable("ab", client, server, Impairments::default())?;
/// world.app(server, "server", |net| async move {
///     TcpListener::bind(&net, "0.0.0.0:80".parse()?, 5)?.accept().await?;
///     Ok(())
/// });
/// world.app(client, "client", |net| async move {
///     use smolsock::task::Handle;
///     let id = net.with(|stack| stack.socket(Domain::Inet, Type::Stream))?;
///     let stream = TcpStream::from_id(&net, id);
///     net.with(|stack| stack.bind(id, "192.0.2.1:1000".parse().expect("an address")))?;
///     task::connect(&net, id, "192.0.2.2:80".parse()?).await?;
///     assert_eq!(stream.peer_addr()?.port(), 80);
///     Ok(())
/// });
/// let ending = world.run(Time::from_secs(100));
/// assert!(ending.failures.is_empty(), "{:?}", ending.failures);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn connect<H: Handle>(net: &H, id: SocketId, remote: SocketAddr) -> Result<(), Errno> {
    let mut is_ours = false;
    until_ready(net, id, (Interest::Write, 1), MsgFlags::NONE, |stack, waits| {
        let outcome = stack.connect(id, remote);
        is_ours |= outcome == Err(Errno::EINPROGRESS);
        match outcome {
            Err(Errno::EINPROGRESS | Errno::EALREADY) if waits => Err(Errno::EAGAIN),
            // Linux: this call began the attempt, and says that it goes on.
            Err(Errno::EALREADY) if is_ours => Err(Errno::EINPROGRESS),
            outcome => outcome,
        }
    })
    .await
}

/// Waits for a connection, and gives its id and the peer's address.
///
/// # Errors
/// Those of [`Stack::accept`]; EAGAIN only if `SO_RCVTIMEO` is over or the listener is non-blocking.
pub async fn accept<H: Handle>(net: &H, id: SocketId) -> Result<(SocketId, SocketAddr), Errno> {
    accept4(net, id, SocketFlags::NONE).await
}

/// [`accept`] with flags for the new socket.
///
/// # Errors
/// Those of [`accept`].
pub async fn accept4<H: Handle>(net: &H, id: SocketId, flags: SocketFlags) -> Result<(SocketId, SocketAddr), Errno> {
    until_ready(net, id, (Interest::Read, 1), MsgFlags::NONE, |stack, _| stack.accept4(id, flags)).await
}

/// Waits for room, and queues what fits of a stream, or one datagram for the connected peer.
///
/// # Errors
/// Those of [`Stack::send_with`]; EAGAIN only if `SO_SNDTIMEO` is over, or waiting was not wanted.
pub async fn send_with<H: Handle>(net: &H, id: SocketId, data: &[u8], flags: MsgFlags) -> Result<usize, Errno> {
    until_ready(net, id, (Interest::Write, 1), flags, |stack, _| stack.send_with(id, data, flags)).await
}

/// Waits for room, and queues one datagram for `remote`.
///
/// # Errors
/// Those of [`Stack::send_to`]; EAGAIN as for [`send_with`].
pub async fn send_to<H: Handle>(net: &H, id: SocketId, data: &[u8], remote: SocketAddr) -> Result<usize, Errno> {
    until_ready(net, id, (Interest::Write, 1), MsgFlags::NONE, |stack, _| stack.send_to(id, data, remote)).await
}

/// Waits for room, and queues what fits of a stream, or one datagram.
///
/// # Errors
/// Those of [`Stack::sendmsg`]; EAGAIN as for [`send_with`].
pub async fn sendmsg<H: Handle>(
    net: &H,
    id: SocketId,
    message: &SendMessage<'_>,
    flags: MsgFlags,
) -> Result<usize, Errno> {
    until_ready(net, id, (Interest::Write, 1), flags, |stack, _| stack.sendmsg(id, message, flags)).await
}

/// Waits for bytes of a stream, as many as `SO_RCVLOWAT` says or, with [`WAITALL`](MsgFlags::WAITALL), for a full
/// buffer; or for one datagram. The end of the stream, an error and the end of patience give what there is.
///
/// With `WAITALL`, bytes are taken as they come: a future that is dropped before its end has lost them.
///
/// # Errors
/// Those of [`Stack::recv_with`]; EAGAIN only if `SO_RCVTIMEO` is over and nothing has come, or waiting was not wanted.
///
/// # Differences from Linux
/// With `PEEK` and `WAITALL` together, a buffer without room for another segment is enough.
pub async fn recv_with<H: Handle>(net: &H, id: SocketId, buffer: &mut [u8], flags: MsgFlags) -> Result<usize, Errno> {
    let message = recvmsg(net, id, &mut [buffer], flags).await?;
    Ok(if flags.contains(MsgFlags::TRUNC) { message.full_len } else { message.len })
}

/// Waits for a datagram, and says who sent it.
///
/// # Errors
/// Those of [`Stack::recv_from`]; EAGAIN as for [`recv_with`].
pub async fn recv_from<H: Handle>(net: &H, id: SocketId, buffer: &mut [u8]) -> Result<Datagram, Errno> {
    until_ready(net, id, (Interest::Read, 1), MsgFlags::NONE, |stack, _| stack.recv_from(id, buffer)).await
}

/// Waits as [`recv_with`] does, and tells what recvmsg(2) tells.
///
/// # Errors
/// Those of [`recv_with`].
pub async fn recvmsg<H: Handle>(
    net: &H,
    id: SocketId,
    buffers: &mut [&mut [u8]],
    flags: MsgFlags,
) -> Result<RecvMessage, Errno> {
    let target = net.with(|stack| stack.read_target(id, room(buffers), flags))?;
    let takes_piecemeal = flags.contains(MsgFlags::WAITALL) && !flags.contains(MsgFlags::PEEK) && target > 1;
    if takes_piecemeal {
        let mut taken = 0;
        let call = |stack: &mut Stack<'_>, waits| fill(stack, id, buffers, &mut taken, flags, waits);
        return until_ready(net, id, (Interest::Read, 1), flags, call).await;
    }
    until_ready(net, id, (Interest::Read, target), flags, |stack, waits| {
        if waits && stack.is_short_of(id, target)? {
            return Err(Errno::EAGAIN);
        }
        stack.recvmsg(id, buffers, flags)
    })
    .await
}

/// Takes bytes of a stream behind the `taken` ones, until the buffers are full or nothing more comes.
#[expect(clippy::arithmetic_side_effects, reason = "`filled` are the buffers that `taken` has filled")]
fn fill(
    stack: &mut Stack<'_>,
    id: SocketId,
    buffers: &mut [&mut [u8]],
    taken: &mut usize,
    flags: MsgFlags,
    waits: bool,
) -> Result<RecvMessage, Errno> {
    let mut filled = 0;
    for buffer in buffers {
        while *taken - filled < buffer.len() {
            let is_first = *taken == 0;
            // An error behind what was taken is for the next call; so is the end of the stream.
            if !is_first && stack.ioctl_fionread(id)? == 0 {
                if waits && !stack.readiness(id)?.contains(crate::Readiness::IN) {
                    return Err(Errno::EAGAIN);
                }
                return Ok(RecvMessage::of_stream(*taken));
            }
            let rest = buffer.get_mut(*taken - filled..).unwrap_or_default();
            match stack.recv_with(id, rest, flags)? {
                0 => return Ok(RecvMessage::of_stream(*taken)),
                more => *taken += more,
            }
        }
        filled += buffer.len();
    }
    Ok(RecvMessage::of_stream(*taken))
}

/// Repeats `call` until it gives something else than EAGAIN, waiting for `interest` in between (of a stream: for as
/// many bytes). `call` is told whether it will be repeated.
pub(super) async fn until_ready<R>(
    net: &impl Handle,
    id: SocketId,
    interest: (Interest, usize),
    flags: MsgFlags,
    mut call: impl FnMut(&mut Stack<'_>, bool) -> Result<R, Errno>,
) -> Result<R, Errno> {
    let mut begun = None;
    poll_fn(|context| {
        net.with(|stack| {
            let patience = match &mut begun {
                Some(patience) => patience,
                None => begun.insert(stack.patience(id, interest.0, flags)?),
            };
            let waits = patience.lasts(stack);
            match call(stack, waits) {
                Err(Errno::EAGAIN) if waits => {
                    stack.register_wait(id, interest, *patience, context.waker())?;
                    Poll::Pending
                }
                result => Poll::Ready(result),
            }
        })
    })
    .await
}
