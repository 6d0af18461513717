//! What becomes of datagrams on a way that carries less than the link?

use smolsock::sockopt::IP_MTU;
use smolsock::{Domain, Errno, SocketId, Type};

use crate::pair::{End, IP, Pair, secs};

#[test]
fn datagrams_are_cut_to_what_a_router_has_reported() {
    let (mut pair, sender, receiver) = connected();
    exchange(&mut pair, sender, receiver, &[1_428]);
    report(&mut pair, 600, |_| {});
    assert_eq!(pair.b.getsockopt(sender, IP_MTU), Ok(600));
    // Linux `__udp4_lib_err`: what was too long is lost, and its sender shall know.
    assert_eq!(pair.b.send(sender, &[0; 1_400]), Err(Errno::EMSGSIZE));
    // 20 bytes of header, and payloads of whole eights: 576, 576, 284.
    exchange(&mut pair, sender, receiver, &[596, 596, 276]);
    pair.run_for(secs(599));
    exchange(&mut pair, sender, receiver, &[596, 596, 276]);
    pair.run_for(secs(2));
    assert_eq!(pair.b.getsockopt(sender, IP_MTU), Ok(1500));
    exchange(&mut pair, sender, receiver, &[1_428]);
}

#[test]
fn reports_about_what_was_never_sent_are_ignored() {
    let forgeries: [fn(&mut Vec<u8>); 4] = [
        // Another port of ours, another host or another port of theirs, another protocol.
        |quote| quote[21] ^= 1,
        |quote| quote[19] ^= 9,
        |quote| quote[23] ^= 1,
        |quote| quote[9] = 6,
    ];
    for forge in forgeries {
        let (mut pair, sender, receiver) = connected();
        exchange(&mut pair, sender, receiver, &[1_428]);
        let before = pair.b.counters().dropped_icmp_errors;
        report(&mut pair, 600, forge);
        assert_eq!(pair.b.counters().dropped_icmp_errors, before + 1);
        assert_eq!(pair.b.getsockopt(sender, IP_MTU), Ok(1500));
        exchange(&mut pair, sender, receiver, &[1_428]);
    }
}

/// A socket on `b` that is connected to one on `a`.
fn connected() -> (Pair<'static>, SocketId, SocketId) {
    let mut pair = Pair::new(IP);
    let (receiver, _) = pair.datagram_sockets(IP);
    let sender = pair.b.socket(Domain::Inet, Type::Datagram).expect("room");
    pair.b.connect(sender, IP.a(7)).expect("a route");
    (pair, sender, receiver)
}

/// Sends 1,400 bytes, which arrive whole in packets of these lengths.
fn exchange(pair: &mut Pair<'_>, sender: SocketId, receiver: SocketId, packets: &[usize]) {
    pair.forget();
    let data: Vec<u8> = (0..1_400_u32).map(|i| (i % 251) as u8).collect();
    assert_eq!(pair.b.send(sender, &data), Ok(1_400));
    pair.settle();
    let lens: Vec<usize> = pair.seen.iter().filter(|seen| seen.from == End::B).map(|seen| seen.bytes.len()).collect();
    assert_eq!(lens, packets);
    assert_eq!(crate::pair::recv(&mut pair.a, receiver, 2_000), Ok(data));
}

/// A router says that the last packet of `b` was too long; `forge` changes what it quotes.
fn report(pair: &mut Pair<'_>, mtu: u16, forge: impl FnOnce(&mut Vec<u8>)) {
    let last = pair.seen.iter().rfind(|seen| seen.from == End::B).expect("it was sent");
    let mut quote = last.bytes[..28].to_vec();
    forge(&mut quote);
    let mut message = vec![3, 4, 0, 0, 0, 0];
    message.extend(mtu.to_be_bytes());
    message.extend(quote);
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum);
    let len = u16::try_from(20 + message.len()).expect("small").to_be_bytes();
    let mut packet = vec![0x45, 0, len[0], len[1], 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 254, 192, 0, 2, 2];
    let sum = checksum(&packet);
    packet[10..12].copy_from_slice(&sum);
    packet.extend(message);
    pair.inject_to_b(&packet);
    pair.settle();
}

/// RFC 1071, over an even number of bytes.
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let mut sum: u32 = bytes.chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1])).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!u16::try_from(sum).expect("folded")).to_be_bytes()
}
