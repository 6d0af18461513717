//! How small is an image that echoes?
//!
//! Two stacks, joined in memory over Ethernet: UDP echo, then TCP echo with a close from both ends, and no other call.
#![no_std]
#![no_main]

mod boot;
mod lab;
mod semihosting;
mod wire;

use lab::{ECHO, Lab};
use semihosting::print;
use smolsock::{Domain, SocketId, Stack, Storage, Type};

/// More than one segment and more than one window.
const STREAM_BYTES: usize = 5_000;

/// 4 sockets, of which 2 connections with 1 KiB each way and 1 UDP socket with 512 bytes each way.
type Memory<'a> = Storage<'a, 4, 2, 1, 1024, 512>;

/// All that is to be shown; the error says what failed.
fn run() -> Result<(), &'static str> {
    let (mut for_client, mut for_server) = (Memory::new(), Memory::new());
    let mut lab = Lab::new(&mut for_client, &mut for_server)?;
    udp_echo(&mut lab)?;
    print("UDP echo: ok\n");
    tcp_echo(&mut lab)?;
    print("TCP echo: ok\n");
    Ok(())
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
