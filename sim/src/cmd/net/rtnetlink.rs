//! How does an interface of this network get an address, and come up?
//!
//! By messages to the kernel (rtnetlink, RFC 3549), in order that no other program is needed. Each function works in the
//! network namespace of the calling thread.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, sendto, socket,
};
use smolsock::addr::Cidr;

/// Sets the interface `name` up.
pub(in crate::cmd) fn set_up(name: &str) -> io::Result<()> {
    link(RTM_NEWLINK, name, IFF_UP)
}

/// Removes the interface.
pub(in crate::cmd) fn delete(name: &str) -> io::Result<()> {
    link(RTM_DELLINK, name, 0)
}

/// Gives the interface an address with its prefix; one that it has already is fine. IPv6 addresses are good at once,
/// without asking whether somebody else has them.
pub(in crate::cmd) fn add_address(name: &str, cidr: Cidr) -> io::Result<()> {
    let index = index(name)?;
    let (family, octets) = match cidr.addr() {
        IpAddr::V4(addr) => (AddressFamily::Inet, addr.octets().to_vec()),
        IpAddr::V6(addr) => (AddressFamily::Inet6, addr.octets().to_vec()),
    };
    // struct ifaddrmsg: family, prefix length, flags, scope, index.
    let mut body = vec![family as u8, cidr.prefix_len(), IFA_F_NODAD, 0];
    body.extend(index.to_ne_bytes());
    body.extend(attribute(IFA_LOCAL, &octets));
    body.extend(attribute(IFA_ADDRESS, &octets));
    if let Some(IpAddr::V4(broadcast)) = cidr.broadcast() {
        body.extend(attribute(IFA_BROADCAST, &broadcast.octets()));
    }
    match ask(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &body) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

fn link(kind: u16, name: &str, flags: u32) -> io::Result<()> {
    // struct ifinfomsg: family, padding, type, index, flags, which of them change.
    let mut body = vec![0; 4];
    body.extend(index(name)?.to_ne_bytes());
    body.extend(flags.to_ne_bytes());
    body.extend(flags.to_ne_bytes());
    ask(kind, 0, &body)
}

fn index(name: &str) -> io::Result<u32> {
    if_nametoindex(name).map_err(|_| io::Error::new(io::ErrorKind::NotFound, format!("there is no interface {name}")))
}

/// Length, type and value, with zeros up to a multiple of four.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let len = u16::try_from(4 + value.len()).unwrap_or_else(|_| unreachable!("an address or a number"));
    let mut bytes = [len.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Sends one request and waits for its answer.
fn ask(kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
    let socket: OwnedFd =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
    // struct nlmsghdr: length, type, flags, sequence number, port.
    let len = u32::try_from(16 + body.len()).unwrap_or_else(|_| unreachable!("a few attributes"));
    let mut message = len.to_ne_bytes().to_vec();
    message.extend(kind.to_ne_bytes());
    message.extend((NLM_F_REQUEST | NLM_F_ACK | flags).to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    message.extend(0_u32.to_ne_bytes());
    message.extend(body);
    sendto(socket.as_raw_fd(), &message, &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
    let mut answer = [0; 1 << 10];
    let len = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    // struct nlmsgerr behind the header: 0, or an errno with its sign turned.
    let number = |at: usize| answer[..len].get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    let is_error = answer[4..6] == NLMSG_ERROR.to_ne_bytes();
    match number(16).map(i32::from_ne_bytes).filter(|_| is_error) {
        Some(0) => Ok(()),
        Some(error) => Err(Errno::from_raw(error.saturating_neg()).into()),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "the kernel's answer is no acknowledgement")),
    }
}

// <linux/netlink.h>, <linux/rtnetlink.h>, <linux/if_link.h>, <linux/if_addr.h>.
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;
const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_NEWADDR: u16 = 20;
const IFF_UP: u32 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
const IFA_F_NODAD: u8 = 2;
