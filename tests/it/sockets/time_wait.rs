//! How long is a connection remembered?

use std::time::Duration;

use smolsock::{Errno, SocketId, Type};

use crate::pair::{ALL, End, IP, Net, Pair, secs, states};

const MICRO: Duration = Duration::from_micros(1);

#[test]
fn time_wait_lasts_60_seconds_and_blocks_bind() {
    for net in ALL {
        let (mut pair, port) = in_time_wait(net);
        assert_eq!(states(&pair.a), ["TIME_WAIT"]);
        pair.run_for(secs(60) - MICRO);
        assert_eq!(states(&pair.a), ["TIME_WAIT"]);
        assert_eq!(bind(&mut pair, net, port), Err(Errno::EADDRINUSE));
        pair.run_for(MICRO);
        assert!(states(&pair.a).is_empty());
        assert!(bind(&mut pair, net, port).is_ok());
    }
}

#[test]
fn time_wait_lasts_as_long_as_configured() {
    let mut pair = Pair::tuned(IP, |config| config.time_wait = secs(240));
    let (client, server) = pair.connection(IP);
    pair.a.close(client).expect("it is open");
    pair.b.close(server).expect("it is open");
    pair.run_for(secs(240) - MICRO);
    assert_eq!(states(&pair.a), ["TIME_WAIT"]);
    pair.run_for(MICRO);
    assert!(states(&pair.a).is_empty());
}

#[test]
fn the_application_can_hold_its_socket_while_time_wait_runs() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    pair.a.shutdown(client, smolsock::Shutdown::Write).expect("it is connected");
    pair.settle();
    pair.b.close(server).expect("it is open");
    pair.settle();
    assert!(states(&pair.a).contains(&"TIME_WAIT".to_owned()));
    assert_eq!(pair.a.recv(client, &mut [0]), Ok(0));
    assert_eq!(pair.a.send(client, b"x"), Err(Errno::EPIPE));
    pair.run_for(secs(61));
    assert_eq!(pair.a.recv(client, &mut [0]), Ok(0));
    assert!(!states(&pair.a).contains(&"TIME_WAIT".to_owned()));
    pair.a.close(client).expect("it is open");
    assert_eq!(pair.a.netstat().rows().count(), 0);
}

#[test]
fn a_lost_last_ack_is_sent_again_and_time_wait_begins_anew() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    pair.a.close(client).expect("it is open");
    pair.settle();
    // The server's FIN arrives, and the ACK of it does not.
    pair.carries = Box::new(|seen| seen.from == End::B);
    pair.b.close(server).expect("it is open");
    pair.settle();
    assert_eq!((states(&pair.a), states(&pair.b)), (vec!["TIME_WAIT".into()], vec!["LAST_ACK".into()]));
    pair.mend();
    let begun = pair.now();
    assert!(pair.run_while(secs(10), |pair| states(&pair.b).is_empty()));
    let repeated = pair.now();
    assert!(repeated > begun);
    pair.run_until(repeated + (secs(60) - MICRO));
    assert_eq!(states(&pair.a), ["TIME_WAIT"]);
    pair.run_for(MICRO);
    assert!(states(&pair.a).is_empty());
}

/// RFC 9293 §3.10.7.4 (MAY-2) on the side that answers: the client uses its port again.
#[test]
fn a_new_syn_with_a_higher_sequence_number_gets_through_time_wait() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let mut reopened = 0;
        for _ in 0..8 {
            let listener = pair.b_listens(net, 80, 0);
            let client = bind(&mut pair, net, 1000).expect("a free port");
            assert_eq!(pair.a.connect(client, net.b(80)), Err(Errno::EINPROGRESS));
            pair.run_for(secs(3));
            reopened += usize::from(pair.b.counters().frames_in > 0 && pair.a.connect(client, net.b(80)) == Ok(()));
            let Ok((server, _)) = pair.b.accept(listener) else {
                panic!("the SYN did not get through: {:?} {:?}", pair.flags(), states(&pair.b));
            };
            // The server closes first, so TIME-WAIT is its own, and the client's port is free at once.
            pair.b.close(server).expect("it is open");
            pair.settle();
            pair.a.close(client).expect("it is open");
            pair.settle();
            pair.b.close(listener).expect("it is open");
            assert_eq!(states(&pair.b), ["TIME_WAIT"]);
            pair.run_for(secs(61));
        }
        assert_eq!(reopened, 8);
    }
}

#[test]
fn the_oldest_goes_when_the_table_is_full() {
    let mut pair = Pair::tuned(IP, |config| config.time_wait_max = 3);
    for _ in 0..10 {
        let (client, server) = pair.connection(IP);
        pair.a.close(client).expect("it is open");
        pair.settle();
        pair.b.close(server).expect("it is open");
        pair.run_for(secs(1));
    }
    assert_eq!(states(&pair.a).len(), 3);
    assert_eq!(pair.a.counters().time_wait_evicted, 7);
    // The youngest three began 3, 2 and 1 seconds ago.
    pair.run_for(secs(57) - MICRO);
    assert_eq!(states(&pair.a).len(), 3);
    pair.run_for(MICRO);
    assert_eq!(states(&pair.a).len(), 2);
    pair.run_for(secs(60));
    assert!(states(&pair.a).is_empty());
}

#[test]
fn a_time_wait_table_of_no_size_remembers_nothing() {
    let mut pair = Pair::tuned(IP, |config| config.time_wait_max = 0);
    let (client, server) = pair.connection(IP);
    pair.a.close(client).expect("it is open");
    pair.settle();
    pair.b.close(server).expect("it is open");
    pair.settle();
    assert_eq!(pair.a.netstat().rows().count(), 0);
    assert_eq!(pair.b.netstat().rows().count(), 0);
}

/// A connection of port 1000 of `a` that `a` closed first.
fn in_time_wait(net: Net) -> (Pair<'static>, u16) {
    let mut pair = Pair::new(net);
    let (client, server) = pair.connection(net);
    let port = pair.a.getsockname(client).expect("it is open").port();
    pair.a.close(client).expect("it is open");
    pair.settle();
    pair.b.close(server).expect("it is open");
    pair.settle();
    (pair, port)
}

fn bind(pair: &mut Pair<'_>, net: Net, port: u16) -> Result<SocketId, Errno> {
    let id = pair.a.socket(net.domain, Type::Stream)?;
    match pair.a.bind(id, net.any(port)) {
        Ok(()) => Ok(id),
        Err(error) => {
            pair.a.close(id)?;
            Err(error)
        }
    }
}
