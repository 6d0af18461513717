//! What do `send`, `recv` and `shutdown` do on a connection?

use smolsock::{Domain, Errno, Readiness, Shutdown, Stack, TcpState, Type};
use smolsock_sim::app::pattern::{first_difference, pattern};

use crate::pair::{ALL, End, IP, IP6, Pair, recv, secs};

#[test]
fn bytes_go_both_ways_on_every_net() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (client, server) = pair.connection(net);
        assert_eq!(pair.a.send(client, b"question"), Ok(8));
        pair.settle();
        assert_eq!(recv(&mut pair.b, server, 16).as_deref(), Ok(&b"question"[..]));
        assert_eq!(recv(&mut pair.b, server, 16), Err(Errno::EAGAIN));
        assert_eq!(pair.b.send(server, b"answer"), Ok(6));
        pair.settle();
        assert_eq!(recv(&mut pair.a, client, 3).as_deref(), Ok(&b"ans"[..]), "a stream has no boundaries");
        assert_eq!(recv(&mut pair.a, client, 16).as_deref(), Ok(&b"wer"[..]));
    }
}

#[test]
fn a_fresh_stream_is_not_connected() {
    let mut pair = Pair::new(IP);
    let id = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
    assert_eq!(pair.a.recv(id, &mut [0]), Err(Errno::ENOTCONN));
    assert_eq!(pair.a.send(id, b"x"), Err(Errno::EPIPE));
    assert_eq!(pair.a.send_to(id, b"x", IP.b(80)), Err(Errno::EPIPE));
    assert_eq!(pair.a.recv_from(id, &mut [0]).map(|_| ()), Err(Errno::ENOTCONN));
    assert_eq!(pair.a.getpeername(id), Err(Errno::ENOTCONN));
    for how in [Shutdown::Read, Shutdown::Write, Shutdown::Both] {
        assert_eq!(pair.a.shutdown(id, how), Err(Errno::ENOTCONN));
    }
    assert_eq!(pair.a.accept(id), Err(Errno::EINVAL));
    assert_eq!(pair.a.tcp_state(id), Ok(TcpState::Closed));
}

#[test]
fn a_connection_ignores_addresses_and_takes_no_backlog() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    assert_eq!(pair.a.send_to(client, b"x", IP6.b(9)), Ok(1));
    pair.settle();
    let datagram = pair.b.recv_from(server, &mut [0; 8]).expect("a byte");
    assert_eq!((datagram.len, datagram.full_len, datagram.remote), (1, 1, IP.any(0)));
    assert_eq!(pair.a.listen(client, 1), Err(Errno::EINVAL));
    assert_eq!(pair.b.listen(server, 1), Err(Errno::EINVAL));
    assert_eq!(pair.b.connect(server, IP.a(9)), Err(Errno::EISCONN));
    assert_eq!(pair.a.bind(client, IP.a(9)), Err(Errno::EINVAL));
    assert_eq!(pair.a.accept(client), Err(Errno::EINVAL));
    assert_eq!(pair.a.recv_from(client, &mut [0]).map(|_| ()), Err(Errno::EAGAIN));
}

#[test]
fn a_full_send_buffer_takes_what_fits_and_then_says_eagain() {
    let mut pair = Pair::tuned(IP, |config| {
        config.tcp_send_bytes = 1000;
        config.tcp_recv_bytes = 500;
    });
    let (client, server) = pair.connection(IP);
    let data = pattern(1, 4000);
    assert_eq!(pair.a.send(client, &data), Ok(1000));
    assert_eq!(pair.a.send(client, &data[1000..]), Err(Errno::EAGAIN));
    assert_eq!(pair.a.send(client, &[]), Ok(0), "nothing always fits");
    // 500 bytes fit into the window, and 500 wait.
    pair.run_for(secs(1));
    assert!(!pair.a.readiness(client).expect("open").contains(Readiness::IN));
    assert_eq!(pair.a.send(client, &data[1000..]), Ok(500));
    let mut received = Vec::new();
    let mut sent = 1500;
    let done = pair.run_while(secs(600), |pair| {
        while let Ok(bytes) = recv(&mut pair.b, server, 77) {
            received.extend(bytes);
        }
        if let Ok(taken) = pair.a.send(client, &data[sent..]) {
            sent += taken;
        }
        received.len() == 4000
    });
    assert!(done, "{} of 4000 bytes came", received.len());
    assert_eq!(first_difference(1, 0, &received), None);
}

#[test]
fn after_shutdown_of_writing_send_is_epipe_and_the_peer_reads_to_the_end() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (client, server) = pair.connection(net);
        assert_eq!(pair.a.send(client, b"last words"), Ok(10));
        assert_eq!(pair.a.shutdown(client, Shutdown::Write), Ok(()));
        assert_eq!(pair.a.send(client, b"more"), Err(Errno::EPIPE));
        assert_eq!(pair.a.shutdown(client, Shutdown::Write), Ok(()), "twice is once");
        // The acknowledgement may be delayed.
        pair.run_for(secs(1));
        assert_eq!(pair.a.tcp_state(client), Ok(TcpState::FinWait2));
        assert_eq!(pair.b.tcp_state(server), Ok(TcpState::CloseWait));
        assert_eq!(recv(&mut pair.b, server, 64).as_deref(), Ok(&b"last words"[..]));
        for _ in 0..3 {
            assert_eq!(recv(&mut pair.b, server, 64).as_deref(), Ok(&b""[..]), "the end stays the end");
        }
        // The other direction is open, for as long as the server wants.
        pair.run_for(secs(300));
        assert_eq!(pair.b.send(server, b"the answer"), Ok(10));
        pair.b.close(server).expect("it is open");
        pair.settle();
        assert_eq!(recv(&mut pair.a, client, 64).as_deref(), Ok(&b"the answer"[..]));
        assert_eq!(recv(&mut pair.a, client, 64).as_deref(), Ok(&b""[..]));
    }
}

#[test]
fn after_shutdown_of_reading_the_end_is_there_and_what_comes_is_thrown_away() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    assert_eq!(pair.b.send(server, b"in time"), Ok(7));
    pair.settle();
    assert_eq!(pair.a.shutdown(client, Shutdown::Read), Ok(()));
    assert_eq!(recv(&mut pair.a, client, 64).as_deref(), Ok(&b"in time"[..]));
    assert_eq!(recv(&mut pair.a, client, 64).as_deref(), Ok(&b""[..]));
    // 200,000 bytes are more than any buffer: they are acknowledged and thrown away.
    let data = pattern(1, 200_000);
    let mut sent = 0;
    let done = pair.run_while(secs(60), |pair| {
        match pair.b.send(server, &data[sent..]) {
            Ok(taken) => sent += taken,
            Err(error) => assert_eq!(error, Errno::EAGAIN),
        }
        sent == data.len()
    });
    assert!(done, "{sent} bytes went out");
    assert_eq!(recv(&mut pair.a, client, 64).as_deref(), Ok(&b""[..]));
    assert_eq!(pair.a.send(client, b"writing goes on"), Ok(15));
    pair.settle();
    assert_eq!(pair.b.recv(server, &mut [0; 64]), Ok(15));
}

#[test]
fn shutdown_of_a_listeners_reading_ends_its_listening() {
    let mut pair = Pair::new(IP);
    let listener = pair.b_listens(IP, 80, 0);
    assert_eq!(pair.b.shutdown(listener, Shutdown::Write), Ok(()), "means nothing to a listener");
    assert_eq!(pair.b.tcp_state(listener), Ok(TcpState::Listen));
    assert_eq!(pair.b.shutdown(listener, Shutdown::Read), Ok(()));
    assert_eq!(pair.b.tcp_state(listener), Ok(TcpState::Closed));
    let client = pair.a_connects(IP, 80);
    pair.settle();
    assert_eq!(pair.a.connect(client, IP.b(80)), Err(Errno::ECONNREFUSED));
    assert_eq!(pair.b.getsockname(listener), Ok(IP.any(80)));
    assert_eq!(pair.b.listen(listener, 0), Ok(()), "it can listen again");
}

/// A window of 1 byte, and of 65,535: every size between is a number like any other.
#[test]
fn streams_work_with_buffers_of_any_size() {
    for (recv_bytes, send_bytes) in [(1, 1), (1, 65_535), (65_535, 1), (2, 3), (1459, 1461), (65_535, 1 << 20)] {
        let mut pair = Pair::tuned(IP, |config| {
            (config.tcp_recv_bytes, config.tcp_send_bytes) = (recv_bytes, send_bytes);
        });
        let (client, server) = pair.connection(IP);
        let data = pattern(3, 300);
        let (mut sent, mut received) = (0, Vec::new());
        let done = pair.run_while(secs(3_600), |pair| {
            if let Ok(taken) = pair.a.send(client, &data[sent..]) {
                sent += taken;
            }
            while let Ok(bytes) = recv(&mut pair.b, server, 100) {
                received.extend(bytes);
            }
            received.len() == data.len()
        });
        assert!(done, "buffers {recv_bytes}, {send_bytes}: {} bytes came", received.len());
        assert_eq!(received, data);
    }
}

#[test]
fn netstat_shows_both_sides_of_a_connection() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (client, server) = pair.connection(net);
        assert_eq!(pair.a.send(client, b"12345"), Ok(5));
        let row = pair.a.netstat().rows().next().expect("the connection");
        assert_eq!((row.recv_queue, row.send_queue), (0, 5));
        assert_eq!((Ok(row.local), row.remote), (pair.a.getsockname(client), Some(net.b(80))));
        pair.settle();
        let row = pair.b.netstat().rows().next().expect("the connection");
        assert_eq!((row.recv_queue, row.send_queue), (5, 0));
        assert_eq!((row.state, row.is_orphan), (Some(TcpState::Established), false));
        let text = pair.b.netstat().to_string();
        assert!(text.contains(&net.b(80).to_string()) && text.contains("ESTABLISHED"), "{text}");
        assert_eq!(pair.b.recv(server, &mut [0; 9]), Ok(5));
    }
}

/// B3 meets smoltcp's fast retransmit, which fills a segment without regard to the peer's window: the receiver cuts the
/// data at its window's edge, and takes the FIN behind it for the end.
#[test]
fn a_fast_retransmit_beyond_the_window_does_not_end_the_stream_early() {
    let mut pair = Pair::tuned(IP, |config| config.tcp_recv_bytes = 100);
    let (client, server) = pair.connection(IP);
    let data = pattern(1, 250);
    assert_eq!(pair.a.send(client, &data), Ok(250));
    pair.a.close(client).expect("it is open");
    pair.run_for(secs(1));
    let first = pair.seen.iter().find(|seen| seen.packet.tcp().is_some_and(|tcp| tcp.payload_bytes == 100));
    let first = first.expect("a window full of data").bytes.clone();
    // The next window full of data is lost, and the network delivers the first one three times more.
    pair.carries = Box::new(|seen| seen.from == End::B);
    let mut received = recv(&mut pair.b, server, 100).expect("100 bytes");
    pair.settle();
    pair.mend();
    for _ in 0..3 {
        pair.inject_to_b(&first);
        pair.settle();
    }
    assert!(pair.run_while(secs(60), |pair| {
        match recv(&mut pair.b, server, 100) {
            Ok(bytes) if bytes.is_empty() => return true,
            Ok(bytes) => received.extend(bytes),
            Err(error) => assert_eq!(error, Errno::EAGAIN),
        }
        false
    }));
    assert_eq!(received.len(), 250, "{:#?}", pair.flags());
    assert_eq!(received, data);
}

/// After a timeout smoltcp counts its sequence number back, and its bare ACKs carry that number: the peer, which has the
/// data, finds it old, and drops the segment with the acknowledgement in it. When both sides do so, neither hears the
/// other again.
#[test]
fn an_outage_that_loses_the_acknowledgements_of_both_sides_is_survived() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    // Both have sent enough before to send four segments at once.
    let warm_up = [0; 30_000];
    assert_eq!(pair.a.send(client, &warm_up), Ok(30_000));
    assert_eq!(pair.b.send(server, &warm_up), Ok(30_000));
    pair.run_for(secs(3));
    assert_eq!(recv(&mut pair.a, client, 60_000).map(|bytes| bytes.len()), Ok(30_000));
    assert_eq!(recv(&mut pair.b, server, 60_000).map(|bytes| bytes.len()), Ok(30_000));
    pair.run_for(secs(3));
    let data = pattern(1, 4 * 1_460);
    assert_eq!(pair.a.send(client, &data), Ok(data.len()));
    assert_eq!(pair.b.send(server, &data), Ok(data.len()));
    // The data arrives; then nothing does for one timeout.
    let outage = pair.now() + secs(1);
    pair.carries = Box::new(move |seen| {
        let is_data = seen.packet.tcp().is_some_and(|tcp| tcp.payload_bytes > 0);
        is_data && seen.at < outage
    });
    pair.run_for(secs(2));
    pair.mend();
    pair.run_for(secs(600));
    let unacknowledged = |stack: &Stack<'_>| stack.netstat().rows().map(|row| row.send_queue).sum::<usize>();
    assert_eq!((unacknowledged(&pair.a), unacknowledged(&pair.b)), (0, 0), "after ten minutes");
    assert_eq!(recv(&mut pair.a, client, 9_000).as_ref(), Ok(&data));
    assert_eq!(recv(&mut pair.b, server, 9_000).as_ref(), Ok(&data));
}

/// RFC 9293 §3.8.3: R2 is about data that is sent again and again, not about silence.
#[test]
fn a_connection_that_makes_no_progress_ends_with_the_user_timeout() {
    let [a, b] = [(1, 100), (2, 10_000)].map(|(number, limit_secs)| {
        let mut config = IP.config(number);
        config.user_timeout = secs(limit_secs);
        Stack::new(config, &IP.nic()).expect("a good configuration")
    });
    let mut pair = Pair::of(IP, a, b);
    let (client, server) = pair.connection(IP);
    // What the client sends is lost; what the server sends arrives, again and again for want of an acknowledgement.
    pair.carries = Box::new(|seen| seen.from == End::B);
    assert_eq!(pair.a.send(client, b"never arrives"), Ok(13));
    assert_eq!(pair.b.send(server, b"x"), Ok(1));
    pair.run_for(secs(300));
    assert_eq!(pair.a.send(client, b"more"), Err(Errno::ETIMEDOUT));
}
