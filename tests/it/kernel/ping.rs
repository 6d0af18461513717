//! Do both answer when they are pinged?

use std::net::UdpSocket;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, ipproto};
use smolsock::{Domain, Type, blocking};

use super::agree;
use super::host::{Host, Udp};

#[test]
fn pings_are_answered() {
    agree("ping", |ends| {
        let at = ends.server_at(0);
        // Type of a request, and of its answer.
        let (request, answer) = if at.is_ipv4() { (8, 0) } else { (128, 129) };
        let socket = match &ends.client {
            Host::Kernel => kernel_socket(at.is_ipv4()),
            Host::Ours(net) => {
                let domain = if at.is_ipv4() { Domain::Inet } else { Domain::Inet6 };
                let id = net.stack(|stack| stack.socket(domain, Type::Icmp)).expect("a socket");
                Udp::Ours(blocking::UdpSocket::from_id(net, id))
            }
        };
        socket.set_read_timeout(Duration::from_secs(60)).expect("not zero");
        for (number, len) in [0, 8, 56, 1_000, 1_400, 4_000].into_iter().enumerate() {
            let mut message = vec![request, 0, 0, 0, 0, 0, 0, number as u8];
            message.extend((0..len).map(|i| (i * 3) as u8));
            socket.send_to(&message, at).expect("room");
            let mut buffer = vec![0; 8_192];
            let (len, peer) = socket.recv_from(&mut buffer).expect("an answer");
            assert_eq!(peer.ip(), at.ip());
            assert_eq!((buffer[0], buffer[7]), (answer, number as u8));
            assert!(buffer[8..len] == message[8..], "{len} bytes");
        }
    });
}

fn kernel_socket(is_ipv4: bool) -> Udp {
    let (family, protocol) =
        if is_ipv4 { (AddressFamily::INET, ipproto::ICMP) } else { (AddressFamily::INET6, ipproto::ICMPV6) };
    let socket = rustix::net::socket(family, SocketType::DGRAM, Some(protocol)).expect("ping_group_range lets us");
    Udp::Kernel(UdpSocket::from(socket))
}
