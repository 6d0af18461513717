//! Which questions are put to the kernel that no crate asks without `unsafe`? (The only file that has it.)
//!
//! A handful of `ioctl`s, each with an argument of a type that stands here, over [`rustix::ioctl`]. Opening, reading
//! and writing are the standard library's.
#![expect(unsafe_code, reason = "the kernel's ioctls for TUN and TAP, which take pointers to records")]

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::string::String;

use rustix::ioctl::{IntegerSetter, Opcode, Setter, Updater, ioctl, opcode};

/// `struct ifreq`: a name with a 0 behind it, and a union as large as its largest member on any machine.
#[repr(C, align(8))]
#[derive(Debug, Clone, Copy)]
struct Request {
    name: [u8; NAME_LEN],
    value: [u8; 24],
}

impl Request {
    fn named(name: &str) -> io::Result<Self> {
        let mut request = Self { name: [0; NAME_LEN], value: [0; 24] };
        // The last byte stays 0.
        let place = request.name.get_mut(..name.len()).filter(|place| place.len() < NAME_LEN);
        place.ok_or(io::ErrorKind::InvalidInput)?.copy_from_slice(name.as_bytes());
        Ok(request)
    }

    fn name(&self) -> String {
        let name = self.name.split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(name).into_owned()
    }

    /// The union as a `short`.
    fn flags(&self) -> u16 {
        u16::from_ne_bytes([self.value[0], self.value[1]])
    }

    /// The union as an `int`.
    fn int(&self) -> i32 {
        i32::from_ne_bytes([self.value[0], self.value[1], self.value[2], self.value[3]])
    }
}

/// Attaches `tun`, an open `/dev/net/tun`, to an interface, which is made if there is none. `flags`: `IFF_*` of
/// `linux/if_tun.h`. Returns the interface's name.
pub(super) fn attach(tun: &impl AsFd, name: &str, flags: u16) -> io::Result<String> {
    let mut request = Request::named(name)?;
    request.value[..2].copy_from_slice(&flags.to_ne_bytes());
    update::<TUNSETIFF>(tun, &mut request)?;
    Ok(request.name())
}

/// The interface that `tun` is attached to, and its `IFF_*` flags of `linux/if_tun.h`.
pub(super) fn attached(tun: &impl AsFd) -> io::Result<(String, u16)> {
    let mut request = Request::named("")?;
    update::<TUNGETIFF>(tun, &mut request)?;
    Ok((request.name(), request.flags()))
}

/// Says which work of a frame the reader of `tun` takes upon itself: `TUN_F_*` of `linux/if_tun.h`.
pub(super) fn set_offload(tun: &impl AsFd, bits: usize) -> io::Result<()> {
    set::<TUNSETOFFLOAD>(tun, bits)
}

/// Says whether the interface stays when the last descriptor is closed.
pub(super) fn set_persist(tun: &impl AsFd, on: bool) -> io::Result<()> {
    set::<TUNSETPERSIST>(tun, usize::from(on))
}

/// Says how many bytes stand in front of each frame (`IFF_VNET_HDR`).
pub(super) fn set_record_len(tun: &impl AsFd, len: i32) -> io::Result<()> {
    // SAFETY: TUNSETVNETHDRSZ reads an `int` through its pointer (`__tun_chr_ioctl`), and writes nothing.
    Ok(unsafe { ioctl(tun, Setter::<TUNSETVNETHDRSZ, i32>::new(len)) }?)
}

/// The largest packet of an interface of this thread's network namespace, bytes.
pub(super) fn mtu(name: &str) -> io::Result<usize> {
    let mut request = Request::named(name)?;
    update::<SIOCGIFMTU>(&UnixDatagram::unbound()?, &mut request)?;
    usize::try_from(request.int()).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// The `IFF_*` flags of an interface of this thread's network namespace, of `linux/if.h`.
pub(super) fn flags(name: &str) -> io::Result<u16> {
    let mut request = Request::named(name)?;
    update::<SIOCGIFFLAGS>(&UnixDatagram::unbound()?, &mut request)?;
    Ok(request.flags())
}

fn update<const OPCODE: Opcode>(fd: &impl AsFd, request: &mut Request) -> io::Result<()> {
    // SAFETY: this is called with opcodes whose argument is a pointer to a `struct ifreq`, which the kernel reads, and
    // writes back as a whole. `Request` has its alignment and is no smaller; all of its bytes may have any value.
    Ok(unsafe { ioctl(fd, Updater::<OPCODE, Request>::new(request)) }?)
}

fn set<const OPCODE: Opcode>(fd: &impl AsFd, value: usize) -> io::Result<()> {
    // SAFETY: this is called with opcodes of TUN devices that take their argument as a number, not as a pointer.
    Ok(unsafe { ioctl(fd, IntegerSetter::<OPCODE>::new_usize(value)) }?)
}

/// `IFNAMSIZ`: bytes of a name, with the 0 behind it.
pub(super) const NAME_LEN: usize = 16;

const TUNSETIFF: Opcode = opcode::write::<i32>(b'T', 202);
const TUNSETPERSIST: Opcode = opcode::write::<i32>(b'T', 203);
const TUNSETOFFLOAD: Opcode = opcode::write::<u32>(b'T', 208);
const TUNGETIFF: Opcode = opcode::read::<u32>(b'T', 210);
const TUNSETVNETHDRSZ: Opcode = opcode::write::<i32>(b'T', 216);
const SIOCGIFFLAGS: Opcode = 0x8913;
const SIOCGIFMTU: Opcode = 0x8921;
