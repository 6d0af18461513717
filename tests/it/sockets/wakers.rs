//! Who is woken, and when?

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use smolsock::{Domain, Interest, Shutdown, SocketId, Stack, Type};

use crate::pair::{IP, Pair, secs};

#[test]
fn a_reader_is_woken_by_data_and_not_before() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    let woken = Count::at(&mut pair.b, server, Interest::Read);
    pair.run_for(secs(100));
    assert_eq!(woken.get(), 0);
    pair.a.send(client, b"x").expect("room");
    pair.settle();
    assert_eq!(woken.get(), 1);
    pair.a.send(client, b"y").expect("room");
    pair.settle();
    assert_eq!(woken.get(), 1, "a waker is used once");
}

#[test]
fn a_waker_that_comes_too_late_is_woken_at_once() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    pair.a.send(client, b"x").expect("room");
    pair.settle();
    assert_eq!(Count::at(&mut pair.b, server, Interest::Read).get(), 1);
    assert_eq!(Count::at(&mut pair.b, server, Interest::Write).get(), 1);
}

#[test]
fn a_reader_is_woken_by_the_end_by_a_reset_and_by_its_own_close() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    let end = Count::at(&mut pair.b, server, Interest::Read);
    pair.a.shutdown(client, Shutdown::Write).expect("it is connected");
    pair.settle();
    assert_eq!(end.get(), 1);

    let (client, server) = pair.connection_to(IP, 81);
    pair.b.send(server, b"x").expect("room");
    pair.settle();
    let reset = [Interest::Read, Interest::Write].map(|interest| Count::at(&mut pair.a, client, interest));
    assert_eq!(reset.each_ref().map(Count::get), [1, 1], "readable and writable now");
    pair.a.recv(client, &mut [0]).expect("a byte");
    let reset = Count::at(&mut pair.a, client, Interest::Read);
    pair.a.send(client, b"unread").expect("room");
    pair.settle();
    pair.b.close(server).expect("it is open");
    pair.settle();
    assert_eq!(reset.get(), 1);

    let (client, _server) = pair.connection_to(IP, 82);
    let closed = Count::at(&mut pair.a, client, Interest::Read);
    pair.a.close(client).expect("it is open");
    assert_eq!(closed.get(), 1);
}

#[test]
fn a_writer_is_woken_when_a_third_of_the_buffer_is_free() {
    let mut pair = Pair::tuned(IP, |config| (config.tcp_send_bytes, config.tcp_recv_bytes) = (900, 300));
    let (client, server) = pair.connection(IP);
    assert_eq!(pair.a.send(client, &[1; 900]), Ok(900));
    let woken = Count::at(&mut pair.a, client, Interest::Write);
    assert_eq!(woken.get(), 0);
    // 300 bytes fill the receiver's buffer and are acknowledged: 600 of 900 are left.
    pair.run_for(secs(1));
    assert_eq!(woken.get(), 1);
    assert_eq!(pair.a.send(client, &[2; 300]), Ok(300));
    let woken = Count::at(&mut pair.a, client, Interest::Write);
    assert_eq!(pair.b.recv(server, &mut [0; 300]), Ok(300));
    pair.run_for(secs(1));
    assert_eq!(woken.get(), 1);
}

#[test]
fn a_connecting_client_is_woken_by_the_outcome() {
    for is_listening in [true, false] {
        let mut pair = Pair::new(IP);
        if is_listening {
            pair.b_listens(IP, 80, 0);
        }
        let client = pair.a_connects(IP, 80);
        let woken = Count::at(&mut pair.a, client, Interest::Write);
        assert_eq!(woken.get(), 0);
        pair.settle();
        assert_eq!(woken.get(), 1);
    }
}

#[test]
fn a_listener_is_woken_by_every_connection_it_can_accept() {
    let mut pair = Pair::new(IP);
    let listener = pair.b_listens(IP, 80, 5);
    for _ in 0..3 {
        let woken = Count::at(&mut pair.b, listener, Interest::Read);
        assert_eq!(woken.get(), 0);
        pair.a_connects(IP, 80);
        pair.settle();
        assert_eq!(woken.get(), 1);
        pair.b.accept(listener).expect("a connection");
    }
}

#[test]
fn datagram_sockets_wake_readers_and_writers() {
    let mut pair = Pair::tuned(IP, |config| config.udp_queue_datagrams = 4);
    let (a, b) = pair.datagram_sockets(IP);
    let reader = Count::at(&mut pair.b, b, Interest::Read);
    while pair.a.send_to(a, b"x", IP.b(7)).is_ok() {}
    let writer = Count::at(&mut pair.a, a, Interest::Write);
    assert_eq!((reader.get(), writer.get()), (0, 0));
    pair.settle();
    assert_eq!((reader.get(), writer.get()), (1, 1));
}

#[test]
fn the_step_waker_is_woken_by_calls_that_need_a_step() {
    let mut pair = Pair::new(IP);
    let (client, _) = pair.connection(IP);
    let count = Arc::new(Count::default());
    pair.a.register_step_waker(&Waker::from(Arc::clone(&count)));
    assert_eq!(pair.a.recv(client, &mut [0]).ok(), None);
    let other = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
    pair.a.close(other).expect("it is open");
    assert_eq!(count.get(), 0);
    pair.a.send(client, b"x").expect("room");
    assert_eq!(count.get(), 1);
    pair.a.send(client, b"y").expect("room");
    assert_eq!(count.get(), 1, "a waker is used once");
}

/// Counts how often it is woken.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicUsize);

impl Count {
    /// Registers a new one at a socket.
    pub(super) fn at(stack: &mut Stack<'_>, id: SocketId, interest: Interest) -> Arc<Self> {
        let count = Arc::new(Self::default());
        stack.register_waker(id, interest, &Waker::from(Arc::clone(&count))).expect("it is open");
        count
    }

    pub(super) fn get(self: &Arc<Self>) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
