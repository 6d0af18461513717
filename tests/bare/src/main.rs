//! Do sockets work with no operating system, no heap and no std?
//!
//! Two stacks in one image, joined in memory over Ethernet: UDP echo, then TCP echo with a close from both ends. The image
//! has no allocator, so whatever wanted a heap would not link. It prints its size and PASS, or what went wrong.
//!
//! With rustup: `rustup target add thumbv7m-none-eabi`, then `cargo build --release --target thumbv7m-none-eabi` and
//! `qemu-system-arm -M mps2-an385 -nographic -semihosting -kernel target/thumbv7m-none-eabi/release/smolsock-bare`.
#![no_std]
#![no_main]

mod boot;
mod semihosting;
mod wire;

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::panic::PanicInfo;

use semihosting::{End, exit, print, print_number};
use smolsock::addr::{Cidr, MacAddr};
use smolsock::time::{Duration, Instant};
use smolsock::{Config, Domain, Errno, Seed, SocketId, Stack, Step, Storage, Type};
use wire::{Lane, Port};

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
const ECHO: SocketAddr = SocketAddr::new(SERVER, 7);
/// More than one segment and more than one window.
const STREAM_BYTES: usize = 5_000;
/// Turns of 1 ms after which a wait has failed.
const TURNS_MAX: usize = 10_000;

/// 4 sockets, of which 2 connections with 1 KiB each way and 1 UDP socket with 512 bytes each way.
type Memory<'a> = Storage<'a, 4, 2, 1, 1024, 512>;

/// Two hosts and the cable between them.
struct Lab<'a> {
    client: Stack<'a>,
    server: Stack<'a>,
    to_client: Lane,
    to_server: Lane,
    now: Instant,
}

impl Lab<'_> {
    /// Lets a millisecond pass.
    fn turn(&mut self) {
        self.now = self.now + Duration::from_millis(1);
        let mut port = Port { rx: &mut self.to_client, tx: &mut self.to_server };
        while self.client.step(self.now, &mut port) == Step::More {}
        let mut port = Port { rx: &mut self.to_server, tx: &mut self.to_client };
        while self.server.step(self.now, &mut port) == Step::More {}
    }

    /// Repeats a call that does not block until it has something to say.
    fn wait<T>(
        &mut self,
        what: &'static str,
        mut call: impl FnMut(&mut Self) -> Result<T, Errno>,
    ) -> Result<T, &'static str> {
        for _ in 0..TURNS_MAX {
            match call(self) {
                Ok(result) => return Ok(result),
                Err(Errno::EAGAIN | Errno::EINPROGRESS | Errno::EALREADY) => self.turn(),
                Err(_) => return Err(what),
            }
        }
        Err(what)
    }
}

/// All that is to be shown; the error says what failed.
fn run() -> Result<(), &'static str> {
    let (mut client_memory, mut server_memory) = (Memory::new(), Memory::new());
    let (mut to_client, mut to_server) = (Lane::new(), Lane::new());
    let client_port = Port { rx: &mut to_client, tx: &mut to_server };
    let client = new_stack(CLIENT, 1, &client_port, &mut client_memory)?;
    let server = new_stack(SERVER, 2, &client_port, &mut server_memory)?;
    let mut lab = Lab { client, server, to_client, to_server, now: Instant::ZERO };
    udp_echo(&mut lab)?;
    print("UDP echo: ok\n");
    tcp_echo(&mut lab)?;
    print("TCP echo: ok\n");
    print("storage of each stack ");
    print_number(size_of::<Memory<'_>>());
    print(" bytes, stack ");
    print_number(size_of::<Stack<'_>>());
    print(" bytes\n");
    Ok(())
}

fn new_stack<'a>(
    address: IpAddr,
    host: u8,
    port: &Port<'_>,
    memory: &'a mut Memory<'a>,
) -> Result<Stack<'a>, &'static str> {
    let seed = Seed::new([host; 16]).map_err(|_| "the seed is not all zero")?;
    let cidr = Cidr::new(address, 24).map_err(|_| "24 bits fit in 32")?;
    let config = Config::ethernet(MacAddr([2, 0, 0, 0, 0, host]), seed).address(cidr);
    Stack::with_storage(config, port, memory).map_err(|_| "a stack in the caller's storage")
}

fn udp_echo(lab: &mut Lab<'_>) -> Result<(), &'static str> {
    let server = bound(&mut lab.server, Type::Datagram)?;
    let client = lab.client.socket(Domain::Inet, Type::Datagram).map_err(|_| "a UDP socket")?;
    let mut buffer = [0; 64];
    lab.wait("send_to", |lab| lab.client.send_to(client, b"datagram", ECHO))?;
    let request = lab.wait("recv_from at the server", |lab| lab.server.recv_from(server, &mut buffer))?;
    lab.wait("send_to at the server", |lab| lab.server.send_to(server, &buffer[..request.len], request.remote))?;
    let reply = lab.wait("recv_from", |lab| lab.client.recv_from(client, &mut buffer))?;
    if &buffer[..reply.len] != b"datagram" || reply.remote != ECHO {
        return Err("the datagram came back changed");
    }
    lab.client.close(client).map_err(|_| "close of a UDP socket")?;
    lab.server.close(server).map_err(|_| "close of a UDP socket")
}

fn tcp_echo(lab: &mut Lab<'_>) -> Result<(), &'static str> {
    let listener = bound(&mut lab.server, Type::Stream)?;
    lab.server.listen(listener, 1).map_err(|_| "listen")?;
    let client = lab.client.socket(Domain::Inet, Type::Stream).map_err(|_| "a TCP socket")?;
    lab.wait("connect", |lab| lab.client.connect(client, ECHO))?;
    let (server, _) = lab.wait("accept", |lab| lab.server.accept(listener))?;
    let mut buffer = [0; 256];
    let (mut sent, mut echoed, mut received) = (0, 0, 0);
    while received < STREAM_BYTES {
        let mut piece = [0; 256];
        for (index, byte) in piece.iter_mut().enumerate() {
            *byte = pattern(sent + index);
        }
        let len = piece.len().min(STREAM_BYTES - sent);
        if len > 0 {
            sent += lab.wait("send", |lab| lab.client.send(client, &piece[..len]))?;
        }
        let got = lab.wait("recv at the server", |lab| lab.server.recv(server, &mut buffer))?;
        let mut back = &buffer[..got];
        while !back.is_empty() {
            let taken = lab.wait("send at the server", |lab| lab.server.send(server, back))?;
            back = &back[taken..];
        }
        echoed += got;
        while received < echoed {
            let got = lab.wait("recv", |lab| lab.client.recv(client, &mut buffer))?;
            if buffer[..got].iter().enumerate().any(|(index, byte)| *byte != pattern(received + index)) {
                return Err("the stream came back changed");
            }
            received += got;
        }
    }
    lab.client.close(client).map_err(|_| "close")?;
    match lab.wait("end of stream", |lab| lab.server.recv(server, &mut buffer))? {
        0 => {}
        _ => return Err("bytes after the end of the stream"),
    }
    lab.server.close(server).map_err(|_| "close at the server")?;
    (0..100).for_each(|_| lab.turn());
    if lab.server.netstat().rows().count() == 1 { Ok(()) } else { Err("only the listener is left at the server") }
}

fn bound(server: &mut Stack<'_>, kind: Type) -> Result<SocketId, &'static str> {
    let socket = server.socket(Domain::Inet, kind).map_err(|_| "a socket at the server")?;
    server.bind(socket, ECHO).map_err(|_| "bind")?;
    Ok(socket)
}

/// A period that divides no buffer.
fn pattern(index: usize) -> u8 {
    (index % 251) as u8
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    print("FAIL: panic");
    if let Some(place) = info.location() {
        print(" at ");
        print(place.file());
        print(":");
        print_number(place.line() as usize);
    }
    print("\n");
    exit(End::Fail)
}
