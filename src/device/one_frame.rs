//! How does one chosen frame reach smoltcp, and how does its reply get out?

use smoltcp::phy::{Device, DeviceCapabilities, RxToken, TxToken};
use smoltcp::time::Instant;

/// A device that holds exactly one received frame, and the transmit token that came with it.
///
/// smoltcp's interface pulls frames out of a device; this one lets the demux look at a frame first
/// and then hand it over together with the one socket it belongs to.
pub(crate) struct OneFrame<'f, T> {
    frame: Option<&'f [u8]>,
    reply: Option<T>,
}

impl<'f, T: TxToken> OneFrame<'f, T> {
    /// `frame`: as the device gave it; `reply`: used if smoltcp answers at once.
    pub(crate) fn new(frame: &'f [u8], reply: T) -> Self {
        Self { frame: Some(frame), reply: Some(reply) }
    }

    /// Whether smoltcp sent a reply.
    pub(crate) fn replied(&self) -> bool {
        self.frame.is_none() && self.reply.is_none()
    }
}

impl<'f, T: TxToken> Device for OneFrame<'f, T> {
    type RxToken<'a>
        = Frame<'f>
    where
        Self: 'a;
    type TxToken<'a>
        = Reply<'a, T>
    where
        Self: 'a;

    fn receive(&mut self, _timestamp: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        Some((Frame(self.frame.take()?), Reply(&mut self.reply)))
    }

    fn transmit(&mut self, _timestamp: Instant) -> Option<Self::TxToken<'_>> {
        None
    }

    fn capabilities(&self) -> DeviceCapabilities {
        // The interface took the real device's capabilities when it was built.
        DeviceCapabilities::default()
    }
}

/// The frame, on its way in.
pub(crate) struct Frame<'f>(&'f [u8]);

impl RxToken for Frame<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// The place for a reply.
pub(crate) struct Reply<'a, T>(&'a mut Option<T>);

impl<T: TxToken> TxToken for Reply<'_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        match self.0.take() {
            Some(token) => token.consume(len, f),
            // One receive hands out one token and a token is consumed once.
            None => unreachable!("a reply token is used once"),
        }
    }
}
