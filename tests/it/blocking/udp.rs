//! Does a UDP socket behave as one of `std::net`?

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::thread;

use smolsock::blocking::UdpSocket;

use super::{SHORT, nets};

#[test]
fn datagrams_keep_their_bounds_and_tell_their_sender() {
    let (ours, theirs) = nets();
    for (addr, any) in [("192.0.2.2:7", "0.0.0.0:0"), ("[2001:db8::2]:7", "[::]:0")] {
        let server = UdpSocket::bind_on(&theirs, addr).expect("a free port");
        let serves = thread::spawn(move || {
            let mut buffer = [0; 64];
            for _ in 0..3 {
                let (len, peer) = server.recv_from(&mut buffer).expect("a datagram");
                assert_eq!(server.send_to(&buffer[..len], peer).expect("room"), len);
            }
        });
        let client = UdpSocket::bind_on(&ours, any).expect("a free port");
        assert_eq!(client.peer_addr().expect_err("none").kind(), ErrorKind::NotConnected);
        let mut buffer = [0; 64];
        for text in ["one", "", "three"] {
            client.send_to(text.as_bytes(), addr).expect("room");
            assert_eq!(client.peek_from(&mut buffer).expect("the echo").0, text.len());
            let (len, peer) = client.recv_from(&mut buffer).expect("the echo");
            assert_eq!((&buffer[..len], peer), (text.as_bytes(), addr.parse().expect("an address")));
        }
        serves.join().expect("no panic");
    }
}

#[test]
fn a_connected_socket_hears_its_peer_only_and_that_nobody_is_there() {
    let (ours, theirs) = nets();
    let client = UdpSocket::bind_on(&ours, "192.0.2.1:0").expect("a free port");
    client.connect("192.0.2.2:9").expect("an address");
    assert_eq!(client.peer_addr().expect("connected").port(), 9);
    client.send(b"is anybody there?").expect("room");
    assert_eq!(client.recv(&mut [0; 8]).expect_err("nobody").kind(), ErrorKind::ConnectionRefused);

    let stranger = UdpSocket::bind_on(&theirs, "192.0.2.2:10").expect("a free port");
    let peer = UdpSocket::bind_on(&theirs, "192.0.2.2:9").expect("a free port");
    let addr = client.local_addr().expect("bound");
    stranger.send_to(b"no", addr).expect("room");
    peer.send_to(b"yes", addr).expect("room");
    let mut buffer = [0; 2];
    assert_eq!(client.peek(&mut buffer).expect("the peer's"), 2, "cut to the buffer");
    assert_eq!(client.recv(&mut buffer).expect("the peer's"), 2);
    assert_eq!(&buffer, b"ye");
    client.set_read_timeout(Some(SHORT)).expect("not zero");
    assert_eq!(client.recv(&mut buffer).expect_err("nothing more").kind(), ErrorKind::WouldBlock);
    client.set_nonblocking(true).expect("open");
    assert_eq!(client.recv(&mut buffer).expect_err("nothing more").kind(), ErrorKind::WouldBlock);
}

#[test]
fn groups_are_joined_and_left() {
    let (ours, theirs) = nets();
    let group = Ipv4Addr::new(239, 1, 2, 3);
    let member = UdpSocket::bind_on(&theirs, "0.0.0.0:5000").expect("a free port");
    member.join_multicast_v4(&group, &Ipv4Addr::new(192, 0, 2, 2)).expect("an own address");
    let foreign = member.join_multicast_v4(&group, &Ipv4Addr::new(198, 51, 100, 1)).expect_err("not an own address");
    assert_eq!(foreign.raw_os_error(), cfg!(target_os = "linux").then_some(19));
    let sender = UdpSocket::bind_on(&ours, "0.0.0.0:0").expect("a free port");
    sender.set_multicast_ttl_v4(3).expect("a good TTL");
    assert_eq!(sender.multicast_ttl_v4().expect("open"), 3);
    sender.send_to(b"to all", (group, 5000)).expect("room");
    let mut buffer = [0; 8];
    assert_eq!(member.recv(&mut buffer).expect("as a member"), 6);
    member.leave_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED).expect("a member, wherever");
    let error = member.leave_multicast_v4(&group, &Ipv4Addr::new(192, 0, 2, 2)).expect_err("no member any more");
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);

    let v6 = "ff15::1".parse().expect("an address");
    let member = UdpSocket::bind_on(&theirs, "[::]:5001").expect("a free port");
    member.join_multicast_v6(&v6, 0).expect("a group");
    member.leave_multicast_v6(&v6, 0).expect("a member");
}

#[test]
fn broadcasts_need_to_be_allowed() {
    let (ours, theirs) = nets();
    let receiver = UdpSocket::bind_on(&theirs, "0.0.0.0:5000").expect("a free port");
    let sender = UdpSocket::bind_on(&ours, "0.0.0.0:0").expect("a free port");
    let refused = sender.send_to(b"x", "192.0.2.255:5000").expect_err("not allowed");
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    sender.set_broadcast(true).expect("open");
    assert!(sender.broadcast().expect("open"));
    sender.send_to(b"x", "192.0.2.255:5000").expect("allowed");
    assert_eq!(receiver.recv(&mut [0; 8]).expect("it comes"), 1);
}

#[test]
fn more_datagrams_than_fit_wait_for_room() {
    let (ours, theirs) = nets();
    let receiver = UdpSocket::bind_on(&theirs, "192.0.2.2:5000").expect("a free port");
    let sender = UdpSocket::bind_on(&ours, "0.0.0.0:0").expect("a free port");
    // Each is answered, so that the receiver's queue does not overflow.
    let answers = thread::spawn(move || {
        for expected in 0..1_000_u32 {
            let mut buffer = [0; 8];
            let (len, peer) = receiver.recv_from(&mut buffer).expect("a datagram");
            assert_eq!(buffer[..len], expected.to_be_bytes());
            receiver.send_to(&buffer[..len], peer).expect("room");
        }
    });
    for number in 0..1_000_u32 {
        sender.send_to(&number.to_be_bytes(), "192.0.2.2:5000").expect("room");
        let mut buffer = [0; 8];
        assert_eq!(sender.recv(&mut buffer).expect("the answer"), 4);
    }
    answers.join().expect("no panic");
}
