//! What must a contender be able to do, so that all of them run the very same workload?

use crate::wire::Side;

/// Bytes of buffer for each connection end.
#[derive(Clone, Copy, Debug)]
pub struct Buffers {
    /// For what has arrived and was not read.
    pub recv_bytes: usize,
    /// For what was written and is not acknowledged.
    pub send_bytes: usize,
}

impl Buffers {
    /// For many connections with little to say.
    pub const SMALL: Buffers = Buffers { recv_bytes: 256, send_bytes: 256 };
    /// For bulk: 64 KiB, the receive side one byte less because a window without scaling ends there.
    pub const LARGE: Buffers = Buffers { recv_bytes: 65_535, send_bytes: 65_536 };
}

/// Two stacks, a wire between them, and a virtual clock that moves 1 µs with every call to `transmit`.
///
/// Receiving and sending are apart so that the application acts in between: with `Interface::poll`, which does
/// both, plain smoltcp would walk its sockets half as often again.
pub trait Pair {
    /// Both ends of one connection.
    type Conn: Copy;

    /// A pair without connections that will hold up to `conns_max`.
    fn new(buffers: Buffers, conns_max: usize) -> Self;

    /// Opens one more connection; on return it is established at both ends and nothing is in flight.
    fn connect(&mut self) -> Self::Conn;

    /// Writes; returns the bytes taken.
    fn send(&mut self, side: Side, conn: Self::Conn, bytes: &[u8]) -> usize;

    /// Reads; returns the bytes given, 0 if there are none.
    fn recv(&mut self, side: Side, conn: Self::Conn, bytes: &mut [u8]) -> usize;

    /// Lets one side take in all that has arrived.
    fn receive(&mut self, side: Side);

    /// Lets one side send all that is due.
    fn transmit(&mut self, side: Side);

    /// One short connection from beginning to end: on fresh sockets connect, one byte, close from both ends; the
    /// clock then moves past smoltcp's TIME-WAIT of 10 seconds.
    fn short_connection(&mut self);

    /// Packets on the wire so far.
    fn packets(&self) -> u64;
}
