//! How do the socket options go to the kernel?

use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use nix::sys::socket::{GetSockOpt, SetSockOpt, sockopt as nix_option};
use rustix::net::sockopt::{self, Timeout};
use smolsock::{Domain, Errno};

use super::super::case::{Family, Opt, Place};
use super::super::run::{Seen, address};
use super::messages::errno as nix_errno;
use super::{done, errno};

pub fn set(fd: &OwnedFd, opt: Opt, value: i64) -> Result<Seen, Errno> {
    let (flag, number, size) = (value != 0, value as u32, value as usize);
    done(match opt {
        Opt::SO_REUSEADDR => sockopt::set_socket_reuseaddr(fd, flag),
        Opt::SO_REUSEPORT => sockopt::set_socket_reuseport(fd, flag),
        Opt::SO_KEEPALIVE => sockopt::set_socket_keepalive(fd, flag),
        Opt::SO_BROADCAST => sockopt::set_socket_broadcast(fd, flag),
        Opt::SO_LINGER => sockopt::set_socket_linger(fd, u64::try_from(value).ok().map(Duration::from_secs)),
        Opt::SO_RCVBUF => sockopt::set_socket_recv_buffer_size(fd, size),
        Opt::SO_SNDBUF => sockopt::set_socket_send_buffer_size(fd, size),
        Opt::SO_RCVTIMEO => sockopt::set_socket_timeout(fd, Timeout::Recv, time(value)),
        Opt::SO_SNDTIMEO => sockopt::set_socket_timeout(fd, Timeout::Send, time(value)),
        Opt::IP_TTL => return by_nix(fd, nix_option::Ipv4Ttl, &(value as i32)),
        Opt::IP_TOS => return by_nix(fd, nix_option::Ipv4Tos, &(value as i32)),
        Opt::IP_MULTICAST_TTL => sockopt::set_ip_multicast_ttl(fd, number),
        Opt::IP_MULTICAST_LOOP => sockopt::set_ip_multicast_loop(fd, flag),
        Opt::IP_RECVTTL => return by_nix(fd, nix_option::Ipv4RecvTtl, &flag),
        Opt::IP_RECVTOS => sockopt::set_ip_recvtos(fd, flag),
        Opt::IP_PKTINFO => return by_nix(fd, nix_option::Ipv4PacketInfo, &flag),
        Opt::IPV6_V6ONLY => sockopt::set_ipv6_v6only(fd, flag),
        Opt::IPV6_UNICAST_HOPS => return by_nix(fd, nix_option::Ipv6Ttl, &(value as i32)),
        Opt::IPV6_MULTICAST_HOPS => sockopt::set_ipv6_multicast_hops(fd, number),
        Opt::IPV6_MULTICAST_LOOP => sockopt::set_ipv6_multicast_loop(fd, flag),
        Opt::IPV6_RECVPKTINFO => return by_nix(fd, nix_option::Ipv6RecvPacketInfo, &flag),
        Opt::IPV6_RECVHOPLIMIT => return by_nix(fd, nix_option::Ipv6RecvHopLimit, &flag),
        Opt::IPV6_TCLASS => sockopt::set_ipv6_tclass(fd, number),
        Opt::TCP_NODELAY => sockopt::set_tcp_nodelay(fd, flag),
        Opt::TCP_MAXSEG => return by_nix(fd, nix_option::TcpMaxSeg, &number),
        Opt::TCP_KEEPIDLE => sockopt::set_tcp_keepidle(fd, Duration::from_secs(value as u64)),
        Opt::TCP_KEEPINTVL => sockopt::set_tcp_keepintvl(fd, Duration::from_secs(value as u64)),
        Opt::TCP_KEEPCNT => sockopt::set_tcp_keepcnt(fd, number),
        Opt::TCP_USER_TIMEOUT => sockopt::set_tcp_user_timeout(fd, number),
        Opt::TCP_QUICKACK => sockopt::set_tcp_quickack(fd, flag),
        Opt::TCP_CORK => sockopt::set_tcp_cork(fd, flag),
        Opt::SO_ERROR | Opt::SO_TYPE | Opt::SO_DOMAIN | Opt::SO_PROTOCOL | Opt::SO_ACCEPTCONN => {
            return Ok(Seen::NotYet("read only: no safe call sets it"));
        }
    })
}

pub fn get(fd: &OwnedFd, opt: Opt) -> Result<Seen, Errno> {
    let value = match opt {
        Opt::SO_REUSEADDR => sockopt::socket_reuseaddr(fd).map(i64::from),
        Opt::SO_REUSEPORT => sockopt::socket_reuseport(fd).map(i64::from),
        Opt::SO_KEEPALIVE => sockopt::socket_keepalive(fd).map(i64::from),
        Opt::SO_BROADCAST => sockopt::socket_broadcast(fd).map(i64::from),
        Opt::SO_LINGER => sockopt::socket_linger(fd).map(|time| time.map_or(-1, |time| time.as_secs() as i64)),
        Opt::SO_RCVBUF => sockopt::socket_recv_buffer_size(fd).map(|size| size as i64),
        Opt::SO_SNDBUF => sockopt::socket_send_buffer_size(fd).map(|size| size as i64),
        Opt::SO_RCVTIMEO => sockopt::socket_timeout(fd, Timeout::Recv).map(millis),
        Opt::SO_SNDTIMEO => sockopt::socket_timeout(fd, Timeout::Send).map(millis),
        Opt::SO_ERROR => sockopt::socket_error(fd).map(|error| error.err().map_or(0, |e| i64::from(e.raw_os_error()))),
        Opt::SO_TYPE => sockopt::socket_type(fd).map(|kind| i64::from(kind.as_raw())),
        Opt::SO_DOMAIN => sockopt::socket_domain(fd).map(|domain| i64::from(domain.as_raw())),
        Opt::SO_PROTOCOL => sockopt::socket_protocol(fd).map(|it| it.map_or(0, |it| i64::from(it.as_raw().get()))),
        Opt::SO_ACCEPTCONN => sockopt::socket_acceptconn(fd).map(i64::from),
        Opt::IP_TTL => return from_nix(fd, nix_option::Ipv4Ttl).map(|ttl| Seen::Is(i64::from(ttl))),
        Opt::IP_TOS => return from_nix(fd, nix_option::Ipv4Tos).map(|tos| Seen::Is(i64::from(tos))),
        Opt::IP_MULTICAST_TTL => sockopt::ip_multicast_ttl(fd).map(i64::from),
        Opt::IP_MULTICAST_LOOP => sockopt::ip_multicast_loop(fd).map(i64::from),
        Opt::IP_RECVTTL => return from_nix(fd, nix_option::Ipv4RecvTtl).map(|on| Seen::Is(i64::from(on))),
        Opt::IP_RECVTOS => sockopt::ip_recvtos(fd).map(i64::from),
        Opt::IP_PKTINFO => return from_nix(fd, nix_option::Ipv4PacketInfo).map(|on| Seen::Is(i64::from(on))),
        Opt::IPV6_V6ONLY => sockopt::ipv6_v6only(fd).map(i64::from),
        Opt::IPV6_UNICAST_HOPS => sockopt::ipv6_unicast_hops(fd).map(i64::from),
        Opt::IPV6_MULTICAST_HOPS => sockopt::ipv6_multicast_hops(fd).map(i64::from),
        Opt::IPV6_MULTICAST_LOOP => sockopt::ipv6_multicast_loop(fd).map(i64::from),
        Opt::IPV6_RECVPKTINFO => return from_nix(fd, nix_option::Ipv6RecvPacketInfo).map(|on| Seen::Is(i64::from(on))),
        Opt::IPV6_RECVHOPLIMIT => return from_nix(fd, nix_option::Ipv6RecvHopLimit).map(|on| Seen::Is(i64::from(on))),
        Opt::IPV6_TCLASS => sockopt::ipv6_tclass(fd).map(i64::from),
        Opt::TCP_NODELAY => sockopt::tcp_nodelay(fd).map(i64::from),
        Opt::TCP_MAXSEG => return from_nix(fd, nix_option::TcpMaxSeg).map(|size| Seen::Is(i64::from(size))),
        Opt::TCP_KEEPIDLE => sockopt::tcp_keepidle(fd).map(|time| time.as_secs() as i64),
        Opt::TCP_KEEPINTVL => sockopt::tcp_keepintvl(fd).map(|time| time.as_secs() as i64),
        Opt::TCP_KEEPCNT => sockopt::tcp_keepcnt(fd).map(i64::from),
        Opt::TCP_USER_TIMEOUT => sockopt::tcp_user_timeout(fd).map(i64::from),
        Opt::TCP_QUICKACK => sockopt::tcp_quickack(fd).map(i64::from),
        Opt::TCP_CORK => sockopt::tcp_cork(fd).map(i64::from),
    };
    value.map(Seen::Is).map_err(errno)
}

pub fn join(fd: &OwnedFd, place: Place, domain: Domain, index: u32) -> Result<Seen, Errno> {
    done(match address(place, Family::Own, domain) {
        IpAddr::V4(group) => sockopt::set_ip_add_membership_with_ifindex(fd, &group, &[0, 0, 0, 0].into(), index),
        IpAddr::V6(group) => sockopt::set_ipv6_add_membership(fd, &group, index),
    })
}

pub fn leave(fd: &OwnedFd, place: Place, domain: Domain, index: u32) -> Result<Seen, Errno> {
    done(match address(place, Family::Own, domain) {
        IpAddr::V4(group) => sockopt::set_ip_drop_membership_with_ifindex(fd, &group, &[0, 0, 0, 0].into(), index),
        IpAddr::V6(group) => sockopt::set_ipv6_drop_membership(fd, &group, index),
    })
}

fn by_nix<O: SetSockOpt>(fd: &OwnedFd, option: O, value: &O::Val) -> Result<Seen, Errno> {
    option.set(fd, value).map(|()| Seen::Done).map_err(nix_errno)
}

fn from_nix<O: GetSockOpt>(fd: &OwnedFd, option: O) -> Result<O::Val, Errno> {
    option.get(fd).map_err(nix_errno)
}

fn time(millis: i64) -> Option<Duration> {
    (millis != 0).then(|| Duration::from_millis(millis as u64))
}

fn millis(time: Option<Duration>) -> i64 {
    time.map_or(0, |time| time.as_millis() as i64)
}
