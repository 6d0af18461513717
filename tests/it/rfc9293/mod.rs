//! Is RFC 9293 kept, requirement by requirement?
//!
//! The requirements of its Appendix B, each as a claim that a peer on a cable can check, and the state diagram of its
//! Figure 5, edge by edge. The manual, page rfc9293, says which requirements are met and names these tests.

mod acknowledgements;
mod checksums;
mod closing;
mod failures;
mod icmp;
mod info;
mod numbers;
mod opening;
mod options;
mod page;
mod path_mtu;
mod raw;
mod refusing;
mod sending;
mod states;
mod window;

use std::time::Duration;

use smolsock::addr::Cidr;
use smolsock::{Config, Domain, Errno, Seed, SocketId, Stack, Type};
use smoltcp::phy::Medium;

use crate::wire::{HOST_V4, HOST_V6, Net, Packet, Segment, syn};

type Host = Net<Stack<'static>>;
type Peer = crate::wire::Peer<Stack<'static>>;

/// A host with default settings on a cable that carries bare IP packets.
fn host() -> Host {
    host_with(|_| {})
}

/// [`host`] that sends nothing again before its time-out, although nobody may answer it.
fn patient_host() -> Host {
    host_with(|config| config.tail_loss_probes = false)
}

/// [`host`] whose configuration is changed by `tune`.
fn host_with(tune: impl FnOnce(&mut Config)) -> Host {
    Net::new(Medium::Ip, |cable| {
        let cidr = |addr, prefix_len| Cidr::new(addr, prefix_len).expect("a good prefix length");
        let config = Config::ip(Seed::new([7; 16]).expect("not zero"));
        let mut config = config.address(cidr(HOST_V4.into(), 24)).address(cidr(HOST_V6.into(), 64));
        tune(&mut config);
        Stack::new(config, cable).expect("a good configuration")
    })
}

/// A fresh stream socket.
fn stream(net: &Host) -> SocketId {
    net.host().socket(Domain::Inet, Type::Stream).expect("room for a socket")
}

/// A listener on port 80, with the port that clients speak to.
fn listening(net: &Host) -> (SocketId, Peer) {
    let listener = stream(net);
    net.host().bind(listener, ([0; 4], 80).into()).expect("a free port");
    net.host().listen(listener, 5).expect("a bound socket");
    (listener, net.peer().towards(80))
}

/// A server's end of a connection whose listener is closed again, and the client.
fn open(net: &Host) -> (SocketId, Peer) {
    open_by(net, syn(0).mss(1460))
}

/// The same for a client with a SYN of its own.
fn open_by(net: &Host, syn: Segment) -> (SocketId, Peer) {
    let (listener, mut peer) = listening(net);
    peer.sends(syn);
    peer.expects(crate::wire::syn_ack(0).ack(1));
    peer.sends(crate::wire::ack(1, 1));
    let (socket, _) = net.host().accept(listener).expect("a connection that is open");
    net.host().close(listener).expect("it is open");
    (socket, peer)
}

/// A client that has sent its SYN, and the server that has not answered.
fn connecting(net: &Host) -> (SocketId, Peer) {
    let mut peer = net.peer().port(80);
    let socket = stream(net);
    assert_eq!(net.host().connect(socket, ([192, 0, 2, 2], 80).into()), Err(Errno::EINPROGRESS));
    peer.expects(syn(0));
    (socket, peer)
}

/// The name of a socket's state.
fn state(net: &Host, socket: SocketId) -> &'static str {
    net.host().tcp_state(socket).expect("it is open").rfc_name()
}

/// The states of everything that `netstat` shows, sockets that are closed included.
fn netstat(net: &Host) -> Vec<&'static str> {
    net.host().netstat().rows().filter_map(|row| row.state).map(|state| state.rfc_name()).collect()
}

/// Queues all of `bytes`.
fn send(net: &Host, socket: SocketId, bytes: &[u8]) {
    assert_eq!(net.host().send(socket, bytes), Ok(bytes.len()));
}

/// Everything that can be read now, at most 100,000 bytes.
fn recv(net: &Host, socket: SocketId) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; 100_000];
    let len = net.host().recv(socket, &mut buffer)?;
    buffer.truncate(len);
    Ok(buffer)
}

/// The next segment of the host and when it was sent, if it comes before `time` has passed.
fn takes(peer: &mut Peer, time: Duration) -> Option<(Duration, Segment)> {
    match peer.takes(time)? {
        (at, Packet::Tcp(segment)) => Some((at, segment)),
        (_, other) => panic!("not a segment: {other}"),
    }
}

/// Segments that come without waiting longer than 100 ms for the next.
fn burst(peer: &mut Peer) -> Vec<Segment> {
    std::iter::from_fn(|| takes(peer, millis(100)).map(|(_, segment)| segment)).collect()
}

/// The sequence number after the payload.
fn end_of(segment: &Segment) -> u32 {
    segment.seq + u32::try_from(segment.payload.len()).expect("a segment")
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
