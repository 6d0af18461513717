//! What are the largest and smallest settings that a host is built with?

use smolsock::addr::MacAddr;
use smolsock::blocking;
use smolsock::device::{Device, DeviceCapabilities, DeviceInstant, Loopback, Medium};
use smolsock::time::Instant;
use smolsock::{Config, ConfigError, Domain, Seed, Stack, Type};

use crate::pair::{ALL, Pair, recv};
use crate::traps::fails;

const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

fn config(medium: Medium) -> Config {
    let seed = Seed::new([7; 16]).expect("not zero");
    let config = if medium == Medium::Ethernet { Config::ethernet(MAC, seed) } else { Config::ip(seed) };
    config.address("192.0.2.1/24".parse().expect("an address"))
}

/// "No limit" is the largest number there is.
#[test]
fn every_limit_may_be_the_largest_number() {
    let limits: [fn(&mut Config) -> &mut usize; 6] = [
        |config| &mut config.sockets_max,
        |config| &mut config.time_wait_max,
        |config| &mut config.half_open_max,
        |config| &mut config.reassembly_max,
        |config| &mut config.memberships_max,
        |config| &mut config.step_frames_max,
    ];
    for net in ALL {
        for limit in limits {
            let mut pair = Pair::tuned(net, |config| *limit(config) = usize::MAX);
            let (client, server) = pair.connection(net);
            assert_eq!(pair.a.send(client, b"hello"), Ok(5));
            pair.settle();
            assert_eq!(recv(&mut pair.b, server, 8), Ok(b"hello".to_vec()));
        }
    }
}

/// A device without frames, which says that they are as long as this, headers included.
struct Odd(usize);

impl Device for Odd {
    type RxToken<'a> = <Loopback as Device>::RxToken<'a>;
    type TxToken<'a> = <Loopback as Device>::TxToken<'a>;

    fn receive(&mut self, _: DeviceInstant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        None
    }

    fn transmit(&mut self, _: DeviceInstant) -> Option<Self::TxToken<'_>> {
        None
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.0;
        capabilities
    }
}

/// B30. So everything that smoltcp works out of it (a segment's size, whether a packet has to be cut) is of chance.
#[test]
fn smoltcp_takes_a_header_away_from_frames_that_have_no_room_for_it() {
    fails("attempt to subtract with overflow", || {
        Odd(13).capabilities().ip_mtu();
    });
}

#[test]
fn a_device_whose_frames_are_shorter_than_their_header_is_refused() {
    for frame_max in 0..=14 {
        let built = Stack::new(config(Medium::Ethernet), &Odd(frame_max)).map(|_| ());
        assert_eq!(built, Err(ConfigError::MtuTooSmall(0)), "frames of {frame_max} bytes");
    }
}

#[test]
fn a_cable_takes_packets_of_any_size() {
    for medium in [Medium::Ethernet, Medium::Ip] {
        let (mut cable, _other_end) = blocking::pair(medium, usize::MAX);
        let mut stack = Stack::new(config(medium), &cable).expect("possible");
        let id = stack.socket(Domain::Inet, Type::Datagram).expect("room");
        assert_eq!(stack.send_to(id, b"hello", ([192, 0, 2, 1], 7).into()), Ok(5));
        let _ = stack.step(Instant::ZERO, &mut cable);
    }
}

/// What no memory holds is refused before anybody asks for a socket.
#[test]
fn a_udp_queue_that_no_memory_holds_is_refused() {
    let settings: [fn(&mut Config) -> &mut usize; 3] = [
        |config| &mut config.udp_recv_bytes,
        |config| &mut config.udp_send_bytes,
        |config| &mut config.udp_queue_datagrams,
    ];
    for setting in settings {
        for size in [usize::MAX, (1 << 30) + 1] {
            let mut config = config(Medium::Ip);
            *setting(&mut config) = size;
            let refused = Stack::new(config, &Loopback::new(Medium::Ip)).err();
            assert_eq!(refused, Some(ConfigError::UdpQueue(size)));
        }
    }
}
