//! How does one chosen packet reach smoltcp, and how does its reply get out?

use smoltcp::phy::{Device, DeviceCapabilities, RxToken, TxToken};
use smoltcp::time::Instant;

use super::outlet::{Log, Path};

/// A device that holds exactly one received IP packet, and the transmit token that came with it.
///
/// smoltcp's interface pulls frames out of a device; this one lets the demux look at a frame first
/// and then hand its packet over together with the one socket it belongs to.
pub(crate) struct OneFrame<'f, T> {
    packet: Option<&'f [u8]>,
    reply: Option<T>,
    /// How a reply is framed, and what it was.
    pub(crate) log: Log,
}

impl<'f, T: TxToken> OneFrame<'f, T> {
    /// `packet`: without its frame; `reply`: used if smoltcp answers at once, framed as `path` says.
    pub(crate) fn new(packet: &'f [u8], reply: T, path: Path) -> Self {
        Self { packet: Some(packet), reply: Some(reply), log: Log::new(path) }
    }

    /// The packet can be received once more, unless it was answered: there is one reply. Whether it can.
    pub(crate) fn comes_again(&mut self, packet: &'f [u8]) -> bool {
        self.packet = self.reply.as_ref().map(|_| packet);
        self.packet.is_some()
    }
}

impl<'f, T: TxToken> Device for OneFrame<'f, T> {
    type RxToken<'a>
        = Packet<'f>
    where
        Self: 'a;
    type TxToken<'a>
        = Reply<'a, T>
    where
        Self: 'a;

    fn receive(&mut self, _timestamp: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        Some((Packet(self.packet.take()?), Reply { token: &mut self.reply, log: &mut self.log }))
    }

    fn transmit(&mut self, _timestamp: Instant) -> Option<Self::TxToken<'_>> {
        None
    }

    fn capabilities(&self) -> DeviceCapabilities {
        // The interface was told its capabilities when it was built.
        DeviceCapabilities::default()
    }
}

/// The packet, on its way in.
pub(crate) struct Packet<'f>(&'f [u8]);

impl RxToken for Packet<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// The place for a reply.
pub(crate) struct Reply<'a, T> {
    token: &'a mut Option<T>,
    log: &'a mut Log,
}

impl<T: TxToken> TxToken for Reply<'_, T> {
    #[expect(clippy::unreachable, reason = "there is no frame to write into, and something has to be returned")]
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        match self.token.take() {
            Some(token) => self.log.send(token, len, f),
            // One receive hands out one token and a token is consumed once.
            None => unreachable!("a reply token is used once"),
        }
    }

    fn set_meta(&mut self, meta: smoltcp::phy::PacketMeta) {
        if let Some(token) = self.token {
            token.set_meta(meta);
        }
    }
}
