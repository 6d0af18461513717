//! Do groups, ping and raw sockets work?

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use smolsock::sockopt::{
    IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP, IP_HDRINCL, IPV6_JOIN_GROUP, IPV6_LEAVE_GROUP, IPV6_MULTICAST_HOPS,
    Membership, SO_BROADCAST, SO_PROTOCOL,
};
use smolsock::{Domain, Errno, Readiness, SocketId, Type};

use crate::lab::{CLIENT, ECHO, Lab, SERVER, SERVER6};
use crate::{done, holds};

/// RFC 3692 §2.1: for experiments.
const PROTOCOL: u8 = 253;

/// Everything that goes without a connection and is not a UDP datagram to one host.
pub fn run(lab: &mut Lab<'_>) -> Result<(), &'static str> {
    groups(lab)?;
    broadcast(lab)?;
    for (domain, to) in [(Domain::Inet, ECHO), (Domain::Inet6, SocketAddr::new(SERVER6, 0))] {
        ping(lab, domain, to)?;
        raw(lab, domain, to)?;
    }
    with_header(lab)
}

fn groups(lab: &mut Lab<'_>) -> Result<(), &'static str> {
    let server = receiver(lab)?;
    let client = done("a UDP socket", lab.client.socket(Domain::Inet6, Type::Datagram))?;
    done("IPV6_MULTICAST_HOPS", lab.client.setsockopt(client, IPV6_MULTICAST_HOPS, 2))?;
    let v4 = Ipv4Addr::new(239, 1, 2, 3);
    let v6 = IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x1234));
    for (join, leave, group, to) in [
        (IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP, IpAddr::V4(v4), IpAddr::V6(v4.to_ipv6_mapped())),
        (IPV6_JOIN_GROUP, IPV6_LEAVE_GROUP, v6, v6),
    ] {
        let to = SocketAddr::new(to, ECHO.port());
        done("a group is joined", lab.server.setsockopt(server, join, Membership::of(group)))?;
        lab.wait("send_to a group", |lab| lab.client.send_to(client, b"to all", to))?;
        let mut buffer = [0; 16];
        holds("a member receives", lab.wait("recv", |lab| lab.server.recv(server, &mut buffer))? == 6)?;
        done("a group is left", lab.server.setsockopt(server, leave, Membership::of(group)))?;
        lab.wait("send_to a group", |lab| lab.client.send_to(client, b"to all", to))?;
        (0..10).for_each(|_| lab.turn());
        holds("nobody else does", lab.server.recv(server, &mut buffer) == Err(Errno::EAGAIN))?;
    }
    // The reports are repeated.
    (0..1_100).for_each(|_| lab.turn());
    holds("routers are told", lab.server.counters().group_reports > 0)?;
    done("close", lab.client.close(client))?;
    done("close at the server", lab.server.close(server))
}

fn broadcast(lab: &mut Lab<'_>) -> Result<(), &'static str> {
    let server = receiver(lab)?;
    let client = done("a UDP socket", lab.client.socket(Domain::Inet, Type::Datagram))?;
    let to = SocketAddr::new(Ipv4Addr::BROADCAST.into(), ECHO.port());
    holds("EACCES", lab.client.send_to(client, b"all", to) == Err(Errno::EACCES))?;
    done("SO_BROADCAST", lab.client.setsockopt(client, SO_BROADCAST, true))?;
    lab.wait("send_to everybody", |lab| lab.client.send_to(client, b"all", to))?;
    holds("a broadcast", lab.wait("recv", |lab| lab.server.recv(server, &mut [0; 4]))? == 3)?;
    done("close", lab.client.close(client))?;
    done("close at the server", lab.server.close(server))
}

fn receiver(lab: &mut Lab<'_>) -> Result<SocketId, &'static str> {
    let server = done("a UDP socket", lab.server.socket(Domain::Inet6, Type::Datagram))?;
    done("bind", lab.server.bind(server, SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), ECHO.port())))?;
    Ok(server)
}

/// The server's stack answers by itself.
fn ping(lab: &mut Lab<'_>, domain: Domain, to: SocketAddr) -> Result<(), &'static str> {
    let id = done("a ping socket", lab.client.socket(domain, Type::Icmp))?;
    let (request, reply) = if domain == Domain::Inet { (8, 0) } else { (128, 129) };
    holds("SO_PROTOCOL", lab.client.getsockopt(id, SO_PROTOCOL) == Ok(if request == 8 { 1 } else { 58 }))?;
    holds("EINVAL", lab.client.send_to(id, &[reply; 8], to) == Err(Errno::EINVAL))?;
    lab.wait("an echo request", |lab| lab.client.send_to(id, &[request, 0, 0, 0, 0, 0, 0, 1, 77], to))?;
    let mut buffer = [0; 16];
    let got = lab.wait("an echo reply", |lab| lab.client.recv_from(id, &mut buffer))?;
    holds("the echo is its own", got.len == 9 && buffer[0] == reply && buffer[8] == 77)?;
    holds("from where it was sent to", got.remote.ip() == to.ip())?;
    done("close", lab.client.close(id))
}

fn raw(lab: &mut Lab<'_>, domain: Domain, to: SocketAddr) -> Result<(), &'static str> {
    let client = done("a raw socket", lab.client.socket(domain, Type::Raw(PROTOCOL)))?;
    let server = done("a raw socket at the server", lab.server.socket(domain, Type::Raw(PROTOCOL)))?;
    done("connect", lab.client.connect(client, SocketAddr::new(to.ip(), 0)))?;
    lab.wait("send", |lab| lab.client.send(client, b"a packet"))?;
    let mut buffer = [0; 64];
    let got = lab.wait("recv at the server", |lab| lab.server.recv(server, &mut buffer))?;
    // raw(7): IPv4 comes with its header.
    let header_len = if domain == Domain::Inet { 20 } else { 0 };
    holds("a packet of any protocol", &buffer[header_len..got] == b"a packet")?;
    holds("POLLOUT", lab.server.readiness(server) == Ok(Readiness::OUT))?;
    done("close", lab.client.close(client))?;
    done("close at the server", lab.server.close(server))
}

fn with_header(lab: &mut Lab<'_>) -> Result<(), &'static str> {
    let client = done("a raw socket", lab.client.socket(Domain::Inet, Type::Raw(PROTOCOL)))?;
    let server = done("a raw socket at the server", lab.server.socket(Domain::Inet, Type::Raw(PROTOCOL)))?;
    done("IP_HDRINCL", lab.client.setsockopt(client, IP_HDRINCL, true))?;
    let (IpAddr::V4(from), IpAddr::V4(to)) = (CLIENT, SERVER) else { return Err("they are IPv4 addresses") };
    let mut packet = [0; 24];
    (packet[0], packet[8], packet[9]) = (0x45, 3, PROTOCOL);
    packet[12..16].copy_from_slice(&from.octets());
    packet[16..20].copy_from_slice(&to.octets());
    lab.wait("a whole packet", |lab| lab.client.send_to(client, &packet, ECHO))?;
    let mut buffer = [0; 64];
    let got = lab.wait("recv at the server", |lab| lab.server.recv(server, &mut buffer))?;
    holds("its header is the sender's", got == packet.len() && buffer[8] == 3)?;
    done("close", lab.client.close(client))?;
    done("close at the server", lab.server.close(server))
}
