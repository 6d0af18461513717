//! Does TCP_INFO tell what happened on the cable?

use smolsock::sockopt::{TCP_INFO, TcpInfo};
use smolsock::{SocketId, TcpState};

use super::{Host, burst, host, millis, open_by, recv, secs, send, takes};
use crate::wire::{ack, data, syn, syn_ack};

/// 50 ms there and back, one segment lost.
#[test]
fn the_numbers_are_those_of_the_conversation() {
    let net = host();
    let (socket, mut peer) = open_by(&net, syn(0).mss(1000));
    let fresh = info(&net, socket);
    assert_eq!((fresh.state, fresh.snd_mss, fresh.pmtu), (TcpState::Established, 1000, 1500));
    assert_eq!((fresh.segs_out, fresh.segs_in, fresh.data_segs_out, fresh.unacked), (1, 2, 0, 0));

    // Round trips of 50 ms make a smoothed one of 50 ms.
    for number in 0..20 {
        send(&net, socket, &[7; 10]);
        takes(&mut peer, secs(1)).expect("the data");
        assert_eq!(info(&net, socket).unacked, 10);
        net.run(millis(50));
        peer.sends(ack(1, 11 + 10 * number));
    }
    let measured = info(&net, socket);
    let rtt = measured.rtt.expect("it was measured");
    assert!(rtt > millis(40) && rtt < millis(60), "{rtt:?}");
    assert!(measured.rttvar.expect("it was measured") < millis(10));
    assert_eq!((measured.bytes_acked, measured.bytes_sent, measured.total_retrans), (200, 200, 0));

    // This one is lost, and what was queued behind it waits for its acknowledgement.
    send(&net, socket, &[7; 100]);
    net.run(millis(10));
    send(&net, socket, &[7; 50]);
    let waiting = info(&net, socket);
    assert_eq!((waiting.unacked, waiting.notsent, waiting.retransmits), (100, 50, 0));
    assert_eq!(waiting.last_data_sent, millis(10));
    takes(&mut peer, millis(0)).expect("the lost one");
    takes(&mut peer, secs(10)).expect("its repetition");
    let repeated = info(&net, socket);
    assert_eq!((repeated.retransmits, repeated.total_retrans, repeated.unacked), (1, 1, repeated.unacked));
    assert!(repeated.bytes_retrans >= 100, "{}", repeated.bytes_retrans);
    assert_eq!(repeated.rtt, measured.rtt, "Karn: a repetition measures nothing");
    peer.sends(ack(1, 351));
    burst(&mut peer);
    peer.sends(ack(1, 351));
    let after = info(&net, socket);
    assert_eq!((after.retransmits, after.total_retrans, after.unacked, after.notsent), (0, 1, 0, 0));
    assert_eq!((after.bytes_acked, after.bytes_sent - after.bytes_retrans), (350, 350));
}

#[test]
fn what_came_is_counted_once() {
    let net = host();
    let (socket, mut peer) = open_by(&net, syn(0).mss(1000));
    peer.sends(data(1, b"hello").ack(1));
    peer.sends(data(1, b"hello").ack(1));
    // Out of order: it counts when the hole is filled.
    peer.sends(data(11, b"again").ack(1));
    assert_eq!(info(&net, socket).bytes_received, 5);
    peer.sends(data(6, b"world").ack(1));
    let all = info(&net, socket);
    assert_eq!((all.bytes_received, all.data_segs_in, all.rcv_mss), (15, 4, 5));
    assert_eq!(all.rcv_space, 65_535 - 15);
    assert_eq!(recv(&net, socket).as_deref(), Ok(&b"helloworldagain"[..]));
    assert_eq!(info(&net, socket).rcv_space, 65_535);
    net.run(secs(3));
    let later = info(&net, socket);
    assert_eq!((later.last_data_recv, later.last_ack_recv), (secs(3), secs(3)));
}

/// A SYN that is damaged, or old, begins nothing anew.
#[test]
fn a_damaged_syn_changes_no_count() {
    let net = host();
    let (socket, mut peer) = open_by(&net, syn(0).mss(1000));
    for number in [0, 1_000_000, u32::MAX - 1_000_000] {
        peer.sends_damaged(syn(number));
        peer.sends_damaged(syn_ack(number).ack(1));
    }
    peer.sends(data(1, b"hello").ack(1));
    assert_eq!(info(&net, socket).bytes_received, 5);
}

fn info(net: &Host, socket: SocketId) -> TcpInfo {
    net.host().getsockopt(socket, TCP_INFO).expect("a stream")
}
