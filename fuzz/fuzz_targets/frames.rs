//! Can any sequence of frames make a stack panic, spin or lose a socket?
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use smolsock::Errno;
use smolsock::device::Medium;
use smolsock::time::Duration;
use smolsock_fuzz::Victim;

#[derive(Arbitrary, Debug)]
struct Attack {
    is_ethernet: bool,
    moves: Vec<Move>,
}

#[derive(Arbitrary, Debug)]
enum Move {
    /// Any bytes.
    Frame(Vec<u8>),
    /// One of the peer's frames with some bytes changed, cut or lengthened to any length.
    Sample { nth: u8, edits: Vec<(u8, u8)>, len: Option<u16> },
    /// Milliseconds.
    Wait(u16),
    /// Bytes.
    Send(u16),
    /// Bytes of room.
    Recv(u16),
}

fuzz_target!(|attack: Attack| {
    let medium = if attack.is_ethernet { Medium::Ethernet } else { Medium::Ip };
    let mut victim = Victim::new(medium);
    for one in attack.moves {
        match one {
            Move::Frame(frame) => victim.receive(frame),
            Move::Sample { nth, edits, len } => victim.receive_sample(nth, &edits, len),
            Move::Wait(milliseconds) => victim.wait(Duration::from_millis(milliseconds.into())),
            Move::Send(len) => {
                let _ = victim.stack.send(victim.connection, &vec![0; len.into()]);
            }
            Move::Recv(len) => {
                let mut buffer = vec![0; len.into()];
                let _ = victim.stack.recv(victim.connection, &mut buffer);
                let _ = victim.stack.recv_from(victim.datagrams, &mut buffer);
                let _ = victim.stack.accept(victim.listener);
            }
        }
        // Frames never take a descriptor away from the application.
        for id in [victim.listener, victim.connection, victim.datagrams] {
            assert_ne!(victim.stack.readiness(id).err(), Some(Errno::EBADF));
        }
    }
});
