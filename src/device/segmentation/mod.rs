//! Which devices cut large TCP segments themselves, and how are they told? (TSO: TCP segmentation offload)
//!
//! smoltcp has the words for it only with its feature `segmentation-offload`, which comes with `tap`.

use core::num::NonZeroU16;

#[cfg(feature = "tap")]
mod enabled;
#[cfg(feature = "tap")]
pub(crate) use enabled::{ask, asked_of, grant, of};

#[cfg(not(feature = "tap"))]
mod disabled;
#[cfg(not(feature = "tap"))]
pub(crate) use disabled::{ask, asked_of, grant, of};

/// The largest IP packets with a TCP segment that a device cuts for us, bytes; `None`: it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Segmentation {
    pub(crate) ipv4: Option<u16>,
    pub(crate) ipv6: Option<u16>,
}

impl Segmentation {
    /// The same, in packets of at most `bytes` bytes.
    pub(crate) fn at_most(self, bytes: usize) -> Self {
        let bytes = u16::try_from(bytes).unwrap_or(u16::MAX);
        Self { ipv4: self.ipv4.map(|len| len.min(bytes)), ipv6: self.ipv6.map(|len| len.min(bytes)) }
    }

    /// Whether it cuts any.
    #[inline]
    pub(crate) const fn is_any(self) -> bool {
        self.ipv4.is_some() || self.ipv6.is_some()
    }
}

/// Which segments of a connection the device cuts into pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pieces {
    /// Those that smoltcp asks for: IPv4, where the device can.
    Usual,
    /// IPv6, into pieces of so many bytes of payload.
    OfIpv6(NonZeroU16),
    /// None.
    None,
}
