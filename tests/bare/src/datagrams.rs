//! Do all calls on UDP sockets work?

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::task::Waker;

use smolsock::sockopt::{IP_PKTINFO, IP_RECVTOS, IP_RECVTTL, IP_TTL, IPV6_V6ONLY, SO_RCVBUF, SO_TYPE};
use smolsock::{
    Control, Domain, Errno, FdSet, Interest, MsgFlags, PacketInfo, PollFd, Readiness, SendMessage, SocketId,
    StatusFlags, Type,
};

use crate::lab::{ECHO, Lab};
use crate::{done, holds};

/// Larger than the MTU: it goes in fragments.
const LARGE_BYTES: usize = 2_000;

/// Everything that a UDP socket can do.
pub fn run(lab: &mut Lab<'_>) -> Result<(), &'static str> {
    // One socket of the server speaks IPv4 and IPv6.
    let server = done("a UDP socket", lab.server.socket(Domain::Inet6, Type::Datagram))?;
    done("IPV6_V6ONLY off", lab.server.setsockopt(server, IPV6_V6ONLY, false))?;
    done("bind", lab.server.bind(server, SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), ECHO.port())))?;
    let client = done("a UDP socket", lab.client.socket(Domain::Inet, Type::Datagram))?;
    options(lab, client)?;
    echo(lab, client, server)?;
    messages(lab, client, server)?;
    fragments(lab, client, server)?;
    done("close of the server", lab.server.close(server))?;
    refusal(lab, client)?;
    to_itself(lab)
}

fn options(lab: &mut Lab<'_>, id: SocketId) -> Result<(), &'static str> {
    let stack = &mut lab.client;
    done("IP_TTL", stack.setsockopt(id, IP_TTL, 33))?;
    done("IP_PKTINFO", stack.setsockopt(id, IP_PKTINFO, true))?;
    done("IP_RECVTTL", stack.setsockopt(id, IP_RECVTTL, true))?;
    done("IP_RECVTOS", stack.setsockopt(id, IP_RECVTOS, true))?;
    holds("IP_TTL as it was set", stack.getsockopt(id, IP_TTL) == Ok(33))?;
    holds("SO_TYPE", stack.getsockopt(id, SO_TYPE) == Ok(Type::Datagram))?;
    holds("SO_RCVBUF", stack.getsockopt(id, SO_RCVBUF).is_ok())?;
    // Every option that there is, by its number; those of TCP are refused, and nothing panics.
    let mut value = [0; 256];
    for row in smolsock::sockopt::table() {
        let (level, number) = (row.level.number(), row.number);
        if let Ok(len) = stack.getsockopt_raw(id, level, number, &mut value) {
            let _is_set = stack.setsockopt_raw(id, level, number, &value[..len]);
        }
    }
    holds("an unknown option", stack.setsockopt_raw(id, 1, 9_999, &[0; 4]) == Err(Errno::ENOPROTOOPT))?;
    done("O_NONBLOCK", stack.fcntl_setfl(id, StatusFlags::NONBLOCK))?;
    holds("O_NONBLOCK as it was set", stack.fcntl_getfl(id) == Ok(StatusFlags::NONBLOCK))?;
    done("a waker", stack.register_waker(id, Interest::Read, Waker::noop()))?;
    stack.register_step_waker(Waker::noop());
    holds("no error is pending", stack.take_error(id) == Ok(None))
}

fn echo(lab: &mut Lab<'_>, client: SocketId, server: SocketId) -> Result<(), &'static str> {
    let mut buffer = [0; 64];
    lab.wait("send_to", |lab| lab.client.send_to(client, b"datagram", ECHO))?;
    let request = lab.wait("recv_from at the server", |lab| lab.server.recv_from(server, &mut buffer))?;
    holds("an IPv4-mapped address", matches!(request.remote.ip(), IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some()))?;
    lab.wait("send_to at the server", |lab| lab.server.send_to(server, &buffer[..request.len], request.remote))?;
    let reply = lab.wait("recv_from", |lab| lab.client.recv_from_with(client, &mut buffer, MsgFlags::PEEK))?;
    holds("the datagram came back", &buffer[..reply.len] == b"datagram" && reply.remote == ECHO)?;
    holds("FIONREAD", lab.client.ioctl_fionread(client) == Ok(8))?;
    holds("a datagram larger than the buffer", {
        let cut = lab.client.recv_with(client, &mut buffer[..2], MsgFlags::TRUNC);
        cut == Ok(8)
    })
}

fn messages(lab: &mut Lab<'_>, client: SocketId, server: SocketId) -> Result<(), &'static str> {
    done("connect", lab.client.connect(client, ECHO))?;
    holds("getpeername", lab.client.getpeername(client) == Ok(ECHO))?;
    done("getsockname", lab.client.getsockname(client))?;
    let local = done("an own address", lab.client.getsockname(client))?.ip();
    let control = Control { packet_info: Some(PacketInfo { local, interface: 0 }), ttl: Some(9), tos: Some(0x10) };
    let message = SendMessage { pieces: &[b"in ", b"pieces"], to: None, control };
    lab.wait("sendmsg", |lab| lab.client.sendmsg(client, &message, MsgFlags::NOSIGNAL))?;
    lab.wait("writev", |lab| lab.client.writev(client, &[b"and ", b"more"]))?;
    lab.wait("write", |lab| lab.client.write(client, b""))?;
    let (mut head, mut tail) = ([0; 3], [0; 16]);
    let got = lab.wait("recvmsg", |lab| lab.server.recvmsg(server, &mut [&mut head, &mut tail], MsgFlags::NONE))?;
    holds("scatter and gather", got.len == 9 && &head == b"in " && &tail[..6] == b"pieces")?;
    let remote = got.remote.ok_or("a datagram has a sender")?;
    let copy = done("dup", lab.server.dup(server))?;
    holds("readv", lab.wait("readv", |lab| lab.server.readv(copy, &mut [&mut head, &mut tail]))? == 8)?;
    holds("a datagram of no bytes", lab.wait("read", |lab| lab.server.read(copy, &mut tail))? == 0)?;
    done("close of a copy", lab.server.close(copy))?;
    let message =
        SendMessage { pieces: &[b"reply"], to: Some(remote), control: Control { tos: Some(8), ..Control::NONE } };
    lab.wait("sendmsg at the server", |lab| lab.server.sendmsg(server, &message, MsgFlags::DONTWAIT))?;
    lab.turn();
    lab.turn();
    let mut fds = [PollFd::new(client, Readiness::IN)];
    holds("poll", lab.client.poll(&mut fds) == Ok(1) && fds[0].revents.contains(Readiness::IN))?;
    let (mut read, mut write, mut except) = (FdSet::<2>::new(), FdSet::new(), FdSet::new());
    done("a set has room", read.insert(client))?;
    holds("select", lab.client.select(&mut read, &mut write, &mut except) == Ok(1) && read.contains(client))?;
    let got = done("recvmsg", lab.client.recvmsg(client, &mut [&mut tail], MsgFlags::NONE))?;
    let Control { packet_info, ttl, tos } = got.control;
    holds("control data", packet_info.is_some_and(|info| info.local == local) && ttl == Some(64) && tos == Some(8))?;
    done("connect to nobody", lab.client.disconnect(client))
}

fn fragments(lab: &mut Lab<'_>, client: SocketId, server: SocketId) -> Result<(), &'static str> {
    let mut large = [0; LARGE_BYTES];
    for (index, byte) in large.iter_mut().enumerate() {
        *byte = (index % 251) as u8;
    }
    lab.wait("send_to of more than the MTU", |lab| lab.client.send_to(client, &large, ECHO))?;
    large.fill(0);
    let got = lab.wait("recv of fragments", |lab| lab.server.recv(server, &mut large))?;
    holds("all fragments arrived", got == LARGE_BYTES && large[LARGE_BYTES - 1] == ((LARGE_BYTES - 1) % 251) as u8)
}

/// Nobody is left at the server, which says so.
fn refusal(lab: &mut Lab<'_>, client: SocketId) -> Result<(), &'static str> {
    done("connect", lab.client.connect(client, ECHO))?;
    lab.wait("send", |lab| lab.client.send_with(client, b"anybody?", MsgFlags::NONE))?;
    lab.turn();
    lab.turn();
    holds("ECONNREFUSED", lab.client.take_error(client) == Ok(Some(Errno::ECONNREFUSED)))?;
    done("shutdown", lab.client.shutdown(client, smolsock::Shutdown::Both))?;
    done("close of the client", lab.client.close(client))
}

fn to_itself(lab: &mut Lab<'_>) -> Result<(), &'static str> {
    let own = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 9);
    let id = done("a UDP socket", lab.client.socket(Domain::Inet, Type::Datagram))?;
    done("bind to 127.0.0.1", lab.client.bind(id, own))?;
    lab.wait("send_to 127.0.0.1", |lab| lab.client.send_to(id, &[7; LARGE_BYTES], own))?;
    let mut buffer = [0; LARGE_BYTES];
    let got = lab.wait("recv_from 127.0.0.1", |lab| lab.client.recv_from(id, &mut buffer))?;
    holds("a datagram to itself", got.len == LARGE_BYTES && got.remote == own)?;
    done("close", lab.client.close(id))
}
