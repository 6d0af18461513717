//! How is smoltcp's UDP driven? (The only file that calls it.)

use core::net::{IpAddr, SocketAddr};

use managed::ManagedSlice;
use smoltcp::iface::{SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::udp::{PacketBuffer, PacketMetadata, Socket, UdpMetadata};
use smoltcp::wire::IpListenEndpoint;

use super::Envelope;
use crate::addr::{from_endpoint, from_ip, to_endpoint, to_ip};

/// One smoltcp socket for all of ours: smoltcp builds and checks the packets, each of our sockets has
/// its own queues. So one datagram can reach many sockets, an overflow is counted, a datagram that
/// waits for its neighbour holds up nobody else, and a socket costs no engine.
#[derive(Debug)]
pub(crate) struct Engine<'a> {
    set: SocketSet<'a>,
    handle: SocketHandle,
}

/// Memory for the one datagram in each direction.
pub(crate) type Entry = PacketMetadata;

impl<'a> Engine<'a> {
    /// `place` holds one socket, each entry slice one entry; the byte slices bound the datagrams.
    pub(crate) fn new(
        place: ManagedSlice<'a, SocketStorage<'a>>,
        recv: (ManagedSlice<'a, Entry>, ManagedSlice<'a, u8>),
        send: (ManagedSlice<'a, Entry>, ManagedSlice<'a, u8>),
    ) -> Self {
        let mut set = SocketSet::new(place);
        let handle = set.add(Socket::new(PacketBuffer::new(recv.0, recv.1), PacketBuffer::new(send.0, send.1)));
        Self { set, handle }
    }

    /// What the interface is handed together with a datagram or for egress.
    pub(crate) fn set(&mut self) -> &mut SocketSet<'a> {
        &mut self.set
    }

    /// The largest payload in bytes that can pass.
    pub(crate) fn payload_max(&self) -> usize {
        let socket = self.set.get::<Socket<'a>>(self.handle);
        socket.payload_send_capacity().min(socket.payload_recv_capacity())
    }

    /// Makes ready to receive one datagram for `port`, which is not 0.
    pub(crate) fn expect(&mut self, port: u16) {
        self.bind(port);
    }

    /// The datagram that was received, if smoltcp found it good.
    pub(crate) fn received(&mut self) -> Option<(Envelope, &[u8])> {
        let socket = self.set.get_mut::<Socket<'a>>(self.handle);
        let (data, metadata) = socket.recv().ok()?;
        let (remote, local) = (from_endpoint(metadata.endpoint), from_ip(metadata.local_address?));
        // smoltcp tells neither.
        let envelope = Envelope { remote, local, ttl: None, tos: 0 };
        Some((envelope, data))
    }

    /// Makes ready to send one datagram. `false`: it can never be sent.
    pub(crate) fn load(&mut self, local: SocketAddr, remote: SocketAddr, data: &[u8]) -> bool {
        self.bind(local.port());
        let metadata = UdpMetadata {
            endpoint: to_endpoint(remote),
            local_address: concrete(local.ip()),
            meta: Default::default(),
        };
        self.set.get_mut::<Socket<'a>>(self.handle).send_slice(data, metadata).is_ok()
    }

    /// Whether the datagram that was loaded is out.
    pub(crate) fn has_sent(&self) -> bool {
        self.set.get::<Socket<'a>>(self.handle).can_send()
    }

    fn bind(&mut self, port: u16) {
        let socket = self.set.get_mut::<Socket<'a>>(self.handle);
        socket.close();
        let bound = socket.bind(IpListenEndpoint { addr: None, port });
        debug_assert!(bound.is_ok(), "ports are checked where they are chosen");
    }
}

fn concrete(addr: IpAddr) -> Option<smoltcp::wire::IpAddress> {
    (!addr.is_unspecified()).then(|| to_ip(addr))
}
