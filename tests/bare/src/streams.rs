//! Do all calls on TCP sockets work?

use core::net::{Ipv6Addr, SocketAddr};

use smolsock::sockopt::{
    SO_KEEPALIVE, SO_LINGER, SO_REUSEADDR, TCP_CORK, TCP_INFO, TCP_KEEPIDLE, TCP_NODELAY, TCP_USER_TIMEOUT,
};
use smolsock::time::Duration;
use smolsock::{Domain, Errno, MsgFlags, Shutdown, SocketFlags, SocketId, StatusFlags, TcpState, Type};

use crate::lab::{ECHO, Lab};
use crate::{done, holds};

/// Everything that a TCP socket can do.
pub fn run(lab: &mut Lab<'_>) -> Result<(), &'static str> {
    // The listener takes IPv4 and IPv6.
    let listener = done("a TCP socket", lab.server.socket(Domain::Inet6, Type::Stream))?;
    done("SO_REUSEADDR", lab.server.setsockopt(listener, SO_REUSEADDR, true))?;
    done("bind", lab.server.bind(listener, SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), ECHO.port())))?;
    done("listen", lab.server.listen(listener, 2))?;
    let (client, server) = connected(lab, listener)?;
    options(lab, client)?;
    conversation(lab, client, server)?;
    half_close(lab, client, server)?;
    reset(lab, listener)?;
    done("close of the listener", lab.server.close(listener))?;
    refusal(lab)?;
    to_itself(lab)
}

fn connected(lab: &mut Lab<'_>, listener: SocketId) -> Result<(SocketId, SocketId), &'static str> {
    let client = done("a TCP socket", lab.client.socket(Domain::Inet, Type::Stream))?;
    lab.wait("connect", |lab| lab.client.connect(client, ECHO))?;
    let (server, _) = lab.wait("accept4", |lab| lab.server.accept4(listener, SocketFlags::NONBLOCK))?;
    holds("SOCK_NONBLOCK", lab.server.fcntl_getfl(server) == Ok(StatusFlags::NONBLOCK))?;
    holds("ESTABLISHED", lab.client.tcp_state(client) == Ok(TcpState::Established))?;
    Ok((client, server))
}

fn options(lab: &mut Lab<'_>, id: SocketId) -> Result<(), &'static str> {
    let stack = &mut lab.client;
    done("TCP_NODELAY", stack.setsockopt(id, TCP_NODELAY, true))?;
    done("SO_KEEPALIVE", stack.setsockopt(id, SO_KEEPALIVE, true))?;
    done("TCP_KEEPIDLE", stack.setsockopt(id, TCP_KEEPIDLE, 1))?;
    done("TCP_USER_TIMEOUT", stack.setsockopt(id, TCP_USER_TIMEOUT, 30_000))?;
    let mut value = [0; 256];
    for row in smolsock::sockopt::table() {
        let (level, number) = (row.level.number(), row.number);
        if let Ok(len) = stack.getsockopt_raw(id, level, number, &mut value) {
            let _is_set = stack.setsockopt_raw(id, level, number, &value[..len]);
        }
    }
    holds("TCP_INFO", stack.getsockopt(id, TCP_INFO).is_ok_and(|info| info.state == TcpState::Established))
}

fn conversation(lab: &mut Lab<'_>, client: SocketId, server: SocketId) -> Result<(), &'static str> {
    done("TCP_CORK on", lab.client.setsockopt(client, TCP_CORK, true))?;
    lab.wait("writev", |lab| lab.client.writev(client, &[b"one ", b"stream"]))?;
    done("TCP_CORK off", lab.client.setsockopt(client, TCP_CORK, false))?;
    let mut buffer = [0; 16];
    let peek = |lab: &mut Lab<'_>| lab.server.recv_with(server, &mut buffer, MsgFlags::PEEK);
    holds("MSG_PEEK", lab.wait("recv_with", peek)? == 10)?;
    holds("FIONREAD", lab.server.ioctl_fionread(server) == Ok(10))?;
    let (mut head, mut tail) = ([0; 4], [0; 16]);
    let got = lab.wait("readv", |lab| lab.server.readv(server, &mut [&mut head, &mut tail]))?;
    holds("scatter", got == 10 && &head == b"one " && &tail[..6] == b"stream")?;
    holds("MSG_OOB", lab.server.send_with(server, b"!", MsgFlags::OOB) == Err(Errno::EOPNOTSUPP))?;
    lab.wait("send", |lab| lab.server.send(server, b"reply"))?;
    holds("SIOCOUTQ", lab.server.ioctl_siocoutq(server) == Ok(5))?;
    let got = lab.wait("recvmsg", |lab| lab.client.recvmsg(client, &mut [&mut tail], MsgFlags::NONE))?;
    holds("a stream has no sender", got.len == 5 && got.remote.is_none())?;
    // Long enough for a keep-alive.
    (0..2_500).for_each(|_| lab.turn());
    holds("nobody gave up", lab.client.tcp_state(client) == Ok(TcpState::Established))
}

fn half_close(lab: &mut Lab<'_>, client: SocketId, server: SocketId) -> Result<(), &'static str> {
    let copy = done("dup", lab.client.dup(client))?;
    done("close of one of two", lab.client.close(client))?;
    done("shutdown", lab.client.shutdown(copy, Shutdown::Write))?;
    let mut buffer = [0; 16];
    holds("end of stream", lab.wait("recv", |lab| lab.server.recv(server, &mut buffer))? == 0)?;
    lab.wait("send after the end", |lab| lab.server.send(server, b"still"))?;
    holds("the other half", lab.wait("recv", |lab| lab.client.recv(copy, &mut buffer))? == 5)?;
    done("close at the server", lab.server.close(server))?;
    (0..10).for_each(|_| lab.turn());
    done("close", lab.client.close(copy))
}

/// SO_LINGER 0.
fn reset(lab: &mut Lab<'_>, listener: SocketId) -> Result<(), &'static str> {
    let (client, server) = connected(lab, listener)?;
    done("SO_LINGER", lab.client.setsockopt(client, SO_LINGER, Some(Duration::ZERO)))?;
    done("close", lab.client.close(client))?;
    (0..5).for_each(|_| lab.turn());
    holds("ECONNRESET", lab.server.recv(server, &mut [0]) == Err(Errno::ECONNRESET))?;
    done("close at the server", lab.server.close(server))
}

fn refusal(lab: &mut Lab<'_>) -> Result<(), &'static str> {
    let id = done("a TCP socket", lab.client.socket(Domain::Inet, Type::Stream))?;
    holds("EINPROGRESS", lab.client.connect(id, ECHO) == Err(Errno::EINPROGRESS))?;
    (0..5).for_each(|_| lab.turn());
    holds("ECONNREFUSED", lab.client.connect(id, ECHO) == Err(Errno::ECONNREFUSED))?;
    done("close", lab.client.close(id))
}

fn to_itself(lab: &mut Lab<'_>) -> Result<(), &'static str> {
    let own = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 80);
    let listener = done("a TCP socket", lab.client.socket(Domain::Inet6, Type::Stream))?;
    done("bind to ::1", lab.client.bind(listener, own))?;
    done("listen", lab.client.listen(listener, 1))?;
    let id = done("a TCP socket", lab.client.socket(Domain::Inet6, Type::Stream))?;
    lab.wait("connect to ::1", |lab| lab.client.connect(id, own))?;
    let (server, remote) = lab.wait("accept", |lab| lab.client.accept(listener))?;
    holds("it is itself", lab.client.getsockname(id) == Ok(remote))?;
    lab.wait("write", |lab| lab.client.write(id, b"to itself"))?;
    let mut buffer = [0; 16];
    holds("it hears itself", lab.wait("read", |lab| lab.client.read(server, &mut buffer))? == 9)?;
    for id in [id, server, listener] {
        done("close", lab.client.close(id))?;
    }
    (0..100).for_each(|_| lab.turn());
    Ok(())
}
