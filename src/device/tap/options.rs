//! How is an interface opened?

use std::fs::{File, OpenOptions};
use std::os::fd::OwnedFd;
use std::string::{String, ToString};

use super::error::OpenError;
use super::{Interface, Tap, sys, vnet};
use crate::device::Medium;

/// How an interface is opened. [`Tap::options`] gives the usual way.
#[derive(Debug, Clone)]
#[must_use]
pub struct Options {
    medium: Medium,
    is_attach_only: bool,
    is_multi_queue: bool,
    has_offload: bool,
    mtu: Option<usize>,
}

impl Options {
    pub(super) const fn new() -> Self {
        Self { medium: Medium::Ethernet, is_attach_only: false, is_multi_queue: false, has_offload: true, mtu: None }
    }

    /// Bare IP packets (a TUN) instead of Ethernet frames (a TAP).
    pub const fn ip(mut self) -> Self {
        self.medium = Medium::Ip;
        self
    }

    /// Whether an interface that is not there is an error, instead of being made. Default: it is made.
    pub const fn attach_only(mut self, on: bool) -> Self {
        self.is_attach_only = on;
        self
    }

    /// Whether several may be attached to the interface, each with a queue of its own (`IFF_MULTI_QUEUE`); the kernel
    /// spreads flows over them. Default: no.
    pub const fn multi_queue(mut self, on: bool) -> Self {
        self.is_multi_queue = on;
        self
    }

    /// Whether kernel and stack leave TCP's checksums and the cutting of large segments to each other
    /// (`IFF_VNET_HDR`, `TUNSETOFFLOAD`): a segment of up to 64 KiB is then one frame. Default: yes. Without it a capture
    /// shows frames as they would be on a wire.
    pub const fn offload(mut self, on: bool) -> Self {
        self.has_offload = on;
        self
    }

    /// The largest IP packet, bytes, instead of what the interface says.
    pub const fn mtu(mut self, bytes: usize) -> Self {
        self.mtu = Some(bytes);
        self
    }

    /// Opens the interface `name` of this thread's network namespace. `name`: at most 15 bytes; with `%d` in it the
    /// kernel chooses a free number, see [`Tap::name`].
    ///
    /// # Errors
    /// [`OpenError`] tells the cause, and what helps.
    pub fn open(&self, name: &str) -> Result<Tap, OpenError> {
        let is_good = !name.is_empty() && name.len() < sys::NAME_LEN && name != "." && name != "..";
        if !is_good || name.contains(|c: char| c.is_ascii_whitespace() || c.is_ascii_control() || "/:".contains(c)) {
            return Err(OpenError::Name(name.to_string()));
        }
        if self.is_attach_only {
            sys::flags(name).map_err(|error| OpenError::of_look(name, error))?;
        }
        let file = OpenOptions::new().read(true).write(true).open("/dev/net/tun").map_err(OpenError::of_open)?;
        let name = sys::attach(&file, name, self.flags()).map_err(|error| OpenError::of_attach(name, error))?;
        self.finish(file, name, self.has_offload)
    }

    /// Takes over a descriptor of `/dev/net/tun` that somebody else opened and attached, with `IFF_NO_PI`, and with
    /// `IFF_VNET_HDR` if there shall be offloads. It becomes
    /// non-blocking. Ethernet or bare IP is what it was attached as; what these options say of it does not count.
    ///
    /// # Errors
    /// [`OpenError`] tells the cause, and what helps. If the interface is in another network namespace than this
    /// thread, say its [`mtu`](Options::mtu).
    pub fn from_fd(&self, fd: OwnedFd) -> Result<Tap, OpenError> {
        let file = File::from(fd);
        let (name, flags) =
            sys::attached(&file).map_err(|_| OpenError::Descriptor("is not attached to an interface"))?;
        if flags & IFF_NO_PI == 0 {
            return Err(OpenError::Descriptor("has packet information in front of frames"));
        }
        let medium = if flags & IFF_TAP != 0 { Medium::Ethernet } else { Medium::Ip };
        let has_record = flags & IFF_VNET_HDR != 0;
        let has_offload = self.has_offload && has_record;
        Self { medium, has_offload, ..self.clone() }.finish(file, name, has_record)
    }

    /// `IFF_*` of `linux/if_tun.h`.
    fn flags(&self) -> u16 {
        let kind = if self.medium == Medium::Ethernet { IFF_TAP } else { IFF_TUN };
        let queues = if self.is_multi_queue { IFF_MULTI_QUEUE } else { 0 };
        kind | IFF_NO_PI | queues | if self.has_offload { IFF_VNET_HDR } else { 0 }
    }

    /// `has_record`: whether a record stands in front of each frame.
    fn finish(&self, file: File, name: String, has_record: bool) -> Result<Tap, OpenError> {
        rustix::io::ioctl_fionbio(&file, true).map_err(|error| OpenError::Io("FIONBIO", error.into()))?;
        if has_record {
            let len = vnet::RECORD_LEN as i32;
            sys::set_record_len(&file, len).map_err(|error| OpenError::Io("TUNSETVNETHDRSZ", error))?;
        }
        // Always: bits that a former program set stay on the interface, and without them frames come cut.
        let bits = if self.has_offload { TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 } else { 0 };
        sys::set_offload(&file, bits).map_err(|error| OpenError::Io("TUNSETOFFLOAD", error))?;
        let mtu = match self.mtu {
            Some(mtu) => mtu,
            None => sys::mtu(&name).map_err(|error| OpenError::of_look(&name, error))?,
        };
        let record_len = if has_record { vnet::RECORD_LEN } else { 0 };
        let is_alone = !self.is_multi_queue;
        Ok(Tap::new(Interface {
            file,
            name,
            medium: self.medium,
            mtu,
            record_len,
            has_offload: self.has_offload,
            is_alone,
        }))
    }
}

impl Default for Options {
    /// As [`Tap::options`].
    fn default() -> Self {
        Self::new()
    }
}

const IFF_TUN: u16 = 0x0001;
const IFF_TAP: u16 = 0x0002;
const IFF_MULTI_QUEUE: u16 = 0x0100;
const IFF_NO_PI: u16 = 0x1000;
const IFF_VNET_HDR: u16 = 0x4000;
/// The reader takes frames whose checksum is only begun.
const TUN_F_CSUM: usize = 1;
/// It takes large segments.
const TUN_F_TSO4: usize = 2;
const TUN_F_TSO6: usize = 4;
