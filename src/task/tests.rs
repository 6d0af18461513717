//! Do the waiting forms wait as long as the socket's options say, and no longer?

use std::boxed::Box;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::vec::Vec;

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};

use super::{Handle, TcpStream, calls, poll, select};
use crate::socket::options::Options;
use crate::time::{Duration, Instant};
use crate::{
    Config, Control, Domain, Errno, FdSet, MsgFlags, PollFd, Readiness, Seed, SendMessage, Shutdown, SocketFlags,
    SocketId, Stack, StatusFlags, Type,
};

#[test]
fn a_receive_time_out_is_eagain_and_not_earlier() {
    let mut lab = Lab::new();
    let socket = lab.socket(0, Type::Datagram);
    lab.a(|stack| stack.bind(socket, ([0, 0, 0, 0], 7).into())).expect("a free port");
    let listener = lab.socket(0, Type::Stream);
    lab.a(|stack| stack.listen(listener, 1)).expect("a fresh socket");
    let (client, _server) = lab.connection();
    for id in [socket, listener, client] {
        lab.options(0, id, |options| options.recv_timeout = Some(Duration::from_secs(3)));
    }
    let net = lab.net(0);
    let start = lab.now;
    let mut buffer = [0; 8];
    let mut waits = Task::new(async {
        assert_eq!(calls::recv_with(&net, socket, &mut buffer, MsgFlags::NONE).await, Err(Errno::EAGAIN));
        assert_eq!(calls::accept(&net, listener).await, Err(Errno::EAGAIN));
        assert_eq!(calls::recv_with(&net, client, &mut buffer, MsgFlags::WAITALL).await, Err(Errno::EAGAIN));
    });
    lab.now = start + Duration::from_secs(100);
    let start = lab.now;
    for round in 1..=3 {
        assert!(!waits.is_done(), "the time starts with the step after the call");
        lab.settle();
        assert!(!waits.is_done());
        assert_eq!(lab.next_step(), Some(start + Duration::from_secs(3 * round)), "the stack keeps the time");
        lab.run_until(start + Duration::from_secs(3 * round));
    }
    assert!(waits.is_done());
    lab.run_until(start + Duration::from_secs(60));
    assert_eq!(lab.next_step(), None, "no timer is left");
}

#[test]
fn nonblocking_sockets_and_calls_that_do_not_wait_answer_at_once() {
    let mut lab = Lab::new();
    let (client, _server) = lab.connection();
    let net = lab.net(0);
    let mut buffer = [0; 8];
    assert_eq!(now(calls::recv_with(&net, client, &mut buffer, MsgFlags::DONTWAIT)), Err(Errno::EAGAIN));
    lab.a(|stack| stack.fcntl_setfl(client, StatusFlags::NONBLOCK)).expect("it is open");
    assert_eq!(now(calls::recv_with(&net, client, &mut buffer, MsgFlags::NONE)), Err(Errno::EAGAIN));
    let full = std::vec![0; 100_000];
    assert!(now(calls::send_with(&net, client, &full, MsgFlags::NONE)).is_ok());
    assert_eq!(now(calls::send_with(&net, client, &full, MsgFlags::NONE)), Err(Errno::EAGAIN));
    let fresh = lab.socket(0, Type::Stream);
    lab.a(|stack| stack.fcntl_setfl(fresh, StatusFlags::NONBLOCK)).expect("it is open");
    assert_eq!(now(calls::connect(&net, fresh, B.into())), Err(Errno::EINPROGRESS));
    assert_eq!(now(calls::connect(&net, fresh, B.into())), Err(Errno::EALREADY));
}

#[test]
fn connect_gives_up_waiting_with_einprogress_and_can_be_waited_for_again() {
    let mut lab = Lab::new();
    let listener = lab.listener();
    let client = lab.socket(0, Type::Stream);
    lab.options(0, client, |options| options.send_timeout = Some(Duration::from_millis(500)));
    let net = lab.net(0);
    lab.is_cut = true;
    let start = lab.now;
    let mut first =
        Task::new(async { assert_eq!(calls::connect(&net, client, B.into()).await, Err(Errno::EINPROGRESS)) });
    lab.settle();
    assert!(!first.is_done());
    lab.run_until(start + Duration::from_millis(499));
    assert!(!first.is_done());
    lab.run_until(start + Duration::from_millis(500));
    assert!(first.is_done());
    lab.is_cut = false;
    lab.options(0, client, |options| options.send_timeout = None);
    let mut second = Task::new(async { assert_eq!(calls::connect(&net, client, B.into()).await, Ok(())) });
    lab.run_until(start + Duration::from_secs(2));
    assert!(second.is_done(), "the SYN came again after a second");
    assert!(lab.b(|stack| stack.accept(listener)).is_ok());
}

#[test]
fn wait_all_fills_every_buffer_and_the_end_or_the_time_gives_what_there_is() {
    let mut lab = Lab::new();
    let (client, server) = lab.connection();
    let net = lab.net(1);
    let (mut head, mut body) = ([0; 3], [0; 4]);
    let mut whole = Task::new(async {
        let received = calls::recvmsg(&net, server, &mut [&mut head, &mut body], MsgFlags::WAITALL).await;
        assert_eq!(received.map(|message| (message.len, message.remote)), Ok((7, None)));
    });
    for piece in [b"he".as_slice(), b"ll", b"o, world"] {
        assert!(!whole.is_done());
        lab.a(|stack| stack.send(client, piece)).expect("room");
        lab.pass();
    }
    assert!(whole.is_done());
    drop(whole);
    assert_eq!((&head, &body), (b"hel", b"lo, "));
    lab.options(1, server, |options| options.recv_timeout = Some(Duration::from_secs(1)));
    let mut buffer = [0; 8];
    let mut late = Task::new(async {
        assert_eq!(calls::recv_with(&net, server, &mut buffer, MsgFlags::WAITALL).await, Ok(5), "the time is over");
        assert_eq!(calls::recv_with(&net, server, &mut buffer, MsgFlags::WAITALL).await, Ok(1), "the stream is over");
        assert_eq!(calls::recv_with(&net, server, &mut buffer, MsgFlags::WAITALL).await, Ok(0));
    });
    lab.pass();
    assert!(!late.is_done());
    lab.run_until(lab.now + Duration::from_secs(1));
    assert!(!late.is_done());
    lab.a(|stack| stack.send(client, b"!")).expect("room");
    lab.pass();
    assert!(!late.is_done());
    lab.a(|stack| stack.shutdown(client, Shutdown::Write)).expect("it is connected");
    lab.pass();
    assert!(late.is_done());
}

#[test]
fn an_error_behind_what_wait_all_took_is_for_the_next_call() {
    let mut lab = Lab::new();
    let (client, server) = lab.connection();
    let net = lab.net(1);
    let mut buffer = [0; 8];
    let mut whole = Task::new(async {
        assert_eq!(calls::recv_with(&net, server, &mut buffer, MsgFlags::WAITALL).await, Ok(2));
        assert_eq!(calls::recv_with(&net, server, &mut buffer, MsgFlags::WAITALL).await, Err(Errno::ECONNRESET));
    });
    lab.a(|stack| stack.send(client, b"he")).expect("room");
    lab.b(|stack| stack.send(server, b"unread")).expect("room");
    lab.pass();
    assert!(!whole.is_done());
    lab.a(|stack| stack.close(client)).expect("it is open");
    lab.pass();
    assert!(whole.is_done());
}

#[test]
fn low_water_and_a_look_at_all_wait_without_taking_or_spinning() {
    let mut lab = Lab::new();
    let (client, server) = lab.connection();
    lab.options(1, server, |options| options.recv_low_water = 4);
    let net = lab.net(1);
    let mut buffer = [0; 8];
    let mut reader = Task::new(async {
        let flags = MsgFlags::PEEK | MsgFlags::WAITALL;
        assert_eq!(calls::recv_with(&net, server, &mut buffer[..6], flags).await, Ok(6));
        assert_eq!(calls::recv_with(&net, server, &mut buffer[..2], MsgFlags::NONE).await, Ok(2));
        assert_eq!(calls::recv_with(&net, server, &mut buffer, MsgFlags::NONE).await, Ok(4));
        assert_eq!(calls::recv_with(&net, server, &mut buffer, MsgFlags::NONE).await, Ok(4));
    });
    let send = |lab: &mut Lab, data: &[u8]| {
        lab.a(|stack| stack.send(client, data)).expect("room");
        lab.pass();
    };
    send(&mut lab, b"abc");
    assert!(!lab.b(|stack| stack.readiness(server)).expect("it is open").contains(Readiness::IN));
    assert!(!reader.is_done());
    assert!(!reader.is_woken(), "no news, no wake");
    send(&mut lab, b"de");
    assert!(!reader.is_done());
    send(&mut lab, b"f");
    assert!(!reader.is_done(), "it has 6, looks, takes 2 and 4, and waits again");
    send(&mut lab, b"ghi");
    assert!(!reader.is_done() && !reader.is_woken());
    send(&mut lab, b"j");
    assert!(reader.is_done());
}

#[test]
fn poll_waits_for_any_of_its_sockets_or_the_time() {
    let mut lab = Lab::new();
    let (client, server) = lab.connection();
    let other = lab.socket(1, Type::Datagram);
    let net = lab.net(1);
    let start = lab.now;
    let mut task = Task::new(async {
        let mut fds = [other, server].map(|id| PollFd::new(id, Readiness::IN));
        assert_eq!(poll(&net, &mut fds, Some(Duration::from_secs(1))).await, Ok(0));
        assert_eq!(poll(&net, &mut fds, None).await, Ok(1));
        assert_eq!(fds[1].revents, Readiness::IN);
        assert_eq!(poll(&net, &mut [], None).await, Ok(0));
        assert_eq!(poll(&net, &mut fds[..1], Some(Duration::ZERO)).await, Ok(0));
        assert_eq!(poll(&net, &mut fds[..1], None).await, Ok(1));
        assert_eq!(fds[0].revents, Readiness::NVAL, "closed while it was waited for");
    });
    lab.settle();
    assert!(!task.is_done());
    lab.run_until(start + Duration::from_secs(1));
    assert!(!task.is_done());
    lab.a(|stack| stack.send(client, b"x")).expect("room");
    lab.settle();
    assert!(!task.is_done());
    lab.b(|stack| stack.close(other)).expect("it is open");
    assert!(task.is_done());
}

#[test]
fn select_leaves_those_that_are_ready_and_none_when_the_time_is_over() {
    let mut lab = Lab::new();
    let (client, server) = lab.connection();
    let net = lab.net(1);
    let start = lab.now;
    let mut task = Task::new(async {
        let (mut read, mut write, mut except) = (FdSet::<2>::new(), FdSet::new(), FdSet::new());
        (read.insert(server), except.insert(server)).0.expect("room");
        assert_eq!(select(&net, &mut read, &mut write, &mut except, Some(Duration::from_secs(1))).await, Ok(0));
        assert!(read.is_empty() && except.is_empty());
        read.insert(server).expect("room");
        assert_eq!(select(&net, &mut read, &mut write, &mut except, None).await, Ok(1));
        assert!(read.contains(server));
        let mut stale = FdSet::<2>::new();
        stale.insert(SocketId { index: 99, generation: 0 }).expect("room");
        let nothing = select(&net, &mut read, &mut write, &mut stale, None).await;
        assert_eq!((nothing, read.len(), stale.len()), (Err(Errno::EBADF), 1, 1));
    });
    lab.settle();
    assert!(!task.is_done());
    lab.run_until(start + Duration::from_secs(1));
    assert!(!task.is_done());
    lab.a(|stack| stack.send(client, b"x")).expect("room");
    lab.settle();
    assert!(task.is_done());
}

#[test]
fn a_lingering_close_waits_for_the_last_acknowledgement_or_the_time() {
    for is_cut in [false, true] {
        let mut lab = Lab::new();
        let (client, server) = lab.connection();
        lab.options(0, client, |options| options.linger = Some(Duration::from_secs(5)));
        let start = lab.now;
        lab.a(|stack| stack.send(client, b"goodbye")).expect("room");
        let stream = TcpStream::from_id(&lab.net(0), client);
        let clone = stream.try_clone().expect("room");
        assert!(Task::new(clone.close_lingering()).is_done(), "another handle is left");
        let mut closing = Task::new(stream.close_lingering());
        lab.is_cut = is_cut;
        lab.settle();
        assert!(!closing.is_done(), "smoltcp acknowledges after 10 ms");
        lab.run_until(start + Duration::from_secs(4));
        assert_eq!(closing.is_done(), !is_cut);
        lab.run_until(start + Duration::from_secs(5));
        assert!(closing.is_done());
        assert_eq!(lab.a(|stack| stack.close(client)), Err(Errno::EBADF));
        lab.is_cut = false;
        lab.run_until(start + Duration::from_secs(30));
        assert_eq!(lab.b(|stack| stack.recv(server, &mut [0; 8])), Ok(7));
    }
}

#[test]
fn two_handles_read_and_write_one_connection() {
    let mut lab = Lab::new();
    let (client, server) = lab.connection();
    let net = lab.net(1);
    let reader = TcpStream::from_id(&net, server);
    let writer = reader.try_clone().expect("room");
    let full = std::vec![0; 65_535];
    assert_eq!(now(writer.write(&full)), Ok(65_535));
    let mut buffer = [0; 8];
    let mut reads = Task::new(async { assert_eq!(reader.read(&mut buffer).await, Ok(2)) });
    let mut writes = Task::new(async { assert_eq!(writer.write(b"x").await, Ok(1)) });
    assert!(!reads.is_done() && !writes.is_done());
    lab.a(|stack| stack.send(client, b"hi")).expect("room");
    lab.pass();
    assert!(reads.is_done() && !reads.is_woken());
    let mut taken = 0;
    while let Ok(more) = lab.a(|stack| stack.recv(client, &mut [0; 9_000])) {
        taken += more;
        lab.pass();
    }
    assert_eq!(taken, 65_535);
    assert!(writes.is_done());
}

#[test]
fn control_data_is_told_if_it_was_asked_for() {
    let mut lab = Lab::new();
    let [from, to] = [0, 1].map(|host| lab.socket(host, Type::Datagram));
    lab.b(|stack| stack.bind(to, B.into())).expect("a free port");
    for asks in [false, true] {
        lab.options(1, to, |options| (options.packet_info, options.recv_tos) = (asks, asks));
        lab.options(1, to, |options| options.recv_ttl = asks);
        let control = Control { ttl: Some(7), tos: Some(8), ..Control::NONE };
        let message = SendMessage { pieces: &[b"hello"], to: Some(B.into()), control };
        assert_eq!(lab.a(|stack| stack.sendmsg(from, &message, MsgFlags::NONE)), Ok(5));
        lab.settle();
        let message = lab.b(|stack| stack.recvmsg(to, &mut [&mut [0; 8]], MsgFlags::NONE)).expect("a datagram");
        assert_eq!(
            message.control.packet_info.map(|info| (info.local, info.interface)),
            asks.then_some((B.0.into(), 1))
        );
        assert_eq!((message.control.ttl, message.control.tos), (asks.then_some(7), asks.then_some(8)));
    }
}

#[test]
fn nonblock_is_not_inherited_from_the_listener() {
    let mut lab = Lab::new();
    let listener = lab.listener();
    lab.b(|stack| stack.fcntl_setfl(listener, StatusFlags::NONBLOCK)).expect("it is open");
    for (flags, expected) in [(SocketFlags::NONE, StatusFlags::NONE), (SocketFlags::NONBLOCK, StatusFlags::NONBLOCK)] {
        let client = lab.socket(0, Type::Stream);
        assert_eq!(lab.a(|stack| stack.connect(client, B.into())), Err(Errno::EINPROGRESS));
        lab.settle();
        let (child, _) = lab.b(|stack| stack.accept4(listener, flags)).expect("a connection");
        assert_eq!(lab.b(|stack| stack.fcntl_getfl(child)), Ok(expected));
    }
}

/// Hosts A and B on a cable without delay.
struct Lab {
    hosts: [Rc<RefCell<Stack<'static>>>; 2],
    nics: [Nic; 2],
    now: Instant,
    is_cut: bool,
}

const B: ([u8; 4], u16) = ([192, 0, 2, 2], 80);

impl Lab {
    fn new() -> Self {
        let host = |number: u8| {
            let seed = Seed::new([number; 16]).expect("not zero");
            let address = std::format!("192.0.2.{number}/24").parse().expect("an address");
            let stack = Stack::new(Config::ip(seed).address(address), &Nic::default()).expect("a good configuration");
            Rc::new(RefCell::new(stack))
        };
        Self { hosts: [host(1), host(2)], nics: Default::default(), now: Instant::from_secs(1), is_cut: false }
    }

    fn net(&self, host: usize) -> Rc<RefCell<Stack<'static>>> {
        self.hosts[host].clone()
    }

    fn a<R>(&self, call: impl FnOnce(&mut Stack<'_>) -> R) -> R {
        self.hosts[0].with(call)
    }

    fn b<R>(&self, call: impl FnOnce(&mut Stack<'_>) -> R) -> R {
        self.hosts[1].with(call)
    }

    fn socket(&self, host: usize, kind: Type) -> SocketId {
        self.hosts[host].with(|stack| stack.socket(Domain::Inet, kind)).expect("room")
    }

    fn options(&self, host: usize, id: SocketId, change: impl FnOnce(&mut Options)) {
        self.hosts[host].with(|stack| {
            let index = stack.slots.find(id).expect("it is open");
            change(&mut stack.slots.get_mut(index).options);
        });
    }

    fn listener(&self) -> SocketId {
        let listener = self.socket(1, Type::Stream);
        self.b(|stack| stack.bind(listener, SocketAddr::from(B)).and_then(|()| stack.listen(listener, 5)))
            .expect("a free port");
        listener
    }

    fn connection(&mut self) -> (SocketId, SocketId) {
        let listener = self.listener();
        let client = self.socket(0, Type::Stream);
        assert_eq!(self.a(|stack| stack.connect(client, B.into())), Err(Errno::EINPROGRESS));
        self.settle();
        let (server, _) = self.b(|stack| stack.accept(listener)).expect("a connection");
        self.b(|stack| stack.close(listener)).expect("it is open");
        self.run_until(self.now + Duration::from_secs(1));
        (client, server)
    }

    fn next_step(&self) -> Option<Instant> {
        self.hosts.iter().filter_map(|host| host.with(|stack| stack.next_step())).min()
    }

    /// Lets so much time pass that acknowledgements come, which smoltcp delays by 10 ms.
    fn pass(&mut self) {
        self.run_until(self.now + Duration::from_millis(20));
    }

    /// Lets everything happen that happens without time passing.
    fn settle(&mut self) {
        for _ in 0..1_000 {
            for (host, nic) in self.hosts.iter().zip(&mut self.nics) {
                let _ = host.with(|stack| stack.step(self.now, nic));
            }
            let is_cut = self.is_cut;
            let [a, b] = &mut self.nics;
            let is_quiet = a.sent.is_empty() && b.sent.is_empty();
            let (from_a, from_b) = (std::mem::take(&mut a.sent), std::mem::take(&mut b.sent));
            if !is_cut {
                b.arrived.extend(from_a);
                a.arrived.extend(from_b);
            }
            if is_quiet && self.next_step().is_none_or(|at| at > self.now) {
                return;
            }
        }
        panic!("the stacks spin at {}", self.now);
    }

    fn run_until(&mut self, end: Instant) {
        self.settle();
        while let Some(next) = self.next_step().filter(|at| *at <= end) {
            self.now = self.now.max(next);
            self.settle();
        }
        self.now = end;
        self.settle();
    }
}

/// A future that is polled whenever it was woken.
struct Task<'t> {
    future: Option<Pin<Box<dyn Future<Output = ()> + 't>>>,
    woken: Arc<Woken>,
}

impl<'t> Task<'t> {
    fn new(future: impl Future<Output = ()> + 't) -> Self {
        let mut task = Self { future: Some(Box::pin(future)), woken: Arc::new(Woken(AtomicUsize::new(1))) };
        task.is_done();
        task
    }

    fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::Relaxed) > 0
    }

    fn is_done(&mut self) -> bool {
        let mut polls = 0;
        while self.woken.0.swap(0, Ordering::Relaxed) > 0
            && let Some(future) = &mut self.future
        {
            polls += 1;
            assert!(polls < 100, "it spins");
            let waker = Waker::from(self.woken.clone());
            if future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                self.future = None;
            }
        }
        self.future.is_none()
    }
}

struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a future gives that does not wait.
fn now<R>(future: impl Future<Output = R>) -> R {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("it waits"),
    }
}

#[derive(Default)]
struct Nic {
    arrived: VecDeque<Vec<u8>>,
    sent: Vec<Vec<u8>>,
}

impl Device for Nic {
    type RxToken<'a> = Frame;
    type TxToken<'a> = Sender<'a>;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Frame, Sender<'_>)> {
        let frame = self.arrived.pop_front()?;
        Some((Frame(frame), Sender(&mut self.sent)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Sender<'_>> {
        Some(Sender(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1_500;
        capabilities
    }
}

struct Frame(Vec<u8>);

impl RxToken for Frame {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

struct Sender<'a>(&'a mut Vec<Vec<u8>>);

impl TxToken for Sender<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = std::vec![0; len];
        let result = f(&mut frame);
        self.0.push(frame);
        result
    }
}
