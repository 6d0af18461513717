//! How does a connection end, and what do both sides hear of it?

use smolsock::{Errno, Readiness, Shutdown, TcpState};

use crate::pair::{ALL, End, IP, Pair, recv, secs, states};

#[test]
fn who_closes_first_goes_through_fin_wait_and_the_other_through_close_wait() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (client, server) = pair.connection(net);
        pair.a.close(client).expect("it is open");
        pair.settle();
        assert_eq!(states(&pair.a), ["FIN_WAIT2"]);
        assert!(pair.a.netstat().rows().all(|row| row.is_orphan));
        assert_eq!(pair.b.tcp_state(server), Ok(TcpState::CloseWait));
        pair.b.close(server).expect("it is open");
        pair.settle();
        assert_eq!(states(&pair.a), ["TIME_WAIT"]);
        assert!(states(&pair.b).is_empty());
        assert_eq!(pair.flags(), ["A FIN ACK", "B ACK", "B FIN ACK", "A ACK"]);
    }
}

#[test]
fn both_can_close_at_once() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (client, server) = pair.connection(net);
        pair.a.close(client).expect("it is open");
        pair.b.close(server).expect("it is open");
        pair.settle();
        assert_eq!(pair.flags(), ["A FIN ACK", "B FIN ACK", "A ACK", "B ACK"]);
        assert_eq!((states(&pair.a), states(&pair.b)), (vec!["TIME_WAIT".into()], vec!["TIME_WAIT".into()]));
    }
}

#[test]
fn close_sends_what_is_queued_before_the_fin() {
    let mut pair = Pair::tuned(IP, |config| config.tcp_recv_bytes = 700);
    let (client, server) = pair.connection(IP);
    let data = smolsock_sim::app::pattern::pattern(1, 5_000);
    assert_eq!(pair.a.send(client, &data), Ok(5_000));
    pair.a.close(client).expect("it is open");
    let mut received = Vec::new();
    let mut ended = false;
    pair.run_while(secs(60), |pair| {
        while let Ok(bytes) = recv(&mut pair.b, server, 999) {
            ended |= bytes.is_empty();
            if bytes.is_empty() {
                break;
            }
            received.extend(bytes);
        }
        ended
    });
    assert!(ended);
    assert_eq!(received, data);
}

/// Linux: the FIN stands after the last byte, whatever comes later; writing tells of the reset.
#[test]
fn a_reset_after_the_end_of_the_stream_leaves_it_ended() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (client, server) = pair.connection(net);
        pair.a.shutdown(client, Shutdown::Write).expect("it is open");
        pair.settle();
        assert_eq!(pair.b.send(server, b"unwanted"), Ok(8));
        pair.settle();
        pair.a.close(client).expect("it is open");
        pair.settle();
        assert_eq!(pair.b.recv(server, &mut [0]), Ok(0));
        assert_eq!(pair.b.recv(server, &mut [0]), Ok(0));
        assert_eq!(pair.b.send(server, b"x"), Err(Errno::EPIPE));
        assert_eq!(pair.b.send(server, b"x"), Err(Errno::EPIPE));
    }
}

#[test]
fn close_with_unread_data_resets_the_peer() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (client, server) = pair.connection(net);
        assert_eq!(pair.b.send(server, b"unwanted"), Ok(8));
        pair.settle();
        pair.a.close(client).expect("it is open");
        pair.settle();
        assert!(states(&pair.a).is_empty());
        let ready = pair.b.readiness(server).expect("it is open");
        assert!(ready.contains(Readiness::IN | Readiness::OUT | Readiness::ERR | Readiness::HUP), "{ready:?}");
        assert_eq!(pair.b.recv(server, &mut [0; 16]), Err(Errno::ECONNRESET));
        assert_eq!(pair.b.recv(server, &mut [0; 16]), Ok(0));
        assert_eq!(pair.b.send(server, b"x"), Err(Errno::EPIPE));
        assert_eq!(pair.b.take_error(server), Ok(None));
        assert_eq!(pair.b.shutdown(server, Shutdown::Write), Err(Errno::ENOTCONN));
        assert_eq!(pair.b.getpeername(server), Err(Errno::ENOTCONN));
    }
}

#[test]
fn send_reports_the_reset_once_and_is_epipe_from_then_on() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    assert_eq!(pair.b.send(server, b"unwanted"), Ok(8));
    pair.settle();
    pair.a.close(client).expect("it is open");
    pair.settle();
    assert_eq!(pair.b.send(server, b"x"), Err(Errno::ECONNRESET));
    assert_eq!(pair.b.send(server, b"x"), Err(Errno::EPIPE));
    assert_eq!(pair.b.recv(server, &mut [0; 16]), Ok(0));
}

/// What the peer sends after our close has nobody to read it, and the peer learns that (RFC 2525 §2.17).
#[test]
fn data_that_arrives_after_close_resets_the_peer() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    pair.a.close(client).expect("it is open");
    pair.settle();
    assert_eq!(pair.b.send(server, b"one more thing"), Ok(14));
    pair.settle();
    assert!(states(&pair.a).is_empty(), "{:?}", states(&pair.a));
    assert_eq!(pair.flags().last().map(String::as_str), Some("A RST ACK"), "{:?}", pair.flags());
    // The peer had read our FIN: the end of the stream is what it reads, the pipe is what is broken.
    assert_eq!(pair.b.send(server, b"x"), Err(Errno::EPIPE));
    assert_eq!(pair.b.recv(server, &mut [0; 16]), Ok(0));
}

#[test]
fn a_clean_end_with_unread_data_is_clean() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (client, server) = pair.connection(net);
        assert_eq!(pair.a.shutdown(client, Shutdown::Write), Ok(()));
        assert_eq!(pair.b.send(server, b"to be read later"), Ok(16));
        pair.b.close(server).expect("it is open");
        pair.settle();
        assert!(states(&pair.a).contains(&"TIME_WAIT".to_owned()), "{:?}", states(&pair.a));
        pair.run_for(secs(5));
        assert_eq!(recv(&mut pair.a, client, 5).as_deref(), Ok(&b"to be"[..]));
        assert_eq!(recv(&mut pair.a, client, 64).as_deref(), Ok(&b" read later"[..]));
        assert_eq!(recv(&mut pair.a, client, 64).as_deref(), Ok(&b""[..]));
        pair.run_for(secs(5));
        pair.a.close(client).expect("it is open");
        pair.run_for(secs(5));
        let resets: Vec<String> = pair.flags().into_iter().filter(|flags| flags.contains("RST")).collect();
        assert!(resets.is_empty(), "{:?}", pair.flags());
    }
}

/// Linux `tcp_poll`: a connection that is over has both directions shut.
#[test]
fn a_connection_that_is_over_is_readable_and_hung_up() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    pair.a.close(client).expect("it is open");
    pair.settle();
    assert_eq!(pair.b.shutdown(server, Shutdown::Write), Ok(()));
    pair.settle();
    assert_eq!(pair.b.tcp_state(server), Ok(TcpState::Closed));
    assert_eq!(pair.b.recv(server, &mut [0]), Ok(0));
    let ready = pair.b.readiness(server).expect("it is open");
    assert!(ready.contains(Readiness::IN | Readiness::RDHUP | Readiness::HUP | Readiness::OUT), "{ready:?}");
}

#[test]
fn a_reset_in_answer_to_data_is_econnreset_after_what_was_received() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    assert_eq!(pair.b.send(server, b"first"), Ok(5));
    pair.settle();
    assert_eq!(pair.a.recv(client, &mut [0; 16]), Ok(5));
    assert_eq!(pair.b.send(server, b"second"), Ok(6));
    pair.settle();
    assert_eq!(pair.a.send(client, b"unread"), Ok(6));
    pair.settle();
    pair.b.close(server).expect("it is open");
    pair.settle();
    assert_eq!(recv(&mut pair.a, client, 16).as_deref(), Ok(&b"second"[..]));
    assert_eq!(recv(&mut pair.a, client, 16), Err(Errno::ECONNRESET));
    assert_eq!(recv(&mut pair.a, client, 16).as_deref(), Ok(&b""[..]));
}

#[test]
fn closing_what_is_over_says_nothing_to_anybody() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    assert_eq!(pair.b.send(server, b"unwanted"), Ok(8));
    pair.settle();
    pair.a.close(client).expect("it is open");
    pair.settle();
    pair.forget();
    pair.b.close(server).expect("it is open");
    pair.run_for(secs(1_000));
    assert!(pair.seen.is_empty(), "{:?}", pair.flags());
    assert_eq!(pair.segments(End::B).len(), 0);
}

/// smoltcp takes three duplicate ACKs for a loss of data, stops its timer, and finds no data to send again.
#[test]
fn a_lost_fin_is_sent_again_although_duplicate_acks_arrive() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    assert_eq!(pair.a.send(client, b"data"), Ok(4));
    pair.run_for(secs(1));
    let data = pair.seen.iter().find(|seen| seen.packet.tcp().is_some_and(|tcp| tcp.payload_bytes == 4));
    let data = data.expect("the data").bytes.clone();
    pair.cut();
    pair.a.close(client).expect("it is open");
    pair.settle();
    pair.mend();
    // The network delivers the data again, and each time the server says what it has.
    for _ in 0..4 {
        pair.inject_to_b(&data);
        pair.settle();
    }
    pair.run_for(secs(60));
    assert_eq!(pair.b.tcp_state(server), Ok(TcpState::CloseWait), "{:?}", pair.flags());
}

/// The last bytes and the FIN come before what was lost, and are kept; the FIN is forgotten, and has to come again.
#[test]
fn a_fin_that_arrives_before_lost_data_ends_the_stream_in_the_end() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    let lens = [1_000, 1_000];
    let mut count = 0;
    pair.carries = Box::new(move |seen| {
        count += u32::from(seen.from == End::A && seen.packet.tcp().is_some_and(|tcp| tcp.payload_bytes > 0));
        !(seen.from == End::A && count == 1)
    });
    for len in lens {
        assert_eq!(pair.a.send(client, &vec![1; len]), Ok(len));
    }
    pair.a.close(client).expect("it is open");
    let mut received = 0;
    let mut ended = false;
    pair.run_while(secs(60), |pair| {
        while let Ok(taken) = pair.b.recv(server, &mut [0; 512]) {
            received += taken;
            ended = taken == 0;
            if ended {
                break;
            }
        }
        ended
    });
    assert_eq!((received, ended), (2_000, true), "{:?}", pair.flags());
}
