//! What travels with the bytes of a message?

use core::net::{IpAddr, SocketAddr};

use super::flags::MsgFlags;
use crate::bytes;

/// What [`Stack::sendmsg`](crate::Stack::sendmsg) sends (`struct msghdr`).
#[derive(Debug, Clone, Copy, Default)]
pub struct SendMessage<'m> {
    /// The bytes, in as many pieces as there are: of a stream one after another, or together one datagram.
    pub pieces: &'m [&'m [u8]],
    /// To whom; `None`: the connected peer.
    pub to: Option<SocketAddr>,
    /// How this datagram is sent; a stream ignores it, as on Linux.
    pub control: Control,
}

/// What [`Stack::recvmsg`](crate::Stack::recvmsg) received (`struct msghdr`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecvMessage {
    /// Bytes copied into the caller's buffers (of a stream with [`MsgFlags::TRUNC`]: thrown away).
    pub len: usize,
    /// Bytes the datagram carried; more than `len` if the buffers were too small. Of a stream: `len`.
    pub full_len: usize,
    /// [`MsgFlags::TRUNC`], if the datagram was larger than the buffers.
    pub flags: MsgFlags,
    /// Who sent the datagram; `None` for a stream.
    pub remote: Option<SocketAddr>,
    /// What the socket's options asked to be told.
    pub control: Control,
}

/// Ancillary data of one datagram (cmsg(3)). Sending, `None` means: as the socket's options say. Receiving, it
/// means: the option that asks for it is off, or it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Control {
    /// `IP_PKTINFO`, `IPV6_PKTINFO`. Received: where the datagram was sent to. Sent: the source address.
    pub packet_info: Option<PacketInfo>,
    /// `IP_TTL`, `IPV6_HOPLIMIT`.
    pub ttl: Option<u8>,
    /// `IP_TOS`, `IPV6_TCLASS`.
    pub tos: Option<u8>,
}

/// Address and interface of one datagram on this host (`struct in_pktinfo`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketInfo {
    /// Received: the address it was sent to. Sent: the own address it carries; unspecified: as without.
    pub local: IpAddr,
    /// The interface's number: 1, the only one. Sent: 0 leaves the choice to the stack.
    pub interface: u32,
}

impl Control {
    /// Nothing.
    pub const NONE: Self = Self { packet_info: None, ttl: None, tos: None };
}

impl RecvMessage {
    /// Bytes of a stream, which have no sender and no control data.
    pub(crate) const fn of_stream(len: usize) -> Self {
        Self { len, full_len: len, flags: MsgFlags::NONE, remote: None, control: Control::NONE }
    }
}

/// The number of the one interface.
pub(crate) const INTERFACE: u32 = 1;

/// How many bytes the pieces hold together.
pub(crate) fn total(pieces: &[&[u8]]) -> usize {
    pieces.iter().fold(0, |sum: usize, piece| sum.saturating_add(piece.len()))
}

/// How many bytes the buffers take together.
pub(crate) fn room(buffers: &[&mut [u8]]) -> usize {
    buffers.iter().fold(0, |sum: usize, buffer| sum.saturating_add(buffer.len()))
}

/// Copies `data` into the buffers, one after another. Returns how much found room.
#[expect(clippy::arithmetic_side_effects, reason = "no more than `data` is copied")]
pub(crate) fn scatter(data: &[u8], buffers: &mut [&mut [u8]]) -> usize {
    let mut copied = 0;
    for buffer in buffers {
        copied += bytes::copy(data.get(copied..).unwrap_or_default(), buffer);
    }
    copied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scatter_fills_one_buffer_after_another() {
        let (mut a, mut b, mut c) = ([0; 2], [0; 0], [0; 4]);
        assert_eq!(scatter(b"hello", &mut [&mut a, &mut b, &mut c]), 5);
        assert_eq!((&a, &c), (b"he", b"llo\0"));
        assert_eq!(scatter(b"hello", &mut [&mut a]), 2);
        assert_eq!(scatter(b"", &mut [&mut a]), 0);
        assert_eq!(scatter(b"x", &mut []), 0);
    }

    #[test]
    fn a_total_never_overflows() {
        assert_eq!(total(&[b"ab", b"", b"c"]), 3);
        assert_eq!(total(&[]), 0);
    }
}
