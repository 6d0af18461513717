//! Can any sequence of TCP segments, aimed at the edges of what is expected, make a stack panic, spin, lose a socket or keep one?

use arbitrary::Arbitrary;
use smolsock::device::Medium;
use smolsock::time::Duration;
use smolsock::{Errno, Shutdown};

use crate::Attack;
use crate::victim::{SOCKETS, Segment, Socket, Victim, at};

/// Segments, calls and time.
#[derive(Arbitrary, Debug)]
pub struct Segments {
    is_small: bool,
    moves: Vec<Move>,
}

#[derive(Arbitrary, Debug)]
enum Move {
    Segment(Segment),
    /// Milliseconds.
    Wait(u16),
    /// Whether the device takes what is sent.
    Room(bool),
    Send {
        socket: u8,
        len: u16,
    },
    Recv {
        socket: u8,
        len: u16,
    },
    Shutdown {
        socket: u8,
    },
    /// To a port of the peer that nobody else talks to.
    Connect {
        port: u8,
    },
}

impl Attack for Segments {
    fn play(self) {
        let mut victim = Victim::new(Medium::Ip, self.is_small);
        for one in self.moves {
            make(&mut victim, one);
            assert!(victim.sockets.iter().all(|id| victim.stack.readiness(*id).err() != Some(Errno::EBADF)));
        }
        victim.port.has_room = true;
        victim.end();
    }
}

fn make(victim: &mut Victim, one: Move) {
    match one {
        Move::Segment(segment) => victim.receive_segment(&segment),
        // A full device is asked again every millisecond.
        Move::Wait(ms) => victim.wait(Duration::from_millis(if victim.port.has_room { ms } else { ms % 500 }.into())),
        Move::Room(has_room) => victim.port.has_room = has_room,
        Move::Send { socket, len } => drop(victim.stack.send(victim.socket(socket), &vec![1; len.into()])),
        Move::Recv { socket, len } => drop(victim.stack.recv(victim.socket(socket), &mut vec![0; len.into()])),
        Move::Shutdown { socket } => drop(victim.stack.shutdown(victim.socket(socket), Shutdown::Write)),
        Move::Connect { port } => victim.connect(at("192.0.2.2", 1_000 + u16::from(port))),
    }
    if let Ok((id, _)) = victim.stack.accept(victim.sockets[Socket::Listener as usize]) {
        victim.keep(id, 2 * SOCKETS);
    }
    victim.settle();
}
