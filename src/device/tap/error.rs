//! Why could an interface not be opened, and what helps?

use std::string::String;
use std::{fmt, io};

use rustix::io::Errno;

/// Why [`Tap`](super::Tap) is not there, in words that say what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The name is empty, longer than 15 bytes, or has a character that no interface name has.
    Name(String),
    /// The kernel has no TUN and TAP: there is no `/dev/net/tun`, or nothing behind it.
    NoModule(io::Error),
    /// This process may not open `/dev/net/tun`.
    NoAccess(io::Error),
    /// This process may not make this interface, or may not attach to it.
    NotPermitted(String),
    /// There is no such interface, and none was to be made.
    NoDevice(String),
    /// Another program is attached.
    Busy(String),
    /// There is an interface of that name, but of another kind: no TUN or TAP at all, a TUN where a TAP was asked for or
    /// the reverse, one with several queues where one was asked for or the reverse.
    OtherKind(String),
    /// It is there, and down.
    Down(String),
    /// The descriptor is not attached to an interface, or puts something in front of frames that cannot be told apart.
    Descriptor(&'static str),
    /// Anything else, and while doing what.
    Io(&'static str, io::Error),
}

impl OpenError {
    /// What `open("/dev/net/tun")` failed with.
    pub(super) fn of_open(error: io::Error) -> Self {
        match Errno::from_io_error(&error) {
            Some(Errno::NOENT | Errno::NODEV | Errno::NXIO) => Self::NoModule(error),
            Some(Errno::ACCESS | Errno::PERM) => Self::NoAccess(error),
            _ => Self::Io("opening /dev/net/tun", error),
        }
    }

    /// What `TUNSETIFF` failed with.
    pub(super) fn of_attach(name: &str, error: io::Error) -> Self {
        let name = name.into();
        match Errno::from_io_error(&error) {
            Some(Errno::PERM | Errno::ACCESS) => Self::NotPermitted(name),
            Some(Errno::BUSY) => Self::Busy(name),
            Some(Errno::INVAL) => Self::OtherKind(name),
            _ => Self::Io("TUNSETIFF", error),
        }
    }

    /// What a question about an interface failed with.
    pub(super) fn of_look(name: &str, error: io::Error) -> Self {
        match Errno::from_io_error(&error) {
            Some(Errno::NODEV | Errno::NXIO) => Self::NoDevice(name.into()),
            _ => Self::Io("asking for the interface", error),
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => {
                write!(f, "{name:?} is no name of an interface: 1 to 15 bytes, no space, '/' or ':', as in \"tap0\"")
            }
            Self::NoModule(error) => write!(
                f,
                "the kernel has no TUN/TAP (/dev/net/tun: {error}): load it with `modprobe tun`; \
                 in a container, start that with `--device /dev/net/tun`"
            ),
            Self::NoAccess(error) => {
                write!(f, "/dev/net/tun: {error}: run as root, or let everybody in with `chmod 666 /dev/net/tun`")
            }
            Self::NotPermitted(name) => write!(
                f,
                "no permission for {name}: it takes CAP_NET_ADMIN to make an interface, but not to use one that was made \
                 for you: `sudo ip tuntap add dev {name} mode tap user $USER` (mode tun for bare IP), \
                 or work in a namespace of your own: `unshare --user --map-root-user --net`"
            ),
            Self::NoDevice(name) => write!(
                f,
                "there is no interface {name} in this network namespace: make it with \
                 `ip tuntap add dev {name} mode tap` (mode tun for bare IP), or see `ip link` for its name"
            ),
            Self::Busy(name) => write!(
                f,
                "{name} is busy: another program is attached (`grep -l {name} /proc/[0-9]*/fdinfo/*` finds it). \
                 End it, or take another name"
            ),
            Self::OtherKind(name) => write!(
                f,
                "{name} is of another kind (`ip -details link show {name}`): a TAP is opened as Ethernet, a TUN as bare \
                 IP, and only one that was made with `multi_queue` with several queues; take another name, or \
                 `ip link del {name}`"
            ),
            Self::Down(name) => write!(f, "{name} is down: `ip link set {name} up`"),
            Self::Descriptor(why) => write!(
                f,
                "the descriptor {why}: it should be of /dev/net/tun, attached with TUNSETIFF and IFF_NO_PI \
                 (and IFF_VNET_HDR, for offloads)"
            ),
            Self::Io(doing, error) => write!(f, "{doing}: {error}"),
        }
    }
}

impl core::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::NoModule(error) | Self::NoAccess(error) | Self::Io(_, error) => Some(error),
            Self::Name(_)
            | Self::NotPermitted(_)
            | Self::NoDevice(_)
            | Self::Busy(_)
            | Self::OtherKind(_)
            | Self::Down(_)
            | Self::Descriptor(_) => None,
        }
    }
}

impl From<OpenError> for io::Error {
    /// With the text, and the kind that fits.
    fn from(error: OpenError) -> Self {
        let kind = match &error {
            OpenError::Name(_) | OpenError::OtherKind(_) | OpenError::Descriptor(_) => io::ErrorKind::InvalidInput,
            OpenError::NoModule(_) => io::ErrorKind::Unsupported,
            OpenError::NoAccess(_) | OpenError::NotPermitted(_) => io::ErrorKind::PermissionDenied,
            OpenError::NoDevice(_) => io::ErrorKind::NotFound,
            OpenError::Busy(_) => io::ErrorKind::ResourceBusy,
            OpenError::Down(_) => io::ErrorKind::NetworkDown,
            OpenError::Io(_, cause) => cause.kind(),
        };
        Self::new(kind, error)
    }
}
