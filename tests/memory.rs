//! Does memory grow while strangers do what they like?
//!
//! A test program of its own: its allocator counts the bytes that live, of all threads.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use smolsock::addr::MacAddr;
use smolsock::device::Medium;
use smolsock::time::{Duration, Instant};
use smolsock::{Config, Counters, Domain, Errno, Seed, SocketId, Stack, Step, Type};
use smolsock_fuzz::victim::packet::{datagram, fragment, icmp_error, segment, seq_and_flags};
use smolsock_fuzz::victim::port::Port;

#[global_allocator]
static HEAP: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

/// Frames that come until all tables have been full, and after that.
const WARM: u64 = 20_000;
const FRAMES: u64 = 200_000;

/// One test, or the allocator would count what others do.
#[test]
fn no_flood_makes_a_host_grow() {
    for Flood { name, medium, frame, effect, bound } in FLOODS {
        let mut host = Host::new(medium);
        // What the application asks for is its own.
        let server = host.open();
        let (mut warm, mut most) = (0, 0);
        let before = live_bytes();
        for n in 0..FRAMES {
            frame(&mut host, &server, n);
            most = most.max(live_bytes());
            if n == WARM {
                warm = most;
            }
        }
        let grown = most - before;
        assert_eq!(most, warm, "{name}: it grows and grows");
        assert!(grown <= bound, "{name}: {grown} bytes, and not {bound}");
        let effect = effect(host.stack.counters());
        assert!(effect > FRAMES / 2, "{name}: only {effect} frames did what they were meant to");
    }
}

struct Flood {
    name: &'static str,
    medium: Medium,
    frame: fn(&mut Host, &Server, u64),
    /// How often it had an effect.
    effect: fn(&Counters) -> u64,
    /// Bytes that it may cost, as the manual's page of attacks says.
    bound: isize,
}

const FLOODS: [Flood; 8] = [
    Flood {
        name: "half-open connections",
        medium: Medium::Ip,
        frame: half_opens,
        effect: |counters| counters.half_open_evicted,
        bound: CHILDREN * (BUFFERS + OVERHEAD),
    },
    Flood {
        name: "connections that are accepted",
        medium: Medium::Ip,
        frame: connections,
        effect: |counters| counters.dropped_syn_no_room,
        bound: SOCKETS_MAX * (BUFFERS + OVERHEAD),
    },
    Flood {
        name: "fragments of packets that never end",
        medium: Medium::Ip,
        frame: fragments,
        effect: |counters| counters.reassembly_failures,
        bound: 16 * 66_607,
    },
    Flood {
        name: "neighbours that do not exist",
        medium: Medium::Ethernet,
        frame: neighbours,
        effect: |counters| counters.frames_out,
        bound: OVERHEAD,
    },
    Flood {
        name: "ICMP errors",
        medium: Medium::Ip,
        frame: errors,
        effect: |counters| counters.dropped_icmp_errors,
        bound: OVERHEAD,
    },
    Flood {
        name: "datagrams that nobody reads",
        medium: Medium::Ip,
        frame: datagrams,
        effect: |counters| counters.dropped_datagram_overflow,
        bound: UDP_BYTES + OVERHEAD,
    },
    Flood {
        name: "segments and datagrams for nobody",
        medium: Medium::Ip,
        frame: strays,
        effect: |counters| counters.refused,
        bound: OVERHEAD,
    },
    Flood {
        name: "holes in a stream",
        medium: Medium::Ip,
        frame: holes,
        effect: |counters| counters.sockets_visited_in,
        bound: OVERHEAD,
    },
];

fn half_opens(host: &mut Host, _: &Server, n: u64) {
    host.receive(segment(at(80), stranger(n), [n as u32, 0], SYN));
}

fn connections(host: &mut Host, server: &Server, n: u64) {
    let answers = host.receive(segment(at(80), stranger(n), [n as u32, 0], SYN));
    if let Some(answer) = answers.first().map(|packet| seq_and_flags(packet)).filter(|answer| answer.1 == SYN | ACK) {
        host.receive(segment(at(80), stranger(n), [n as u32 + 1, answer.0.wrapping_add(1)], ACK));
    }
    match host.stack.accept(server.listener) {
        Ok(_) | Err(Errno::EAGAIN | Errno::EMFILE | Errno::ENOBUFS) => {}
        Err(error) => panic!("{error}"),
    }
}

fn fragments(host: &mut Host, _: &Server, n: u64) {
    let from = if n.is_multiple_of(2) { stranger(n) } else { (Ipv6Addr::from(STRANGERS6 + u128::from(n)), 9).into() };
    let to = if n.is_multiple_of(2) { at(7) } else { at6(7) };
    let whole = datagram(to, from, &[n as u8; 2_000]);
    host.receive(fragment(Medium::Ip, &whole, (n >> 1) as u16, 8..1_008, true).expect("a fragment"));
}

fn neighbours(host: &mut Host, _: &Server, n: u64) {
    let mac = [2, 0xbd, (n >> 24) as u8, (n >> 16) as u8, (n >> 8) as u8, n as u8];
    let asker = [192, 0, 2, 3 + (n % 250) as u8];
    let question = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &mac, &asker, &[0; 6], &HOST4.octets()].concat();
    host.receive([&[0xff; 6][..], &mac, &[8, 6], &question].concat());
}

fn errors(host: &mut Host, _: &Server, n: u64) {
    // About what nobody has sent.
    let ours = datagram(stranger(n), at(8), &[0; 32]);
    let (kind, code) = [(3, 4), (3, 3), (3, 1), (11, 0), (12, 0), (3, 2)][(n % 6) as usize];
    host.receive(icmp_error(Medium::Ip, &ours, kind, code, 68 + (n % 1_400) as u16).expect("an error"));
}

fn datagrams(host: &mut Host, _: &Server, n: u64) {
    host.receive(datagram(at(7), stranger(n), &[n as u8; 1_000]));
}

fn strays(host: &mut Host, _: &Server, n: u64) {
    if n.is_multiple_of(2) {
        host.receive(datagram(at(9), stranger(n), &[0; 16]));
    } else {
        host.receive(segment(at(n as u16), stranger(n), [n as u32, n as u32], (n >> 4) as u8));
    }
}

fn holes(host: &mut Host, server: &Server, n: u64) {
    let (ours, theirs) = server.open;
    let seq = theirs.wrapping_add(2 + (n as u32).wrapping_mul(2) % 60_000);
    let mut packet = segment(at(80), friend(), [seq, ours], ACK);
    packet.push(7);
    let len = packet.len() as u16;
    packet[2..4].copy_from_slice(&len.to_be_bytes());
    host.receive(packet);
}

/// A host, and the wire at which strangers sit.
struct Host {
    stack: Stack<'static>,
    port: Port,
    now: Instant,
}

/// What its application has.
struct Server {
    listener: SocketId,
    /// The next number of this host, and of its friend, in the one connection that is open.
    open: (u32, u32),
}

impl Host {
    fn new(medium: Medium) -> Host {
        let seed = Seed::new(*b"memory of a host").expect("not zero");
        let mut config = match medium {
            Medium::Ethernet => Config::ethernet(MacAddr(MAC), seed),
            Medium::Ip => Config::ip(seed),
        };
        for address in [format!("{HOST4}/24"), format!("{HOST6}/64")] {
            config = config.address(address.parse().expect("an address"));
        }
        (config.tcp_recv_bytes, config.tcp_send_bytes) = (2_048, 2_048);
        config.udp_recv_bytes = UDP_BYTES as usize;
        config.sockets_max = SOCKETS_MAX as usize;
        let port = Port::new(medium);
        let stack = Stack::new(config, &port).expect("a sound configuration");
        Host { stack, port, now: Instant::ZERO }
    }

    /// A listener, a UDP socket, and where the medium needs no neighbour, a connection.
    fn open(&mut self) -> Server {
        let udp = self.stack.socket(Domain::Inet, Type::Datagram).expect("room");
        self.stack.bind(udp, at(7)).expect("a free port");
        let listener = self.stack.socket(Domain::Inet, Type::Stream).expect("room");
        self.stack.bind(listener, at(80)).expect("a free port");
        self.stack.listen(listener, 64).expect("a bound socket");
        let mut server = Server { listener, open: (0, 0) };
        if self.port.medium == Medium::Ip {
            let answer = self.receive(segment(at(80), friend(), [100, 0], SYN)).remove(0);
            server.open = (seq_and_flags(&answer).0.wrapping_add(1), 101);
            self.receive(segment(at(80), friend(), [101, server.open.0], ACK));
            self.stack.accept(listener).expect("a connection");
        }
        server
    }

    /// A packet or frame comes, 100 µs after the last one. What is sent until the stack rests.
    fn receive(&mut self, packet: Vec<u8>) -> Vec<Vec<u8>> {
        self.now = self.now.saturating_add(Duration::from_micros(100));
        self.port.waiting.push_back(packet);
        let rests = (0..1_000).any(|_| self.stack.step(self.now, &mut self.port) != Step::More);
        assert!(rests, "a stack without input has not come to rest");
        std::mem::take(&mut self.port.sent)
    }
}

fn live_bytes() -> isize {
    let stats = HEAP.stats();
    stats.bytes_allocated as isize - stats.bytes_deallocated as isize
}

fn at(port: u16) -> SocketAddr {
    (HOST4, port).into()
}

fn at6(port: u16) -> SocketAddr {
    (HOST6, port).into()
}

/// Nobody of our own network: 1,000 networks of benchmarks (RFC 2544).
fn stranger(n: u64) -> SocketAddr {
    let [.., a, b, c] = (n / 8 % (1 << 17)).to_be_bytes();
    (IpAddr::from([198, 18 + a, b, c]), 1_024 + (n % 8) as u16).into()
}

fn friend() -> SocketAddr {
    (Ipv4Addr::new(192, 0, 2, 2), 5_000).into()
}

const HOST4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const HOST6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const STRANGERS6: u128 = 0x2001_0db8_ffff << 80;
const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const SYN: u8 = 2;
const ACK: u8 = 16;
/// A backlog of 64 and one, and 128 that are half-open (`Config::half_open_max`).
const CHILDREN: isize = 64 + 1 + 128;
const SOCKETS_MAX: isize = 512;
/// Of a connection.
const BUFFERS: isize = 2_048 + 2_048;
/// What a connection costs beside its buffers, and what a table of a fixed size may cost.
const OVERHEAD: isize = 2_048;
const UDP_BYTES: isize = 65_536;
