//! Do frames pass between a stack and the kernel, and does every failure say what helps?
//!
//! Each test has a network namespace of its own, in a thread of its own: addresses are of 192.0.2.0/24 and 2001:db8::/64,
//! and nothing leaves. Where the rights for that are missing, tests say so and pass, or fail with
//! `SMOLSOCK_REQUIRE_TOOLS`.

use core::net::IpAddr;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::string::{String, ToString};
use std::{format, panic, thread};

use rustix::net::sockopt::Timeout;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, ipproto};
use rustix::thread::CapabilitySets;
use sha2::{Digest, Sha256};

use super::*;
use crate::stack::classify::checksum;
use crate::time::{Duration, Instant};
use crate::{Config, Domain, Errno, Seed, Shutdown, SocketId, Stack, Step, Type, sockopt};

#[test]
fn an_interface_that_is_there_already_is_attached_to() {
    in_namespace("attach", || {
        ip("tuntap add dev kept mode tap");
        let tap = Tap::options().attach_only(true).open("kept").expect("it is there");
        assert_eq!((tap.name(), tap.mtu(), tap.capabilities().max_transmission_unit), ("kept", 1500, 1514));
        assert_eq!(tap.ensure_up().expect_err("down").to_string(), "kept is down: `ip link set kept up`");
        ip("link set kept up mtu 9000");
        assert!(tap.ensure_up().is_ok());
        assert_eq!(Tap::open("kept").expect_err("there is one").to_string().split(':').next(), Some("kept is busy"));
        drop(tap);
        assert_eq!(soon(|| Tap::open("kept").ok()).mtu(), 9000);
        assert!(matches!(Tap::tun("kept"), Err(OpenError::OtherKind(name)) if name == "kept"));
    });
}

#[test]
fn what_cannot_be_opened_says_what_to_do() {
    in_namespace("errors", || {
        for name in ["", "sixteen-is-longer", "two words", "a/b", ".."] {
            let error = Tap::open(name).expect_err("no name");
            assert!(matches!(error, OpenError::Name(_)) && error.to_string().contains("1 to 15 bytes"), "{error}");
        }
        let attach = Tap::options().attach_only(true);
        says(
            attach.open("absent"),
            "there is no interface absent in this network namespace: make it with `ip tuntap add",
        );
        says(Tap::open("lo"), "lo is of another kind (`ip -details link show lo`)");
        let one = Tap::open("one").expect("it can be made");
        says(Tap::open("one"), "one is busy: another program is attached");
        drop(one);
        soon(|| matches!(attach.open("one"), Err(OpenError::NoDevice(_))).then_some(()));
        let several = Tap::options().multi_queue(true);
        let queues = [several.open("many").expect("made"), several.open("many").expect("attached")];
        says(Tap::open("many"), "many is of another kind");
        drop(queues);
        says(Tap::from_fd(file("/dev/null")), "the descriptor is not attached to an interface");
        says(Tap::from_fd(file("/dev/net/tun")), "the descriptor is not attached to an interface");
        // From here on this thread may do nothing with the network.
        let nothing = rustix::thread::CapabilitySet::empty();
        let sets = CapabilitySets { effective: nothing, permitted: nothing, inheritable: nothing };
        rustix::thread::set_capabilities(None, sets).expect("giving up is allowed");
        says(Tap::open("mine"), "no permission for mine: it takes CAP_NET_ADMIN to make an interface");
    });
    // These have no place of their own on this machine.
    let of_open = |error: rustix::io::Errno| OpenError::of_open(error.into()).to_string();
    assert!(of_open(rustix::io::Errno::NOENT).contains("load it with `modprobe tun`"));
    assert!(of_open(rustix::io::Errno::ACCESS).contains("run as root"));
    let error = io::Error::from(OpenError::Busy("tap0".into()));
    assert!(error.kind() == io::ErrorKind::ResourceBusy && error.to_string().starts_with("tap0 is busy"));
}

/// An open file.
fn file(path: &str) -> OwnedFd {
    std::fs::OpenOptions::new().read(true).write(true).open(path).expect("it is there").into()
}

/// The error's text begins so.
fn says(result: Result<Tap, OpenError>, expected: &str) {
    let text = result.expect_err(expected).to_string();
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn a_descriptor_is_taken_over_as_it_was_attached() {
    in_namespace("descriptor", || {
        for (name, has_offload, medium) in [("theirs", true, Medium::Ethernet), ("too", false, Medium::Ip)] {
            let options = Tap::options().offload(has_offload);
            let options = if medium == Medium::Ip { options.ip() } else { options };
            let tap = options.open(name).expect("it can be made");
            let fd = tap.as_fd().try_clone_to_owned().expect("a descriptor");
            let ours = Tap::from_fd(fd).expect("it is attached");
            assert_eq!((ours.name(), ours.mtu(), ours.has_offload()), (name, 1500, has_offload));
            assert_eq!(ours.capabilities().medium, medium);
            let plain =
                Tap::options().offload(false).mtu(1280).from_fd(ours.as_fd().try_clone_to_owned().expect("one"));
            let plain = plain.expect("without the offloads that it has");
            assert_eq!((plain.has_offload(), plain.mtu()), (false, 1280));
        }
    });
}

#[test]
fn frames_to_an_interface_that_is_down_or_gone_are_counted() {
    in_namespace("gone", || {
        let mut host = Host::new(Medium::Ip, Tap::options());
        let socket = host.stack.socket(Domain::Inet, Type::Datagram).expect("a socket");
        for (words, errno) in [("set", rustix::io::Errno::IO), ("del", rustix::io::Errno::BADFD)] {
            ip(&if words == "set" {
                format!("link set {} down", host.tap.name())
            } else {
                format!("link del {}", host.tap.name())
            });
            let before = host.tap.counters().transmit_errors;
            host.stack.send_to(socket, b"lost", ([192, 0, 2, 2], 9).into()).expect("queued");
            let _ = host.step();
            assert_eq!(host.tap.counters().transmit_errors, before + 1, "{words}");
            let error = host.tap.take_error().expect("the last one");
            assert_eq!(error.raw_os_error(), Some(errno.raw_os_error()), "{words}: {error}");
        }
        assert!(
            host.tap
                .take_error()
                .is_none_or(|error| error.raw_os_error() == Some(rustix::io::Errno::BADFD.raw_os_error()))
        );
        assert!(matches!(host.tap.ensure_up(), Err(OpenError::NoDevice(_))));
    });
}

#[test]
fn offloads_that_a_program_left_behind_are_taken_back() {
    in_namespace("left behind", || {
        ip("tuntap add dev kept mode tap");
        let left = Tap::options().multi_queue(false).open("kept").expect("it is there");
        let fd = left.as_fd().try_clone_to_owned().expect("a descriptor");
        drop(left);
        // As a program that ends at once would leave them.
        sys::set_offload(&fd, 7).expect("attached");
        drop(fd);
        let tap = soon(|| Tap::options().offload(false).open("kept").ok());
        let mut host = Host::on(tap);
        let server = host.listen(false);
        let kernel = thread::spawn(|| connect(false).write_all(&[7; 100_000]).expect("it is connected"));
        let connection = host.until(|stack| stack.accept(server)).0;
        let (mut buffer, mut received) = (vec![0; 1 << 16], 0);
        while received < 100_000 {
            received += host.until(|stack| stack.recv(connection, &mut buffer));
            assert!(host.tap.counters().frames_in >= received as u64 / 1460, "{:?}", host.tap);
        }
        kernel.join().expect("the kernel's side");
    });
}

#[test]
fn the_kernel_pings_the_stack_and_sends_it_datagrams() {
    in_namespace("ping", || {
        for has_offload in [true, false] {
            let mut host = Host::new(Medium::Ethernet, Tap::options().offload(has_offload));
            let socket = host.stack.socket(Domain::Inet, Type::Datagram).expect("a socket");
            host.stack.bind(socket, host_addr(false)).expect("free");
            let kernel = thread::spawn(|| {
                ping();
                let socket = std::net::UdpSocket::bind("192.0.2.2:0").expect("its own address");
                socket.set_read_timeout(Some(PATIENCE)).expect("more than 0");
                let mut buffer = [0; 2000];
                for len in [0, 1, 1400] {
                    socket.send_to(&[5; 1400][..len], host_addr(false)).expect("sent");
                    assert_eq!(socket.recv(&mut buffer).expect("it comes back"), len);
                }
            });
            let mut buffer = [0; 2000];
            for len in [0, 1, 1400] {
                let datagram = host.until(|stack| stack.recv_from(socket, &mut buffer));
                assert_eq!(datagram.len, len);
                host.until(|stack| stack.send_to(socket, &buffer[..len], datagram.remote));
            }
            let _ = host.step();
            kernel.join().expect("the kernel's side");
            assert_eq!(host.stack.counters().dropped_malformed, 0);
        }
    });
}

/// Sends an echo request over IPv4 from the kernel's side and waits for the answer (RFC 792).
fn ping() {
    let icmp = |fd: &OwnedFd| rustix::net::sockopt::set_socket_timeout(fd, Timeout::Recv, Some(PATIENCE));
    let fd = raw_socket(ipproto::ICMP);
    icmp(&fd).expect("a socket");
    let request = [8, 0, 0xf7, 0xe9, 0, 0x12, 0, 4];
    assert!(checksum::is_good(checksum::sum(&request)));
    rustix::net::sendto(&fd, &request, SendFlags::empty(), &host_addr(false)).expect("sent");
    let mut buffer = [0; 100];
    let (len, _) = rustix::net::recv(&fd, &mut buffer[..], RecvFlags::empty()).expect("the answer");
    assert_eq!(buffer[20..len], [0, 0, 0xff, 0xe9, 0, 0x12, 0, 4], "behind the IPv4 header");
}

#[test]
fn a_segment_with_a_wrong_checksum_is_dropped_although_the_stack_looks_at_none() {
    in_namespace("checksum", || {
        let mut host = Host::new(Medium::Ethernet, Tap::options());
        let fd = raw_socket(ipproto::TCP);
        // A SYN to a port where nobody listens.
        let mut syn = [9, 9, 0, 99, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 1, 0, 0, 0, 0, 0];
        let (from, to) = (IpAddr::from([192, 0, 2, 2]), IpAddr::from([192, 0, 2, 1]));
        let sum = checksum::finish(checksum::pseudo(from, to, 6, 20) + checksum::sum(&syn));
        for (sum, refused, dropped) in [(sum ^ 1, 0, 1), (sum, 1, 1)] {
            syn[16..18].copy_from_slice(&sum.to_be_bytes());
            rustix::net::sendto(&fd, &syn, SendFlags::empty(), &host_addr(false)).expect("sent");
            while (host.tap.counters().dropped_bad_checksum, host.stack.counters().refused) != (dropped, refused) {
                if host.step() != Step::More {
                    host.wait();
                }
            }
        }
        assert_eq!(host.stack.counters().resets_sent, 1);
    });
}

fn raw_socket(protocol: rustix::net::Protocol) -> OwnedFd {
    let flags = rustix::net::SocketFlags::CLOEXEC;
    rustix::net::socket_with(AddressFamily::INET, SocketType::RAW, flags, Some(protocol)).expect("root may")
}

#[test]
fn a_cork_holds_a_partial_segment_back_although_the_device_cuts() {
    in_namespace("cork", || {
        for is_v6 in [false, true] {
            let mut host = Host::new(Medium::Ethernet, Tap::options());
            let server = host.listen(is_v6);
            let kernel = thread::spawn(move || {
                let mut all = vec![];
                connect(is_v6).read_to_end(&mut all).expect("the stack closes");
                all.len()
            });
            let connection = host.until(|stack| stack.accept(server)).0;
            // The cork's 200 ms do not pass.
            host.frozen = Some(host.now());
            host.stack.setsockopt(connection, sockopt::TCP_CORK, true).expect("a connection");
            let mss = if is_v6 { 1440 } else { 1460 };
            host.until(|stack| stack.send(connection, &vec![1; 5 * mss + 80]));
            let info = |host: &mut Host| host.stack.getsockopt(connection, sockopt::TCP_INFO).expect("a connection");
            while info(&mut host).bytes_acked < 5 * mss as u64 {
                if host.step() != Step::More {
                    host.wait();
                }
            }
            let held = info(&mut host);
            assert_eq!((held.bytes_sent, held.notsent, held.data_segs_out), (5 * mss as u64, 80, 5), "{held:?}");
            host.stack.setsockopt(connection, sockopt::TCP_CORK, false).expect("a connection");
            host.stack.close(connection).expect("open");
            host.frozen = None;
            while !kernel.is_finished() {
                if host.step() != Step::More {
                    host.wait();
                }
            }
            assert_eq!(kernel.join().expect("the kernel's side"), 5 * mss + 80);
        }
    });
}

#[test]
fn a_kernel_and_a_stack_talk_over_a_tap_and_over_a_tun() {
    in_namespace("talk", || {
        for medium in [Medium::Ethernet, Medium::Ip] {
            for is_v6 in [false, true] {
                echo(medium, is_v6);
            }
        }
    });
}

#[test]
fn sixteen_mebibytes_are_the_same_at_the_other_end_in_large_segments_and_in_small_ones() {
    in_namespace("transfer", || {
        for medium in [Medium::Ethernet, Medium::Ip] {
            for (is_v6, has_offload) in [(false, true), (false, false), (true, true), (true, false)] {
                transfer(medium, is_v6, has_offload);
            }
        }
    });
}

/// The kernel sends many bytes to the stack, and then the stack to the kernel.
fn transfer(medium: Medium, is_v6: bool, has_offload: bool) {
    let mut host = Host::new(medium, Tap::options().offload(has_offload));
    let server = host.listen(is_v6);
    let kernel = thread::spawn(move || {
        let mut stream = connect(is_v6);
        let sent = hash_of_stream(|chunk| stream.write_all(chunk).map(|()| chunk.len()));
        let (mut received, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
        loop {
            match stream.read(&mut buffer).expect("more, or the end") {
                0 => return (sent, received.finalize()),
                len => received.update(&buffer[..len]),
            }
        }
    });
    let connection = host.until(|stack| stack.accept(server)).0;
    let (mut received, mut buffer, mut rest) = (Sha256::new(), vec![0; 1 << 16], BYTES);
    while rest > 0 {
        let len = host.until(|stack| stack.recv(connection, &mut buffer));
        assert!(len > 0, "{rest} bytes are missing; device: {:?}", host.tap);
        received.update(&buffer[..len]);
        rest -= len;
    }
    let frames_in = host.tap.counters().frames_in;
    let sent = hash_of_stream(|chunk| Ok(host.until(|stack| stack.send(connection, chunk))));
    host.until(|stack| stack.shutdown(connection, Shutdown::Write));
    assert_eq!(host.until(|stack| stack.recv(connection, &mut buffer)), 0, "the kernel has closed");
    let info = host.stack.getsockopt(connection, sockopt::TCP_INFO).expect("connected");
    let counters = host.tap.counters();
    let (sent_by_kernel, received_by_kernel) = kernel.join().expect("the kernel's side");
    let text = format!("{medium:?} IPv6={is_v6} offload={has_offload} {counters:?} {info:?}");
    assert_eq!(sent_by_kernel, received.finalize(), "to the stack: {text}");
    assert_eq!(sent, received_by_kernel, "to the kernel: {text}");
    let segments = (BYTES / 1460) as u64;
    assert_eq!(frames_in > segments, !has_offload, "{frames_in} frames received: {text}");
    assert_eq!(counters.frames_out > segments, !has_offload, "{text}");
    // smoltcp may say its FIN twice.
    assert!(u64::from(info.data_segs_out) > segments && info.bytes_retrans == 0, "{text}");
    let mss = if is_v6 { 1440 } else { 1460 };
    assert_eq!((info.snd_mss, info.rcv_mss), (mss, mss), "{text}");
    let Counters { receive_errors, transmit_errors, dropped_bad_checksum, dropped_too_large, .. } = counters;
    assert_eq!([receive_errors, transmit_errors, dropped_bad_checksum, dropped_too_large], [0; 4], "{text}");
}

/// The hash of a stream of [`BYTES`] bytes that look random; `send` takes a part of what it is given.
fn hash_of_stream(mut send: impl FnMut(&[u8]) -> io::Result<usize>) -> sha2::digest::Output<Sha256> {
    let (mut hash, mut state, mut chunk) = (Sha256::new(), 1_u64, vec![0; 1 << 16]);
    for _ in 0..BYTES >> 16 {
        for word in chunk.as_chunks_mut::<8>().0 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *word = state.to_be_bytes();
        }
        hash.update(&chunk);
        let mut rest = &chunk[..];
        while !rest.is_empty() {
            rest = &rest[send(rest).expect("it is connected")..];
        }
    }
    hash.finalize()
}

/// The kernel connects to the stack, which gives back what it says.
fn echo(medium: Medium, is_v6: bool) {
    let mut host = Host::new(medium, Tap::options());
    let server = host.listen(is_v6);
    let text = b"hello over the wire";
    let kernel = thread::spawn(move || {
        let mut stream = connect(is_v6);
        stream.write_all(text).expect("it is connected");
        let mut back = [0; 19];
        stream.read_exact(&mut back).expect("they come back");
        assert_eq!(&back, text);
    });
    let connection = host.until(|stack| stack.accept(server)).0;
    let mut buffer = [0; 64];
    let len = host.until(|stack| stack.recv(connection, &mut buffer));
    assert_eq!(&buffer[..len], text);
    host.until(|stack| stack.send(connection, text));
    assert_eq!(host.until(|stack| stack.recv(connection, &mut buffer)), 0, "the kernel has closed");
    kernel.join().expect("the kernel's side");
}

/// A stack on a fresh interface: 192.0.2.1 and 2001:db8::1. The kernel is 192.0.2.2 and 2001:db8::2.
struct Host {
    stack: Stack<'static>,
    tap: Tap,
    start: std::time::Instant,
    /// For the stack time stands still.
    frozen: Option<Instant>,
}

impl Host {
    fn new(medium: Medium, options: Options) -> Self {
        let options = if medium == Medium::Ethernet { options } else { options.ip() };
        Self::on(options.open("smol%d").expect("it can be made"))
    }

    fn on(tap: Tap) -> Self {
        let seed = Seed::new([7; 16]).expect("not all 0");
        let config = if tap.capabilities().medium == Medium::Ethernet {
            Config::ethernet("02:00:00:00:00:01".parse().expect("a MAC"), seed)
        } else {
            Config::ip(seed)
        };
        let name = tap.name();
        // IPv6 addresses are good at once, without asking whether somebody has them.
        ip(&format!("addr add 192.0.2.2/24 dev {name}"));
        ip(&format!("addr add 2001:db8::2/64 dev {name} nodad"));
        ip(&format!("link set {name} up"));
        tap.ensure_up().expect("it is up");
        let config = ["192.0.2.1/24", "2001:db8::1/64"]
            .into_iter()
            .fold(config, |config, cidr| config.address(cidr.parse().expect("an address")));
        let stack = Stack::new(config, &tap).expect("they fit");
        Self { stack, tap, start: std::time::Instant::now(), frozen: None }
    }

    fn listen(&mut self, is_v6: bool) -> SocketId {
        let domain = if is_v6 { Domain::Inet6 } else { Domain::Inet };
        let server = self.stack.socket(domain, Type::Stream).expect("a socket");
        self.stack.bind(server, host_addr(is_v6)).expect("free");
        self.stack.listen(server, 8).expect("bound");
        server
    }

    /// Runs the stack until `call` gives something.
    fn until<T>(&mut self, mut call: impl FnMut(&mut Stack<'static>) -> Result<T, Errno>) -> T {
        loop {
            let step = self.step();
            match call(&mut self.stack) {
                Ok(done) => return done,
                Err(Errno::EAGAIN) if step == Step::More => {}
                Err(Errno::EAGAIN) => self.wait(),
                Err(error) => panic!("{error}; device: {:?}", self.tap),
            }
        }
    }

    fn step(&mut self) -> Step {
        self.stack.step(self.now(), &mut self.tap)
    }

    fn now(&self) -> Instant {
        let elapsed = self.start.elapsed();
        assert!(elapsed < PATIENCE, "nothing for long; device: {:?}", self.tap);
        self.frozen.unwrap_or(Instant::ZERO + elapsed)
    }

    /// Until a frame comes or time is up.
    fn wait(&self) {
        let next = self.stack.next_step().map_or(PATIENCE, |at| at.saturating_duration_since(self.now()));
        let next = rustix::event::Timespec::try_from(next.min(Duration::from_millis(100))).expect("short");
        let mut fds = [rustix::event::PollFd::new(&self.tap, rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut fds, Some(&next)).expect("a descriptor");
    }
}

fn host_addr(is_v6: bool) -> SocketAddr {
    let text = if is_v6 { "[2001:db8::1]:7" } else { "192.0.2.1:7" };
    text.parse().expect("an address")
}

/// A kernel's connection to the stack, which waits for nothing too long.
fn connect(is_v6: bool) -> TcpStream {
    let stream = TcpStream::connect(host_addr(is_v6)).expect("the stack listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("more than 0");
    stream.set_write_timeout(Some(PATIENCE)).expect("more than 0");
    stream
}

/// What `attempt` gives in the end: a child of another test may hold a closed descriptor until it has become `ip`.
fn soon<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    let start = std::time::Instant::now();
    loop {
        if let Some(done) = attempt() {
            return done;
        }
        assert!(start.elapsed() < PATIENCE, "it never came");
        thread::yield_now();
    }
}

/// Runs `ip` in this thread's namespace.
fn ip(words: &str) {
    let output = Command::new("ip").args(words.split(' ')).output().expect("`ip` is there");
    assert!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Runs `test` in a thread with a network namespace of its own.
///
/// # Panics
/// There is none, and `SMOLSOCK_REQUIRE_TOOLS` is set.
fn in_namespace(name: &str, test: impl FnOnce() + Send) {
    let missing = thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if let Err(error) = nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET) {
                return Some(format!("no right to make a network: {error}"));
            }
            if let Err(error) = Tap::open("probe") {
                return Some(error.to_string());
            }
            if let Err(error) = Command::new("ip").arg("-V").output() {
                return Some(format!("ip: {error}"));
            }
            test();
            None
        });
        thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
    });
    if let Some(why) = missing {
        let says_so = format!("skipped: tap: {name}: {why}");
        assert!(std::env::var_os("SMOLSOCK_REQUIRE_TOOLS").is_none(), "{says_so}, and SMOLSOCK_REQUIRE_TOOLS is set");
        let _ = writeln!(io::stderr(), "{says_so}");
    }
}

/// Of a transfer.
const BYTES: usize = 16 << 20;
/// For a whole test: more than enough.
const PATIENCE: Duration = Duration::from_secs(120);
