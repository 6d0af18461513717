//! Do the calls of two hosts keep their word, whatever is called, lost and forged?

mod errnos;
mod host;
mod model;
mod net;

use arbitrary::Arbitrary;
use smolsock::Shutdown;
use smolsock::device::Medium;

use crate::Attack;
use net::Net;

/// Two hosts, and what happens to them.
#[derive(Arbitrary, Debug)]
pub struct Calls {
    is_ethernet: bool,
    is_small: bool,
    moves: Vec<Move>,
}

#[derive(Arbitrary, Debug)]
enum Move {
    /// A call on one of the host's descriptors, open or not.
    Call { host: bool, nth: u8, call: Call },
    /// So many of the host's next frames are lost.
    Lose { host: bool, count: u8 },
    /// The host's next frame comes twice.
    Repeat { host: bool },
    /// The host's next frame stays on its way until another comes behind it.
    Hold { host: bool },
    /// Any bytes come from somebody else.
    Frame { host: bool, bytes: Vec<u8> },
    /// A segment comes from somebody else: good checksums, any ports, numbers and flags.
    Segment { host: bool, ports: [u8; 2], seq: u32, ack: u32, flags: u8 },
    /// A datagram comes from somebody else.
    Datagram { host: bool, ports: [u8; 2], len: u8 },
    /// Milliseconds.
    Wait(u16),
}

/// A call; lengths in bytes, addresses and ports by number.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Call {
    Stream,
    Datagram,
    Bind {
        addr: u8,
        port: u8,
    },
    Listen {
        backlog: u8,
    },
    Accept,
    Connect {
        addr: u8,
        port: u8,
    },
    Send {
        len: u16,
    },
    SendTo {
        len: u16,
        addr: u8,
        port: u8,
    },
    Recv {
        len: u16,
    },
    Peek {
        len: u16,
    },
    Shutdown {
        how: u8,
    },
    Close,
    Dup,
    Disconnect,
    /// `SO_LINGER` of 0 s: `close` resets.
    Abortive {
        on: bool,
    },
    ReuseAddress {
        on: bool,
    },
    TakeError,
    Poll,
}

impl Attack for Calls {
    fn play(self) {
        let medium = if self.is_ethernet { Medium::Ethernet } else { Medium::Ip };
        let mut net = Net::new(medium, self.is_small);
        for one in self.moves.into_iter().take(MOVES_MAX) {
            match one {
                Move::Call { host, nth, call } => net.call(host.into(), nth.into(), call),
                Move::Lose { host, count } => net.wires[usize::from(host)].losses = count % 8,
                Move::Repeat { host } => net.wires[usize::from(host)].repeats = true,
                Move::Hold { host } => net.wires[usize::from(host)].holds = true,
                Move::Frame { host, bytes } => net.forge(host.into(), bytes),
                Move::Segment { host, ports, seq, ack, flags } => {
                    net.forge_segment(host.into(), ports, [seq, ack], flags);
                }
                Move::Datagram { host, ports, len } => net.forge_datagram(host.into(), ports, len),
                Move::Wait(milliseconds) => net.wait_ms(milliseconds.into()),
            }
            net.look();
        }
        net.end();
    }
}

fn how(number: u8) -> Shutdown {
    [Shutdown::Read, Shutdown::Write, Shutdown::Both][usize::from(number % 3)]
}

const MOVES_MAX: usize = 400;
