//! Do all socket calls work with no operating system, no heap and no std?
//!
//! Two stacks in one image, joined in memory over Ethernet, make every call that there is. The image has no allocator,
//! so whatever wanted a heap would not link. It prints its size and PASS, or what went wrong.
//!
//! With rustup: `rustup target add thumbv7m-none-eabi`, then `cargo build --release --target thumbv7m-none-eabi` and
//! `qemu-system-arm -M mps2-an385 -nographic -semihosting -kernel target/thumbv7m-none-eabi/release/smolsock-bare`.
#![no_std]
#![no_main]

mod boot;
mod datagrams;
mod lab;
mod packets;
mod semihosting;
mod streams;
mod wire;

use lab::Lab;
use semihosting::{print, print_number};
use smolsock::{Errno, Stack, Storage};

/// 8 sockets, of which 4 connections with 1 KiB each way and 2 UDP sockets with 2,048 bytes each way.
type Memory<'a> = Storage<'a, 8, 4, 2, 1024, 2048>;

/// Half of the sockets are connections with 1 KiB each way, and a quarter UDP sockets with 512 bytes each way.
type Four<'a> = Storage<'a, 4, 2, 1, 1024, 512>;
type Sixteen<'a> = Storage<'a, 16, 8, 4, 1024, 512>;

/// All that is to be shown; the error says what failed.
fn run() -> Result<(), &'static str> {
    let (mut for_client, mut for_server) = (Memory::new(), Memory::new());
    let mut lab = Lab::new(&mut for_client, &mut for_server)?;
    datagrams::run(&mut lab)?;
    print("datagrams: ok\n");
    packets::run(&mut lab)?;
    print("groups, ping and raw sockets: ok\n");
    streams::run(&mut lab)?;
    print("streams: ok\n");
    views(&lab)?;
    for (what, bytes) in [
        ("static memory for 4 sockets ", size_of::<Four<'_>>() + size_of::<Stack<'_>>()),
        ("static memory for 16 sockets ", size_of::<Sixteen<'_>>() + size_of::<Stack<'_>>()),
        ("of which the stack itself ", size_of::<Stack<'_>>()),
    ] {
        print(what);
        print_number(bytes);
        print(" bytes\n");
    }
    Ok(())
}

fn views(lab: &Lab<'_>) -> Result<(), &'static str> {
    holds("a line for the connection in TIME-WAIT", lab.client.netstat().rows().count() > 0)?;
    holds("a neighbour", lab.client.arp().entries().count() > 0)?;
    holds("frames are counted", lab.client.counters().frames_in > 0)?;
    holds("time has passed", lab.client.next_step().is_some_and(|at| at > lab.client.now()))
}

/// A call that must succeed.
fn done<T>(what: &'static str, result: Result<T, Errno>) -> Result<T, &'static str> {
    result.map_err(|_| what)
}

/// A claim.
fn holds(what: &'static str, is_true: bool) -> Result<(), &'static str> {
    if is_true { Ok(()) } else { Err(what) }
}
