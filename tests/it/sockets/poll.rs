//! What do poll and select say of sockets in every state?

use smolsock::{Domain, Errno, FdSet, PollFd, Readiness, Shutdown, SocketId, Stack, Type};

use crate::pair::{ETHERNET, IP, Pair, secs};

/// What poll finds of one socket when it looks for these events.
fn found(stack: &Stack<'_>, id: SocketId, events: Readiness) -> Readiness {
    let mut fds = [PollFd::new(id, events)];
    let count = stack.poll(&mut fds).expect("no call of poll fails");
    assert_eq!(count, usize::from(!fds[0].revents.is_empty()));
    fds[0].revents
}

#[test]
fn only_what_was_asked_for_is_told_but_for_errors_and_the_end() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    pair.a.send(client, b"x").expect("room");
    pair.settle();
    assert_eq!(found(&pair.b, server, Readiness::NONE), Readiness::NONE);
    assert_eq!(found(&pair.b, server, Readiness::IN), Readiness::IN);
    assert_eq!(found(&pair.b, server, Readiness::OUT), Readiness::OUT);
    pair.a.shutdown(client, Shutdown::Write).expect("it is connected");
    pair.run_for(secs(1));
    assert_eq!(found(&pair.b, server, Readiness::OUT), Readiness::OUT);
    assert_eq!(found(&pair.b, server, Readiness::RDHUP), Readiness::RDHUP);
    let fresh = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
    assert_eq!(found(&pair.a, fresh, Readiness::OUT), Readiness::OUT | Readiness::HUP, "as on Linux");
    assert_eq!(pair.a.connect(fresh, IP.b(81)), Err(Errno::EINPROGRESS));
    assert_eq!(found(&pair.a, fresh, Readiness::IN | Readiness::OUT), Readiness::NONE);
    pair.settle();
    let refused = Readiness::ERR | Readiness::HUP;
    assert_eq!(found(&pair.a, fresh, Readiness::NONE), refused);
    assert_eq!(found(&pair.a, fresh, Readiness::IN | Readiness::OUT), refused | Readiness::IN | Readiness::OUT);
    pair.a.close(fresh).expect("it is open");
    assert_eq!(found(&pair.a, fresh, Readiness::NONE), Readiness::NVAL);
}

#[test]
fn a_listener_is_readable_exactly_while_accept_gives_something() {
    let mut pair = Pair::new(ETHERNET);
    let listener = pair.b_listens(ETHERNET, 80, 0);
    let events = Readiness::IN | Readiness::OUT;
    for _ in 0..3 {
        pair.a_connects(ETHERNET, 80);
    }
    pair.run_for(secs(10));
    let mut accepted = 0;
    for _ in 0..10 {
        let is_readable = found(&pair.b, listener, events) == Readiness::IN;
        assert_eq!(pair.b.accept(listener).is_ok(), is_readable);
        accepted += u32::from(is_readable);
        pair.run_for(secs(2));
    }
    assert_eq!(accepted, 3);
}

#[test]
fn select_counts_sockets_in_each_set_and_leaves_sets_alone_if_an_id_is_stale() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    let idle = pair.b.socket(Domain::Inet, Type::Datagram).expect("room");
    pair.a.send(client, b"x").expect("room");
    pair.settle();
    let (mut read, mut write, mut except) = (FdSet::<3>::new(), FdSet::new(), FdSet::new());
    for id in [server, idle] {
        for set in [&mut read, &mut write, &mut except] {
            set.insert(id).expect("room");
        }
    }
    assert_eq!(pair.b.select(&mut read, &mut write, &mut except), Ok(3));
    assert_eq!(read.iter().collect::<Vec<_>>(), [server]);
    assert_eq!(write.iter().collect::<Vec<_>>(), [server, idle]);
    assert!(except.is_empty(), "there is no urgent data");
    pair.b.close(idle).expect("it is open");
    assert_eq!(pair.b.select(&mut read, &mut write, &mut except), Err(Errno::EBADF));
    assert_eq!((read.len(), write.len()), (1, 2));
}

#[test]
fn a_full_set_takes_no_more() {
    let mut pair = Pair::new(IP);
    let ids = [0, 1, 2].map(|_| pair.a.socket(Domain::Inet, Type::Datagram).expect("room"));
    let mut set = FdSet::<2>::new();
    assert_eq!(ids.map(|id| set.insert(id)), [Ok(()), Ok(()), Err(Errno::EINVAL)]);
    assert_eq!(set.insert(ids[0]), Ok(()), "it is there already");
    set.remove(ids[0]);
    assert_eq!((set.contains(ids[0]), set.insert(ids[2])), (false, Ok(())));
    set.clear();
    assert!(set.is_empty());
}
