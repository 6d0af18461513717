//! What does it cost when nobody can listen? Nothing.

use core::net::SocketAddr;

use crate::errno::Errno;
use crate::socket::flags::MsgFlags;
use crate::socket::tcp::TcpState;
use crate::socket::udp::Envelope;
use crate::socket::{Shutdown, Type};
use crate::stack::Stack;
use crate::stack::calls::udp::Received;
use crate::stack::classify::Segment;

/// A call that can fail.
pub(in crate::stack) enum Call {
    Accept,
    Connect,
    Send,
    Shutdown,
    SocketError,
}

impl Stack<'_> {
    #[inline(always)]
    pub(in crate::stack) fn hear_opened(&mut self, _: u32, _: Type) {}

    #[inline(always)]
    pub(in crate::stack) fn hear_accepted(&mut self, _child: u32, _listener: u32) {}

    #[inline(always)]
    pub(in crate::stack) fn hear_sent(&mut self, _: u32, _: &[&[u8]], _: &Result<usize, Errno>) {}

    #[inline(always)]
    pub(in crate::stack) fn hear_received(&mut self, _: u32, _: &[&mut [u8]], _: MsgFlags, _: &Result<usize, Errno>) {}

    #[inline(always)]
    pub(in crate::stack) fn hear_datagram_sent(&mut self, _: u32, _: &Envelope, _: &[&[u8]]) {}

    #[inline(always)]
    pub(in crate::stack) fn hear_datagram_received(
        &mut self,
        _: u32,
        _: &[&mut [u8]],
        _: MsgFlags,
        _: &Result<Option<Received>, Errno>,
    ) {
    }

    #[inline(always)]
    pub(in crate::stack) fn hear_result<T>(&mut self, _: u32, _: Call, _: &Result<T, Errno>) {}

    #[inline(always)]
    pub(in crate::stack) fn hear_shut_down(&mut self, _: u32, _: Shutdown) {}

    #[inline(always)]
    pub(in crate::stack) fn hear_closed(&mut self, _: u32) {}

    #[inline(always)]
    pub(in crate::stack) fn hear_state(&mut self, _: u32) {}

    #[inline(always)]
    pub(in crate::stack) fn hear_transition(&mut self, _: u32, _: TcpState, _: TcpState, _: &Segment) {}

    #[inline(always)]
    pub(in crate::stack) fn hear_gone(&mut self, _: u32) {}

    #[inline(always)]
    pub(in crate::stack) fn hear_handed_over(&mut self, _: u32) {}

    #[inline(always)]
    pub(in crate::stack) fn hear_time_wait_over(&mut self, _: SocketAddr, _: SocketAddr) {}
}
