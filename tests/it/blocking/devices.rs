//! On which devices does a net run? On whatever has a descriptor, or somebody who waits for it.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use smolsock::blocking::{self, Net, Parked, TcpListener, TcpStream, Waiter};
use smolsock::device::{Device, DeviceCapabilities, DeviceInstant, Medium, RxToken, TxToken};
use smolsock::{Config, Seed, Stack};

#[test]
fn a_device_with_a_descriptor_needs_nothing_else() {
    let (left, right) = UnixDatagram::pair().expect("two sockets");
    let [ours, theirs] = [(1, left), (2, right)].map(|(host, socket)| {
        socket.set_nonblocking(true).expect("a socket");
        let device = Datagrams(socket);
        let stack = Stack::new(config(host), &device).expect("a good configuration");
        Net::spawn(stack, device).expect("a thread and a descriptor")
    });
    let listener = TcpListener::bind_on(&theirs, "192.0.2.2:7").expect("a free port");
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("the client");
        io::copy(&mut &stream, &mut &stream).expect("no error")
    });
    let client = TcpStream::connect_on(&ours, "192.0.2.2:7").expect("a listener");
    let text: Vec<u8> = (0..300_000_u32).map(|i| ((i * 7) >> 2) as u8).collect();
    thread::scope(|scope| {
        scope.spawn(|| {
            (&client).write_all(&text).expect("room");
            client.shutdown(std::net::Shutdown::Write).expect("connected");
        });
        let mut echo = Vec::new();
        (&client).read_to_end(&mut echo).expect("no error");
        assert!(echo == text, "{} bytes", echo.len());
    });
    assert_eq!(server.join().expect("no panic"), text.len() as u64);
    assert_eq!(ours.device(|device: &mut Datagrams| device.0.peer_addr().is_ok()), Some(true));
}

#[test]
fn a_device_that_is_gone_ends_the_net() {
    let (device, _other) = blocking::pair(Medium::Ip, 1500);
    let stack = Stack::new(config(1), &device).expect("a good configuration");
    let is_gone = Arc::new(AtomicBool::new(false));
    let waiter = UntilGone { inner: device.waiter(), is_gone: Arc::clone(&is_gone) };
    let waker = waiter.waker();
    let net = Net::spawn_with(stack, device, waiter).expect("a thread");
    let listener = TcpListener::bind_on(&net, "192.0.2.1:7").expect("a free port");
    let accepts = thread::spawn(move || listener.accept().map(drop));
    thread::sleep(super::SHORT);
    is_gone.store(true, Ordering::SeqCst);
    waker.wake();
    assert_eq!(accepts.join().expect("no panic").expect_err("ended").kind(), ErrorKind::NetworkDown);
    assert!(!net.is_running());
}

/// Fails when it is told to.
struct UntilGone {
    inner: Parked,
    is_gone: Arc<AtomicBool>,
}

impl Waiter for UntilGone {
    fn wait(&mut self, for_room: bool, timeout: Option<Duration>) -> io::Result<()> {
        self.inner.wait(for_room, timeout)?;
        if self.is_gone.load(Ordering::SeqCst) { Err(io::Error::other("gone")) } else { Ok(()) }
    }

    fn waker(&self) -> Waker {
        self.inner.waker()
    }
}

fn config(host: u8) -> Config {
    Config::ip(Seed::random()).address(format!("192.0.2.{host}/24").parse().expect("an address"))
}

/// IP packets as datagrams of a local socket.
struct Datagrams(UnixDatagram);

impl AsFd for Datagrams {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Device for Datagrams {
    type RxToken<'a> = Packet;
    type TxToken<'a> = Sender<'a>;

    fn receive(&mut self, _: DeviceInstant) -> Option<(Packet, Sender<'_>)> {
        let mut packet = vec![0; 1500];
        let len = self.0.recv(&mut packet).ok()?;
        packet.truncate(len);
        Some((Packet(packet), Sender(&self.0)))
    }

    fn transmit(&mut self, _: DeviceInstant) -> Option<Sender<'_>> {
        Some(Sender(&self.0))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        capabilities
    }
}

struct Packet(Vec<u8>);

impl RxToken for Packet {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

struct Sender<'a>(&'a UnixDatagram);

impl TxToken for Sender<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = vec![0; len];
        let result = f(&mut packet);
        // Full: lost, as on any wire.
        let _ = self.0.send(&packet);
        result
    }
}
