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
    /// What has happened before, by number.
    prelude: u8,
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
        for (host, nth, call) in PRELUDES[usize::from(self.prelude) % PRELUDES.len()] {
            net.call(*host, *nth, *call);
        }
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

/// The other host's address, and any.
const OTHER: u8 = 0;
const ANY: u8 = 1;
/// Port 7.
const SEVEN: u8 = 0;

/// Host, number of the descriptor, call: nothing; a connection, accepted, of two hosts; of one with itself; two UDP sockets.
const PRELUDES: [&[(usize, usize, Call)]; 4] = [
    &[],
    &[
        (0, 0, Call::Stream),
        (0, 0, Call::Bind { addr: ANY, port: SEVEN }),
        (0, 0, Call::Listen { backlog: 2 }),
        (1, 0, Call::Stream),
        (1, 0, Call::Connect { addr: OTHER, port: SEVEN }),
        (0, 0, Call::Accept),
    ],
    &[
        (0, 0, Call::Stream),
        (0, 0, Call::Bind { addr: ANY, port: SEVEN }),
        (0, 0, Call::Listen { backlog: 2 }),
        (0, 0, Call::Stream),
        (0, 1, Call::Connect { addr: ANY, port: SEVEN }),
        (0, 0, Call::Accept),
    ],
    &[
        (0, 0, Call::Datagram),
        (0, 0, Call::Bind { addr: ANY, port: SEVEN }),
        (1, 0, Call::Datagram),
        (1, 0, Call::Connect { addr: OTHER, port: SEVEN }),
    ],
];
const MOVES_MAX: usize = 400;
