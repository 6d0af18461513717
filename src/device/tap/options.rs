//! How is an interface opened?

use std::fs::{File, OpenOptions};
use std::os::fd::OwnedFd;
use std::string::{String, ToString};

use super::error::OpenError;
use super::{Tap, sys};
use crate::device::Medium;

/// How an interface is opened. [`Tap::options`] gives the usual way.
#[derive(Debug, Clone)]
#[must_use]
pub struct Options {
    medium: Medium,
    is_attach_only: bool,
    is_multi_queue: bool,
    mtu: Option<usize>,
}

impl Options {
    pub(super) const fn new() -> Self {
        Self { medium: Medium::Ethernet, is_attach_only: false, is_multi_queue: false, mtu: None }
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
        self.finish(file, name)
    }

    /// Takes over a descriptor of `/dev/net/tun` that somebody else opened and attached, with `IFF_NO_PI`. It becomes
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
        if flags & IFF_VNET_HDR != 0 {
            return Err(OpenError::Descriptor("has an offload header in front of frames"));
        }
        let medium = if flags & IFF_TAP != 0 { Medium::Ethernet } else { Medium::Ip };
        Self { medium, ..self.clone() }.finish(file, name)
    }

    /// `IFF_*` of `linux/if_tun.h`.
    fn flags(&self) -> u16 {
        let kind = if self.medium == Medium::Ethernet { IFF_TAP } else { IFF_TUN };
        kind | IFF_NO_PI | if self.is_multi_queue { IFF_MULTI_QUEUE } else { 0 }
    }

    fn finish(&self, file: File, name: String) -> Result<Tap, OpenError> {
        rustix::io::ioctl_fionbio(&file, true).map_err(|error| OpenError::Io("FIONBIO", error.into()))?;
        // Bits that a former program set stay on the interface: then frames would come without checksums.
        sys::set_offload(&file, 0).map_err(|error| OpenError::Io("TUNSETOFFLOAD", error))?;
        let mtu = match self.mtu {
            Some(mtu) => mtu,
            None => sys::mtu(&name).map_err(|error| OpenError::of_look(&name, error))?,
        };
        Ok(Tap::new(file, name, self.medium, mtu))
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
