//! How do the socket options go to our stack?
//!
//! As numbers and bytes, which is what the kernel gets too.

use std::net::IpAddr;

use smolsock::sockopt::{IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP, IPV6_JOIN_GROUP, IPV6_LEAVE_GROUP, Membership};
use smolsock::{Errno, SocketId, Stack};

use super::super::case::Opt;
use super::super::run::Seen;

pub fn set(stack: &mut Stack<'static>, id: SocketId, opt: Opt, value: i64) -> Result<Seen, Errno> {
    let (level, name) = number(opt);
    let mut bytes = Vec::new();
    match opt {
        Opt::SO_LINGER => {
            bytes.extend(i32::from(value >= 0).to_le_bytes());
            bytes.extend((value.max(0) as i32).to_le_bytes());
        }
        Opt::SO_RCVTIMEO | Opt::SO_SNDTIMEO => {
            bytes.extend((value / 1_000).to_le_bytes());
            bytes.extend((value % 1_000 * 1_000).to_le_bytes());
        }
        _ => bytes.extend((value as i32).to_le_bytes()),
    }
    stack.setsockopt_raw(id, level, name, &bytes).map(|()| Seen::Done)
}

pub fn get(stack: &mut Stack<'static>, id: SocketId, opt: Opt) -> Result<Seen, Errno> {
    let (level, name) = number(opt);
    let mut bytes = [0; 16];
    let len = stack.getsockopt_raw(id, level, name, &mut bytes)?;
    let int = |at: usize| i64::from(i32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")));
    let long = |at: usize| i64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    Ok(Seen::Is(match (opt, len) {
        (Opt::SO_LINGER, 8) => {
            if int(0) == 0 {
                -1
            } else {
                int(4)
            }
        }
        (Opt::SO_RCVTIMEO | Opt::SO_SNDTIMEO, 16) => long(0) * 1_000 + long(8) / 1_000,
        (_, 4..) => int(0),
        (opt, len) => panic!("{opt:?} of {len} bytes"),
    }))
}

pub fn set_congestion(stack: &mut Stack<'static>, id: SocketId, name: &str) -> Result<Seen, Errno> {
    stack.setsockopt_raw(id, TCP, TCP_CONGESTION, name.as_bytes()).map(|()| Seen::Done)
}

pub fn congestion(stack: &mut Stack<'static>, id: SocketId) -> Result<Seen, Errno> {
    let mut bytes = [0; 16];
    let len = stack.getsockopt_raw(id, TCP, TCP_CONGESTION, &mut bytes)?;
    let name = bytes[..len].split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(Seen::Name(String::from_utf8_lossy(name).into_owned()))
}

pub fn join(stack: &mut Stack<'static>, id: SocketId, group: IpAddr) -> Result<Seen, Errno> {
    let option = if group.is_ipv4() { IP_ADD_MEMBERSHIP } else { IPV6_JOIN_GROUP };
    stack.setsockopt(id, option, Membership::of(group)).map(|()| Seen::Done)
}

pub fn leave(stack: &mut Stack<'static>, id: SocketId, group: IpAddr) -> Result<Seen, Errno> {
    let option = if group.is_ipv4() { IP_DROP_MEMBERSHIP } else { IPV6_LEAVE_GROUP };
    stack.setsockopt(id, option, Membership::of(group)).map(|()| Seen::Done)
}

/// Level and name, as Linux numbers them.
fn number(opt: Opt) -> (i32, i32) {
    match opt {
        Opt::SO_REUSEADDR => (SOCKET, 2),
        Opt::SO_TYPE => (SOCKET, 3),
        Opt::SO_ERROR => (SOCKET, 4),
        Opt::SO_BROADCAST => (SOCKET, 6),
        Opt::SO_SNDBUF => (SOCKET, 7),
        Opt::SO_RCVBUF => (SOCKET, 8),
        Opt::SO_KEEPALIVE => (SOCKET, 9),
        Opt::SO_LINGER => (SOCKET, 13),
        Opt::SO_REUSEPORT => (SOCKET, 15),
        Opt::SO_RCVTIMEO => (SOCKET, 20),
        Opt::SO_SNDTIMEO => (SOCKET, 21),
        Opt::SO_ACCEPTCONN => (SOCKET, 30),
        Opt::SO_PROTOCOL => (SOCKET, 38),
        Opt::SO_DOMAIN => (SOCKET, 39),
        Opt::IP_TOS => (IP, 1),
        Opt::IP_TTL => (IP, 2),
        Opt::IP_PKTINFO => (IP, 8),
        Opt::IP_RECVTTL => (IP, 12),
        Opt::IP_RECVTOS => (IP, 13),
        Opt::IP_MULTICAST_TTL => (IP, 33),
        Opt::IP_MULTICAST_LOOP => (IP, 34),
        Opt::IPV6_UNICAST_HOPS => (IPV6, 16),
        Opt::IPV6_MULTICAST_HOPS => (IPV6, 18),
        Opt::IPV6_MULTICAST_LOOP => (IPV6, 19),
        Opt::IPV6_V6ONLY => (IPV6, 26),
        Opt::IPV6_RECVPKTINFO => (IPV6, 49),
        Opt::IPV6_RECVHOPLIMIT => (IPV6, 51),
        Opt::IPV6_TCLASS => (IPV6, 67),
        Opt::TCP_NODELAY => (TCP, 1),
        Opt::TCP_MAXSEG => (TCP, 2),
        Opt::TCP_CORK => (TCP, 3),
        Opt::TCP_KEEPIDLE => (TCP, 4),
        Opt::TCP_KEEPINTVL => (TCP, 5),
        Opt::TCP_KEEPCNT => (TCP, 6),
        Opt::TCP_QUICKACK => (TCP, 12),
        Opt::TCP_USER_TIMEOUT => (TCP, 18),
    }
}

const SOCKET: i32 = 1;
const IP: i32 = 0;
const IPV6: i32 = 41;
const TCP: i32 = 6;
const TCP_CONGESTION: i32 = 13;
