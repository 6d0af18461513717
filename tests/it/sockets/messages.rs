//! What do flags, several pieces and control data change?

use smolsock::{Control, Domain, Errno, MsgFlags, PacketInfo, SendMessage, Shutdown, Type};

use crate::pair::{ALL, IP, IP6, Pair, recv, secs};

#[test]
fn a_look_at_a_stream_takes_nothing() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (client, server) = pair.connection(net);
        pair.a.send(client, b"hello").expect("room");
        pair.settle();
        let mut buffer = [0; 8];
        for _ in 0..2 {
            assert_eq!(pair.b.recv_with(server, &mut buffer, MsgFlags::PEEK), Ok(5));
            assert_eq!(&buffer[..5], b"hello");
        }
        assert_eq!(pair.b.recv_with(server, &mut buffer[..2], MsgFlags::PEEK), Ok(2));
        assert_eq!(pair.b.ioctl_fionread(server), Ok(5));
        assert_eq!(recv(&mut pair.b, server, 8).as_deref(), Ok(b"hello".as_slice()));
        assert_eq!(pair.b.recv_with(server, &mut buffer, MsgFlags::PEEK), Err(Errno::EAGAIN));
        pair.a.shutdown(client, Shutdown::Write).expect("it is connected");
        pair.run_for(secs(1));
        assert_eq!(pair.b.recv_with(server, &mut buffer, MsgFlags::PEEK), Ok(0));
    }
}

#[test]
fn a_look_reaches_around_the_end_of_the_ring() {
    let mut pair = Pair::tuned(IP, |config| config.tcp_recv_bytes = 10);
    let (client, server) = pair.connection(IP);
    pair.a.send(client, b"01234567").expect("room");
    pair.run_for(secs(1));
    assert_eq!(recv(&mut pair.b, server, 8).as_deref(), Ok(b"01234567".as_slice()));
    pair.a.send(client, b"abcdef").expect("room");
    pair.run_for(secs(10));
    let mut buffer = [0; 8];
    assert_eq!(pair.b.recv_with(server, &mut buffer, MsgFlags::PEEK), Ok(6));
    assert_eq!(&buffer[..6], b"abcdef");
    let (mut first, mut second) = ([0; 3], [0; 8]);
    let seen = pair.b.recvmsg(server, &mut [&mut first, &mut second], MsgFlags::PEEK).expect("bytes");
    let all = [first.as_slice(), &second].concat();
    assert!(seen.len > 0 && all.starts_with(&b"abcdef"[..seen.len]), "{} of 6", seen.len);
    assert_eq!(pair.b.readv(server, &mut [&mut first, &mut second]), Ok(6));
    assert_eq!((&first, &second[..3]), (b"abc", b"def".as_slice()));
}

#[test]
fn trunc_throws_bytes_of_a_stream_away() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    pair.a.send(client, b"hello").expect("room");
    pair.settle();
    let mut buffer = [7; 3];
    assert_eq!(pair.b.recv_with(server, &mut buffer, MsgFlags::TRUNC | MsgFlags::PEEK), Ok(3));
    assert_eq!(pair.b.recv_with(server, &mut buffer, MsgFlags::TRUNC), Ok(3));
    assert_eq!(buffer, [7; 3], "nothing is copied");
    assert_eq!(recv(&mut pair.b, server, 8).as_deref(), Ok(b"lo".as_slice()));
    assert_eq!(pair.b.recv_with(server, &mut buffer, MsgFlags::TRUNC), Err(Errno::EAGAIN));
    // The window counts what was thrown away: the stream goes on.
    pair.a.send(client, &[1; 60_000]).expect("room");
    pair.run_for(secs(10));
    assert_eq!(pair.b.recv_with(server, &mut vec![0; 70_000], MsgFlags::TRUNC), Ok(60_000));
}

#[test]
fn trunc_tells_the_full_length_of_a_datagram() {
    for net in ALL {
        let mut pair = Pair::new(net);
        let (a, b) = pair.datagram_sockets(net);
        pair.a.send_to(a, b"hello", net.b(7)).expect("room");
        pair.settle();
        let mut buffer = [0; 2];
        assert_eq!(pair.b.ioctl_fionread(b), Ok(5));
        assert_eq!(pair.b.recv_with(b, &mut buffer, MsgFlags::PEEK), Ok(2));
        assert_eq!(pair.b.recv_with(b, &mut buffer, MsgFlags::PEEK | MsgFlags::TRUNC), Ok(5));
        let seen = pair.b.recv_from_with(b, &mut buffer, MsgFlags::PEEK).expect("a datagram");
        assert_eq!((seen.len, seen.full_len, seen.remote, seen.local), (2, 5, net.a(7), net.b(7).ip()));
        assert_eq!(pair.b.recv_with(b, &mut buffer, MsgFlags::TRUNC), Ok(5));
        assert_eq!(&buffer, b"he");
        assert_eq!(pair.b.recv(b, &mut buffer), Err(Errno::EAGAIN), "the rest is lost");
    }
}

#[test]
fn pieces_are_one_datagram_and_buffers_share_it() {
    let mut pair = Pair::new(IP);
    let (a, b) = pair.datagram_sockets(IP);
    let message = SendMessage { pieces: &[b"he", b"", b"llo"], to: Some(IP.b(7)), control: Control::NONE };
    assert_eq!(pair.a.sendmsg(a, &message, MsgFlags::NOSIGNAL), Ok(5));
    assert_eq!(pair.a.sendmsg(a, &SendMessage { pieces: &[], ..message }, MsgFlags::NONE), Ok(0));
    pair.settle();
    let (mut first, mut second) = ([0; 1], [0; 3]);
    let received = pair.b.recvmsg(b, &mut [&mut first, &mut [], &mut second], MsgFlags::NONE).expect("a datagram");
    assert_eq!((received.len, received.full_len, received.flags), (4, 5, MsgFlags::TRUNC));
    assert_eq!((received.remote, received.control), (Some(IP.a(7)), Control::NONE));
    assert_eq!((&first, &second), (b"h", b"ell"));
    let empty = pair.b.recvmsg(b, &mut [&mut second], MsgFlags::NONE).expect("an empty datagram");
    assert_eq!((empty.len, empty.flags), (0, MsgFlags::NONE));
}

#[test]
fn pieces_too_large_together_are_emsgsize_and_send_nothing() {
    let mut pair = Pair::new(IP);
    let (a, b) = pair.datagram_sockets(IP);
    pair.a.connect(a, IP.b(7)).expect("a route");
    let half = vec![1; 40_000];
    assert_eq!(pair.a.writev(a, &[&half, &half]), Err(Errno::EMSGSIZE));
    assert_eq!(pair.a.writev(a, &[&half[..700], &half[..700]]), Ok(1_400));
    pair.settle();
    assert_eq!(pair.b.recv(b, &mut [0; 2_000]), Ok(1_400));
    assert_eq!(pair.b.recv(b, &mut [0; 2_000]), Err(Errno::EAGAIN));
}

#[test]
fn writev_fills_a_stream_with_whole_pieces_until_it_is_full() {
    let mut pair = Pair::tuned(IP, |config| config.tcp_send_bytes = 10);
    let (client, server) = pair.connection(IP);
    assert_eq!(pair.a.writev(client, &[]), Ok(0));
    assert_eq!(pair.a.writev(client, &[b"0123", b"", b"4567", b"89ab"]), Ok(10));
    assert_eq!(pair.a.ioctl_siocoutq(client), Ok(10));
    assert_eq!(pair.a.writev(client, &[b"x", b"y"]), Err(Errno::EAGAIN));
    pair.run_for(secs(1));
    assert_eq!(pair.a.ioctl_siocoutq(client), Ok(0));
    assert_eq!(recv(&mut pair.b, server, 20).as_deref(), Ok(b"0123456789".as_slice()));
    pair.cut();
    pair.a.shutdown(client, Shutdown::Write).expect("it is connected");
    assert_eq!(pair.a.ioctl_siocoutq(client), Ok(1), "the FIN, as on Linux");
}

#[test]
fn urgent_data_does_not_exist() {
    let mut pair = Pair::new(IP);
    let (client, _server) = pair.connection(IP);
    assert_eq!(pair.a.send_with(client, b"!", MsgFlags::OOB), Err(Errno::EOPNOTSUPP));
    assert_eq!(pair.a.recv_with(client, &mut [0], MsgFlags::OOB), Err(Errno::EINVAL));
    let (a, _) = pair.datagram_sockets(IP);
    assert_eq!(pair.a.send_with(a, b"!", MsgFlags::OOB), Err(Errno::EOPNOTSUPP));
    assert_eq!(pair.a.recv_with(a, &mut [0], MsgFlags::OOB), Err(Errno::EAGAIN), "UDP does not look at it");
}

#[test]
fn control_data_chooses_the_source_among_the_own_addresses() {
    for net in [IP, IP6] {
        let mut pair = Pair::tuned(net, |config| {
            if config.addresses.iter().all(|cidr| cidr.addr() != net.a(0).ip()) {
                return;
            }
            let more = ["192.0.2.77/24", "2001:db8::77/64"];
            for text in more {
                let _ = config.addresses.push(text.parse().expect("an address"));
            }
        });
        let (a, b) = pair.datagram_sockets(net);
        let with = |local, interface| Control { packet_info: Some(PacketInfo { local, interface }), ..Control::NONE };
        let other = if net == IP { IP6 } else { IP };
        let mut send = |control| {
            let message = SendMessage { pieces: &[b"x"], to: Some(net.b(7)), control };
            pair.a.sendmsg(a, &message, MsgFlags::NONE)
        };
        let foreign = if net == IP { Errno::ENETUNREACH } else { Errno::EINVAL };
        assert_eq!(send(with(net.elsewhere(0).ip(), 0)), Err(foreign), "as on Linux");
        assert_eq!(send(with(other.a(0).ip(), 0)), Err(Errno::EINVAL), "the other family");
        assert_eq!(send(with(net.a(0).ip(), 2)), Err(Errno::ENODEV));
        let zero = send(Control { ttl: Some(0), ..Control::NONE });
        assert_eq!(zero, if net == IP { Err(Errno::EINVAL) } else { Ok(1) });
        let second = net.host(0x77, 7).ip();
        let second = if net == IP { "192.0.2.77".parse().expect("an address") } else { second };
        assert_eq!(send(with(second, 1)), Ok(1));
        assert_eq!(send(with(net.any(0).ip(), 0)), Ok(1));
        pair.settle();
        let mut from = Vec::new();
        while let Ok(datagram) = pair.b.recv_from(b, &mut [0; 8]) {
            from.push(datagram.remote.ip());
        }
        assert_eq!(from[from.len() - 2..], [second, net.a(0).ip()]);
    }
}

#[test]
fn a_message_to_a_stream_has_no_sender_and_needs_no_address() {
    let mut pair = Pair::new(IP);
    let (client, server) = pair.connection(IP);
    let message =
        SendMessage { pieces: &[b"he", b"llo"], to: None, control: Control { ttl: Some(0), ..Control::NONE } };
    assert_eq!(pair.a.sendmsg(client, &message, MsgFlags::NONE), Ok(5), "control data is for datagrams");
    pair.settle();
    let received = pair.b.recvmsg(server, &mut [&mut [0; 8]], MsgFlags::NONE).expect("bytes");
    assert_eq!((received.len, received.full_len, received.remote), (5, 5, None));
    let to = SendMessage { to: Some(IP.b(80)), ..message };
    assert_eq!(pair.a.sendmsg(client, &to, MsgFlags::NONE), Ok(5), "as send_to");
}

#[test]
fn what_waits_is_counted_and_listeners_have_no_queues() {
    let mut pair = Pair::new(IP);
    let listener = pair.b_listens(IP, 80, 1);
    assert_eq!(pair.b.ioctl_fionread(listener), Err(Errno::EINVAL));
    assert_eq!(pair.b.ioctl_siocoutq(listener), Err(Errno::EINVAL));
    let fresh = pair.a.socket(Domain::Inet, Type::Stream).expect("room");
    assert_eq!((pair.a.ioctl_fionread(fresh), pair.a.ioctl_siocoutq(fresh)), (Ok(0), Ok(0)));
    pair.a.close(fresh).expect("it is open");
    assert_eq!(pair.a.ioctl_fionread(fresh), Err(Errno::EBADF));
    assert_eq!(pair.a.ioctl_siocoutq(fresh), Err(Errno::EBADF));
}
