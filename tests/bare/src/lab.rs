//! Which two hosts talk to each other?

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::panic::PanicInfo;

use smolsock::addr::{Cidr, MacAddr};
use smolsock::time::{Duration, Instant};
use smolsock::{Config, Errno, Seed, Stack, Step, Storage};

use crate::semihosting::{End, exit, print, print_number};
use crate::wire::{Lane, Port};

/// The client.
pub const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// The server.
pub const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
const CLIENT6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
/// The server over IPv6.
pub const SERVER6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2));
/// Where the server echoes.
pub const ECHO: SocketAddr = SocketAddr::new(SERVER, 7);
/// Turns of 1 ms after which a wait has failed.
const TURNS_MAX: usize = 10_000;

/// Two hosts and the cable between them.
pub struct Lab<'a> {
    pub client: Stack<'a>,
    pub server: Stack<'a>,
    to_client: Lane,
    to_server: Lane,
    now: Instant,
}

impl<'a> Lab<'a> {
    /// Two hosts in the memory that each is given.
    pub fn new<const S: usize, const T: usize, const U: usize, const TB: usize, const UB: usize>(
        for_client: &'a mut Storage<'a, S, T, U, TB, UB>,
        for_server: &'a mut Storage<'a, S, T, U, TB, UB>,
    ) -> Result<Self, &'static str> {
        let (mut to_client, mut to_server) = (Lane::new(), Lane::new());
        let port = Port { rx: &mut to_client, tx: &mut to_server };
        let client = new_stack([CLIENT, CLIENT6], 1, &port, for_client)?;
        let server = new_stack([SERVER, SERVER6], 2, &port, for_server)?;
        Ok(Lab { client, server, to_client, to_server, now: Instant::ZERO })
    }

    /// Lets a millisecond pass.
    pub fn turn(&mut self) {
        self.now = self.now + Duration::from_millis(1);
        let mut port = Port { rx: &mut self.to_client, tx: &mut self.to_server };
        while self.client.step(self.now, &mut port) == Step::More {}
        let mut port = Port { rx: &mut self.to_server, tx: &mut self.to_client };
        while self.server.step(self.now, &mut port) == Step::More {}
    }

    /// Repeats a call that does not block until it has something to say.
    pub fn wait<T>(
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

fn new_stack<'a, const S: usize, const T: usize, const U: usize, const TB: usize, const UB: usize>(
    [v4, v6]: [IpAddr; 2],
    host: u8,
    port: &Port<'_>,
    memory: &'a mut Storage<'a, S, T, U, TB, UB>,
) -> Result<Stack<'a>, &'static str> {
    let seed = Seed::new([host; 16]).map_err(|_| "the seed is not all zero")?;
    let v4 = Cidr::new(v4, 24).map_err(|_| "24 bits fit in 32")?;
    let v6 = Cidr::new(v6, 64).map_err(|_| "64 bits fit in 128")?;
    let config = Config::ethernet(MacAddr([2, 0, 0, 0, 0, host]), seed).address(v4).address(v6);
    Stack::with_storage(config, port, memory).map_err(|_| "a stack in the caller's storage")
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
