#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(not(feature = "tap"), forbid(unsafe_code))]
// Bytes from the network, a call or a full table never cause a panic: whatever could has to say why it does not. Tests may.
#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

pub mod addr;
#[cfg(feature = "std")]
pub mod blocking;
mod bytes;
mod config;
mod count;
mod demux;
pub mod device;
mod errno;
#[cfg(feature = "inspect")]
pub mod inspect;
mod invariant;
pub mod manual;
mod readiness;
mod siphash;
mod socket;
mod stack;
#[cfg(feature = "async")]
pub mod task;
pub mod time;
pub mod view;

pub use config::{ADDRESSES_MAX, Config, ConfigError, Seed, TCP_RECV_BYTES_MAX, TCP_SEND_BYTES_MAX};
pub use demux::ports::EPHEMERAL_MIN;
pub use errno::Errno;
pub use readiness::poll::PollFd;
pub use readiness::select::FdSet;
pub use readiness::{Interest, Readiness};
pub use socket::flags::{MsgFlags, SocketFlags, StatusFlags};
pub use socket::message::{Control, PacketInfo, RecvMessage, SendMessage};
pub use socket::options::Congestion;
pub use socket::options::sockopt;
pub use socket::tcp::TcpState;
pub use socket::udp::Datagram;
pub use socket::{Domain, Shutdown, SocketId, Type};
pub use stack::{Counters, Stack, Step, Storage, StorageError};

/// What the examples in this documentation start from.
#[doc(hidden)]
#[cfg(feature = "alloc")]
pub mod doctest {
    use crate::device::{Loopback, Medium};
    use crate::{Config, Seed, Stack};

    /// A host 192.0.2.1/24, 2001:db8::1/64 on a device of its own.
    #[expect(clippy::unreachable, reason = "examples start from it, nothing else")]
    pub fn stack() -> (Stack<'static>, Loopback) {
        let device = Loopback::new(Medium::Ip);
        let build = || -> Option<Stack<'static>> {
            let config = Config::ip(Seed::new([1; 16]).ok()?)
                .address("192.0.2.1/24".parse().ok()?)
                .address("2001:db8::1/64".parse().ok()?);
            Stack::new(config, &device).ok()
        };
        match build() {
            Some(stack) => (stack, device),
            None => unreachable!("these addresses are good"),
        }
    }
}
