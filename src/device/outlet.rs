//! How many frames left, and did the device refuse one?

use smoltcp::phy::{Device, DeviceCapabilities, RxToken, TxToken};
use smoltcp::time::Instant;

/// The transmit half of a device, counting: smoltcp's egress does not tell a refusal from an empty queue.
pub(crate) struct Outlet<'d, D: ?Sized> {
    device: &'d mut D,
    /// Frames that the device took.
    pub(crate) sent: u64,
    /// Whether the device had no room for a frame since this was last cleared.
    pub(crate) refused: bool,
}

impl<'d, D: Device + ?Sized> Outlet<'d, D> {
    pub(crate) fn new(device: &'d mut D) -> Self {
        Self { device, sent: 0, refused: false }
    }
}

impl<D: Device + ?Sized> Device for Outlet<'_, D> {
    type RxToken<'a>
        = Nothing
    where
        Self: 'a;
    type TxToken<'a>
        = Counted<'a, D::TxToken<'a>>
    where
        Self: 'a;

    fn receive(&mut self, _timestamp: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        None
    }

    fn transmit(&mut self, timestamp: Instant) -> Option<Self::TxToken<'_>> {
        let token = self.device.transmit(timestamp);
        if token.is_none() {
            self.refused = true;
        }
        Some(Counted { token: token?, sent: &mut self.sent })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        // The interface took the real device's capabilities when it was built; asking for them again
        // for every frame would cost a copy.
        DeviceCapabilities::default()
    }
}

/// An outlet receives nothing.
pub(crate) enum Nothing {}

impl RxToken for Nothing {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, _f: F) -> R {
        match self {}
    }
}

/// A transmit token that counts itself when it is used.
pub(crate) struct Counted<'a, T> {
    token: T,
    sent: &'a mut u64,
}

impl<T: TxToken> TxToken for Counted<'_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        *self.sent += 1;
        self.token.consume(len, f)
    }

    fn set_meta(&mut self, meta: smoltcp::phy::PacketMeta) {
        self.token.set_meta(meta);
    }
}
