//! Do both keep the port of a connection that ended a moment ago, and give it back to those who ask for it?

use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::OwnedFd;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType};
use smolsock::blocking::Net;
use smolsock::sockopt::SO_REUSEADDR;
use smolsock::{Domain, Type};

use super::agree;
use super::host::{Host, Stream};

#[test]
fn a_port_in_time_wait_is_in_use() {
    agree("TIME-WAIT: EADDRINUSE, and SO_REUSEADDR", |ends| {
        let at = ends.server_at(80);
        let (client, server, listener) = ends.connection(80);
        drop(listener);
        end_first(server, client);
        let error = bind(&ends.server, at, false).expect_err("TIME-WAIT");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        // Another test's child may hold a copy of the listener's descriptor, until it is a program of its own.
        let patience = Instant::now() + Duration::from_secs(60);
        while let Err(error) = bind(&ends.server, at, true) {
            assert!(error.kind() == io::ErrorKind::AddrInUse && Instant::now() < patience, "SO_REUSEADDR: {error}");
            sleep(Duration::from_millis(10));
        }
        // std, and we as it, set the option: the server comes back at once, and is reached.
        let (client, server, _listener) = ends.connection(80);

        let port = client.local_addr().expect("connected");
        end_first(client, server);
        // The option helps only where the connection that ended had it too.
        for reuse_address in [false, true] {
            let error = bind(&ends.client, port, reuse_address).expect_err("TIME-WAIT");
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        }
    });
}

/// Ends a connection in order: `first` has to wait.
fn end_first(mut first: Stream, mut second: Stream) {
    first.shutdown(Shutdown::Write).expect("connected");
    assert_eq!(second.read(&mut [0; 8]).expect("the end"), 0);
    second.shutdown(Shutdown::Write).expect("connected");
    assert_eq!(first.read(&mut [0; 8]).expect("the end"), 0);
}

/// Binds a fresh stream socket, and closes it again.
fn bind(host: &Host, at: SocketAddr, reuse_address: bool) -> io::Result<()> {
    match host {
        Host::Kernel => bind_kernel(at, reuse_address).map(drop),
        Host::Ours(net) => bind_ours(net, at, reuse_address),
    }
}

fn bind_kernel(at: SocketAddr, reuse_address: bool) -> io::Result<OwnedFd> {
    let family = if at.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
    rustix::net::sockopt::set_socket_reuseaddr(&socket, reuse_address)?;
    rustix::net::bind(&socket, &at)?;
    Ok(socket)
}

fn bind_ours(net: &Net, at: SocketAddr, reuse_address: bool) -> io::Result<()> {
    let bound = net.stack(|stack| {
        let socket = stack.socket(if at.is_ipv4() { Domain::Inet } else { Domain::Inet6 }, Type::Stream)?;
        stack.setsockopt(socket, SO_REUSEADDR, reuse_address)?;
        let bound = stack.bind(socket, at);
        stack.close(socket)?;
        bound
    });
    Ok(bound?)
}
