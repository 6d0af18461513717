//! Do frames pass between a stack and the kernel, and does every failure say what helps?
//!
//! Each test has a network namespace of its own, in a thread of its own: addresses are of 192.0.2.0/24 and 2001:db8::/64,
//! and nothing leaves. Where the rights for that are missing, tests say so and pass, or fail with
//! `SMOLSOCK_REQUIRE_TOOLS`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::string::{String, ToString};
use std::{format, panic, thread};

use sha2::{Digest, Sha256};

use super::*;
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
        assert_eq!(Tap::open("kept").expect("free again").mtu(), 9000);
        assert!(matches!(Tap::tun("kept"), Err(OpenError::OtherKind(name)) if name == "kept"));
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
    assert!(u64::from(info.data_segs_out) > segments && info.total_retrans == 0, "{text}");
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
}

impl Host {
    fn new(medium: Medium, options: Options) -> Self {
        let seed = Seed::new([7; 16]).expect("not all 0");
        let (options, config) = if medium == Medium::Ethernet {
            (options, Config::ethernet("02:00:00:00:00:01".parse().expect("a MAC"), seed))
        } else {
            (options.ip(), Config::ip(seed))
        };
        let tap = options.open("smol%d").expect("it can be made");
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
        Self { stack, tap, start: std::time::Instant::now() }
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
        Instant::ZERO + elapsed
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
