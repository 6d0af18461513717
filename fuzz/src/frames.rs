//! Can any sequence of frames make a stack panic, spin, lose a socket or keep one?

use arbitrary::Arbitrary;
use smolsock::device::Medium;
use smolsock::sockopt::{IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP, IPV6_JOIN_GROUP, IPV6_LEAVE_GROUP, Membership};
use smolsock::time::Duration;
use smolsock::{Control, Errno, MsgFlags, PollFd, Readiness, SendMessage, Shutdown, sockopt};

use crate::Attack;
use crate::victim::{SOCKETS, Socket, Victim, at, ip};

/// Connections that the application keeps; it closes more.
const ACCEPTED_MAX: usize = 8;

/// Frames, calls and time.
#[derive(Arbitrary, Debug)]
pub struct Frames {
    is_ethernet: bool,
    is_small: bool,
    moves: Vec<Move>,
}

#[derive(Arbitrary, Debug)]
enum Move {
    /// Any bytes.
    Frame(Vec<u8>),
    /// One of the peer's frames with some bytes changed, cut or lengthened to any length.
    Sample { nth: u8, edits: Vec<(u8, u8)>, len: Option<u16> },
    /// A part of one of the peer's packets, in units of 8 bytes.
    Fragment { nth: u8, ident: u8, from: u8, len: u8, more: bool },
    /// An ICMP error about a packet that the stack has sent.
    Error { nth: u8, kind: u8, code: u8, value: u16 },
    /// Milliseconds.
    Wait(u16),
    /// Bytes, and where to: the peer, nobody, a group or the stack itself.
    Send { socket: u8, len: u16, to: Option<u8> },
    /// Bytes of room.
    Recv { socket: u8, len: u16, flags: u8 },
    /// Joins or leaves one of a few groups.
    Group { joins: bool, nth: u8 },
    /// An option by its row in the table, with any bytes.
    Option { socket: u8, row: u8, value: [u8; 4] },
    /// A call without data.
    Call { socket: u8, which: u8 },
}

impl Attack for Frames {
    fn play(self) {
        let medium = if self.is_ethernet { Medium::Ethernet } else { Medium::Ip };
        let mut victim = Victim::new(medium, self.is_small);
        for one in self.moves {
            make(&mut victim, one);
            // Frames never take a descriptor away from the application.
            for id in &victim.sockets {
                assert_ne!(victim.stack.readiness(*id).err(), Some(Errno::EBADF));
            }
        }
        victim.end();
    }
}

fn make(victim: &mut Victim, one: Move) {
    match one {
        Move::Frame(frame) => victim.receive(frame),
        Move::Sample { nth, edits, len } => victim.receive_sample(nth, &edits, len),
        Move::Fragment { nth, ident, from, len, more } => victim.receive_fragment(nth, ident, from, len, more),
        Move::Error { nth, kind, code, value } => victim.receive_error(nth, kind, code, value),
        Move::Wait(milliseconds) => victim.wait(Duration::from_millis(milliseconds.into())),
        Move::Send { socket, len, to } => send(victim, socket, len, to),
        Move::Recv { socket, len, flags } => recv(victim, socket, len, flags),
        Move::Group { joins, nth } => group(victim, joins, nth),
        Move::Option { socket, row, value } => option(victim, socket, row, value),
        Move::Call { socket, which } => call(victim, socket, which),
    }
    victim.settle();
}

fn send(victim: &mut Victim, socket: u8, len: u16, to: Option<u8>) {
    let id = victim.socket(socket);
    let mut data = vec![0; len.into()];
    // A good start for an echo request, or for an IPv4 header, or neither.
    let start: &[u8] = [&[8, 0], &[128, 0], &[0x45, 0], &[0, 0]][usize::from(socket / 64)];
    for (byte, wanted) in data.iter_mut().zip(start) {
        *byte = *wanted;
    }
    let to = to.map(|nth| {
        let names = ["192.0.2.2", "2001:db8::2", "192.0.2.77", "2001:db8::77", "127.0.0.1", "::1", "192.0.2.1"];
        let groups = ["2001:db8::1", "239.1.2.3", "ff02::1234", "255.255.255.255", "::ffff:192.0.2.2", "0.0.0.0"];
        let all = names.iter().chain(&groups);
        at(all.clone().nth(usize::from(nth) % all.count()).expect("less than their number"), 9)
    });
    let control = Control { ttl: len.is_multiple_of(3).then_some(len as u8), ..Control::NONE };
    let message = SendMessage { pieces: &[&data], to, control };
    let _ = victim.stack.sendmsg(id, &message, MsgFlags::NONE);
}

fn recv(victim: &mut Victim, socket: u8, len: u16, flags: u8) {
    let id = victim.socket(socket);
    let mut buffer = vec![0; len.into()];
    let (head, tail) = buffer.split_at_mut(usize::from(len / 3));
    let flags = [MsgFlags::NONE, MsgFlags::PEEK, MsgFlags::TRUNC, MsgFlags::WAITALL][usize::from(flags % 4)];
    let _ = victim.stack.recvmsg(id, &mut [head, tail], flags);
    if let Ok((new, _)) = victim.stack.accept(victim.sockets[Socket::Listener as usize]) {
        victim.keep(new, SOCKETS + ACCEPTED_MAX);
    }
}

fn group(victim: &mut Victim, joins: bool, nth: u8) {
    let id = victim.sockets[Socket::Datagrams as usize];
    let v4 = ["239.1.2.3", "239.1.2.4", "224.0.0.1"];
    let v6 = ["ff02::1234", "ff02::4321", "ff02::1"];
    let number = usize::from(nth / 2 % 3);
    let (option, group) = match (nth % 2, joins) {
        (0, true) => (IP_ADD_MEMBERSHIP, v4[number]),
        (0, false) => (IP_DROP_MEMBERSHIP, v4[number]),
        (_, true) => (IPV6_JOIN_GROUP, v6[number]),
        (_, false) => (IPV6_LEAVE_GROUP, v6[number]),
    };
    let _ = victim.stack.setsockopt(id, option, Membership::of(ip(group)));
}

fn option(victim: &mut Victim, socket: u8, row: u8, value: [u8; 4]) {
    let id = victim.socket(socket);
    let rows = sockopt::table();
    let row = &rows[usize::from(row) % rows.len()];
    let (level, number) = (row.level.number(), row.number);
    let _ = victim.stack.setsockopt_raw(id, level, number, &value);
    let mut buffer = [0; 256];
    let _ = victim.stack.getsockopt_raw(id, level, number, &mut buffer);
}

fn call(victim: &mut Victim, socket: u8, which: u8) {
    let id = victim.socket(socket);
    let stack = &mut victim.stack;
    match which % 10 {
        0 => drop(stack.shutdown(id, Shutdown::Read)),
        1 => drop(stack.shutdown(id, Shutdown::Write)),
        2 => drop(stack.disconnect(id)),
        3 => drop(stack.connect(id, at("192.0.2.2", 9))),
        4 => drop(stack.connect(id, at("2001:db8::2", 9))),
        5 => drop(stack.connect(id, at("127.0.0.1", 7))),
        6 => drop(stack.connect(id, at("::1", 9))),
        7 => drop(stack.bind(id, at("0.0.0.0", 9))),
        8 => {
            if let Ok(copy) = stack.dup(id) {
                stack.close(copy).expect("it is open");
            }
        }
        _ => {
            let mut fds: Vec<PollFd> = victim.sockets.iter().map(|id| PollFd::new(*id, Readiness::IN)).collect();
            let _ = victim.stack.poll(&mut fds);
        }
    }
}
