//! How do sendmsg and recvmsg with control messages go to the kernel?

use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::sockopt::SockType;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, getsockopt, recvmsg, sendmsg};
use smolsock::{Domain, Errno};

use super::super::case::{Control, Family, Flags};
use super::super::run::{Received, Seen, address};

pub fn send(
    fd: &OwnedFd,
    pieces: &[&str],
    to: Option<SocketAddr>,
    control: Control,
    domain: Domain,
) -> Result<Seen, Errno> {
    let slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece.as_bytes())).collect();
    let (v4, v6) = packet_info(control, domain);
    let (ttl, tos) = (control.ttl.map(i32::from), control.tos);
    let class = tos.map(i32::from);
    let mut messages = Vec::new();
    messages.extend(v4.as_ref().map(ControlMessage::Ipv4PacketInfo));
    messages.extend(v6.as_ref().map(ControlMessage::Ipv6PacketInfo));
    match domain {
        Domain::Inet => {
            messages.extend(ttl.as_ref().map(ControlMessage::Ipv4Ttl));
            messages.extend(tos.as_ref().map(ControlMessage::Ipv4Tos));
        }
        Domain::Inet6 => {
            messages.extend(ttl.as_ref().map(ControlMessage::Ipv6HopLimit));
            messages.extend(class.as_ref().map(ControlMessage::Ipv6TClass));
        }
    }
    let to = to.map(SockaddrStorage::from);
    let taken = sendmsg(fd.as_raw_fd(), &slices, &messages, MsgFlags::empty(), to.as_ref()).map_err(errno)?;
    Ok(Seen::Is(taken as i64))
}

fn packet_info(control: Control, domain: Domain) -> (Option<in_pktinfo>, Option<in6_pktinfo>) {
    match control.local.map(|place| address(place, Family::Own, domain)) {
        Some(IpAddr::V4(local)) => {
            let source = in_addr { s_addr: u32::from_ne_bytes(local.octets()) };
            (Some(in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: source, ipi_addr: in_addr { s_addr: 0 } }), None)
        }
        Some(IpAddr::V6(local)) => {
            let source = in6_addr { s6_addr: local.octets() };
            (None, Some(in6_pktinfo { ipi6_addr: source, ipi6_ifindex: 0 }))
        }
        None => (None, None),
    }
}

pub fn receive(fd: &OwnedFd, sizes: &[usize], flags: Flags) -> Result<Seen, Errno> {
    let mut buffers: Vec<Vec<u8>> = sizes.iter().map(|size| vec![0; *size]).collect();
    let mut control = vec![0; 512];
    let mut received = Received::default();
    {
        let mut slices: Vec<IoSliceMut<'_>> = buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
        let flags = MsgFlags::from_bits_retain(flags.0 as i32);
        let message =
            recvmsg::<SockaddrStorage>(fd.as_raw_fd(), &mut slices, Some(&mut control), flags).map_err(errno)?;
        received.count = message.bytes;
        received.is_truncated = message.flags.contains(MsgFlags::MSG_TRUNC);
        // recv(2) names nobody for a stream, and what stands there instead is of chance.
        let is_stream = getsockopt(fd, SockType).map_err(errno)? == nix::sys::socket::SockType::Stream;
        received.from = message.address.as_ref().filter(|_| !is_stream).and_then(socket_addr);
        for one in message.cmsgs().map_err(errno)? {
            match one {
                ControlMessageOwned::Ipv4PacketInfo(info) => {
                    received.local = Some(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()).into());
                }
                ControlMessageOwned::Ipv6PacketInfo(info) => {
                    received.local = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
                }
                ControlMessageOwned::Ipv4Ttl(ttl) | ControlMessageOwned::Ipv6HopLimit(ttl) => {
                    received.ttl = u8::try_from(ttl).ok();
                }
                ControlMessageOwned::Ipv4Tos(tos) => received.tos = Some(tos),
                ControlMessageOwned::Ipv6TClass(class) => received.tos = u8::try_from(class).ok(),
                other => panic!("a control message that nobody asked for: {other:?}"),
            }
        }
    }
    received.data = buffers.concat();
    received.data.truncate(received.count);
    Ok(Seen::Received(received))
}

fn socket_addr(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|addr| SocketAddr::from((addr.ip(), addr.port())));
    v4.or_else(|| storage.as_sockaddr_in6().map(|addr| SocketAddr::from((addr.ip(), addr.port()))))
}

pub fn errno(errno: nix::errno::Errno) -> Errno {
    Errno::from_number(errno as i32).unwrap_or_else(|| panic!("an error that we do not know: {errno}"))
}
