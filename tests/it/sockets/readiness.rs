//! Does readiness agree with the next call, whatever was called before?
//!
//! Random calls on random sockets of two hosts, with frames lost and time passing in between. Before each call,
//! readiness says what the call may answer; afterwards nothing has panicked, and in the end nothing has leaked.

use proptest::prelude::*;
use smolsock::{Errno, FdSet, MsgFlags, PollFd, Readiness, Shutdown, SocketId, Stack, TcpState, Type};

use crate::pair::{ALL, End, Net, Pair, secs};

proptest! {
    #![proptest_config(crate::properties::cases(48))]

    #[test]
    fn readiness_agrees_with_the_next_call(
        net in prop::sample::select(ALL.to_vec()),
        buffers in prop::sample::select(vec![(1, 1), (100, 3_000), (3_000, 100), (65_535, 65_535)]),
        queue in 1_usize..6,
        acts in prop::collection::vec(any_act(), 1..120),
    ) {
        let mut play = Play::new(net, buffers, queue);
        for act in acts {
            play.act(act);
            play.look();
        }
        play.end();
    }
}

/// One thing that the applications, the cable or the clock may do. Numbers choose a socket modulo how many there are.
#[derive(Debug, Clone)]
enum Act {
    Socket(End, bool),
    Dup(End, u8),
    Bind(End, u8, u16),
    Listen(End, u8, u8),
    Connect(End, u8, u16),
    Accept(End, u8),
    Send(End, u8, u16),
    SendTo(End, u8, u16, u16),
    Recv(End, u8, u16),
    Shutdown(End, u8, u8),
    Close(End, u8),
    TakeError(End, u8),
    Settle,
    Pass(u32),
    Cut(bool),
    Lossy(u8, u8),
}

fn any_act() -> impl Strategy<Value = Act> {
    let end = || prop_oneof![Just(End::A), Just(End::B)];
    let port = || prop::sample::select(vec![0_u16, 1, 2, 3]);
    prop_oneof![
        2 => (end(), any::<bool>()).prop_map(|(end, stream)| Act::Socket(end, stream)),
        1 => (end(), any::<u8>()).prop_map(|(end, id)| Act::Dup(end, id)),
        2 => (end(), any::<u8>(), port()).prop_map(|(end, id, port)| Act::Bind(end, id, port)),
        2 => (end(), any::<u8>(), 0..3_u8).prop_map(|(end, id, backlog)| Act::Listen(end, id, backlog)),
        4 => (end(), any::<u8>(), port()).prop_map(|(end, id, port)| Act::Connect(end, id, port)),
        4 => (end(), any::<u8>()).prop_map(|(end, id)| Act::Accept(end, id)),
        6 => (end(), any::<u8>(), 0..2_000_u16).prop_map(|(end, id, len)| Act::Send(end, id, len)),
        3 => (end(), any::<u8>(), port(), 0..1_400_u16).prop_map(|(end, id, port, len)| Act::SendTo(end, id, port, len)),
        6 => (end(), any::<u8>(), 0..3_000_u16).prop_map(|(end, id, len)| Act::Recv(end, id, len)),
        2 => (end(), any::<u8>(), 0..3_u8).prop_map(|(end, id, how)| Act::Shutdown(end, id, how)),
        2 => (end(), any::<u8>()).prop_map(|(end, id)| Act::Close(end, id)),
        1 => (end(), any::<u8>()).prop_map(|(end, id)| Act::TakeError(end, id)),
        8 => Just(Act::Settle),
        3 => (0..5_000_000_u32).prop_map(Act::Pass),
        1 => any::<bool>().prop_map(Act::Cut),
        2 => (2..6_u8, 0..8_u8).prop_map(|(n, bit)| Act::Lossy(n, bit)),
    ]
}

struct Play {
    net: Net,
    pair: Pair<'static>,
    /// Open sockets of both hosts.
    open: [Vec<SocketId>; 2],
}

impl Play {
    fn new(net: Net, (recv_bytes, send_bytes): (usize, usize), queue: usize) -> Self {
        let pair = Pair::tuned(net, |config| {
            (config.tcp_recv_bytes, config.tcp_send_bytes) = (recv_bytes, send_bytes);
            (config.udp_recv_bytes, config.udp_send_bytes) = (3_000, 2_000);
            config.udp_queue_datagrams = queue;
            config.sockets_max = 12;
            config.half_open_max = 2;
            config.time_wait_max = 2;
            config.user_timeout = secs(20);
        });
        Self { net, pair, open: [Vec::new(), Vec::new()] }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Socket(end, is_stream) => {
                let kind = if is_stream { Type::Stream } else { Type::Datagram };
                let domain = self.net.domain;
                match self.stack(end).socket(domain, kind) {
                    Ok(id) => self.open[end as usize].push(id),
                    Err(error) => assert_eq!(error, Errno::EMFILE),
                }
            }
            Act::Dup(end, nth) => {
                let mut copy = None;
                self.with(end, nth, |stack, id| copy = stack.dup(id).ok());
                self.open[end as usize].extend(copy);
            }
            Act::Bind(end, nth, port) => {
                let local = self.net.any(port);
                self.with(end, nth, |stack, id| either_way(stack.bind(id, local)));
            }
            Act::Listen(end, nth, backlog) => {
                self.with(end, nth, |stack, id| either_way(stack.listen(id, backlog.into())))
            }
            Act::Connect(end, nth, port) => {
                let remote = self.remote(end, port);
                self.with(end, nth, |stack, id| either_way(stack.connect(id, remote)));
            }
            Act::Accept(end, nth) => {
                let mut accepted = None;
                self.with(end, nth, |stack, id| accepted = accept(stack, id));
                self.open[end as usize].extend(accepted);
            }
            Act::Send(end, nth, len) => self.with(end, nth, |stack, id| send(stack, id, len.into())),
            Act::SendTo(end, nth, port, len) => {
                let remote = self.remote(end, port);
                self.with(end, nth, |stack, id| either_way(stack.send_to(id, &vec![1; len.into()], remote)));
            }
            Act::Recv(end, nth, len) => self.with(end, nth, |stack, id| recv(stack, id, len.into())),
            Act::Shutdown(end, nth, how) => {
                let how = [Shutdown::Read, Shutdown::Write, Shutdown::Both][usize::from(how)];
                self.with(end, nth, |stack, id| either_way(stack.shutdown(id, how)));
            }
            Act::Close(end, nth) => {
                self.with(end, nth, |stack, id| stack.close(id).expect("it is open"));
                let open = &mut self.open[end as usize];
                if !open.is_empty() {
                    let nth = usize::from(nth) % open.len();
                    open.remove(nth);
                }
            }
            Act::TakeError(end, nth) => self.with(end, nth, |stack, id| {
                let had_error = stack.readiness(id).expect("it is open").contains(Readiness::ERR);
                assert_eq!(stack.take_error(id).expect("it is open").is_some(), had_error);
                assert!(!stack.readiness(id).expect("it is open").contains(Readiness::ERR));
            }),
            Act::Settle => self.pair.settle(),
            Act::Pass(micros) => self.pair.run_for(std::time::Duration::from_micros(micros.into())),
            Act::Cut(true) => self.pair.cut(),
            Act::Cut(false) => self.pair.mend(),
            Act::Lossy(n, salt) => {
                let mut state = u32::from(n) * 7919 + u32::from(salt) * 104_729 + 1;
                self.pair.carries = Box::new(move |_| {
                    state ^= state << 13;
                    state ^= state >> 17;
                    state ^= state << 5;
                    state % u32::from(n) != 0
                });
            }
        }
    }

    /// A look at every socket changes nothing, and gives what readiness says; poll and select say the same.
    fn look(&mut self) {
        for end in [End::A, End::B] {
            let open = self.open[end as usize].clone();
            let stack = self.stack(end);
            let mut fds: Vec<PollFd> = open.iter().map(|id| PollFd::new(*id, Readiness::IN | Readiness::OUT)).collect();
            let found = stack.poll(&mut fds).expect("no call of poll fails");
            assert_eq!(found, fds.iter().filter(|fd| !fd.revents.is_empty()).count());
            let (mut read, mut write, mut except) = (FdSet::<64>::new(), FdSet::new(), FdSet::new());
            for id in open.iter().take(64) {
                (read.insert(*id), write.insert(*id)).0.expect("room");
            }
            assert_eq!(stack.select(&mut read, &mut write, &mut except), Ok(read.len() + write.len()));
            for fd in fds.into_iter().take(64) {
                let ready = stack.readiness(fd.id).expect("it is open");
                assert_eq!(read.contains(fd.id), ready.intersects(Readiness::IN | Readiness::HUP | Readiness::ERR));
                assert_eq!(write.contains(fd.id), ready.intersects(Readiness::OUT | Readiness::ERR));
                assert!(ready.contains(fd.revents));
                // An error would be reported, and be gone.
                if ready.contains(Readiness::ERR) || stack.tcp_state(fd.id) == Ok(TcpState::Listen) {
                    continue;
                }
                let waiting = stack.ioctl_fionread(fd.id).expect("no listener");
                let mut buffer = [0; 4];
                let seen = stack.recv_with(fd.id, &mut buffer, MsgFlags::PEEK);
                assert_eq!(ready.contains(Readiness::IN), seen.is_ok(), "{ready:?} and then {seen:?}");
                assert!(seen.is_err() || seen == Ok(waiting.min(4)), "{waiting} bytes and then {seen:?}");
                assert_eq!(stack.readiness(fd.id), Ok(ready), "a look takes nothing");
            }
        }
    }

    /// When all is closed and time has passed, nothing is left.
    fn end(&mut self) {
        for end in [End::A, End::B] {
            for id in std::mem::take(&mut self.open[end as usize]) {
                self.stack(end).close(id).expect("it is open");
            }
        }
        self.pair.mend();
        self.pair.run_for(secs(400));
        for end in [End::A, End::B] {
            let stack = self.stack(end);
            assert_eq!(stack.netstat().rows().count(), 0, "{end:?} keeps\n{}", stack.netstat());
            for _ in 0..12 {
                stack.socket(smolsock::Domain::Inet, Type::Datagram).expect("all places are free again");
            }
        }
        assert_eq!(self.pair.next_step(), None, "nothing is left to happen");
    }

    fn with(&mut self, end: End, nth: u8, call: impl FnOnce(&mut Stack<'_>, SocketId)) {
        let open = &self.open[end as usize];
        if !open.is_empty() {
            let id = open[usize::from(nth) % open.len()];
            call(self.stack(end), id);
        }
    }

    fn stack(&mut self, end: End) -> &mut Stack<'static> {
        match end {
            End::A => &mut self.pair.a,
            End::B => &mut self.pair.b,
        }
    }

    fn remote(&self, from: End, port: u16) -> std::net::SocketAddr {
        match from {
            _ if port == 3 => self.net.host(9, 3),
            End::A => self.net.b(port),
            End::B => self.net.a(port),
        }
    }
}

/// Calls whose outcome says nothing about readiness.
fn either_way<T>(_: Result<T, Errno>) {}

fn accept(stack: &mut Stack<'_>, id: SocketId) -> Option<SocketId> {
    let ready = stack.readiness(id).expect("it is open");
    let is_listener = stack.tcp_state(id) == Ok(TcpState::Listen);
    let accepted = stack.accept(id);
    if is_listener {
        assert_eq!(accepted.is_ok(), ready.contains(Readiness::IN), "{ready:?} and then {accepted:?}");
    }
    accepted.ok().map(|(child, _)| child)
}

fn recv(stack: &mut Stack<'_>, id: SocketId, len: usize) {
    let ready = stack.readiness(id).expect("it is open");
    if stack.tcp_state(id) == Ok(TcpState::Listen) {
        return;
    }
    let received = stack.recv(id, &mut vec![0; len]);
    let can = ready.contains(Readiness::IN);
    assert!(!(can && received == Err(Errno::EAGAIN)), "{ready:?}, and then EAGAIN");
    let gives = received.is_ok() && !(received == Ok(0) && len == 0);
    assert!(can || !gives || ready.contains(Readiness::HUP), "{ready:?}, and then {received:?}");
}

fn send(stack: &mut Stack<'_>, id: SocketId, len: usize) {
    let ready = stack.readiness(id).expect("it is open");
    let sent = stack.send(id, &vec![1; len]);
    assert!(!(ready.contains(Readiness::OUT) && sent == Err(Errno::EAGAIN)), "{ready:?}, and then EAGAIN");
}
