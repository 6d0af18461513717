//! Is an announced window always there?

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use smolsock::addr::Cidr;
use smolsock::{ConfigError, Seed, Stack};
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::Medium;
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpCidr};

use crate::wire::{Cable, Driven, HOST_V4, Net, ack, data, syn, syn_ack};

/// B2. The window of a SYN-ACK is not scaled; smoltcp keeps it, and reads it back as if it were: between
/// the SYN-ACK and the next ACK it takes segments that its buffer has no room for. With assertions that
/// is a panic (an attacker's to cause); without, it acknowledges bytes that it has thrown away.
#[test]
fn a_receive_buffer_beyond_65_535_bytes_takes_segments_that_it_cannot_hold() {
    let net = Net::new(Medium::Ip, |cable| Large::new(131_072, cable));
    let mut peer = net.peer().towards(80);
    peer.sends(syn(0).window_scale(7).sack_permitted());
    peer.expects(syn_ack(0).ack(1).window(65_535).window_scale(2));
    let beyond = catch_unwind(AssertUnwindSafe(|| peer.sends(data(140_000, b"beyond the buffer").ack(1))));
    match beyond {
        Err(panic) => assert!(super::text(&*panic).contains("len_written == payload_len")),
        // Selectively acknowledged, and never stored.
        Ok(()) => peer.expects(ack(1, 1).sack(140_000, 140_017)),
    }
}

/// The largest buffer that is safe: a segment beyond it is refused.
#[test]
fn a_receive_buffer_of_65_535_bytes_takes_only_what_it_can_hold() {
    let net = Net::new(Medium::Ip, |cable| Large::new(65_535, cable));
    let mut peer = net.peer().towards(80);
    peer.sends(syn(0).window_scale(7).sack_permitted());
    peer.expects(syn_ack(0).ack(1).window(65_535).window_scale(0));
    peer.sends(data(65_536, b"beyond the buffer").ack(1));
    let (_, packet) = peer.takes(Duration::from_millis(100)).expect("a challenge ACK");
    let said = packet.to_string();
    assert!(said.starts_with("ACK seq 1 ack 1 win 65535") && !said.contains("sack "), "{said}");
}

#[test]
fn a_receive_buffer_beyond_65_535_bytes_is_refused() {
    let net = Net::new(Medium::Ip, |cable| {
        let config = |recv_bytes| {
            let own = Cidr::new(HOST_V4.into(), 24).expect("a good prefix length");
            let mut config = smolsock::Config::ip(Seed::new([7; 16]).expect("not zero")).address(own);
            config.tcp_recv_bytes = recv_bytes;
            config
        };
        assert_eq!(Stack::new(config(65_536), cable).map(drop), Err(ConfigError::RecvBuffer(65_536)));
        Stack::new(config(65_535), cable).expect("the largest there is")
    });
    assert_eq!(net.untaken(), 0);
}

/// One listening smoltcp socket with a receive buffer of a chosen size.
struct Large {
    interface: Interface,
    sockets: SocketSet<'static>,
}

impl Large {
    fn new(recv_bytes: usize, cable: &mut Cable) -> Self {
        let mut interface = Interface::new(Config::new(HardwareAddress::Ip), cable, Instant::ZERO);
        interface.update_ip_addrs(|addrs| {
            addrs.push(IpCidr::new(HOST_V4.into(), 24)).expect("room for one address");
        });
        let mut socket = Socket::new(SocketBuffer::new(vec![0; recv_bytes]), SocketBuffer::new(vec![0; 1_000]));
        socket.listen(80).expect("a fresh socket can listen");
        let mut sockets = SocketSet::new(Vec::new());
        sockets.add(socket);
        Self { interface, sockets }
    }
}

impl Driven for Large {
    fn step(&mut self, now: Duration, cable: &mut Cable) {
        self.interface.poll(Instant::from_micros(now.as_micros() as i64), cable, &mut self.sockets);
    }

    fn next_step(&mut self, _: Duration) -> Option<Duration> {
        None
    }
}
