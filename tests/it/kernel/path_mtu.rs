//! What happens when a link on the way carries less than the first one?
//!
//! The kernel at our TAP interface is a router: behind it, over a link of 1,280 bytes, is another namespace with the server.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use rustix::thread::LinkNameSpaceType;
use smolsock::Errno;
use smolsock::blocking::{TcpStream, UdpSocket};
use smolsock::sockopt::IP_MTU;

use super::space::{Link, Space, ip, set, until_addresses_are_good};
use super::{say, skip};

#[test]
fn segments_shrink_to_what_the_way_carries() {
    let what = "path MTU 1,280 behind a link of 1,500";
    let run = |has_offload: bool, is_ipv4: bool| {
        thread::spawn(move || -> Result<(), String> {
            // The router and our stack stay in the first namespace; its files are the way back there.
            let (_space, net) = Space::new(Link { mtu: 1500, has_offload })?;
            let router = here()?;
            let server = thread::spawn({
                let router = router.as_raw_fd();
                move || far_network(router).map(|()| bind_servers())
            });
            let (listener, udp) = server.join().expect("no panic")?;
            let at = |port| match is_ipv4 {
                true => SocketAddr::from(([198, 18, 0, 2], port)),
                false => SocketAddr::from(([0x2001, 0xdb8, 1, 0, 0, 0, 0, 2], port)),
            };
            let other = |port| match is_ipv4 {
                true => SocketAddr::from(([198, 18, 0, 3], port)),
                false => SocketAddr::from(([0x2001, 0xdb8, 1, 0, 0, 0, 0, 3], port)),
            };
            let served = thread::spawn(move || {
                let (mut stream, _) = listener.accept().expect("the client");
                let mut all = Vec::new();
                stream.read_to_end(&mut all).expect("the end comes");
                stream.write_all(&all[..1_000]).expect("room");
                all.len()
            });
            // Nothing is known of the way to the other address yet. The first datagram is too long for it, and says so later (EMSGSIZE).
            let socket = UdpSocket::bind_on(&net, if is_ipv4 { "0.0.0.0:0" } else { "[::]:0" }).expect("a free port");
            socket.connect(other(9)).expect("an address");
            socket.send(&[9; 1_400]).expect("room");
            socket.set_read_timeout(Some(LONG)).expect("not zero");
            let told = socket.recv(&mut [0; 16]).expect_err("nobody answers");
            assert_eq!(told.raw_os_error(), Some(Errno::EMSGSIZE.number()), "{told}");
            socket.send(&[9; 1_400]).expect("in pieces");
            udp.set_read_timeout(Some(LONG)).expect("not zero");
            let mut buffer = [0; 2_000];
            assert_eq!(udp.recv(&mut buffer).expect("whole"), 1_400);

            let mut client = TcpStream::connect_on(&net, at(80)).expect("a listener");
            client.write_all(&vec![7; 1 << 20]).expect("room");
            client.shutdown(Shutdown::Write).expect("connected");
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).expect("the end comes");
            assert_eq!((served.join().expect("no panic"), answer.len()), (1 << 20, 1_000));

            // The way is known now: datagrams that it does not carry are cut.
            let socket = UdpSocket::bind_on(&net, if is_ipv4 { "0.0.0.0:0" } else { "[::]:0" }).expect("a free port");
            socket.connect(at(9)).expect("an address");
            if is_ipv4 {
                assert_eq!(net.stack(|stack| stack.getsockopt(socket.id(), IP_MTU)), Ok(1_280));
            }
            socket.send(&[9; 1_400]).expect("room");
            assert_eq!(udp.recv(&mut buffer).expect("whole"), 1_400);
            Ok(())
        })
    };
    let variants = [(true, true), (true, false), (false, true), (false, false)];
    let threads = variants.map(|(has_offload, is_ipv4)| run(has_offload, is_ipv4));
    let mut agreed = 0;
    for ((has_offload, is_ipv4), thread) in variants.into_iter().zip(threads) {
        match thread.join() {
            Ok(Ok(())) => agreed += 1,
            Ok(Err(why)) => return skip(what, &why),
            Err(_) => panic!("{what}: offloads: {has_offload}, IPv4: {is_ipv4}: see the panic above"),
        }
    }
    say(&format!("the kernel and smolsock agree over TAP in {agreed} trials: {what}"));
}

/// Makes a namespace for this thread, with a link to the router. The far end's link says 1,500, so that its SYN does; the
/// router's carries 1,280.
fn far_network(router: i32) -> Result<(), String> {
    let router_ns = format!("/proc/{}/fd/{router}", std::process::id());
    let router_file = File::open(&router_ns).map_err(|error| format!("{router_ns}: {error}"))?;
    unshare(CloneFlags::CLONE_NEWNET).map_err(|error| format!("no right to make a network: {error}"))?;
    ip(&format!("link add f0 type veth peer name r0 netns {router_ns}"))?;
    set("net/ipv6/conf/f0/accept_dad", "0")?;
    for words in [
        "link set lo up",
        "link set f0 mtu 1500 up",
        "addr add 198.18.0.2/24 dev f0",
        "addr add 198.18.0.3/24 dev f0",
        "addr add 2001:db8:1::2/64 dev f0 nodad",
        "addr add 2001:db8:1::3/64 dev f0 nodad",
        "route add default via 198.18.0.1",
        "-6 route add default via 2001:db8:1::1",
    ] {
        ip(words)?;
    }
    until_addresses_are_good()?;
    let far = here()?;
    enter(&router_file);
    set("net/ipv4/ip_forward", "1")?;
    set("net/ipv6/conf/all/forwarding", "1")?;
    set("net/ipv6/conf/r0/accept_dad", "0")?;
    for words in ["link set r0 mtu 1280 up", "addr add 198.18.0.1/24 dev r0", "addr add 2001:db8:1::1/64 dev r0 nodad"]
    {
        ip(words)?;
    }
    until_addresses_are_good()?;
    enter(&far);
    Ok(())
}

/// Kernel sockets of this thread's namespace, for both address families.
fn bind_servers() -> (std::net::TcpListener, std::net::UdpSocket) {
    let listener = std::net::TcpListener::bind("[::]:80").expect("a free port");
    (listener, std::net::UdpSocket::bind("[::]:9").expect("a free port"))
}

/// The namespace that this thread is in.
fn here() -> Result<File, String> {
    File::open("/proc/thread-self/ns/net").map_err(|error| format!("the namespace cannot be opened: {error}"))
}

fn enter(space: &File) {
    let entered = rustix::thread::move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network));
    entered.expect("a namespace that this test made");
}

/// Longer than anything takes that is to happen.
const LONG: Duration = Duration::from_secs(60);
